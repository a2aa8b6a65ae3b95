"""Computes how popular each item is at a cut, for all leads and within each area of interest, and the order it gives.

Which half-life is used is left to `past`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acquisition_assets.content_recommendations.policy import ContentPolicy
from acquisition_assets.content_recommendations.reads import Floats, Ints, Weights


@dataclass(frozen=True)
class Popularity:
    """The popularity of each item (columns) for each area of interest (rows; the first row is for all leads).

    share: as a share of the most popular item's, 0 to 1.
    order: the items, the most popular first, of equals the newest. place: the place of each item in that order.
    """

    share: Floats
    order: Ints
    place: Ints


def popularity(weights: Weights, items: int, cut: int, half_life_days: float, policy: ContentPolicy) -> Popularity:
    """Return the popularity at a cut: what was read before it, each reading halved in every half-life.

    Within an area the shares of items are shrunk towards those of all leads, with the weight of the policy.

    Args:
        weights: what was read.
        items: the number of items.
        cut: steps before T.
        half_life_days: in so many days a reading counts half.
        policy: the weight of all leads, and the length of a step.
    """
    past = weights.age >= cut
    ages = weights.age[past] - cut
    halved = np.exp2(-np.arange(ages.max(initial=0) + 1) * (policy.step_days / half_life_days))
    decayed = weights.weight[past] * halved[ages]
    lines = weights.areas + 1
    cells = weights.area[past] * items + weights.item[past]
    by_area = np.bincount(cells, decayed, minlength=lines * items).reshape(lines, items)
    total = by_area.sum(axis=0)
    whole = _scaled(total, total.sum())
    sums = by_area.sum(axis=1, keepdims=True)
    shares = (by_area + policy.area_prior_weight * whole) / (sums + policy.area_prior_weight)
    shares[0] = whole
    return ordered(shares)


def newest(items: int, areas: int) -> Popularity:
    """Return the order of items that counts no readings: the newest first, for every area."""
    share = (items - np.arange(items)) / max(items, 1)
    return ordered(np.tile(share, (areas + 1, 1)))


def ordered(values: Floats) -> Popularity:
    """Return values per area and item with the order they give; of equal values the newer item is first."""
    highest = values.max(axis=1, initial=0.0, keepdims=True)
    share = np.divide(values, highest, out=np.zeros_like(values), where=highest > 0)
    order = np.argsort(-share, axis=1, kind="stable")
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(values.shape[1])[None, :], axis=1)
    return Popularity(share, order.astype(np.int64), place.astype(np.int64))


def _scaled(values: Floats, total: float) -> Floats:
    scaled: Floats = values / total if total > 0 else np.zeros_like(values)
    return scaled
