"""Implements `acquisition run`: the checks before it, the days one after the other, progress, and the exit code.

Does not run a day itself (see `day`), nor print the summary (see `summary`).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console

from acquisition_assets.commands.console import console, fail, line, warn
from acquisition_assets.commands.deployment import (
    open_lake,
    read_checked_policy,
    read_settings,
    requested_days,
    with_first_day,
)
from acquisition_assets.core.errors import AcquisitionError, ExitCode, InputError, LakeError
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.memory import default_limit
from acquisition_assets.core.settings import Settings
from acquisition_assets.core.staging import discard_open_folders, swept_temporary_files
from acquisition_assets.daily_brief.contract import DAILY_BRIEF

if TYPE_CHECKING:
    import dagster as dg

    from acquisition_assets.commands.day import DayOutcome
    from acquisition_assets.inputs.source import Source
    from acquisition_assets.policy import Policy

WORTH_PROCESSES = 8
"""In shorter ranges it takes longer to start processes than they save."""
MOST_PROCESSES = 4
"""More have nothing to do, as each day reads the source after the day before has."""
Progress = Callable[[str, int, float], None]


@dataclass(frozen=True)
class Deployment:
    """What a run needs, checked: nothing of it is wrong before Dagster starts."""

    settings: Settings
    policy: Policy
    source: Source
    lake: Lake


def run_command(
    date: str | None, first: str | None, last: str | None, *, full: bool, forget: bool = False, **options: str | None
) -> int:
    """Run the requested days and return the exit code.

    Raises:
        InputError: settings, policy, source, lake or days are wrong, or the options do not fit together.
    """
    from acquisition_assets.sources.choose import last_day

    if forget and not full:
        raise InputError("--forget needs --full; give both, or leave --forget out")

    settings = read_settings(**options)
    days = requested_days(settings, date, first, last, last_day(settings))
    deployment = prepare(settings)
    out = console()
    try:
        outcomes = materialise(deployment, days, out, full=full, forget=forget)
        if outcomes[-1].exit_code not in (0, ExitCode.INTERRUPTED) and any(each.published for each in outcomes):
            _refresh_views(deployment.lake)
        return _tell(deployment, days, outcomes, out)
    except KeyboardInterrupt:
        fail("interrupted; unpublished tables were left unchanged")
        return ExitCode.INTERRUPTED


def _refresh_views(lake: Lake) -> None:
    """Give the tables that were published their views, as the step that does it ran only on days without a failure."""
    from acquisition_assets.commands.views import refresh_views

    if lake.is_local:
        try:
            refresh_views(lake)
        except LakeError as error:
            warn(str(error))


def prepare(settings: Settings) -> Deployment:
    """Check what a run needs; warnings go to stderr.

    Raises:
        InputError: policy, source or lake are wrong.
    """
    from acquisition_assets.sources.choose import choose_source

    policy = read_checked_policy(settings)
    source = choose_source(settings)
    for warning in source.check():
        warn(warning)
    lake = open_lake(settings)
    lake.check_writable()
    lake.sweep()
    return Deployment(settings, policy, source, lake)


def materialise(
    deployment: Deployment, days: Sequence[dt.date], out: Console, *, full: bool = False, forget: bool = False
) -> list[DayOutcome]:
    """Materialise the days, with progress, up to the first that fails; in long ranges some are side by side."""
    settings = _settings_for(deployment, days)
    jobs = parallel_days(settings, len(days))
    try:
        with swept_temporary_files():
            if jobs == 1:
                return _one_by_one(deployment, settings, days, out, full=full, forget=forget)
            return _side_by_side(deployment, settings, days, out, jobs, full=full, forget=forget)
    finally:
        discard_open_folders()


def _side_by_side(
    deployment: Deployment,
    settings: Settings,
    days: Sequence[dt.date],
    out: Console,
    jobs: int,
    *,
    full: bool,
    forget: bool,
) -> list[DayOutcome]:
    """The first day reads the history, or everything again; meanwhile the processes for the others start."""
    from acquisition_assets.commands.parallel_days import Processes

    shared = {} if "memory_limit" in settings.model_fields_set else {"memory_limit": default_limit(jobs)}
    processes = Processes(settings.model_copy(update=shared), days[1:], jobs, full=full, forget=forget)
    try:
        outcomes = _one_by_one(deployment, settings, days[:1], out, full=full, forget=forget)
        if not outcomes[-1].exit_code:
            line(out, f"{days[1]} to {days[-1]}, {jobs} days side by side")
            outcomes += processes.run(_progress_of_days(out))
    finally:
        processes.stop()
    return outcomes


def parallel_days(settings: Settings, days: int) -> int:
    """How many days of a range run side by side: what the settings say, else what pays off."""
    if settings.parallel_days is not None:
        return min(settings.parallel_days, max(1, days - 1))
    if days < WORTH_PROCESSES or settings.engine != "duckdb":
        return 1
    return min(MOST_PROCESSES, os.cpu_count() or 1)


def _settings_for(deployment: Deployment, days: Sequence[dt.date]) -> Settings:
    """The settings, with a first day before these days."""
    from acquisition_assets.core.env import DEFAULT_FIRST_DAY
    from acquisition_assets.sources.choose import first_day

    default = first_day(deployment.settings) or DEFAULT_FIRST_DAY
    return with_first_day(deployment.settings, default, days, deployment.policy.dynamic_scores.lookback_days + 1)


def _one_by_one(
    deployment: Deployment, settings: Settings, days: Sequence[dt.date], out: Console, *, full: bool, forget: bool
) -> list[DayOutcome]:
    from acquisition_assets.commands.day import instance, run_day

    outcomes: list[DayOutcome] = []
    with instance() as opened:
        definitions = _definitions(deployment, settings, out, full=full, forget=forget, up_to=days[-1])
        for day in days:
            line(out, f"{day} ({settings.timezone}) from {deployment.source.label} into {deployment.lake.url}")
            with out.status("working") if out.is_terminal else contextlib.nullcontext():
                outcomes.append(run_day(definitions, day, opened))
            if outcomes[-1].exit_code:
                break
    return outcomes


def _definitions(
    deployment: Deployment, settings: Settings, out: Console, *, full: bool, forget: bool, up_to: dt.date
) -> dg.Definitions:
    from acquisition_assets.definitions import build_defs

    return build_defs(
        settings,
        policy=deployment.policy,
        source=deployment.source,
        lake=deployment.lake,
        progress=progress(out),
        full=full,
        forget=forget,
        up_to=up_to,
    )


def progress(out: Console, indent: int = 2) -> Progress:
    """What tells each published table, in a line."""

    def tell(table: str, rows: int, seconds: float) -> None:
        took = f"{seconds:8.1f} s" if seconds else ""
        line(out, f"{'':{indent}}{table:<{38 - 6 * indent}}{rows:>12,} rows{took}")

    return tell


def _progress_of_days(out: Console) -> Callable[[dt.date, str, int, float], None]:
    """The same for days that run side by side."""
    tell = progress(out, indent=0)
    return lambda day, table, rows, seconds: tell(f"{day}  {table}", rows, seconds)


def _tell(deployment: Deployment, days: Sequence[dt.date], outcomes: Sequence[DayOutcome], out: Console) -> int:
    """Print what came of the days; the exit code."""
    from acquisition_assets.commands.summary import print_summary

    newest = outcomes[-1]
    if newest.exit_code == ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if newest.exit_code != ExitCode.WRONG_INPUT:
        print_summary(deployment.lake, outcomes, deployment.policy, out)
        _tell_brief(deployment, newest, out)
    if newest.exit_code == ExitCode.WRONG_INPUT:
        fail(next(failure.reason for failure in newest.failures if failure.exit_code == ExitCode.WRONG_INPUT))
    else:
        _tell_failures(newest)
    if newest.exit_code and newest.day != days[-1]:
        warn(f"stopped at {newest.day}, as later days build on it; not run: {len(days) - len(outcomes)} days after it")
    return newest.exit_code


def _tell_brief(deployment: Deployment, newest: DayOutcome, out: Console) -> None:
    """Print where the brief of the last day is; it is made here if a failed output kept the graph from making it."""
    from acquisition_assets.commands.brief import write_brief
    from acquisition_assets.commands.summary import ROOM
    from acquisition_assets.core.words import words_of
    from acquisition_assets.daily_brief.asset import page_path
    from acquisition_assets.daily_brief.facts import write_reasons

    lake, day = deployment.lake, newest.day
    words = words_of(ROOM, deployment.policy.locale)
    if DAILY_BRIEF.table in newest.published:
        line(out, words("summary.brief", page=lake.link(page_path(day))))
    elif DAILY_BRIEF.table in newest.skipped and newest.published:
        try:
            write_reasons(lake, day, {failure.step: failure.reason for failure in newest.failures})
            page = write_brief(deployment.settings, deployment.policy, lake, day)
        except AcquisitionError as error:  # what failed the day may keep the brief from being made too
            warn(f"the brief of {day} was not made: {error}")
        else:
            line(out, words("summary.brief", page=page))


def _tell_failures(outcome: DayOutcome) -> None:
    for failure in outcome.failures:
        fail(f"{outcome.day}: {failure.step}: {failure.reason}")
    skipped = [step for step in outcome.skipped if step != DAILY_BRIEF.table]
    if skipped:
        fail(f"{outcome.day}: not run, as what they read failed: {', '.join(skipped)}")
