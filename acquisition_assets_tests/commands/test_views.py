"""Protects `lake.duckdb`: its views equal the tables, wherever they are read from, and it blocks nobody."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from acquisition_assets.catalog import TABLES
from acquisition_assets.core.contracts import SQL
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.views import FILE, write_views
from acquisition_assets_tests.commands.conftest import DAYS, call, refused


def query(lake: Path, text: str) -> list[Any]:
    with duckdb.connect(lake / FILE, read_only=True) as connection:
        return connection.execute(text).fetchall()


def days_of(lake: Path, view: str) -> list[str]:
    return [str(day) for (day,) in query(lake, f"select distinct date from {view} order by 1")]


def test_a_run_writes_views_of_every_table_and_nothing_else(lake: Path) -> None:
    names = {contract.table for contract in TABLES}
    found = {name for (name,) in query(lake, "select view_name from duckdb_views() where not internal")}
    assert found == names | {f"current_{name}" for name in names}
    assert query(lake, "select count(*) from duckdb_tables()") == [(0,)]
    for contract in TABLES:
        files = sorted((lake / contract.table).glob("date=*/data.parquet"))
        rows = [pq.read_metadata(file).num_rows for file in files]
        for view, expected in ((contract.table, sum(rows)), (f"current_{contract.table}", rows[-1] if rows else 0)):
            assert query(lake, f"select count(*) from {view}") == [(expected,)], view
            columns = [
                (name, kind.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ"))
                for name, kind, *_ in query(lake, f"describe {view}")
            ]
            assert columns == [*((name, SQL[contract.kind(name)]) for name in contract.columns), ("date", "DATE")]
    assert days_of(lake, "dynamic_scores") == list(DAYS)
    assert days_of(lake, "current_dynamic_scores") == [DAYS[-1]]


def test_views_follow_the_lake_while_the_file_is_open(lake: Path, tmp_path: Path) -> None:
    """A tool keeps its connection over days: it sees a new day without rows, and blocks nothing."""
    copy = tmp_path / "a lake [it's]"
    shutil.copytree(lake, copy)
    newest = copy / "anomalies" / f"date={DAYS[-1]}"
    newest.rename(tmp_path / "kept")
    assert query(copy, "select count(*) from anomalies where date = '2025-03-10'") is not None
    assert call("views", "--lake", copy).exit_code == 0
    with duckdb.connect(copy / FILE, read_only=True) as tool:
        count = "select count(*), min(date) from current_anomalies"
        assert tool.execute(count).fetchone() == query(copy, count)[0]
        shutil.copytree(tmp_path / "kept", newest)
        pq.write_table(pq.read_table(newest / "data.parquet").slice(0, 0), newest / "data.parquet")
        assert tool.execute(count).fetchone() == (0, None)
        shutil.rmtree(copy / "rule_evidence")
        before = (copy / FILE).stat().st_ino
        assert call("views", "--lake", copy).exit_code == 0
        assert (copy / FILE).stat().st_ino != before
        assert tool.execute("select count(*) from dynamic_scores").fetchone() == (11,)
    assert query(copy, "select count(*) from rule_evidence") == [(0,)]
    assert not list(copy.glob(".staging/*/*"))


def test_the_file_is_left_alone_while_nothing_changes(lake: Path, tmp_path: Path) -> None:
    copy = tmp_path / "lake"
    shutil.copytree(lake, copy)
    write_views(Lake(str(copy)), TABLES)
    first = (copy / FILE).stat()
    assert write_views(Lake(str(copy)), TABLES).views == 2 * len(TABLES)
    assert (copy / FILE).stat().st_ino == first.st_ino
    (copy / FILE).write_bytes(b"broken")
    write_views(Lake(str(copy)), TABLES)
    assert query(copy, "select count(*) from dynamic_scores") == [(11,)]


def test_a_moved_lake_an_old_schema_and_a_corrupt_partition(lake: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(lake, moved)
    oldest = moved / "dynamic_scores" / f"date={DAYS[0]}" / "data.parquet"
    pq.write_table(pq.read_table(oldest).drop_columns(["is_updated"]), oldest)
    (moved / "anomalies" / f"date={DAYS[0]}" / "data.parquet").write_bytes(b"no Parquet")
    result = call("views", "--lake", moved)
    assert result.exit_code == 0
    assert result.stderr == "warning: no views of anomalies: a partition cannot be read; see acquisition validate\n"
    shutil.rmtree(moved / "dynamic_scores" / f"date={DAYS[1]}")
    assert days_of(moved, "dynamic_scores") == [DAYS[0], DAYS[2]]
    nulls = "select date, count(*) from dynamic_scores where is_updated is null group by all"
    assert [(str(day), count) for day, count in query(moved, nulls)] == [(DAYS[0], 3)]
    assert query(moved, "select count(*) from duckdb_views() where view_name like '%anomalies'") == [(0,)]


def test_a_lake_without_tables_or_in_a_store_is_refused(tmp_path: Path) -> None:
    assert "has no tables" in refused("views", "--lake", tmp_path / "none")
    assert not (tmp_path / "none").exists()
    assert "only into lakes that are folders" in refused("views", "--lake", "memory://lake")
