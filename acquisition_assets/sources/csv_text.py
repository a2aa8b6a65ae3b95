"""Splits the text of CSV files into rows: finds delimiter and header, and writes copies that hold whole rows only.

Does not read bytes or encodings (see `sources.text`) and does not say what cells mean.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from acquisition_assets.core.errors import InputError
from acquisition_assets.sources.text import LONGEST_LINE, NAME_IT, UTF8_MARK, open_bytes, writing

DELIMITERS = (",", ";", "\t", "|")
NO_DELIMITER = "\x01"
"""Separates the cells of lines that are one cell: a character that no text has."""
SEPARATOR_LINE = re.compile(r'"?sep=(?P<delimiter>[^\r\n"])"?[,;\t| ]*(?:\r\n|\n|\r)', re.IGNORECASE)
MOST_HEADER_LINES = 16
SAMPLED_LINES = 1000
LONGEST_OPEN_CELL = 1 << 18
"""How far the end of a quoted cell is searched, in bytes, where a file has a quote that nothing closes."""
SHOWN = 10_000
"""Characters of a broken line that are kept."""
REJECTS = pa.schema([("place", pa.string()), ("line", pa.string()), ("detail", pa.string())])
BROKEN_QUOTES = "a quote is not closed, or text follows the quote that closes a cell"
NOT_UTF8 = "the line is not text in UTF-8, unlike others of the file"
TOO_LONG = f"the line is longer than {LONGEST_LINE >> 20} MB"
CONTROL_CHARACTER = "the line holds a control character, which JSON does not allow"
_LINE_END = re.compile(r"\r\n|\n|\r")
_IN_QUOTES = re.compile(r'[^"]*(?:""[^"]*)*')


@dataclass(frozen=True)
class Header:
    """How a CSV file begins: its delimiter, the names of its columns, and the physical lines before the first row.

    separator_lines: how many of these lines (0 or 1) only name the delimiter.
    """

    delimiter: str
    columns: tuple[str, ...]
    lines: int
    separator_lines: int = 0


def column_name(name: str) -> str:
    """Return the name of a column as names are compared: without case, edge blanks and marks."""
    return name.strip().lstrip("\ufeff").strip().lower()


def read_header(file: Path, text: str, known: Collection[str]) -> Header:
    """Return the header of a CSV file that begins with this text.

    The delimiter is the one of a first line `sep=X`, else the one that gives the most known columns, then the most
    columns.

    Raises:
        InputError: the first line is empty.
    """
    separator = SEPARATOR_LINE.match(text)
    text = text[separator.end() :] if separator else text
    candidates = [_header(text, d) for d in ([separator["delimiter"]] if separator else DELIMITERS)]
    best = max(candidates, key=lambda header: (len(set(header.columns) & set(known)), len(header.columns)))
    if not any(best.columns):
        raise InputError(f"{file} is empty; its first line must name the columns")
    skipped = 1 if separator else 0
    return Header(best.delimiter, best.columns, best.lines + skipped, skipped)


def is_ragged(text: str, header: Header) -> bool:
    """Return whether the first lines of a text, up to one with a quote, have other numbers of cells than the header.

    The engine is then not tried: it would read the whole file and give up.
    """
    lines = _LINE_END.split(text, maxsplit=SAMPLED_LINES)[header.lines : SAMPLED_LINES]
    plain = itertools.takewhile(lambda line: '"' not in line, lines[:-1])
    return any(line and line.count(header.delimiter) != len(header.columns) - 1 for line in plain)


def _header(text: str, delimiter: str) -> Header:
    """Return the header by one delimiter; it may go on over line ends where its quotes close soon."""
    scanner, at = Scanner(delimiter), 0
    for count in range(1, MOST_HEADER_LINES + 1):
        end = _LINE_END.search(text, at)
        row = text[: end.start() if end else len(text)]
        if scanner.state(row, is_inside=False) is State.WHOLE:
            return Header(delimiter, _names(row, delimiter), count)
        if end is None:
            break
        at = end.end()
    return Header(delimiter, _names(_LINE_END.split(text, maxsplit=1)[0], delimiter), 1)


def _names(row: str, delimiter: str) -> tuple[str, ...]:
    cells = next(csv.reader(io.StringIO(row, newline=""), delimiter=delimiter), [])
    return tuple(column_name(cell) for cell in cells)


class State(Enum):
    """What a line leaves behind: whole cells, an open quote, or quotes that are wrong."""

    WHOLE = "whole"
    OPEN = "open"
    BROKEN = "broken"


class Scanner:
    """Looks at the quotes of lines, character by character and never twice; `scanned` counts the characters."""

    def __init__(self, delimiter: str) -> None:
        self.delimiter = delimiter
        self.scanned = 0

    def state(self, line: str, *, is_inside: bool) -> State:
        """Return what a line (without its end) leaves behind that begins outside or inside a quoted cell."""
        self.scanned += len(line)
        if '"' not in line:
            return State.OPEN if is_inside else State.WHOLE
        at = 0
        while True:
            if is_inside or line.startswith('"', at):
                at = self._quoted_end(line, at if is_inside else at + 1)
                if at == len(line):
                    return State.OPEN
                at, is_inside = at + 1, False
            else:
                at = self._plain_end(line, at)
            if at == len(line):
                return State.WHOLE
            if line[at] != self.delimiter:
                return State.BROKEN
            at += 1

    def cells(self, row: str) -> list[str]:
        """Return the cells of a whole row as they are written, quotes included."""
        if '"' not in row:
            return row.split(self.delimiter)
        found, at = [], 0
        while True:
            is_quoted = row.startswith('"', at)
            end = self._quoted_end(row, at + 1) + 1 if is_quoted else self._plain_end(row, at)
            found.append(row[at:end])
            if end >= len(row):
                return found
            at = end + 1

    def _plain_end(self, line: str, at: int) -> int:
        end = line.find(self.delimiter, at)
        return len(line) if end < 0 else end

    @staticmethod
    def _quoted_end(line: str, at: int) -> int:
        found = _IN_QUOTES.match(line, at)
        return found.end() if found else at


def rows_of(lines: Iterator[str], scanner: Scanner, first: int = 1) -> Iterator[tuple[int, str, bool]]:
    """Yield each row with the number of its first line, without its line end; or a line that is no row (False).

    A row goes on over line ends while a quote is open. Where that quote does not close, or not within
    `LONGEST_OPEN_CELL`, only the line that opens it is broken. What was found of the lines ahead is kept, so each line
    is looked at once as the beginning of a row and once as the inside of a cell: the work is linear in the text.
    """
    ahead: deque[str] = deque()
    number, open_until, open_size = first - 1, 0, 0
    closes: bool | None = None
    while line := ahead.popleft() if ahead else next(lines, ""):
        number += 1
        if number < open_until:
            open_size -= len(line)
        text = line.rstrip("\r\n")
        state = scanner.state(text, is_inside=False) if '"' in text else State.WHOLE
        if state is not State.OPEN:
            yield number, text, state is State.WHOLE
            continue
        if open_until <= number:  # nothing is known of the lines behind this one
            open_until, open_size, closes = number + 1, 0, None
        while closes is None and open_size <= LONGEST_OPEN_CELL:
            if len(ahead) <= open_until - number - 1:
                ahead.append(next(lines, ""))
            following = ahead[open_until - number - 1]
            after = scanner.state(following.rstrip("\r\n"), is_inside=True) if following else State.BROKEN
            if after is State.OPEN:
                open_until, open_size = open_until + 1, open_size + len(following)
            else:
                closes = after is State.WHOLE
        if not closes:
            yield number, text, False
            continue
        row = "".join([line, *(ahead.popleft() for _ in range(open_until - number))])
        yield number, row.rstrip("\r\n"), True
        number, open_until = open_until, 0


def write_rows(file: Path, header: Header, copy: Path, rejects: Path, *, is_named: bool) -> None:
    """Write the whole rows of a CSV file in UTF-8 to a copy of one form, and its broken lines to a Parquet file.

    A row with fewer cells than the header is filled up; more cells must be empty, and are left out. A broken line
    costs no other.

    Args:
        file: the file.
        header: how it begins.
        copy: where the rows go: one line end, the header's number of cells in each row, no header.
        rejects: where the broken lines go (see `REJECTS`).
        is_named: whether a person has named UTF-8 as the encoding; if not, a file whose lines beyond ASCII are mostly
            wrong is refused.

    Raises:
        InputError: it is text of another encoding.
    """
    scanner = Scanner(header.delimiter)
    with open_bytes(file) as source, _Copy(file, copy, rejects, is_named=is_named) as target:
        lines = _lines(source)
        for _ in range(header.lines):
            next(lines, "")
        for number, row, is_whole in rows_of(lines, scanner, header.lines + 1):
            if not row or row.isspace():
                continue
            if not (row.isascii() and len(row) <= LONGEST_LINE and is_whole):
                problem = target.problem(number, row) or ("" if is_whole else BROKEN_QUOTES)
                if problem:
                    target.reject(number, row, problem)
                    continue
            if '"' not in row:
                missing = len(header.columns) - 1 - row.count(header.delimiter)
                if missing >= 0:
                    target.write(row + header.delimiter * missing)
                    continue
            cells = scanner.cells(row)
            spare = len(header.columns) - len(cells)
            if any(cell.strip(' "') for cell in cells[len(header.columns) :]):
                target.reject(number, row, _too_many(cells, header))
                continue
            written = [_quoted(cell) for cell in cells[: len(header.columns)]] + [""] * spare
            target.write(header.delimiter.join(written))


def write_lines(file: Path, copy: Path, rejects: Path, *, is_named: bool) -> None:
    """Write the lines of a file as they are, with an empty line in the place of each that cannot be read.

    The arguments and errors are those of `write_rows`.
    """
    with open_bytes(file) as source, _Copy(file, copy, rejects, is_named=is_named) as target:
        for number, line in enumerate(_lines(source), start=1):
            text = line.rstrip("\r\n")
            if problem := target.problem(number, text) or (CONTROL_CHARACTER if NO_DELIMITER in text else ""):
                target.reject(number, text, problem)
                text = ""
            target.write(text)


def _too_many(cells: list[str], header: Header) -> str:
    return (
        f"{len(cells)} cells where the header names {len(header.columns)} columns; a cell that holds the delimiter "
        "must be in quotes"
    )


def _quoted(cell: str) -> str:
    """Return a cell as the engine reads it: one with a quote inside is quoted as a whole."""
    return '"' + cell.replace('"', '""') + '"' if '"' in cell and not cell.startswith('"') else cell


def _lines(source: BinaryIO) -> Iterator[str]:
    """Return the lines of a stream, each with its own end; bytes are the characters of Latin-1, so none is lost."""
    lines = io.TextIOWrapper(source, encoding="latin-1", newline="")
    yield next(lines, "").removeprefix(UTF8_MARK.decode("latin-1"))
    yield from lines


class _Copy:
    """A copy that is being written, with the lines that are left out of it."""

    def __init__(self, file: Path, copy: Path, rejects: Path, *, is_named: bool) -> None:
        self._file, self._copy, self._is_named = file, copy, is_named
        with writing(copy):
            self._target = copy.open("w", encoding="latin-1", newline="")
            self._rejects = pq.ParquetWriter(rejects, REJECTS)
        self._rows: list[str] = []
        self._broken: list[dict[str, str]] = []
        self._right = self._wrong = self._first_wrong = 0

    def __enter__(self) -> _Copy:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._flush_rows()
        with writing(self._copy):
            self._target.close()
            self._flush()
            self._rejects.close()
        if kind is None and self._wrong > self._right and not self._is_named:
            raise InputError(f"{self._file}: line {self._first_wrong} is not text in UTF-8; {NAME_IT}")

    def problem(self, number: int, row: str) -> str:
        """Return what is wrong with the text of a row, or nothing."""
        if len(row) > LONGEST_LINE:
            return TOO_LONG
        if row.isascii():
            return ""
        try:
            row.encode("latin-1").decode("utf-8")
        except UnicodeDecodeError:
            self._wrong += 1
            self._first_wrong = self._first_wrong or number
            return NOT_UTF8
        self._right += 1
        return ""

    def write(self, row: str) -> None:
        """Write one row, some time before the copy is closed."""
        self._rows.append(row)
        if len(self._rows) == SHOWN:
            self._flush_rows()

    def _flush_rows(self) -> None:
        with writing(self._copy):
            self._target.writelines(row + "\n" for row in self._rows)
        self._rows.clear()

    def reject(self, number: int, row: str, detail: str) -> None:
        """Leave a row out of the copy."""
        line = row[: 4 * SHOWN].encode("latin-1").decode("utf-8", errors="replace")[:SHOWN]
        self._broken.append({"place": f"line {number}", "line": line, "detail": detail})
        if len(self._broken) == SHOWN:
            self._flush()

    def _flush(self) -> None:
        self._rejects.write_table(pa.Table.from_pylist(self._broken, REJECTS))
        self._broken.clear()
