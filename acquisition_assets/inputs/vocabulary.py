"""Names the words that the input tables know, and types the part of the policy that teaches other words for them.

Does not compare cells with them (see `raw.rows`) or say which column has which words (see `inputs.tables`).
"""

from __future__ import annotations

from typing import Literal

from pydantic import field_validator

from acquisition_assets.core.policy import LowerText, Section

Status = Literal["new", "nurturing", "engaged", "converted", "inactive"]
STATUSES: tuple[str, ...] = ("new", "nurturing", "engaged", "converted", "inactive")
EVENT_TYPES = ("sent", "opened", "clicked", "completed", "bounced", "unsubscribed", "complained")
REFERRAL_STATUSES = ("pending", "validated", "fraud", "rejected")


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
