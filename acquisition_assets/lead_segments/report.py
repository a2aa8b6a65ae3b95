"""Defines the report `advanced_segmentation_engine`, builds it from the staged segments, and sums it up.

The memberships themselves are left to `memberships`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from acquisition_assets.core.policy import Locale
from acquisition_assets.core.reports import Report
from acquisition_assets.core.sections import Grid, Part, Section
from acquisition_assets.core.words import words_of
from acquisition_assets.lead_segments.policy import Segment

if TYPE_CHECKING:
    from acquisition_assets.core.step import Step

TASK = "advanced_segmentation_engine"


class SampleLead(Report):
    """One lead of a segment."""

    lead_id: str
    email: str | None
    engagement_score: float


class SegmentSummary(Report):
    """A segment's size, description and sample of leads."""

    count: int
    description: str
    sample_leads: list[SampleLead]


class LargestSegment(Report):
    """The segment with the most leads."""

    name: str
    count: int


class SegmentationReport(Report):
    """The day's summary of segments; largest_segment is null if every segment is empty."""

    segments: dict[str, SegmentSummary]
    total_segments: int
    total_segmented_leads: int
    largest_segment: LargestSegment | None


def sizes(step: Step, segments: Mapping[str, Segment]) -> dict[str, int]:
    """Return the number of leads per segment, in the policy's order."""
    counted = {row["segment"]: row["leads"] for row in step.query("lead_segments/report_sizes").to_pylist()}
    return {name: counted.get(name, 0) for name in segments}


def mailable(step: Step, segments: Mapping[str, Segment]) -> dict[str, int]:
    """Return how many leads of each segment may be mailed, in the policy's order; the report does not include it."""
    counted = {row["segment"]: row["leads"] for row in step.query("lead_segments/report_mailable").to_pylist()}
    return {name: counted.get(name, 0) for name in segments}


def segmentation_report(step: Step, segments: Mapping[str, Segment], length: int) -> SegmentationReport:
    """Return the summary of the staged segments, with `length` leads of each."""
    counted = sizes(step, segments)
    samples: dict[str, list[SampleLead]] = {name: [] for name in segments}
    for row in step.query("lead_segments/report_samples", {"length": length}).to_pylist():
        lead = SampleLead(lead_id=row["lead_id"], email=row["email"], engagement_score=row["engagement_score"])
        samples[row["segment"]].append(lead)
    largest = max(counted, key=lambda name: counted[name], default=None)
    return SegmentationReport(
        segments={
            name: SegmentSummary(count=counted[name], description=segment.description, sample_leads=samples[name])
            for name, segment in segments.items()
        },
        total_segments=len(segments),
        total_segmented_leads=int(step.query("lead_segments/report_leads").to_pylist()[0]["leads"]),
        largest_segment=(
            LargestSegment(name=largest, count=counted[largest]) if largest is not None and counted[largest] else None
        ),
    )


def summary(report: SegmentationReport, locale: Locale) -> Section:
    """Return the report as a section for people: each segment with its size."""
    words = words_of("lead_segments", locale)
    facts = {"fact.leads": report.total_segmented_leads, "fact.segments": report.total_segments}
    parts: list[Part] = [words.facts(facts)]
    if report.segments:
        rows = [[name, segment.count, segment.description] for name, segment in report.segments.items()]
        parts.append(Grid(words.titles("segment", "leads", "description"), rows))
    return Section(words("title"), parts)
