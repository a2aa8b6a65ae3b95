"""Arranges the counts of the last days as metric_history: one row per day, metric and channel, counts and rates.

Counting is left to sql/daily_metrics and sql/metric_history, and what is expected of the numbers to `metric_watch`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import pandas as pd

from acquisition_assets.features.contract import COUNTS_OF_TABLE, METRIC_HISTORY, NEW_LEADS, OPENED, RATES
from acquisition_assets.raw.policy import FreshnessPolicy
from acquisition_assets.raw.state import overdue_days

Counts = Mapping[dt.date, Mapping[str, int]]
EVENTS_OF_DAY = "events"
TABLES = {"leads": NEW_LEADS, "events": EVENTS_OF_DAY}
"""The tables whose days may be missing, each with the count of its rows."""


def metric_history(
    counts: Counts,
    channels: Mapping[str, Mapping[dt.date, int]],
    days: Sequence[dt.date],
    opened_days: int,
    channel_mean: float,
    freshness: FreshnessPolicy,
) -> pd.DataFrame:
    """Return the rows of metric_history, ordered by metric, channel and day.

    Args:
        counts: every count of each day, and of the `opened_days` days before the first.
        channels: new leads of each channel by day; a missing day is none.
        days: the days of the table, in order.
        opened_days: opens are shown so many days after their sending, when the hours in which they count are over.
        channel_mean: a channel with fewer new leads a day is left out.
        freshness: when a table without a row has delivered nothing.
    """
    missing = {
        table: missing_days({day: counts[day][rows] for day in days}, freshness) for table, rows in TABLES.items()
    }
    back = dt.timedelta(days=opened_days)

    def series(name: str, table: str, lag: dt.timedelta) -> list[int | None]:
        gone = missing.get(table, frozenset())
        return [None if day in gone or (lag and day - lag in gone) else counts[day - lag][name] for day in days]

    table_of = {name: table for table, names in COUNTS_OF_TABLE.items() for name in names}
    rows: list[tuple[dt.date, str, str | None, int | None, int | None]] = []
    for name, table in table_of.items():
        lag = back if name == OPENED else dt.timedelta(0)
        rows += [(day, name, None, value, None) for day, value in zip(days, series(name, table, lag), strict=True)]
    for rate, (part, whole) in RATES.items():
        lag = back if part == OPENED else dt.timedelta(0)
        pairs = zip(series(part, table_of[part], lag), series(whole, table_of[whole], lag), strict=True)
        for day, (value, trials) in zip(days, pairs, strict=True):
            shown = None if value is None or trials is None else min(value, trials)
            rows.append((day, rate, None, shown, trials))
    begun = [day for day in days if day not in missing["leads"]]
    for channel, leads in channels.items():
        if begun and sum(leads.get(day, 0) for day in begun) >= channel_mean * len(begun):
            rows += [
                (day, NEW_LEADS, channel, None if day in missing["leads"] else leads.get(day, 0), None) for day in days
            ]
    frame = pd.DataFrame(rows, columns=list(METRIC_HISTORY.columns))
    ordered: pd.DataFrame = frame.astype({"value": "Int64", "trials": "Int64"}).sort_values(
        ["metric", "channel", "day"], na_position="first", ignore_index=True
    )
    return ordered


def missing_days(rows: Mapping[dt.date, int], freshness: FreshnessPolicy) -> frozenset[dt.date]:
    """Return the days on which a table delivered nothing: those before its first row, and gaps that are not fresh.

    A shorter gap is a day of zeros. The rule of a gap is that of the check `fresh` on the gap's last day.

    Args:
        rows: the table's rows of each day.
    """
    found: set[dt.date] = set()
    before: dict[dt.date, int] = {}
    gap: list[dt.date] = []

    def close() -> None:
        if gap:
            overdue = overdue_days(before, gap[-1], freshness)
            if overdue is None or overdue > freshness.warn_days:
                found.update(gap)
            gap.clear()

    for day, count in sorted(rows.items()):
        if count:
            close()
            before[day] = count
        else:
            gap.append(day)
    close()
    return frozenset(found)
