"""Here: how a test reads files into a lake without the steps that come after, and what became of their rows.

Not here: whole runs (running.py).
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
MORE_FATES = ("rows_superseded", "rows_left_out")
Content = str | bytes | pa.Table


@dataclass(frozen=True)
class Taken:
    """What an ingestion left."""

    run: Run
    lake: Path
    day: str

    @property
    def error(self) -> str:
        """Why it failed, empty where it did not."""
        return self.run.failed.get("ingest", "")

    def accepted(self, table: str = "leads", day: str | None = None) -> list[Row]:
        """The rows in the lake."""
        return rows(self.lake, f"raw_{table}", day or self.day)

    def values(self, column: str, table: str = "leads", day: str | None = None) -> list[Any]:
        """A column of the rows in the lake, in their order."""
        return [row[column] for row in self.accepted(table, day)]

    def by_key(self, lead: str) -> Row:
        """The row of a lead."""
        return next(row for row in self.accepted() if row["lead_id"] == lead)

    def quarantined(self) -> list[Row]:
        """The rows in quarantine."""
        return rows(self.lake, "quarantine", self.day)

    def reasons(self) -> dict[str, str]:
        """The reasons, by the key of the row."""
        return {row["row_key"]: row["reason"] for row in self.quarantined()}

    def fates(self, table: str = "leads") -> tuple[int, ...]:
        """Rows read, accepted, quarantined, exact duplicates, of the future."""
        return self._counts(table, FATES)

    def more_fates(self, table: str = "leads") -> tuple[int, ...]:
        """Rows superseded, left out."""
        return self._counts(table, MORE_FATES)

    def _counts(self, table: str, names: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(int(self.run.metadata[f"raw_{table}"][name]) for name in names)


def put(folder: Path, files: Mapping[str, Content]) -> Path:
    """A source of exactly these files: text, bytes, or tables for Parquet; names that end in .gz are packed."""
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
    """Read these files (None: those that are there) into the lake of the folder, which stays from call to call."""
    source, lake = folder / "source", folder / "lake"
    if files is not None:
        put(source, files)
    return Taken(compute_day(source, lake, day, tz, policy, full, last_step="ingest"), lake, str(day))


def leads_of(**columns: Any) -> pa.Table:
    """A table of leads with these columns, each new since 2024-12-01 where not said otherwise."""
    count = len(next(iter(columns.values())))
    defaults: dict[str, Any] = {
        "lead_id": [f"l{n}" for n in range(count)],
        "status": ["new"] * count,
        "created_at": ["2024-12-01"] * count,
    }
    return pa.table({**defaults, **columns})


def events(*lines: str) -> str:
    """A CSV file of events: event_id,lead_id,event_type,occurred_at."""
    return "".join(line + "\n" for line in ("event_id,lead_id,event_type,occurred_at", *lines))
