"""Provides one real Spark cluster for all tests of this folder: a driver in this process and two workers.

Clusters in processes of their own are left to servers.py.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from acquisition_assets.core.duckdb_sql import in_memory
from acquisition_assets.core.engine.duckdb import DuckDBEngine
from acquisition_assets.core.engine.spark import MEANING, SparkEngine
from acquisition_assets.core.engine.spark_dialect import to_spark
from acquisition_assets.core.lake import Lake
from acquisition_assets_tests.services.spark.servers import DEFAULTS, WORKERS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MASTER = f"local-cluster[{WORKERS},1,1024]"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.spark)


@pytest.fixture(scope="session")
def cluster() -> Iterator[SparkSession]:
    """Start the application that every session of the engine in this process uses."""
    from pyspark.sql import SparkSession

    session = SparkSession.builder.appName("acquisition-assets-tests").master(MASTER).config(map=DEFAULTS).getOrCreate()
    yield session
    session.stop()


@pytest.fixture
def engine(cluster: SparkSession, tmp_path: Path) -> SparkEngine:
    """Return the engine on an empty lake."""
    lake = Lake(str(tmp_path / "lake"))
    return SparkEngine(lake, DuckDBEngine(lake, threads=1), MASTER)


@pytest.fixture(scope="session")
def both(cluster: SparkSession) -> Callable[..., tuple[list[Any], list[Any]]]:
    """Return a function that runs a query on DuckDB and on Spark, with the rows of each as Python tuples."""
    session = cluster.newSession()
    for name, value in MEANING.items():
        session.conf.set(name, value)

    def run(query: str, **parameters: object) -> tuple[list[Any], list[Any]]:
        with in_memory(threads=1) as connection:
            ours = connection.execute(query, parameters).to_arrow_table()
        theirs = session.sql(to_spark(query), args=parameters).toArrow()
        return _rows(ours), _rows(theirs)

    return run


def _rows(table: Any) -> list[Any]:
    return [tuple(map(_plain, row.values())) for row in table.to_pylist()]


def _plain(value: Any) -> Any:
    """Return instants in one time zone, and everything else unchanged."""
    return value.astimezone(dt.timezone.utc) if isinstance(value, dt.datetime) else value
