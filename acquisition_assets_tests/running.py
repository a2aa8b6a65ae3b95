"""Here: how a test runs the whole graph for one day, in process, and reads what the run left in the lake.

Not here: what is expected of it.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import dagster as dg
import pyarrow.parquet as pq

from acquisition_assets.automation.jobs import DAILY_JOB
from acquisition_assets.core.settings import Settings
from acquisition_assets.definitions import build_defs
from acquisition_assets.policy import Policy, read_policy
from acquisition_assets.sources.base import Source

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
RAW = ("raw_leads", "raw_events", "raw_referrals", "raw_content", "raw_status_changes")
OUTPUTS = (
    "dynamic_scores",
    "behavior_predictions",
    "content_recommendations",
    "lead_segments",
    "segment_changes",
    "anomalies",
    "social_performance",
)
TABLES = (*RAW, "quarantine", "lead_activity", "daily_metrics", *OUTPUTS)
TASKS = (
    "dynamic_scoring_system",
    "predictive_behavior_analysis",
    "personalized_content_recommendations",
    "advanced_segmentation_engine",
    "anomaly_detection",
    "social_media_tracking",
)


class Check(NamedTuple):
    """The outcome of one check of one asset."""

    passed: bool
    severity: str
    description: str


class Run(NamedTuple):
    """One run of the graph: whether all of it succeeded, which steps failed and why, and every check."""

    success: bool
    failed: dict[str, str]
    checks: dict[tuple[str, str], Check]
    metadata: dict[str, dict[str, Any]]

    @property
    def errors(self) -> str:
        """The messages of the failed steps, for assertions that fail."""
        return "; ".join(f"{step}: {message}" for step, message in self.failed.items())


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
    select: Callable[[], dg.AssetSelection] | None = None,
) -> Run:
    """Run the whole daily job (or the selected assets of it) for a day."""
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    settings = Settings.from_environment(
        {}, source=str(source_dir), lake=str(lake_dir), timezone=tz, start_date=start, threads=2
    )
    read = read_policy(policy) if isinstance(policy, Path) else policy
    job = build_defs(settings, policy=read, source=source, full=full).resolve_job_def(DAILY_JOB)
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            partition_key=str(day),
            instance=instance,
            raise_on_error=False,
            run_config=QUIET,
            asset_selection=list(select().resolve(job.asset_layer.asset_graph)) if select else None,
        )
        return Run(
            success=result.success,
            failed={event.step_key: _message(event) for event in result.all_events if event.is_step_failure},
            checks={
                (evaluation.asset_key.to_user_string(), evaluation.check_name): Check(
                    evaluation.passed, evaluation.severity.value, evaluation.description or ""
                )
                for evaluation in result.get_asset_check_evaluations()
            },
            metadata={
                event.asset_key.to_user_string(): {name: value.value for name, value in _metadata(event).items()}
                for event in result.all_events
                if event.is_step_materialization and event.asset_key
            },
        )


def _message(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return str(data.user_failure_data.description)
    return data.error_display_string


def _metadata(event: dg.DagsterEvent) -> dict[str, Any]:
    return dict(event.step_materialization_data.materialization.metadata)


def partition(lake_dir: Path, table: str, day: dt.date | str) -> Path:
    """The folder of a partition."""
    return Path(lake_dir) / table / f"date={day}"


def rows(lake_dir: Path, table: str, day: dt.date | str) -> list[dict[str, Any]]:
    """The rows of a partition, in the order in which they are stored."""
    files = sorted(partition(lake_dir, table, day).glob("*.parquet"))
    assert files, f"no partition {table}/date={day}"
    return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]


def by_lead(lake_dir: Path, table: str, day: dt.date | str) -> dict[str, dict[str, Any]]:
    """The rows of a table of one row per lead, by lead."""
    return {row["lead_id"]: row for row in rows(lake_dir, table, day)}


def report(lake_dir: Path, day: dt.date | str, task: str) -> dict[str, Any]:
    """A published report."""
    path = Path(lake_dir) / "reports" / f"date={day}" / f"{task}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def snapshot(lake_dir: Path, *days: dt.date | str) -> dict[str, list[str]]:
    """The content of every partition and report (of these days, else of all) in an order of its own, to compare."""
    found: dict[str, list[str]] = {}
    for path in sorted(Path(lake_dir).glob("*/date=*/*")):
        if days and path.parent.name not in {f"date={day}" for day in days}:
            continue
        name = f"{path.parent.parent.name}/{path.parent.name}"
        if path.suffix == ".json":
            found[f"{name}/{path.name}"] = [path.read_text(encoding="utf-8")]
        else:
            found[name] = sorted(repr(row) for row in pq.ParquetFile(path).read().to_pylist())
    return found
