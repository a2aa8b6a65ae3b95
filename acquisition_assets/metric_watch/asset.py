"""Builds the asset `metric_watch`: judges the day of every metric by its history, with a plot of each metric.

The judgement is left to `detector`, the history to `features`, and what becomes of a flagged day to `incidents`.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa

from acquisition_assets.core.days import day_of
from acquisition_assets.core.env import Env
from acquisition_assets.core.masking import sanitize
from acquisition_assets.core.numbers import round_half_up
from acquisition_assets.core.output import Output, output_asset
from acquisition_assets.core.plots import band
from acquisition_assets.core.step import Comparison, Finding, Step
from acquisition_assets.features.contract import METRIC_HISTORY
from acquisition_assets.metric_watch.contract import FLAGGED, METRIC_WATCH, NO_DATA, STATES
from acquisition_assets.metric_watch.detector import watch
from acquisition_assets.metric_watch.policy import WatchPolicy
from acquisition_assets.metric_watch.special_days import special_days
from acquisition_assets.raw.contract import SOURCE_STATE

AS_EXPECTED = "as_expected"
CHECKS = {AS_EXPECTED: "No metric is flagged as a drop, a spike or a slow decline (else WARN)."}


def build(env: Env, policy: WatchPolicy) -> list[dg.AssetsDefinition]:
    """Return the asset of the watch."""
    output = Output(
        contract=METRIC_WATCH,
        description="Whether each metric of the day is as its own past lets expect, and what was expected.",
        policy=policy,
        deps=[METRIC_HISTORY.table, SOURCE_STATE.table],
        produce=produce,
        recompute=recompute,
        recomputed_text="The metrics, those without data, and what was seen on the day, from metric_history alone.",
        checks=CHECKS,
        findings=findings,
        details=details,
        kinds=frozenset({"parquet", "pandas"}),
    )
    return [output_asset(env, output)]


def produce(step: Step, policy: WatchPolicy) -> None:
    """Stage the judgement of the day, and keep the bands of the days before it for the plots."""
    step.bind(METRIC_HISTORY)
    step.bind(SOURCE_STATE)
    day = last_ended(step)
    first = day - dt.timedelta(days=policy.plotted_days - 1)
    special = special_days(policy.holidays, day - dt.timedelta(days=policy.history_days + policy.plotted_days), day)
    watched = watch(_history(step, day), first, day, policy, special)
    step.session.bind_arrow("watched_days", METRIC_WATCH.to_arrow(watched))
    of_day = watched[watched["day"] == day].reset_index(drop=True)
    step.write_table(METRIC_WATCH.to_arrow(of_day))
    step.session.bind_arrow("judged_day", pa.table({"day": pa.array([day], pa.date32())}))


def recompute(step: Step, policy: WatchPolicy) -> Comparison:
    """Compare the metrics and what was seen of them with metric_history."""
    return step.compare()


def findings(step: Step, policy: WatchPolicy) -> Sequence[Finding]:
    """Warn of each metric that is flagged."""
    rows = step.query("metric_watch/flagged").to_pylist()
    said = "; ".join(_said(row) for row in rows)
    numbers = {"flagged": len(rows)}
    return [Finding(AS_EXPECTED, not rows, said or CHECKS[AS_EXPECTED].removesuffix(" (else WARN)."), metadata=numbers)]


def details(step: Step, policy: WatchPolicy) -> Mapping[str, Any]:
    """Return how many metrics are in each state, and a plot of each metric."""
    counted = {row["state"]: row["metrics"] for row in step.query("metric_watch/states").to_pylist()}
    return {
        "judged_day": last_ended(step).isoformat(),
        **{state: counted.get(state, 0) for state in STATES},
        **_plots(step),
    }


def last_ended(step: Step) -> dt.date:
    """Return the step's day, or the last day that had ended when the source was read, if that is earlier."""
    (state,) = step.session.query("select read_at from source_state").to_pylist()
    return min(step.day, day_of(state["read_at"], step.env.tz) - dt.timedelta(days=1))


def _history(step: Step, day: dt.date) -> pd.DataFrame:
    """Return the history up to a day that has ended."""
    columns = ", ".join(METRIC_HISTORY.columns)
    frame = METRIC_HISTORY.to_frame(step.session.query(f"select {columns} from metric_history"))
    past: pd.DataFrame = frame[frame["day"] <= day]
    return past


def _plots(step: Step) -> dict[str, Any]:
    """Return a plot of each series: what was seen each day, its expected range, and the flagged days."""
    columns = ", ".join(("metric", "channel", "day_observed", "day_low", "day_high", "state"))
    rows = step.session.query(f"select {columns} from watched_days order by metric, channel nulls first, day")
    series: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
    for row in rows.to_pylist():
        series.setdefault((row["metric"], row["channel"]), []).append(row)
    plots = {}
    for (metric, channel), days in series.items():
        if all(row["state"] == NO_DATA for row in days):
            continue
        name = sanitize(metric if channel is None else f"{metric} {channel}")
        seen = [row["day_observed"] for row in days]
        ranges = [None if row["day_low"] is None else (row["day_low"], row["day_high"]) for row in days]
        marked = [place for place, row in enumerate(days) if row["state"] in FLAGGED]
        plots[f"plot_{name}"] = dg.MetadataValue.md(band(seen, ranges, f"{name}, {len(days)} days", marked))
    return plots


def _said(row: Mapping[str, Any]) -> str:
    name = row["metric"] if row["channel"] is None else f"{row['metric']} of {row['channel']}"
    seen, expected = (f"{round_half_up(row[column], 3):g}" for column in ("observed", "expected"))
    return f"{name}: {row['state']}, {seen} seen, {expected} expected ({row['change']:+.0%})"
