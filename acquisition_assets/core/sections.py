"""Holds what a product says to people, as plain data: a titled section of lines, tables and conditions.

Printing and pages are left to `commands` and to the pages that show it; the words come from the products.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from acquisition_assets.core.lake import Lake
from acquisition_assets.core.policy import LOCALES, Locale
from acquisition_assets.core.words import SHARED, words_of

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Strong:
    """A cell that matters more than the others in its table."""

    value: object


@dataclass(frozen=True)
class Severe:
    """A word for a severity: ERROR, WARN, high or medium."""

    word: str


@dataclass(frozen=True)
class Notice:
    """A line that asks for attention."""

    text: str


@dataclass(frozen=True)
class Condition:
    """A condition of a rule with its truth for one lead; None is unknown."""

    text: str
    truth: bool | None


@dataclass(frozen=True)
class Grid:
    """A table for people: titles of the columns and rows of cells."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


Part = str | Notice | Condition | Grid


@dataclass(frozen=True)
class Section:
    """A title and what follows it."""

    title: str
    parts: Sequence[Part] = ()


@dataclass
class LeadView:
    """What the lake says of one lead on one day, read table by table as it is asked for. locale: its language."""

    lake: Lake
    lead_id: str
    day: dt.date
    locale: Locale = LOCALES[0]
    _rows: dict[tuple[str, dt.date], list[Row]] = field(default_factory=dict, repr=False)

    def has(self, table: str) -> bool:
        """Whether the lake has the table on the day."""
        return self.lake.has(table, self.day)

    def rows(self, table: str, day: dt.date | None = None) -> list[Row]:
        """Return the lead's rows of a table on a day (default: the view's); none where the lake lacks it."""
        at = day or self.day
        if (table, at) not in self._rows:
            found = (
                self.lake.read(table, at, filters=[("lead_id", "=", self.lead_id)]).to_pylist()
                if self.lake.has(table, at)
                else []
            )
            self._rows[table, at] = found
        return self._rows[table, at]

    def row(self, table: str) -> Row | None:
        """Return the lead's only row of a table on the day, or None."""
        return next(iter(self.rows(table)), None)

    def missing(self, table: str) -> Notice:
        """Return the line for a table that the lake lacks on the day."""
        return Notice(words_of(SHARED, self.locale)("missing", table=table, day=self.day))


@dataclass(frozen=True)
class DayView:
    """What the lake says of one day, for summaries. locale: their language."""

    lake: Lake
    day: dt.date
    locale: Locale = LOCALES[0]

    def rows(self, table: str) -> list[Row]:
        """Return the rows of a small table on the day; none where the lake lacks it."""
        return self.lake.read(table, self.day).to_pylist() if self.lake.has(table, self.day) else []
