"""Types what a layout may say: how the files of an export become input tables. A layout is data and never code.

Does not read files (see `layouts.records`), build SQL (see `layouts.mapping`) or find layouts (see `layouts.library`).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from acquisition_assets.core.policy import Section, Text
from acquisition_assets.inputs.tables import INPUTS, Cell, InputTable

ISO = "iso"
UNITS = ("epoch_s", "epoch_ms", "excel")
DIRECTIVES = re.compile(r"%-?[dmyYHIMSfpzbBaAjT]|%%")
LONGEST_TEXT = 200
"""Characters of a name, a pattern or a constant in a layout."""
MOST_PATTERNS = 16
MOST_WORDS = 2_000
MOST_STARS = 6
"""Stars in a pattern of file names: each more makes a name that does not match slower to refuse."""
PATH = re.compile(r"\$(?:\.[A-Za-z_][\w-]*|\.\"[^\"\\]+\"|\[\d{1,6}\])*")
PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
LEAD_COLUMN = {"aliases": "lead_id"}
"""The column that `lead` fills in tables that do not say it themselves."""


def plain_name(name: str) -> str:
    """Return the name of a column as names are compared: in lower case, without edge blanks and marks."""
    return re.sub(r"[\s\ufeff]+", " ", name).strip().lower()


def _short(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"must be at most {LONGEST_TEXT} characters long")
    return text


def _as_text(value: object) -> object:
    """Return a number or a truth value of YAML as the text that cells are compared with."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else value


def _as_list(value: object) -> object:
    if isinstance(value, (list, tuple)):
        return tuple(_as_text(each) for each in value)
    return value if value is None else (_as_text(value),)


def _name(text: str) -> str:
    if not plain_name(text):
        raise ValueError("must name a column")
    if text.startswith("$") and not PATH.fullmatch(text):
        raise ValueError('must be a path such as $.contact.email, $.items[0].id or $."key with blanks"')
    return text


def _item(text: str) -> str:
    if not text.startswith("$."):
        raise ValueError("must be true, or a path inside the item such as $.timestamp")
    return _name(_short(text))


def _pattern(text: str) -> str:
    if re.search(r"[/\\\x00]|\.\.", text):
        raise ValueError("must be a pattern of file names, such as *.csv: files outside the folder are not read")
    if text.count("*") > MOST_STARS:
        raise ValueError(f"must have at most {MOST_STARS} stars")
    return text


def _time(text: str) -> str:
    if text == ISO or text in UNITS:
        return text
    rest = DIRECTIVES.sub("", text)
    if "%" in rest:
        raise ValueError(f"has the directive {rest[rest.index('%') :][:2]!r}, which is not read")
    found = set(re.findall(r"%-?([A-Za-z])", text))
    if not (found & set("yY") and ("j" in found or ("d" in found and found & set("mbB")))):
        known = ", ".join((ISO, *UNITS))
        raise ValueError(f"must be {known}, or a pattern with day, month and year such as %d/%m/%Y %H:%M")
    if re.search(r"%-?([A-Za-z]).*%-?\1", text):
        raise ValueError("names one directive twice")
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except Exception:
        raise ValueError("must be an IANA time zone, such as Europe/Madrid") from None
    return name


def _encoding(name: str) -> str:
    try:
        found = codecs.lookup(name).name
        "".encode(found)
    except (LookupError, ValueError):
        raise ValueError("must be an encoding of text, such as windows-1252") from None
    return found


def _conditions(value: object) -> object:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


ShortText = Annotated[str, BeforeValidator(_as_text), AfterValidator(_short)]
Name = Annotated[str, AfterValidator(_short), AfterValidator(_name)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_as_list)]
Texts = Annotated[tuple[ShortText, ...], BeforeValidator(_as_list)]
Pattern = Annotated[str, AfterValidator(_short), AfterValidator(_pattern)]
Time = Annotated[str, AfterValidator(_short), AfterValidator(_time)]
Times = Annotated[tuple[Time, ...], BeforeValidator(_as_list), Field(min_length=1, max_length=MOST_PATTERNS)]


class Grammar(Section):
    """A part of a layout: unknown keys are refused, and a key may be a word of Python."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class Condition(Grammar):
    """What must hold of one column of a record: one of `equals`, `in`, `is` and `same_as`.

    Words are compared without case. `same_as` names another column, which must hold the same.
    """

    column: Name
    equals: ShortText | None = None
    among: Texts | None = Field(None, alias="in")
    has: Literal["there", "missing"] | None = Field(None, alias="is")
    same_as: Name | None = None

    @model_validator(mode="after")
    def _one(self) -> Condition:
        if sum(each is not None for each in (self.equals, self.among, self.has, self.same_as)) != 1:
            raise ValueError("must have exactly one of equals, in, is and same_as")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that the condition looks at."""
        return (self.column, self.same_as) if self.same_as else (self.column,)


Conditions = Annotated[tuple[Condition, ...], BeforeValidator(_conditions)]


class Split(Grammar):
    """One part of a cell: the one with this number, counted from 1, or from the end where negative."""

    by: Annotated[ShortText, Field(min_length=1)]
    take: Annotated[int, Field(ge=-1000, le=1000)] = 1

    @model_validator(mode="after")
    def _counted(self) -> Split:
        if not self.take:
            raise ValueError("take counts from 1, or from the end with -1")
        return self


class Value(Grammar):
    """Where one canonical column comes from: exactly one of `from`, `constant`, `text` and `item`, then how it is read.

    Attributes:
        columns: a column or JSON path, or several: the first that is not missing counts.
        text: text with {placeholders} that name columns; missing where one of them is.
        item: the item of `each` (true), or what it has at a JSON path.
        words: what each word of the cell means; other words stay, or become `otherwise`.
        time: how times are written; of several ways the first that fits counts.
        divide_by: how many of the export's units make one, such as 1000000 for amounts in micros.
        when: without it the value is missing.
    """

    columns: Names = Field((), alias="from")
    constant: ShortText | None = None
    text: ShortText | None = None
    item: Literal[True] | Annotated[str, AfterValidator(_item)] | None = None
    words: dict[str, ShortText] | None = Field(None, max_length=MOST_WORDS)
    otherwise: ShortText | None = None
    time: Times | None = None
    split: Split | None = None
    strip_prefix: Texts = ()
    divide_by: Annotated[int, Field(ge=2, le=1_000_000_000)] | None = None
    when: Conditions = ()

    @model_validator(mode="after")
    def _one_origin(self) -> Value:
        if sum((bool(self.columns), self.constant is not None, self.text is not None, self.item is not None)) != 1:
            raise ValueError("must have exactly one of from, constant, text and item")
        if self.otherwise is not None and self.words is None:
            raise ValueError("has otherwise without words")
        if self.text is not None:
            if not self.placeholders or re.search(r"[{}]", PLACEHOLDER.sub("", self.text)):
                raise ValueError("text must name columns in braces, such as '{campaign}-{email}'")
            for name in self.placeholders:
                _name(name)
        return self

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The columns that a text names."""
        return tuple(PLACEHOLDER.findall(self.text or ""))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that the value itself is made of."""
        return self.columns + self.placeholders


def _values(given: object) -> object:
    def one(value: object) -> object:
        return {"from": (value,)} if isinstance(value, str) else value

    return tuple(map(one, given)) if isinstance(given, (list, tuple)) else (one(given),)


Values = Annotated[tuple[Value, ...], BeforeValidator(_values), Field(min_length=1, max_length=MOST_PATTERNS)]


class Lead(Grammar):
    """How a record names its lead: by its id, or by its e-mail address, which is looked up among the folder's leads.

    item: whether it is the item of `each`.
    create_leads: whether an address that no lead has becomes a lead, created at its first record.
    """

    by: Literal["id", "email"]
    columns: Names = Field((), alias="from")
    item: Literal[True] | None = None
    create_leads: bool = False

    @model_validator(mode="after")
    def _addresses(self) -> Lead:
        if bool(self.columns) == bool(self.item):
            raise ValueError("must have exactly one of from and item")
        if self.create_leads and self.by != "email":
            raise ValueError("create_leads needs by: email")
        return self


class Each(Grammar):
    """A cell that holds several items that give a row each: text with a separator, or a JSON array."""

    columns: Names = Field(alias="from", min_length=1)
    split: Annotated[ShortText, Field(min_length=1)] | None = None


class Rows(Grammar):
    """One mapping of a table: the records that it speaks of, and where each canonical column comes from."""

    columns: dict[str, Values]
    when: Conditions = ()
    lead: Lead | None = None
    each: Each | None = None

    def values(self) -> Iterator[tuple[str, Value]]:
        """Yield the values of each canonical column, the first that counts first."""
        for column, values in self.columns.items():
            yield from ((column, value) for value in values)

    @property
    def names(self) -> tuple[str, ...]:
        """Every column or path of the export that the mapping names."""
        found = [name for _, value in self.values() for name in value.names]
        found += [name for _, value in self.values() for each in value.when for name in each.names]
        found += [name for each in self.when for name in each.names]
        found += [*(self.lead.columns if self.lead else ()), *(self.each.columns if self.each else ())]
        return tuple(dict.fromkeys(found))


def _mappings(given: object) -> object:
    return tuple(given) if isinstance(given, (list, tuple)) else (given,)


class Records(Grammar):
    """Where the records of a file are: for JSON the path of their array and of envelopes, for .xlsx the sheet."""

    at: Annotated[str, AfterValidator(_name)] | None = None
    unwrap: Names = ()
    sheet: ShortText | None = None

    @model_validator(mode="after")
    def _paths(self) -> Records:
        for path in (*([self.at] if self.at else []), *self.unwrap):
            if not path.startswith("$."):
                raise ValueError("at and unwrap are paths such as $.events")
        if self.at and "[" in self.at:
            raise ValueError("at is a path of keys, such as $.data.events")
        return self


class Unsupported(Grammar):
    """An export that looks alike and cannot be used, with what to export instead."""

    title: Text
    recognised_by: Names = Field(min_length=1)
    instead: Text


class Layout(Grammar):
    """How the files of one export become input tables; without tables, only how the folder's files are written.

    Attributes:
        headers: other names of a column, such as those of other languages.
        recognised_by: columns that must all be there; a layout without it takes every file that its patterns name.
    """

    name: Annotated[str, AfterValidator(_short), Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: Text
    documentation: tuple[Annotated[str, Field(pattern=r"^https://\S+$")], ...] | None = None
    timezone: Annotated[str, AfterValidator(_zone)] | None = None
    encoding: Annotated[str, AfterValidator(_encoding)] | None = None
    decimal: Literal[".", ","] = "."
    files: Annotated[tuple[Pattern, ...], BeforeValidator(_as_list), Field(min_length=1, max_length=100)] = ("*",)
    recognised_by: Names = ()
    headers: dict[str, Names] = Field(default_factory=dict)
    records: Records = Records()
    tables: dict[str, Annotated[tuple[Rows, ...], BeforeValidator(_mappings), Field(min_length=1, max_length=100)]] = (
        Field(default_factory=dict)
    )
    unsupported: Annotated[tuple[Unsupported, ...], BeforeValidator(_mappings)] = ()

    @model_validator(mode="before")
    @classmethod
    def _pages(cls, given: Any) -> Any:
        if isinstance(given, dict) and "documentation" in given:
            return {**given, "documentation": _as_list(given["documentation"])}
        return given

    @model_validator(mode="after")
    def _is_complete(self) -> Layout:
        for table, mappings in self.tables.items():
            if table not in INPUTS:
                raise ValueError(f"tables: there is no input table {table!r}; there are {', '.join(INPUTS)}")
            for number, mapping in enumerate(mappings, start=1):
                place = f"tables.{table}{f' (mapping {number})' if len(mappings) > 1 else ''}"
                _require_columns(place, INPUTS[table], mapping)
        if self.tables and self.files == ("*",) and not self.recognised_by:
            raise ValueError("must have files or recognised_by, or it would claim every file")
        return self

    def alternatives(self, name: str) -> tuple[str, ...]:
        """Return every name that a column may have, as names are compared; a path is itself."""
        if name.startswith("$"):
            return (name,)
        others = next((found for key, found in self.headers.items() if plain_name(key) == plain_name(name)), ())
        return tuple(dict.fromkeys(map(plain_name, (name, *others))))

    @property
    def known_names(self) -> set[str]:
        """Every name that a column of the layout may have, as names are compared."""
        return {each for name in self.names for each in self.alternatives(name)}

    @property
    def names(self) -> tuple[str, ...]:
        """Every column or path of the export that the layout names."""
        mapped = [name for mappings in self.tables.values() for rows in mappings for name in rows.names]
        return tuple(dict.fromkeys([*self.recognised_by, *mapped]))


def lead_column(table: InputTable) -> str | None:
    """Return the column that a mapping's `lead` fills; None for a table whose rows name no lead."""
    return table.lead or LEAD_COLUMN.get(table.name)


def _require_columns(place: str, table: InputTable, mapping: Rows) -> None:
    known = [column.name for column in table.columns]
    unknown = [name for name in mapping.columns if name not in known]
    if unknown:
        raise ValueError(f"{place}: {table.name} has no column {unknown[0]!r}; it has {', '.join(known)}")
    given = set(mapping.columns)
    if mapping.lead is not None:
        column = lead_column(table)
        if column is None:
            raise ValueError(f"{place}: rows of {table.name} name no lead; remove lead")
        if column in given:
            raise ValueError(f"{place}: {column} is given by columns and by lead; keep one of them")
        given.add(column)
        if mapping.lead.item and mapping.each is None:
            raise ValueError(f"{place}.lead: item needs each")
    missing = [name for name in table.required if name not in given]
    if missing:
        raise ValueError(f"{place}: nothing gives the required column {', '.join(missing)}")
    for name, value in mapping.values():
        if value.time is not None and table.column(name).cell is not Cell.INSTANT:
            raise ValueError(f"{place}.{name}: time is for columns that hold times")
        if value.divide_by is not None and table.column(name).cell is not Cell.NUMBER:
            raise ValueError(f"{place}.{name}: divide_by is for columns that hold numbers")
        if value.item and mapping.each is None:
            raise ValueError(f"{place}.{name}: item needs each")
