"""Types the section `features` of the policy.

The numbers of the outputs are left to the products.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from acquisition_assets.core.policy import Days, Section

LocalHour = Annotated[int, Field(ge=0, le=23)]
IsoWeekday = Annotated[int, Field(ge=1, le=7)]


class FeaturePolicy(Section):
    """Windows of the features, and what business hours and weekdays are."""

    history_days: Days
    recent_days: Days
    month_days: Days
    metrics_days: Days
    first_business_hour: LocalHour
    last_business_hour: LocalHour
    last_weekday: IsoWeekday

    @model_validator(mode="after")
    def _ordered(self) -> FeaturePolicy:
        if not self.recent_days <= self.month_days <= self.history_days:
            raise ValueError("recent_days <= month_days <= history_days must hold")
        if self.first_business_hour > self.last_business_hour:
            raise ValueError("first_business_hour must not be after last_business_hour")
        return self
