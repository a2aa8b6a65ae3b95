"""Protects where the DuckDB engine slices a large table, and that sliced queries give the same rows as whole ones.

The features as a whole are compared in features/test_features_slices.py.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition_assets.core.contracts import Contract, Kind, column
from acquisition_assets.core.engine import slices
from acquisition_assets.core.engine.duckdb import DuckDBEngine, DuckDBSession, readable_errors
from acquisition_assets.core.engine.slices import Slices, bounds_of, rows_per_slice
from acquisition_assets.core.errors import LakeError
from acquisition_assets.core.lake import Lake

NAMES = [f"lead-{number:04}" for number in range(1000)]
VISITS = Contract(
    table="visits",
    grain="One row per visit.",
    key=(),
    columns={"lead_id": column(Kind.TEXT, "Who"), "pages": column(Kind.INTEGER, "How many")},
)
QUERY = "select lead_id, sum(pages) as pages from visits group by lead_id"


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "ROWS_OF_A_SLICE", 500)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[DuckDBSession]:
    with DuckDBEngine(Lake(str(tmp_path / "lake"))).session(tmp_path) as opened:
        yield opened


def visits(folder: Path, names: Sequence[str | None], group: int = 100) -> list[str]:
    """Publish three days with each of these once a day, stored in row groups of this size."""
    files = []
    for day in range(3):
        file = folder / f"visits/date={dt.date(2026, 3, 1 + day)}/data.parquet"
        file.parent.mkdir(parents=True)
        table = pa.table({"lead_id": pa.array(names, pa.string()), "pages": pa.array([day + 1] * len(names))})
        pq.write_table(table, file, row_group_size=group)
        files.append(str(file))
    return files


def test_rows_in_order_are_computed_slice_by_slice(session: DuckDBSession, tmp_path: Path) -> None:
    session.bind("visits", VISITS, visits(tmp_path, NAMES))
    ranges = session.slice_by("visits", "lead_id")
    assert ranges == Slices("lead_id", ("lead-0100", "lead-0300", "lead-0500", "lead-0600", "lead-0800"))
    assert len(ranges.of("visits").queries(QUERY)) == 6
    session.bind_query("pages", QUERY, slices=ranges.of("visits"))
    assert session.query("select * from pages order by 1").to_pylist() == [
        {"lead_id": name, "pages": 6} for name in NAMES
    ]


def test_each_slice_sees_its_own_rows_of_every_relation(session: DuckDBSession, tmp_path: Path) -> None:
    session.bind("visits", VISITS, visits(tmp_path, NAMES))
    session.bind_arrow("leads", pa.table({"lead_id": [*NAMES[::2], "lead-", "lead-1"]}))
    session.bind_view("seen", "select lead_id, count(*) as visits from visits group by lead_id")
    ranges = session.slice_by("visits", "lead_id")
    query = "with named as (select * from leads) select lead_id, visits, $n n from named left join seen using (lead_id)"
    session.bind_query("sliced", query, {"n": 7}, ranges.of("leads", "seen"))
    session.bind_query("whole", query, {"n": 7}, ranges)
    rows = [session.query(f"select * from {name} order by 1").to_pylist() for name in ("sliced", "whole")]
    assert rows[0] == rows[1]
    assert len(rows[0]) == len(NAMES) // 2 + 2


def test_sliced_output_is_written_to_one_file(session: DuckDBSession, tmp_path: Path) -> None:
    session.bind("visits", VISITS, visits(tmp_path, NAMES))
    ranges = session.slice_by("visits", "lead_id")
    for number in range(2):
        file = tmp_path / f"{number}.parquet"
        assert session.write(QUERY, VISITS, file, slices=ranges.of("visits")) == len(NAMES)
        assert sorted(pq.ParquetFile(file).read().column("lead_id").to_pylist()) == NAMES
        assert not session.violations(VISITS, [file])


def test_slices_are_kept_in_the_spill_folder_while_the_session_lasts(tmp_path: Path) -> None:
    spill = tmp_path / "disk" / "spill"
    with DuckDBEngine(Lake(str(tmp_path / "lake")), spill=spill).session(tmp_path / "scratch") as session:
        session.bind("visits", VISITS, visits(tmp_path, NAMES))
        ranges = session.slice_by("visits", "lead_id")
        assert not spill.exists()
        session.bind_query("pages", QUERY, slices=ranges.of("visits"))
        session.connection.execute("checkpoint kept")
        (file,) = spill.glob("slices-*/slices.duckdb")
        assert b"lead-0999" in file.read_bytes()
    assert list(spill.glob("slices-*")) == []


def test_a_folder_that_cannot_keep_slices_says_so(tmp_path: Path) -> None:
    (tmp_path / "spill").write_text("a file", encoding="utf-8")
    engine = DuckDBEngine(Lake(str(tmp_path / "lake")), spill=tmp_path / "spill")
    with engine.session(tmp_path) as session:
        session.bind("visits", VISITS, visits(tmp_path, NAMES))
        ranges = session.slice_by("visits", "lead_id").of("visits")
        with pytest.raises(LakeError, match=r"reading or writing failed .*slices"), readable_errors():
            session.bind_query("pages", QUERY, slices=ranges)


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(random.Random(1).sample(NAMES, len(NAMES)), id="in no order"),
        pytest.param(NAMES[:160], id="few"),
        pytest.param([None, *NAMES], id="with nulls alone in a group"),
        pytest.param(["the same"] * 1000, id="one lead"),
    ],
)
def test_other_queries_are_not_sliced(names: list[str | None], session: DuckDBSession, tmp_path: Path) -> None:
    session.bind("visits", VISITS, visits(tmp_path, names, group=1 if None in names else 100))
    ranges = session.slice_by("visits", "lead_id")
    assert ranges.bounds == ()
    session.bind_query("pages", QUERY, slices=ranges.of("visits"))
    assert session.query("select count(*) as leads from pages").to_pylist() == [{"leads": len(set(names))}]


def test_a_table_without_files_is_not_sliced(session: DuckDBSession) -> None:
    session.bind("visits", VISITS, [])
    assert session.slice_by("visits", "lead_id").bounds == ()


def test_slices_use_the_text_order_of_the_engine(session: DuckDBSession, tmp_path: Path) -> None:
    names = sorted({f"{letter}{number}" for number in range(60) for letter in "aZé'ß日😀\u07ff\ue000"})
    session.bind("visits", VISITS, visits(tmp_path, names, group=20))
    ranges = session.slice_by("visits", "lead_id")
    assert len(ranges.bounds) > 1
    session.bind_query("pages", QUERY, slices=ranges.of("visits"))
    assert session.query("select lead_id from pages order by 1").column("lead_id").to_pylist() == names


def test_slices_may_overlap() -> None:
    apart = [(f"{number:03}", f"{number:03}x", 100) for number in range(30)]
    assert len(bounds_of(apart, 500)) == 5
    assert len(bounds_of([("000", "zzz", 300), *apart], 500)) == 6
    assert bounds_of([("000", "zzz", 2000), *apart], 500) == ()


def test_more_memory_makes_fewer_slices() -> None:
    assert [rows_per_slice(limit) for limit in ("64MB", "640MB", "6400MB", "1GB")] == [500, 500, 5000, 800]
