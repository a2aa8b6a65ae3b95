"""Sums up the incidents of a day for people: those that are open, and those that ended on the day.

What an incident is, and its words, are left to `lifecycle` and `messages`.
"""

from __future__ import annotations

from acquisition_assets.core.sections import DayView, Grid, Part, Section, Severe, facts_line
from acquisition_assets.incidents.contract import INCIDENTS, OPEN


def section(day: DayView) -> Section:
    """Return the section of a day: one line per incident that no other explains, the gravest first."""
    rows = sorted(day.rows(INCIDENTS.table), key=lambda row: (row["severity"], row["opened_on"], row["id"]))
    is_open = [row for row in rows if row["status"] == OPEN]
    ended = [row for row in rows if row["resolved_on"] == day.day]
    shown = [row for row in [*is_open, *ended] if row["parent"] is None]
    explained = sum(row["parent"] is not None for row in is_open)
    facts = {"open": len(is_open), "explained by others": explained, "ended on the day": len(ended)}
    parts: list[Part] = [facts_line(facts)]
    if shown:
        cells = [[Severe(row["severity"]), row["title"], row["message"], row["recommendation"]] for row in shown]
        parts.append(Grid(["severity", "incident", "what", "what to do"], cells))
    return Section("Incidents", parts)
