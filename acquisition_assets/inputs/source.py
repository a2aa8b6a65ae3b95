"""Defines what a source of rows is: the protocol between the raw assets and the sample, files and PostgreSQL.

Does not read any one source (see `sources`) and does not check rows (see `raw`).
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable
from zoneinfo import ZoneInfo

import duckdb

from acquisition_assets.core.duckdb_sql import identifier, literal
from acquisition_assets.inputs.tables import INPUTS

TABLES = tuple(INPUTS)
UNREAD = "not read"
"""What a source's warning says of a file that has the name of a table and is left alone."""
TAKEN_AS_EMPTY = "taken as empty"
"""How a source's warning ends that it lacks an optional table."""
ROW_PLACE = "row_place"
ROW_TIME = "row_time"
ROW = "\x01row\x01"
"""Where the struct of a row goes in `RawTable.read_row`: no name of a column has it."""
INSTANT = "TIMESTAMP WITH TIME ZONE"
"""DuckDB's name for the type of an instant."""


@dataclass(frozen=True)
class Wanted:
    """Which events a run reads: those in any of the half-open stretches of UTC time, all before `end`.

    `stretches` are (start, end) in order; a start of None is the beginning of time. Rows without a readable time are
    always wanted.
    """

    end: dt.datetime
    stretches: tuple[tuple[dt.datetime | None, dt.datetime], ...]


def within(time: str, stretches: Iterable[tuple[dt.datetime | None, dt.datetime]]) -> str:
    """Return the SQL condition that a time lies in one of some half-open stretches, for DuckDB and PostgreSQL.

    A stretch without a start has no lower bound. Without any stretch the condition is false.
    """
    each = [
        f"{time} < timestamptz '{end.isoformat()}'"
        + (f" and {time} >= timestamptz '{start.isoformat()}'" if start else "")
        for start, end in stretches
    ]
    return f"({' or '.join(each) or 'false'})"


@dataclass(frozen=True)
class RawTable:
    """One input table as a relation of a DuckDB connection, which can be read again and again.

    Attributes:
        relation: name of a view. Its columns have generated names (c0, c1, ...), so none can be taken for an internal
            one; the only others are `row_place` and `row_time`.
        columns: the source's columns, by their names in the source (trimmed, in lower case), with their DuckDB types.
        cells: the generated name of each column; a column that is not listed has its own name.
        from_text: whether words such as NULL mean a missing value.
        as_read: the generated name of a column that holds the row as JSON text, where the source has it so.
        rejects: a query of the lines that never became rows: place, line, detail.
        tells_place: whether the view has `row_place`, each row's number in the order of reading (else rows are
            counted: in one thread, and all of them whenever some are read).
        tells_time: whether the view has `row_time`, the time that the row came into being.
        naive_timezone: the IANA zone of times without an offset.
        read_row: SQL of the row as JSON text where the columns do not say it, with `ROW` for the struct of the row.
        origins: the files and their columns that each column was made of, where a layout says so.
        notes: what was noticed of the source while it was read, a line each.
    """

    relation: str
    columns: Mapping[str, str]
    cells: Mapping[str, str] = field(default_factory=dict)
    from_text: bool = False
    as_read: str | None = None
    rejects: str | None = None
    tells_place: bool = False
    tells_time: bool = False
    naive_timezone: str = "UTC"
    read_row: str | None = None
    origins: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def cell(self, name: str) -> str:
        """Return the quoted SQL identifier, inside the relation, of a column that the source has."""
        return identifier(self.cells.get(name, name))

    @property
    def row(self) -> str:
        """SQL that turns the row as read, a struct `raw_row`, into JSON text; JSON has no NaN and no infinity."""
        return self.row_of("raw_row")

    def row_of(self, struct: str) -> str:
        """Return SQL that turns the row as read, a struct of this name, into JSON text.

        JSON has no NaN and no infinity: they become texts.
        """
        cells = []
        for name, kind in self.columns.items():
            key, cell = literal(name), f"{struct}.{self.cell(name)}"
            if kind in ("FLOAT", "DOUBLE"):
                cell = f"case when isfinite({cell}) then to_json({cell}) else to_json({cell}::VARCHAR) end"
            cells.append(f"{key}, {cell}")
        built = f"json_object({', '.join(cells)})::VARCHAR"
        if self.read_row:
            return f"coalesce({self.read_row.replace(ROW, struct)}, {built})"
        return f"coalesce({struct}.{identifier(self.as_read)}, {built})" if self.as_read else built


class Source(Protocol):
    """A place that leads and events come from. One that cannot be read whole is a `FingerprintedSource` too."""

    label: str
    """Its name for people, without any secret."""

    def check(self) -> list[str]:
        """Return warnings, after proving that it can be read and has the required tables and columns.

        Raises:
            InputError: with what is wrong, where, and what to do.
        """

    def open(
        self, connection: duckdb.DuckDBPyConnection, scratch: Path, wanted: Wanted
    ) -> contextlib.AbstractContextManager[Mapping[str, RawTable]]:
        """Return the tables it has, readable through the connection while the context lasts, all as of one moment.

        It may leave out events that are not wanted, and must not leave out others.
        """


@runtime_checkable
class FingerprintedSource(Protocol):
    """A source that is read in part. Without reading events, it says which days changed and when the newest was."""

    def newest_event(self, after: dt.datetime, until: dt.datetime) -> dt.datetime | None:
        """Return the newest time of an event, at or after `after` and before `until`; None if there is none."""

    def day_fingerprints(self, day: dt.date, tz: ZoneInfo) -> Mapping[dt.date, str]:
        """Return a text for each of the business days up to `day` that it looks at; it differs when the events do."""
