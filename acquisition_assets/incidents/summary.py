"""Sums up the incidents of a day for people: those that are open, and those that ended on the day.

What an incident is, and its words, are left to `lifecycle` and `messages`.
"""

from __future__ import annotations

from acquisition_assets.core.sections import DayView, Grid, Part, Section, Severe
from acquisition_assets.core.words import words_of
from acquisition_assets.incidents.contract import INCIDENTS, OPEN
from acquisition_assets.incidents.messages import ROOM


def section(day: DayView) -> Section:
    """Return the section of a day: one line per incident that no other explains, the gravest first."""
    rows = sorted(day.rows(INCIDENTS.table), key=lambda row: (row["severity"], row["opened_on"], row["id"]))
    is_open = [row for row in rows if row["status"] == OPEN]
    ended = [row for row in rows if row["resolved_on"] == day.day]
    shown = [row for row in [*is_open, *ended] if row["parent"] is None]
    explained = sum(row["parent"] is not None for row in is_open)
    words = words_of(ROOM, day.locale)
    facts = {"fact.open": len(is_open), "fact.explained": explained, "fact.ended": len(ended)}
    parts: list[Part] = [words.facts(facts)]
    if shown:
        cells = [[Severe(row["severity"]), row["title"], row["message"], row["recommendation"]] for row in shown]
        parts.append(Grid(words.titles("severity", "incident", "what", "advice"), cells))
    return Section(words("title"), parts)
