"""Types the section `anomalies` of the policy.

The rules that use its numbers are left to `detect`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from acquisition_assets.core.policy import Count, Days, Percent, Section

Level = Annotated[float, Field(gt=0, lt=1)]
Weeks = Annotated[int, Field(ge=1, le=8)]


class AnomalyPolicy(Section):
    """Windows, limits and significance of the four kinds of anomaly."""

    window_days: Annotated[int, Field(ge=1, le=7)]
    season_weeks: Weeks
    significance: Level
    engagement_drop_percent: Percent
    engagement_minimum_deliveries: Count
    fraud_days: Days
    fraud_percent: Percent
    fraud_minimum_referrals: Count
    lead_drop_percent: Percent
    lead_minimum: Count
    silent_days: Days
    silent_deliveries: Annotated[int, Field(ge=1)]
