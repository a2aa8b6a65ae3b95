"""Compiles a mapping of a layout to SQL: the rows of an input table from the records of an export.

Does not read files (see `layouts.records`) or put tables together (see `layouts.folder`).

Whatever a layout says reaches SQL as a quoted literal, and columns are named by their positions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from acquisition_assets.core.duckdb_sql import literal
from acquisition_assets.inputs.cells import BLANK, MISSING_WORDS
from acquisition_assets.inputs.source import ROW_PLACE
from acquisition_assets.inputs.tables import INPUTS, Cell, InputTable
from acquisition_assets.sources.layouts.grammar import (
    PLACEHOLDER,
    Condition,
    Layout,
    Rows,
    Value,
    lead_column,
    plain_name,
)
from acquisition_assets.sources.layouts.records import Records, quoted_path
from acquisition_assets.sources.layouts.times import time_sql, utc_sql
from acquisition_assets.sources.spool import read_parquet

LEADS_BY_EMAIL = "leads_by_email"
"""The relation of the leads that have an e-mail address: email, found_id."""
ITEM, ITEM_AT = "item", "item_at"
MOST_ITEMS = 4096
"""Items of one cell that give a row each; more are cut off."""
_MISSING = ", ".join(literal(word) for word in MISSING_WORDS)
MACROS = (
    # What begins and ends with a visible ASCII character needs no trimming, which is ten times as slow.
    "create or replace macro export_trimmed(x) as case when x >= '!' and x < chr(127) and right(x, 1) >= '!' "
    f"and right(x, 1) < chr(127) then x else trim(x, {literal(BLANK)}) end",
    # Words that mean a missing value begin with one of few characters.
    "create or replace macro export_cell(x) as case when x >= '!' and x < chr(128) and x[1] not in "
    r"('n', 'N', '<', '#', 'u', 'U', '(', '-', '\', '0') then x "
    f"when export_trimmed(x) = '' or lower(export_trimmed(x)) in ({_MISSING}) then null else x end",
    "create or replace macro export_word(x) as lower(export_trimmed(x))",
)


@dataclass(frozen=True)
class Compiled:
    """One mapping over records that are alike.

    Attributes:
        query: the relation: a column for each of `columns`, in this order, the records' cells, and the row's place.
        origins: the columns of the export that each canonical column comes from, as names are written in the layout.
        unchanged: the position in the records of each cell (`k0`, ...) that is a column of the export as it is.
    """

    query: str
    origins: dict[str, tuple[str, ...]]
    unchanged: dict[str, int]


@dataclass(frozen=True)
class Cells:
    """The cells of records that are alike, by the names of a layout."""

    layout: Layout
    records: Records

    def has(self, name: str) -> bool:
        """Return whether the records have a column."""
        return bool(self._positions(name))

    def sql(self, name: str) -> str:
        """Return the SQL of a column's cell, null where it is missing or the records have no such column."""
        found = self._positions(name)
        if not found:
            return "null::varchar"
        cells = [f"e{at}" for at in found]
        return cells[0] if len(cells) == 1 else f"coalesce({', '.join(cells)})"

    def word(self, name: str) -> str:
        """Return the SQL of a column's cell, trimmed and in lower case."""
        found = self._positions(name)
        return f"w{found[0]}" if len(found) == 1 else f"export_word({self.sql(name)})"

    def prepared(self, relation: str) -> str:
        """Return a relation of records with each cell that the layout names as e0, ... and its word as w0, ...

        They are made once, as a macro repeats its argument wherever it names it.
        """
        places = sorted({at for name in self.layout.names for at in self._positions(name)})
        if not places:
            return relation
        cells = ", ".join(f"export_cell(c{at}) as e{at}" for at in places)
        words = ", ".join(f"export_word(e{at}) as w{at}" for at in places)
        return f"(select *, {words} from (select *, {cells} from {relation}))"

    def plain(self, name: str) -> str | None:
        """Return the cell itself, unchanged, where the records have the column once."""
        found = self._positions(name)
        return f"c{found[0]}" if len(found) == 1 else None

    def _positions(self, name: str) -> list[int]:
        if self.records.is_json:
            names: Sequence[str] = (name if name.startswith("$") else plain_name(name),)
        else:
            names = self.layout.alternatives(name)
        return [self.records.cells[each] for each in names if each in self.records.cells]


@dataclass(frozen=True)
class Choice:
    """What was decided for a layout before its rows are mapped.

    Attributes:
        times: the ways to read a time, by table, mapping, column and number of the value, where some were left out.
        zone: the time zone that times without an offset are turned to UTC from; None: they are left as they are.
    """

    times: Mapping[tuple[str, int, str, int], tuple[str, ...]]
    zone: str | None


def gives_rows(mapping: Rows, cells: Cells) -> bool:
    """Return whether any record can meet the mapping's conditions, by the columns that there are."""
    needed = [name for each in mapping.when if each.has != "missing" for name in each.names]
    if mapping.each and not any(map(cells.has, mapping.each.columns)):
        return False
    return all(map(cells.has, needed))


def missing_columns(table: InputTable, mapping: Rows, cells: Cells) -> list[tuple[str, tuple[str, ...]]]:
    """Return the required columns that nothing gives in these records, each with the names that were looked for."""
    found = []
    for name in table.required:
        if mapping.lead is not None and name == lead_column(table):
            if mapping.lead.item:
                continue
            names: tuple[str, ...] = mapping.lead.columns
        else:
            values = mapping.columns[name]
            if any(not value.names for value in values):
                continue
            names = tuple(each for value in values for each in value.names)
        if not any(map(cells.has, names)):
            found.append((name, names))
    return found


def unread_time(value: Value, cells: Cells) -> str:
    """Return the SQL of a value before it is read as a time."""
    return _text(value, cells)


def records_sql(records: Records, mapping: Rows, cells: Cells) -> str:
    """Return the relation of the records that a mapping speaks of, with `item` where each gives several rows."""
    where = ["kind = 'OBJECT'"] if records.is_json else []
    where += [_condition(each, cells) for each in mapping.when]
    extra = "file_index, file_row_number"
    relation = cells.prepared(f"(select *, {extra} from {read_parquet(records.files)})")
    if where:
        relation = f"(select * from {relation} where {' and '.join(where)})"
    if mapping.each is None:
        return relation
    cell = f"coalesce({', '.join([*map(cells.sql, mapping.each.columns), 'null'])})"
    if mapping.each.split is None:
        array = f"try_cast({cell} as json)"
        items = f"case when json_type({array}) = 'ARRAY' then json_extract_string({array}, '$[*]') end"
    else:
        items = f"string_split({cell}, {literal(mapping.each.split)})"
    kept = f"list_filter({items}, lambda x: export_cell(x) is not null)[:{MOST_ITEMS}]"
    listed = f"(select *, {kept} as items from {relation})"
    return f"(select * exclude (items), unnest(items) as {ITEM}, unnest(range(len(items))) as {ITEM_AT} from {listed})"


def compile_rows(
    table: InputTable,
    mapping: Rows,
    number: int,
    cells: Cells,
    columns: Sequence[str],
    choice: Choice,
    place: str,
) -> Compiled:
    """Return the rows that a mapping gives, with these canonical columns as k0, k1, ...

    Args:
        number: of the mapping in its table.
        columns: the canonical columns of the table, whether the mapping gives them or not.
        place: SQL of the place of a row.
    """
    listed, origins = [], {}
    unchanged: dict[str, int] = {}
    lead = lead_column(table) if mapping.lead is not None else None
    join = ""
    for at, name in enumerate(columns):
        if mapping.lead is not None and name == lead:
            names = mapping.lead.columns
            origins[name] = names
            cell = (
                f"export_trimmed({ITEM})"
                if mapping.lead.item
                else f"coalesce({', '.join([*map(cells.sql, names), 'null'])})"
            )
            if mapping.lead.by == "email":
                is_plain = not mapping.lead.item and len(names) == 1
                address = cells.word(names[0]) if is_plain else f"export_word({cell})"
                join = f" left join {LEADS_BY_EMAIL} on email = {address}"
                cell = f"coalesce(found_id, {address})"
            listed.append(f"{cell} as k{at}")
        elif name in mapping.columns:
            values = mapping.columns[name]
            origins[name] = tuple(dict.fromkeys(each for value in values for each in value.names))
            cell = column_sql(table, mapping, number, name, cells, choice)
            listed.append(f"{cell} as k{at}")
            if re.fullmatch(r"c\d+", cell):
                unchanged[f"k{at}"] = int(cell[1:])
        else:
            listed.append(f"null::varchar as k{at}")
    listed.append(f"{place} as {ROW_PLACE}")
    relation = records_sql(cells.records, mapping, cells)
    return Compiled(f"{', '.join(listed)} from {relation} as record{join}", origins, unchanged)


def column_sql(table: InputTable, mapping: Rows, number: int, name: str, cells: Cells, choice: Choice) -> str:
    """Return the SQL of a canonical column that the mapping of this number gives: its first value that is there."""
    values = mapping.columns[name]
    parts = [
        _value(
            table,
            name,
            value,
            cells,
            choice.times.get((table.name, number, name, nth), value.time),
            choice,
            is_one_of=len(values) > 1,
        )
        for nth, value in enumerate(values)
    ]
    return parts[0] if len(parts) == 1 else f"coalesce({', '.join(parts)})"


def _value(
    table: InputTable,
    name: str,
    value: Value,
    cells: Cells,
    times: tuple[str, ...] | None,
    choice: Choice,
    *,
    is_one_of: bool,
) -> str:
    column = INPUTS[table.name].column(name)
    cell = _text(value, cells, is_one_of=is_one_of)
    if column.cell is Cell.INSTANT:
        if times:
            cell = time_sql(f"export_trimmed({cell})", times)
        if choice.zone is not None:
            cell = utc_sql(f"export_trimmed({cell})", choice.zone)
    if column.cell is Cell.NUMBER and cells.layout.decimal == "," and not value.constant:
        cell = f"replace(replace({cell}, '.', ''), ',', '.')"
    if value.divide_by is not None:  # what is no number stays as it is, and is refused where rows are checked
        cell = f"coalesce((try_cast({cell} as decimal(38, 9))::double / {value.divide_by})::varchar, {cell})"
    if value.when:
        condition = " and ".join(_condition(each, cells) for each in value.when)
        cell = f"case when {condition} then {cell} end"
    return cell


def _text(value: Value, cells: Cells, *, is_one_of: bool = False) -> str:
    """Return the SQL of a value as text, before it is read as a time or a number.

    Args:
        is_one_of: whether another value counts where this one is missing.
    """
    cell = _origin(value, cells, as_written=not is_one_of)
    if value.split is not None:
        cell = f"export_cell(string_split({cell}, {literal(value.split.by)})[{value.split.take}])"
    for prefix in value.strip_prefix:
        cell = (
            f"case when starts_with(export_word({cell}), {literal(prefix.strip().lower())}) "
            f"then substr(export_trimmed({cell}), {len(prefix.strip()) + 1}) else {cell} end"
        )
    if value.words is not None:
        is_plain = len(value.columns) == 1 and not value.split and not value.strip_prefix
        word = cells.word(value.columns[0]) if is_plain else f"export_word({cell})"
        cell = _words(cell, word, value.words, value.otherwise)
    return cell


def _origin(value: Value, cells: Cells, *, as_written: bool) -> str:
    if value.constant is not None:
        return literal(value.constant)
    if isinstance(value.item, str):
        return f"export_cell(json_extract_string(try_cast({ITEM} as json), {literal(quoted_path(value.item))}))"
    if value.item:
        return f"export_trimmed({ITEM})"
    if value.text is not None:
        parts = []
        for number, part in enumerate(PLACEHOLDER.split(value.text)):
            parts.append(f"export_trimmed({cells.sql(part)})" if number % 2 else literal(part))
        return f"({' || '.join(parts)})"
    if len(value.columns) == 1:
        changed = value.split or value.strip_prefix or value.words is not None or value.time
        plain = cells.plain(value.columns[0])
        return plain if plain and as_written and not changed else cells.sql(value.columns[0])
    return f"coalesce({', '.join(map(cells.sql, value.columns))})"


def _words(cell: str, word: str, words: Mapping[str, str], otherwise: str | None) -> str:
    meanings: dict[str, list[str]] = {}
    for given, meaning in words.items():
        meanings.setdefault(meaning, []).append(re.sub(r"\s+", " ", given).strip().lower())
    cases = " ".join(
        f"when {word} in ({', '.join(map(literal, listed))}) then {literal(meaning)}"
        for meaning, listed in meanings.items()
    )
    rest = cell if otherwise is None else f"case when {cell} is not null then {literal(otherwise)} end"
    return f"case {cases} else {rest} end" if cases else rest


def _condition(condition: Condition, cells: Cells) -> str:
    cell = cells.sql(condition.column)
    if condition.has == "missing":
        return f"{cell} is null"
    if condition.has == "there":
        return f"{cell} is not null"
    if condition.same_as is not None:
        return f"coalesce({cells.word(condition.column)} = {cells.word(condition.same_as)}, false)"
    words = condition.among if condition.among is not None else (condition.equals or "",)
    listed = ", ".join(literal(word.strip().lower()) for word in words)
    return f"coalesce({cells.word(condition.column)} in ({listed}), false)" if listed else "false"
