"""Types the section `features` of the policy.

The numbers of the outputs are left to the products.
"""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field, model_validator

from acquisition_assets.core.policy import Days, Hours, Percent, Section

HOURS_OF_A_DAY = 24
LocalHour = Annotated[int, Field(ge=0, le=23)]
IsoWeekday = Annotated[int, Field(ge=1, le=7)]


def whole_days(hours: float) -> int:
    """Return the least number of days that are as long as these hours."""
    return math.ceil(hours / HOURS_OF_A_DAY)


class FeaturePolicy(Section):
    """Windows of the features, and what business hours and weekdays are."""

    history_days: Days
    recent_days: Days
    month_days: Days
    metrics_days: Days
    watched_days: Days
    watched_channel_mean: Annotated[float, Field(ge=0, le=1_000_000)]
    first_business_hour: LocalHour
    last_business_hour: LocalHour
    last_weekday: IsoWeekday
    opened_hours: Hours
    longest_address: Annotated[int, Field(ge=6, le=1000)]
    dated_hours: Hours
    undated_percent: Percent

    @model_validator(mode="after")
    def _ordered(self) -> FeaturePolicy:
        if not self.recent_days <= self.month_days <= self.history_days:
            raise ValueError("recent_days <= month_days <= history_days must hold")
        if self.first_business_hour > self.last_business_hour:
            raise ValueError("first_business_hour must not be after last_business_hour")
        return self
