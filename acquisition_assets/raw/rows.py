"""Turns the rows of a source's table into typed values, each with the first problem that its cells or its lead have.

Does not look for repeated ids (see `raw.duplicates`), and leaves single cells to `raw.cells`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from acquisition_assets.core.duckdb_sql import literal
from acquisition_assets.core.lake import Lake
from acquisition_assets.inputs.source import ROW_PLACE, RawTable, Wanted
from acquisition_assets.inputs.tables import EVENTS, INSTANT, Cell, InputColumn, InputTable
from acquisition_assets.inputs.vocabulary import STATUSES, VocabularyPolicy
from acquisition_assets.raw.cells import cleaned, parsed
from acquisition_assets.raw.windows import Part, instant

# Relations of one run's connection. Those of the rows of a table are made again for each table and part.
CELLS = "row_cells"
PARSED = "parsed_rows"
VALUES = "row_values"
CHECKED = "checked_rows"
REJECTED = "rejected_rows"
LEADS_READ = "leads_read"
KNOWN_LEADS = "known_leads"
QUARANTINED_LEADS = "quarantined_leads"
UNKNOWN_LEADS = "unknown_leads"
PLACED = "placed"
EMPTY = "nothing"
# Columns that ingestion adds to the rows as read.
ROW_TIME = "row_time"
# Codes of a row's problem: these for whole rows, and from CELL_PROBLEMS on those of single cells.
UNKNOWN_LEAD, QUARANTINED_LEAD, DUPLICATE_ID, EXACT_DUPLICATE, CELL_PROBLEMS = 1, 2, 3, 4, 10
# Between the parts of a derived id, so that neither can be mistaken for the other.
SEPARATOR = "chr(31)"
ALLOWED = {
    Cell.INSTANT: "a time such as 2026-01-31T12:00:00Z",
    Cell.NUMBER: "a number such as 3.5",
    Cell.FLAG: "true or false",
}
BUSINESS_DAY = "business_date(occurred_at)"


@dataclass(frozen=True)
class Run:
    """Everything that the passes of one ingestion share: one DuckDB connection of its own, for one business day."""

    connection: duckdb.DuckDBPyConnection
    lake: Lake
    folder: Path
    day: dt.date
    tz: ZoneInfo
    wanted: Wanted
    vocabulary: VocabularyPolicy

    @property
    def end(self) -> dt.datetime:
        """The end of the day."""
        return self.wanted.end

    def number(self, query: str) -> int:
        """Return the only number that a query gives."""
        return int(self.row(query)[0])

    def row(self, query: str) -> tuple[Any, ...]:
        """Return the first row of a query."""
        row: tuple[Any, ...] = self.connection.execute(query).fetchone() or ()
        return row


@dataclass(frozen=True)
class Problem:
    """Something that can be wrong with a row; `condition` is SQL over the parsed cells, empty for whole rows."""

    code: int
    reason: str
    detail: str
    condition: str = ""


@dataclass(frozen=True)
class Reading:
    """One input table of a run: its rows as read, and the part of them that the run takes in."""

    table: InputTable
    raw: RawTable
    whole: Part
    vocabulary: VocabularyPolicy

    @property
    def relation(self) -> str:
        """The relation of the rows as read."""
        return self.raw.relation

    def cell(self, name: str) -> str:
        """Return the SQL of a column's cell as read, null where it is missing."""
        return cleaned(self.table.column(name), self.raw.columns.get(name), self.raw.from_text, self.raw.cell(name))

    def parsed(self, name: str) -> str:
        """Return the SQL of a column's value as read."""
        return parsed(self.table.column(name), self.raw.columns.get(name), self.cell(name))

    def value(self, column: InputColumn) -> str:
        """Return the SQL of a column's value in the parsed rows: with other words replaced and defaults filled in."""
        value = f"p_{column.name}"
        if column.words == STATUSES:
            words = " ".join(
                f"when {literal(word)} then {literal(status)}" for word, status in self.vocabulary.status.items()
            )
            value = f"case {value} {words} else {value} end" if words else value
        return f"coalesce({value}, {column.default})" if column.default else value

    def pushdown(self, part: Part) -> str:
        """Return the part's time on the column as stored, where its type allows row groups to be skipped."""
        if self.table is not EVENTS or not (self.raw.tells_time or self.raw.columns.get("occurred_at") == INSTANT):
            return ""
        time = ROW_TIME if self.raw.tells_time else self.raw.cell("occurred_at")
        return f"where {part.condition(f'src.{time}')}"


def reading(run: Run, table: InputTable, raw: RawTable | None) -> Reading:
    """Return the reading of a table; a missing one (None) has no rows."""
    whole = Part(run.wanted.stretches if table is EVENTS else ((None, run.end),))
    return Reading(table, raw or RawTable(EMPTY, {}, tells_place=True), whole, run.vocabulary)


def with_place(run: Run, table: str, raw: RawTable) -> RawTable:
    """Return the table with each row's place in the order of reading, counted where the source does not give it."""
    if raw.tells_place:
        return raw
    view = f"{PLACED}_{table}"
    numbered = f"select *, row_number() over () - 1 as {ROW_PLACE} from {raw.relation}"
    run.connection.execute(f"create or replace temp view {view} as {numbered}")
    return replace(raw, relation=view)


def make_nothing(run: Run) -> None:
    """Make the relation of a table that the source does not have."""
    run.connection.execute(f"create temp view {EMPTY} as select 0::bigint as {ROW_PLACE} where false")


# -- problems ---------------------------------------------------------------------------------------------------------


def problems(reading: Reading) -> tuple[Problem, ...]:
    """Return everything that can be wrong with a row of the table."""
    table = reading.table
    return (
        Problem(UNKNOWN_LEAD, "unknown lead", f"{table.lead} is not among the leads created before the end of the day"),
        Problem(QUARANTINED_LEAD, "quarantined lead", f"the lead that {table.lead} names is itself in quarantine"),
        Problem(
            DUPLICATE_ID, "duplicate id", f"{table.key} stands on another row with other content, which was read first"
        ),
        *cell_problems(reading),
    )


def cell_problems(reading: Reading) -> tuple[Problem, ...]:
    """Return everything that can be wrong with a row's own cells, in the order of the reasons."""
    table = reading.table
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
            found.append((f"{reading.value(column)} not in ({known})", "unknown word", allowed))
    return tuple(
        Problem(CELL_PROBLEMS + number, reason, detail, condition)
        for number, (condition, reason, detail) in enumerate(found)
    )


def first_problem(found: tuple[Problem, ...]) -> str:
    """Return the SQL of the code of the first of these problems that a parsed row has."""
    whens = " ".join(f"when {problem.condition} then {problem.code}" for problem in found)
    return f"cast(case {whens} end as tinyint)"


# -- passes -----------------------------------------------------------------------------------------------------------


def make_views(run: Run, reading: Reading, part: Part, relation: str | None = None) -> None:
    """Make views from the row as read to its values: CELLS (missing is null), PARSED, VALUES (typed, with a problem).

    Args:
        relation: some of the table's rows, instead of all of them.
    """
    table, kinds = reading.table, reading.raw.columns
    clean = ", ".join(f"{reading.cell(c.name)} as c_{c.name}" for c in table.columns)
    parse = ", ".join(f"{parsed(c, kinds.get(c.name), f'c_{c.name}')} as p_{c.name}" for c in table.columns)
    values = ", ".join(f"{reading.value(c)} as {c.name}" for c in table.columns)
    key = f"coalesce(p_{table.key or table.lead}, '')"
    for view in (
        f"{CELLS} as select {clean}, src.{ROW_PLACE} as place, src as raw_row "
        f"from {relation or reading.relation} as src {reading.pushdown(part)}",
        f"{PARSED} as select *, {parse} from {CELLS}",
        f"{VALUES} as select {values}, {first_problem(cell_problems(reading))} as cell_problem, {key} as row_key, "
        f"place, raw_row from {PARSED} where {part.condition(f'p_{table.time}')}",
    ):
        run.connection.execute(f"create or replace temp view {view}")


def keyed_values(table: InputTable, derive: bool) -> str:
    """Return the relation of the values of a table's rows, each with its id; derived from the content if asked for."""
    if table is not EVENTS or not derive:
        return VALUES
    parts = ", ".join(f"coalesce({c.name}::varchar, chr(30))" for c in EVENTS.columns[1:])
    row = f"md5(concat_ws({SEPARATOR}, {parts}))"
    return f"(select * replace (coalesce(event_id, {row}) as event_id) from {VALUES})"


def build(
    run: Run, reading: Reading, into: str, *, derive: bool, check_leads: bool, where: str = "", keep_all: bool = False
) -> None:
    """Make a table of checked rows; those with a problem (or all) keep the row as it was read.

    Args:
        derive: give events without an id one of their content.
        check_leads: compare with UNKNOWN_LEADS.
        where: which rows of the values `v`.
    """
    table = reading.table
    problem = "cell_problem"
    if check_leads:
        named = f"v.{table.lead} in (select lead_id from {UNKNOWN_LEADS} where code ="
        problem = (
            "cast(case when cell_problem is not null then cell_problem "
            f"when {named} {QUARANTINED_LEAD}) then {QUARANTINED_LEAD} "
            f"when {named} {UNKNOWN_LEAD}) then {UNKNOWN_LEAD} end as tinyint)"
        )
    kept = "true" if keep_all else "problem is not null"
    date = f"{BUSINESS_DAY} as date, false as kept, true as may_stay, " if table is EVENTS else ""
    run.connection.execute(
        f"create or replace table {into} as select * exclude (row_key, raw_row), "
        f"case when {kept} then row_key end as row_key, case when {kept} then {reading.raw.row} end as raw_row "
        f"from (select {listed(table)}, {date}{problem} as problem, place, row_key, raw_row "
        f"from {keyed_values(table, derive)} as v {where})"
    )


def find_unknown_leads(run: Run, reading: Reading) -> bool:
    """Make UNKNOWN_LEADS: the leads that rows name and that are not good ones, each with the row's problem.

    They are few: rows are compared with them, not with a million leads again for every part.

    Returns:
        Whether there are any.
    """
    table = reading.table
    if table.lead is None:
        return False
    named = (
        f"select {reading.parsed(table.lead)} as lead_id "
        f"from {reading.relation} as src {reading.pushdown(reading.whole)}"
    )
    run.connection.execute(  # before they are made distinct, which of ten million ids takes more memory
        f"create or replace table {UNKNOWN_LEADS} as select distinct lead_id, case when lead_id in (select bad_id from "
        f"{QUARANTINED_LEADS}) then {QUARANTINED_LEAD} else {UNKNOWN_LEAD} end as code "
        f"from ({named}) anti join {KNOWN_LEADS} on lead_id = known_id where lead_id is not null"
    )
    return bool(run.number(f"select count(*) from {UNKNOWN_LEADS}"))


def index_leads(run: Run, reading: Reading) -> None:
    """Make tables of the ids of the accepted leads, of leads without a good row, and of all that are created later."""
    run.connection.execute(
        f"create temp table {KNOWN_LEADS} as select lead_id as known_id from {CHECKED} where problem is null"
    )
    run.connection.execute(
        f"create temp table {QUARANTINED_LEADS} as select distinct lead_id as bad_id from {CHECKED} "
        f"where lead_id is not null and problem is not null and problem <> {EXACT_DUPLICATE} "
        f"and lead_id not in (select known_id from {KNOWN_LEADS})"
    )
    run.connection.execute(
        f"create temp view {LEADS_READ} as select {reading.parsed('lead_id')} as lead_id, "
        f"{reading.parsed('created_at')} as created_at from {reading.relation} as src"
    )


def first_lead_at(run: Run) -> dt.datetime | None:
    """Return when the first lead of the source was created, on whatever day; None without a readable one."""
    value = run.row(f"select min(created_at) from {LEADS_READ}")[0]
    return value if isinstance(value, dt.datetime) else None


def keep_what_later_days_accepted(run: Run, files: Mapping[dt.date, str]) -> None:
    """Mark events whose lead is created only after T, and which a run of a later day has accepted into the lake.

    They are in quarantine for this day, and stay in the lake for the later one: of an id the first, as for the
    later day; where this day has accepted another of that id, that one stays.

    Args:
        files: the lake's events of the days that the run reads.
    """
    unknown = f"select event_id from {CHECKED} where problem = {UNKNOWN_LEAD} and may_stay"
    if not files or not run.number(f"select count(*) from ({unknown})"):
        return
    later = f"select lead_id from {LEADS_READ} where created_at >= {instant(run.end)}"
    everything = list(files.values())
    for some in (everything, *([file] for file in everything)):
        listed_files = ", ".join(map(literal, some))
        try:
            run.connection.execute(
                f"update {CHECKED} set kept = true where problem = {UNKNOWN_LEAD} and may_stay "
                f"and lead_id in ({later}) and event_id in (select event_id from read_parquet([{listed_files}], "
                f"hive_partitioning = false) where event_id in ({unknown}))"
            )
        except (duckdb.IOException, duckdb.InvalidInputException, duckdb.SerializationException):
            continue  # a partition cannot be read: this run makes it again, and looks into the others one by one
        if some is everything:
            return


def set_rejected_aside(run: Run, table: InputTable) -> None:
    """Add the rows with a problem to REJECTED."""
    run.connection.execute(
        f"insert into {REJECTED} select '{table.name}', place, row_key, problem, raw_row from {CHECKED} "
        "where problem is not null"
    )


def make_rejected(run: Run) -> None:
    """Make the empty table REJECTED."""
    run.connection.execute(
        f"create table {REJECTED} (source_table text, place bigint, row_key text, code tinyint, row text)"
    )


def listed(table: InputTable) -> str:
    """Return the columns of a table as a list in SQL."""
    return ", ".join(column.name for column in table.columns)
