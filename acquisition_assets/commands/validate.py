"""Implements `acquisition validate`: looks at policy, source, rows, targets and lake, and writes to none of them.

Does not look at single rows (see `source_rows`), or decide what is right: policy, source and contracts say that.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from acquisition_assets.automation.notifiers import AppriseNotifier, brief_targets, make_notifiers
from acquisition_assets.catalog import REPORTS, TABLES
from acquisition_assets.commands.console import console, fail, line, table, warn
from acquisition_assets.commands.deployment import open_lake, read_checked_policy, read_settings, requested_days
from acquisition_assets.commands.exports import look_at_exports
from acquisition_assets.commands.source_rows import Outcome, look_at_rows
from acquisition_assets.core.contracts import Contract
from acquisition_assets.core.errors import AcquisitionError, InputError, LakeError, describe_error
from acquisition_assets.core.lake import Lake, corrupt
from acquisition_assets.core.settings import Settings
from acquisition_assets.core.staging import open_folder, temporary_place
from acquisition_assets.inputs.source import TAKEN_AS_EMPTY, UNREAD
from acquisition_assets.policy import Policy
from acquisition_assets.sources.choose import choose_source, last_day
from acquisition_assets.sources.files import FileSource

Part = Callable[[Settings, Console], Outcome]


@dataclass(frozen=True)
class TableState:
    """A table of the lake: its days, its rows, and what is wrong with partitions, a line each."""

    contract: Contract
    days: list[dt.date]
    rows: int
    problems: list[str]


def validate_command(date: str | None = None, **options: str | None) -> int:
    """Look at everything, print what was found, and return the exit code: the greatest of the parts.

    Raises:
        InputError: a setting or the date is wrong.
    """
    settings = read_settings(**options)
    (day,) = requested_days(settings, date, None, None, last_day(settings))
    out = console()
    parts: tuple[Part, ...] = (_policy, functools.partial(_source, day), _alerts, _briefs, _lake)
    found = [_checked(part, settings, out) for part in parts]
    count, code = sum(each.findings for each in found), max(each.exit_code for each in found)
    if not count:
        line(out, "all is well", "bold green")
    elif not code:
        line(out, f"a run would go on; look at what was found ({count} {'line' if count == 1 else 'lines'})", "yellow")
    return code


def _checked(part: Part, settings: Settings, out: Console) -> Outcome:
    """Look at one part; what it raises is reported, and the other parts are looked at all the same."""
    try:
        return part(settings, out)
    except AcquisitionError as error:
        fail(str(error))
        return Outcome(error.exit_code, 1)
    except OSError as error:
        fail(describe_error(error))
        return Outcome(LakeError.exit_code, 1)


def _policy(settings: Settings, out: Console) -> Outcome:
    policy = read_checked_policy(settings)
    name = f"{settings.policy} over the shipped policy" if settings.policy else "the shipped policy"
    line(out, f"policy  {name}: valid; segments: {', '.join(policy.segments) or 'none'}")
    return Outcome()


def _source(day: dt.date, settings: Settings, out: Console) -> Outcome:
    """Look at the source and its rows, where the policy says how."""
    source = choose_source(settings)
    warnings = source.check()
    for warning in warnings:
        warn(warning)
    line(out, f"source  {source.label}: can be read and has the required tables and columns")
    if isinstance(source, FileSource) and source.exports().claims:
        with open_folder(temporary_place()) as scratch:
            look_at_exports(source, settings.memory_limit, scratch, out)
    policy: Policy | None = None
    with contextlib.suppress(AcquisitionError, OSError):  # reported as the policy
        policy = read_checked_policy(settings)
    if policy is None:
        line(out, "rows    not looked at, as the policy is not valid")
        return Outcome()
    lake: Lake | None = None
    with contextlib.suppress(AcquisitionError, OSError):  # reported as the lake
        lake = open_lake(settings)
    found = look_at_rows(settings, policy, source, lake, day, out)
    others = sum(UNREAD in warning or not warning.endswith(TAKEN_AS_EMPTY) for warning in warnings)
    return Outcome(found.exit_code, found.findings + others)


def _alerts(settings: Settings, out: Console) -> Outcome:
    """Look at each target of alerts; nothing is sent."""
    targets = make_notifiers(settings.alert_urls, logging.getLogger(__name__))
    known = [target for target in targets if isinstance(target, AppriseNotifier)]
    outcome = _targets(known, settings, out)
    if known and not outcome.exit_code:
        line(out, f"alerts  {len(known)} targets are known; send a test with: acquisition alert --test")
    return outcome


def _briefs(settings: Settings, out: Console) -> Outcome:
    """Look at each target of briefs; nothing is sent."""
    targets = brief_targets(settings.brief_urls)
    outcome = _targets(targets, settings, out)
    if targets and not outcome.exit_code:
        line(out, f"briefs  {len(targets)} targets are known; the sensor send_briefs sends them each day's brief")
    return outcome


def _targets(targets: Sequence[AppriseNotifier], settings: Settings, out: Console) -> Outcome:
    found = [_checked(_target(target), settings, out) for target in targets]
    return Outcome(max((each.exit_code for each in found), default=0), sum(each.findings for each in found))


def _target(target: AppriseNotifier) -> Part:
    def check(settings: Settings, out: Console) -> Outcome:
        target.check()
        return Outcome()

    return check


def _lake(settings: Settings, out: Console) -> Outcome:
    lake = open_lake(settings)
    line(out, f"lake    {lake.url}: {_writable(lake)}")
    states = [_state(lake, contract) for contract in TABLES]
    present = [state for state in states if state.days]
    if not present:
        line(out, "        it is empty; make a day with: acquisition run")
        return Outcome()
    rows = [
        [s.contract.table, len(s.days), s.rows, str(s.days[0]), str(s.days[-1]), len(s.problems) or None]
        for s in present
    ]
    table(out, ["table", "days", "rows", "first day", "last day", "broken"], rows)
    problems = [problem for state in present for problem in state.problems]
    for problem in problems:
        fail(problem)
    return Outcome(LakeError.exit_code if problems else 0, len(problems))


def _writable(lake: Lake) -> str:
    """Whether the lake could be written, as far as can be seen without writing.

    Raises:
        InputError: it could not.
    """
    if not lake.is_local:
        return "whether it can be written is seen by the first run"
    place = Path(lake.root)
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        reason = "no right to write there" if place.is_dir() else "it is a file"
        raise InputError(
            f"the lake {lake.url} cannot be written ({place}: {reason}); choose another folder with --lake"
        )
    return "can be written" if place == Path(lake.root) else "does not exist yet and can be made"


def _state(lake: Lake, contract: Contract) -> TableState:
    days = lake.days(contract.table)
    found = [_partition(lake, contract, day) for day in days]
    problems = [problem for _, problem in found if problem]
    for report in REPORTS:
        if report.table == contract:
            unreadable = (_report_problem(lake, report.task, day) for day in days)
            problems += [problem for problem in unreadable if problem]
    return TableState(contract, days, sum(rows for rows, _ in found), problems)


def _report_problem(lake: Lake, task: str, day: dt.date) -> str | None:
    try:
        json.loads(lake.read_report(day, task))
    except LakeError as error:
        return str(error)
    except (OSError, ValueError):
        return f"the report {task} of {day} is corrupt; make it again with: acquisition run --date {day}"
    return None


def _partition(lake: Lake, contract: Contract, day: dt.date) -> tuple[int, str | None]:
    """Rows of a partition, and what is wrong with it."""
    try:
        return _checked_rows(lake, contract, day), None
    except LakeError as error:
        return 0, str(error)


def _checked_rows(lake: Lake, contract: Contract, day: dt.date) -> int:
    """Rows of a partition whose footer can be read and whose columns are the contract's.

    Raises:
        LakeError: they are not.
    """
    try:
        with lake.fs.open(lake.file(contract.table, day), "rb") as file:
            parquet = pq.ParquetFile(file)
            found, rows = parquet.schema_arrow, int(parquet.metadata.num_rows)
    except (pa.ArrowException, OSError) as error:
        raise corrupt(contract.table, str(day), error) from error
    differing = contract.differences(found)
    if differing:
        raise corrupt(contract.table, str(day), "; ".join(map(str, differing)))
    return rows
