"""Here: the Spark engine: the same SQL, carried to Spark's dialect, over the same lake, with the same contracts.

Not here: what the SQL says, the ingestion (DuckDB's for every engine), and the swap of a staged file into the lake.

Spark writes a table as many part files into a folder that its workers and this process both reach; this process merges
them into the one file that the lake swaps in. docs/spark.md tells how to run it, and where the two dialects differ.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import re
import shutil
import socket
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
from acquisition_assets.core.engine.duckdb import (
    DuckDBEngine,
    DuckDBSession,
    Parameters,
    broken_rules,
    differing_columns,
    typed_query,
    used,
)
from acquisition_assets.core.engine.spark_dialect import to_spark
from acquisition_assets.core.errors import AcquisitionError, InputError, LakeError, SourceUnavailableError
from acquisition_assets.core.lake import STAGING, Lake, corrupt

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

CONNECT = "sc://"
CONNECT_PORT = 15002
STANDALONE = "spark://"
STANDALONE_PORT = 7077
ANSWER_SECONDS = 10.0
WATCH_SECONDS = 5.0
GONE_TIMES = 6
"""A standalone cluster that was found silent and without executors so often is gone."""
SMALLEST_HEAP_MB = 1024
MEGABYTES = {"K": 1 / 1024, "M": 1.0, "G": 1024.0, "T": 1024.0**2}
LONGEST_REASON = 300
SHARED = "the lake must lie where this process and every worker reach it: a shared folder or an object store"
TYPES: dict[Kind, str] = {kind: exp.DataType.build(name, dialect="duckdb").sql("spark") for kind, name in SQL.items()}
# What Spark calls the file systems that fsspec has another name for.
SCHEMES = {"s3": "s3a", "gcs": "gs", "abfs": "abfss", "local": "file", "webhdfs": "hdfs"}
# Every meaning that a cluster could have configured in another way; set on each session, never on the cluster.
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
# What a cluster's defaults make slow: a computed relation in 200 partitions, however small; a job for each listing.
SPEED = {
    "spark.sql.optimizer.canChangeCachedPlanOutputPartitioning": "true",
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "1000",
}
NEEDS_JAVA = "it needs Java 17 or newer: run scripts/java.sh, or set JAVA_HOME"
_starting = threading.Lock()


@dataclass(frozen=True)
class SparkEngine:
    """Spark behind a master URL; sessions of one process share one application.

    lake: what it reads; local: the DuckDB of this process, for the ingestion and the merging of part files;
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
        with readable_errors(), self._connect() as spark, self._watched(spark), self._exchange(scratch) as exchange:
            session = SparkEngineSession(self, spark, scratch, exchange)
            try:
                yield session
            finally:
                session.release()

    @property
    def is_remote(self) -> bool:
        """Whether it speaks to a Spark Connect server, and starts no JVM here."""
        return self.master.startswith(CONNECT)

    def part_of_api(self, name: str) -> Any:
        """A module of the API that belongs to the master: that of Spark Connect has the same names."""
        return importlib.import_module(f"pyspark.sql.connect.{name}" if self.is_remote else f"pyspark.sql.{name}")

    @contextlib.contextmanager
    def _connect(self) -> Iterator[SparkSession]:
        """A Spark session with views of its own, whose settings give the SQL one meaning on every cluster."""
        session = self._remote_session() if self.is_remote else self._application().newSession()
        try:
            for name, value in (MEANING | SPEED).items():
                session.conf.set(name, value)
            yield session
        finally:
            if self.is_remote:
                session.stop()

    def _remote_session(self) -> SparkSession:
        check_installed(self.master)
        _check_answers(self.master)
        try:
            session: SparkSession = self.part_of_api("session").SparkSession.builder.remote(self.master).create()
        except ImportError as error:
            raise InputError(
                f"Spark Connect needs more packages ({error}); install them with: "
                "pip install 'acquisition-assets[spark-connect]'"
            ) from error
        return session

    def _application(self) -> SparkSession:
        """The one Spark application of this process; one that already runs here is used as it is."""
        check_installed(self.master)
        from pyspark.errors import PySparkRuntimeError
        from pyspark.sql import SparkSession

        with _starting:
            running = SparkSession.getActiveSession()
            if running is not None and not running.sparkContext._jsc.sc().isStopped():
                return running
            if running is not None:  # its cluster ended it
                running.stop()
            _check_answers(self.master)
            builder = SparkSession.builder.appName("acquisition-assets").master(self._threads_of_master())
            try:
                return builder.config(map=dict(self._start_options())).getOrCreate()
            except PySparkRuntimeError as error:
                raise InputError(f"Spark did not start ({_reason(error)}); {NEEDS_JAVA}") from error

    @contextlib.contextmanager
    def _watched(self, spark: SparkSession) -> Iterator[None]:
        """End the application when its standalone cluster is gone: Spark itself would wait for the cluster forever."""
        if not self.master.startswith(STANDALONE):
            yield
            return
        ended, gone = threading.Event(), threading.Event()

        def watch() -> None:
            times = 0
            with contextlib.suppress(Exception):  # the JVM may have ended; whoever asks it for rows tells that
                while not ended.wait(WATCH_SECONDS):
                    times = times + 1 if self._is_silent(spark) else 0
                    if times == GONE_TIMES:
                        gone.set()
                        spark.sparkContext._jsc.sc().stop()

        watcher = threading.Thread(target=watch, name="spark-cluster", daemon=True)
        watcher.start()
        try:
            yield
        except Exception as error:
            if gone.is_set():
                raise AcquisitionError(
                    f"Spark's cluster is gone ({self.master} does not answer, and no executor is left); nothing was "
                    "published and the old partitions stay; start the cluster and run the day again"
                ) from error
            raise
        finally:
            ended.set()
            watcher.join()

    def _is_silent(self, spark: SparkSession) -> bool:
        """Whether no executor is left, and no master answers."""
        context = spark.sparkContext._jsc.sc()
        if context.isStopped() or context.getExecutorMemoryStatus().size() > 1:  # the driver is one of them
            return False
        return bool(_silence_of(self.master))

    def _threads_of_master(self) -> str:
        return f"local[{self.local.threads}]" if self.master == "local[*]" and self.local.threads else self.master

    def _start_options(self) -> Mapping[str, str | int | float | bool]:
        """A cluster is configured where Spark is (spark-defaults.conf); only a local one takes our limits."""
        options: dict[str, str | int | float | bool] = {"spark.ui.showConsoleProgress": False}
        if self.master.startswith("local"):
            options |= {
                "spark.driver.memory": f"{max(SMALLEST_HEAP_MB, _megabytes(self.local.memory_limit))}m",
                "spark.sql.shuffle.partitions": 4 * (self.local.threads or os.cpu_count() or 1),
                "spark.ui.enabled": False,
                "spark.log.level": "ERROR",
            }
            if self.local.spill:
                options["spark.local.dir"] = str(self.local.spill)
        return options

    @contextlib.contextmanager
    def _exchange(self, scratch: Path) -> Iterator[str]:
        """A folder for part files, as fsspec names it: the scratch folder, or one in the staging of a remote lake."""
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
    """A session on one Spark session. `exchange` is a folder that workers and this process both reach."""

    engine: SparkEngine
    spark: SparkSession
    scratch: Path
    exchange: str
    parts: dict[Path, list[str]] = field(default_factory=dict)
    kept: list[DataFrame] = field(default_factory=list)

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
        self.spark.createDataFrame(table).createOrReplaceTempView(name)

    def cut(self, name: str, column: str) -> None:
        """See `Session.cut`: Spark cuts everything by itself."""

    def bind_query(
        self, name: str, query: str, parameters: Parameters | None = None, sliced: Sequence[str] = ()
    ) -> None:
        """See `Session.bind_query`."""
        from pyspark import StorageLevel

        frame = self._frame(query, parameters).persist(StorageLevel.MEMORY_AND_DISK)
        self.kept.append(frame)
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
        sliced: Sequence[str] = (),
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
            raise LakeError(f"Spark wrote {written} rows to {folder}, of which {merged} are seen from here; {SHARED}")
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

    def release(self) -> None:
        """Give back the memory and disk of the computed relations."""
        for frame in self.kept:
            with contextlib.suppress(Exception):  # the application may be gone, and what it kept with it
                frame.unpersist()

    def _frame(self, query: str, parameters: Parameters | None = None) -> DataFrame:
        return self.spark.sql(to_spark(query), args=dict(used(query, parameters)))

    def _first_row(self, query: str) -> Sequence[int]:
        return tuple(int(value) for value in self._frame(query).toArrow().to_pylist()[0].values())

    def _staged(self, path: Path) -> DataFrame:
        """A staged file: from Spark's own parts where it wrote them, else (few rows) from this process."""
        if path in self.parts:
            return self.spark.read.parquet(*map(read_url, self.parts[path]))
        return self.spark.createDataFrame(pq.read_table(path, partitioning=None))

    def _parts_in(self, folder: str) -> list[str]:
        """The addresses of the part files that are seen from here, in the order of the rows."""
        lake = self.engine.lake
        lake.fs.invalidate_cache()
        try:
            names = [str(name) for name in lake.fs.ls(folder, detail=False)]
        except FileNotFoundError:
            names = []
        parts = sorted(lake.address(name) for name in names if name.rsplit("/", 1)[-1].startswith("part-"))
        if not parts:
            raise LakeError(f"what Spark wrote to {folder} is not seen from here; {SHARED}")
        return parts

    def _merge(self, path: Path, contract: Contract) -> int:
        """The part files as one, streamed through this process, with exactly the contract's columns and types."""
        with self.engine.local.connect(self.scratch) as connection:
            return DuckDBSession(connection).merge(self.parts[path], contract, path)


def spark_url(address: str) -> str:
    """A path or fsspec URL with the scheme that Spark has for it."""
    scheme, _, rest = address.partition("://") if "://" in address else ("file", "", address)
    return f"{SCHEMES.get(scheme, scheme)}://{rest}"


def read_url(address: str) -> str:
    """The same for Spark's reader, which takes it for a pattern: no letter of it is one."""
    return re.sub(r"([\\*?\[\]{}])", r"\\\1", spark_url(address))


def check_installed(master: str) -> None:
    """Whether Spark can be started here.

    Raises:
        InputError: pyspark is not installed, or there is no Java (which Spark Connect does not need).
    """
    if importlib.util.find_spec("pyspark") is None:
        raise InputError("the engine spark needs pyspark; install it with: pip install 'acquisition-assets[spark]'")
    if master.startswith(CONNECT):
        return
    home = os.environ.get("JAVA_HOME")
    if shutil.which(f"{home}/bin/java" if home else "java") is None:
        where = f"JAVA_HOME={home}" if home else "PATH"
        raise InputError(f"the engine spark found no Java ({where}); {NEEDS_JAVA}")


def _check_answers(master: str) -> None:
    """Whether somebody listens where the master is said to be: Spark itself would try for minutes.

    Raises:
        InputError: the URL names no host.
        SourceUnavailableError: nobody listens there.
    """
    reason = _silence_of(master)
    if reason:
        raise SourceUnavailableError(
            f"Spark's master does not answer ({reason}); start it, or correct ACQUISITION_SPARK_MASTER"
        )


def _silence_of(master: str) -> str:
    """Why nobody listens at any of a master's addresses; empty if somebody does, or it has none."""
    reasons = [_silence(host, port) for host, port in _addresses(master)]
    return "; ".join(reasons) if all(reasons) else ""


def _silence(host: str, port: int) -> str:
    """Why nobody listens there; empty if somebody does."""
    try:
        socket.create_connection((host, port), ANSWER_SECONDS).close()
    except OSError as error:
        return f"{host}:{port}: {error.strerror or error}"
    return ""


def _addresses(master: str) -> list[tuple[str, int]]:
    """Where a standalone master (there may be several) or a Connect server listens; nothing for other masters."""
    for scheme, usual_port in ((STANDALONE, STANDALONE_PORT), (CONNECT, CONNECT_PORT)):
        if master.startswith(scheme):
            listed = master.removeprefix(scheme).partition("/")[0].split(",")
            found = [re.fullmatch(r"([^\[\]:]+|\[[^\]]+\])(?::(\d+))?", each) for each in listed]
            if not all(found):
                raise InputError(f"ACQUISITION_SPARK_MASTER={master!r} names no host; write {scheme}HOST:{usual_port}")
            return [(each[1].strip("[]"), int(each[2] or usual_port)) for each in found if each]
    return []


def _megabytes(size: str) -> int:
    """A size such as 800MB or 4 GiB, in whole megabytes."""
    number, unit = re.fullmatch(r"([\d.]+) ?([KMGT]).*", size.upper()).groups()  # type: ignore[union-attr]
    return int(float(number) * MEGABYTES[unit])


@contextlib.contextmanager
def readable_errors() -> Iterator[None]:
    """Turn Spark's errors into one line that says what to do."""
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith(("pyspark.", "py4j.", "grpc.")):
            raise
        partition = re.search(r"/([a-z_]+)/date=(\d{4}-\d{2}-\d{2})/", str(error))
        if partition:
            raise corrupt(partition[1], partition[2], AcquisitionError(_reason(error))) from error
        raise AcquisitionError(
            f"Spark failed ({_reason(error)}); nothing was published and the old partitions stay; the driver's and the "
            "workers' logs have more"
        ) from error


def _reason(error: BaseException) -> str:
    """What an error of Spark says, without the stack trace and the plan that may follow."""
    java = getattr(error, "java_exception", None)
    text = str(java.toString()) if java is not None else str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:LONGEST_REASON].rstrip(".")
