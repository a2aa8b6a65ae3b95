"""Here: the production instance on a real PostgreSQL: its services start, run a day of the sample, and publish it.

Not here: what the day's rows are.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from acquisition_assets.publish.tables import PUBLISHED
from acquisition_assets.sources.sample import LAST_DAY

from .conftest import ROOT, Database, make_database, wait_until

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


@pytest.fixture
def storage(server: Any) -> Database:
    """The database that Dagster keeps its runs in."""
    return make_database(server)


@pytest.fixture
def ui(server: Any, storage: Database, database: Database, tmp_path: Path) -> Iterator[Ui]:
    """The services, started as `make production-like` does."""
    environment = {
        **os.environ,
        "DAGSTER_PG_HOST": "127.0.0.1",
        "DAGSTER_PG_PORT": str(server.port),
        "DAGSTER_PG_USER": "postgres",
        "DAGSTER_PG_PASSWORD": server.password,
        "DAGSTER_PG_DB": storage.name,
        "ACQUISITION_SOURCE": "sample",
        "ACQUISITION_LAKE": str(tmp_path / "lake"),
        "ACQUISITION_PUBLISH_URL": database.url,
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
    assert server.password not in "".join(lines)


def test_a_day_runs_in_the_queue_and_is_published(ui: Ui, storage: Database, database: Database) -> None:
    tags = [{"key": "dagster/partition", "value": LAST_DAY.isoformat()}, {"key": "acquisition/chain", "value": "daily"}]
    launched = ui.ask(LAUNCH, tags=tags)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run = launched["run"]["runId"]

    def ended() -> str:
        status = str(ui.ask(STATUS, id=run)["runOrError"]["status"])
        return status if status in ("SUCCESS", "FAILURE", "CANCELED") else ""

    assert wait_until(ended, 200) == "SUCCESS"
    assert storage.run("select status from runs where run_id = %s", run) == [("SUCCESS",)]
    published = database.run("select table_name from acquisition.published_days where date = %s", LAST_DAY)
    assert {name for (name,) in published} == {"reports", *(contract.table for contract in PUBLISHED)}
    with psycopg.connect(storage.url) as connection:
        events = connection.execute("select event from event_logs").fetchall()
    assert not any("s3cret" in event for (event,) in events)
