"""Judges methods of ranking on the past: at each cut, with nothing dated after it, by what leads read next.

Which method is used then is left to `choice`; reading the tables is left to `own`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from acquisition_assets.content_recommendations.neighbours import closeness, last_read, similarities, taste
from acquisition_assets.content_recommendations.policy import ContentPolicy
from acquisition_assets.content_recommendations.popularity import newest, popularity
from acquisition_assets.content_recommendations.ranking import (
    NO_ITEM,
    Block,
    Lists,
    Method,
    best,
    block_of,
    contains,
    with_close,
)
from acquisition_assets.content_recommendations.reads import (
    NEVER,
    Flags,
    Floats,
    Ints,
    Items,
    Readings,
    Weights,
    changes,
    distinct,
)

HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class Candidate:
    """A method that is judged: newest first, popularity with a half-life, or taste with a weight of popularity."""

    family: str
    half_life_days: float | None = None
    popularity_weight: float | None = None

    @property
    def name(self) -> str:
        """Return its name."""
        if self.popularity_weight is not None:
            return f"{self.family}_w{self.popularity_weight:g}"
        return self.family if self.half_life_days is None else f"{self.family}_{self.half_life_days:g}d"


@dataclass(frozen=True)
class Judged:
    """What a candidate did for each judged lead at each cut: NDCG, whether an item was read, and one was personal.

    items: the numbers of all items that were in any list.
    """

    ndcg: Floats
    hit: Floats
    personal: Floats
    items: frozenset[int]


@dataclass(frozen=True)
class Moment:
    """A past cut: its judged leads and what each read next, as sorted keys (line * items + item).

    lead: the leads' numbers; cut: in steps before T.
    """

    cut: int
    lead: Ints
    block: Block
    available: Flags
    truth: Ints


@dataclass(frozen=True)
class Past:
    """The cuts of a day with the results of every candidate, which are in the order of `lead` and `cut`."""

    moments: Sequence[Moment]
    lead: Ints
    cut: Ints
    results: dict[Candidate, Judged] = field(default_factory=dict)

    @property
    def leads(self) -> int:
        """Return the number of leads that were judged, each once."""
        return int(np.unique(self.lead).size)


def moments(readings: Readings, items: Items, whole_days: int, policy: ContentPolicy) -> list[Moment]:
    """Return the past cuts at which some lead read an item next that it did not know.

    Args:
        readings: those of the sampled leads.
        items: the catalogue.
        whole_days: days from the end of the last whole week to T.
        policy: the cuts, in days before that end.
    """
    found = []
    for days in sorted(policy.cuts_days):
        moment = _moment(readings, items, policy.steps(whole_days + days), policy)
        if moment.lead.size:
            found.append(moment)
    return found


def _moment(readings: Readings, items: Items, cut: int, policy: ContentPolicy) -> Moment:
    """Return a cut: what leads read within the horizon, of the items that were there and that they did not know."""
    available = items.available(cut, policy.step_hours * HOUR_US)
    was_read = (readings.read >= cut) & (readings.read != NEVER)
    was_sent = (readings.sent >= cut) & (readings.sent < cut + policy.steps(policy.sent_days))
    known = distinct(readings.lead[was_read | was_sent] * items.count + readings.item[was_read | was_sent])
    is_next = (readings.read < cut) & (readings.read >= cut - policy.steps(policy.horizon_days))
    is_next &= available[readings.item] if items.count else False
    keys = distinct(readings.lead[is_next] * items.count + readings.item[is_next])
    keys = keys[~contains(known, keys)]
    leads = distinct(keys // max(items.count, 1))
    leads = leads[:: 1 + leads.size // (policy.judged_leads + 1)]
    area = _areas(readings, leads)
    line, item = _within(leads, known, items.count)
    block = block_of(area, items.count, line, item)
    line, item = _within(leads, keys, items.count)
    return Moment(cut, leads, block, available, line * items.count + item)


def _areas(readings: Readings, leads: Ints) -> Ints:
    """Return the area of each of these leads."""
    first = np.flatnonzero(changes(readings.lead))
    areas: Ints = readings.area[first][np.searchsorted(readings.lead[first], leads)]
    return areas


def _within(leads: Ints, keys: Ints, items: int) -> tuple[Ints, Ints]:
    """Return the keys (lead * items + item) of some leads, as their lines and the items."""
    lead = keys // max(items, 1)
    kept = contains(leads, lead)
    return np.searchsorted(leads, lead[kept]), keys[kept] % max(items, 1)


def judge_popularity(
    readings: Readings, weights: Weights, items: Items, whole_days: int, policy: ContentPolicy
) -> Past:
    """Return the past with the results of newest first and of popularity with every half-life."""
    found = moments(readings, items, whole_days, policy)
    lead = np.concatenate([moment.lead for moment in found]) if found else np.zeros(0, dtype=np.int64)
    cut = np.concatenate([np.full(moment.lead.size, moment.cut) for moment in found]) if found else lead
    past = Past(found, lead, cut)
    candidates = [Candidate("newest"), *(Candidate("popularity", half_life) for half_life in policy.half_lives_days)]
    results = {}
    for candidate in candidates:
        parts = []
        for moment in found:
            half_life = candidate.half_life_days
            popular = (
                newest(items.count, weights.areas)
                if half_life is None
                else popularity(weights, items.count, moment.cut, half_life, policy)
            )
            parts.append(_judged(moment, Method(popular), moment.block, policy))
        results[candidate] = _joined(parts)
    return Past(past.moments, past.lead, past.cut, results)


def judge_taste(
    past: Past, readings: Readings, weights: Weights, items: Items, half_life_days: float, policy: ContentPolicy
) -> Past:
    """Return the past with the results of the lead's taste, with every weight of popularity with this half-life."""
    parts: dict[Candidate, list[Judged]] = {
        Candidate("personal", half_life_days, weight): [] for weight in policy.popularity_weights
    }
    for moment in past.moments:
        happened = (readings.read >= moment.cut) & (readings.read != NEVER)
        lead, item, age = last_read(
            readings.lead[happened], readings.item[happened], readings.read[happened] - moment.cut, policy
        )
        similar = similarities(lead, item, items.count, policy)
        own = contains(moment.lead, lead)
        line = np.searchsorted(moment.lead, lead[own])
        read = taste(line, item[own], age[own], (moment.lead.size, items.count), policy)
        block = with_close(moment.block, closeness(read, similar), moment.available)
        popular = popularity(weights, items.count, moment.cut, half_life_days, policy)
        for candidate, found in parts.items():
            found.append(_judged(moment, Method(popular, candidate.popularity_weight), block, policy))
    more = {candidate: _joined(found) for candidate, found in parts.items()}
    return Past(past.moments, past.lead, past.cut, {**past.results, **more})


def _judged(moment: Moment, method: Method, block: Block, policy: ContentPolicy) -> Judged:
    """Return how the lists of a method agree with what leads read next."""
    size = policy.judged_items
    lists = best(block, method, moment.available, size)
    hits = _hits(lists, moment, block.items)
    discounts = 1 / np.log2(np.arange(size) + 2.0)
    read = np.bincount(moment.truth // block.items, minlength=moment.lead.size)
    ideal = np.cumsum(discounts)[np.minimum(read, size) - 1]
    return Judged(
        ndcg=(hits * discounts).sum(axis=1) / ideal,
        hit=np.asarray(hits.any(axis=1), dtype=np.float64),
        personal=np.asarray(is_personal(lists).any(axis=1), dtype=np.float64),
        items=frozenset(np.unique(lists.item[lists.item != NO_ITEM]).tolist()),
    )


def is_personal(lists: Lists) -> Flags:
    """Return which items are ranked by the lead's taste more than by their popularity."""
    found: Flags = (lists.item != NO_ITEM) & (lists.personal > 0) & (lists.personal >= lists.popular)
    return found


def _hits(lists: Lists, moment: Moment, items: int) -> Flags:
    lines = np.arange(moment.lead.size)[:, None]
    keys = np.where(lists.item == NO_ITEM, -1, lines * items + lists.item)
    found: Flags = contains(moment.truth, keys.ravel()).reshape(keys.shape)
    return found


def _joined(parts: Sequence[Judged]) -> Judged:
    nothing = [np.zeros(0)]
    return Judged(
        ndcg=np.concatenate([part.ndcg for part in parts] or nothing),
        hit=np.concatenate([part.hit for part in parts] or nothing),
        personal=np.concatenate([part.personal for part in parts] or nothing),
        items=frozenset(item for part in parts for item in part.items),
    )
