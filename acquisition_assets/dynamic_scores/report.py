"""Here: the report `dynamic_scoring_system`: its typed form and how it is made of the staged scores.

Not here: the scores themselves.
"""

from __future__ import annotations

from acquisition_assets.core.assets import Step
from acquisition_assets.core.reports import Report


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
    """The summary of the staged scores, with the `length` largest changes."""
    totals = step.query("dynamic_scores/report_totals").to_pylist()[0]
    changes = step.query("dynamic_scores/report_changes", {"length": length}).to_pylist()
    return ScoringReport(**totals, score_changes=[ScoreChange(**row) for row in changes])
