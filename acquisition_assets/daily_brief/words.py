"""Types the catalogues of the brief's words, so that a missing or unknown key is refused.

Reading them is left to `core.words`, and how numbers and days are written to `writing`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Annotated, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict

from acquisition_assets.anomalies.contract import SEVERITIES
from acquisition_assets.core.policy import Locale
from acquisition_assets.core.words import Phrase, read_catalogue
from acquisition_assets.daily_brief.model import How, Kind, Metric, Title
from acquisition_assets.daily_brief.people import VALUES
from acquisition_assets.inputs.tables import INPUTS
from acquisition_assets.raw.contract import REASONS

ROOM = "daily_brief"
STATES = ("began", "goes_on", "seen", "ended")
SENTENCES = (
    *("quiet", "empty", "missing_outputs", "late_leads", "late_events", "day_not_over", "recommended"),
    *(f"{kind}.{state}" for kind in SEVERITIES for state in STATES),
    *(f"move.{metric}" for metric in get_args(Metric)),
    *(f"{metric}.{what}" for metric in ("engaged", "converted") for what in ("clearly", "not_clearly", "nobody")),
    *VALUES,
)
"""Every key of a sentence or a reason."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Remedy(_Strict):
    """What is wrong with quarantined rows, and what to do."""

    words: str
    remedy: str


def _all_of(wanted: Iterable[str]) -> AfterValidator:
    expected = set(wanted)

    def check(found: dict[str, object]) -> dict[str, object]:
        if found.keys() != expected:
            raise ValueError(f"keys that are missing or too many: {', '.join(sorted(found.keys() ^ expected))}")
        return found

    return AfterValidator(check)


class Labels(_Strict):
    """Words around numbers."""

    yesterday: str
    week_ago: str
    of_day: str
    gap: str
    line: str
    line_empty: str
    marked: str
    lead: str
    why: str
    score: str
    next_item: str
    no_item: str
    not_mailed: str
    nobody: str
    channel: str
    leads: str
    engaged: str
    converted: str
    interval: str
    others: Phrase
    no_channels: str
    segment: str
    size: str
    entered: str
    left: str
    trend: str
    no_segments: str
    item: str
    recommended: str
    completed: str
    share: str
    not_recommended: str
    table: str
    accepted: str
    quarantined: str
    newest_lead: str
    newest_event: str
    missing_days: str
    reasons: str
    remedy: str
    no_quarantine: str
    metric: str
    last_week: str
    week_before: str
    change: str
    missing: str
    missing_reason: str
    make_again: str
    hours: Phrase
    skip: str
    corrected: str


class Words(_Strict):
    """Every word of the brief in one language; a missing or unknown key is refused."""

    language: str
    heading: str
    titles: Annotated[dict[Title, str], _all_of(get_args(Title))]
    metrics: Annotated[dict[Metric, str], _all_of(get_args(Metric))]
    kinds: Annotated[dict[Kind, str], _all_of(get_args(Kind))]
    inputs: Annotated[dict[str, str], _all_of(INPUTS)]
    labels: Labels
    sentences: Annotated[dict[str, Phrase], _all_of(SENTENCES)]
    quarantine: Annotated[dict[str, Remedy], _all_of(REASONS)]
    how: Annotated[dict[How, str], _all_of(get_args(How))]


@cache
def read_words(locale: Locale) -> Words:
    """Return the words of the brief in a language."""
    return Words.model_validate(read_catalogue(ROOM, locale))
