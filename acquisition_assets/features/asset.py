"""Builds the assets of lead_activity and daily_metrics, which one step makes from one pass over the deliveries.

The rules are left to sql/lead_activity and sql/daily_metrics, and the classification of channels to `channels`.
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
from acquisition_assets.core.days import days_between, end_of_day, start_of_day
from acquisition_assets.core.env import Env
from acquisition_assets.core.output import Output, output_assets
from acquisition_assets.core.plots import columns
from acquisition_assets.core.sql_files import read_sql
from acquisition_assets.core.step import Comparison, Finding, Step
from acquisition_assets.features.contract import DAILY_METRICS, LEAD_ACTIVITY
from acquisition_assets.features.policy import FeaturePolicy
from acquisition_assets.features.resolve import AS_READ, bind_resolved
from acquisition_assets.raw.contract import (
    RAW_ALIASES,
    RAW_EVENTS,
    RAW_LEADS,
    RAW_REFERRALS,
    RAW_STATUS_CHANGES,
    SOURCE_STATE,
)

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


def build(
    env: Env, policy: FeaturePolicy, platforms: PlatformPolicy, channels: ChannelPolicy
) -> list[dg.AssetsDefinition]:
    """Return the assets of the features, which one step makes."""
    rules = Rules(policy, platforms, channels)
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
        group="features",
    )
    return [output_assets(env, [activity, metrics], name="features")]


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
    """Return the number of responses before their delivery, which do not count, and of leads with repaired fields."""
    return {**step.row("lead_activity/negative_responses"), **step.row("lead_activity/repaired_fields")}


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
    """Stage daily_metrics from the relations that lead_activity has bound."""
    step.write_query(
        "daily_metrics/daily_metrics", feature_parameters(rules.features, end_of_day(step.day, step.env.tz))
    )


def recompute_metrics(step: Step, rules: Rules) -> Comparison:
    """Compare new leads and referrals with the raw tables."""
    first = step.day - dt.timedelta(days=rules.features.metrics_days - 1)
    return step.compare(
        {
            "since": end_of_day(first - dt.timedelta(days=1), step.env.tz),
            "until": end_of_day(step.day, step.env.tz),
        }
    )


def plot_metrics(step: Step, rules: Rules) -> str:
    """Draw the new leads by day."""
    rows = step.session.query("select new_leads from staged order by day").column("new_leads").to_pylist()
    return columns(rows, f"New leads of the {len(rows)} days up to {step.day}")


def _bind(step: Step, rules: Rules) -> bool:
    """Bind all that the features read. Return whether there are aliases."""
    step.bind(RAW_LEADS)
    step.bind(SOURCE_STATE)
    has_aliases = bind_resolved(step, RAW_EVENTS, RAW_REFERRALS, RAW_STATUS_CHANGES)
    _bind_channels(step, rules)
    days = days_between(step.day - dt.timedelta(days=rules.features.metrics_days - 1), step.day)
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
