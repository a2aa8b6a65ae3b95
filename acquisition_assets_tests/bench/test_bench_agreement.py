"""Protects the benchmarks: the product, the pandas version and the hand-written SQL agree on every row.

Whether the rows are right is tested in test_reference.py.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from acquisition_assets_tests.kit.comparing import EXPLAINING
from acquisition_assets_tests.kit.running import compute_day, rows
from bench import by_hand_duckdb, by_hand_pandas
from bench.world import World, write_world

WORLD = World(leads=600, days=45)
KEYS = {
    "lead_activity": ("lead_id",),
    "daily_metrics": ("day",),
    "dynamic_scores": ("lead_id",),
    "behavior_predictions": ("lead_id",),
    "content_recommendations": ("lead_id", "rank"),
    "lead_segments": ("segment", "lead_id"),
    "segment_changes": ("segment", "lead_id"),
    "anomalies": ("type",),
    "social_performance": ("channel",),
}
SCORES = EXPLAINING["content_recommendations"]
"""Columns that are missing with the document's items, which the versions by hand recommend."""
BY_HAND = {"duckdb": by_hand_duckdb.compute, "pandas": by_hand_pandas.compute}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a lake with two days, so that scores and segments have a day before."""
    folder = tmp_path_factory.mktemp("bench")
    source = write_world(WORLD, folder)
    for day in (WORLD.last_day - dt.timedelta(days=1), WORLD.last_day):
        run = compute_day(source, folder / "lake", day)
        assert run.success, run.errors
    return folder / "lake"


@pytest.mark.parametrize("name", BY_HAND)
def test_every_table_agrees_row_by_row(name: str, lake: Path, tmp_path: Path) -> None:
    compute: Callable[[Path, dt.date, Path], None] = BY_HAND[name]
    compute(lake, WORLD.last_day, tmp_path)
    for table, key in KEYS.items():
        ours = _by_key(rows(lake, table, WORLD.last_day), key)
        theirs = _by_key(pq.ParquetFile(tmp_path / f"{table}.parquet").read().to_pylist(), key)
        assert theirs.keys() == ours.keys(), table
        names = [name for name in rows(lake, table, WORLD.last_day)[0] if name not in SCORES] if ours else []
        differing = [(at, name) for at, row in ours.items() for name in names if not _same(row[name], theirs[at][name])]
        assert not differing, f"{table}: {differing[:5]}"


def test_the_world_has_rows_to_compare(lake: Path) -> None:
    assert [table for table in KEYS if not rows(lake, table, WORLD.last_day)] in ([], ["anomalies"])


def _by_key(found: list[dict[str, Any]], key: tuple[str, ...]) -> dict[tuple[Any, ...], dict[str, Any]]:
    indexed = {tuple(row[name] for name in key): row for row in found}
    assert len(indexed) == len(found)
    return indexed


def _same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, float) and isinstance(theirs, int | float):
        return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)
    return bool(ours == theirs)
