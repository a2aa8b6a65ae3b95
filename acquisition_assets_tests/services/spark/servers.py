"""Starts Spark servers in separate processes: a standalone cluster of two workers, and a Connect server.

What runs on them is left to test_spark_clusters.py.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyspark

from acquisition_assets_tests.kit.servers import free_port, wait_for

HOST = "127.0.0.1"
START_SECONDS = 90
WORKERS = 2
HOME = Path(pyspark.__file__).parent
PACKAGES = "org.apache.spark"
# Small queries on few rows: compiling them well takes longer than running them.
DEFAULTS = {
    "spark.driver.bindAddress": HOST,
    "spark.driver.host": HOST,
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.log.level": "ERROR",
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
INTERPRETED = {
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
"""Runs queries without compiling them, and without planning them again while they run.

Whether queries give the right rows with Spark's own settings is left to the adversarial world of test_spark_parity.py.
"""


class Server:
    """A server and the processes that it starts."""

    def __init__(self, command: list[str], log: Path, environment: dict[str, str]) -> None:
        self.log = log
        with log.open("w") as out:
            self.process = subprocess.Popen(
                command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **environment}, start_new_session=True
            )

    def has_logged(self, text: str) -> bool:
        """Return whether its log contains a text.

        Raises:
            RuntimeError: the server has ended.
        """
        logged = self.log.read_text(encoding="utf-8", errors="replace")
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.log.name} ended: {logged[-2000:]}")
        return text in logged

    def kill(self) -> None:
        """Kill it and its child processes, as if its machine were switched off."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass(frozen=True)
class Cluster:
    """A standalone cluster; `environment` is what the program needs to run on it."""

    url: str
    environment: dict[str, str]
    master: Server
    workers: list[Server]

    def stop(self) -> None:
        """Kill all of it."""
        for server in (*self.workers, self.master):
            server.kill()


def _environment(folder: Path) -> dict[str, str]:
    (folder / "conf").mkdir(parents=True)
    lines = [f"{name} {value}" for name, value in {**DEFAULTS, **INTERPRETED}.items()]
    (folder / "conf" / "spark-defaults.conf").write_text("\n".join(lines), encoding="utf-8")
    return {
        "SPARK_HOME": str(HOME),
        "SPARK_CONF_DIR": str(folder / "conf"),
        "SPARK_LOCAL_IP": HOST,
        "SPARK_DAEMON_MEMORY": "256m",
    }


@contextlib.contextmanager
def standalone(folder: Path) -> Iterator[Cluster]:
    """Start a master and two workers."""
    environment, port = _environment(folder), free_port()
    url = f"spark://{HOST}:{port}"

    def start(name: str, kind: str, *options: str) -> Server:
        command = [str(HOME / "bin" / "spark-class"), f"{PACKAGES}.deploy.{kind}", "--host", HOST, "--webui-port", "0"]
        return Server([*command, *options], folder / f"{name}.log", environment)

    started = [start("master", "master.Master", "--port", str(port))]
    try:
        wait_for("master", lambda: started[0].has_logged("New state: ALIVE"), START_SECONDS, 0.1)
        for number in range(WORKERS):
            options = ("--cores", "1", "--memory", "2g", "--work-dir", str(folder / f"work-{number}"), url)
            started.append(start(f"worker-{number}", "worker.Worker", *options))
        for worker in started[1:]:
            wait_for("worker", lambda worker=worker: worker.has_logged("Successfully registered"), START_SECONDS, 0.1)
        yield Cluster(url, environment, started[0], started[1:])
    finally:
        for server in started:
            server.kill()


@contextlib.contextmanager
def connect(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Start a Connect server; yield its URL and the environment that the program needs to use it."""
    environment, port = _environment(folder), free_port()
    command = [
        *(str(HOME / "bin" / "spark-submit"), "--master", "local[2]"),
        *("--conf", f"spark.connect.grpc.binding.port={port}", "--conf", f"spark.connect.grpc.binding.address={HOST}"),
        *("--conf", "spark.log.level=INFO"),
        *("--class", f"{PACKAGES}.sql.connect.service.SparkConnectServer", "spark-internal"),
    ]
    server = Server(command, folder / "connect.log", {**environment, "SPARK_DAEMON_MEMORY": "1g"})
    try:
        wait_for("Connect server", lambda: server.has_logged("Spark Connect server started"), START_SECONDS, 0.1)
        yield f"sc://{HOST}:{port}", environment
    finally:
        server.kill()
