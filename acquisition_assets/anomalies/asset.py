"""Builds the asset of anomalies with a check per type: names its inputs and calls the detection.

The rules are left to `detect`, and the words to `messages`.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg
import pandas as pd

from acquisition_assets.anomalies.contract import ANOMALIES
from acquisition_assets.anomalies.detect import Evidence, detect
from acquisition_assets.anomalies.messages import Locale
from acquisition_assets.anomalies.policy import AnomalyPolicy
from acquisition_assets.anomalies.report import TASK, anomaly_report
from acquisition_assets.core.days import start_of_day
from acquisition_assets.core.env import Env
from acquisition_assets.core.output import Output, output_asset
from acquisition_assets.core.plots import columns
from acquisition_assets.core.step import Comparison, Finding, Step
from acquisition_assets.features.contract import DAILY_METRICS, LEAD_ACTIVITY
from acquisition_assets.raw.contract import RAW_EVENTS, RAW_LEADS, RAW_REFERRALS

CHECKS = {
    "engagement_drop": "The same-day open rate of the last days has not dropped.",
    "high_fraud_rate": "Few of the latest referrals are fraud.",
    "lead_generation_drop": "The number of new leads has not dropped.",
    "unusual_behavior": "No lead was sent many deliveries without reacting to any.",
}
SEVERITIES = {"high": dg.AssetCheckSeverity.ERROR, "medium": dg.AssetCheckSeverity.WARN}


@dataclass(frozen=True)
class Rules:
    """What the detection needs of the policy; recent_days is the window of the features' columns *_7d."""

    anomalies: AnomalyPolicy
    recent_days: int
    locale: Locale


def build(env: Env, policy: AnomalyPolicy, recent_days: int, locale: Locale) -> list[dg.AssetsDefinition]:
    """Return the asset of the anomalies."""
    output = Output(
        contract=ANOMALIES,
        description="What is out of the ordinary, in numbers, and what to do. Each type is a check here.",
        policy=Rules(policy, recent_days, locale),
        deps=[DAILY_METRICS.table, LEAD_ACTIVITY.table, RAW_LEADS.table, RAW_EVENTS.table, RAW_REFERRALS.table],
        produce=produce,
        recompute=recompute,
        recomputed_text="Whether the fraud rate is high, from the raw referrals alone.",
        task=TASK,
        report=lambda step, _: anomaly_report(ANOMALIES.to_frame(step.session.query("select * from staged"))),
        plot=plot,
        checks=CHECKS,
        findings=findings,
        kinds=frozenset({"parquet", "pandas"}),
    )
    return [output_asset(env, output)]


def produce(step: Step, rules: Rules) -> None:
    """Stage the anomalies that the day's metrics and raw tables show."""
    for contract in (DAILY_METRICS, LEAD_ACTIVITY, RAW_LEADS, RAW_REFERRALS):
        step.bind(contract)
    step.bind_history(RAW_EVENTS)
    facts = step.row(
        "anomalies/anomalies",
        {
            "silent_from": step.env.earlier(step.day, days=rules.anomalies.silent_days),
            "silent_days": rules.anomalies.silent_days,
            "silent_deliveries": rules.anomalies.silent_deliveries,
            "recent_days": rules.recent_days,
        },
    )
    found = detect(Evidence(metrics=_metrics(step), **facts), step.day, rules.anomalies, rules.locale)
    step.write_table(ANOMALIES.to_arrow(found))


def recompute(step: Step, rules: Rules) -> Comparison:
    """Compare whether fraud is high with the raw referrals."""
    window = {
        "since": start_of_day(step.day - dt.timedelta(days=rules.anomalies.fraud_days - 1), step.env.tz),
        "until": step.env.earlier(step.day, days=0),
        "minimum": rules.anomalies.fraud_minimum_referrals,
        "percent": rules.anomalies.fraud_percent,
    }
    ours = any(row["type"] == "high_fraud_rate" for row in _found(step))
    return [("high_fraud_rate", ours, step.row("anomalies/recomputed", window)["high_fraud_rate"])]


def findings(step: Step, rules: Rules) -> Sequence[Finding]:
    """Return one check per type of anomaly."""
    found = {row["type"]: row for row in _found(step)}
    return [_finding(kind, found.get(kind)) for kind in CHECKS]


def plot(step: Step, rules: Rules) -> str:
    """Draw the new leads by day, with the days of a drop marked."""
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


def _finding(kind: str, row: dict[str, object] | None) -> Finding:
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
