"""Here: how every DuckDB connection of the project is opened: in memory, in UTC, fetching nothing from a network.

Not here: what is run on one, and the engine's limits.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import duckdb

OFFLINE: dict[str, str] = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


@contextlib.contextmanager
def in_memory(**config: str | int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to an empty database in memory, with these settings of DuckDB besides."""
    with duckdb.connect(config={**OFFLINE, **config}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set python_enable_replacements = false")
        yield connection
