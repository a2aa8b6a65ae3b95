"""Protects the PostgreSQL benchmark: it runs, at a small size."""

from __future__ import annotations

import os
import subprocess
import sys

from .conftest import ROOT


def test_benchmark_runs() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.postgres", "--leads", "200"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    lines = [line.split("|")[1:3] for line in done.stdout.strip().splitlines()[2:]]
    assert [(what.strip(), rows.strip()) for what, rows in lines] == [
        ("`\\copy` of organic_leads and content_engagement to files", "2,600"),
        ("extraction of everything", "2,900"),
        ("extraction for one more day", lines[2][1].strip()),
        ("`\\copy` of lead_activity into a table with the same indexes", "200"),
        ("publication of lead_activity", "200"),
        ("publication of the same day again", "200"),
    ]
