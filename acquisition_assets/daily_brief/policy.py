"""Types the section `brief` of the policy.

What the numbers mean is left to the modules that use them.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from acquisition_assets.core.policy import Count, Days, Percent, Section

Few = Annotated[int, Field(ge=1, le=50)]


class BriefPolicy(Section):
    """What the brief shows, and from when on a move is worth a sentence."""

    show_emails: bool
    line_days: Annotated[int, Field(ge=14, le=90)]
    sentences: Few
    move_percent: Percent
    move_minimum: Count
    people: Few
    ready_segment: str
    risk_segment: str
    channels: Few
    segments: Few
    items: Few
    recommended_days: Days
    quarantine_reasons: Few
    week_on: Annotated[int, Field(ge=1, le=7)]
    send_days: Days
