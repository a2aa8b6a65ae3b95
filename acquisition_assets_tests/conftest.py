"""Here: what every test shares: which tests run in the same process, where several run the tests.

Not here: fixtures of one product.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("spark", "ui")
"""Folders whose tests share an expensive server: a Spark cluster, a Dagster webserver. Elsewhere those of a file do."""


class ByServer(LoadScopeScheduling):  # type: ignore[misc]
    """Tests that share a server run in one process."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        folder = file.split("/")[-2]
        return folder if folder in TOGETHER else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByServer:
    return ByServer(config, log)
