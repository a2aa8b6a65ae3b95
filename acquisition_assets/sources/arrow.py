"""Offers Arrow tables in memory as a source, such as the built-in sample.

Generating the sample is left to `sources.sample`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa

from acquisition_assets.inputs.source import RawTable, Wanted
from acquisition_assets.inputs.tables import INPUTS, require_columns
from acquisition_assets.sources.sample import world


class ArrowSource:
    """A source of named tables that are created when first needed."""

    def __init__(self, label: str, tables: Callable[[], Mapping[str, pa.Table]]) -> None:
        self.label = label
        self._tables = tables

    def check(self) -> list[str]:
        """See `Source.check`. A table that is missing here is meant to be empty, so nothing warns of it."""
        tables = self._tables()
        for name in INPUTS:
            if name in tables:
                require_columns(name, list(tables[name].column_names), f"{self.label}, {name}")
        return []

    @contextlib.contextmanager
    def open(
        self, connection: duckdb.DuckDBPyConnection, scratch: Path, wanted: Wanted
    ) -> Iterator[Mapping[str, RawTable]]:
        """See `Source.open`."""
        yield {name: _registered(connection, name, table) for name, table in self._tables().items()}


def _registered(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> RawTable:
    view = f"source_{name}"
    cells = {column: f"c{number}" for number, column in enumerate(table.column_names)}
    connection.register(view, table.rename_columns(list(cells.values())))
    described = connection.execute(f"describe select * from {view}").fetchall()
    kinds = [str(row[1]) for row in described]
    return RawTable(view, dict(zip(cells, kinds, strict=True)), cells)


def sample_source() -> ArrowSource:
    """Return the built-in sample."""
    return ArrowSource("the sample", _sample_world)


@cache
def _sample_world() -> Mapping[str, pa.Table]:
    return world()
