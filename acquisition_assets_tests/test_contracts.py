"""Protects the contracts: every rule can be broken by one row, and pandera and the engine agree on it.

Rows that break a rule of one column are generated from the contracts; those for rules across columns are in the
expectations of each product. A rule or column without such a row fails here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition_assets.catalog import TABLES as CONTRACTS
from acquisition_assets.core.contracts import (
    Contract,
    Kind,
    Violation,
    column,
    contract_error,
    describe_checks,
    violations_query,
)
from acquisition_assets.core.engine.duckdb import DuckDBEngine, DuckDBSession
from acquisition_assets.core.lake import Lake
from acquisition_assets.lead_segments.contract import LEAD_SEGMENTS
from acquisition_assets_tests.kit.expectations import DAY, of_table, tables

BY_TABLE = {contract.table: contract for contract in CONTRACTS}
TABLES = pytest.mark.parametrize("contract", CONTRACTS, ids=BY_TABLE)
NUMBERS = (Kind.INTEGER, Kind.NUMBER)
OTHER_TYPE = {
    Kind.TEXT: pa.int64(),
    Kind.INTEGER: pa.float64(),
    Kind.NUMBER: pa.int64(),
    Kind.FLAG: pa.string(),
    Kind.INSTANT: pa.timestamp("us"),
    Kind.DATE: pa.string(),
    Kind.TEXTS: pa.string(),
}


class Case(NamedTuple):
    """A row that breaks a rule of a table."""

    table: str
    rule: str
    row: Mapping[str, Any]


def good_row(contract: Contract, column: str) -> Mapping[str, Any]:
    """Return a good row in which a column has a value."""
    return next(row for row in of_table(contract.table).good if row[column] is not None)


def cases_of_columns(contract: Contract) -> Iterator[Case]:
    """Yield a row for each rule of a single column: a good row with one value replaced."""
    for name, spec in contract.columns.items():
        good = good_row(contract, name)
        if not spec.nullable:
            yield Case(contract.table, f"{name}: is never null", {**good, name: None})
        for check, words in zip(spec.checks, describe_checks(spec), strict=True):
            wrong = wrong_value(str(check.name), dict(check.statistics or {}), contract.kind(name))
            yield Case(contract.table, f"{name}: {words}", {**good, name: wrong})


def wrong_value(check: str, given: dict[str, Any], kind: Kind) -> Any:
    """Return a value that a check refuses."""
    step = 1 if kind is Kind.INTEGER else 0.01
    return {
        "greater_than_or_equal_to": lambda: given["min_value"] - step,
        "less_than_or_equal_to": lambda: given["max_value"] + step,
        "isin": lambda: str(given["allowed_values"][0]).upper(),
        "finite": lambda: -math.inf,
    }[check]()


def cases_of_rules() -> Iterator[Case]:
    """Yield the rows for the rules across columns."""
    for table, known in tables().items():
        words = {rule.name: str(rule) for rule in BY_TABLE[table].rules}
        for name, rows in known.broken.items():
            yield from (Case(table, words[name], row) for row in rows)


KNOWN = [contract for contract in CONTRACTS if contract.table in tables()]
"""The tables with expectations; test_catalog.py fails for the others."""
CASES = [case for contract in KNOWN for case in cases_of_columns(contract)] + list(cases_of_rules())


def rows_of(contract: Contract, *rows: Mapping[str, Any]) -> pa.Table:
    """Return the rows in the contract's types."""
    return pa.Table.from_pylist([dict(row) for row in rows], schema=contract.arrow_schema)


class EngineCheck:
    """Checks staged files with the engine."""

    def __init__(self, session: DuckDBSession, folder: Path) -> None:
        self.session, self.folder = session, folder
        self.numbers = itertools.count()

    def __call__(self, contract: Contract, table: pa.Table) -> list[Violation]:
        """Stage the rows and return the rules that they break."""
        staged = self.folder / f"{next(self.numbers)}.parquet"  # a new name: DuckDB may remember what a file held
        pq.write_table(table, staged)
        return self.session.violations(contract, [staged])


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineCheck]:
    folder = tmp_path_factory.mktemp("contracts")
    with DuckDBEngine(Lake(str(folder / "lake")), threads=1).session(folder) as session:
        yield EngineCheck(session, folder)


def messages(violations: list[Violation]) -> list[str]:
    return sorted(map(str, violations))


@TABLES
def test_good_rows_break_nothing(engine: EngineCheck, contract: Contract) -> None:
    known = of_table(contract.table)
    for rows in (known.good, *([row] for row in known.also_good), []):
        table = rows_of(contract, *rows)
        assert messages(engine(contract, table)) == []
        assert messages(contract.validate(table)) == []


@TABLES
def test_every_nullable_column_is_null_in_a_good_row(contract: Contract) -> None:
    nullable = {name for name, spec in contract.columns.items() if spec.nullable}
    assert nullable == {name for name in contract.columns for row in of_table(contract.table).good if row[name] is None}


@TABLES
def test_every_rule_has_a_row_that_breaks_it(contract: Contract) -> None:
    rules, _ = violations_query(contract, "staged")
    assert sorted(rules) == sorted({case.rule for case in CASES if case.table == contract.table})
    assert {rule.name for rule in contract.rules} == set(of_table(contract.table).broken)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.table}-{case.rule}")
def test_each_bad_row_breaks_its_rule_in_the_engine_and_in_pandera(engine: EngineCheck, case: Case) -> None:
    contract = BY_TABLE[case.table]
    table = rows_of(contract, case.row)
    broken = messages(engine(contract, table))
    assert f"{case.rule} (1 rows)" in broken
    assert messages(contract.validate(table)) == broken


@TABLES
def test_infinite_and_nan_values_break_the_contract(engine: EngineCheck, contract: Contract) -> None:
    for name in contract.columns:
        if contract.kind(name) is Kind.NUMBER:
            good = good_row(contract, name)
            table = rows_of(contract, *({**good, name: value} for value in (math.nan, math.inf, -math.inf)))
            for broken in (engine(contract, table), contract.validate(table)):
                assert sum(v.rows or 0 for v in broken if v.rule.startswith(f"{name}: ")) >= 3, (name, broken)


@TABLES
def test_a_value_on_a_bound_is_allowed(engine: EngineCheck, contract: Contract) -> None:
    for name, spec in contract.columns.items():
        good = good_row(contract, name)
        for check, words in zip(spec.checks, describe_checks(spec), strict=True):
            bounds = [v for key, v in dict(check.statistics or {}).items() if key in ("min_value", "max_value")]
            for bound in bounds:
                broken = engine(contract, rows_of(contract, {**good, name: bound}))
                assert f"{name}: {words}" not in [violation.rule for violation in broken]


@TABLES
def test_keys_are_unique(engine: EngineCheck, contract: Contract) -> None:
    first = of_table(contract.table).good[0]
    table = rows_of(contract, first, first, first)
    expected = [f"{', '.join(contract.key)}: is unique (2 rows)"] if contract.key else []
    assert messages(engine(contract, table)) == messages(contract.validate(table)) == expected
    if contract.key:
        assert expected[0] in contract_error(contract.table, DAY, engine(contract, table)).args[0]


def test_keys_counted_with_bit_sets_match_those_counted_by_pandera(engine: EngineCheck) -> None:
    keys = [(f"s{number:03}", lead) for number in range(130) for lead in "abc"]
    assert messages(engine(LEAD_SEGMENTS, memberships(keys))) == []
    twice = [keys[0], *keys, keys[200], keys[-1], keys[-1]]
    nulls = [(None, "a"), (None, "a"), (None, "b"), ("s000", None), ("s000", None)]
    for rows, duplicates in ((twice, 4), ([*nulls, *twice], 6)):
        table = memberships(rows)
        assert messages(engine(LEAD_SEGMENTS, table)) == messages(LEAD_SEGMENTS.validate(table))
        assert f"segment, lead_id: is unique ({duplicates} rows)" in messages(engine(LEAD_SEGMENTS, table))


def memberships(keys: list[tuple[str | None, str | None]]) -> pa.Table:
    """Return rows of lead_segments."""
    return rows_of(LEAD_SEGMENTS, *({"segment": segment, "lead_id": lead} for segment, lead in keys))


@TABLES
def test_every_column_has_its_type(engine: EngineCheck, contract: Contract) -> None:
    table = rows_of(contract, of_table(contract.table).good[0])
    for place, name in enumerate(contract.columns):
        wrong = table.set_column(place, name, pa.nulls(1, OTHER_TYPE[contract.kind(name)]))
        assert messages(engine(contract, wrong)) == messages(contract.validate(wrong))
        assert messages(engine(contract, wrong)) == [
            f"column {name} is {OTHER_TYPE[contract.kind(name)]}, not {table.schema.field(name).type}"
        ]


@TABLES
def test_no_column_is_missing_or_unknown(engine: EngineCheck, contract: Contract) -> None:
    table = rows_of(contract, *of_table(contract.table).good)
    for name in contract.columns:
        wrong = table.drop_columns([name])
        assert messages(engine(contract, wrong)) == messages(contract.validate(wrong)) == [f"column {name} is missing"]
    more = table.append_column("more", pa.nulls(table.num_rows, pa.int64()))
    assert (
        messages(engine(contract, more)) == messages(contract.validate(more)) == ["column more is not in the contract"]
    )


@TABLES
def test_every_file_of_a_table_is_checked(engine: EngineCheck, contract: Contract) -> None:
    good, bad = engine.folder / "good.parquet", engine.folder / "bad.parquet"
    pq.write_table(rows_of(contract, *of_table(contract.table).good), good)
    name = next(name for name, spec in contract.columns.items() if not spec.nullable)
    pq.write_table(rows_of(contract, {**of_table(contract.table).good[0], name: None}), bad)
    assert f"{name}: is never null (1 rows)" in messages(engine.session.violations(contract, [good, bad]))
    pq.write_table(rows_of(contract).drop_columns([name]), bad)
    assert messages(engine.session.violations(contract, [good, bad])) == [f"column {name} is missing"]


@TABLES
def test_columns_are_described_and_numbers_have_units(contract: Contract) -> None:
    for name, spec in contract.columns.items():
        assert spec.description
        if contract.kind(name) in NUMBERS and name not in ("rank", "read_order", "local_weekday"):
            assert contract.unit(name), name


def test_lists_of_different_types_are_distinguished() -> None:
    contract = Contract("t", "", (), {"words": column(Kind.TEXTS, "Words")})
    element = pa.list_(pa.field("element", pa.string()))
    assert contract.differences(pa.schema([("words", element)])) == []
    assert messages(contract.differences(pa.schema([("words", pa.list_(pa.int64()))]))) == [
        "column words is list<item: int64>, not list<item: string>"
    ]
