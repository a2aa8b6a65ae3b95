"""Here: where commands print: the console, with colours on a terminal and plain elsewhere, and its tables.

Not here: what they print.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from acquisition_assets.core.masking import clean

PLAIN_WIDTH = 120
INDENT = 2


def console() -> Console:
    """The console on stdout; texts are printed as they stand."""
    out = Console(markup=False, highlight=False, emoji=False)
    if not out.is_terminal:
        out.width = max(out.width, PLAIN_WIDTH)
    return out


def warn(message: str) -> None:
    """One line on stderr."""
    typer.echo(f"warning: {clean(message)}", err=True)


def fail(message: str) -> None:
    """One line on stderr."""
    typer.echo(f"error: {clean(message)}", err=True)


def line(out: Console, text: str, style: str = "") -> None:
    """One line, never wrapped."""
    out.print(Text(clean(text), style=style), soft_wrap=True)


def heading(out: Console, text: str) -> None:
    """The title of a section."""
    out.print()
    line(out, text, "bold")


def table(out: Console, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table; numbers stand right, and every cell is made safe."""
    shown = [list(row) for row in rows]
    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for place, name in enumerate(columns):
        numeric = any(row[place] is not None for row in shown) and all(_is_number(row[place]) for row in shown)
        drawn.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in shown:
        drawn.add_row(*(cell if isinstance(cell, Text) else Text(written(cell)) for cell in row))
    out.print()
    out.print(Padding(drawn, (0, 0, 0, INDENT), expand=False))


def _is_number(cell: object) -> bool:
    return cell is None or (isinstance(cell, (int, float)) and not isinstance(cell, bool))


def written(value: object) -> str:
    """A value for people: thousands marked, at most 2 decimals, a dash for what is missing."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return clean(value)
