"""Protects the DuckDB engine: what a session binds and writes, and that its errors help without quoting data.

The contracts' rules are tested in test_contracts.py, Spark under services/spark.
"""

from __future__ import annotations

import datetime as dt
import re
import traceback
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition_assets.core.contracts import Contract, Kind, column
from acquisition_assets.core.duckdb_sql import in_memory
from acquisition_assets.core.engine.duckdb import DuckDBEngine, DuckDBSession, readable_errors
from acquisition_assets.core.engine.session import used
from acquisition_assets.core.errors import (
    AcquisitionError,
    ContractError,
    InputError,
    LakeError,
    QuarantineError,
    SourceUnavailableError,
)
from acquisition_assets.core.lake import Lake

DAY, NEXT = dt.date(2026, 3, 31), dt.date(2026, 4, 1)
THINGS = Contract(
    table="things",
    grain="One row per thing.",
    key=("id",),
    columns={f"a_{kind.value}": column(kind, kind.value, nullable=True) for kind in Kind}
    | {"id": column(Kind.TEXT, "Id")},
)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def session(lake: Lake, tmp_path: Path) -> Iterator[DuckDBSession]:
    with DuckDBEngine(lake, threads=1).session(tmp_path) as opened:
        yield opened


def publish(lake: Lake, day: dt.date, *ids: str) -> None:
    """Publish a partition of things with these ids."""
    with lake.staging() as folder:
        rows = [dict.fromkeys(THINGS.columns) | {"id": name} for name in ids]
        pq.write_table(pa.Table.from_pylist(rows, schema=THINGS.arrow_schema), folder / "things.parquet")
        lake.publish(folder / "things.parquet", "things", day)


def test_a_table_without_files_is_empty_with_the_same_types(session: DuckDBSession, lake: Lake) -> None:
    publish(lake, DAY, "a")
    session.bind("none", THINGS, [])
    session.bind("one", THINGS, lake.files("things", [DAY]))
    none, one = session.query("select * from none"), session.query("select * from one")
    assert none.num_rows == 0
    assert none.schema == one.schema
    assert none.schema.names == [*THINGS.columns, "date"]


def test_partitions_are_named_with_their_day(session: DuckDBSession, lake: Lake) -> None:
    publish(lake, DAY, "a", "b")
    publish(lake, NEXT, "a")
    session.bind("things", THINGS, lake.files("things", [DAY, NEXT]))
    assert session.query("select date, id from things order by all").to_pylist() == [
        {"date": DAY, "id": "a"},
        {"date": DAY, "id": "b"},
        {"date": NEXT, "id": "a"},
    ]


def test_a_query_is_written_with_the_contracts_columns_and_types(session: DuckDBSession, tmp_path: Path) -> None:
    path = tmp_path / "it's staged.parquet"
    query = (
        "select 7 as id, ['x'] as a_texts, date '2026-03-31' as a_date, 1 as a_flag, "
        "timestamptz '2026-03-31 00:00:00+02' as a_instant, '2.5' as a_number, "
        "3.0 as a_integer, null as a_text, 'more' as more where $wanted"
    )
    assert session.write(query, THINGS, path, {"wanted": True, "not_named": 1}) == 1
    assert THINGS.differences(pq.read_schema(path)) == []
    assert session.violations(THINGS, [path]) == []
    session.bind_staged(path)
    assert session.query("select * from staged").to_pylist() == [
        {
            "a_text": None,
            "a_integer": 3,
            "a_number": 2.5,
            "a_flag": True,
            "a_instant": dt.datetime(2026, 3, 30, 22, tzinfo=dt.timezone.utc),
            "a_date": DAY,
            "a_texts": ["x"],
            "id": "7",
        }
    ]
    assert session.write(query, THINGS, path, {"wanted": False}) == 0
    session.bind_staged(path)
    assert session.query("select * from staged").num_rows == 0


def test_small_tables_and_queries_are_named(session: DuckDBSession) -> None:
    session.bind_arrow("small", pa.table({"n": [1, 2, 3]}))
    session.bind_query("larger", "select n * $factor as n from small where n > $least", {"factor": 10, "least": 1})
    assert session.query("select sum(n) as total from larger").to_pylist() == [{"total": 50}]


def test_sessions_do_not_see_each_other(lake: Lake, tmp_path: Path) -> None:
    engine = DuckDBEngine(lake, threads=1)
    with engine.session(tmp_path) as one, engine.session(tmp_path) as other:
        one.bind_arrow("mine", pa.table({"n": [1]}))
        with pytest.raises(duckdb.CatalogException, match="mine"):
            other.query("select * from mine")


@pytest.mark.parametrize(
    ("query", "names"),
    [("select $a, $a_b", {"a", "a_b"}), ("select $a_b", {"a_b"}), ("select '$' || $b", {"b"}), ("select 1", set())],
)
def test_only_parameters_that_a_query_names_are_bound(query: str, names: set[str]) -> None:
    assert set(used(query, {"a": 1, "a_b": 2, "b": 3})) == names
    assert used(query, None) == {}


def test_a_corrupt_partition_is_named_with_the_command_that_rebuilds_it(
    session: DuckDBSession, lake: Lake, tmp_path: Path
) -> None:
    publish(lake, DAY, "a")
    file = Path(lake.file("things", DAY))
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(LakeError) as failure, readable_errors():
        session.bind("things", THINGS, lake.files("things", [DAY]))
    assert "partition things/date=2026-03-31 of the lake is corrupt" in str(failure.value)
    assert "acquisition run --date 2026-03-31" in str(failure.value)


def test_too_little_memory_says_what_to_raise(lake: Lake, tmp_path: Path) -> None:
    with (
        pytest.raises(AcquisitionError, match="raise ACQUISITION_MEMORY_LIMIT, or point ACQUISITION_SPILL"),
        DuckDBEngine(lake, memory_limit="16MB", threads=1).session(tmp_path) as session,
    ):
        session.query("select list(i) as l from range(10000000) as t(i)")


def test_an_unusable_spill_folder_is_reported(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "spill").write_text("a file", encoding="utf-8")
    engine = DuckDBEngine(lake, memory_limit="32MB", threads=1, spill=tmp_path / "spill")
    with (
        pytest.raises(LakeError, match=r"reading or writing failed \(.*spill.*\); the old partition was left"),
        engine.session(tmp_path) as s,
    ):
        s.query("select count(*) as n from (select distinct hash(i) as h, i from range(5000000) as t(i))")


def read_things(lake: Lake, scratch: Path) -> None:
    """Read the partitions of both days in a session of their own."""
    with DuckDBEngine(lake, threads=1).session(scratch) as session:
        session.bind("things", THINGS, lake.files("things", [DAY, NEXT]))
        session.query("select * from things")


@pytest.mark.parametrize("part", ["page", "footer"])
def test_a_damaged_partition_is_named_among_others(lake: Lake, tmp_path: Path, part: str) -> None:
    """DuckDB reports some damage without the file; then the bound files are read to find it."""
    for day in (DAY, NEXT):
        publish(lake, day, *(f"jane{number}@example.org" for number in range(100)))
    file = Path(lake.file("things", NEXT))
    content = bytearray(file.read_bytes())
    ids = pq.read_metadata(file).row_group(0).column(len(THINGS.columns) - 1)
    start = ids.dictionary_page_offset if part == "page" else len(content) - 40
    content[start : start + 20] = b"\xff" * 20
    file.write_bytes(content)
    with pytest.raises(LakeError, match="partition things/date=2026-04-01 of the lake is corrupt") as failure:
        read_things(lake, tmp_path)
    assert "jane" not in str(failure.value)


SECRET = "jane@example.org"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (f"select '{SECRET}'::integer", "a value does not fit the type .* (ConversionException of DuckDB)"),
        (f"select error('{SECRET}')", "DuckDB failed (InvalidInputException)"),
        (f"select from where '{SECRET}'", "DuckDB failed (ParserException)"),
        (f"select nothing = '{SECRET}'", "DuckDB failed (BinderException)"),
        (f"select * from read_csv('{SECRET}')", "reading or writing failed (DuckDB does not say which file)"),
    ],
)
def test_errors_omit_the_data_that_duckdb_quotes(session: DuckDBSession, query: str, message: str) -> None:
    with pytest.raises(AcquisitionError) as failure, readable_errors():
        session.query(query)
    assert re.match(re.escape(message).replace(r"\.\*", ".*"), str(failure.value))
    assert SECRET not in "".join(traceback.format_exception(failure.value))
    assert SECRET in str(failure.value.__context__)


def test_an_interrupt_passes_unchanged() -> None:
    with pytest.raises(duckdb.InterruptException), readable_errors():
        raise duckdb.InterruptException("Interrupted!")


def test_every_connection_uses_utc_and_is_offline_and_ignores_python_variables() -> None:
    frame = pd.DataFrame({"n": [1]})
    with in_memory(threads=1) as connection:
        settings = ("TimeZone", "autoinstall_known_extensions", "autoload_known_extensions", "threads")
        values = [connection.execute(f"select current_setting('{name}')").fetchall()[0][0] for name in settings]
        assert values == ["UTC", False, False, 1]
        with pytest.raises(duckdb.CatalogException, match="frame"):
            connection.execute("select * from frame")
        connection.register("frame", frame)
        assert connection.execute("select n from frame").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("kind", "exit_code", "retryable"),
    [
        (AcquisitionError, 1, False),
        (InputError, 2, False),
        (ContractError, 1, False),
        (QuarantineError, 1, False),
        (LakeError, 1, False),
        (SourceUnavailableError, 1, True),
    ],
)
def test_errors_are_one_line_with_an_exit_code(kind: type[AcquisitionError], exit_code: int, retryable: bool) -> None:
    error = kind("what\n  happened, \t and what to do")
    assert str(error) == "what happened, and what to do"
    assert (error.exit_code, error.retryable) == (exit_code, retryable)
