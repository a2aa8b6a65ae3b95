"""Writes numbers and days as a language does.

The words around them are left to `words`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from acquisition_assets.core.policy import Locale

if TYPE_CHECKING:
    from babel import Locale as Conventions

# Babel is imported when something is written: commands that print no number start faster without it.


@cache
def conventions(locale: Locale) -> Conventions:
    """Return what CLDR knows of a language."""
    from babel import Locale as Conventions

    return Conventions.parse(locale)


@dataclass(frozen=True)
class Writing:
    """How a language, such as `es`, writes numbers and days."""

    language: Locale
    locale: Conventions = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "locale", conventions(self.language))

    def decimal(self, value: float, pattern: str = "#,##0.##") -> str:
        """Return a number by a pattern of CLDR, with the separators of the language."""
        from babel.numbers import format_decimal

        return str(format_decimal(value, pattern, self.locale))

    def point(self, text: str) -> str:
        """Return the text of a number with the decimal separator of the language in place of the point."""
        return text.replace(".", str(self.locale.number_symbols["latn"]["decimal"]))

    def percent(self, value: float, pattern: str = "#,##0.0") -> str:
        """Return a percentage from 0 to 100; where the sign goes is taken from the language's own pattern."""
        sign = str(self.locale.percent_formats[None].pattern).replace("#,##0", "{}")
        return sign.format(self.decimal(value, pattern))

    def plural(self, value: float) -> str:
        """Return the plural category of a number, such as `one`."""
        return str(self.locale.plural_form(value))

    def long_day(self, day: dt.date) -> str:
        """Return a day with its weekday and year."""
        from babel.dates import format_date

        return str(format_date(day, "full", self.locale))

    def day(self, day: dt.date) -> str:
        """Return a day without its year."""
        from babel.dates import format_skeleton

        return str(format_skeleton("MMMd", day, locale=self.locale))
