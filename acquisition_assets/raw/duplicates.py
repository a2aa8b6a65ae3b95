"""Finds rows whose id is on another row too: equal rows are exact duplicates, and of the others the first is kept.

Does not check cells or leads (see `raw.rows`).
"""

from __future__ import annotations

from acquisition_assets.core.duckdb_sql import literals
from acquisition_assets.inputs.tables import EVENTS, InputTable
from acquisition_assets.raw.rows import (
    DUPLICATE_ID,
    EXACT_DUPLICATE,
    QUARANTINED_LEAD,
    UNKNOWN_LEAD,
    Reading,
    Run,
    build,
    keyed_values,
    listed,
    make_views,
)
from acquisition_assets.raw.windows import reads

REPEATED_IDS = "repeated_ids"
IDS_OF_OTHER_DAYS = "ids_of_other_days"
REPEATS = "repeated_rows"


def find_repeats(run: Run, reading: Reading, *, derive: bool, check_leads: bool) -> bool:
    """Make REPEATS: the rows whose id is on another row too, each with its problem.

    Args:
        derive: give events without an id one of their content.
        check_leads: compare with the unknown leads.

    Returns:
        Whether there are any.
    """
    table = reading.table
    if table.key is None:
        return False
    key = reading.parsed(table.key)
    here = reading.pushdown(reading.whole) or f"where {reading.whole.condition(reading.parsed(table.time))}"
    ids = f"select {key} as id from {reading.relation} as src {here}"
    if derive:
        make_views(run, reading, reading.whole)
        ids = f"select {table.key} as id from {keyed_values(table, derive)}"
    run.connection.execute(f"create or replace table {REPEATED_IDS} (id_hash ubigint)")
    run.connection.execute(  # of hashes, which need less memory: an id too many does no harm
        f"insert into {REPEATED_IDS} select hash(id) from ({ids}) where id is not null group by 1 having count(*) > 1"
    )
    if table is EVENTS:
        _find_ids_of_other_days(run, ids)
    if not run.number(f"select count(*) from {REPEATED_IDS}"):
        return False
    derived = f"{key} is null or " if derive else ""
    few = f"(select * from {reading.relation} as src where {derived}{is_repeated(key)})"
    make_views(run, reading, reading.whole, few)
    repeated = f"where {is_repeated(f'v.{table.key}')}"
    build(run, reading, REPEATS, derive=derive, check_leads=check_leads, where=repeated, keep_all=True)
    _mark_duplicates(run, table)
    return True


def is_repeated(key: str) -> str:
    """Return the condition of the rows that REPEATS holds; never null."""
    return f"hash({key}) in (select id_hash from {REPEATED_IDS})"


def _mark_duplicates(run: Run, table: InputTable) -> None:
    """Mark rows equal to an earlier one, and of the good ones that are left all but the first of an id."""
    good_but_for_lead = f"(problem is null or problem in ({UNKNOWN_LEAD}, {QUARANTINED_LEAD}))"
    run.connection.execute(
        f"update {REPEATS} set problem = {EXACT_DUPLICATE} where place in (select place from (select place, "
        f"row_number() over (partition by {listed(table)} order by place) as nth from {REPEATS} "
        f"where {good_but_for_lead}) where nth > 1)"
    )
    elsewhere = f"or {table.key} in (select id from {IDS_OF_OTHER_DAYS})" if table is EVENTS else ""
    run.connection.execute(
        f"update {REPEATS} set problem = {DUPLICATE_ID} where place in (select place from (select place, "
        f"{table.key}, row_number() over (partition by {table.key} order by place) as nth from {REPEATS} "
        f"where problem is null) where nth > 1 {elsewhere})"
    )
    if table is EVENTS:
        run.connection.execute(
            f"update {REPEATS} set may_stay = event_id not in "
            f"(select event_id from {REPEATS} where problem is null) and place in "
            f"(select min(place) from {REPEATS} where {good_but_for_lead} group by event_id)"
        )


def _find_ids_of_other_days(run: Run, ids: str) -> None:
    """Make IDS_OF_OTHER_DAYS: ids that an earlier day of the lake, which this run does not read, already holds."""
    days = run.lake.days("raw_events")
    known = [day for day in days if day < run.day and not reads(run.wanted, day, run.tz)]
    run.connection.execute(f"create temp table {IDS_OF_OTHER_DAYS} (id varchar)")
    if not known:
        return
    files = literals(run.lake.files("raw_events", known))
    run.connection.execute(
        f"insert into {IDS_OF_OTHER_DAYS} select event_id from read_parquet({files}, hive_partitioning = false) "
        f"where event_id in ({ids})"
    )
    run.connection.execute(f"insert into {REPEATED_IDS} select hash(id) from {IDS_OF_OTHER_DAYS}")
