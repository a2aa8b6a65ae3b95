"""Reads a CSV file of daily counts and rates, and judges its days as the asset judges those of the lake.

Leaves the judgement to `detector`, and what is printed of it to the command line.
"""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from acquisition_assets.core.errors import InputError
from acquisition_assets.metric_watch.detector import HISTORY_COLUMNS, watch
from acquisition_assets.metric_watch.policy import WatchPolicy
from acquisition_assets.metric_watch.special_days import special_days

REQUIRED = ("day", "metric", "value")
DELIMITERS = ",;\t|"
# The header is row 1.
FIRST_ROW = 2
EXAMPLE = "2026-03-31"


def watch_file(
    path: Path, policy: WatchPolicy, first: dt.date | None = None, last: dt.date | None = None
) -> pd.DataFrame:
    """Return the rows of `metric_watch` of a file's days.

    Args:
        path: a CSV file with the columns day, metric and value, and optionally trials and channel; see `read_series`.
        policy: every number of the method.
        first, last: the days to judge, both included; the first and the last day of the file by default.

    Raises:
        InputError: the file cannot be read, a cell is wrong, or the range holds no day.
    """
    history = read_series(path)
    since = first or history["day"].min().date()
    until = last or history["day"].max().date()
    if since > until:
        raise InputError(f"{path}: there is no day from {since} to {until}; name a range within the file's days")
    special = special_days(policy.holidays, since - dt.timedelta(days=policy.history_days), until)
    return watch(history, since, until, policy, special)


def read_series(path: Path) -> pd.DataFrame:
    """Return the file's rows in the columns day, metric, channel, value and trials.

    A blank value is a day without data; a blank channel means all channels. Other columns are ignored.

    Raises:
        InputError: with the file, the row and what to write there.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
        delimiter = max(DELIMITERS, key=head.count)
        text = pd.read_csv(
            path, sep=delimiter, dtype=str, encoding="utf-8-sig", keep_default_na=False, skipinitialspace=True
        )
    except (OSError, UnicodeDecodeError, csv.Error, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a CSV table in UTF-8"
        raise InputError(
            f"{path} cannot be read: {reason}; give a CSV file with the columns day, metric, value"
        ) from error
    text.columns = text.columns.str.strip().str.lower()
    missing = [name for name in REQUIRED if name not in text]
    if missing:
        raise InputError(f"{path}: column {missing[0]} is missing; the columns are day, metric, value, trials, channel")
    if text.empty:
        raise InputError(f"{path} has no rows; give one row per day and metric")
    cells = {
        name: text[name].str.strip() if name in text else pd.Series("", index=text.index) for name in HISTORY_COLUMNS
    }
    day = pd.to_datetime(cells["day"], format="%Y-%m-%d", errors="coerce")
    _refuse(path, day.isna(), "day is not a date", f"write it as YYYY-MM-DD, such as {EXAMPLE}")
    _refuse(path, cells["metric"] == "", "metric is blank", "name the metric")
    value, trials = (_numbers(path, cells[name], name) for name in ("value", "trials"))
    _refuse(path, value > trials, "value is more than trials", "a rate's value is a part of its trials")
    rates = trials.notna().groupby([cells["metric"], cells["channel"]]).transform("any")
    _refuse(path, rates & trials.isna() & value.notna(), "trials is blank", "a rate has trials on each of its days")
    frame: pd.DataFrame = pd.DataFrame(
        {
            "day": day,
            "metric": cells["metric"],
            "channel": cells["channel"].where(cells["channel"] != "", None),
            "value": value,
            "trials": trials,
        }
    )
    twice = frame.duplicated(["day", "metric", "channel"])
    _refuse(path, twice, "day, metric and channel repeat an earlier row", "give one row per day, metric and channel")
    return frame


def records(watched: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows of `metric_watch` as JSON takes them: dates as text, missing values as None."""
    plain = watched.astype(object).where(watched.notna(), None)
    plain["day"] = [day.isoformat() for day in plain["day"]]
    rows: list[dict[str, Any]] = plain.to_dict("records")
    return rows


def _numbers(path: Path, cells: pd.Series[str], name: str) -> pd.Series[float]:
    numbers = pd.to_numeric(cells, errors="coerce").astype(np.float64)
    wrong = (cells != "") & ~(np.isfinite(numbers) & (numbers >= 0))
    _refuse(path, wrong, f"{name} is not a number of at least 0", "write a plain number, such as 12, or leave it blank")
    return numbers


def _refuse(path: Path, wrong: pd.Series[bool], problem: str, remedy: str) -> None:
    if wrong.any():
        row = int(np.flatnonzero(wrong.to_numpy())[0]) + FIRST_ROW
        more = f" (and {int(wrong.sum()) - 1} more)" if wrong.sum() > 1 else ""
        raise InputError(f"{path} row {row}: {problem}{more}; {remedy}")
