"""Defines the report `dynamic_scoring_system`, builds it from the staged scores, and sums it up for people.

The scores themselves are left to the SQL of dynamic_scores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acquisition_assets.core.policy import Locale
from acquisition_assets.core.reports import Report
from acquisition_assets.core.sections import Grid, Section
from acquisition_assets.core.words import words_of

if TYPE_CHECKING:
    from acquisition_assets.core.step import Step

TASK = "dynamic_scoring_system"
SHOWN_CHANGES = 5


class ScoreChange(Report):
    """A lead whose score moved."""

    lead_id: str
    email: str | None
    old_score: float
    new_score: float
    change: float


class ScoringReport(Report):
    """The day's summary of dynamic scores."""

    updated: int
    total_analyzed: int
    avg_score_change: float
    increased: int
    decreased: int
    score_changes: list[ScoreChange]


def scoring_report(step: Step, length: int) -> ScoringReport:
    """Return the summary of the staged scores, with the `length` largest changes."""
    changes = step.query("dynamic_scores/report_changes", {"length": length}).to_pylist()
    return ScoringReport(
        **step.row("dynamic_scores/report_totals"), score_changes=[ScoreChange(**row) for row in changes]
    )


def summary(report: ScoringReport, locale: Locale) -> Section:
    """Return the report as a section for people: totals and the largest changes."""
    words = words_of("dynamic_scores", locale)
    facts = words.facts(
        {
            "fact.analysed": report.total_analyzed,
            "fact.updated": report.updated,
            "fact.up": report.increased,
            "fact.down": report.decreased,
            "fact.mean_change": report.avg_score_change,
        }
    )
    rows = [
        [change.lead_id, change.old_score, change.new_score, change.change]
        for change in report.score_changes[:SHOWN_CHANGES]
    ]
    grids = [Grid(words.titles("largest", "old", "new", "change"), rows)] if rows else []
    return Section(words("title"), [facts, *grids])
