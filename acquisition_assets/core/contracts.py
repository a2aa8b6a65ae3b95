"""Here: the contract of a table (a pandera schema with units, key and grain) and its compilation into one SQL query.

Not here: the contracts themselves; each table keeps its own in `contract.py`.

A frame of few rows can be validated by pandera itself. A staged table is validated by the engine, with the query that
`violations_query` derives from the same schema: ten million rows never enter pandas.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
from sqlglot import exp

from acquisition_assets.core.duck import in_memory
from acquisition_assets.core.errors import ContractError


class Kind(Enum):
    """The types that a column of the lake can have."""

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


def column(
    kind: Kind,
    description: str,
    *checks: pandera.Check,
    unit: str | None = None,
    nullable: bool = False,
    lineage: Sequence[str] = (),
    personal: bool = False,
) -> pandera.Column:
    """One column of a contract.

    Args:
        kind: its type.
        description: what it says, with its rule.
        checks: pandera's built-in checks (`ge`, `gt`, `le`, `lt`, `isin`).
        unit: the unit of a number.
        nullable: whether it may be missing.
        lineage: the columns it is derived from, as `table.column`.
        personal: whether it is personal data and never shown.
    """
    return pandera.Column(
        pd.ArrowDtype(ARROW[kind]),
        checks=list(checks),
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

    def check(self) -> pandera.Check:
        """The rule as a pandera check of a frame."""
        return pandera.Check(self._holds, name=self.name, error=self.description)

    def _holds(self, frame: pd.DataFrame) -> pd.Series[bool]:
        with in_memory() as connection:
            connection.register("frame", pa.Table.from_pandas(frame, preserve_index=False))
            held = connection.execute(f"select coalesce(({self.condition}), true) from frame").fetchall()
        flags: list[bool] = [row[0] for row in held]
        return pd.Series(flags, index=frame.index)


@dataclass(frozen=True)
class Contract:
    """What every partition of a table holds: its grain, key, columns and rules."""

    table: str
    grain: str
    key: tuple[str, ...]
    columns: dict[str, pandera.Column]
    rules: tuple[Rule, ...] = ()
    schema: pandera.DataFrameSchema = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        schema = pandera.DataFrameSchema(
            dict(self.columns),
            checks=[rule.check() for rule in self.rules],
            unique=list(self.key) or None,
            strict=True,
            ordered=True,
            name=self.table,
            description=self.grain,
        )
        object.__setattr__(self, "schema", schema)

    def kind(self, name: str) -> Kind:
        """The type of a column."""
        kind = (self.columns[name].metadata or {})["kind"]
        if not isinstance(kind, Kind):
            raise TypeError(f"{self.table}.{name} has no kind")
        return kind

    def unit(self, name: str) -> str | None:
        """The unit of a column."""
        unit = (self.columns[name].metadata or {})["unit"]
        return None if unit is None else str(unit)

    def lineage(self, name: str) -> tuple[str, ...]:
        """The columns (`table.column`) that a column is derived from."""
        return tuple((self.columns[name].metadata or {})["lineage"])

    def is_personal(self, name: str) -> bool:
        """Whether a column is personal data."""
        return bool((self.columns[name].metadata or {})["personal"])

    @property
    def arrow_schema(self) -> pa.Schema:
        """The types of the stored columns, in order."""
        return pa.schema([pa.field(name, ARROW[self.kind(name)]) for name in self.columns])

    def empty(self) -> pa.Table:
        """The table without rows."""
        return self.arrow_schema.empty_table()

    def to_arrow(self, frame: pd.DataFrame) -> pa.Table:
        """A frame as an Arrow table of the contract's types."""
        return pa.Table.from_pandas(frame[list(self.columns)], schema=self.arrow_schema, preserve_index=False)

    def to_frame(self, table: pa.Table) -> pd.DataFrame:
        """An Arrow table as a frame of Arrow-backed columns, as the schema wants it."""
        typed = table.select(list(self.columns)).cast(self.arrow_schema)
        frame: pd.DataFrame = typed.to_pandas(types_mapper=pd.ArrowDtype)
        return frame

    def validate(self, table: pa.Table) -> list[Violation]:
        """Every rule of the contract that an Arrow table of few rows breaks, found by pandera."""
        try:
            self.schema.validate(self.to_frame(table), lazy=True)
        except pandera.errors.SchemaErrors as error:
            cases = error.failure_cases
            grouped = cases.fillna({"column": self.table}).groupby(["column", "check"], sort=True, dropna=False).size()
            return [Violation(f"{name}: {check}", int(count)) for (name, check), count in grouped.items()]
        return []


@dataclass(frozen=True)
class Violation:
    """One broken rule of a contract and the number of rows (or columns) that break it."""

    rule: str
    rows: int

    def __str__(self) -> str:
        return f"{self.rule} ({self.rows} rows)"


def contract_error(table: str, day: dt.date, violations: Iterable[Violation]) -> ContractError:
    """The error of a table that breaks its contract."""
    return ContractError(
        f"{table} of {day} breaks its contract and was not published: {'; '.join(map(str, violations))}"
    )


def violations_query(contract: Contract, relation: str) -> tuple[list[str], str]:
    """The contract as one aggregate query (DuckDB's dialect) over a relation of the contract's columns.

    Returns:
        The rules' names and the query; the query gives one row with the number of rows, then of violations per rule.
    """
    names: list[str] = []
    counts: list[str] = []
    for name, spec in contract.columns.items():
        if not spec.nullable:
            names.append(f"{name}: is never null")
            counts.append(f"count(*) - count({name})")
        for check in spec.checks:
            names.append(f"{name}: {_words(check)}")
            counts.append(f"count(case when not ({_condition(name, check)}) then 1 end)")
    for rule in contract.rules:
        names.append(f"{rule.name}: {rule.description}")
        counts.append(f"count(case when not ({rule.condition}) then 1 end)")
    selected = ", ".join(["count(*) as n", *(f"{count} as v{number}" for number, count in enumerate(counts))])
    return names, f"select {selected} from {relation}"


def duplicates_query(contract: Contract, relation: str) -> str | None:
    """A query that counts the rows beyond the first of each key, or None for a table without a key."""
    if not contract.key:
        return None
    key = contract.key[0] if len(contract.key) == 1 else f"({', '.join(contract.key)})"
    return f"select count(*) - count(distinct {key}) as duplicates from {relation}"


_CONDITIONS: dict[str, Callable[[str, dict[str, Any]], str]] = {
    "greater_than_or_equal_to": lambda name, given: f"{name} >= {_literal(given['min_value'])}",
    "greater_than": lambda name, given: f"{name} > {_literal(given['min_value'])}",
    "less_than_or_equal_to": lambda name, given: f"{name} <= {_literal(given['max_value'])}",
    "less_than": lambda name, given: f"{name} < {_literal(given['max_value'])}",
    "isin": lambda name, given: f"{name} in ({', '.join(map(_literal, sorted(given['allowed_values'])))})",
}
_WORDS: dict[str, Callable[[dict[str, Any]], str]] = {
    "greater_than_or_equal_to": lambda given: f">= {given['min_value']}",
    "greater_than": lambda given: f"> {given['min_value']}",
    "less_than_or_equal_to": lambda given: f"<= {given['max_value']}",
    "less_than": lambda given: f"< {given['max_value']}",
    "isin": lambda given: f"one of {', '.join(sorted(map(str, given['allowed_values'])))}",
}


def _condition(name: str, check: pandera.Check) -> str:
    return _CONDITIONS[str(check.name)](name, dict(check.statistics or {}))


def _words(check: pandera.Check) -> str:
    return _WORDS[str(check.name)](dict(check.statistics or {}))


def describe_checks(spec: pandera.Column) -> list[str]:
    """A column's checks in words, for the UI and the documentation."""
    return [_words(check) for check in spec.checks]


def _literal(value: object) -> str:
    return exp.convert(value).sql("duckdb")
