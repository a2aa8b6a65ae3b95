"""Protects what the PostgreSQL source reads: tables, delivery events, requested times, time zones, one snapshot.

Faults are tested in test_postgres_source_faults.py.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import psycopg
import pytest

from acquisition_assets.core.errors import InputError, SourceUnavailableError
from acquisition_assets.inputs.source import ROW_PLACE, TABLES, RawTable, Wanted
from acquisition_assets.inputs.tables import INPUTS
from acquisition_assets.sources.layouts.library import read_layout
from acquisition_assets.sources.postgres import PostgresSource, windowed

from .conftest import SQL, Background, Database, wait_until

UTC = dt.timezone.utc
OPTIONAL = ("referrer_url", "landing_url", "click_ids", "converted_at", "inactive_at", "unsubscribed_at")
EVERYTHING = Wanted(dt.datetime(2026, 7, 1, tzinfo=UTC), ((None, dt.datetime(2026, 7, 1, tzinfo=UTC)),))
ROWS = """
insert into organic_leads
(lead_id, email, source, utm_source, interest_area, status, engagement_score, referrer_lead_id, engaged_at, created_at)
values
(
    '1', 'ana@example.com', 'organic', null, 'marketing', 'engaged', 3.5, null, '2026-06-05 10:00',
    '2026-06-01 09:30:15.25'
),
('2', '', 'Referral', 'x', null, 'new', null, '1', null, '2026-06-02');
insert into content_engagement
(engagement_id, lead_id, content_type, content_id, content_title, status, sent_at, opened_at, clicked_at, completed_at)
values
(
    1, '1', 'blog', 'b1', 'Uno', 'completed', '2026-06-01 10:00', '2026-06-01 11:00', '2026-06-01 11:05',
    '2026-06-03 12:00'
),
(2, '2', 'guide', 'g1', 'Guía', 'sent', '2026-06-02 10:00', null, null, null),
(3, '2', null, null, null, 'scheduled', null, null, null, null),
(4, '2', 'guide', 'g1', 'Guía nueva', 'failed', '2026-06-04 10:00', null, null, null),
(5, '1', 'guide', 'g2', 'Nunca enviada', 'failed', null, null, null, null),
(6, '1', 'video', 'v1', 'Vídeo', 'opened', '2026-06-05 10:00', null, null, null);
insert into referrals values
('r1', '1', 'luis@example.com', 'validated', '2026-06-02 08:00', '2026-06-03 08:00'),
('r2', '2', null, 'fraud', '2026-06-04', null);
"""


@contextlib.contextmanager
def opened(
    source: PostgresSource, scratch: Path, wanted: Wanted = EVERYTHING
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Mapping[str, RawTable]]]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        with source.open(connection, scratch, wanted) as tables:
            yield connection, tables


def read(source: PostgresSource, scratch: Path, table: str, columns: str, wanted: Wanted = EVERYTHING) -> list[Any]:
    with opened(source, scratch, wanted) as (connection, tables):
        return connection.execute(f"select {columns} from {named(tables[table])}").fetchall()


def named(table: RawTable) -> str:
    """The rows of a table under the names of its columns."""
    listed = ", ".join(f"{table.cell(name)} as {name}" for name in table.columns)
    return f"(select {listed}{f', {ROW_PLACE}' if table.tells_place else ''} from {table.relation})"


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_tables_and_types(source_database: Database, tmp_path: Path) -> None:
    source_database.run(ROWS)
    source = PostgresSource(source_database.url)
    assert source.check() == []
    with opened(source, tmp_path) as (connection, tables):
        assert tuple(tables) == TABLES
        assert tables["leads"].columns["engagement_score"] == "DOUBLE"
        assert tables["leads"].columns["created_at"] == "TIMESTAMP WITH TIME ZONE"
        columns = "email, source, engagement_score, referrer_lead_id, created_at, engaged_at"
        leads = connection.execute(f"select {columns} from {named(tables['leads'])} order by lead_id").fetchall()
        counts = {
            name: connection.execute(f"select count(*) from {t.relation}").fetchall()[0][0]
            for name, t in tables.items()
        }
    nothing = dict.fromkeys(TABLES, 0)
    assert counts == {**nothing, "leads": 2, "events": 9, "referrals": 2, "content": 3}
    assert leads == [
        ("ana@example.com", "organic", 3.5, None, at("2026-06-01 09:30:15.250"), at("2026-06-05 10:00")),
        ("", "Referral", None, "1", at("2026-06-02"), None),
    ]


def test_optional_columns_are_read_where_the_database_has_them(source_database: Database, tmp_path: Path) -> None:
    """A database that was made before they were documented has none of them; the queries are the same."""
    known = [name for name in INPUTS["leads"].columns if name.name in OPTIONAL]
    source_database.run(
        ROWS + "update organic_leads set converted_at = '2026-06-06', landing_url = 'https://x.example'"
    )
    source, columns = PostgresSource(source_database.url), ", ".join(column.name for column in known)
    [row, _] = read(source, tmp_path, "leads", columns)
    assert {value for value in row if value is not None} >= {at("2026-06-06")}
    for table, names in {"organic_leads": OPTIONAL, "referrals": ["updated_at"]}.items():
        source_database.run(f"alter table {table} {', '.join(f'drop column {name}' for name in names)}")
    assert source.check() == []
    assert read(source, tmp_path, "leads", columns) == [(None,) * len(known)] * 2
    assert len(read(source, tmp_path, "referrals", "referral_id")) == 2


CRM = """
create table people (id bigint, mail text, stage text, joined text, points text, won timestamp);
insert into people values
(1, 'ana@example.com', ' Prospect', '01.06.2026 09:30', '3,5', null),
(2, null, 'Kunde', '02.06.2026 10:00', '-', '2026-06-05 10:00');
create table mail_log (id bigint, person bigint, kind text, happened bigint);
insert into mail_log values (1, 1, 'delivered', 1780300800000), (2, 1, 'odd', 1780300860000);
"""
PEOPLE = """
name: crm
title: People of the CRM
decimal: ","
timezone: Europe/Madrid
recognised_by: [stage, joined]
tables:
  leads:
    columns:
      lead_id: id
      email: mail
      status: {from: stage, words: {prospect: new, kunde: converted}}
      engagement_score: points
      created_at: {from: joined, time: "%d.%m.%Y %H:%M"}
      converted_at: won
  events:
    columns:
      event_id: id
      lead_id: person
      event_type: {from: kind, words: {delivered: sent}}
      occurred_at: {from: happened, time: epoch_ms}
"""


def test_words_and_times_by_a_layout(source_database: Database, tmp_path: Path) -> None:
    source_database.run(CRM)
    for name, query in (("leads", "select * from people"), ("events", "select * from mail_log")):
        (tmp_path / f"{name}.sql").write_text(query, encoding="utf-8")
    path = tmp_path / "crm.yaml"

    def source(text: str) -> PostgresSource:
        path.write_text(text, encoding="utf-8")
        return PostgresSource(source_database.url, queries=tmp_path, layouts=[read_layout(path)])

    crm = source(PEOPLE)
    assert not [warning for warning in crm.check() if "leads" in warning or "events" in warning]
    columns = "lead_id, email, status, engagement_score, created_at, converted_at"
    assert read(crm, tmp_path, "leads", columns) == [
        (1, "ana@example.com", "new", "3.5", "2026-06-01 07:30:00+00", None),
        (2, None, "converted", "-", "2026-06-02 08:00:00+00", "2026-06-05 10:00:00+00"),
    ]
    assert read(crm, tmp_path, "events", "event_id, lead_id, event_type, occurred_at") == [
        (1, 1, "sent", "2026-06-01 08:00:00+00"),
        (2, 1, "odd", "2026-06-01 08:01:00+00"),
    ]
    with opened(crm, tmp_path) as (_, tables):
        assert tables["leads"].origins["status"] == (("leads.sql", "stage"),)
    for wrong, words in {
        PEOPLE.replace("from: joined", "from: since"): "needs the column since; the query has id, mail, stage",
        PEOPLE.replace('"%d.%m.%Y %H:%M"', '["%d/%m/%Y", "%m/%d/%Y"]'): "choose either %d/%m/%Y or %m/%d/%Y",
        PEOPLE.replace("  events:", "  referrals:")
        .replace("event_id: id", "referral_id: id")
        .replace("lead_id: person", "referrer_lead_id: person")
        .replace("event_type", "status")
        .replace("occurred_at", "created_at"): "speaks of referrals, but",
        PEOPLE.replace("  events:", "  events:\n    when: {column: kind, is: there}"): "leave several mappings, when",
    }.items():
        with pytest.raises(InputError, match=re.escape(words)):
            source(wrong).check()


def test_fingerprints_of_days_change_with_their_events_only(source_database: Database) -> None:
    source_database.run(ROWS)
    source, day = PostgresSource(source_database.url), dt.date(2026, 6, 5)
    before = source.day_fingerprints(day, ZoneInfo("UTC"))
    assert {found: text.split()[0] for found, text in before.items()} == {
        dt.date(2026, 6, 1): "3",
        dt.date(2026, 6, 2): "1",
        dt.date(2026, 6, 3): "1",
        dt.date(2026, 6, 4): "1",
        dt.date(2026, 6, 5): "1",
    }
    changes = {
        "insert into content_engagement (engagement_id, lead_id, status, sent_at) "
        "values (11, '1', 'sent', '2026-06-02 09:00')": 2,
        "update content_engagement set opened_at = '2026-06-04 23:59:59' where engagement_id = 2": 4,
        "delete from content_engagement where engagement_id = 4": 4,
        "insert into content_engagement (engagement_id, lead_id, status, sent_at) "
        "values (12, '1', 'sent', '2026-06-06'), (13, '1', 'sent', '2026-05-01')": None,
    }
    for change, changed in changes.items():
        source_database.run(change)
        after = source.day_fingerprints(day, ZoneInfo("UTC"))
        assert {found.day for found in {*before, *after} if before.get(found) != after.get(found)} == (
            {changed} if changed else set()
        )
        before = after


def test_fingerprints_are_of_business_days_and_found_by_indexes(source_database: Database) -> None:
    source_database.run(ROWS)
    source = PostgresSource(source_database.url, "America/Bogota")  # 10:00 there is 00:00 of the next day in Tokyo
    found = source.day_fingerprints(dt.date(2026, 6, 30), ZoneInfo("Asia/Tokyo"))
    assert min(found) == dt.date(2026, 6, 2)
    source_database.run_file(SQL / "source_indexes.sql")
    day = Wanted(at("2026-06-05"), ((at("2026-05-01"), at("2026-06-05")),))
    query = windowed((SQL / "source" / "event_days.sql").read_text(), day).replace("$day(happened_at)", "happened_at")
    plan = "\n".join(str(row[0]) for row in source_database.run(f"set enable_seqscan = off; explain {query}"))
    assert "Seq Scan on" not in plan


def test_a_database_of_any_bytes_is_read_in_one_go(server: Any, tmp_path: Path) -> None:
    """A byte that is not UTF-8 is kept as its escape; it costs no other row and no retry."""
    name = "any_bytes"
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"create database {name} encoding 'SQL_ASCII' template template0 locale 'C'".encode())
    database = Database(server, name)
    database.run((SQL / "source_schema.sql").read_text() + ROWS)
    database.run(
        "insert into organic_leads (lead_id, email) "
        "values ('3', convert_from('\\x4a6f73e9', 'SQL_ASCII')), ('4', 'José');"
        "insert into content_engagement (engagement_id, lead_id, content_type, status, sent_at) "
        "values (11, convert_from('\\xe9', 'SQL_ASCII'), 'blog', 'sent', '2026-06-02')"
    )
    source = PostgresSource(database.url)
    assert source.check() == []
    emails = dict(read(source, tmp_path, "leads", "lead_id, email"))
    assert emails == {"1": "ana@example.com", "2": "", "3": r"Jos\xE9", "4": "José"}
    assert r"\xE9" in {lead for (lead,) in read(source, tmp_path, "events", "lead_id")}


def test_a_delivery_becomes_its_events(source_database: Database, tmp_path: Path) -> None:
    source_database.run(ROWS)
    rows = read(
        PostgresSource(source_database.url),
        tmp_path,
        "events",
        "event_id, lead_id, delivery_id, event_type, content_id, content_type, occurred_at",
    )
    assert sorted(rows) == [
        ("1:clicked", "1", 1, "clicked", "b1", "blog", at("2026-06-01 11:05")),
        ("1:completed", "1", 1, "completed", "b1", "blog", at("2026-06-03 12:00")),
        ("1:opened", "1", 1, "opened", "b1", "blog", at("2026-06-01 11:00")),
        ("1:sent", "1", 1, "sent", "b1", "blog", at("2026-06-01 10:00")),
        ("2:sent", "2", 2, "sent", "g1", "guide", at("2026-06-02 10:00")),
        ("4:bounced", "2", 4, "bounced", "g1", "guide", at("2026-06-04 10:00")),
        ("4:sent", "2", 4, "sent", "g1", "guide", at("2026-06-04 10:00")),
        ("6:opened", "1", 6, "opened", "v1", "video", None),
        ("6:sent", "1", 6, "sent", "v1", "video", at("2026-06-05 10:00")),
    ]


def test_content_is_as_it_was_first_sent(source_database: Database, tmp_path: Path) -> None:
    """A later title must not change a past day's catalogue, nor may an item that was never sent be in it."""
    source_database.run(ROWS)
    rows = read(
        PostgresSource(source_database.url), tmp_path, "content", "content_id, content_type, title, published_at"
    )
    assert rows == [
        ("b1", "blog", "Uno", at("2026-06-01 10:00")),
        ("g1", "guide", "Guía", at("2026-06-02 10:00")),
        ("v1", "video", "Vídeo", at("2026-06-05 10:00")),
    ]


def test_content_is_the_same_with_its_index_and_without(source_database: Database, tmp_path: Path) -> None:
    """Items sent at the same time under several titles, and sendings that lack something, in random order."""
    chance = random.Random(7)
    sendings = [
        (
            chance.choice([None, "", "a", "A", "á", "b", "item 10", "item 9"]),
            chance.choice([None, "blog", "guide"]),
            chance.choice([None, "Uno", "Dos", "tres"]),
            chance.choice([None, at("2026-06-01"), at("2026-06-02"), at("2026-06-03")]),
        )
        for _ in range(120)
    ]
    with psycopg.connect(source_database.url) as connection:
        connection.cursor().executemany(
            "insert into content_engagement (lead_id, content_id, content_type, content_title, sent_at) "
            "values ('1', %s, %s, %s, %s)",
            sendings,
        )
    whole = [row for row in sendings if None not in row]
    expected = [
        min((row for row in whole if row[0] == item), key=lambda row: (row[3], row[1], row[2]))
        for item in sorted({str(row[0]) for row in whole})
    ]
    assert len(expected) == 7
    source, columns = PostgresSource(source_database.url), "content_id, content_type, title, published_at"
    assert read(source, tmp_path, "content", columns) == expected
    source_database.run_file(SQL / "source_indexes.sql")
    assert read(source, tmp_path, "content", columns) == expected


def test_only_deliveries_with_a_wanted_event_are_read(source_database: Database, tmp_path: Path) -> None:
    source_database.run(ROWS)
    days = [at("2026-06-02"), at("2026-06-03"), at("2026-06-04"), at("2026-06-05")]
    wanted = Wanted(days[3], ((days[0], days[1]), (days[2], days[3])))
    rows = read(PostgresSource(source_database.url), tmp_path, "events", "event_id", wanted)
    # 6:opened lacks its time, so every run reads it (with its delivery) and puts it into quarantine.
    assert sorted(rows) == [("2:sent",), ("4:bounced",), ("4:sent",), ("6:opened",), ("6:sent",)]


def test_a_day_is_found_through_the_indexes(source_database: Database) -> None:
    source_database.run_file(SQL / "source_indexes.sql")
    day = Wanted(at("2026-06-05"), ((at("2026-06-04"), at("2026-06-05")),))
    query = windowed((SQL / "source" / "events.sql").read_text(), day)
    # The table is empty; this setting makes reading all of it as expensive as for a large table.
    plan = "\n".join(str(row[0]) for row in source_database.run(f"set enable_seqscan = off; explain {query}"))
    assert "Seq Scan" not in plan
    for column in ("sent_at", "opened_at", "clicked_at", "completed_at", "without_time"):
        assert f"Bitmap Index Scan on content_engagement_{column}" in plan


def test_content_is_found_through_its_index(source_database: Database) -> None:
    source_database.run(
        "insert into content_engagement (lead_id, content_type, content_id, content_title, sent_at) "
        "select '1', 'blog', 'item ' || n % 20, 'Título', timestamp '2026-06-01' + n * interval '1 minute' "
        "from generate_series(1, 5000) as n; analyze content_engagement"
    )
    query = (SQL / "source" / "content.sql").read_text()

    def reading() -> str:
        plan = [str(line) for (line,) in source_database.run(f"explain (analyze) {query}")]
        return "\n".join(line for line in plan if "content_engagement" in line and "never executed" not in line)

    assert "Seq Scan on content_engagement" in reading()
    source_database.run_file(SQL / "source_indexes.sql")
    assert "Seq Scan on content_engagement" not in reading()
    assert "Index Scan using content_engagement_content" in reading()


def test_a_large_table_without_indexes_is_a_warning(source_database: Database) -> None:
    source_database.run(
        "insert into content_engagement (engagement_id, lead_id, status, sent_at) "
        "select n, '1', 'sent', timestamp '2020-01-01' from generate_series(1, 100100) as n; analyze content_engagement"
    )
    source = PostgresSource(source_database.url)
    (warning,) = source.check()
    assert "every day reads all of public.content_engagement" in warning
    assert "source_indexes.sql" in warning
    source_database.run_file(SQL / "source_indexes.sql")
    assert source.check() == []


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", "2026-06-01 09:30:15.25"),
        ("Europe/Madrid", "2026-06-01 07:30:15.25"),
        ("America/Bogota", "2026-06-01 14:30:15.25"),
    ],
)
def test_timestamps_without_zone(source_database: Database, tmp_path: Path, zone: str, expected: str) -> None:
    source_database.run(ROWS)
    rows = read(PostgresSource(source_database.url, zone), tmp_path, "leads", "created_at")
    assert rows[0][0] == dt.datetime.fromisoformat(expected.replace(".25", ".250")).replace(tzinfo=UTC)


def test_the_wanted_time_is_an_instant_in_every_zone(source_database: Database, tmp_path: Path) -> None:
    """Deliveries sent at 10:00 in Bogotá were sent at 15:00 UTC."""
    source_database.run(ROWS)
    source = PostgresSource(source_database.url, "America/Bogota")
    inside = Wanted(at("2026-06-02 16:00"), ((at("2026-06-02 14:00"), at("2026-06-02 16:00")),))
    outside = Wanted(at("2026-06-02 14:00"), ((at("2026-06-02 09:00"), at("2026-06-02 14:00")),))
    assert ("2:sent",) in read(source, tmp_path, "events", "event_id", inside)
    assert ("2:sent",) not in read(source, tmp_path, "events", "event_id", outside)


def test_all_tables_are_of_one_moment(source_database: Database, tmp_path: Path) -> None:
    """A lead and its delivery that are written while the leads are read are both left for the next run."""
    source_database.run(ROWS)
    source = PostgresSource(source_database.url)
    with psycopg.connect(source_database.url) as writer:
        writer.execute("lock table content_engagement in access exclusive mode")
        reading = Background(lambda: read(source, tmp_path, "events", "lead_id"))
        wait_until(lambda: source_database.run("select 1 from pg_locks where not granted"))
        writer.execute("insert into organic_leads (lead_id, created_at) values ('3', '2026-06-05')")
        writer.execute(
            "insert into content_engagement (engagement_id, lead_id, status, sent_at) "
            "values (9, '3', 'sent', '2026-06-05')"
        )
    lead_ids = {lead for (lead,) in reading.result()}
    # The lock was met before the moment was chosen or after it; either way no event may come without its lead.
    with duckdb.connect() as connection:
        leads = connection.execute(
            "select lead_id from read_parquet(?)", [str(tmp_path / "postgres_leads.parquet")]
        ).fetchall()
    assert lead_ids <= {lead for (lead,) in leads}


def test_queries_of_the_user(source_database: Database, tmp_path: Path) -> None:
    """Another schema: other names, enumerated words, numbers as ids, dates, a status history; no other tables."""
    source_database.run(
        "create type stage as enum ('lead', 'customer');"
        "create table crm (id int, stage stage, since date, score numeric(8, 2), extra jsonb);"
        "insert into crm values (7, 'customer', '2026-06-01', 2.50, '{}');"
        "create table history (seq int, id int, stage text, at timestamptz);"
        "insert into history values (2, 7, 'customer', '2026-06-02 12:00+02'), (1, 7, 'lead', '2026-06-02 12:00+02')"
    )
    folder = tmp_path / "queries"
    folder.mkdir()
    (folder / "leads.sql").write_text(
        "-- the CRM's people\n"
        "select id as lead_id, stage as status, score as engagement_score, since as created_at, extra\n"
        "from crm  -- all\n"
    )
    (folder / "status_changes.sql").write_text(
        "select id as lead_id, stage as status, at as changed_at from history order by at, seq"
    )
    source = PostgresSource(source_database.url, queries=folder)
    assert source.check() == [
        f"{folder} has no {table}.sql; {table} is taken as empty"
        for table in sorted(set(TABLES) - {"leads", "status_changes", "spend"})  # few databases have costs
    ]
    with opened(source, tmp_path) as (connection, tables):
        assert set(tables) == {"leads", "status_changes"}
        leads, changes = (
            connection.execute(f"select * exclude ({ROW_PLACE}) from {named(table)} order by {ROW_PLACE}").fetchall()
            for table in tables.values()
        )
    assert leads == [(7, "customer", "2.50", at("2026-06-01"))]
    assert changes == [(7, "lead", at("2026-06-02 10:00")), (7, "customer", at("2026-06-02 10:00"))]


def test_times_beyond_all_bounds_reach_the_checks(source_database: Database, tmp_path: Path) -> None:
    """PostgreSQL's infinity is a row for the quarantine, not the end of the run."""
    source_database.run("insert into organic_leads (lead_id, created_at) values ('1', 'infinity'), ('2', '-infinity')")
    rows = read(
        PostgresSource(source_database.url), tmp_path, "leads", "created_at between '0001-01-02' and '9999-12-31'"
    )
    assert rows == [(False,), (False,)]


def test_watermark_moves_with_every_kind_of_news(source_database: Database) -> None:
    source_database.run(ROWS)
    source = PostgresSource(source_database.url)
    seen = [source.watermark()]
    assert source.watermark() == seen[0]
    for change in (
        "update organic_leads set updated_at = updated_at + interval '1 second' where lead_id = '1'",
        "update content_engagement set opened_at = '2026-06-09' where engagement_id = 2",
        "insert into referrals values ('r3', '1', null, 'pending', '2026-06-08')",
        "update referrals set validated_at = '2026-06-09' where referral_id = 'r3'",
    ):
        source_database.run(change)
        seen.append(source.watermark())
    assert len(set(seen)) == len(seen)


def test_nothing_can_be_written(source_database: Database, tmp_path: Path) -> None:
    source_database.run("create sequence counter")
    (tmp_path / "leads.sql").write_text("select nextval('counter') as lead_id, 'new' as status, now() as created_at")
    with pytest.raises(SourceUnavailableError, match="read-only transaction"):
        read(PostgresSource(source_database.url, queries=tmp_path), tmp_path, "leads", "*")
