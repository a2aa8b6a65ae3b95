"""Defines the contract of the table `daily_brief`.

What is on the page is left to `facts`, `compose` and `page`.
"""

from __future__ import annotations

from acquisition_assets.core.contracts import Contract, Kind, column
from acquisition_assets.core.pandera_import import Check, pandera

METRICS = {
    "new_leads": "new_leads",
    "deliveries": "deliveries_sent",
    "completions": "completions",
    "referrals": "referrals_created",
    "conversions": "leads_converted",
}
"""Headline numbers that daily_metrics counts by day, with their columns there."""


def _count(description: str, unit: str, *lineage: str) -> pandera.Column:
    return column(Kind.INTEGER, description, Check.ge(0), unit=unit, nullable=True, lineage=lineage)


DAILY_BRIEF = Contract(
    table="daily_brief",
    grain="One row: the day's page for people, with its headline numbers.",
    key=("day",),
    columns={
        "day": column(Kind.DATE, "Business day that the page is about", lineage=("daily_metrics.day",)),
        "path": column(Kind.TEXT, "The page, below the lake"),
        "bytes": column(Kind.INTEGER, "Size of the page", Check.ge(1), Check.le(400_000), unit="bytes"),
        "new_leads": _count("Leads created; missing where the data is late", "leads", "daily_metrics.new_leads"),
        "deliveries_sent": _count(
            "Deliveries sent; missing where the data is late", "deliveries", "daily_metrics.deliveries_sent"
        ),
        "open_rate": column(
            Kind.NUMBER,
            "Share of the deliveries of the last day that is complete for it opened within 24 hours, 1 decimal",
            Check.ge(0),
            Check.le(100),
            unit="percent",
            nullable=True,
            lineage=("daily_metrics.opened_24h", "daily_metrics.deliveries_sent"),
        ),
        "completions": _count(
            "Deliveries completed; missing where the data is late", "deliveries", "daily_metrics.completions"
        ),
        "referrals_created": _count(
            "Referrals created; missing where the data is late", "referrals", "daily_metrics.referrals_created"
        ),
        "leads_converted": _count(
            "Leads that converted; missing where the data is late", "leads", "daily_metrics.leads_converted"
        ),
        "likely_to_convert": _count(
            "Leads whose next action is likely_to_convert", "leads", "behavior_predictions.predicted_next_action"
        ),
        "anomalies": _count("Anomalies found; missing where they were not looked for", "anomalies", "anomalies.type"),
        "missing_outputs": column(Kind.INTEGER, "Outputs that the lake lacks on the day", Check.ge(0), unit="tables"),
    },
)
