"""Types the parts of the policy that say when an incident opens, is repeated and ends, and when alerts are held back.

Leaves the rules that use the numbers to `lifecycle` and to `automation`.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from acquisition_assets.core.policy import Days, Section

DAYS_OF_WEEK = 7


class IncidentPolicy(Section):
    """The life of an incident, and how grave a change is.

    window_days: partitions that incidents are computed from, the day's own included.
    quiet_days: days in a row within the expected range that end an incident.
    worse_factor: a change this many times as large as the one alerted last is alerted as worse.
    repeat_days: an open incident is alerted again whenever its age is a multiple of these days.
    high_drop_percent, high_spike_percent: the least change of high severity.
    quarantine_rows: bad rows of a table in a run that open an incident.
    """

    window_days: Days
    quiet_days: Annotated[int, Field(ge=1, le=14)]
    worse_factor: Annotated[float, Field(gt=1, le=10)]
    repeat_days: Days
    high_drop_percent: Annotated[float, Field(gt=0, le=100)]
    high_spike_percent: Annotated[float, Field(gt=0, le=100_000)]
    quarantine_rows: Annotated[int, Field(ge=1, le=1_000_000_000)]


def _date(value: object) -> object:
    try:
        return dt.datetime.strptime(value, "%Y-%m-%d").date() if isinstance(value, str) else value  # noqa: DTZ007
    except ValueError as error:
        raise ValueError("must be a date, such as 2026-12-25") from error


Hour = Annotated[int, Field(ge=0, le=23)]


class AlertPolicy(Section):
    """When alerts are held back until later, in the business time zone.

    quiet_from_hour, quiet_until_hour: no alert is sent from the first hour to the second, which may be of the next day;
    null for none. quiet_weekdays: ISO weekdays, Monday is 1; quiet_dates: more such days.
    """

    quiet_from_hour: Hour | None = None
    quiet_until_hour: Hour | None = None
    quiet_weekdays: list[Annotated[int, Field(ge=1, le=7)]]
    quiet_dates: list[Annotated[dt.date, BeforeValidator(_date)]]

    @model_validator(mode="after")
    def _some_time_left(self) -> AlertPolicy:
        if (self.quiet_from_hour is None) != (self.quiet_until_hour is None):
            raise ValueError("quiet_from_hour and quiet_until_hour need each other")
        if self.quiet_from_hour is not None and self.quiet_from_hour == self.quiet_until_hour:
            raise ValueError("quiet_from_hour and quiet_until_hour must differ")
        if len(set(self.quiet_weekdays)) == DAYS_OF_WEEK:
            raise ValueError("quiet_weekdays must leave a day")
        return self

    def is_quiet(self, local: dt.datetime) -> bool:
        """Return whether alerts are held back at a time of the business time zone."""
        if local.isoweekday() in self.quiet_weekdays or local.date() in self.quiet_dates:
            return True
        first, last = self.quiet_from_hour, self.quiet_until_hour
        if first is None or last is None:
            return False
        return first <= local.hour < last if first < last else local.hour >= first or local.hour < last
