"""Prints for `acquisition validate` how the exports of a folder are read: layout, rows, first rows, unused columns.

Does not read them itself (see `sources.layouts`) or check their rows (see `source_rows`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import duckdb
from rich.console import Console

from acquisition_assets.commands.console import line, table
from acquisition_assets.core.days import UTC
from acquisition_assets.core.duckdb_sql import in_memory
from acquisition_assets.core.masking import sanitize
from acquisition_assets.inputs.source import ROW_PLACE, RawTable, Wanted
from acquisition_assets.inputs.tables import INPUTS, Cell
from acquisition_assets.sources.files import FILE_STEP, FileSource
from acquisition_assets.sources.layouts.folder import ExportFolder
from acquisition_assets.sources.layouts.times import LAST_DAY, is_odd_sql, sortable_sql

FIRST_ROWS = 2
LONGEST_CELL = 40
MOST_COLUMNS = 8
"""Columns of a table that are shown of its first rows."""


def look_at_exports(source: FileSource, memory_limit: str, scratch: Path, out: Console) -> None:
    """Print how each export of a folder is read.

    Args:
        memory_limit: what the engine may hold before it spills to the scratch folder.

    Raises:
        InputError: an export cannot be read, or its times can be read both ways.
    """
    end = dt.datetime.combine(LAST_DAY, dt.time(), UTC)
    limits = {"memory_limit": memory_limit, "temp_directory": str(scratch / "spill")}
    with in_memory(**limits) as connection, source.open(connection, scratch, Wanted(end, ((None, end),))) as tables:
        exports = source.opened
        if exports is None or not exports.claims:
            return
        unused = {claim.export.path: names for claim, names in exports.unused_columns()}
        counts = {name: _rows_by_file(connection, exports, name, raw) for name, raw in _own(exports, tables).items()}
        for claim in exports.claims:
            path = claim.export.path
            rows = ", ".join(f"{found[path]} {name}" for name, found in counts.items() if path in found) or "no rows"
            records = exports.record_counts.get(path, 0)
            line(out, f"file    {path.name}: layout {claim.layout.name}, {records} records, {rows}")
            if unused[path]:
                line(out, f"        not used: {', '.join(map(sanitize, unused[path]))}")
        for name, raw in _own(exports, tables).items():
            _print_times(connection, name, raw, out)
            _print_first_rows(connection, name, raw, out)
            for note in raw.notes:
                line(out, f"        {note}", "yellow")


def _own(exports: ExportFolder, tables: Mapping[str, RawTable]) -> dict[str, RawTable]:
    return {name: tables[name] for name in exports.read_files if name in tables}


def _rows_by_file(
    connection: duckdb.DuckDBPyConnection, exports: ExportFolder, name: str, raw: RawTable
) -> dict[Path, int]:
    files = exports.read_files[name]
    query = f"select {ROW_PLACE} // {FILE_STEP} as file, count(*) from {raw.relation} group by 1"
    return {files[file]: count for file, count in connection.execute(query).fetchall() if file < len(files)}


def _print_times(connection: duckdb.DuckDBPyConnection, name: str, raw: RawTable, out: Console) -> None:
    for column in (
        each.name for each in INPUTS[name].columns if each.cell is Cell.INSTANT and each.name in raw.columns
    ):
        text = f"trim({raw.cell(column)}::varchar)"
        query = (
            f"select count(t), min(t), max(t), count(*) filter (where odd) from (select {sortable_sql('x')} as t, "
            f"{is_odd_sql('x', raw.naive_timezone)} as odd from (select {text} as x from {raw.relation}))"
        )
        count, first, last, odd = connection.execute(query).fetchone() or (0, None, None, 0)
        if count:
            line(out, f"        {name}.{column}: {count} times, {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}")
        if odd:
            times = "time lies" if odd == 1 else "times lie"
            line(out, f"        {name}.{column}: {odd} {times} in an hour that the clock repeats or skips", "yellow")


def _print_first_rows(connection: duckdb.DuckDBPyConnection, name: str, raw: RawTable, out: Console) -> None:
    columns = list(raw.columns)[:MOST_COLUMNS]
    cells = ", ".join(f"{raw.cell(column)}::varchar" for column in columns)
    found = connection.execute(f"select {cells} from {raw.relation} order by {ROW_PLACE} limit {FIRST_ROWS}").fetchall()
    line(out, f"        the first rows of {name}:")
    table(
        out, columns, [[sanitize(cell)[:LONGEST_CELL] if cell is not None else None for cell in row] for row in found]
    )
