"""Explains a lead's prediction: each factor with the policy's numbers and the lead's values.

The arithmetic is left to sql/behavior_predictions; every number shown was published.
"""

from __future__ import annotations

from collections.abc import Sequence

from acquisition_assets.behavior_predictions.contract import BEHAVIOR_PREDICTIONS, FACTORS
from acquisition_assets.behavior_predictions.policy import PredictionPolicy
from acquisition_assets.core.sections import Grid, LeadView, Row, Section, Strong
from acquisition_assets.core.wording import format_cell, format_known, format_value
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features.contract import LEAD_ACTIVITY

NO_RESPONSE = "no response time is known"
NEVER_ENGAGED = "never engaged"
NOTHING_SENT = "nothing: no delivery was sent"


def section(lead: LeadView, rules: PredictionPolicy) -> Section:
    """Return the factors of the published prediction, each with its reason."""
    if not lead.has(BEHAVIOR_PREDICTIONS.table):
        return Section("Prediction", [lead.missing(BEHAVIOR_PREDICTIONS.table)])
    activity, score = lead.rows(LEAD_ACTIVITY.table)[0], lead.rows(DYNAMIC_SCORES.table)[0]
    row = lead.row(BEHAVIOR_PREDICTIONS.table)
    if row is None:
        text = f"only leads that are new, nurturing or engaged have one; this one is {activity['status']}"
        return Section("Prediction: none", [text])
    reasons = factor_reasons({**activity, "engagement_score": score["score"]}, rules)
    rows: list[Sequence[object]] = [[name, row[name], reasons[name]] for name in FACTORS]
    limit = f"the sum, at most {rules.maximum_probability:g}"
    rows.append([Strong("conversion_probability"), row["conversion_probability"], limit])
    title = f"Prediction {format_cell(row['conversion_probability'])} points: {row['predicted_next_action']}"
    return Section(title, [Grid(["factor", "points", "why"], rows), action_reason(rules)])


def factor_reasons(facts: Row, rules: PredictionPolicy) -> dict[str, str]:
    """Return why each factor of the prediction is what it is."""
    response, since = facts["avg_response_hours"], facts["days_since_engagement"]
    return {
        "engagement_points": (
            f"{rules.engagement_points:g} x min(1, score {format_value(facts['engagement_score'])} / "
            f"{rules.full_engagement_score:g})"
        ),
        "completion_points": (
            f"{rules.completion_points:g} x "
            f"{format_known('completion rate {}', facts['completion_rate'], NOTHING_SENT)}"
        ),
        "response_points": (
            f"{format_known('mean response {} hours', response, NO_RESPONSE)}; {rules.fast_response_points:g} if under "
            f"{rules.fast_response_hours:g}, {rules.response_points:g} if under {rules.response_hours:g}"
        ),
        "business_hours_points": (
            f"{format_known('share in business hours {}', facts['business_hours_share'], NEVER_ENGAGED)}; "
            f"{rules.business_hours_points:g} if over {rules.business_hours_share:g}"
        ),
        "weekday_points": (
            f"{format_known('share on weekdays {}', facts['weekday_share'], NEVER_ENGAGED)}; "
            f"{rules.weekday_points:g} if over {rules.weekday_share:g}"
        ),
        "recency_points": (
            f"{format_known('days since engagement {}', since, NEVER_ENGAGED)}; {rules.recent_points:g} if under "
            f"{rules.recent_days}, {rules.week_points:g} if under {rules.week_days}"
        ),
    }


def action_reason(rules: PredictionPolicy) -> str:
    """Return the points at which each action begins."""
    return (
        f"likely_to_convert above {rules.likely_above:g} points, needs_nurturing from {rules.nurturing_from:g}, "
        f"needs_engagement from {rules.engagement_from:g}, else needs_re_engagement"
    )
