"""Types the policy section `channel_performance`: windows, evidence, and money.

Leaves what is done with them to `comparison` and `money`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from acquisition_assets.core.policy import Count, Days, Section, Share

Confidence = Annotated[float, Field(gt=0.5, lt=1)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class ChannelPerformancePolicy(Section):
    """How channels are compared, and how much evidence a verdict and an advice need."""

    short_window_days: Days
    long_window_days: Days
    cohort_weeks: Annotated[int, Field(ge=1, le=104)]
    mature_days: Days
    confidence: Confidence
    significance: Annotated[float, Field(gt=0, lt=0.5)]
    best_probability: Confidence
    power: Confidence
    smallest_ratio: Annotated[float, Field(gt=1, le=10)]
    strongest_prior_leads: Annotated[float, Field(ge=1, le=1_000_000)]
    currency: Currency
    rates: dict[Currency, Annotated[float, Field(gt=0)]]
    budget_weeks: Annotated[int, Field(ge=1, le=52)]
    advice_share: Annotated[Share, Field(gt=0)]
    marginal_return: Annotated[Share, Field(gt=0)]
    advice_minimum_conversions: Count

    @model_validator(mode="after")
    def _windows(self) -> ChannelPerformancePolicy:
        if self.short_window_days > self.long_window_days:
            raise ValueError("short_window_days must not be longer than long_window_days")
        if self.mature_days >= self.long_window_days:
            raise ValueError(
                "mature_days must be less than long_window_days, or no lead is old enough to have converted"
            )
        return self
