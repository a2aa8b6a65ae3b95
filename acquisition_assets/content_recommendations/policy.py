"""Here: the typed part of the policy that content_recommendations reads: the rules' items and thresholds.

Not here: the rules themselves; they are in sql/outputs/content_recommendations.sql.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from acquisition_assets.core.policy import Count, Points, Section

RULES = (
    "interest_marketing",
    "interest_sales",
    "complement_guides",
    "complement_videos",
    "high_engagement",
    "near_conversion",
    "premium",
)
Word = Annotated[str, Field(min_length=1)]


class Item(Section):
    """What a rule recommends: an item of the content table, found by type and title, else the shipped content_id."""

    content_type: Word
    title: Word
    reason: Word
    content_id: Word


class RecommendationPolicy(Section):
    """Thresholds of the rules and the item that each recommends, in the rules' order."""

    maximum_items: Annotated[int, Field(ge=1, le=7)]
    complement_videos_completions: Count
    high_engagement_score: Points
    near_conversion_score: Points
    premium_completions: Count
    items: dict[str, Item]

    @model_validator(mode="after")
    def _complete(self) -> RecommendationPolicy:
        if set(self.items) != set(RULES):
            raise ValueError(f"items must name exactly the rules {', '.join(RULES)}")
        return self
