"""Protects the local day, hour and weekday that ingestion derives from each instant, around clock changes.

Where days begin and end is tested in core/test_days_zones.py.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from acquisition_assets.core.days import UTC, day_of, offset_runs, start_of_day
from acquisition_assets.core.duckdb_sql import in_memory
from acquisition_assets.raw.cells import time_macros

LAST = dt.date(2027, 12, 31)
US = dt.timedelta(microseconds=1)
MINUTE = dt.timedelta(minutes=1)
ZONES = (
    "UTC",
    "Europe/Madrid",
    "America/New_York",
    "Africa/Cairo",
    "America/Havana",
    "America/St_Johns",
    "Pacific/Apia",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Monrovia",
)


def instants(name: str) -> list[dt.datetime]:
    """Instants around each change of the offset, each beginning of a day beside it, and the edges of business hours."""
    tz = ZoneInfo(name)
    found = [dt.datetime(1970, 1, 2, tzinfo=UTC), dt.datetime(2026, 3, 10, 12, tzinfo=UTC)]
    for run in offset_runs(tz, LAST)[:-1]:
        change = dt.datetime(1970, 1, 1, tzinfo=UTC) + run.start_us * US
        found += [change + minutes * MINUTE for minutes in (-1441, -61, -60, -1, 0, 1, 59, 60, 61, 1441)]
        found += [change - US, change + US]
        for days in range(-2, 3):
            start = start_of_day(change.astimezone(tz).date() + dt.timedelta(days=days), tz)
            found += [start - US, start, start + 9 * 60 * MINUTE - US, start + 18 * 60 * MINUTE]
    return [instant for instant in found if instant.year < LAST.year]


@pytest.mark.parametrize("name", ZONES)
def test_the_local_day_hour_and_weekday_of_an_instant(name: str) -> None:
    tz, asked = ZoneInfo(name), instants(name)
    with in_memory() as connection:
        for macro in time_macros(tz, LAST):
            connection.execute(macro)
        connection.register("asked", pa.table({"x": pa.array(asked, pa.timestamp("us", "UTC"))}))
        told = connection.execute("select business_date(x), local_hour(x), local_weekday(x) from asked").fetchall()
    local = [instant.astimezone(tz) for instant in asked]
    expected = [
        (day_of(instant, tz), there.hour, there.isoweekday()) for instant, there in zip(asked, local, strict=True)
    ]
    wrong = [(at, ours, theirs) for at, ours, theirs in zip(asked, told, expected, strict=True) if ours != theirs]
    assert wrong == []
