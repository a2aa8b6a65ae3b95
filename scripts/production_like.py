"""Runs `make production-like`: webserver, daemon and code server on a real PostgreSQL, until interrupted.

The instance's settings are left to deploy/dagster.yaml.

With DAGSTER_PG_HOST (and _PORT, _USER, _PASSWORD, _DB) set, runs are stored on that server. Otherwise a temporary
server is started and removed at the end; unless ACQUISITION_PUBLISH_URL is set, it also receives what is published.
The last days of the sample are run first, unless ACQUISITION_SOURCE names another source.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from postgres_server import Server

from acquisition_assets.commands.console import console
from acquisition_assets.commands.deployment import read_settings
from acquisition_assets.commands.run import prepare
from acquisition_assets.commands.ui import require_free, show_sample
from acquisition_assets.core.errors import InputError
from acquisition_assets.sources.choose import SAMPLE

ROOT = Path(__file__).resolve().parents[1]
HOST = "127.0.0.1"
DATABASES = ("dagster", "acquisition")
READY_SECONDS = 180
SHOWN = "select lead_id, score from acquisition.current_dynamic_scores order by score desc limit 5"
STATE = """
{
  workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError { __typename } } } }
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } }
}
"""


def main() -> int:
    """Start everything, wait until it answers, and stop it on Ctrl-C (or at once with --check)."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", type=int, default=3000, help="port of the UI (0: any free one)")
    parser.add_argument("--days", type=int, default=4, help="days of the sample to run first (0: none)")
    parser.add_argument("--check", action="store_true", help="stop as soon as everything answers")
    parser.add_argument("--only-days", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only_days is not None:
        return _only_days(options.only_days)
    port = options.port or _free_port()
    try:
        require_free(HOST, port)
    except InputError:
        raise SystemExit(f"error: port {port} is taken; choose another with make production-like PORT=3001") from None
    address = f"http://{HOST}:{port}"
    for interrupt in (signal.SIGINT, signal.SIGTERM):  # a shell starts background processes with SIGINT ignored
        signal.signal(interrupt, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), _postgres() as (settings, psql), _home() as home:
        environment = {**_sample_lake(), **os.environ, **settings, **home}
        _run_sample(environment, options.days)
        with _services(environment, address) as services:
            _wait_until_ready(address, services)
            if psql:
                sys.stdout.write(f"The published tables: {psql}\n")
            sys.stdout.write(f"The assets: {address}/asset-groups\nDagster answers at {address}; Ctrl-C stops it\n")
            sys.stdout.flush()
            while not options.check:
                _still_running(services)
                time.sleep(1)
    return 0


def _sample_lake() -> dict[str, str]:
    """Return the lake of `make run` and `make ui`, which is used if the environment names no source."""
    return {} if os.environ.get("ACQUISITION_SOURCE") else {"ACQUISITION_LAKE": str(ROOT / "lake" / "sample")}


def _run_sample(environment: dict[str, str], days: int) -> None:
    """Run the sample's last days, if it is the source, in a process of its own, whose memory is free afterwards.

    Raises:
        SystemExit: A day failed.
    """
    if not days or environment.get("ACQUISITION_SOURCE", SAMPLE) != SAMPLE:
        return
    command = [sys.executable, __file__, "--only-days", str(days)]
    if subprocess.run(command, cwd=ROOT, env=environment).returncode:
        raise SystemExit("the days of the sample could not be run; see the messages above")


def _only_days(days: int) -> int:
    """Run the days for `_run_sample`; return the exit code."""
    return 0 if show_sample(prepare(read_settings()), days, console()) else 1


@contextlib.contextmanager
def _postgres() -> Iterator[tuple[dict[str, str], str]]:
    """Yield the environment variables of the given server, or of a temporary one, and a command that shows its tables.

    The command is empty if the tables are published elsewhere, as the URL may hold a password.
    """
    if os.environ.get("DAGSTER_PG_HOST"):
        yield {"DAGSTER_PG_PORT": os.environ.get("DAGSTER_PG_PORT", "5432")}, ""
        return
    server = Server()
    try:
        server.start()
        with psycopg.connect(server.url(), autocommit=True) as connection:
            for database in DATABASES:
                connection.execute(f"create database {database}".encode())
        given, own = os.environ.get("ACQUISITION_PUBLISH_URL"), server.url(database="acquisition")
        settings = {
            "DAGSTER_PG_HOST": HOST,
            "DAGSTER_PG_PORT": str(server.port),
            "DAGSTER_PG_USER": "postgres",
            "DAGSTER_PG_PASSWORD": server.password,
            "DAGSTER_PG_DB": "dagster",
            "ACQUISITION_PUBLISH_URL": given or own,
        }
        yield settings, "" if given else _psql(server, own)
    finally:
        server.remove()


def _psql(server: Server, url: str) -> str:
    """Return the command that lists some of the published rows, with the password of the temporary server."""
    program = "psql" if shutil.which("psql") else str(server.program_folder / "psql")
    return shlex.join([program, url, "-c", SHOWN])


@contextlib.contextmanager
def _home() -> Iterator[dict[str, str]]:
    """Yield DAGSTER_HOME with the instance's settings, and the address of the code server."""
    home = ROOT / ".dagster_home" / "production"  # its parent is the home of `acquisition ui`
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "deploy" / "dagster.yaml", home / "dagster.yaml")
    yield {
        "DAGSTER_HOME": str(home),
        "DAGSTER_COMPUTE_LOGS": str(home / "compute_logs"),
        "DAGSTER_CODE_HOST": HOST,
        "DAGSTER_CODE_PORT": str(_free_port()),
        "PYTHONWARNINGS": "ignore",
    }


@contextlib.contextmanager
def _services(environment: dict[str, str], address: str) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Run the three processes; the code server starts first and stops last."""
    workspace = str(ROOT / "deploy" / "workspace.yaml")
    port = address.rsplit(":", 1)[1]
    commands = {
        "code server": [
            *("dagster", "code-server", "start", "-h", HOST, "-p", environment["DAGSTER_CODE_PORT"]),
            *("-m", "acquisition_assets.definitions", "-d", str(ROOT)),
        ],
        "daemon": ["dagster-daemon", "run", "-w", workspace],
        "webserver": ["dagster-webserver", "-h", HOST, "-p", port, "-w", workspace],
    }
    services: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, (program, *arguments) in commands.items():
            path = Path(sys.executable).with_name(program)
            # A separate session: Ctrl-C reaches only this script, which then stops the processes in order.
            services[name] = subprocess.Popen([path, *arguments], cwd=ROOT, env=environment, start_new_session=True)
            if name == "code server":
                _wait_for_port(int(environment["DAGSTER_CODE_PORT"]), services)
        yield services
    finally:
        for process in reversed(services.values()):
            process.terminate()
        for process in reversed(services.values()):
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()


def _wait_for_port(port: int, services: dict[str, subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        _still_running(services)
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return
        time.sleep(0.2)
    raise SystemExit(f"the code server did not answer within {READY_SECONDS} s")


def _wait_until_ready(address: str, services: dict[str, subprocess.Popen[bytes]]) -> None:
    """Wait until the UI answers, the code location is loaded and every daemon is healthy."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        _still_running(services)
        with contextlib.suppress(OSError, ValueError):
            if _is_ready(_ask(address)):
                return
        time.sleep(1)
    raise SystemExit(f"not ready within {READY_SECONDS} s; see the log above")


def _is_ready(state: dict[str, Any]) -> bool:
    entries = state["workspaceOrError"]["locationEntries"]
    if any(entry["locationOrLoadError"]["__typename"] == "PythonError" for entry in entries):
        raise SystemExit("the code location cannot be loaded; its error is in the log above")
    daemons = state["instance"]["daemonHealth"]["allDaemonStatuses"]
    return bool(entries) and all(daemon["healthy"] or not daemon["required"] for daemon in daemons)


def _ask(address: str) -> dict[str, Any]:
    content = json.dumps({"query": STATE}).encode()
    request = urllib.request.Request(f"{address}/graphql", content, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return dict(json.load(answer)["data"])


def _still_running(services: dict[str, subprocess.Popen[bytes]]) -> None:
    for name, process in services.items():
        if process.poll() is not None:
            raise SystemExit(f"the {name} ended with exit code {process.returncode}; its error is in the log above")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
