"""Writes accepted rows and the quarantine of one run to Parquet files that wait for publication.

Does not decide the fate of a row (see `raw.rows`) or publish anything (see `raw.asset`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from acquisition_assets.core.days import days_between
from acquisition_assets.core.duckdb_sql import literal
from acquisition_assets.core.engine.duckdb import PARQUET
from acquisition_assets.inputs.source import Wanted
from acquisition_assets.inputs.tables import EVENTS, INPUTS, InputTable
from acquisition_assets.raw.contract import QUARANTINE, RAW, RAW_ALIASES, RAW_EVENTS
from acquisition_assets.raw.rows import CHECKED, REJECTED, SEPARATOR, Problem, Reading, Run
from acquisition_assets.raw.windows import DayRows, reads

QUARANTINED = "quarantined_rows"
BROKEN_LINES = "broken_lines"
# One event with a wrong year must not fill the lake with files; days before these are read again whenever a run comes.
MOST_EMPTY_DAYS = 3660
# Days with more events than four row groups are stored in the order of their leads: who reads those of some leads skips
# the rest. Of a smaller day most would be read anyway.
MOST_UNSORTED = 4 * 122_880
# Of events, which are by far the most rows: times as differences and no dictionary of ids, which are all different,
# take a fifth less to write and a third less to read. Spark reads it since 3.3.
PARQUET_OF_EVENTS = f"{PARQUET}, parquet_version v2, dictionary_size_limit 4096"
# Columns that no input has. Times become days and hours at ingestion, so that no engine needs a time zone later.
EXTRA: dict[str, dict[str, str]] = {
    "leads": {
        "referrer_host": "host_of(referrer_url)",
        "created_date": "business_date(created_at)",
        "engaged_date": "business_date(engaged_at)",
        "converted_date": "business_date(converted_at)",
    },
    "events": {
        "derived_delivery_id": "case when delivery_id is null then "
        f"coalesce(lead_id || {SEPARATOR} || content_id, {SEPARATOR} || event_id) end",
        "local_hour": "local_hour::bigint",
        "local_weekday": "local_weekday::bigint",
    },
    "referrals": {"created_date": "business_date(created_at)"},
    "status_changes": {"read_order": "place"},
    "spend": {"read_order": "place"},
}


@dataclass(frozen=True)
class Staged:
    """A file that waits to become a partition; `shared`: other days get a copy of the same file."""

    path: Path
    table: str
    day: dt.date
    shared: bool = False

    def own_path(self) -> Path:
        """Return a file that may be moved into the lake: a copy where it is shared."""
        if not self.shared:
            return self.path
        copy = self.path.with_name(f"{self.path.stem}-{self.day}{self.path.suffix}")
        copy.write_bytes(self.path.read_bytes())
        return copy


def stage_snapshot(
    run: Run, table: InputTable, relation: str = CHECKED, columns: Mapping[str, str] | None = None
) -> Staged:
    """Write the accepted rows of a table that is a snapshot as of the end of the day.

    Args:
        relation: the checked rows.
        columns: SQL of further columns that are computed.
    """
    contract = RAW[table.name]
    path = run.folder / f"{contract.table}.parquet"
    _copy(run, f"select {_stored(table, columns)} from {relation} where problem is null", path)
    return Staged(path, contract.table, run.day)


def stage_aliases(run: Run, ends: str) -> Staged:
    """Write the good aliases with the leads at their ends."""
    path = run.folder / f"{RAW_ALIASES.table}.parquet"
    _copy(run, f"select {', '.join(RAW_ALIASES.columns)} from {ends} order by alias_id", path)
    return Staged(path, RAW_ALIASES.table, run.day)


def stage_events(run: Run) -> tuple[list[Staged], dict[dt.date, int]]:
    """Write one file for each business day of the checked events; return them, and the accepted events of each day.

    A query per day costs half of what one that partitions the rows does, and holds few of them in memory.
    """
    folder = run.folder / RAW_EVENTS.table
    folder.mkdir(exist_ok=True)
    good = "problem is null"
    days = dict(
        run.connection.execute(f"select date, count(*) from {CHECKED} where {good} group by 1 order by 1").fetchall()
    )
    staged = {day: Staged(folder / f"{day}.parquet", RAW_EVENTS.table, day) for day in days}

    def write(day: dt.date) -> None:
        order = "order by lead_id" if days[day] > MOST_UNSORTED else ""
        rows = f"select {_stored(EVENTS)} from {CHECKED} where date = date '{day}' and {good} {order}"
        with run.connection.cursor() as cursor:
            cursor.execute(f"copy ({rows}) to {literal(staged[day].path)} ({PARQUET_OF_EVENTS})")

    threads = run.number("select current_setting('threads')")
    with ThreadPoolExecutor(threads) as pool:  # each file by itself keeps one thread busy
        for _ in pool.map(write, days):
            pass
    return list(staged.values()), days


def stage_empty_days(run: Run, days: Iterable[dt.date]) -> list[Staged]:
    """Write one empty file for all these days; call it while CHECKED has events."""
    empty = run.folder / "no_events.parquet"
    _copy(run, f"select {_stored(EVENTS)} from {CHECKED} where false", empty)
    return [Staged(empty, RAW_EVENTS.table, day, shared=True) for day in days]


def empty_days(
    run: Run,
    wanted: Wanted,
    staged: Collection[dt.date],
    source: Mapping[dt.date, DayRows],
    late_days: int,
    forget: bool,
) -> list[dt.date]:
    """Return the days without an accepted event that get an empty partition, since the first day that there is.

    An earlier day for which the source has no event any more keeps what the lake has, unless `forget` says otherwise.
    """
    have = set(run.lake_days(RAW_EVENTS.table))
    first = max(min([run.day, *staged, *have]), run.day - dt.timedelta(days=MOST_EMPTY_DAYS))
    recent = run.day - dt.timedelta(days=late_days)
    return [
        day
        for day in days_between(first, run.day)
        if day not in staged
        and (day not in have or (reads(wanted, day, run.tz) and (day >= recent or day in source or forget)))
    ]


def keep_broken_lines(run: Run, reading: Reading) -> int:
    """Keep the lines that never became rows, which the source knows only after reading; return their number."""
    table = f"{BROKEN_LINES}_{reading.table.name}"
    rejects = reading.raw.rejects or "select null as place, null as line, null as detail where false"
    run.connection.execute(f"create temp table {table} (place text, line text, detail text)")
    run.connection.execute(f"insert into {table} {rejects}")
    return run.number(f"select count(*) from {table}")


def stage_quarantine(run: Run, found: Mapping[str, tuple[Problem, ...]], broken: Mapping[str, int]) -> Staged:
    """Write the quarantine of the run.

    Args:
        found: what can be wrong with the rows of each table.
        broken: the number of broken lines of each table.
    """
    path = run.folder / "quarantine.parquet"
    run.connection.execute(
        f"create temp table {QUARANTINED} (source_table text, row_key text, reason text, row text, detail text)"
    )
    rejected = {name for (name,) in run.connection.execute(f"select distinct source_table from {REJECTED}").fetchall()}
    for name in INPUTS:
        if name in rejected:
            known = ", ".join(f"({each.code}, {literal(each.reason)}, {literal(each.detail)})" for each in found[name])
            run.connection.execute(
                f"insert into {QUARANTINED} select '{name}', coalesce(nullif(row_key, ''), 'row ' || (place + 1)), "
                "reason, row, replace(detail, '{found}', coalesce(shown_value(found), 'of this row')) || "
                "case when holds_older then '; an older version of this id holds' else '' end "
                f"from {REJECTED} join (values {known}) as problems(code, reason, detail) using (code) "
                f"where source_table = '{name}' order by place"
            )
        if broken[name]:
            run.connection.execute(
                f"insert into {QUARANTINED} select '{name}', place, 'broken line', to_json(line)::text, detail "
                f"from {BROKEN_LINES}_{name}"
            )
    _copy(run, f"select {', '.join(QUARANTINE.columns)} from {QUARANTINED}", path)
    return Staged(path, QUARANTINE.table, run.day)


def count_reasons(run: Run) -> dict[str, dict[str, int]]:
    """Return how many rows are in quarantine by table and reason."""
    rows = run.connection.execute(
        f"select source_table, reason, count(*) from {QUARANTINED} group by 1, 2 order by 1, 2"
    ).fetchall()
    reasons: dict[str, dict[str, int]] = {}
    for table, reason, count in rows:
        reasons.setdefault(table, {})[reason] = count
    return reasons


def _stored(table: InputTable, columns: Mapping[str, str] | None = None) -> str:
    """Return the columns of the stored table, with those that are computed."""
    extra = {**EXTRA.get(table.name, {}), **(columns or {})}
    return ", ".join(f"{extra[name]} as {name}" if name in extra else name for name in RAW[table.name].columns)


def count_examples(run: Run) -> dict[str, dict[str, int]]:
    """Return how many rows are in quarantine by table and what is wrong, the most frequent first."""
    rows = run.connection.execute(
        f"select source_table, detail, count(*) from {QUARANTINED} group by 1, 2 order by 1, 3 desc, 2"
    ).fetchall()
    found: dict[str, dict[str, int]] = {}
    for table, detail, count in rows:
        found.setdefault(table, {})[detail] = count
    return found


def _copy(run: Run, query: str, path: Path) -> None:
    run.connection.execute(f"copy ({query}) to {literal(path)} ({PARQUET})")
