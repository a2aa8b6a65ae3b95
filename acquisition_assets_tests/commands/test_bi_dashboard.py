"""Protects the dashboard of deploy/bi: one command starts it, and a browser sees the numbers of the tables."""

from __future__ import annotations

import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from acquisition_assets_tests.commands.conftest import DAYS, EMAIL
from acquisition_assets_tests.kit.program import ROOT, environment
from acquisition_assets_tests.kit.servers import free_port, wait_for
from acquisition_assets_tests.services.ui.browser import PATIENCE_MS, Visitor, chromium

pytestmark = pytest.mark.browser
START_SECONDS = 900
"""The first start installs the dashboard."""


@pytest.fixture
def dashboard(lake: Path, tmp_path: Path) -> Iterator[str]:
    """Start the dashboard on the filled lake as a person does. Return its URL."""
    port = free_port()
    log = tmp_path / "log"
    with log.open("w") as out:
        server = subprocess.Popen(
            ["make", "bi", f"LAKE={lake}", f"BI_PORT={port}"],
            cwd=ROOT,
            env=environment(),
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert server.poll() is None, log.read_text(encoding="utf-8")
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=10) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    try:
        wait_for("dashboard", answers, START_SECONDS)
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=60)


def stored(lake: Path, table: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(lake / table / f"date={DAYS[-1]}" / "data.parquet").to_pylist()
    return rows


def test_the_headline_numbers_are_those_of_the_tables(dashboard: str, lake: Path) -> None:
    scores = [row["score"] for row in stored(lake, "dynamic_scores")]
    ready = [row for row in stored(lake, "lead_segments") if row["segment"] == "ready_to_convert"]
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 1800})
        page.set_default_timeout(PATIENCE_MS)
        visitor = Visitor(page, dashboard)
        visitor.listen()
        page.goto(dashboard)
        visitor.see(f"As of the end of {DAYS[-1]}", "Each day", "Segments", "Channels", "Anomalies")
        page.get_by_test_id("stTable").wait_for()
        names, numbers = (page.get_by_test_id(f"stMetric{part}").all_inner_texts() for part in ("Label", "Value"))
        found = dict(zip(map(str.strip, names), map(str.strip, numbers), strict=True))
        mean = float(found.pop("Mean score"))
        assert mean == pytest.approx(sum(scores) / len(scores), abs=0.0051)
        assert found == {
            "Leads": str(len(stored(lake, "lead_activity"))),
            "Ready to convert": str(len(ready)),
            "Anomalies": str(len(stored(lake, "anomalies"))),
        }
        assert page.get_by_test_id("stException").count() == 0
        assert not EMAIL.search(page.content())
        assert visitor.complaints == []
