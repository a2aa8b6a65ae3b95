"""Here: small SVG pictures for the UI, as Markdown images that are short enough to be shown inline.

Not here: which numbers are drawn.

The UI shows Markdown inline only below 1,000 characters, which no plotting library keeps to; bars and a line do.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

WIDTH, HEIGHT = 300, 60
INLINE = 999
BLUE, RED = "#4263eb", "#e03131"


def bars(values: Sequence[float], title: str, marked: Sequence[int] = ()) -> str:
    """A bar per value (one path for all), the marked ones in red, with a title, as a Markdown image."""
    top = max([*values, 1e-9])
    step = WIDTH / max(len(values), 1)

    def path(indexes: Sequence[int], colour: str) -> str:
        moves = "".join(
            f"M{round(step * (i + 0.5))} {HEIGHT}v{-max(1, round(HEIGHT * values[i] / top))}"
            for i in indexes
            if values[i] > 0
        )
        width = max(1, round(step * 0.8))
        return f'<path d="{moves}" stroke="{colour}" stroke-width="{width}"/>' if moves else ""

    plain = [i for i in range(len(values)) if i not in set(marked)]
    return _image(path(plain, BLUE) + path(list(marked), RED), title)


def intervals(rows: Sequence[tuple[float, float, float]], title: str) -> str:
    """A horizontal line from low to high and a mark at the value for each row (0..100), as a Markdown image."""
    step = HEIGHT / max(len(rows), 1)
    lines = "".join(
        f"M{round(low * 3)} {round(step * (i + 0.5))}H{round(high * 3)}" for i, (_, low, high) in enumerate(rows)
    )
    marks = "".join(f"M{round(value * 3)} {round(step * (i + 0.5)) - 2}v4" for i, (value, _, _) in enumerate(rows))
    return _image(f'<path d="{lines}" stroke="{BLUE}"/><path d="{marks}" stroke="{RED}" stroke-width="3"/>', title)


def _image(body: str, title: str) -> str:
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}">{body}</svg>'
    encoded = base64.b64encode(svg.encode()).decode()
    return f"{title}\n\n![{title}](data:image/svg+xml;base64,{encoded})"
