"""Reads from the lake what incidents are computed from: the judged metrics, anomalies, and what is known of the source.

What becomes of these facts is left to `lifecycle`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from acquisition_assets.anomalies.contract import ANOMALIES
from acquisition_assets.core.contracts import Contract
from acquisition_assets.core.days import day_of, days_between
from acquisition_assets.core.step import Step
from acquisition_assets.features.contract import DELIVERIES_SENT, METRIC_HISTORY, NEW_LEADS
from acquisition_assets.incidents import metrics
from acquisition_assets.incidents.contract import ACKNOWLEDGEMENTS, HIGH, INCIDENTS, MEDIUM
from acquisition_assets.incidents.lifecycle import Facts
from acquisition_assets.incidents.policy import IncidentPolicy
from acquisition_assets.metric_watch.contract import METRIC_WATCH
from acquisition_assets.raw.contract import QUARANTINE, SOURCE_STATE
from acquisition_assets.raw.policy import FreshnessPolicy

ANOMALY_COLUMNS = ("type", "severity", "observed", "baseline", "change", "affected_leads")
FRESHNESS_COLUMNS = ("day", "table", "severity", "days_old", "limit_days")
QUARANTINE_COLUMNS = ("day", "table", "severity", "rows")
NEWEST_OF = {metrics.LEADS: NEW_LEADS, metrics.EVENTS: DELIVERIES_SENT}
"""The metric whose last day with data is the newest day of a table."""


@dataclass(frozen=True)
class Limits:
    """The parts of the policy that say which facts count."""

    incidents: IncidentPolicy
    freshness: FreshnessPolicy


def read_facts(step: Step, first: dt.date, limits: Limits) -> Facts:
    """Bind and read the partitions of the days from first to the step's day, and the incidents of the day before first.

    A day that had not ended when it was read, as on a refresh, is not among the days.
    """
    wanted = days_between(first, step.day)
    watched = set(step.bind(METRIC_WATCH, wanted))
    step.bind(ANOMALIES, wanted)
    step.bind(SOURCE_STATE, wanted)
    step.bind(QUARANTINE, wanted)
    step.bind_history(ACKNOWLEDGEMENTS)
    states = [row for row in step.query("incidents/states").to_pylist() if row["date"] in watched]
    days = [row["date"] for row in states if day_of(row["read_at"], step.env.tz) > row["date"]]
    has_earlier = bool(step.bind(INCIDENTS, [first - dt.timedelta(days=1)], name="earlier_incidents"))
    anomalies = step.session.query(f"select date as day, {', '.join(ANOMALY_COLUMNS)} from anomalies").to_pandas()
    return Facts(
        days=days,
        watched=_of_days(_frame(step, METRIC_WATCH, "metric_watch where day = date"), days),
        anomalies=_of_days(anomalies, days),
        freshness=_freshness(step, [row for row in states if row["date"] in set(days)], limits.freshness),
        quarantine=_of_days(_quarantine(step, limits.incidents), days),
        acknowledgements=_frame(step, ACKNOWLEDGEMENTS, ACKNOWLEDGEMENTS.table),
        earlier=_frame(step, INCIDENTS, "earlier_incidents") if has_earlier else None,
    )


def _frame(step: Step, contract: Contract, relation: str) -> pd.DataFrame:
    found: pd.DataFrame = contract.to_frame(step.session.query(f"select {', '.join(contract.columns)} from {relation}"))
    return found


def _of_days(frame: pd.DataFrame, days: list[dt.date]) -> pd.DataFrame:
    found: pd.DataFrame = frame[frame["day"].isin(days)].reset_index(drop=True)
    return found


def _freshness(step: Step, states: list[dict[str, Any]], policy: FreshnessPolicy) -> pd.DataFrame:
    """Return a row per day and table that was not fresh, with the days since its newest row."""
    stale = [(row["date"], table) for row in states for table in NEWEST_OF if row[f"is_stale_{table}"]]
    newest: Mapping[tuple[dt.date, str], dt.date] = {}
    if stale:
        step.bind(METRIC_HISTORY, sorted({day for day, _ in stale}), name="stale_history")
        rows = step.query("incidents/newest_days").to_pylist()
        newest = {(row["date"], row["metric"]): row["newest"] for row in rows}
    found = []
    for day, table in stale:
        last = newest.get((day, NEWEST_OF[table]))
        age = None if last is None else (day - last).days
        severity = HIGH if age is None or age > policy.error_days else MEDIUM
        found.append((day, table, severity, age, policy.warn_days))
    frame: pd.DataFrame = pd.DataFrame(found, columns=list(FRESHNESS_COLUMNS))
    return frame


def _quarantine(step: Step, policy: IncidentPolicy) -> pd.DataFrame:
    """Return a row per day and table with many bad rows."""
    rows = step.query("incidents/bad_rows", {"quarantine_rows": policy.quarantine_rows}).to_pylist()
    found = [(row["date"], row["source_table"], MEDIUM, row["bad_rows"]) for row in rows]
    frame: pd.DataFrame = pd.DataFrame(found, columns=list(QUARANTINE_COLUMNS))
    return frame
