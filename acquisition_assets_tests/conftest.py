"""Configures all tests: which are slow, which share a process, and how many examples property tests get.

Fixtures for one folder are in the conftest.py of that folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

HERE = Path(__file__).resolve().parent
SLOW = (
    "anomalies/test_anomaly_asset.py",
    "automation/test_daily_schedule.py",
    "bench",
    "commands",
    "core/test_asset_runs.py",
    "core/test_object_store.py",
    "features/test_features_slices.py",
    "raw/test_raw_days.py",
    "raw/test_raw_parts.py",
    "raw/test_raw_quarantine.py",
    "raw/test_raw_reading_order.py",
    "services",
    "sources/test_files_encoding.py",
    "sources/test_files_folders.py",
    "sources/test_files_real_export.py",
    "sources/test_files_text.py",
    "test_docs.py",
    "test_policy_numbers.py",
    "test_recomputed.py",
    "test_reference.py",
    "test_report_lists.py",
    "test_world.py",
)
"""Folders and files that `make quick` leaves out: they start servers or programs, or run many whole days."""
TOGETHER = ("spark", "ui")
"""Folders whose tests share an expensive server and run in one process; elsewhere the tests of a file do."""
FIRST = ("services", "commands", "bench", "test_reference.py", "test_recomputed.py")
"""Folders and files that start first, since one that takes minutes and starts last keeps only one process busy."""

settings.register_profile("quick", max_examples=10)


class ByServer(LoadScopeScheduling):  # type: ignore[misc]
    """A schedule that keeps tests with a shared server in one process."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        folder = file.split("/")[-2]
        return folder if folder in TOGETHER else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByServer:
    config.option.loadscopereorder = False  # Keep the order of collection, which begins with FIRST.
    return ByServer(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _is_in(item, SLOW):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: not _is_in(item, FIRST))


def _is_in(item: pytest.Item, names: tuple[str, ...]) -> bool:
    return any(path == item.path or path in item.path.parents for path in map(HERE.joinpath, names))
