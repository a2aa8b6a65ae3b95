"""Chooses the leads to talk to, and says for each the two strongest reasons.

The candidates are left to sql/daily_brief/people.sql, and the words to the catalogues.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast, get_args

from acquisition_assets.core.masking import sanitize
from acquisition_assets.core.numbers import round_half_up
from acquisition_assets.daily_brief.facts import Row
from acquisition_assets.daily_brief.model import Kind, Number, Person, Sentence, Unit
from acquisition_assets.daily_brief.policy import BriefPolicy

REASONS = 2
DECIMALS = 1

Strength = Callable[[Row], float]


def _column(name: str) -> Strength:
    return lambda row: float(row[name] or 0)


def _many(name: str) -> Strength:
    return lambda row: float(row[name] or 0) > 0


def _none(name: str) -> Strength:
    return lambda row: 0.5 * (not row[name])


CANDIDATES: dict[str, tuple[tuple[str, Strength], ...]] = {
    "ready": (
        ("completion", _column("completion_points")),
        ("response", _column("response_points")),
        ("active_today", lambda row: float(row["recency_points"] or 0) * (row["days_since_engagement"] == 0)),
        ("recency", lambda row: float(row["recency_points"] or 0) * bool(row["days_since_engagement"])),
        ("referrals", _column("referral_points")),
        ("completions_total", _many("completions_total")),
        ("score", lambda row: 0.01),
    ),
    "rose": (
        ("recent", _column("recent_activity_points")),
        ("latest_response", _column("latest_response_points")),
        ("referrals", _column("referral_points")),
        ("consumed", _column("consistency_points")),
        ("score", lambda row: 0.01),
    ),
    "risk": (
        ("inactive", _column("days_inactive")),
        ("nothing_opened", lambda row: 100.0 * (row["deliveries_30d"] > 0 and row["consumed_30d"] == 0)),
        ("never_completed", _none("completions_total")),
        ("score", lambda row: 0.01),
    ),
}
"""Reasons by kind, each with its strength, in points where the score or the prediction gives them."""
VALUES: dict[str, tuple[tuple[str, str, Unit, float], ...]] = {
    "completion": (("share", "completion_rate", "percent", 100.0),),
    "response": (("hours", "avg_response_hours", "hours", 1.0),),
    "recency": (("days", "days_since_engagement", "count", 1.0),),
    "active_today": (),
    "referrals": (("referrals", "referrals_generated", "count", 1.0),),
    "completions_total": (("completions", "completions_total", "count", 1.0),),
    "score": (("score", "score", "decimal", 1.0),),
    "recent": (("completions", "completions_7d", "count", 1.0), ("opens", "opens_7d", "count", 1.0)),
    "latest_response": (("hours", "latest_response_hours", "hours", 1.0),),
    "consumed": (("consumed", "consumed_30d", "count", 1.0),),
    "inactive": (("days", "days_inactive", "count", 1.0),),
    "nothing_opened": (("deliveries", "deliveries_30d", "count", 1.0),),
    "never_completed": (),
}
"""Values of a reason: their names in the words, columns, units and factors."""


def people(rows: Sequence[Row], policy: BriefPolicy) -> list[Person]:
    """Return the leads to talk to: an equal share of each kind, and where one has fewer, more of the others.

    Args:
        rows: Candidates by kind and place.
        policy: How many, and whether e-mail addresses are shown.
    """
    by_kind = {kind: [row for row in rows if row["kind"] == kind] for kind in get_args(Kind)}
    taken = dict.fromkeys(by_kind, 0)
    while sum(taken.values()) < policy.people:
        open_kinds = [kind for kind in by_kind if taken[kind] < len(by_kind[kind])]
        if not open_kinds:
            break
        taken[min(open_kinds, key=lambda kind: taken[kind])] += 1
    return [_person(row, policy) for kind, number in taken.items() for row in by_kind[kind][:number]]


def _person(row: Row, policy: BriefPolicy) -> Person:
    strengths = [(strength(row), key) for key, strength in CANDIDATES[row["kind"]]]
    strongest = sorted((each for each in strengths if each[0] > 0), key=lambda each: -each[0])[:REASONS]
    return Person(
        lead_id=sanitize(row["lead_id"]),
        kind=cast(Kind, row["kind"]),
        score=Number(round_half_up(row["score"], DECIMALS), "score", "decimal"),
        rise=Number(round_half_up(row["rise"], DECIMALS), "score", "decimal"),
        reasons=[_reason(key, row) for _, key in strongest],
        next_item=None if row["next_item"] is None else sanitize(row["next_item"]),
        may_be_mailed=bool(row["may_be_mailed"]),
        email=row["email"] if policy.show_emails else None,
    )


def _reason(key: str, row: Row) -> Sentence:
    values = {
        name: Number(
            None if row[column] is None else round_half_up(factor * row[column], DECIMALS),
            "score" if key == "score" else "person",
            unit,
        )
        for name, column, unit, factor in VALUES[key]
    }
    return Sentence(key, dict(values))
