"""Protects publication from real faults: no partial day, a clear error, and a retry that succeeds."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest

from acquisition_assets.core.errors import AcquisitionError, InputError, SourceUnavailableError
from acquisition_assets.destinations.postgres import count_rows, deliver_reports, deliver_table
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES

from .conftest import PASSWORD, ROOT, Background, Database, make_database, wait_until
from .test_publish import rows_of

DAY = dt.date(2026, 9, 30)
LOCK = f"acquisition.dynamic_scores/{DAY}"
SLOW_INSERT = """
create function acquisition.wait() returns trigger language plpgsql as 'begin perform pg_sleep(0.1); return new; end';
create trigger wait before insert on acquisition.dynamic_scores for each row execute function acquisition.wait();
"""
INSERTING = (
    "select pid from pg_stat_activity where query like 'insert into \"acquisition\"%' and wait_event = 'PgSleep'"
)
COPYING = "select pid from pg_stat_activity where query ilike 'copy staging%' and pid <> pg_backend_pid()"
KILLED = """
import datetime, sys
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.destinations.postgres import deliver_table
deliver_table(sys.stdin.readline().strip(), DYNAMIC_SCORES, datetime.date(2026, 9, 30), sys.argv[1])
"""


@pytest.fixture
def files(tmp_path: Path) -> dict[int, Path]:
    """Return files with this many scores."""
    made = {count: tmp_path / f"{count}.parquet" for count in (5, 40)}
    for count, file in made.items():
        pq.write_table(rows_of(DYNAMIC_SCORES, count), file)
    return made


@pytest.fixture
def published(database: Database, files: dict[int, Path]) -> Database:
    """Return a database that has the day already, with 5 rows."""
    deliver_table(database.url, DYNAMIC_SCORES, DAY, files[5])
    return database


def failure(url: str, file: Path) -> AcquisitionError:
    """Return the error of a publication, after checking everything that is printed of it."""
    with pytest.raises(AcquisitionError) as caught:
        deliver_table(url, DYNAMIC_SCORES, DAY, file)
    assert "\n" not in str(caught.value)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    return caught.value


def assert_old_day_then_retry(database: Database, files: dict[int, Path]) -> None:
    """Assert that the day is whole and old, nothing is left behind, and a retry replaces it."""
    assert count_rows(database.url, "dynamic_scores", DAY) == 5
    assert database.run("select row_count from acquisition.published_days") == [(5,)]
    wait_until(lambda: not database.run("select 1 from pg_locks where locktype = 'advisory'"))
    database.run("drop function if exists acquisition.wait() cascade")
    assert deliver_table(database.url, DYNAMIC_SCORES, DAY, files[40]) == 40
    assert count_rows(database.url, "dynamic_scores", DAY) == 40


def test_connection_cut_while_rows_are_inserted(published: Database, files: dict[int, Path]) -> None:
    published.run(SLOW_INSERT)
    publishing = Background(lambda: failure(published.url, files[40]))
    (pid,) = wait_until(lambda: published.run(INSERTING))[0]
    published.run("select pg_terminate_backend(%s)", pid)
    error = publishing.result()
    assert isinstance(error, SourceUnavailableError)
    assert "terminating connection due to administrator command" in str(error)
    assert_old_day_then_retry(published, files)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_server_stopped_while_rows_are_inserted(fragile_server: Any, files: dict[int, Path], mode: str) -> None:
    database = make_database(fragile_server)
    deliver_table(database.url, DYNAMIC_SCORES, DAY, files[5])
    database.run(SLOW_INSERT)
    publishing = Background(lambda: failure(database.url, files[40]))
    wait_until(lambda: database.run(INSERTING))
    fragile_server.stop(mode)
    try:
        assert isinstance(publishing.result(), SourceUnavailableError)
        assert "Connection refused" in str(failure(database.url, files[40]))
    finally:
        fragile_server.start()
    assert_old_day_then_retry(database, files)


@contextlib.contextmanager
def day_locked(database: Database) -> Iterator[None]:
    """Hold the day, so that a publication stops between staging and replacing the day."""
    with psycopg.connect(database.url) as other:
        other.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [LOCK])
        yield


def waiting_backend(database: Database) -> int:
    query = "select pid from pg_locks where locktype = 'advisory' and not granted"
    return int(wait_until(lambda: database.run(query))[0][0])


def test_process_killed_between_staging_and_commit(published: Database, files: dict[int, Path]) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with day_locked(published):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(files[40])], stdin=subprocess.PIPE, text=True, env=environment
        )
        assert process.stdin is not None
        process.stdin.write(published.url + "\n")
        process.stdin.flush()
        waiting_backend(published)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdin.close()
    assert_old_day_then_retry(published, files)


def test_day_locked_for_too_long(published: Database, files: dict[int, Path]) -> None:
    with day_locked(published):
        error = failure(published.url + "?options=-c%20lock_timeout%3D200", files[40])
    assert isinstance(error, SourceUnavailableError)
    assert "canceling statement due to lock timeout" in str(error)
    assert_old_day_then_retry(published, files)


def test_disk_quota(cramped_server: Any, files: dict[int, Path], tmp_path: Path) -> None:
    database = make_database(cramped_server)
    deliver_table(database.url, DYNAMIC_SCORES, DAY, files[5])
    pq.write_table(rows_of(DYNAMIC_SCORES, 150_000), tmp_path / "many.parquet")
    error = failure(database.url, tmp_path / "many.parquet")
    assert isinstance(error, SourceUnavailableError)
    assert "File too large" in str(error)
    assert_old_day_then_retry(database, files)


def test_read_only_server(published: Database, files: dict[int, Path]) -> None:
    published.run(f"alter database {published.name} set default_transaction_read_only = on")
    error = failure(published.url, files[40])
    assert isinstance(error, InputError)
    assert "read-only transaction; it takes no writes: name the primary server" in str(error)
    make_database(published.server).run(f"alter database {published.name} reset all")
    assert_old_day_then_retry(published, files)


def test_wrong_password(published: Database, files: dict[int, Path]) -> None:
    error = failure(published.as_role("postgres", "hunter2"), files[40])
    assert isinstance(error, InputError)
    assert "password authentication failed" in str(error)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("drop table acquisition.dynamic_scores cascade", 'relation "acquisition.dynamic_scores" does not exist'),
        ("alter table acquisition.dynamic_scores drop column score cascade", 'column "score" does not exist'),
        (
            "drop view acquisition.current_dynamic_scores; alter table acquisition.dynamic_scores alter score type "
            "boolean using true",
            'invalid input syntax for type boolean: "',
        ),
        ("revoke insert on acquisition.dynamic_scores from publisher", "permission denied for table dynamic_scores"),
    ],
)
def test_schema_changed_by_hand(published: Database, files: dict[int, Path], change: str, message: str) -> None:
    role = f"publisher_{published.name}"
    published.run(
        f"create role {role} login password '{PASSWORD}'; grant usage on schema acquisition to {role};"
        f"grant select, insert, update, delete on all tables in schema acquisition to {role}"
    )
    published.run(change.replace("publisher", role))
    error = failure(published.as_role(role), files[40])
    assert isinstance(error, InputError)
    assert message in str(error)
    assert published.run("select row_count from acquisition.published_days") == [(5,)]


class Cut(io.BytesIO):
    """A file whose reader loses its database connection while the last part is read."""

    def __init__(self, file: Path, database: Database) -> None:
        super().__init__(file.read_bytes())
        self._database = database
        self.cut = 0

    def read(self, size: int | None = -1, /) -> bytes:
        found = self._database.run(COPYING) if not self.cut else []
        if found:
            self.cut = int(found[0][0])
            self._database.run("select pg_terminate_backend(%s)", self.cut)
        return super().read(size)


def test_connection_cut_while_rows_are_staged(published: Database, files: dict[int, Path], tmp_path: Path) -> None:
    pq.write_table(rows_of(DYNAMIC_SCORES, 20_000), tmp_path / "many.parquet", row_group_size=2_000)
    file = Cut(tmp_path / "many.parquet", published)
    with pytest.raises(SourceUnavailableError):
        deliver_table(published.url, DYNAMIC_SCORES, DAY, file)
    assert file.cut
    assert_old_day_then_retry(published, files)


def test_report_that_is_not_json(database: Database) -> None:
    deliver_reports(database.url, DAY, {"anomaly_detection": "{}"})
    with pytest.raises(InputError, match="invalid input syntax for type json"):
        deliver_reports(database.url, DAY, {"anomaly_detection": "{", "dynamic_scoring_system": "{}"})
    assert database.run("select task, report from acquisition.reports") == [("anomaly_detection", {})]
