"""Finds rows that are equal, or whose id is on another row too, and says which of them holds.

Does not check cells or leads (see `raw.rows`).
"""

from __future__ import annotations

from dataclasses import dataclass

from acquisition_assets.core.duckdb_sql import literals
from acquisition_assets.inputs.tables import ALIASES, EVENTS, InputTable
from acquisition_assets.raw.contract import RAW_EVENTS
from acquisition_assets.raw.rows import (
    DUPLICATE_ID,
    EXACT_DUPLICATE,
    FILE_BITS,
    LEFT_OUT,
    NOT_BAD,
    SUPERSEDED,
    Reading,
    Run,
    build,
    content,
    keyed_values,
    value_rows,
)
from acquisition_assets.raw.windows import instant, reads

REPEATED = "repeated_hashes"
IDS_OF_OTHER_DAYS = "ids_of_other_days"
REPEATS = "repeated_rows"


@dataclass(frozen=True)
class Repeats:
    """What was found of rows that may be repeated.

    Attributes:
        condition: which rows of the values, as `v`, REPEATS holds in their place; empty where there are none.
        ids_in_one_file: ids with several versions in one file.
    """

    condition: str = ""
    ids_in_one_file: int = 0


def find_repeats(run: Run, reading: Reading, *, derive: bool, without_key: bool, check_leads: bool) -> Repeats:
    """Make REPEATS: the rows that are equal to another, or whose id is on another row too, each with its fate.

    Args:
        derive: give events without an id one of their content.
        without_key: whether rows lack their id: these are compared by their content.
        check_leads: compare with the unknown leads.
    """
    table = reading.table
    by_content = table.key is None or (without_key and not derive)
    pushdown = reading.pushdown(reading.whole)
    parsed_whole = reading.whole.condition(f"p_{table.time}") if table.time else "true"
    if by_content or derive:
        rows = keyed_values(table, value_rows(reading, parsed_whole, pushdown), derive)
        id_hash = _hash(table, "v")
        ids = f"select {table.key} from {rows}"
    else:
        rows = _ids(reading)
        id_hash = f"hash(p_{table.key})"
        ids = f"select p_{table.key} from {rows}"
    run.connection.execute(  # of hashes, which need less memory: an id too many does no harm
        f"create or replace table {REPEATED} as select {id_hash} as id_hash from {rows} as v "
        "group by 1 having count(*) > 1"
    )
    if table is EVENTS:
        _find_ids_of_other_days(run, ids)
    if not run.number(f"select count(*) from {REPEATED}"):
        return Repeats()
    condition = f"{_hash(table, 'v') if by_content else f'hash(v.{table.key})'} in (select id_hash from {REPEATED})"
    few = None
    if not by_content:
        derived = f"p_{table.key} is null or " if derive else ""
        few = f"{derived}hash(p_{table.key}) in (from {REPEATED})"
    build(
        run,
        reading,
        REPEATS,
        value_rows(reading, f"{parsed_whole} and ({few})" if few else parsed_whole, pushdown),
        derive=derive,
        check_leads=check_leads,
        where=f"where {condition}",
        keep_all=table in (EVENTS, ALIASES),
    )
    _mark_equal_rows(run, table)
    if table is EVENTS:
        _mark_duplicate_ids(run)
    elif table.has_versions:
        _mark_superseded(run, table)
        return Repeats(condition, _ids_in_one_file(run, table))
    return Repeats(condition)


def _ids(reading: Reading) -> str:
    """Return the relation of the ids, as `p_<key>`, of the rows that the run takes in."""
    table, pushdown = reading.table, reading.pushdown(reading.whole)
    if pushdown or not table.time:
        return reading.rows([str(table.key)], pushdown)
    time = reading.whole.condition(f"p_{table.time}")
    return f"(select * from {reading.rows([str(table.key), table.time])} where {time})"


def _hash(table: InputTable, row: str) -> str:
    """Return the hash of a row's id, or of its content where it has none."""
    whole = f"hash({', '.join(f'{row}.{column.name}' for column in table.columns)}, {row}.unread)"
    return f"case when {row}.{table.key} is null then {whole} else hash({row}.{table.key}) end" if table.key else whole


def newest_first(run: Run, table: InputTable) -> str:
    """Return the ordering of the versions of a row: the one that holds comes first.

    It is the newest before the end of the day (one without a time is older than any other), else the one that comes
    soonest after it, and of these the one that is read last.
    """
    if table.version is None:
        return "place desc"
    version = table.version
    is_before = f"coalesce({version} < {instant(run.end)}, true)"
    return (
        f"{is_before} desc, case when {is_before} then {version} end desc nulls last, "
        f"case when not {is_before} then {version} end, place desc"
    )


def _mark_equal_rows(run: Run, table: InputTable) -> None:
    """Mark rows equal to another as exact duplicates: of events the first stays, else the one that is read last."""
    order = "place" if table is EVENTS else "place desc"
    run.connection.execute(
        f"update {REPEATS} set problem = {EXACT_DUPLICATE} where place in (select place from (select place, "
        f"row_number() over (partition by {content(table)} order by {order}) as nth from {REPEATS} "
        f"where problem is null or problem <> {LEFT_OUT}) where nth > 1)"
    )


def _mark_duplicate_ids(run: Run) -> None:
    """Mark the good events whose id is on a good one that was read earlier, or in an earlier day of the lake."""
    run.connection.execute(
        f"update {REPEATS} set problem = {DUPLICATE_ID} where place in (select place from (select place, "
        f"event_id, row_number() over (partition by event_id order by place) as nth from {REPEATS} "
        f"where problem is null) where nth > 1 or event_id in (select id from {IDS_OF_OTHER_DAYS}))"
    )


def _mark_superseded(run: Run, table: InputTable) -> None:
    """Mark all good versions of a row but the one that holds, and bad ones that are newer than it."""
    order = newest_first(run, table)
    run.connection.execute(
        f"update {REPEATS} set holds_older = true where place in (select place from (select place, problem, bool_or("
        f"problem is null) over (partition by {table.key} order by {order} rows between 1 following and unbounded "
        f"following) as is_followed from {REPEATS} where {table.key} is not null and "
        f"(problem is null or problem not in {NOT_BAD})) where problem is not null and is_followed)"
    )
    run.connection.execute(
        f"update {REPEATS} set problem = {SUPERSEDED} where place in (select place from (select place, "
        f"row_number() over (partition by {table.key} order by {order}) as nth from {REPEATS} "
        "where problem is null) where nth > 1)"
    )


def _ids_in_one_file(run: Run, table: InputTable) -> int:
    """Return how many ids have several good versions in one file."""
    return run.number(
        f"select count(distinct {table.key}) from (select {table.key} from {REPEATS} "
        f"where problem is null or problem = {SUPERSEDED} group by {table.key}, place >> {FILE_BITS} "
        "having count(*) > 1)"
    )


def _find_ids_of_other_days(run: Run, ids: str) -> None:
    """Make IDS_OF_OTHER_DAYS: ids that an earlier day of the lake, which this run does not read, already holds."""
    wanted = run.given
    days = run.lake_days(RAW_EVENTS.table)
    known = [day for day in days if day < run.day and not reads(wanted, day, run.tz)]
    run.connection.execute(f"create or replace temp table {IDS_OF_OTHER_DAYS} (id varchar)")
    if not known:
        return
    files = literals(run.lake_files(RAW_EVENTS.table, known))
    run.connection.execute(
        f"insert into {IDS_OF_OTHER_DAYS} select event_id from read_parquet({files}, hive_partitioning = false) "
        f"where event_id in ({ids})"
    )
    run.connection.execute(f"insert into {REPEATED} select hash(id) from {IDS_OF_OTHER_DAYS}")
