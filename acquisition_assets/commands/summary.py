"""Prints the summary of a run: each product's summary of its report, and every failed check, without personal data.

The wording of a report is left to its product.
"""

from __future__ import annotations

import datetime as dt
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow.compute as pc
from rich.console import Console

from acquisition_assets.anomalies.contract import SEVERITIES
from acquisition_assets.anomalies.messages import says_no_data
from acquisition_assets.catalog import PRODUCTS
from acquisition_assets.commands.console import heading, line, print_section, table
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.masking import sanitize
from acquisition_assets.core.sections import DayView, Severe
from acquisition_assets.core.words import Words, words_of
from acquisition_assets.dynamic_scores.report import TASK, ScoringReport
from acquisition_assets.features.contract import DAILY_METRICS, LEAD_ACTIVITY

if TYPE_CHECKING:
    from acquisition_assets.commands.day import DayOutcome, FailedCheck
    from acquisition_assets.policy import Policy

ROOM = "commands"


def print_summary(lake: Lake, outcomes: Sequence[DayOutcome], policy: Policy, out: Console) -> None:
    """Print the outputs of the last day, and the failed checks of all days, in the language of the policy."""
    newest = outcomes[-1]
    words = words_of(ROOM, policy.locale)
    if len(outcomes) > 1:
        _days(outcomes, out, words)
    day = DayView(lake, newest.day, policy.locale)
    for product in PRODUCTS:
        report = product.report
        if report is not None and report.table.table in newest.published:
            found = report.model.model_validate_json(lake.read_report(newest.day, report.task))
            print_section(report.section(found, day, policy), out, policy.locale)
        if product.summary is not None and product.tables[0].table in newest.published:
            print_section(product.summary(day), out, policy.locale)
    _flagged(outcomes, out, words)
    if not newest.exit_code:
        _nothing_happened(lake, newest.day, out, words)
    seconds = sum(outcome.seconds for outcome in outcomes)
    ending = "failed" if newest.exit_code else "done"
    days = str(newest.day) if len(outcomes) == 1 else words("summary.days", first=outcomes[0].day, last=newest.day)
    out.print()
    style = "bold red" if newest.exit_code else "bold green"
    took = words.writing.decimal(seconds, "#,##0.0")
    line(out, words(f"summary.{ending}", days=days, seconds=took, lake=lake.url), style)
    if not newest.exit_code:
        _hint(lake, newest.day, out, words)


def _nothing_happened(lake: Lake, day: dt.date, out: Console, words: Words) -> None:
    """Print when the newest lead was created, if the day is so late that nothing happened before it."""
    counts = [name for name in DAILY_METRICS.columns if name not in DAILY_METRICS.key]
    metrics = lake.read(DAILY_METRICS.table, day, counts)
    if any(map(any, metrics.to_pydict().values())):
        return
    newest = pc.max(lake.read(LEAD_ACTIVITY.table, day, ["created_at"]).column("created_at")).as_py()
    if newest is not None:
        out.print()
        text = words("summary.nothing_happened", days=metrics.num_rows, day=day, newest=f"{newest:%Y-%m-%d}")
        line(out, text, "yellow")


def _hint(lake: Lake, day: dt.date, out: Console, words: Words) -> None:
    """Print the command that explains the lead whose score changed most."""
    changes = ScoringReport.model_validate_json(lake.read_report(day, TASK)).score_changes
    if changes and sanitize(changes[0].lead_id) == changes[0].lead_id:
        command = ["acquisition", "explain", "--lake", lake.url, "--lead", changes[0].lead_id]
        line(out, words("summary.hint", command=shlex.join(command)))


def _days(outcomes: Sequence[DayOutcome], out: Console, words: Words) -> None:
    heading(out, words("summary.title.days"))
    rows = [
        [
            str(outcome.day),
            round(outcome.seconds, 1),
            len(outcome.published),
            len([c for c in outcome.checks if not _is_anomaly(c)]),
            len([c for c in outcome.checks if _is_anomaly(c)]),
            words("summary.state.failed" if outcome.exit_code else "summary.state.done"),
        ]
        for outcome in outcomes
    ]
    titles = words.titles("day", "seconds", "tables", "checks", "anomalies", "")
    table(out, titles, rows, words.locale)


def _flagged(outcomes: Sequence[DayOutcome], out: Console, words: Words) -> None:
    """Print the failed checks, errors first; anomalies of the last day have their own section."""
    flagged = [
        (outcome.day, check)
        for outcome in outcomes
        for check in outcome.checks
        if not _is_anomaly(check) or outcome is not outcomes[-1]
    ]
    heading(out, words("summary.title.flagged" if flagged else "summary.title.none_flagged"))
    if not flagged:
        return
    flagged.sort(key=lambda pair: (pair[1].severity != "ERROR", pair[0], pair[1].table, pair[1].check))
    rows = [[Severe(c.severity), str(day), c.table, c.check, c.description] for day, c in flagged]
    table(out, words.titles("severity", "day", "table", "check", "what"), rows, words.locale)


def _is_anomaly(check: FailedCheck) -> bool:
    is_rule = check.table == "anomalies" and check.check in SEVERITIES
    return is_rule and not says_no_data(check.description)
