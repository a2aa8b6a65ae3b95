"""Builds the assets of channels: their comparison, what their leads cost, and advice on the budget.

The statistics are left to `comparison` and `money`, the channels of spend to `spend`, the summary to `summary`.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pandas as pd

from acquisition_assets.channel_performance.comparison import channel_performance, first_day, leader
from acquisition_assets.channel_performance.contract import (
    BUDGET_ADVICE,
    CHANNEL_COSTS,
    CHANNEL_PERFORMANCE,
    VERDICTS,
)
from acquisition_assets.channel_performance.money import (
    DAYS_OF_A_WEEK,
    budget_advice,
    channel_costs,
    in_one_currency,
)
from acquisition_assets.channel_performance.policy import ChannelPerformancePolicy
from acquisition_assets.channel_performance.spend import classified_spend
from acquisition_assets.channels.policy import ChannelPolicy, PlatformPolicy
from acquisition_assets.core.days import end_of_day
from acquisition_assets.core.env import Env
from acquisition_assets.core.masking import sanitize
from acquisition_assets.core.numbers import round_half_up
from acquisition_assets.core.output import Output, output_asset, output_assets
from acquisition_assets.core.plots import intervals
from acquisition_assets.core.policy import Locale
from acquisition_assets.core.step import ROUNDING, Comparison, Finding, Step
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.raw.contract import RAW_LEADS, RAW_SPEND

UNCLASSIFIED = "Most leads have a channel that is known (else WARN, with the words that no list knows)."


@dataclass(frozen=True)
class Rules:
    """What the comparison needs of the policy."""

    performance: ChannelPerformancePolicy
    channels: ChannelPolicy
    platforms: PlatformPolicy
    locale: Locale


def build(env: Env, rules: Rules) -> list[dg.AssetsDefinition]:
    """Return the assets of channels: one step compares them, and one that wrong spend stops by itself counts money."""
    kinds = frozenset({"parquet", "pandas"})
    performance = Output(
        contract=CHANNEL_PERFORMANCE,
        description="Which class and channel brings leads that engage and convert, with intervals and a verdict.",
        policy=rules,
        deps=[LEAD_ACTIVITY.table, RAW_LEADS.table],
        produce=produce,
        recompute=recompute,
        recomputed_text="The leads of all channels in both windows, counted again from raw_leads.",
        plot=plot,
        checks={"unclassified": UNCLASSIFIED},
        findings=unclassified,
        details=verdicts,
        kinds=kinds,
    )
    costs = Output(
        contract=CHANNEL_COSTS,
        description="What a lead, an engaged lead and a conversion cost by channel, with intervals.",
        policy=rules,
        deps=[LEAD_ACTIVITY.table, RAW_SPEND.table],
        produce=produce_costs,
        recompute=recompute_costs,
        recomputed_text="The money of all channels, summed again from raw_spend.",
        details=spent,
        kinds=kinds,
    )
    advice = Output(
        contract=BUDGET_ADVICE,
        description="Which money would bring more conversions in another channel, only where the evidence shows it.",
        policy=rules,
        deps=[LEAD_ACTIVITY.table, RAW_SPEND.table],
        produce=produce_advice,
        recompute=recompute_advice,
        recomputed_text="The money that is moved, as a share of the budget that is summed again from raw_spend.",
        details=moved,
        kinds=kinds,
    )
    return [output_asset(env, performance), output_assets(env, [costs, advice], name=CHANNEL_COSTS.table)]


def produce(step: Step, rules: Rules) -> None:
    """Stage the comparison of the leads created in the policy's periods."""
    step.bind(LEAD_ACTIVITY)
    table = channel_performance(lead_counts(step, rules.performance), rules.performance, step.day)
    step.write_table(CHANNEL_PERFORMANCE.to_arrow(table))


def lead_counts(step: Step, policy: ChannelPerformancePolicy) -> pd.DataFrame:
    """Return leads, engaged and converted leads by day of creation, class and channel.

    A day is 24 hours before the end of the step's day.
    """
    days = (step.day - first_day(policy, step.day)).days + 1
    window = {"end_at": end_of_day(step.day, step.env.tz), "created_from": step.env.earlier(step.day, days=days)}
    counts = step.query("channel_performance/counts", window).to_pandas()
    created = [step.day - dt.timedelta(days=int(days)) for days in counts["days_before"]]
    dated: pd.DataFrame = counts.assign(created_date=created).drop(columns="days_before")
    return dated


def recompute(step: Step, rules: Rules) -> Comparison:
    """Compare the leads of both windows with raw_leads."""
    step.bind(RAW_LEADS)
    policy = rules.performance
    return step.compare(
        {
            "short_from": step.env.earlier(step.day, days=policy.short_window_days),
            "long_from": step.env.earlier(step.day, days=policy.long_window_days),
            "end_at": end_of_day(step.day, step.env.tz),
        }
    )


def produce_costs(step: Step, rules: Rules) -> None:
    """Bind leads and spend, and stage the costs of the channels that have spend."""
    step.bind(LEAD_ACTIVITY)
    step.bind(RAW_SPEND, [step.day])
    counts = lead_counts(step, rules.performance)
    step.write_table(CHANNEL_COSTS.to_arrow(channel_costs(counts, _spend(step, rules), rules.performance, step.day)))


def recompute_costs(step: Step, rules: Rules) -> Comparison:
    """Compare the money of each measure with the sum of raw_spend over the days that count for it."""
    policy = rules.performance
    frame = CHANNEL_COSTS.to_frame(step.session.query("select * from staged order by channel, measure"))
    first = step.day - dt.timedelta(days=policy.long_window_days - 1)
    mature = step.day - dt.timedelta(days=policy.mature_days)
    compared = []
    for measure, last in (("lead", step.day), ("engaged", step.day), ("converted", mature)):
        spends = frame.loc[frame["measure"] == measure, "spend"]
        ours, theirs = float(spends.sum()), _money(step, rules, first, last)
        compared.append((f"spend_{measure}", ours, _unless_rounded(ours, theirs, len(spends))))
    return compared


def spent(step: Step, rules: Rules) -> dict[str, Any]:
    """Return the money of the long window, and what a lead, an engaged lead and a conversion cost on average.

    All are in the policy's currency.
    """
    frame = CHANNEL_COSTS.to_frame(step.session.query("select * from staged order by channel, measure"))
    sums = frame.groupby("measure")[["spend", "successes"]].sum()
    costs = {
        f"cost_per_{measure}": round_half_up(float(spend) / int(successes), 2)
        for measure, spend, successes in sums.itertuples()
        if successes
    }
    return {"spend": float(frame.loc[frame["measure"] == "lead", "spend"].sum()), **costs}


def produce_advice(step: Step, rules: Rules) -> None:
    """Stage the advice on the budget, from what the costs have bound."""
    counts = lead_counts(step, rules.performance)
    advice = budget_advice(counts, _spend(step, rules), rules.performance, step.day, rules.locale)
    step.write_table(BUDGET_ADVICE.to_arrow(advice))


def recompute_advice(step: Step, rules: Rules) -> Comparison:
    """Compare the money that is moved with the shares of the week's budget, summed from raw_spend."""
    policy = rules.performance
    frame = BUDGET_ADVICE.to_frame(step.session.query("select * from staged order by from_channel, to_channel"))
    days = policy.budget_weeks * DAYS_OF_A_WEEK
    budget = _money(step, rules, step.day - dt.timedelta(days=days - 1), step.day) / policy.budget_weeks
    ours, share = float(frame["amount"].sum()), float(frame["share"].sum())
    return [("amount", ours, _unless_rounded(ours, share * budget, len(frame) * (1 + budget)))]


def moved(step: Step, rules: Rules) -> dict[str, Any]:
    """Return how many shifts are advised, and the share of the week's budget that they move."""
    frame = BUDGET_ADVICE.to_frame(step.session.query("select * from staged order by from_channel, to_channel"))
    return {"shifts": int((frame["share"] > 0).sum()), "share_moved": float(frame["share"].sum())}


def _spend(step: Step, rules: Rules) -> pd.DataFrame:
    """Return what was spent by business day and channel since the first day that counts."""
    days = (step.day - first_day(rules.performance, step.day)).days + 2
    rows = step.query("channel_performance/spend", {"spent_from": step.env.earlier(step.day, days=days)}).to_pylist()
    return classified_spend(rows, rules.channels, rules.platforms, step.env.tz)


def _money(step: Step, rules: Rules, first: dt.date, last: dt.date) -> float:
    """Return the money of all channels on these business days, in the policy's currency."""
    money = in_one_currency(_spend(step, rules), rules.performance)
    return float(money.loc[(money["day"] >= first) & (money["day"] <= last), "amount"].sum())


def _unless_rounded(ours: float, theirs: float, numbers: float) -> float:
    """Return the first number where the second differs by no more than the rounding of so many numbers, else it."""
    return ours if abs(ours - theirs) <= ROUNDING * (1 + numbers) else theirs


def unclassified(step: Step, rules: Rules) -> Sequence[Finding]:
    """Warn where the channels of many leads of the long window are unknown, with the words that no list knows."""
    policy = rules.channels
    window = {"created_from": step.env.earlier(step.day, days=rules.performance.long_window_days)}
    counted = step.row("channel_performance/unclassified", window)
    leads, unknown = int(counted["leads"]), int(counted["unknown_leads"])
    parameters = {**window, "unknown_words": policy.unknown_words}
    words = step.query("channel_performance/unknown_words", parameters).to_pylist()
    passed = unknown * 100 <= leads * policy.unknown_percent
    text = f"{unknown} of {leads} leads of the last {rules.performance.long_window_days} days have an unknown channel"
    if not passed:
        text += f", more than {policy.unknown_percent:g} %"
        listed = ", ".join(f"{sanitize(row['word'])} ({row['leads']})" for row in words)
        text += f"; words that no list knows: {listed}; channels.rules of the policy can name them" if listed else ""
    return [Finding("unclassified", passed, text, metadata={"leads": leads, "unknown_leads": unknown})]


def verdicts(step: Step, rules: Rules) -> dict[str, Any]:
    """Return the channels by verdict, the engaged share of all leads, and the leading channel of the long window."""
    frame = _frame(step)
    chosen = frame[(frame["level"] == "channel") & (frame["metric"] == "engaged") & (frame["period"] == "long")]
    counted: dict[str, Any] = {
        f"verdict_{name.replace(' ', '_')}": int((chosen["verdict"] == name).sum()) for name in VERDICTS
    }
    if leads := int(chosen["leads"].sum()):
        counted["engaged_percent"] = round_half_up(100 * int(chosen["successes"].sum()) / leads, 1)
    found = leader(frame, level="channel", metric="engaged", period="long")
    if found is not None:
        name, is_clear = found
        counted["leader_percent"] = float(chosen.loc[chosen["channel"] == name, "rate"].iloc[0])
        counted["leader"] = sanitize(name) + ("" if is_clear else " leads, not clearly")
    return counted


def plot(step: Step, rules: Rules) -> str:
    """Draw the rates of the channels of the long window with their intervals, those with most leads first."""
    frame = _frame(step)
    chosen = frame[(frame["level"] == "channel") & (frame["metric"] == "engaged") & (frame["period"] == "long")]
    rows = sorted(chosen.to_dict("records"), key=lambda row: (-row["leads"], row["channel"]))
    rates = {str(row["channel"]): (row["rate"], row["rate_low"], row["rate_high"]) for row in rows}
    confidence = f"{100 * rules.performance.confidence:g} %"
    return intervals(rates, f"Engaged leads of each channel with {confidence} intervals")


def _frame(step: Step) -> pd.DataFrame:
    key = ", ".join(CHANNEL_PERFORMANCE.key)
    return CHANNEL_PERFORMANCE.to_frame(step.session.query(f"select * from staged order by {key}"))
