"""Builds the asset `channel_performance`: counts leads by age, class and channel with SQL, and compares them.

The statistics are left to `comparison`, and the words of the summary to `summary`.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pandas as pd

from acquisition_assets.channel_performance.comparison import channel_performance, first_day, leader
from acquisition_assets.channel_performance.contract import CHANNEL_PERFORMANCE, VERDICTS
from acquisition_assets.channel_performance.policy import ChannelPerformancePolicy
from acquisition_assets.channels.policy import ChannelPolicy
from acquisition_assets.core.days import end_of_day
from acquisition_assets.core.env import Env
from acquisition_assets.core.masking import sanitize
from acquisition_assets.core.output import Output, output_asset
from acquisition_assets.core.plots import intervals
from acquisition_assets.core.step import Comparison, Finding, Step
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.raw.contract import RAW_LEADS

UNCLASSIFIED = "Most leads have a channel that is known (else WARN, with the words that no list knows)."


@dataclass(frozen=True)
class Rules:
    """What the comparison needs of the policy."""

    performance: ChannelPerformancePolicy
    channels: ChannelPolicy


def build(env: Env, policy: ChannelPerformancePolicy, channels: ChannelPolicy) -> list[dg.AssetsDefinition]:
    """Return the asset of the comparison of channels."""
    output = Output(
        contract=CHANNEL_PERFORMANCE,
        description="Which class and channel brings leads that engage and convert, with intervals and a verdict.",
        policy=Rules(policy, channels),
        deps=[LEAD_ACTIVITY.table, RAW_LEADS.table],
        produce=produce,
        recompute=recompute,
        recomputed_text="The leads of all channels in both windows, counted again from raw_leads.",
        plot=plot,
        checks={"unclassified": UNCLASSIFIED},
        findings=unclassified,
        details=verdicts,
        kinds=frozenset({"parquet", "pandas"}),
    )
    return [output_asset(env, output)]


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
    """Return the number of channels by verdict, and the leading channel of the long window."""
    frame = _frame(step)
    chosen = frame[(frame["level"] == "channel") & (frame["metric"] == "engaged") & (frame["period"] == "long")]
    counted: dict[str, Any] = {
        f"verdict_{name.replace(' ', '_')}": int((chosen["verdict"] == name).sum()) for name in VERDICTS
    }
    found = leader(frame, level="channel", metric="engaged", period="long")
    if found is not None:
        name, is_clear = found
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
