"""Defines the contract of the table `dynamic_scores`.

The calculation is left to sql/dynamic_scores/dynamic_scores.sql.
"""

from __future__ import annotations

from collections.abc import Sequence

from acquisition_assets.core.contracts import Contract, Kind, Rule, column
from acquisition_assets.core.pandera_import import Check, pandera

PARTS = (
    "recent_activity_points",
    "response_points",
    "referral_points",
    "consistency_points",
    "decay_points",
    "status_points",
)


def _points(description: str, lineage: Sequence[str], *checks: Check) -> pandera.Column:
    return column(
        Kind.NUMBER, description, *checks, unit="points", lineage=[f"lead_activity.{name}" for name in lineage]
    )


def _score(description: str, lineage: Sequence[str]) -> pandera.Column:
    return column(Kind.NUMBER, description, Check.ge(0), Check.le(100), unit="points", lineage=lineage)


DYNAMIC_SCORES = Contract(
    table="dynamic_scores",
    grain="One row per lead, with every part of its score.",
    key=("lead_id",),
    ranked_by="score",
    columns={
        "lead_id": column(Kind.TEXT, "Id of the lead", lineage=("lead_activity.lead_id",)),
        "base_score": _points("Score that the source system keeps; never overwritten", ("base_score",), Check.ge(0)),
        "recent_activity_points": _points(
            "2 per completion and 0.5 per opening of the last 7 days", ("completions_7d", "opens_7d"), Check.ge(0)
        ),
        "response_points": _points(
            "3 if the latest response took under 2 hours, 1 if under 24", ("latest_response_hours",), Check.ge(0)
        ),
        "referral_points": _points("5 per referral generated", ("referrals_generated",), Check.ge(0)),
        "consistency_points": _points(
            "2 if at least 3 deliveries were consumed in 30 days and more than 1 in 5 days",
            ("consumed_30d", "age_days"),
            Check.ge(0),
        ),
        "decay_points": _points("-0.5 per day of inactivity after 14 days", ("days_inactive",), Check.le(0)),
        "status_points": _points("10 if engaged, 2 if nurturing", ("status",), Check.ge(0)),
        "clamp_adjustment": _points(
            "What the floor of 0 before status_points and the limits 0..100 gave or took",
            ("base_score", "days_inactive"),
        ),
        "computed_score": _score(
            "base_score, the six points and clamp_adjustment together", ("lead_activity.base_score",)
        ),
        "previous_score": _score(
            "Score published on the newest of the 7 days before, else the base score", ("dynamic_scores.score",)
        ),
        "is_analysed": column(
            Kind.FLAG,
            "Created in the last 90 days, and active in the last 30 or never sent anything; others only decay",
            lineage=("lead_activity.created_at", "lead_activity.last_sent_at", "lead_activity.last_engaged_at"),
        ),
        "is_updated": column(Kind.FLAG, "The score moved by more than 1 point", lineage=("dynamic_scores.score",)),
        "score": _score(
            "The published score; everywhere else this is the engagement score",
            ("lead_activity.base_score", "dynamic_scores.score"),
        ),
    },
    rules=(
        Rule(
            "score explains itself",
            f"abs(base_score + {' + '.join(PARTS)} + clamp_adjustment - computed_score) < 0.005 + base_score * 1e-15",
            "base score, points and adjustment sum to computed_score",
        ),
        Rule(
            "unchanged keeps its score",
            "is_updated or score = previous_score",
            "a score that is not updated is the previous one",
        ),
        Rule(
            "no points without analysis",
            "is_analysed or score <= previous_score",
            "a lead that is not analysed gains nothing",
        ),
    ),
)
