"""Here: ingestion: every row read is accepted, quarantined, an exact duplicate or of the future; counted and staged.

Not here: reading a format or a database (sources), and the publication of what is staged (asset.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from acquisition_assets.core.contracts import SQL
from acquisition_assets.core.days import days_between, end_of_day, start_of_day
from acquisition_assets.core.engine import PARQUET
from acquisition_assets.core.lake import Lake
from acquisition_assets.raw.cells import MACROS, cleaned, parsed, time_macros
from acquisition_assets.raw.contract import QUARANTINE, RAW
from acquisition_assets.raw.inputs import EVENTS, INPUTS, LEADS, Cell, InputColumn, InputTable, require_columns
from acquisition_assets.raw.policy import STATUSES, IngestionPolicy, VocabularyPolicy
from acquisition_assets.sources.base import RawTable, Wanted

# Codes of a row's problem: these for whole rows, and from CELL_PROBLEMS on those of single cells (`_cell_problem`).
UNKNOWN_LEAD, QUARANTINED_LEAD, DUPLICATE_ID, EXACT_DUPLICATE, CELL_PROBLEMS = 1, 2, 3, 4, 10
ROW_PROBLEMS = {
    UNKNOWN_LEAD: ("unknown lead", "{lead} is not among the leads created before the end of the day"),
    QUARANTINED_LEAD: ("quarantined lead", "the lead that {lead} names is itself in quarantine"),
    DUPLICATE_ID: ("duplicate id", "{key} stands on another row with other content, which was read first"),
}
# One event with a wrong year must not fill the lake with files; days before these are read again whenever a run comes.
MOST_EMPTY_DAYS = 3660
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
    },
    "events": {
        "derived_delivery_id": "case when delivery_id is null then "
        f"coalesce(lead_id || {SEPARATOR} || content_id, {SEPARATOR} || event_id) end",
        "local_hour": "local_hour(occurred_at)",
        "local_weekday": "local_weekday(occurred_at)",
    },
    "referrals": {"created_date": "business_date(created_at)"},
    "content": {},
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
    """One run over one source's tables, on one DuckDB connection, for one business day."""

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
        self.tables = tables
        self.lake = lake
        self.folder = folder
        self.day = day
        self.tz = tz
        self.wanted = wanted
        self.end = wanted.end
        self.vocabulary = vocabulary
        self.problems: dict[str, dict[int, tuple[str, str]]] = {name: dict(ROW_PROBLEMS) for name in INPUTS}
        for macro in (*MACROS, *time_macros(tz, dt.date(day.year + 1, 12, 31))):
            connection.execute(macro)

    def run(self) -> Ingested:
        """Check every table and stage what is accepted and what is quarantined."""
        for name, raw in self.tables.items():
            require_columns(name, dict(raw.columns), f"table {name}")
        for name, table in INPUTS.items():
            if name in self.tables:
                self._check(table)
            else:
                self._make_empty(table)
            if table is LEADS:
                self._index_leads()
        files = {(RAW[name].table, self.day): self._stage_snapshot(INPUTS[name]) for name in INPUTS if name != "events"}
        files |= self._stage_events()
        for name, raw in self.tables.items():
            rejects = raw.rejects or "select null as place, null as line, null as detail where false"
            self.connection.execute(f"create temp table rejected_{name} (place text, line text, detail text)")
            self.connection.execute(f"insert into rejected_{name} {rejects}")
        files["quarantine", self.day] = self._stage_quarantine()
        return Ingested(
            counts={name: self._count(INPUTS[name]) for name in INPUTS},
            files=files,
            missing_tables=tuple(name for name in INPUTS if name not in self.tables),
            reasons=self._reasons(files["quarantine", self.day]),
        )

    # -- checking -----------------------------------------------------------------------------------------------

    def _check(self, table: InputTable) -> None:
        """Make `checked_<table>`: every row but the future's, in reading order, with its problem (null: good)."""
        self._make_views(table)
        self.connection.execute(f"create temp table repeated_{table.name} (id varchar)")
        self._build(table)
        if table.key is None:
            return
        self.connection.execute(
            f"insert into repeated_{table.name} select {table.key} from checked_{table.name} "
            f"where {self._well_formed()} group by 1 having count(*) > 1"
        )
        if table is EVENTS:
            self._find_ids_of_other_days()
        if self._number(f"select count(*) from repeated_{table.name}"):
            self._keep_repeated_as_read(table)
            self._mark_duplicates(table)
        if table is EVENTS:
            self._keep_what_later_days_accepted()

    def _make_views(self, table: InputTable) -> None:
        """Views from the row as read to its values: cells_<table> (missing is null), values_<table> (typed, judged)."""
        raw = self.tables[table.name]
        cells = [(c, raw.columns.get(c.name)) for c in table.columns]
        clean = ", ".join(f"{cleaned(c, kind, raw.from_text)} as c_{c.name}" for c, kind in cells)
        parse = ", ".join(f"{parsed(c, kind, f'c_{c.name}')} as p_{c.name}" for c, kind in cells)
        values = ", ".join(f"{self._value(c)} as {c.name}" for c in table.columns)
        key = f"coalesce(p_{table.key or table.lead}, '')"
        for view in (
            f"cells_{table.name} as select {clean}, src as raw_row from {raw.relation} as src {self._pushdown(table)}",
            f"parsed_{table.name} as select *, {parse} from cells_{table.name}",
            f"values_{table.name} as select {values}, {self._cell_problem(table)} as cell_problem, {key} as row_key, "
            f"raw_row from parsed_{table.name} where {self._is_wanted(table)}",
        ):
            self.connection.execute(f"create temp view {view}")

    def _value(self, column: InputColumn) -> str:
        value = f"p_{column.name}"
        if column.words == STATUSES:
            words = " ".join(
                f"when {_text(word)} then {_text(status)}" for word, status in self.vocabulary.status.items()
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
                known = ", ".join(_text(word) for word in column.words)
                allowed = f"{column.name} must be one of {', '.join(column.words)}"
                found.append((f"{self._value(column)} not in ({known})", "unknown word", allowed))
        codes = {CELL_PROBLEMS + number: problem for number, problem in enumerate(found)}
        self.problems[table.name] |= {code: (reason, detail) for code, (_, reason, detail) in codes.items()}
        return f"cast(case {' '.join(f'when {sql} then {code}' for code, (sql, _, _) in codes.items())} end as tinyint)"

    def _keyed(self, table: InputTable) -> str:
        """The values of a table's rows, each with its id."""
        if table is not EVENTS:
            return f"values_{table.name}"
        parts = ", ".join(f"coalesce({c.name}::varchar, chr(30))" for c in EVENTS.columns[1:])
        row = f"md5(concat_ws({SEPARATOR}, {parts}))"
        return f"(select * replace (coalesce(event_id, {row}) as event_id) from values_events)"

    def _build(self, table: InputTable) -> None:
        problem = "cell_problem"
        if table.lead:
            # Not joins: these may turn sides, and with them the order of the rows, which tells the first of an id.
            problem = (
                "cast(case when cell_problem is not null then cell_problem "
                f"when v.{table.lead} in (select known_id from known_leads) then null "
                f"when v.{table.lead} in (select bad_id from quarantined_leads) then {QUARANTINED_LEAD} "
                f"else {UNKNOWN_LEAD} end as tinyint)"
            )
        date = f"{BUSINESS_DAY} as date, " if table is EVENTS else ""
        self.connection.execute(
            f"create temp table checked_{table.name} as select * exclude (row_key, raw_row), "
            "case when problem is not null then row_key end as row_key, "
            f"case when problem is not null then {self.tables[table.name].row} end as raw_row "
            f"from (select {_listed(table)}, {date}{problem} as problem, row_key, raw_row "
            f"from {self._keyed(table)} as v)"
        )

    def _keep_repeated_as_read(self, table: InputTable) -> None:
        """Read the rows with repeated ids again, to keep them as read: only now is it known which they are."""
        name = table.name
        numbered = f"select row_number() over () - 1 as place, {table.key}, row_key, raw_row from {self._keyed(table)}"
        self.connection.execute(
            f"create temp table again_{name} as select * from (select place, "
            "case when is_repeated then row_key end as its_key, "
            f"case when is_repeated then {self.tables[name].row} end as as_read from ("
            f"select *, {table.key} in (select id from repeated_{name}) as is_repeated from ({numbered}) as numbered"
            ") as v) as kept where its_key is not null"
        )
        self.connection.execute(
            f"update checked_{name} set row_key = its_key, raw_row = as_read from again_{name} "
            f"where checked_{name}.rowid = place"
        )

    def _make_empty(self, table: InputTable) -> None:
        contract = RAW[table.name]
        kinds = {c.name: SQL[contract.kind(c.name)] for c in table.columns}
        columns = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
        date = ", date DATE" if table is EVENTS else ""
        self.connection.execute(
            f"create temp table checked_{table.name} ({columns}{date}, problem TINYINT, "
            "row_key VARCHAR, raw_row VARCHAR)"
        )

    def _is_wanted(self, table: InputTable) -> str:
        time = f"p_{table.time}"
        if table is not EVENTS:
            return f"coalesce({time} < {_instant(self.end)}, true)"
        return f"({time} is null or {self._in_stretches(time)})"

    def _in_stretches(self, time: str) -> str:
        return (
            "("
            + " or ".join(
                f"{time} < {_instant(end)}" + (f" and {time} >= {_instant(start)}" if start else "")
                for start, end in self.wanted.stretches
            )
            + ")"
        )

    def _pushdown(self, table: InputTable) -> str:
        """The wanted stretches on the column as it is stored, where its type allows row groups to be skipped."""
        raw = self.tables[table.name]
        if table is not EVENTS or raw.columns.get("occurred_at") != "TIMESTAMP WITH TIME ZONE":
            return ""
        return f'where src."occurred_at" is null or {self._in_stretches(chr(34) + "occurred_at" + chr(34))}'

    def _well_formed(self) -> str:
        return f"(problem is null or problem in ({UNKNOWN_LEAD}, {QUARANTINED_LEAD}))"

    def _mark_duplicates(self, table: InputTable) -> None:
        """Rows equal to an earlier one are exact duplicates; of the good ones left, the first of an id is kept."""
        name, listed = table.name, _listed(table)
        candidates = (
            f"from checked_{name} where {self._well_formed()} and {table.key} in (select id from repeated_{name})"
        )
        self.connection.execute(
            f"update checked_{name} set problem = {EXACT_DUPLICATE} where rowid in (select id from (select rowid as id"
            f", row_number() over (partition by {listed} order by rowid) as nth {candidates}) where nth > 1)"
        )
        elsewhere = f"or {table.key} in (select id from ids_of_other_days)" if table is EVENTS else ""
        self.connection.execute(
            f"update checked_{name} set problem = {DUPLICATE_ID} where rowid in (select rid from (select rowid as rid, "
            f"{table.key}, row_number() over (partition by {table.key} order by rowid) as nth {candidates} "
            f"and problem is null) where nth > 1 {elsewhere})"
        )

    def _find_ids_of_other_days(self) -> None:
        """Ids that an earlier day of the lake, which this run does not read, already holds."""
        known = [day for day in self.lake.days("raw_events") if day < self.day and not self._reads(day)]
        self.connection.execute("create temp table ids_of_other_days (id varchar)")
        if not known:
            return
        files = ", ".join(_text(file) for file in self.lake.files("raw_events", known))
        self.connection.execute(
            f"insert into ids_of_other_days select event_id from read_parquet([{files}], hive_partitioning = false) "
            f"where event_id in (select event_id from checked_events where problem is null)"
        )
        self.connection.execute("insert into repeated_events select id from ids_of_other_days")

    def _reads(self, day: dt.date) -> bool:
        start = start_of_day(day, self.tz)
        return any((first is None or start >= first) and start < end for first, end in self.wanted.stretches)

    def _keep_what_later_days_accepted(self) -> None:
        """Mark events whose lead is created only after T, and which a run of a later day has accepted into the lake.

        They are in quarantine for this day, and stay in the lake for the later one.
        """
        self.connection.execute("alter table checked_events add column kept boolean default false")
        unknown = f"select event_id from checked_events where problem = {UNKNOWN_LEAD}"
        files = self.lake.files("raw_events", [day for day in self.lake.days("raw_events") if self._reads(day)])
        if not files or not self._number(f"select count(*) from ({unknown})"):
            return
        later = f"select p_lead_id from parsed_leads where p_created_at >= {_instant(self.end)}"
        # The first of an id, as for the later day; where this day has accepted another of that id, that one stays.
        first = f"select min(rowid) from checked_events where {self._well_formed()} group by event_id"
        for some in (files, *([file] for file in files)):
            listed = ", ".join(_text(file) for file in some)
            try:
                self.connection.execute(
                    f"update checked_events set kept = true where problem = {UNKNOWN_LEAD} and lead_id in ({later}) "
                    f"and rowid in ({first}) and event_id in (select event_id from read_parquet([{listed}], "
                    f"hive_partitioning = false) where event_id in ({unknown})) "
                    "and event_id not in (select event_id from checked_events where problem is null)"
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
        order = "rowid as read_order" if table.name == "status_changes" else "null as read_order"
        self._copy(
            f"select {_stored(table)} from (select *, {order} from checked_{table.name} where problem is null)",
            path,
        )
        return path

    def _stage_events(self) -> dict[tuple[str, dt.date], Path]:
        """One file per business day: those read, and empty ones for days without events since the first."""
        folder = self.folder / "raw_events"
        folder.mkdir()
        stored = _stored(EVENTS)
        kept = "(problem is null" + (" or kept)" if "events" in self.tables else ")")
        files: dict[tuple[str, dt.date], Path] = {}
        # A query per day costs half of what one that partitions the rows does, and holds few of them in memory.
        for (day,) in self.connection.execute(f"select distinct date from checked_events where {kept}").fetchall():
            files["raw_events", day] = folder / f"{day}.parquet"
            rows = f"select {stored} from checked_events where date = date '{day}' and {kept}"
            self._copy(rows, files["raw_events", day])
        have = set(self.lake.days("raw_events"))
        first = min([self.day, *(day for _, day in files), *have])
        first = max(first, self.day - dt.timedelta(days=MOST_EMPTY_DAYS))
        empty = folder / "empty.parquet"
        self._copy(f"select {stored} from checked_events where false", empty)
        for day in days_between(first, self.day):
            if ("raw_events", day) not in files and (day not in have or self._reads(day)):
                files["raw_events", day] = empty
        return files

    def _stage_quarantine(self) -> Path:
        path = self.folder / "quarantine.parquet"
        self.connection.execute(
            "create temp table quarantine (source_table text, row_key text, reason text, row text, detail text)"
        )
        for name in INPUTS:
            known = [(code, *texts) for code, texts in self.problems[name].items()]
            self.connection.execute("create or replace temp table problems (code integer, reason text, detail text)")
            self.connection.executemany("insert into problems values (?, ?, ?)", known)
            table = INPUTS[name]
            self.connection.execute(
                f"insert into quarantine select '{name}', coalesce(nullif(row_key, ''), 'row ' || (w.rowid + 1)), "
                "reason, raw_row, "
                f"replace(replace(detail, '{{lead}}', '{table.lead}'), '{{key}}', '{table.key}') "
                f"from checked_{name} as w join problems on problems.code = w.problem order by w.rowid"
            )
            if name in self.tables:
                self.connection.execute(
                    f"insert into quarantine select '{name}', place, 'unparsable value', to_json(line)::text, detail "
                    f"from rejected_{name}"
                )
        self._copy(f"select {', '.join(QUARANTINE.columns)} from quarantine", path)
        return path

    def _copy(self, query: str, path: Path) -> None:
        self.connection.execute(f"copy ({query}) to {_text(str(path))} ({PARQUET})")

    # -- counting -----------------------------------------------------------------------------------------------

    def _count(self, table: InputTable) -> Counts:
        """The fates of a table's rows; those read are counted from the source again, apart from what became of them."""
        if table.name not in self.tables:
            return Counts(table.name, 0, 0, 0, 0, 0)
        time, end = f"p_{table.time}", _instant(self.end)
        elsewhere = (
            f"count(*) filter (where {time} < {end} and not {self._in_stretches(time)})" if table is EVENTS else "0"
        )
        lines = self._number(f"select count(*) from rejected_{table.name}")
        # A line that is no row may pass as one where only some of its cells are read: then all of them are.
        whole = "coalesce(bit_xor(hash(src)), 0)" if lines else "0"
        total, future, other, _ = self._row(
            f"select count(*), count(*) filter (where {time} >= {end}), {elsewhere}, {whole} "
            f"from {self._unfiltered(table)}"
        )
        accepted, quarantined, exact, of_leads = self._row(
            f"select count(*) filter (where problem is null), "
            f"count(*) filter (where problem is not null and problem <> {EXACT_DUPLICATE}), "
            f"count(*) filter (where problem = {EXACT_DUPLICATE}), "
            f"count(*) filter (where problem = {QUARANTINED_LEAD}) "
            f"from checked_{table.name}"
        )
        return Counts(table.name, total - other + lines, accepted, quarantined + lines, exact, future, of_leads)

    def _unfiltered(self, table: InputTable) -> str:
        """The time of every row of the source, whether wanted or not."""
        raw = self.tables[table.name]
        column = next(c for c in table.columns if c.name == table.time)
        kind = raw.columns.get(column.name)
        clean = cleaned(column, kind, raw.from_text)
        value = parsed(column, kind, "c")
        return f"(select {value} as p_{column.name}, src from (select {clean} as c, src from {raw.relation} as src))"

    def _reasons(self, quarantine: Path) -> dict[str, dict[str, int]]:
        counted = f"select source_table, reason, count(*) from read_parquet({_text(str(quarantine))}) group by 1, 2"
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


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
