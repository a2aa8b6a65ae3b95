"""Here: what every test shares: which tests run in the same process, where several run the tests.

Not here: fixtures of one product.
"""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
TOGETHER = ("spark", "ui")
"""Folders whose tests share an expensive server: a Spark cluster, a Dagster webserver. Elsewhere those of a file do."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        place = item.path.relative_to(TESTS)
        item.add_marker(pytest.mark.xdist_group(place.parts[0] if place.parts[0] in TOGETHER else str(place)))
