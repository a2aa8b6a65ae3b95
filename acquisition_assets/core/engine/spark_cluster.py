"""The health of a Spark cluster: the addresses of its master, whether they answer, and watching it while a step runs.

Starting Spark and running queries is left to `spark`.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from acquisition_assets.core.errors import AcquisitionError, InputError, SourceUnavailableError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CONNECT = "sc://"
CONNECT_PORT = 15002
STANDALONE = "spark://"
STANDALONE_PORT = 7077
ANSWER_SECONDS = 10.0
WATCH_SECONDS = 5.0
GONE_TIMES = 6
"""A standalone cluster is gone after this many looks in a row without an answer or an executor."""


def is_remote(master: str) -> bool:
    """Return whether a master is a Spark Connect server, which needs no JVM in this process."""
    return master.startswith(CONNECT)


def check_answers(master: str) -> None:
    """Check that a master listens at its address; Spark itself would try for minutes.

    Raises:
        InputError: the URL names no host.
        SourceUnavailableError: nobody listens there.
    """
    reason = silence_of(master)
    if reason:
        raise SourceUnavailableError(
            f"Spark's master does not answer ({reason}); start it, or correct ACQUISITION_SPARK_MASTER"
        )


def silence_of(master: str) -> str:
    """Return why no address of a master answers; empty if one does, or if the master has no address."""
    reasons = [_silence(host, port) for host, port in _addresses(master)]
    return "; ".join(reasons) if all(reasons) else ""


@contextlib.contextmanager
def watched(spark: SparkSession, master: str) -> Iterator[None]:
    """Stop the application once its standalone cluster is gone; Spark itself would wait for the cluster forever.

    Raises:
        AcquisitionError: the cluster was lost during the step.
    """
    if not master.startswith(STANDALONE):
        yield
        return
    ended, gone = threading.Event(), threading.Event()

    def watch() -> None:
        times = 0
        with contextlib.suppress(Exception):  # the JVM may have ended; the step's own query reports that
            while not ended.wait(WATCH_SECONDS):
                times = times + 1 if _is_silent(spark, master) else 0
                if times == GONE_TIMES:
                    gone.set()
                    spark.sparkContext._jsc.sc().stop()

    watcher = threading.Thread(target=watch, name="spark-cluster", daemon=True)
    watcher.start()
    try:
        yield
    except Exception:
        if gone.is_set():
            raise AcquisitionError(
                f"Spark's cluster is gone ({master} does not answer, and no executor is left); nothing was published "
                "and the old partitions stay; start the cluster and run the day again"
            ) from None
        raise
    finally:
        ended.set()
        watcher.join()


def _is_silent(spark: SparkSession, master: str) -> bool:
    """Return whether no executor is left and no master answers."""
    context = spark.sparkContext._jsc.sc()
    if context.isStopped() or context.getExecutorMemoryStatus().size() > 1:  # the driver is one of them
        return False
    return bool(silence_of(master))


def _silence(host: str, port: int) -> str:
    """Return why an address does not answer; empty if it does."""
    try:
        socket.create_connection((host, port), ANSWER_SECONDS).close()
    except OSError as error:
        return f"{host}:{port}: {error.strerror or error}"
    return ""


def _addresses(master: str) -> list[tuple[str, int]]:
    """Return host and port of each standalone master, or of the Connect server; none for other masters."""
    for scheme, usual_port in ((STANDALONE, STANDALONE_PORT), (CONNECT, CONNECT_PORT)):
        if master.startswith(scheme):
            listed = master.removeprefix(scheme).partition("/")[0].split(",")
            found = [re.fullmatch(r"([^\[\]:]+|\[[^\]]+\])(?::(\d+))?", each) for each in listed]
            if not all(found):
                raise InputError(f"ACQUISITION_SPARK_MASTER={master!r} names no host; write {scheme}HOST:{usual_port}")
            return [(each[1].strip("[]"), int(each[2] or usual_port)) for each in found if each]
    return []
