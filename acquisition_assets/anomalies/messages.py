"""Puts anomalies into words: messages and recommendations, from the catalogue of the language.

Detection is left to `detect`.
"""

from __future__ import annotations

from acquisition_assets.anomalies.contract import UNUSUAL_BEHAVIOR
from acquisition_assets.core.numbers import round_half_up
from acquisition_assets.core.policy import LOCALES, Locale
from acquisition_assets.core.words import words_of

ROOM = "anomalies"
NO_DATA = "no_data"


def comparison_message(locale: Locale, kind: str, observed: float, baseline: float, **counts: int) -> str:
    """Return the message of an anomaly that compares two numbers, both with 1 decimal."""
    phrase = words_of(ROOM, locale).template(f"message.{kind}")
    return phrase.format(observed=_one_decimal(observed), baseline=_one_decimal(baseline), **counts)


def silence_message(locale: Locale, leads: int, deliveries: int) -> str:
    """Return the message about leads who were sent at least this many e-mails and reacted to none."""
    phrase = words_of(ROOM, locale).template(f"message.{UNUSUAL_BEHAVIOR}", leads)
    return phrase.format(leads=leads, deliveries=deliveries)


def recommendation(locale: Locale, kind: str) -> str:
    """Return what to do about an anomaly."""
    return words_of(ROOM, locale)(f"advice.{kind}")


def no_data_message(locale: Locale, table: str) -> str:
    """Return the message of a rule that found nothing because its table is not fresh."""
    return words_of(ROOM, locale)(NO_DATA, table=table)


def says_no_data(description: str) -> bool:
    """Return whether a check's description reports missing data rather than an anomaly, in any language."""
    return description.startswith(
        tuple(words_of(ROOM, locale).template(NO_DATA).partition("{")[0] for locale in LOCALES)
    )


def _one_decimal(value: float) -> str:
    return f"{round_half_up(value, 1):.1f}"
