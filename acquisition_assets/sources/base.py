"""Here: what a source of rows is: the protocol between the raw assets and the sample, files and PostgreSQL.

Not here: any one source, and the checks of the rows.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import duckdb

TABLES = ("leads", "events", "referrals", "content", "status_changes")


@dataclass(frozen=True)
class Wanted:
    """Which events a run reads: those in any of the half-open stretches of UTC time, all before `end`.

    `stretches` are (start, end) in order; a start of None is the beginning of time. Rows without a readable time are
    always wanted.
    """

    end: dt.datetime
    stretches: tuple[tuple[dt.datetime | None, dt.datetime], ...]


@dataclass(frozen=True)
class Reject:
    """A line of a text file that could not be split into cells: as it stands in the file, and why."""

    line: str
    detail: str


@dataclass(frozen=True)
class RawTable:
    """One input table as a relation of a DuckDB connection, in the order in which it is read.

    relation: name of a view; columns: its column names and DuckDB types; from_text: whether words such as NULL mean a
    missing value; row: SQL that turns the row as read, a struct `raw_row`, into JSON text; rejects: lines that never
    became rows, known once the relation has been read.
    """

    relation: str
    columns: Mapping[str, str]
    from_text: bool = False
    row: str = "to_json(raw_row)::VARCHAR"
    rejects: Callable[[], list[Reject]] = field(default=list)


class Source(Protocol):
    """A place that leads and events come from."""

    label: str
    """Its name for people, without any secret."""

    def check(self) -> list[str]:
        """Prove that it can be read and has the required tables and columns; the warnings there are.

        Raises:
            InputError: with what is wrong, where, and what to do.
        """

    def open(
        self, connection: duckdb.DuckDBPyConnection, scratch: Path, wanted: Wanted
    ) -> contextlib.AbstractContextManager[Mapping[str, RawTable]]:
        """The tables it has, readable through the connection while the context lasts, all as of one moment.

        It may leave out events that are not wanted, and must not leave out others.
        """
