"""Protects every table of a day: it is what the reference says of random raw tables, and knows nothing of the future.

ACQUISITION_TEST_SEEDS=100-400 runs these seeds instead of the few of the default run.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from acquisition_assets_tests.kit.comparing import table_differences
from acquisition_assets_tests.kit.raw_world import make_raw, run_raw, with_other_future
from acquisition_assets_tests.kit.running import rows, snapshot
from acquisition_assets_tests.oracle import reference
from acquisition_assets_tests.test_reference import _seeds

COMPUTED = ("lead_activity", "daily_metrics", "dynamic_scores", "behavior_predictions", "content_recommendations")
COMPUTED_FROM_THESE = ("lead_segments", "segment_changes", "anomalies", "social_performance", "reports")


@pytest.mark.parametrize("seed", _seeds())
def test_every_table_is_what_the_reference_says(seed: int, tmp_path: Path) -> None:
    world = make_raw(seed)
    run = run_raw(world, tmp_path)
    assert run.success, run.errors
    tables = reference.compute(world.raw, world.events, world.day, world.zone, reference.Lake())
    found = table_differences(tables, reference.reports_of(tables), tmp_path / "lake", world.day)
    assert not found, f"{world.zone}, {world.day}: " + "\n".join(found[:40])


@pytest.mark.parametrize("seed", _seeds()[:3])
def test_what_is_dated_at_or_after_the_end_of_the_day_changes_nothing(seed: int, tmp_path: Path) -> None:
    world = make_raw(seed)
    changed = with_other_future(world, seed)
    assert changed != world
    found = []
    for name, each in (("before", world), ("after", changed)):
        (tmp_path / name).mkdir()
        run = run_raw(each, tmp_path / name)
        assert run.success, run.errors
        lake = tmp_path / name / "lake"
        tables = {table: held for table, held in snapshot(lake, world.day).items() if table.startswith(COMPUTED[1:])}
        tables |= {t: held for t, held in snapshot(lake, world.day).items() if t.startswith(COMPUTED_FROM_THESE)}
        activity = [
            {column: value for column, value in row.items() if column != "status_is_dated"}
            for row in rows(lake, "lead_activity", world.day)
        ]
        found.append((tables, sorted(activity, key=lambda row: row["lead_id"])))
    assert found[0] == found[1]
