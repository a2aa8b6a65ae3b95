"""Starts a real `dagster dev` (webserver, daemon, code server) for a test, and calls its GraphQL API.

What a test does with it is left to test_dagster_ui.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acquisition_assets.automation.jobs import CHAIN_TAG
from acquisition_assets.commands.ui import DAGSTER_YAML
from acquisition_assets_tests.kit.servers import free_port, wait_for

ROOT = Path(__file__).resolve().parents[3]
LOCATION = "acquisition_assets"
REPOSITORY = "__repository__"
START_SECONDS = 180

LAUNCH_BACKFILL = """
mutation Backfill($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId launchedRunIds }
    ... on PythonError { message }
    ... on UnauthorizedError { message }
    ... on InvalidSubsetError { message }
    ... on PartitionKeysNotFoundError { message }
  }
}"""
LAUNCH_RUN = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}"""
RUNS = """
query Runs {
  runsOrError(limit: 200) {
    ... on Runs { results { runId jobName status startTime endTime assetSelection { path } tags { key value } } }
  }
}"""
INSTIGATORS = """
query Instigators($selector: RepositorySelector!) {
  schedulesOrError(repositorySelector: $selector) {
    ... on Schedules { results { name scheduleState { status } } }
  }
  sensorsOrError(repositorySelector: $selector) {
    ... on Sensors {
      results { name sensorState { status ticks(limit: 50) { status skipReason timestamp error { message stack } } } }
    }
  }
}"""


@dataclass(frozen=True)
class Run:
    """A run as the GraphQL API reports it."""

    run_id: str
    job: str
    status: str
    started: float
    ended: float
    tags: Mapping[str, str]
    assets: tuple[str, ...]

    @property
    def partition(self) -> str | None:
        """Return the partition of the run, or None."""
        return self.tags.get("dagster/partition")


@dataclass(frozen=True)
class DagsterServer:
    """A running `dagster dev`."""

    url: str
    log: Path
    process: subprocess.Popen[bytes]

    def graphql(self, query: str, **variables: Any) -> Any:
        """Return the data of a query."""
        request = urllib.request.Request(
            f"{self.url}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            answered = json.load(answer)
        if answered.get("errors"):
            raise RuntimeError(json.dumps(answered["errors"])[:2000])
        return answered["data"]

    def launch(self, job: str, day: str) -> str:
        """Launch a job for a day with the job's tags, as the UI does; return the run's id."""
        selector = {"repositoryName": REPOSITORY, "repositoryLocationName": LOCATION, "jobName": job}
        tags = [{"key": "dagster/partition", "value": day}, *({"key": k, "value": v} for k, v in CHAIN_TAG.items())]
        params = {"selector": selector, "executionMetadata": {"tags": tags}}
        answered = self.graphql(LAUNCH_RUN, params=params)["launchRun"]
        if answered["__typename"] != "LaunchRunSuccess":
            raise RuntimeError(f"the run was refused: {answered}")
        return str(answered["run"]["runId"])

    def backfill(self, days: Sequence[str], *, job: str | None = None, assets: Sequence[str] = ()) -> str:
        """Launch a backfill of a job, or of assets; return its id."""
        params: dict[str, Any] = {"partitionNames": list(days)}
        if job:
            params["selector"] = {
                "partitionSetName": f"{job}_partition_set",
                "repositorySelector": {"repositoryName": REPOSITORY, "repositoryLocationName": LOCATION},
            }
        else:
            params["assetSelection"] = [{"path": [asset]} for asset in assets]
        answered = self.graphql(LAUNCH_BACKFILL, params=params)["launchPartitionBackfill"]
        if answered["__typename"] != "LaunchBackfillSuccess":
            raise RuntimeError(f"the backfill was refused: {answered}")
        return str(answered["backfillId"])

    def runs(self) -> list[Run]:
        """Return all runs, newest first."""
        return [
            Run(
                run["runId"],
                run["jobName"],
                run["status"],
                run["startTime"] or 0.0,
                run["endTime"] or 0.0,
                {tag["key"]: tag["value"] for tag in run["tags"]},
                tuple("/".join(key["path"]) for key in run["assetSelection"] or ()),
            )
            for run in self.graphql(RUNS)["runsOrError"]["results"]
        ]

    def instigators(self) -> dict[str, Any]:
        """Return schedules and sensors by name, with their state and ticks."""
        answered = self.graphql(
            INSTIGATORS, selector={"repositoryName": REPOSITORY, "repositoryLocationName": LOCATION}
        )
        schedules, sensors = answered["schedulesOrError"]["results"], answered["sensorsOrError"]["results"]
        return {
            **{schedule["name"]: schedule["scheduleState"] for schedule in schedules},
            **{sensor["name"]: sensor["sensorState"] for sensor in sensors},
        }

    def answers(self) -> bool:
        """Return whether the code location is loaded."""
        if self.process.poll() is not None:
            raise RuntimeError(f"dagster dev ended with {self.process.returncode}:\n{self.log.read_text()[-3000:]}")
        try:
            answered = self.graphql("{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }")
        except (urllib.error.URLError, ConnectionError, TimeoutError, RuntimeError):
            return False
        return bool(answered["repositoriesOrError"].get("nodes"))


@contextlib.contextmanager
def dagster_dev(folder: Path, environment: Mapping[str, str]) -> Iterator[DagsterServer]:
    """Start `dagster dev` on free ports with a private instance in the folder, and stop it at the end."""
    home, log, port = folder / "dagster_home", folder / "dagster.log", free_port()
    home.mkdir()
    (home / "dagster.yaml").write_text(DAGSTER_YAML)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ACQUISITION_", "DAGSTER_"))}
    given = {
        **clean,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{clean.get('PATH', '')}",  # dagster starts `dagster-daemon`
        "PYTHONPATH": os.pathsep.join(part for part in (str(ROOT), clean.get("PYTHONPATH")) if part),
        "PYTHONWARNINGS": "ignore",
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        **environment,
    }
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(ROOT / "workspace.yaml")]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=given,
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # Where the tests are started in the background SIGINT is ignored, and dagster would inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    server = DagsterServer(f"http://127.0.0.1:{port}", log, process)
    try:
        wait_for("answer of dagster dev", server.answers, START_SECONDS)
        yield server
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop dagster dev and its children, which form a process group."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(30)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
