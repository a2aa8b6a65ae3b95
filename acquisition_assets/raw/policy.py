"""Types the parts of the policy that say which rows are read again, how many bad ones stop a day, and what is fresh.

Does not hold the words of the input tables (see `inputs.vocabulary`).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from acquisition_assets.core.policy import Count, Days, Percent, Section


class IngestionPolicy(Section):
    """When late rows are still read, and how many bad rows stop the day."""

    late_arrival_days: Annotated[int, Field(ge=0, le=3650)]
    quarantine_error_percent: Percent
    quarantine_error_rows: Count
    quarantine_most_percent: Percent
    quarantine_most_rows: Count
    unknown_leads_percent: Percent
    unknown_leads_rows: Annotated[int, Field(ge=1, le=1_000_000)]


class FreshnessPolicy(Section):
    """When a source counts as dead: so many expected days without a row.

    A weekday is not expected where at least `quiet_weeks` of the last `weeks` weeks had no row on it.
    """

    warn_days: Days
    error_days: Days
    weeks: Annotated[int, Field(ge=1, le=52)]
    quiet_weeks: Annotated[int, Field(ge=1, le=52)]

    @model_validator(mode="after")
    def _ordered(self) -> FreshnessPolicy:
        if self.error_days < self.warn_days:
            raise ValueError("error_days must be at least warn_days")
        if self.quiet_weeks > self.weeks:
            raise ValueError("quiet_weeks must be at most weeks")
        return self
