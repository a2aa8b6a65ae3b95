"""Here: the typed part of the policy that ingestion reads.

Not here: anything about outputs.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from acquisition_assets.core.policy import Count, LowerText, Percent, Section

Status = Literal["new", "nurturing", "engaged", "converted", "inactive"]
STATUSES: tuple[str, ...] = ("new", "nurturing", "engaged", "converted", "inactive")


class VocabularyPolicy(Section):
    """Other words for a status, in lower case, and which of the five each means."""

    status: dict[LowerText, Status]

    @field_validator("status")
    @classmethod
    def _words(cls, words: dict[str, str]) -> dict[str, str]:
        for word, meaning in words.items():
            if word in STATUSES and word != meaning:
                raise ValueError(f"{word!r} is itself a status and cannot mean {meaning!r}")
        return words


class IngestionPolicy(Section):
    """When late rows are still read, and how many bad rows stop the day."""

    late_arrival_days: Annotated[int, Field(ge=0, le=3650)]
    quarantine_error_percent: Percent
    quarantine_error_rows: Count
