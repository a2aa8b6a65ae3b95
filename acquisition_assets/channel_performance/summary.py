"""Sums up channel_performance for people: each channel's rates with intervals, and what may be said of them.

The statistics are left to `comparison`; every number shown was published.
"""

from __future__ import annotations

from collections.abc import Sequence

from acquisition_assets.channel_performance.contract import (
    BUDGET_ADVICE,
    CHANNEL_COSTS,
    CHANNEL_PERFORMANCE,
    METRICS,
    ROOM,
    leading,
)
from acquisition_assets.core.masking import sanitize
from acquisition_assets.core.sections import DayView, Grid, Part, Row, Section
from acquisition_assets.core.words import Words, words_of

LEVEL, PERIOD = "channel", "long"


def section(day: DayView) -> Section:
    """Return the channels of the long window with intervals and verdicts, and who leads."""
    rows = [row for row in day.rows(CHANNEL_PERFORMANCE.table) if (row["level"], row["period"]) == (LEVEL, PERIOD)]
    by_metric = {metric: [row for row in rows if row["metric"] == metric] for metric in METRICS}
    words = words_of(ROOM, day.locale)
    parts: list[Part] = [_leading(words, metric, by_metric[metric]) for metric in METRICS]
    for metric in METRICS:
        if by_metric[metric]:
            ordered = sorted(by_metric[metric], key=lambda row: (-row["leads"], row["channel"]))
            titles = words.titles("channel", "leads", metric, "rate", "from", "to", "verdict")
            parts.append(Grid(titles, [_cells(row, words) for row in ordered]))
    costs = day.rows(CHANNEL_COSTS.table)
    if costs:
        titles = words.titles("channel", "measure", "spend", "number", "cost", "from", "to", "currency")
        parts.append(Grid(titles, [_cost_cells(row, words) for row in costs]))
    parts += [words("budget", advice=sanitize(row["advice"])) for row in day.rows(BUDGET_ADVICE.table)]
    return Section(words("title"), parts)


def _leading(words: Words, metric: str, rows: Sequence[Row]) -> str:
    """Return which channel leads, and whether clearly, such as `engaged: email is the best (40 %, 34.6..45.6)`."""
    found = leading(rows)
    if found is None:
        return words(f"{metric}.nobody")
    row = found.row
    rate = words("rate", rate=row["rate"], low=row["rate_low"], high=row["rate_high"])
    return words(f"{metric}.{'best' if found.is_clear else 'leads'}", channel=sanitize(row["channel"]), rate=rate)


def _cost_cells(row: Row, words: Words) -> list[object]:
    names = ("spend", "successes", "cost", "cost_low", "cost_high", "currency")
    return [sanitize(row["channel"]), words(f"measure.{row['measure']}"), *(row[name] for name in names)]


def _cells(row: Row, words: Words) -> list[object]:
    verdict = words(f"verdict.{str(row['verdict']).replace(' ', '_')}")
    if row["leads_needed"] is not None:
        verdict = words("needed", verdict=verdict, leads=row["leads_needed"])
    rates = [row["rate"], row["rate_low"], row["rate_high"]]
    return [sanitize(row["channel"]), row["leads"], row["successes"], *rates, verdict]
