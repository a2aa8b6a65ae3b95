"""Brings the schema `acquisition` up to date: the numbered files of sql/postgres/destination, then the contracts.

The statements are left to those files and to `postgres_tables`, and rows to `postgres`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from acquisition_assets.catalog import DELIVERED
from acquisition_assets.core.errors import InputError
from acquisition_assets.core.postgres import Connection
from acquisition_assets.core.sql_files import sql_folder
from acquisition_assets.destinations.postgres_tables import follow, outdated

LOCK = "acquisition.schema_migrations"


@dataclass(frozen=True)
class Migration:
    """A numbered migration file."""

    version: int
    path: Path


def migrations() -> list[Migration]:
    """Return the shipped migrations, in the order in which they run."""
    files = sorted((sql_folder() / "postgres" / "destination").glob("*.sql"))
    numbered = [(re.match(r"(\d{4})_", file.name), file) for file in files]
    return [Migration(int(number[1]), file) for number, file in numbered if number]


def migrate(connection: Connection) -> list[str]:
    """Run the migrations that the database lacks, then make its tables follow the contracts.

    All of it is one transaction, in one process at a time.

    Returns:
        The names of the migrations that ran, then of the tables that were made or changed.

    Raises:
        InputError: The database was migrated by a newer version of this package.
    """
    shipped = migrations()
    newest = shipped[-1].version
    with connection.transaction():
        if _version(connection) == newest and not outdated(connection, DELIVERED):
            return []
        connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [LOCK])
        _become_owner(connection)
        version = _version(connection)
        if version > newest:
            raise InputError(
                f"schema acquisition has migration {version}, newer than this version's {newest}; update this package"
            )
        done = [_run(connection, migration) for migration in shipped if migration.version > version]
        behind = outdated(connection, DELIVERED)
        for contract in behind:
            follow(connection, contract)
        return [*done, *(contract.table for contract in behind)]


def _version(connection: Connection) -> int:
    found = connection.execute("select to_regclass('acquisition.schema_migrations') is not null").fetchone()
    if not found or not found[0]:
        return 0
    row = connection.execute("select max(version) from acquisition.schema_migrations").fetchone()
    return int(row[0]) if row and row[0] else 0


def _become_owner(connection: Connection) -> None:
    """Switch to the role that owns the schema, so new tables belong to it whichever member runs the migrations."""
    owner = connection.execute(
        "select pg_get_userbyid(nspowner) from pg_namespace where nspname = 'acquisition'"
    ).fetchone()
    if owner:
        connection.execute(sql.SQL("set local role {}").format(sql.Identifier(owner[0])))


def _run(connection: Connection, migration: Migration) -> str:
    connection.execute(migration.path.read_bytes())
    connection.execute(
        "insert into acquisition.schema_migrations (version, name) values (%s, %s)",
        [migration.version, migration.path.stem],
    )
    return migration.path.stem
