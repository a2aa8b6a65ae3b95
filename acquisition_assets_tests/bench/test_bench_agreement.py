"""Protects the benchmarks: the product, the pandas version and the hand-written SQL agree on every row.

Whether the rows are right is tested in test_reference.py.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition_assets.catalog import TABLES
from acquisition_assets_tests.kit.running import compute_day, rows
from bench import by_hand_duckdb, by_hand_pandas
from bench.world import World, write_world

WORLD = World(leads=600, days=45)
CONTRACTS = {contract.table: contract for contract in TABLES}
BY_HAND: dict[str, Callable[[Path, dt.date, Path], None]] = {
    "duckdb": by_hand_duckdb.compute,
    "pandas": by_hand_pandas.compute,
}
SMALLEST_NUMBER_OF_TABLES = 9
"""The features and the six outputs of the first release; later tables are compared once they are made by hand."""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a lake with two days, so that scores and segments have a day before."""
    folder = tmp_path_factory.mktemp("bench")
    source = write_world(WORLD, folder)
    for day in (WORLD.last_day - dt.timedelta(days=1), WORLD.last_day):
        run = compute_day(source, folder / "lake", day)
        assert run.success, run.errors
    return folder / "lake"


@pytest.fixture(scope="module")
def by_hand(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, pa.Table]]:
    """Return the tables that each hand-written version makes of the last day."""
    found = {}
    for name, compute in BY_HAND.items():
        folder = tmp_path_factory.mktemp(name)
        compute(lake, WORLD.last_day, folder)
        found[name] = {file.stem: pq.ParquetFile(file).read() for file in sorted(folder.glob("*.parquet"))}
    return found


def test_both_versions_make_the_same_tables_and_columns(by_hand: dict[str, dict[str, pa.Table]]) -> None:
    """So a column that one of them forgets is noticed; a column that both leave out is not compared."""
    columns = [{name: sorted(table.column_names) for name, table in made.items()} for made in by_hand.values()]
    assert columns[0] == columns[1]
    for name, made in columns[0].items():
        assert set(CONTRACTS[name].key) <= set(made) <= CONTRACTS[name].columns.keys(), name


@pytest.mark.parametrize("name", BY_HAND)
def test_every_table_agrees_row_by_row(name: str, lake: Path, by_hand: dict[str, dict[str, pa.Table]]) -> None:
    assert len(by_hand[name]) >= SMALLEST_NUMBER_OF_TABLES
    for table, made in by_hand[name].items():
        key = CONTRACTS[table].key
        ours, theirs = _by_key(rows(lake, table, WORLD.last_day), key), _by_key(made.to_pylist(), key)
        assert theirs.keys() == ours.keys(), table
        differing = [(at, name) for at, row in theirs.items() for name in row if not _same(ours[at][name], row[name])]
        assert not differing, f"{table}: {differing[:5]}"


def test_the_world_has_rows_to_compare(lake: Path, by_hand: dict[str, dict[str, pa.Table]]) -> None:
    for made in by_hand.values():
        assert [table for table in made if not rows(lake, table, WORLD.last_day)] in ([], ["anomalies"])


def _by_key(found: list[dict[str, Any]], key: tuple[str, ...]) -> dict[tuple[Any, ...], dict[str, Any]]:
    indexed = {tuple(row[name] for name in key): row for row in found}
    assert len(indexed) == len(found)
    return indexed


def _same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, float) and isinstance(theirs, int | float):
        return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)
    return bool(ours == theirs)
