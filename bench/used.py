"""Measures the seconds and bytes that a call uses in its own process.

Measuring a whole process from outside is left to measure.py.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path


def measured(call: Callable[[], object]) -> dict[str, float]:
    """Run a call and return wall and CPU seconds, and MB read and written."""
    before, begun = _used(), time.perf_counter()
    call()
    wall = time.perf_counter() - begun
    cpu, read, written = (after - at for after, at in zip(_used(), before, strict=True))
    return {"wall": wall, "cpu": cpu, "read_mb": read, "written_mb": written}


def _used() -> tuple[float, float, float]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return (usage.ru_utime + usage.ru_stime, *io_of("self"))


def io_of(process: int | str) -> tuple[float, float]:
    """Return the MB that a process read from and wrote to files, as far as the system reports them."""
    path = Path(f"/proc/{process}/io")
    if not path.exists():
        return 0.0, 0.0
    counters = dict(line.split(": ") for line in path.read_text().splitlines())
    return int(counters["rchar"]) / 1e6, int(counters["wchar"]) / 1e6
