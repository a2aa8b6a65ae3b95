"""Decides which events a run reads, and cuts what it reads into parts that fit into memory.

Does not read any row (see `raw.rows`) or look into the source or the lake (see `raw.counts`).
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from acquisition_assets.core.days import end_of_day, start_of_day
from acquisition_assets.inputs.source import Wanted, within

# Before it, the day of an instant and the start of a day may differ by the odd offsets of old.
FIRST_CUT = dt.date(1970, 1, 2)


@dataclass(frozen=True)
class Part:
    """Rows that are checked together: those of some half-open stretches of time, and maybe those without a time."""

    stretches: tuple[tuple[dt.datetime | None, dt.datetime], ...]
    timeless: bool = True

    def condition(self, time: str) -> str:
        """Return the SQL condition that a time, an expression that is null for rows without one, is the part's."""
        inside = within(time, self.stretches)
        return f"({time} is null or {inside})" if self.timeless else inside

    def cut(self, instants: Sequence[dt.datetime]) -> list[Part]:
        """Return the parts before, between and after these instants; the first has the rows without a time.

        Leaves out parts that cannot hold a row.
        """
        edges: list[dt.datetime | None] = [None, *instants, None]
        parts = []
        for first, last in itertools.pairwise(edges):
            inside = [
                (max(filter(None, (start, first)), default=None), min(filter(None, (end, last))))
                for start, end in self.stretches
            ]
            stretches = tuple((start, end) for start, end in inside if start is None or start < end)
            parts.append(Part(stretches, timeless=first is None))
        return [part for part in parts if part.stretches or part.timeless]


@dataclass(frozen=True)
class DayRows:
    """The events of a day in a source: their number, and a text that differs when they do (empty: unknown)."""

    rows: int
    fingerprint: str = ""


@dataclass(frozen=True)
class Window:
    """The events that a run reads, by days.

    Attributes:
        wanted: the stretches of time.
        again: earlier days that the lake has and that are read again.
        fewer: earlier days for which the source has fewer events than the lake took in; they stay as they are.
    """

    wanted: Wanted
    again: tuple[dt.date, ...] = ()
    fewer: tuple[dt.date, ...] = ()


def instant(value: dt.datetime) -> str:
    """Return an instant as a literal of SQL."""
    return f"timestamptz '{value.isoformat()}'"


def everything(end: dt.datetime) -> Wanted:
    """Return all events before an instant."""
    return Wanted(end, ((None, end),))


def fingerprinted(text: str) -> DayRows:
    """Return what a source's fingerprint of a day says: it begins with the number of events."""
    number = re.match(r"\d+", text)
    return DayRows(int(number[0]) if number else 0, text)


def choose_window(
    day: dt.date,
    tz: ZoneInfo,
    late_days: int,
    *,
    lake: Mapping[dt.date, DayRows | None],
    source: Mapping[dt.date, DayRows],
    known_whole: bool,
    named: Collection[dt.date] = (),
    full: bool = False,
    forget: bool = False,
) -> Window:
    """Return the events that a run reads.

    These are those of its day, of the late days before it, of earlier days that the lake lacks, of earlier days that
    had events of unknown leads who are known now, and of earlier days whose events in the source have changed.

    Args:
        lake: the days that the lake has, with what the source had of them then (None: not recorded).
        source: what the source has now.
        known_whole: whether a day that `source` lacks has no event; else it is not known.
        named: days that had events of unknown leads who are known now.
        full: read all days again.
        forget: also replace days for which the source has no event any more.
    """
    recent = day - dt.timedelta(days=late_days)
    kept, again, fewer = [], [], []
    for known in sorted(each for each in lake if each < recent):
        before, now = lake[known], source.get(known, DayRows(0) if known_whole else None)
        is_fewer = before is not None and now is not None and now.rows < before.rows
        if full and (forget or now is None or now.rows or not is_fewer):
            again.append(known)
        elif is_fewer:
            fewer.append(known)
            kept.append(known)
        elif full or known in named or (now is not None and _differ(before, now)):
            again.append(known)
        else:
            kept.append(known)
    end = end_of_day(day, tz)
    return Window(Wanted(end, _all_but(kept, end, tz)), tuple(again), tuple(fewer))


def _differ(before: DayRows | None, now: DayRows) -> bool:
    if before is None:
        return now.rows > 0
    return (before.rows, before.fingerprint) != (now.rows, now.fingerprint)


def _all_but(
    days: Iterable[dt.date], end: dt.datetime, tz: ZoneInfo
) -> tuple[tuple[dt.datetime | None, dt.datetime], ...]:
    """Return the stretches of time before an instant without these days, which come in order."""
    stretches: list[tuple[dt.datetime | None, dt.datetime]] = []
    start: dt.datetime | None = None
    for day in days:
        first = start_of_day(day, tz)
        if start is None or start < first:
            stretches.append((start, first))
        start = end_of_day(day, tz)
    return (*stretches, (start, end))


def reads(wanted: Wanted, day: dt.date, tz: ZoneInfo) -> bool:
    """Return whether a run reads the events of a day."""
    start = start_of_day(day, tz)
    return any((first is None or start >= first) and start < end for first, end in wanted.stretches)


def covers(given: Wanted, needed: Wanted) -> bool:
    """Return whether a source that was asked for some events gave all that are needed."""
    return all(
        any(
            (first is None or (start is not None and start >= first)) and end <= last for first, last in given.stretches
        )
        for start, end in needed.stretches
    )


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
