"""Makes the published tables of PostgreSQL from the contracts: tables, keys, indexes, columns, comments and views.

What no contract says is left to the numbered files of `postgres_migrations`, and rows to `postgres`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from psycopg import sql

from acquisition_assets.core.contracts import Contract, Kind
from acquisition_assets.core.postgres import Connection

SCHEMA = "acquisition"
DATE = "date"
"""The business day, the first column of each published table."""
TYPES: dict[Kind, sql.SQL] = {
    Kind.TEXT: sql.SQL("text"),
    Kind.INTEGER: sql.SQL("bigint"),
    Kind.NUMBER: sql.SQL("double precision"),
    Kind.FLAG: sql.SQL("boolean"),
    Kind.INSTANT: sql.SQL("timestamptz"),
    Kind.DATE: sql.SQL("date"),
    Kind.TEXTS: sql.SQL("text[]"),
}
LEAD = "lead_id"
COLUMNS = """
select attname from pg_attribute
where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped
order by attnum
"""
VIEW = """
create or replace view {view} as
select {columns} from {table}
where date = (select max(date) from {days} where table_name = {name})
"""


def outdated(connection: Connection, contracts: Iterable[Contract]) -> list[Contract]:
    """Return the contracts that their tables do not follow yet, by the list `acquisition.contracts`."""
    found = connection.execute("select table_name, fingerprint from acquisition.contracts").fetchall()
    known: dict[str, str] = dict(found)
    return [contract for contract in contracts if known.get(contract.table) != fingerprint(contract)]


def fingerprint(contract: Contract) -> str:
    """Return a hash of what a contract says of its published table."""
    columns = [
        (name, contract.kind(name).value, spec.nullable, describe(contract, name))
        for name, spec in contract.columns.items()
    ]
    said = repr((contract.table, contract.grain, contract.key, contract.ranked_by, columns))
    return hashlib.sha256(said.encode()).hexdigest()


def describe(contract: Contract, column: str) -> str:
    """Return a column's description with its unit, such as `Whole days since created_at [days]`."""
    text, unit = contract.columns[column].description or "", contract.unit(column)
    return f"{text} [{unit}]" if unit else text


def follow(connection: Connection, contract: Contract) -> None:
    """Make the table of a contract, or bring it in line: nothing is removed, and doing it twice changes nothing.

    A column that a table lacks comes last and may be null, as days that were published before do not know it.
    """
    _create(connection, contract)
    _index(connection, contract)
    _view(connection, contract.table)
    _comment(connection, contract)
    connection.execute(
        "insert into acquisition.contracts (table_name, fingerprint) values (%s, %s) "
        "on conflict (table_name) do update set fingerprint = excluded.fingerprint, applied_at = now()",
        [contract.table, fingerprint(contract)],
    )


def _create(connection: Connection, contract: Contract) -> None:
    """Create the table where it is missing, add the columns that it lacks, and allow nulls where the contract does."""
    table = sql.Identifier(SCHEMA, contract.table)
    columns = [
        sql.SQL("{} {}{}").format(
            sql.Identifier(name), TYPES[contract.kind(name)], sql.SQL("" if spec.nullable else " not null")
        )
        for name, spec in contract.columns.items()
    ]
    if not _nulls_in_key(contract):
        columns.append(sql.SQL("primary key ({})").format(_list(DATE, *contract.key)))
    connection.execute(
        sql.SQL("create table if not exists {} (date date not null, {})").format(table, sql.SQL(", ").join(columns))
    )
    change = sql.SQL("alter table {} ").format(table)
    there = _columns(connection, contract.table)
    for name in contract.columns:
        if name not in there:
            adding = sql.SQL("add column {} {}").format(sql.Identifier(name), TYPES[contract.kind(name)])
            connection.execute(change + adding)
    for name in there:
        if name != DATE and (name not in contract.columns or contract.columns[name].nullable):
            connection.execute(change + sql.SQL("alter column {} drop not null").format(sql.Identifier(name)))


def _index(connection: Connection, contract: Contract) -> None:
    """Index the rows of each lead over time, and the rows of each day by the column that ranks them.

    A key in which a text may be null is kept unique by an index, as a primary key holds no null: there null is a value
    of its own, such as all channels.
    """
    nulls = _nulls_in_key(contract)
    if nulls:
        key = [
            sql.SQL("coalesce({}, '')" if name in nulls else "{}").format(sql.Identifier(name))
            for name in (DATE, *contract.key)
        ]
        connection.execute(
            sql.SQL("create unique index if not exists {} on {} ({})").format(
                sql.Identifier(f"{contract.table}_key"),
                sql.Identifier(SCHEMA, contract.table),
                sql.SQL(", ").join(key),
            )
        )
    ranked_by = contract.ranked_by
    indexes = {
        f"{contract.table}_lead": (LEAD, DATE) if LEAD in contract.columns else (),
        f"{contract.table}_{ranked_by}": (DATE, ranked_by) if ranked_by else (),
    }
    for name, columns in indexes.items():
        if columns:
            connection.execute(
                sql.SQL("create index if not exists {} on {} ({})").format(
                    sql.Identifier(name),
                    sql.Identifier(SCHEMA, contract.table),
                    _list(*columns),
                )
            )


def _nulls_in_key(contract: Contract) -> set[str]:
    """Return the columns of the key that may be null."""
    return {name for name in contract.key if contract.columns[name].nullable}


def _list(*columns: str) -> sql.Composed:
    """Return the columns with commas between them."""
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _view(connection: Connection, table: str) -> None:
    """Make the view of the newest day, or add the table's new columns to its end. It keeps its grants."""
    view = f"current_{table}"
    shown = _columns(connection, view)
    columns = [*shown, *(name for name in _columns(connection, table) if name not in shown)]
    connection.execute(
        sql.SQL(VIEW).format(
            view=sql.Identifier(SCHEMA, view),
            columns=_list(*columns),
            table=sql.Identifier(SCHEMA, table),
            days=sql.Identifier(SCHEMA, "published_days"),
            name=sql.Literal(table),
        )
    )
    text = f"The rows of {table} of the newest published day."
    connection.execute(sql.SQL("comment on view {} is {}").format(sql.Identifier(SCHEMA, view), text))


def _columns(connection: Connection, relation: str) -> list[str]:
    """Return the columns of a table or view in their order; none if it does not exist."""
    return [name for (name,) in connection.execute(COLUMNS, [f"{SCHEMA}.{relation}"]).fetchall()]


def _comment(connection: Connection, contract: Contract) -> None:
    """Set the comments of a table and its columns to the contract's descriptions."""
    table = sql.Identifier(SCHEMA, contract.table)
    connection.execute(sql.SQL("comment on table {} is {}").format(table, contract.grain))
    described = {name: describe(contract, name) for name in contract.columns}
    for name, text in {DATE: "Business day", **described}.items():
        column = sql.Identifier(SCHEMA, contract.table, name)
        connection.execute(sql.SQL("comment on column {} is {}").format(column, text))
