"""Runs the command line as a separate process, for tests that kill it, limit it or set its environment.

Runs inside the test process are left to running.py.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OTHERS = ("ACQUISITION_", "DAGSTER_", "PYTHONWARNINGS", "PYTHONUTF8")
"""Starts of names of variables that a test gives, or that would hide what a user sees."""


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """That of a user's shell in any folder, with more."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OTHERS)}
    return {**kept, "PYTHONPATH": str(ROOT), **(more or {})}


def start(
    *arguments: object,
    folder: Path | None = None,
    more: Mapping[str, str] | None = None,
    before: Callable[[], object] | None = None,
) -> subprocess.Popen[str]:
    """Start the program in a folder, with more in its environment; `before` runs in its process first."""
    return subprocess.Popen(
        [sys.executable, "-m", "acquisition_assets", *map(str, arguments)],
        cwd=folder,
        env=environment(more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,
    )


def interruptible() -> None:
    """Let Ctrl-C end this process, whatever the one that started it did about it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def finish(process: subprocess.Popen[str], code: int = 0, seconds: float = 300) -> tuple[str, str]:
    """What it said on its output and on its error channel, when it ended with this code."""
    output, errors = process.communicate(timeout=seconds)
    assert process.returncode == code, output + errors
    return output, errors
