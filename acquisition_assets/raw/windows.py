"""Decides which events a run reads, and cuts what it reads into parts that fit into memory.

Does not read any row (see `raw.rows`).
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from acquisition_assets.core.days import end_of_day, start_of_day
from acquisition_assets.inputs.source import Wanted

# Before it, the day of an instant and the start of a day may differ by the odd offsets of old.
FIRST_CUT = dt.date(1970, 1, 2)


@dataclass(frozen=True)
class Part:
    """Rows that are checked together: those of some half-open stretches of time, and maybe those without a time."""

    stretches: tuple[tuple[dt.datetime | None, dt.datetime], ...]
    timeless: bool = True

    def condition(self, time: str) -> str:
        """Return the SQL condition that a time, an expression that is null for rows without one, is the part's."""
        stretches = [
            f"{time} < {instant(end)}" + (f" and {time} >= {instant(start)}" if start else "")
            for start, end in self.stretches
        ]
        return f"({' or '.join([f'{time} is null'] * self.timeless + stretches)})"

    def cut(self, instants: Sequence[dt.datetime]) -> list[Part]:
        """Return the parts before, between and after these instants; the first has the rows without a time."""
        edges: list[dt.datetime | None] = [None, *instants, None]
        parts = []
        for first, last in itertools.pairwise(edges):
            inside = [
                (max(filter(None, (start, first)), default=None), min(filter(None, (end, last))))
                for start, end in self.stretches
            ]
            stretches = tuple((start, end) for start, end in inside if start is None or start < end)
            parts.append(Part(stretches, timeless=first is None))
        return parts


def instant(value: dt.datetime) -> str:
    """Return an instant as a literal of SQL."""
    return f"timestamptz '{value.isoformat()}'"


def wanted_events(have: Sequence[dt.date], day: dt.date, tz: ZoneInfo, late_days: int, full: bool) -> Wanted:
    """Return which events a run reads: of its day, the late days before it, and earlier days that the lake lacks."""
    end = end_of_day(day, tz)
    recent = day - dt.timedelta(days=late_days)
    known = [d for d in have if d < recent]
    if full or not known:
        return Wanted(end, ((None, end),))
    stretches: list[tuple[dt.datetime | None, dt.datetime]] = [(None, start_of_day(known[0], tz))]
    for before, after in zip(known, [*known[1:], recent], strict=True):
        if (after - before).days > 1:
            stretches.append((end_of_day(before, tz), start_of_day(after, tz)))
    return Wanted(end, (*stretches, (start_of_day(recent, tz), end)))


def reads(wanted: Wanted, day: dt.date, tz: ZoneInfo) -> bool:
    """Return whether a run reads the events of a day."""
    start = start_of_day(day, tz)
    return any((first is None or start >= first) and start < end for first, end in wanted.stretches)


def cuts(days: Mapping[dt.date, int], tz: ZoneInfo, rows_at_once: int) -> list[dt.datetime]:
    """Return where to cut events into parts of whole days, so that no part of several days has too many rows."""
    found: list[dt.datetime] = []
    rows = 0
    for day, count in sorted(days.items()):
        if rows and rows + count > rows_at_once and day > FIRST_CUT:
            found.append(start_of_day(day, tz))
            rows = 0
        rows += count
    return found
