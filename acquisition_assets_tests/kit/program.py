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
"""Prefixes of variables that tests set themselves, or that would hide what a user sees."""


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a user's shell, with these variables added."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OTHERS)}
    return {**kept, "PYTHONPATH": str(ROOT), **(more or {})}


def start(
    *arguments: object,
    folder: Path | None = None,
    more: Mapping[str, str] | None = None,
    before: Callable[[], object] | None = None,
) -> subprocess.Popen[str]:
    """Start the program in a folder, with added variables; `before` runs first in its process."""
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
    """Let Ctrl-C end this process even if its parent ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def finish(process: subprocess.Popen[str], code: int = 0, seconds: float = 300) -> tuple[str, str]:
    """Return the output and the errors of the process once it has ended with this code."""
    output, errors = process.communicate(timeout=seconds)
    assert process.returncode == code, output + errors
    return output, errors
