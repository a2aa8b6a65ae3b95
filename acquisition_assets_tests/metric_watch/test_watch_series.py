"""Protects the judgement of a CSV file: it is the asset's own, and wrong cells are refused with their place."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from acquisition_assets.core.errors import InputError
from acquisition_assets.metric_watch.contract import METRIC_WATCH
from acquisition_assets.metric_watch.detector import watch
from acquisition_assets.metric_watch.series import read_series, records, watch_file
from acquisition_assets.policy import read_policy

POLICY = read_policy().metric_watch
FIRST = dt.date(2026, 1, 1)


def write(folder: Path, lines: list[str]) -> Path:
    """A file of these lines."""
    path = folder / "series.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def days(count: int) -> list[dt.date]:
    """The first days."""
    return [FIRST + dt.timedelta(days=n) for n in range(count)]


def test_each_day_is_judged_as_by_itself(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    lines = ["Metric;day;value;trials;channel;note"]
    for n, day in enumerate(days(150)):
        lines.append(f"leads;{day};{0 if n == 140 else rng.poisson(40)};;;x")
        lines.append(f"leads;{day};{rng.poisson(20)};;linkedin;x")
        if n != 100:
            lines.append(f"opens;{day};{rng.binomial(300, 0.3)};300;;x")
    path = write(tmp_path, lines)
    found = watch_file(path, POLICY)
    assert METRIC_WATCH.validate(METRIC_WATCH.to_arrow(found)) == []
    assert len(found) == 450
    assert set(found.loc[found["day"] == FIRST + dt.timedelta(days=100), "state"]) >= {"no_data"}
    flagged = found[found["state"] == "drop"]
    assert next((row.metric, row.day) for row in flagged.itertuples()) == ("leads", FIRST + dt.timedelta(days=140))
    day = FIRST + dt.timedelta(days=120)
    one = watch_file(path, POLICY, day, day)
    pd.testing.assert_frame_equal(one, found[found["day"] == day].reset_index(drop=True))
    pd.testing.assert_frame_equal(one, watch(read_series(path), day, day, POLICY))
    rows = json.loads(json.dumps(records(one)))
    assert set(rows[0]) == set(METRIC_WATCH.columns)
    assert (rows[0]["day"], rows[0]["channel"]) == (str(day), None)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            ["day,value", "2026-01-01,3"],
            "column metric is missing; the columns are day, metric, value, trials, channel",
        ),
        (["day,metric,value"], "has no rows"),
        (["day,metric,value", "2026-01-01,a,3", "01/02/2026,a,3"], "row 3: day is not a date; write it as YYYY-MM-DD"),
        (["day,metric,value", "2026-01-01,,3"], "row 2: metric is blank"),
        (["day,metric,value", "2026-01-01,a,x", "2026-01-02,a,-1"], r"row 2: value is not a number.*\(and 1 more\)"),
        (["day,metric,value", "2026-01-01,a,inf"], "row 2: value is not a number"),
        (["day,metric,value,trials", "2026-01-01,a,3,2"], "row 2: value is more than trials"),
        (["day,metric,value,trials", "2026-01-01,a,3,9", "2026-01-02,a,3,"], "row 3: trials is blank"),
        (["day,metric,value", "2026-01-01,a,3", "2026-01-01,a,4"], "row 3: day, metric and channel repeat"),
    ],
)
def test_wrong_files_are_refused(lines: list[str], told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=told):
        watch_file(write(tmp_path, lines), POLICY)


def test_a_file_that_is_not_there_and_a_range_without_days(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        watch_file(tmp_path / "none.csv", POLICY)
    path = write(tmp_path, ["day,metric,value", "2026-01-01,a,3"])
    with pytest.raises(InputError, match="there is no day from 2026-02-01 to 2026-01-01"):
        watch_file(path, POLICY, dt.date(2026, 2, 1))


def test_a_blank_value_is_no_data(tmp_path: Path) -> None:
    path = write(tmp_path, ["day,metric,value", "2026-01-01,a,3", "2026-01-02,a,"])
    assert list(watch_file(path, POLICY)["state"]) == ["not_enough_data", "no_data"]
