"""Runs `make production-like`: webserver, daemon and code server on a real PostgreSQL, until interrupted.

The instance's settings are left to deploy/dagster.yaml.

With DAGSTER_PG_HOST (and _PORT, _USER, _PASSWORD, _DB) set, runs are stored on that server. Otherwise a temporary
server is started and removed at the end; unless ACQUISITION_PUBLISH_URL is set, it also receives what is published.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
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

ROOT = Path(__file__).resolve().parents[1]
HOST = "127.0.0.1"
DATABASES = ("dagster", "acquisition")
READY_SECONDS = 180
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
    parser.add_argument("--check", action="store_true", help="stop as soon as everything answers")
    options = parser.parse_args()
    for interrupt in (signal.SIGINT, signal.SIGTERM):  # a shell starts background processes with SIGINT ignored
        signal.signal(interrupt, signal.default_int_handler)
    address = f"http://{HOST}:{options.port or _free_port()}"
    with contextlib.suppress(KeyboardInterrupt), _postgres() as settings, _home() as home:
        environment = {**os.environ, **settings, **home}
        with _services(environment, address) as services:
            _wait_until_ready(address, services)
            sys.stdout.write(f"Dagster answers at {address}; Ctrl-C stops it\n")
            sys.stdout.flush()
            while not options.check:
                _still_running(services)
                time.sleep(1)
    return 0


@contextlib.contextmanager
def _postgres() -> Iterator[dict[str, str]]:
    """Yield the environment variables of the given server, or of a temporary one."""
    if os.environ.get("DAGSTER_PG_HOST"):
        yield {"DAGSTER_PG_PORT": os.environ.get("DAGSTER_PG_PORT", "5432")}
        return
    server = Server()
    try:
        server.start()
        with psycopg.connect(server.url(), autocommit=True) as connection:
            for database in DATABASES:
                connection.execute(f"create database {database}".encode())
        yield {
            "DAGSTER_PG_HOST": HOST,
            "DAGSTER_PG_PORT": str(server.port),
            "DAGSTER_PG_USER": "postgres",
            "DAGSTER_PG_PASSWORD": server.password,
            "DAGSTER_PG_DB": "dagster",
            "ACQUISITION_PUBLISH_URL": os.environ.get("ACQUISITION_PUBLISH_URL") or server.url(database="acquisition"),
        }
    finally:
        server.remove()


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
