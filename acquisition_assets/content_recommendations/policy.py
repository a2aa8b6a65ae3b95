"""Types the sections `content_recommendations` and `content` of the policy: the rules, their items, and the ranking.

The rules are left to sql/content_recommendations, and what the numbers of the ranking do to the modules that take them.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from acquisition_assets.core.policy import Count, Days, LowerText, PeoplesText, Score, Section, Text

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
RULE_AREAS: dict[RuleName, str] = {"interest_marketing": "marketing", "interest_sales": "sales"}
"""The area of interest whose items a rule takes first."""
HOURS_OF_A_DAY = 24

HalfLife = Annotated[float, Field(gt=0, le=3650)]
Weight = Annotated[float, Field(ge=0, le=100)]
Few = Annotated[int, Field(ge=1, le=100_000)]
Many = Annotated[int, Field(ge=1, le=100_000_000)]
OpenShare = Annotated[float, Field(gt=0, lt=1)]


class Item(Section):
    """The document's item of a rule: looked up in the content table by type and title, else the shipped content_id."""

    content_type: LowerText
    title: PeoplesText
    reason: PeoplesText
    content_id: Text


class RuleItems(Section):
    """Which of the team's items a rule may recommend: those that every list that is given names."""

    content_types: list[LowerText] = Field(default_factory=list)
    interest_areas: list[LowerText] = Field(default_factory=list)
    content_ids: list[Text] = Field(default_factory=list)

    @model_validator(mode="after")
    def _given(self) -> RuleItems:
        if not (self.content_types or self.interest_areas or self.content_ids):
            raise ValueError("must name content_types, interest_areas or content_ids")
        return self


class RecommendationPolicy(Section):
    """Thresholds of the rules, and what each recommends, in the rules' order."""

    maximum_items: Annotated[int, Field(ge=1, le=7)]
    complement_videos_completions: Count
    high_engagement_score: Score
    near_conversion_score: Score
    premium_completions: Count
    items: Literal["own", "document"]
    rule_items: dict[RuleName, RuleItems]
    document_items: dict[RuleName, Item]

    @model_validator(mode="after")
    def _complete(self) -> RecommendationPolicy:
        missing = [rule for rule in RULES if rule not in self.document_items]
        if missing:
            raise ValueError(f"document_items.{missing[0]} is needed and must not be null")
        return self

    def kind_of(self, rule: RuleName) -> RuleItems:
        """Return which of the team's items a rule may recommend: by default those of its document item's type."""
        given = self.rule_items.get(rule)
        return given if given is not None else RuleItems(content_types=[self.document_items[rule].content_type])


class ContentPolicy(Section):
    """What is never recommended, how the team's items are ranked, and what a ranking must prove on the past."""

    shipped: Literal["sample", "always"]
    sent_days: Days
    opened_days: Days
    step_hours: Annotated[int, Field(ge=1, le=HOURS_OF_A_DAY)]
    opened_weight: Few
    clicked_weight: Few
    completed_weight: Few
    history_days: Days
    area_prior_weight: Annotated[float, Field(gt=0, le=1e9)]
    most_areas: Count
    half_lives_days: Annotated[list[HalfLife], Field(min_length=1, max_length=50)]
    default_half_life_days: HalfLife
    popularity_weights: Annotated[list[Weight], Field(min_length=1, max_length=20)]
    taste_half_life_days: HalfLife
    taste_items: Few
    neighbours: Few
    similarity_shrinkage: Annotated[float, Field(ge=0, le=1e6)]
    similarity_leads: Many
    cuts_days: Annotated[list[Days], Field(min_length=1, max_length=20)]
    horizon_days: Days
    judged_leads: Many
    minimum_judged_leads: Many
    judged_items: Annotated[int, Field(ge=1, le=20)]
    confidence: OpenShare
    cold_days: Days
    cold_reads: Count
    cold_items: Count
    reader_days: Annotated[list[Days], Field(min_length=3, max_length=3)]
    slice_leads: Many

    @model_validator(mode="after")
    def _consistent(self) -> ContentPolicy:
        if HOURS_OF_A_DAY % self.step_hours:
            raise ValueError("step_hours must divide 24")
        if self.default_half_life_days not in self.half_lives_days:
            raise ValueError("default_half_life_days must be one of half_lives_days")
        for name in ("half_lives_days", "popularity_weights", "cuts_days", "reader_days"):
            values = getattr(self, name)
            if len(set(values)) != len(values):
                raise ValueError(f"{name} must not repeat a number")
        if min(self.cuts_days) < self.horizon_days:
            raise ValueError("cuts_days must be at least horizon_days, so that what was read is known")
        return self

    def steps(self, days: float) -> int:
        """Return a number of days in steps of age."""
        return round(days * HOURS_OF_A_DAY / self.step_hours)

    @property
    def step_days(self) -> float:
        """Return the length of a step of age, in days."""
        return self.step_hours / HOURS_OF_A_DAY
