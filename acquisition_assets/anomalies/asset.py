"""Builds the asset `anomalies` with a check per type: declares its inputs and runs the detection.

The rules are left to `detect`, and the messages to `messages`.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pandas as pd

from acquisition_assets.anomalies.contract import (
    ANOMALIES,
    ENGAGEMENT_DROP,
    LEAD_GENERATION_DROP,
    UNUSUAL_BEHAVIOR,
)
from acquisition_assets.anomalies.detect import Evidence, detect
from acquisition_assets.anomalies.messages import no_data_message
from acquisition_assets.anomalies.policy import AnomalyPolicy
from acquisition_assets.anomalies.report import TASK, anomaly_report
from acquisition_assets.core.days import day_of, start_of_day
from acquisition_assets.core.env import Env
from acquisition_assets.core.output import Output, output_asset
from acquisition_assets.core.plots import columns
from acquisition_assets.core.policy import Locale
from acquisition_assets.core.step import Comparison, Finding, Step
from acquisition_assets.features.contract import DAILY_METRICS, LEAD_ACTIVITY
from acquisition_assets.features.policy import FeaturePolicy, whole_days
from acquisition_assets.features.resolve import bind_resolved
from acquisition_assets.raw.contract import RAW_ALIASES, RAW_EVENTS, RAW_LEADS, RAW_REFERRALS, SOURCE_STATE

CHECKS = {
    "engagement_drop": "The share opened in 24 hours has not dropped.",
    "high_fraud_rate": "Few of the latest referrals are fraud.",
    "lead_generation_drop": "The number of new leads has not dropped.",
    "unusual_behavior": "No lead was sent many deliveries without reacting to any.",
}
READS = {
    ENGAGEMENT_DROP: RAW_EVENTS.table,
    LEAD_GENERATION_DROP: RAW_LEADS.table,
    UNUSUAL_BEHAVIOR: RAW_EVENTS.table,
}
"""The table that must be fresh for the rule of a type to be meaningful."""
INPUTS = (DAILY_METRICS, LEAD_ACTIVITY, RAW_LEADS, RAW_EVENTS, RAW_REFERRALS, RAW_ALIASES, SOURCE_STATE)
SEVERITIES = {"high": dg.AssetCheckSeverity.ERROR, "medium": dg.AssetCheckSeverity.WARN}


@dataclass(frozen=True)
class Rules:
    """The parts of the policy that the detection needs."""

    anomalies: AnomalyPolicy
    features: FeaturePolicy
    locale: Locale


def build(env: Env, policy: AnomalyPolicy, features: FeaturePolicy, locale: Locale) -> list[dg.AssetsDefinition]:
    """Return the asset of the anomalies."""
    output = Output(
        contract=ANOMALIES,
        description="What is out of the ordinary, in numbers, and what to do. Each type is a check here.",
        policy=Rules(policy, features, locale),
        deps=[contract.table for contract in INPUTS],
        produce=produce,
        recompute=recompute,
        recomputed_text="Whether the fraud rate is high, from the raw referrals alone.",
        task=TASK,
        report=lambda step, _: anomaly_report(ANOMALIES.to_frame(step.session.query("select * from staged"))),
        plot=plot,
        checks=CHECKS,
        findings=findings,
        details=details,
        kinds=frozenset({"parquet", "pandas"}),
    )
    return [output_asset(env, output)]


def produce(step: Step, rules: Rules) -> None:
    """Stage the anomalies that the day's metrics and raw tables show."""
    for contract in (DAILY_METRICS, LEAD_ACTIVITY, RAW_LEADS, SOURCE_STATE):
        step.bind(contract)
    day, policy = _last_ended(step), rules.anomalies
    bind_resolved(step, RAW_EVENTS, RAW_REFERRALS, last_day=day)
    facts = step.row(
        "anomalies/anomalies",
        {
            "until": step.env.earlier(day, days=0),
            "silent_from": step.env.earlier(day, days=policy.silent_days),
            "silent_deliveries": policy.silent_deliveries,
            "is_same_window": day == step.day and policy.silent_days == rules.features.recent_days,
        },
    )
    first = facts["first_lead_at"]
    evidence = Evidence(
        metrics=_metrics(step),
        first_lead_date=None if first is None else day_of(first, step.env.tz),
        first_sent_date=facts["first_sent_date"],
        silent_leads=facts["silent_leads"],
        open_days=whole_days(rules.features.opened_hours),
    )
    step.write_table(ANOMALIES.to_arrow(detect(evidence, day, policy, rules.locale)))


def recompute(step: Step, rules: Rules) -> Comparison:
    """Compare whether fraud is high with the raw referrals."""
    day = _last_ended(step)
    window = {
        "since": start_of_day(day - dt.timedelta(days=rules.anomalies.fraud_days - 1), step.env.tz),
        "until": step.env.earlier(day, days=0),
        "minimum": rules.anomalies.fraud_minimum_referrals,
        "percent": rules.anomalies.fraud_percent,
    }
    ours = any(row["type"] == "high_fraud_rate" for row in _found(step))
    return [("high_fraud_rate", ours, step.row("anomalies/recomputed", window)["high_fraud_rate"])]


def findings(step: Step, rules: Rules) -> Sequence[Finding]:
    """Return one check per type of anomaly."""
    found = {row["type"]: row for row in _found(step)}
    stale = _stale_tables(step)
    return [_finding(kind, found.get(kind), stale.get(kind), rules.locale) for kind in CHECKS]


def details(step: Step, rules: Rules) -> dict[str, Any]:
    """Return how many anomalies there are, the last day that was examined, and the types whose table is not fresh."""
    severities = [row["severity"] for row in _found(step)]
    return {
        "anomalies": len(severities),
        **{f"anomalies_{severity}": severities.count(severity) for severity in SEVERITIES},
        "last_day": _last_ended(step).isoformat(),
        "no_data": ", ".join(_stale_tables(step)),
    }


def plot(step: Step, rules: Rules) -> str:
    """Draw new leads per day, with the days of a drop marked."""
    metrics = _metrics(step)
    rows = [row for row in _found(step) if row["type"] in ("lead_generation_drop", "engagement_drop")]
    marked = [
        n for n, day in enumerate(metrics["day"]) if any(r["window_start"] <= day <= r["window_end"] for r in rows)
    ]
    return columns([int(n) for n in metrics["new_leads"]], "New leads by day; days of a drop in red", marked)


def _metrics(step: Step) -> pd.DataFrame:
    columns = ", ".join(DAILY_METRICS.columns)
    return DAILY_METRICS.to_frame(step.session.query(f"select {columns} from daily_metrics order by day"))


def _found(step: Step) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = step.session.query("select * from staged").to_pylist()
    return rows


def _last_ended(step: Step) -> dt.date:
    """Return the step's day, or the last day that had ended when the source was read, if that is earlier."""
    (state,) = step.session.query("select read_at from source_state").to_pylist()
    return min(step.day, day_of(state["read_at"], step.env.tz) - dt.timedelta(days=1))


def _stale_tables(step: Step) -> dict[str, str]:
    """Return the anomaly types whose table is not fresh, each with that table."""
    (state,) = step.session.query("select is_stale_leads, is_stale_events from source_state").to_pylist()
    is_stale = {RAW_LEADS.table: state["is_stale_leads"], RAW_EVENTS.table: state["is_stale_events"]}
    return {kind: table for kind, table in READS.items() if is_stale[table]}


def _finding(kind: str, row: dict[str, object] | None, stale: str | None, locale: Locale) -> Finding:
    if row is None and stale is not None:
        return Finding(kind, passed=False, description=no_data_message(locale, stale))
    if row is None:
        return Finding(kind, passed=True, description=CHECKS[kind])
    numbers = ("observed", "baseline", "seasonal_baseline", "change", "p_value", "affected_leads")
    return Finding(
        kind,
        passed=False,
        description=f"{row['message']}. {row['recommendation']}",
        severity=SEVERITIES[str(row["severity"])],
        metadata={name: row[name] for name in numbers if row[name] is not None},
    )
