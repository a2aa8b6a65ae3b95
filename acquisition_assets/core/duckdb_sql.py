"""Opens DuckDB connections in memory, in UTC and offline, and quotes values and names for SQL.

Memory and thread limits are left to `engine.duckdb`.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable, Iterator

import duckdb

OFFLINE: dict[str, str] = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


def literal(value: object) -> str:
    """Return a value as an SQL text literal, such as 'it''s'."""
    return "'" + str(value).replace("'", "''") + "'"


def literals(values: Iterable[object]) -> str:
    """Return values as an SQL list of text literals, such as ['a', 'b']."""
    return f"[{', '.join(map(literal, values))}]"


def identifier(name: str) -> str:
    """Return the name of a column or table quoted for SQL, such as "order"."""
    return '"' + name.replace('"', '""') + '"'


@contextlib.contextmanager
def in_memory(**config: str | int) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a connection to an empty database in memory, with these further DuckDB settings."""
    with duckdb.connect(config={**OFFLINE, **config}) as connection:
        _configure(connection)
        yield connection


@contextlib.contextmanager
def shared_memory() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a connection for one small query, with temporary relations of its own.

    All of them share a database in memory, as opening a database takes longer than most small queries.
    """
    with _shared().cursor() as connection:
        _configure(connection)
        yield connection


@functools.cache
def _shared() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={**OFFLINE})


def _configure(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set python_enable_replacements = false")
