"""Compares classes and channels by the leads they brought: rates with intervals, cohorts, and a careful verdict.

Leaves the counting to `sql/channel_performance/counts.sql`, the statistics to `intervals`, and money to `money`.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pyarrow as pa

from acquisition_assets.channel_performance.contract import (
    CHANNEL_PERFORMANCE,
    LEVELS,
    METRICS,
    PERCENT_DECIMALS,
    PROBABILITY_DECIMALS,
    leading,
)
from acquisition_assets.channel_performance.intervals import (
    Numbers,
    against_rest,
    beta_prior,
    holm,
    leads_needed,
    probability_best,
    wilson,
)
from acquisition_assets.channel_performance.policy import ChannelPerformancePolicy
from acquisition_assets.core.numbers import round_half_up

DAYS_OF_A_WEEK = 7


def channel_performance(counts: pd.DataFrame, policy: ChannelPerformancePolicy, day: dt.date) -> pd.DataFrame:
    """Return channel_performance in the contract's columns and types, in the order of its key.

    Args:
        counts: one row per created_date, channel_class and channel, with leads, engaged and converted (counts).
        policy: windows, confidence and evidence.
        day: the business day; days after it are left out.
    """
    rows: list[dict[str, Any]] = []
    for level in LEVELS:
        for metric in METRICS:
            known = _known(counts, level, metric, policy, day)
            for period, days in (("short", policy.short_window_days), ("long", policy.long_window_days)):
                start = day - dt.timedelta(days=days - 1)
                rows += _window(known, policy, (level, metric, period), (start, day))
            rows += _cohorts(known, policy, (level, metric, "week"), day)
    rows.sort(key=lambda row: tuple(str(row[name]) for name in CHANNEL_PERFORMANCE.key))
    return CHANNEL_PERFORMANCE.to_frame(pa.Table.from_pylist(rows, schema=CHANNEL_PERFORMANCE.arrow_schema))


def first_day(policy: ChannelPerformancePolicy, day: dt.date) -> dt.date:
    """Return the first day of creation that counts: that of the long window or of the oldest week."""
    days = max(policy.long_window_days, policy.cohort_weeks * DAYS_OF_A_WEEK)
    return day - dt.timedelta(days=days - 1)


def compare(successes: Numbers, trials: Numbers, policy: ChannelPerformancePolicy) -> pd.DataFrame:
    """Return one row per channel, in the order given: shrunk_rate, probability_best, p_value, verdict, leads_needed.

    Args:
        successes: successes of each channel.
        trials: its leads, at least 1.
        policy: significance, power, and the strongest prior.

    Rates are shares. A channel is best where it is significantly above all others together and the best with at least
    the policy's probability; worse where it is significantly below. Of the rest, those whose leads could not have shown
    a rate of the policy's ratio are too few, with the leads that would do.
    """
    first, second = beta_prior(successes, trials, policy.strongest_prior_leads)
    best = probability_best(first + successes, second + trials - successes)
    p_values = holm(against_rest(successes, trials))
    rows = []
    for place, (won, tried) in enumerate(zip(successes, trials, strict=True)):
        rest = float(trials.sum() - tried)
        rest_rate = float(successes.sum() - won) / rest if rest else 0.0
        needed = leads_needed(
            rest_rate,
            rest,
            ratio=policy.smallest_ratio,
            significance=policy.significance / len(trials),
            power=policy.power,
        )
        is_clear = p_values[place] < policy.significance
        is_above = won / tried > rest_rate
        if is_clear and is_above and best[place] >= policy.best_probability:
            verdict = "best"
        elif is_clear and not is_above:
            verdict = "worse"
        elif not is_clear and needed is not None and tried < needed:
            verdict = "too few"
        else:
            verdict = "not clear"
        rows.append(
            {
                "shrunk_rate": (first + won) / (first + second + tried),
                "probability_best": best[place],
                "p_value": p_values[place],
                "verdict": verdict,
                "leads_needed": needed if verdict == "too few" else None,
            }
        )
    compared: pd.DataFrame = pd.DataFrame(
        rows, columns=["shrunk_rate", "probability_best", "p_value", "verdict", "leads_needed"]
    )
    return compared


def _known(
    counts: pd.DataFrame, level: str, metric: str, policy: ChannelPerformancePolicy, day: dt.date
) -> pd.DataFrame:
    """Return day, channel, leads and successes of what counts for a metric: for conversions only leads old enough."""
    last = day if metric != "converted" else day - dt.timedelta(days=policy.mature_days)
    frame = pd.DataFrame(
        {
            "day": [pd.Timestamp(each).date() for each in counts["created_date"]],
            "channel": counts[level].astype(str).to_numpy(),
            "leads": counts["leads"].astype(int).to_numpy(),
            "successes": counts[metric].astype(int).to_numpy(),
        }
    )
    known: pd.DataFrame = frame[frame["day"] <= last]
    return known


def _window(
    known: pd.DataFrame,
    policy: ChannelPerformancePolicy,
    names: tuple[str, str, str],
    days: tuple[dt.date, dt.date],
) -> list[dict[str, Any]]:
    inside = known[(known["day"] >= days[0]) & (known["day"] <= days[1])]
    summed = inside.groupby("channel", sort=True)[["leads", "successes"]].sum()
    summed = summed[summed["leads"] > 0]
    if summed.empty:
        return []
    successes = summed["successes"].to_numpy(dtype=float)
    trials = summed["leads"].to_numpy(dtype=float)
    compared = compare(successes, trials, policy).to_dict("records")
    rows = _rates(summed, policy, names, days)
    for row, found in zip(rows, compared, strict=True):
        row["shrunk_rate"] = round_half_up(100 * found["shrunk_rate"], PERCENT_DECIMALS)
        for name in ("probability_best", "p_value"):
            row[name] = round_half_up(float(found[name]), PROBABILITY_DECIMALS)
        row["verdict"] = found["verdict"]
        row["leads_needed"] = int(found["leads_needed"]) if found["verdict"] == "too few" else None
    return rows


def _cohorts(
    known: pd.DataFrame, policy: ChannelPerformancePolicy, names: tuple[str, str, str], day: dt.date
) -> list[dict[str, Any]]:
    """Return the rates of the leads of each week of seven days, counted back from the day."""
    rows = []
    for week in range(policy.cohort_weeks):
        end = day - dt.timedelta(days=week * DAYS_OF_A_WEEK)
        start = end - dt.timedelta(days=DAYS_OF_A_WEEK - 1)
        if names[1] == "converted" and end > day - dt.timedelta(days=policy.mature_days):
            continue
        inside = known[(known["day"] >= start) & (known["day"] <= end)]
        summed = inside.groupby("channel", sort=True)[["leads", "successes"]].sum()
        rows += _rates(summed[summed["leads"] > 0], policy, names, (start, end))
    return rows


def _rates(
    summed: pd.DataFrame,
    policy: ChannelPerformancePolicy,
    names: tuple[str, str, str],
    days: tuple[dt.date, dt.date],
) -> list[dict[str, Any]]:
    """Return one row per channel with its counts, rate and bounds, and no verdict."""
    trials = summed["leads"].to_numpy(dtype=float)
    successes = summed["successes"].to_numpy(dtype=float)
    low, high = wilson(successes, trials, policy.confidence)
    level, metric, period = names
    return [
        {
            "level": level,
            "channel": str(channel),
            "metric": metric,
            "period": period,
            "period_start": days[0],
            "period_end": days[1],
            "leads": int(trials[place]),
            "successes": int(successes[place]),
            "rate": round_half_up(100 * successes[place] / trials[place], PERCENT_DECIMALS),
            "rate_low": round_half_up(100 * low[place], PERCENT_DECIMALS),
            "rate_high": round_half_up(100 * high[place], PERCENT_DECIMALS),
            "shrunk_rate": None,
            "probability_best": None,
            "p_value": None,
            "verdict": None,
            "leads_needed": None,
        }
        for place, channel in enumerate(summed.index)
    ]


def leader(performance: pd.DataFrame, *, level: str, metric: str, period: str) -> tuple[str, bool] | None:
    """Return the leading channel and whether it leads clearly, or None without rows."""
    chosen = performance[
        (performance["level"] == level) & (performance["metric"] == metric) & (performance["period"] == period)
    ]
    found = leading(chosen.to_dict("records"))
    return None if found is None else (str(found.row["channel"]), found.is_clear)
