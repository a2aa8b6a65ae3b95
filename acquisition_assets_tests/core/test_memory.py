"""Protects the default of the engine's memory limit: a share of what machine, container and process allow."""

from __future__ import annotations

from pathlib import Path

import pytest

from acquisition_assets.core import memory
from acquisition_assets.core.memory import LEAST_MEGABYTES, default_limit, megabytes, usable_bytes

GIGABYTE = 10**9


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of a machine of 64 GB without any other limit."""
    monkeypatch.setattr(memory, "_physical_bytes", lambda: 64 * GIGABYTE)
    monkeypatch.setattr(memory, "_own_limit", lambda: None)
    return tmp_path


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="ascii")


@pytest.mark.parametrize(
    ("files", "gigabytes"),
    [
        ({}, 64),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, 64),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "8000000000\n"}, 8),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "6000000000\n"}, 6),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.high": "5000000000\n"}, 5),
        ({"proc/self/cgroup": "0::/of/the/host\n", "sys/fs/cgroup/memory.max": "4000000000\n"}, 4),
        ({"proc/self/cgroup": "4:memory:/x\n", "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "3000000000"}, 3),
        ({"proc/self/cgroup": "4:cpu,memory:/x\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "2000000000"}, 2),
        ({"proc/self/cgroup": "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": str(2**63 - 4096)}, 64),
        ({"proc/self/cgroup": "4:cpu:/x\nnonsense\n\n", "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "1"}, 64),
    ],
)
def test_the_least_limit_counts(root: Path, files: dict[str, str], gigabytes: int) -> None:
    write(root, files)
    assert usable_bytes(root) == gigabytes * GIGABYTE


def test_the_limit_of_the_process_counts(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_own_limit", lambda: GIGABYTE)
    assert usable_bytes(root) == GIGABYTE


@pytest.mark.parametrize(
    ("usable", "processes", "limit"),
    [
        (24 * GIGABYTE, 1, "12000MB"),
        (24 * GIGABYTE, 4, "3000MB"),
        (GIGABYTE, 1, f"{LEAST_MEGABYTES}MB"),
        (24 * GIGABYTE, 64, f"{LEAST_MEGABYTES}MB"),
        (None, 1, f"{LEAST_MEGABYTES}MB"),
    ],
)
def test_half_of_it_is_shared_and_never_below_the_least(
    monkeypatch: pytest.MonkeyPatch, usable: int | None, processes: int, limit: str
) -> None:
    monkeypatch.setattr(memory, "usable_bytes", lambda: usable)
    assert default_limit(processes) == limit


@pytest.mark.parametrize(("size", "whole"), [("800MB", 800), ("4 GiB", 4096), ("1.5g", 1536), ("2048K", 2)])
def test_sizes_become_megabytes(size: str, whole: int) -> None:
    assert megabytes(size) == whole
