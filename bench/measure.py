"""Runs a program in a process of its own and measures seconds, peak memory and bytes, with medians of several runs.

Which programs to run is left to cases.py.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from bench.used import io_of

ROOT = Path(__file__).resolve().parents[1]
UNIT = 1 << 20 if sys.platform == "darwin" else 1 << 10


@dataclass(frozen=True)
class Taken:
    """Resources of a process: wall and CPU seconds, peak memory (of it or its largest child), MB of files."""

    wall: float
    cpu: float
    peak_mb: float
    read_mb: float
    written_mb: float

    @property
    def cells(self) -> list[str]:
        """Return the figures as cells of a table."""
        return [f"{self.wall:.1f}", f"{self.cpu:.1f}", f"{self.peak_mb:,.0f}"]


@dataclass(frozen=True)
class Ran:
    """A process that ended: its resources, and the JSON of its last line, if any."""

    taken: Taken
    outcome: dict[str, dict[str, float]]


def python(*arguments: object, environment: Mapping[str, str] | None = None) -> Ran:
    """Run Python with these arguments.

    Raises:
        RuntimeError: it failed; the message ends with what it printed last.
    """
    command = [sys.executable, "-W", "ignore", *map(str, arguments)]
    given = {name: value for name, value in os.environ.items() if not name.startswith("ACQUISITION_")}
    given |= {"PYTHONPATH": str(ROOT), **(environment or {})}
    with tempfile.TemporaryFile("w+") as out:
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=given, cwd=ROOT)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        wall = time.perf_counter() - begun
        read, written = io_of(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {text[-2000:]}")
    last = (text.strip().splitlines() or [""])[-1]
    taken = Taken(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / UNIT, read, written)
    return Ran(taken, json.loads(last) if last.startswith("{") else {})


def median(runs: Sequence[Taken]) -> Taken:
    """Return the median of every figure, and the largest peak."""
    middle = {f.name: statistics.median(getattr(run, f.name) for run in runs) for f in fields(Taken)}
    return Taken(**{**middle, "peak_mb": max(run.peak_mb for run in runs)})


def repeated(times: int, once: Callable[[], Taken]) -> Taken:
    """Return the median of several runs."""
    return median([once() for _ in range(times)])
