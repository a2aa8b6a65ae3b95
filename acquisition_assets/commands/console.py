"""Prints for the commands: the console, with colours on a terminal and plain elsewhere, tables, and lines on stderr.

Every text is made safe to show (see `masking`). A reader that goes away never ends the work: what cannot be printed is
dropped. Does not decide what is printed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from typing import Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from acquisition_assets.core.masking import sanitize
from acquisition_assets.core.policy import Locale
from acquisition_assets.core.sections import Condition, Grid, Notice, Section, Severe, Strong
from acquisition_assets.core.words import SHARED, Words, words_of

PLAIN_WIDTH = 120
INDENT = 2
SEVERITIES = {"ERROR": "bold red", "WARN": "yellow", "high": "bold red", "medium": "yellow"}
TRUTHS = {True: ("true", "green"), False: ("false", "red"), None: ("unknown", "yellow")}
"""The word for each truth, by its key in the catalogue, and its colour."""
CONDITION_INDENT = 7


class PatientConsole(Console):
    """A console whose reader may go away: then it prints nothing more, and raises nothing."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, where that is possible."""
        if not self.quiet:
            try:
                super().print(*objects, **options)
            except (OSError, ValueError):  # a full disk, a terminal that hung up, a stream that was closed
                self.quiet = True

    def on_broken_pipe(self) -> None:
        """Print nothing more; rich would end the program."""
        self.quiet = True
        with contextlib.suppress(OSError, ValueError):
            discard(self.file.fileno())


def discard(descriptor: int) -> None:
    """Let what is still written to a file descriptor go nowhere, so that a reader that has gone is no error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def console() -> Console:
    """Return the console on stdout, which prints texts as they are."""
    out = PatientConsole(markup=False, highlight=False, emoji=False)
    if not out.is_terminal:
        out.width = max(out.width, PLAIN_WIDTH)
    return out


def warn(message: str) -> None:
    """Print a warning, one line on stderr."""
    with contextlib.suppress(OSError, ValueError):
        typer.echo(f"warning: {sanitize(message)}", err=True)


def fail(message: str) -> None:
    """Print an error, one line on stderr."""
    with contextlib.suppress(OSError, ValueError):
        typer.echo(f"error: {sanitize(message)}", err=True)


def line(out: Console, text: str, style: str = "") -> None:
    """Print one line, never wrapped."""
    out.print(Text(sanitize(text), style=style), soft_wrap=True)


def heading(out: Console, text: str) -> None:
    """Print the title of a section."""
    out.print()
    line(out, text, "bold")


def table(out: Console, columns: Sequence[str], rows: Iterable[Sequence[object]], locale: Locale = "en") -> None:
    """Print a table; numbers are on the right, and every cell is made safe to show."""
    words = words_of(SHARED, locale)
    shown = [list(row) for row in rows]
    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for place, name in enumerate(columns):
        numeric = any(row[place] is not None for row in shown) and all(_is_number(row[place]) for row in shown)
        drawn.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in shown:
        drawn.add_row(*(_drawn(cell, words) for cell in row))
    out.print()
    out.print(Padding(drawn, (0, 0, 0, INDENT), expand=False))


def print_section(section: Section, out: Console, locale: Locale) -> None:
    """Print a section: its title, then its lines, tables and conditions, with numbers as the language writes them."""
    truths = {truth: words_of(SHARED, locale).shared(word) for truth, (word, _) in TRUTHS.items()}
    width = max(map(len, truths.values())) + INDENT
    heading(out, section.title)
    for part in section.parts:
        if isinstance(part, Grid):
            table(out, part.columns, part.rows, locale)
        elif isinstance(part, Notice):
            line(out, f"  {part.text}", "yellow")
        elif isinstance(part, Condition):
            text = Text(" " * CONDITION_INDENT).append(f"{truths[part.truth]:{width}}", TRUTHS[part.truth][1])
            out.print(text.append(sanitize(part.text)), soft_wrap=True)
        elif part:
            line(out, f"  {part}")
        else:
            out.print()


def _drawn(cell: object, words: Words) -> Text:
    if isinstance(cell, Strong):
        return Text(sanitize(words.cell(cell.value)), "bold")
    if isinstance(cell, Severe):
        key = f"severity.{cell.word}"
        return Text(words(key) if words.has(key) else cell.word, SEVERITIES.get(cell.word, ""))
    return Text(sanitize(words.cell(cell)))


def _is_number(cell: object) -> bool:
    return cell is None or (isinstance(cell, (int, float)) and not isinstance(cell, bool))
