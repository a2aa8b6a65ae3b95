"""Opens DuckDB connections (in memory, in UTC, offline), and quotes values and names in SQL.

The engine's limits are left to `engine.duckdb`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

import duckdb

OFFLINE: dict[str, str] = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


def literal(value: object) -> str:
    """A value as a text in SQL, such as 'it''s'."""
    return "'" + str(value).replace("'", "''") + "'"


def literals(values: Iterable[object]) -> str:
    """Values as a list of texts in SQL, such as ['a', 'b']."""
    return f"[{', '.join(map(literal, values))}]"


def identifier(name: str) -> str:
    """The name of a column or table in SQL, such as "order"."""
    return '"' + name.replace('"', '""') + '"'


@contextlib.contextmanager
def in_memory(**config: str | int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to an empty database in memory, with these settings of DuckDB besides."""
    with duckdb.connect(config={**OFFLINE, **config}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set python_enable_replacements = false")
        yield connection
