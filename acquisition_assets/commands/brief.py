"""Implements `acquisition brief`: makes the page of a day from the lake alone, prints where it is, and opens it.

What is on the page is left to `daily_brief`.
"""

from __future__ import annotations

import datetime as dt
import webbrowser

from acquisition_assets.catalog import brief_rules
from acquisition_assets.commands.console import console, line
from acquisition_assets.commands.deployment import choose_day, open_lake, read_checked_policy, read_settings
from acquisition_assets.core.days import parse_day
from acquisition_assets.core.env import Env
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.settings import Settings
from acquisition_assets.daily_brief.asset import make_brief
from acquisition_assets.definitions import make_engine
from acquisition_assets.policy import Policy
from acquisition_assets.raw.contract import RAW_LEADS


def brief_command(date: str | None, *, opened: bool, with_week: bool, **options: str | None) -> int:
    """Make the brief of a day (default: the lake's newest) and print its link. Return the exit code.

    Raises:
        InputError: The lake has no such day, or a setting or the policy is wrong.
    """
    settings = read_settings(**options)
    requested = None if date is None else parse_day(date, "--date")
    policy = read_checked_policy(settings)
    lake = open_lake(settings)
    day = choose_day(lake, lake.days(RAW_LEADS.table), requested, "leads")
    link = write_brief(settings, policy, lake, day, with_week=with_week)
    line(console(), f"brief: {link}")
    if opened:
        webbrowser.open(link)
    return 0


def write_brief(settings: Settings, policy: Policy, lake: Lake, day: dt.date, *, with_week: bool = False) -> str:
    """Make the brief of a day from the lake alone. Return its link."""
    env = Env(lake, make_engine(settings, lake), settings.tz)
    return lake.link(make_brief(env, day, brief_rules(policy), with_week=with_week))
