"""Finds the four kinds of anomaly in the daily counts up to a day, comparing thresholds as exact fractions.

Messages are left to `messages`, the columns to `contract`, and the counts to the SQL.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import pandas as pd
import pyarrow as pa
from scipy.stats import binom, norm

from acquisition_assets.anomalies.contract import (
    ANOMALIES,
    CHANGE_DECIMALS,
    ENGAGEMENT_DROP,
    HIGH_FRAUD_RATE,
    LEAD_GENERATION_DROP,
    P_VALUE_DIGITS,
    SEVERITIES,
    UNUSUAL_BEHAVIOR,
    VALUE_DECIMALS,
)
from acquisition_assets.anomalies.messages import comparison_message, recommendation, silence_message
from acquisition_assets.anomalies.policy import AnomalyPolicy
from acquisition_assets.core.days import last_days
from acquisition_assets.core.numbers import round_half_up, round_significant
from acquisition_assets.core.policy import Locale

METRICS = ("new_leads", "deliveries_sent", "opened_24h", "referrals_created", "referrals_fraud")


@dataclass(frozen=True)
class Evidence:
    """The data in which anomalies are sought.

    metrics: daily_metrics, one row per business day up to the day; a missing day counts as zeros.
    first_lead_date, first_sent_date: the business day of the first lead and of the first delivery, or None.
    silent_leads: leads that were sent at least as many deliveries as the policy says and reacted to none.
    open_days: days after which it is certain whether a delivery was opened in time.
    """

    metrics: pd.DataFrame
    first_lead_date: dt.date | None
    first_sent_date: dt.date | None
    silent_leads: int
    open_days: int = 1


@dataclass(frozen=True)
class _Found:
    kind: str
    message: str
    observed: Fraction
    days: list[dt.date]
    baseline: Fraction | None = None
    season: Fraction | None = None
    p_value: float | None = None
    affected_leads: int | None = None


@dataclass(frozen=True)
class _Windows:
    """The last days, as many days before them, and the same weekdays of earlier weeks (empty if data starts later)."""

    last: list[dt.date]
    before: list[dt.date]
    season: list[dt.date]


class _Counts:
    """Sums of the daily counts over business days."""

    def __init__(self, metrics: pd.DataFrame) -> None:
        days = [pd.Timestamp(day).date() for day in metrics["day"]]
        self._columns = {name: dict(zip(days, map(int, metrics[name]), strict=True)) for name in METRICS}

    def total(self, name: str, days: Iterable[dt.date]) -> int:
        return sum(self._columns[name].get(day, 0) for day in days)


def detect(evidence: Evidence, day: dt.date, policy: AnomalyPolicy, locale: Locale) -> pd.DataFrame:
    """Return the anomalies of a business day, with the contract's columns and types, in the order of its types."""
    counts = _Counts(evidence.metrics)
    opened_by = day - dt.timedelta(days=evidence.open_days)
    found = (
        _engagement_drop(counts, _windows(opened_by, evidence.first_sent_date, policy), policy, locale),
        _high_fraud_rate(counts, day, policy, locale),
        _lead_generation_drop(counts, _windows(day, evidence.first_lead_date, policy), policy, locale),
        _unusual_behavior(evidence.silent_leads, day, policy, locale),
    )
    rows = [_row(anomaly, locale) for anomaly in found if anomaly is not None]
    return ANOMALIES.to_frame(pa.Table.from_pylist(rows, schema=ANOMALIES.arrow_schema))


def _engagement_drop(counts: _Counts, windows: _Windows, policy: AnomalyPolicy, locale: Locale) -> _Found | None:
    opened, sent = (counts.total(name, windows.last) for name in ("opened_24h", "deliveries_sent"))
    opened_before, sent_before = (counts.total(name, windows.before) for name in ("opened_24h", "deliveries_sent"))
    if min(sent, sent_before) < max(1, policy.engagement_minimum_deliveries):
        return None
    observed, baseline = Fraction(opened * 100, sent), Fraction(opened_before * 100, sent_before)
    sent_in_season = counts.total("deliveries_sent", windows.season)
    season = Fraction(counts.total("opened_24h", windows.season) * 100, sent_in_season) if sent_in_season else None
    if not _is_drop(observed, baseline, season, policy.engagement_drop_percent):
        return None
    p_value = _published_p(_proportions_p(opened, sent, opened_before, sent_before))
    if p_value >= policy.significance:
        return None
    message = comparison_message(locale, ENGAGEMENT_DROP, float(observed), float(baseline))
    return _Found(ENGAGEMENT_DROP, message, observed, windows.last, baseline, season, p_value)


def _high_fraud_rate(counts: _Counts, day: dt.date, policy: AnomalyPolicy, locale: Locale) -> _Found | None:
    days = last_days(day, policy.fraud_days)
    referrals, fraud = counts.total("referrals_created", days), counts.total("referrals_fraud", days)
    if referrals <= policy.fraud_minimum_referrals:
        return None
    observed, limit = Fraction(fraud * 100, referrals), _exact(policy.fraud_percent)
    if observed <= limit:
        return None
    message = comparison_message(
        locale, HIGH_FRAUD_RATE, float(observed), float(limit), fraud=fraud, referrals=referrals
    )
    return _Found(HIGH_FRAUD_RATE, message, observed, days, limit)


def _lead_generation_drop(counts: _Counts, windows: _Windows, policy: AnomalyPolicy, locale: Locale) -> _Found | None:
    leads, leads_before = (counts.total("new_leads", days) for days in (windows.last, windows.before))
    if leads_before < policy.lead_minimum:
        return None
    days = len(windows.last)
    observed, baseline = Fraction(leads, days), Fraction(leads_before, days)
    in_season = counts.total("new_leads", windows.season)
    season = Fraction(in_season, policy.season_weeks * days) if windows.season else None
    if not _is_drop(observed, baseline, season, policy.lead_drop_percent):
        return None
    p_value = _published_p(_counts_p(leads, leads_before))
    if p_value >= policy.significance:
        return None
    message = comparison_message(locale, LEAD_GENERATION_DROP, float(observed), float(baseline))
    return _Found(LEAD_GENERATION_DROP, message, observed, windows.last, baseline, season, p_value)


def _unusual_behavior(leads: int, day: dt.date, policy: AnomalyPolicy, locale: Locale) -> _Found | None:
    if leads < 1:
        return None
    message = silence_message(locale, leads, policy.silent_deliveries)
    days = last_days(day, policy.silent_days)
    return _Found(UNUSUAL_BEHAVIOR, message, Fraction(leads), days, affected_leads=leads)


def _windows(day: dt.date, first: dt.date | None, policy: AnomalyPolicy) -> _Windows:
    last = last_days(day, policy.window_days)
    before = last_days(last[0] - dt.timedelta(days=1), policy.window_days)
    season = [each - dt.timedelta(weeks=week) for week in range(1, policy.season_weeks + 1) for each in last]
    has_history = first is not None and first <= min(season)
    return _Windows(last, before, season if has_history else [])


def _is_drop(observed: Fraction, baseline: Fraction, season: Fraction | None, percent: float) -> bool:
    kept = 1 - _exact(percent) / 100
    return observed < baseline * kept and (season is None or observed < season * kept)


def _exact(percent: float) -> Fraction:
    """Return the number exactly as the policy writes it: 0.1 is a tenth."""
    return Fraction(str(percent))


def _proportions_p(opened: int, sent: int, opened_before: int, sent_before: int) -> float:
    """Return the one-sided p value of a smaller share than before, by the pooled z test of two proportions."""
    pooled = (opened + opened_before) / (sent + sent_before)
    error = math.sqrt(pooled * (1 - pooled) * (1 / sent + 1 / sent_before))
    return float(norm.cdf((opened / sent - opened_before / sent_before) / error))


def _counts_p(now: int, before: int) -> float:
    """Return the exact one-sided p value of so low a count, given the sum of two Poisson counts of equal windows."""
    return float(binom.cdf(now, now + before, 0.5))


def _published_p(p_value: float) -> float:
    return round_significant(p_value, P_VALUE_DIGITS)


def _row(anomaly: _Found, locale: Locale) -> dict[str, object]:
    return {
        "type": anomaly.kind,
        "severity": SEVERITIES[anomaly.kind],
        "message": anomaly.message,
        "recommendation": recommendation(locale, anomaly.kind),
        "observed": _published(anomaly.observed),
        "baseline": _published(anomaly.baseline),
        "seasonal_baseline": _published(anomaly.season),
        "change": _change(anomaly.observed, anomaly.baseline),
        "p_value": anomaly.p_value,
        "affected_leads": anomaly.affected_leads,
        "window_start": anomaly.days[0],
        "window_end": anomaly.days[-1],
    }


def _published(value: Fraction | None) -> float | None:
    return None if value is None else round_half_up(float(value), VALUE_DECIMALS)


def _change(observed: Fraction, baseline: Fraction | None) -> float | None:
    return round_half_up(float(observed / baseline - 1), CHANGE_DECIMALS) if baseline else None
