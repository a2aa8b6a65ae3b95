"""Holds everything an asset needs at run time: the lake, the engine, the business days and the progress callback.

Products and their numbers are left to their rooms.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from zoneinfo import ZoneInfo

import dagster as dg

from acquisition_assets.core.days import end_of_day
from acquisition_assets.core.engine.session import Engine
from acquisition_assets.core.lake import Lake

DEFAULT_FIRST_DAY = dt.date(2020, 1, 1)


def no_progress(asset: str, rows: int, seconds: float) -> None:
    """Tell nobody."""


def no_wait(step: str, day: dt.date) -> AbstractContextManager[None]:
    """Wait for nobody."""
    return nullcontext()


@dataclass(frozen=True)
class Env:
    """The house that the assets are built in.

    progress: told each published table with its rows and seconds; refresh: whether today's unfinished day may be
    materialised; turn: entered by each step, it waits where other days must come first.
    """

    lake: Lake
    engine: Engine
    tz: ZoneInfo
    first_day: dt.date = DEFAULT_FIRST_DAY
    refresh: bool = False
    progress: Callable[[str, int, float], None] = field(default=no_progress, compare=False)
    ordering: Callable[[str, dt.date], AbstractContextManager[None]] = field(default=no_wait, compare=False)

    @cached_property
    def partitions(self) -> dg.DailyPartitionsDefinition:
        """The business days that can be materialised: those that have ended, and today where it is refreshed."""
        return dg.DailyPartitionsDefinition(
            start_date=self.first_day.isoformat(), timezone=self.tz.key, end_offset=1 if self.refresh else 0
        )

    def earlier(self, day: dt.date, **window: float) -> dt.datetime:
        """The instant that lies so many 24-hour days (or hours) before T of the day."""
        return end_of_day(day, self.tz) - dt.timedelta(**window)
