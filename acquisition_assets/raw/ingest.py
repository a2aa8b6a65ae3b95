"""Here: ingestion: every row read is accepted, quarantined, an exact duplicate or of the future; counted and staged.

Not here: reading a format or a database (sources), and the publication of what is staged (asset.py).
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from acquisition_assets.core.contracts import SQL
from acquisition_assets.core.days import days_between, end_of_day, start_of_day
from acquisition_assets.core.duckdb_sql import literal, literals
from acquisition_assets.core.engine.duckdb import PARQUET
from acquisition_assets.core.lake import Lake
from acquisition_assets.inputs.source import ROW_PLACE, RawTable, Wanted
from acquisition_assets.inputs.tables import EVENTS, INPUTS, LEADS, Cell, InputColumn, InputTable, require_columns
from acquisition_assets.raw.cells import INSTANT, MACROS, cleaned, parsed, time_macros
from acquisition_assets.raw.contract import QUARANTINE, RAW
from acquisition_assets.raw.policy import STATUSES, IngestionPolicy, VocabularyPolicy

# Codes of a row's problem: these for whole rows, and from CELL_PROBLEMS on those of single cells (`_cell_problem`).
UNKNOWN_LEAD, QUARANTINED_LEAD, DUPLICATE_ID, EXACT_DUPLICATE, CELL_PROBLEMS = 1, 2, 3, 4, 10
ROW_PROBLEMS = {
    UNKNOWN_LEAD: ("unknown lead", "{lead} is not among the leads created before the end of the day"),
    QUARANTINED_LEAD: ("quarantined lead", "the lead that {lead} names is itself in quarantine"),
    DUPLICATE_ID: ("duplicate id", "{key} stands on another row with other content, which was read first"),
}
# One event with a wrong year must not fill the lake with files; days before these are read again whenever a run comes.
MOST_EMPTY_DAYS = 3660
# Events that are in memory at a time: about 300 MB. More are taken in parts of some days each, which never spill.
ROWS_AT_ONCE = 1_500_000
# Days with more events than four row groups are stored in the order of their leads: who reads those of some leads skips
# the rest. Of a smaller day most would be read anyway.
MOST_UNSORTED = 4 * 122_880
# Before it, the day of an instant and the start of a day may differ by the odd offsets of old.
FIRST_CUT = dt.date(1970, 1, 2)
ROW_TIME = "row_time"
# Of events, which are by far the most rows: times as differences and no dictionary of ids, which are all different,
# take a fifth less to write and a third less to read. Spark reads it since 3.3.
PARQUET_OF_EVENTS = f"{PARQUET}, parquet_version v2, dictionary_size_limit 4096"
# Between the parts of a derived id, so that neither can be mistaken for the other.
SEPARATOR = "chr(31)"
ALLOWED = {
    Cell.INSTANT: "a time such as 2026-01-31T12:00:00Z",
    Cell.NUMBER: "a number such as 3.5",
    Cell.FLAG: "true or false",
}
BUSINESS_DAY = "business_date(occurred_at)"
# Columns that are computed once, here, so that no engine needs a time zone later.
EXTRA: dict[str, dict[str, str]] = {
    "leads": {
        "referrer_host": "host_of(referrer_url)",
        "created_date": "business_date(created_at)",
        "engaged_date": "business_date(engaged_at)",
        "converted_date": "business_date(converted_at)",
        "landing_url": "null::varchar",
        "click_ids": "null::varchar",
        "inactive_at": "null::timestamptz",
        "updated_at": "null::timestamptz",
        "merged_created_at": "created_at",
        "merged_engaged_at": "engaged_at",
        "merged_converted_at": "converted_at",
        "merged_inactive_at": "null::timestamptz",
        "merged_unsubscribed_at": "unsubscribed_at",
        "merged_status": "status",
        "unsubscribed_unreadable": "false",
    },
    "events": {
        "derived_delivery_id": "case when delivery_id is null then "
        f"coalesce(lead_id || {SEPARATOR} || content_id, {SEPARATOR} || event_id) end",
        "local_hour": "local_hour(occurred_at)",
        "local_weekday": "local_weekday(occurred_at)",
    },
    "referrals": {"created_date": "business_date(created_at)", "updated_at": "null::timestamptz"},
    "content": {"updated_at": "null::timestamptz"},
    "status_changes": {},
}


@dataclass(frozen=True)
class Counts:
    """What became of the rows of one input table in one run."""

    table: str
    read: int
    accepted: int
    quarantined: int
    exact_duplicates: int
    future: int
    quarantined_leads: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether every row read has exactly one fate."""
        return self.read == self.accepted + self.quarantined + self.exact_duplicates + self.future

    def bad_rows(self) -> tuple[int, int]:
        """The quarantined rows and the rows that the limit speaks of: without the future and quarantined leads."""
        return self.quarantined - self.quarantined_leads, self.read - self.future - self.quarantined_leads

    def is_error(self, policy: IngestionPolicy) -> bool:
        """Whether so many rows are bad that the day must stop."""
        bad, rows = self.bad_rows()
        return bad >= policy.quarantine_error_rows and bad * 100 > rows * policy.quarantine_error_percent


@dataclass(frozen=True)
class Ingested:
    """The staged result of one run: files by table and day, and the counts."""

    counts: dict[str, Counts]
    files: dict[tuple[str, dt.date], Path]
    missing_tables: tuple[str, ...]
    reasons: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass
class _Found:
    """What is known of an input table: what was counted of the source, and what became of the rows, by problem."""

    read: int = 0
    future: int = 0
    without_key: int = 0
    broken_lines: int = 0
    repeats: bool = False
    strangers: bool = False
    days: dict[dt.date, int] = field(default_factory=dict)
    fates: Counter[int | None] = field(default_factory=Counter)

    def counts(self, table: str) -> Counts:
        """The counts as they are shown and proved."""
        accepted, exact = self.fates[None], self.fates[EXACT_DUPLICATE]
        return Counts(
            table,
            read=self.read + self.broken_lines,
            accepted=accepted,
            quarantined=self.fates.total() - accepted - exact + self.broken_lines,
            exact_duplicates=exact,
            future=self.future,
            quarantined_leads=self.fates[QUARANTINED_LEAD],
        )


@dataclass(frozen=True)
class Part:
    """Rows that are checked together: those of these half-open stretches of time, with the first also those without."""

    stretches: tuple[tuple[dt.datetime | None, dt.datetime], ...]
    timeless: bool = True

    def condition(self, time: str) -> str:
        """Whether a time, an expression that is null for rows without one, is the part's."""
        stretches = [
            f"{time} < {_instant(end)}" + (f" and {time} >= {_instant(start)}" if start else "")
            for start, end in self.stretches
        ]
        return f"({' or '.join([f'{time} is null'] * self.timeless + stretches)})"

    def cut(self, instants: Sequence[dt.datetime]) -> list[Part]:
        """The parts before, between and after these instants."""
        edges: list[dt.datetime | None] = [None, *instants, None]
        parts = []
        for first, last in itertools.pairwise(edges):
            inside = [
                (max(filter(None, (start, first)), default=None), min(filter(None, (end, last))))
                for start, end in self.stretches
            ]
            stretches = tuple((start, end) for start, end in inside if start is None or start < end)
            parts.append(Part(stretches, timeless=first is None))
        return parts


def wanted_events(have: Sequence[dt.date], day: dt.date, tz: ZoneInfo, late_days: int, full: bool) -> Wanted:
    """Which events a run for `day` reads: of the day, the late days before it, and of earlier days the lake lacks."""
    end = end_of_day(day, tz)
    recent = day - dt.timedelta(days=late_days)
    known = [d for d in have if d < recent]
    if full or not known:
        return Wanted(end, ((None, end),))
    stretches: list[tuple[dt.datetime | None, dt.datetime]] = [(None, start_of_day(known[0], tz))]
    for before, after in zip(known, [*known[1:], recent], strict=True):
        if (after - before).days > 1:
            stretches.append((end_of_day(before, tz), start_of_day(after, tz)))
    return Wanted(end, (*stretches, (start_of_day(recent, tz), end)))


class Ingestion:
    """One run over one source's tables, on one DuckDB connection of its own, for one business day."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        tables: Mapping[str, RawTable],
        lake: Lake,
        folder: Path,
        *,
        day: dt.date,
        tz: ZoneInfo,
        wanted: Wanted,
        vocabulary: VocabularyPolicy,
    ) -> None:
        self.connection = connection
        self.tables = {name: self._placed(name, raw) for name, raw in tables.items()}
        self.lake = lake
        self.folder = folder
        self.day = day
        self.tz = tz
        self.wanted = wanted
        self.end = wanted.end
        self.vocabulary = vocabulary
        self.problems: dict[str, dict[int, tuple[str, str]]] = {name: dict(ROW_PROBLEMS) for name in INPUTS}
        self.found = {name: _Found() for name in INPUTS}
        for macro in (*MACROS, *time_macros(tz, dt.date(day.year + 1, 12, 31))):
            connection.execute(macro)
        connection.execute("create table odd (source_table text, place bigint, row_key text, code tinyint, row text)")

    def run(self) -> Ingested:
        """Check every table and stage what is accepted and what is quarantined."""
        for name, raw in self.tables.items():
            require_columns(name, dict(raw.columns), f"table {name}")
        files: dict[tuple[str, dt.date], Path] = {}
        for table in INPUTS.values():
            self._make_empty(table)
            if table.name in self.tables:
                self._count_read(table)
                self._find_strangers(table)
                self._find_repeated(table)
            for part in self._parts(table):
                self._check(table, part)
                if table is EVENTS:
                    files |= self._stage_events()
            if table is LEADS:
                self._index_leads()
            if table is not EVENTS:
                files[RAW[table.name].table, self.day] = self._stage_snapshot(table)
                self.connection.execute(f"drop table checked_{table.name}")
        files |= self._stage_empty_days({day for table, day in files if table == RAW["events"].table})
        for name, raw in self.tables.items():
            rejects = raw.rejects or "select null as place, null as line, null as detail where false"
            self.connection.execute(f"create temp table rejected_{name} (place text, line text, detail text)")
            self.connection.execute(f"insert into rejected_{name} {rejects}")
            self.found[name].broken_lines = self._number(f"select count(*) from rejected_{name}")
        files["quarantine", self.day] = self._stage_quarantine()
        return Ingested(
            counts={name: found.counts(name) for name, found in self.found.items()},
            files=files,
            missing_tables=tuple(name for name in INPUTS if name not in self.tables),
            reasons=self._reasons(files["quarantine", self.day]),
        )

    # -- reading ------------------------------------------------------------------------------------------------

    def _placed(self, name: str, raw: RawTable) -> RawTable:
        """The table with the place of each row in the order of reading, counted where the source does not tell it."""
        if raw.tells_place:
            return raw
        numbered = f"select *, row_number() over () - 1 as {ROW_PLACE} from {raw.relation}"
        self.connection.execute(f"create or replace temp view placed_{name} as {numbered}")
        return replace(raw, relation=f"placed_{name}")

    def _count_read(self, table: InputTable) -> None:
        """Count all rows of the source by what they are to this run, apart from what becomes of them."""
        raw, found, wanted = self.tables[table.name], self.found[table.name], self._whole(table).condition("time")
        day = f"case when {wanted} then business_date(time) end" if table is EVENTS else "null"
        has_no_key = f"{self._cell(table, table.key)} is null" if table.key else "false"
        counted = self.connection.execute(
            f"select time >= {_instant(self.end)} as is_future, {wanted} as is_wanted, {day} as day, count(*), "
            "count(*) filter (where has_no_key) "
            f"from (select {self._parsed(table, table.time)} as time, {has_no_key} as has_no_key "
            f"from {raw.relation} as src) group by all"
        ).fetchall()
        found.days = {day: count for _, is_wanted, day, count, _ in counted if is_wanted and day is not None}
        found.future = sum(count for is_future, _, _, count, _ in counted if is_future)
        found.read = found.future + sum(count for _, is_wanted, _, count, _ in counted if is_wanted)
        found.without_key = sum(without for *_, without in counted)

    def _cell(self, table: InputTable, name: str) -> str:
        """The cell of a column as it is read, null where it is missing."""
        raw = self.tables[table.name]
        return cleaned(table.column(name), raw.columns.get(name), raw.from_text)

    def _parsed(self, table: InputTable, name: str) -> str:
        """The value of a column as it is read."""
        return parsed(table.column(name), self.tables[table.name].columns.get(name), self._cell(table, name))

    def _whole(self, table: InputTable) -> Part:
        """All rows of a table that the run takes in."""
        return Part(self.wanted.stretches if table is EVENTS else ((None, self.end),))

    def _parts(self, table: InputTable) -> list[Part]:
        """What is checked and staged together: all rows, or of many events those of some days after the other."""
        if table.name not in self.tables:
            return []
        if table is not EVENTS:
            return [self._whole(table)]
        days = sorted(self.found["events"].days.items())
        cuts: list[dt.datetime] = []
        rows = 0
        for day, count in days:
            if rows and rows + count > ROWS_AT_ONCE and day > FIRST_CUT:
                cuts.append(start_of_day(day, self.tz))
                rows = 0
            rows += count
        if cuts:
            self._make_quick_to_read()
        return self._whole(EVENTS).cut(cuts)

    def _make_quick_to_read(self) -> None:
        """Copy the events with the time of each, where the source's own form would be read whole for every part."""
        raw = self.tables["events"]
        if raw.tells_place and raw.columns.get("occurred_at") == INSTANT:
            return
        path = self.folder / "events_by_time.parquet"
        self._copy(f"select *, {self._parsed(EVENTS, 'occurred_at')} as {ROW_TIME} from {raw.relation} as src", path)
        quick = "quick_events"
        self.connection.execute(f"create temp view {quick} as from read_parquet({literal(path)})")
        self.tables["events"] = replace(raw, relation=quick, tells_place=True, tells_time=True)

    # -- checking -----------------------------------------------------------------------------------------------

    def _check(self, table: InputTable, part: Part) -> None:
        """Make `checked_<table>`: every row of the part with its problem (null: good); set the bad ones aside."""
        name = table.name
        self._make_views(table, part, self.tables[name].relation)
        repeats = self.found[name].repeats
        self._build(
            table, f"checked_{name}", f"where not {self._is_repeated(table, f'v.{table.key}')}" if repeats else ""
        )
        if repeats:
            time = f"where {part.condition(table.time)}" if table is EVENTS else ""
            self.connection.execute(f"insert into checked_{name} select * from repeats_{name} {time}")
        if table is EVENTS:
            self._keep_what_later_days_accepted()
        self.connection.execute(
            f"insert into odd select '{name}', place, row_key, problem, raw_row from checked_{name} "
            "where problem is not null"
        )
        codes = self.connection.execute(f"select problem, count(*) from checked_{name} group by 1").fetchall()
        self.found[name].fates.update(dict(codes))

    def _make_views(self, table: InputTable, part: Part, relation: str) -> None:
        """Views from the row as read to its values: cells_<table> (missing is null), values_<table> (typed, judged)."""
        kinds = self.tables[table.name].columns
        clean = ", ".join(f"{self._cell(table, c.name)} as c_{c.name}" for c in table.columns)
        parse = ", ".join(f"{parsed(c, kinds.get(c.name), f'c_{c.name}')} as p_{c.name}" for c in table.columns)
        values = ", ".join(f"{self._value(c)} as {c.name}" for c in table.columns)
        key = f"coalesce(p_{table.key or table.lead}, '')"
        for view in (
            f"cells_{table.name} as select {clean}, src.{ROW_PLACE} as place, src as raw_row "
            f"from {relation} as src {self._pushdown(table, part)}",
            f"parsed_{table.name} as select *, {parse} from cells_{table.name}",
            f"values_{table.name} as select {values}, {self._cell_problem(table)} as cell_problem, {key} as row_key, "
            f"place, raw_row from parsed_{table.name} where {part.condition(f'p_{table.time}')}",
        ):
            self.connection.execute(f"create or replace temp view {view}")

    def _pushdown(self, table: InputTable, part: Part) -> str:
        """The part's time on the column as it is stored, where its type allows row groups to be skipped."""
        raw = self.tables[table.name]
        if table is not EVENTS or not (raw.tells_time or raw.columns.get("occurred_at") == INSTANT):
            return ""
        return f"where {part.condition('src.' + (ROW_TIME if raw.tells_time else 'occurred_at'))}"

    def _value(self, column: InputColumn) -> str:
        value = f"p_{column.name}"
        if column.words == STATUSES:
            words = " ".join(
                f"when {literal(word)} then {literal(status)}" for word, status in self.vocabulary.status.items()
            )
            value = f"case {value} {words} else {value} end" if words else value
        return f"coalesce({value}, {column.default})" if column.default else value

    def _cell_problem(self, table: InputTable) -> str:
        """A CASE over everything that can be wrong with a row's own cells, in the order of the reasons."""
        found = [(f"c_{name} is null", "missing required value", f"{name} is needed") for name in table.required]
        for column in table.columns:
            if column.cell in ALLOWED:
                condition = f"c_{column.name} is not null and p_{column.name} is null"
                found.append((condition, "unparsable value", f"{column.name} must be {ALLOWED[column.cell]}"))
        for column in table.columns:
            if column.at_least is not None:
                condition = f"p_{column.name} < {column.at_least} or isinf(p_{column.name})"
                found.append((condition, "value out of range", f"{column.name} must be at least {column.at_least:g}"))
        for column in table.columns:
            if column.words:
                known = ", ".join(literal(word) for word in column.words)
                allowed = f"{column.name} must be one of {', '.join(column.words)}"
                found.append((f"{self._value(column)} not in ({known})", "unknown word", allowed))
        codes = {CELL_PROBLEMS + number: problem for number, problem in enumerate(found)}
        self.problems[table.name] |= {code: (reason, detail) for code, (_, reason, detail) in codes.items()}
        return f"cast(case {' '.join(f'when {sql} then {code}' for code, (sql, _, _) in codes.items())} end as tinyint)"

    def _keyed(self, table: InputTable) -> str:
        """The values of a table's rows, each with its id."""
        if table is not EVENTS or not self.found["events"].without_key:
            return f"values_{table.name}"
        parts = ", ".join(f"coalesce({c.name}::varchar, chr(30))" for c in EVENTS.columns[1:])
        row = f"md5(concat_ws({SEPARATOR}, {parts}))"
        return f"(select * replace (coalesce(event_id, {row}) as event_id) from values_events)"

    def _build(self, table: InputTable, into: str, where: str, odd: str = "problem is not null") -> None:
        """Make a table of checked rows; of those that are odd, with the row as it was read."""
        problem = "cell_problem"
        if self.found[table.name].strangers:
            named = f"v.{table.lead} in (select lead_id from strangers_{table.name} where code ="
            problem = (
                "cast(case when cell_problem is not null then cell_problem "
                f"when {named} {QUARANTINED_LEAD}) then {QUARANTINED_LEAD} "
                f"when {named} {UNKNOWN_LEAD}) then {UNKNOWN_LEAD} end as tinyint)"
            )
        date = f"{BUSINESS_DAY} as date, false as kept, true as may_stay, " if table is EVENTS else ""
        self.connection.execute(
            f"create or replace table {into} as select * exclude (row_key, raw_row), "
            f"case when {odd} then row_key end as row_key, "
            f"case when {odd} then {self.tables[table.name].row} end as raw_row "
            f"from (select {_listed(table)}, {date}{problem} as problem, place, row_key, raw_row "
            f"from {self._keyed(table)} as v {where})"
        )

    def _make_empty(self, table: InputTable) -> None:
        contract = RAW[table.name]
        kinds = {c.name: SQL[contract.kind(c.name)] for c in table.columns}
        columns = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
        days = ", date DATE, kept BOOLEAN, may_stay BOOLEAN" if table is EVENTS else ""
        self.connection.execute(
            f"create table checked_{table.name} ({columns}{days}, problem TINYINT, place BIGINT, "
            "row_key VARCHAR, raw_row VARCHAR)"
        )

    def _find_strangers(self, table: InputTable) -> None:
        """Make `strangers_<table>`: the leads that rows name and that are not good ones, each with the row's problem.

        They are few: rows are compared with them, not with a million leads again for every part.
        """
        if table.lead is None:
            return
        named = (
            f"select {self._parsed(table, table.lead)} as lead_id "
            f"from {self.tables[table.name].relation} as src {self._pushdown(table, self._whole(table))}"
        )
        self.connection.execute(  # before they are made distinct, which of ten million ids takes more memory
            f"create table strangers_{table.name} as select distinct lead_id, case when lead_id in (select bad_id from "
            f"quarantined_leads) then {QUARANTINED_LEAD} else {UNKNOWN_LEAD} end as code "
            f"from ({named}) anti join known_leads on lead_id = known_id where lead_id is not null"
        )
        self.found[table.name].strangers = bool(self._number(f"select count(*) from strangers_{table.name}"))

    # -- repeated ids ---------------------------------------------------------------------------------------------

    def _find_repeated(self, table: InputTable) -> None:
        """Make `repeats_<table>`: the rows whose id stands on another row too, each with its problem."""
        if table.key is None:
            return
        name, raw, whole = table.name, self.tables[table.name], self._whole(table)
        key = self._parsed(table, table.key)
        here = self._pushdown(table, whole) or f"where {whole.condition(self._parsed(table, table.time))}"
        ids = f"select {key} as id from {raw.relation} as src {here}"
        if self.found[name].without_key:
            self._make_views(table, whole, raw.relation)
            ids = f"select {table.key} as id from {self._keyed(table)}"
        self.connection.execute(f"create table repeated_{name} (id_hash ubigint)")
        self.connection.execute(  # of hashes, which need less memory: an id too many does no harm
            f"insert into repeated_{name} select hash(id) from ({ids}) where id is not null "
            "group by 1 having count(*) > 1"
        )
        if table is EVENTS:
            self._find_ids_of_other_days(ids)
        self.found[name].repeats = bool(self._number(f"select count(*) from repeated_{name}"))
        if not self.found[name].repeats:
            return
        derived = f"{key} is null or " if self.found[name].without_key else ""
        few = f"(select * from {raw.relation} as src where {derived}{self._is_repeated(table, key)})"
        self._make_views(table, whole, few)
        self._build(table, f"repeats_{name}", f"where {self._is_repeated(table, f'v.{table.key}')}", "true")
        self._mark_duplicates(table)

    def _is_repeated(self, table: InputTable, key: str) -> str:
        """The condition of the rows that `repeats_<table>` holds; never null."""
        return f"hash({key}) in (select id_hash from repeated_{table.name})"

    def _mark_duplicates(self, table: InputTable) -> None:
        """Rows equal to an earlier one are exact duplicates; of the good ones left, the first of an id is kept."""
        repeats, listed = f"repeats_{table.name}", _listed(table)
        good_but_for_lead = f"(problem is null or problem in ({UNKNOWN_LEAD}, {QUARANTINED_LEAD}))"
        self.connection.execute(
            f"update {repeats} set problem = {EXACT_DUPLICATE} where place in (select place from (select place, "
            f"row_number() over (partition by {listed} order by place) as nth from {repeats} "
            f"where {good_but_for_lead}) where nth > 1)"
        )
        elsewhere = f"or {table.key} in (select id from ids_of_other_days)" if table is EVENTS else ""
        self.connection.execute(
            f"update {repeats} set problem = {DUPLICATE_ID} where place in (select place from (select place, "
            f"{table.key}, row_number() over (partition by {table.key} order by place) as nth from {repeats} "
            f"where problem is null) where nth > 1 {elsewhere})"
        )
        if table is EVENTS:
            self.connection.execute(
                f"update {repeats} set may_stay = event_id not in "
                f"(select event_id from {repeats} where problem is null) and place in "
                f"(select min(place) from {repeats} where {good_but_for_lead} group by event_id)"
            )

    def _find_ids_of_other_days(self, ids: str) -> None:
        """Ids that an earlier day of the lake, which this run does not read, already holds."""
        known = [day for day in self.lake.days("raw_events") if day < self.day and not self._reads(day)]
        self.connection.execute("create temp table ids_of_other_days (id varchar)")
        if not known:
            return
        files = literals(self.lake.files("raw_events", known))
        self.connection.execute(
            f"insert into ids_of_other_days select event_id from read_parquet({files}, hive_partitioning = false) "
            f"where event_id in ({ids})"
        )
        self.connection.execute("insert into repeated_events select hash(id) from ids_of_other_days")

    def _reads(self, day: dt.date) -> bool:
        start = start_of_day(day, self.tz)
        return any((first is None or start >= first) and start < end for first, end in self.wanted.stretches)

    def _keep_what_later_days_accepted(self) -> None:
        """Mark events whose lead is created only after T, and which a run of a later day has accepted into the lake.

        They are in quarantine for this day, and stay in the lake for the later one: of an id the first, as for the
        later day; where this day has accepted another of that id, that one stays.
        """
        unknown = f"select event_id from checked_events where problem = {UNKNOWN_LEAD} and may_stay"
        files = self.lake.files("raw_events", [day for day in self.lake.days("raw_events") if self._reads(day)])
        if not files or not self._number(f"select count(*) from ({unknown})"):
            return
        later = f"select p_lead_id from parsed_leads where p_created_at >= {_instant(self.end)}"
        for some in (files, *([file] for file in files)):
            try:
                self.connection.execute(
                    f"update checked_events set kept = true where problem = {UNKNOWN_LEAD} and may_stay "
                    f"and lead_id in ({later}) and event_id in (select event_id from read_parquet({literals(some)}, "
                    f"hive_partitioning = false) where event_id in ({unknown}))"
                )
            except (duckdb.IOException, duckdb.InvalidInputException, duckdb.SerializationException):
                continue  # a partition cannot be read: this run makes it anew, and looks into the others one by one
            if some is files:
                return

    def _index_leads(self) -> None:
        """Temporary tables of the ids of the accepted leads, and of those leads of which no row is good."""
        self.connection.execute(
            "create temp table known_leads as select lead_id as known_id from checked_leads where problem is null"
        )
        self.connection.execute(
            "create temp table quarantined_leads as select distinct lead_id as bad_id from checked_leads "
            f"where lead_id is not null and problem is not null and problem <> {EXACT_DUPLICATE} "
            "and lead_id not in (select known_id from known_leads)"
        )

    # -- staging ------------------------------------------------------------------------------------------------

    def _stage_snapshot(self, table: InputTable) -> Path:
        path = self.folder / f"{RAW[table.name].table}.parquet"
        order = "place as read_order" if table.name == "status_changes" else "null as read_order"
        self._copy(
            f"select {_stored(table)} from (select *, {order} from checked_{table.name} where problem is null)",
            path,
        )
        return path

    def _stage_events(self) -> dict[tuple[str, dt.date], Path]:
        """One file per business day of the checked events.

        A query per day costs half of what one that partitions the rows does, and holds few of them in memory.
        """
        folder = self.folder / "raw_events"
        folder.mkdir(exist_ok=True)
        good = "(problem is null or kept)"
        days = dict(
            self.connection.execute(
                f"select date, count(*) from checked_events where {good} group by 1 order by 1"
            ).fetchall()
        )
        files = {("raw_events", day): folder / f"{day}.parquet" for day in days}

        def write(day: dt.date) -> None:
            order = "order by lead_id" if days[day] > MOST_UNSORTED else ""
            rows = f"select {_stored(EVENTS)} from checked_events where date = date '{day}' and {good} {order}"
            with self.connection.cursor() as cursor:
                cursor.execute(f"copy ({rows}) to {literal(files['raw_events', day])} ({PARQUET_OF_EVENTS})")

        threads = self._number("select current_setting('threads')")
        with ThreadPoolExecutor(threads) as pool:  # each file by itself keeps one thread busy
            for _ in pool.map(write, days):
                pass
        return files

    def _stage_empty_days(self, staged: set[dt.date]) -> dict[tuple[str, dt.date], Path]:
        """An empty file for each day without events since the first."""
        have = set(self.lake.days("raw_events"))
        first = max(min([self.day, *staged, *have]), self.day - dt.timedelta(days=MOST_EMPTY_DAYS))
        empty = self.folder / "empty.parquet"
        self._copy(f"select {_stored(EVENTS)} from checked_events where false", empty)
        missing = [day for day in days_between(first, self.day) if day not in staged]
        return {("raw_events", day): empty for day in missing if day not in have or self._reads(day)}

    def _stage_quarantine(self) -> Path:
        path = self.folder / "quarantine.parquet"
        self.connection.execute(
            "create temp table quarantine (source_table text, row_key text, reason text, row text, detail text)"
        )
        for name, table in INPUTS.items():
            known = [(code, *texts) for code, texts in self.problems[name].items()]
            self.connection.execute("create or replace temp table problems (code integer, reason text, detail text)")
            self.connection.executemany("insert into problems values (?, ?, ?)", known)
            self.connection.execute(
                f"insert into quarantine select '{name}', coalesce(nullif(row_key, ''), 'row ' || (place + 1)), "
                f"reason, row, replace(replace(detail, '{{lead}}', '{table.lead}'), '{{key}}', '{table.key}') "
                f"from odd join problems using (code) where source_table = '{name}' order by place"
            )
            if name in self.tables:
                self.connection.execute(
                    f"insert into quarantine select '{name}', place, 'unparsable value', to_json(line)::text, detail "
                    f"from rejected_{name}"
                )
        self._copy(f"select {', '.join(QUARANTINE.columns)} from quarantine", path)
        return path

    def _copy(self, query: str, path: Path) -> None:
        self.connection.execute(f"copy ({query}) to {literal(path)} ({PARQUET})")

    def _reasons(self, quarantine: Path) -> dict[str, dict[str, int]]:
        counted = f"select source_table, reason, count(*) from read_parquet({literal(quarantine)}) group by 1, 2"
        rows = self.connection.execute(f"{counted} order by 1, 2").fetchall()
        reasons: dict[str, dict[str, int]] = {}
        for table, reason, count in rows:
            reasons.setdefault(table, {})[reason] = count
        return reasons

    def first_lead_at(self) -> dt.datetime | None:
        """When the first lead of the source was created, of whatever day; None without a readable one."""
        value = self._row("select min(p_created_at) from parsed_leads")[0]
        return value if isinstance(value, dt.datetime) else None

    def _number(self, query: str) -> int:
        return int(self._row(query)[0])

    def _row(self, query: str) -> tuple[Any, ...]:
        row: tuple[Any, ...] = self.connection.execute(query).fetchone() or ()
        return row


def _listed(table: InputTable) -> str:
    return ", ".join(column.name for column in table.columns)


def _stored(table: InputTable) -> str:
    """The columns of the stored table, of which some are computed."""
    extra = EXTRA[table.name]
    return ", ".join(f"{extra[name]} as {name}" if name in extra else name for name in RAW[table.name].columns)


def _instant(instant: dt.datetime) -> str:
    return f"timestamptz '{instant.isoformat()}'"
