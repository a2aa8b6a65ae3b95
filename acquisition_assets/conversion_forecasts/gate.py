"""Decides whether a model may be used: it must beat the base rate on weeks that it did not see, beyond chance.

Leaves the model to forecast.py and the figures that people read to quality.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from acquisition_assets.conversion_forecasts.measures import Floats, Ints, draws
from acquisition_assets.conversion_forecasts.policy import ForecastPolicy
from acquisition_assets.core.words import Message


@dataclass(frozen=True)
class Gate:
    """What the gate says of a day's model, and why.

    gain_low: the quantile of the gain in squared error over the base rate that must be above 0; None if not computed.
    """

    passed: bool
    reason: Message
    gain_low: float | None = None


def validation_weeks(base_rate: float, policy: ForecastPolicy) -> int:
    """Return how many of the newest complete cut-offs validate: more where conversions are rare."""
    return policy.rare_validation_weeks if base_rate < policy.rare_base_rate else policy.validation_weeks


def too_few(training: int, validation: int, policy: ForecastPolicy) -> Gate | None:
    """Return the gate of a day with too few conversions to judge a model, or None if there are enough."""
    for name, found in (("training", training), ("validation", validation)):
        if found < policy.gate_conversions:
            few = Message(f"gate.few_in_{name}", {"conversions": found, "needed": policy.gate_conversions})
            return Gate(False, few)
    return None


def judge(
    probabilities: Floats, labels: Floats, leads: Ints, weeks: Ints, base_rate: float, policy: ForecastPolicy
) -> Gate:
    """Return whether forecasts beat the base rate on validation rows, beyond chance.

    Two quantiles of a bootstrap by lead must be above 0: the gain in squared error over the base rate of the training
    rows, and the covariance of forecast and outcome within each week. The second keeps out a model that only follows
    how the rate changes from week to week, and so ranks no lead.

    Args:
        probabilities: the forecasts, made without these rows.
        labels: 1 where the lead converted, else 0.
        leads: the number of each row's lead.
        weeks: the number of each row's cut-off.
        base_rate: the rate of the training rows.
        policy: the draws and the quantile.
    """
    gain = (base_rate - labels) ** 2 - (probabilities - labels) ** 2
    agreement = _centred(probabilities, weeks) * _centred(labels, weeks)
    gains: list[Floats] = []
    agreements: list[Floats] = []
    for weights in draws(leads, policy.bootstrap_draws, policy.seed):
        gains.append(np.einsum("ij,j->i", weights, gain) / weights.sum(axis=1))
        agreements.append(np.einsum("ij,j->i", weights, agreement) / weights.sum(axis=1))
    gain_low = float(np.quantile(np.concatenate(gains), policy.gate_quantile))
    agreement_low = float(np.quantile(np.concatenate(agreements), policy.gate_quantile))
    if not gain_low > 0:
        return Gate(False, Message("gate.no_gain"), gain_low)
    if not agreement_low > 0:
        return Gate(False, Message("gate.no_ranking"), gain_low)
    return Gate(True, Message("gate.gain"), gain_low)


def is_in_use(today: bool, earlier: Sequence[bool], policy: ForecastPolicy) -> bool:
    """Return whether the day's model is used: it passed on the day, or on one of the days just before.

    A model that had passed is withdrawn by `failing_days` failing days in a row; one passing day brings it back.

    Args:
        today: whether it passed on the day.
        earlier: whether it passed on earlier days, the newest first (those that the lake has).
        policy: after how many failing days it is withdrawn.
    """
    return today or any(earlier[: policy.failing_days - 1])


def is_withdrawn(today: bool, earlier: Sequence[bool], policy: ForecastPolicy) -> bool:
    """Return whether this is the day on which a model that was in use is withdrawn."""
    was_in_use = bool(earlier) and is_in_use(earlier[0], earlier[1:], policy)
    return was_in_use and not is_in_use(today, earlier, policy)


def method_of(conversions: int, in_use: bool, policy: ForecastPolicy) -> str:
    """Return the method of the day's forecasts.

    Args:
        conversions: leads of the training rows that converted; 0 without a complete label.
        in_use: whether the model passed, or passed recently enough.
        policy: what is few, and what is too few.
    """
    if conversions < policy.minimum_conversions:
        return "none"
    if conversions < policy.small_conversions or not in_use:
        return "base_rate"
    return "learned" if conversions >= policy.full_conversions else "learned_small"


def _centred(values: Floats, weeks: Ints) -> Floats:
    """Return values without the mean of their week."""
    rows = np.bincount(weeks)
    means = np.divide(np.bincount(weeks, values), rows, where=rows > 0, out=np.zeros(rows.size))
    centred: Floats = values - means[weeks]
    return centred
