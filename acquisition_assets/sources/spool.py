"""Copies the rows of text files to Parquet files that the engine reads again and again, and keeps their broken lines.

Does not find columns or say which table a row belongs to (see `sources.files` and `sources.layouts`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from acquisition_assets.core.duckdb_sql import literal, literals
from acquisition_assets.core.errors import AcquisitionError
from acquisition_assets.sources.csv_text import NO_DELIMITER, Header, is_ragged, write_lines, write_rows
from acquisition_assets.sources.text import LONGEST_LINE, require_whole, write_utf8

CSV_FORM = "quote = '\"', escape = '\"', strict_mode = true"
LINES_FORM = "quote = '', escape = '', strict_mode = false"
# Statistics that leave NaN out would make the engine believe that there is none.
PARQUET_OPTIONS = "hive_partitioning = false, can_have_nan = true"
REJECTS_TABLE, REJECTS_SCAN = "rejected_lines", "rejecting_scans"


@dataclass
class Spool:
    """Copies of the files of one table, in a scratch folder.

    Attributes:
        name: begins the names of the copies.
        scratch: where copies go; without one, only columns are looked at.
        encoding: the encoding that a person has named, if any.
        rejects: a query for the broken lines of each file: place, line, detail.
    """

    connection: duckdb.DuckDBPyConnection
    name: str
    scratch: Path | None
    encoding: str | None
    rejects: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def csv(self, file: Path, text: str, encoding: str, header: Header) -> Path:
        """Return a copy of the rows of a CSV file that begins with this text, its cells as c0, c1, ...

        Raises:
            AcquisitionError: there is no room for it.
        """
        source, path = self.in_utf8(file, encoding), self.path("parquet")
        count = len(header.columns)
        first = f"header = true, skip = {header.separator_lines}"
        read = read_csv(source, count, header.delimiter, f"{CSV_FORM}, {first}")
        if is_ragged(text, header) or not self.copy(read, path):
            copy, rejects = self.path("csv"), self.path("parquet")
            write_rows(source, header, copy, rejects, is_named=self.encoding is not None)
            self.keep_rejects(file, rejects)
            read = read_csv(copy, count, header.delimiter, f"{CSV_FORM}, header = false")
            if not self.copy(read, path):
                raise AcquisitionError(
                    f"{file}: its rows cannot be copied to {self.scratch}; make room there, or repair the file"
                )
            copy.unlink()
        return path

    def whole_lines(self, file: Path, source: Path) -> str:
        """Return the reading of the lines of a text file without those that cannot be read, which are kept apart.

        Args:
            file: the file, for messages.
            source: its text in UTF-8.
        """
        copy, rejects = self.path("txt"), self.path("parquet")
        write_lines(source, copy, rejects, is_named=self.encoding is not None)
        self.keep_rejects(file, rejects)
        return read_lines(copy)

    def in_utf8(self, file: Path, encoding: str) -> Path:
        """Return a file with the text in UTF-8: the file itself, or a copy."""
        if file.name.lower().endswith(".gz"):
            require_whole(file)
        if encoding == "utf-8":
            return file
        copy = self.path("txt")
        write_utf8(file, encoding, copy)
        return copy

    def copy(self, relation: str, path: Path) -> bool:
        """Copy rows to a Parquet file, as they are read several times; return whether all lines were rows."""
        return self.whole(f"copy (select * from {relation}) to {literal(path)} (format parquet)") is not None

    def whole(self, query: str) -> list[tuple[Any, ...]] | None:
        """Return what a query of a text file gives; None where the engine could not split each line into cells."""
        forget = f"drop table if exists {REJECTS_TABLE}; drop table if exists {REJECTS_SCAN}"
        self.connection.execute(forget)
        try:
            found = self.connection.execute(query).fetchall()
            return None if self.connection.execute(f"from {REJECTS_TABLE} limit 1").fetchall() else found
        except (duckdb.OutOfMemoryException, duckdb.InterruptException):
            raise
        except duckdb.Error:
            return None
        finally:
            self.connection.execute(forget)

    def path(self, ending: str) -> Path:
        """Return the path of a new file in the scratch folder."""
        if self.scratch is None:
            raise AssertionError("only columns are looked at")
        return self.scratch / f"{self.name}.{next(self._numbers)}.{ending}"

    def keep_rejects(self, file: Path, rejects: Path) -> None:
        """Remember the broken lines of a file, each with the file's name."""
        place = literal(f"{file.name}, ") + " || place"
        self.rejects.append(f"select {place} as place, line, detail from read_parquet({literal(rejects)})")


def read_csv(file: Path, columns: int, delimiter: str, form: str) -> str:
    """Return the reading of a file with so many columns of text, c0, c1, ...; any line that is no row is noted."""
    types = ", ".join(f"'c{number}': 'VARCHAR'" for number in range(columns))
    packed = "gzip" if file.name.lower().endswith(".gz") else "none"
    return (
        f"read_csv({literal(file)}, auto_detect = false, compression = '{packed}', columns = {{{types}}}, "
        f"delim = {literal(delimiter)}, {form}, max_line_size = {LONGEST_LINE}, store_rejects = true, "
        f"rejects_scan = '{REJECTS_SCAN}', rejects_table = '{REJECTS_TABLE}', rejects_limit = 1)"
    )


def read_lines(file: Path) -> str:
    """Return the reading of a text file's lines, each as c0."""
    return read_csv(file, 1, NO_DELIMITER, f"{LINES_FORM}, header = false")


def read_parquet(files: Sequence[Path]) -> str:
    """Return the reading of Parquet files that are alike."""
    return f"read_parquet({literals(files)}, {PARQUET_OPTIONS})"
