"""Here: what a source of rows is: the protocol between the raw assets and the sample, files and PostgreSQL.

Not here: any one source, and the checks of the rows.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb

from acquisition_assets.core.duckdb_sql import identifier, literal

ROW_PLACE = "row_place"
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
class RawTable:
    """One input table as a relation of a DuckDB connection, which can be read again and again.

    relation: name of a view; columns: its column names and DuckDB types; from_text: whether words such as NULL mean a
    missing value; as_read: a column that holds the row as JSON text where the source has it so; rejects: a query of
    the lines that never became rows (place, line, detail); tells_place: whether the view has a column `row_place` with
    each row's number in the order of reading (else they are counted: in one thread, and of all rows whenever some are
    read); tells_time: whether it has a column `row_time`.
    """

    relation: str
    columns: Mapping[str, str]
    from_text: bool = False
    as_read: str | None = None
    rejects: str | None = None
    tells_place: bool = False
    tells_time: bool = False

    @property
    def row(self) -> str:
        """SQL that turns the row as read, a struct `raw_row`, into JSON text; JSON has no NaN and no infinity."""
        cells = []
        for name, kind in self.columns.items():
            key, cell = literal(name), f"raw_row.{identifier(name)}"
            if kind in ("FLOAT", "DOUBLE"):
                cell = f"case when isfinite({cell}) then to_json({cell}) else to_json({cell}::VARCHAR) end"
            cells.append(f"{key}, {cell}")
        built = f"json_object({', '.join(cells)})::VARCHAR"
        return f"coalesce(raw_row.{self.as_read}, {built})" if self.as_read else built


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
