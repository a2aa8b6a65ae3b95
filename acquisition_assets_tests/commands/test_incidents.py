"""Protects the asset `incidents` on a lake of judged days, and the commands that show incidents and past alerts."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition_assets.anomalies.contract import ANOMALIES
from acquisition_assets.core.contracts import Contract
from acquisition_assets.core.settings import Settings
from acquisition_assets.definitions import build_defs
from acquisition_assets.features.contract import METRIC_HISTORY
from acquisition_assets.metric_watch.contract import METRIC_WATCH
from acquisition_assets.raw.contract import QUARANTINE, SOURCE_STATE
from acquisition_assets_tests.commands.conftest import call, refused
from acquisition_assets_tests.kit.running import rows
from acquisition_assets_tests.metric_watch.expectations import WATCHED

FIRST = dt.date(2026, 3, 1)
BAD = {"source_table": "events", "row_key": "1", "reason": "unparsable value", "row": "{}", "detail": "occurred_at"}
OF_UNKNOWN_LEAD = {**BAD, "reason": "unknown lead"}


def day(number: int) -> dt.date:
    return FIRST + dt.timedelta(days=number - 1)


def write(lake: Path, contract: Contract, of_day: dt.date, *found: dict[str, Any]) -> None:
    path = lake / contract.table / f"date={of_day}" / "data.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(list(found), schema=contract.arrow_schema), path)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a lake of eight days: a drop on days 2 to 4, stale events from day 7, the last day read before its end."""
    lake = tmp_path_factory.mktemp("judged") / "lake"
    normal = {"observed": 20.0, "day_observed": 20.0, "change": 0.0, "p_value": 1.0, "q_value": 1.0, "state": "normal"}
    for number in range(1, 9):
        of_day = day(number)
        drop = {} if number in (2, 3, 4, 8) else normal
        write(lake, METRIC_WATCH, of_day, {**WATCHED, **drop, "day": of_day, "channel": None})
        write(lake, ANOMALIES, of_day)
        bad = [BAD, OF_UNKNOWN_LEAD] if number == 3 else [OF_UNKNOWN_LEAD]
        write(lake, QUARANTINE, of_day, *bad)
        read_at = dt.datetime.combine(of_day, dt.time(6 if number < 8 else 5), dt.timezone.utc)
        state = {"newest_at": None, "is_stale_leads": False, "is_stale_events": number >= 7}
        write(lake, SOURCE_STATE, of_day, {**state, "read_at": read_at + dt.timedelta(days=int(number < 8))})
        history = {"metric": "deliveries_sent", "channel": None, "trials": None}
        write(
            lake,
            METRIC_HISTORY,
            of_day,
            {**history, "day": day(4), "value": 3},
            {**history, "day": of_day, "value": None if number >= 7 else 3},
        )
    return lake


def follow(lake: Path, number: int) -> dict[str, Any]:
    """Run the asset for a day; return its metadata."""
    settings = Settings(source="sample", lake=str(lake), start_date="2026-01-01", threads=1)
    (asset,) = (
        each
        for each in build_defs(settings).assets or ()
        if isinstance(each, dg.AssetsDefinition) and each.op.name == "incidents"
    )
    step = asset.op.compute_fn.decorated_fn  # type: ignore[union-attr]
    results = list(step(SimpleNamespace(partition_key=str(day(number)), retry_number=0)))
    assert all(result.passed for result in results[:2])
    return dict(results[-1].metadata)


def test_incidents_follow_the_judged_days(lake: Path) -> None:
    alerts = {number: follow(lake, number)["alerts"].value for number in range(1, 9)}
    said = {number: [(each["event"], each["incident"]) for each in found] for number, found in alerts.items() if found}
    drop, bad = "new_leads:all:drop:2026-03-02", "events:all:quarantine:2026-03-03"
    assert said == {
        2: [("opened", drop)],
        3: [("opened", bad)],
        6: [("resolved", bad)],
        7: [("resolved", drop), ("opened", "events:all:stale_data:2026-03-07")],
    }
    (stale,) = (row for row in rows(lake, "incidents", day(7)) if row["kind"] == "stale_data")
    assert (stale["observed"], stale["expected"], stale["severity"]) == (3.0, 2.0, "medium")
    ended = [row for row in rows(lake, "incidents", day(8)) if row["status"] == "resolved"]
    assert {row["id"] for row in ended} == {drop, bad}  # day 8 had not ended: its drop does not count
    assert {row["title"] for row in ended} == {
        "Leads nuevos: 75 % por debajo de lo esperado, día 3",
        "Tabla events: 1 fila en cuarentena, día 1",
    }


def test_days_computed_again_in_any_order_agree_with_days_one_by_one(lake: Path, tmp_path: Path) -> None:
    """Days of a range that lack the day before, a backfill of a single day, and a second run publish the same."""
    shutil.copytree(lake, tmp_path / "lake")
    numbers = range(1, 9)
    expected = {
        number: (follow(lake, number)["alerts"].value, rows(lake, "incidents", day(number))) for number in numbers
    }
    assert any(found for _, found in expected.values())
    shutil.rmtree(tmp_path / "lake" / "incidents", ignore_errors=True)
    for number in (8, 3, 5, 1, 2, 4, 6, 7, 3):
        alerts = follow(tmp_path / "lake", number)["alerts"].value
        assert (alerts, rows(tmp_path / "lake", "incidents", day(number))) == expected[number]


def test_past_alerts_can_be_simulated_in_another_language(lake: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("locale: en\nincidents: {quiet_days: 1}\n", encoding="utf-8")
    result = call("simulate-alerts", "--lake", str(lake), "--policy", str(policy), "--from", "2026-03-03")
    assert result.exit_code == 0
    assert "Resolved: New leads 75 %" in result.stdout
    assert "opened     high" not in result.stdout.split("2026-03-04")[0]
    assert result.stdout.endswith("4 alerts on 4 of 6 days; nothing was sent\n")
    said = refused("simulate-alerts", "--lake", str(lake), "--from", "2027-01-01")
    assert "has metric_watch from 2026-03-01 to 2026-03-08; name days within" in said


def test_an_acknowledged_incident_is_listed_and_silent(lake: Path) -> None:
    follow(lake, 2)
    for number in range(3, 9):
        (lake / "incidents" / f"date={day(number)}" / "data.parquet").unlink(missing_ok=True)
    incident = "new_leads:all:drop:2026-03-02"
    options = ("--lake", str(lake), "--ack", incident)
    assert "needs --until DAY and --why TEXT" in refused("incidents", *options)
    assert "before 2026-03-03" in refused("incidents", *options, "--until", "2026-03-02", "--why", "known")
    other = ("--lake", str(lake), "--ack", "unknown", "--until", "2026-03-09", "--why", "known")
    assert f"open are: {incident}" in refused("incidents", *other)
    assert call("incidents", *options, "--until", "2026-03-09", "--why", "The form is rebuilt").exit_code == 0
    (row,) = rows(lake, "acknowledgements", day(3))
    assert (row["id"], row["until"], row["why"]) == (incident, dt.date(2026, 3, 9), "The form is rebuilt")
    assert [each["kind"] for each in follow(lake, 3)["alerts"].value] == ["quarantine"]
    listed = call("incidents", "--lake", str(lake), "--open").stdout
    assert f"id: {incident}" in listed
    assert "acknowledged up to 2026-03-09" in listed
    assert listed.endswith("2 open and 0 ended incidents as of 2026-03-03\n")
    silent = call("simulate-alerts", "--lake", str(lake), "--from", "2026-03-03", "--to", "2026-03-07").stdout
    assert "Leads nuevos" not in silent


def test_a_lake_without_incidents_is_refused(tmp_path: Path) -> None:
    assert "has no incidents" in refused("incidents", "--lake", str(tmp_path))
    assert "has metric_watch of no day" in refused("simulate-alerts", "--lake", str(tmp_path))
