"""Turns the rows of a source's table into typed values, each with the first problem that its cells or its lead have.

Does not look for repeated ids (see `raw.duplicates`), and leaves single cells to `raw.cells`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from acquisition_assets.core.duckdb_sql import literal
from acquisition_assets.core.lake import Lake
from acquisition_assets.inputs.source import ROW_PLACE, ROW_TIME, RawTable, Wanted
from acquisition_assets.inputs.tables import ALIASES, EVENTS, INSTANT, LEADS, Cell, InputColumn, InputTable
from acquisition_assets.inputs.vocabulary import IGNORE, VocabularyPolicy
from acquisition_assets.raw.cells import cleaned, parsed
from acquisition_assets.raw.windows import Part, instant
from acquisition_assets.raw.words import spelled

# Relations of one run's connection. Those of the rows of a table are made again for each table and part.
CHECKED = "checked_rows"
REJECTED = "rejected_rows"
KNOWN_LEADS = "known_leads"
QUARANTINED_LEADS = "quarantined_leads"
UNKNOWN_LEADS = "unknown_leads"
PLACED = "placed"
EMPTY = "nothing"
# Codes of what is wrong with a row, or makes it count for nothing: these for whole rows, and from CELL_PROBLEMS on
# those of single cells.
UNKNOWN_LEAD, QUARANTINED_LEAD, DUPLICATE_ID, EXACT_DUPLICATE, LEFT_OUT, SUPERSEDED, ALIAS_CYCLE = range(1, 8)
CELL_PROBLEMS = 10
# Rows of these codes are not in quarantine.
NOT_BAD = (EXACT_DUPLICATE, LEFT_OUT, SUPERSEDED)
# Between the parts of a derived id, so that neither can be mistaken for the other.
SEPARATOR = "chr(31)"
ALLOWED = {
    Cell.INSTANT: "a time such as 2026-01-31T12:00:00Z",
    Cell.NUMBER: "a number such as 3.5",
    Cell.FLAG: "true or false",
}
BUSINESS_DAY = "business_date(occurred_at)"
# Which half of a file's place is the file's number (see `sources`).
FILE_BITS = 40


@dataclass(frozen=True)
class Run:
    """Everything that the passes of one ingestion share: one DuckDB connection of its own, for one business day.

    Attributes:
        lake: None where rows are only looked at.
        given: which events the source was asked for.
        read_at: when the run started.
    """

    connection: duckdb.DuckDBPyConnection
    lake: Lake | None
    folder: Path
    day: dt.date
    tz: ZoneInfo
    given: Wanted
    vocabulary: VocabularyPolicy
    read_at: dt.datetime

    @property
    def end(self) -> dt.datetime:
        """The end of the day."""
        return self.given.end

    def lake_days(self, table: str) -> list[dt.date]:
        """Return the days of a table that the lake has."""
        return self.lake.days(table) if self.lake else []

    def lake_files(self, table: str, days: Sequence[dt.date]) -> list[str]:
        """Return the files of a table that the lake has of these days."""
        return self.lake.files(table, days) if self.lake else []

    def number(self, query: str) -> int:
        """Return the only number that a query gives."""
        return int(self.row(query)[0])

    def row(self, query: str) -> tuple[Any, ...]:
        """Return the first row of a query."""
        row: tuple[Any, ...] = self.connection.execute(query).fetchone() or ()
        return row


@dataclass(frozen=True)
class Problem:
    """Something that can be wrong with a row.

    Attributes:
        detail: what is wrong and what to do; `{found}` is what the cell holds.
        condition: SQL over the parsed cells, empty for whole rows.
        column: whose cell it is.
    """

    code: int
    reason: str
    detail: str
    condition: str = ""
    column: str = ""


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

    def has(self, name: str) -> bool:
        """Return whether the source has a column."""
        return name in self.raw.columns

    def cell(self, name: str) -> str:
        """Return the SQL of a column's cell as read, null where it is missing."""
        return cleaned(self.table.column(name), self.raw.columns.get(name), self.raw.from_text, self.raw.cell(name))

    def rows(self, names: Sequence[str], pushdown: str = "") -> str:
        """Return the relation of some columns' values as read, each as `p_<name>`, with its cell as `c_<name>`.

        Cells and values are made one after the other: a macro repeats its argument, and the engine plans each of them.
        """
        clean = ", ".join(f"{self.cell(name)} as c_{name}" for name in names)
        parse = ", ".join(self.parsed(name) for name in names)
        return f"(select *, {parse} from (select {clean} from {self.relation} as src {pushdown}))"

    def parsed(self, name: str) -> str:
        """Return the SQL of a column's value from its cell `c_<name>`, as `p_<name>`."""
        return f"{parsed(self.table.column(name), self.raw.columns.get(name), f'c_{name}')} as p_{name}"

    def word(self, column: InputColumn) -> str:
        """Return the SQL of a word in the parsed rows as the policy spells it."""
        return spelled(f"p_{column.name}", self.vocabulary.meanings(column.name, column.words))

    def value(self, column: InputColumn) -> str:
        """Return the SQL of a column's value in the parsed rows: unreadable ones are missing, defaults filled in."""
        value = self.word(column) if column.cell is Cell.WORD else f"p_{column.name}"
        if column.at_least is not None:
            value = f"case when not ({out_of_range(column)}) then {value} end"
        return f"coalesce({value}, {column.default})" if column.default else value

    def pushdown(self, part: Part) -> str:
        """Return the part's time on the column as stored, where its type allows row groups to be skipped."""
        if self.table is not EVENTS or not (self.raw.tells_time or self.raw.columns.get("occurred_at") == INSTANT):
            return ""
        time = ROW_TIME if self.raw.tells_time else self.raw.cell("occurred_at")
        return f"where {part.condition(f'src.{time}')}"


def reading(run: Run, table: InputTable, raw: RawTable | None) -> Reading:
    """Return the reading of a table; a missing one (None) has no rows."""
    whole = Part(((None, run.end),))
    return Reading(table, raw or RawTable(EMPTY, {}, tells_place=True), whole, run.vocabulary)


def with_place(run: Run, table: str, raw: RawTable) -> RawTable:
    """Return the table with each row's place in the order of reading, counted where the source does not give it."""
    if raw.tells_place:
        return raw
    view = f"{PLACED}_{table}"
    numbered = f"select *, row_number() over () - 1 as {ROW_PLACE} from {raw.relation}"
    run.connection.execute(f"create or replace temp view {view} as {numbered}")
    return replace(raw, relation=view, tells_place=True)


def make_nothing(run: Run) -> None:
    """Make the relation of a table that the source does not have."""
    run.connection.execute(f"create temp view {EMPTY} as select 0::bigint as {ROW_PLACE} where false")


# -- problems ---------------------------------------------------------------------------------------------------------


def out_of_range(column: InputColumn) -> str:
    """Return the condition that a parsed number is too small or not finite; false where there is none."""
    return f"coalesce(p_{column.name} < {column.at_least} or isinf(p_{column.name}), false)"


def problems(reading: Reading) -> tuple[Problem, ...]:
    """Return everything that can be wrong with a row of the table."""
    table = reading.table
    lead = table.lead or "lead_id"
    return (
        Problem(UNKNOWN_LEAD, "unknown lead", f"{lead} is not among the leads and aliases; add the lead to leads"),
        Problem(
            QUARANTINED_LEAD, "quarantined lead", f"the lead that {lead} names is itself in quarantine; repair its row"
        ),
        Problem(
            DUPLICATE_ID,
            "duplicate id",
            f"{table.key} is on another row with other content, which was read first; give each row its own",
        ),
        Problem(ALIAS_CYCLE, "alias cycle", "the aliases lead back to this one; remove one of them"),
        *cell_problems(reading),
    )


def cell_problems(reading: Reading) -> tuple[Problem, ...]:
    """Return everything that can be wrong with a row's required cells, in the order of the reasons."""
    table = reading.table
    found = [
        (f"c_{name} is null", "missing required value", f"{name} is needed; fill it in", "") for name in table.required
    ]
    required = [column for column in table.columns if column.required]
    for column in required:
        if column.cell in ALLOWED:
            least = "" if column.at_least is None else f", at least {column.at_least:g}"
            detail = f"{column.name} {{found}} cannot be read; write {ALLOWED[column.cell]}{least}"
            found.append((is_unreadable(column), "unparsable value", detail, column.name))
    for column in required:
        if column.words:
            known = ", ".join(literal(word) for word in column.words)
            teach = f"add it to vocabulary.{column.name}" if column.name in ("status", "event_type") else "correct it"
            if table.name == "referrals":
                teach = "correct it"
            detail = f"{column.name} {{found}} is unknown; {teach}, or write one of {', '.join(column.words)}"
            found.append((f"{reading.word(column)} not in ({known})", "unknown word", detail, column.name))
    return tuple(
        Problem(CELL_PROBLEMS + number, reason, detail, condition, column)
        for number, (condition, reason, detail, column) in enumerate(found)
    )


def optional_cells(reading: Reading) -> tuple[InputColumn, ...]:
    """Return the columns of optional cells that may be unreadable, in the order of their bits in `unreadable`."""
    return tuple(c for c in reading.table.columns if not c.required and c.cell in ALLOWED and reading.has(c.name))


def is_unreadable(column: InputColumn) -> str:
    """Return the condition that a cell is filled and cannot be read, or is out of range, in the parsed rows."""
    condition = f"(c_{column.name} is not null and p_{column.name} is null)"
    return f"({condition} or {out_of_range(column)})" if column.at_least is not None else condition


def first_problem(reading: Reading) -> str:
    """Return the SQL of the code of the first thing that is wrong with a parsed row's own cells."""
    whens = [f"when {problem.condition} then {problem.code}" for problem in cell_problems(reading)]
    if reading.table is EVENTS:
        whens.insert(0, f"when {reading.word(EVENTS.column('event_type'))} = '{IGNORE}' then {LEFT_OUT}")
    if reading.table is ALIASES:
        whens.insert(0, f"when p_alias_id = p_lead_id then {LEFT_OUT}")
    return f"cast(case {' '.join(whens)} end as tinyint)"


# -- passes -----------------------------------------------------------------------------------------------------------


def parsed_rows(reading: Reading, pushdown: str = "") -> str:
    """Return the relation of a table's rows: each cell as `c_<column>`, null if missing, and parsed as `p_<column>`.

    Args:
        pushdown: a condition on the rows as read.
    """
    columns = reading.table.columns
    clean = ", ".join(f"{reading.cell(c.name)} as c_{c.name}" for c in columns)
    parse = ", ".join(reading.parsed(c.name) for c in columns)
    cells = f"select {clean}, src.{ROW_PLACE} as place, src as raw_row from {reading.relation} as src {pushdown}"
    return f"(select *, {parse} from ({cells}))"


def value_rows(reading: Reading, where: str, pushdown: str = "") -> str:
    """Return the relation of a table's values, typed, with the code of the first cell that is wrong.

    It is SQL text rather than a view, because DuckDB plans a view once more when it is created.

    Args:
        where: which parsed rows.
        pushdown: the same condition on the rows as read.
    """
    table = reading.table
    values = ", ".join(f"{reading.value(c)} as {c.name}" for c in table.columns)
    bits = [f"case when {is_unreadable(c)} then {1 << bit} else 0 end" for bit, c in enumerate(optional_cells(reading))]
    found = " ".join(
        f"when {problem.code} then try(c_{problem.column}::varchar)"
        for problem in cell_problems(reading)
        if problem.column
    )
    named = table.key or table.lead
    row_key = f"coalesce(p_{named}, '')" if named else "''"
    return (
        f"(select *, case cell_problem {found or 'when 0 then null'} end as found from (select {values}, "
        f"{first_problem(reading)} as cell_problem, {row_key} as row_key, "
        f"{_unread(table)} as unread, cast({' + '.join(bits) or '0'} as integer) as unreadable, place, raw_row, "
        f"{', '.join(f'c_{name}' for name in found_columns(reading)) or 'null as c_nothing'} "
        f"from {parsed_rows(reading, pushdown)} where {where}))"
    )


def _unread(table: InputTable) -> str:
    """Return the SQL of the text of required cells that cannot be read; null where none can be so."""
    needed = [column for column in table.columns if column.required and column.cell in ALLOWED]
    texts = [f"case when {is_unreadable(column)} then try(c_{column.name}::varchar) end" for column in needed]
    if len(texts) > 1:
        return f"concat_ws({SEPARATOR}, " + ", ".join(f"coalesce({text}, '')" for text in texts) + ")"
    return texts[0] if texts else "null::varchar"


def found_columns(reading: Reading) -> list[str]:
    """Return the columns whose cell a detail may name."""
    return list(dict.fromkeys(problem.column for problem in cell_problems(reading) if problem.column))


def keyed_values(table: InputTable, values: str, derive: bool) -> str:
    """Return a relation of values, each with its id; derived from the content if asked for."""
    if table is not EVENTS or not derive:
        return values
    parts = ", ".join(f"coalesce({c.name}::varchar, chr(30))" for c in EVENTS.columns[1:])
    row = f"md5(concat_ws({SEPARATOR}, {parts}, unread))"
    return f"(select * replace (coalesce(event_id, {row}) as event_id) from {values})"


def content(table: InputTable) -> str:
    """Return what of a row is compared: its values, and the text of required cells that cannot be read."""
    unsubscribed = ", unsubscribed_unreadable" if table is LEADS else ""
    return f"{listed(table)}, unread{unsubscribed}"


def own_columns(reading: Reading) -> str:
    """Return the columns that CHECKED has besides the table's."""
    if reading.table is EVENTS:
        # Computed once for all events: planning these expressions takes ten times as long as writing the file of a day.
        hours = ", ".join(f"cast({name}(occurred_at) as tinyint) as {name}" for name in ("local_hour", "local_weekday"))
        return f"{BUSINESS_DAY} as date, {hours}, "
    if reading.table is LEADS:
        columns = [column.name for column in optional_cells(reading)]
        bit = 1 << columns.index("unsubscribed_at") if "unsubscribed_at" in columns else 0
        return f"unreadable & {bit} > 0 as unsubscribed_unreadable, "
    return ""


def build(
    run: Run,
    reading: Reading,
    into: str,
    values: str,
    *,
    derive: bool,
    check_leads: bool,
    where: str = "",
    keep_all: bool = False,
) -> None:
    """Make a table of checked rows; those with a problem (or all) keep the row as it was read.

    Args:
        values: the relation of the table's values (`value_rows`).
        derive: give events without an id one of their content.
        check_leads: compare with UNKNOWN_LEADS.
        where: which of them, as `v`.
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
    kept = "true" if keep_all else f"problem is not null and problem <> {LEFT_OUT}"
    run.connection.execute(
        f"create or replace table {into} as select * exclude (row_key, raw_row, found), "
        f"case when {kept} then row_key end as row_key, case when {kept} then {reading.raw.row} end as raw_row, "
        f"case when {kept} then found end as found, false as holds_older "
        f"from (select {listed(table)}, {own_columns(reading)}{problem} as problem, place, unread, unreadable, "
        f"row_key, raw_row, found from {keyed_values(table, values, derive)} as v {where})"
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
    pushdown = reading.pushdown(reading.whole)
    names = [table.lead] if pushdown or not table.time else [table.lead, table.time]
    where = "" if pushdown or not table.time else f"where {reading.whole.condition(f'p_{table.time}')}"
    named = f"select p_{table.lead} as lead_id from {reading.rows(names, pushdown)} {where}"
    run.connection.execute(  # before they are made distinct, which of ten million ids takes more memory
        f"create or replace table {UNKNOWN_LEADS} as select distinct lead_id, case when lead_id in (select bad_id from "
        f"{QUARANTINED_LEADS}) then {QUARANTINED_LEAD} else {UNKNOWN_LEAD} end as code "
        f"from ({named}) anti join {KNOWN_LEADS} on lead_id = known_id where lead_id is not null"
    )
    return bool(run.number(f"select count(*) from {UNKNOWN_LEADS}"))


def index_leads(run: Run, reading: Reading, *, has_future: bool) -> None:
    """Make tables of the ids of good leads, whenever created, and of leads without a good row; and of all leads' times.

    Args:
        has_future: whether there are rows of leads that are created after the end of the day.
    """
    rows = (
        f"select lead_id, problem is null as is_good, coalesce(problem not in {NOT_BAD}, false) as is_bad "
        f"from {CHECKED} where lead_id is not null"
    )
    if has_future:
        later = value_rows(reading, f"p_created_at >= {instant(run.end)}")
        rows += f" union all select lead_id, cell_problem is null, cell_problem is not null from {later}"
    distinct = "distinct" if has_future else ""
    run.connection.execute(
        f"create temp table {KNOWN_LEADS} as select {distinct} lead_id as known_id from ({rows}) where is_good"
    )
    run.connection.execute(
        f"create temp table {QUARANTINED_LEADS} as select distinct lead_id as bad_id from ({rows}) "
        f"where is_bad and lead_id is not null and lead_id not in (select known_id from {KNOWN_LEADS})"
    )


def set_rejected_aside(run: Run, table: InputTable) -> None:
    """Add the rows of CHECKED that are bad to REJECTED."""
    run.connection.execute(
        f"insert into {REJECTED} select '{table.name}', place, row_key, problem, raw_row, found, holds_older "
        f"from {CHECKED} where problem is not null and problem not in {NOT_BAD}"
    )


def make_rejected(run: Run) -> None:
    """Make the empty table REJECTED."""
    run.connection.execute(
        f"create table {REJECTED} (source_table text, place bigint, row_key text, code tinyint, row text, found text, "
        "holds_older boolean)"
    )


def listed(table: InputTable) -> str:
    """Return the columns of a table as a list in SQL."""
    return ", ".join(column.name for column in table.columns)
