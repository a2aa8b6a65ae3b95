"""Ingests one day: each source row is accepted, quarantined, dropped as an exact duplicate, or skipped as future.

Does not read formats (see `sources`) or publish what it stages (see `raw.asset`).
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from acquisition_assets.core.duckdb_sql import literal
from acquisition_assets.core.engine.duckdb import PARQUET
from acquisition_assets.inputs.source import RawTable
from acquisition_assets.inputs.tables import EVENTS, INPUTS, INSTANT, LEADS, InputTable, require_columns
from acquisition_assets.raw.cells import MACROS, time_macros
from acquisition_assets.raw.contract import RAW_EVENTS
from acquisition_assets.raw.counts import Counts, RowsRead, count_rows, counts_of
from acquisition_assets.raw.duplicates import REPEATS, find_repeats, is_repeated
from acquisition_assets.raw.rows import (
    CHECKED,
    ROW_TIME,
    Reading,
    Run,
    build,
    find_unknown_leads,
    first_lead_at,
    index_leads,
    keep_what_later_days_accepted,
    make_nothing,
    make_rejected,
    make_views,
    problems,
    reading,
    set_rejected_aside,
    with_place,
)
from acquisition_assets.raw.staging import (
    Staged,
    count_reasons,
    keep_broken_lines,
    stage_empty_days,
    stage_events,
    stage_quarantine,
    stage_snapshot,
)
from acquisition_assets.raw.windows import Part, cuts, reads

# Events that are in memory at a time: about 300 MB. More are taken in parts of some days each, which never spill.
ROWS_AT_ONCE = 1_500_000
EVENTS_BY_TIME = "events_by_time"


@dataclass(frozen=True)
class Ingested:
    """The staged result of one run: files, counts by table, and what else there is to say of the source.

    first_lead_at: when the first lead of the source was created, on whatever day.
    """

    counts: Mapping[str, Counts]
    staged: tuple[Staged, ...]
    missing_tables: tuple[str, ...]
    reasons: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    first_lead_at: dt.datetime | None = None


@dataclass(frozen=True)
class _Checked:
    """What became of the rows of one table."""

    reading: Reading
    read: RowsRead
    fates: Counter[int | None]
    staged: tuple[Staged, ...]


def ingest(run: Run, tables: Mapping[str, RawTable]) -> Ingested:
    """Return the staged rows of a source's tables for one day; every row read has exactly one fate.

    Raises:
        InputError: a table lacks a required column.
    """
    _require_columns(tables)
    _make_macros(run)
    make_nothing(run)
    make_rejected(run)
    checked = {name: _ingest_table(run, table, tables.get(name)) for name, table in INPUTS.items()}
    broken = {name: keep_broken_lines(run, each.reading) for name, each in checked.items()}
    quarantine = stage_quarantine(run, {name: problems(each.reading) for name, each in checked.items()})
    return Ingested(
        counts={name: counts_of(name, each.read, each.fates, broken[name]) for name, each in checked.items()},
        staged=(*(staged for each in checked.values() for staged in each.staged), quarantine),
        missing_tables=tuple(name for name in INPUTS if name not in tables),
        reasons=count_reasons(run),
        first_lead_at=first_lead_at(run),
    )


def _ingest_table(run: Run, table: InputTable, raw: RawTable | None) -> _Checked:
    """Check and stage one table, of many events a part after the other."""
    source = reading(run, table, with_place(run, table.name, raw) if raw else None)
    read = count_rows(run, source)
    derive = table is EVENTS and bool(read.without_key)
    check_leads = find_unknown_leads(run, source)
    repeats = find_repeats(run, source, derive=derive, check_leads=check_leads)
    source, parts = _parts(run, source, read)
    fates: Counter[int | None] = Counter()
    staged: list[Staged] = []
    for part in parts:
        _check(run, source, part, derive=derive, check_leads=check_leads, repeats=repeats)
        set_rejected_aside(run, table)
        fates.update(_count_fates(run))
        staged += stage_events(run) if table is EVENTS else [stage_snapshot(run, table)]
    if table is EVENTS:
        staged += stage_empty_days(run, [each.day for each in staged])
    if table is LEADS:
        index_leads(run, source)
    run.connection.execute(f"drop table {CHECKED}")
    return _Checked(source, read, fates, tuple(staged))


def _require_columns(tables: Mapping[str, RawTable]) -> None:
    for name, raw in tables.items():
        require_columns(name, dict(raw.columns), f"table {name}")


def _make_macros(run: Run) -> None:
    for macro in (*MACROS, *time_macros(run.tz, dt.date(run.day.year + 1, 12, 31))):
        run.connection.execute(macro)


def _parts(run: Run, source: Reading, read: RowsRead) -> tuple[Reading, list[Part]]:
    """Return what is checked and staged together: all rows, or of many events those of some days after the other.

    The reading of many events is one that is quick to read in parts.
    """
    if source.table is not EVENTS:
        return source, [source.whole]
    instants = cuts(read.days, run.tz, ROWS_AT_ONCE)
    return _quick_to_read(run, source) if instants else source, source.whole.cut(instants)


def _quick_to_read(run: Run, source: Reading) -> Reading:
    """Copy the events with the time of each, where the source's own form would be read whole for every part."""
    raw = source.raw
    if raw.tells_place and raw.columns.get("occurred_at") == INSTANT:
        return source
    path = run.folder / f"{EVENTS_BY_TIME}.parquet"
    query = f"select *, {source.parsed('occurred_at')} as {ROW_TIME} from {raw.relation} as src"
    run.connection.execute(f"copy ({query}) to {literal(path)} ({PARQUET})")
    run.connection.execute(f"create temp view {EVENTS_BY_TIME} as from read_parquet({literal(path)})")
    return replace(source, raw=replace(raw, relation=EVENTS_BY_TIME, tells_place=True, tells_time=True))


def _check(run: Run, source: Reading, part: Part, *, derive: bool, check_leads: bool, repeats: bool) -> None:
    """Make CHECKED: every row of the part with its problem (null: good)."""
    table = source.table
    make_views(run, source, part)
    where = f"where not {is_repeated(f'v.{table.key}')}" if repeats else ""
    build(run, source, CHECKED, derive=derive, check_leads=check_leads, where=where)
    if repeats:
        time = f"where {part.condition(table.time)}" if table is EVENTS else ""
        run.connection.execute(f"insert into {CHECKED} select * from {REPEATS} {time}")
    if table is EVENTS:
        days = [day for day in run.lake.days(RAW_EVENTS.table) if reads(run.wanted, day, run.tz)]
        keep_what_later_days_accepted(run, {day: run.lake.file(RAW_EVENTS.table, day) for day in days})


def _count_fates(run: Run) -> dict[int | None, int]:
    """Return the number of checked rows by problem."""
    return dict(run.connection.execute(f"select problem, count(*) from {CHECKED} group by 1").fetchall())
