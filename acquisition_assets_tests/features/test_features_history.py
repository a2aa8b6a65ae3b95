"""Protects metric_history: counts, rates, channels, the lag of opens, and days without data."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd

from acquisition_assets.core.days import days_between
from acquisition_assets.features.contract import COUNTS_OF_TABLE, METRIC_HISTORY, METRICS
from acquisition_assets.features.history import metric_history, missing_days
from acquisition_assets.policy import read_policy

POLICY = read_policy()
LAST = dt.date(2026, 3, 29)  # a Sunday
DAYS = days_between(LAST - dt.timedelta(days=27), LAST)
COUNTED = [DAYS[0] - dt.timedelta(days=1), *DAYS]
NAMES = [name for names in COUNTS_OF_TABLE.values() for name in names]


def history(channels: dict[str, dict[dt.date, int]] | None = None, **given: dict[dt.date, int]) -> pd.DataFrame:
    """Return the history of days with 30 of everything, but for what is given."""
    counts = {day: {name: given.get(name, {}).get(day, 30) for name in (*NAMES, "events")} for day in COUNTED}
    found = metric_history(counts, channels or {}, DAYS, 1, 10.0, POLICY.freshness)
    assert METRIC_HISTORY.validate(METRIC_HISTORY.to_arrow(found)) == []
    return found


def series(found: pd.DataFrame, metric: str, column: str = "value", channel: str | None = None) -> dict[dt.date, Any]:
    is_channel = found["channel"].isna() if channel is None else found["channel"] == channel
    rows = found[(found["metric"] == metric) & is_channel]
    return {day: None if pd.isna(value) else value for day, value in zip(rows["day"], rows[column], strict=True)}


def test_each_metric_has_a_row_for_each_day_and_rates_have_trials() -> None:
    found = history(deliveries_sent=dict.fromkeys(COUNTED, 200), bounced={LAST: 300})
    assert len(found) == len(METRICS) * len(DAYS)
    assert series(found, "new_leads") == dict.fromkeys(DAYS, 30)
    assert set(series(found, "new_leads", "trials").values()) == {None}
    assert set(series(found, "bounce_rate", "trials").values()) == {200}
    assert series(found, "bounce_rate")[LAST] == 200  # never more than the trials
    assert series(found, "bounced")[LAST] == 300


def test_opens_are_shown_when_their_hours_are_over() -> None:
    found = history(opened_24h={LAST: 7, DAYS[-2]: 5}, deliveries_sent={LAST: 9, DAYS[-2]: 8})
    assert series(found, "opened_24h")[LAST] == 5
    assert (series(found, "open_rate")[LAST], series(found, "open_rate", "trials")[LAST]) == (5, 8)
    assert series(found, "deliveries_sent")[LAST] == 9


def test_only_channels_with_many_leads_have_rows() -> None:
    channels = {"big": dict.fromkeys(DAYS, 10), "small": dict.fromkeys(DAYS[1:], 10)}
    found = history(channels)
    assert set(found["channel"].dropna()) == {"big"}
    assert set(found.loc[found["channel"] == "big", "metric"]) == {"new_leads"}


def test_days_before_the_first_row_and_long_gaps_have_no_data_and_short_gaps_are_zeros() -> None:
    empty = dict.fromkeys([*DAYS[:8], *DAYS[12:14], *DAYS[16:19], LAST], 0)
    found = history({"web": dict.fromkeys(DAYS, 40)}, new_leads=empty, leads_engaged=empty)
    values = series(found, "new_leads")
    gone = {day for day, value in values.items() if value is None}
    assert gone == {*DAYS[:8], *DAYS[16:19]}
    assert {values[day] for day in (*DAYS[12:14], LAST)} == {0}
    assert {day for day, value in series(found, "new_leads", channel="web").items() if value is None} == gone
    assert set(series(found, "deliveries_sent").values()) == {30}  # another table


def test_weekdays_on_which_a_table_never_has_rows_make_no_gap_longer() -> None:
    working = {day: int(day.isoweekday() < 6) for day in days_between(LAST - dt.timedelta(days=62), LAST)}
    friday = LAST - dt.timedelta(days=9)
    holiday = {**working, friday: 0, friday + dt.timedelta(days=3): 0}
    assert missing_days(holiday, POLICY.freshness) == frozenset()
    longer = {**holiday, friday + dt.timedelta(days=4): 0}
    assert missing_days(longer, POLICY.freshness) == {friday + dt.timedelta(days=n) for n in range(5)}
