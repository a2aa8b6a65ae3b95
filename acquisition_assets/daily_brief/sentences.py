"""Makes the sentences of "What to know" from the numbers, by rules, the most important first.

The words are left to the catalogues in words/.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from acquisition_assets.anomalies.contract import ENGAGEMENT_DROP, HIGH_FRAUD_RATE, SEVERITIES, UNUSUAL_BEHAVIOR
from acquisition_assets.daily_brief.facts import Facts, Row
from acquisition_assets.daily_brief.headline import change
from acquisition_assets.daily_brief.model import Headline, Number, Sentence, Unit
from acquisition_assets.daily_brief.policy import BriefPolicy

UNITS: dict[str, Unit] = {ENGAGEMENT_DROP: "percent", HIGH_FRAUD_RATE: "percent", UNUSUAL_BEHAVIOR: "count"}


def what_to_know(facts: Facts, headlines: Sequence[Headline], policy: BriefPolicy) -> list[Sentence]:
    """Return at most the policy's number of sentences; a day without any says that it is quiet.

    Anomalies come first, then missing outputs, late data, what ended, and the largest move.

    Args:
        facts: The tables of the lake.
        headlines: The headline numbers of the day.
        policy: How many sentences, and which moves count.
    """
    found = [
        *_present(facts),
        *_missing(facts),
        *_late(facts),
        *_ended(facts),
        *_largest_move(headlines, policy),
    ]
    if found:
        return found[: policy.sentences]
    if facts.first_lead_date is None:
        return [Sentence("empty")]
    return [Sentence("quiet", tone="good")]


def _present(facts: Facts) -> list[Sentence]:
    """Return a sentence per anomaly of the day: it began, or has lasted so many days."""
    return [_anomaly(facts, row) for row in _sorted(facts.anomalies.get(facts.day, ()))]


def _anomaly(facts: Facts, row: Row) -> Sentence:
    kind = str(row["type"])
    days, is_begin_known = _days_of(facts, kind)
    unit = UNITS.get(kind, "decimal")
    values: dict[str, Number | dt.date | str] = {"observed": Number(row["observed"], "anomaly", unit)}
    if row["baseline"] is not None:
        values["baseline"] = Number(row["baseline"], "anomaly", unit)
    state = "goes_on" if days > 1 else "began" if is_begin_known else "seen"
    if days > 1:
        values["days"] = Number(days, "anomaly")
    return Sentence(f"{kind}.{state}", values, "bad" if SEVERITIES[kind] == "high" else "warn")


def _days_of(facts: Facts, kind: str) -> tuple[int, bool]:
    """Return on how many days in a row the anomaly was found, and whether the lake has the day before the first."""
    days = 0
    while True:
        rows = facts.anomalies.get(facts.day - dt.timedelta(days=days))
        if rows is None or all(row["type"] != kind for row in rows):
            return days, rows is not None
        days += 1


def _ended(facts: Facts) -> list[Sentence]:
    """Return a sentence per anomaly of the day before that is over."""
    today = facts.anomalies.get(facts.day)
    if today is None:
        return []
    here = {row["type"] for row in today}
    before = facts.anomalies.get(facts.day - dt.timedelta(days=1), ())
    return [Sentence(f"{row['type']}.ended", {}, "good") for row in _sorted(before) if row["type"] not in here]


def _sorted(rows: Sequence[Row]) -> list[Row]:
    kinds = list(SEVERITIES)
    return sorted(rows, key=lambda row: kinds.index(row["type"]))


def _missing(facts: Facts) -> list[Sentence]:
    if not facts.lacks:
        return []
    number = Number(len(facts.lacks), "missing_outputs")
    return [Sentence("missing_outputs", {"outputs": number, "names": ", ".join(sorted(facts.lacks))}, "bad")]


def _late(facts: Facts) -> list[Sentence]:
    found = []
    for is_late, newest, name in (
        (facts.is_stale_leads, facts.newest_lead_date, "late_leads"),
        (facts.is_stale_events, facts.newest_event_date, "late_events"),
    ):
        if is_late and newest is not None:
            found.append(Sentence(name, {"newest": newest}, "warn"))
    if facts.last_ended < facts.day:
        found.append(Sentence("day_not_over", {"day": facts.last_ended}, "warn"))
    return found


def _largest_move(headlines: Sequence[Headline], policy: BriefPolicy) -> list[Sentence]:
    """Return the number that has changed most against the same weekday of the last week, if it has changed much."""
    moves = []
    for each in headlines:
        now, before = each.value.value, each.week_ago.value
        moved = change(now, before)
        large = each.metric == "open_rate" or max(now or 0, before or 0) >= policy.move_minimum
        if moved is not None and large and abs(moved) >= policy.move_percent:
            moves.append((abs(moved), moved, each))
    if not moves:
        return []
    _, moved, each = max(moves, key=lambda move: move[0])
    values = {"now": each.value, "before": each.week_ago, "change": Number(moved, "move", "signed_percent")}
    return [Sentence(f"move.{each.metric}", values, "plain")]
