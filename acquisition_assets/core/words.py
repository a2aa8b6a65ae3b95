"""Reads the catalogues of words, and fills phrases with values as the language writes them.

A room's catalogue has a file per language in its folder `words`; what is said and when is left to the room. Names of
tables, columns and other keys have no place there, as they never change.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from acquisition_assets.core.policy import Locale, read_yaml
from acquisition_assets.core.writing import Writing

PACKAGE = Path(__file__).parents[1]
SHARED = "core"
"""The room of the words that all rooms use."""
EXPLAINED_DECIMALS = 4


class Plural(BaseModel):
    """The forms of a phrase for one and for other numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    one: str
    other: str


Phrase = str | Plural


@cache
def read_catalogue(room: str, locale: Locale) -> Mapping[str, Any]:
    """Return the catalogue of a room in a language."""
    return read_yaml(PACKAGE / room / "words" / f"{locale}.yaml", "catalogue")


@cache
def _phrases(locale: Locale, room: str) -> Mapping[str, Phrase]:
    return TypeAdapter(dict[str, Phrase]).validate_python(read_catalogue(room, locale), strict=True)


@cache
def words_of(room: str, locale: Locale) -> Words:
    """Return the words of a room in a language."""
    return Words(locale, room)


def form(phrase: Phrase, plural: str) -> str:
    """Return the form of a phrase for a plural category of CLDR, such as `one`."""
    if isinstance(phrase, str):
        return phrase
    return phrase.one if plural == "one" else phrase.other


@dataclass(frozen=True)
class Message:
    """A phrase that is put into a language later: its key in the catalogue of a room, and its values."""

    key: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Words:
    """The phrases of a room in one language, and values as that language writes them."""

    locale: Locale
    room: str
    writing: Writing = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "writing", Writing(self.locale))

    def __call__(self, key: str, /, **values: object) -> str:
        """Return a phrase with its values; its form is that for the first number.

        Raises:
            KeyError: The catalogue has no such phrase, or the phrase needs another value.
        """
        shown = {name: self._in_text(value) for name, value in values.items()}
        return self.template(key, _first_number(values)).format(**shown)

    def message(self, message: Message) -> str:
        """Return a message in this language."""
        return self(message.key, **message.values)

    def has(self, key: str) -> bool:
        """Return whether the room has a phrase."""
        return key in _phrases(self.locale, self.room)

    def template(self, key: str, number: float | None = None) -> str:
        """Return a phrase as it is, with its places, in its form for a number."""
        return form(self._phrase(key), "other" if number is None else self.writing.plural(number))

    def facts(self, facts: Mapping[str, float]) -> str:
        """Return the single numbers of a section in one line, each in its phrase with the place {number}."""
        phrases = (self.template(key, value).format(number=self.cell(value)) for key, value in facts.items())
        return ", ".join(phrases)

    def titles(self, *keys: str) -> list[str]:
        """Return the titles of a table's columns."""
        return [self(f"column.{key}") if key else "" for key in keys]

    def cell(self, value: object) -> str:
        """Return a cell for people: thousands marked, at most 2 decimals, a dash for a missing value."""
        if value is None:
            return "-"
        if isinstance(value, bool):
            return self.shared("yes" if value else "no")
        if isinstance(value, int):
            return self.writing.decimal(value, "#,##0")
        if isinstance(value, float):
            return self.writing.decimal(value, "#,##0.00")
        return str(value)

    def value(self, value: object) -> str:
        """Return a value in an explanation. One that only looks round is "about" that, as it may miss a threshold."""
        if value is None:
            return self.shared("unknown")
        if isinstance(value, bool):
            return self.shared("true" if value else "false")
        if isinstance(value, float):
            number = self.writing.decimal(round(value, EXPLAINED_DECIMALS), f"0.{'#' * EXPLAINED_DECIMALS}")
            return self.shared("about").format(value=number) if _is_about(value) else number
        if isinstance(value, dt.datetime):
            return f"{value:%Y-%m-%d %H:%M} UTC"
        if isinstance(value, list):
            return ", ".join(map(str, value)) or self.shared("nothing")
        return str(value)

    def known(self, key: str, value: object, unknown: str, **values: object) -> str:
        """Return a phrase with the place {value}, or another phrase for a missing value."""
        return self(unknown) if value is None else self(key, value=value, **values)

    def shared(self, key: str) -> str:
        """Return a phrase that all rooms use, with its places."""
        return form(_phrases(self.locale, SHARED)[key], "other")

    def _phrase(self, key: str) -> Phrase:
        return _phrases(self.locale, self.room)[key]

    def _in_text(self, value: object) -> str:
        is_count = isinstance(value, int) and not isinstance(value, bool)
        return self.cell(value) if is_count else self.value(value)


def _is_about(value: float) -> bool:
    """Return whether a value looks round only because its last decimals are left out."""
    rounded = round(value, EXPLAINED_DECIMALS)
    return rounded == round(value, EXPLAINED_DECIMALS - 1) and rounded != value


def _first_number(values: Mapping[str, object]) -> float | None:
    numbers = (value for value in values.values() if isinstance(value, (int, float)) and not isinstance(value, bool))
    return next(numbers, None)
