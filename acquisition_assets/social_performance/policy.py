"""Types the section `social_performance` of the policy.

Finding a lead's platform is left to `channels`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from acquisition_assets.core.policy import Count, Days, Section


class SocialPolicy(Section):
    """Window, confidence, and the minimum number of leads for a best platform."""

    window_days: Days
    confidence: Annotated[float, Field(gt=0, lt=1)]
    best_platform_minimum_leads: Count
