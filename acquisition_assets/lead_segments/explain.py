"""Explains a lead's segments: each criterion, condition by condition, with the lead's values.

Memberships are read from the lake; the evaluation of conditions is left to `criteria`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from acquisition_assets.behavior_predictions.contract import BEHAVIOR_PREDICTIONS
from acquisition_assets.conversion_forecasts.contract import CONVERSION_FORECASTS
from acquisition_assets.core.masking import MASK
from acquisition_assets.core.sections import Condition, LeadView, Notice, Part, Row, Section
from acquisition_assets.core.words import Words, words_of
from acquisition_assets.criteria.language import Criterion
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.lead_segments.contract import LEAD_SEGMENTS, OF_FORECASTS
from acquisition_assets.lead_segments.memberships import parse_segments
from acquisition_assets.lead_segments.policy import Segment


def section(lead: LeadView, segments: Mapping[str, Segment]) -> Section:
    """Return every segment with its conditions and whether the lead is in it.

    Raises:
        InputError: A segment's criterion is refused.
    """
    words = words_of("lead_segments", lead.locale)
    if not lead.has(LEAD_SEGMENTS.table):
        return Section(words("explain.title"), [lead.missing(LEAD_SEGMENTS.table)])
    criteria = parse_segments(segments)
    members = {row["segment"] for row in lead.rows(LEAD_SEGMENTS.table)}
    facts = _facts(lead)
    width = max(len(words(key)) for key in ("explain.in", "explain.out")) + 2
    parts: list[Part] = []
    for criterion in criteria:
        state = words("explain.in" if criterion.segment in members else "explain.out")
        parts += ["", f"{state:{width}}{criterion.segment}: {criterion.text}"]
        parts += [
            Condition(f"{text}{_values(criterion, text, facts, words)}", truth)
            for text, truth in criterion.parts(facts)
        ]
    parts.append("")
    parts += _warnings(criteria, members, facts, words)
    names = [criterion.segment for criterion in criteria if criterion.segment in members]
    return Section(words("explain.title.names", names=names) if names else words("explain.title.none"), parts)


def _facts(lead: LeadView) -> Row:
    """Return the lead's values that a criterion may read."""
    prediction = lead.row(BEHAVIOR_PREDICTIONS.table)
    forecast = lead.row(CONVERSION_FORECASTS.table) if lead.has(CONVERSION_FORECASTS.table) else None
    return {
        **lead.rows(LEAD_ACTIVITY.table)[0],
        "engagement_score": lead.rows(DYNAMIC_SCORES.table)[0]["score"],
        "conversion_probability": prediction["conversion_probability"] if prediction else None,
        **{name: forecast[name] if forecast else None for name in OF_FORECASTS},
    }


def _warnings(criteria: Sequence[Criterion], members: set[str], facts: Row, words: Words) -> list[Notice]:
    """Return a notice for each membership that does not match the current policy."""
    notices = [
        Notice(words("explain.other_criterion", segment=criterion.segment))
        for criterion in criteria
        if bool(criterion.evaluate(facts)) != (criterion.segment in members)
    ]
    unknown = members - {criterion.segment for criterion in criteria}
    if unknown:
        notices.append(Notice(words("explain.unknown", segments=sorted(unknown))))
    return notices


def _values(criterion: Criterion, text: str, facts: Row, words: Words) -> str:
    """Return the lead's values of the columns that a condition names; personal ones are masked."""
    named = [name for name in sorted(criterion.columns) if re.search(rf"\b{name}\b", text, re.IGNORECASE)]
    values = {name: MASK if _is_personal(name) else words.value(facts[name]) for name in named}
    names = {name: f"{name} " if len(named) > 1 else "" for name in named}
    said = [names[name] + words("explain.is", value=value) for name, value in values.items()]
    return f" ({', '.join(said)})" if said else ""


def _is_personal(name: str) -> bool:
    return name in LEAD_ACTIVITY.columns and LEAD_ACTIVITY.is_personal(name)
