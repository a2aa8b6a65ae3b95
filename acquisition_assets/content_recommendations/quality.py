"""Makes the rows of recommender_quality: every method that was judged, with its intervals, and the one that is used.

Judging is left to `past`, and choosing to `choice`.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from acquisition_assets.content_recommendations.choice import Choice, Estimate, estimate
from acquisition_assets.content_recommendations.contract import RECOMMENDER_QUALITY, ROOM
from acquisition_assets.content_recommendations.past import Candidate, Past
from acquisition_assets.content_recommendations.policy import ContentPolicy
from acquisition_assets.core.numbers import round_half_up
from acquisition_assets.core.policy import Locale
from acquisition_assets.core.words import Message, Words, words_of

DIGITS = 4


def quality_table(
    past: Past, choice: Choice, items: int, readings: int, policy: ContentPolicy, locale: Locale
) -> pa.Table:
    """Return one row per method, in the order in which they were judged.

    Args:
        past: the results; without any only the chosen method has a row.
        choice: what ranks the day's items.
        items: of the catalogue.
        readings: of the last `cold_days`.
        policy: the confidence of the intervals.
        locale: the language of the reasons.
    """
    words = words_of(ROOM, locale)
    candidates = list(past.results) or [choice.candidate]
    rows = [_row(candidate, past, choice, items, policy, words) for candidate in candidates]
    counts = {"items": items, "readings": readings, "leads": past.leads, "judgements": int(past.lead.size)}
    return pa.Table.from_pylist([row | counts for row in rows], schema=RECOMMENDER_QUALITY.arrow_schema)


def _row(
    candidate: Candidate, past: Past, choice: Choice, items: int, policy: ContentPolicy, words: Words
) -> dict[str, Any]:
    chosen = candidate == choice.candidate
    row: dict[str, Any] = {
        "method": candidate.name,
        "family": candidate.family,
        "half_life_days": candidate.half_life_days,
        "popularity_weight": candidate.popularity_weight,
        "is_chosen": chosen,
        "reason": "; ".join(map(words.message, choice.reasons if chosen else [_not_chosen(candidate, choice)])),
    }
    judged = past.results.get(candidate)
    if judged is None or not past.lead.size:
        return row
    for name in ("ndcg", "hit", "personal"):
        row |= _bounded(name, estimate(getattr(judged, name), past.lead, policy.confidence), share=True)
    row["coverage"] = round_half_up(min(1.0, len(judged.items) / items), DIGITS) if items else None
    tuned = past.results.get(choice.popularity)
    if tuned is not None:
        row |= _bounded("gain", estimate(judged.ndcg - tuned.ndcg, past.lead, policy.confidence), share=False)
    return row


def _not_chosen(candidate: Candidate, choice: Choice) -> Message:
    if candidate.family == "personal":
        return Message("choice.compared", {"other": choice.popularity.name})
    return Message("choice.judged")


def _bounded(name: str, found: Estimate | None, *, share: bool) -> dict[str, float]:
    """Return a number and its bounds, rounded; bounds of a share stay between 0 and 1."""
    if found is None:
        return {}
    low, high = (max(0.0, found.low), min(1.0, found.high)) if share else (found.low, found.high)
    values = {name: found.value, f"{name}_low": low, f"{name}_high": high}
    return {key: round_half_up(value, DIGITS) for key, value in values.items()}
