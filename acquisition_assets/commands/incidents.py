"""Implements `acquisition incidents` and `acquisition simulate-alerts`: what is not as expected, from the lake.

The life of an incident is left to `incidents`, and sending alerts to `automation`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from acquisition_assets.commands.console import SEVERITIES, console, line, table
from acquisition_assets.commands.deployment import choose_day, open_lake, read_settings
from acquisition_assets.core.days import parse_day
from acquisition_assets.core.errors import InputError
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.masking import sanitize
from acquisition_assets.core.sections import Severe
from acquisition_assets.incidents.contract import ACKNOWLEDGEMENTS, INCIDENTS, OPEN
from acquisition_assets.metric_watch.contract import METRIC_WATCH
from acquisition_assets.policy import Policy, read_policy

if TYPE_CHECKING:
    from acquisition_assets.core.settings import Settings
    from acquisition_assets.incidents.lifecycle import Notice


def incidents_command(
    *, only_open: bool, acknowledged: str | None, until: str | None, why: str | None, lake: str | None
) -> int:
    """Print the incidents of the newest day, or acknowledge one of them. Return the exit code.

    Raises:
        InputError: the lake has no incidents, or an option is wrong.
    """
    last = None if until is None else parse_day(until, "--until")
    found = open_lake(read_settings(lake=lake))
    day = choose_day(found, found.days(INCIDENTS.table), None, "incidents")
    if acknowledged is not None:
        if last is None or why is None or not why.strip():
            raise InputError("--ack needs --until DAY and --why TEXT; they say how long alerts are silenced, and why")
        acknowledge(found, acknowledged, day, last, why.strip())
        line(console(), f"alerts of {acknowledged} are silenced up to {last}")
        return 0
    if last is not None or why is not None:
        raise InputError("--until and --why need --ack ID; see the ids with: acquisition incidents")
    _print_incidents(found, day, only_open=only_open)
    return 0


def acknowledge(lake: Lake, incident: str, day: dt.date, until: dt.date, why: str) -> None:
    """Write an acknowledgement that silences an incident's alerts from the day after the newest one.

    Args:
        day: the newest day of incidents.

    Raises:
        InputError: the incident is unknown or has ended, or the silence would end before it begins.
    """
    rows = lake.read(INCIDENTS.table, day, ["id", "status"]).to_pylist()
    status = {row["id"]: row["status"] for row in rows}
    if status.get(incident) != OPEN:
        known = ", ".join(sanitize(name) for name, each in status.items() if each == OPEN) or "none"
        raise InputError(f"{sanitize(incident)} is no open incident of {day}; open are: {known}")
    since = day + dt.timedelta(days=1)
    if until < since:
        raise InputError(f"--until {until} is before {since}, the first day that can be silenced; name a later day")
    row = {"id": incident, "acknowledged_on": since, "until": until, "why": sanitize(why)}
    with lake.exclusive(ACKNOWLEDGEMENTS.table), lake.staging() as folder:
        earlier = (
            lake.read(ACKNOWLEDGEMENTS.table, since).to_pylist() if lake.has(ACKNOWLEDGEMENTS.table, since) else []
        )
        kept = [each for each in earlier if each["id"] != incident]
        staged = Path(folder) / f"{ACKNOWLEDGEMENTS.table}.parquet"
        pq.write_table(pa.Table.from_pylist([*kept, row], schema=ACKNOWLEDGEMENTS.arrow_schema), staged)
        lake.publish(staged, ACKNOWLEDGEMENTS.table, since)


def simulate_command(first: str | None, last: str | None, *, lake: str | None, policy: str | None) -> int:
    """Print the alerts that the days of the lake would have brought, without sending any. Return the exit code.

    Raises:
        InputError: the lake has no judged metrics of these days, or an option, a setting or the policy is wrong.
    """
    since = None if first is None else parse_day(first, "--from")
    until = None if last is None else parse_day(last, "--to")
    settings = read_settings(lake=lake, policy=policy)
    found = open_lake(settings)
    days = found.days(METRIC_WATCH.table)
    wanted = [day for day in days if (since is None or day >= since) and (until is None or day <= until)]
    if not wanted:
        has = f"from {days[0]} to {days[-1]}" if days else "of no day"
        raise InputError(
            f"the lake {found.url} has metric_watch {has}; name days within, or make a day with: acquisition run"
        )
    notices = simulate(settings, found, read_policy(settings.policy_path), wanted[0], wanted[-1])
    out = console()
    if notices:
        rows = [
            [str(each.day), each.event, Severe(each.severity), each.title, each.message, each.recommendation]
            for each in notices
        ]
        table(out, ["day", "event", "severity", "alert", "what", "what to do"], rows)
    out.print()
    brought = len({each.day for each in notices})
    line(out, f"{len(notices)} alerts on {brought} of {len(wanted)} days; nothing was sent", "bold")
    return 0


def simulate(settings: Settings, lake: Lake, policy: Policy, first: dt.date, last: dt.date) -> list[Notice]:
    """Return the alerts of incidents that the days from first to last bring under a policy; the lake is only read."""
    from acquisition_assets.core.env import DEFAULT_FIRST_DAY, Env
    from acquisition_assets.core.staging import open_folder, temporary_place
    from acquisition_assets.core.step import Step
    from acquisition_assets.definitions import make_engine
    from acquisition_assets.incidents.facts import Limits, read_facts
    from acquisition_assets.incidents.lifecycle import first_day, follow

    env = Env(lake, make_engine(settings, lake), settings.tz, settings.first_day or DEFAULT_FIRST_DAY)
    begin = first_day(first, policy.incidents)
    with open_folder(temporary_place()) as folder, env.engine.session(folder) as session:
        step = Step(env, INCIDENTS, last, session, folder)
        facts = read_facts(step, begin, Limits(policy.incidents, policy.freshness))
    followed = follow(facts, begin, last, policy.incidents, policy.locale)
    return [notice for notice in followed.notices if notice.day >= first]


def _print_incidents(lake: Lake, day: dt.date, *, only_open: bool) -> None:
    rows = lake.read(INCIDENTS.table, day).to_pylist()
    rows.sort(key=lambda row: (row["status"], row["parent"] is not None, row["severity"], row["opened_on"], row["id"]))
    shown = [row for row in rows if row["status"] == OPEN or not only_open]
    out = console()
    for row in shown:
        line(out, f"{row['severity']:<8}{row['title']}", SEVERITIES[row["severity"]])
        for text in _lines(row):
            line(out, f"{'':8}{text}")
        out.print()
    is_open = sum(row["status"] == OPEN for row in rows)
    line(out, f"{is_open} open and {len(rows) - is_open} ended incidents as of {day}", "bold")


def _lines(row: Mapping[str, Any]) -> list[str]:
    """Return what is printed below the title of an incident."""
    lines = [f"{row['message']}. {row['recommendation']}"]
    if row["resolved_on"] is not None:
        lines.append(f"ended on {row['resolved_on']}")
    if row["acknowledged_until"] is not None:
        lines.append(f"acknowledged up to {row['acknowledged_until']}")
    if row["parent"] is not None:
        lines.append(f"explained by {row['parent']}")
    return [*lines, f"id: {row['id']}"]
