"""Gives every command what it needs first: the settings of options and environment, the policy, the lake, the days.

Does not decide what a command does with them.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from acquisition_assets.commands.console import warn
from acquisition_assets.core.days import day_of, days_between, parse_day
from acquisition_assets.core.errors import InputError, describe_error
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.masking import holds_password
from acquisition_assets.core.settings import PREFIX, Settings

if TYPE_CHECKING:
    from acquisition_assets.criteria.language import Criterion
    from acquisition_assets.policy import Policy

EARLIEST_DAY = dt.date(1970, 1, 1)
"""Before it no business day is tabulated."""


def utc_now() -> dt.datetime:
    """Return the time."""
    return dt.datetime.now(dt.timezone.utc)


def read_settings(**options: str | None) -> Settings:
    """Return the settings of the environment; options win.

    A variable that is not a setting, and a password that is an option, are reported on stderr.

    Raises:
        InputError: a setting is wrong, or the current folder is gone.
    """
    try:
        Path.cwd()
    except OSError:
        raise InputError("the current folder does not exist any more; change to another one") from None
    for name, value in options.items():
        if value is not None and not value.strip():
            raise InputError(f"--{name} is empty; give it a value or leave it out")
        if value is not None and holds_password(value):
            warn(
                f"whoever lists this machine's processes sees the password in --{name}; set "
                f"{PREFIX}{name.upper()} in the environment instead"
            )
    for warning in Settings.unknown_variables(os.environ):
        warn(warning)
    return Settings.from_environment(os.environ, **options)


def choose_day(lake: Lake, days: Sequence[dt.date], requested: dt.date | None, what: str) -> dt.date:
    """Return the requested day, or the newest of the days on which the lake has something.

    Args:
        days: those days, oldest first.
        what: what the lake has on them, such as a table.

    Raises:
        InputError: the lake does not have it on the requested day, or on none at all.
    """
    if not days:
        raise InputError(f"the lake {lake.url} has no {what}; name another one with --lake, or run: acquisition run")
    if requested is not None and requested not in days:
        several = f"{len(days)} days from {days[0]} to {days[-1]}; choose one of them"
        held = several if len(days) > 1 else f"only {days[0]}; choose it"
        raise InputError(
            f"the lake {lake.url} has no {what} of {requested}; it has {held}, or run: acquisition run "
            f"--date {requested}"
        )
    return requested or days[-1]


def open_lake(settings: Settings) -> Lake:
    """Return the lake that the settings name.

    Raises:
        InputError: its URL is of an unknown kind, holds credentials, or cannot be opened.
    """
    try:
        return Lake(settings.lake)
    except (ValueError, ImportError, RuntimeError) as error:  # such as ~nobody
        raise InputError(
            f"the lake {settings.lake} cannot be opened ({describe_error(error)}); name a folder or an fsspec URL"
        ) from error


def read_criteria(settings: Settings, policy: Policy) -> list[Criterion]:
    """Return the criteria of the policy's segments, in its order.

    Raises:
        InputError: one is refused; the message names the file and the segment.
    """
    from acquisition_assets.lead_segments.memberships import parse_segments
    from acquisition_assets.policy import SHIPPED

    try:
        return parse_segments(policy.segments)
    except InputError as error:
        raise InputError(f"policy file {settings.policy or SHIPPED}: {error}") from error


def read_checked_policy(settings: Settings) -> Policy:
    """Return the policy, with its segments' criteria checked.

    Raises:
        InputError: with file, key, what is wrong and what is allowed.
    """
    from acquisition_assets.policy import read_policy

    policy = read_policy(settings.policy_path)
    read_criteria(settings, policy)
    return policy


def requested_days(
    settings: Settings, date: str | None, first: str | None, last: str | None, default: dt.date | None
) -> list[dt.date]:
    """Return the days that the options ask for, in order.

    Args:
        settings: for the time zone.
        date: a single day; first, last: a range.
        default: the day without options; None for yesterday.

    Raises:
        InputError: one is malformed, or has not ended yet, or they do not fit together.
    """
    newest = _newest_day(settings)
    if first is not None or last is not None:
        return _range(settings, date, first, last, newest)
    if date is not None:
        return [_ended(parse_day(date, "--date"), newest, settings)]
    return [_ended(default or newest, newest, settings)]


def _range(settings: Settings, date: str | None, first: str | None, last: str | None, newest: dt.date) -> list[dt.date]:
    if date is not None:
        raise InputError("--date and --from/--to exclude each other; give one day or a range")
    if first is None or last is None:
        given, missing = ("--to", "--from") if first is None else ("--from", "--to")
        raise InputError(f"{given} needs {missing}; give both ends of the range, or --date for one day")
    start, end = parse_day(first, "--from"), parse_day(last, "--to")
    if start > end:
        raise InputError(f"--from {start} is after --to {end}; exchange them")
    return [_ended(day, newest, settings) for day in (start, end)] and days_between(start, end)


def _newest_day(settings: Settings) -> dt.date:
    """The newest day that can be materialised: yesterday, or today where it is refreshed."""
    today = day_of(utc_now(), settings.tz)
    return today if settings.refresh_minutes is not None else today - dt.timedelta(days=1)


def _ended(day: dt.date, newest: dt.date, settings: Settings) -> dt.date:
    if day > newest:
        raise InputError(f"{day} has not ended yet in time zone {settings.timezone}; choose {newest} or an earlier day")
    if day < EARLIEST_DAY:
        raise InputError(f"{day} is before {EARLIEST_DAY}, the first day there can be; choose a later day")
    return day


def with_first_day(settings: Settings, default: dt.date, days: Sequence[dt.date], lookback: int) -> Settings:
    """Return the settings with a first day that leaves room before the first of the days."""
    wanted = days[0] - dt.timedelta(days=lookback)
    start = min(settings.first_day or default, wanted)
    return settings.model_copy(update={"start_date": start.isoformat()})


def environment_of(settings: Settings) -> Mapping[str, str]:
    """Return the environment variables that give these settings to another process."""
    return {
        f"ACQUISITION_{name.upper()}": str(value)
        for name, value in settings.model_dump(exclude_unset=True).items()
        if value is not None
    }
