"""Writes the brief's numbers, each as its unit asks, in a language.

How the language writes numbers and days is left to `core.writing`, and the words around them to `words`.
"""

from __future__ import annotations

from acquisition_assets.core import writing
from acquisition_assets.daily_brief.model import Number


class Writing(writing.Writing):
    """How a language, such as `es`, writes the brief's numbers and days."""

    def number(self, number: Number) -> str:
        """Return a number with the separators of the language; a percentage with its sign, a rate with 1 decimal."""
        value = number.value
        if value is None:
            return "–"
        if number.unit == "percent":
            return self.percent(value)
        if number.unit == "signed_percent":
            return self.percent(value, "+#,##0.0;-#,##0.0")
        return self.decimal(value, "#,##0" if number.unit == "count" else "#,##0.#")
