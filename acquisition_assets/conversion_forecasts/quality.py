"""Computes forecast_quality: how the model, the base rate and the document's points did on the validation weeks.

Leaves whether a model may be used to gate.py, and its fit to forecast.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acquisition_assets.conversion_forecasts.measures import Floats, Ints, Judged, draws
from acquisition_assets.conversion_forecasts.policy import ForecastPolicy

MEASURES = ("auc", "brier", "skill", "ece", "lift")


@dataclass(frozen=True)
class Reliability:
    """One bin of a reliability plot: mean forecast, rate with its interval, and rows."""

    forecast: float
    rate: float
    low: float
    high: float
    rows: int


def measure(
    probabilities: Floats, labels: Floats, leads: Ints, base_rate: float, policy: ForecastPolicy
) -> dict[str, float | None]:
    """Return every measure with the bounds of its bootstrap interval (`auc`, `auc_low`, `auc_high`, ...).

    A measure that the rows do not have (an AUC of rows of one kind) is None. Draws without it do not count.

    Args:
        probabilities: the forecasts.
        labels: 1 where the lead converted, else 0.
        leads: the number of each row's lead; they are drawn, not rows.
        base_rate: the rate that the skill is measured against.
        policy: draws, confidence, bins and the share of the lift.
    """
    names = [f"{name}{end}" for name in MEASURES for end in ("", "_low", "_high")]
    if not labels.size:
        return dict.fromkeys(names)
    judged = Judged(probabilities, labels, base_rate, policy.calibration_bins, policy.lift_share)
    drawn = [judged.every(lines) for lines in draws(leads, policy.bootstrap_draws, policy.seed)]
    whole = judged.every(np.ones(labels.size))
    tail = (1 - policy.confidence) / 2
    found: dict[str, float | None] = {}
    for name in MEASURES:
        values = np.concatenate([one[name] for one in drawn])
        known = values[np.isfinite(values)]
        low, high = np.quantile(known, [tail, 1 - tail]) if known.size else (np.nan, np.nan)
        found |= {
            name: _known(float(whole[name])),
            f"{name}_low": _known(float(low)),
            f"{name}_high": _known(float(high)),
        }
    return found


def isotonic(points: Floats, labels: Floats, asked: Floats) -> Floats:
    """Return probabilities for points, by isotonic regression of the outcomes of other rows on their points.

    Args:
        points: the points of the training rows.
        labels: 1 where the lead converted, else 0.
        asked: the points to be mapped; beyond those of the training rows the nearest counts.
    """
    from sklearn.isotonic import IsotonicRegression  # type: ignore[import-untyped]

    mapped: Floats = np.asarray(
        IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(points, labels).predict(asked),
        dtype=np.float64,
    )
    return mapped


def reliability(probabilities: Floats, labels: Floats, policy: ForecastPolicy) -> list[Reliability]:
    """Return the bins of a reliability plot, from the lowest forecasts to the highest."""
    if not labels.size:
        return []
    judged = Judged(probabilities, labels, 0.0, policy.calibration_bins, policy.lift_share)
    rows = np.bincount(judged.bin_of_row, minlength=policy.calibration_bins).astype(np.float64)
    converted = np.bincount(judged.bin_of_row, labels, minlength=policy.calibration_bins).astype(np.float64)
    forecast = np.bincount(judged.bin_of_row, probabilities, minlength=policy.calibration_bins)
    low, high = wilson(converted, rows, policy.confidence)
    return [
        Reliability(
            float(forecast[one] / rows[one]),
            float(converted[one] / rows[one]),
            float(low[one]),
            float(high[one]),
            int(rows[one]),
        )
        for one in np.flatnonzero(rows)
    ]


def differs(probabilities: Floats, low: Floats, high: Floats, labels: Floats, policy: ForecastPolicy) -> str | None:
    """Return how published forecasts differ from what happened beyond chance, in words, or None if they do not.

    What happened differs if the number of conversions lies outside the interval of the number that was forecast: the
    chance of the outcomes, plus what the forecasts themselves left open (their bounds move together at worst).

    Args:
        probabilities: the forecasts that were published a horizon ago.
        low: their lower bounds.
        high: their upper bounds.
        labels: 1 where the lead converted within the horizon, else 0.
        policy: the confidence.
    """
    if not labels.size:
        return None
    from scipy.stats import norm

    expected, found = float(probabilities.sum()), float(labels.sum())
    chance = float(norm.ppf(0.5 + policy.confidence / 2)) * float(np.sqrt((probabilities * (1 - probabilities)).sum()))
    least = max(0.0, expected - np.hypot(chance, expected - low.sum()))
    most = expected + np.hypot(chance, high.sum() - expected)
    if least <= found <= most:
        return None
    return f"{found:.0f} conversions, forecast were {expected:.1f} ({least:.1f} to {most:.1f})"


def wilson(conversions: Floats, leads: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Return the bounds of the Wilson interval of each rate; 0 and 1 without leads."""
    from scipy.stats import norm

    z = float(norm.ppf(0.5 + confidence / 2))
    rows = np.maximum(leads, 1e-12)
    rate = conversions / rows
    middle = (rate + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z * np.sqrt(rate * (1 - rate) / rows + z**2 / (4 * rows**2)) / (1 + z**2 / rows)
    known = leads > 0
    low = np.where(known, np.clip(np.minimum(middle - half, rate), 0, 1), 0.0)
    high = np.where(known, np.clip(np.maximum(middle + half, rate), 0, 1), 1.0)
    return low, high


def jeffreys(conversions: float, rows: float, confidence: float) -> tuple[float, float]:
    """Return the bounds of the Jeffreys interval of a rate."""
    from scipy.stats import beta

    tail = (1 - confidence) / 2
    low, high = beta.ppf([tail, 1 - tail], conversions + 0.5, rows - conversions + 0.5)
    return float(low), float(high)


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
