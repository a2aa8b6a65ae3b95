"""Types the section `behavior_predictions` of the policy.

The calculation is left to sql/behavior_predictions/behavior_predictions.sql.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from acquisition_assets.core.policy import Days, Hours, Percent, Section, Share


class PredictionPolicy(Section):
    """Points of each factor, and the points at which each action begins."""

    engagement_points: Percent
    full_engagement_score: Annotated[float, Field(gt=0, le=100)]
    completion_points: Percent
    fast_response_hours: Hours
    fast_response_points: Percent
    response_hours: Hours
    response_points: Percent
    business_hours_share: Share
    business_hours_points: Percent
    weekday_share: Share
    weekday_points: Percent
    recent_days: Days
    recent_points: Percent
    week_days: Days
    week_points: Percent
    maximum_probability: Percent
    likely_above: Percent
    nurturing_from: Percent
    engagement_from: Percent

    @model_validator(mode="after")
    def _ordered(self) -> PredictionPolicy:
        if self.fast_response_hours >= self.response_hours:
            raise ValueError("fast_response_hours must be below response_hours")
        if self.recent_days >= self.week_days:
            raise ValueError("recent_days must be below week_days")
        if not self.engagement_from < self.nurturing_from <= self.likely_above < self.maximum_probability:
            raise ValueError("engagement_from < nurturing_from <= likely_above < maximum_probability must hold")
        return self
