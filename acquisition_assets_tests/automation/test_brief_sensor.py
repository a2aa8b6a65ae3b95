"""Protects when briefs are sent: days that are over, each once for each target, and no flood after a backfill."""

import datetime as dt
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition_assets.automation.briefs import brief_sensor
from acquisition_assets.automation.failed_runs import failed_run_sensor
from acquisition_assets.automation.notifiers import AlertError
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.settings import Settings
from acquisition_assets.daily_brief.contract import DAILY_BRIEF
from acquisition_assets_tests.daily_brief.expectations import BRIEF

UTC = dt.timezone.utc
DAYS = dg.DailyPartitionsDefinition("2025-01-01", end_offset=1)
SEND_DAYS = 7
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class Target:
    """A target that keeps titles, or refuses."""

    key = label = "target"

    def __init__(self) -> None:
        self.got: list[str] = []
        self.is_down = False

    def send_page(self, title: str, page: str, file: Path) -> None:
        if self.is_down:
            raise AlertError("target did not take the brief: it cannot be reached")
        assert file.read_text(encoding="utf-8") == page
        self.got.append(title)


class Daemon:
    """A lake of briefs, an instance whose runs made them, and the sensor with its cursor."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        logging.getLogger("dagster").setLevel(logging.CRITICAL)
        self.instance, self.lake, self.target = instance, Lake(str(folder / "lake")), Target()
        self.cursor: str | None = None
        self.now = dt.datetime.now(UTC) + dt.timedelta(seconds=2)

    def make(self, day: dt.date, **numbers: Any) -> None:
        """Make the brief of a day in a run."""
        path = f"briefs/date={day}/brief.html"
        self.lake.publish_page(f"<p>{day}", path)
        with self.lake.staging() as folder:
            row = {**BRIEF, "day": day, "path": path, **numbers}
            pq.write_table(pa.Table.from_pylist([row], schema=DAILY_BRIEF.arrow_schema), folder / "row.parquet")
            self.lake.publish(folder / "row.parquet", DAILY_BRIEF.table, day)

        @dg.asset(name="daily_brief", partitions_def=DAYS)
        def made() -> None:
            """Make nothing: the lake has it."""

        assert dg.materialize([made], instance=self.instance, partition_key=str(day), run_config=QUIET).success

    def tick(self) -> tuple[list[str], list[tuple[bool, str]]]:
        """Return the titles that a tick sends, and the outcomes of the check that it reports."""
        self.target.got.clear()
        sensor = brief_sensor(Settings(), self.lake, SEND_DAYS, "en", targets=[self.target], clock=lambda: self.now)
        with dg.build_sensor_context(instance=self.instance, cursor=self.cursor, sensor_name="send_briefs") as context:
            result = sensor(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        events = [event for event in result.asset_events if isinstance(event, dg.AssetCheckEvaluation)]
        return list(self.target.got), [(event.passed, event.description or "") for event in events]

    def day(self, days_ago: int) -> dt.date:
        """Return a day before today."""
        return self.now.date() - dt.timedelta(days=days_ago)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Daemon(tmp_path, instance)


def title(day: dt.date, ending: str = "") -> str:
    return f"Daily brief: {day:%A, %B} {day.day}, {day.year}{ending}"


def test_only_days_that_are_over_are_sent_in_order(daemon: Daemon) -> None:
    for days_ago in (1, 2, 0):
        daemon.make(daemon.day(days_ago))
    sent, outcomes = daemon.tick()
    assert sent == [title(daemon.day(2)), title(daemon.day(1))]
    assert outcomes == [(True, "1 targets took every brief")]
    assert daemon.tick() == ([], [])


def test_a_backfill_sends_the_newest_of_its_old_days_when_it_is_done(daemon: Daemon) -> None:
    old = daemon.day(SEND_DAYS + 1)
    for days_before in (1, 0):
        daemon.make(old - dt.timedelta(days=days_before))
    going_on = daemon.instance.create_run_for_job(dg.GraphDefinition(name="more").to_job())
    assert daemon.tick() == ([], [])
    daemon.instance.report_run_canceled(going_on)
    assert daemon.tick()[0] == [title(old)]
    daemon.make(daemon.day(SEND_DAYS))
    daemon.make(old, new_leads=15)
    assert daemon.tick()[0] == [title(daemon.day(SEND_DAYS))], "an old day that is not the newest any more"


def test_a_rerun_is_sent_only_with_other_numbers_and_a_return_to_the_first_ones_too(daemon: Daemon) -> None:
    day = daemon.day(1)
    told = []
    for numbers in ({}, {"bytes": 7}, {"new_leads": 15}, {"new_leads": 15}, {"new_leads": None}, {}):
        daemon.make(day, **numbers)
        told.append(daemon.tick()[0])
    corrected = [title(day, " (corrected)")]
    assert told == [[title(day)], [], corrected, [], corrected, corrected]


def test_a_target_that_is_down_fails_the_check_until_it_has_every_day(daemon: Daemon) -> None:
    first, second = daemon.day(2), daemon.day(1)
    daemon.target.is_down = True
    daemon.make(first)
    refused = f"{first}: target did not take the brief: it cannot be reached"
    assert daemon.tick() == ([], [(False, f"{refused}; sent again at each tick")])
    assert daemon.tick() == ([], []), "the same outcome is reported once"
    daemon.make(second)
    ((passed, text),) = daemon.tick()[1]
    assert (passed, text.count("did not take"), str(second) in text) == (False, 2, True)
    daemon.make(second, new_leads=15)
    daemon.target.is_down = False
    assert daemon.tick() == ([title(first), title(second)], [(True, "1 targets took every brief")]), "the newest only"
    assert daemon.tick() == ([], [])


def test_what_no_run_has_made_is_not_sent_and_a_lost_page_stops_nothing(daemon: Daemon) -> None:
    daemon.make(daemon.day(3))
    daemon.lake.fs.rm(f"{daemon.lake.root}/briefs", recursive=True)
    daemon.make(daemon.day(2))
    by_hand = dg.AssetMaterialization("daily_brief", partition=str(daemon.day(1)))
    daemon.instance.report_runless_asset_event(by_hand)
    assert daemon.tick()[0] == [title(daemon.day(2))]


@pytest.mark.parametrize("lost", [None, "no json", '{"since": 3, "failing": []}'])
def test_a_lost_cursor_sends_nothing_twice(daemon: Daemon, lost: str | None) -> None:
    daemon.make(daemon.day(1))
    assert daemon.tick()[0]
    daemon.cursor = lost
    assert daemon.tick() == ([], [])


def test_which_failed_runs_get_a_brief(daemon: Daemon) -> None:
    """One that failed after ingestion and before the brief, and that Dagster does not run again by itself."""
    day = daemon.day(1)

    def requested(failing: str, **tags: str) -> list[str]:
        result = run(daemon.instance, day, failing, tags)
        with dg.build_sensor_context(instance=daemon.instance, sensor_name="brief_after_failure") as context:
            evaluated = failed_run_sensor(daemon.lake, "job")(context)
        assert isinstance(evaluated, dg.SensorResult)
        keys = {request.run_key for request in evaluated.run_requests or ()}
        return [failing] if result.run_id in keys else []

    assert requested("scores") == [], "the lake has no leads"
    with daemon.lake.staging() as folder:
        pq.write_table(pa.table({"lead_id": ["ana"]}), folder / "leads.parquet")
        daemon.lake.publish(folder / "leads.parquet", "raw_leads", day)
    assert requested("scores") == ["scores"]
    assert daemon.lake.read_report(day, "failed_steps") == '{\n  "scores": "lost a•••@e•••"\n}\n'
    assert requested("raw_leads") == [], "ingestion"
    assert requested("daily_brief") == [], "the brief itself: it would fail again"
    assert requested("nothing") == []
    assert requested("scores", **{"dagster/will_retry": "true"}) == []
    assert requested("scores", **{"acquisition/brief_after": "another"}) == []


def run(instance: dg.DagsterInstance, day: dt.date, failing: str, tags: dict[str, str]) -> dg.ExecuteInProcessResult:
    """Run leads, an output and the brief; the named one fails."""

    def asset(name: str, *deps: str) -> dg.AssetsDefinition:
        @dg.asset(name=name, deps=deps, partitions_def=DAYS)
        def made() -> None:
            if name == failing:
                raise dg.Failure("lost ana@example.org")

        return made

    assets = [asset("raw_leads"), asset("scores", "raw_leads"), asset("daily_brief", "scores")]
    return dg.materialize(
        assets, instance=instance, partition_key=str(day), run_config=QUIET, tags=tags, raise_on_error=False
    )
