"""Reads exports by their layouts, as text cells, for tests of layouts alone.

Whole folders and their ingestion are left to the tests of cases.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acquisition_assets.core.duckdb_sql import in_memory
from acquisition_assets.sources.layouts.folder import ExportFolder
from acquisition_assets.sources.layouts.grammar import Layout
from acquisition_assets.sources.layouts.records import kind_of


@dataclass(frozen=True)
class Read:
    """The rows of each table by canonical columns, the rows as read, broken lines, and what was noticed."""

    rows: Mapping[str, list[dict[str, Any]]]
    as_read: Mapping[str, list[str]]
    rejects: Mapping[str, list[tuple[str, str, str]]]
    notes: Mapping[str, tuple[str, ...]]
    layouts: list[str]


def read(folder: Path, layouts: Sequence[Layout], **options: Any) -> Read:
    """Return what the exports of a folder become."""
    files = [(path, kind) for path in sorted(folder.iterdir()) if (kind := kind_of(path)) and path.stem != "expected"]
    exports = ExportFolder(folder, files, [layouts], **options)
    rows, as_read, rejects, notes = {}, {}, {}, {}
    with in_memory() as connection, tempfile.TemporaryDirectory() as scratch:
        for name, raw in exports.open(connection, Path(scratch), {}).items():
            cells = ", ".join(f"{raw.cell(column)} as {column}" for column in raw.columns)
            found = connection.execute(f"select {cells} from {raw.relation} order by row_place")
            names = [column[0] for column in found.description or ()]
            rows[name] = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
            whole = f"select {raw.row_of('src')} from {raw.relation} as src order by row_place"
            as_read[name] = [row[0] for row in connection.execute(whole).fetchall()]
            rejects[name] = connection.execute(raw.rejects).fetchall() if raw.rejects else []
            notes[name] = raw.notes
    return Read(rows, as_read, rejects, notes, [claim.layout.name for claim in exports.claims])
