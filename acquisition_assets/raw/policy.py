"""Types the part of the policy that says which rows ingestion reads again and how many bad ones stop a day.

Does not hold the words of the input tables (see `inputs.vocabulary`).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from acquisition_assets.core.policy import Count, Percent, Section


class IngestionPolicy(Section):
    """When late rows are still read, and how many bad rows stop the day."""

    late_arrival_days: Annotated[int, Field(ge=0, le=3650)]
    quarantine_error_percent: Percent
    quarantine_error_rows: Count
