"""Protects the error messages of the Spark engine: missing software, unresponsive masters, damaged files.

Correct results are tested in test_spark_parity.py.
"""

from __future__ import annotations

import datetime as dt
import socket
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition_assets.core.contracts import Contract, Kind, Rule, Violation, column
from acquisition_assets.core.engine import spark
from acquisition_assets.core.engine.duckdb import DuckDBEngine
from acquisition_assets.core.engine.spark import SparkEngine, check_installed, read_url, spark_url
from acquisition_assets.core.engine.spark_cluster import check_answers
from acquisition_assets.core.errors import AcquisitionError, InputError, LakeError, SourceUnavailableError
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.pandera_import import Check
from acquisition_assets.core.settings import Settings
from acquisition_assets.definitions import make_engine
from acquisition_assets.lead_segments.contract import LEAD_SEGMENTS
from acquisition_assets_tests.kit.servers import free_port

DAY = dt.date(2026, 3, 31)
THINGS = Contract(
    table="things",
    grain="One row per thing.",
    key=("id",),
    columns={
        "id": column(Kind.TEXT, "Id"),
        "n": column(Kind.NUMBER, "A number", Check.ge(0), nullable=True),
        "words": column(Kind.TEXTS, "Words", nullable=True),
        "made_at": column(Kind.INSTANT, "When it was made", nullable=True),
    },
    rules=(Rule("short", "length(id) < 3", "ids are short"),),
)
GOOD = "select 'a' as id, 1.5 as n, ['x'] as words, timestamptz '2026-03-31 00:00:00.000001+00' as made_at"
BAD = """select w as id, n, cast(null as varchar[]) as words, cast(null as timestamptz) as made_at
    from (values ('a', 1.0e0), ('a', -1.0e0), ('long', cast('NaN' as double)), (null, null)) as t(w, n)"""


def count_things(engine: SparkEngine, scratch: Path) -> None:
    """Read the partition of the day."""
    with engine.session(scratch) as session:
        session.bind("things", THINGS, engine.lake.files("things", [DAY]))
        session.query("select count(id) as n from things")


def test_missing_pyspark_is_wrong_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"install it with: pip install 'acquisition-assets\[spark\]'"):
        check_installed("local[*]")


def test_missing_java_is_wrong_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    settings = Settings.from_environment({"ACQUISITION_ENGINE": "spark"})
    with pytest.raises(InputError, match=r"found no Java .*; it needs Java 17 or newer: run scripts/java.sh"):
        make_engine(settings, Lake(str(tmp_path)))
    check_installed("sc://somewhere")  # needs none here


def test_the_settings_choose_engine_and_master(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    given = {
        "ACQUISITION_ENGINE": "spark",
        "ACQUISITION_SPARK_MASTER": "spark://one:7077",
        "ACQUISITION_THREADS": "1",
        "ACQUISITION_MEMORY_LIMIT": "1GB",
    }
    engine = make_engine(Settings.from_environment(given), lake)
    assert isinstance(engine, SparkEngine)
    assert (engine.name, engine.master, engine.lake) == ("spark", "spark://one:7077", lake)
    assert engine.local == DuckDBEngine(lake, "1GB", threads=1)


@pytest.mark.parametrize("scheme", ["sc", "spark"])
def test_an_unresponsive_master_is_reported_at_once(scheme: str) -> None:
    with pytest.raises(
        SourceUnavailableError, match=r"does not answer .*; start it, or correct ACQUISITION_SPARK_MASTER"
    ):
        check_answers(f"{scheme}://127.0.0.1:{free_port()}")


def test_one_master_of_several_is_enough() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        check_answers(f"spark://127.0.0.1:{free_port()},127.0.0.1:{port}")


@pytest.mark.parametrize("master", ["spark://", "sc://host:port", "spark://one:7077,,two"])
def test_a_master_without_a_host_is_wrong_input(master: str) -> None:
    with pytest.raises(InputError, match="names no host"):
        check_answers(master)


def test_lake_addresses_become_spark_urls() -> None:
    assert spark_url("/a/b c") == "file:///a/b c"
    assert spark_url("s3://bucket/lake") == "s3a://bucket/lake"
    assert read_url("/a/[x]*") == "file:///a/\\[x\\]\\*"


def test_an_error_of_a_worker_is_one_line_without_the_cell(engine: SparkEngine, tmp_path: Path) -> None:
    with pytest.raises(AcquisitionError) as failure, engine.session(tmp_path) as session:
        session.query("select sum(cast(w as bigint)) as n from (values ('1'), ('jane@example.org')) as t(w)")
    assert str(failure.value) == (
        "a value does not fit the type of its column or calculation (CAST_INVALID_INPUT of Spark); nothing was "
        "published; look for the value in the tables that this step reads"
    )
    assert failure.value.__suppress_context__
    assert failure.value.__cause__ is None


def test_a_defect_in_a_query_is_named_without_the_query(engine: SparkEngine, tmp_path: Path) -> None:
    with pytest.raises(AcquisitionError) as failure, engine.session(tmp_path) as session:
        session.query("select nothing from (values ('jane@example.org')) as t(w) where w = 'jane@example.org'")
    assert str(failure.value).startswith("Spark failed (UNRESOLVED_COLUMN.WITH_SUGGESTION); nothing was published")
    assert "jane" not in str(failure.value)


def test_a_corrupt_partition_is_named(engine: SparkEngine, tmp_path: Path) -> None:
    with engine.lake.staging() as folder:
        pq.write_table(pa.Table.from_pylist([{"id": "a"}], schema=THINGS.arrow_schema), folder / "x.parquet")
        engine.lake.publish(folder / "x.parquet", "things", DAY)
    file = Path(engine.lake.file("things", DAY))
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(LakeError, match="partition things/date=2026-03-31 of the lake is corrupt"):
        count_things(engine, tmp_path)


def test_parts_that_the_driver_cannot_see_are_reported(
    engine: SparkEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark, "spark_url", lambda address: f"file://{tmp_path}/elsewhere")
    with (
        pytest.raises(LakeError, match="is not visible here; the lake must be where this process and every worker"),
        engine.session(tmp_path) as session,
    ):
        session.write(GOOD, THINGS, tmp_path / "things.parquet")


def test_a_table_is_one_file_with_the_contracts_types_in_folders_of_any_name(cluster: object, tmp_path: Path) -> None:
    folder = tmp_path / "a [b] {c} * ñ %20"
    folder.mkdir()
    lake = Lake(str(folder / "lake"))
    engine = SparkEngine(lake, DuckDBEngine(lake, threads=1), "local[*]")
    with lake.staging() as scratch, engine.session(scratch) as session:
        assert session.write(GOOD, THINGS, scratch / "things.parquet") == 1
        assert THINGS.differences(pq.read_schema(scratch / "things.parquet")) == []
        assert session.violations(THINGS, [scratch / "things.parquet"]) == []
        assert session.write(f"{GOOD} where false", THINGS, scratch / "none.parquet") == 0
        assert THINGS.differences(pq.read_schema(scratch / "none.parquet")) == []
        lake.publish(scratch / "things.parquet", "things", DAY)
        session.bind("things", THINGS, lake.files("things", [DAY]))
        assert session.query("select id, date from things").to_pylist() == [{"id": "a", "date": DAY}]


def broken_on_both(engine: SparkEngine, contract: Contract, query: str, folder: Path) -> list[list[Violation]]:
    """Return the rules that the rows of a query break on Spark, and on DuckDB."""
    found = []
    for each, name in ((engine, "spark"), (engine.local, "duckdb")):
        (folder / name).mkdir()
        with each.session(folder / name) as session:
            session.write(query, contract, folder / name / "bad.parquet")
            found.append(session.violations(contract, [folder / name / "bad.parquet"]))
    return found


def test_spark_finds_the_same_broken_rules_as_duckdb(engine: SparkEngine, tmp_path: Path) -> None:
    on_spark, on_duckdb = broken_on_both(engine, THINGS, BAD, tmp_path)
    assert on_spark == on_duckdb
    assert len(on_spark) == 5


def test_spark_finds_the_same_repeated_memberships_as_duckdb(engine: SparkEngine, tmp_path: Path) -> None:
    segments = ", ".join(f"('s{number}')" for number in (*range(70), 3, 69, 69))
    query = (
        f"select s as segment, w as lead_id from (values {segments}) as t(s) cross join (values ('a'), ('b')) as u(w)"
    )
    for found in broken_on_both(engine, LEAD_SEGMENTS, query, tmp_path):
        assert found == [Violation(LEAD_SEGMENTS.uniqueness, 6)]
