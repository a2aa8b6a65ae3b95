"""Names the words that the input tables know, and types the part of the policy that teaches other words for them.

Does not compare cells with them (see `raw.words`) or say which column has which words (see `inputs.tables`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field, field_validator

from acquisition_assets.core.policy import LowerText, Section

Status = Literal["new", "nurturing", "engaged", "converted", "inactive"]
EventWord = Literal["sent", "opened", "clicked", "completed", "bounced", "unsubscribed", "complained", "ignore"]
STATUSES: tuple[str, ...] = ("new", "nurturing", "engaged", "converted", "inactive")
EVENT_TYPES = ("sent", "opened", "clicked", "completed", "bounced", "unsubscribed", "complained")
REFERRAL_STATUSES = ("pending", "validated", "fraud", "rejected")
IGNORE = "ignore"
"""What the policy says of an event_type whose rows are left out."""


def word_key(word: str) -> str:
    """Return a word as it is compared: in lower case, each run of blanks, hyphens, underscores and slashes as one."""
    return re.sub(r"[\s\-_/]+", "_", word.strip().lower())


class VocabularyPolicy(Section):
    """The words of the input tables: other words and what each means, and how free words are spelled.

    Attributes:
        status: other words for a status, and which of the five each means.
        event_type: other words for an event_type, and which of the seven each means, or `ignore`.
        source, interest_area, content_type: words that are stored in this spelling, however a cell spells them.
    """

    status: dict[LowerText, Status]
    event_type: dict[LowerText, EventWord] = Field(default_factory=dict)
    source: tuple[LowerText, ...] = ()
    interest_area: tuple[LowerText, ...] = ()
    content_type: tuple[LowerText, ...] = ()

    @field_validator("status", "event_type")
    @classmethod
    def _words(cls, words: dict[str, str]) -> dict[str, str]:
        meanings: dict[str, str] = {}
        for word, meaning in words.items():
            known = meanings.setdefault(word_key(word), meaning)
            if known != meaning:
                raise ValueError(f"{word!r} cannot mean both {known!r} and {meaning!r}")
        return words

    @field_validator("status")
    @classmethod
    def _statuses(cls, words: dict[str, str]) -> dict[str, str]:
        return _not_themselves(words, STATUSES, "a status")

    @field_validator("event_type")
    @classmethod
    def _event_types(cls, words: dict[str, str]) -> dict[str, str]:
        return _not_themselves(words, EVENT_TYPES, "an event_type")

    @field_validator("source", "interest_area", "content_type", mode="before")
    @classmethod
    def _lists(cls, words: object) -> object:
        return tuple(words) if isinstance(words, list) else words

    def meanings(self, column: str, words: Sequence[str]) -> dict[str, str]:
        """Return what each word of a column is stored as, by `word_key`.

        Args:
            words: the known words of the column, where not every word is allowed.
        """
        given: Mapping[str, str] | Sequence[str] = getattr(self, column, ())
        if column == "status" and tuple(words) != STATUSES:
            given = ()
        others = dict(given) if isinstance(given, Mapping) else {word: word for word in given}
        return {word_key(word): meaning for word, meaning in {**others, **{word: word for word in words}}.items()}


def _not_themselves(words: dict[str, str], known: Sequence[str], what: str) -> dict[str, str]:
    for word, meaning in words.items():
        if word_key(word) in known and word_key(word) != meaning:
            raise ValueError(f"{word!r} is itself {what} and cannot mean {meaning!r}")
    return words
