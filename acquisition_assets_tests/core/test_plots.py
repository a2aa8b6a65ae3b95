"""Protects the small plots: they fit inline whatever there is to draw, and they draw the given numbers."""

from __future__ import annotations

import base64
import re
from xml.etree import ElementTree

import pytest

from acquisition_assets.core.plots import HEIGHT, INLINE, LABEL, LOW_HEIGHT, RED, WIDTH, band, bars, columns, intervals

SVG = "{http://www.w3.org/2000/svg}"


def drawn(image: str) -> ElementTree.Element:
    """Decode the picture of a Markdown image that is short enough to be drawn_labels inline."""
    assert len(image) <= INLINE
    found = re.fullmatch(r"[^\n]+\n\n!\[plot\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)", image)
    assert found, image
    return ElementTree.fromstring(base64.b64decode(found[1]))


def paths(image: str) -> list[str]:
    return [path.get("d", "") for path in drawn(image).iter(f"{SVG}path")]


def labels(image: str) -> list[str]:
    return [str(label.text) for label in drawn(image).iter(f"{SVG}tspan")]


def test_each_column_is_as_high_as_its_value() -> None:
    image = columns([10, 5, 0, 0.01], "New leads")
    assert image.startswith("New leads (highest: 10)\n")
    assert paths(image) == [f"M0 {HEIGHT}V0h1V{HEIGHT // 2}h1V{HEIGHT}h1V{HEIGHT - 1}h1V{HEIGHT}"]
    assert drawn(image).get("viewBox") == f"0 0 4 {HEIGHT}"


def test_marked_columns_are_red() -> None:
    image = columns([4, 2, 4], "New leads", marked=[1])
    plain, marked = drawn(image).iter(f"{SVG}path")
    assert plain.get("fill") != RED
    assert (marked.get("fill"), marked.get("d")) == (RED, f"M1 {HEIGHT}V{HEIGHT // 2}h1V{HEIGHT}")


def test_ninety_days_with_marks_have_a_column_each() -> None:
    values = [n * 7919 % 1000 for n in range(90)]
    image = columns(values, "New leads by day; days of a drop in red", range(84, 90))
    assert [path.count("h1") for path in paths(image)] == [90, 6]


def test_too_many_columns_are_merged_with_the_height_of_the_highest() -> None:
    values = [0.0] * 1000
    values[501] = 8
    image = columns(values, "New leads", marked=[501])
    blue, red = paths(image)
    assert blue.count("V0h1") == 1
    assert red.endswith(f"{HEIGHT}V0h1V{HEIGHT}")
    assert image.startswith("New leads (highest: 8)\n")


@pytest.mark.parametrize("values", [[], [0], [0, 0]])
def test_nothing_to_draw_is_an_empty_picture(values: list[float]) -> None:
    assert columns(values, "New leads").startswith("New leads (highest: 0)\n")
    assert set("".join(paths(columns(values, "New leads")))) <= set(f"M0 {HEIGHT}Vh1")


def test_bars_have_name_number_and_length() -> None:
    image = bars({"blog": 200, "guide": 100, "ebook": 0}, "Items by type")
    assert labels(image) == ["blog 200", "guide 100", "ebook 0"]
    full = WIDTH - LABEL
    assert re.findall(r"h(\d+)", *paths(image)) == [str(full), str(full // 2), "0"]


def test_too_many_names_are_cut_and_the_title_says_so() -> None:
    image = bars({f"segment_number_{n}_of_a_long_list_of_them": n for n in range(300)}, "Leads by segment")
    drawn_labels = labels(image)
    assert 3 <= len(drawn_labels) < 300
    assert image.startswith(f"Leads by segment (first {len(drawn_labels)} of 300)\n")
    assert drawn_labels[0] == "segment_number_0_of_a_l… 0"


@pytest.mark.parametrize("name", ["<script>&\"'", "a|b](c)", "línea\nnueva", "😀" * 100])
def test_any_name_can_be_drawn(name: str) -> None:
    (label,) = labels(bars({name: 3}, "Items"))
    assert label.startswith(name[:10])


@pytest.mark.parametrize("image", [bars({}, "Items"), intervals({}, "Rates")])
def test_without_names_the_plot_says_so(image: str) -> None:
    assert re.match(r"(Items|Rates): none\n", image)
    assert labels(image) == paths(image) == []


def test_intervals_have_name_rate_bounds_and_mark() -> None:
    image = intervals({"facebook": (50, 40, 60), "x": (0, 0, 100)}, "Rates")
    assert labels(image) == ["facebook 50 % (40..60)", "x 0 % (0..100)"]
    lines, marks = paths(image)
    at = [LABEL + round((WIDTH - LABEL) * share) for share in (0, 0.4, 0.5, 0.6, 1)]
    assert re.findall(r"M(\d+) \d+H(\d+)", lines) == [(str(at[1]), str(at[3])), (str(at[0]), str(at[4]))]
    assert re.findall(r"M(\d+)", marks) == [str(at[2]), str(at[0])]


def test_too_many_platforms_are_cut_and_the_title_says_so() -> None:
    image = intervals({f"platform-{n}": (12.34, 10, 20) for n in range(100)}, "Rates")
    assert image.startswith(f"Rates (first {len(labels(image))} of 100)\n")


def test_a_band_draws_the_range_the_values_and_the_marks() -> None:
    image = band([10, 5, None, 10], [(0, 10), (0, 10), None, (5, 10)], "New leads", marked=[1])
    assert image.startswith("New leads (highest: 10)\n")
    height = LOW_HEIGHT
    outline, values, marks = paths(image)
    assert outline == f"M0 0L3 0L3 {height // 2}L0 {height}"
    assert values == f"M0 0l1 {height // 2}M3 0l"
    assert marks == f"M1 {height}h1"


def test_a_band_of_any_length_fits_inline_and_keeps_what_is_marked() -> None:
    values = [float(100 + 97 * (n % 2)) for n in range(400)]
    values[200] = 0.0
    image = band(values, [(80.0 + n % 13, 130.0 + n % 17) for n in range(400)], "New leads of a channel", marked=[200])
    assert paths(image)[2] == f"M198 {LOW_HEIGHT}h6"
    assert drawn(image).get("viewBox") == f"0 0 400 {LOW_HEIGHT}"
    assert band([], [], "Nothing").startswith("Nothing")
