"""Protects the production instance on a real PostgreSQL: its services start, run a day, publish it and stop."""

from __future__ import annotations

import importlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from acquisition_assets.automation.jobs import DAILY_JOB
from acquisition_assets.catalog import DELIVERED

from .conftest import ROOT, Database, make_database, wait_until
from .test_postgres_source import ROWS

DAY = "2026-06-05"
PRINTED = ROOT / ".dagster_home" / "production" / "compute_logs"
SECRETS = ("s3cret", "ss%2Fword")

LAUNCH = """
mutation ($tags: [ExecutionTag!]) {
  launchRun(executionParams: {
    selector: {
      repositoryLocationName: "acquisition_assets", repositoryName: "__repository__", jobName: "daily_acquisition"
    }
    executionMetadata: {tags: $tags}
  }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}
"""
TABLES = "select tablename from pg_tables where schemaname = 'public'"
STATUS = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"


class Ui:
    """The GraphQL interface of a running webserver."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, query: str, **variables: Any) -> Any:
        content = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.address}/graphql", content, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]


def readable(rows: list[tuple[Any, ...]]) -> str:
    """Return the text of rows; Dagster compresses the snapshots of its jobs."""
    values = (value for row in rows for value in row)
    return "\n".join(zlib.decompress(value).decode() if isinstance(value, bytes) else str(value) for value in values)


@pytest.fixture
def storage(server: Any) -> Database:
    """Return the database that stores Dagster's runs."""
    return make_database(server)


def processes(*options: str) -> str:
    """Return the command line of every process."""
    return subprocess.run(["ps", "axww", *options, "-o", "command"], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def ui(server: Any, storage: Database, source_database: Database, tmp_path: Path) -> Iterator[Ui]:
    """Start the services as `make production-like` does, with one database as source and target."""
    lake = tmp_path / "lake"
    environment = {
        **os.environ,
        "DAGSTER_PG_HOST": "127.0.0.1",
        "DAGSTER_PG_PORT": str(server.port),
        "DAGSTER_PG_USER": "postgres",
        "DAGSTER_PG_PASSWORD": server.password,
        "DAGSTER_PG_DB": storage.name,
        "ACQUISITION_SOURCE": source_database.url,
        "ACQUISITION_LAKE": str(lake),
        "ACQUISITION_PUBLISH_URL": source_database.url,
        "ACQUISITION_START_DATE": "2026-06-01",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, str(ROOT / "scripts" / "production_like.py"), "--port", "0"]
    process = subprocess.Popen(
        command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    lines: list[str] = []
    assert process.stdout is not None
    reading = threading.Thread(target=lambda: lines.extend(process.stdout or []), daemon=True)
    reading.start()
    try:
        found = wait_until(
            lambda: re.search(r"Dagster answers at (\S+);", "".join(lines)) or process.poll() is not None, 200
        )
        assert isinstance(found, re.Match), "".join(lines)
        yield Ui(found[1])
    finally:
        process.terminate()
        process.wait(90)
        reading.join(10)
    assert process.returncode == 0, "".join(lines)
    assert f"The assets: {found[1]}/asset-groups" in "".join(lines)
    assert "psql" not in "".join(lines)  # the tables are published to a database with a password of its own
    assert not any(secret in "".join(lines) for secret in SECRETS)
    wait_until(lambda: str(lake) not in processes("e"))  # its settings are in the environment of each


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return scripts/production_like.py as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return importlib.import_module("production_like")


def test_the_printed_command_shows_the_published_rows(script: Any, server: Any, source_database: Database) -> None:
    source_database.run("create schema acquisition")
    source_database.run("create view acquisition.current_dynamic_scores as select 'ana' as lead_id, 87.5 as score")
    command = script._psql(server, source_database.url)
    shown = subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout
    assert ["ana", "|", "87.5"] in [line.split() for line in shown.splitlines()]


def test_a_taken_port_is_named_before_anything_starts(script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(sys, "argv", ["production_like.py", "--port", str(port)])
        with pytest.raises(SystemExit, match=f"port {port} is taken; choose another with make production-like PORT="):
            script.main()


def test_the_sample_has_its_own_lake_and_another_source_none(script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACQUISITION_SOURCE", raising=False)
    assert script._sample_lake() == {"ACQUISITION_LAKE": str(ROOT / "lake" / "sample")}
    monkeypatch.setenv("ACQUISITION_SOURCE", "postgresql://127.0.0.1/crm")
    assert script._sample_lake() == {}


def test_a_day_runs_in_the_queue_and_is_published(
    ui: Ui, storage: Database, source_database: Database, tmp_path: Path
) -> None:
    source_database.run(ROWS)
    tags = [{"key": "dagster/partition", "value": DAY}, {"key": "acquisition/chain", "value": "daily"}]
    launched = ui.ask(LAUNCH, tags=tags)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run = launched["run"]["runId"]
    listed: set[str] = set()

    def ended() -> str:
        listed.update(processes().splitlines())
        status = str(ui.ask(STATUS, id=run)["runOrError"]["status"])
        return status if status in ("SUCCESS", "FAILURE", "CANCELED") else ""

    assert str(tmp_path / "lake") in processes("e")
    assert wait_until(ended, 200) == "SUCCESS"
    assert storage.run("select status from runs where run_id = %s", run) == [("SUCCESS",)]
    published = source_database.run("select table_name from acquisition.published_days where date = %s", DAY)
    assert {name for (name,) in published} == {"reports", *(contract.table for contract in DELIVERED)}
    assert any("dagster" in line for line in listed)
    kept = {
        "the list of processes": "\n".join(listed),
        "what the steps print": "".join(file.read_text() for file in PRINTED.rglob(f"*{run}*/**/*.*")),
        **{table: readable(storage.run(f"select * from {table}")) for (table,) in storage.run(TABLES)},
    }
    assert {"runs", "event_logs", "run_tags", "snapshots"} <= set(kept)
    assert all(run in kept[place] for place in ("runs", "event_logs", "what the steps print"))
    assert DAILY_JOB in kept["snapshots"]
    assert [place for place, text in kept.items() if any(secret in text for secret in SECRETS)] == []
