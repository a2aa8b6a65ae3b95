"""Delivers one day of a table or of the reports to PostgreSQL in one transaction, and removes old days.

Tables are left to `postgres_migrations` and `postgres_tables`, and the assets to `asset`.

Rows stream by COPY into a temporary table, which disappears with the session. Then the day is locked, replaced and
committed in the same transaction, so readers see the old day or the new one, and a killed process leaves nothing
behind. Each transaction takes a single lock, on its table and day, before it changes rows; runs that wait for each
other cannot deadlock.
"""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from psycopg import sql

from acquisition_assets.core.contracts import Contract
from acquisition_assets.core.postgres import Connection, connect, describe_url
from acquisition_assets.destinations.asset import REPORTS_TABLE
from acquisition_assets.destinations.postgres_migrations import migrate
from acquisition_assets.destinations.postgres_tables import SCHEMA

BATCH_ROWS = 4096
"""Small enough for the connection's buffers, so the next batch is written while the server reads this one."""

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
"""Replaces NUL, which PostgreSQL's text and JSON cannot hold."""


@dataclass(frozen=True)
class PostgresDestination:
    """A PostgreSQL database whose schema `acquisition` receives the tables.

    url: `postgresql://` URL of a database that has the schema or allows its creation.
    keep_days: number of days to keep, counted back from the newest; None keeps all.
    """

    url: str = field(repr=False)
    keep_days: int | None = None
    kind: str = "postgres"
    title: str = "PostgreSQL"
    prefix: str = "published"

    @property
    def label(self) -> str:
        """See `Destination.label`."""
        return describe_url(self.url)

    def address(self, table: str) -> str:
        """See `Destination.address`."""
        return f"{SCHEMA}.{table}"

    def deliver_table(self, contract: Contract, day: dt.date, file: IO[bytes]) -> int:
        """See `Destination.deliver_table`."""
        return deliver_table(self.url, contract, day, file)

    def deliver_reports(self, day: dt.date, reports: dict[str, str]) -> int:
        """See `Destination.deliver_reports`."""
        return deliver_reports(self.url, day, reports)

    def count_rows(self, table: str, day: dt.date) -> int:
        """See `Destination.count_rows`."""
        return count_rows(self.url, table, day)

    def expire(self, table: str) -> list[dt.date]:
        """See `Destination.expire`."""
        return expire(self.url, table, self.keep_days) if self.keep_days else []


def deliver_table(url: str, contract: Contract, day: dt.date, file: str | Path | IO[bytes]) -> int:
    """Replace a day of a table with the rows of a Parquet file under its contract. Return their number.

    Memory use does not grow with the number of rows.

    Raises:
        SourceUnavailableError: The server is unreachable, closed the connection, is full, or a lock took too long; a
            retry may help.
        InputError: The password is wrong, rights are missing, or the schema is from a newer version.
    """
    columns = sql.SQL(", ").join(map(sql.Identifier, contract.columns))
    table = _identifier(contract.table)
    with connect(url, autocommit=True) as connection:
        migrate(connection)
        with connection.transaction():
            connection.execute("set local timezone = 'UTC'")
            connection.execute(
                sql.SQL("create temp table staging on commit drop as select {} from {} where false").format(
                    columns, table
                )
            )
            rows = _stage(connection, contract, file)
            _clear(connection, contract.table, day)
            connection.execute(
                sql.SQL("insert into {} (date, {}) select %s::date, {} from staging").format(table, columns, columns),
                [day],
            )
            _record(connection, contract.table, day, rows)
    return rows


def deliver_reports(url: str, day: dt.date, reports: Mapping[str, str]) -> int:
    """Replace a day's reports (task -> JSON text). Return their number. Raises what `deliver_table` raises."""
    with connect(url, autocommit=True) as connection:
        migrate(connection)
        with connection.transaction(), connection.cursor() as cursor:
            _clear(connection, REPORTS_TABLE, day)
            cursor.executemany(
                "insert into acquisition.reports (date, task, report) values (%s, %s, %s)",
                [(day, task, _without_nul(report)) for task, report in reports.items()],
            )
            _record(connection, REPORTS_TABLE, day, len(reports))
    return len(reports)


def count_rows(url: str, table: str, day: dt.date) -> int:
    """Return the number of rows of a delivered day."""
    counting = sql.SQL("select count(*) from {} where date = %s").format(_identifier(table))
    with connect(url, autocommit=True) as connection:
        row = connection.execute(counting, [day]).fetchone()
    return int(row[0]) if row else 0


def expire(url: str, table: str, keep_days: int) -> list[dt.date]:
    """Remove and return the days of a table that are `keep_days` or more before its newest day."""
    with connect(url, autocommit=True) as connection:
        found = connection.execute(
            "select date from acquisition.published_days where table_name = %(table)s and date <= (select max(date) "
            "from acquisition.published_days where table_name = %(table)s) - %(days)s order by date",
            {"table": table, "days": keep_days},
        ).fetchall()
        for (day,) in found:
            with connection.transaction():
                _clear(connection, table, day)
                connection.execute(
                    "delete from acquisition.published_days where table_name = %s and date = %s", [table, day]
                )
    return [day for (day,) in found]


def _stage(connection: Connection, contract: Contract, file: str | Path | IO[bytes]) -> int:
    rows = 0
    with connection.cursor() as cursor, cursor.copy("copy staging from stdin (format csv)") as copy:
        for batch in pq.ParquetFile(file).iter_batches(BATCH_ROWS, columns=list(contract.columns)):
            copy.write(_csv(batch))
            rows += batch.num_rows
    return rows


def _csv(batch: pa.RecordBatch) -> bytes:
    """Return rows as PostgreSQL's CSV: text is quoted, nulls are empty and unquoted.

    Instants are written in UTC without a zone; with it, Arrow takes ten times as long.
    """
    columns = [_plain(column) for column in batch.columns]
    sink = io.BytesIO()
    options = pa.csv.WriteOptions(include_header=False)
    pa.csv.write_csv(pa.RecordBatch.from_arrays(columns, names=batch.schema.names), sink, options)
    return sink.getvalue().replace(b"\0", REPLACEMENT.encode())


def _plain(column: pa.Array) -> pa.Array:
    if pa.types.is_list(column.type):
        return _array_text(column)
    return column.cast(pa.timestamp("us")) if pa.types.is_timestamp(column.type) else column


def _array_text(lists: pa.ListArray) -> pa.StringArray:
    """Return lists of text as PostgreSQL's array literals, such as {"blog","guide"}."""
    escaped = pc.replace_substring_regex(lists.values, r'(["\\])', r"\\\1")
    quoted = pc.binary_join_element_wise('"', escaped, '"', "")
    joined = pc.binary_join(pa.ListArray.from_arrays(lists.offsets, quoted), ",")
    return pc.if_else(lists.is_null(), None, pc.binary_join_element_wise("{", joined, "}", ""))


def _without_nul(json_text: str) -> str:
    """Return JSON text with its escaped NULs replaced; an escaped backslash before `u0000` is not such an escape."""
    return re.sub(r"(?<!\\)((?:\\\\)*)\\u0000", rf"\1{REPLACEMENT}", json_text)


def _clear(connection: Connection, table: str, day: dt.date) -> None:
    """Lock the table and day until the transaction ends, after waiting for other runs, and delete the day."""
    name = f"{SCHEMA}.{table}/{day.isoformat()}"
    connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
    connection.execute(sql.SQL("delete from {} where date = %s").format(_identifier(table)), [day])


def _identifier(table: str) -> sql.Identifier:
    return sql.Identifier(SCHEMA, table)


def _record(connection: Connection, table: str, day: dt.date, rows: int) -> None:
    connection.execute(
        "insert into acquisition.published_days (table_name, date, row_count) values (%s, %s, %s) "
        "on conflict (table_name, date) do update set row_count = excluded.row_count, published_at = now()",
        [table, day, rows],
    )
