"""Protects users from unclear PostgreSQL errors: real faults give one clear line, and a retry succeeds."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from acquisition_assets.commands.day import run_day
from acquisition_assets.core import postgres as core_postgres
from acquisition_assets.core.errors import AcquisitionError, InputError, SourceUnavailableError
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.postgres import describe_url
from acquisition_assets.core.settings import Settings
from acquisition_assets.definitions import build_defs
from acquisition_assets.sources import postgres as postgres_source
from acquisition_assets.sources.postgres import PostgresSource

from .conftest import PASSWORD, ROOT, SQL, Background, Database, make_database, wait_until
from .test_postgres_source import ROWS, opened, read

SLOW = """
select n::text as lead_id, 'new' as status, timestamp '2026-06-01' as created_at, repeat('x', 2000) as email
from generate_series(1, 200000) as n where pg_sleep(0.0002) is not null
"""
CRAMPED = """
import datetime as dt, os, resource, sys
from pathlib import Path
import duckdb
from acquisition_assets.core.errors import AcquisitionError
from acquisition_assets.inputs.source import Wanted
from acquisition_assets.sources.postgres import PostgresSource
source = PostgresSource(os.environ["READ_URL"], queries=Path(sys.argv[1]))
day = dt.datetime(2026, 7, 1, tzinfo=dt.timezone.utc)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    with source.open(duckdb.connect(), Path(sys.argv[1]), Wanted(day, ((None, day),))):
        pass
except AcquisitionError as error:
    print(error)
    sys.exit(error.exit_code)
"""
STREAMING = """
select pid from pg_stat_activity where query like 'COPY%pg_sleep%' and state = 'active' and pid <> pg_backend_pid()
"""


def failure(source: PostgresSource, scratch: Path) -> AcquisitionError:
    """The error of a reading, after a look at all that is printed of it."""
    with pytest.raises(AcquisitionError) as caught:
        read(source, scratch, "leads", "*")
    assert "\n" not in str(caught.value)
    printed = "".join(traceback.format_exception(caught.value))
    for secret in (PASSWORD, "s3cret", "hunter2", "ss%2Fword"):
        assert secret not in printed
    return caught.value


def slow_source(database: Database, folder: Path) -> PostgresSource:
    """A source whose rows take half a minute, so that a fault can be made among them."""
    folder.mkdir()
    (folder / "leads.sql").write_text(SLOW)
    return PostgresSource(database.url, queries=folder)


def test_wrong_password(source_database: Database, tmp_path: Path) -> None:
    error = failure(PostgresSource(source_database.as_role("postgres", "hunter2")), tmp_path)
    assert isinstance(error, InputError)
    assert "password authentication failed" in str(error)
    assert "check host, port, user, password and database" in str(error)


def test_password_file(source_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source_database.run(ROWS)
    secret = PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
    file = tmp_path / "pgpass"
    file.write_text(f"127.0.0.1:{source_database.server.port}:*:postgres:{secret}\n")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    url = f"postgresql://postgres@127.0.0.1:{source_database.server.port}/{source_database.name}"
    assert len(read(PostgresSource(url), tmp_path, "leads", "*")) == 2


def test_service_file(source_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source_database.run(ROWS)
    file = tmp_path / "services"
    file.write_text(
        f"[crm]\nhost=127.0.0.1\nport={source_database.server.port}\nuser=postgres\n"
        f"dbname={source_database.name}\npassword={PASSWORD}\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    source = PostgresSource("postgresql://?service=crm")
    assert source.label == "postgresql service crm"
    assert len(read(source, tmp_path, "leads", "*")) == 2


def test_unknown_database(source_database: Database, tmp_path: Path) -> None:
    error = failure(PostgresSource(source_database.server.url(database="nowhere")), tmp_path)
    assert isinstance(error, InputError)
    assert 'database "nowhere" does not exist' in str(error)


def test_url_that_cannot_be_parsed() -> None:
    url = "".join(["postgresql://ana:", "hunter", "%zz2", "@host/db"])  # in parts, as the traceback shows this line
    with pytest.raises(InputError) as caught:
        PostgresSource(url)
    assert "percent-encode" in str(caught.value)
    assert "hunter" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("url", "described"),
    [
        ("postgresql://ana:hunter2@db:5433/crm?password=hunter2&sslmode=require", "postgresql://ana@db:5433/crm"),
        ("postgresql://ana:hunter2@one,two:5433/crm", "postgresql://ana@one,two:5433/crm"),
        ("host=db dbname=crm password=hunter2", "postgresql://db/crm"),
        ("postgresql://db/crm", "postgresql://db/crm"),
    ],
)
def test_a_described_url_holds_no_secret(url: str, described: str) -> None:
    assert describe_url(url) == described
    assert "hunter2" not in repr(PostgresSource(url))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://postgres:p@hunter2@localhost:5432/crm",
        "postgresql://postgres:hunter2@db@host:5432/crm",
        "postgresql://ana:hunter/2@host:5432/crm",
        "postgresql://ana:hunter2/crm",
        "postgresql://ana:x@host:hunter2/crm",
        "postgresql://ana@host/hunter2@crm",
        "host='x@hunter2' dbname=crm",
        "host=db port=hunter2",
        "postgresql://ana:x@host:99999/crm",
        "postgresql://ana:x@host,hun:ter2@other/crm",
    ],
)
def test_a_url_whose_parts_may_be_a_password_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(InputError, match="percent-encode") as refused:
        PostgresSource(url)
    text = str(refused.value)
    assert not any(part in text for part in ("hunter", "ter2", "crm", "99999"))


@pytest.mark.parametrize(
    ("url", "described"),
    [
        ("postgresql://ana@[::1]:5433/crm", "postgresql://ana@[::1]:5433/crm"),
        ("postgresql:///crm?host=/cloudsql/project:region:name", "postgresql:///cloudsql/project:region:name/crm"),
        ("postgresql://ana:p%40ss@db-1.example.com/crm", "postgresql://ana@db-1.example.com/crm"),
    ],
)
def test_urls_with_colons_in_their_place_are_taken(url: str, described: str) -> None:
    assert describe_url(url) == described


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://u@localhost:1/d?sslmode=bad", "sslmode"),
        ("postgresql://?service=nowhere", "nowhere"),
        ("postgresql://u@localhost:1/d?connect_timeout=soon", "connect_timeout"),
    ],
)
def test_settings_that_no_server_can_cure_are_wrong_input(url: str, words: str, tmp_path: Path) -> None:
    error = failure(PostgresSource(url), tmp_path)
    assert isinstance(error, InputError)
    assert words in str(error)


def test_missing_table(source_database: Database, tmp_path: Path) -> None:
    source_database.run("drop table referrals")
    error = failure(PostgresSource(source_database.url), tmp_path)
    assert isinstance(error, InputError)
    assert 'referrals.sql: relation "referrals" does not exist; create the table' in str(error)


def test_missing_column(source_database: Database, tmp_path: Path) -> None:
    source_database.run("alter table content_engagement drop column clicked_at")
    error = failure(PostgresSource(source_database.url), tmp_path)
    assert isinstance(error, InputError)
    assert 'events.sql: column "clicked_at" does not exist; add the column' in str(error)


def test_changed_type_of_a_searched_column(source_database: Database, tmp_path: Path) -> None:
    source_database.run("alter table content_engagement alter column sent_at type text")
    error = failure(PostgresSource(source_database.url), tmp_path)
    assert isinstance(error, InputError)
    assert "events.sql: operator does not exist: text < timestamp with time zone" in str(error)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("created_at type boolean using true", "created_at is BOOLEAN, but must be one of TIMESTAMP WITH TIME ZONE"),
        ("engagement_score type timestamp using now()", "engagement_score is TIMESTAMP WITH TIME ZONE, but must be"),
        ("status type integer using 1", "status is BIGINT, but must be one of VARCHAR"),
    ],
)
def test_changed_type(source_database: Database, tmp_path: Path, change: str, message: str) -> None:
    source_database.run(
        "alter table organic_leads alter column status drop default, alter column engagement_score drop default, "
        f"alter column created_at drop default; alter table organic_leads alter column {change}"
    )
    source = PostgresSource(source_database.url)
    with pytest.raises(InputError) as checked:
        source.check()
    for error in (failure(source, tmp_path), checked.value):
        assert isinstance(error, InputError)
        assert f"leads.sql: {message}" in str(error)
        assert "cast it in the query" in str(error)


def test_missing_required_column_of_a_query(source_database: Database, tmp_path: Path) -> None:
    (tmp_path / "leads.sql").write_text("select lead_id, status from organic_leads")
    with pytest.raises(InputError, match="required column created_at is missing; it has lead_id, status"):
        PostgresSource(source_database.url, queries=tmp_path).check()


def test_shape_that_does_not_fit(source_database: Database, tmp_path: Path) -> None:
    (tmp_path / "leads.sql").write_text((SQL / "source" / "leads.sql").read_text())
    (tmp_path / "events.sql").write_text("select engagement_id from content_engagement")
    (tmp_path / "shape").mkdir()
    (tmp_path / "shape" / "events.sql").write_text((SQL / "source" / "shape" / "events.sql").read_text())
    with pytest.raises(InputError, match=r"shape/events\.sql: .*sent_at.*adapt it to .*events\.sql"):
        PostgresSource(source_database.url, queries=tmp_path).check()


def test_folder_without_queries(source_database: Database, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no leads\.sql; point ACQUISITION_SOURCE_QUERIES"):
        PostgresSource(source_database.url, queries=tmp_path).check()


def test_permission_denied(source_database: Database, tmp_path: Path) -> None:
    source_database.run(f"create role outsider_{source_database.name} login password '{PASSWORD}'")
    source = PostgresSource(source_database.as_role(f"outsider_{source_database.name}"))
    error = failure(source, tmp_path)
    assert isinstance(error, InputError)
    assert "permission denied for table organic_leads; give the role the rights of sql/postgres/roles.sql" in str(error)
    source_database.run(f"grant select on all tables in schema public to outsider_{source_database.name}")
    assert read(source, tmp_path, "leads", "*") == []


def test_unknown_time_zone(source_database: Database, tmp_path: Path) -> None:
    error = failure(PostgresSource(source_database.url, "Europe/Atlantis"), tmp_path)
    assert isinstance(error, InputError)
    assert "Europe/Atlantis" in str(error)


def test_lock_held(source_database: Database, tmp_path: Path) -> None:
    """Somebody alters a table: the reader gives up after the lock time-out, and can be run again."""
    source = PostgresSource(source_database.url + "?options=-c%20lock_timeout%3D200")
    with psycopg.connect(source_database.url) as other:
        other.execute("lock table organic_leads in access exclusive mode")
        error = failure(source, tmp_path)
    assert isinstance(error, SourceUnavailableError)
    assert "canceling statement due to lock timeout" in str(error)
    assert read(source, tmp_path, "leads", "*") == []


def test_writers_are_never_blocked(source_database: Database, tmp_path: Path) -> None:
    source = slow_source(source_database, tmp_path / "queries")
    reading = Background(lambda: failure(source, tmp_path))
    (pid,) = wait_until(lambda: source_database.run(STREAMING))[0]
    source_database.run(
        "set lock_timeout = 1; insert into organic_leads (lead_id) values ('1'); delete from organic_leads"
    )
    source_database.run("select pg_terminate_backend(%s)", pid)
    reading.result()


def test_reader_gives_way_to_a_change_of_the_table(
    source_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who writes would wait behind who alters the table, who waits for the reader; so the reader ends."""
    monkeypatch.setattr(postgres_source, "PATIENCE_SECONDS", 0.5)
    folder = tmp_path / "queries"
    folder.mkdir()
    (folder / "leads.sql").write_text(
        "select lead_id, status, created_at from organic_leads where pg_sleep(0.01) is not null"
    )
    source_database.run("insert into organic_leads (lead_id) select n from generate_series(1, 5000) as n")
    source = PostgresSource(source_database.url, queries=folder)
    reading = Background(lambda: failure(source, tmp_path))
    wait_until(lambda: source_database.run(STREAMING))
    altering = Background(lambda: source_database.run("alter table organic_leads add column phone text"))
    wait_until(lambda: source_database.run("select 1 from pg_locks where mode = 'AccessExclusiveLock' and not granted"))
    writing = Background(lambda: source_database.run("insert into organic_leads (lead_id) values ('new')"))
    altering.result()
    writing.result()
    error = reading.result()
    assert isinstance(error, SourceUnavailableError)
    assert "gave way to a change of a table" in str(error)
    (folder / "leads.sql").write_text("select lead_id, status, created_at from organic_leads")
    assert len(read(source, tmp_path, "leads", "*")) == 5001


def test_reader_is_left_alone_by_who_only_waits_for_its_moment(
    source_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index that is built concurrently waits for old readers, and keeps no writer waiting."""
    monkeypatch.setattr(postgres_source, "PATIENCE_SECONDS", 0.25)
    folder = tmp_path / "queries"
    folder.mkdir()
    (folder / "leads.sql").write_text(
        "select lead_id, status, created_at from organic_leads where pg_sleep(0.005) is not null"
    )
    source_database.run("insert into organic_leads (lead_id) select n from generate_series(1, 300) as n")
    reading = Background(lambda: read(PostgresSource(source_database.url, queries=folder), tmp_path, "leads", "*"))
    wait_until(lambda: source_database.run(STREAMING))
    building = Background(lambda: source_database.run("create index concurrently late on organic_leads (status)"))
    wait_until(lambda: source_database.run("select 1 from pg_locks where locktype = 'virtualxid' and not granted"))
    assert len(reading.result()) == 300
    building.result()


def test_time_limit(source_database: Database, tmp_path: Path) -> None:
    source = slow_source(source_database, tmp_path / "queries")
    limited = PostgresSource(
        source_database.url + "?options=-c%20statement_timeout%3D500", queries=tmp_path / "queries"
    )
    error = failure(limited, tmp_path)
    assert isinstance(error, SourceUnavailableError)
    assert "canceling statement due to statement timeout" in str(error)
    assert repr(source) == repr(limited)


def test_connection_cut_while_rows_stream(source_database: Database, tmp_path: Path) -> None:
    source = slow_source(source_database, tmp_path / "queries")
    reading = Background(lambda: failure(source, tmp_path))
    (pid,) = wait_until(lambda: source_database.run(STREAMING))[0]
    source_database.run("select pg_terminate_backend(%s)", pid)
    error = reading.result()
    assert isinstance(error, SourceUnavailableError)
    assert "the rows broke off" in str(error)
    (tmp_path / "queries" / "leads.sql").write_text(SLOW.replace("200000", "3"))
    assert len(read(source, tmp_path, "leads", "*")) == 3


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_server_stopped_while_rows_stream(fragile_server: Any, tmp_path: Path, mode: str) -> None:
    database = make_database(fragile_server)
    source = slow_source(database, tmp_path / "queries")
    reading = Background(lambda: failure(source, tmp_path))
    wait_until(lambda: database.run(STREAMING))
    fragile_server.stop(mode)
    try:
        assert isinstance(reading.result(), SourceUnavailableError)
        error = failure(source, tmp_path)
        assert isinstance(error, SourceUnavailableError)
        assert "Connection refused" in str(error)
    finally:
        fragile_server.start()
    (tmp_path / "queries" / "leads.sql").write_text(SLOW.replace("200000", "3"))
    assert len(read(source, tmp_path, "leads", "*")) == 3


def test_server_that_does_not_answer(fragile_server: Any, tmp_path: Path) -> None:
    database = make_database(fragile_server)
    fragile_server.pause(True)
    try:
        error = failure(PostgresSource(database.url + "?connect_timeout=2"), tmp_path)
    finally:
        fragile_server.pause(False)
    assert isinstance(error, SourceUnavailableError)


def test_full_server(source_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No free connection is a matter of waiting: a little at once, and longer for who runs it again."""
    waited: list[float] = []
    monkeypatch.setattr(core_postgres.time, "sleep", waited.append)
    role = f"popular_{source_database.name}"
    source_database.run(f"create role {role} login password '{PASSWORD}' connection limit 1")
    source = PostgresSource(source_database.as_role(role))
    with psycopg.connect(source_database.as_role(role)):
        error = failure(source, tmp_path)
    assert isinstance(error, SourceUnavailableError)
    assert "too many connections" in str(error)
    assert waited == list(core_postgres.PAUSES)
    busy = psycopg.connect(source_database.as_role(role))
    monkeypatch.setattr(core_postgres.time, "sleep", lambda _: busy.close())
    with core_postgres.connect(source_database.as_role(role)) as session:
        assert session.execute("select 1").fetchall() == [(1,)]


def test_scratch_folder_that_cannot_be_written(source_database: Database, tmp_path: Path) -> None:
    """A local fault is not the server's, and is named."""
    (tmp_path / "postgres_leads.parquet").mkdir()
    error = failure(PostgresSource(source_database.url), tmp_path)
    assert not isinstance(error, SourceUnavailableError)
    assert "postgres_leads.parquet cannot be written" in str(error)


def test_full_scratch_disk(source_database: Database, tmp_path: Path) -> None:
    """Where the machine that reads has no room, as a limit to the size of its files shows."""
    (tmp_path / "leads.sql").write_text(
        "select md5(n::text) as lead_id, 'new' as status, timestamp '2026-06-01' as created_at "
        "from generate_series(1, 300000) as n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "READ_URL": source_database.url}
    done = subprocess.run(
        [sys.executable, "-c", CRAMPED, str(tmp_path)], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == AcquisitionError.exit_code, done.stderr
    assert "postgres_leads.parquet cannot be written" in done.stdout
    assert "File too large" in done.stdout
    assert "make room there" in done.stdout


def test_full_server_disk(source_database: Database, tmp_path: Path) -> None:
    """Where the server has no room to sort, as a limit to its temporary files shows."""
    (tmp_path / "leads.sql").write_text(
        "select repeat(md5(n::text), 30) as lead_id, 'new' as status, timestamp '2026-06-01' as created_at "
        "from generate_series(1, 100000) as n order by 1"
    )
    source = PostgresSource(source_database.url, queries=tmp_path)
    source_database.run(f"alter database {source_database.name} set temp_file_limit = '1MB'")
    error = failure(source, tmp_path)
    assert isinstance(error, SourceUnavailableError)
    assert "temporary file size exceeds" in str(error)
    source_database.run(f"alter database {source_database.name} reset all")
    assert len(read(source, tmp_path, "leads", "*")) == 100_000


def test_a_cut_extraction_changes_nothing_and_is_tried_again_by_itself(
    source_database: Database, tmp_path: Path
) -> None:
    """The whole graph: while its first reading is cut, the day is as it was; the second one replaces it."""
    folder, lake = tmp_path / "queries", Lake(str(tmp_path / "lake"))
    source = slow_source(source_database, folder)
    slow, quick = SLOW, SLOW.replace("200000", "3")
    (folder / "leads.sql").write_text(quick)
    day = dt.date(2026, 6, 1)
    definitions = build_defs(Settings(lake=str(tmp_path / "lake"), start_date="2026-06-01"), source=source)
    with dg.DagsterInstance.ephemeral() as instance:
        assert run_day(definitions, day, instance).exit_code == 0
        (folder / "leads.sql").write_text(slow)
        running = Background(lambda: run_day(definitions, day, instance))
        (pid,) = wait_until(lambda: source_database.run(STREAMING))[0]
        (folder / "leads.sql").write_text(quick.replace("3)", "4)"))
        source_database.run("select pg_terminate_backend(%s)", pid)
        assert lake.row_count("raw_leads", day) == 3
        outcome = running.result()
    assert outcome.failures == ()
    assert lake.row_count("raw_leads", day) == 4


def test_no_secret_in_the_process_title(source_database: Database, tmp_path: Path) -> None:
    source_database.run(ROWS)
    with opened(PostgresSource(source_database.url), tmp_path):
        titles = subprocess.run(["ps", "-axww", "-o", "args"], check=True, capture_output=True, text=True).stdout
    assert "s3cret" not in titles
    assert all("s3cret" not in name for (name,) in source_database.run("select application_name from pg_stat_activity"))
