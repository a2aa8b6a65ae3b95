"""Here: the readable summary of a run: the six outputs as their reports say, and everything that was flagged.

Not here: any number of it; they are in the lake's reports and in the outcome of the run. No personal data is shown.
"""

from __future__ import annotations

import datetime as dt
import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
from rich.console import Console
from rich.text import Text

from acquisition_assets.anomalies.contract import SEVERITIES
from acquisition_assets.commands.console import heading, line, table, written
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.masking import clean
from acquisition_assets.features.contract import DAILY_METRICS, LEAD_ACTIVITY

if TYPE_CHECKING:
    from acquisition_assets.commands.day import DayOutcome, FailedCheck

Report = Mapping[str, Any]
SHOWN = 5
STYLES = {"ERROR": "bold red", "WARN": "yellow", "high": "bold red", "medium": "yellow"}


def print_summary(lake: Lake, outcomes: Sequence[DayOutcome], out: Console) -> None:
    """Print the outputs of the last day, and what was flagged on any."""
    newest = outcomes[-1]
    if len(outcomes) > 1:
        _days(outcomes, out)
    for asset, (task, tell) in SECTIONS.items():
        if asset in newest.published:
            tell(json.loads(lake.read_report(newest.day, task)), out)
    _flagged(outcomes, out)
    if not newest.exit_code:
        _nothing_happened(lake, newest.day, out)
    seconds = sum(outcome.seconds for outcome in outcomes)
    ending = "failed" if newest.exit_code else "done"
    days = str(newest.day) if len(outcomes) == 1 else f"{outcomes[0].day} to {newest.day}"
    out.print()
    style = "bold red" if newest.exit_code else "bold green"
    line(out, f"{days}: {ending} in {seconds:.1f} s; lake: {lake.url}", style)
    if not newest.exit_code:
        _hint(lake, newest.day, out)


def _nothing_happened(lake: Lake, day: dt.date, out: Console) -> None:
    """Where the day lies long after the data, when the newest lead came."""
    counts = [name for name in DAILY_METRICS.columns if name not in DAILY_METRICS.key]
    metrics = lake.read(DAILY_METRICS.table, day, counts)
    if any(map(any, metrics.to_pydict().values())):
        return
    newest = pc.max(lake.read(LEAD_ACTIVITY.table, day, ["created_at"]).column("created_at")).as_py()
    if newest is not None:
        told = f"nothing happened in the {metrics.num_rows} days up to {day}; the newest lead was created on"
        out.print()
        line(out, f"{told} {newest:%Y-%m-%d}: choose a day near it with --date", "yellow")


def _hint(lake: Lake, day: dt.date, out: Console) -> None:
    """The command that explains the lead whose score changed most."""
    changes = json.loads(lake.read_report(day, SECTIONS["dynamic_scores"][0]))["score_changes"]
    if changes and clean(changes[0]["lead_id"]) == changes[0]["lead_id"]:
        command = ["acquisition", "explain", "--lake", lake.url, "--lead", changes[0]["lead_id"]]
        line(out, f"why a score is what it is: {shlex.join(command)}")


def _days(outcomes: Sequence[DayOutcome], out: Console) -> None:
    heading(out, "Days")
    rows = [
        [
            str(outcome.day),
            round(outcome.seconds, 1),
            len(outcome.published),
            len([c for c in outcome.checks if not _is_anomaly(c)]),
            len([c for c in outcome.checks if _is_anomaly(c)]),
            "failed" if outcome.exit_code else "done",
        ]
        for outcome in outcomes
    ]
    table(out, ["day", "seconds", "tables", "checks failed", "anomalies", ""], rows)


def _facts(out: Console, title: str, report: Report, facts: Mapping[str, str]) -> None:
    """The title of an output and its single numbers, in one line."""
    heading(out, title)
    line(out, "  " + ", ".join(f"{written(report[key])} {words}" for key, words in facts.items()))


def _scores(report: Report, out: Console) -> None:
    facts = {
        "total_analyzed": "leads analysed",
        "updated": "updated",
        "increased": "up",
        "decreased": "down",
        "avg_score_change": "points mean change",
    }
    _facts(out, "Dynamic scores", report, facts)
    largest = report["score_changes"][:SHOWN]
    if largest:
        rows = [[row["lead_id"], row["old_score"], row["new_score"], row["change"]] for row in largest]
        table(out, ["largest changes", "old score", "new score", "change"], rows)


def _predictions(report: Report, out: Console) -> None:
    facts = {"total_analyzed": "leads analysed", "high_probability_leads": "likely to convert"}
    _facts(out, "Behavior predictions", report, facts)
    if not report["total_analyzed"]:
        line(out, "  none of the leads is new, nurturing or engaged")
        return
    table(out, ["next action", "leads"], list(report["action_distribution"].items()))
    best = report["predictions"][:SHOWN]
    if best:
        rows = [
            [row["lead_id"], row["current_status"], row["conversion_probability"], row["predicted_next_action"]]
            for row in best
        ]
        table(out, ["most probable", "status", "probability %", "next action"], rows)


def _recommendations(report: Report, out: Console) -> None:
    facts = {"total_leads": "leads with an item", "avg_recommendations_per_lead": "items per lead"}
    _facts(out, "Content recommendations", report, facts)
    if not report["total_leads"]:
        line(out, "  none of the leads that are new, nurturing or engaged meets a rule")
    if report["content_type_distribution"]:
        table(out, ["content type", "items"], list(report["content_type_distribution"].items()))


def _segments(report: Report, out: Console) -> None:
    facts = {"total_segmented_leads": "leads in a segment", "total_segments": "segments"}
    _facts(out, "Lead segments", report, facts)
    rows = [[name, segment["count"], segment["description"]] for name, segment in report["segments"].items()]
    if rows:
        table(out, ["segment", "leads", "description"], rows)


def _anomalies(report: Report, out: Console) -> None:
    facts = {"total_detected": "detected", "high_severity": "high", "medium_severity": "medium"}
    _facts(out, "Anomalies", report, facts)
    if report["anomalies"]:
        rows = [
            [_severity(row["severity"]), row["type"], row["message"], row["recommendation"]]
            for row in report["anomalies"]
        ]
        table(out, ["severity", "type", "message", "recommendation"], rows)


def _social(report: Report, out: Console) -> None:
    facts = {"total_social_leads": "leads of the last days came from social media", "social_percentage": "% of all"}
    _facts(out, "Social performance", report, facts)
    best = report["best_platform"]
    chosen = f"{best['platform']} ({written(best['engagement_rate'])} % engaged)" if best else "none has enough leads"
    line(out, f"  best platform: {chosen}")
    if report["social_platforms"]:
        names = ("platform", "total_leads", "engaged_leads", "engagement_rate", "avg_engagement_score", "referral_rate")
        titles = ["platform", "leads", "engaged", "engagement %", "mean score", "referral %"]
        table(out, titles, [[row[name] for name in names] for row in report["social_platforms"]])
    channels = [
        [name, row["total"], row["engaged"], row["engagement_rate"]]
        for name, row in report["channel_comparison"].items()
    ]
    table(out, ["channel", "leads", "engaged", "engagement %"], channels)


def _flagged(outcomes: Sequence[DayOutcome], out: Console) -> None:
    """The failed checks, the gravest first; anomalies of the last day have a section of their own."""
    flagged = [
        (outcome.day, check)
        for outcome in outcomes
        for check in outcome.checks
        if not _is_anomaly(check) or outcome is not outcomes[-1]
    ]
    heading(out, "Flagged checks" if flagged else "Flagged checks: none")
    if not flagged:
        return
    flagged.sort(key=lambda pair: (pair[1].severity != "ERROR", pair[0], pair[1].table, pair[1].check))
    rows = [[_severity(c.severity), str(day), c.table, c.check, c.description] for day, c in flagged]
    table(out, ["severity", "day", "table", "check", "what"], rows)


def _is_anomaly(check: FailedCheck) -> bool:
    return check.table == "anomalies" and check.check in SEVERITIES


def _severity(word: str) -> Text:
    return Text(word, style=STYLES.get(word, ""))


SECTIONS: Mapping[str, tuple[str, Callable[[Report, Console], None]]] = {
    "dynamic_scores": ("dynamic_scoring_system", _scores),
    "behavior_predictions": ("predictive_behavior_analysis", _predictions),
    "content_recommendations": ("personalized_content_recommendations", _recommendations),
    "lead_segments": ("advanced_segmentation_engine", _segments),
    "anomalies": ("anomaly_detection", _anomalies),
    "social_performance": ("social_media_tracking", _social),
}
"""Asset -> its task's report, and how it is told; in the order of the document."""
