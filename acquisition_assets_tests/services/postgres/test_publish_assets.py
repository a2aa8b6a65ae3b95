"""Protects the publishing assets: their metadata, the check that rows arrived, and how they fail.

How a day is replaced is tested in test_publish.py.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pyarrow.parquet as pq

from acquisition_assets.catalog import DELIVERED, REPORTS
from acquisition_assets.core.engine.duckdb import DuckDBEngine
from acquisition_assets.core.env import Env
from acquisition_assets.core.lake import Lake
from acquisition_assets.destinations.asset import build
from acquisition_assets.destinations.postgres import PostgresDestination, count_rows
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES

from .conftest import Database
from .test_publish import rows_of

DAY = dt.date(2026, 9, 30)
SCORES = "published_dynamic_scores"


class Deployment:
    """A lake with five scores of the day, and the assets that publish it."""

    def __init__(self, folder: Path, url: str, keep_days: int | None = None) -> None:
        self.lake = Lake(str(folder / "lake"))
        self.env = Env(self.lake, DuckDBEngine(self.lake), ZoneInfo("UTC"))
        self.assets = build(self.env, PostgresDestination(url, keep_days))
        self.put(5)

    def put(self, rows: int, day: dt.date = DAY) -> None:
        with self.lake.staging() as folder:
            pq.write_table(rows_of(DYNAMIC_SCORES, rows), folder / "scores.parquet")
            self.lake.publish(folder / "scores.parquet", DYNAMIC_SCORES.table, day)

    def run(self, asset: str, day: dt.date = DAY) -> dg.ExecuteInProcessResult:
        with dg.DagsterInstance.ephemeral() as instance:
            return dg.materialize(
                self.assets, selection=[asset], partition_key=day.isoformat(), instance=instance, raise_on_error=False
            )


def reason(result: dg.ExecuteInProcessResult) -> str:
    """Return why the only step failed."""
    assert not result.success
    (event,) = [event for event in result.all_events if event.is_step_failure]
    return str(event.step_failure_data.user_failure_data.description)  # type: ignore[union-attr]


def test_there_is_an_asset_for_each_table_and_one_for_the_reports(database: Database, tmp_path: Path) -> None:
    graph = dg.Definitions(assets=Deployment(tmp_path, database.url).assets).resolve_asset_graph()
    parents = {
        key.to_user_string(): {parent.to_user_string() for parent in graph.get(key).parent_keys}
        for key in graph.materializable_asset_keys
    }
    assert parents == {
        **{f"published_{contract.table}": {contract.table} for contract in DELIVERED},
        "published_reports": {report.table.table for report in REPORTS},
    }


def test_a_table_is_published(database: Database, tmp_path: Path) -> None:
    result = Deployment(tmp_path, database.url).run(SCORES)
    assert result.success
    (event,) = result.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert metadata["dagster/row_count"].value == 5
    assert metadata["destination"].value == f"postgresql://postgres@127.0.0.1:{database.server.port}/{database.name}"
    (check,) = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == ("rows_arrived", True)
    assert "s3cret" not in repr(result.all_events)


def test_reports_are_published(database: Database, tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, database.url)
    for task in (report.task for report in REPORTS):
        deployment.lake.publish_report('{"a": 1}', DAY, task)
    assert deployment.run("published_reports").success
    assert database.run("select count(*) from acquisition.current_reports") == [(len(REPORTS),)]


def test_old_days_are_deleted(database: Database, tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, database.url, keep_days=2)
    for age in (2, 1, 0):
        day = DAY - dt.timedelta(days=age)
        deployment.put(age, day)
        result = deployment.run(SCORES, day)
    assert database.run("select distinct date from acquisition.published_days order by 1") == [
        (DAY - dt.timedelta(days=1),),
        (DAY,),
    ]
    assert result.get_asset_materialization_events()[0].materialization.metadata["days_expired"].value == 1


def test_the_check_fails_if_rows_are_lost(database: Database, tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, database.url)
    assert deployment.run(SCORES).success
    database.run(
        "create function acquisition.lose() returns trigger language plpgsql as 'begin return null; end';"
        "create trigger lose before insert on acquisition.dynamic_scores for each row when (new.lead_id like '3%') "
        "execute function acquisition.lose()"
    )
    (check,) = deployment.run(SCORES).get_asset_check_evaluations()
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.ERROR
    assert check.description == f"4 rows of {DAY}, 5 in the lake"


def test_a_missing_partition_is_named(database: Database, tmp_path: Path) -> None:
    text = reason(Deployment(tmp_path, database.url).run(SCORES, DAY - dt.timedelta(days=5)))
    assert "the lake has no partition dynamic_scores/date=2026-09-25" in text


def test_a_corrupt_partition_replaces_nothing(database: Database, tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, database.url)
    assert deployment.run(SCORES).success
    deployment.put(300)
    file = Path(deployment.lake.file("dynamic_scores", DAY))
    content = bytearray(file.read_bytes())
    content[100:600] = bytes(500)
    file.write_bytes(content)
    assert "partition dynamic_scores/date=2026-09-30 of the lake is corrupt" in reason(deployment.run(SCORES))
    assert count_rows(database.url, "dynamic_scores", DAY) == 5


def test_a_wrong_password_fails_at_once_with_a_clear_error(database: Database, tmp_path: Path) -> None:
    result = Deployment(tmp_path, database.as_role("postgres", "hunter2")).run(SCORES)
    text = reason(result)
    assert "password authentication failed" in text
    assert "hunter2" not in repr(result.all_events)


def test_a_lost_connection_is_retried(database: Database, tmp_path: Path) -> None:
    """The first try is cut off; Dagster retries by itself, and the day is published."""
    deployment = Deployment(tmp_path, database.url)
    assert deployment.run(SCORES).success
    database.run(
        "create sequence acquisition.tries;"
        "create function acquisition.cut() returns trigger language plpgsql as $$ begin "
        "if nextval('acquisition.tries') = 1 then perform pg_terminate_backend(pg_backend_pid()); end if; "
        "return null; end $$;"
        "create trigger cut before insert on acquisition.dynamic_scores for each statement "
        "execute function acquisition.cut()"
    )
    deployment.put(9)
    result = deployment.run(SCORES)
    assert result.success
    assert sum(event.is_step_up_for_retry for event in result.all_events) == 1
    assert count_rows(database.url, "dynamic_scores", DAY) == 9
