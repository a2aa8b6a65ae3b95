"""Defines the report `anomaly_detection`, builds it from the table `anomalies`, and sums it up for people.

When and where it is written is left to `core.output`.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field, model_validator

from acquisition_assets.anomalies.contract import UNUSUAL_BEHAVIOR
from acquisition_assets.core.policy import Locale
from acquisition_assets.core.reports import Report
from acquisition_assets.core.sections import Grid, Part, Section, Severe
from acquisition_assets.core.words import words_of

TASK = "anomaly_detection"
Text = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=0)]
_KEYS = ("type", "severity", "message", "recommendation")


class ReportedAnomaly(Report):
    """An anomaly in the day's totals; it has no key affected_leads."""

    type: Literal["engagement_drop", "high_fraud_rate", "lead_generation_drop"]
    severity: Literal["high", "medium"]
    message: Text
    recommendation: Text


class ReportedBehavior(Report):
    """Leads who were sent many deliveries and reacted to none."""

    type: Literal["unusual_behavior"]
    severity: Literal["high", "medium"]
    message: Text
    recommendation: Text
    affected_leads: Annotated[int, Field(ge=1)]


Reported = Annotated[ReportedAnomaly | ReportedBehavior, Field(discriminator="type")]


class AnomalyReport(Report):
    """The metrics that the task anomaly_detection returns."""

    anomalies: list[Reported]
    total_detected: Count
    high_severity: Count
    medium_severity: Count

    @model_validator(mode="after")
    def _adds_up(self) -> AnomalyReport:
        severities = [anomaly.severity for anomaly in self.anomalies]
        counted = (len(severities), severities.count("high"), severities.count("medium"))
        if (self.total_detected, self.high_severity, self.medium_severity) != counted:
            raise ValueError("total_detected, high_severity and medium_severity must count the anomalies")
        return self


def anomaly_report(anomalies: pd.DataFrame) -> AnomalyReport:
    """Return the report of a day's table `anomalies`, in the order of its rows."""
    reported = [_reported(row) for row in anomalies.to_dict("records")]
    severities = [anomaly.severity for anomaly in reported]
    return AnomalyReport(
        anomalies=reported,
        total_detected=len(reported),
        high_severity=severities.count("high"),
        medium_severity=severities.count("medium"),
    )


def _reported(row: dict[Hashable, Any]) -> ReportedAnomaly | ReportedBehavior:
    shared = {key: row[key] for key in _KEYS}
    if row["type"] == UNUSUAL_BEHAVIOR:
        return ReportedBehavior.model_validate({**shared, "affected_leads": int(row["affected_leads"])})
    return ReportedAnomaly.model_validate(shared)


def summary(report: AnomalyReport, locale: Locale) -> Section:
    """Return the report as a section for people: every anomaly with its recommendation."""
    words = words_of("anomalies", locale)
    facts = {
        "fact.detected": report.total_detected,
        "fact.high": report.high_severity,
        "fact.medium": report.medium_severity,
    }
    parts: list[Part] = [words.facts(facts)]
    if report.anomalies:
        rows = [[Severe(row.severity), row.type, row.message, row.recommendation] for row in report.anomalies]
        parts.append(Grid(words.titles("severity", "type", "message", "recommendation"), rows))
    return Section(words("title"), parts)
