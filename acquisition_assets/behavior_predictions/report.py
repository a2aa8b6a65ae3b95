"""Defines the report `predictive_behavior_analysis`, builds it from the staged predictions, and sums it up for people.

The predictions themselves are left to the SQL of behavior_predictions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acquisition_assets.behavior_predictions.contract import ACTIONS
from acquisition_assets.behavior_predictions.policy import PredictionPolicy
from acquisition_assets.core.numbers import round_half_up
from acquisition_assets.core.policy import Locale
from acquisition_assets.core.reports import Report
from acquisition_assets.core.sections import Grid, Part, Section
from acquisition_assets.core.words import words_of

if TYPE_CHECKING:
    from acquisition_assets.core.step import Step

TASK = "predictive_behavior_analysis"
SHOWN_LEADS = 5


class Factors(Report):
    """Values behind a prediction, in percent and hours; null if unknown."""

    engagement_score: float
    completion_rate: float | None
    avg_response_time_hours: float | None
    business_hours_activity: float | None


class Prediction(Report):
    """One lead's prediction."""

    lead_id: str
    current_status: str
    conversion_probability: float
    predicted_next_action: str
    factors: Factors


class ActionDistribution(Report):
    """Number of leads per predicted next action."""

    likely_to_convert: int
    needs_nurturing: int
    needs_engagement: int
    needs_re_engagement: int


class PredictionReport(Report):
    """The day's summary of predictions."""

    predictions: list[Prediction]
    total_analyzed: int
    action_distribution: ActionDistribution
    high_probability_leads: int


def actions(step: Step) -> dict[str, int]:
    """Return the number of leads per predicted next action, for all four actions."""
    counted = {
        row["predicted_next_action"]: row["leads"]
        for row in step.query("behavior_predictions/report_actions").to_pylist()
    }
    return {action: counted.get(action, 0) for action in ACTIONS}


def prediction_report(step: Step, length: int) -> PredictionReport:
    """Return the summary of the staged predictions, with the `length` leads that have most points."""
    counted = actions(step)
    return PredictionReport(
        predictions=[
            Prediction(
                lead_id=row["lead_id"],
                current_status=row["status"],
                conversion_probability=row["conversion_probability"],
                predicted_next_action=row["predicted_next_action"],
                factors=Factors(
                    engagement_score=row["engagement_score"],
                    completion_rate=_percent(row["completion_rate"]),
                    avg_response_time_hours=_rounded(row["avg_response_hours"]),
                    business_hours_activity=_percent(row["business_hours_share"]),
                ),
            )
            for row in step.query("behavior_predictions/report_predictions", {"length": length}).to_pylist()
        ],
        total_analyzed=step.rows,
        action_distribution=ActionDistribution(**counted),
        high_probability_leads=counted[ACTIONS[0]],
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round_half_up(value, 2)


def _percent(share: float | None) -> float | None:
    return None if share is None else round_half_up(share * 100, 2)


def summary(report: PredictionReport, locale: Locale, rules: PredictionPolicy) -> Section:
    """Return the report as a section for people: leads per action and those with most points."""
    words = words_of("behavior_predictions", locale)
    facts = {"fact.analysed": report.total_analyzed, "fact.likely": report.high_probability_leads}
    parts: list[Part] = [words.facts(facts)]
    if not report.total_analyzed:
        return Section(words("title"), [*parts, words("nobody")])
    distribution = report.action_distribution.model_dump()
    parts.append(Grid(words.titles("action", "leads"), [list(item) for item in distribution.items()]))
    rows = [
        [row.lead_id, row.current_status, row.conversion_probability, row.predicted_next_action]
        for row in report.predictions[:SHOWN_LEADS]
    ]
    if rows:
        parts.append(words("scale", maximum=rules.maximum_probability))
        parts.append(Grid(words.titles("most", "status", "points", "action"), rows))
    return Section(words("title"), parts)
