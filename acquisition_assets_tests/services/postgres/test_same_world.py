"""Protects the equality of sources: files and PostgreSQL give the same rows, and publishing changes none."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi
import dagster as dg
import duckdb
import psycopg
import pyarrow.parquet as pq
import pytest

from acquisition_assets.catalog import DELIVERED, REPORTS
from acquisition_assets.commands.day import run_day
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.settings import Settings
from acquisition_assets.definitions import build_defs
from acquisition_assets.inputs.source import Source
from acquisition_assets.raw.contract import EVENT_DAYS
from acquisition_assets.sources.files import FileSource
from acquisition_assets.sources.postgres import PostgresSource
from acquisition_assets.sources.sample import LAST_DAY, world
from acquisition_assets_tests.kit import random_world
from acquisition_assets_tests.kit.running import compute_day, snapshot

from .conftest import PASSWORD, SQL, Database, make_database

FINGERPRINT = "fingerprint"
"""The column of event_days that each kind of source makes in its own way."""
DAYS = [LAST_DAY - dt.timedelta(days=1), LAST_DAY]
OWN_TABLES = """
create table status_history (seq bigint, lead_id text, status text, changed_at timestamp);
create table ad_costs (seq bigint, day date, channel text, utm_campaign text, amount numeric(12, 3), currency text);
create table merged_contacts (given_up text, kept text);
"""
OWN_QUERIES = {
    "status_changes": "select lead_id, status, changed_at from status_history order by seq",
    "spend": "select day, channel, utm_campaign, amount, currency from ad_costs order by seq",
    "aliases": "select given_up as alias_id, kept as lead_id from merged_contacts order by given_up",
}
"""What the product's schema does not keep comes from tables of the team, through queries of its own."""

DELIVERIES = """
create table content_engagement as
select
    row_number() over (order by delivery_id) as engagement_id,
    any_value(lead_id) as lead_id,
    any_value(e.content_type) as content_type,
    any_value(e.content_id) as content_id,
    any_value(title) as content_title,
    case
        when bool_or(event_type = 'bounced') then 'failed'
        when bool_or(event_type = 'completed') then 'completed'
        when bool_or(event_type = 'opened') then 'opened'
        else 'sent'
    end as status,
    min(occurred_at) filter (event_type = 'sent') as sent_at,
    min(occurred_at) filter (event_type = 'opened') as opened_at,
    min(occurred_at) filter (event_type = 'clicked') as clicked_at,
    min(occurred_at) filter (event_type = 'completed') as completed_at
from sample_events as e
left join sample_content as c on c.content_id = e.content_id
where not is_machine and delivery_id is not null
group by delivery_id
union all
values
    (900001, 'nobody', 'blog', 'b', 'B', 'sent', timestamptz '2026-09-29 10:00+00', null, null, null),
    (900002, 'nobody', 'blog', 'b', 'B', 'clicked', timestamptz '2026-09-30 10:00+00', null, null, null),
    (900003, 'nobody', 'blog', 'b', 'B', 'scheduled', null, null, null, null),
    (900004, 'former', 'blog', 'b', 'B', 'sent', timestamptz '2026-09-30 11:00+00', null, null, null)
"""
LEADS = """
create table organic_leads as
select
    lead_id, email, source, utm_source, utm_medium, utm_campaign, interest_area, status, engagement_score,
    referrer_lead_id, created_at, engaged_at, created_at as updated_at
from sample_leads
union all
values
    ('bad-1', 'x@example.com', null, null, null, null, null, 'paused', 1.0, null, timestamptz '2026-09-01', null,
     timestamptz '2026-09-01'),
    ('bad-cell', null, 'ORGANIC ', null, null, null, null, 'new', -1.0, null, timestamptz '2026-09-01', null,
     timestamptz '2026-09-01')
"""
CONTENT = """
select content_id, content_type, content_title as title, min(sent_at) as published_at
from content_engagement where sent_at is not null group by all order by content_id
"""
# Money with three decimals, a campaign without a channel, and a negative amount.
COSTS = """
select row_number() over () as seq, * from (
    select day, channel, null as utm_campaign, round(amount + 0.005, 3)::decimal(12, 3) as amount, currency
    from sample_spend
    union all
    values (date '2026-09-30', null, 'autumn', 12.345, 'EUR'), (date '2026-09-29', 'linkedin_ads', null, -1, 'EUR')
)
"""
MERGED = """
select 'old-' || lead_id as alias_id, lead_id from (select lead_id from sample_leads order by lead_id limit 5)
union all values ('former', 'bad-cell')
"""
FILES = {
    "leads": "select * from organic_leads",
    "events": " union all ".join(
        f"select engagement_id || ':{kind}' as event_id, lead_id, engagement_id as delivery_id, "
        f"'{kind}' as event_type, content_id, content_type, {time} as occurred_at from content_engagement where {rows}"
        for kind, time, rows in (
            ("sent", "sent_at", "sent_at is not null"),
            ("opened", "opened_at", "opened_at is not null"),
            ("clicked", "clicked_at", "clicked_at is not null or status = 'clicked'"),
            ("completed", "completed_at", "completed_at is not null"),
            ("bounced", "sent_at", "status = 'failed'"),
        )
    ),
    "referrals": "select * from sample_referrals",
    "content": CONTENT,
    "status_changes": "select * from sample_status_changes",
    "spend": f"select * exclude (seq) from ({COSTS})",
    "aliases": MERGED,
}
COPIED = {
    "organic_leads": "select * from organic_leads",
    "content_engagement": "select * from content_engagement",
    "referrals": "select * from sample_referrals",
    "status_history": "select row_number() over () as seq, * from sample_status_changes",
    "ad_costs": COSTS,
    "merged_contacts": f"select alias_id as given_up, lead_id as kept from ({MERGED})",
}


def with_least_rights(database: Database) -> str:
    """Return the URL of a user with only those roles of roles.sql that a run needs."""
    user = f"etl_{database.name}"
    database.run("revoke create on schema public from public; revoke all on database " + database.name + " from public")
    database.run((SQL / "roles.sql").read_text())
    database.run(
        f"create role {user} login password '{PASSWORD}'; grant acquisition_source, acquisition_writer to {user};"
        "grant select on status_history, ad_costs, merged_contacts to acquisition_source"
    )
    return database.as_role(user)


def make_sources(database: Database, folder: Path) -> tuple[Source, Source, str]:
    """Make one small world as a folder of files and as a database; return both, and the database's URL."""
    files, queries = folder / "files", folder / "queries"
    files.mkdir()
    shutil.copytree(SQL / "source", queries)
    for name, query in OWN_QUERIES.items():
        (queries / f"{name}.sql").write_text(query)
    database.run((SQL / "source_schema.sql").read_text() + OWN_TABLES)
    with duckdb.connect() as connection, psycopg.connect(database.url) as target:
        connection.execute("set TimeZone = 'UTC'")
        for name, table in world(leads=300).items():
            connection.register(f"sample_{name}", table)
        connection.execute(DELIVERIES)
        connection.execute(LEADS)
        for name, query in FILES.items():
            connection.execute(f"copy ({query}) to '{files}/{name}.parquet' (format parquet)")
        for name, query in COPIED.items():
            connection.execute(f"copy ({query}) to '{folder}/{name}.csv' (header)")
            columns = (folder / f"{name}.csv").read_text().splitlines()[0]
            with target.cursor().copy(f"copy {name} ({columns}) from stdin (format csv, header)".encode()) as copy:
                copy.write((folder / f"{name}.csv").read_bytes())
    url = with_least_rights(database)
    return FileSource(files), PostgresSource(url, queries=queries), url


def materialise(source: Source, lake: Path, publish_url: str | None = None) -> None:
    """Run the graph for the days, and publish it if a destination is given."""
    settings = Settings(lake=str(lake), start_date="2026-06-03", publish_url=publish_url)
    definitions = build_defs(settings, source=source, lake=Lake(str(lake)))
    with dg.DagsterInstance.ephemeral() as instance:
        for day in DAYS:
            outcome = run_day(definitions, day, instance)
            assert not outcome.failures
            if publish_url:
                assert {f"published_{contract.table}" for contract in DELIVERED} <= set(outcome.published)


@pytest.fixture(scope="module")
def runs(server: object, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Database]:
    """Run the graph on the files and on the database; return both lakes, and where the second was published."""
    folder = tmp_path_factory.mktemp("world")
    database = make_database(server)
    files, postgres, url = make_sources(database, folder)
    materialise(files, folder / "lake_of_files")
    materialise(postgres, folder / "lake_of_postgres", url)
    return folder / "lake_of_files", folder / "lake_of_postgres", database


def test_files_and_the_database_give_the_same_tables_and_reports(runs: tuple[Path, Path, Database]) -> None:
    ours, theirs, _ = runs
    partitions = sorted(path.relative_to(ours) for path in ours.glob("*/date=*/*.parquet"))
    assert partitions == sorted(path.relative_to(theirs) for path in theirs.glob("*/date=*/*.parquet"))
    assert {path.parts[0] for path in partitions} >= {contract.table for contract in DELIVERED} | {
        "raw_events",
        "quarantine",
    }
    for table in sorted({path.parts[0] for path in partitions}):
        # The database counts the times of its deliveries, where a failed one has no time of its own.
        # The start of a run is its own.
        # The queries of the database deliver columns that the files do not have.
        left_out = {
            EVENT_DAYS.table: f"rows_read, {FINGERPRINT}",
            "source_state": "read_at",
            "quarantine": '"row"',
        }.get(table)
        columns = f"* exclude ({left_out})" if left_out else "*"
        rows = [
            f"select {columns} from read_parquet('{lake}/{table}/*/*.parquet', hive_types = {{'date': DATE}})"
            for lake in (ours, theirs)
        ]
        for one, other in (rows, reversed(rows)):
            assert not duckdb.execute(f"{one} except all {other} limit 3").fetchall(), table
    for day in DAYS:
        for task in (report.task for report in REPORTS):
            name = Path("reports") / f"date={day}" / f"{task}.json"
            assert (ours / name).read_text() == (theirs / name).read_text()


def test_bad_rows_of_the_database_are_quarantined(runs: tuple[Path, Path, Database]) -> None:
    _, lake, _ = runs
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select source_table, row_key, reason from '{lake}/quarantine/date={LAST_DAY}/*.parquet' order by all"
        ).fetchall()
    assert rows == [
        ("events", "900001:sent", "unknown lead"),
        ("events", "900002:clicked", "missing required value"),
        ("events", "900002:sent", "unknown lead"),
        ("leads", "bad-1", "unknown word"),
        ("spend", "row 482", "unparsable value"),
    ]


def test_a_score_out_of_range_costs_the_cell_and_not_the_lead(runs: tuple[Path, Path, Database]) -> None:
    _, lake, _ = runs
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select engagement_score from '{lake}/raw_leads/date={LAST_DAY}/*.parquet' where lead_id = 'bad-cell'"
        ).fetchall()
    assert rows == [(0.0,)]


@pytest.mark.parametrize("contract", DELIVERED, ids=lambda contract: contract.table)
def test_published_tables_equal_those_in_the_lake(runs: tuple[Path, Path, Database], contract: object) -> None:
    _, lake, database = runs
    table, columns = contract.table, list(contract.columns)  # type: ignore[attr-defined]
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        expected = connection.execute(
            f"select date, {', '.join(columns)} "
            f"from read_parquet('{lake}/{table}/*/*.parquet', hive_types = {{'date': DATE}})"
        ).fetchall()
    published = database.run(f"set timezone = 'UTC'; select date, {', '.join(columns)} from acquisition.{table}")
    assert sorted(map(repr, map(plain, published))) == sorted(map(repr, map(plain, expected)))


def in_text(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows whose cells are all text."""
    return [{name: None if cell is None else str(cell) for name, cell in row.items()} for row in rows]


@pytest.mark.parametrize("seed", [2, 9, 11, 17])  # with all tables, as text and typed
def test_a_random_dirty_world_gives_the_same_tables(database: Database, tmp_path: Path, seed: int) -> None:
    """User tables with awkward texts, broken cells, repeated rows and typed columns, run after run.

    Each run reads all events again, as a database does not notice every change of a day long past. Only the ingestion
    reads the source, so it is the only step that is run.
    """
    world = random_world.make(seed, leads=(5, 30), events=12)
    files, queries = tmp_path / "files", tmp_path / "queries"
    queries.mkdir()
    postgres = PostgresSource(database.url, queries=queries)
    for number, day in enumerate(world.days):
        typed = world.form == "typed.parquet"
        tables = world.seen(number) if typed else {name: in_text(rows) for name, rows in world.seen(number).items()}
        random_world.write(files, tables, "typed.parquet" if typed else "text.parquet")
        with adbc_driver_postgresql.dbapi.connect(database.url, autocommit=True) as target, target.cursor() as cursor:
            for file in files.iterdir():
                cursor.adbc_ingest(f"my_{file.stem}", pq.read_table(file), mode="replace")
                (queries / f"{file.stem}.sql").write_text(f"select * from my_{file.stem}")
        runs = [
            compute_day(files, tmp_path / name, day, world.zone, full=True, source=source, last_step="ingest")
            for name, source in (("lake_of_files", None), ("lake_of_postgres", postgres))
        ]
        assert runs[0].failed == runs[1].failed
        assert comparable(tmp_path / "lake_of_files") == comparable(tmp_path / "lake_of_postgres")


def comparable(lake: Path) -> dict[str, list[str]]:
    """Return a lake's content without the fingerprints of event_days."""
    return {
        name: sorted(re.sub(f"'{FINGERPRINT}': [^,]+, ", "", row) for row in rows)
        if name.startswith(f"{EVENT_DAYS.table}/")
        else rows
        for name, rows in snapshot(lake).items()
    }


def plain(row: tuple[object, ...]) -> list[object]:
    """Return a row whose instants compare by value, whatever their time zone class."""
    return [value.timestamp() if isinstance(value, dt.datetime) else value for value in row]


def test_published_reports(runs: tuple[Path, Path, Database]) -> None:
    _, lake, database = runs
    for task, report in database.run("select task, report from acquisition.current_reports"):
        assert report == json.loads((lake / "reports" / f"date={LAST_DAY}" / f"{task}.json").read_text())


def test_only_our_own_schema_was_written(runs: tuple[Path, Path, Database]) -> None:
    _, _, database = runs
    written = database.run(
        "select schemaname, relname from pg_stat_all_tables "
        "where schemaname not in ('pg_catalog', 'information_schema') "
        "and schemaname !~ '^pg_(toast|temp)' and n_tup_ins + n_tup_upd + n_tup_del > 0"
    )
    filled_by_the_test = {("public", name) for name in COPIED}
    assert {schema for schema, _ in set(written) - filled_by_the_test} == {"acquisition"}
    counts = database.run("select (select count(*) from organic_leads), (select count(*) from status_history)")
    assert counts[0][0] == 302
