"""Protects the features from differences between sliced and whole queries.

Where slices begin is tested in core/test_engine_slices.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from acquisition_assets.core.engine import duckdb, slices
from acquisition_assets.raw import staging
from acquisition_assets_tests.kit.random_world import make, write
from acquisition_assets_tests.kit.running import compute_day, lenient_policy, snapshot

MANY = 10**9


@pytest.mark.parametrize("seed", range(1, 5))
def test_the_size_of_the_slices_changes_nothing(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = make(seed)
    policy = lenient_policy(tmp_path)
    monkeypatch.setattr(slices, "MOST_READ", float("inf"))
    bounds = _watch_bounds(monkeypatch)
    lakes = {rows: tmp_path / str(rows) for rows in (MANY, 30)}
    for number, day in enumerate(world.days):
        write(tmp_path / "source", world.seen(number), world.form)
        for rows, lake in lakes.items():
            monkeypatch.setattr(duckdb, "rows_per_slice", lambda _, rows=rows: rows)
            monkeypatch.setattr(staging, "MOST_UNSORTED", MANY if rows == MANY else 0)
            run = compute_day(
                tmp_path / "source", lake, day, world.zone, policy, world.full[number], last_step="features"
            )
            assert run.success, run.errors
    whole, sliced = map(snapshot, lakes.values())
    assert sum(map(len, whole.values())) > 0
    assert sliced == whole
    assert () in bounds
    assert max(map(len, bounds)) > 1


def _watch_bounds(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, ...]]:
    """Collect the bounds of every table that is sliced from now on."""
    seen = set()
    bounds_of = slices.bounds_of

    def watched(groups: list[tuple[str | None, str | None, int]], slice_rows: int) -> tuple[str, ...]:
        bounds = bounds_of(groups, slice_rows)
        seen.add(bounds)
        return bounds

    monkeypatch.setattr(duckdb, "bounds_of", watched)
    return seen
