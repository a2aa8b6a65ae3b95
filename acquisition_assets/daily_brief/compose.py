"""Composes the brief of a day from the rows of the lake: a value per section, or what is missing for it.

The rows are left to `facts`, and the page to `page`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from acquisition_assets.channel_performance.contract import CHANNEL_PERFORMANCE, leading
from acquisition_assets.content_recommendations.contract import CONTENT_RECOMMENDATIONS
from acquisition_assets.core.days import end_of_day, last_days
from acquisition_assets.core.masking import sanitize
from acquisition_assets.core.numbers import round_half_up
from acquisition_assets.core.policy import Locale
from acquisition_assets.daily_brief.facts import PEOPLE, Facts, Row
from acquisition_assets.daily_brief.headline import headlines, percent, weeks
from acquisition_assets.daily_brief.model import (
    Absent,
    Brief,
    Channel,
    Channels,
    Health,
    How,
    Item,
    Line,
    Missing,
    Number,
    Quarantined,
    Rate,
    Recommended,
    Rows,
    Segment,
    Sentence,
)
from acquisition_assets.daily_brief.people import people
from acquisition_assets.daily_brief.policy import BriefPolicy
from acquisition_assets.daily_brief.sentences import what_to_know
from acquisition_assets.features.contract import DAILY_METRICS
from acquisition_assets.lead_segments.contract import LEAD_SEGMENTS, SEGMENT_CHANGES

LEVEL, PERIOD = "channel", "long"
HOUR_SECONDS = 3600
DATES_SHOWN = 5


@dataclass(frozen=True)
class Rules:
    """What a brief needs of the policy.

    open_days: days after which the openings of a day's deliveries are complete.
    likely_above: points above which a lead is likely to convert.
    segments: description of each segment, in the policy's order.
    outputs: the tables of a complete day.
    """

    brief: BriefPolicy
    locale: Locale
    open_days: int
    likely_above: float
    segments: Mapping[str, str]
    outputs: Sequence[str]


def compose(facts: Facts, rules: Rules, tz: ZoneInfo, *, with_week: bool = False) -> Brief:
    """Return the brief of a day.

    Args:
        facts: The tables of the lake.
        rules: What the policy says.
        tz: The time zone of the business days.
        with_week: Whether seven days are compared with the seven before on any weekday.
    """
    policy, day = rules.brief, facts.day
    numbers = headlines(facts, policy.line_days, rules.open_days)
    has_week = with_week or day.isoweekday() == policy.week_on
    no_metrics = _missing(facts, DAILY_METRICS.table)
    today = facts.anomalies.get(day)
    return Brief(
        day=day,
        know=what_to_know(facts, numbers, policy),
        headline=no_metrics or numbers,
        week=(no_metrics or weeks(facts, rules.open_days)) if has_week else None,
        people=_missing(facts, *(contract.table for contract in PEOPLE)) or people(facts.people, policy),
        channels=_missing(facts, CHANNEL_PERFORMANCE.table) or _channels(facts.channels, policy),
        segments=_missing(facts, LEAD_SEGMENTS.table, SEGMENT_CHANGES.table) or _segments(facts, rules),
        recommended=_missing(facts, CONTENT_RECOMMENDATIONS.table) or _recommended(facts, policy),
        health=_health(facts, policy, end_of_day(day, tz)),
        anomalies=None if today is None else len(today),
    )


def _missing(facts: Facts, *tables: str) -> Missing | None:
    absent = [Absent(table, facts.lacks[table]) for table in tables if table in facts.lacks]
    return Missing(absent) if absent else None


def _channels(rows: Sequence[Row], policy: BriefPolicy) -> Channels:
    chosen = [row for row in rows if (row["level"], row["period"]) == (LEVEL, PERIOD)]
    engaged = [row for row in chosen if row["metric"] == "engaged"]
    converted = {row["channel"]: row for row in chosen if row["metric"] == "converted"}
    engaged.sort(key=lambda row: (-row["leads"], row["channel"]))
    shown = [
        Channel(
            sanitize(row["channel"]),
            Number(row["leads"], "channel_leads"),
            _rate(row),
            _rate(converted[row["channel"]]) if row["channel"] in converted else None,
        )
        for row in engaged[: policy.channels]
    ]
    bounds = [rate.high.value or 0 for each in shown for rate in (each.engaged, each.converted) if rate is not None]
    sentences = [_leading("engaged", engaged), _leading("converted", list(converted.values()))]
    others = Number(max(0, len(engaged) - policy.channels), "channel_leads")
    return Channels(sentences, shown, max([1.0, *bounds]), others)


def _rate(row: Row) -> Rate:
    how: How = "engaged_rate" if row["metric"] == "engaged" else "converted_rate"
    value, low, high = (Number(row[name], how, "percent") for name in ("rate", "rate_low", "rate_high"))
    return Rate(value, low, high)


def _leading(metric: str, rows: Sequence[Row]) -> Sentence:
    """Return which channel leads, clearly or not, as the published verdicts say."""
    found = leading(rows)
    if found is None:
        return Sentence(f"{metric}.nobody")
    channel = sanitize(found.row["channel"])
    values: dict[str, Number | dt.date | str] = {"channel": channel, "rate": _rate(found.row).value}
    return Sentence(f"{metric}.{'clearly' if found.is_clear else 'not_clearly'}", values)


def _segments(facts: Facts, rules: Rules) -> list[Segment]:
    days = last_days(facts.day, rules.brief.line_days)
    found = []
    for name, description in list(rules.segments.items())[: rules.brief.segments]:
        moves = facts.moves.get(name, {"entered": 0, "departed": 0})
        values = [facts.segments[day].get(name, 0) if day in facts.segments else None for day in days]
        found.append(
            Segment(
                name,
                description,
                Number(values[-1], "segment"),
                Number(moves["entered"], "segment_moves"),
                Number(moves["departed"], "segment_moves"),
                Line(days, values),
            )
        )
    return found


def _recommended(facts: Facts, policy: BriefPolicy) -> Recommended | None:
    if facts.recommended_on is None:
        return None
    leads, completed = (sum(row[name] for row in facts.recommended) for name in ("leads", "completed"))
    sentence = Sentence(
        "recommended",
        {
            "day": facts.recommended_on,
            "leads": Number(leads, "recommended"),
            "completed": Number(completed, "completed"),
            "share": Number(percent(completed, leads), "completed", "percent"),
        },
    )
    rows = [
        Item(
            sanitize(row["title"]),
            sanitize(row["content_type"]),
            Number(row["leads"], "recommended"),
            Number(row["completed"], "completed"),
            Number(percent(row["completed"], row["leads"]), "completed", "percent"),
        )
        for row in facts.recommended[: policy.items]
    ]
    return Recommended(sentence, rows)


def _health(facts: Facts, policy: BriefPolicy, end: dt.datetime) -> Health:
    bad: dict[str, int] = {}
    reasons: dict[str, tuple[int, str]] = {}
    for row in facts.quarantine:
        bad[row["source_table"]] = bad.get(row["source_table"], 0) + row["quarantined_rows"]
        number, detail = reasons.get(row["reason"], (0, sanitize(f"{row['source_table']}: {row['detail']}")))
        reasons[row["reason"]] = (number + row["quarantined_rows"], detail)
    ordered = sorted(reasons.items(), key=lambda each: (-each[1][0], each[0]))[: policy.quarantine_reasons]
    return Health(
        rows=[
            Rows(name, Number(accepted, "rows"), Number(bad.get(name, 0), "quarantined"))
            for name, accepted in facts.accepted.items()
        ],
        reasons=[Quarantined(name, Number(number, "quarantined"), detail) for name, (number, detail) in ordered],
        newest_lead=_age(facts.newest_lead_at, end),
        newest_event=_age(facts.newest_event_at, end),
        missing_days=Number(len(facts.missing_days), "missing_days"),
        first_missing=facts.missing_days[:DATES_SHOWN],
        absent=[Absent(table, reason) for table, reason in facts.lacks.items()],
    )


def _age(newest: dt.datetime | None, end: dt.datetime) -> Number:
    """Return the hours from the newest row to the end of the day."""
    hours = None if newest is None else round_half_up((end - newest).total_seconds() / HOUR_SECONDS, 1)
    return Number(hours, "age", "hours")
