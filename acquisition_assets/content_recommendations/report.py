"""Defines the report `personalized_content_recommendations`, builds it from the staged items, and sums it up.

The recommendations themselves are left to the SQL of content_recommendations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acquisition_assets.core.numbers import round_half_up
from acquisition_assets.core.policy import Locale
from acquisition_assets.core.reports import Report
from acquisition_assets.core.sections import Grid, Part, Section
from acquisition_assets.core.words import words_of

if TYPE_CHECKING:
    from acquisition_assets.core.step import Step

TASK = "personalized_content_recommendations"


class RecommendedItem(Report):
    """An item recommended to one lead."""

    type: str
    title: str
    reason: str


class LeadRecommendations(Report):
    """A lead with its items."""

    lead_id: str
    email: str | None
    interest_area: str | None
    engagement_score: float
    consumed_content_types: list[str]
    recommended_content: list[RecommendedItem]
    total_recommendations: int


class RecommendationReport(Report):
    """The day's summary of recommendations."""

    recommendations: list[LeadRecommendations]
    total_leads: int
    content_type_distribution: dict[str, int]
    avg_recommendations_per_lead: float


def content_types(step: Step) -> dict[str, int]:
    """Return the number of recommended items per type, the most frequent first."""
    return {row["content_type"]: row["items"] for row in step.query("content_recommendations/report_types").to_pylist()}


def recommendation_report(step: Step, length: int) -> RecommendationReport:
    """Return the summary of the staged items, with the `length` leads of the highest score."""
    leads = step.query("content_recommendations/report_leads", {"length": length}).to_pylist()
    items: dict[str, list[RecommendedItem]] = {row["lead_id"]: [] for row in leads}
    for row in step.query("content_recommendations/report_recommendations", {"length": length}).to_pylist():
        items[row["lead_id"]].append(
            RecommendedItem(type=row["content_type"], title=row["title"], reason=row["reason"])
        )
    total = int(step.query("content_recommendations/report_total").to_pylist()[0]["leads"])
    return RecommendationReport(
        recommendations=[
            LeadRecommendations(
                **row, recommended_content=items[row["lead_id"]], total_recommendations=len(items[row["lead_id"]])
            )
            for row in leads
        ],
        total_leads=total,
        content_type_distribution=content_types(step),
        avg_recommendations_per_lead=round_half_up(step.rows / total, 2) if total else 0.0,
    )


def summary(report: RecommendationReport, locale: Locale) -> Section:
    """Return the report as a section for people: leads with an item and items per type."""
    words = words_of("content_recommendations", locale)
    facts = {"fact.leads": report.total_leads, "fact.items": report.avg_recommendations_per_lead}
    parts: list[Part] = [words.facts(facts)]
    if not report.total_leads:
        parts.append(words("nobody"))
    if report.content_type_distribution:
        rows = [list(item) for item in report.content_type_distribution.items()]
        parts.append(Grid(words.titles("content_type", "items"), rows))
    return Section(words("title"), parts)
