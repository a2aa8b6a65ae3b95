"""Follows incidents from day to day: opens, continues, explains and ends them, and says which alerts each day brings.

Leaves the judgement of metrics to `metric_watch` and `anomalies`, the words to `messages`, and sending to automation.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa

from acquisition_assets.anomalies.contract import (
    ENGAGEMENT_DROP,
    HIGH_FRAUD_RATE,
    LEAD_GENERATION_DROP,
    UNUSUAL_BEHAVIOR,
)
from acquisition_assets.core.days import days_between
from acquisition_assets.core.numbers import round_half_up
from acquisition_assets.core.policy import Locale
from acquisition_assets.incidents import messages, metrics
from acquisition_assets.incidents.contract import (
    HIGH,
    INCIDENTS,
    MEDIUM,
    OPEN,
    OPENED,
    QUARANTINE,
    REPEATED,
    RESOLVED,
    STALE_DATA,
    WORSE,
)
from acquisition_assets.incidents.messages import Described
from acquisition_assets.incidents.policy import IncidentPolicy
from acquisition_assets.metric_watch.contract import DROP, NO_DATA, NOT_ENOUGH_DATA, SLOW_DECLINE, SPIKE

ALL_CHANNELS = "all"
PERCENT = 100.0
CHANGE_DECIMALS = 4
VALUE_DECIMALS = 2


class Key(NamedTuple):
    """What is the same from day to day: a metric (or table), a channel (None: all), and what happens to it."""

    metric: str
    channel: str | None
    direction: str


RULES: Mapping[str, Key] = {
    LEAD_GENERATION_DROP: Key(metrics.ALL_LEADS, None, DROP),
    ENGAGEMENT_DROP: Key(metrics.OPEN_RATE, None, DROP),
    HIGH_FRAUD_RATE: Key(metrics.FRAUD_RATE, None, SPIKE),
    UNUSUAL_BEHAVIOR: Key(metrics.UNUSUAL_BEHAVIOR, None, SPIKE),
}
"""The incident that each rule of the document is a sign of."""
KINDS = {key: kind for kind, key in RULES.items() if kind != HIGH_FRAUD_RATE}
"""The types that also name a change seen by the watch alone. A fraud rate is high only by the limit of its rule."""


@dataclass(frozen=True)
class Facts:
    """What the lake knows of the days up to the day; every frame may have no rows.

    days: the days that were computed; a day that was not changes nothing.
    watched: rows of `metric_watch`. anomalies: rows of `anomalies` with their `day`.
    freshness: one row per `day` and input `table` that was not fresh: `severity` (high, medium), `days_old`,
    `limit_days`. quarantine: one row per `day` and input `table` with too many bad rows: `severity`, `rows`.
    acknowledgements: rows of `acknowledgements`.
    earlier: rows of `incidents` of the day before the first one; those that are open go on.
    """

    days: Collection[dt.date]
    watched: pd.DataFrame
    anomalies: pd.DataFrame
    freshness: pd.DataFrame
    quarantine: pd.DataFrame
    acknowledgements: pd.DataFrame
    earlier: pd.DataFrame | None = None


@dataclass(frozen=True)
class Notice:
    """One alert about one incident that a day brings. event: opened, worse, repeated or resolved."""

    day: dt.date
    incident: str
    event: str
    kind: str
    severity: str
    title: str
    message: str
    recommendation: str


@dataclass(frozen=True)
class _Sign:
    """An incident seen on a day, in the units of the table `incidents`."""

    kind: str
    severity: str
    change: float | None = None
    observed: float | None = None
    expected: float | None = None
    affected_leads: int | None = None


@dataclass(frozen=True)
class _Incident:
    key: Key
    opened_on: dt.date
    last_seen_on: dt.date
    severity: str
    sign: _Sign
    worst_change: float | None
    resolved_on: dt.date | None = None
    quiet_days: int = 0
    parent: str | None = None
    acknowledged_until: dt.date | None = None
    alerted_on: dt.date | None = None
    alerted_change: float | None = None
    alerted_severity: str | None = None

    @property
    def id(self) -> str:
        """The same on every day, and after every computation that begins with the same day."""
        metric, channel, direction = self.key
        return f"{metric}:{channel or ALL_CHANNELS}:{direction}:{self.opened_on.isoformat()}"

    @property
    def is_open(self) -> bool:
        """Whether it goes on."""
        return self.resolved_on is None

    def described(self, day: dt.date) -> Described:
        """Return what its words are made of on a day."""
        sign, until = self.sign, day if self.is_open else self.last_seen_on
        return Described(
            metric=self.key.metric,
            channel=self.key.channel,
            direction=self.key.direction,
            kind=sign.kind,
            change=sign.change,
            worst_change=self.worst_change,
            observed=sign.observed,
            expected=sign.expected,
            days=(until - self.opened_on).days + 1,
            opened_on=self.opened_on,
            last_seen_on=self.last_seen_on,
            is_open=self.is_open,
        )


@dataclass(frozen=True)
class Followed:
    """The incidents as of the last day, and the alerts of each day that was followed, in order."""

    incidents: pd.DataFrame
    notices: list[Notice]

    def notices_of(self, day: dt.date) -> list[Notice]:
        """Return the alerts that one day brings."""
        return [notice for notice in self.notices if notice.day == day]


def first_day(day: dt.date, policy: IncidentPolicy) -> dt.date:
    """Return the first day of the window that incidents of a day are computed from."""
    return day - dt.timedelta(days=policy.window_days - 1)


def follow(facts: Facts, first: dt.date, last: dt.date, policy: IncidentPolicy, locale: Locale) -> Followed:
    """Return the incidents as of the last day, and the alerts of the days from first to last.

    Args:
        facts: of the days from first to last; what is dated after them changes nothing.
        first: `first_day` of the last day, or earlier.
        last: the day.
        policy: the life of an incident.
        locale: the language of titles, messages and recommendations.
    """
    signs, calm = _signs(facts, policy), _calm(facts)
    computed = set(facts.days)
    acknowledged = _acknowledged(facts.acknowledgements)
    current = {incident.key: incident for incident in _reopened(facts.earlier)}
    ended: list[_Incident] = []
    notices: list[Notice] = []
    for day in days_between(first, last):
        if day not in computed:
            continue
        seen = signs.get(day, {})
        for key in {*current, *seen}:
            current[key] = _next(current.get(key), key, day, seen.get(key), calm.get((day, key)), policy)
        stale = {key.metric: each for key, each in current.items() if key.direction == STALE_DATA and each.is_open}
        for key, incident in list(current.items()):
            parent = _parent(incident, current, stale)
            incident = replace(
                incident,
                parent=parent or incident.parent,
                acknowledged_until=_until(acknowledged.get(incident.id, []), day),
            )
            event = _event(incident, day, parent is not None, policy)
            if event is not None:
                notices.append(_notice(incident, day, event, locale))
                incident = replace(
                    incident,
                    alerted_on=day,
                    alerted_change=incident.worst_change,
                    alerted_severity=incident.severity,
                )
            current[key] = incident
        ended += [incident for incident in current.values() if not incident.is_open]
        current = {key: incident for key, incident in current.items() if incident.is_open}
    notices.sort(key=lambda notice: (notice.day, notice.severity != HIGH, notice.incident))
    since = first_day(last, policy)
    kept = [each for each in ended if each.resolved_on is not None and each.resolved_on >= since]
    rows = [_row(incident, last, locale) for incident in [*current.values(), *kept]]
    rows.sort(key=lambda row: str(row["id"]))
    return Followed(INCIDENTS.to_frame(pa.Table.from_pylist(rows, schema=INCIDENTS.arrow_schema)), notices)


# -- from day to day ---------------------------------------------------------------------------------------------------


def _next(
    incident: _Incident | None, key: Key, day: dt.date, sign: _Sign | None, is_calm: bool | None, policy: IncidentPolicy
) -> _Incident:
    """Return the incident after a day: opened, seen again, one quiet day nearer to its end, or as it was."""
    if incident is None:
        if sign is None:
            raise ValueError(f"{key} has neither an incident nor a sign of one")
        return _Incident(key, day, day, sign.severity, sign, sign.change)
    if sign is not None:
        return replace(
            incident,
            last_seen_on=day,
            severity=HIGH if HIGH in (incident.severity, sign.severity) else MEDIUM,
            sign=replace(sign, kind=_graver(incident.sign.kind, sign.kind)),
            worst_change=_worse(incident.worst_change, sign.change),
            quiet_days=0,
        )
    if is_calm is None:
        return incident
    quiet = incident.quiet_days + 1 if is_calm else 0
    return replace(incident, quiet_days=quiet, resolved_on=day if quiet >= policy.quiet_days else None)


def _graver(before: str, now: str) -> str:
    """Return the kind of an incident that was of one kind and is now of another: a decline may become a drop."""
    return before if now == SLOW_DECLINE else now


def _worse(before: float | None, now: float | None) -> float | None:
    if before is None or now is None:
        return now if before is None else before
    return max(before, now, key=abs)


def _parent(incident: _Incident, current: Mapping[Key, _Incident], stale: Mapping[str, _Incident]) -> str | None:
    """Return the id of the open incident that explains this one: stale data first, then all channels, then a rate."""
    metric, channel, direction = incident.key
    source = stale.get(metrics.source_of(metric) or "") if direction == DROP else None
    if source is not None:
        return source.id
    keys = [Key(metric, None, direction)] if channel is not None and direction == DROP else []
    if channel is None and direction in (DROP, SPIKE):
        keys += [Key(name, None, direction) for name in metrics.explained_by(metric, is_drop=direction == DROP)]
    found = (current[key] for key in keys if key in current)
    return next((each.id for each in found if each.is_open), None)


def _event(incident: _Incident, day: dt.date, is_child: bool, policy: IncidentPolicy) -> str | None:
    """Return what a day has to say of an incident: its beginning and its end once, and nothing while it is silenced."""
    if is_child or incident.acknowledged_until is not None:
        return None
    if incident.alerted_on is None:
        return OPENED if incident.is_open and incident.last_seen_on == day else None
    if not incident.is_open:
        return RESOLVED
    if incident.last_seen_on == day and _is_worse(incident, policy):
        return WORSE
    days = (day - incident.opened_on).days + 1
    return REPEATED if days % policy.repeat_days == 0 else None


def _is_worse(incident: _Incident, policy: IncidentPolicy) -> bool:
    if incident.severity == HIGH and incident.alerted_severity == MEDIUM:
        return True
    before, now = incident.alerted_change, incident.worst_change
    return before is not None and now is not None and before != 0 and abs(now) >= policy.worse_factor * abs(before)


# -- the signs of a day ------------------------------------------------------------------------------------------------


def _signs(facts: Facts, policy: IncidentPolicy) -> dict[dt.date, dict[Key, _Sign]]:
    """Return what is seen on each day: the watch's rows but for fewer of what is unwanted, and the document's rules."""
    found: dict[dt.date, dict[Key, _Sign]] = {}
    watched = facts.watched[facts.watched["state"].isin((DROP, SPIKE, SLOW_DECLINE))]
    for row in _records(watched):
        if row["state"] != SPIKE and metrics.is_unwanted(row["metric"]):
            continue
        key = Key(row["metric"], row["channel"], SPIKE if row["state"] == SPIKE else DROP)
        found.setdefault(row["day"], {})[key] = _watched_sign(key, row, policy)
    for row in _records(facts.anomalies):
        key = RULES[row["type"]]
        of_day = found.setdefault(row["day"], {})
        of_day[key] = _rule_sign(row, of_day.get(key))
    for row in _records(facts.freshness):
        observed, limit = _number(row["days_old"]), _number(row["limit_days"])
        found.setdefault(row["day"], {})[Key(row["table"], None, STALE_DATA)] = _Sign(
            STALE_DATA, row["severity"], observed=observed, expected=limit
        )
    for row in _records(facts.quarantine):
        found.setdefault(row["day"], {})[Key(row["table"], None, QUARANTINE)] = _Sign(
            QUARANTINE, row["severity"], observed=_number(row["rows"])
        )
    return found


def _watched_sign(key: Key, row: Mapping[str, Any], policy: IncidentPolicy) -> _Sign:
    limit = policy.high_spike_percent if key.direction == SPIKE else policy.high_drop_percent
    unit = PERCENT if metrics.is_rate(key.metric) else 1.0
    change = _number(row["change"])
    is_high = change is not None and abs(change) * PERCENT >= limit
    kind = row["state"] if row["state"] == SLOW_DECLINE else KINDS.get(key, row["state"])
    return _Sign(
        kind,
        HIGH if is_high else MEDIUM,
        change=change,
        observed=_scaled(row["observed"], unit),
        expected=_scaled(row["expected"], unit),
    )


def _rule_sign(row: Mapping[str, Any], watched: _Sign | None) -> _Sign:
    """Return the sign of a rule of the document; where the watch saw the same drop, with the watch's numbers."""
    severity = HIGH if HIGH in (row["severity"], watched.severity if watched else None) else MEDIUM
    if watched is not None and row["type"] in (LEAD_GENERATION_DROP, ENGAGEMENT_DROP):
        return replace(watched, kind=row["type"], severity=severity)
    affected = row["affected_leads"]
    return _Sign(
        row["type"],
        severity,
        change=_number(row["change"]),
        observed=_number(row["observed"]),
        expected=_number(row["baseline"]),
        affected_leads=None if affected is None else int(affected),
    )


def _calm(facts: Facts) -> dict[tuple[dt.date, Key], bool]:
    """Return whether a day is within the expected range; a day that is not judged is not in it."""
    calm: dict[tuple[dt.date, Key], bool] = {}
    judged: set[tuple[dt.date, str, str | None]] = set()
    for row in _records(facts.watched):
        day, metric, channel = row["day"], row["metric"], row["channel"]
        if row["state"] == NOT_ENOUGH_DATA:
            continue
        judged.add((day, metric, channel))
        if row["state"] == NO_DATA:
            continue
        value, low, high = (row[name] for name in ("day_observed", "day_low", "day_high"))
        calm[day, Key(metric, channel, DROP)] = low is None or value >= low
        calm[day, Key(metric, channel, SPIKE)] = high is None or value <= high
    stale = {(row["day"], row["table"]) for row in _records(facts.freshness)}
    tables = {metrics.LEADS, metrics.EVENTS, metrics.REFERRALS}
    tables |= {row["table"] for frame in (facts.freshness, facts.quarantine) for row in _records(frame)}
    for day in facts.days:
        calm |= {(day, Key(table, None, direction)): True for table in tables for direction in (STALE_DATA, QUARANTINE)}
        # A rule whose metric the watch cannot judge is quiet where it does not fire and its table is fresh.
        for key in RULES.values():
            if (day, key.metric, key.channel) not in judged and (day, metrics.source_of(key.metric)) not in stale:
                calm[day, key] = True
    return calm


def _acknowledged(rows: pd.DataFrame) -> dict[str, list[tuple[dt.date, dt.date]]]:
    found: dict[str, list[tuple[dt.date, dt.date]]] = {}
    for row in _records(rows):
        found.setdefault(row["id"], []).append((row["acknowledged_on"], row["until"]))
    return found


def _until(spans: Iterable[tuple[dt.date, dt.date]], day: dt.date) -> dt.date | None:
    """Return the last day of the acknowledgements that hold on a day, None where none does."""
    return max((until for since, until in spans if since <= day <= until), default=None)


# -- rows --------------------------------------------------------------------------------------------------------------


def _reopened(earlier: pd.DataFrame | None) -> list[_Incident]:
    """Return the open incidents of an earlier partition."""
    if earlier is None:
        return []
    found = []
    for row in _records(earlier[earlier["status"] == OPEN]):
        sign = _Sign(
            row["kind"],
            row["severity"],
            change=row["worst_change"],
            observed=row["observed"],
            expected=row["expected"],
            affected_leads=row["affected_leads"],
        )
        found.append(
            _Incident(
                Key(row["metric"], row["channel"], row["direction"]),
                row["opened_on"],
                row["last_seen_on"],
                row["severity"],
                sign,
                row["worst_change"],
                quiet_days=row["quiet_days"],
                parent=row["parent"],
                alerted_on=row["alerted_on"],
                alerted_change=row["alerted_change"],
                alerted_severity=row["alerted_severity"],
            )
        )
    return found


def _notice(incident: _Incident, day: dt.date, event: str, locale: Locale) -> Notice:
    described = incident.described(day)
    return Notice(
        day=day,
        incident=incident.id,
        event=event,
        kind=incident.sign.kind,
        severity=incident.severity,
        title=messages.headline(event, messages.title(described, locale), locale),
        message=messages.message(described, locale),
        recommendation=messages.recommendation(described, locale),
    )


def _row(incident: _Incident, day: dt.date, locale: Locale) -> dict[str, object]:
    described = incident.described(day)
    return {
        "id": incident.id,
        "metric": incident.key.metric,
        "channel": incident.key.channel,
        "direction": incident.key.direction,
        "kind": incident.sign.kind,
        "severity": incident.severity,
        "opened_on": incident.opened_on,
        "last_seen_on": incident.last_seen_on,
        "resolved_on": incident.resolved_on,
        "days": described.days,
        "quiet_days": incident.quiet_days,
        "worst_change": incident.worst_change,
        "observed": incident.sign.observed,
        "expected": incident.sign.expected,
        "affected_leads": incident.sign.affected_leads,
        "status": OPEN if incident.is_open else RESOLVED,
        "parent": incident.parent,
        "acknowledged_until": incident.acknowledged_until,
        "alerted_on": incident.alerted_on,
        "alerted_change": incident.alerted_change,
        "alerted_severity": incident.alerted_severity,
        "title": messages.title(described, locale),
        "message": messages.message(described, locale),
        "recommendation": messages.recommendation(described, locale),
    }


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as plain values, missing ones as None and days as dates."""
    plain = frame.astype(object).where(frame.notna(), None)
    rows: list[dict[str, Any]] = plain.to_dict("records")
    return rows


def _number(value: Any) -> float | None:
    return None if value is None else round_half_up(float(value), CHANGE_DECIMALS)


def _scaled(value: Any, unit: float) -> float | None:
    return None if value is None else round_half_up(float(value) * unit, VALUE_DECIMALS)
