"""Puts incidents into words: titles, messages and recommendations, from the catalogue of the language.

When something is an incident is left to `lifecycle`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from acquisition_assets.anomalies.contract import HIGH_FRAUD_RATE, UNUSUAL_BEHAVIOR
from acquisition_assets.core.numbers import round_half_up
from acquisition_assets.core.policy import Locale
from acquisition_assets.core.words import Words, words_of
from acquisition_assets.incidents.contract import QUARANTINE, STALE_DATA
from acquisition_assets.incidents.metrics import is_rate, source_of
from acquisition_assets.metric_watch.contract import SLOW_DECLINE, SPIKE

ROOM = "incidents"
# A change above this is shown as "almost none expected".
LARGEST_PERCENT = 100_000


@dataclass(frozen=True)
class Described:
    """What an incident's words are made of; the units are those of the table `incidents`."""

    metric: str
    channel: str | None
    direction: str
    kind: str
    change: float | None
    worst_change: float | None
    observed: float | None
    expected: float | None
    days: int
    opened_on: dt.date
    last_seen_on: dt.date
    is_open: bool


def metric_name(metric: str, channel: str | None, locale: Locale) -> str:
    """Return a metric's name as a person says it."""
    words, key = words_of(ROOM, locale), f"metric.{metric}"
    name = words(key) if words.has(key) else metric.replace("_", " ").capitalize()
    return name if channel is None else words("title.channel", name=name, channel=channel)


def title(seen: Described, locale: Locale) -> str:
    """Return the incident in a few words, with the day that it is in."""
    words, change = words_of(ROOM, locale), seen.change
    key = seen.kind if seen.kind in (HIGH_FRAUD_RATE, UNUSUAL_BEHAVIOR) else seen.direction
    if seen.kind == SLOW_DECLINE:
        key = SLOW_DECLINE
    if key == SPIKE and (change is None or change * 100 > LARGEST_PERCENT):
        key = "new"
    short = words.template(f"title.{key}", seen.observed).format(
        name=metric_name(seen.metric, seen.channel, locale),
        percent="" if change is None else f"{_decimal(abs(change) * 100, 0, words)} %",
        observed=_value(seen, seen.observed, words),
        expected=_value(seen, seen.expected, words),
    )
    return words("title.day", title=short, days=str(seen.days))


def message(seen: Described, locale: Locale) -> str:
    """Return a sentence: what was seen, what was expected, since when."""
    words = words_of(ROOM, locale)
    if seen.kind == UNUSUAL_BEHAVIOR:
        said = words.template("message.silent", seen.observed).format(observed=_value(seen, seen.observed, words))
    else:
        by_direction = {STALE_DATA: "stale", QUARANTINE: "rows"}
        key = by_direction.get(seen.direction) or ("share" if is_rate(seen.metric) else "per_day")
        key = "limit" if seen.kind == HIGH_FRAUD_RATE else key
        phrase = words.template(f"message.{key}", seen.observed)
        said = phrase.format(observed=_value(seen, seen.observed, words), expected=_value(seen, seen.expected, words))
        said = f"{metric_name(seen.metric, seen.channel, locale)}: {said}"
    if seen.worst_change is not None and seen.worst_change != seen.change:
        sign = "+" if seen.worst_change > 0 else "-"
        worst = f"{sign}{_decimal(abs(seen.worst_change) * 100, 0, words)} %"
        said = words("message.worst", message=said, worst=worst)
    if seen.is_open:
        return words("message.since", message=said, since=seen.opened_on.isoformat())
    return words("message.until", message=said, since=seen.opened_on.isoformat(), until=seen.last_seen_on.isoformat())


def recommendation(seen: Described, locale: Locale) -> str:
    """Return what to do."""
    words = words_of(ROOM, locale)
    kind = seen.kind if seen.kind in (SLOW_DECLINE, UNUSUAL_BEHAVIOR) else seen.direction
    key = f"advice.{source_of(seen.metric)}.{kind}"
    return words(key if words.has(key) else f"advice.any.{kind}")


def headline(event: str, own_title: str, locale: Locale) -> str:
    """Return the title of an alert: the incident's, and whether it is worse, goes on or has ended."""
    return words_of(ROOM, locale)(f"headline.{event}", title=own_title)


def _value(seen: Described, value: float | None, words: Words) -> str:
    if value is None:
        return "?"
    if is_rate(seen.metric):
        return f"{_decimal(value, 0 if value >= 10 else 1, words)} %"
    return _decimal(value, 0 if value == int(value) or value >= 100 else 1, words)


def _decimal(value: float, decimals: int, words: Words) -> str:
    pattern = "#,##0.0" if decimals else "#,##0"
    return words.writing.decimal(round_half_up(value, decimals), pattern)
