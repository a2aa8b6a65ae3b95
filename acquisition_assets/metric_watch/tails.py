"""Computes how likely a count or a rate as extreme as the observed one is, given its mean and variance.

Leaves the mean and the variance to `expectations`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, gammaln, ndtri

Floats = NDArray[np.float64]

# Sums longer than this are replaced by a beta distribution, which is as good there.
LONGEST_SUM = 4000
# Cells of the table in which sums of one length are computed together.
CELLS = 1_000_000
LEAST_EXCESS = 1e-9


def count_tails(observed: Floats, mean: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Return the negative binomial probabilities of at most, and of at least, the observed counts.

    Args:
        observed: counts, at least 0; they need not be whole (a count that was scaled).
        mean: expected counts, above 0.
        variance: of the counts; at least the mean, else the mean is taken.
    """
    excess = np.maximum(variance / mean - 1, LEAST_EXCESS)
    size, chance = mean / excess, 1 / (1 + excess)
    at_most = betainc(size, observed + 1, chance)
    at_least = np.where(observed > 0, betainc(np.maximum(observed, LEAST_EXCESS), size, 1 - chance), 1.0)
    return at_most, at_least


def rate_tails(observed: Floats, trials: Floats, mean: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Return the beta-binomial probabilities of at most, and of at least, the observed successes.

    Args:
        observed: successes, from 0 to the trials.
        trials: at least 1.
        mean: expected successes, above 0 and below the trials.
        variance: of the successes; at least the binomial one, else that is taken.
    """
    share = np.clip(mean / trials, 1e-9, 1 - 1e-9)
    binomial = trials * share * (1 - share)
    excess = np.maximum((variance / binomial - 1) / np.maximum(trials - 1, 1), LEAST_EXCESS)
    concentration = np.maximum(1 / excess - 1, 1e-3)
    mirrored = observed > trials / 2
    seen = np.where(mirrored, trials - observed, observed)
    first = concentration * np.where(mirrored, 1 - share, share)
    below, up_to = _beta_binomial(np.floor(seen), np.round(trials), first, concentration - first)
    at_most = np.where(mirrored, 1 - below, up_to)
    at_least = np.where(mirrored, up_to, 1 - below)
    return np.clip(at_most, 0.0, 1.0), np.clip(at_least, 0.0, 1.0)


def _beta_binomial(x: Floats, n: Floats, a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Return P(X < x) and P(X <= x) of beta-binomial counts, x being at most half of n."""
    below, up_to = np.empty_like(x), np.empty_like(x)
    far = x > LONGEST_SUM
    if far.any():
        below[far], up_to[far] = _beta(x[far] - 1, n[far], a[far], b[far]), _beta(x[far], n[far], a[far], b[far])
    near = np.flatnonzero(~far)
    near = near[np.argsort(x[near], kind="stable")]
    while near.size:
        longest = int(x[near[0]])
        count = 1
        while count < near.size and (int(x[near[count]]) + 1) * (count + 1) <= CELLS:
            count += 1
        part, near = near[:count], near[count:]
        longest = int(x[part[-1]])
        below[part], up_to[part] = _sums(x[part, None], n[part, None], a[part, None], b[part, None], longest)
    return below, up_to


def _sums(x: Floats, n: Floats, a: Floats, b: Floats, longest: int) -> tuple[Floats, Floats]:
    first = gammaln(n + b) - gammaln(b) + gammaln(a + b) - gammaln(n + a + b)
    i = np.arange(longest, dtype=np.float64)[None, :]
    ratio = np.maximum(n - i, 1e-300) * (i + a) / ((i + 1) * np.maximum(n - i - 1 + b, 1e-300))
    logs = np.concatenate([first, first + np.cumsum(np.log(ratio), axis=1)], axis=1)
    terms = np.exp(logs)
    number = np.arange(longest + 1)[None, :]
    below = np.where(number < x, terms, 0.0).sum(axis=1)
    return below, below + np.where(number == x, terms, 0.0).sum(axis=1)


def _beta(x: Floats, n: Floats, a: Floats, b: Floats) -> Floats:
    """Return P(X <= x) by the beta distribution of the same mean and variance, with a correction for continuity."""
    share = a / (a + b)
    spread = (1 + (n - 1) / (a + b + 1)) / n
    concentration = 1 / spread - 1
    limit = np.clip((x + 0.5) / n, 0.0, 1.0)
    tail: Floats = betainc(share * concentration, (1 - share) * concentration, limit)
    return tail


def band(mean: Floats, variance: Floats, probability: float) -> tuple[Floats, Floats]:
    """Return the lower and upper bounds of the middle of a gamma distribution (Wilson and Hilferty, 1931)."""
    z = float(ndtri(0.5 + probability / 2))
    relative = variance / np.maximum(mean, 1e-12) ** 2 / 9
    root = z * np.sqrt(relative)
    low = mean * np.maximum(1 - relative - root, 0.0) ** 3
    return low, mean * np.maximum(1 - relative + root, 0.0) ** 3
