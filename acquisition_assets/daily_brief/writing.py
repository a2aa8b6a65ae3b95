"""Writes numbers and days as a language does.

The words around them are left to `words`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.numbers import format_decimal

from acquisition_assets.daily_brief.model import Number


@dataclass(frozen=True)
class Writing:
    """How a language, such as `es`, writes numbers and days."""

    language: str
    locale: Locale = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "locale", Locale.parse(self.language))

    def number(self, number: Number) -> str:
        """Return a number with the separators of the language; a percentage with its sign, a rate with 1 decimal."""
        value = number.value
        if value is None:
            return "–"
        if number.unit == "percent":
            return self._percent(value, "#,##0.0")
        if number.unit == "signed_percent":
            return self._percent(value, "+#,##0.0;-#,##0.0")
        pattern = "#,##0" if number.unit == "count" else "#,##0.#"
        return str(format_decimal(value, pattern, self.locale))

    def _percent(self, value: float, pattern: str) -> str:
        """Return a percentage; where the sign goes is taken from the language's own pattern."""
        sign = str(self.locale.percent_formats[None].pattern).replace("#,##0", "{}")
        return sign.format(format_decimal(value, pattern, self.locale))

    def plural(self, value: float) -> str:
        """Return the plural category of a number, such as `one`."""
        return str(self.locale.plural_form(value))

    def long_day(self, day: dt.date) -> str:
        """Return a day with its weekday and year."""
        return str(format_date(day, "full", self.locale))

    def day(self, day: dt.date) -> str:
        """Return a day without its year."""
        return str(format_skeleton("MMMd", day, locale=self.locale))
