"""Explains a lead's forecast: what raises it and what lowers it, from the average lead to the published probability.

The model is left to `forecast`; every number shown was published.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from acquisition_assets.conversion_forecasts.contract import CANDIDATES, CONVERSION_FORECASTS, FORECAST_QUALITY, ROOM
from acquisition_assets.conversion_forecasts.forecast import DECIMALS
from acquisition_assets.conversion_forecasts.policy import ForecastPolicy
from acquisition_assets.conversion_forecasts.report import ONE_DECIMAL
from acquisition_assets.core.sections import Grid, LeadView, Row, Section, Strong
from acquisition_assets.core.words import Words, words_of
from acquisition_assets.features.contract import LEAD_ACTIVITY

PERCENT = 100
CLOSEST = 0.5 * 10**-DECIMALS
"""A published probability is no closer to 0 or 1 than this, as it is rounded."""


def section(lead: LeadView, policy: ForecastPolicy) -> Section:
    """Return the forecast with its factors; their effects sum to its log odds."""
    words = words_of(ROOM, lead.locale)
    if not lead.has(CONVERSION_FORECASTS.table):
        return Section(words("explain.title"), [lead.missing(CONVERSION_FORECASTS.table)])
    row = lead.row(CONVERSION_FORECASTS.table)
    if row is None:
        status = lead.rows(LEAD_ACTIVITY.table)[0]["status"]
        return Section(words("explain.title.none"), [words("explain.none", status=status)])
    method = words(f"method.{row['method']}")
    if row["forecast_probability"] is None:
        return Section(words("explain.title.none"), [method, words("explain.rank", rank=row["rank"])])
    percent = words.writing.percent
    title = words(
        "explain.title.probability",
        days=policy.horizon_days,
        probability=percent(row["forecast_probability"] * PERCENT),
    )
    interval = words(
        "explain.interval",
        low=percent(row["forecast_low"] * PERCENT),
        high=percent(row["forecast_high"] * PERCENT),
        lift=words.writing.decimal(row["lift"], ONE_DECIMAL),
        rank=row["rank"],
        priority=row["priority"],
    )
    lines = [interval, method]
    start = _intercept(lead)
    if start is None:
        return Section(title, lines)
    return Section(title, [*lines, Grid(words.titles("factor", "effect", "what"), factor_rows(row, start, words))])


def factor_rows(forecast: Row, start: float, words: Words) -> list[Sequence[object]]:
    """Return the way from the average lead to the forecast: the largest factors, all others, and the sum.

    Args:
        forecast: the lead's row of conversion_forecasts.
        start: the log odds of a lead whose features are all average.
        words: the words of the language.
    """
    total = log_odds(forecast["forecast_probability"])
    factors = [factor_effect(text) for text in forecast["top_factors"]]
    others = total - start - sum(effect for _, effect in factors)
    percent = words.writing.percent
    rows: list[Sequence[object]] = [[words("explain.average"), start, percent(_probability(start) * PERCENT)]]
    rows += [[name, effect, _direction(effect, words)] for name, effect in factors]
    rows.append([words("explain.others"), others, _direction(others, words)])
    rows.append([Strong(words("explain.log_odds")), total, percent(_probability(total) * PERCENT)])
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


def _direction(effect: float, words: Words) -> str:
    """Return what an effect does to the odds, in words."""
    times = round(math.exp(abs(effect)), 2)
    if times == 1:
        return words("explain.little")
    return words("explain.raises" if effect > 0 else "explain.lowers", times=words.cell(times))
