"""Ingests one day: each source row is of the future, left out, an exact duplicate, quarantined, superseded or accepted.

Does not read formats (see `sources`) or publish what it stages (see `raw.asset`).
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from acquisition_assets.core.duckdb_sql import literal
from acquisition_assets.core.engine.duckdb import PARQUET
from acquisition_assets.inputs.source import ROW_TIME, RawTable, Wanted
from acquisition_assets.inputs.tables import (
    ALIASES,
    CONTENT,
    EVENTS,
    INPUTS,
    INSTANT,
    LEADS,
    REFERRALS,
    SPEND,
    STATUS_CHANGES,
    InputTable,
    require_columns,
)
from acquisition_assets.raw import words
from acquisition_assets.raw.aliases import (
    ALIAS_ENDS,
    CHECKED_LEADS,
    follow_aliases,
    leads_with_merges,
    merge_leads,
    merged_columns,
)
from acquisition_assets.raw.cells import MACROS, time_macros, zone_macros
from acquisition_assets.raw.counts import (
    Counts,
    RowsRead,
    count_bits,
    count_fates,
    count_named,
    count_rows,
    count_unreadable,
    counts_of,
)
from acquisition_assets.raw.duplicates import REPEATS, Repeats, find_repeats
from acquisition_assets.raw.policy import FreshnessPolicy, IngestionPolicy
from acquisition_assets.raw.rows import (
    CHECKED,
    KNOWN_LEADS,
    Reading,
    Run,
    build,
    find_unknown_leads,
    index_leads,
    make_nothing,
    make_rejected,
    problems,
    reading,
    set_rejected_aside,
    value_rows,
    with_place,
)
from acquisition_assets.raw.staging import (
    Staged,
    count_examples,
    count_reasons,
    empty_days,
    keep_broken_lines,
    stage_aliases,
    stage_empty_days,
    stage_events,
    stage_quarantine,
    stage_snapshot,
)
from acquisition_assets.raw.state import (
    days_named_now,
    event_counts,
    lead_counts,
    note_unknown_leads,
    overdue_days,
    read_event_days,
    stage_event_days,
    stage_source_state,
)
from acquisition_assets.raw.windows import DayRows, Part, Window, choose_window, covers, cuts

# Events that are in memory at a time: about 300 MB. More are taken in parts of some days each, which never spill.
ROWS_AT_ONCE = 1_500_000
EVENTS_BY_TIME = "events_by_time"


@dataclass(frozen=True)
class Choices:
    """What a run was asked for, and the numbers it goes by.

    Attributes:
        fingerprints: what a source that is not read whole says of its days; None where the source is read whole.
        newest_event: the newest time of an event after the day; None where there is none, or the source is read whole.
        full: read all events again.
        forget: also replace days for which the source has no event any more.
    """

    ingestion: IngestionPolicy
    freshness: FreshnessPolicy
    fingerprints: Mapping[dt.date, DayRows] | None = None
    newest_event: dt.datetime | None = None
    full: bool = False
    forget: bool = False


@dataclass(frozen=True)
class Ingested:
    """The staged result of one run: files, counts by table, and what else there is to say of the source.

    Attributes:
        reasons, details: quarantined rows by table, and by reason or by what is wrong.
        first_lead_at: when the first lead of the source was created, on whatever day.
        fewer: earlier days for which the source has fewer events than the lake took in.
        overdue: expected days since the newest row, of leads and events; None for a table that never had one.
        unknown_everywhere: tables where no row, here or in the lake, names an id that leads or aliases have.
    """

    counts: Mapping[str, Counts]
    staged: tuple[Staged, ...]
    missing_tables: tuple[str, ...]
    reasons: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    details: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    first_lead_at: dt.datetime | None = None
    fewer: tuple[dt.date, ...] = ()
    overdue: Mapping[str, int | None] = field(default_factory=dict)
    unknown_everywhere: tuple[str, ...] = ()


@dataclass(frozen=True)
class MoreEvents:
    """Events that a run needs and that the source was not asked for."""

    wanted: Wanted


@dataclass(frozen=True)
class _Checked:
    """What became of the rows of one table, and the files that were staged of it."""

    reading: Reading
    read: RowsRead
    fates: Counter[int | None]
    named: tuple[int, int] = (0, 0)
    in_one_file: int = 0
    bits: int = 0
    staged: tuple[Staged, ...] = ()


def ingest(run: Run, tables: Mapping[str, RawTable], choices: Choices) -> Ingested | MoreEvents:
    """Return the staged rows of a source's tables for one day, or which more events the run needs.

    Raises:
        InputError: a table lacks a required column.
    """
    _require_columns(tables)
    _prepare(run, tables)
    readings = {name: reading(run, table, _placed(run, tables, name)) for name, table in INPUTS.items()}
    leads = _check_leads(run, readings[LEADS.name])
    aliases, are_merged = _check_aliases(run, readings[ALIASES.name])
    leads = _merge_leads(run, leads, are_merged=are_merged)
    read = count_rows(run, readings[EVENTS.name], hashed=choices.fingerprints is None)
    window = _choose_window(run, read, choices)
    if not covers(run.given, window.wanted):
        return MoreEvents(window.wanted)
    run = replace(run, given=window.wanted)
    events, accepted = _ingest_events(run, readings[EVENTS.name], read, choices)
    others = [_ingest_snapshot(run, readings[table.name]) for table in (REFERRALS, CONTENT, STATUS_CHANGES, SPEND)]
    checked = {each.reading.table.name: each for each in (leads, aliases, events, *others)}
    return _finish(run, checked, choices, window, accepted, tuple(name for name in INPUTS if name not in tables))


def _require_columns(tables: Mapping[str, RawTable]) -> None:
    for name, raw in tables.items():
        require_columns(name, dict(raw.columns), f"table {name}")


def _prepare(run: Run, tables: Mapping[str, RawTable]) -> None:
    """Make the macros of cells and the relations that the passes share."""
    last = dt.date(run.day.year + 1, 12, 31)
    zone = ZoneInfo(next((raw.naive_timezone for raw in tables.values()), "UTC"))
    # This optimizer turns each list of words, `in (...)`, into a join. There are so many lists that planning the joins
    # takes half the time of a small day.
    run.connection.execute("set disabled_optimizers = 'in_clause'")
    for macro in (*zone_macros(zone, last), *MACROS, *words.MACROS, *time_macros(run.tz, last)):
        run.connection.execute(macro)
    make_nothing(run)
    make_rejected(run)


def _placed(run: Run, tables: Mapping[str, RawTable], name: str) -> RawTable | None:
    return with_place(run, name, tables[name]) if name in tables else None


# -- tables -----------------------------------------------------------------------------------------------------------


def _check(run: Run, source: Reading, read: RowsRead) -> _Checked:
    """Make CHECKED: every row of a table that is read whole, with its fate."""
    check_leads, repeats = False, Repeats()
    if read.rows:  # planning the passes over a table without rows takes as long as those over a few
        without_key = bool(read.without_key)
        check_leads = find_unknown_leads(run, source)
        repeats = find_repeats(run, source, derive=False, without_key=without_key, check_leads=check_leads)
    _build(run, source, source.whole, repeats, derive=False, check_leads=check_leads)
    named = count_named(run, source, check_leads=check_leads)
    return _Checked(source, read, count_fates(run), named, repeats.ids_in_one_file, count_bits(run))


def _check_leads(run: Run, source: Reading) -> _Checked:
    """Check the leads into CHECKED_LEADS, and index them."""
    checked = _check(run, source, count_rows(run, source))
    set_rejected_aside(run, LEADS)
    index_leads(run, source, has_future=bool(checked.read.future))
    run.connection.execute(f"alter table {CHECKED} rename to {CHECKED_LEADS}")
    return checked


def _check_aliases(run: Run, source: Reading) -> tuple[_Checked, bool]:
    """Check and stage the aliases; from then on their ids are known. Return also whether there are good ones."""
    checked = _check(run, source, count_rows(run, source))
    are_merged = follow_aliases(run)
    set_rejected_aside(run, ALIASES)
    run.connection.execute(
        f"insert into {KNOWN_LEADS} select alias_id from {ALIAS_ENDS} "
        f"where alias_id not in (select known_id from {KNOWN_LEADS})"
    )
    return replace(checked, fates=count_fates(run), staged=(stage_aliases(run, ALIAS_ENDS),)), are_merged


def _merge_leads(run: Run, leads: _Checked, *, are_merged: bool) -> _Checked:
    """Stage the leads, with what was merged into them."""
    added = merge_leads(run, leads.reading) if are_merged else 0
    relation = leads_with_merges() if are_merged else CHECKED_LEADS
    staged = stage_snapshot(run, LEADS, relation, merged_columns(are_merged=are_merged))
    rows = run.connection.execute(f"select problem, count(*) from {CHECKED_LEADS} group by 1").fetchall()
    read = replace(leads.read, future=leads.read.future - added)
    run.connection.execute(f"drop table {CHECKED_LEADS}")
    return replace(leads, read=read, fates=Counter(dict(rows)), staged=(staged,))


def _ingest_snapshot(run: Run, source: Reading) -> _Checked:
    """Check and stage a table that is read whole and names leads, or none."""
    checked = _check(run, source, count_rows(run, source))
    set_rejected_aside(run, source.table)
    return replace(checked, staged=(stage_snapshot(run, source.table),))


def _ingest_events(run: Run, source: Reading, read: RowsRead, choices: Choices) -> tuple[_Checked, dict[dt.date, int]]:
    """Check and stage the events, of many a part after the other; return also the accepted events of each day."""
    source = replace(source, whole=Part(run.given.stretches))
    read = read.within(run.given, run.tz)
    derive = bool(read.without_key)
    check_leads = find_unknown_leads(run, source)
    repeats = find_repeats(run, source, derive=derive, without_key=derive, check_leads=check_leads)
    source, parts = _parts(run, source, {day: rows.rows for day, rows in read.days.items()})
    fates: Counter[int | None] = Counter()
    naming = known = bits = 0
    staged: list[Staged] = []
    accepted: dict[dt.date, int] = {}
    unknown: dict[dt.date, list[tuple[str, int]]] = {}
    for part in parts:
        _build(run, source, part, repeats, derive=derive, check_leads=check_leads)
        set_rejected_aside(run, EVENTS)
        fates.update(count_fates(run))
        some = count_named(run, source, check_leads=check_leads)
        naming, known, bits = naming + some[0], known + some[1], bits | count_bits(run)
        files, days = stage_events(run)
        staged += files
        accepted |= days
        unknown |= note_unknown_leads(run) if check_leads else {}
    late_days = choices.ingestion.late_arrival_days
    empty = empty_days(run, run.given, accepted, read.days, late_days, choices.forget)
    staged += stage_empty_days(run, empty)
    noted = {**read.days, **(choices.fingerprints or {})}
    staged += stage_event_days(run, {*accepted, *empty}, noted, accepted, unknown)
    checked = _Checked(source, read, fates, (naming, known), 0, bits, tuple(staged))
    return checked, {**accepted, **dict.fromkeys(empty, 0)}


def _build(run: Run, source: Reading, part: Part, repeats: Repeats, *, derive: bool, check_leads: bool) -> None:
    """Make CHECKED: every row of the part with its fate."""
    table = source.table
    values = value_rows(source, part.condition(f"p_{table.time}") if table.time else "true", source.pushdown(part))
    where = f"where not ({repeats.condition})" if repeats.condition else ""
    keep_all = table is ALIASES  # the chain of a good row may still prove bad
    build(run, source, CHECKED, values, derive=derive, check_leads=check_leads, where=where, keep_all=keep_all)
    if repeats.condition:
        time = f"where {part.condition(table.time)}" if table is EVENTS and table.time else ""
        run.connection.execute(f"insert into {CHECKED} select * from {REPEATS} {time}")


def _choose_window(run: Run, read: RowsRead, choices: Choices) -> Window:
    """Return which events the run reads, now that it is known which leads there are."""
    whole = choices.fingerprints is None
    return choose_window(
        run.day,
        run.tz,
        choices.ingestion.late_arrival_days,
        lake=read_event_days(run),
        source=read.days if choices.fingerprints is None else choices.fingerprints,
        known_whole=whole,
        named=days_named_now(run),
        full=choices.full,
        forget=choices.forget,
    )


def _parts(run: Run, source: Reading, days: Mapping[dt.date, int]) -> tuple[Reading, list[Part]]:
    """Return what is checked and staged together: all events, or of many those of some days after the other.

    The reading of many events is one that is quick to read in parts.
    """
    instants = cuts(days, run.tz, ROWS_AT_ONCE)
    return _quick_to_read(run, source) if instants else source, source.whole.cut(instants)


def _quick_to_read(run: Run, source: Reading) -> Reading:
    """Copy the events with the time of each, where the source's own form would be read whole for every part."""
    raw = source.raw
    if raw.columns.get("occurred_at") == INSTANT and not raw.relation.startswith("placed"):
        return source
    path = run.folder / f"{EVENTS_BY_TIME}.parquet"
    time = source.parsed("occurred_at")
    query = (
        f"select * exclude (c_occurred_at, p_occurred_at), p_occurred_at as {ROW_TIME} from (select *, {time} from "
        f"(select *, {source.cell('occurred_at')} as c_occurred_at from {raw.relation} as src)) "
        f"where {source.whole.condition('p_occurred_at')}"
    )
    run.connection.execute(f"copy ({query}) to {literal(path)} ({PARQUET})")
    run.connection.execute(f"create or replace temp view {EVENTS_BY_TIME} as from read_parquet({literal(path)})")
    return replace(source, raw=replace(raw, relation=EVENTS_BY_TIME, tells_place=True, tells_time=True))


# -- the end ----------------------------------------------------------------------------------------------------------


def _finish(
    run: Run,
    checked: Mapping[str, _Checked],
    choices: Choices,
    window: Window,
    events: Mapping[dt.date, int],
    missing: tuple[str, ...],
) -> Ingested:
    """Write the quarantine and the source's state, and count everything."""
    broken = {name: keep_broken_lines(run, checked[name].reading) for name in INPUTS}
    quarantine = stage_quarantine(run, {name: problems(checked[name].reading) for name in INPUTS}, broken)
    counts = {
        name: counts_of(
            name,
            each.read,
            each.fates,
            broken[name],
            named=each.named,
            in_one_file=each.in_one_file,
            unreadable=count_unreadable(run, each.reading, each.bits) if each.bits else (),
        )
        for name, each in ((name, checked[name]) for name in INPUTS)
    }
    leads = checked[LEADS.name].staged[0].path
    overdue = {
        LEADS.name: overdue_days(lead_counts(run, leads), run.day, choices.freshness),
        EVENTS.name: overdue_days(event_counts(run, events), run.day, choices.freshness),
    }
    stale = {name: days is not None and days > choices.freshness.warn_days for name, days in overdue.items()}
    newest = [each.read.newest_at for each in checked.values()]
    state = stage_source_state(
        run,
        max((time for time in (*newest, choices.newest_event) if time is not None), default=None),
        is_stale_leads=stale[LEADS.name],
        is_stale_events=stale[EVENTS.name],
    )
    staged = (file for each in checked.values() for file in each.staged)
    return Ingested(
        counts=counts,
        staged=(*staged, state, quarantine),
        missing_tables=missing,
        reasons=count_reasons(run),
        details=count_examples(run),
        first_lead_at=checked[LEADS.name].read.first_at,
        fewer=window.fewer,
        overdue=overdue,
        unknown_everywhere=tuple(
            name for name, each in counts.items() if _names_nobody(run, INPUTS[name], each, choices.ingestion)
        ),
    )


def _names_nobody(run: Run, table: InputTable, counts: Counts, policy: IngestionPolicy) -> bool:
    """Return whether many rows name a lead and not one of them, nor of the lake's, names one that there is."""
    if counts.known or counts.naming < policy.unknown_leads_rows:
        return False
    stored = f"raw_{table.name}"
    days = run.lake_days(stored) if table is EVENTS else run.lake_days(stored)[-1:]
    files = run.lake_files(stored, days)
    if not files:
        return True
    listed = ", ".join(map(literal, files))
    return not run.number(
        f"select count(*) from (select {table.lead} from read_parquet([{listed}], hive_partitioning = false) "
        f"where {table.lead} in (select known_id from {KNOWN_LEADS}) limit 1)"
    )
