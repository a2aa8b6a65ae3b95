"""Here: the assets of the features: lead_activity and daily_metrics, from one pass over the deliveries.

Not here: the rules (sql/features) and how a platform is told (platforms.py).
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa

from acquisition_assets.channels.platforms import platform_table
from acquisition_assets.core.assets import (
    Step,
    asset_spec,
    check_spec,
    checked,
    contract_check_spec,
    failures,
    partition_day,
)
from acquisition_assets.core.days import days_between, end_of_day
from acquisition_assets.core.env import Env
from acquisition_assets.core.plots import columns
from acquisition_assets.core.sql_files import read_sql
from acquisition_assets.features.contract import DAILY_METRICS, LEAD_ACTIVITY
from acquisition_assets.features.policy import FeaturePolicy, PlatformPolicy
from acquisition_assets.raw.contract import RAW_EVENTS, RAW_LEADS, RAW_REFERRALS, RAW_STATUS_CHANGES

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
}
LEAD_ACTIVITY_OF = ("lead_profiles", "delivery_facts", "lead_events")
RECOMPUTED = "The number of leads, and the referrals, counted again from the raw tables."
RECOMPUTED_DAYS = "New leads and referrals of the days, counted again from the raw tables by time."


def build(env: Env, policy: FeaturePolicy, platforms: PlatformPolicy) -> dg.AssetsDefinition:
    """The multi-asset of the features."""
    lead_deps = [RAW_LEADS.table, RAW_EVENTS.table, RAW_REFERRALS.table, RAW_STATUS_CHANGES.table]
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
            deps=_history(env, lead_deps[:3]),
        ),
    ]
    checks = [contract_check_spec(env, contract) for contract in (LEAD_ACTIVITY, DAILY_METRICS)]
    checks.append(check_spec(env, LEAD_ACTIVITY.table, "recomputed", RECOMPUTED))
    checks.append(check_spec(env, DAILY_METRICS.table, "recomputed", RECOMPUTED_DAYS))

    @dg.multi_asset(name="features", specs=specs, check_specs=checks)
    def features(context: dg.AssetExecutionContext) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        day = partition_day(context)
        with failures(context.retry_number), env.lake.staging() as folder, env.engine.session(folder) as session:
            activity = Step(env, LEAD_ACTIVITY, day, session, folder)
            _bind(activity, policy, platforms)
            parameters = _parameters(env, policy, day)
            slices = session.slice_by(RAW_EVENTS.table, "lead_id")
            for relation, sliced in DELIVERY_PARTS.items():
                session.bind_query(relation, read_sql(f"lead_activity/{relation}"), slices=slices.of(*sliced))
            session.bind_view("deliveries", read_sql("lead_activity/deliveries"))
            for relation, sliced in LEAD_FACTS.items():
                session.bind_query(relation, read_sql(f"lead_activity/{relation}"), parameters, slices.of(*sliced))
            metrics = Step(env, DAILY_METRICS, day, session, folder)
            activity.write_query("lead_activity/lead_activity", parameters, slices.of(*LEAD_ACTIVITY_OF))
            yield from checked(activity, _recompute_leads)
            activity_metadata = {**activity.metadata(), **_negative_responses(activity)}
            metrics.write_query("daily_metrics/daily_metrics")
            yield from checked(metrics, _recompute_days)
            metrics_metadata = {**metrics.metadata(), "plot": dg.MetadataValue.md(_plot(metrics))}
            activity.publish()
            metrics.publish()
            yield dg.MaterializeResult(asset_key=LEAD_ACTIVITY.table, metadata=activity_metadata)
            yield dg.MaterializeResult(asset_key=DAILY_METRICS.table, metadata=metrics_metadata)

    return features


def _history(env: Env, tables: Sequence[str]) -> list[dg.AssetDep]:
    """Dependencies on the day's partitions; events are read of all days before, which ingestion keeps complete."""
    return [dg.AssetDep(table) for table in tables]


def _bind(step: Step, policy: FeaturePolicy, platforms: PlatformPolicy) -> None:
    for contract in (RAW_LEADS, RAW_REFERRALS, RAW_STATUS_CHANGES):
        step.bind(contract)
    step.bind(RAW_EVENTS, [day for day in step.env.lake.days(RAW_EVENTS.table) if day <= step.day])
    step.session.bind_arrow("platforms", platform_table(step.query("lead_activity/channel_fields"), platforms))
    days = days_between(step.day - dt.timedelta(days=policy.metrics_days - 1), step.day)
    step.session.bind_arrow("days", pa.table({"day": pa.array(days, pa.date32())}))


def _parameters(env: Env, policy: FeaturePolicy, day: dt.date) -> dict[str, object]:
    return {
        "end_at": end_of_day(day, env.tz),
        "history_from": env.earlier(day, days=policy.history_days),
        "month_from": env.earlier(day, days=policy.month_days),
        "recent_from": env.earlier(day, days=policy.recent_days),
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


def _negative_responses(step: Step) -> dict[str, Any]:
    return dict(step.query("lead_activity/negative_responses").to_pylist()[0])


def _plot(step: Step) -> str:
    rows = step.session.query("select new_leads from staged order by day").column("new_leads").to_pylist()
    return columns(rows, f"New leads of the {len(rows)} days up to {step.day}")
