"""Protects three days of the hand-made world through the real graph, with numbers worked out by hand.

The world and its numbers are in kit/world.py.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from acquisition_assets_tests.kit import world
from acquisition_assets_tests.kit.comparing import keyed
from acquisition_assets_tests.kit.random_world import write
from acquisition_assets_tests.kit.running import OUTPUTS, Run, compute_day, report, rows, run_day, snapshot
from acquisition_assets_tests.kit.world import DAYS, MONDAY, SATURDAY, SUNDAY, Row

COMPUTED = ("lead_activity", "daily_metrics", *OUTPUTS, "reports")


class ThreeDays(NamedTuple):
    """The three days, run in order."""

    source: Path
    lake: Path
    runs: Mapping[dt.date, Run]


@pytest.fixture(scope="module")
def three_days(tmp_path_factory: pytest.TempPathFactory) -> ThreeDays:
    folder = tmp_path_factory.mktemp("world")
    write(folder / "source", world.SOURCE)
    return ThreeDays(
        folder / "source",
        folder / "lake",
        {day: run_day(folder / "source", folder / "lake", day, world.ZONE) for day in DAYS},
    )


def named(columns: Sequence[str], values: Iterable[Sequence[Any]]) -> list[Row]:
    """Return tuples as rows."""
    return [dict(zip(columns, row, strict=True)) for row in values]


def differences(
    three_days: ThreeDays, table: str, day: dt.date, expected: Sequence[Row], key: Sequence[str]
) -> list[str]:
    """Return how a table of the lake differs from what is expected."""
    return list(keyed(table, expected, rows(three_days.lake, table, day), key))


def test_every_day_succeeds_with_the_expected_warnings(three_days: ThreeDays) -> None:
    assert {day: run.errors for day, run in three_days.runs.items()} == dict.fromkeys(DAYS, "")
    failed = {
        day: {check for check, result in run.checks.items() if not result.passed}
        for day, run in three_days.runs.items()
    }
    unknown_lead, silent = ("raw_events", "quarantine"), ("anomalies", "unusual_behavior")
    still_open = ("incidents", "none_open")
    assert failed == {
        SATURDAY: {
            *(unknown_lead, silent, still_open),
            *(("lead_activity", "statuses"), ("channel_performance", "unclassified")),
        },
        SUNDAY: {unknown_lead, silent, still_open},
        MONDAY: {unknown_lead, still_open},
    }


def test_raw_tables_hold_what_happened_before_the_end_of_the_day(three_days: ThreeDays) -> None:
    def ids(table: str, column: str) -> dict[dt.date, list[str]]:
        return {day: sorted(row[column] for row in rows(three_days.lake, table, day)) for day in DAYS}

    five = ["ana", "bruno", "carla", "diego", "mudo"]
    six = sorted([*five, "eva"])
    assert ids("raw_leads", "lead_id") == {SATURDAY: five, SUNDAY: six, MONDAY: sorted([*six, "gala"])}
    assert ids("raw_referrals", "referral_id") == {
        SATURDAY: ["r1", "r2"],
        SUNDAY: ["r1", "r2"],
        MONDAY: ["r1", "r2", "r3"],
    }
    assert ids("raw_content", "content_id") == {day: ["c-guia"] for day in DAYS}
    assert ids("raw_status_changes", "lead_id") == {SATURDAY: [], SUNDAY: [], MONDAY: ["carla"]}
    assert ids("quarantine", "row_key") == {day: ["nadie-n1-opened-"] for day in DAYS}
    found = {path.name.removeprefix("date="): path for path in (three_days.lake / "raw_events").iterdir()}
    counted = {day: len(rows(three_days.lake, "raw_events", day)) for day in found}
    assert {day: count for day, count in counted.items() if count} == world.EVENT_COUNTS


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_lead_activity(three_days: ThreeDays, day: dt.date) -> None:
    assert differences(three_days, "lead_activity", day, world.LEAD_ACTIVITY[day], ["lead_id"]) == []


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_daily_metrics(three_days: ThreeDays, day: dt.date) -> None:
    days = [day - dt.timedelta(days=n) for n in range(90)]
    zeros = (0,) * len(world.METRICS)
    expected = named(("day", *world.METRICS), [(each, *world.DAILY_METRICS.get(str(each), zeros)) for each in days])
    assert differences(three_days, "daily_metrics", day, expected, ["day"]) == []


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_dynamic_scores(three_days: ThreeDays, day: dt.date) -> None:
    expected = named(world.SCORE_COLUMNS, world.DYNAMIC_SCORES[day])
    assert differences(three_days, "dynamic_scores", day, expected, ["lead_id"]) == []


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_behavior_predictions(three_days: ThreeDays, day: dt.date) -> None:
    features = ("status", "completion_rate", "avg_response_hours", "business_hours_share")
    activity = {row["lead_id"]: {name: row[name] for name in features} for row in world.LEAD_ACTIVITY[day]}
    expected = [
        {**row, **activity[row["lead_id"]]} for row in named(world.PREDICTION_COLUMNS, world.BEHAVIOR_PREDICTIONS[day])
    ]
    assert differences(three_days, "behavior_predictions", day, expected, ["lead_id"]) == []


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_content_recommendations(three_days: ThreeDays, day: dt.date) -> None:
    columns = ("lead_id", "rank", "rule", "content_type", "title", "reason", "content_id")
    expected = named(
        columns,
        [
            (lead, rank, rule, *world.ITEMS[rule])
            for lead, rules in world.RECOMMENDATIONS[day].items()
            for rank, rule in enumerate(rules, 1)
        ],
    )
    assert differences(three_days, "content_recommendations", day, expected, ["lead_id", "rank"]) == []


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_segments_and_their_changes(three_days: ThreeDays, day: dt.date) -> None:
    segments = named(("segment", "lead_id"), world.LEAD_SEGMENTS[day])
    assert differences(three_days, "lead_segments", day, segments, ["segment", "lead_id"]) == []
    changes = named(("segment", "lead_id", "change"), world.SEGMENT_CHANGES[day])
    assert differences(three_days, "segment_changes", day, changes, ["segment", "lead_id"]) == []


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_anomalies(three_days: ThreeDays, day: dt.date) -> None:
    assert rows(three_days.lake, "anomalies", day) == world.ANOMALIES[day]


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_social_performance(three_days: ThreeDays, day: dt.date) -> None:
    expected = named(world.SOCIAL_COLUMNS, world.SOCIAL_PERFORMANCE[day])
    assert rows(three_days.lake, "social_performance", day) == expected


@pytest.mark.parametrize("day", DAYS, ids=str)
@pytest.mark.parametrize("task", world.REPORTS)
def test_reports(three_days: ThreeDays, task: str, day: dt.date) -> None:
    assert report(three_days.lake, day, task) == world.REPORTS[task][day]


def computed(lake: Path, *days: dt.date) -> dict[str, list[str]]:
    """Return the computed tables and reports of these days, without the column that dates the source."""
    dated = re.compile("'status_is_dated': (True|False), ")
    return {
        name: [dated.sub("", row) for row in held]
        for name, held in snapshot(lake, *days).items()
        if name.split("/")[0] in COMPUTED
    }


def test_running_a_day_again_changes_nothing(three_days: ThreeDays) -> None:
    before = snapshot(three_days.lake)
    for day in (SUNDAY, SATURDAY, MONDAY):
        assert compute_day(three_days.source, three_days.lake, day, world.ZONE).success
        assert snapshot(three_days.lake) == before


def test_rows_of_the_future_change_nothing(three_days: ThreeDays, tmp_path: Path) -> None:
    times = {"leads": "created_at", "events": "occurred_at", "referrals": "created_at", "status_changes": "changed_at"}
    for day in DAYS:
        end = dt.datetime.fromisoformat(world.ENDS[day].replace("Z", "+00:00"))

        def is_past(table: str, row: Row, end: dt.datetime = end) -> bool:
            text = str(row[times[table]]).replace("Z", "+00:00") if table in times else "1970-01-01"
            instant = dt.datetime.fromisoformat(text)
            return (instant if instant.tzinfo else instant.replace(tzinfo=dt.timezone.utc)) < end

        past = {table: [row for row in given if is_past(table, row)] for table, given in world.SOURCE.items()}
        write(tmp_path / "source", past)
        assert compute_day(tmp_path / "source", tmp_path / "lake", day, world.ZONE).success
    assert computed(tmp_path / "lake") == computed(three_days.lake)
