"""Protects the choice of destinations by their URLs, and that several of them receive the same day.

PostgreSQL itself is tested in services/postgres.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition_assets.catalog import DELIVERED
from acquisition_assets.core.contracts import Contract
from acquisition_assets.core.engine.duckdb import DuckDBEngine
from acquisition_assets.core.env import Env
from acquisition_assets.core.errors import InputError
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.settings import Settings
from acquisition_assets.destinations import asset, choose
from acquisition_assets.destinations.choose import KINDS, choose_destinations
from acquisition_assets.lead_segments.contract import LEAD_SEGMENTS
from acquisition_assets_tests.kit.expectations import of_table

DAY = dt.date(2026, 9, 30)
DATABASE = "postgresql://writer:s3cret@db.example/crm"


@dataclass
class Memory:
    """A destination that remembers how many rows it received."""

    url: str
    keep_days: int | None = None
    kind: str = "memory"
    title: str = "memory"
    prefix: str = "remembered"
    label: str = "memory"
    rows: dict[tuple[str, dt.date], int] = field(default_factory=dict)

    def address(self, table: str) -> str:
        return f"memory/{table}"

    def deliver_table(self, contract: Contract, day: dt.date, file: IO[bytes]) -> int:
        self.rows[contract.table, day] = pq.ParquetFile(file).metadata.num_rows
        return self.rows[contract.table, day]

    def deliver_reports(self, day: dt.date, reports: dict[str, str]) -> int:
        self.rows["reports", day] = len(reports)
        return len(reports)

    def count_rows(self, table: str, day: dt.date) -> int:
        return self.rows[table, day]

    def expire(self, table: str) -> list[dt.date]:
        return []


def settings(urls: str) -> Settings:
    return Settings.from_environment({"ACQUISITION_PUBLISH_URL": urls, "ACQUISITION_PUBLISH_RETENTION_DAYS": "9"})


def test_the_scheme_of_each_url_chooses_a_destination(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_destinations(Settings()) == []
    monkeypatch.setitem(KINDS, "memory", Memory)
    database, memory = choose_destinations(settings(f" {DATABASE}  MEMORY://x "))
    assert (database.title, database.kind, database.label) == (
        "PostgreSQL",
        "postgres",
        "postgresql://writer@db.example/crm",
    )
    assert memory == Memory("MEMORY://x", 9)


@pytest.mark.parametrize(
    ("urls", "words"),
    [
        ("mysql://me:s3cret@host/db", "mysql:// is no destination; use postgresql or postgres"),
        (f"{DATABASE} mysql://me:s3cret@host/db", "mysql:// is no destination"),
        (f"{DATABASE} postgres://me:s3cret@host/db", "names PostgreSQL twice; name each kind of destination once"),
    ],
)
def test_a_url_without_a_destination_of_its_own_is_refused(urls: str, words: str) -> None:
    with pytest.raises(InputError, match="ACQUISITION_PUBLISH_URL") as refusal:
        choose_destinations(settings(urls))
    assert words in str(refusal.value)
    assert "s3cret" not in str(refusal.value)


def test_two_destinations_have_assets_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake(str(tmp_path / "lake"))
    env = Env(lake, DuckDBEngine(lake), ZoneInfo("UTC"))
    monkeypatch.setitem(KINDS, "memory", Memory)
    database, memory = choose.choose_destinations(settings(f"{DATABASE} memory://x"))
    assets = {each.title: asset.build(env, each) for each in (database, memory)}
    graph = dg.Definitions(assets=[one for made in assets.values() for one in made]).resolve_asset_graph()
    tables = [*(contract.table for contract in DELIVERED), "reports"]
    assert {key.to_user_string() for key in graph.materializable_asset_keys} == {
        f"{prefix}_{table}" for prefix in ("published", "remembered") for table in tables
    }
    for title, made in assets.items():
        for one in made:
            assert all(f" in {title}" in str(spec.description) for spec in one.specs)

    with lake.staging() as folder:
        good = [dict(row) for row in of_table("lead_segments").good]
        pq.write_table(pa.Table.from_pylist(good, LEAD_SEGMENTS.arrow_schema), folder / "some.parquet")
        lake.publish(folder / "some.parquet", "lead_segments", DAY)
    name = "remembered_lead_segments"
    result = dg.materialize(assets["memory"], selection=[name], partition_key=str(DAY))
    (check,) = result.get_asset_check_evaluations()
    assert (check.asset_key.to_user_string(), check.check_name, check.passed) == (name, "rows_arrived", True)
    assert memory.count_rows("lead_segments", DAY) == len(good)
