"""Here: the text of a CSV file before the engine parses it: its first line, whether it is regular, and a copy that is.

Not here: what the cells mean, and rows with too few or too many of them.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from acquisition_assets.core.errors import InputError

CHUNK = 1 << 20
LONGEST_OPEN_CELL = 1 << 18
"""How far the end of a quoted cell is searched, in bytes, where a file has a quote that nothing closes."""
SHOWN = 10_000
"""Characters of a broken line that are kept, as the engine does."""
UTF8_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
REJECTS = pa.schema([("place", pa.string()), ("line", pa.string()), ("detail", pa.string())])
BROKEN_QUOTES = "a quote is not closed, or text follows the quote that closes a cell"


@contextlib.contextmanager
def _open_bytes(file: Path) -> Iterator[BinaryIO]:
    with gzip.open(file, "rb") if file.name.lower().endswith(".gz") else file.open("rb") as stream:
        yield cast(BinaryIO, stream)


def start_of(file: Path) -> bytes:
    """The first bytes of a file of text, without a byte order mark.

    Raises:
        InputError: it is text of another encoding.
    """
    with _open_bytes(file) as stream:
        start = stream.read(CHUNK)
    if start.startswith(UTF16_MARKS):
        raise InputError(f"{file} is text in UTF-16; convert it to UTF-8")
    return start.removeprefix(UTF8_MARK)


def first_line(file: Path) -> str:
    """The first line, without its end.

    Raises:
        InputError: the file is empty, or is no text in UTF-8.
    """
    line = re.split(rb"[\r\n]", start_of(file), maxsplit=1)[0]
    if re.search(rb"[\x00-\x08\x0e-\x1f]", line):
        raise InputError(f"{file} is no text in UTF-8, as its name says; convert or remove it")
    if not line.strip():
        raise InputError(f"{file} is empty; its first line must name the columns")
    return line.decode("utf-8", errors="replace")


def is_regular(file: Path) -> bool:
    """Whether all lines end in the same way and no cell is quoted, so that no line can be mistaken."""
    ends: set[str] = set()
    with _open_bytes(file) as stream:
        while chunk := stream.read(CHUNK):
            if chunk.endswith(b"\r"):
                chunk += stream.read(1)
            if b'"' in chunk:
                return False
            returns = chunk.count(b"\r")
            pairs = chunk.count(b"\r\n") if returns else 0
            feeds = chunk.count(b"\n") - pairs
            counts = {"\r\n": pairs, "\n": feeds, "\r": returns - pairs}
            ends |= {end for end, count in counts.items() if count}
            if len(ends) > 1:
                return False
    return True


def write_regular(file: Path, delimiter: str, copy: Path, rejects: Path) -> None:
    """Write a file's rows with one kind of line end, and the lines whose quotes are broken to a Parquet file.

    A broken line costs no other: reading goes on at the next one. An empty line stands in its place in the copy.
    """
    broken: list[dict[str, str]] = []
    mark = UTF8_MARK.decode("latin-1")
    with (
        _open_bytes(file) as source,
        copy.open("w", encoding="latin-1", newline="") as target,
        pq.ParquetWriter(rejects, REJECTS) as writer,
    ):
        for number, row, is_whole in _rows(source, delimiter):
            target.write((row.removeprefix(mark) if number == 1 else row if is_whole else "") + "\n")
            if not is_whole:
                line = row.encode("latin-1").decode("utf-8", errors="replace")[:SHOWN]
                broken.append({"place": f"line {number}", "line": line, "detail": BROKEN_QUOTES})
            if len(broken) == SHOWN:
                writer.write_table(pa.Table.from_pylist(broken, REJECTS))
                broken.clear()
        writer.write_table(pa.Table.from_pylist(broken, REJECTS))


class _Lines:
    """The lines of a stream, each with its own end; bytes stand as the characters of Latin-1, so that none is lost."""

    def __init__(self, source: BinaryIO) -> None:
        self._lines = io.TextIOWrapper(source, encoding="latin-1", newline="")
        self._back: deque[str] = deque()

    def take(self) -> str:
        """The next line; empty after the last."""
        return self._back.popleft() if self._back else next(self._lines, "")

    def give_back(self, lines: Sequence[str]) -> None:
        """Let the next lines be these."""
        self._back.extendleft(reversed(lines))


class _Quotes:
    """How a line stands to the quotes of its row."""

    def __init__(self, delimiter: str) -> None:
        comma = re.escape(delimiter)
        inside = r'[^"]*(?:""[^"]*)*'
        cell = rf'(?:"{inside}"|[^"{comma}\r\n][^{comma}\r\n]*|)'
        self.is_whole = re.compile(f"{cell}(?:{comma}{cell})*").fullmatch
        self.opens = re.compile(rf'(?:{cell}{comma})*"{inside}').fullmatch
        self.stays_open = re.compile(rf'{inside}(?:"(?:{comma}{cell})*{comma}"{inside})?').fullmatch
        self.closes = re.compile(rf'{inside}"(?:{comma}{cell})*').fullmatch


def _rows(source: BinaryIO, delimiter: str) -> Iterator[tuple[int, str, bool]]:
    """Each row with the number of its first line, without its line end; or a line that is no row (False)."""
    lines, quotes, number = _Lines(source), _Quotes(delimiter), 1
    while line := lines.take():
        row = [line] if number == 1 or quotes.is_whole(_text(line)) else _row_of_lines(line, lines, quotes)
        yield number, _text("".join(row or [line])), row is not None
        number += len(row or [line])


def _row_of_lines(line: str, lines: _Lines, quotes: _Quotes) -> list[str] | None:
    """The lines of a row that goes on over line ends; None, and all but the first given back, where it is none."""
    row, size, is_open = [line], len(line), bool(quotes.opens(_text(line)))
    while is_open and size <= LONGEST_OPEN_CELL and (following := lines.take()):
        row.append(following)
        size += len(following)
        if quotes.closes(_text(following)):
            return row
        is_open = bool(quotes.stays_open(_text(following)))
    lines.give_back(row[1:])
    return None


def _text(line: str) -> str:
    return line.rstrip("\r\n")
