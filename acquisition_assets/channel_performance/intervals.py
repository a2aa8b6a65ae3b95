"""Computes intervals of shares and counts, the shrinkage of rates, and tests between them, on arrays.

Leaves which leads are counted and what a verdict is to `comparison` and `money`.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, gammaln
from scipy.stats import norm

Numbers = npt.NDArray[np.float64]
GRID_POINTS, POINTS_OF_A_CHANNEL, DEVIATIONS = 401, 161, 8.0
# Tables that are equally likely differ by the noise of logarithms.
ROUNDING = 1e-7


def wilson(successes: Numbers, trials: Numbers, confidence: float) -> tuple[Numbers, Numbers]:
    """Return the lower and upper Wilson bound of each share; trials are at least 1."""
    z = float(norm.ppf(0.5 + confidence / 2))
    share = successes / trials
    denominator = 1 + z**2 / trials
    middle = (share + z**2 / (2 * trials)) / denominator
    half = z * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2)) / denominator
    # At 0 and 1 the bound is the share itself; rounding must not take it beyond.
    low = np.where(successes == 0, 0.0, np.clip(middle - half, 0, share))
    high = np.where(successes == trials, 1.0, np.clip(middle + half, share, 1))
    return low, high


def poisson(counts: Numbers, confidence: float) -> tuple[Numbers, Numbers]:
    """Return the lower and upper score bound of the mean of each count."""
    z = float(norm.ppf(0.5 + confidence / 2))
    half = z * np.sqrt(counts + z**2 / 4)
    middle = counts + z**2 / 2
    return np.where(counts == 0, 0.0, np.maximum(0, middle - half)), middle + half


def beta_prior(successes: Numbers, trials: Numbers, strongest: float) -> tuple[float, float]:
    """Return the beta distribution of the channels' rates, by moments (Kleinman 1973).

    Where the rates differ no more than chance would have them, it has the weight of `strongest` leads.
    """
    total = float(trials.sum())
    mean = (float(successes.sum()) + 0.5) / (total + 1)
    weight = strongest
    if len(trials) > 1:
        spread = float((trials * (successes / trials - mean) ** 2).sum())
        by_chance = (len(trials) - 1) * mean * (1 - mean)
        effective = total - float((trials**2).sum()) / total
        variance = (spread - by_chance) / effective if effective > 0 else 0.0
        if variance > 0:
            weight = min(strongest, max(1.0, mean * (1 - mean) / variance - 1))
    return mean * weight, (1 - mean) * weight


def probability_best(first: Numbers, second: Numbers) -> Numbers:
    """Return the probability that each of several independent beta distributions has the greatest value.

    Integrated on a grid that is dense where any of them is; the probabilities sum to 1.
    """
    mean = first / (first + second)
    deviation = np.sqrt(mean * (1 - mean) / (first + second + 1))
    low, high = np.clip(mean - DEVIATIONS * deviation, 0, 1), np.clip(mean + DEVIATIONS * deviation, 0, 1)
    own = [np.linspace(*ends, POINTS_OF_A_CHANNEL) for ends in zip(low, high, strict=True)]
    grid = np.unique(np.concatenate([np.linspace(low.min(), high.max(), GRID_POINTS), *own, [0.0, 1.0]]))
    below = betainc(first[:, None], second[:, None], grid[None, :])
    steps = np.diff(below, axis=1)
    middle = (below[:, 1:] + below[:, :-1]) / 2
    found = np.array([(steps[i] * np.delete(middle, i, axis=0).prod(axis=0)).sum() for i in range(len(first))])
    return cast(Numbers, found / found.sum())


def against_rest(successes: Numbers, trials: Numbers) -> Numbers:
    """Return Fisher's two-sided exact p of each channel against all others together; 1 where there is no other."""
    won, tried = float(successes.sum()), float(trials.sum())
    if len(trials) < 2:
        return np.ones(len(trials))
    found = [_fisher(*each, won, tried) for each in zip(successes, trials, strict=True)]
    return np.array(found, dtype=np.float64).clip(0, 1)


def _fisher(own_won: float, own_tried: float, won: float, tried: float) -> float:
    """Return the probability of a table no likelier than the one found, given its margins."""
    counts = np.arange(max(0.0, own_tried + won - tried), min(own_tried, won) + 1)
    logs = -(
        gammaln(counts + 1)
        + gammaln(won - counts + 1)
        + gammaln(own_tried - counts + 1)
        + gammaln(tried - won - own_tried + counts + 1)
    )
    shares = np.exp(logs - logs.max())
    found = shares[int(own_won - counts[0])]
    return float(shares[shares <= found * (1 + ROUNDING)].sum() / shares.sum())


def holm(p_values: Numbers) -> Numbers:
    """Return p values adjusted after Holm, in the order given."""
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    adjusted = np.minimum(1.0, np.maximum.accumulate(p_values[order] * factors))
    back = np.empty_like(adjusted)
    back[order] = adjusted
    return back


def leads_needed(rest_rate: float, rest_leads: float, *, ratio: float, significance: float, power: float) -> int | None:
    """Return the leads with which a rate of `ratio` times that of the rest would show; None where no number would do.

    The usual formula for two shares, two-sided, given the leads of the rest.
    """
    if rest_leads <= 0:
        return None
    rate = max(rest_rate, 1 / (rest_leads + 1))
    better = min(rate * ratio, (1 + rate) / 2)
    reach = float(norm.ppf(1 - significance / 2) + norm.ppf(power))
    room = (better - rate) ** 2 / reach**2 - rate * (1 - rate) / rest_leads
    return int(np.ceil(better * (1 - better) / room)) if room > 0 else None
