"""Types the section `dynamic_scores` of the policy.

The calculation is left to sql/dynamic_scores/dynamic_scores.sql.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from acquisition_assets.core.policy import Count, Days, Hours, Points, Score, Section


class ScorePolicy(Section):
    """Points, windows and limits of the dynamic score."""

    completion_points: Points
    open_points: Points
    fast_response_hours: Hours
    fast_response_points: Points
    response_hours: Hours
    response_points: Points
    referral_points: Points
    consistency_points: Points
    consistency_consumed: Count
    consistency_per_day: Points
    consistency_days: Days
    decay_after_days: Annotated[int, Field(ge=0, le=3650)]
    decay_points_per_day: Points
    engaged_points: Points
    nurturing_points: Points
    minimum_score: Score
    maximum_score: Score
    minimum_change: Score
    lookback_days: Days
    analysed_created_days: Days
    analysed_active_days: Days

    @model_validator(mode="after")
    def _ordered(self) -> ScorePolicy:
        if self.fast_response_hours >= self.response_hours:
            raise ValueError("fast_response_hours must be below response_hours")
        if self.minimum_score >= self.maximum_score:
            raise ValueError("minimum_score must be below maximum_score")
        return self
