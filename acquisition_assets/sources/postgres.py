"""Offers a PostgreSQL database as a source, read through queries that users may replace.

Does not connect (see `core.postgres`), hold the queries (see sql/postgres/source) or check rows (see `raw`).

One read-only transaction sees one moment of all tables. Each table streams, in binary, into a Parquet file in the
scratch folder; the transaction ends before anything is computed: it holds no lock and keeps no old row alive for long.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import adbc_driver_manager
import adbc_driver_postgresql.dbapi
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from acquisition_assets.core import postgres
from acquisition_assets.core.days import end_of_day, start_of_day
from acquisition_assets.core.duckdb_sql import identifier, in_memory, literal
from acquisition_assets.core.errors import AcquisitionError, InputError, SourceUnavailableError
from acquisition_assets.core.sql_files import sql_folder
from acquisition_assets.inputs.source import INSTANT, ROW_PLACE, TABLES, TAKEN_AS_EMPTY, RawTable, Wanted, within
from acquisition_assets.inputs.tables import INPUTS, Cell, require_columns
from acquisition_assets.sources.layouts.grammar import Layout, plain_name
from acquisition_assets.sources.layouts.mapping import MACROS
from acquisition_assets.sources.layouts.query import QueryLayout, query_layouts

LARGE_TABLE_ROWS = 100_000
CASTS = {
    16: ("boolean", "BOOLEAN"),
    20: ("bigint", "BIGINT"),
    21: ("bigint", "BIGINT"),
    23: ("bigint", "BIGINT"),
    700: ("double precision", "DOUBLE"),
    701: ("double precision", "DOUBLE"),
    1082: ("timestamptz", INSTANT),
    1114: ("timestamptz", INSTANT),
    1184: ("timestamptz", INSTANT),
}
"""PostgreSQL's type (its OID in every server) -> what it is sent as, and DuckDB's name for that. Else it is text."""

UNTYPED_ENCODING = "SQL_ASCII"
"""The encoding of a database that takes any bytes: its texts are sent as bytes, as not all may be UTF-8."""

NOT_UTF8 = ("invalid byte sequence", "has no equivalent in encoding")
FINGERPRINTED_DAYS = 35
LOOKBACK_DAYS = (1, 8, 64)
"""The newest event is searched for in this many last days, fewest first, and then in all days."""

SESSION = {"synchronize_seqscans": "off", "work_mem": "64MB", "jit": "off"}
"""A scan always starts at the table's first row, so that equal data come in equal order; room to group in memory."""

PATIENCE_SECONDS = 5.0
"""How long somebody who changes a table that is read may wait: all who write there wait behind them."""

BLOCKED = """
select exists(
    select from pg_locks
    where not granted and mode = 'AccessExclusiveLock' and %(reader)s = any(pg_blocking_pids(pid))
)
"""

ACCEPTED = {
    Cell.ID: ("VARCHAR", "BIGINT", "DOUBLE"),
    Cell.TEXT: ("VARCHAR",),
    Cell.WORD: ("VARCHAR",),
    Cell.NUMBER: ("BIGINT", "DOUBLE", "VARCHAR"),
    Cell.FLAG: ("BOOLEAN", "BIGINT", "VARCHAR"),
    Cell.INSTANT: (INSTANT, "VARCHAR"),
}


@dataclass(frozen=True)
class Query:
    """One table's reading query: its file, its text, and the DuckDB query that shapes its rows, if it has one."""

    table: str
    path: Path
    text: str
    shape: str | None


@dataclass(frozen=True)
class Extraction:
    """A query made ready to stream: the text for PostgreSQL, and the names and DuckDB types of what it gives.

    bytes: the columns of text that are sent as bytes.
    """

    query: Query
    text: str
    columns: Mapping[str, str]
    bytes: tuple[str, ...] = ()


class PostgresSource:
    """A PostgreSQL database.

    Args:
        url: `postgresql://...`, or any libpq connection string.
        timezone: IANA zone of timestamps without time zone.
        queries: a folder of reading queries that replace the shipped ones, all of them.
        layouts: what the queries' columns, words and times mean, where these are not the canonical ones.

    Raises:
        InputError: a layout says what only exports can have.
    """

    def __init__(
        self, url: str, timezone: str = "UTC", queries: Path | None = None, layouts: Sequence[Layout] = ()
    ) -> None:
        self._url = url
        self._layouts = query_layouts(layouts)
        self._timezone = timezone
        self._folder = queries or sql_folder() / "postgres" / "source"
        self.label = postgres.describe_url(url)

    def __repr__(self) -> str:
        return f"PostgresSource({self.label})"

    def check(self) -> list[str]:
        """See `Source.check`: the queries run (without giving rows) and give the columns and types that are needed."""
        queries = self._queries()
        expected = {table.name for table in INPUTS.values() if table.is_expected}
        missing = expected - {query.table for query in queries}
        warnings = [f"{self._folder} has no {table}.sql; {table} is {TAKEN_AS_EMPTY}" for table in sorted(missing)]
        today = dt.datetime.now(dt.timezone.utc)
        one_day = Wanted(today, ((today - dt.timedelta(days=1), today),))
        with self._session() as session, in_memory() as connection:
            for query in queries:
                extraction = self._prepare(session, query, one_day)
                columns = {**extraction.columns, ROW_PLACE: "BIGINT"}
                nothing = ", ".join(f"null::{kind} as {identifier(name)}" for name, kind in columns.items())
                self._bind(connection, query, f"select {nothing} where false")
                if query.table == "events":
                    warnings += self._unindexed(session, extraction)
        return warnings

    @contextlib.contextmanager
    def open(
        self, connection: duckdb.DuckDBPyConnection, scratch: Path, wanted: Wanted
    ) -> Iterator[Mapping[str, RawTable]]:
        """See `Source.open`.

        Raises:
            SourceUnavailableError: the server is not there or hung up, a lock or the query took too long.
            InputError: the database or the queries are not as they must be.
        """
        queries = self._queries()
        with self._session() as session:
            prepared = [self._prepare(session, query, wanted) for query in queries]
        self._extract(prepared, scratch)
        yield {
            extraction.query.table: self._bind(connection, extraction.query, _extracted(scratch, extraction))
            for extraction in prepared
        }

    def day_fingerprints(self, day: dt.date, tz: ZoneInfo) -> dict[dt.date, str]:
        """Return, for each of the last days up to `day` that has events, their number and their greatest times.

        The text begins with the number and a blank. It is of the deliveries' own times, so it is found by indexes.
        Without an event_days.sql in the folder of queries nothing is known of any day.
        """
        path = self._folder / "event_days.sql"
        if not path.is_file():
            return {}
        first = day - dt.timedelta(days=FINGERPRINTED_DAYS - 1)
        end = end_of_day(day, tz)
        text = windowed(_read(path), Wanted(end, ((start_of_day(first, tz), end),)))
        with self._session() as session, postgres.readable_errors(f"{self.label}, {path.name}"):
            text = re.sub(r"\$day\(\s*([\w.]+)\s*\)", rf"(\1::timestamptz at time zone {literal(tz.key)})::date", text)
            rows = session.execute(text.encode()).fetchall()
        return {found: str(fingerprint) for found, fingerprint in rows if first <= found <= day}

    def newest_event(self, after: dt.datetime, until: dt.datetime) -> dt.datetime | None:
        """Return the newest time of an event, at or after `after` and before `until`; None if there is none.

        The last day is searched first, which is enough while events arrive. Times that a custom query returns as text
        are ignored.
        """
        query = next((query for query in read_queries(self._folder) if query.table == "events"), None)
        if query is None:
            return None
        starts = {after, *(max(after, until - dt.timedelta(days=days)) for days in LOOKBACK_DAYS)}
        with self._session() as session:
            found = (
                self._newest(session, query, Wanted(until, ((start, until),))) for start in sorted(starts, reverse=True)
            )
            return next((newest for newest in found if newest is not None), None)

    def _newest(self, session: postgres.Connection, query: Query, wanted: Wanted) -> dt.datetime | None:
        """Return the newest of the query's event times that is wanted; None if there is none."""
        extraction = self._prepare(session, query, wanted)
        layout = self._layouts.get(query.table)
        named = layout.reads("occurred_at") if layout else {"occurred_at"}
        times = [
            n for n, kind in extraction.columns.items() if kind == INSTANT and (query.shape or plain_name(n) in named)
        ]
        newest = ", ".join(
            f"max({name}) filter (where {within(name, wanted.stretches)})" for name in map(identifier, times)
        )
        if not newest:
            return None
        with postgres.readable_errors(f"{self.label}, {query.path.name}"):
            row = session.execute(f"select {newest} from ({extraction.text}) as q".encode()).fetchone() or ()
        return max((time for time in row if time is not None), default=None)

    def watermark(self) -> str:
        """A text that differs when the database has new rows.

        Raises:
            InputError: the folder of queries has no watermark.sql.
        """
        with self._session() as session, postgres.readable_errors(f"{self.label}, watermark.sql"):
            row = session.execute(_read(self._folder / "watermark.sql").encode()).fetchone()
        return str(row[0]) if row else ""

    @contextlib.contextmanager
    def _session(self) -> Iterator[postgres.Connection]:
        with postgres.connect(self._url, autocommit=True) as session:
            session.execute("set default_transaction_read_only = on")
            session.execute("select set_config('timezone', %s, false)", [self._timezone])
            yield session

    def _prepare(self, session: postgres.Connection, query: Query, wanted: Wanted) -> Extraction:
        """The query with its window and with every column sent as one of few types."""
        text = windowed(query.text, wanted)
        with postgres.readable_errors(f"{self.label}, {query.path.name}"):
            given = session.execute(f"select * from (\n{text}\n) as q limit 0".encode()).description or []
        kinds = {column.name: CASTS.get(column.type_code, ("text", "VARCHAR")) for column in given}
        if not query.shape:
            layout = self._layouts.get(query.table)
            mapped = layout.given(list(kinds), str(query.path)) if layout else ()
            require_columns(query.table, [*kinds, *mapped], str(query.path))
            known = {column.name for column in INPUTS[query.table].columns}
            read = layout.names if layout else ()
            kinds = {name: kind for name, kind in kinds.items() if name in known or plain_name(name) in read}
        columns = {name: kind for name, (_, kind) in kinds.items()}
        untyped = session.info.parameter_status("server_encoding") == UNTYPED_ENCODING
        as_bytes = tuple(name for name, (cast, _) in kinds.items() if untyped and cast == "text")
        casts = ", ".join(
            f"convert_to(q.{identifier(name)}::text, '{UNTYPED_ENCODING}') as {identifier(name)}"
            if name in as_bytes
            else f"q.{identifier(name)}::{cast} as {identifier(name)}"
            for name, (cast, _) in kinds.items()
        )
        return Extraction(query, f"select {casts} from (\n{text}\n) as q", columns, as_bytes)

    def _queries(self) -> list[Query]:
        """Return the reading queries.

        Raises:
            InputError: there is none for leads, or for a table that a layout speaks of.
        """
        queries = read_queries(self._folder)
        for table in sorted(set(self._layouts) - {query.table for query in queries}):
            name = self._layouts[table].layout.name
            raise InputError(f"the layout {name} speaks of {table}, but {self._folder} has no {table}.sql; write it")
        return queries

    def _bind(self, connection: duckdb.DuckDBPyConnection, query: Query, extracted: str) -> RawTable:
        return _bind(connection, query, extracted, self._timezone, self._layouts.get(query.table))

    def _unindexed(self, session: postgres.Connection, extraction: Extraction) -> list[str]:
        """A warning for each large table that is read as a whole for the events of a single day."""
        row = session.execute(f"explain (verbose, format json) {extraction.text}".encode()).fetchone()
        large = [name for name in sorted(set(_scanned(row[0][0]["Plan"]))) if _is_large(session, name)] if row else []
        return [
            f"{self.label}: every day reads all of {name}, as no index serves {extraction.query.path.name}; "
            "create those of sql/postgres/source_indexes.sql"
            for name in large
        ]

    def _extract(self, prepared: list[Extraction], scratch: Path) -> None:
        """Stream every query into its file, all as of one moment."""
        with (
            _driver_errors(self.label),
            adbc_driver_postgresql.dbapi.connect(postgres.connection_string(self._url)) as session,
            session.cursor() as cursor,
        ):
            cursor.execute("set transaction isolation level repeatable read, read only")
            for setting, value in {**SESSION, "timezone": self._timezone}.items():
                cursor.execute(f"set local {setting} = {literal(value)}")
            cursor.execute(postgres.TIMEOUTS)
            cursor.fetchall()
            cursor.execute("select pg_backend_pid()")
            with self._giving_way(cursor.fetchall()[0][0]):
                for extraction in prepared:
                    with _driver_errors(f"{self.label}, {extraction.query.path.name}"):
                        cursor.execute(extraction.text)
                        _write(cursor.fetch_record_batch(), _spool(scratch, extraction.query))

    @contextlib.contextmanager
    def _giving_way(self, reader: int) -> Iterator[None]:
        """Cancel the reader's query where a change of a table has waited for it for `PATIENCE_SECONDS`.

        Raises:
            SourceUnavailableError: it was cancelled: worth a retry, which waits for the change.
        """
        ended, gave_way = threading.Event(), threading.Event()

        def watch() -> None:
            with contextlib.suppress(AcquisitionError), self._session() as session:
                waited = 0
                while not ended.wait(PATIENCE_SECONDS / 5):
                    row = session.execute(BLOCKED, {"reader": reader}).fetchone()
                    waited = waited + 1 if row and row[0] else 0
                    if waited >= 5:
                        gave_way.set()
                        session.execute("select pg_cancel_backend(%s)", [reader])

        watching = threading.Thread(target=watch, name="acquisition-giving-way", daemon=True)
        watching.start()
        try:
            yield
        except SourceUnavailableError:
            if not gave_way.is_set():
                raise
            raise SourceUnavailableError(
                f"{self.label}: gave way to a change of a table that is read, which kept its writers waiting; run it "
                "again, at a time without such changes if this happens often"
            ) from None
        finally:
            ended.set()
            watching.join()


def read_queries(folder: Path) -> list[Query]:
    """The reading queries of a folder, in the order of `TABLES`: `<table>.sql`, with `shape/<table>.sql` where it is.

    Raises:
        InputError: there is no such folder, or it has no leads.sql.
    """
    names = [table for table in TABLES if (folder / f"{table}.sql").is_file()]
    if "leads" not in names:
        raise InputError(
            f"{folder} has no leads.sql; point ACQUISITION_SOURCE_QUERIES at a folder with leads.sql and, where there "
            f"is such data, {', '.join(f'{table}.sql' for table in TABLES if table != 'leads')}"
        )
    return [_query(folder, name) for name in names]


def _query(folder: Path, table: str) -> Query:
    path, shape = folder / f"{table}.sql", folder / "shape" / f"{table}.sql"
    return Query(table, path, _read(path), _read(shape) if shape.is_file() else None)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip().rstrip(";")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({type(error).__name__}); it must be a file of UTF-8 text") from error


def windowed(text: str, wanted: Wanted) -> str:
    """A query with the wanted stretches of time instead of each `$wanted(column)`."""
    return re.sub(r"\$wanted\(\s*([\w.]+)\s*\)", lambda found: within(found[1], wanted.stretches), text)


def _write(reader: pa.RecordBatchReader, path: Path) -> None:
    """Write a stream to a Parquet file, batch by batch: one is written while the next one is received."""
    words = [field.name for field in reader.schema if pa.types.is_string(field.type)]
    try:
        with (
            contextlib.closing(
                pq.ParquetWriter(path, reader.schema, compression="zstd", use_dictionary=words)
            ) as writer,
            ThreadPoolExecutor(1) as behind,
        ):
            writing: Future[None] | None = None
            for batch in _batches(reader):
                if writing:
                    writing.result()
                writing = behind.submit(writer.write_batch, batch)
            if writing:
                writing.result()
    except OSError as error:
        raise AcquisitionError(f"{path} cannot be written ({error}); make room there") from error


def _batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    try:
        yield from reader
    except (OSError, pa.ArrowException) as error:
        raise _BrokenStreamError(str(error)) from None


class _BrokenStreamError(Exception):
    """A stream that ended before its last row, with the driver's words: worth a retry, whoever ended it."""


@contextlib.contextmanager
def _driver_errors(place: str) -> Iterator[None]:
    try:
        yield
    except _BrokenStreamError as error:
        if any(words in str(error) for words in NOT_UTF8):
            raise InputError(
                f"{place}: a text cannot be sent in UTF-8; repair it, or convert it in the query"
            ) from None
        raise SourceUnavailableError(
            f"{place}: the rows broke off: {_message(error)}; run it again, and if that ends in the same way, look at "
            "the query and the server's log"
        ) from None
    except adbc_driver_manager.Error as error:
        raise postgres.database_error(place, _message(error), error.sqlstate) from None


def _message(error: Exception) -> str:
    """PostgreSQL's own message out of the driver's, without the query that the driver repeats."""
    first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return re.sub(r"^.*?(ERROR|FATAL|failed): +", "", first)


def _bind(
    connection: duckdb.DuckDBPyConnection, query: Query, extracted: str, timezone: str, layout: QueryLayout | None
) -> RawTable:
    """Name the extracted (shaped, and mapped) rows in DuckDB, and refuse columns that cannot be read.

    Raises:
        InputError: a required column is missing, or a column has a type that it cannot have.
    """
    relation, named = f"postgres_{query.table}", f"named_{query.table}"
    shaped = f"with extracted as not materialized ({extracted}) {query.shape}" if query.shape else extracted
    try:
        connection.execute(f"create or replace temp view {named} as {shaped}")
    except (duckdb.BinderException, duckdb.ParserException) as error:
        shape = query.path.parent / "shape" / query.path.name
        raise InputError(f"{shape}: {str(error).splitlines()[0]}; adapt it to {query.path}") from None
    given = _described(connection, named)
    origins: dict[str, tuple[tuple[str, str], ...]] = {}
    if layout is not None:
        for macro in MACROS:
            connection.execute(macro)
        columns = [name for name in given if name != ROW_PLACE]
        sources = layout.given(columns, str(query.path))
        origins = {name: tuple((query.path.name, each) for each in found) for name, found in sources.items()}
        rows = layout.mapped(named, list(given), list(sources))
        named = f"mapped_{query.table}"
        connection.execute(f"create or replace temp view {named} as {rows}")
        given = _described(connection, named)
    tells_place = ROW_PLACE in given
    require_columns(query.table, [name for name in given if name != ROW_PLACE], str(query.path))
    known = {column.name: column for column in INPUTS[query.table].columns}
    kinds = {name: kind for name, kind in given.items() if name in known}
    for name, kind in kinds.items():
        accepted = ACCEPTED[known[name].cell]
        if kind not in accepted:
            raise InputError(
                f"{query.path}: {name} is {kind}, but must be one of {', '.join(accepted)}; cast it in the query"
            )
    cells = {name: f"c{number}" for number, name in enumerate(kinds)}
    listed = [f"{identifier(name)} as {cell}" for name, cell in cells.items()] + [ROW_PLACE] * tells_place
    connection.execute(f"create or replace temp view {relation} as select {', '.join(listed)} from {named}")
    return RawTable(relation, kinds, cells, tells_place=tells_place, naive_timezone=timezone, origins=origins)


def _described(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Return the columns of a relation with their types."""
    return {str(name): str(kind) for name, kind, *_ in connection.execute(f"describe {relation}").fetchall()}


def _scanned(plan: Mapping[str, Any]) -> Iterator[str]:
    """The tables that a plan reads from the first to the last row."""
    if plan["Node Type"] == "Seq Scan":
        yield f"{plan['Schema']}.{plan['Relation Name']}"
    for part in plan.get("Plans", []):
        yield from _scanned(part)


def _is_large(session: postgres.Connection, table: str) -> bool:
    row = session.execute("select reltuples from pg_class where oid = to_regclass(%s)", [table]).fetchone()
    return row is not None and row[0] > LARGE_TABLE_ROWS


def _extracted(scratch: Path, extraction: Extraction) -> str:
    """Return the rows of a query as they were read, each with its number; bytes that are not UTF-8 are escaped."""
    texts = ", ".join(
        f"coalesce(try(decode({identifier(name)})), {identifier(name)}::varchar) as {identifier(name)}"
        for name in extraction.bytes
    )
    columns = f"* replace ({texts})" if texts else "*"
    path = literal(_spool(scratch, extraction.query))
    return f"select {columns}, file_row_number as {ROW_PLACE} from read_parquet({path})"


def _spool(scratch: Path, query: Query) -> Path:
    return scratch / f"postgres_{query.table}.parquet"
