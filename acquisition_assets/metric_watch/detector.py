"""Judges each day of metrics' daily histories: frames in, a frame of `metric_watch` out.

Leaves the arithmetic to `expectations`, and where histories come from to the asset and to `series`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from acquisition_assets.metric_watch.contract import (
    CHANGE_DECIMALS,
    DROP,
    METRIC_WATCH,
    NO_DATA,
    NORMAL,
    NOT_ENOUGH_DATA,
    PROBABILITY_DIGITS,
    SLOW_DECLINE,
    SPIKE,
    VALUE_DIGITS,
    WATCH,
)
from acquisition_assets.metric_watch.expectations import Flags, Judgement, Panel, Window, judge
from acquisition_assets.metric_watch.families import benjamini_hochberg
from acquisition_assets.metric_watch.policy import WatchPolicy
from acquisition_assets.metric_watch.tails import Floats

HISTORY_COLUMNS = ("day", "metric", "channel", "value", "trials")
_VALUES = ("observed", "expected", "low", "high")


def watch(
    history: pd.DataFrame,
    first: dt.date,
    last: dt.date,
    policy: WatchPolicy,
    special: Collection[dt.date] = frozenset(),
) -> pd.DataFrame:
    """Return the rows of `metric_watch` of the days from first to last, ordered by day, metric and channel.

    Every metric of the history is judged on every day from its own first row on; all of them are one family. A day is
    judged from the policy's history_days before it and nothing else, so that a range of days and single days agree.

    Args:
        history: one row per day, metric and channel (null: all); `value` is a count, or with `trials` the successes of
            a rate. A missing row and a null value are a day without data.
        first, last: the business days to judge, both included.
        policy: every number of the method.
        special: holidays, in the history and among the judged days.
    """
    days = np.arange(np.datetime64(first) - policy.history_days, np.datetime64(last) + 1, dtype="datetime64[D]")
    judged = (last - first).days + 1
    if judged < 1:
        return METRIC_WATCH.to_frame(METRIC_WATCH.empty())
    names, begins, panels, orders = _panels(history, days, frozenset(special))
    if not names:
        return METRIC_WATCH.to_frame(METRIC_WATCH.empty())
    judgements = [judge(panel, judged, policy) for panel in panels]
    order = np.argsort(np.concatenate(orders), kind="stable")
    values = np.concatenate([panel.values[:, -judged:] for panel in panels])[order]
    trials = np.concatenate([panel.trials[:, -judged:] for panel in panels])[order]
    columns = _columns(_merged(judgements, order), values, trials, policy)
    # One row per day and series, days first.
    shown = (days[-judged:][:, None] >= begins[None, :]).ravel()
    frame = pd.DataFrame(
        {
            "day": np.repeat(days[-judged:], len(names))[shown],
            "metric": np.tile(np.array([metric for metric, _ in names], dtype=object), judged)[shown],
            "channel": np.tile(np.array([channel for _, channel in names], dtype=object), judged)[shown],
            **{name: column.T.ravel()[shown] for name, column in columns.items()},
        }
    )
    return _typed(frame)


def _panels(
    history: pd.DataFrame, days: NDArray[Any], special: frozenset[dt.date]
) -> tuple[list[tuple[str, str | None]], NDArray[Any], list[Panel], list[NDArray[Any]]]:
    """Return the series' names, the first day of each, the panels, and the number of each panel's series."""
    rows = history.assign(
        day=pd.to_datetime(history["day"]).to_numpy().astype("datetime64[D]"),
        metric=history["metric"].astype(object),
        channel=_texts(history, "channel"),
        value=_numbers(history, "value"),
        trials=_numbers(history, "trials"),
    )[list(HISTORY_COLUMNS)]
    place = (rows["day"].to_numpy().astype("datetime64[D]") - days[0]).astype(np.int64)
    inside = (place >= 0) & (place < days.size)
    rows, place = rows[inside], place[inside]
    keys = pd.MultiIndex.from_arrays([rows["metric"], rows["channel"].fillna("")])
    codes, unique = pd.factorize(keys, sort=True)
    names = [(str(metric), str(channel) or None) for metric, channel in unique]
    values = np.full((len(names), days.size), np.nan)
    trials = np.full((len(names), days.size), np.nan)
    values[codes, place] = rows["value"].to_numpy()
    trials[codes, place] = rows["trials"].to_numpy()
    is_rate = ~np.isnan(trials).all(axis=1)
    begins = np.full(len(names), days[-1] + 1)
    np.minimum.at(begins, codes, days[place])
    off = np.isin(days, np.array(sorted(special), dtype="datetime64[D]"))
    trials = np.where(is_rate[:, None], np.nan_to_num(trials), 1.0)
    panels, orders = [], []
    for rates in (False, True):
        numbers = np.flatnonzero(is_rate == rates)
        if numbers.size:
            panels.append(Panel(values[numbers], trials[numbers], off, rates))
            orders.append(numbers)
    return names, begins, panels, orders


def _texts(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    if name not in frame:
        return pd.Series([None] * len(frame), index=frame.index, dtype=object)
    texts: pd.Series[Any] = frame[name].astype(object).where(frame[name].notna(), None)
    return texts


def _numbers(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in frame:
        return np.full(len(frame), np.nan)
    return pd.to_numeric(frame[name]).to_numpy(dtype=np.float64, na_value=np.nan)


def _merged(judgements: list[Judgement], order: NDArray[Any]) -> Judgement:
    """Return the judgements of all panels as one, its series in the order of their names."""

    def join(windows: list[Window]) -> Window:
        names = (*_VALUES, "below", "above")
        return Window(
            windows[0].days, *(np.concatenate([getattr(window, name) for window in windows])[order] for name in names)
        )

    number = range(len(judgements[0].windows))
    return Judgement(
        [join([each.windows[n] for each in judgements]) for n in number], join([each.decline for each in judgements])
    )


def _columns(judgement: Judgement, values: Floats, trials: Floats, policy: WatchPolicy) -> dict[str, NDArray[Any]]:
    """Return the columns of the contract but the key, each one row per series and one column per day."""
    windows = judgement.windows
    with np.errstate(invalid="ignore", divide="ignore"):
        day_observed = np.where(trials > 0, values / trials, np.where(np.isnan(values), np.nan, 0.0))
    has_data = ~np.isnan(values)
    judged = np.logical_or.reduce([window.judged for window in windows]) & has_data
    falls = [window.below for window in windows]
    p_fall, _ = _least(falls, judged, policy)
    p_drop, of_drop = _least([*falls, judgement.decline.below], judged, policy)
    p_spike, of_spike = _least([window.above for window in windows], judged, policy)
    p_values = np.stack([p_drop, p_spike])
    q_values = benjamini_hochberg(p_values.reshape(-1, p_values.shape[2])).reshape(p_values.shape)
    q_values = np.fmax(_rounded(q_values, PROBABILITY_DIGITS), p_values)
    flagged = (q_values <= policy.false_discovery_rate) & (p_values <= policy.largest_p_value)
    is_spike = np.nan_to_num(p_spike, nan=1.0) < np.nan_to_num(p_drop, nan=1.0)
    least_p, least_q = (np.where(is_spike, each[1], each[0]) for each in (p_values, q_values))
    is_flagged = np.where(is_spike, flagged[1], flagged[0])
    is_watched = ~is_flagged & (np.nan_to_num(least_p, nan=1.0) < policy.watch_p_value)
    # A fall that is flagged without the older days is a drop, however slow it is.
    is_drop = ~is_spike & (np.nan_to_num(p_fall, nan=1.0) <= policy.largest_p_value)
    of_drop = np.where(is_drop, _least(falls, judged, policy)[1], of_drop)
    state = np.where(is_watched, WATCH, NORMAL).astype(object)
    state[is_flagged & is_spike] = SPIKE
    state[is_flagged & ~is_spike] = DROP
    state[is_flagged & ~is_spike & (of_drop == len(windows))] = SLOW_DECLINE
    state[~judged] = NOT_ENOUGH_DATA
    state[~has_data] = NO_DATA
    first_judged = np.argmax(np.stack([window.judged for window in windows]), axis=0)
    choice = np.where(is_flagged | is_watched, np.where(is_spike, of_spike, of_drop), first_judged)
    columns: dict[str, NDArray[Any]] = {}
    candidates = [*windows, judgement.decline]
    for name in _VALUES:
        stacked = np.stack([getattr(window, name) for window in candidates])
        chosen = np.take_along_axis(stacked, choice[None], axis=0)[0]
        columns[name] = np.where(judged, chosen, day_observed if name == "observed" else np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        columns["change"] = np.round(columns["observed"] / columns["expected"] - 1, CHANGE_DECIMALS) + 0.0
    columns["k"] = np.where(judged, np.array([window.days for window in candidates], dtype=np.float64)[choice], np.nan)
    columns["p_value"] = np.where(judged, least_p, np.nan)
    columns["q_value"] = np.where(judged, least_q, np.nan)
    columns["state"] = state
    columns["day_observed"] = day_observed
    for name in _VALUES[1:]:
        columns[f"day_{name}"] = getattr(windows[0], name)
    for name in (*_VALUES, *(f"day_{name}" for name in _VALUES)):
        columns[name] = _rounded(columns[name], VALUE_DIGITS)
    return columns


def _least(tails: list[Floats], judged: Flags, policy: WatchPolicy) -> tuple[Floats, NDArray[Any]]:
    """Return the p value of a direction, and the number of the window that it comes from."""
    stacked = np.stack([np.where(np.isnan(tail), 2.0, tail) for tail in tails])
    number = np.argmin(stacked, axis=0)
    least = np.take_along_axis(stacked, number[None], axis=0)[0]
    p_value = _rounded(np.minimum(policy.window_correction * least, 1.0), PROBABILITY_DIGITS)
    return np.where(judged, p_value, np.nan), number


def _rounded(values: Floats, digits: int) -> Floats:
    """Return numbers with so many significant digits."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where((values == 0) | ~np.isfinite(values), 0.0, np.floor(np.log10(np.abs(values))))
    exponent = np.clip(digits - 1 - scale, -300, 300)
    factor = 10.0**exponent
    rounded: Floats = np.round(values * factor) / factor + 0.0
    return rounded


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame in the contract's types, its NaN as nulls."""
    nullable = frame.astype({"k": "Int64"})
    nullable["day"] = frame["day"].dt.date
    return METRIC_WATCH.to_frame(METRIC_WATCH.to_arrow(nullable))
