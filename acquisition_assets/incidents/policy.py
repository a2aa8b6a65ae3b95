"""Types the part of the policy that says when an incident opens, is repeated and ends.

Leaves the rules that use the numbers to `lifecycle`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from acquisition_assets.core.policy import Days, Section


class IncidentPolicy(Section):
    """The life of an incident, and how grave a change is.

    window_days: partitions that incidents are computed from, the day's own included. quiet_days: so many days in a row
    within the expected range end an incident. worse_factor: a change that many times the last one alerted is worse.
    repeat_days: an open incident is alerted again each so many days. high_drop_percent, high_spike_percent: changes of
    at least this are of high severity. quarantine_rows: so many bad rows of a table in a run are an incident.
    """

    window_days: Days
    quiet_days: Annotated[int, Field(ge=1, le=14)]
    worse_factor: Annotated[float, Field(gt=1, le=10)]
    repeat_days: Days
    high_drop_percent: Annotated[float, Field(gt=0, le=100)]
    high_spike_percent: Annotated[float, Field(gt=0, le=100_000)]
    quarantine_rows: Annotated[int, Field(ge=1, le=1_000_000_000)]
