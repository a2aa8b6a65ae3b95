"""Defines the report `rule_evidence`, builds it from the staged table, and sums it up for people.

Verdicts are left to `evidence`, and when the report is written to `core.output`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from acquisition_assets.conversion_forecasts.contract import ROOM, RULE_EVIDENCE, VERDICTS
from acquisition_assets.core.policy import Locale
from acquisition_assets.core.reports import Report
from acquisition_assets.core.sections import Grid, Part, Section
from acquisition_assets.core.words import Words, words_of

if TYPE_CHECKING:
    from acquisition_assets.core.step import Step

TASK = RULE_EVIDENCE.table
Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
SHOWN = ("better", "worse")
"""The verdicts of the rules that the summary names."""
SHOWN_RULES = 5
"""Rules of each verdict that the summary names, the clearest first."""


class RuleOutcome(Report):
    """What became of the leads for which a rule held."""

    rule_kind: str
    rule: str
    leads: Count
    conversions: Count
    rate: Share | None
    rate_low: Share | None
    rate_high: Share | None
    other_rate: Share | None
    lift: float | None
    verdict: Literal["better", "worse", "not_clear", "too_few"]


class EvidenceReport(Report):
    """Every rule with its outcome, and how many rules have each verdict."""

    evidence_days: Count
    verdicts: dict[str, Count]
    rules: list[RuleOutcome]


def evidence_report(step: Step) -> EvidenceReport:
    """Return the report of the staged evidence."""
    columns = ", ".join(RULE_EVIDENCE.columns)
    rows = step.session.query(f"select {columns} from staged order by rule_kind, rule").to_pylist()
    (days,) = step.session.query("select count(*) as days from evidence_days").column("days").to_pylist()
    return EvidenceReport(
        evidence_days=days,
        verdicts={name: sum(row["verdict"] == name for row in rows) for name in VERDICTS},
        rules=[RuleOutcome(**row) for row in rows],
    )


def summary(report: EvidenceReport, locale: Locale) -> Section:
    """Return the report as a section for people: the rules that do better or worse than the other leads."""
    words = words_of(ROOM, locale)
    if not report.rules:
        return Section(words("evidence.none"), [words("evidence.too_early")])
    counted = words.facts({f"evidence.{name}": count for name, count in report.verdicts.items()})
    days = words("evidence.days", days=report.evidence_days)
    parts: list[Part] = [words("evidence.rules", rules=len(report.rules), days=days, counted=counted)]
    for verdict in SHOWN:
        found = sorted((row for row in report.rules if row.verdict == verdict), key=lambda row: row.rate or 0.0)
        listed = found[::-1][:SHOWN_RULES] if verdict == "better" else found[:SHOWN_RULES]
        rows = [
            [
                words(f"kind.{row.rule_kind}"),
                row.rule,
                row.leads,
                _percent(row.rate, words),
                _percent(row.other_rate, words),
            ]
            for row in listed
        ]
        if rows:
            parts.append(Grid(words.titles(verdict, "rule", "leads", "converted", "others"), rows))
    return Section(words("evidence.title"), parts)


def _percent(rate: float | None, words: Words) -> str | None:
    return None if rate is None else words.writing.percent(rate * 100)
