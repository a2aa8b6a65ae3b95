"""Defines the report `rule_evidence`, builds it from the staged table, and sums it up for people.

Verdicts are left to `evidence`, and when the report is written to `core.output`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from acquisition_assets.conversion_forecasts.contract import RULE_EVIDENCE, RULE_KINDS, VERDICTS
from acquisition_assets.core.reports import Report
from acquisition_assets.core.sections import Grid, Part, Section

if TYPE_CHECKING:
    from acquisition_assets.core.step import Step

TASK = RULE_EVIDENCE.table
Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
KINDS = {kind: kind.replace("_", " ") for kind in RULE_KINDS}
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


def summary(report: EvidenceReport) -> Section:
    """Return the report as a section for people: the rules that do better or worse than the other leads."""
    if not report.rules:
        return Section("Evidence for the rules: none", ["no day of the lake is old enough to know what became of it"])
    counted = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in report.verdicts.items())
    parts: list[Part] = [f"{len(report.rules)} rules on {report.evidence_days} past days: {counted}"]
    for verdict in SHOWN:
        found = sorted((row for row in report.rules if row.verdict == verdict), key=lambda row: row.rate or 0.0)
        listed = found[::-1][:SHOWN_RULES] if verdict == "better" else found[:SHOWN_RULES]
        rows = [
            [KINDS[row.rule_kind], row.rule, row.leads, _percent(row.rate), _percent(row.other_rate)] for row in listed
        ]
        if rows:
            parts.append(Grid([verdict, "rule", "leads", "converted", "other leads"], rows))
    return Section("Evidence for the rules", parts)


def _percent(rate: float | None) -> str | None:
    return None if rate is None else f"{rate:.1%}"
