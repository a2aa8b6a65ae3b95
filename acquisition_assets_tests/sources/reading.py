"""Reads a folder of files as a source does, for tests of files alone.

Ingestion is left to kit/ingesting.py.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acquisition_assets.core.duckdb_sql import in_memory
from acquisition_assets.inputs.source import RawTable, Wanted
from acquisition_assets.sources.files import FileSource
from acquisition_assets_tests.kit.ingesting import Content, put

END = dt.datetime(2030, 1, 1, tzinfo=dt.timezone.utc)


@dataclass(frozen=True)
class Read:
    """What a table held: its columns, its rows by column, each row as JSON, and its broken lines."""

    table: RawTable
    rows: list[dict[str, Any]]
    as_read: list[str]
    rejects: list[tuple[str, str, str]]

    def values(self, column: str) -> list[Any]:
        """Return a column, in the order of reading."""
        return [row.get(column) for row in self.rows]


def read(folder: Path, files: Mapping[str, Content] | None = None, table: str = "leads", **options: Any) -> Read:
    """Return a table of a source of these files (None: those that are there)."""
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True, parents=True)
    if files is not None:
        put(folder / "source", files)
    source = FileSource(folder / "source", **options)
    with in_memory() as connection, source.open(connection, scratch, Wanted(END, ((None, END),))) as tables:
        found = tables[table]
        listed = ", ".join(f"src.{found.cell(name)}" for name in found.columns)
        rows = connection.execute(
            f"select {listed}, {found.row_of('src')} from {found.relation} as src order by row_place"
        ).fetchall()
        rejects = connection.execute(found.rejects).fetchall() if found.rejects else []
    named = [dict(zip(found.columns, row[:-1], strict=True)) for row in rows]
    return Read(found, named, [row[-1] for row in rows], rejects)
