"""Protects the sensor that refreshes today when the database has new rows.

The watermark is tested in test_postgres_source.py.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from acquisition_assets.automation import refresh
from acquisition_assets.commands.day import run_day
from acquisition_assets.core.days import day_of
from acquisition_assets.core.engine.duckdb import DuckDBEngine
from acquisition_assets.core.env import Env
from acquisition_assets.core.errors import SourceUnavailableError
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.settings import Settings
from acquisition_assets.definitions import build_defs
from acquisition_assets.sources.postgres import PostgresSource

from .conftest import Database

UTC = dt.timezone.utc
NOON = dt.datetime(2026, 9, 30, 12, tzinfo=UTC)


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.instant = NOON

    def __call__(self) -> dt.datetime:
        return self.instant


class Ticks:
    """The sensor with its cursor, as the daemon keeps it."""

    def __init__(self, database: Database, folder: Path, instance: dg.DagsterInstance, zone: str = "UTC") -> None:
        lake = Lake(str(folder))
        env = Env(lake, DuckDBEngine(lake), ZoneInfo(zone), refresh=True)
        self.clock = Clock()
        self.instance = instance
        self.sensor = refresh.build(env, PostgresSource(database.url), "daily_acquisition", 15, self.clock)
        self.cursor: str | None = None

    def tick(self, minutes: float = 0) -> list[dg.RunRequest] | str:
        """Return the requested runs, or why there are none, this many minutes after the last tick."""
        self.clock.instant += dt.timedelta(minutes=minutes)
        with dg.build_sensor_context(instance=self.instance, cursor=self.cursor) as context:
            result = self.sensor(context)
        if isinstance(result, dg.SkipReason):
            return result.skip_message or ""
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        return list(result.run_requests or [])


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def test_new_rows_refresh_today_at_most_every_so_many_minutes(
    source_database: Database, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    ticks = Ticks(source_database, tmp_path, instance)
    (first,) = ticks.tick()
    assert isinstance(first, dg.RunRequest)
    assert first.partition_key == "2026-09-30"
    source_database.run("insert into organic_leads (lead_id) values ('1')")
    assert "the next one 15 minutes later" in ticks.tick(14.9)
    (second,) = ticks.tick(0.1)
    assert isinstance(second, dg.RunRequest)
    assert second.run_key != first.run_key
    assert ticks.tick(15) == "no new rows"
    assert ticks.tick(1) == "no new rows"
    source_database.run("insert into referrals (referral_id, referrer_lead_id) values ('r', '1')")
    assert len(ticks.tick(1)) == 1


@pytest.mark.parametrize(
    ("zone", "instant", "today"),
    [
        ("UTC", NOON, "2026-09-30"),
        ("Pacific/Auckland", NOON, "2026-10-01"),
        ("America/Havana", dt.datetime(2026, 3, 8, 4, 59, tzinfo=UTC), "2026-03-07"),
        ("America/Havana", dt.datetime(2026, 3, 8, 5, 0, tzinfo=UTC), "2026-03-08"),
    ],
)
def test_today_is_the_business_day(
    source_database: Database, tmp_path: Path, instance: dg.DagsterInstance, zone: str, instant: dt.datetime, today: str
) -> None:
    """This also holds on a day whose midnight the clock skips."""
    ticks = Ticks(source_database, tmp_path, instance, zone)
    ticks.clock.instant = instant
    (request,) = ticks.tick()
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == today


def test_no_second_refresh_while_one_runs(
    source_database: Database, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    ticks = Ticks(source_database, tmp_path, instance)
    run = dg.DagsterRun(job_name="daily_acquisition", tags=refresh.TAG, status=dg.DagsterRunStatus.STARTED)
    instance.add_run(run)
    assert ticks.tick() == "the last refresh has not ended"


@pytest.mark.parametrize(
    ("status", "again"), [(dg.DagsterRunStatus.FAILURE, True), (dg.DagsterRunStatus.SUCCESS, False)]
)
def test_a_failed_refresh_is_requested_again_without_new_rows(
    source_database: Database,
    tmp_path: Path,
    instance: dg.DagsterInstance,
    status: dg.DagsterRunStatus,
    again: bool,
) -> None:
    ticks = Ticks(source_database, tmp_path, instance)
    (first,) = ticks.tick()
    instance.add_run(dg.DagsterRun(job_name="daily_acquisition", tags=refresh.TAG, status=status))
    assert "the next one 15 minutes later" in ticks.tick(14)
    found = ticks.tick(1)
    if again:
        (request,) = found
        assert isinstance(first, dg.RunRequest)
        assert isinstance(request, dg.RunRequest)
        assert request.partition_key == first.partition_key
        assert request.run_key != first.run_key
    else:
        assert found == "no new rows"


def test_an_unresponsive_source_fails_the_tick_and_is_queried_again(
    source_database: Database, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    ticks = Ticks(source_database, tmp_path, instance)
    source_database.server.stop()
    try:
        with pytest.raises(SourceUnavailableError):
            ticks.tick()
    finally:
        source_database.server.start()
    assert len(ticks.tick()) == 1


def test_today_is_refreshed_from_the_database(
    source_database: Database, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    """A tick of the sensor requests a run, and a new row of the database is there after it."""
    today = day_of(dt.datetime.now(UTC), ZoneInfo("UTC"))
    settings = Settings.from_environment(
        {}, source=source_database.url, lake=str(tmp_path / "lake"), refresh_minutes="15", start_date="2026-01-01"
    )
    definitions = build_defs(settings)
    sensor = definitions.resolve_sensor_def("refresh_today")
    cursor = None

    def refresh() -> int:
        """Tick, run what the tick requests, and return the leads of today after it."""
        nonlocal cursor
        with dg.build_sensor_context(instance=instance, cursor=cursor, definitions=definitions) as context:
            data = sensor.evaluate_tick(context)
        # As if a quarter of an hour had passed.
        cursor = json.dumps(json.loads(data.cursor or "") | {"requested_at": "2000-01-01T00:00:00+00:00"})
        for request in data.run_requests or []:
            assert run_day(definitions, dt.date.fromisoformat(str(request.partition_key)), instance).exit_code == 0
        return Lake(settings.lake).row_count("raw_leads", today)

    new_lead = "insert into organic_leads (lead_id, created_at, updated_at) values (%s, %s, %s)"
    start = dt.datetime.combine(today, dt.time())
    source_database.run(new_lead, "1", start, start)
    assert refresh() == 1
    source_database.run(new_lead, "2", start, start + dt.timedelta(seconds=1))
    assert refresh() == 2
    assert refresh() == 2


def test_the_sensor_is_off_by_default(source_database: Database, tmp_path: Path) -> None:
    """Without minutes there is no sensor, and today cannot be materialised."""
    lake = str(tmp_path / "lake")
    for minutes, is_there in ((None, False), ("15", True)):
        settings = Settings.from_environment({}, source=source_database.url, lake=lake, refresh_minutes=minutes)
        definitions = build_defs(settings)
        assert ("refresh_today" in {sensor.name for sensor in definitions.sensors or []}) == is_there


def test_the_daily_schedule_fills_yesterday_also_where_today_is_refreshed(source_database: Database) -> None:
    settings = Settings.from_environment({}, source=source_database.url, refresh_minutes="15")
    schedule = build_defs(settings).resolve_schedule_def("daily")
    at = dt.datetime(2026, 10, 1, 6, tzinfo=UTC)
    with dg.build_schedule_context(scheduled_execution_time=at) as context:
        request = schedule(context)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-09-30"
