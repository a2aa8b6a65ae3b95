"""Here: the asset of anomalies with a check per type: what it reads, and the call of the detection.

Not here: the rules (detect.py) and the words (messages.py).
"""

import datetime as dt
from collections.abc import Sequence

import dagster as dg
import pandas as pd

from acquisition_assets.anomalies.contract import ANOMALIES
from acquisition_assets.anomalies.detect import Evidence, detect
from acquisition_assets.anomalies.messages import Locale
from acquisition_assets.anomalies.policy import AnomalyPolicy
from acquisition_assets.anomalies.report import anomaly_report
from acquisition_assets.core.assets import Finding, Output, Step, output_asset
from acquisition_assets.core.days import start_of_day
from acquisition_assets.core.env import Env
from acquisition_assets.core.plots import columns
from acquisition_assets.features.contract import DAILY_METRICS, LEAD_ACTIVITY
from acquisition_assets.features.policy import FeaturePolicy
from acquisition_assets.raw.contract import RAW_EVENTS, RAW_LEADS, RAW_REFERRALS

TASK = "anomaly_detection"
CHECKS = {
    "engagement_drop": "The same-day open rate of the last days has not dropped.",
    "high_fraud_rate": "Few of the latest referrals are fraud.",
    "lead_generation_drop": "The number of new leads has not dropped.",
    "unusual_behavior": "No lead was sent many deliveries without reacting to any.",
}
SEVERITIES = {"high": dg.AssetCheckSeverity.ERROR, "medium": dg.AssetCheckSeverity.WARN}


def build(env: Env, policy: AnomalyPolicy, features: FeaturePolicy, locale: Locale) -> dg.AssetsDefinition:
    """The asset of the anomalies."""

    def produce(step: Step) -> None:
        for contract in (DAILY_METRICS, LEAD_ACTIVITY, RAW_LEADS, RAW_REFERRALS):
            step.bind(contract)
        step.bind(RAW_EVENTS, [day for day in env.lake.days(RAW_EVENTS.table) if day <= step.day])
        facts = step.query(
            "anomalies/anomalies",
            {
                "silent_from": env.earlier(step.day, days=policy.silent_days),
                "silent_days": policy.silent_days,
                "silent_deliveries": policy.silent_deliveries,
                "recent_days": features.recent_days,
            },
        ).to_pylist()[0]
        found = detect(Evidence(metrics=_metrics(step), **facts), step.day, policy, locale)
        step.write_table(ANOMALIES.to_arrow(found))

    def recompute(step: Step) -> Sequence[tuple[str, object, object]]:
        window = {
            "since": start_of_day(step.day - dt.timedelta(days=policy.fraud_days - 1), env.tz),
            "until": env.earlier(step.day, days=0),
            "minimum": policy.fraud_minimum_referrals,
            "percent": policy.fraud_percent,
        }
        ours = any(row["type"] == "high_fraud_rate" for row in _found(step))
        theirs = step.query("anomalies/recomputed", window).to_pylist()[0]["high_fraud_rate"]
        return [("high_fraud_rate", ours, theirs)]

    def findings(step: Step) -> Sequence[Finding]:
        found = {row["type"]: row for row in _found(step)}
        return [_finding(kind, found.get(kind)) for kind in CHECKS]

    def plot(step: Step) -> str:
        metrics = _metrics(step)
        rows = [row for row in _found(step) if row["type"] in ("lead_generation_drop", "engagement_drop")]
        marked = [
            n for n, day in enumerate(metrics["day"]) if any(r["window_start"] <= day <= r["window_end"] for r in rows)
        ]
        return columns([int(n) for n in metrics["new_leads"]], "New leads by day; days of a drop in red", marked)

    return output_asset(
        env,
        Output(
            contract=ANOMALIES,
            description="What is out of the ordinary, in numbers, and what to do. Each type is a check here.",
            deps=[DAILY_METRICS.table, LEAD_ACTIVITY.table, RAW_LEADS.table, RAW_EVENTS.table, RAW_REFERRALS.table],
            produce=produce,
            recompute=recompute,
            recomputed_text="Whether the fraud rate is high, from the raw referrals alone.",
            task=TASK,
            report=lambda step: anomaly_report(ANOMALIES.to_frame(step.session.query("select * from staged"))),
            plot=plot,
            checks=CHECKS,
            findings=findings,
            kinds=frozenset({"parquet", "pandas"}),
        ),
    )


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
