"""Protects alerts end to end: four days with a drop of three, a real daemon, a receiver that is down for a while."""

from __future__ import annotations

import contextlib
import datetime as dt
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition_assets.automation.jobs import DAILY_JOB
from acquisition_assets.catalog import PRODUCTS
from acquisition_assets.core.settings import PREFIX, Settings
from acquisition_assets.definitions import build_defs
from acquisition_assets_tests.commands.conftest import call
from acquisition_assets_tests.kit.running import QUIET
from acquisition_assets_tests.kit.servers import free_port, wait_for

ROOT = Path(__file__).resolve().parents[3]
FIRST = dt.date(2026, 3, 2)
HISTORY_DAYS = 70
DROP = [FIRST + dt.timedelta(days=n) for n in range(3)]
AFTER = FIRST + dt.timedelta(days=3)
NEEDED = ("raw", "features", "anomalies", "metric_watch", "incidents")
SECONDS = 240
ENGLISH = ("New leads 72 % below expected, day 1", "Resolved: New leads 70 % below expected, day 3")


class Receiver:
    """A webhook that can be switched on; it keeps what it was sent."""

    def __init__(self) -> None:
        self.port = free_port()
        self.got: list[dict[str, Any]] = []

    @contextlib.contextmanager
    def up(self) -> Iterator[None]:
        """Listen."""
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()
        server.server_close()


def write_leads(folder: Path) -> None:
    """Write about 40 leads a day, and a quarter of that on the days of the drop."""
    rng = np.random.default_rng(5)
    rows = []
    for n in range(-HISTORY_DAYS, 4):
        day = FIRST + dt.timedelta(days=n)
        count = 40 + int(rng.integers(-5, 6)) if day not in DROP else 11 + n
        noon = dt.datetime(day.year, day.month, day.day, 12, tzinfo=dt.timezone.utc)
        rows += [{"lead_id": f"{day}-{k}", "status": "new", "source": "web", "created_at": noon} for k in range(count)]
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder / "leads.parquet")


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def environment(tmp_path: Path, receiver: Receiver) -> Mapping[str, str]:
    """Return the settings of a deployment with one target, for incidents."""
    write_leads(tmp_path / "source")
    policy = tmp_path / "policy.yaml"
    policy.write_text("incidents: {quiet_days: 1}\n", encoding="utf-8")
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
        "HOME": str(tmp_path),
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "ACQUISITION_SOURCE": str(tmp_path / "source"),
        "ACQUISITION_LAKE": str(tmp_path / "lake"),
        "ACQUISITION_POLICY": str(policy),
        "ACQUISITION_ALERT_URLS": f"growth=json://127.0.0.1:{receiver.port}/incidents",
    }


@contextlib.contextmanager
def daemon(folder: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """Run Dagster's daemon; yield its log."""
    log = folder / "daemon.log"
    command = [sys.executable, "-m", "dagster._daemon", "run", "-w", str(ROOT / "workspace.yaml")]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=dict(environment), cwd=folder, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield log
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def run(instance: dg.DagsterInstance, environment: Mapping[str, str], *days: dt.date) -> None:
    """Run the assets that incidents are made from, in this process, and keep their events where the daemon reads."""
    settings = Settings.from_environment({name: environment[name] for name in environment if name.startswith(PREFIX)})
    job = build_defs(settings).resolve_job_def(DAILY_JOB)
    wanted = [dg.AssetKey(table.table) for product in PRODUCTS if product.name in NEEDED for table in product.tables]
    for day in days:
        options = {"partition_key": str(day), "instance": instance, "run_config": QUIET, "asset_selection": wanted}
        assert job.execute_in_process(**options).success


def test_a_drop_of_three_days_is_told_once_and_its_end_once(
    tmp_path: Path, environment: Mapping[str, str], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dg.DagsterInstance.from_config(environment["DAGSTER_HOME"]) as instance, daemon(tmp_path, environment) as log:
        run(instance, environment, *DROP)
        wait_for("tick that fails", lambda: "did not take the alert" in log.read_text(errors="replace"), SECONDS)
        assert receiver.got == []
        with receiver.up():
            wait_for("first message", lambda: receiver.got, SECONDS)
            run(instance, environment, AFTER)
            wait_for("second message", lambda: len(receiver.got) > 1, SECONDS)
    opened, resolved = receiver.got
    assert opened["title"] == "Leads nuevos: 72 % por debajo de lo esperado, día 1"
    assert opened["message"].split("\n") == [
        *opened["message"].split("\n")[:1],
        "Revisar canales de adquisición y campañas",
        "new_leads:all:drop:2026-03-02 (2026-03-02)",
    ]
    assert "Desde 2026-03-02" in opened["message"]
    assert resolved["title"].startswith("Resuelto: Leads nuevos: ")
    assert "De 2026-03-02 a 2026-03-04" in resolved["message"]
    policy = tmp_path / "english.yaml"
    policy.write_text("locale: en\nincidents: {quiet_days: 1}\n", encoding="utf-8")
    monkeypatch.setenv("COLUMNS", "300")
    said = call("simulate-alerts", "--lake", environment["ACQUISITION_LAKE"], "--policy", policy).stdout
    told = [line.split()[:2] for line in said.splitlines() if line.strip().startswith("2026-")]
    assert told == [["2026-03-02", "opened"], ["2026-03-05", "resolved"]]
    assert all(title in said for title in ENGLISH)
