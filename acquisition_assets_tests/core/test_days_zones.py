"""Protects the boundaries of business days in many time zones, and the tables of them that SQL reads."""

from __future__ import annotations

import datetime as dt
import itertools
import zoneinfo
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition_assets.core.days import (
    DAY_US,
    EPOCH,
    FIRST_TABULATED_DAY,
    UTC,
    DayRun,
    day_of,
    day_runs,
    days_between,
    end_of_day,
    microseconds,
    offset_runs,
    parse_day,
    start_of_day,
    zone,
)
from acquisition_assets.core.errors import InputError
from acquisition_assets_tests.kit.examples import examples
from acquisition_assets_tests.oracle import reference

LAST = dt.date(2037, 12, 31)
US = dt.timedelta(microseconds=1)
HOUR = dt.timedelta(hours=1)
NOTED = (
    "UTC",
    "Europe/Madrid",
    "America/New_York",
    "Africa/Cairo",
    "America/Havana",
    "America/St_Johns",
    "Pacific/Apia",
    "Australia/Lord_Howe",
    "Asia/Tehran",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "America/Asuncion",
    "America/Scoresbysund",
    "Africa/Casablanca",
    "Antarctica/Troll",
    "Pacific/Kwajalein",
    "Asia/Kathmandu",
    "Africa/Monrovia",
)
"""Zones that skip or repeat midnight, change by half an hour or two hours, lose a whole day, or keep odd seconds."""


class Day(NamedTuple):
    """A day in a zone: when it begins and ends in UTC, and how many hours it has."""

    tz: str
    day: str
    start: str
    end: str
    hours: float


DAYS = (
    Day("UTC", "2026-03-10", "2026-03-10 00:00", "2026-03-11 00:00", 24),
    Day("Europe/Madrid", "2024-03-31", "2024-03-30 23:00", "2024-03-31 22:00", 23),
    Day("Europe/Madrid", "2024-10-27", "2024-10-26 22:00", "2024-10-27 23:00", 25),
    Day("America/New_York", "2024-03-10", "2024-03-10 05:00", "2024-03-11 04:00", 23),
    Day("America/New_York", "2024-11-03", "2024-11-03 04:00", "2024-11-04 05:00", 25),
    Day("Australia/Lord_Howe", "2024-04-07", "2024-04-06 13:00", "2024-04-07 13:30", 24.5),
    Day("Australia/Lord_Howe", "2024-10-06", "2024-10-05 13:30", "2024-10-06 13:00", 23.5),
    # 2024-04-26 begins at 01:00, when the clock jumps over midnight
    Day("Africa/Cairo", "2024-04-25", "2024-04-24 22:00", "2024-04-25 22:00", 24),
    Day("Africa/Cairo", "2024-04-26", "2024-04-25 22:00", "2024-04-26 21:00", 23),
    # at midnight of 2023-10-27 the clock goes back to 23:00: midnight strikes twice, and the first counts
    Day("Africa/Cairo", "2023-10-26", "2023-10-25 21:00", "2023-10-26 22:00", 25),
    # at 01:00 of 2024-11-03 the clock goes back to midnight
    Day("America/Havana", "2024-11-02", "2024-11-02 04:00", "2024-11-03 04:00", 24),
    Day("America/Havana", "2024-11-03", "2024-11-03 04:00", "2024-11-04 05:00", 25),
    Day("America/Havana", "2024-03-10", "2024-03-10 05:00", "2024-03-11 04:00", 23),
    # at 00:01 of 2010-11-07 the clock went back to 23:01
    Day("America/St_Johns", "2010-11-06", "2010-11-06 02:30", "2010-11-07 02:30", 24),
    Day("America/St_Johns", "2010-11-07", "2010-11-07 02:30", "2010-11-08 03:30", 25),
    # 2011-12-30 did not take place
    Day("Pacific/Apia", "2011-12-29", "2011-12-29 10:00", "2011-12-30 10:00", 24),
    Day("Pacific/Apia", "2011-12-30", "2011-12-30 10:00", "2011-12-30 10:00", 0),
    Day("Pacific/Apia", "2011-12-31", "2011-12-30 10:00", "2011-12-31 10:00", 24),
)


@pytest.mark.parametrize("case", DAYS, ids=lambda case: f"{case.tz} {case.day}")
def test_where_a_day_begins_and_ends(case: Day) -> None:
    tz, day = ZoneInfo(case.tz), dt.date.fromisoformat(case.day)
    start, end = start_of_day(day, tz), end_of_day(day, tz)
    assert (f"{start:%Y-%m-%d %H:%M}", f"{end:%Y-%m-%d %H:%M}") == (case.start, case.end)
    assert end - start == case.hours * HOUR
    if case.hours:
        assert day_of(start, tz) == day_of(end - US, tz) == day
    assert day_of(start - US, tz) < day < day_of(end, tz)


def tabulated_day(instant: dt.datetime, runs: tuple[DayRun, ...]) -> dt.date:
    """Return the business day that the runs give, read as the SQL macro reads them."""
    us = microseconds(instant)
    run = next(run for run in runs if us >= run.start_us)
    number = (us - run.start_us) // DAY_US
    return FIRST_TABULATED_DAY + dt.timedelta(days=run.first_day + (min(number, 0) if run.days == 1 else number))


@cache
def changes(name: str) -> tuple[dt.datetime, ...]:
    """Return the instants at which the offset of a zone changes, found hour by hour."""
    tz = ZoneInfo(name)
    first = dt.datetime(1970, 1, 1, tzinfo=UTC)
    hours = (dt.datetime(LAST.year + 1, 1, 1, tzinfo=UTC) - first) // HOUR
    found = []
    for day in range(0, hours, 24):
        if (first + day * HOUR).astimezone(tz).utcoffset() == (first + (day + 24) * HOUR).astimezone(tz).utcoffset():
            continue
        low, high = first + day * HOUR, first + (day + 24) * HOUR
        while high - low > dt.timedelta(seconds=1):
            middle = low + (high - low) // 2
            same = middle.astimezone(tz).utcoffset() == low.astimezone(tz).utcoffset()
            low, high = (middle, high) if same else (low, middle)
        found.append(high.replace(microsecond=0))
    return tuple(found)


@pytest.mark.parametrize("name", NOTED)
def test_tabulated_days_and_offsets_are_right_around_every_clock_change(name: str) -> None:
    tz = ZoneInfo(name)
    runs, offsets = day_runs(tz, LAST), offset_runs(tz, LAST)
    assert len(offsets) >= len(changes(name))
    around = (-49, -25, -24, -2, -1, 0, 1, 2, 24, 25, 49)
    instants = [change + hours * HOUR + edge for change in changes(name) for hours in around for edge in (-US, 0 * US)]
    for change in changes(name):
        day = change.astimezone(tz).date()
        for near in days_between(day - dt.timedelta(days=2), day + dt.timedelta(days=2)):
            start = start_of_day(near, tz)
            instants += [start - US, start, start + US]
    for instant in instants:
        if not EPOCH <= instant < end_of_day(LAST, tz):
            continue
        assert tabulated_day(instant, runs) == day_of(instant, tz), instant
        offset = next(run.offset_us for run in offsets if microseconds(instant) >= run.start_us)
        assert offset * US == instant.astimezone(tz).utcoffset(), instant


@pytest.mark.parametrize("name", NOTED)
def test_days_follow_each_other_without_gaps_or_overlaps(name: str) -> None:
    tz = ZoneInfo(name)
    runs = sorted(day_runs(tz, LAST), key=lambda run: run.first_day)
    assert runs[0].first_day == 0
    for run, following in itertools.pairwise(runs):
        assert run.first_day + run.days == following.first_day
        assert run.start_us <= following.start_us
        if run.days > 1:
            assert run.start_us + run.days * DAY_US == following.start_us
    assert runs[-1].first_day + runs[-1].days == (LAST - FIRST_TABULATED_DAY).days + 1
    starts = [start_of_day(FIRST_TABULATED_DAY + dt.timedelta(days=run.first_day), tz) for run in runs]
    assert [microseconds(start) for start in starts] == [run.start_us for run in runs]


ZONES = sorted(zoneinfo.available_timezones() - {"localtime", "Factory"})


@examples(300)
@given(
    st.sampled_from(ZONES),
    st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2037, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_every_instant_belongs_to_the_day_that_contains_it(name: str, instant: dt.datetime) -> None:
    tz = ZoneInfo(name)
    day = day_of(instant, tz)
    assert start_of_day(day, tz) <= instant < end_of_day(day, tz)
    assert day == reference.day_of(instant, name)
    assert end_of_day(day, tz) == reference.end_of_day(day, name)


def test_days_between_and_names() -> None:
    first = dt.date(2024, 2, 28)
    assert [day.day for day in days_between(first, dt.date(2024, 3, 1))] == [28, 29, 1]
    assert days_between(first, first) == [first]
    assert days_between(first, dt.date(2024, 2, 27)) == []
    assert parse_day("2024-02-29") == dt.date(2024, 2, 29)
    assert zone("Europe/Madrid") == ZoneInfo("Europe/Madrid")


@pytest.mark.parametrize("text", ["2023-02-29", "29/02/2024", "yesterday", "", "2024-02-29T00:00"])
def test_an_invalid_date_is_refused_with_the_expected_format(text: str) -> None:
    with pytest.raises(InputError, match=r"is not a date; write it as YYYY-MM-DD"):
        parse_day(text)


@pytest.mark.parametrize("name", ["Madrid", "", "../etc/passwd", "Europe/Madrid\n", "europe", "/UTC"])
def test_an_unknown_zone_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(InputError, match=r"set ACQUISITION_TIMEZONE to an IANA name"):
        zone(name)
