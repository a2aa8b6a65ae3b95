"""Reads what earlier runs noted of the source, and writes what this run knows of it: event days and the source's state.

Does not decide which days are read (see `raw.windows`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from acquisition_assets.core.duckdb_sql import literals
from acquisition_assets.inputs.tables import EVENTS
from acquisition_assets.raw.contract import EVENT_DAYS, RAW_EVENTS, SOURCE_STATE
from acquisition_assets.raw.policy import FreshnessPolicy
from acquisition_assets.raw.rows import CHECKED, KNOWN_LEADS, QUARANTINED_LEAD, UNKNOWN_LEAD, Run
from acquisition_assets.raw.staging import Staged
from acquisition_assets.raw.windows import DayRows

NOTED = "noted_event_days"
NAMED = "named_event_days"
DAYS_OF_WEEK = 7


def read_event_days(run: Run) -> dict[dt.date, DayRows | None]:
    """Return the days of events that the lake has, with what the source had of them then; make NOTED of it."""
    days = run.lake_days(RAW_EVENTS.table)
    files = run.lake_files(EVENT_DAYS.table, days)
    columns = ", ".join(EVENT_DAYS.columns)
    nothing = "select null::date as date, 0::bigint as rows_read, 0::bigint as rows_accepted, null as fingerprint, "
    rows = (
        f"select date, {columns} from read_parquet({literals(files)}, hive_partitioning = true, "
        "hive_types = {'date': DATE})"
        if files
        else f"{nothing}null as lead_hash where false"
    )
    run.connection.execute(f"create temp table {NOTED} as {rows}")
    noted = run.connection.execute(
        f"select date, rows_read, fingerprint from {NOTED} where lead_hash is null"
    ).fetchall()
    found = {day: DayRows(rows_read, fingerprint or "") for day, rows_read, fingerprint in noted}
    return {day: found.get(day) for day in days}


def days_named_now(run: Run) -> set[dt.date]:
    """Return the days that had events of ids that were no good leads then, and are now; call it after the leads."""
    if not run.number(f"select count(*) from {NOTED} where lead_hash is not null"):
        return set()
    rows = run.connection.execute(
        f"select distinct date from {NOTED} where lead_hash in (select md5(known_id) from {KNOWN_LEADS})"
    ).fetchall()
    return {day for (day,) in rows}


def note_unknown_leads(run: Run) -> dict[dt.date, list[tuple[str, int]]]:
    """Return the hashed ids of the events in CHECKED that were set aside for their lead, by day, with their number."""
    rows = run.connection.execute(
        f"select date, md5({EVENTS.lead}), count(*) from {CHECKED} "
        f"where problem in ({UNKNOWN_LEAD}, {QUARANTINED_LEAD}) group by 1, 2 order by 1, 2"
    ).fetchall()
    found: dict[dt.date, list[tuple[str, int]]] = {}
    for day, lead, count in rows:
        found.setdefault(day, []).append((lead, count))
    return found


def stage_event_days(
    run: Run,
    days: Collection[dt.date],
    source: Mapping[dt.date, DayRows],
    accepted: Mapping[dt.date, int],
    unknown: Mapping[dt.date, list[tuple[str, int]]],
) -> list[Staged]:
    """Write what the source had of each day of events that this run takes in."""
    folder = run.folder / EVENT_DAYS.table
    folder.mkdir(exist_ok=True)
    empty: Staged | None = None
    staged = []
    for day in sorted(days):
        seen = source.get(day, DayRows(0))
        rows: list[dict[str, object]] = [
            {"rows_read": seen.rows, "rows_accepted": accepted.get(day, 0), "fingerprint": seen.fingerprint or None},
            *({"rows_read": n, "rows_accepted": 0, "lead_hash": lead} for lead, n in unknown.get(day, [])),
        ]
        if not seen.rows and len(rows) == 1:
            path = empty.path if empty else _write(folder / "empty.parquet", rows)
            empty = Staged(path, EVENT_DAYS.table, day, shared=True)
            staged.append(empty)
        else:
            staged.append(Staged(_write(folder / f"{day}.parquet", rows), EVENT_DAYS.table, day))
    return staged


def _write(path: Path, rows: list[dict[str, object]]) -> Path:
    columns = [{name: row.get(name) for name in EVENT_DAYS.columns} for row in rows]
    pq.write_table(pa.Table.from_pylist(columns, schema=EVENT_DAYS.arrow_schema), path)
    return path


def event_counts(run: Run, accepted: Mapping[dt.date, int]) -> dict[dt.date, int]:
    """Return the accepted events of each day up to the run's: those of this run, and of the others as noted."""
    noted = run.connection.execute(f"select date, rows_accepted from {NOTED} where lead_hash is null").fetchall()
    found = {**dict(noted), **accepted}
    return {day: count for day, count in found.items() if day <= run.day and count}


def lead_counts(run: Run, leads: Path) -> dict[dt.date, int]:
    """Return the leads of each day up to the run's, of a staged snapshot."""
    rows = run.connection.execute(
        f"select created_date, count(*) from read_parquet({literals([leads])}) "
        f"where created_date <= date '{run.day}' group by 1"
    ).fetchall()
    return dict(rows)


def overdue_days(counts: Mapping[dt.date, int], day: dt.date, policy: FreshnessPolicy) -> int | None:
    """Return how many expected days have passed since the newest row; None for a table that never had one.

    A weekday is not expected where it had no row in most of the last weeks before the newest row (`quiet_weeks` of
    `weeks`; of fewer weeks, where the history is shorter, the same share).
    """
    if not counts:
        return None
    newest, oldest = max(counts).toordinal(), min(counts).toordinal()
    days = {each.toordinal() for each in counts}
    quiet = set()
    for ago in range(DAYS_OF_WEEK):
        same = (newest - ago - DAYS_OF_WEEK * week for week in range(policy.weeks))
        seen = [each for each in same if each >= oldest]
        empty = sum(each not in days for each in seen)
        if seen and empty * policy.weeks >= policy.quiet_weeks * len(seen):
            quiet.add((newest - ago) % DAYS_OF_WEEK)
    return sum(each % DAYS_OF_WEEK not in quiet for each in range(newest + 1, day.toordinal() + 1))


def stage_source_state(
    run: Run, newest_at: dt.datetime | None, *, is_stale_leads: bool, is_stale_events: bool
) -> Staged:
    """Write what this run knew of the source."""
    path = run.folder / f"{SOURCE_STATE.table}.parquet"
    row = {
        "read_at": run.read_at,
        "newest_at": newest_at,
        "is_stale_leads": is_stale_leads,
        "is_stale_events": is_stale_events,
    }
    pq.write_table(pa.Table.from_pylist([row], schema=SOURCE_STATE.arrow_schema), path)
    return Staged(path, SOURCE_STATE.table, run.day)
