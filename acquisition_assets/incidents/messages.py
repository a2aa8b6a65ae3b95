"""Words what incidents say: titles, messages and recommendations, in Spanish and in English.

Leaves when something is an incident to `lifecycle`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from acquisition_assets.anomalies.contract import HIGH_FRAUD_RATE, UNUSUAL_BEHAVIOR
from acquisition_assets.core.numbers import round_half_up
from acquisition_assets.incidents.contract import OPENED, QUARANTINE, REPEATED, RESOLVED, STALE_DATA, WORSE
from acquisition_assets.incidents.metrics import EVENTS, LEADS, REFERRALS, is_rate, source_of
from acquisition_assets.metric_watch.contract import DROP, SLOW_DECLINE, SPIKE

Locale = Literal["es", "en"]

METRIC_NAMES: dict[Locale, dict[str, str]] = {
    "es": {
        "new_leads": "Leads nuevos",
        "leads_engaged": "Leads comprometidos",
        "leads_converted": "Conversiones",
        "deliveries_sent": "Envíos",
        "opened_24h": "Aperturas en 24 h",
        "completions": "Contenidos completados",
        "unsubscribed": "Bajas",
        "bounced": "Rebotes",
        "complained": "Quejas de spam",
        "machine_opens": "Aperturas automáticas",
        "referrals_created": "Referidos",
        "referrals_fraud": "Referidos fraudulentos",
        "open_rate": "Tasa de apertura",
        "unsubscribe_rate": "Tasa de bajas",
        "bounce_rate": "Tasa de rebote",
        "complaint_rate": "Tasa de quejas",
        "fraud_rate": "Fraude en referidos",
        "leads": "Tabla leads",
        "events": "Tabla events",
        "referrals": "Tabla referrals",
    },
    "en": {
        "new_leads": "New leads",
        "leads_engaged": "Engaged leads",
        "leads_converted": "Conversions",
        "deliveries_sent": "Deliveries",
        "opened_24h": "Opens within 24 h",
        "completions": "Completions",
        "unsubscribed": "Unsubscribes",
        "bounced": "Bounces",
        "complained": "Spam complaints",
        "machine_opens": "Machine opens",
        "referrals_created": "Referrals",
        "referrals_fraud": "Fraudulent referrals",
        "open_rate": "Open rate",
        "unsubscribe_rate": "Unsubscribe rate",
        "bounce_rate": "Bounce rate",
        "complaint_rate": "Complaint rate",
        "fraud_rate": "Referral fraud",
        "leads": "Table leads",
        "events": "Table events",
        "referrals": "Table referrals",
    },
}
WORDS: dict[Locale, dict[str, str]] = {
    "es": {
        "channel": "{name} de {channel}",
        DROP: "{name}: {percent} por debajo de lo esperado",
        SPIKE: "{name}: {percent} por encima de lo esperado",
        "new": "{name}: {observed}, casi nada esperado",
        SLOW_DECLINE: "{name}: descenso lento, {percent} por debajo",
        HIGH_FRAUD_RATE: "{name} {observed}, límite {expected}",
        UNUSUAL_BEHAVIOR: "{observed} leads con muchos envíos y sin reacción",
        STALE_DATA: "{name}: sin datos nuevos",
        QUARANTINE: "{name}: {observed} filas en cuarentena",
        "one row": "{name}: 1 fila en cuarentena",
        "day": "{title}, día {days}",
        "per_day": "{observed} al día frente a {expected} esperados",
        "share": "{observed} frente a {expected} esperado",
        "limit": "{observed} frente a un límite de {expected}",
        "silent": "{observed} leads recibieron muchos envíos en los últimos días y no reaccionaron a ninguno",
        "stale": "El último dato tiene {observed} días; se esperan como máximo {expected}",
        "rows": "filas que no cumplen el contrato: {observed}",
        "since": "{message}. Desde {since}",
        "worst": "{message}; lo peor: {worst}",
        "until": "{message}. De {since} a {until}",
        OPENED: "{title}",
        WORSE: "Empeora: {title}",
        REPEATED: "Sigue: {title}",
        RESOLVED: "Resuelto: {title}",
    },
    "en": {
        "channel": "{name} from {channel}",
        DROP: "{name} {percent} below expected",
        SPIKE: "{name} {percent} above expected",
        "new": "{name}: {observed}, almost none expected",
        SLOW_DECLINE: "{name} in slow decline, {percent} below",
        HIGH_FRAUD_RATE: "{name} {observed}, limit {expected}",
        UNUSUAL_BEHAVIOR: "{observed} leads sent much without any reaction",
        STALE_DATA: "{name}: no new data",
        QUARANTINE: "{name}: {observed} rows in quarantine",
        "one row": "{name}: 1 row in quarantine",
        "day": "{title}, day {days}",
        "per_day": "{observed} a day, {expected} expected",
        "share": "{observed}, {expected} expected",
        "limit": "{observed}, limit {expected}",
        "silent": "{observed} leads were sent many deliveries in the last days and reacted to none",
        "stale": "The newest row is {observed} days old; at most {expected} are expected",
        "rows": "rows that break the contract: {observed}",
        "since": "{message}. Since {since}",
        "worst": "{message}; worst: {worst}",
        "until": "{message}. From {since} to {until}",
        OPENED: "{title}",
        WORSE: "Worse: {title}",
        REPEATED: "Still: {title}",
        RESOLVED: "Resolved: {title}",
    },
}
# By the table that a metric comes from, where nothing more exact is known.
ADVICE: dict[Locale, dict[tuple[str | None, str], str]] = {
    "es": {
        (LEADS, DROP): "Revisar canales de adquisición y campañas",
        (LEADS, SPIKE): "Comprobar que los leads son reales: origen, duplicados y robots",
        (EVENTS, DROP): "Revisar contenido y timing de envíos",
        (EVENTS, SPIKE): "Revisar los últimos envíos y sus destinatarios",
        (REFERRALS, DROP): "Revisar el programa de referidos y sus enlaces",
        (REFERRALS, SPIKE): "Revisar y fortalecer validaciones anti-fraude",
        (None, DROP): "Revisar qué cambió ese día",
        (None, SPIKE): "Revisar qué cambió ese día",
        (None, SLOW_DECLINE): "Comparar canales y campañas con los del mes anterior",
        (EVENTS, UNUSUAL_BEHAVIOR): "Revisar calidad de emails y considerar pausar envíos",
        (None, STALE_DATA): "Revisar la exportación o la conexión de esta tabla",
        (None, QUARANTINE): "Mirar las filas en cuarentena y corregir el origen",
    },
    "en": {
        (LEADS, DROP): "Review acquisition channels and campaigns",
        (LEADS, SPIKE): "Check that the leads are real: origin, duplicates and bots",
        (EVENTS, DROP): "Review content and timing of sends",
        (EVENTS, SPIKE): "Review the last sends and their audience",
        (REFERRALS, DROP): "Review the referral program and its links",
        (REFERRALS, SPIKE): "Review and strengthen anti-fraud validations",
        (None, DROP): "Review what changed on that day",
        (None, SPIKE): "Review what changed on that day",
        (None, SLOW_DECLINE): "Compare channels and campaigns with those of a month ago",
        (EVENTS, UNUSUAL_BEHAVIOR): "Review email quality and consider pausing sends",
        (None, STALE_DATA): "Check the export or the connection of this table",
        (None, QUARANTINE): "Look at the rows in quarantine and correct their source",
    },
}
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
    name = METRIC_NAMES[locale].get(metric) or metric.replace("_", " ").capitalize()
    return name if channel is None else WORDS[locale]["channel"].format(name=name, channel=channel)


def title(seen: Described, locale: Locale) -> str:
    """Return the incident in a few words, with the day that it is in."""
    words, change = WORDS[locale], seen.change
    key = seen.kind if seen.kind in (HIGH_FRAUD_RATE, UNUSUAL_BEHAVIOR) else seen.direction
    if seen.kind == SLOW_DECLINE:
        key = SLOW_DECLINE
    if key == SPIKE and (change is None or change * 100 > LARGEST_PERCENT):
        key = "new"
    if key == QUARANTINE and seen.observed == 1:
        key = "one row"
    short = words[key].format(
        name=metric_name(seen.metric, seen.channel, locale),
        percent="" if change is None else f"{round_half_up(abs(change) * 100, 0):.0f} %",
        observed=_value(seen, seen.observed),
        expected=_value(seen, seen.expected),
    )
    return words["day"].format(title=short, days=seen.days)


def message(seen: Described, locale: Locale) -> str:
    """Return a sentence: what was seen, what was expected, since when."""
    words = WORDS[locale]
    if seen.kind == UNUSUAL_BEHAVIOR:
        said = words["silent"].format(observed=_value(seen, seen.observed))
    else:
        by_direction = {STALE_DATA: "stale", QUARANTINE: "rows"}
        key = by_direction.get(seen.direction) or ("share" if is_rate(seen.metric) else "per_day")
        key = "limit" if seen.kind == HIGH_FRAUD_RATE else key
        said = words[key].format(observed=_value(seen, seen.observed), expected=_value(seen, seen.expected))
        said = f"{metric_name(seen.metric, seen.channel, locale)}: {said}"
    if seen.worst_change is not None and seen.worst_change != seen.change:
        sign = "+" if seen.worst_change > 0 else "-"
        worst = f"{sign}{round_half_up(abs(seen.worst_change) * 100, 0):.0f} %"
        said = words["worst"].format(message=said, worst=worst)
    if seen.is_open:
        return words["since"].format(message=said, since=seen.opened_on.isoformat())
    return words["until"].format(message=said, since=seen.opened_on.isoformat(), until=seen.last_seen_on.isoformat())


def recommendation(seen: Described, locale: Locale) -> str:
    """Return what to do."""
    advice = ADVICE[locale]
    key = seen.kind if seen.kind in (SLOW_DECLINE, UNUSUAL_BEHAVIOR) else seen.direction
    return advice.get((source_of(seen.metric), key)) or advice[None, key]


def headline(event: str, own_title: str, locale: Locale) -> str:
    """Return the title of an alert: the incident's, and whether it is worse, goes on or has ended."""
    return WORDS[locale][event].format(title=own_title)


def _value(seen: Described, value: float | None) -> str:
    if value is None:
        return "?"
    if is_rate(seen.metric):
        return f"{round_half_up(value, 0 if value >= 10 else 1):.{0 if value >= 10 else 1}f} %"
    decimals = 0 if value == int(value) or value >= 100 else 1
    return f"{round_half_up(value, decimals):.{decimals}f}"
