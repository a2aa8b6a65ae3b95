"""Defines the contract of the table `behavior_predictions`.

The calculation is left to sql/behavior_predictions/behavior_predictions.sql.
"""

from __future__ import annotations

from collections.abc import Sequence

from acquisition_assets.core.contracts import Contract, Kind, Rule, column
from acquisition_assets.core.pandera_import import Check, pandera

ACTIONS = ("likely_to_convert", "needs_nurturing", "needs_engagement", "needs_re_engagement")
FACTORS = (
    "engagement_points",
    "completion_points",
    "response_points",
    "business_hours_points",
    "weekday_points",
    "recency_points",
)


def _points(description: str, lineage: Sequence[str]) -> pandera.Column:
    return column(Kind.NUMBER, description, Check.ge(0), Check.le(100), unit="points", lineage=lineage)


BEHAVIOR_PREDICTIONS = Contract(
    table="behavior_predictions",
    grain="One row per lead whose status is neither converted nor inactive.",
    key=("lead_id",),
    ranked_by="conversion_probability",
    columns={
        "lead_id": column(Kind.TEXT, "Id of the lead", lineage=("lead_activity.lead_id",)),
        "status": column(
            Kind.TEXT, "Status as of T", Check.isin(("new", "nurturing", "engaged")), lineage=("lead_activity.status",)
        ),
        "engagement_score": column(
            Kind.NUMBER, "Published score", Check.ge(0), Check.le(100), unit="points", lineage=("dynamic_scores.score",)
        ),
        "completion_rate": column(
            Kind.NUMBER,
            "Completed share of deliveries",
            Check.ge(0),
            Check.le(1),
            unit="share",
            nullable=True,
            lineage=("lead_activity.completion_rate",),
        ),
        "avg_response_hours": column(
            Kind.NUMBER,
            "Mean time from sending to opening",
            Check.ge(0),
            unit="hours",
            nullable=True,
            lineage=("lead_activity.avg_response_hours",),
        ),
        "business_hours_share": column(
            Kind.NUMBER,
            "Share of human events in business hours",
            Check.ge(0),
            Check.le(1),
            unit="share",
            nullable=True,
            lineage=("lead_activity.business_hours_share",),
        ),
        "engagement_points": _points("40 x min(1, engagement_score / 8)", ("dynamic_scores.score",)),
        "completion_points": _points("30 x completion_rate", ("lead_activity.completion_rate",)),
        "response_points": _points("15 if avg_response_hours < 2, 10 if < 24", ("lead_activity.avg_response_hours",)),
        "business_hours_points": _points("10 if business_hours_share > 0.6", ("lead_activity.business_hours_share",)),
        "weekday_points": _points("5 if weekday_share > 0.7", ("lead_activity.weekday_share",)),
        "recency_points": _points(
            "10 if days_since_engagement < 3, 5 if < 7", ("lead_activity.days_since_engagement",)
        ),
        "conversion_probability": column(
            Kind.NUMBER,
            "Points: the sum of the factors, at most 95; conversion_forecasts has the probability",
            Check.ge(0),
            Check.le(100),
            unit="points",
            lineage=("dynamic_scores.score", "lead_activity.completion_rate", "lead_activity.avg_response_hours"),
        ),
        "predicted_next_action": column(
            Kind.TEXT, "What the lead needs next", Check.isin(ACTIONS), lineage=("dynamic_scores.score",)
        ),
    },
    rules=(
        Rule(
            "points explain themselves",
            f"conversion_probability <= {' + '.join(FACTORS)} + 0.031",
            "the points are no more than the sum of the factors",
        ),
    ),
)
