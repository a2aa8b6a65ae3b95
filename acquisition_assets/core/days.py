"""Computes business days: when a day starts and ends in a time zone, and which day an instant belongs to.

What is computed for a day is left to the products.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from acquisition_assets.core.errors import InputError

UTC = dt.timezone.utc
EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)
DAY_US = 86_400_000_000
FIRST_TABULATED_DAY = dt.date(1970, 1, 1)


def zone(name: str, setting: str = "ACQUISITION_TIMEZONE") -> ZoneInfo:
    """Return the IANA time zone with this name; errors name the setting it came from.

    Raises:
        InputError: The name is not in the IANA database.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(
            f"time zone {name!r} is unknown; set {setting} to an IANA name such as Europe/Madrid"
        ) from error


def parse_day(text: str, what: str = "date") -> dt.date:
    """Return the calendar date that is written as YYYY-MM-DD.

    Raises:
        InputError: The text is anything else.
    """
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise InputError(f"{what} {text!r} is not a date; write it as YYYY-MM-DD") from error


@lru_cache(maxsize=100_000)
def end_of_day(day: dt.date, tz: ZoneInfo) -> dt.datetime:
    """Return T of a business day: the first instant whose local time is at or past midnight of the next day.

    If the clock skips midnight, T is the instant of the jump; if midnight occurs twice, T is the first.
    """
    midnight = dt.datetime.combine(day + dt.timedelta(days=1), dt.time())
    instant = midnight.replace(tzinfo=tz).astimezone(UTC)
    if instant.astimezone(tz).replace(tzinfo=None) == midnight:
        return instant
    before, after = instant - dt.timedelta(hours=26), instant + dt.timedelta(hours=26)
    while after - before > dt.timedelta(seconds=1):
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle.astimezone(tz).replace(tzinfo=None) >= midnight:
            after = middle
        else:
            before = middle
    return after


def start_of_day(day: dt.date, tz: ZoneInfo) -> dt.datetime:
    """Return the first instant of a business day: T of the day before."""
    if day == dt.date.min:
        return dt.datetime.min.replace(tzinfo=UTC)
    return end_of_day(day - dt.timedelta(days=1), tz)


def day_of(instant: dt.datetime, tz: ZoneInfo) -> dt.date:
    """Return the business day of an instant: the day whose [start, T) contains it."""
    day = instant.astimezone(tz).date()
    while instant >= end_of_day(day, tz):
        day += dt.timedelta(days=1)
    while instant < start_of_day(day, tz):
        day -= dt.timedelta(days=1)
    return day


def days_between(first: dt.date, last: dt.date) -> list[dt.date]:
    """Return all days from first to last, both included; an empty list if last is before first."""
    return [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]


def last_days(day: dt.date, count: int) -> list[dt.date]:
    """Return this many days up to a day, oldest first."""
    return days_between(day - dt.timedelta(days=count - 1), day)


def microseconds(instant: dt.datetime) -> int:
    """Return the microseconds since 1970-01-01 UTC."""
    return (instant - EPOCH) // dt.timedelta(microseconds=1)


@dataclass(frozen=True)
class DayRun:
    """Consecutive business days of 24 hours each, or one day of another length.

    start_us: the first instant, in microseconds since the epoch.
    first_day: the first day, in days since 1970-01-01.
    days: the number of days.
    """

    start_us: int
    first_day: int
    days: int


@dataclass(frozen=True)
class OffsetRun:
    """A stretch with one UTC offset: from start_us (microseconds since the epoch), local time is UTC + offset_us."""

    start_us: int
    offset_us: int


@lru_cache(maxsize=64)
def offset_runs(tz: ZoneInfo, last: dt.date) -> tuple[OffsetRun, ...]:
    """Return the UTC offsets from 1970 to the end of `last`, newest first."""

    def offset(second: int) -> dt.timedelta:
        return (EPOCH + dt.timedelta(seconds=second)).astimezone(tz).utcoffset() or dt.timedelta()

    step = 86_400
    current = offset(0)
    runs = [OffsetRun(0, current // dt.timedelta(microseconds=1))]
    for low in range(0, ((last - FIRST_TABULATED_DAY).days + 2) * step, step):
        following = offset(low + step)
        if following == current:
            continue
        before, after = low, low + step
        while after - before > 1:
            middle = (before + after) // 2
            before, after = (middle, after) if offset(middle) == current else (before, middle)
        current = following
        runs.append(OffsetRun(after * 1_000_000, current // dt.timedelta(microseconds=1)))
    return tuple(reversed(runs))


@lru_cache(maxsize=64)
def day_runs(tz: ZoneInfo, last: dt.date) -> tuple[DayRun, ...]:
    """Return the business days from 1970 to `last` as runs of equally long days, newest first.

    Only days near a change of offset can be longer or shorter than 24 hours, so only those are examined one by one.
    """
    edges = {FIRST_TABULATED_DAY, last + dt.timedelta(days=1)}
    for run in offset_runs(tz, last)[:-1]:
        change = (EPOCH + dt.timedelta(microseconds=run.start_us)).date()
        edges |= {change + dt.timedelta(days=n) for n in range(-2, 4)}
    days = sorted(day for day in edges if FIRST_TABULATED_DAY <= day <= last + dt.timedelta(days=1))
    starts = [microseconds(start_of_day(day, tz)) for day in days]
    runs: list[DayRun] = []
    for day, start, following, end in zip(days, starts, days[1:], starts[1:], strict=False):
        count = (following - day).days
        previous = runs[-1] if runs else None
        regular = end - start == count * DAY_US
        if previous and regular and previous.start_us + previous.days * DAY_US == start:
            runs[-1] = DayRun(previous.start_us, previous.first_day, previous.days + count)
        else:
            runs.append(DayRun(start, (day - FIRST_TABULATED_DAY).days, count))
    return tuple(reversed(runs))
