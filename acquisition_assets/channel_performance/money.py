"""Computes what leads, engaged leads and conversions cost by channel, and which money would do better elsewhere.

Leaves the comparison of rates to `comparison`, and the classification of spend by utm fields to the caller.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from acquisition_assets.channel_performance.contract import (
    BUDGET_ADVICE,
    CHANNEL_COSTS,
    GAIN_DECIMALS,
    METRICS,
    MONEY_DECIMALS,
    PROBABILITY_DECIMALS,
    ROOM,
)
from acquisition_assets.channel_performance.intervals import Numbers, poisson, wilson
from acquisition_assets.channel_performance.policy import ChannelPerformancePolicy
from acquisition_assets.core.errors import InputError
from acquisition_assets.core.numbers import round_half_up
from acquisition_assets.core.policy import Locale
from acquisition_assets.core.words import Words, words_of

DAYS_OF_A_WEEK = 7
NOWHERE = "all"


@dataclass(frozen=True)
class _Window:
    """Spend and counts by channel of the days from `start` to `end`; channels in order."""

    start: dt.date
    end: dt.date
    channels: tuple[str, ...]
    spend: Numbers
    leads: Numbers
    successes: Numbers


@dataclass(frozen=True)
class _Shift:
    """Money that goes from one channel to another (places in the list), and the conversions gained per unit of it."""

    source: int
    target: int
    lowest: float
    gain: float
    highest: float


def in_one_currency(spend: pd.DataFrame, policy: ChannelPerformancePolicy) -> pd.DataFrame:
    """Return the spend (day, channel, amount) in the policy's currency; without a currency it is taken to be in it.

    Raises:
        InputError: money of another currency, and the policy has no rate for it.
    """
    currencies = [policy.currency if pd.isna(each) else str(each).strip().upper() for each in spend["currency"]]
    rates = {policy.currency: 1.0, **policy.rates}
    unknown = sorted(set(currencies) - set(rates))
    if unknown:
        raise InputError(
            f"spend: amounts in {', '.join(unknown)}, but costs are in {policy.currency}; "
            f"give channel_performance.rates in the policy, such as {unknown[0]}: 0.92"
        )
    converted: pd.DataFrame = pd.DataFrame(
        {
            "day": [pd.Timestamp(each).date() for each in spend["day"]],
            "channel": spend["channel"].astype(str).to_numpy(),
            "amount": [float(amount) * rates[each] for amount, each in zip(spend["amount"], currencies, strict=True)],
        }
    )
    return converted


def channel_costs(
    counts: pd.DataFrame, spend: pd.DataFrame, policy: ChannelPerformancePolicy, day: dt.date
) -> pd.DataFrame:
    """Return channel_costs in the contract's columns and types, by channel and measure.

    Args:
        counts: one row per created_date, channel_class and channel, with leads, engaged and converted (counts).
        spend: one row per day and channel, with amount and currency; the channels are those of the counts.
        policy: window, confidence and currency.
        day: the business day.

    Raises:
        InputError: money of a currency that the policy has no rate for.

    The number of leads varies as a Poisson count does; engaged and converted leads as shares of the leads there are.
    """
    money = in_one_currency(spend, policy)
    rows: list[dict[str, Any]] = []
    for measure in ("lead", *METRICS):
        window = _window(counts, money, policy, day, measure)
        if measure == "lead":
            low, high = poisson(window.successes, policy.confidence)
        else:
            shares = wilson(window.successes, np.maximum(window.leads, 1), policy.confidence)
            low, high = (np.where(window.leads > 0, window.leads * share, 0.0) for share in shares)
        for place, channel in enumerate(window.channels):
            spent, won = float(window.spend[place]), float(window.successes[place])
            rows.append(
                {
                    "channel": channel,
                    "measure": measure,
                    "spend": round_half_up(spent, MONEY_DECIMALS),
                    "leads": int(window.leads[place]),
                    "successes": int(won),
                    "cost": _cost(spent, won),
                    "cost_low": _cost(spent, float(high[place])),
                    "cost_high": _cost(spent, float(low[place])),
                    "currency": policy.currency,
                }
            )
    rows.sort(key=lambda row: (row["channel"], row["measure"]))
    return CHANNEL_COSTS.to_frame(pa.Table.from_pylist(rows, schema=CHANNEL_COSTS.arrow_schema))


def budget_advice(
    counts: pd.DataFrame, spend: pd.DataFrame, policy: ChannelPerformancePolicy, day: dt.date, locale: Locale
) -> pd.DataFrame:
    """Return budget_advice in the contract's columns and types, the surest shift first.

    Args and errors are those of `channel_costs`; the locale is that of the advice. Without spend there is no row.

    A shift is advised only where the lower bound of the conversions it gains is above 0, at a confidence that holds for
    all pairs of channels together (Bonferroni). The bounds of a difference are those of its parts, added in squares
    (MOVER). Further money is taken to bring the policy's marginal return only, and at most the policy's share of the
    week's budget is moved. Without a proof there is one row that says so, with what a proof would take.
    """
    if spend.empty:
        return _advice([])
    words = words_of(ROOM, locale)
    money = in_one_currency(spend, policy)
    window = _window(counts, money, policy, day, "converted")
    paid = window.spend > 0
    channels = [name for name, is_paid in zip(window.channels, paid, strict=True) if is_paid]
    if len(channels) < 2:
        return _advice([_keep(words("advice.one_channel"))])
    spent, won = window.spend[paid], window.successes[paid]
    weekly = _weekly(money, policy, day, channels)
    shifts = _shifts(won, spent, channels, policy)
    rows = []
    left = policy.advice_share * float(weekly.sum())
    moved_from: set[int] = set()
    for shift in shifts:
        amount = min(left, float(weekly[shift.source]))
        lowest = round_half_up(amount * shift.lowest, PROBABILITY_DECIMALS)
        if lowest <= 0 or shift.source in moved_from:
            continue
        moved_from.add(shift.source)
        left -= amount
        rows.append(_move(shift, amount, float(weekly.sum()), channels, policy, words))
    if not rows:
        rows = [_keep(_what_it_takes(shifts, window, words))]
    return _advice(rows)


def _shifts(won: Numbers, spent: Numbers, channels: list[str], policy: ChannelPerformancePolicy) -> list[_Shift]:
    """Return every shift to a channel with enough conversions, the one with the greatest lower bound first."""
    pairs = list(permutations(range(len(channels)), 2))
    low, high = poisson(won, 1 - (1 - policy.confidence) / len(pairs))
    rate, down, up = won / spent, (won - low) / spent, (high - won) / spent
    shifts = []
    for source, target in pairs:
        if won[target] < policy.advice_minimum_conversions:
            continue
        gain = float(policy.marginal_return * rate[target] - rate[source])
        less = float(np.hypot(policy.marginal_return * down[target], up[source]))
        more = float(np.hypot(policy.marginal_return * up[target], down[source]))
        shifts.append(_Shift(source, target, gain - less, gain, gain + more))
    return sorted(shifts, key=lambda shift: (-shift.lowest, channels[shift.source], channels[shift.target]))


def _move(
    shift: _Shift, amount: float, budget: float, channels: list[str], policy: ChannelPerformancePolicy, words: Words
) -> dict[str, Any]:
    source, target = channels[shift.source], channels[shift.target]
    money, more = round_half_up(amount, MONEY_DECIMALS), round_half_up(amount * shift.gain, GAIN_DECIMALS)
    advice = words(
        "advice.move",
        money=f"{words.cell(money)} {policy.currency}",
        source=source,
        target=target,
        more=words.cell(more),
    )
    return {
        "from_channel": source,
        "to_channel": target,
        "share": round_half_up(amount / budget, PROBABILITY_DECIMALS),
        "amount": money,
        "gained": round_half_up(amount * shift.gain, PROBABILITY_DECIMALS),
        "gained_low": round_half_up(amount * shift.lowest, PROBABILITY_DECIMALS),
        "gained_high": round_half_up(amount * shift.highest, PROBABILITY_DECIMALS),
        "advice": advice,
    }


def _what_it_takes(shifts: list[_Shift], window: _Window, words: Words) -> str:
    """Return why nothing is moved, and for how many days the same spend and returns would prove the surest shift."""
    hopeful = [((shift.gain - shift.lowest) / shift.gain) ** 2 for shift in shifts if shift.gain > 0]
    if not hopeful:
        return words("advice.nothing_better")
    days = (window.end - window.start).days + 1
    return words("advice.weak", needed=int(np.ceil(min(hopeful) * days)), days=days)


def _keep(advice: str) -> dict[str, Any]:
    return {
        "from_channel": NOWHERE,
        "to_channel": NOWHERE,
        "share": 0.0,
        "amount": 0.0,
        "gained": None,
        "gained_low": None,
        "gained_high": None,
        "advice": advice,
    }


def _advice(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return BUDGET_ADVICE.to_frame(pa.Table.from_pylist(rows, schema=BUDGET_ADVICE.arrow_schema))


def _cost(spent: float, successes: float) -> float | None:
    return round_half_up(spent / successes, MONEY_DECIMALS) if successes > 0 else None


def _weekly(money: pd.DataFrame, policy: ChannelPerformancePolicy, day: dt.date, channels: list[str]) -> Numbers:
    """Return each channel's spend in a week, the mean of the policy's last weeks."""
    start = day - dt.timedelta(days=policy.budget_weeks * DAYS_OF_A_WEEK - 1)
    recent = money[(money["day"] >= start) & (money["day"] <= day)]
    summed = recent.groupby("channel")["amount"].sum()
    return np.array([float(summed.get(name, 0.0)) / policy.budget_weeks for name in channels], dtype=np.float64)


def _window(
    counts: pd.DataFrame, money: pd.DataFrame, policy: ChannelPerformancePolicy, day: dt.date, measure: str
) -> _Window:
    """Return spend and counts of the long window, for conversions of the days that are old enough."""
    start = day - dt.timedelta(days=policy.long_window_days - 1)
    end = day - dt.timedelta(days=policy.mature_days) if measure == "converted" else day
    spent = money[(money["day"] >= start) & (money["day"] <= end)].groupby("channel")["amount"].sum()
    days = np.array([pd.Timestamp(each).date() for each in counts["created_date"]], dtype=object)
    inside = np.array([start <= each <= end for each in days], dtype=bool)
    chosen = counts[inside]
    names = ["leads"] if measure == "lead" else ["leads", measure]
    summed = chosen.groupby(chosen["channel"].astype(str))[names].sum()
    channels = tuple(sorted(map(str, spent.index)))
    leads = [float(summed["leads"].get(name, 0)) for name in channels]
    successes = leads if measure == "lead" else [float(summed[measure].get(name, 0)) for name in channels]
    return _Window(
        start=start,
        end=end,
        channels=channels,
        spend=np.array([float(spent[name]) for name in channels], dtype=np.float64),
        leads=np.array(leads, dtype=np.float64),
        successes=np.array(successes, dtype=np.float64),
    )
