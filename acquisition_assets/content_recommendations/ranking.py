"""Ranks items for many leads at once: the best that each may get, of a kind or of any; sparse throughout.

How popular and how close items are is left to `popularity` and `neighbours`; which kinds a lead gets to `picks`.

A list of a lead joins two short lists: the closest items (only those that the lead's readings lead to) and the most
popular ones (as many as are wanted, and as many again as the lead already knows). So no matrix of leads and items is
ever made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from acquisition_assets.content_recommendations.neighbours import Sparse
from acquisition_assets.content_recommendations.popularity import Popularity
from acquisition_assets.content_recommendations.reads import Flags, Floats, Ints, distinct

NO_ITEM = -1
ROWS_AT_A_TIME = 4096
"""Leads whose closest items are sorted together; changes memory, never a number."""
TIE = 1e-12
"""What a place in the order of popularity takes off a score, so that equal scores are ordered by popularity."""


@dataclass(frozen=True)
class Block:
    """Some leads: the area of each, what each must not get, and how close items are to what each has read.

    known: sorted keys (line * items + item) of what must not be recommended. counts: how many of them each lead has.
    close: closeness, without what is known or not available, as a share of the lead's closest item. Sparse.
    """

    area: Ints
    items: int
    known: Ints
    counts: Ints
    close: Sparse | None = None

    @property
    def leads(self) -> int:
        """Return the number of leads."""
        return int(self.area.size)

    def is_known(self, lines: Ints, items: Ints) -> Flags:
        """Return which pairs of a lead and an item must not be recommended."""
        return contains(self.known, lines * self.items + items)


def contains(keys: Ints, wanted: Ints) -> Flags:
    """Return which numbers are among sorted keys."""
    if not keys.size:
        return np.zeros(wanted.size, dtype=np.bool_)
    place = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
    found: Flags = keys[place] == wanted
    return found


def block_of(area: Ints, items: int, line: Ints, item: Ints) -> Block:
    """Return a block of leads without tastes; line, item: what each must not get."""
    known = distinct(line * items + item)
    counts = np.bincount(known // max(items, 1), minlength=area.size).astype(np.int64)
    return Block(area, items, known, counts)


def with_close(block: Block, close: Sparse, allowed: Flags) -> Block:
    """Return the block with the closeness of the items that its leads may get, as a share of each lead's closest."""
    line = np.repeat(np.arange(block.leads, dtype=np.int64), np.diff(close.indptr))
    item = close.indices.astype(np.int64)
    kept = allowed[item] & (close.data > 0) & ~block.is_known(line, item)
    line, item, value = line[kept], item[kept], close.data[kept]
    highest = np.zeros(block.leads)
    np.maximum.at(highest, line, value)
    scaled = _matrix(line, item, value / highest[line], block)
    return Block(block.area, block.items, block.known, block.counts, scaled)


def _matrix(line: Ints, item: Ints, value: Floats, block: Block) -> Sparse:
    from scipy import sparse

    ends = np.searchsorted(line, np.arange(block.leads + 1))
    return sparse.csr_matrix((value, item, ends), shape=(block.leads, block.items))


@dataclass(frozen=True)
class Method:
    """How items are ranked. weight: that of popularity beside the lead's taste, or None for popularity alone."""

    popular: Popularity
    weight: float | None = None

    @property
    def is_personal(self) -> bool:
        """Whether a lead's taste counts."""
        return self.weight is not None

    def popularity_part(self, area: Ints, item: Ints) -> Floats:
        """Return the part of items' scores that is their popularity."""
        part: Floats = self.popular.share[area, item] * (1.0 if self.weight is None else self.weight)
        return part


@dataclass(frozen=True)
class Lists:
    """The best items of each lead, the best first (NO_ITEM after the last), with the two parts of their scores."""

    item: Ints
    popular: Floats
    personal: Floats

    def beside(self, other: Lists) -> Lists:
        """Return lists that go on with another's."""
        return Lists(
            np.hstack([self.item, other.item]),
            np.hstack([self.popular, other.popular]),
            np.hstack([self.personal, other.personal]),
        )


def best(block: Block, method: Method, allowed: Flags, size: int, rows: Ints | None = None) -> Lists:
    """Return the best items that leads of a block may get.

    Args:
        block: the leads.
        method: how items are ranked.
        allowed: which items may be in a list: those that are available, or those of a kind.
        size: the length of a list.
        rows: which leads of the block (default: all).
    """
    lines = np.arange(block.leads) if rows is None else rows
    popular = _most_popular(block, method, allowed, size, lines)
    if not method.is_personal or block.close is None:
        return Lists(popular, _part(block, method, lines, popular), np.zeros(popular.shape))
    parts = [
        _closest(block, method, allowed, size, lines[start : start + ROWS_AT_A_TIME])
        for start in range(0, max(lines.size, 1), ROWS_AT_A_TIME)
    ]
    close = np.vstack([item for item, _ in parts])
    value = np.vstack([values for _, values in parts])
    repeated = (popular[:, :, None] == close[:, None, :]).any(axis=2)
    item = np.hstack([close, np.where(repeated, NO_ITEM, popular)])
    personal = np.hstack([value, np.zeros(popular.shape)])
    share = _part(block, method, lines, item)
    score = np.where(item == NO_ITEM, -np.inf, share + personal - TIE * _place(block, method, lines, item))
    order = np.argsort(-score, axis=1, kind="stable")[:, :size]
    return Lists(*(np.take_along_axis(each, order, axis=1) for each in (item, share, personal)))


def _part(block: Block, method: Method, lines: Ints, item: Ints) -> Floats:
    """Return the popularity part of the items of lists, 0 where there is none."""
    area = np.broadcast_to(block.area[lines][:, None], item.shape)
    if not block.items:
        return np.zeros(item.shape)
    return np.where(item == NO_ITEM, 0.0, method.popularity_part(area, np.maximum(item, 0)))


def _place(block: Block, method: Method, lines: Ints, item: Ints) -> Ints:
    place: Ints = method.popular.place[block.area[lines][:, None], np.maximum(item, 0)]
    return place


def _most_popular(block: Block, method: Method, allowed: Flags, size: int, lines: Ints) -> Ints:
    """Return the most popular items that each lead may get, the most popular first."""
    found = np.full((lines.size, size), NO_ITEM, dtype=np.int64)
    areas = block.area[lines]
    for area in np.unique(areas):
        order = method.popular.order[area]
        listed = order[allowed[order]]
        at = np.flatnonzero(areas == area)
        wanted = np.minimum(listed.size, size + block.counts[lines[at]])
        line = np.repeat(at, wanted)
        item = listed[within(wanted)]
        kept = ~block.is_known(lines[line], item)
        line, item = line[kept], item[kept]
        rank = np.arange(line.size) - np.searchsorted(line, line)
        first = rank < size
        found[line[first], rank[first]] = item[first]
    return found


def _closest(block: Block, method: Method, allowed: Flags, size: int, lines: Ints) -> tuple[Ints, Floats]:
    """Return the items with the highest scores among those close to what each lead has read, and their closeness."""
    close = block.close
    found = np.full((lines.size, size), NO_ITEM, dtype=np.int64)
    values = np.zeros((lines.size, size))
    if close is None or not lines.size:
        return found, values
    starts, ends = close.indptr[lines].astype(np.int64), close.indptr[lines + 1].astype(np.int64)
    counts = ends - starts
    at = np.repeat(starts, counts) + within(counts)
    line = np.repeat(np.arange(lines.size), counts)
    item = close.indices[at].astype(np.int64)
    value = close.data[at]
    if not allowed.all():
        kept = allowed[item]
        line, item, value = line[kept], item[kept], value[kept]
        counts = np.bincount(line, minlength=lines.size)
    area = block.area[lines][line]
    score = value + method.popularity_part(area, item) - TIE * method.popular.place[area, item]
    width = int(counts.max(initial=0))
    if width == 0:
        return found, values
    rank = within(counts)
    padded = np.full((lines.size, width), -np.inf)
    padded[line, rank] = score
    first = (
        np.argpartition(-padded, size - 1, axis=1)[:, :size]
        if width > size
        else np.tile(np.arange(width), (lines.size, 1))
    )
    top = np.take_along_axis(padded, first, axis=1)
    source = np.minimum((np.cumsum(counts) - counts)[:, None] + first, max(item.size - 1, 0))
    real = np.isfinite(top)
    shown = np.where(real, item[source], NO_ITEM)
    found[:, : first.shape[1]] = shown
    values[:, : first.shape[1]] = np.where(real, value[source], 0.0)
    return found, values


def within(counts: Ints) -> Ints:
    """Return 0, 1, ... of each group of these sizes, one after the other."""
    places: Ints = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    return places


@dataclass(frozen=True)
class Picks:
    """The items that leads get, one entry each: the lead's line, the rank, and the parts of the score.

    wanted: place of the rule, or FILLING. next_item: what would have come in its place, or NO_ITEM, and next_score.
    """

    line: Ints
    rank: Ints
    wanted: Ints
    item: Ints
    popular: Floats
    personal: Floats
    next_item: Ints
    next_score: Floats


FILLING = -1
"""What asked for an item that no rule gave."""


def pick(
    block: Block,
    method: Method,
    available: Flags,
    rules: Sequence[tuple[Flags, Sequence[Flags]]],
    maximum: int,
) -> tuple[Picks, list[int]]:
    """Return the items that the leads of a block get: one for each rule that holds, and the best of any kind.

    Also returns, for each rule, for how many leads it holds and finds no item that is left.

    Args:
        block: the leads.
        method: how items are ranked.
        available: which items there are today.
        rules: for each rule the leads for which it holds, and the items of its kind, those that come first first.
        maximum: the number of items of a lead.
    """
    taken = np.full((block.leads, maximum), NO_ITEM, dtype=np.int64)
    chosen: list[Picks] = []
    missing: list[int] = []
    for place, (holds, kinds) in enumerate(rules):
        rows = np.flatnonzero(holds & (taken[:, -1] == NO_ITEM))
        lists = [best(block, method, kind & available, maximum + 1, rows) for kind in kinds]
        joined = lists[0]
        for other in lists[1:]:
            joined = joined.beside(other)
        made = _take(joined, rows, taken, place)
        taken = _with(taken, made)
        missing.append(rows.size - made.line.size)
        chosen.append(made)
    everything = best(block, method, available, maximum + 1)
    for _ in range(maximum):
        rows = np.flatnonzero(taken[:, -1] == NO_ITEM)
        some = Lists(everything.item[rows], everything.popular[rows], everything.personal[rows])
        made = _take(some, rows, taken, FILLING)
        taken = _with(taken, made)
        chosen.append(made)
    names = ("line", "rank", "wanted", "item", "popular", "personal", "next_item", "next_score")
    return Picks(*(np.concatenate([getattr(one, name) for one in chosen]) for name in names)), missing


def _with(taken: Ints, made: Picks) -> Ints:
    """Return what each lead has got, in the order of ranks, with more items."""
    more: Ints = taken.copy()
    more[made.line, made.rank - 1] = made.item
    return more


def _take(lists: Lists, rows: Ints, taken: Ints, wanted: int) -> Picks:
    """Return the first item of each list that its lead has not yet got."""
    free = (lists.item != NO_ITEM) & ~(lists.item[:, :, None] == taken[rows][:, None, :]).any(axis=2)
    lines = np.arange(rows.size)
    first = free.argmax(axis=1)
    got = free[lines, first]
    item = lists.item[lines, first]
    others = free & (lists.item != item[:, None])
    second = others.argmax(axis=1)
    has_next = others[lines, second]
    scores = lists.popular + lists.personal
    lines, first, second, has_next = lines[got], first[got], second[got], has_next[got]
    rows, item = rows[got], item[got]
    return Picks(
        line=rows,
        rank=1 + (taken[rows] != NO_ITEM).sum(axis=1),
        wanted=np.full(rows.size, wanted, dtype=np.int64),
        item=item,
        popular=lists.popular[lines, first],
        personal=lists.personal[lines, first],
        next_item=np.where(has_next, lists.item[lines, second], NO_ITEM),
        next_score=np.where(has_next, scores[lines, second], 0.0),
    )
