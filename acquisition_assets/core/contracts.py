"""Defines what a contract is: a pandera schema with units, key and grain that compiles to one SQL query.

The contracts themselves are left to the `contract` module of each folder.

Pandera validates small frames. The engine validates staged tables, with the query that `violations_query` derives from
the same schema, so ten million rows never enter pandas.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import pandas as pd
import pyarrow as pa
from sqlglot import exp

from acquisition_assets.core.duckdb_sql import in_memory
from acquisition_assets.core.errors import ContractError
from acquisition_assets.core.pandera_import import pandera


class Kind(Enum):
    """Column types of the lake."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    FLAG = "flag"
    INSTANT = "instant"
    DATE = "date"
    TEXTS = "texts"


ARROW: dict[Kind, pa.DataType] = {
    Kind.TEXT: pa.string(),
    Kind.INTEGER: pa.int64(),
    Kind.NUMBER: pa.float64(),
    Kind.FLAG: pa.bool_(),
    Kind.INSTANT: pa.timestamp("us", tz="UTC"),
    Kind.DATE: pa.date32(),
    Kind.TEXTS: pa.list_(pa.string()),
}
SQL: dict[Kind, str] = {
    Kind.TEXT: "VARCHAR",
    Kind.INTEGER: "BIGINT",
    Kind.NUMBER: "DOUBLE",
    Kind.FLAG: "BOOLEAN",
    Kind.INSTANT: "TIMESTAMPTZ",
    Kind.DATE: "DATE",
    Kind.TEXTS: "VARCHAR[]",
}

NEVER_NULL = "is never null"
FINITE = "finite"
LARGEST = 1.7976931348623157e308
# NaN is not a number to pandera but the greatest number to the engines: bounds on both sides catch it in both.
_SIDES = {
    "greater_than_or_equal_to": "low",
    "greater_than": "low",
    "less_than_or_equal_to": "high",
    "less_than": "high",
}


def _is_finite(values: pd.Series[float]) -> pd.Series[bool]:
    return values.between(-LARGEST, LARGEST)


def column(
    kind: Kind,
    description: str,
    *checks: pandera.Check,
    unit: str | None = None,
    nullable: bool = False,
    lineage: Sequence[str] = (),
    personal: bool = False,
) -> pandera.Column:
    """Return one column of a contract. A number without bounds on both sides is also checked to be finite.

    Args:
        kind: The type.
        description: The meaning, with the rule.
        checks: Pandera's built-in checks (`ge`, `gt`, `le`, `lt`, `isin`).
        unit: The unit of a number.
        nullable: Whether the value may be missing.
        lineage: The columns it is derived from, as `table.column`.
        personal: Whether it is personal data, which is never shown.
    """
    sides = {_SIDES.get(str(check.name)) for check in checks}
    finite = [pandera.Check(_is_finite, name=FINITE)] if kind is Kind.NUMBER and not sides >= {"low", "high"} else []
    return pandera.Column(
        pd.ArrowDtype(ARROW[kind]),
        checks=[*checks, *finite],
        nullable=nullable,
        description=description,
        metadata={"kind": kind, "unit": unit, "lineage": tuple(lineage), "personal": personal},
    )


@dataclass(frozen=True)
class Rule:
    """A rule over several columns of a row: a SQL condition that must not be false."""

    name: str
    condition: str
    description: str

    def __str__(self) -> str:
        return f"{self.name}: {self.description}"

    def check(self) -> pandera.Check:
        """Return the rule as a pandera check of a frame."""
        return pandera.Check(self._holds, name=self.name, error=self.description)

    def _holds(self, frame: pd.DataFrame) -> pd.Series[bool]:
        with in_memory() as connection:
            connection.register("frame", pa.Table.from_pandas(frame, preserve_index=False))
            held = connection.execute(f"select coalesce(({self.condition}), true) from frame").fetchall()
        flags: list[bool] = [row[0] for row in held]
        return pd.Series(flags, index=frame.index)


@dataclass(frozen=True)
class Contract:
    """The grain, key, columns and rules that every partition of a table meets.

    low_cardinality: a key column with few distinct values, if there is one. It makes the uniqueness check need far less
    memory and time (see `duplicates_query`).
    ranked_by: the column by which readers order the rows of a day, if there is one; destinations index it.
    """

    table: str
    grain: str
    key: tuple[str, ...]
    columns: dict[str, pandera.Column]
    rules: tuple[Rule, ...] = ()
    low_cardinality: str | None = None
    ranked_by: str | None = None
    schema: pandera.DataFrameSchema = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        schema = pandera.DataFrameSchema(
            dict(self.columns),
            checks=[rule.check() for rule in self.rules],
            unique=list(self.key) or None,
            report_duplicates="exclude_first",
            strict=True,
            ordered=True,
            name=self.table,
            description=self.grain,
        )
        object.__setattr__(self, "schema", schema)

    def kind(self, name: str) -> Kind:
        """Return the type of a column."""
        kind = (self.columns[name].metadata or {})["kind"]
        if not isinstance(kind, Kind):
            raise TypeError(f"{self.table}.{name} has no kind")
        return kind

    def unit(self, name: str) -> str | None:
        """Return the unit of a column, or None."""
        unit = (self.columns[name].metadata or {})["unit"]
        return None if unit is None else str(unit)

    def lineage(self, name: str) -> tuple[str, ...]:
        """Return the columns (`table.column`) that a column is derived from."""
        return tuple((self.columns[name].metadata or {})["lineage"])

    def is_personal(self, name: str) -> bool:
        """Return whether a column is personal data."""
        return bool((self.columns[name].metadata or {})["personal"])

    @property
    def arrow_schema(self) -> pa.Schema:
        """Return the names and types of the stored columns, in order."""
        return pa.schema([pa.field(name, ARROW[self.kind(name)]) for name in self.columns])

    def empty(self) -> pa.Table:
        """Return the table without rows."""
        return self.arrow_schema.empty_table()

    def to_arrow(self, frame: pd.DataFrame) -> pa.Table:
        """Return a frame as an Arrow table with the contract's types."""
        return pa.Table.from_pandas(frame[list(self.columns)], schema=self.arrow_schema, preserve_index=False)

    def to_frame(self, table: pa.Table) -> pd.DataFrame:
        """Return an Arrow table as a frame of Arrow-backed columns, as the schema expects it."""
        typed = table.select(list(self.columns)).cast(self.arrow_schema)
        frame: pd.DataFrame = typed.to_pandas(types_mapper=pd.ArrowDtype)
        return frame

    def differences(self, found: pa.Schema) -> list[Violation]:
        """Return how columns that were found differ from the contract: missing, unknown, or of another type."""
        wanted = self.arrow_schema
        texts = [f"column {name} is missing" for name in wanted.names if name not in found.names]
        texts += [f"column {name} is not in the contract" for name in found.names if name not in wanted.names]
        for name in wanted.names:
            if name in found.names and not _is_same_type(wanted.field(name).type, found.field(name).type):
                texts.append(f"column {name} is {found.field(name).type}, not {wanted.field(name).type}")
        return [Violation(text) for text in texts]

    def validate(self, table: pa.Table) -> list[Violation]:
        """Return every rule of the contract that a small Arrow table breaks, as pandera finds them.

        Names and counts equal those that the engine finds in a staged file (see `violations_query`).
        """
        differing = self.differences(table.schema)
        if differing:
            return differing
        try:
            self.schema.validate(self.to_frame(table), lazy=True)
        except pandera.errors.SchemaErrors as error:
            cases = error.failure_cases.to_dict("records")
            counts = Counter(rule for rule, _ in {(self._rule_of(case), case["index"]) for case in cases})
            return [Violation(rule, rows) for rule, rows in counts.items()]
        return []

    def _rule_of(self, case: Mapping[Hashable, Any]) -> str:
        """Return the rule that one of pandera's failure cases breaks, named as `violations_query` names it."""
        number, check = case["check_number"], case["check"]
        if check == "multiple_fields_uniqueness":
            return self.uniqueness
        if check == "not_nullable":
            return f"{case['column']}: {NEVER_NULL}"
        if case["schema_context"] == "Column":
            return f"{case['column']}: {_describe(self.columns[case['column']].checks[int(number)])}"
        return str(self.rules[int(number)])

    @property
    def uniqueness(self) -> str:
        """Return the name of the rule that each key occurs once."""
        return f"{', '.join(self.key)}: is unique"


@dataclass(frozen=True)
class Violation:
    """A broken rule of a contract and the number of rows that break it (None if it concerns the whole table)."""

    rule: str
    rows: int | None = None

    def __str__(self) -> str:
        return self.rule if self.rows is None else f"{self.rule} ({self.rows} rows)"


def contract_error(table: str, day: dt.date, violations: Iterable[Violation]) -> ContractError:
    """Return the error for a table that breaks its contract."""
    return ContractError(
        f"{table} of {day} breaks its contract and was not published: {'; '.join(map(str, violations))}"
    )


def violations_query(contract: Contract, relation: str) -> tuple[list[str], str]:
    """Compile a contract to one aggregate query, in DuckDB's dialect, over a relation with its columns.

    Returns:
        The rules' names, and the query. Its one row holds the number of rows, then the number of violations per rule.
    """
    names: list[str] = []
    counts: list[str] = []
    for name, spec in contract.columns.items():
        if not spec.nullable:
            names.append(f"{name}: {NEVER_NULL}")
            counts.append(f"count(*) - count({name})")
        for check in spec.checks:
            names.append(f"{name}: {_describe(check)}")
            counts.append(f"count(case when not ({_condition(name, check)}) then 1 end)")
    for rule in contract.rules:
        names.append(str(rule))
        counts.append(f"count(case when not ({rule.condition}) then 1 end)")
    selected = ", ".join(["count(*) as n", *(f"{count} as v{number}" for number, count in enumerate(counts))])
    return names, f"select {selected} from {relation}"


_DUPLICATES_IN_SETS = """
with numbered as (
    select {few}, row_number() over (order by {few}) - 1 as number from {relation} group by {few}
),
places as (select {few}, number // 62 as block, cast(pow(2, number % 62) as bigint) as bit from numbered),
sets as (
    select count(*) as n, bit_or(places.bit) as bits
    from {relation} as keys inner join places on keys.{few} is not distinct from places.{few}
    group by {rest}, places.block
)
select cast(coalesce(sum(n - bit_count(bits)), 0) as bigint) as duplicates from sets
"""


def duplicates_query(contract: Contract, relation: str) -> str | None:
    """Return a query that counts the rows beyond the first of each key, or None for a table without a key.

    Each value of a low-cardinality column becomes one bit of an integer, 62 values to an integer. One row per
    combination of the other key columns then holds the values that occur; the rows beyond its set bits are duplicates.
    """
    if not contract.key:
        return None
    if contract.low_cardinality:
        rest = ", ".join(f"keys.{name}" for name in contract.key if name != contract.low_cardinality)
        return _DUPLICATES_IN_SETS.format(few=contract.low_cardinality, rest=rest, relation=relation)
    key = contract.key[0] if len(contract.key) == 1 else f"({', '.join(contract.key)})"
    return f"select count({key}) - count(distinct {key}) as duplicates from {relation}"


_CONDITIONS: dict[str, Callable[[str, dict[str, Any]], str]] = {
    "greater_than_or_equal_to": lambda name, statistics: f"{name} >= {_literal(statistics['min_value'])}",
    "greater_than": lambda name, statistics: f"{name} > {_literal(statistics['min_value'])}",
    "less_than_or_equal_to": lambda name, statistics: f"{name} <= {_literal(statistics['max_value'])}",
    "less_than": lambda name, statistics: f"{name} < {_literal(statistics['max_value'])}",
    FINITE: lambda name, statistics: f"{name} between {-LARGEST!r} and {LARGEST!r}",
    "isin": lambda name, statistics: f"{name} in ({', '.join(map(_literal, sorted(statistics['allowed_values'])))})",
}
_DESCRIPTIONS: dict[str, Callable[[dict[str, Any]], str]] = {
    "greater_than_or_equal_to": lambda statistics: f">= {statistics['min_value']}",
    "greater_than": lambda statistics: f"> {statistics['min_value']}",
    "less_than_or_equal_to": lambda statistics: f"<= {statistics['max_value']}",
    "less_than": lambda statistics: f"< {statistics['max_value']}",
    FINITE: lambda statistics: FINITE,
    "isin": lambda statistics: f"one of {', '.join(sorted(map(str, statistics['allowed_values'])))}",
}


def _condition(name: str, check: pandera.Check) -> str:
    return _CONDITIONS[str(check.name)](name, dict(check.statistics or {}))


def _describe(check: pandera.Check) -> str:
    return _DESCRIPTIONS[str(check.name)](dict(check.statistics or {}))


def describe_checks(spec: pandera.Column) -> list[str]:
    """Return a column's checks in words, for the UI and the documentation."""
    return [_describe(check) for check in spec.checks]


def _is_same_type(one: pa.DataType, other: pa.DataType) -> bool:
    if pa.types.is_list(one) and pa.types.is_list(other):
        return _is_same_type(one.value_type, other.value_type)
    return bool(one.equals(other))


def _literal(value: object) -> str:
    return exp.convert(value).sql("duckdb")
