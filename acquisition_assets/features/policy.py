"""Here: the typed part of the policy that the features read.

Not here: anything about outputs.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Annotated

from pydantic import Field, model_validator

from acquisition_assets.core.policy import Days, Hours, LowerText, Percent, Section

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


class PlatformPolicy(Section):
    """How a lead's channel is told from its source, utm fields and referrer.

    What names and domains say wins over other_social, so a network can be given a name without taking it out there.
    """

    names: dict[LowerText, list[LowerText]]
    domains: dict[LowerText, list[LowerText]]
    other_social: list[LowerText]
    other_social_domains: list[LowerText]
    social_names_alone: list[LowerText]
    social_words: list[LowerText]
    shortest_word: Annotated[int, Field(ge=2, le=20)]
    social_name: LowerText

    @model_validator(mode="after")
    def _consistent(self) -> PlatformPolicy:
        if set(self.names) != set(self.domains):
            raise ValueError("names and domains must list the same platforms")
        if not all(word.isalnum() for word in self.social_words):
            raise ValueError("each of social_words must be one word of letters and digits")
        if self.social_name in self.names:
            raise ValueError(f"social_name must not be the platform {self.social_name!r}")
        named = [word for words in (*self.names.values(), *self.domains.values()) for word in words]
        for words in (named, [*self.other_social, *self.other_social_domains]):
            twice = [word for word, times in Counter(words).items() if times > 1]
            if twice:
                raise ValueError(f"{twice[0]!r} stands twice")
        return self
