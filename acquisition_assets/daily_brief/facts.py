"""Reads what a brief needs from the tables of the lake, as plain rows; nothing of later days is read.

What the rows say is left to `compose`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from acquisition_assets.anomalies.contract import ANOMALIES
from acquisition_assets.behavior_predictions.contract import BEHAVIOR_PREDICTIONS
from acquisition_assets.channel_performance.contract import CHANNEL_PERFORMANCE
from acquisition_assets.content_recommendations.contract import CONTENT_RECOMMENDATIONS
from acquisition_assets.core.contracts import Contract
from acquisition_assets.core.days import day_of, last_days
from acquisition_assets.core.errors import LakeError
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.masking import sanitize
from acquisition_assets.core.step import Step
from acquisition_assets.daily_brief.policy import BriefPolicy
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features.contract import DAILY_METRICS, LEAD_ACTIVITY
from acquisition_assets.features.resolve import bind_resolved
from acquisition_assets.lead_segments.contract import LEAD_SEGMENTS, SEGMENT_CHANGES
from acquisition_assets.raw.contract import QUARANTINE, RAW, RAW_ALIASES, RAW_EVENTS, RAW_LEADS, SOURCE_STATE

FAILED_STEPS = "failed_steps"
"""Name of the report in which a run leaves the reasons of its failed steps."""
PEOPLE = (SEGMENT_CHANGES, DYNAMIC_SCORES, LEAD_ACTIVITY, BEHAVIOR_PREDICTIONS, CONTENT_RECOMMENDATIONS)

Row = Mapping[str, Any]
Sizes = Mapping[dt.date, Mapping[str, int]]


@dataclass(frozen=True)
class Facts:
    """What the lake holds for the brief of a day. A table that it lacks on the day has no rows.

    lacks: the outputs that the lake lacks on the day, with the reason that a run has recorded, or None.
    last_ended: the day, or the last one that had ended when the source was read.
    metrics: rows of daily_metrics by business day.
    likely, segments, anomalies: by day of the lake, for each of the line's days that it has.
    moves: of each segment, who entered and left.
    recommended_on: the earlier day whose recommendations are followed up; None where the lake has none.
    accepted: rows of each input table.
    """

    day: dt.date
    lacks: Mapping[str, str | None]
    last_ended: dt.date
    is_stale_leads: bool = False
    is_stale_events: bool = False
    first_lead_date: dt.date | None = None
    newest_lead_at: dt.datetime | None = None
    newest_lead_date: dt.date | None = None
    newest_event_at: dt.datetime | None = None
    newest_event_date: dt.date | None = None
    metrics: Mapping[dt.date, Row] = field(default_factory=dict)
    likely: Mapping[dt.date, int] = field(default_factory=dict)
    anomalies: Mapping[dt.date, Sequence[Row]] = field(default_factory=dict)
    segments: Sizes = field(default_factory=dict)
    moves: Mapping[str, Row] = field(default_factory=dict)
    people: Sequence[Row] = ()
    channels: Sequence[Row] = ()
    recommended_on: dt.date | None = None
    recommended: Sequence[Row] = ()
    accepted: Mapping[str, int] = field(default_factory=dict)
    quarantine: Sequence[Row] = ()
    missing_days: Sequence[dt.date] = ()


def write_reasons(lake: Lake, day: dt.date, reasons: Mapping[str, str]) -> None:
    """Leave in the lake why steps of a day failed, for the sections of the brief that lack their tables."""
    shown = {step: sanitize(reason) for step, reason in sorted(reasons.items())}
    lake.publish_report(json.dumps(shown, indent=2, ensure_ascii=False) + "\n", day, FAILED_STEPS)


def read_facts(step: Step, policy: BriefPolicy, outputs: Sequence[str]) -> Facts:
    """Return what the lake holds for the brief of the step's day.

    Args:
        step: The step of the brief.
        policy: How far back the lines go, and how many leads are looked at.
        outputs: The tables of a complete day.
    """
    lake, day = step.env.lake, step.day
    days = last_days(day, policy.line_days)
    followed = _followed_day(lake, day, policy)
    return Facts(
        day=day,
        lacks=_lacks(lake, day, outputs),
        **_state(step),
        **_newest(step, days),
        metrics={row["day"]: row for row in _all_rows(step, DAILY_METRICS)},
        likely=_likely(step, days),
        anomalies=_anomalies(step, days),
        segments=_segments(step, days),
        moves=_moves(step),
        people=_people(step, policy),
        channels=_all_rows(step, CHANNEL_PERFORMANCE),
        recommended_on=followed,
        recommended=_recommended(step, followed),
        accepted={
            name: lake.row_count(contract.table, day) for name, contract in RAW.items() if lake.has(contract.table, day)
        },
        quarantine=_quarantine(step),
        missing_days=_missing_days(lake, days),
    )


def _lacks(lake: Lake, day: dt.date, outputs: Sequence[str]) -> dict[str, str | None]:
    """Return the missing outputs with their reasons; one that was skipped has those of the steps that failed."""
    missing = [table for table in outputs if not lake.has(table, day)]
    if not missing:
        return {}
    try:
        reasons: dict[str, str] = json.loads(lake.read_report(day, FAILED_STEPS))
    except (LakeError, ValueError):
        reasons = {}
    failed = "; ".join(f"{step}: {reason}" for step, reason in reasons.items()) or None
    return {table: reasons.get(table, failed) for table in missing}


def _state(step: Step) -> dict[str, Any]:
    rows = _all_rows(step, SOURCE_STATE)
    if not rows:
        return {"last_ended": step.day}
    ended = day_of(rows[0]["read_at"], step.env.tz) - dt.timedelta(days=1)
    stale = {name: rows[0][name] for name in ("is_stale_leads", "is_stale_events")}
    return {"last_ended": min(step.day, ended), **stale}


def _newest(step: Step, days: Sequence[dt.date]) -> dict[str, Any]:
    step.bind(RAW_LEADS, [step.day])
    step.bind(RAW_EVENTS, days, "line_events")
    return step.row("daily_brief/newest")


def _likely(step: Step, days: Sequence[dt.date]) -> dict[dt.date, int]:
    have = step.bind(BEHAVIOR_PREDICTIONS, days)
    counted = {row["date"]: row["leads"] for row in step.query("daily_brief/likely").to_pylist()}
    return {day: counted.get(day, 0) for day in have}


def _anomalies(step: Step, days: Sequence[dt.date]) -> dict[dt.date, list[Row]]:
    have = step.bind(ANOMALIES, days)
    found: dict[dt.date, list[Row]] = {day: [] for day in have}
    for row in step.session.query("select * from anomalies order by date, type").to_pylist():
        found[row["date"]].append(row)
    return found


def _segments(step: Step, days: Sequence[dt.date]) -> dict[dt.date, dict[str, int]]:
    have = step.bind(LEAD_SEGMENTS, days)
    found: dict[dt.date, dict[str, int]] = {day: {} for day in have}
    for row in step.query("daily_brief/segment_sizes").to_pylist():
        found[row["date"]][row["segment"]] = row["leads"]
    return found


def _moves(step: Step) -> dict[str, Row]:
    step.bind(SEGMENT_CHANGES, [step.day])
    return {row["segment"]: row for row in step.query("daily_brief/segment_moves").to_pylist()}


def _people(step: Step, policy: BriefPolicy) -> list[Row]:
    for contract in PEOPLE:
        step.bind(contract, [step.day], f"day_{contract.table}")
    rows: list[Row] = step.query("daily_brief/people", policy.parameters()).to_pylist()
    return rows


def _followed_day(lake: Lake, day: dt.date, policy: BriefPolicy) -> dt.date | None:
    """Return the earliest of the days before the brief's that has recommendations."""
    first = day - dt.timedelta(days=policy.recommended_days)
    return next((each for each in lake.days(CONTENT_RECOMMENDATIONS.table) if first <= each < day), None)


def _recommended(step: Step, followed: dt.date | None) -> list[Row]:
    if followed is None or not step.env.lake.has(RAW_ALIASES.table, step.day):
        return []
    step.bind(CONTENT_RECOMMENDATIONS, [followed])
    bind_resolved(step, RAW_EVENTS)
    rows: list[Row] = step.query("daily_brief/recommended", {"followed": followed}).to_pylist()
    return rows


def _quarantine(step: Step) -> list[Row]:
    step.bind(QUARANTINE, [step.day])
    rows: list[Row] = step.query("daily_brief/quarantine").to_pylist()
    return rows


def _missing_days(lake: Lake, days: Sequence[dt.date]) -> list[dt.date]:
    """Return the days of the line without lead_activity, from the lake's first day on."""
    have = lake.days(LEAD_ACTIVITY.table)
    return [day for day in days if have and day >= have[0] and day not in set(have)]


def _all_rows(step: Step, contract: Contract) -> list[Row]:
    step.bind(contract, [step.day])
    rows: list[Row] = step.session.query(f"select * from {contract.table}").to_pylist()
    return rows
