"""Sums up channel_performance for people: each channel's rates with intervals, and what may be said of them.

The statistics are left to `comparison`; every number shown was published.
"""

from __future__ import annotations

from collections.abc import Sequence

from acquisition_assets.channel_performance.contract import BUDGET_ADVICE, CHANNEL_COSTS, CHANNEL_PERFORMANCE, METRICS
from acquisition_assets.core.masking import sanitize
from acquisition_assets.core.sections import DayView, Grid, Part, Row, Section

LEVEL, PERIOD = "channel", "long"


def section(day: DayView) -> Section:
    """Return the channels of the long window with intervals and verdicts, and who leads."""
    rows = [row for row in day.rows(CHANNEL_PERFORMANCE.table) if (row["level"], row["period"]) == (LEVEL, PERIOD)]
    by_metric = {metric: [row for row in rows if row["metric"] == metric] for metric in METRICS}
    parts: list[Part] = [f"{metric}: {_leading(by_metric[metric])}" for metric in METRICS]
    for metric in METRICS:
        if by_metric[metric]:
            ordered = sorted(by_metric[metric], key=lambda row: (-row["leads"], row["channel"]))
            titles = ["channel", "leads", metric, "rate %", "from", "to", "verdict"]
            parts.append(Grid(titles, [_cells(row) for row in ordered]))
    costs = day.rows(CHANNEL_COSTS.table)
    if costs:
        titles = ["channel", "cost of a", "spend", "number", "cost", "from", "to", "currency"]
        parts.append(Grid(titles, [_cost_cells(row) for row in costs]))
    parts += [f"budget: {sanitize(row['advice'])}" for row in day.rows(BUDGET_ADVICE.table)]
    return Section("Channel performance", parts)


def rate_text(row: Row) -> str:
    """Return a rate with its interval, such as `11.5 %, 6.8..18.7`."""
    return f"{row['rate']:g} %, {row['rate_low']:g}..{row['rate_high']:g}"


def _leading(rows: Sequence[Row]) -> str:
    if not rows:
        return "no leads old enough"
    best = [row for row in rows if row["verdict"] == "best"]
    if best:
        return f"{sanitize(best[0]['channel'])} is the best ({rate_text(best[0])})"
    first = min(rows, key=lambda row: (-row["shrunk_rate"], -row["leads"], row["channel"]))
    return f"{sanitize(first['channel'])} leads, not clearly ({rate_text(first)})"


def _cost_cells(row: Row) -> list[object]:
    names = ("measure", "spend", "successes", "cost", "cost_low", "cost_high", "currency")
    return [sanitize(row["channel"]), *(row[name] for name in names)]


def _cells(row: Row) -> list[object]:
    verdict = str(row["verdict"])
    if row["leads_needed"] is not None:
        verdict += f": {row['leads_needed']} would do"
    rates = [row["rate"], row["rate_low"], row["rate_high"]]
    return [sanitize(row["channel"]), row["leads"], row["successes"], *rates, verdict]
