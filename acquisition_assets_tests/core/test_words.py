"""Protects the catalogues: the same keys and places in both languages, right plurals, numbers of the language."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from acquisition_assets.core.policy import LOCALES, Locale
from acquisition_assets.core.words import PACKAGE, SHARED, read_catalogue, words_of

FORMS = {"one", "other"}
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/words"))


def phrases(node: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Return the path of every phrase of a catalogue with its forms."""
    for key, value in node.items():
        if isinstance(value, str):
            yield (*path, key), [value]
        elif value.keys() == FORMS:
            yield (*path, key), list(value.values())
        else:
            yield from phrases(value, (*path, key))


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("room", ROOMS)
def test_both_languages_have_the_same_keys_and_places(room: str) -> None:
    spanish, english = (dict(phrases(read_catalogue(room, locale))) for locale in LOCALES)
    assert list(spanish) == list(english)
    for path, forms in spanish.items():
        wanted = set().union(*map(places, forms))
        assert wanted == set().union(*map(places, english[path])), path
        assert all(text.strip() for text in [*forms, *english[path]]), path


def test_each_room_that_speaks_has_every_language() -> None:
    assert {path.parents[1].name for path in PACKAGE.glob("*/words/*.yaml")} == set(ROOMS)
    assert all({path.stem for path in (PACKAGE / room / "words").iterdir()} == set(LOCALES) for room in ROOMS)


@pytest.mark.parametrize(
    ("locale", "numbers", "written"),
    [
        ("es", [1, 0, 12345, 8.170740000000007, None, True], ["1", "0", "12.345", "8,17", "-", "sí"]),
        ("en", [1, 0, 12345, 8.170740000000007, None, True], ["1", "0", "12,345", "8.17", "-", "yes"]),
    ],
)
def test_cells_are_written_as_the_language_does(locale: Locale, numbers: list[object], written: list[str]) -> None:
    assert [words_of(SHARED, locale).cell(number) for number in numbers] == written


@pytest.mark.parametrize(
    ("locale", "written"),
    [("es", ["2", "aprox. 2", "1,2346", "desconocido", "nada"]), ("en", ["2", "about 2", "1.2346", "unknown", "none"])],
)
def test_explained_values_are_written_as_the_language_does(locale: Locale, written: list[str]) -> None:
    values = (2.0, 1.99999, 1.2345678, None, [])
    assert [words_of(SHARED, locale).value(value) for value in values] == written


@pytest.mark.parametrize(("locale", "one", "many"), [("es", "1 fila", "2 filas"), ("en", "1 row", "2 rows")])
def test_a_phrase_has_the_form_of_its_first_number(locale: Locale, one: str, many: str) -> None:
    words = words_of("incidents", locale)
    assert one in words("title.quarantine", observed=1, name="x")
    assert many in words("title.quarantine", observed=2, name="x")
    assert many in words.template("title.quarantine", 2).format(observed=2, name="x")
