"""Defines the report `forecast_quality`, builds it from the staged table, and sums it up for people.

The measures are left to `quality`, and when the report is written to `core.output`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from acquisition_assets.conversion_forecasts.contract import CANDIDATES, FORECAST_QUALITY, ROOM
from acquisition_assets.conversion_forecasts.quality import MEASURES
from acquisition_assets.core.policy import Locale
from acquisition_assets.core.reports import Report
from acquisition_assets.core.sections import Grid, Part, Section
from acquisition_assets.core.words import Words, words_of

if TYPE_CHECKING:
    from acquisition_assets.core.step import Step

TASK = FORECAST_QUALITY.table
Count = Annotated[int, Field(ge=0)]
DECIMALS = 4
PATTERN = "0.000"
SHOWN = ("auc", "brier", "ece", "lift")


class Measure(Report):
    """A measure with the bounds of its 95 % interval; null where it was not measured."""

    value: float | None
    low: float | None
    high: float | None


class CandidateQuality(Report):
    """How a candidate did on weeks that it had not seen."""

    is_published: bool
    auc: Measure
    brier: Measure
    skill: Measure
    ece: Measure
    lift: Measure


class QualityReport(Report):
    """What the day's training and validation found."""

    gate_passed: bool
    gate_reason: str
    validation_rows: Count
    validation_conversions: Count
    training_rows: Count
    training_conversions: Count
    is_approximate: bool
    refused_features: list[str]
    fingerprint: str | None
    candidates: dict[str, CandidateQuality]


def quality_report(step: Step) -> QualityReport:
    """Return the report of the staged quality."""
    found = {row["candidate"]: row for row in step.session.query("select * from staged").to_pylist()}
    learned = found[CANDIDATES[0]]
    return QualityReport(
        gate_passed=learned["gate_passed"],
        gate_reason=learned["gate_reason"],
        validation_rows=learned["rows"],
        validation_conversions=learned["conversions"],
        training_rows=learned["training_rows"],
        training_conversions=learned["training_conversions"],
        is_approximate=learned["is_approximate"],
        refused_features=learned["refused_features"],
        fingerprint=learned["fingerprint"],
        candidates={
            name: CandidateQuality(
                is_published=found[name]["is_published"],
                **{
                    measure: Measure(
                        value=_rounded(found[name][measure]),
                        low=_rounded(found[name][f"{measure}_low"]),
                        high=_rounded(found[name][f"{measure}_high"]),
                    )
                    for measure in MEASURES
                },
            )
            for name in CANDIDATES
        },
    )


def summary(report: QualityReport, locale: Locale) -> Section:
    """Return the report as a section for people: the gate, and the measures of each candidate with intervals."""
    words = words_of(ROOM, locale)
    parts: list[Part] = [
        words.facts({"quality.rows": report.validation_rows, "quality.conversions": report.validation_conversions}),
        words("quality.passed" if report.gate_passed else "quality.not_passed", reason=report.gate_reason),
    ]
    rows = [
        [words(f"quality.{name}"), *(_measured(getattr(candidate, measure), words) for measure in SHOWN)]
        for name, candidate in report.candidates.items()
        if candidate.brier.value is not None
    ]
    if rows:
        parts.append(Grid(words.titles("", *SHOWN), rows))
    return Section(words("quality.title"), parts)


def _measured(measure: Measure, words: Words) -> str | None:
    if measure.value is None or measure.low is None or measure.high is None:
        return None
    value, low, high = (words.writing.decimal(each, PATTERN) for each in (measure.value, measure.low, measure.high))
    return words("quality.measured", value=value, low=low, high=high)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DECIMALS)
