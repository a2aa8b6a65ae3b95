"""Chooses how a day's items are ranked, from what each method did on the past, and says how sure that is.

Judging the methods is left to `past`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from acquisition_assets.content_recommendations.past import Candidate, Past
from acquisition_assets.content_recommendations.policy import ContentPolicy
from acquisition_assets.content_recommendations.reads import Flags, Floats, Ints
from acquisition_assets.core.words import Message


@dataclass(frozen=True)
class Estimate:
    """A mean over lists with the bounds of its interval, for which a lead counts as one draw."""

    value: float
    low: float
    high: float


def estimate(values: Floats, leads: Ints, confidence: float) -> Estimate | None:
    """Return the mean of values with its interval (normal, clustered by lead); None without values.

    Args:
        values: one per judged lead and cut.
        leads: the number of the lead of each.
        confidence: of the interval, two-sided.
    """
    if not values.size:
        return None
    mean = float(values.mean())
    _, line = np.unique(leads, return_inverse=True)
    summed = np.bincount(line, values - mean)
    groups = summed.size
    correction = groups / (groups - 1) if groups > 1 else 1.0
    error = float(np.sqrt(correction * (summed**2).sum())) / values.size
    distance = NormalDist().inv_cdf((1 + confidence) / 2) * error
    return Estimate(mean, mean - distance, mean + distance)


@dataclass(frozen=True)
class Choice:
    """The method of a day, the popularity that it had to beat, and why (one or two messages)."""

    candidate: Candidate
    popularity: Candidate
    reasons: tuple[Message, ...]


def cold_reason(items: int, readings: int, policy: ContentPolicy) -> Message | None:
    """Return why nothing but newest first is possible, or None where there is enough to rank by.

    Args:
        items: of the catalogue.
        readings: of the last `cold_days`.
        policy: what is too few.
    """
    if items < policy.cold_items:
        return Message("choice.few_items", {"items": items, "needed": policy.cold_items})
    if readings < policy.cold_reads:
        found = {"readings": readings, "days": policy.cold_days, "needed": policy.cold_reads}
        return Message("choice.few_readings", found)
    return None


def default_popularity(policy: ContentPolicy) -> Candidate:
    """Return popularity with the half-life that is kept until the past proves another."""
    return Candidate("popularity", policy.default_half_life_days)


def tuned_popularity(past: Past, policy: ContentPolicy, rows: Flags | None = None) -> Choice:
    """Return the popularity with the half-life of the highest NDCG that is proven against the default, else that.

    Args:
        past: the results of popularity.
        policy: the default, and how sure a gain must be.
        rows: which of the judged lists to look at (default: all).
    """
    default = default_popularity(policy)
    kept = np.ones(past.lead.size, dtype=np.bool_) if rows is None else rows
    leads = np.unique(past.lead[kept]).size
    if leads < policy.minimum_judged_leads:
        few = Message("choice.few_leads", {"leads": leads, "needed": policy.minimum_judged_leads})
        return Choice(default, default, (few,))
    others = [candidate for candidate in past.results if candidate.family == "popularity" and candidate != default]
    known = {"days": policy.default_half_life_days}
    found = _best_proven(others, default, past, kept, policy)
    if found is None:
        return Choice(default, default, (Message("choice.default", known),))
    return Choice(found[0], found[0], (Message("choice.half_life", {**known, "low": found[1].low}),))


def choose(past: Past, tuned: Choice, policy: ContentPolicy, rows: Flags | None = None) -> Choice:
    """Return taste with the weight of the highest NDCG that is proven against the tuned popularity, else that.

    Args:
        past: the results of popularity and of taste.
        tuned: the tuned popularity.
        policy: how sure a gain must be.
        rows: which of the judged lists to look at (default: all).
    """
    kept = np.ones(past.lead.size, dtype=np.bool_) if rows is None else rows
    tastes = [candidate for candidate in past.results if candidate.family == "personal"]
    if not tastes or np.unique(past.lead[kept]).size < policy.minimum_judged_leads:
        return tuned
    found = _best_proven(tastes, tuned.popularity, past, kept, policy)
    if found is None:
        return Choice(tuned.candidate, tuned.popularity, (*tuned.reasons, Message("choice.no_taste")))
    proven = Message("choice.taste", {"other": tuned.popularity.name, "low": found[1].low})
    return Choice(found[0], tuned.popularity, (proven,))


def _best_proven(
    candidates: Sequence[Candidate], other: Candidate, past: Past, rows: Flags, policy: ContentPolicy
) -> tuple[Candidate, Estimate] | None:
    """Return the candidate with the highest mean NDCG (of equal ones the first) that is proven against another.

    Proven means that the lower bound of its gain is above 0, and that it is not worse beyond chance at any single cut.
    """
    ranked = sorted(candidates, key=lambda candidate: -float(past.results[candidate].ndcg[rows].mean()))
    for candidate in ranked:
        gain = past.results[candidate].ndcg - past.results[other].ndcg
        whole = estimate(gain[rows], past.lead[rows], policy.confidence)
        if whole is None or not whole.low > 0:
            continue
        cuts = [rows & (past.cut == cut) for cut in np.unique(past.cut[rows])]
        each = [estimate(gain[cut], past.lead[cut], policy.confidence) for cut in cuts]
        if all(one is not None and one.high >= 0 for one in each):
            return candidate, whole
    return None


def held_out_gain(past: Past, policy: ContentPolicy) -> Estimate | None:
    """Return the gain over popularity with the default half-life of what the other cuts choose, cut by cut.

    None where fewer than two cuts can be judged.
    """
    cuts = np.unique(past.cut)
    if cuts.size < 2:
        return None
    default = past.results[default_popularity(policy)].ndcg
    gains = np.zeros(past.lead.size)
    for cut in cuts:
        others = past.cut != cut
        tuned = tuned_popularity(past, policy, others)
        candidate = choose(past, tuned, policy, others).candidate
        gains[~others] = past.results[candidate].ndcg[~others] - default[~others]
    return estimate(gains, past.lead, policy.confidence)
