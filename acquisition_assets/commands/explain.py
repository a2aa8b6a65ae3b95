"""Runs `acquisition explain`: finds a lead in the lake and prints each product's explanation of it.

The explanations are left to the products' `explain` modules; every number in them was published by a run.
"""

from __future__ import annotations

import datetime as dt

from rich.console import Console

from acquisition_assets.catalog import PRODUCTS
from acquisition_assets.commands.console import console, line, print_section
from acquisition_assets.commands.deployment import choose_day, open_lake, read_criteria, read_settings
from acquisition_assets.core.days import parse_day
from acquisition_assets.core.errors import InputError
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.masking import masked_email, sanitize
from acquisition_assets.core.policy import Locale
from acquisition_assets.core.sections import LeadView, Row
from acquisition_assets.core.words import words_of
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.policy import read_policy

NEEDED = (LEAD_ACTIVITY.table, DYNAMIC_SCORES.table)


def explain_command(lead_id: str, date: str | None, **options: str | None) -> int:
    """Print the explanation of a lead. Return the exit code.

    Raises:
        InputError: The lake has no such lead or day, or a setting or the policy is wrong.
        LakeError: A partition is corrupt.
    """
    settings = read_settings(**options)
    day = None if date is None else parse_day(date, "--date")
    policy = read_policy(settings.policy_path)
    read_criteria(settings, policy)
    lake = open_lake(settings)
    lead = find_lead(lake, lead_id, chosen_day(lake, day), policy.locale)
    out = console()
    _print_lead(lead.rows(LEAD_ACTIVITY.table)[0], lead, out)
    for product in PRODUCTS:
        if product.explain is not None:
            print_section(product.explain(lead, policy), out, policy.locale)
    return 0


def chosen_day(lake: Lake, requested: dt.date | None) -> dt.date:
    """Return the requested day, or the newest one that has scores.

    Raises:
        InputError: The lake does not have that day, or has no scores at all.
    """
    days = sorted(set(lake.days(NEEDED[0])) & set(lake.days(NEEDED[1])))
    return choose_day(lake, days, requested, "scores")


def find_lead(lake: Lake, lead_id: str, day: dt.date, locale: Locale) -> LeadView:
    """Return a view of what the lake holds about a lead on a day.

    Raises:
        InputError: The lead is not in the lake on that day.
    """
    lead = LeadView(lake, lead_id, day, locale)
    if not all(lead.rows(table) for table in NEEDED):
        raise InputError(f"there is no lead {lead_id!r} on {day} in the lake {lake.url}; check the id and the day")
    return lead


def _print_lead(row: Row, lead: LeadView, out: Console) -> None:
    words = words_of("commands", lead.locale)
    line(out, words("explain.lead", lead=row["lead_id"], day=lead.day), "bold")
    channel = row["source"]
    if row["platform"]:
        channel = words("explain.platform", source=row["source"], platform=row["platform"])
    status = words("explain.unsubscribed", status=row["status"]) if row["is_unsubscribed"] else row["status"]
    text = words(
        "explain.facts",
        days=row["age_days"],
        email=masked_email(row["email"]),
        status=status,
        channel=sanitize(channel),
        created=f"{row['created_at']:%Y-%m-%d}",
    )
    out.print(f"  {text}", soft_wrap=True)
