"""The Spark engine: runs the same SQL, translated to Spark's dialect, over the same lake with the same contracts.

The translation is in `spark_dialect`, the cluster's health in `spark_cluster`; ingestion always runs in `duckdb`.

Spark writes a table as part files into a folder that its workers and this process share; this process merges them into
the one file that the lake swaps in. docs/spark.md explains how to run it and where the two dialects differ.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import re
import shutil
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from acquisition_assets.core.contracts import SQL, Contract, Kind, Violation
from acquisition_assets.core.engine.duckdb import DuckDBEngine, DuckDBSession
from acquisition_assets.core.engine.session import (
    Parameters,
    broken_rules,
    corrupt_partition,
    differing_columns,
    typed_query,
    used,
)
from acquisition_assets.core.engine.slices import WHOLE, Slices
from acquisition_assets.core.engine.spark_cluster import check_answers, is_remote, watched
from acquisition_assets.core.engine.spark_dialect import to_spark
from acquisition_assets.core.errors import AcquisitionError, InputError, LakeError
from acquisition_assets.core.lake import STAGING, Lake
from acquisition_assets.core.memory import megabytes

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SMALLEST_HEAP_MB = 1024
CONVERSIONS = (
    "CAST_INVALID_INPUT",
    "CAST_OVERFLOW",
    "CANNOT_PARSE",
    "NUMERIC_VALUE_OUT_OF_RANGE",
    "ARITHMETIC_OVERFLOW",
    "DIVIDE_BY_ZERO",
    "INVALID_ARRAY_INDEX",
    "DATETIME_OVERFLOW",
)
"""What Spark calls an error about the value of a cell."""
SHARED = "the lake must be where this process and every worker can reach it: a shared folder or an object store"
TYPES: dict[Kind, str] = {kind: exp.DataType.build(name, dialect="duckdb").sql("spark") for kind, name in SQL.items()}
# Spark's names of file systems, where fsspec has another name.
SCHEMES = {"s3": "s3a", "gcs": "gs", "abfs": "abfss", "local": "file", "webhdfs": "hdfs"}
# Every setting of a cluster that could change what a query means; set on each session, never on the cluster.
MEANING = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.ansi.enforceReservedKeywords": "false",
    "spark.sql.ansi.doubleQuotedIdentifiers": "false",
    "spark.sql.caseSensitive": "false",
    "spark.sql.groupByOrdinal": "true",
    "spark.sql.orderByOrdinal": "true",
    "spark.sql.decimalOperations.allowPrecisionLoss": "true",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.compression.codec": "zstd",
}
# Defaults of a cluster that are slow: 200 partitions for each computed relation, and a job for each file listing.
SPEED = {"spark.sql.sources.parallelPartitionDiscovery.threshold": "1000"}
NEEDS_JAVA = "it needs Java 17 or newer: run scripts/java.sh, or set JAVA_HOME"
_starting = threading.Lock()


@dataclass(frozen=True)
class SparkEngine:
    """Spark behind a master URL; the sessions of one process share one application.

    lake: what it reads; local: the DuckDB of this process, which ingests and merges part files;
    master: `local[*]`, `spark://...`, `yarn`, `k8s://...`, or `sc://...` for Spark Connect.
    """

    lake: Lake
    local: DuckDBEngine
    master: str = "local[*]"

    @property
    def name(self) -> str:
        """See `Engine.name`."""
        return "spark"

    @contextlib.contextmanager
    def session(self, scratch: Path) -> Iterator[SparkEngineSession]:
        """See `Engine.session`."""
        with (
            readable_errors(),
            self._connect() as spark,
            watched(spark, self.master),
            self._exchange(scratch) as exchange,
        ):
            yield SparkEngineSession(self, spark, scratch, exchange)

    def part_of_api(self, name: str) -> Any:
        """Return a module of the API that the master needs; Spark Connect's modules have the same names."""
        return importlib.import_module(
            f"pyspark.sql.connect.{name}" if is_remote(self.master) else f"pyspark.sql.{name}"
        )

    @contextlib.contextmanager
    def _connect(self) -> Iterator[SparkSession]:
        """Open a Spark session with its own views, set so that the SQL means the same on every cluster."""
        session = self._remote_session() if is_remote(self.master) else self._application().newSession()
        try:
            for name, value in (MEANING | SPEED).items():
                session.conf.set(name, value)
            yield session
        finally:
            if is_remote(self.master):
                session.stop()

    def _remote_session(self) -> SparkSession:
        check_installed(self.master)
        check_answers(self.master)
        try:
            session: SparkSession = self.part_of_api("session").SparkSession.builder.remote(self.master).create()
        except ImportError as error:
            raise InputError(
                f"Spark Connect needs more packages ({error}); install them with: "
                "pip install 'acquisition-assets[spark-connect]'"
            ) from error
        return session

    def _application(self) -> SparkSession:
        """Return the Spark application of this process; a running one is used as it is."""
        check_installed(self.master)
        from pyspark.errors import PySparkRuntimeError
        from pyspark.sql import SparkSession

        with _starting:
            running = SparkSession.getActiveSession()
            if running is not None and not running.sparkContext._jsc.sc().isStopped():
                return running
            if running is not None:  # the cluster stopped it
                running.stop()
            check_answers(self.master)
            builder = SparkSession.builder.appName("acquisition-assets").master(self._threads_of_master())
            try:
                return builder.config(map=dict(self._start_options())).getOrCreate()
            except PySparkRuntimeError as error:
                raise InputError(f"Spark did not start ({kind_of(error)}); {NEEDS_JAVA}") from error

    def _threads_of_master(self) -> str:
        return f"local[{self.local.threads}]" if self.master == "local[*]" and self.local.threads else self.master

    def _start_options(self) -> Mapping[str, str | int | float | bool]:
        """Return the options of a new application; a cluster keeps its own limits, only a local one gets ours."""
        options: dict[str, str | int | float | bool] = {"spark.ui.showConsoleProgress": False}
        if self.master.startswith("local"):
            options |= {
                "spark.driver.memory": f"{max(SMALLEST_HEAP_MB, megabytes(self.local.memory_limit))}m",
                "spark.sql.shuffle.partitions": 4 * (self.local.threads or os.cpu_count() or 1),
                "spark.ui.enabled": False,
                "spark.log.level": "ERROR",
            }
            if self.local.spill:
                options["spark.local.dir"] = str(self.local.spill)
        return options

    @contextlib.contextmanager
    def _exchange(self, scratch: Path) -> Iterator[str]:
        """Yield a folder for part files, as fsspec names it: the scratch folder, or one in a remote lake's staging."""
        if self.lake.is_local:
            yield str(scratch)
            return
        folder = f"{self.lake.root}/{STAGING}/{uuid.uuid4().hex}"
        try:
            yield folder
        finally:
            with contextlib.suppress(FileNotFoundError):
                self.lake.fs.rm(folder, recursive=True)


@dataclass
class SparkEngineSession:
    """A session on one Spark session.

    exchange: a folder that the workers and this process share; parts: the part files of each staged file. Spark frees
    the computed relations of a session once nothing refers to them.
    """

    engine: SparkEngine
    spark: SparkSession
    scratch: Path
    exchange: str
    parts: dict[Path, list[str]] = field(default_factory=dict)

    def bind(self, name: str, contract: Contract, files: Sequence[str]) -> None:
        """See `Session.bind`."""
        columns = {column: TYPES[contract.kind(column)] for column in contract.columns} | {"date": TYPES[Kind.DATE]}
        if not files:
            nothing = ", ".join(f"cast(null as {kind}) as {column}" for column, kind in columns.items())
            frame = self.spark.sql(f"select {nothing} where false")
        else:
            folder = files[0].rsplit("/", 2)[0]
            schema = ", ".join(f"{column} {kind}" for column, kind in columns.items())
            reader = self.spark.read.schema(schema).option("basePath", spark_url(folder))
            frame = reader.parquet(*map(read_url, files))
        frame.createOrReplaceTempView(name)

    def bind_staged(self, path: Path) -> None:
        """See `Session.bind_staged`."""
        self._staged(path).createOrReplaceTempView("staged")

    def bind_arrow(self, name: str, table: pa.Table) -> None:
        """See `Session.bind_arrow`."""
        self._small(table).createOrReplaceTempView(name)

    def slice_by(self, name: str, column: str) -> Slices:
        """See `Session.slice_by`; a single range, because Spark partitions every query itself."""
        return Slices(column)

    def bind_query(self, name: str, query: str, parameters: Parameters | None = None, slices: Slices = WHOLE) -> None:
        """See `Session.bind_query`."""
        from pyspark import StorageLevel

        # A relation that is only persisted keeps the plan of all that it was made from. Planning a query on relations
        # of relations then takes minutes, however few their rows are.
        frame = self._frame(query, parameters).localCheckpoint(eager=False, storageLevel=StorageLevel.MEMORY_AND_DISK)
        frame.createOrReplaceTempView(name)

    def bind_view(self, name: str, query: str) -> None:
        """See `Session.bind_view`."""
        self._frame(query).createOrReplaceTempView(name)

    def query(self, query: str, parameters: Parameters | None = None) -> pa.Table:
        """See `Session.query`."""
        return self._frame(query, parameters).toArrow()

    def write(
        self,
        query: str,
        contract: Contract,
        path: Path,
        parameters: Parameters | None = None,
        slices: Slices = WHOLE,
    ) -> int:
        """See `Session.write`."""
        folder = f"{self.exchange}/{path.stem}-parts"
        frame = self._frame(typed_query(query, contract), parameters)
        observed = self.engine.part_of_api("observation").Observation()
        count = self.engine.part_of_api("functions").expr("count(1)").alias("rows")
        frame.observe(observed, count).write.parquet(spark_url(self.engine.lake.address(folder)))
        self.parts[path] = self._parts_in(folder)
        written = int(observed.get["rows"])
        merged = self._merge(path, contract)
        if merged != written:
            raise LakeError(f"Spark wrote {written} rows to {folder}, but only {merged} are visible here; {SHARED}")
        return merged

    def violations(self, contract: Contract, files: Sequence[Path], *, unique: bool = True) -> list[Violation]:
        """See `Session.violations`."""
        differing = differing_columns(contract, files)
        if differing:
            return differing
        frames = [self._staged(file) for file in files]
        whole = frames[0]
        for frame in frames[1:]:
            whole = whole.unionByName(frame)
        whole.createOrReplaceTempView("staged_rows")
        return broken_rules(contract, "staged_rows", self._first_row, unique=unique)

    def _frame(self, query: str, parameters: Parameters | None = None) -> DataFrame:
        return self.spark.sql(to_spark(query), args=dict(used(query, parameters)))

    def _first_row(self, query: str) -> Sequence[int]:
        return tuple(int(value) for value in self._frame(query).toArrow().to_pylist()[0].values())

    def _staged(self, path: Path) -> DataFrame:
        """Return a staged file: from Spark's part files where it wrote them, else (a small one) from this process."""
        if path in self.parts:
            return self.spark.read.parquet(*map(read_url, self.parts[path]))
        return self._small(pq.read_table(path, partitioning=None))

    def _small(self, table: pa.Table) -> DataFrame:
        """Return the rows of a table of this process. Spark Connect wants the types of an empty one."""
        from pyspark.sql.pandas.types import from_arrow_schema

        if table.num_rows:
            return self.spark.createDataFrame(table)
        return self.spark.createDataFrame([], from_arrow_schema(table.schema))

    def _parts_in(self, folder: str) -> list[str]:
        """Return the addresses of the part files that this process sees, in the order of the rows."""
        lake = self.engine.lake
        lake.fs.invalidate_cache()
        try:
            names = [str(name) for name in lake.fs.ls(folder, detail=False)]
        except FileNotFoundError:
            names = []
        parts = sorted(lake.address(name) for name in names if name.rsplit("/", 1)[-1].startswith("part-"))
        if not parts:
            raise LakeError(f"what Spark wrote to {folder} is not visible here; {SHARED}")
        return parts

    def _merge(self, path: Path, contract: Contract) -> int:
        """Merge the part files into one with exactly the contract's columns and types; return the number of rows."""
        with self.engine.local.connect(self.scratch) as connection:
            return DuckDBSession(connection).merge(self.parts[path], contract, path)


def spark_url(address: str) -> str:
    """Return a path or fsspec URL with Spark's name of the scheme."""
    scheme, _, rest = address.partition("://") if "://" in address else ("file", "", address)
    return f"{SCHEMES.get(scheme, scheme)}://{rest}"


def read_url(address: str) -> str:
    """Return `spark_url` for Spark's reader, with the characters escaped that the reader takes for a pattern."""
    return re.sub(r"([\\*?\[\]{}])", r"\\\1", spark_url(address))


def check_installed(master: str) -> None:
    """Check that Spark can be started here.

    Raises:
        InputError: pyspark is not installed, or Java is missing (Spark Connect needs none).
    """
    if importlib.util.find_spec("pyspark") is None:
        raise InputError("the engine spark needs pyspark; install it with: pip install 'acquisition-assets[spark]'")
    if is_remote(master):
        return
    home = os.environ.get("JAVA_HOME")
    if shutil.which(f"{home}/bin/java" if home else "java") is None:
        where = f"JAVA_HOME={home}" if home else "PATH"
        raise InputError(f"the engine spark found no Java ({where}); {NEEDS_JAVA}")


@contextlib.contextmanager
def readable_errors() -> Iterator[None]:
    """Replace Spark's errors by errors of the project, in words of ours.

    Spark quotes cells and plans in its text, and a cell may be personal data. The original error is kept as the hidden
    context (`__context__`) of the new one, which neither tracebacks nor Dagster's event log show.

    Raises:
        LakeError: a partition cannot be read.
        AcquisitionError: anything else that Spark raises.
    """
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith(("pyspark.", "py4j.", "grpc.")):
            raise
        raise _classified(error) from None


def _classified(error: Exception) -> AcquisitionError:
    text = str(error)  # with the causes on the workers
    kind = kind_of(error)
    if any(name in text for name in ("OutOfMemoryError", "Container killed", "exceeding memory limits")):
        return AcquisitionError(
            "Spark ran out of memory; nothing was published; raise ACQUISITION_MEMORY_LIMIT for a local master, or "
            "spark.driver.memory and spark.executor.memory where the cluster is configured"
        )
    if any(name in text for name in CONVERSIONS):
        return AcquisitionError(
            f"a value does not fit the type of its column or calculation ({kind} of Spark); nothing was published; "
            "look for the value in the tables that this step reads"
        )
    damaged = corrupt_partition(text, "Spark cannot read the Parquet file")
    if damaged:
        return damaged
    return AcquisitionError(
        f"Spark failed ({kind}); nothing was published and the old partitions stay; see the logs of the driver and the "
        "workers"
    )


def kind_of(error: BaseException) -> str:
    """Return Spark's name for an error, such as CAST_INVALID_INPUT, or else the name of its class."""
    condition = re.search(r"(?:^|: )\[([A-Z][A-Z0-9_]*(?:\.[A-Z0-9_]+)*)\] ", _text_of(error))
    if condition:
        return condition[1]
    java = re.match(r"(?:[a-z0-9_]+\.)+([A-Z]\w*)", _text_of(error))
    return java[1] if java else type(error).__name__


def _text_of(error: BaseException) -> str:
    java = getattr(error, "java_exception", None)
    return str(java.toString()) if java is not None else str(error)
