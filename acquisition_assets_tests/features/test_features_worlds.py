"""Protects every table of a day: random raw tables give what the reference gives, and the future has no effect.

ACQUISITION_TEST_SEEDS=100-400 runs these seeds instead of the few of the default run.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from acquisition_assets.anomalies.messages import says_no_data
from acquisition_assets.policy import read_policy
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


def test_the_check_of_statuses_says_how_many_are_undated_and_what_helps(tmp_path: Path) -> None:
    world = make_raw(1)
    undated = replace(world, raw=replace(world.raw, status_changes=[], state=replace(world.raw.state, newest_at=None)))
    run = run_raw(undated, tmp_path)
    activity = rows(tmp_path / "lake", "lead_activity", world.day)
    count = sum(not row["status_is_dated"] for row in activity)
    check = run.checks["lead_activity", "statuses"]
    assert count * 100 > 20 * len(activity)
    assert (check.passed, check.severity) == (False, "WARN")
    assert check.description.startswith(
        f"{count} of {len(activity)} leads have a status of unknown time, more than 20 %"
    )
    assert "status_changes" in check.description
    policy = read_policy()
    lenient = policy.model_copy(update={"features": policy.features.model_copy(update={"undated_percent": 100.0})})
    assert run_raw(undated, tmp_path, lenient).checks["lead_activity", "statuses"].passed


@pytest.mark.parametrize(("stale", "words"), [((), None), (("leads", "events"), "sin datos: raw_")])
def test_rules_that_read_a_stale_table_say_that_there_is_no_data(
    stale: tuple[str, ...], words: str | None, tmp_path: Path
) -> None:
    run = run_raw(make_raw(1), tmp_path, stale=stale)
    found = {row["type"] for row in rows(tmp_path / "lake", "anomalies", make_raw(1).day)}
    for kind in {"engagement_drop", "lead_generation_drop", "unusual_behavior"} - found:
        check = run.checks["anomalies", kind]
        assert check.passed is (words is None)
        assert words is None or check.description.startswith(words)
        assert says_no_data(check.description) is (words is not None)
    assert all(not run.checks["anomalies", kind].description.startswith("sin datos") for kind in found)
    assert run.checks["anomalies", "high_fraud_rate"].passed is ("high_fraud_rate" not in found)


def test_each_segment_says_how_many_of_its_leads_may_be_mailed(tmp_path: Path) -> None:
    world = make_raw(2)
    run = run_raw(world, tmp_path)
    mailable = {row["lead_id"] for row in rows(tmp_path / "lake", "lead_activity", world.day) if row["may_be_mailed"]}
    members = rows(tmp_path / "lake", "lead_segments", world.day)
    for segment in {row["segment"] for row in members}:
        expected = sum(row["segment"] == segment and row["lead_id"] in mailable for row in members)
        assert run.metadata["lead_segments"][f"may_be_mailed_{segment}"] == expected
