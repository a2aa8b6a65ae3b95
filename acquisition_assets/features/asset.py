"""Builds the assets of lead_activity, daily_metrics and metric_history, which one step makes from the same deliveries.

The rules are left to sql/, the rows of metric_history to `history`, and the classification of channels to `channels`.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pyarrow as pa

from acquisition_assets.channels.classify import channel_table
from acquisition_assets.channels.policy import ChannelPolicy, PlatformPolicy
from acquisition_assets.channels.reduce import bound_words, reduction_parameters
from acquisition_assets.core.days import end_of_day, last_days, start_of_day
from acquisition_assets.core.env import Env
from acquisition_assets.core.output import Output, output_assets
from acquisition_assets.core.plots import columns
from acquisition_assets.core.sql_files import read_sql
from acquisition_assets.core.step import Comparison, Finding, Step, rounded
from acquisition_assets.features.contract import DAILY_METRICS, LEAD_ACTIVITY, METRIC_HISTORY, METRICS, NEW_LEADS
from acquisition_assets.features.history import metric_history
from acquisition_assets.features.policy import FeaturePolicy, whole_days
from acquisition_assets.features.resolve import AS_READ, bind_resolved
from acquisition_assets.raw.contract import (
    RAW_ALIASES,
    RAW_EVENTS,
    RAW_LEADS,
    RAW_REFERRALS,
    RAW_STATUS_CHANGES,
    SOURCE_STATE,
)
from acquisition_assets.raw.policy import FreshnessPolicy

# One after the other these need a fraction of the memory that they need together, and spill less. With each the
# relations that can be computed for some leads at a time, as a lead's row needs no other lead's.
DELIVERY_PARTS = {"delivery_parts": (RAW_EVENTS.table,), "mixed_deliveries": ()}
LEAD_FACTS: dict[str, tuple[str, ...]] = {
    "lead_deliveries": ("deliveries",),
    "lead_events": (RAW_EVENTS.table,),
    "latest_responses": ("deliveries", "lead_deliveries"),
    "lead_content_types": ("deliveries",),
    "delivery_facts": ("lead_deliveries", "latest_responses", "lead_content_types"),
    "lead_referrals": (),
    "last_statuses": (),
    "lead_profiles": (),
    "lead_emails": (),
}
LEAD_ACTIVITY_OF = ("lead_profiles", "delivery_facts", "lead_events")
STATUSES = "The status of most leads is known as of the end of the day (else WARN)."
# One @, something before it and on both sides of a dot after it, and no blank.
_BLANKS = r"\s\x{0B}\x{1C}-\x{1F}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}"
ADDRESS = rf"^[^@{_BLANKS}]+@[^@{_BLANKS}]+[.][^@{_BLANKS}]+\z"


@dataclass(frozen=True)
class Rules:
    """What the features need of the policy."""

    features: FeaturePolicy
    platforms: PlatformPolicy
    channels: ChannelPolicy
    freshness: FreshnessPolicy


def build(
    env: Env, policy: FeaturePolicy, platforms: PlatformPolicy, channels: ChannelPolicy, freshness: FreshnessPolicy
) -> list[dg.AssetsDefinition]:
    """Return the assets of the features, which one step makes."""
    rules = Rules(policy, platforms, channels, freshness)
    tables = [RAW_LEADS.table, RAW_EVENTS.table, RAW_REFERRALS.table, RAW_ALIASES.table]
    activity = Output(
        contract=LEAD_ACTIVITY,
        description="What each lead did, as of the end of the day. Every output reads it.",
        policy=rules,
        deps=[*tables, RAW_STATUS_CHANGES.table, SOURCE_STATE.table],
        produce=produce_activity,
        recompute=recompute_activity,
        recomputed_text="The number of leads, and the referrals, counted again from the raw tables.",
        details=counts,
        checks={"statuses": STATUSES},
        findings=statuses,
        group="features",
    )
    metrics = Output(
        contract=DAILY_METRICS,
        description="Counts of the last 90 business days. Anomalies are found in it.",
        policy=rules,
        deps=tables,
        produce=produce_metrics,
        recompute=recompute_metrics,
        recomputed_text="New leads and referrals of the days, counted again from the raw tables by time.",
        plot=plot_metrics,
        details=metric_numbers,
        group="features",
    )
    history = Output(
        contract=METRIC_HISTORY,
        description="Each metric's counts of the last 120 business days, as the watch reads them.",
        policy=rules,
        deps=tables,
        produce=produce_history,
        recompute=recompute_history,
        recomputed_text="New leads and referrals of the days, counted again from the raw tables by time.",
        details=history_numbers,
        plot=plot_history,
        group="features",
        kinds=frozenset({"parquet", "pandas"}),
    )
    return [output_assets(env, [activity, metrics, history], name="features")]


def produce_activity(step: Step, rules: Rules) -> None:
    """Bind the raw tables, compute the relations of the deliveries once, and stage lead_activity."""
    has_aliases = _bind(step, rules)
    parameters = feature_parameters(rules.features, end_of_day(step.day, step.env.tz))
    session = step.session
    slices = session.slice_by(RAW_EVENTS.table + AS_READ if has_aliases else RAW_EVENTS.table, "lead_id")
    for relation, sliced in DELIVERY_PARTS.items():
        session.bind_query(relation, read_sql(f"lead_activity/{relation}"), slices=slices.of(*sliced))
    session.bind_view("deliveries", read_sql("lead_activity/deliveries"))
    for relation, sliced in LEAD_FACTS.items():
        session.bind_query(relation, read_sql(f"lead_activity/{relation}"), parameters, slices.of(*sliced))
    step.write_query("lead_activity/lead_activity", parameters, slices.of(*LEAD_ACTIVITY_OF))


def recompute_activity(step: Step, rules: Rules) -> Comparison:
    """Compare leads and referrals with the raw tables."""
    return step.compare()


def counts(step: Step, rules: Rules) -> dict[str, Any]:
    """Return the leads, the responses before their delivery, which do not count, and the leads with repaired fields."""
    files = ("numbers", "negative_responses", "repaired_fields")
    return {name: number for file in files for name, number in step.row(f"lead_activity/{file}").items()}


def statuses(step: Step, rules: Rules) -> Sequence[Finding]:
    """Warn where the status of many leads may be newer than the day."""
    counted = step.row("lead_activity/status_dates")
    leads, undated = int(counted["leads"]), int(counted["undated_leads"])
    text = f"{undated} of {leads} leads have a status of unknown time"
    passed = undated * 100 <= leads * rules.features.undated_percent
    if not passed:
        text += (
            f", more than {rules.features.undated_percent:g} %; the table status_changes, or engaged_at, converted_at "
            "and inactive_at of the leads, say since when a status holds"
        )
    return [Finding("statuses", passed, text, metadata={"leads": leads, "undated_leads": undated})]


def produce_metrics(step: Step, rules: Rules) -> None:
    """Count the days from the relations that lead_activity has bound, and stage the last of them as daily_metrics.

    Channels are counted first, while lead_activity is what is staged.
    """
    step.session.bind_query("channel_counts", read_sql("metric_history/channel_counts"))
    parameters = feature_parameters(rules.features, end_of_day(step.day, step.env.tz))
    step.session.bind_query("daily_counts", read_sql("daily_metrics/daily_metrics"), parameters)
    first = last_days(step.day, rules.features.metrics_days)[0]
    step.write_query("daily_metrics/last_days", {"metrics_from": first})


def recompute_metrics(step: Step, rules: Rules) -> Comparison:
    """Compare new leads and referrals with the raw tables."""
    return _compare_days(step, rules.features.metrics_days)


def _compare_days(step: Step, days: int) -> Comparison:
    """Compare the totals of the last days with the raw tables."""
    first = last_days(step.day, days)[0]
    return step.compare({"since": start_of_day(first, step.env.tz), "until": end_of_day(step.day, step.env.tz)})


def metric_numbers(step: Step, rules: Rules) -> dict[str, Any]:
    """Return the counts of the day itself."""
    return step.numbers("daily_metrics/numbers", {"day": step.day})


def plot_metrics(step: Step, rules: Rules) -> str:
    """Draw the new leads by day."""
    rows = step.session.query("select new_leads from staged order by day").column("new_leads").to_pylist()
    return columns(rows, f"New leads of the {len(rows)} days up to {step.day}")


def produce_history(step: Step, rules: Rules) -> None:
    """Stage metric_history from the counts of the days, of their channels and of their events."""
    session = step.session
    counts = {row["day"]: row for row in session.query("select * from daily_counts").to_pylist()}
    for row in step.query("metric_history/event_counts").to_pylist():
        counts[row["day"]] |= row
    channels: dict[str, dict[dt.date, int]] = {}
    for row in session.query("select * from channel_counts order by channel, day").to_pylist():
        channels.setdefault(row["channel"], {})[row["day"]] = row[NEW_LEADS]
    features = rules.features
    history = metric_history(
        counts,
        channels,
        last_days(step.day, features.watched_days),
        whole_days(features.opened_hours),
        features.watched_channel_mean,
        rules.freshness,
    )
    step.write_table(METRIC_HISTORY.to_arrow(history))


def recompute_history(step: Step, rules: Rules) -> Comparison:
    """Compare new leads and referrals with the raw tables."""
    return _compare_days(step, rules.features.watched_days)


def history_numbers(step: Step, rules: Rules) -> dict[str, Any]:
    """Return the day's rates, how many series there are, and on how many days of them the source delivered nothing."""
    rates = step.query("metric_history/rates", {"day": step.day}).to_pylist()
    return {**{row["metric"]: rounded(row["rate"]) for row in rates}, **step.row("metric_history/numbers")}


def plot_history(step: Step, rules: Rules) -> str:
    """Draw how many of the metrics have data, by day."""
    rows = step.session.query(
        "select count(value) as filled from staged where channel is null group by day order by day"
    )
    return columns(rows.column("filled").to_pylist(), f"Metrics with data, of {len(METRICS)}, by day")


def _bind(step: Step, rules: Rules) -> bool:
    """Bind all that the features read. Return whether there are aliases."""
    step.bind(RAW_LEADS)
    step.bind(SOURCE_STATE)
    has_aliases = bind_resolved(step, RAW_EVENTS, RAW_REFERRALS, RAW_STATUS_CHANGES)
    _bind_channels(step, rules)
    features = rules.features
    counted = max(features.metrics_days, features.watched_days + whole_days(features.opened_hours))
    days = last_days(step.day, counted)
    step.session.bind_arrow("days", days_table(days, step.env.tz))
    return has_aliases


def _bind_channels(step: Step, rules: Rules) -> None:
    """Bind the fields that decide each lead's channel, and the channel of each distinct combination of them."""
    for name, words in bound_words(rules.channels).items():
        step.session.bind_arrow(name, words)
    reduced = read_sql("lead_activity/lead_combinations")
    step.session.bind_query("lead_combinations", reduced, reduction_parameters(rules.channels))
    combinations = step.query("lead_activity/combinations")
    step.session.bind_arrow("channels", channel_table(combinations, rules.channels, rules.platforms))


def days_table(days: Sequence[dt.date], tz: ZoneInfo) -> pa.Table:
    """Return the business days with the instants at which each starts and ends."""
    instants = pa.timestamp("us", "UTC")
    return pa.table(
        {
            "day": pa.array(days, pa.date32()),
            "starts_at": pa.array([start_of_day(day, tz) for day in days], instants),
            "ends_at": pa.array([end_of_day(day, tz) for day in days], instants),
        }
    )


def feature_parameters(policy: FeaturePolicy, end: dt.datetime) -> dict[str, object]:
    """Return the parameters of the features' SQL for a day that ends at this instant."""
    return {
        "end_at": end,
        "history_from": end - dt.timedelta(days=policy.history_days),
        "month_from": end - dt.timedelta(days=policy.month_days),
        "recent_from": end - dt.timedelta(days=policy.recent_days),
        "dated_until": end + dt.timedelta(hours=policy.dated_hours),
        "opened_us": dt.timedelta(hours=policy.opened_hours) // dt.timedelta(microseconds=1),
        "address": ADDRESS,
        **policy.parameters(),
    }
