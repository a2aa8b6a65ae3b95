"""Runs the whole graph for one day in the test process, and reads what the run left in the lake.

What to expect of it is left to world.py and oracle/reference.py.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import dagster as dg
import pyarrow.parquet as pq

from acquisition_assets import catalog
from acquisition_assets.automation.jobs import DAILY_JOB
from acquisition_assets.core.settings import Settings
from acquisition_assets.definitions import build_defs
from acquisition_assets.destinations import lake_views
from acquisition_assets.inputs.source import Source
from acquisition_assets.policy import Policy, read_policy

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
TABLES = tuple(table.table for table in catalog.TABLES)
OUTPUTS = tuple(
    table.table for product in catalog.PRODUCTS if product.name not in ("raw", "features") for table in product.tables
)
TASKS = tuple(report.task for report in catalog.REPORTS)


class Check(NamedTuple):
    """The outcome of one check of one asset."""

    passed: bool
    severity: str
    description: str


@dataclass
class Run:
    """One run of the graph: failed steps with their errors, every check, and the metadata of every materialisation."""

    failed: dict[str, str] = field(default_factory=dict)
    checks: dict[tuple[str, str], Check] = field(default_factory=dict)
    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def success(self) -> bool:
        """Return whether every step succeeded."""
        return not self.failed

    @property
    def errors(self) -> str:
        """Return the messages of the failed steps, for assertions."""
        return "; ".join(f"{step}: {message}" for step, message in self.failed.items())

    def add_check(self, asset: str, result: dg.AssetCheckResult | dg.AssetCheckEvaluation) -> None:
        """Record the outcome of a check."""
        outcome = Check(result.passed, result.severity.value, result.description or "")
        self.checks[asset, str(getattr(result, "check_name", ""))] = outcome


def run_day(
    source_dir: Path,
    lake_dir: Path,
    day: dt.date | str,
    tz: str = "UTC",
    policy: Policy | Path | None = None,
    full: bool = False,
    start: str = "2009-01-01",
    *,
    source: Source | None = None,
) -> Run:
    """Run the whole daily job for a day, as Dagster does."""
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    job = _definitions(source_dir, lake_dir, tz, policy, full, start, source).resolve_job_def(DAILY_JOB)
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            partition_key=str(day), instance=instance, raise_on_error=False, run_config=QUIET
        )
        run = Run()
        for event in result.all_events:
            if event.is_step_failure:
                run.failed[event.step_key] = _message(event)
            if event.is_step_materialization and event.asset_key:
                metadata = event.step_materialization_data.materialization.metadata
                run.metadata[event.asset_key.to_user_string()] = {name: value.value for name, value in metadata.items()}
        for evaluation in result.get_asset_check_evaluations():
            run.add_check(evaluation.asset_key.to_user_string(), evaluation)
        assert result.success == (not run.failed)
        return run


def compute_day(
    source_dir: Path,
    lake_dir: Path,
    day: dt.date | str,
    tz: str = "UTC",
    policy: Policy | Path | None = None,
    full: bool = False,
    start: str = "2009-01-01",
    *,
    source: Source | None = None,
    first_step: str | None = None,
    last_step: str | None = None,
) -> Run:
    """Run the steps that make tables (from one to one) without Dagster's machinery, in half the time.

    Stops at a failure.
    """
    run = Run()
    defs = _definitions(source_dir, lake_dir, tz, policy, full, start, source)
    is_due = first_step is None
    for assets in defs.assets or ():
        assert isinstance(assets, dg.AssetsDefinition)
        is_due = is_due or assets.op.name == first_step
        if not is_due or assets.op.name == lake_views.NAME:
            continue
        context = SimpleNamespace(partition_key=str(day), retry_number=0)
        step = assets.op.compute_fn.decorated_fn  # type: ignore[union-attr]
        try:
            for result in step(context):
                name = result.asset_key.to_user_string()
                if isinstance(result, dg.AssetCheckResult):
                    run.add_check(name, result)
                else:
                    run.metadata[name] = dict(result.metadata or {})
        except dg.Failure as failure:
            run.failed[assets.op.name] = failure.description or ""
        if run.failed or assets.op.name == last_step:
            break
    return run


def _definitions(
    source_dir: Path,
    lake_dir: Path,
    tz: str,
    policy: Policy | Path | None,
    full: bool,
    start: str,
    source: Source | None,
) -> dg.Definitions:
    settings = Settings.from_environment(
        {}, source=str(source_dir), lake=str(lake_dir), timezone=tz, start_date=start, threads=1
    )
    if not isinstance(policy, Policy):
        policy = _policy(policy)
    return build_defs(settings, policy=policy, source=source, full=full)


@cache
def graph() -> dict[str, tuple[str, set[str]]]:
    """Return for each table of the lake the step that makes it, and the tables that this step reads."""
    found = {}
    for assets in build_defs(Settings(), policy=_policy(None)).assets or ():
        assert isinstance(assets, dg.AssetsDefinition)
        if assets.op.name == lake_views.NAME:
            continue
        read = {dep.asset_key.to_user_string() for spec in assets.specs for dep in spec.deps}
        found |= {spec.key.to_user_string(): (assets.op.name, read) for spec in assets.specs}
    return found


def step_of(table: str) -> str:
    """Return the step that makes a table."""
    return graph()[table][0]


def lenient_policy(folder: Path) -> Path:
    """Write a policy file under which no day stops, however many rows are bad."""
    path = folder / "policy.yaml"
    limits = "quarantine_error_percent: 100, quarantine_most_percent: 100, unknown_leads_rows: 1000000"
    path.write_text(f"ingestion: {{{limits}}}\n", encoding="utf-8")
    return path


@cache
def _policy(path: Path | None) -> Policy:
    """Return a policy with the document's items, which the reference and the worlds made by hand know.

    The team's own items are tested in content_recommendations/, which gives the shipped policy itself.
    """
    policy = read_policy(path)
    rules = policy.content_recommendations.model_copy(update={"items": "document"})
    return policy.model_copy(update={"content_recommendations": rules})


def _message(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return str(data.user_failure_data.description)
    return data.error_display_string


def partition(lake_dir: Path, table: str, day: dt.date | str) -> Path:
    """Return the folder of a partition."""
    return Path(lake_dir) / table / f"date={day}"


def rows(lake_dir: Path, table: str, day: dt.date | str) -> list[dict[str, Any]]:
    """Return the rows of a partition in stored order."""
    files = sorted(partition(lake_dir, table, day).glob("*.parquet"))
    assert files, f"no partition {table}/date={day}"
    return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]


def by_lead(lake_dir: Path, table: str, day: dt.date | str) -> dict[str, dict[str, Any]]:
    """Return the rows by lead of a table with one row per lead."""
    return {row["lead_id"]: row for row in rows(lake_dir, table, day)}


def report(lake_dir: Path, day: dt.date | str, task: str) -> dict[str, Any]:
    """Return a published report."""
    path = Path(lake_dir) / "reports" / f"date={day}" / f"{task}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def snapshot(lake_dir: Path, *days: dt.date | str) -> dict[str, list[str]]:
    """Return the sorted content of every partition, report and page (of these days, or of all), for comparison.

    The time at which a run started (`source_state.read_at`) is left out: it is the run's own.
    """
    found: dict[str, list[str]] = {}
    for path in sorted(Path(lake_dir).glob("*/date=*/*")):
        if days and path.parent.name not in {f"date={day}" for day in days}:
            continue
        name = f"{path.parent.parent.name}/{path.parent.name}"
        if path.suffix in (".json", ".html"):
            found[f"{name}/{path.name}"] = [path.read_text(encoding="utf-8")]
        else:
            table = pq.ParquetFile(path).read()
            if path.parent.parent.name == "source_state":
                table = table.drop_columns("read_at")
            found[name] = sorted(repr(row) for row in table.to_pylist())
    return found
