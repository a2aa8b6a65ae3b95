"""Makes worlds of readers as arrays: with a taste of their own or without, of news, of lasting items, and random ones.

What is computed from them is tested in test_own_choice.py and test_own_ranking.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from acquisition_assets.content_recommendations.policy import ContentPolicy
from acquisition_assets.content_recommendations.reads import NEVER, Floats, Ints, Items, Readings, Weights
from acquisition_assets.policy import read_policy

CONTENT = read_policy().content
STEPS = CONTENT.steps(1)
DAY_US = 86_400_000_000
DAYS = 120


def content(**changes: object) -> ContentPolicy:
    """Return the shipped section with other numbers."""
    return ContentPolicy.model_validate(CONTENT.model_dump() | changes)


@dataclass(frozen=True)
class World:
    """A catalogue and what leads read of it."""

    items: Items
    readings: Readings
    weights: Weights

    @property
    def recent(self) -> int:
        """Return the readings of the last days, as far as a cold start looks."""
        return int((self.readings.read < CONTENT.steps(CONTENT.cold_days)).sum())


def items_of(published: Sequence[float] | Ints | Floats) -> Items:
    """Return blogs that were published so many days before T, the newest first."""
    ages = (np.asarray(published, dtype=np.float64) * DAY_US).astype(np.int64)
    assert (np.diff(ages) >= 0).all()
    count = ages.size
    return Items(
        ids=[f"c{number}" for number in range(count)],
        types=["blog"] * count,
        areas=[None] * count,
        published=ages,
        retired=np.full(count, NEVER),
        first=np.full(count, -1),
    )


def world_of(items: Items, lead: Ints, item: Ints, age: Ints, area: Ints | None = None) -> World:
    """Return a world of readings at ages in steps; of a lead, an item and a day one is kept."""
    day = age // STEPS
    order = np.lexsort((age, day, item, lead))
    lead, item, age, day = lead[order], item[order], age[order], day[order]
    areas = np.zeros(lead.size, dtype=np.int64) if area is None else area[lead]
    first = np.r_[True, (np.diff(lead) != 0) | (np.diff(item) != 0) | (np.diff(day) != 0)] if lead.size else lead == 1
    lead, item, age, areas = lead[first], item[first], age[first], areas[first]
    never = np.full(lead.size, NEVER)
    weights = Weights(item, areas, age, np.ones(lead.size, dtype=np.int64), 0 if area is None else int(area.max()))
    return World(items, Readings(lead, item, age, never, areas), weights)


def lasting(seed: int, *, with_taste: bool, leads: int = 500, count: int = 60, each: int = 14) -> World:
    """Return readers of items that do not age. With taste each reads items of one of four kinds only."""
    rng = np.random.default_rng(seed)
    lead = np.repeat(np.arange(leads), each)
    popular = 1 / np.arange(1, count + 1) ** 0.7
    of_kind = np.arange(count) % 4
    item = np.zeros(lead.size, dtype=np.int64)
    for number in range(leads):
        odds = popular * (of_kind == number % 4) if with_taste else popular
        item[lead == number] = rng.choice(count, each, replace=False, p=odds / odds.sum())
    shuffled = rng.permutation(count)
    age = rng.integers(0, DAYS * STEPS, lead.size)
    return world_of(items_of(np.full(count, DAYS + 1)), lead, shuffled[item], age)


def news(seed: int, leads: int = 600, a_day: int = 3, each: int = 50) -> World:
    """Return readers of items that are read for about a day."""
    rng = np.random.default_rng(seed)
    published = np.sort(rng.random(DAYS * a_day) * DAYS)
    lead = np.repeat(np.arange(leads), each)
    at = rng.random(lead.size) * DAYS
    aged = rng.exponential(0.6, lead.size)
    item = np.clip(np.searchsorted(published, at + aged), 0, published.size - 1)
    item = np.minimum(item + rng.geometric(0.6, lead.size) - 1, published.size - 1)
    kept = published[item] > at
    return world_of(items_of(published), lead[kept], item[kept], (at[kept] * STEPS).astype(np.int64))
