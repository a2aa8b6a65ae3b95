"""Holds everything an asset needs at run time: the lake, the engine, the business days and the progress callback.

What the assets compute is left to the products.
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
    """Do nothing: the default progress callback."""


def no_wait(step: str, day: dt.date) -> AbstractContextManager[None]:
    """Do not wait: the default ordering of days."""
    return nullcontext()


@dataclass(frozen=True)
class Env:
    """Everything an asset needs at run time.

    last_day: the day on which the source's data are known to end; None where they go on, so up to yesterday.
    refresh: whether today, which has not ended, may be materialised.
    progress: called for each published table with its rows and seconds.
    ordering: entered by each step; it waits if earlier days must be done first.
    """

    lake: Lake
    engine: Engine
    tz: ZoneInfo
    first_day: dt.date = DEFAULT_FIRST_DAY
    last_day: dt.date | None = None
    refresh: bool = False
    progress: Callable[[str, int, float], None] = field(default=no_progress, compare=False)
    ordering: Callable[[str, dt.date], AbstractContextManager[None]] = field(default=no_wait, compare=False)

    @cached_property
    def partitions(self) -> dg.DailyPartitionsDefinition:
        """Return the business days that can be materialised: those that have ended, and today if it is refreshed.

        Where the source's data are known to end, no later day can be materialised.
        """
        end = self.last_day + dt.timedelta(days=1) if self.last_day else None
        return dg.DailyPartitionsDefinition(
            start_date=self.first_day.isoformat(),
            end_date=end.isoformat() if end else None,
            timezone=self.tz.key,
            end_offset=1 if self.refresh and not end else 0,
        )

    def earlier(self, day: dt.date, **window: float) -> dt.datetime:
        """Return the instant that is the given days of 24 hours (or hours) before T of the day."""
        return end_of_day(day, self.tz) - dt.timedelta(**window)
