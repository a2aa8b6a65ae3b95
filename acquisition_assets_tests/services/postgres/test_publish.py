"""Protects publication: schema and contracts, replaced days, current views, retention, concurrency and rights.

Faults during a publication are tested in test_publish_faults.py.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import math
import random
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition_assets.catalog import DELIVERED, REPORTS
from acquisition_assets.core.contracts import Contract, Kind, column
from acquisition_assets.core.errors import InputError
from acquisition_assets.core.postgres import connect
from acquisition_assets.destinations.postgres import count_rows, deliver_reports, deliver_table, expire
from acquisition_assets.destinations.postgres_migrations import migrate, migrations
from acquisition_assets.destinations.postgres_tables import describe, follow, outdated
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features.contract import DAILY_METRICS, LEAD_ACTIVITY
from acquisition_assets.lead_segments.contract import LEAD_SEGMENTS

from .conftest import PASSWORD, ROOT, SQL, Background, Database, make_database, wait_until

DAY = dt.date(2026, 9, 30)
UTC = dt.timezone.utc
TYPES = {
    Kind.TEXT: "text",
    Kind.INTEGER: "bigint",
    Kind.NUMBER: "double precision",
    Kind.FLAG: "boolean",
    Kind.INSTANT: "timestamp with time zone",
    Kind.DATE: "date",
    Kind.TEXTS: "text[]",
}
VALUES: dict[Kind, list[Any]] = {
    Kind.TEXT: ["a", "", 'q"uo,te', "líne\nbreak\ttab", "\\N", "NULL", "''", "🙂"],
    Kind.INTEGER: [0, 1, -(2**62)],
    Kind.NUMBER: [0.1, -0.0, 1e-300, 12345678.9, math.pi],
    Kind.FLAG: [True, False],
    Kind.INSTANT: [
        dt.datetime(2026, 1, 1, 0, 0, 0, 1, UTC),
        dt.datetime(1, 1, 2, tzinfo=UTC),
        dt.datetime(9999, 12, 30, tzinfo=UTC),
    ],
    Kind.DATE: [dt.date(2026, 1, 1), dt.date(1970, 1, 1)],
    Kind.TEXTS: [[], ["blog", "guide"], ['q"uo', "com,ma", "ba\\ck", "{}", "", "NULL", "a b"]],
}


def rows_of(contract: Contract, count: int, mark: str = "") -> pa.Table:
    """Return rows that cycle through awkward and (where allowed) missing values, each with its own key."""
    rows = []
    for number in range(count):
        row: dict[str, Any] = {}
        for offset, (name, spec) in enumerate(contract.columns.items()):
            values = VALUES[contract.kind(name)] + ([None] if spec.nullable else [])
            row[name] = values[(number + offset) % len(values)]
        for name in contract.key:
            row[name] = {Kind.TEXT: f"{mark}{number} ☂", Kind.DATE: DAY - dt.timedelta(days=number)}.get(
                contract.kind(name), number
            )
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=contract.arrow_schema)


def publish(database: Database, contract: Contract, table: pa.Table, folder: Path, day: dt.date = DAY) -> int:
    file = folder / f"{random.random()}.parquet"
    pq.write_table(table, file)
    return deliver_table(database.url, contract, day, file)


def fetched(database: Database, relation: str, contract: Contract) -> list[tuple[Any, ...]]:
    with psycopg.connect(database.url) as connection:
        connection.execute("set timezone = 'UTC'")
        columns = ", ".join(contract.columns)
        return connection.execute(
            f"select {columns} from acquisition.{relation} order by {', '.join(contract.key)}".encode()
        ).fetchall()


def plain(table: pa.Table, contract: Contract) -> list[tuple[Any, ...]]:
    rows = [tuple(row.values()) for row in table.to_pylist()]
    places = [list(contract.columns).index(name) for name in contract.key]
    return sorted(
        rows, key=lambda row: tuple(str(row[place]) if isinstance(row[place], str) else row[place] for place in places)
    )


TABLES = [contract.table for contract in DELIVERED]
FIRST_MIGRATION_OF_TABLES = 2
RELEASED_MIGRATIONS = 3
"""What a database of the last release has run."""


def run_migrations(database: Database, last: int) -> None:
    """Run the first migrations as a release before did, without the contracts."""
    for migration in migrations()[:last]:
        database.run(migration.path.read_text())
        database.run(
            "insert into acquisition.schema_migrations values (%s, %s)", migration.version, migration.path.stem
        )


def bring_up_to_date(database: Database) -> list[str]:
    with connect(database.url, autocommit=True) as connection:
        return migrate(connection)


def columns_of(database: Database, relation: str) -> list[str]:
    """Return the columns of a table or view in order; none if it does not exist."""
    found = database.run(
        "select attname from pg_attribute where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped "
        "order by attnum",
        f"acquisition.{relation}",
    )
    return [name for (name,) in found]


@pytest.fixture(scope="module")
def first_columns(server: Any) -> dict[str, list[str]]:
    """Return the columns of the tables as they were first released; later columns may be null."""
    first = make_database(server)
    run_migrations(first, FIRST_MIGRATION_OF_TABLES)
    return {contract.table: columns_of(first, contract.table) for contract in DELIVERED}


@pytest.mark.parametrize("contract", DELIVERED, ids=lambda contract: contract.table)
def test_published_columns_follow_the_contract(
    database: Database, contract: Contract, first_columns: dict[str, list[str]]
) -> None:
    """Published columns have the contract's types, descriptions and key; columns added later come last."""
    assert bring_up_to_date(database) == [*(migration.path.stem for migration in migrations()), *TABLES]
    assert bring_up_to_date(database) == []
    columns = database.run(
        "select a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, col_description(a.attrelid, a.attnum) "
        "from pg_attribute as a where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum",
        f"acquisition.{contract.table}",
    )
    released = first_columns[contract.table] or list(contract.columns)
    first = [name for name in contract.columns if name in released]
    added = [name for name in contract.columns if name not in released]
    expected = [
        ("date", "date", True, "Business day"),
        *(
            (
                name,
                TYPES[contract.kind(name)],
                not contract.columns[name].nullable and name not in added,
                describe(contract, name),
            )
            for name in (*first, *added)
        ),
    ]
    assert columns[: 1 + len(first)] == expected[: 1 + len(first)]
    assert sorted(columns) == sorted(expected)
    assert database.run("select obj_description(%s::regclass)", f"acquisition.{contract.table}") == [(contract.grain,)]
    keys = database.run(
        "select pg_get_constraintdef(oid) from pg_constraint where contype = 'p' and conrelid = %s::regclass",
        f"acquisition.{contract.table}",
    )
    is_primary = not any(contract.columns[name].nullable for name in contract.key)
    assert keys == ([(f"PRIMARY KEY (date, {', '.join(contract.key)})",)] if is_primary else [])
    assert sorted(columns_of(database, f"current_{contract.table}")) == sorted(["date", *contract.columns])
    indexes = database.run(
        "select indexname from pg_indexes where schemaname = 'acquisition' and tablename = %s", contract.table
    )
    wanted = {"pkey" if is_primary else "key"} | ({"lead"} if "lead_id" in contract.columns else set())
    wanted |= {contract.ranked_by} if contract.ranked_by else set()
    assert {name for (name,) in indexes} == {f"{contract.table}_{ending}" for ending in wanted}


def test_a_database_of_an_earlier_release_is_brought_up_to_date(database: Database, tmp_path: Path) -> None:
    """Rows, views and grants of the release stay; columns that it did not know are null on its days."""
    run_migrations(database, RELEASED_MIGRATIONS)
    role = f"analyst_{database.name}"
    released = [name for name in columns_of(database, "lead_activity") if name in LEAD_ACTIVITY.columns]
    added = [name for name in LEAD_ACTIVITY.columns if name not in released]
    assert added
    database.run(
        f"create role {role}; grant select on acquisition.current_lead_activity to {role};"
        "insert into acquisition.published_days (table_name, date, row_count) values ('lead_activity', '2026-01-01', 1)"
    )
    required = [name for name in released if not LEAD_ACTIVITY.columns[name].nullable]
    row = rows_of(LEAD_ACTIVITY, 1).to_pylist()[0]
    names, places = ", ".join(required), ", ".join(["%s"] * len(required))
    database.run(
        f"insert into acquisition.lead_activity (date, {names}) values ('2026-01-01', {places})",
        *(row[name] for name in required),
    )
    assert bring_up_to_date(database) == [*(each.path.stem for each in migrations()[RELEASED_MIGRATIONS:]), *TABLES]
    assert bring_up_to_date(database) == []
    ((kept, *nulls),) = database.run(f"select lead_id, {', '.join(added)} from acquisition.current_lead_activity")
    assert (kept, set(nulls)) == (row["lead_id"], {None})
    assert columns_of(database, "current_lead_activity") == columns_of(database, "lead_activity")
    privilege = "select has_table_privilege(%s, 'acquisition.current_lead_activity', 'select')"
    assert database.run(privilege, role) == [(True,)]
    table = rows_of(LEAD_ACTIVITY, 40)
    assert publish(database, LEAD_ACTIVITY, table, tmp_path) == 40
    assert fetched(database, "current_lead_activity", LEAD_ACTIVITY) == plain(table, LEAD_ACTIVITY)


def test_a_table_follows_its_contract_as_it_changes(database: Database) -> None:
    """A new column comes last and may be null, nulls become allowed, and an older contract still fits afterwards."""
    bring_up_to_date(database)
    note = LEAD_SEGMENTS.columns["segment"]
    wider = replace(
        LEAD_SEGMENTS, columns={"note": note, **LEAD_SEGMENTS.columns, "rating": column(Kind.NUMBER, "Rating")}
    )
    looser = replace(
        DYNAMIC_SCORES, columns={**DYNAMIC_SCORES.columns, "score": column(Kind.NUMBER, "S", nullable=True)}
    )
    for contracts in ((wider, looser), (LEAD_SEGMENTS, DYNAMIC_SCORES)):
        with connect(database.url) as connection:
            assert outdated(connection, contracts) == list(contracts)
            for contract in contracts:
                follow(connection, contract)
            assert outdated(connection, contracts) == []
        for relation in ("lead_segments", "current_lead_segments"):
            assert columns_of(database, relation) == ["date", "segment", "lead_id", "note", "rating"]
    required = database.run(
        "select attrelid::regclass::text, attname from pg_attribute where attnotnull and attnum > 0 and attrelid in "
        "('acquisition.lead_segments'::regclass, 'acquisition.dynamic_scores'::regclass) and attname in "
        "('note', 'rating', 'score', 'segment', 'lead_id') order by 1, 2"
    )
    assert required == [
        ("acquisition.dynamic_scores", "lead_id"),
        ("acquisition.lead_segments", "lead_id"),
        ("acquisition.lead_segments", "segment"),
    ]


def test_everything_has_a_description(database: Database) -> None:
    with connect(database.url, autocommit=True) as connection:
        migrate(connection)
    assert not database.run(
        "select relname from pg_class as c where relnamespace = 'acquisition'::regnamespace and relkind in ('r', 'v') "
        "and obj_description(c.oid) is null"
    )


@pytest.mark.parametrize("contract", DELIVERED, ids=lambda contract: contract.table)
def test_every_value_arrives(database: Database, tmp_path: Path, contract: Contract) -> None:
    table = rows_of(contract, 40)
    assert publish(database, contract, table, tmp_path) == 40
    assert fetched(database, contract.table, contract) == plain(table, contract)
    assert count_rows(database.url, contract.table, DAY) == 40


def test_the_time_zone_of_the_database_changes_no_instant(database: Database, tmp_path: Path) -> None:
    database.run(f"alter database {database.name} set timezone = 'America/Bogota'")
    table = rows_of(LEAD_ACTIVITY, 40)
    publish(database, LEAD_ACTIVITY, table, tmp_path)
    assert fetched(database, "lead_activity", LEAD_ACTIVITY) == plain(table, LEAD_ACTIVITY)


def test_a_nul_character_is_replaced(database: Database, tmp_path: Path) -> None:
    row = rows_of(LEAD_ACTIVITY, 1).to_pylist()[0]
    row |= {"lead_id": "a\0b", "email": "\0", "consumed_content_types": ["\0", "x\0"]}
    publish(database, LEAD_ACTIVITY, pa.Table.from_pylist([row], schema=LEAD_ACTIVITY.arrow_schema), tmp_path)
    columns = "select lead_id, email, consumed_content_types from acquisition.lead_activity"
    assert database.run(columns) == [("a\ufffdb", "\ufffd", ["\ufffd", "x\ufffd"])]

    texts = ["a\0b", "\0\0", "\\u0000", "\\\0"]
    deliver_reports(database.url, DAY, {"one": json.dumps({"texts": texts})})
    ((report,),) = database.run("select report from acquisition.reports")
    assert report == {"texts": ["a\ufffdb", "\ufffd\ufffd", "\\u0000", "\\\ufffd"]}


def test_a_day_is_replaced_and_others_stay(database: Database, tmp_path: Path) -> None:
    before = DAY - dt.timedelta(days=1)
    publish(database, DYNAMIC_SCORES, rows_of(DYNAMIC_SCORES, 5), tmp_path, before)
    for count in (30, 7, 7):
        publish(database, DYNAMIC_SCORES, rows_of(DYNAMIC_SCORES, count), tmp_path)
    assert database.run("select date, count(*) from acquisition.dynamic_scores group by 1 order by 1") == [
        (before, 5),
        (DAY, 7),
    ]
    assert database.run("select table_name, date, row_count from acquisition.published_days order by date") == [
        ("dynamic_scores", before, 5),
        ("dynamic_scores", DAY, 7),
    ]


def test_the_current_view_shows_the_newest_published_day_even_if_empty(database: Database, tmp_path: Path) -> None:
    view = "select distinct date from acquisition.current_dynamic_scores"
    publish(database, DYNAMIC_SCORES, rows_of(DYNAMIC_SCORES, 5), tmp_path, DAY)
    publish(database, DYNAMIC_SCORES, rows_of(DYNAMIC_SCORES, 5), tmp_path, DAY - dt.timedelta(days=9))
    assert database.run(view) == [(DAY,)]
    publish(database, DYNAMIC_SCORES, DYNAMIC_SCORES.empty(), tmp_path, DAY + dt.timedelta(days=1))
    assert database.run(view) == []


def test_reports(database: Database) -> None:
    for updated in (1, 2):
        texts = {task: json.dumps({"updated": updated, "título": "ñ"}) for task in (report.task for report in REPORTS)}
        assert deliver_reports(database.url, DAY, texts) == len(REPORTS)
    rows = database.run("select task, report from acquisition.current_reports order by task")
    assert rows == [(task, {"updated": 2, "título": "ñ"}) for task in sorted(report.task for report in REPORTS)]


def test_retention(database: Database, tmp_path: Path) -> None:
    days = [DAY - dt.timedelta(days=n) for n in (0, 1, 2, 3, 10)]
    for day in days:
        publish(database, DYNAMIC_SCORES, rows_of(DYNAMIC_SCORES, 2), tmp_path, day)
        publish(database, LEAD_ACTIVITY, rows_of(LEAD_ACTIVITY, 2), tmp_path, day)
    assert expire(database.url, "dynamic_scores", 3) == [days[4], days[3]]
    assert expire(database.url, "dynamic_scores", 3) == []
    kept = "select distinct date from acquisition.{} order by date desc"
    assert database.run(kept.format("dynamic_scores")) == [(day,) for day in days[:3]]
    assert database.run(kept.format("lead_activity")) == [(day,) for day in days]


def test_concurrent_first_runs_migrate_once(database: Database) -> None:
    def first_run() -> list[str]:
        with connect(database.url, autocommit=True) as connection:
            return migrate(connection)

    done = [Background(first_run) for _ in range(6)]
    assert sorted(len(call.result()) for call in done) == [0] * 5 + [len(migrations()) + len(TABLES)]


def test_a_newer_schema_is_refused(database: Database) -> None:
    with connect(database.url, autocommit=True) as connection:
        migrate(connection)
    database.run("insert into acquisition.schema_migrations values (9000, 'from_the_future')")
    with pytest.raises(InputError, match=r"migration 9000, newer than this version's \d+; update this package"):
        deliver_reports(database.url, DAY, {})


def test_concurrent_runs_neither_deadlock_nor_mix(database: Database, tmp_path: Path) -> None:
    """Eight runs replace three days repeatedly while a reader must always see one whole run of a day."""
    with connect(database.url, autocommit=True) as connection:
        migrate(connection)
    days = [DAY - dt.timedelta(days=n) for n in range(3)]
    stop = threading.Event()

    def runs(number: int) -> None:
        for step in range(6):
            publish(
                database, DYNAMIC_SCORES, rows_of(DYNAMIC_SCORES, 200, f"run {number} row "), tmp_path, days[step % 3]
            )
            expire(database.url, "dynamic_scores", 90)

    def reads() -> set[tuple[int, int]]:
        seen: set[tuple[int, int]] = set()
        with psycopg.connect(database.url, autocommit=True) as reader:
            while not stop.is_set():
                seen |= set(
                    reader.execute(
                        "select count(*), count(distinct split_part(lead_id, ' row', 1)) "
                        "from acquisition.dynamic_scores group by date"
                    ).fetchall()
                )
        return seen

    reading = Background(reads)
    running = [Background(lambda number=number: runs(number)) for number in range(8)]
    for call in running:
        call.result()
    stop.set()
    assert reading.result() == {(200, 1)}


def test_runs_of_a_day_wait_for_each_other(database: Database, tmp_path: Path) -> None:
    publish(database, DYNAMIC_SCORES, rows_of(DYNAMIC_SCORES, 5), tmp_path)
    with psycopg.connect(database.url) as other:
        other.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"acquisition.dynamic_scores/{DAY}"])
        waiting = Background(lambda: publish(database, DYNAMIC_SCORES, rows_of(DYNAMIC_SCORES, 9), tmp_path))
        wait_until(lambda: database.run("select 1 from pg_locks where locktype = 'advisory' and not granted"))
        # Another day and another table do not wait.
        publish(database, DYNAMIC_SCORES, rows_of(DYNAMIC_SCORES, 3), tmp_path, DAY - dt.timedelta(days=1))
        publish(database, DAILY_METRICS, rows_of(DAILY_METRICS, 3), tmp_path)
        assert count_rows(database.url, "dynamic_scores", DAY) == 5
    assert waiting.result() == 9
    assert count_rows(database.url, "dynamic_scores", DAY) == 9


class Roles:
    """Users with one role of roles.sql each, in a database with the source's schema."""

    def __init__(self, database: Database) -> None:
        self.database = database
        database.run((SQL / "roles.sql").read_text())
        for role in ("source", "writer", "reader"):
            user = f"{role}_{database.name}"
            database.run(f"create role {user} login password '{PASSWORD}'; grant acquisition_{role} to {user}")

    def url(self, role: str) -> str:
        return self.database.as_role(f"{role}_{self.database.name}")

    def may(self, role: str, statement: str) -> bool:
        try:
            with psycopg.connect(self.url(role)) as connection:
                connection.execute(statement.encode())
        except psycopg.errors.InsufficientPrivilege:
            return False
        return True


def test_roles(source_database: Database, tmp_path: Path) -> None:
    """Each role can do its own work, and nothing else."""
    source_database.run("revoke create on schema public from public; create table secrets (secret text)")
    roles = Roles(source_database)
    file = tmp_path / "scores.parquet"
    pq.write_table(rows_of(DYNAMIC_SCORES, 5), file)
    assert deliver_table(roles.url("writer"), DYNAMIC_SCORES, DAY, file) == 5
    source_database.run((SQL / "roles.sql").read_text())

    source, published = "select * from organic_leads", "select * from acquisition.current_dynamic_scores"
    allowed = {
        "source": {source},
        "writer": {published, "delete from acquisition.dynamic_scores"},
        "reader": {published},
    }
    statements = (
        *(source, published, "select * from secrets", "delete from acquisition.dynamic_scores"),
        *("delete from organic_leads", "create schema other", "create table public.mine (n int)"),
    )
    for role, statement in itertools.product(allowed, statements):
        assert roles.may(role, statement) == (statement in allowed[role]), (role, statement)


def test_another_member_of_the_writers_can_migrate_and_publish(source_database: Database, tmp_path: Path) -> None:
    """Objects that one user creates belong to the role, not to the user."""
    roles = Roles(source_database)
    with connect(roles.url("writer"), autocommit=True) as connection:
        migrate(connection)
    owners = source_database.run(
        "select distinct pg_get_userbyid(relowner) from pg_class where relnamespace = 'acquisition'::regnamespace"
    )
    assert owners == [("acquisition_writer",)]


def test_a_user_without_rights_gets_a_clear_error(source_database: Database, tmp_path: Path) -> None:
    roles = Roles(source_database)
    with pytest.raises(InputError, match=r"permission denied|must be able to SET ROLE"):
        deliver_reports(roles.url("reader"), DAY, {})


def test_the_documented_queries_run(database: Database) -> None:
    """Every documented query over the published tables runs on the schema."""
    with connect(database.url, autocommit=True) as connection:
        migrate(connection)
    text = (ROOT / "docs" / "postgresql.md").read_text()
    examples = [block.split("```")[0] for block in text.split("```sql\n")[1:]]
    published = [query for block in examples for query in block.split(";") if "acquisition." in query]
    assert len(published) >= 4
    for query in published:
        assert database.run(query) == []
