"""Measures probabilities against outcomes: AUC, Brier score, calibration error, lift, and draws of leads for intervals.

Leaves what is measured, and what follows from it, to quality.py and gate.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
CELLS_AT_A_TIME = 2_000_000


@dataclass(frozen=True)
class Groups:
    """Rows in the order of a score, rows of one score together: where each group begins in that order."""

    order: Ints
    starts: Ints

    @classmethod
    def of(cls, scores: Floats) -> Groups:
        """Return the groups of rows with one score, the least score first."""
        order = np.argsort(scores, kind="stable").astype(np.int64)
        ordered = scores[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if scores.size else np.zeros(0, np.int64)
        return cls(order, starts.astype(np.int64))

    def sums(self, values: Floats) -> Floats:
        """Return the sums of each group; values are rows along the last axis."""
        sums: Floats = np.add.reduceat(values[..., self.order], self.starts, axis=-1)
        return sums


@dataclass(frozen=True)
class Judged:
    """Probabilities and what happened, row by row; every measure takes a weight per row (draws along the first axis).

    labels: 1 where the lead converted, else 0; base_rate: the constant that the skill is measured against.
    """

    probabilities: Floats
    labels: Floats
    base_rate: float
    bins: int
    lift_share: float

    @cached_property
    def groups(self) -> Groups:
        """Rows with one probability together."""
        return Groups.of(self.probabilities)

    @cached_property
    def bin_of_row(self) -> Ints:
        """The bin of each row: bins of equal count that never part rows with one probability."""
        sizes = np.diff(np.r_[self.groups.starts, self.labels.size])
        middles = np.cumsum(sizes) - sizes / 2
        of_group = np.minimum(self.bins - 1, (self.bins * middles / self.labels.size).astype(np.int64))
        found = np.empty(self.labels.size, np.int64)
        found[self.groups.order] = np.repeat(of_group, sizes)
        return found

    def every(self, weights: Floats) -> dict[str, Floats]:
        """Return all measures by name. Together they cost less than one by one."""
        sizes, conversions = self._sums(weights)
        brier = self.brier(weights)
        return {
            "auc": _auc(sizes, conversions),
            "brier": brier,
            "skill": self._skill(weights, brier),
            "ece": self.ece(weights),
            "lift": self._lift(sizes, conversions, weights.sum(axis=-1)),
        }

    def auc(self, weights: Floats) -> Floats:
        """Return the chance that a converted row ranks above another; ties count half."""
        return _auc(*self._sums(weights))

    def brier(self, weights: Floats) -> Floats:
        """Return the mean squared error."""
        return _mean((self.probabilities - self.labels) ** 2, weights)

    def skill(self, weights: Floats) -> Floats:
        """Return 1 - brier / brier of the base rate."""
        return self._skill(weights, self.brier(weights))

    def ece(self, weights: Floats) -> Floats:
        """Return the mean distance between probability and outcome over the bins, by their weight."""
        order = np.argsort(self.bin_of_row, kind="stable")
        starts = np.flatnonzero(np.r_[True, np.diff(self.bin_of_row[order]) > 0])
        gaps = np.add.reduceat((weights * (self.probabilities - self.labels))[..., order], starts, axis=-1)
        return _ratio(np.abs(gaps).sum(axis=-1), weights.sum(axis=-1))

    def lift(self, weights: Floats) -> Floats:
        """Return the rate among the highest probabilities against the rate of all; ties share what is left."""
        return self._lift(*self._sums(weights), weights.sum(axis=-1))

    def _sums(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the rows and the conversions of each group, the least probability first."""
        return self.groups.sums(weights), self.groups.sums(weights * self.labels)

    def _skill(self, weights: Floats, brier: Floats) -> Floats:
        return 1 - _ratio(brier, _mean((self.base_rate - self.labels) ** 2, weights))

    def _lift(self, sizes: Floats, conversions: Floats, total: Floats) -> Floats:
        sizes, conversions = sizes[..., ::-1], conversions[..., ::-1]
        before = np.cumsum(sizes, axis=-1) - sizes
        taken = np.clip(self.lift_share * total[..., None] - before, 0, sizes)
        among = (taken * _ratio(conversions, sizes, 0.0)).sum(axis=-1) / (self.lift_share * total)
        return _ratio(among, conversions.sum(axis=-1) / total)


def draws(leads: Ints, count: int, seed: int) -> Iterator[Floats]:
    """Yield weights of rows, a line per bootstrap draw, some lines at a time: how often the row's lead is drawn.

    Args:
        leads: the number of each row's lead, from 0.
        count: how many draws.
        seed: of the generator; the same rows in the same order get the same draws.
    """
    generator = np.random.default_rng(seed)
    number = int(leads.max()) + 1 if leads.size else 0
    lines = max(1, CELLS_AT_A_TIME // max(1, leads.size))
    for first in range(0, count, lines):
        drawn = [
            np.bincount(generator.integers(0, number, number), minlength=number)[leads]
            for _ in range(min(lines, count - first))
        ]
        yield np.asarray(drawn, dtype=np.float64)


def numbered(leads: NDArray[np.object_]) -> Ints:
    """Return a number for each row's lead, from 0 in the order of the leads' ids."""
    _, numbers = np.unique(leads.astype(str), return_inverse=True)
    return numbers.astype(np.int64)


def distinct(leads: Ints, labels: Floats) -> int:
    """Return how many leads have a converted row."""
    return int(np.unique(leads[labels > 0]).size)


def overlap(leads: Ints, labels: Floats) -> float:
    """Return how often a conversion is seen, from cut-offs less than a horizon apart; 1 without any conversion."""
    return max(1.0, float(labels.sum()) / max(1, distinct(leads, labels)))


def single_auc(values: Floats, labels: Floats) -> float:
    """Return the AUC of one feature alone; 0.5 where all rows are of one kind."""
    if not labels.size or values.min() == values.max():
        return 0.5
    judged = Judged(values, labels, 0.0, 1, 0.5)
    found = float(judged.auc(np.ones(labels.size)))
    return 0.5 if np.isnan(found) else found


def _auc(sizes: Floats, conversions: Floats) -> Floats:
    """Return the AUC of groups of rows, the least score first."""
    others = sizes - conversions  # exact, as weights are whole numbers
    below = np.cumsum(others, axis=-1) - others / 2
    pairs = conversions.sum(axis=-1) * others.sum(axis=-1)
    return _ratio((conversions * below).sum(axis=-1), pairs)


def _mean(values: Floats, weights: Floats) -> Floats:
    return _ratio((weights * values).sum(axis=-1), weights.sum(axis=-1))


def _ratio(dividend: Floats, divisor: Floats, otherwise: float = float("nan")) -> Floats:
    result = np.full(np.broadcast(dividend, divisor).shape, otherwise)
    np.divide(dividend, divisor, out=result, where=np.asarray(divisor) != 0)
    return result
