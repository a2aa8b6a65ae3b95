"""Finds how much memory this process may use, and what share of it the engine takes by default.

Does not limit anything: the engine does (see `engine`).
"""

from __future__ import annotations

import os
import re
import resource
from pathlib import Path

MEGABYTE = 1_000_000
SHARE = 0.5
"""The engine's part; the rest is for Arrow, pandas, the reading of the source, and other programs."""
LEAST_MEGABYTES = 640
"""What every table of a million leads can be made with, by spilling."""
MEGABYTES = {"K": 1 / 1024, "M": 1.0, "G": 1024.0, "T": 1024.0**2}
"""Megabytes of each unit of a size."""
NO_LIMIT = 1 << 60
"""A version 1 cgroup without a limit says that it has a huge one."""


def megabytes(size: str) -> int:
    """Return a size such as 800MB or 4 GiB in whole megabytes."""
    number, unit = re.fullmatch(r"([\d.]+) ?([KMGT]).*", size.upper()).groups()  # type: ignore[union-attr]
    return int(float(number) * MEGABYTES[unit])


def default_limit(processes: int = 1) -> str:
    """Return the engine's memory limit, such as `6000MB`, of each of some processes that share what may be used."""
    usable = usable_bytes()
    share = 0 if usable is None else int(usable * SHARE / processes / MEGABYTE)
    return f"{max(LEAST_MEGABYTES, share)}MB"


def usable_bytes(root: Path = Path("/")) -> int | None:
    """Return the bytes that this process may use: the least of physical memory, its cgroups and its own limits.

    None where nothing is known. `root` is where `proc` and `sys` are.
    """
    known = [_physical_bytes(), _own_limit(), *_cgroup_limits(root)]
    return min((limit for limit in known if limit is not None and 0 < limit < NO_LIMIT), default=None)


def _physical_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None


def _own_limit() -> int | None:
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if soft == resource.RLIM_INFINITY else soft


def _cgroup_limits(root: Path) -> list[int | None]:
    """Return the limits of the cgroups that this process is in, of both versions, up to the outermost."""
    found: list[int | None] = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            place, names = root / "sys/fs/cgroup", ["memory.max", "memory.high"]
        elif "memory" in controllers.split(","):
            place, names = root / "sys/fs/cgroup/memory", ["memory.limit_in_bytes"]
        else:
            continue
        folder = place / path.lstrip("/")
        while True:  # in a container the path may be that of the host, which is not there
            found += [_number(folder / name) for name in names]
            if folder == place or place not in folder.parents:
                break
            folder = folder.parent
    return found


def _number(file: Path) -> int | None:
    text = _text(file).strip()
    return int(text) if text.isdecimal() else None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
