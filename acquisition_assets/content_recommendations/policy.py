"""Types the section `content_recommendations` of the policy: the rules' items and thresholds.

The rules are left to sql/content_recommendations/content_recommendations.sql.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from acquisition_assets.core.policy import Count, LowerText, Score, Section, Text

RuleName = Literal[
    "interest_marketing",
    "interest_sales",
    "complement_guides",
    "complement_videos",
    "high_engagement",
    "near_conversion",
    "premium",
]
RULES: tuple[RuleName, ...] = get_args(RuleName)


class Item(Section):
    """An item that a rule recommends: looked up in the content table by type and title, else the shipped content_id."""

    content_type: LowerText
    title: Text
    reason: Text
    content_id: Text


class RecommendationPolicy(Section):
    """Thresholds of the rules and the item that each recommends, in the rules' order."""

    maximum_items: Annotated[int, Field(ge=1, le=7)]
    complement_videos_completions: Count
    high_engagement_score: Score
    near_conversion_score: Score
    premium_completions: Count
    items: dict[RuleName, Item]

    @model_validator(mode="after")
    def _complete(self) -> RecommendationPolicy:
        missing = [rule for rule in RULES if rule not in self.items]
        if missing:
            raise ValueError(f"items.{missing[0]} is needed and must not be null")
        return self
