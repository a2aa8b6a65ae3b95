"""Explains a lead's forecast: what raises it and what lowers it, from the average lead to the published probability.

The model is left to `forecast`; every number shown was published.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from acquisition_assets.conversion_forecasts.contract import CANDIDATES, CONVERSION_FORECASTS, FORECAST_QUALITY
from acquisition_assets.conversion_forecasts.forecast import DECIMALS
from acquisition_assets.conversion_forecasts.policy import ForecastPolicy
from acquisition_assets.conversion_forecasts.report import METHOD_WORDS
from acquisition_assets.core.sections import Grid, LeadView, Row, Section, Strong
from acquisition_assets.features.contract import LEAD_ACTIVITY

CLOSEST = 0.5 * 10**-DECIMALS
"""A published probability is no closer to 0 or 1 than this, as it is rounded."""


def section(lead: LeadView, policy: ForecastPolicy) -> Section:
    """Return the forecast with its factors; their effects sum to its log odds."""
    if not lead.has(CONVERSION_FORECASTS.table):
        return Section("Forecast", [lead.missing(CONVERSION_FORECASTS.table)])
    row = lead.row(CONVERSION_FORECASTS.table)
    if row is None:
        status = lead.rows(LEAD_ACTIVITY.table)[0]["status"]
        return Section("Forecast: none", [f"only leads that are open have one; this one is {status}"])
    method = f"method: {METHOD_WORDS[row['method']]}"
    if row["forecast_probability"] is None:
        return Section("Forecast: none", [method, f"rank {row['rank']:,} by score"])
    title = f"Forecast {row['forecast_probability']:.1%}: the probability of a conversion in {policy.horizon_days} days"
    lines = [
        f"95 % interval {row['forecast_low']:.1%} to {row['forecast_high']:.1%}, {row['lift']:.1f} times the base "
        f"rate, rank {row['rank']:,}, priority {row['priority']}",
        method,
    ]
    start = _intercept(lead)
    if start is None:
        return Section(title, lines)
    return Section(title, [*lines, Grid(["factor", "effect on log odds", "what it does"], factor_rows(row, start))])


def factor_rows(forecast: Row, start: float) -> list[Sequence[object]]:
    """Return the way from the average lead to the forecast: the largest factors, all others, and the sum.

    Args:
        forecast: the lead's row of conversion_forecasts.
        start: the log odds of a lead whose features are all average.
    """
    total = log_odds(forecast["forecast_probability"])
    factors = [factor_effect(text) for text in forecast["top_factors"]]
    others = total - start - sum(effect for _, effect in factors)
    rows: list[Sequence[object]] = [["a lead whose features are all average", start, f"{_probability(start):.1%}"]]
    rows += [[words, effect, _direction(effect)] for words, effect in factors]
    rows.append(["all other features together", others, _direction(others)])
    rows.append([Strong("log odds of the forecast"), total, f"{_probability(total):.1%}"])
    return rows


def factor_effect(text: str) -> tuple[str, float]:
    """Return the words and the effect of a text of top_factors, such as `deliveries opened 3 (+0.42)`."""
    words, _, effect = text.rpartition(" (")
    return words, float(effect.rstrip(")"))


def log_odds(probability: float) -> float:
    """Return the log odds of a published probability."""
    near = min(max(probability, CLOSEST), 1 - CLOSEST)
    return math.log(near / (1 - near))


def _intercept(lead: LeadView) -> float | None:
    """Return the log odds of the average lead on the day; None without a model."""
    if not lead.has(FORECAST_QUALITY.table):
        return None
    rows = lead.lake.read(FORECAST_QUALITY.table, lead.day, ["candidate", "intercept"]).to_pylist()
    return next((row["intercept"] for row in rows if row["candidate"] == CANDIDATES[0]), None)


def _probability(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))


def _direction(effect: float) -> str:
    """Return what an effect does to the odds, in words."""
    times = math.exp(abs(effect))
    if f"{times:.2f}" == "1.00":
        return "changes little"
    return f"raises the odds {times:.2f} times" if effect > 0 else f"lowers the odds {times:.2f} times"
