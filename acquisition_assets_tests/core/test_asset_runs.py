"""Protects runs of the graph in Dagster: what a day records, what a failure stops, and what is retried.

Recomputed checks are tested in test_recomputed.py, contracts in test_contracts.py.
"""

from __future__ import annotations

import base64
import errno
import json
import math
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from acquisition_assets import catalog
from acquisition_assets.anomalies.contract import ANOMALIES
from acquisition_assets.automation.jobs import DAILY_JOB
from acquisition_assets.catalog import REPORTS
from acquisition_assets.core.contracts import Violation
from acquisition_assets.core.errors import ContractError, InputError, LakeError, SourceUnavailableError
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.masking import MASK, sanitize_json
from acquisition_assets.core.plots import INLINE
from acquisition_assets.core.settings import Settings
from acquisition_assets.core.specs import column_lineage, preview
from acquisition_assets.core.step import MAX_RETRIES, Step, failures
from acquisition_assets.daily_brief.asset import DELIVERED_CHECK
from acquisition_assets.definitions import build_defs
from acquisition_assets.destinations import lake_views
from acquisition_assets.raw.contract import RAW_LEADS
from acquisition_assets_tests.kit import world
from acquisition_assets_tests.kit.expectations import tables
from acquisition_assets_tests.kit.random_world import write
from acquisition_assets_tests.kit.running import (
    OUTPUTS,
    QUIET,
    TABLES,
    TASKS,
    compute_day,
    graph,
    rows,
    snapshot,
    step_of,
)
from acquisition_assets_tests.kit.world import MONDAY, SUNDAY

EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.\w+")
REPORTED = {report.table.table for report in REPORTS}
PLOTTED = [table for table, known in tables().items() if known.is_plotted and table in OUTPUTS]


def below(table: str) -> set[str]:
    """Return the tables of every step that reads a table, itself included, at any distance."""
    found = {table}
    while True:
        steps = {step for step, read in graph().values() if read & found} | {step_of(table)}
        more = {other for other in graph() if step_of(other) in steps}
        if more == found:
            return found
        found = more


class Deployment:
    """A lake, and an instance that remembers its runs."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self.folder, self.lake, self.instance = folder, folder / "lake", instance

    def run(self, day: Any = MONDAY) -> dg.ExecuteInProcessResult:
        settings = Settings.from_environment(
            {}, source=str(self.folder / "source"), lake=str(self.lake), timezone=world.ZONE, start_date="2009-01-01"
        )
        job = build_defs(settings).resolve_job_def(DAILY_JOB)
        return job.execute_in_process(
            partition_key=str(day), instance=self.instance, raise_on_error=False, run_config=QUIET
        )


def recorded_metadata(result: dg.ExecuteInProcessResult) -> dict[str, Mapping[str, dg.MetadataValue[Any]]]:
    """Return the assets that a run materialised, each with its metadata."""
    return {
        event.asset_key.to_user_string(): event.step_materialization_data.materialization.metadata
        for event in result.all_events
        if event.is_step_materialization and event.asset_key
    }


def made(result: dg.ExecuteInProcessResult) -> set[str]:
    """Return the tables that a run materialised."""
    return set(recorded_metadata(result)) - {lake_views.NAME}


def evaluation(result: dg.ExecuteInProcessResult, table: str, check: str) -> dg.AssetCheckEvaluation:
    """Return the outcome of a check."""
    (found,) = (
        outcome
        for outcome in result.get_asset_check_evaluations()
        if (outcome.asset_key.to_user_string(), outcome.check_name) == (table, check)
    )
    return found


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as started:
        yield started


@pytest.fixture
def deployment(tmp_path: Path, instance: dg.DagsterInstance) -> Deployment:
    """Return the hand-made world before its first run."""
    write(tmp_path / "source", world.SOURCE)
    return Deployment(tmp_path, instance)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Deployment, dg.ExecuteInProcessResult]]:
    """Run Monday of the hand-made world in Dagster."""
    folder = tmp_path_factory.mktemp("day")
    write(folder / "source", world.SOURCE)
    with dg.DagsterInstance.ephemeral() as started:
        one = Deployment(folder, started)
        yield one, one.run()


@pytest.fixture
def after_day(
    day: tuple[Deployment, dg.ExecuteInProcessResult], tmp_path: Path, instance: dg.DagsterInstance
) -> Deployment:
    """Return a copy of the hand-made world and its lake after Monday."""
    assert day[1].success, [event.message for event in day[1].all_events if event.is_step_failure]
    shutil.copytree(day[0].folder, tmp_path, dirs_exist_ok=True)
    return Deployment(tmp_path, instance)


def test_every_check_and_table_is_recorded_for_the_day(day: tuple[Deployment, dg.ExecuteInProcessResult]) -> None:
    deployment, result = day
    assert result.success
    evaluations = result.get_asset_check_evaluations()
    by_day = [e for e in evaluations if e.check_name != DELIVERED_CHECK]  # which a sensor reports too
    assert {e.partition for e in by_day} == {str(MONDAY)}
    assert {(e.asset_key.to_user_string(), e.check_name) for e in evaluations} >= {(t, "contract") for t in TABLES}
    for table in TABLES:
        assert deployment.instance.get_materialized_partitions(dg.AssetKey(table)) == {str(MONDAY)}


def test_every_table_reports_its_rows_and_no_email_address(
    day: tuple[Deployment, dg.ExecuteInProcessResult],
) -> None:
    deployment, result = day
    recorded = recorded_metadata(result)
    assert recorded.pop(lake_views.NAME)["views"].value == 2 * len(TABLES)
    assert recorded.keys() == set(TABLES)
    stored, contracts = snapshot(deployment.lake, MONDAY), {table.table: table for table in catalog.TABLES}
    for table, metadata in recorded.items():
        assert metadata["dagster/row_count"].value == len(stored[f"{table}/date={MONDAY}"]), table
        assert not EMAIL.search(str({name: value.value for name, value in metadata.items()}))
    for output in OUTPUTS:
        assert recorded[output]["preview"].value
        assert ("plot" in recorded[output]) == (output in PLOTTED)
        assert output not in PLOTTED or len(str(recorded[output]["plot"].value)) <= INLINE
        assert ("report" in recorded[output]) == (output in REPORTED)
    plots = {name: value.value for name, value in recorded["metric_watch"].items() if name.startswith("plot_")}
    assert "plot_new_leads" in plots
    assert max(map(len, map(str, plots.values()))) <= INLINE
    for output in OUTPUTS:
        if output in REPORTED:
            written = json.loads((deployment.lake / str(recorded[output]["report_file"].value)).read_text())
            assert recorded[output]["report"].value == sanitize_json(written)
        lineage = recorded[output].get("dagster/column_lineage")
        assert (lineage and lineage.value) == column_lineage(contracts[output])
        assert business_numbers(recorded[output]), f"{output} has no number of the business for the UI to draw"
    for event in deployment.instance.all_logs(result.run_id):
        assert "@example" not in str(event)


def business_numbers(metadata: Mapping[str, dg.MetadataValue[Any]]) -> dict[str, float]:
    """Return the numbers that Dagster draws over the days, besides those of every table."""
    numbers = {
        name: value.value
        for name, value in metadata.items()
        if isinstance(value, (dg.IntMetadataValue, dg.FloatMetadataValue)) and value.value is not None
    }
    assert all(math.isfinite(number) for number in numbers.values()), numbers
    return {name: number for name, number in numbers.items() if name not in ("dagster/row_count", "bytes", "seconds")}


def test_the_numbers_of_the_business_are_those_of_the_tables(
    day: tuple[Deployment, dg.ExecuteInProcessResult],
) -> None:
    deployment, result = day
    found = {asset: business_numbers(metadata) for asset, metadata in recorded_metadata(result).items()}

    def column(table: str, name: str) -> list[Any]:
        return [row[name] for row in rows(deployment.lake, table, MONDAY)]

    scores, updated = column("dynamic_scores", "score"), column("dynamic_scores", "is_updated")
    assert found["dynamic_scores"]["mean_score"] == pytest.approx(sum(scores) / len(scores), abs=0.005)
    share = sum(updated) / sum(column("dynamic_scores", "is_analysed"))
    assert found["dynamic_scores"]["share_updated"] == pytest.approx(share, abs=0.00005)
    likely = column("behavior_predictions", "predicted_next_action").count("likely_to_convert")
    assert found["behavior_predictions"]["leads_likely_to_convert"] == likely
    segments = column("lead_segments", "segment")
    assert segments
    assert {name: found["lead_segments"][f"leads_{name}"] for name in segments} == Counter(segments)
    assert found["anomalies"]["anomalies"] == len(column("anomalies", "type"))
    assert found["content_recommendations"]["leads_with_item"] == column("content_recommendations", "rank").count(1)
    (today,) = (row for row in rows(deployment.lake, "daily_metrics", MONDAY) if row["day"] == MONDAY)
    assert found["daily_metrics"]["new_leads"] == today["new_leads"]
    (opened,) = (
        row
        for row in rows(deployment.lake, "metric_history", MONDAY)
        if (row["day"], row["metric"]) == (MONDAY, "open_rate")
    )
    assert found["metric_history"].get("open_rate") == (
        pytest.approx(opened["value"] / opened["trials"], abs=0.00005) if opened["trials"] else None
    )
    rates = [row["engagement_rate"] for row in rows(deployment.lake, "social_performance", MONDAY) if row["is_social"]]
    assert found["social_performance"].get("best_platform_percent", max(rates)) in rates


def test_a_preview_of_chosen_columns_is_uncut() -> None:
    row = {**dict.fromkeys(ANOMALIES.columns), "severity": "high", "message": 60 * "long ", "recommendation": "act"}
    shown = preview(ANOMALIES, pa.Table.from_pylist([row])).split("\n")
    assert shown[0] == "| severity | message | recommendation |"
    assert shown[2] == f"| high | {60 * 'long '} | act |"


def test_a_preview_shows_the_first_rows_with_personal_data_masked() -> None:
    nothing = dict.fromkeys(RAW_LEADS.columns)
    rows = [{**nothing, "lead_id": "a|b", "email": "ana@example.org", "utm_campaign": "x\ny", "engagement_score": 0.5}]
    shown = preview(RAW_LEADS, pa.Table.from_pylist(rows)).split("\n")
    assert len(shown) == 3
    assert shown[0].endswith(" | email |")
    assert "a\\|b" in shown[2]
    assert "x y" in shown[2]
    assert shown[2].endswith(f" | {MASK} |")
    assert "ana@" not in shown[2]


def test_only_the_email_address_is_marked_as_personal() -> None:
    assert [name for name in RAW_LEADS.columns if RAW_LEADS.is_personal(name)] == ["email"]


# -- a failure ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["dynamic_scores", "behavior_predictions", "lead_segments", "anomalies"])
def test_a_broken_contract_stops_only_what_reads_the_table(
    table: str, after_day: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(after_day.lake)
    violations_of = Step.violations

    def violations(step: Step) -> list[Violation]:
        return [Violation("score <= 100", 3)] if step.contract.table == table else violations_of(step)

    monkeypatch.setattr(Step, "violations", violations)
    result = after_day.run()
    assert not result.success
    assert table in below(table) < set(TABLES)
    assert made(result) == set(TABLES) - below(table)
    contract = evaluation(result, table, "contract")
    assert (contract.passed, contract.severity, contract.partition) == (False, dg.AssetCheckSeverity.ERROR, str(MONDAY))
    assert "score <= 100" in str(contract.description)
    assert snapshot(after_day.lake) == before
    assert [event.step_key for event in result.all_events if event.is_step_failure] == [table]
    assert not [event for event in result.all_events if event.is_step_up_for_retry]


def test_too_many_bad_rows_stop_everything(after_day: Deployment) -> None:
    before = snapshot(after_day.lake)
    bad = [{**world.LEADS[0], "lead_id": f"bad{n}", "created_at": "nonsense"} for n in range(10)]
    write(after_day.folder / "source", {**world.SOURCE, "leads": [*world.LEADS, *bad]})
    result = after_day.run()
    assert made(result) == set()
    assert [event.step_key for event in result.all_events if event.is_step_failure] == ["ingest"]
    after = snapshot(after_day.lake)
    quarantined = set(after.pop(f"quarantine/date={MONDAY}")) - set(before.pop(f"quarantine/date={MONDAY}"))
    assert len(quarantined) == 10
    assert after == before
    check = evaluation(result, "raw_leads", "quarantine")
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)


def test_a_full_disk_leaves_every_table_unchanged_and_is_not_retried(
    after_day: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(after_day.lake)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Lake, "publish", full)
    result = after_day.run()
    assert made(result) == set()
    assert snapshot(after_day.lake) == before
    (failure,) = (event for event in result.all_events if event.is_step_failure)
    assert "No space left on device" in str(failure.step_failure_data.user_failure_data)
    assert not [event for event in result.all_events if event.is_step_up_for_retry]


# -- retries ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("attempt", "seconds"), [(0, 2), (1, 4), (2, 8)])
def test_transient_errors_are_retried_after_growing_waits(attempt: int, seconds: int) -> None:
    with pytest.raises(dg.RetryRequested) as retry, failures(attempt):
        raise SourceUnavailableError("the database is away")
    assert (retry.value.max_retries, retry.value.seconds_to_wait) == (MAX_RETRIES, seconds)
    assert isinstance(retry.value.__cause__, dg.Failure)
    assert retry.value.__cause__.description == "the database is away"


@pytest.mark.parametrize(
    ("error", "message", "code"),
    [
        (InputError("leads.csv has no lead_id"), "leads.csv has no lead_id", 2),
        (ContractError("broken"), "broken", 1),
        (LakeError("corrupt"), "corrupt", 1),
        (ZeroDivisionError("of ana@example.org"), "unexpected ZeroDivisionError", None),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device", None),
    ],
)
def test_permanent_errors_are_not_retried(error: Exception, message: str, code: int | None) -> None:
    with pytest.raises(dg.Failure) as failed, failures():
        raise error
    assert not failed.value.allow_retries
    assert str(failed.value.description).startswith(message)
    assert "ana@" not in str(failed.value.description)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__
    codes = failed.value.metadata.get("exit_code")
    assert (codes.value if codes else None) == code


def test_a_dagster_failure_passes_unchanged() -> None:
    failure = dg.Failure("mine")
    with pytest.raises(dg.Failure) as failed, failures():
        raise failure
    assert failed.value is failure


@pytest.mark.parametrize("text", ["Query interrupted", "INTERRUPT Error: Interrupted!"])
def test_an_interrupted_query_is_a_keyboard_interrupt(text: str) -> None:
    with pytest.raises(KeyboardInterrupt), failures():
        raise RuntimeError(text)


def test_a_step_is_retried_until_it_succeeds(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    publish, waits = Lake.publish, []
    away = iter([True, True, False])

    def flaky(lake: Lake, staged: Path, table: str, day: Any) -> None:
        if table == "anomalies" and next(away, False):
            raise SourceUnavailableError("the store is away")
        publish(lake, staged, table, day)

    monkeypatch.setattr(Lake, "publish", flaky)
    monkeypatch.setattr(time, "sleep", waits.append)
    result = deployment.run()
    assert result.success
    assert made(result) == set(TABLES)
    assert len([event for event in result.all_events if event.is_step_up_for_retry]) == 2


# -- days with little or much in them ----------------------------------------------------------------------------------


def test_an_empty_day_has_every_report_and_empty_plots(tmp_path: Path) -> None:
    write(tmp_path / "source", {"leads": [world.LEADS[0]]})
    run = compute_day(tmp_path / "source", tmp_path / "lake", SUNDAY, world.ZONE)
    assert run.success, run.errors
    for task in TASKS:
        json.loads((tmp_path / "lake" / "reports" / f"date={SUNDAY}" / f"{task}.json").read_text())
    for output in PLOTTED:
        assert len(run.metadata[output]["plot"].value) <= INLINE


def test_many_segments_and_types_of_any_name_are_drawn_inline(tmp_path: Path) -> None:
    kinds = [f"a content type with a very long name | <b>&{n}" for n in range(40)]
    events = [
        {"event_id": f"{n}-{what}", "lead_id": "ana", "delivery_id": f"d{n}", "event_type": what, "content_type": kind}
        | {"occurred_at": "2024-03-30T10:00:00Z"}
        for n, kind in enumerate(kinds)
        for what in ("sent", "completed")
    ]
    leads = [{**lead, "source": f"channel {n} {'😀' * 30}"} for n, lead in enumerate(world.LEADS)]
    write(tmp_path / "source", {"leads": leads, "events": events})
    policy = tmp_path / "policy.yaml"
    segments = {f"segment_{n}_{'x' * 40}": {"description": "d", "criterion": f"age_days >= {n}"} for n in range(60)}
    policy.write_text(json.dumps({"segments": segments}), encoding="utf-8")
    run = compute_day(tmp_path / "source", tmp_path / "lake", SUNDAY, world.ZONE, policy=policy)
    assert run.success, run.errors
    for output in PLOTTED:
        plot = run.metadata[output]["plot"].value
        assert len(plot) <= INLINE
        assert b"</svg>" in base64.b64decode(plot.split("base64,")[1].rstrip(")"))
    assert "Leads by segment (first " in run.metadata["lead_segments"]["plot"].value
