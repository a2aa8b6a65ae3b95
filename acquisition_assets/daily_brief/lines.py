"""Computes the small line of a number over days as the path of an SVG, with a gap where a day has no data.

Colours are left to the style sheet of the page. The plots of Dagster's pages are in core/plots.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from acquisition_assets.daily_brief.model import Line

WIDTH, HEIGHT, MARGIN = 240.0, 48.0, 4.0


@dataclass(frozen=True)
class Drawing:
    """A drawn line. path: SVG path. area: the same down to zero. dots: marked days. last: where the line ends."""

    path: str
    area: str
    dots: Sequence[tuple[float, float]]
    last: tuple[float, float] | None
    width: float = WIDTH
    height: float = HEIGHT


def draw(line: Line) -> Drawing:
    """Return the drawing of a line; the scale goes from 0 to the highest value."""
    top = max([value for value in line.values if value is not None], default=0) or 1
    step = (WIDTH - 2 * MARGIN) / max(1, len(line.values) - 1)

    def point(place: int) -> tuple[float, float]:
        value = line.values[place] or 0
        return round(MARGIN + step * place, 1), round(HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * value / top, 1)

    runs = [[point(place) for place in run] for run in _runs(line.values)]
    known = [place for place, value in enumerate(line.values) if value is not None]
    return Drawing(
        path=" ".join(_path(run) for run in runs),
        area=" ".join(f"{_path(run)}V{HEIGHT:g}H{run[0][0]:g}Z" for run in runs if len(run) > 1),
        dots=[point(place) for place in line.marked if line.values[place] is not None],
        last=point(known[-1]) if known else None,
    )


def _runs(values: Sequence[float | None]) -> Iterator[list[int]]:
    """Yield the places of consecutive values without a gap."""
    run: list[int] = []
    for place, value in enumerate(values):
        if value is not None:
            run.append(place)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _path(points: Sequence[tuple[float, float]]) -> str:
    """Return a path through points; one alone becomes a dot of the line's width."""
    if len(points) == 1:
        return f"M{points[0][0]:g} {points[0][1]:g}h.01"
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
