"""Writes the messages and recommendations of anomalies, in Spanish and in English.

Detection is left to `detect`.
"""

from __future__ import annotations

from typing import Literal

from acquisition_assets.anomalies.contract import (
    ENGAGEMENT_DROP,
    HIGH_FRAUD_RATE,
    LEAD_GENERATION_DROP,
    UNUSUAL_BEHAVIOR,
)
from acquisition_assets.core.numbers import round_half_up

Locale = Literal["es", "en"]

MESSAGES: dict[Locale, dict[str, str]] = {
    "es": {
        ENGAGEMENT_DROP: "Caída significativa en engagement rate: {observed}% vs {baseline}% promedio anterior",
        HIGH_FRAUD_RATE: "Tasa de fraude alta en referidos: {observed}% ({fraud} de {referrals}) vs {baseline}% límite",
        LEAD_GENERATION_DROP: (
            "Caída significativa en generación de leads: {observed} leads por día vs {baseline} promedio anterior"
        ),
        UNUSUAL_BEHAVIOR: "{leads} leads recibieron {deliveries}+ emails sin abrir ninguno",
    },
    "en": {
        ENGAGEMENT_DROP: "Significant drop in engagement rate: {observed}% vs {baseline}% previous average",
        HIGH_FRAUD_RATE: "High fraud rate in referrals: {observed}% ({fraud} of {referrals}) vs {baseline}% limit",
        LEAD_GENERATION_DROP: (
            "Significant drop in lead generation: {observed} leads per day vs {baseline} previous average"
        ),
        UNUSUAL_BEHAVIOR: "{leads} leads received {deliveries}+ emails without opening any",
    },
}
NO_DATA: dict[Locale, str] = {
    "es": "sin datos: {table} no está al día",
    "en": "no data: {table} is not up to date",
}
ONE_LEAD: dict[Locale, str] = {
    "es": "1 lead recibió {deliveries}+ emails sin abrir ninguno",
    "en": "1 lead received {deliveries}+ emails without opening any",
}
RECOMMENDATIONS: dict[Locale, dict[str, str]] = {
    "es": {
        ENGAGEMENT_DROP: "Revisar contenido y timing de envíos",
        HIGH_FRAUD_RATE: "Revisar y fortalecer validaciones anti-fraude",
        LEAD_GENERATION_DROP: "Revisar canales de adquisición y campañas",
        UNUSUAL_BEHAVIOR: "Revisar calidad de emails y considerar pausar envíos",
    },
    "en": {
        ENGAGEMENT_DROP: "Review content and timing of sends",
        HIGH_FRAUD_RATE: "Review and strengthen anti-fraud validations",
        LEAD_GENERATION_DROP: "Review acquisition channels and campaigns",
        UNUSUAL_BEHAVIOR: "Review email quality and consider pausing sends",
    },
}


def comparison_message(locale: Locale, kind: str, observed: float, baseline: float, **counts: int) -> str:
    """Return the message of an anomaly that compares two numbers, both with 1 decimal."""
    return MESSAGES[locale][kind].format(observed=_one_decimal(observed), baseline=_one_decimal(baseline), **counts)


def silence_message(locale: Locale, leads: int, deliveries: int) -> str:
    """Return the message about leads who were sent at least this many e-mails and reacted to none."""
    text = ONE_LEAD[locale] if leads == 1 else MESSAGES[locale][UNUSUAL_BEHAVIOR]
    return text.format(leads=leads, deliveries=deliveries)


def no_data_message(locale: Locale, table: str) -> str:
    """Return the message of a rule that found nothing because its table is not fresh."""
    return NO_DATA[locale].format(table=table)


def says_no_data(description: str) -> bool:
    """Return whether a check's description reports missing data rather than an anomaly."""
    return description.startswith(tuple(text.partition("{")[0] for text in NO_DATA.values()))


def _one_decimal(value: float) -> str:
    return f"{round_half_up(value, 1):.1f}"
