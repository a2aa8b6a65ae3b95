"""Finds the reason of every item that a lead gets: its rule's words, its readers, or what the lead has read before.

The words themselves are left to `messages`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from acquisition_assets.content_recommendations.messages import (
    COMPLETED,
    EVERYBODY,
    LIKE_YOU,
    NEW,
    NUMBERS,
    READ,
    UNKNOWN,
    WINDOWS,
)
from acquisition_assets.content_recommendations.past import Candidate
from acquisition_assets.content_recommendations.ranking import FILLING, Picks
from acquisition_assets.content_recommendations.reads import Flags, Ints, whole

READERS = ("short_readers", "middle_readers", "long_readers")


@dataclass(frozen=True)
class Readers:
    """How many leads read each item: by window (short, middle, long), area of interest (0: all leads) and item."""

    counts: Ints


def readers_of(table: pa.Table, areas: int, items: int) -> Readers:
    """Return the readers of the relation `item_readers`."""
    counts = np.zeros((WINDOWS, areas + 1, items), dtype=np.int64)
    area, item = whole(table, "area_number"), whole(table, "item_number")
    for window, name in enumerate(READERS):
        counts[window, area, item] = whole(table, name)
        counts[window, 0] = counts[window].sum(axis=0)
    return Readers(counts)


def reasons(
    picks: Picks, area: Ints, because: Ints, completed: Flags, readers: Readers, candidate: Candidate
) -> tuple[Ints, Ints]:
    """Return the number of the reason of each item, and how many readers it names.

    Args:
        picks: the items.
        area: the area of interest of each item's lead.
        because: for items ranked by the lead's taste, what it read that is most similar; else -1.
        completed: whether the lead completed that.
        readers: how many leads read each item.
        candidate: how items are ranked.
    """
    number = np.full(picks.item.size, NUMBERS[NEW if candidate.family == "newest" else UNKNOWN, 0, 0], dtype=np.int64)
    counted = np.zeros(picks.item.size, dtype=np.int64)
    if candidate.family != "newest":
        for window in reversed(range(WINDOWS)):
            for name, of_area in ((EVERYBODY, np.zeros_like(area)), (LIKE_YOU, area)):
                count = readers.counts[window, of_area, picks.item]
                some = (count > 0) & ((of_area > 0) | (name == EVERYBODY))
                one = NUMBERS[name, 1, window]
                number = np.where(some, np.where(count == 1, one, NUMBERS[name, 0, window]), number)
                counted = np.where(some, count, counted)
    number = np.where(because >= 0, np.where(completed, NUMBERS[COMPLETED, 0, 0], NUMBERS[READ, 0, 0]), number)
    asked = picks.wanted != FILLING
    return np.where(asked, picks.wanted, number), np.where(asked | (because >= 0), 0, counted)
