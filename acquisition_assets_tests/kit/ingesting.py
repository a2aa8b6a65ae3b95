"""Ingests files into a lake for a test, and reports what became of each row.

Whole runs are left to running.py.
"""

from __future__ import annotations

import datetime as dt
import gzip
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from acquisition_assets_tests.kit.running import Run, compute_day, rows
from acquisition_assets_tests.oracle.reference import Row

DAY = "2025-01-10"
HEADER = "lead_id,status,created_at"
LEADS = f"{HEADER}\nana,new,2024-12-01\nbea,nurturing,2024-12-02\n"
FATES = ("rows_read", "rows_accepted", "rows_quarantined", "rows_exact_duplicates", "rows_of_the_future")
Content = str | bytes | pa.Table


@dataclass(frozen=True)
class Taken:
    """The result of an ingestion."""

    run: Run
    lake: Path
    day: str

    @property
    def error(self) -> str:
        """Return why it failed, or an empty text."""
        return self.run.failed.get("ingest", "")

    def accepted(self, table: str = "leads", day: str | None = None) -> list[Row]:
        """Return the rows in the lake."""
        return rows(self.lake, f"raw_{table}", day or self.day)

    def values(self, column: str, table: str = "leads", day: str | None = None) -> list[Any]:
        """Return a column of the rows in the lake, in stored order."""
        return [row[column] for row in self.accepted(table, day)]

    def by_key(self, lead: str) -> Row:
        """Return the row of a lead."""
        return next(row for row in self.accepted() if row["lead_id"] == lead)

    def quarantined(self) -> list[Row]:
        """Return the rows in quarantine."""
        return rows(self.lake, "quarantine", self.day)

    def reasons(self) -> dict[str, str]:
        """Return the reasons by row key."""
        return {row["row_key"]: row["reason"] for row in self.quarantined()}

    def fates(self, table: str = "leads") -> tuple[int, ...]:
        """Return the numbers of rows read, accepted, quarantined, dropped as exact duplicates, and of the future."""
        return tuple(int(self.run.metadata[f"raw_{table}"][name]) for name in FATES)


def put(folder: Path, files: Mapping[str, Content]) -> Path:
    """Write a source of exactly these files (text, bytes, or tables for Parquet; .gz names are compressed)."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, pa.Table):
            pq.write_table(content, path)
        elif isinstance(content, str):
            data = content.encode()
            path.write_bytes(gzip.compress(data) if name.lower().endswith(".gz") else data)
        else:
            path.write_bytes(content)
    return folder


def take_in(
    folder: Path,
    files: Mapping[str, Content] | None = None,
    day: dt.date | str = DAY,
    tz: str = "UTC",
    *,
    policy: Path | None = None,
    full: bool = False,
) -> Taken:
    """Ingest these files (None: those already there) into the folder's lake, which is kept between calls."""
    source, lake = folder / "source", folder / "lake"
    if files is not None:
        put(source, files)
    return Taken(compute_day(source, lake, day, tz, policy, full, last_step="ingest"), lake, str(day))


def leads_of(**columns: Any) -> pa.Table:
    """Return a table of leads with these columns; by default each is new since 2024-12-01."""
    count = len(next(iter(columns.values())))
    defaults: dict[str, Any] = {
        "lead_id": [f"l{n}" for n in range(count)],
        "status": ["new"] * count,
        "created_at": ["2024-12-01"] * count,
    }
    return pa.table({**defaults, **columns})


def events(*lines: str) -> str:
    """Return a CSV file of events: event_id,lead_id,event_type,occurred_at."""
    return "".join(line + "\n" for line in ("event_id,lead_id,event_type,occurred_at", *lines))
