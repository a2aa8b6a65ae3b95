"""Here: the engine: it runs the SQL of `sql/` over partitions of the lake in DuckDB and stages the results.

Not here: what the SQL says, and the swap of a staged file into the lake.

A session holds no state beyond its steps: views over files, tables that are temporary or in a file of its own, nothing
that outlives it.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import shutil
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from acquisition_assets.core.contracts import SQL, Contract, Violation, duplicates_query, violations_query
from acquisition_assets.core.duckdb_sql import in_memory, literal, literals
from acquisition_assets.core.errors import AcquisitionError, LakeError
from acquisition_assets.core.lake import Lake, corrupt

Parameters = Mapping[str, object]
PARQUET = "format parquet, compression zstd, compression_level 1"
ROWS_OF_A_SLICE = 25_000_000
"""Enough to make slices few, and few enough for a slice to be grouped with the default limit of memory."""
MOST_READ = 1.75
"""How often slices may read each row of a table: of rows in no order all slices would read all."""


@dataclass(frozen=True)
class Slices:
    """Ranges of a text column without nulls: a query that groups or joins by it can be computed range by range.

    bounds: where a range ends and the next one begins, in order; without any there is one range.
    """

    column: str = ""
    bounds: tuple[str, ...] = ()

    def queries(self, query: str, relations: Sequence[str]) -> list[str]:
        """The query over each range's rows of these of its relations, instead of over all rows."""
        if not self.bounds or not relations:
            return [query]
        queries = []
        for start, end in itertools.pairwise([None, *self.bounds, None]):
            inside = [] if start is None else [f"{self.column} >= {literal(start)}"]
            inside += [] if end is None else [f"{self.column} < {literal(end)}"]
            rows = ", ".join(
                f"{relation} as not materialized (select * from temp.{relation} where {' and '.join(inside)})"
                for relation in relations
            )
            queries.append(f"with {rows} select * from ({query}) as result")
        return queries


class Session(Protocol):
    """One step's work: named relations, and queries over them. `$name` in a query is a bound parameter."""

    def bind(self, name: str, contract: Contract, files: Sequence[str]) -> None:
        """Name the rows of these partitions (with their day as column `date`); no file is an empty table."""

    def bind_staged(self, path: Path) -> None:
        """Name the rows of a staged file `staged`, in the place of the one before."""

    def bind_arrow(self, name: str, table: pa.Table) -> None:
        """Name an Arrow table of few rows."""

    def cut(self, name: str, column: str) -> None:
        """Cut what is computed with `sliced` from now on into ranges of a text column of a bound table, if it is large.

        A range has about `ROWS_OF_A_SLICE` rows of the table. Where those of one cannot be read without the others,
        there is one.
        """

    def bind_query(
        self, name: str, query: str, parameters: Parameters | None = None, sliced: Sequence[str] = ()
    ) -> None:
        """Compute a query once and name its rows, for use by several later queries.

        sliced: relations that the query names; a row of it needs only their rows of one value of the column of `cut`.
        """

    def bind_view(self, name: str, query: str) -> None:
        """Name the rows of a query without computing them; each query over them does."""

    def query(self, query: str, parameters: Parameters | None = None) -> pa.Table:
        """The rows of a query that gives few."""

    def write(
        self,
        query: str,
        contract: Contract,
        path: Path,
        parameters: Parameters | None = None,
        sliced: Sequence[str] = (),
    ) -> int:
        """Write a query's rows to one Parquet file with the contract's columns and types; the number of rows.

        sliced: as in `bind_query`.
        """

    def violations(self, contract: Contract, files: Sequence[Path], *, unique: bool = True) -> list[Violation]:
        """Every rule of the contract that staged files break (the key's uniqueness only if asked for)."""


class Engine(Protocol):
    """Where the SQL runs."""

    @property
    def name(self) -> str:
        """Its name, as a kind of the assets."""

    @property
    def local(self) -> DuckDBEngine:
        """The DuckDB of this process, which reads the source whatever the engine is."""

    def session(self, scratch: Path) -> contextlib.AbstractContextManager[Session]:
        """A new session that may spill into the scratch folder."""


@dataclass(frozen=True)
class DuckDBEngine:
    """DuckDB in this process.

    memory_limit: what DuckDB may hold before it spills, such as `800MB`; threads: None for all cores.
    """

    lake: Lake
    memory_limit: str = "640MB"
    threads: int | None = None
    spill: Path | None = None
    name: str = "duckdb"

    @property
    def local(self) -> DuckDBEngine:
        """See `Engine.local`."""
        return self

    @contextlib.contextmanager
    def session(self, scratch: Path) -> Iterator[DuckDBSession]:
        """See `Engine.session`."""
        kept = (self.spill or scratch) / f"slices-{uuid.uuid4().hex}"
        try:
            with self.connect(scratch) as connection:
                # Tables are ordered by `order by` alone; any other order would hold rows in memory that can't spill.
                connection.execute("set preserve_insertion_order = false")
                yield DuckDBSession(connection, kept)
        finally:
            shutil.rmtree(kept, ignore_errors=True)

    @contextlib.contextmanager
    def connect(self, scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
        """A DuckDB connection with the project's settings; its errors become errors of the project."""
        config = {"memory_limit": self.memory_limit, "temp_directory": str(self.spill or scratch / "spill")}
        threads = {"threads": self.threads} if self.threads else {}
        with readable_errors(), in_memory(**config, **threads) as connection:
            connection.execute("set enable_progress_bar = false")
            if not self.lake.is_local:
                connection.register_filesystem(self.lake.fs)
            yield connection


@dataclass
class DuckDBSession:
    """A session on one DuckDB connection; it knows the files of each table that is bound.

    kept: a folder for rows that are computed in slices; without one nothing is cut. What has to leave the memory is
    written each time if the table is temporary, and once if it is in a file.
    """

    connection: duckdb.DuckDBPyConnection
    kept: Path | None = None
    files: dict[str, Sequence[str]] = field(default_factory=dict)
    slices: Slices = field(default_factory=Slices)

    def bind(self, name: str, contract: Contract, files: Sequence[str]) -> None:
        """See `Session.bind`."""
        if not files:
            nothing = ", ".join(f"null::{SQL[contract.kind(c)]} as {c}" for c in contract.columns)
            self.connection.execute(f"create temp view {name} as select {nothing}, null::DATE as date where false")
            return
        self.files[name] = files
        self.connection.execute(
            f"create temp view {name} as select {', '.join(contract.columns)}, date "
            f"from read_parquet({literals(files)}, hive_partitioning = true, hive_types = {{'date': DATE}})"
        )

    def bind_staged(self, path: Path) -> None:
        """See `Session.bind_staged`."""
        self.connection.execute(
            "create or replace temp view staged as "
            f"select * from read_parquet({literal(path)}, hive_partitioning = false)"
        )

    def bind_arrow(self, name: str, table: pa.Table) -> None:
        """See `Session.bind_arrow`."""
        self.connection.register(f"{name}_arrow", table)
        self.connection.execute(f"create temp table {name} as select * from {name}_arrow")
        self.connection.unregister(f"{name}_arrow")

    def cut(self, name: str, column: str) -> None:
        """See `Session.cut`."""
        self.slices = Slices(column)
        if not self.kept or name not in self.files:
            return
        groups = self.connection.execute(
            "select stats_min_value, stats_max_value, row_group_num_rows "
            f"from parquet_metadata({literals(self.files[name])}) where path_in_schema = {literal(column)}"
        ).fetchall()
        self.slices = Slices(column, bounds_of(groups))
        if self.slices.bounds:
            with contextlib.suppress(OSError):  # what is wrong with the folder is told of the file in it
                self.kept.mkdir(parents=True)
            self.connection.execute(f"attach {literal(self.kept / 'slices.duckdb')} as kept")
            self.connection.execute("pragma force_compression = 'uncompressed'")  # rows are read a few times at most

    def bind_query(
        self, name: str, query: str, parameters: Parameters | None = None, sliced: Sequence[str] = ()
    ) -> None:
        """See `Session.bind_query`."""
        first, *others = self.slices.queries(query, sliced)
        given = dict(used(query, parameters))
        self.connection.execute(f"create {f'table kept.{name}' if others else f'temp table {name}'} as {first}", given)
        for part in others:
            self.connection.execute(f"insert into kept.{name} {part}", given)
        if others:
            self.bind_view(name, f"select * from kept.{name}")

    def bind_view(self, name: str, query: str) -> None:
        """See `Session.bind_view`."""
        self.connection.execute(f"create temp view {name} as {query}")

    def query(self, query: str, parameters: Parameters | None = None) -> pa.Table:
        """See `Session.query`."""
        result = self.connection.execute(query, dict(used(query, parameters)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # DuckDB's, of the copy that few rows cost
            return result.to_arrow_table()

    def write(
        self,
        query: str,
        contract: Contract,
        path: Path,
        parameters: Parameters | None = None,
        sliced: Sequence[str] = (),
    ) -> int:
        """See `Session.write`."""
        if sliced and self.slices.bounds:
            self.bind_query("written", query, parameters, sliced)
            rows = self.write("select * from written", contract, path)
            self.connection.execute("drop view written")
            self.connection.execute("drop table kept.written")
            return rows
        written = self.connection.execute(
            f"copy ({typed_query(query, contract)}) to {literal(path)} ({PARQUET})",
            dict(used(query, parameters)),
        ).fetchone()
        return int(written[0]) if written else 0

    def merge(self, files: Sequence[str], contract: Contract, path: Path) -> int:
        """Write the rows of Parquet files, in their order, to one file with the contract's columns and types."""
        return self.write(f"select * from read_parquet({literals(files)}, hive_partitioning = false)", contract, path)

    def violations(self, contract: Contract, files: Sequence[Path], *, unique: bool = True) -> list[Violation]:
        """See `Session.violations`."""
        differing = differing_columns(contract, files)
        if differing:
            return differing
        relation = f"read_parquet({literals(files)}, hive_partitioning = false)"
        return broken_rules(contract, relation, lambda query: self.connection.execute(query).fetchone() or (), unique)


def bounds_of(groups: Sequence[tuple[str | None, str | None, int]]) -> tuple[str, ...]:
    """The bounds of slices of rows stored in groups, of which the least and greatest text and the rows are known.

    None if there are few rows, or if each slice would have to read most groups again.
    """
    known = sorted(
        (least, greatest, rows) for least, greatest, rows in groups if least is not None and greatest is not None
    )
    total = sum(rows for *_, rows in groups)
    bounds: list[str] = []
    before = 0
    for least, _, rows in known:
        if before >= (len(bounds) + 1) * ROWS_OF_A_SLICE and least > max([known[0][0], *bounds]):
            bounds.append(least)
        before += rows
    read = sum(rows * (1 + sum(least < bound <= greatest for bound in bounds)) for least, greatest, rows in known)
    return tuple(bounds) if len(known) == len(groups) and read <= total * MOST_READ else ()


def typed_query(query: str, contract: Contract) -> str:
    """A query's rows with exactly the contract's columns and types."""
    typed = ", ".join(f"{name}::{SQL[contract.kind(name)]} as {name}" for name in contract.columns)
    return f"select {typed} from ({query}) as result"


def differing_columns(contract: Contract, files: Sequence[Path]) -> list[Violation]:
    """What of the columns of staged files is not as the contract says."""
    return [difference for file in files for difference in contract.differences(pq.read_schema(file))]


def broken_rules(
    contract: Contract, relation: str, row_of: Callable[[str], Sequence[int]], unique: bool
) -> list[Violation]:
    """The rules that a relation breaks, counted by queries of one row each, which `row_of` runs."""
    names, query = violations_query(contract, relation)
    broken = [Violation(name, int(n)) for name, n in zip(names, row_of(query)[1:], strict=True) if n]
    counting = duplicates_query(contract, relation) if unique else None
    duplicates = int(row_of(counting)[0]) if counting else 0
    if duplicates:
        broken.append(Violation(contract.uniqueness, duplicates))
    return broken


def used(query: str, parameters: Parameters | None) -> Parameters:
    """Those of the parameters that a query names (an engine refuses others)."""
    wanted = set(re.findall(r"\$([a-z_][a-z0-9_]*)", query))
    return {name: value for name, value in (parameters or {}).items() if name in wanted}


@contextlib.contextmanager
def readable_errors() -> Iterator[None]:
    """Turn DuckDB's errors about files, memory and disk into one line that says what to do."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise AcquisitionError(
            f"out of memory or spill space ({_first_line(error)}); raise ACQUISITION_MEMORY_LIMIT, or point "
            "ACQUISITION_SPILL at a folder with more room"
        ) from error
    except (duckdb.IOException, duckdb.InvalidInputException, duckdb.SerializationException) as error:
        partition = re.search(r"/([a-z_]+)/date=(\d{4}-\d{2}-\d{2})/", str(error))
        if partition:
            raise corrupt(partition[1], partition[2], error) from error
        if isinstance(error, duckdb.IOException):
            raise LakeError(f"reading or writing failed ({_first_line(error)}); the old partition stays") from error
        raise


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
