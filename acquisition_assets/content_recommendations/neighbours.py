"""Computes which items are read by the same leads, and how close each item is to what a lead has read; all sparse.

Which leads' readings are given is left to the caller, and what the closeness weighs to `ranking`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from acquisition_assets.content_recommendations.policy import ContentPolicy
from acquisition_assets.content_recommendations.reads import Floats, Ints, changes

Sparse = Any
"""A scipy.sparse.csr_matrix; scipy has no types."""


def last_read(lead: Ints, item: Ints, age: Ints, policy: ContentPolicy) -> tuple[Ints, Ints, Ints]:
    """Return the last items that each lead read, as (lead, item, age), sorted by lead and item, each pair once.

    Args:
        lead, item, age: readings before the cut, sorted by lead, item and age; ages in steps before the cut.
        policy: how many items, and how far back.
    """
    recent = age < policy.steps(policy.history_days)
    lead, item, age = lead[recent], item[recent], age[recent]
    youngest = changes(lead) | changes(item)
    lead, item, age = lead[youngest], item[youngest], age[youngest]
    counts = np.bincount(lead)[lead]
    if (counts > policy.taste_items).any():
        order = np.lexsort((age, lead))  # of equal ages the newer item comes first
        place = np.empty_like(order)
        place[order] = np.arange(order.size) - np.searchsorted(lead, lead)
        kept = place < policy.taste_items
        lead, item, age = lead[kept], item[kept], age[kept]
    return lead, item, age


def similarities(lead: Ints, item: Ints, items: int, policy: ContentPolicy) -> Sparse:
    """Return the cosine of items by the leads that read them, shrunk, for the nearest neighbours of each item.

    The similarity of two items is the number of leads that read both, over the root of the product of the numbers that
    read each, plus the shrinkage. Sparse; items x items.

    Args:
        lead, item: who read what, each pair once.
    """
    from scipy import sparse

    read = sparse.csr_matrix((np.ones(item.size), (lead, item)), shape=(int(lead.max(initial=-1)) + 1, items))
    both = (read.T @ read).tocsr()
    both.sort_indices()
    readers = np.bincount(item, minlength=items).astype(np.float64)
    ends, columns, values = [0], [], []
    for number in range(items):
        column = both.indices[both.indptr[number] : both.indptr[number + 1]]
        count = both.data[both.indptr[number] : both.indptr[number + 1]]
        similarity = count / (np.sqrt(readers[number] * readers[column]) + policy.similarity_shrinkage)
        kept = np.flatnonzero(column != number)
        if kept.size > policy.neighbours:
            nearest = np.argpartition(-similarity[kept], policy.neighbours - 1)[: policy.neighbours]
            kept = np.sort(kept[nearest])
        columns.append(column[kept])
        values.append(similarity[kept])
        ends.append(ends[-1] + kept.size)
    nothing = np.zeros(0)
    cells = (np.concatenate([*values, nothing]), np.concatenate([*columns, nothing.astype(np.int32)]), np.array(ends))
    return sparse.csr_matrix(cells, shape=(items, items))


def taste(line: Ints, item: Ints, age: Ints, shape: tuple[int, int], policy: ContentPolicy) -> Sparse:
    """Return what each lead has read, each item halved in every half-life. Sparse; leads x items.

    Args:
        line, item, age: the lead's place, what it read last, and how many steps before the cut.
    """
    from scipy import sparse

    weights = np.exp2(-age * policy.step_days / policy.taste_half_life_days)
    return sparse.csr_matrix((weights, (line, item)), shape=shape)


def closeness(read: Sparse, similar: Sparse) -> Sparse:
    """Return the sum of similarities of each item to what each lead has read. Sparse; leads x items."""
    close = (read @ similar).tocsr()
    close.sort_indices()
    return close


def nearest_read(read: Sparse, similar: Sparse, lines: Ints, items: Ints) -> Ints:
    """Return, for each pair of a lead and an item, what the lead read that adds most to its closeness; -1 for none."""
    starts, ends = read.indptr[lines].astype(np.int64), read.indptr[lines + 1].astype(np.int64)
    counts = ends - starts
    pair = np.repeat(np.arange(lines.size), counts)
    at = np.repeat(starts - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
    history = read.indices[at].astype(np.int64)
    added = read.data[at] * _cells(similar, history, items[pair])
    found = np.full(lines.size, -1, dtype=np.int64)
    if added.size:
        some = np.flatnonzero(counts)
        highest = np.maximum.reduceat(added, (np.cumsum(counts) - counts)[some])
        at = np.flatnonzero((added > 0) & (added == np.repeat(highest, counts[some])))
        first = at[changes(pair[at])]
        found[pair[first]] = history[first]
    return found


def _cells(matrix: Sparse, rows: Ints, columns: Ints) -> Floats:
    """Return single cells of a sparse matrix."""
    matrix.sort_indices()
    width = matrix.shape[1]
    keys = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr)) * width + matrix.indices
    wanted = rows * width + columns
    if not keys.size:
        return np.zeros(wanted.size)
    place = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
    cells: Floats = np.where(keys[place] == wanted, matrix.data[place], 0.0)
    return cells
