"""Here: the assets of the features: lead_activity and daily_metrics, from one pass over the deliveries.

Not here: the rules (sql/features) and how a platform is told (platforms.py).
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pyarrow as pa

from acquisition_assets.channels.platforms import platform_table
from acquisition_assets.core.assets import (
    Finding,
    Step,
    asset_spec,
    check_spec,
    checked,
    contract_check_spec,
    failures,
    partition_day,
)
from acquisition_assets.core.days import days_between, end_of_day, start_of_day
from acquisition_assets.core.env import Env
from acquisition_assets.core.plots import columns
from acquisition_assets.core.sql_files import read_sql
from acquisition_assets.features.contract import DAILY_METRICS, LEAD_ACTIVITY
from acquisition_assets.features.policy import FeaturePolicy, PlatformPolicy
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
# relations of which a lead's row needs only the lead's: of very many they are computed for some leads after the other.
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
RECOMPUTED = "The number of leads, and the referrals, counted again from the raw tables."
STATUSES = "The status of most leads is known as of the end of the day (else WARN)."
# One @, something before it and on both sides of a dot after it, and no blank.
_BLANKS = r"\s\x{0B}\x{1C}-\x{1F}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}"
ADDRESS = rf"^[^@{_BLANKS}]+@[^@{_BLANKS}]+[.][^@{_BLANKS}]+\z"
RECOMPUTED_DAYS = "New leads and referrals of the days, counted again from the raw tables by time."


def build(env: Env, policy: FeaturePolicy, platforms: PlatformPolicy) -> dg.AssetsDefinition:
    """The multi-asset of the features."""
    day_deps = [RAW_LEADS.table, RAW_EVENTS.table, RAW_REFERRALS.table, RAW_ALIASES.table]
    lead_deps = [*day_deps, RAW_STATUS_CHANGES.table, SOURCE_STATE.table]
    specs = [
        asset_spec(
            env,
            LEAD_ACTIVITY,
            group="features",
            description="What each lead did, as of the end of the day. Every output reads it.",
            deps=_history(env, lead_deps),
        ),
        asset_spec(
            env,
            DAILY_METRICS,
            group="features",
            description="Counts of the last 90 business days. Anomalies are found in it.",
            deps=_history(env, day_deps),
        ),
    ]
    checks = [contract_check_spec(env, contract) for contract in (LEAD_ACTIVITY, DAILY_METRICS)]
    checks.append(check_spec(env, LEAD_ACTIVITY.table, "recomputed", RECOMPUTED))
    checks.append(check_spec(env, LEAD_ACTIVITY.table, "statuses", STATUSES))
    checks.append(check_spec(env, DAILY_METRICS.table, "recomputed", RECOMPUTED_DAYS))

    @dg.multi_asset(name="features", specs=specs, check_specs=checks)
    def features(context: dg.AssetExecutionContext) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        day = partition_day(context)
        with failures(context.retry_number), env.lake.staging() as folder, env.engine.session(folder) as session:
            activity = Step(env, LEAD_ACTIVITY, day, session, folder)
            has_aliases = _bind(activity, policy, platforms)
            parameters = _parameters(env, policy, day)
            session.cut(RAW_EVENTS.table + AS_READ if has_aliases else RAW_EVENTS.table, "lead_id")
            for relation, sliced in DELIVERY_PARTS.items():
                session.bind_query(relation, read_sql(f"lead_activity/{relation}"), sliced=sliced)
            session.bind_view("deliveries", read_sql("lead_activity/deliveries"))
            for relation, sliced in LEAD_FACTS.items():
                session.bind_query(relation, read_sql(f"lead_activity/{relation}"), parameters, sliced)
            metrics = Step(env, DAILY_METRICS, day, session, folder)
            activity.write_query("lead_activity/lead_activity", parameters, LEAD_ACTIVITY_OF)
            yield from checked(activity, _recompute_leads)
            statuses = _statuses(activity, policy)
            activity_metadata = {**activity.metadata(), **_negative_responses(activity)}
            metrics.write_query("daily_metrics/daily_metrics", parameters)
            yield from checked(metrics, _recompute_days)
            metrics_metadata = {**metrics.metadata(), "plot": dg.MetadataValue.md(_plot(metrics))}
            activity.publish()
            metrics.publish()
            yield statuses.result(LEAD_ACTIVITY.table, day)
            yield dg.MaterializeResult(asset_key=LEAD_ACTIVITY.table, metadata=activity_metadata)
            yield dg.MaterializeResult(asset_key=DAILY_METRICS.table, metadata=metrics_metadata)

    return features


def _history(env: Env, tables: Sequence[str]) -> list[dg.AssetDep]:
    """Dependencies on the day's partitions; events are read of all days before, which ingestion keeps complete."""
    return [dg.AssetDep(table) for table in tables]


def _bind(step: Step, policy: FeaturePolicy, platforms: PlatformPolicy) -> bool:
    """Bind all that the features read; return whether there are aliases."""
    step.bind(RAW_LEADS)
    step.bind(SOURCE_STATE)
    has_aliases = bind_resolved(step, RAW_EVENTS, RAW_REFERRALS, RAW_STATUS_CHANGES)
    step.session.bind_arrow("platforms", platform_table(step.query("lead_activity/channel_fields"), platforms))
    days = days_between(step.day - dt.timedelta(days=policy.metrics_days - 1), step.day)
    step.session.bind_arrow("days", days_table(days, step.env.tz))
    return has_aliases


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


def _parameters(env: Env, policy: FeaturePolicy, day: dt.date) -> dict[str, object]:
    return feature_parameters(policy, end_of_day(day, env.tz))


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


def _recompute_leads(step: Step) -> Sequence[tuple[str, object, object]]:
    ours = step.query("lead_activity/published").to_pylist()[0]
    theirs = step.query("lead_activity/recomputed").to_pylist()[0]
    return [(what, ours[what], theirs[what]) for what in ours]


def _recompute_days(step: Step) -> Sequence[tuple[str, object, object]]:
    ours = step.query("daily_metrics/published").to_pylist()[0]
    first = step.session.query("select min(day) as day from days").to_pylist()[0]["day"]
    window = {
        "since": end_of_day(first - dt.timedelta(days=1), step.env.tz),
        "until": end_of_day(step.day, step.env.tz),
    }
    theirs = step.query("daily_metrics/recomputed", window).to_pylist()[0]
    return [(what, ours[what], theirs[what]) for what in ours]


def _statuses(step: Step, policy: FeaturePolicy) -> Finding:
    counted = step.query("lead_activity/status_dates").to_pylist()[0]
    leads, undated = int(counted["leads"]), int(counted["undated_leads"])
    text = f"{undated} of {leads} leads have a status of unknown time"
    passed = undated * 100 <= leads * policy.undated_percent
    if not passed:
        text += (
            f", more than {policy.undated_percent:g} %; the table status_changes, or engaged_at, converted_at and "
            "inactive_at of the leads, say since when a status holds"
        )
    return Finding("statuses", passed, text, metadata={"leads": leads, "undated_leads": undated})


def _negative_responses(step: Step) -> dict[str, Any]:
    return dict(step.query("lead_activity/negative_responses").to_pylist()[0])


def _plot(step: Step) -> str:
    rows = step.session.query("select new_leads from staged order by day").column("new_leads").to_pylist()
    return columns(rows, f"New leads of the {len(rows)} days up to {step.day}")
