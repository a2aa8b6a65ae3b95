"""Holds what the tests must know of `daily_brief`: rows, and numbers of its policy.

What each field means is left to kit/expectations.py.
"""

from __future__ import annotations

from acquisition_assets_tests.kit.expectations import DAY, Expectations, Row, TableExpectations, added

BRIEF: Row = {
    "day": DAY,
    "path": "briefs/date=2026-03-31/brief.html",
    "bytes": 50_000,
    "new_leads": 14,
    "deliveries_sent": 444,
    "open_rate": 10.4,
    "completions": 40,
    "referrals_created": 12,
    "leads_converted": 6,
    "likely_to_convert": 962,
    "anomalies": 2,
    "missing_outputs": 0,
}
GAPS: Row = {**dict.fromkeys(BRIEF), "day": DAY.replace(day=30), "path": "p", "bytes": 1, "missing_outputs": 20}

EXPECTATIONS = Expectations(
    tables={
        "daily_brief": TableExpectations(
            good=[BRIEF, GAPS], tampered=lambda table: added(table, likely_to_convert=1), is_plotted=False
        )
    },
    elsewhere={
        "brief": (
            *("show_emails", "line_days", "sentences", "move_percent", "move_minimum", "people", "ready_segment"),
            *("risk_segment", "channels", "segments", "items", "recommended_days", "quarantine_reasons", "week_on"),
            "send_days",
        )
    },
    sql_numbers={"daily_brief/people.sql": {"3"}},  # the kinds of people
)
