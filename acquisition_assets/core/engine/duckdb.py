"""The DuckDB engine: runs the SQL of `sql/` over partitions of the lake in this process and stages the results.

The protocol is in `session`, the ranges of large tables in `slices`; swapping a staged file in is left to `lake`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import uuid
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from acquisition_assets.core.contracts import SQL, Contract, Violation
from acquisition_assets.core.duckdb_sql import in_memory, literal, literals
from acquisition_assets.core.engine.session import (
    Parameters,
    broken_rules,
    corrupt_partition,
    differing_columns,
    typed_query,
    used,
)
from acquisition_assets.core.engine.slices import ROWS_OF_A_SLICE, WHOLE, Slices, bounds_of, rows_per_slice
from acquisition_assets.core.errors import AcquisitionError, LakeError
from acquisition_assets.core.lake import Lake

PARQUET = "format parquet, compression zstd, compression_level 1"
DAMAGED = "DuckDB cannot read the Parquet file"
_DISK_PROBLEMS = tuple(
    os.strerror(code)
    for code in (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ENOENT,
        errno.EEXIST,
        errno.EMFILE,
        errno.EIO,
    )
)
"""What an operating system says of a file; the only part of DuckDB's text on files that is repeated."""


@dataclass(frozen=True)
class DuckDBEngine:
    """DuckDB in this process.

    memory_limit: what DuckDB may hold before it spills, such as `800MB`; threads: None for all cores; spill: a folder
    with room for what does not fit in memory, instead of the scratch folder.
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
                session = DuckDBSession(connection, kept, rows_per_slice(self.memory_limit))
                with session.naming_damage():
                    yield session
        finally:
            shutil.rmtree(kept, ignore_errors=True)

    @contextlib.contextmanager
    def connect(self, scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a connection with the project's settings; its errors become errors of the project."""
        config = {"memory_limit": self.memory_limit, "temp_directory": str(self.spill or scratch / "spill")}
        threads = {"threads": self.threads} if self.threads else {}
        with readable_errors(), in_memory(**config, **threads) as connection:
            connection.execute("set enable_progress_bar = false")
            if not self.lake.is_local:
                connection.register_filesystem(self.lake.fs)
            yield connection


@dataclass
class DuckDBSession:
    """A session on one DuckDB connection.

    kept: a folder for the rows of sliced queries; without one nothing is sliced. Rows that leave memory are written
    once if their table is in a file, and each time if it is temporary. slice_rows: about how many rows a slice has.
    files: those of each bound table.
    """

    connection: duckdb.DuckDBPyConnection
    kept: Path | None = None
    slice_rows: int = ROWS_OF_A_SLICE
    files: dict[str, Sequence[str]] = field(default_factory=dict)

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

    def slice_by(self, name: str, column: str) -> Slices:
        """See `Session.slice_by`."""
        if not self.kept or name not in self.files:
            return Slices(column)
        groups = self.connection.execute(
            "select stats_min_value, stats_max_value, row_group_num_rows "
            f"from parquet_metadata({literals(self.files[name])}) where path_in_schema = {literal(column)}"
        ).fetchall()
        return Slices(column, bounds_of(groups, self.slice_rows))

    def bind_query(self, name: str, query: str, parameters: Parameters | None = None, slices: Slices = WHOLE) -> None:
        """See `Session.bind_query`."""
        first, *others = slices.queries(query)
        given = dict(used(query, parameters))
        if not others:
            self.connection.execute(f"create temp table {name} as {first}", given)
            return
        self._open_kept()
        self.connection.execute(f"create table kept.{name} as {first}", given)
        for part in others:
            self.connection.execute(f"insert into kept.{name} {part}", given)
        self.bind_view(name, f"select * from kept.{name}")

    def bind_view(self, name: str, query: str) -> None:
        """See `Session.bind_view`."""
        self.connection.execute(f"create temp view {name} as {query}")

    def query(self, query: str, parameters: Parameters | None = None) -> pa.Table:
        """See `Session.query`."""
        # Without it, DuckDB may return the chunks of a result in any order, whatever its `order by` says.
        self.connection.execute("set preserve_insertion_order = true")
        try:
            result = self.connection.execute(query, dict(used(query, parameters)))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # DuckDB warns of the copy, which is small here
                return result.to_arrow_table()
        finally:
            self.connection.execute("set preserve_insertion_order = false")

    def write(
        self,
        query: str,
        contract: Contract,
        path: Path,
        parameters: Parameters | None = None,
        slices: Slices = WHOLE,
    ) -> int:
        """See `Session.write`."""
        if slices.bounds and slices.relations:
            self.bind_query("written", query, parameters, slices)
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

    @contextlib.contextmanager
    def naming_damage(self) -> Iterator[None]:
        """Name the damaged partition where DuckDB reports a damaged file without saying which one.

        Raises:
            LakeError: a partition of a bound table cannot be read.
        """
        try:
            yield
        except duckdb.Error as error:
            if type(error) is not duckdb.Error:  # a subclass says more
                raise
            damaged = corrupt_partition(self._unreadable_file(), DAMAGED)
            if damaged is None:
                raise
            raise damaged from None

    def _unreadable_file(self) -> str:
        """Return the first file of the bound tables that cannot be read to its end; empty if all can."""
        files = dict.fromkeys(file for files in self.files.values() for file in files)
        return next((file for file in files if not self._is_readable(file)), "")

    def _is_readable(self, file: str) -> bool:
        try:
            self.connection.execute(f"select bit_xor(hash(columns(*))) from read_parquet({literal(file)})").fetchall()
        except duckdb.Error:
            return False
        return True

    def _open_kept(self) -> None:
        """Attach the file for the rows of sliced queries, once."""
        if self.kept is None:
            raise ValueError("a session without a folder for its slices was given bounds")
        with contextlib.suppress(OSError):  # attaching the file reports what is wrong with its folder
            self.kept.mkdir(parents=True, exist_ok=True)
        self.connection.execute(f"attach if not exists {literal(self.kept / 'slices.duckdb')} as kept")
        self.connection.execute("pragma force_compression = 'uncompressed'")  # rows are read a few times at most


@contextlib.contextmanager
def readable_errors() -> Iterator[None]:
    """Replace DuckDB's errors by errors of the project, in words of ours.

    DuckDB quotes cells and SQL in its text, and a cell may be personal data. The original error is kept as the hidden
    context (`__context__`) of the new one, which neither tracebacks nor Dagster's event log show.

    Raises:
        LakeError: a partition cannot be read, or reading or writing a file failed.
        AcquisitionError: anything else that DuckDB raises, except for an interrupt, which passes unchanged.
    """
    try:
        yield
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        raise _classified(error) from None


def _classified(error: duckdb.Error) -> AcquisitionError:
    if isinstance(error, duckdb.OutOfMemoryException):
        return AcquisitionError(
            "out of memory or spill space; raise ACQUISITION_MEMORY_LIMIT, or point ACQUISITION_SPILL at a folder "
            "with more room"
        )
    if isinstance(error, (duckdb.IOException, duckdb.InvalidInputException, duckdb.SerializationException)):
        damaged = corrupt_partition(str(error), DAMAGED)
        if damaged:
            return damaged
    if isinstance(error, duckdb.IOException):
        return LakeError(
            f"reading or writing failed ({_disk_problem(str(error))}); the old partition was left unchanged"
        )
    if isinstance(error, (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.TypeMismatchException)):
        return AcquisitionError(
            f"a value does not fit the type of its column or calculation ({type(error).__name__} of DuckDB); nothing "
            "was published; look for the value in the tables that this step reads"
        )
    if type(error) is duckdb.Error:
        return LakeError(
            "a Parquet file is damaged, and DuckDB does not say which; nothing was published; find damaged partitions "
            "with: acquisition validate"
        )
    return AcquisitionError(
        f"DuckDB failed ({type(error).__name__}); nothing was published; run the step again, and report a defect if it "
        "fails again"
    )


def _disk_problem(text: str) -> str:
    """Return the file and the operating system's reason that an error of DuckDB names; no other part of its text."""
    paths = [Path(name) for name in re.findall(r"""["'](/[^"']+)["']""", text)]
    real = [str(path) for path in paths if any(folder.exists() for folder in list(path.parents)[:-1])]
    problems = [problem for problem in _DISK_PROBLEMS if problem in text]
    return ": ".join([*real[:1], *problems[:1]]) or "DuckDB does not say which file"
