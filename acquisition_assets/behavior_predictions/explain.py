"""Explains a lead's prediction: each factor with the policy's numbers and the lead's values.

The arithmetic is left to sql/behavior_predictions; every number shown was published.
"""

from __future__ import annotations

from collections.abc import Sequence

from acquisition_assets.behavior_predictions.contract import BEHAVIOR_PREDICTIONS, FACTORS
from acquisition_assets.behavior_predictions.policy import PredictionPolicy
from acquisition_assets.core.sections import Grid, LeadView, Row, Section, Strong
from acquisition_assets.core.words import Words, words_of
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features.contract import LEAD_ACTIVITY

ROOM = "behavior_predictions"


def section(lead: LeadView, rules: PredictionPolicy) -> Section:
    """Return the factors of the published prediction, each with its reason."""
    words = words_of(ROOM, lead.locale)
    if not lead.has(BEHAVIOR_PREDICTIONS.table):
        return Section(words("explain.title"), [lead.missing(BEHAVIOR_PREDICTIONS.table)])
    activity, score = lead.rows(LEAD_ACTIVITY.table)[0], lead.rows(DYNAMIC_SCORES.table)[0]
    row = lead.row(BEHAVIOR_PREDICTIONS.table)
    if row is None:
        return Section(words("explain.title.none"), [words("explain.none", status=activity["status"])])
    reasons = factor_reasons({**activity, "engagement_score": score["score"]}, rules, words)
    rows: list[Sequence[object]] = [[name, row[name], reasons[name]] for name in FACTORS]
    limit = words("explain.sum", maximum=rules.maximum_probability)
    rows.append([Strong("conversion_probability"), row["conversion_probability"], limit])
    title = words(
        "explain.title.points",
        points=words.cell(row["conversion_probability"]),
        maximum=rules.maximum_probability,
        action=row["predicted_next_action"],
    )
    actions = words(
        "explain.actions",
        likely=rules.likely_above,
        nurturing=rules.nurturing_from,
        engagement=rules.engagement_from,
    )
    return Section(title, [Grid(words.titles("factor", "points", "why"), rows), actions])


def factor_reasons(facts: Row, rules: PredictionPolicy, words: Words) -> dict[str, str]:
    """Return why each factor of the prediction is what it is."""

    def share(name: str, least: float, points: float) -> str:
        value = words.known(f"explain.{name}", facts[name], "explain.never_engaged")
        return words("explain.if_over", value=value, points=points, least=least)

    def two_steps(value: str, fast: float, fast_points: float, slow: float, points: float) -> str:
        return words("explain.if_under", value=value, fast_points=fast_points, fast=fast, points=points, slow=slow)

    response = words.known("explain.response", facts["avg_response_hours"], "explain.no_response")
    since = words.known("explain.since", facts["days_since_engagement"], "explain.never_engaged")
    rate = words.known("explain.completion_rate", facts["completion_rate"], "explain.nothing_sent")
    return {
        "engagement_points": words(
            "explain.engagement",
            points=rules.engagement_points,
            score=facts["engagement_score"],
            full=rules.full_engagement_score,
        ),
        "completion_points": words("explain.completion", points=rules.completion_points, rate=rate),
        "response_points": two_steps(
            response,
            rules.fast_response_hours,
            rules.fast_response_points,
            rules.response_hours,
            rules.response_points,
        ),
        "business_hours_points": share("business_hours_share", rules.business_hours_share, rules.business_hours_points),
        "weekday_points": share("weekday_share", rules.weekday_share, rules.weekday_points),
        "recency_points": two_steps(since, rules.recent_days, rules.recent_points, rules.week_days, rules.week_points),
    }
