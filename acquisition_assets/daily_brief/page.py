"""Renders a brief as one HTML page that needs nothing else, from the templates, one per section.

What is on the page is left to `compose`, words to the catalogues, and the form of numbers to `writing`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from acquisition_assets.core.policy import Locale
from acquisition_assets.core.words import Phrase, form
from acquisition_assets.daily_brief.lines import draw
from acquisition_assets.daily_brief.model import Brief, Line, Missing, Number, Sentence
from acquisition_assets.daily_brief.words import Words, read_words
from acquisition_assets.daily_brief.writing import Writing

TEMPLATES = Path(__file__).with_name("templates")
LONGEST_NAME = 80
"""Characters of a name that are shown."""


def render(brief: Brief, locale: Locale) -> str:
    """Return the page of a brief in a language: the same bytes for the same brief."""
    words, writing = read_words(locale), Writing(locale)
    speech = Speech(words, writing)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"num": speech.number, "say": speech.sentence, "day": writing.day, "name": shown_name}
    environment.tests["missing"] = lambda value: isinstance(value, Missing)
    template = environment.get_template("brief.html.j2")
    return template.render(
        brief=brief, words=words, labels=words.labels, writing=writing, speech=speech, locale=locale, draw=draw
    )


def message_title(day: dt.date, locale: Locale, *, is_corrected: bool = False) -> str:
    """Return the title of a day's brief, as the subject of a message; it holds no personal data."""
    words = read_words(locale)
    text = f"{words.heading}: {Writing(locale).long_day(day)}"
    return words.labels.corrected.format(title=text) if is_corrected else text


def shown_name(text: str) -> Markup:
    """Return a name as text of its own direction: nothing invisible, cut where it is very long."""
    visible = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(text))
    cut = visible if len(visible) <= LONGEST_NAME else visible[: LONGEST_NAME - 1] + "…"
    return Markup("<bdi>{}</bdi>").format(Markup("_<wbr>").join(cut.split("_")))


@dataclass(frozen=True)
class Speech:
    """Puts numbers, days and names into the phrases of a language, as safe HTML."""

    words: Words
    writing: Writing

    def number(self, number: Number) -> Markup:
        """Return a number that links to the line that says how it is counted; a gap is a dash with its word."""
        if number.value is None:
            return Markup('<span class="gap" title="{0}"><span aria-hidden="true">–</span><i>{0}</i></span>').format(
                self.words.labels.gap
            )
        text = self.writing.number(number)
        if number.unit == "hours":
            phrase = form(self.words.labels.hours, self.writing.plural(number.value))
            text = phrase.format(hours=text)
        link = Markup('<a class="n" href="#how-{}"><data value="{}">{}</data></a>')
        return link.format(number.how, format(number.value, "g" if number.value % 1 else ".0f"), text)

    def sentence(self, sentence: Sentence) -> Markup:
        """Return a sentence with its values."""
        return self.phrase(self.words.sentences[sentence.key], sentence.values)

    def phrase(self, phrase: Phrase, values: Mapping[str, Number | dt.date | str]) -> Markup:
        """Return a phrase with values; its form is that for the first number."""
        first = next((value.value for value in values.values() if isinstance(value, Number)), None)
        text = form(phrase, self.writing.plural(first) if first is not None else "other")
        return Markup(text).format(**{name: self._value(value) for name, value in values.items()})

    def _value(self, value: Number | dt.date | str) -> Markup | str:
        if isinstance(value, Number):
            return self.number(value)
        return self.writing.day(value) if isinstance(value, dt.date) else shown_name(value)

    def line(self, title: str, line: Line, unit: Literal["count", "percent"]) -> str:
        """Return what a line shows, in words for who does not see it."""
        known = [value for value in line.values if value is not None]
        labels = self.words.labels
        if not known:
            return labels.line_empty.format(metric=title, days=len(line.values))
        low, high = (self.writing.number(Number(value, "week", unit)) for value in (min(known), max(known)))
        gaps = len(line.values) - len(known)
        marked: Sequence[Any] = line.marked
        return labels.line.format(
            metric=title, days=len(line.values), low=low, high=high, gaps=gaps, marked=len(marked)
        )
