"""Computes the headline numbers with their lines, and the comparison of two weeks, from the rows of daily_metrics.

A day without complete data is a gap, never a zero. Which sentences are made of the numbers is left to `sentences`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import get_args

from acquisition_assets.anomalies.contract import (
    ENGAGEMENT_DROP,
    HIGH_FRAUD_RATE,
    LEAD_GENERATION_DROP,
    UNUSUAL_BEHAVIOR,
)
from acquisition_assets.core.days import last_days
from acquisition_assets.core.numbers import round_half_up
from acquisition_assets.daily_brief.contract import METRICS
from acquisition_assets.daily_brief.facts import Facts
from acquisition_assets.daily_brief.model import Headline, Line, Metric, Number, Unit, WeekRow

DECIMALS = 1
WEEK = 7
MARKS: dict[Metric, str] = {
    "new_leads": LEAD_GENERATION_DROP,
    "deliveries": UNUSUAL_BEHAVIOR,
    "open_rate": ENGAGEMENT_DROP,
    "referrals": HIGH_FRAUD_RATE,
}
"""The type of anomaly that marks days of a metric's line."""
OF_EVENTS = frozenset({"deliveries", "open_rate", "completions"})

Series = Callable[[dt.date], float | None]


def percent(part: float, whole: float) -> float | None:
    """Return a share in percent, or None of nothing."""
    return round_half_up(100 * part / whole, DECIMALS) if whole else None


def change(last: float | None, before: float | None) -> float | None:
    """Return by how many percent a number has changed; None without both, or from 0."""
    return None if last is None or not before else round_half_up(100 * (last / before - 1), DECIMALS)


def last_complete(facts: Facts, metric: Metric) -> dt.date:
    """Return the last day on which a metric has all its data: late data leaves gaps after the newest row."""
    last = facts.last_ended
    is_late, newest = (
        (facts.is_stale_events, facts.newest_event_date)
        if metric in OF_EVENTS
        else (facts.is_stale_leads, facts.newest_lead_date)
    )
    return min(last, newest) if is_late and newest is not None else last


def series(facts: Facts, metric: Metric, open_days: int) -> Series:
    """Return the value of a metric on a day, or None for a gap.

    Args:
        facts: The tables of the lake.
        metric: The headline number.
        open_days: Days after which the openings of a day's deliveries are complete.
    """
    if metric == "likely":
        return lambda day: facts.likely.get(day)
    last = last_complete(facts, metric) - dt.timedelta(days=open_days if metric == "open_rate" else 0)

    def value(day: dt.date) -> float | None:
        row = facts.metrics.get(day)
        if row is None or day > last or facts.first_lead_date is None or day < facts.first_lead_date:
            return None
        if metric == "open_rate":
            return percent(row["opened_24h"], row["deliveries_sent"])
        return int(row[METRICS[metric]])

    return value


def day_of_metric(facts: Facts, metric: Metric, open_days: int) -> dt.date:
    """Return the day that a headline number is about: earlier by the days that openings need."""
    return facts.day - dt.timedelta(days=open_days if metric == "open_rate" else 0)


def headlines(facts: Facts, line_days: int, open_days: int) -> list[Headline]:
    """Return every headline number with yesterday's, last week's and its line."""
    return [_headline(facts, metric, line_days, open_days) for metric in get_args(Metric)]


def _headline(facts: Facts, metric: Metric, line_days: int, open_days: int) -> Headline:
    value, day = series(facts, metric, open_days), day_of_metric(facts, metric, open_days)
    unit: Unit = "percent" if metric == "open_rate" else "count"
    days = last_days(facts.day, line_days)

    def number(days_before: int) -> Number:
        return Number(value(day - dt.timedelta(days=days_before)), metric, unit)

    line = Line(days, [value(each) for each in days], _marks(facts, metric, days))
    return Headline(metric, day, number(0), number(1), number(WEEK), line)


def _marks(facts: Facts, metric: Metric, days: Sequence[dt.date]) -> list[int]:
    kind = MARKS.get(metric)
    marked = {row["window_end"] for rows in facts.anomalies.values() for row in rows if row["type"] == kind}
    return [place for place, day in enumerate(days) if day in marked]


def weeks(facts: Facts, open_days: int) -> list[WeekRow]:
    """Return every headline number of the last seven days against the seven before; of a stock, its last day."""
    return [_week(facts, metric, open_days) for metric in get_args(Metric)]


def _week(facts: Facts, metric: Metric, open_days: int) -> WeekRow:
    unit: Unit = "percent" if metric == "open_rate" else "count"
    last, before = (_total(facts, metric, open_days, weeks_ago) for weeks_ago in (0, 1))
    moved = Number(change(last, before), "week", "signed_percent")
    return WeekRow(metric, Number(last, "week", unit), Number(before, "week", unit), moved)


def _total(facts: Facts, metric: Metric, open_days: int, weeks_ago: int) -> float | None:
    end = day_of_metric(facts, metric, open_days) - dt.timedelta(days=WEEK * weeks_ago)
    if metric == "likely":
        return facts.likely.get(end)
    days = last_days(end, WEEK)
    if metric == "open_rate":
        sent = _sum(facts, "deliveries", days, open_days)
        if not sent:
            return None
        return percent(sum(facts.metrics[day]["opened_24h"] for day in days), sent)
    return _sum(facts, metric, days, open_days)


def _sum(facts: Facts, metric: Metric, days: Sequence[dt.date], open_days: int) -> float | None:
    value = series(facts, metric, open_days)
    found = [value(day) for day in days]
    complete = [each for each in found if each is not None]
    return sum(complete) if len(complete) == len(found) else None
