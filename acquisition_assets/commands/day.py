"""Runs the graph for one day in this process, and collects the outcome.

Printing is left to `run` and `summary`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import dagster as dg

from acquisition_assets.automation.jobs import DAILY_JOB
from acquisition_assets.core.errors import InputError

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
INTERRUPT = "INTERRUPT"
CANCELED = "PIPELINE_CANCELED"
STEP_START = "STEP_START"
INTERRUPTED = 130
REASON_LENGTH = 300


@dataclass(frozen=True)
class Failure:
    """A failed step: its name, the reason, and the exit code for it."""

    step: str
    reason: str
    exit_code: int


@dataclass(frozen=True)
class FailedCheck:
    """A check that did not pass: its severity, ERROR or WARN, and what it found."""

    table: str
    check: str
    severity: str
    description: str


@dataclass(frozen=True)
class DayOutcome:
    """The outcome of one day's run.

    published: the tables that were published.
    skipped: the steps that did not run, because a step before them failed.
    """

    day: dt.date
    seconds: float
    published: tuple[str, ...]
    failures: tuple[Failure, ...]
    skipped: tuple[str, ...]
    checks: tuple[FailedCheck, ...]

    @property
    def exit_code(self) -> int:
        """Return 0 for success, else the highest exit code of the failures."""
        return max((failure.exit_code for failure in self.failures), default=0)


@contextlib.contextmanager
def instance() -> Iterator[dg.DagsterInstance]:
    """Open the Dagster instance of DAGSTER_HOME, so that its UI shows the runs, or else one in memory.

    Raises:
        InputError: The instance of DAGSTER_HOME cannot be opened.
    """
    home = os.environ.get("DAGSTER_HOME")
    if not home:
        with dg.DagsterInstance.ephemeral() as opened:
            yield opened
        return
    try:
        opened = dg.DagsterInstance.get()
    except Exception as error:
        reason = " ".join(str(error).split())[:REASON_LENGTH].rstrip(".") or type(error).__name__
        raise InputError(
            f"Dagster's instance in DAGSTER_HOME={home} cannot be opened ({reason}); repair it, or unset DAGSTER_HOME"
        ) from error
    with opened:
        yield opened


def has_materialised(asset: str) -> bool:
    """Return whether the instance has recorded any materialisation of an asset."""
    with instance() as opened:
        return opened.get_latest_materialization_event(dg.AssetKey(asset)) is not None


def run_day(definitions: dg.Definitions, day: dt.date, on: dg.DagsterInstance) -> DayOutcome:
    """Materialise the whole graph for a day. Return the outcome; failures are part of it."""
    started = time.perf_counter()
    job = definitions.resolve_job_def(DAILY_JOB)
    result = job.execute_in_process(partition_key=day.isoformat(), instance=on, run_config=QUIET, raise_on_error=False)
    events = result.all_events
    failures = [_failure(event) for event in events if event.is_step_failure]
    if not failures:
        failures = [
            _run_failure(event) for event in events if event.is_run_failure or event.event_type_value == CANCELED
        ]
    return DayOutcome(
        day=day,
        seconds=time.perf_counter() - started,
        published=tuple(
            event.asset_key.to_user_string() for event in result.get_asset_materialization_events() if event.asset_key
        ),
        failures=tuple(failures),
        skipped=_not_run(job, events),
        checks=tuple(
            FailedCheck(c.asset_key.to_user_string(), c.check_name, c.severity.value, c.description or "")
            for c in result.get_asset_check_evaluations()
            if not c.passed
        ),
    )


def _not_run(job: dg.JobDefinition, events: Sequence[dg.DagsterEvent]) -> tuple[str, ...]:
    """Return the steps that never started; Dagster has no event for steps after a failed one."""
    started = {event.step_key for event in events if event.event_type_value == STEP_START}
    return tuple(sorted({node.name for node in job.nodes} - started))


def _run_failure(event: dg.DagsterEvent) -> Failure:
    """Return the failure of a run that ended between its steps."""
    error = event.job_failure_data.error if event.is_run_failure else None
    if error is None or "Interrupt" in str(error.cls_name):
        return Failure("the run", "interrupted", INTERRUPTED)
    return Failure("the run", error.message, 1)


def _failure(event: dg.DagsterEvent) -> Failure:
    data = event.step_failure_data
    if data.error_source is not None and data.error_source.name == INTERRUPT:
        return Failure(str(event.step_key), "interrupted", INTERRUPTED)
    raised = data.user_failure_data
    code = raised.metadata.get("exit_code") if raised and raised.metadata else None
    reason = raised.description if raised and raised.description else None
    if reason is None:
        error = data.error
        while error is not None and error.cause is not None:
            error = error.cause
        reason = error.message if error else "no reason was given"
    return Failure(str(event.step_key), reason, int(str(code.value)) if code is not None else 1)
