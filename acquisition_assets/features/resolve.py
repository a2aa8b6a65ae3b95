"""Binds the raw tables that name leads, so that a row which names an alias belongs to the lead.

Leaves the following of chains of aliases to `raw`, which stores the end of each.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from acquisition_assets.core.contracts import Contract
from acquisition_assets.core.sql_files import read_sql
from acquisition_assets.core.step import Step
from acquisition_assets.raw.contract import RAW_ALIASES, RAW_EVENTS

AS_READ = "_as_read"


def bind_resolved(
    step: Step, *contracts: Contract, last_day: dt.date | None = None, names: Mapping[str, str] | None = None
) -> bool:
    """Bind raw tables by their names, each row with its lead; return whether there are aliases.

    Events are bound for all days up to the last (default: the step's), other tables for the step's day. Where there are
    aliases, the rows as read are bound too, as the table's name with `AS_READ`; else the tables are bound as they are.

    Args:
        names: other names for some of the tables.
    """
    step.bind(RAW_ALIASES)
    has_aliases = bool(step.row("resolved/aliases")["aliases"])
    for contract in contracts:
        days: list[dt.date] | None = None
        if contract is RAW_EVENTS:
            days = [day for day in step.env.lake.days(RAW_EVENTS.table) if day <= (last_day or step.day)]
        name = (names or {}).get(contract.table, contract.table)
        step.bind(contract, days, contract.table + AS_READ if has_aliases else name)
        if has_aliases:
            step.session.bind_view(name, read_sql(f"resolved/{contract.table}"))
    return has_aliases
