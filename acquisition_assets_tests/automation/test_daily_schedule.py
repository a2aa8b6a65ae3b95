"""Protects the daily schedule: every day is requested once after it has ended, also across clock changes."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from acquisition_assets.automation.jobs import DAILY_JOB
from acquisition_assets.core.days import day_of, end_of_day
from acquisition_assets.core.errors import InputError
from acquisition_assets.core.settings import Settings
from acquisition_assets.definitions import build_defs

UTC = dt.timezone.utc


def schedule(zone: str, **settings: str) -> dg.ScheduleDefinition:
    given = {"source": ".", "start_date": "2020-01-01", **settings}
    (made,) = build_defs(Settings.from_environment({}, timezone=zone, **given)).schedules or ()
    assert isinstance(made, dg.ScheduleDefinition)
    return made


def ticks(made: dg.ScheduleDefinition, after: dt.datetime, count: int) -> list[dt.datetime]:
    """The next times at which the daemon evaluates the schedule."""
    times = schedule_execution_time_iterator(after.timestamp(), str(made.cron_schedule), made.execution_timezone)
    return [next(times) for _ in range(count)]


def asked(made: dg.ScheduleDefinition, at: dt.datetime) -> str:
    """The day that a tick asks for."""
    with dg.build_schedule_context(scheduled_execution_time=at) as context:
        result = made(context)
    assert isinstance(result, dg.RunRequest)
    assert result.run_key == result.partition_key
    return str(result.partition_key)


CHANGES = [
    ("Europe/Madrid", "2025-03-29"),
    ("Europe/Madrid", "2025-10-25"),
    ("America/New_York", "2025-03-08"),
    ("America/New_York", "2025-11-01"),
    ("America/Havana", "2026-03-07"),  # midnight of the 8th is skipped
    ("America/Havana", "2025-11-01"),  # midnight of the 2nd strikes twice
    ("Asia/Kolkata", "2025-06-30"),
    ("Pacific/Auckland", "2025-12-30"),
    ("UTC", "2024-02-28"),
]


@pytest.mark.parametrize(("zone", "first"), CHANGES)
@pytest.mark.parametrize(("hour", "minute"), [(6, 0), (0, 0), (2, 30), (23, 45)])
def test_every_day_is_asked_for_once_after_it_has_ended(zone: str, first: str, hour: int, minute: int) -> None:
    made, tz = schedule(zone, schedule_hour=str(hour), schedule_minute=str(minute)), ZoneInfo(zone)
    start = dt.datetime.combine(dt.date.fromisoformat(first), dt.time(12), tz)
    found = ticks(made, start, 4)
    days = [dt.date.fromisoformat(first) + dt.timedelta(days=n) for n in range(5)]
    asked_for = [dt.date.fromisoformat(asked(made, at)) for at in found]
    expected = days[:4] if hour < 12 else [days[0] - dt.timedelta(days=1), *days[:3]]
    assert asked_for == expected
    for at, day in zip(found, asked_for, strict=True):
        assert at >= end_of_day(day, tz), f"{day} is asked for at {at}, before it has ended"
        local = at.astimezone(tz)
        assert (local.hour, local.minute) in {(hour, minute), (hour + 1, 0), (hour + 1, minute)}


@pytest.mark.parametrize(("zone", "first"), CHANGES)
def test_the_day_that_a_tick_asks_for_is_the_newest_that_can_be_materialised(zone: str, first: str) -> None:
    made, tz = schedule(zone), ZoneInfo(zone)
    start = dt.datetime.combine(dt.date.fromisoformat(first), dt.time(12), tz)
    partitions = dg.DailyPartitionsDefinition("2020-01-01", timezone=zone)
    for at in ticks(made, start, 4):
        assert partitions.get_partition_keys(current_time=at)[-1] == asked(made, at)
        assert (at.astimezone(tz).hour, at.astimezone(tz).minute) == (6, 0)


def test_a_day_before_the_first_is_not_asked_for() -> None:
    made = schedule("UTC", start_date="2025-03-10")
    with dg.build_schedule_context(scheduled_execution_time=dt.datetime(2025, 3, 10, 6, tzinfo=UTC)) as context:
        result = made(context)
    assert isinstance(result, dg.SkipReason)
    assert result.skip_message == "2025-03-09 is before the first day, 2025-03-10"
    assert asked(made, dt.datetime(2025, 3, 11, 6, tzinfo=UTC)) == "2025-03-10"


def test_days_end_with_the_sample_for_partitions_and_schedule() -> None:
    """Dagster's "Latest" is the sample's last day; the command line may ask for a day after it."""
    settings = Settings.from_environment({}, source="sample")
    keys = [newest(build_defs(settings)), newest(build_defs(settings, up_to=dt.date(2026, 10, 5)))]
    assert keys == ["2026-09-30", "2026-10-05"]
    yesterday = day_of(dt.datetime.now(UTC), ZoneInfo("UTC")) - dt.timedelta(days=1)
    assert newest(build_defs(Settings.from_environment({}, source="."))) == yesterday.isoformat()
    made = schedule("UTC", source="sample")
    with dg.build_schedule_context(scheduled_execution_time=dt.datetime(2026, 10, 2, 6, tzinfo=UTC)) as context:
        result = made(context)
    assert isinstance(result, dg.SkipReason)
    assert result.skip_message == "2026-10-01 is after the last day of the source, 2026-09-30"
    assert asked(made, dt.datetime(2026, 10, 1, 6, tzinfo=UTC)) == "2026-09-30"


def test_a_first_day_after_the_sample_is_refused() -> None:
    with pytest.raises(InputError, match="2026-11-01 is after 2026-09-30, the last day of the source sample"):
        build_defs(Settings.from_environment({}, source="sample", start_date="2026-11-01"))


def newest(defs: dg.Definitions) -> str:
    """Return the newest day of the daily job, which the dialog of the UI offers as "Latest"."""
    partitions = defs.resolve_job_def(DAILY_JOB).partitions_def
    assert partitions
    return str(partitions.get_last_partition_key())


def test_it_runs_by_itself_but_for_the_sample() -> None:
    assert schedule("UTC").default_status == dg.DefaultScheduleStatus.RUNNING
    assert schedule("UTC", source="sample").default_status == dg.DefaultScheduleStatus.STOPPED
    assert schedule("UTC").job_name == DAILY_JOB


def test_its_description_says_when() -> None:
    made = schedule("Europe/Madrid", schedule_hour="7", schedule_minute="5")
    assert made.description == "Every day at 07:05 (Europe/Madrid), for the business day that has just ended."
