"""Runs `acquisition watch`: judges the days of a file of daily counts, and prints or writes what is not as expected.

The judgement is left to `metric_watch`; no lake is read or written.
"""

from __future__ import annotations

import json
from pathlib import Path

from acquisition_assets.commands.console import console, line, table
from acquisition_assets.commands.deployment import read_settings
from acquisition_assets.core.days import parse_day
from acquisition_assets.core.errors import InputError
from acquisition_assets.metric_watch.series import records, watch_file
from acquisition_assets.policy import read_policy

SHOWN_STATES = ("watch", "drop", "spike", "slow_decline")
COLUMNS = ("day", "metric", "channel", "state", "k", "observed", "expected", "low", "high", "change", "p_value")


def watch_command(file: str, first: str | None, last: str | None, output: str | None, **options: str | None) -> int:
    """Judge each day of a file, print the days that are not as expected, and write all rows as JSON if asked to.

    Raises:
        InputError: the file, a day, the policy or the output file is wrong.
    """
    policy = read_policy(read_settings(**options).policy_path)
    since = None if first is None else parse_day(first, "--from")
    until = None if last is None else parse_day(last, "--to")
    rows = records(watch_file(Path(file), policy.metric_watch, since, until))
    if output is not None:
        _write(Path(output), json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    out = console()
    shown = [row for row in rows if row["state"] in SHOWN_STATES]
    if shown:
        table(out, list(COLUMNS), [[_cell(row, name) for name in COLUMNS] for row in shown])
    days = len({row["day"] for row in rows})
    metrics = len({(row["metric"], row["channel"]) for row in rows})
    out.print()
    line(out, f"{days} days of {metrics} metrics judged; {len(shown)} not as expected", "bold")
    return 0


def _cell(row: dict[str, object], name: str) -> object:
    """Return a cell; chances are too small for two decimals."""
    return f"{row[name]:.2g}" if name == "p_value" and row[name] is not None else row[name]


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; name another file with --json") from error
