"""Protects a real Dagster (webserver, daemon, code server): launched days, backfills, and what its pages show."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from acquisition_assets.automation.jobs import DAILY_JOB
from acquisition_assets.catalog import REPORTS
from acquisition_assets.policy import read_policy
from acquisition_assets.sources.arrow import sample_source
from acquisition_assets.sources.sample import LAST_DAY
from acquisition_assets_tests.kit.expectations import of_table
from acquisition_assets_tests.kit.running import OUTPUTS, TABLES, compute_day, snapshot
from acquisition_assets_tests.kit.servers import wait_for
from acquisition_assets_tests.services.ui.browser import GROUPS, Visitor, chromium, visit
from acquisition_assets_tests.services.ui.server import DagsterServer, dagster_dev

pytestmark = pytest.mark.browser
FINISHED = ("SUCCESS", "FAILURE", "CANCELED")
ANOMALIES = ("engagement_drop", "high_fraud_rate", "lead_generation_drop", "unusual_behavior")
REPORTED = {report.table.table for report in REPORTS}
RUN_SECONDS = 240.0
DAY = LAST_DAY.isoformat()


def days(before: int, count: int) -> list[str]:
    """Return consecutive days; the first is `before` days before the last day of the sample."""
    return [(LAST_DAY - dt.timedelta(days=before - n)).isoformat() for n in range(count)]


JOB_DAYS, ASSET_DAYS = days(100, 2), days(85, 2)  # scores look back 7 days, so these are independent


@dataclass(frozen=True)
class Deployment:
    """The server with its lake."""

    server: DagsterServer
    lake: Path

    def wait_for_days(self, wanted: list[str], tables: int) -> None:
        """Wait until the lake has that many tables of each day, and no run is under way."""

        def done() -> bool:
            runs = [run for run in self.server.runs() if run.partition in wanted]
            assert not [run for run in runs if run.status in FINISHED[1:]], runs
            there = all(len(list(self.lake.glob(f"*/date={day}/*.parquet"))) == tables for day in wanted)
            return there and all(run.status in FINISHED for run in runs)

        wait_for(f"tables of {wanted}", done, RUN_SECONDS)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Start Dagster on the sample, with the last day launched first."""
    folder = tmp_path_factory.mktemp("dagster")
    with dagster_dev(folder, {"ACQUISITION_SOURCE": "sample", "ACQUISITION_LAKE": str(folder / "lake")}) as server:
        server.launch(DAILY_JOB, DAY)
        yield Deployment(server, folder / "lake")


@pytest.fixture(scope="module")
def backfilling(deployment: Deployment) -> Deployment:
    """Return the deployment after requesting a backfill of assets and one of the job."""
    deployment.server.backfill(ASSET_DAYS, assets=TABLES)
    deployment.server.backfill(JOB_DAYS, job=DAILY_JOB)
    return deployment


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def visitor(deployment: Deployment, browser: Browser) -> Iterator[Visitor]:
    """Open the UI after the day has run, and assert at the end that its pages had no errors."""
    deployment.wait_for_days([DAY], len(TABLES))
    made = visit(browser, deployment.server.url, height=2600)  # the list of all assets is drawn as far as it is seen
    yield made
    made.page.context.close()
    assert made.complaints == []


# These pages show the newest materialisation, so they are tested before other days are run.


def test_the_checks_show_the_planted_anomalies(visitor: Visitor) -> None:
    page = visitor.go("/assets/anomalies?view=checks&checkDetail=high_fraud_rate")
    visitor.see("Checks (6)", "Tasa de fraude alta en referidos", "Revisar y fortalecer validaciones anti-fraude", DAY)
    wait_for("status of each check", lambda: len(_statuses(page)) == len(ANOMALIES) + 2, RUN_SECONDS)
    assert _statuses(page) == {
        "contract": "Succeeded",
        "recomputed": "Succeeded",
        **dict.fromkeys(ANOMALIES, "Failed"),
    }


def _statuses(page: Page) -> dict[str, str]:
    return dict(re.findall(r"^(\w+)\s+(Succeeded|Failed)$", page.locator("body").inner_text(), re.MULTILINE))


def test_the_page_of_an_output_shows_rows_columns_and_units(visitor: Visitor) -> None:
    visitor.go("/assets/dynamic_scores")
    visitor.see("Row count", "5,000", "Score that the source system keeps; never overwritten [points]", "non-nullable")
    visitor.see(["team", "growth"][1], "DuckDB", DAILY_JOB)


def test_backfills_start(backfilling: Deployment) -> None:
    """They keep running while the following tests look at the day."""
    wait_for(
        "run of a backfill", lambda: any(run.partition in JOB_DAYS for run in backfilling.server.runs()), RUN_SECONDS
    )


def test_the_launched_day_succeeds_in_spite_of_anomalies(deployment: Deployment) -> None:
    deployment.wait_for_days([DAY], len(TABLES))
    (run,) = [run for run in deployment.server.runs() if run.partition == DAY]
    assert (run.job, run.status) == (DAILY_JOB, "SUCCESS")


def test_the_alert_sensor_runs_by_default_and_logs_the_anomalies(deployment: Deployment) -> None:
    deployment.wait_for_days([DAY], len(TABLES))
    assert deployment.server.instigators()["alerts"]["status"] == "RUNNING"
    assert deployment.server.instigators()["daily"]["status"] == "STOPPED"  # of the sample
    for line in (
        "Tasa de apertura: 11 % frente a 35 % esperado",
        "Fraude en referidos: 62 % frente a un límite de 20 %",
        "Leads nuevos: 14 al día frente a 52,2 esperados",
        "12 leads recibieron muchos envíos",
    ):
        wait_for(line, lambda line=line: line in deployment.server.log.read_text(), RUN_SECONDS)
    assert "@example" not in deployment.server.log.read_text()


def test_the_catalog_lists_every_asset(visitor: Visitor) -> None:
    visitor.go("/assets")
    visitor.see(*OUTPUTS, "lead_activity", "raw_events")


def test_the_graph_shows_every_group_and_asset(visitor: Visitor) -> None:
    for group, name in zip(GROUPS, ("raw_leads", "lead_activity", "dynamic_scores"), strict=True):
        visitor.graph([group])
        visitor.see(*GROUPS, name)


@pytest.mark.parametrize("asset", OUTPUTS)
def test_a_day_of_an_output_shows_row_count_and_plot(visitor: Visitor, asset: str) -> None:
    page = visitor.go(f"/assets/{asset}?view=partitions&partition={DAY}")
    visitor.see("dagster/row_count", "Materialized")
    if of_table(asset).is_plotted:
        picture = page.get_by_role("img", name="plot")
        picture.wait_for()
        assert picture.evaluate("image => image.complete && image.naturalWidth") == 360
    if asset in REPORTED:
        visitor.see(f"reports/date={DAY}/")


def test_the_lineage_of_an_output_shows_what_it_reads(visitor: Visitor) -> None:
    visitor.go("/assets/lead_segments?view=lineage")
    visitor.see("lead_activity", "dynamic_scores", "lead_segments", "segment_changes")  # long names are truncated


@pytest.fixture(scope="module")
def one_by_one(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return the same days, run one after the other in this process."""
    lake = tmp_path_factory.mktemp("one_by_one") / "lake"
    for day in (*JOB_DAYS, *ASSET_DAYS):
        assert compute_day(lake, lake, day, policy=read_policy(), start="2026-06-03", source=sample_source()).success
    return tables(lake, [*JOB_DAYS, *ASSET_DAYS])


def tables(lake: Path, wanted: list[str]) -> dict[str, list[str]]:
    """Return all tables of these days without quarantine, which depends on how much history a run reads."""
    return {name: rows for name, rows in snapshot(lake, *wanted).items() if not name.startswith("quarantine/")}


def of(found: dict[str, list[str]], wanted: list[str]) -> dict[str, list[str]]:
    return {name: rows for name, rows in found.items() if any(f"date={day}" in name for day in wanted)}


def test_a_backfill_of_the_job_gives_the_tables_of_sequential_runs(
    backfilling: Deployment, one_by_one: dict[str, list[str]]
) -> None:
    backfilling.wait_for_days(JOB_DAYS, len(TABLES))
    assert tables(backfilling.lake, JOB_DAYS) == of(one_by_one, JOB_DAYS)
    runs = sorted((r for r in backfilling.server.runs() if r.partition in JOB_DAYS), key=lambda run: run.started)
    assert [run.partition for run in runs] == JOB_DAYS
    assert all(run.ended <= later.started for run, later in itertools.pairwise(runs))


def test_a_backfill_of_assets_gives_the_tables_of_sequential_runs(
    backfilling: Deployment, one_by_one: dict[str, list[str]]
) -> None:
    backfilling.wait_for_days(ASSET_DAYS, len(TABLES))
    assert tables(backfilling.lake, ASSET_DAYS) == of(one_by_one, ASSET_DAYS)
