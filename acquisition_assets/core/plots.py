"""Draws small SVG plots as Markdown images, short enough for the UI to show them inline.

Which numbers are drawn is left to the products.

The UI shows Markdown inline only if it is below 1,000 characters. No plotting library stays within that; plain bars and
lines do.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Mapping, Sequence
from html import escape

WIDTH, HEIGHT, ROW, LABEL = 360, 60, 14, 170
SQUARE, LOW_HEIGHT = 150, 40
INLINE = 999
NAME_LENGTH, SHORT_NAME_LENGTH = 24, 14
BLUE, RED, GREY, BAND = "#4263eb", "#e03131", "#868e96", "#dbe4ff"
DAYS_OF_WEEK = 7
Interval = tuple[float, float, float]


def columns(values: Sequence[float], title: str, marked: Collection[int] = ()) -> str:
    """Draw a vertical bar per value below a title, the marked ones in red.

    If there are too many bars to show inline, neighbours are merged into one bar as high as the highest of them.
    """
    top, heights, red = max(values, default=0), list(values), set(marked)
    while True:
        image = _image(_columns(heights, top, red), HEIGHT, f"{title} (highest: {top:g})", units=len(heights))
        if len(image) <= INLINE:
            return image
        red = {place // 2 for place in red}
        heights = [max(heights[place : place + 2]) for place in range(0, len(heights), 2)]


def _columns(heights: Sequence[float], top: float, red: Collection[int]) -> str:
    """Return the outline of all bars, each one unit wide, with the red bars drawn over it."""
    tops = [HEIGHT - max(1, round(HEIGHT * height / top)) if height > 0 else HEIGHT for height in heights]
    outline = "".join(f"V{y}h1" for y in tops)
    paths = f'<path d="M0 {HEIGHT}{outline}V{HEIGHT}" fill="{BLUE}"/>' if tops else ""
    over = "".join(
        ("" if place - 1 in red else f"M{place} {HEIGHT}")
        + f"V{tops[place]}h1"
        + ("" if place + 1 in red else f"V{HEIGHT}")
        for place in sorted(red)
    )
    return paths + (f'<path d="{over}" fill="{RED}"/>' if over else "")


def band(
    values: Sequence[float | None],
    ranges: Sequence[tuple[float, float] | None],
    title: str,
    marked: Collection[int] = (),
) -> str:
    """Draw a line of values over the range in which each was expected, the marked values as red strokes at the bottom.

    The range has a corner each week. If there are too many values to show inline, neighbours share one: their mean, or
    that of the marked ones among them.

    Args:
        values: one per unit of the width; None is a gap.
        ranges: low and high of each value, None where nothing was expected.
        title: The title above the plot.
        marked: places of values.
    """
    shown = [value for value in values if value is not None] + [each[1] for each in ranges if each is not None]
    top, step = max([*shown, 1e-9]), 1
    red = set(marked)
    while True:
        width = max(1, len(values))
        places = list(range(0, len(values), step))
        kept = [_of_group(values, place, step, red) for place in places]
        drawn = (
            f'<path d="{_range_outline(ranges, top, step)}" fill="{BAND}"/>'
            f'<path d="{_line(kept, step, top)}" fill="none" stroke="{BLUE}" vector-effect="non-scaling-stroke"/>'
            + (f'<path d="{_strokes(red, step)}" stroke="{RED}" stroke-width="5"/>' if red else "")
        )
        image = _image(drawn, LOW_HEIGHT, f"{title} (highest: {top:g})", units=width)
        if len(image) <= INLINE or step > width:
            return image
        step += 1


def _of_group(values: Sequence[float | None], place: int, step: int, red: Collection[int]) -> float | None:
    """Return one value for some neighbours: a marked one of them, else their mean."""
    group = [(n, value) for n, value in enumerate(values[place : place + step], place) if value is not None]
    chosen = [value for n, value in group if n in red] or [value for _, value in group]
    return sum(chosen) / len(chosen) if chosen else None


def _range_outline(ranges: Sequence[tuple[float, float] | None], top: float, step: int) -> str:
    """Return the outline of the range, with a corner each week; each few weeks where the step is longer."""
    corners = [(n, each) for n, each in enumerate(ranges) if each is not None]
    every = DAYS_OF_WEEK * step
    kept = corners[::every] + ([corners[-1]] if corners and (len(corners) - 1) % every else [])
    if not kept:
        return ""
    above = [f"{n} {_low_place(high, top)}" for n, (_, high) in kept]
    below = [f"{n} {_low_place(low, top)}" for n, (low, _) in reversed(kept)]
    return "M" + "L".join([*above, *below])


def _line(values: Sequence[float | None], step: int, top: float) -> str:
    """Return a line through values that are `step` units apart, broken where one is missing."""
    path, last = "", None
    for n, value in enumerate(values):
        if value is None:
            last = None
            continue
        y = _low_place(value, top)
        if last is None:
            path += f"M{n * step} {y}l"
        else:
            change = y - last
            path += f"{'' if path.endswith('l') else ' '}{step}{'' if change < 0 else ' '}{change}"
        last = y
    return path


def _strokes(places: Collection[int], step: int) -> str:
    """Return a stroke along the bottom for each run of marked places, in units of the step."""
    groups = sorted({place // step for place in places})
    path, until = "", None
    for group in groups:
        path += f"h{step}" if group == until else f"M{group * step} {LOW_HEIGHT}h{step}"
        until = group + 1
    return path


def _low_place(value: float, top: float) -> int:
    return LOW_HEIGHT - round(LOW_HEIGHT * value / top)


def bars(counts: Mapping[str, float], title: str) -> str:
    """Draw a horizontal bar per name, with its number, below a title; only the first if not all fit inline."""
    top = max([*counts.values(), 1e-9])

    def drawn(names: Sequence[str]) -> str:
        spans = "".join(f"M{LABEL} {_middle(n)}h{_scaled(counts[name] / top)}" for n, name in enumerate(names))
        labels = _labels([f"{_short(name)} {counts[name]:g}" for name in names])
        return f'{labels}<path d="{spans}" stroke="{BLUE}" stroke-width="9"/>'

    return _rows(list(counts), drawn, title)


def intervals(rates: Mapping[str, Interval], title: str) -> str:
    """Draw a line from low to high per name, with a mark at the value; only the first if not all fit inline.

    The scale goes from 0 to the highest upper bound, and the numbers are written beside each name.

    Args:
        rates: Value, low and high in percent, by name.
        title: The title above the plot.
    """
    top = max([*(high for _, _, high in rates.values()), 1e-9])

    def drawn(names: Sequence[str]) -> str:
        places = [tuple(LABEL + _scaled(number / top) for number in rates[name]) for name in names]
        lines = "".join(f"M{low} {_middle(n)}H{high}" for n, (_, low, high) in enumerate(places))
        marks = "".join(f"M{value} {_middle(n) - 3}v6" for n, (value, _, _) in enumerate(places))
        labels = _labels([_interval_label(name, *rates[name]) for name in names])
        return f'{labels}<path d="{lines}" stroke="{BLUE}"/><path d="{marks}" stroke="{RED}" stroke-width="3"/>'

    return _rows(list(rates), drawn, title)


def calibration(bins: Sequence[tuple[float, float, float, float]], title: str) -> str:
    """Draw forecasts (to the right) against what happened (upwards), with the line on which both are equal.

    Args:
        bins: forecast, rate, and the bounds of the rate, each 0..1, by bin.
        title: The title above the plot.
    """
    top = max([1e-9, *(value for forecast, rate, _, high in bins for value in (forecast, rate, high))])

    def place(value: float) -> int:
        return round(SQUARE * value / top)

    def across(value: float) -> int:
        return round(WIDTH * value / top)

    lines = "".join(f"M{across(x)} {SQUARE - place(high)}V{SQUARE - place(low)}" for x, _, low, high in bins)
    marks = "".join(f"M{across(x) - 3} {SQUARE - place(rate)}h6" for x, rate, _, _ in bins)
    body = (
        f'<path d="M0 {SQUARE}L{WIDTH} 0" stroke="{GREY}"/><path d="{lines}" stroke="{BLUE}"/>'
        f'<path d="{marks}" stroke="{RED}" stroke-width="3"/>'
    )
    shown = f"{title}: forecast to the right, what happened upwards, both up to {top:.1%}"
    return _image(body, SQUARE, shown if bins else f"{title}: no model was validated")


def _rows(names: Sequence[str], drawn: Callable[[Sequence[str]], str], title: str) -> str:
    """Draw the first names, as many as can be shown inline."""
    for shown in range(len(names), 0, -1):
        heading = title if shown == len(names) else f"{title} (first {shown} of {len(names)})"
        image = _image(drawn(names[:shown]), ROW * shown, heading)
        if len(image) <= INLINE:
            return image
    return _image("", ROW, f"{title}: none")


def _labels(texts: Sequence[str]) -> str:
    lines = "".join(f'<tspan x="0" y="{_middle(n) + 4}">{escape(text)}</tspan>' for n, text in enumerate(texts))
    return f'<text font-size="11" fill="{GREY}">{lines}</text>'


def _middle(row: int) -> int:
    return ROW * row + ROW // 2


def _scaled(share: float) -> int:
    return round((WIDTH - LABEL) * share)


def _interval_label(name: str, rate: float, low: float, high: float) -> str:
    return f"{_short(name, SHORT_NAME_LENGTH)} {rate:g} % ({low:g}..{high:g})"


def _short(name: str, length: int = NAME_LENGTH) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"


def _image(body: str, height: int, title: str, units: int | None = None) -> str:
    """Return title and image; `units` is how many units wide the drawing is (default: one unit is one pixel)."""
    stretched = f' viewBox="0 0 {max(units, 1)} {height}" preserveAspectRatio="none"' if units is not None else ""
    size = f'width="{WIDTH}" height="{height}"{stretched}'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{body}</svg>'
    encoded = base64.b64encode(svg.encode()).decode()
    return f"{title}\n\n![plot](data:image/svg+xml;base64,{encoded})"
