"""Protects how a run of a day handles steps that fail, are retried or are interrupted.

It uses small graphs; the real graph is run in test_run.py.
"""

import datetime as dt
import re
from collections.abc import Callable

import dagster as dg
import pytest

from acquisition_assets.automation.jobs import daily_job
from acquisition_assets.commands.day import DayOutcome, run_day
from acquisition_assets.core import step as steps
from acquisition_assets.core.errors import InputError, LakeError, SourceUnavailableError

DAY = dt.date(2025, 3, 10)
PARTITIONS = dg.DailyPartitionsDefinition("2025-03-01")


def outcome_of(body: Callable[[int], None]) -> tuple[DayOutcome, list[int]]:
    """The outcome of a graph of one step, one that reads it, and one beside it; and the attempts of the first."""
    attempts: list[int] = []

    @dg.asset(partitions_def=PARTITIONS)
    def first(context: dg.AssetExecutionContext) -> None:
        attempts.append(context.retry_number)
        with steps.failures(context.retry_number):
            body(context.retry_number)

    @dg.asset(partitions_def=PARTITIONS, deps=[first])
    def second() -> None:
        pass

    @dg.asset(partitions_def=PARTITIONS)
    def zebra() -> None:
        pass

    definitions = dg.Definitions(assets=[first, second, zebra], jobs=[daily_job()], executor=dg.in_process_executor)
    with dg.DagsterInstance.ephemeral() as instance:
        return run_day(definitions, DAY, instance), attempts


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "FIRST_RETRY_SECONDS", 0)


def fail_with(error: BaseException, until: int = 100) -> Callable[[int], None]:
    def body(attempt: int) -> None:
        if attempt < until:
            raise error

    return body


def test_success() -> None:
    outcome, _ = outcome_of(lambda attempt: None)
    assert outcome.exit_code == 0
    assert set(outcome.published) == {"first", "second", "zebra"}


@pytest.mark.parametrize(
    ("error", "exit_code", "reason"),
    [
        (InputError("wrong input"), 2, "wrong input"),
        (LakeError("a broken lake"), 1, "a broken lake"),
        (
            ZeroDivisionError("a defect"),
            1,
            r"unexpected ZeroDivisionError at [\w/]+\.py:\d+; please report it with this line",
        ),
    ],
)
def test_failures_have_their_reason_and_exit_code(error: Exception, exit_code: int, reason: str) -> None:
    outcome, attempts = outcome_of(fail_with(error))
    (failure,) = outcome.failures
    assert (failure.step, failure.exit_code) == ("first", exit_code)
    assert re.fullmatch(reason, failure.reason)
    assert outcome.exit_code == exit_code
    assert outcome.skipped == ("second",)
    assert outcome.published == ("zebra",)
    assert attempts == [0]


def test_what_can_pass_on_retry_is_retried() -> None:
    outcome, attempts = outcome_of(fail_with(SourceUnavailableError("gone"), until=2))
    assert outcome.exit_code == 0
    assert attempts == [0, 1, 2]


def test_after_the_last_retry_the_reason_is_told() -> None:
    outcome, attempts = outcome_of(fail_with(SourceUnavailableError("the server is gone")))
    assert [(f.step, f.reason, f.exit_code) for f in outcome.failures] == [("first", "the server is gone", 1)]
    assert attempts == [0, 1, 2, 3]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("Query interrupted")])
def test_an_interrupted_step_ends_the_run(error: BaseException) -> None:
    outcome, attempts = outcome_of(fail_with(error))
    assert outcome.exit_code == 130
    assert attempts == [0]
    assert outcome.published == ()
