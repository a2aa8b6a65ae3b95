"""Here: the typed part of the policy that social_performance reads.

Not here: how a lead's platform is told; it is in features.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from acquisition_assets.core.policy import Count, Days, Section


class SocialPolicy(Section):
    """Window, confidence and the least number of leads for a best platform."""

    window_days: Days
    confidence: Annotated[float, Field(gt=0, lt=1)]
    best_platform_minimum_leads: Count
