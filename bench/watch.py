"""`python -m bench.watch` measures what the watch finds and what it raises falsely, on simulated series of fixed seeds.

Leaves the method to `acquisition_assets.metric_watch`; beside it are the document's rule for new leads and a z-score.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom

from acquisition_assets.anomalies.policy import AnomalyPolicy
from acquisition_assets.metric_watch.contract import FLAGGED
from acquisition_assets.metric_watch.detector import watch
from acquisition_assets.metric_watch.policy import DAYS_OF_WEEK, WatchPolicy
from acquisition_assets.policy import read_policy

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Method = Callable[[Floats, int], Flags]

FIRST = dt.date(2024, 1, 1)
YEAR = 365
# Flagged days with at most so many others between them are one episode.
GAP = 3
WEEK = np.array([1.15, 1.15, 1.1, 1.1, 1.05, 0.75, 0.7])
MEANS = (5, 10, 40, 400)
KINDS = {
    "independent": "independent counts",
    "double": "variance twice the mean",
    "growth": "2 % growth a week",
    "walk": "level walks 2 % a day",
}
CROWD = 60
Z_DAYS, Z_LIMIT = 14, 3.0


def watch_section() -> WatchPolicy:
    """Return the shipped numbers of the watch."""
    return read_policy().metric_watch


# -- series ------------------------------------------------------------------------------------------------------------


def expected_counts(rng: np.random.Generator, mean: float, kind: str, series: int, days: int) -> Floats:
    """Return the expected counts of healthy series, one row each, with weekends."""
    level = np.tile(mean * np.resize(WEEK / WEEK.mean(), days), (series, 1))
    if kind == "growth":
        level = level * 1.02 ** ((np.arange(days) - days / 2) / DAYS_OF_WEEK)
    if kind == "walk":
        level = level * np.exp(np.cumsum(rng.normal(0, 0.02, (series, days)), axis=1))
    return level


def drawn(rng: np.random.Generator, level: Floats, kind: str) -> Floats:
    """Return counts with these expectations."""
    if kind == "double":
        return np.where(level > 0, rng.negative_binomial(np.maximum(level, 1e-9), 0.5), 0).astype(float)
    return rng.poisson(level).astype(float)


# -- methods: series and the number of last days to judge -> the days that are flagged ---------------------------------


def alone(values: Floats, days: int) -> Flags:
    """The watch, each series a family of its own: one after another in time, so that no two share a day."""
    flags = _flagged(values.reshape(1, -1), values.size).reshape(values.shape)
    return flags[:, -days:]


def in_crowd(values: Floats, days: int) -> Flags:
    """The watch, each series in a family with 59 healthy ones of 40 a day."""
    rng = np.random.default_rng(99)
    crowd = drawn(rng, expected_counts(rng, 40, "independent", CROWD - 1, values.shape[1]), "independent")
    return np.vstack([_flagged(np.vstack([row[None], crowd]), days)[:1] for row in values])


def _flagged(values: Floats, days: int) -> Flags:
    series, length = values.shape
    dates = [FIRST + dt.timedelta(days=n) for n in range(length)]
    history = pd.DataFrame(
        {
            "day": np.tile(np.array(dates, dtype=object), series),
            "metric": np.repeat([f"m{n:04d}" for n in range(series)], length),
            "value": values.ravel(),
        }
    )
    found = watch(history, dates[-days], dates[-1], watch_section())
    state = found["state"].to_numpy(dtype=object).reshape(days, series).T
    flags: Flags = np.isin(state.astype(str), FLAGGED)
    return flags


def document_rule(values: Floats, days: int, policy: AnomalyPolicy | None = None) -> Flags:
    """The document's lead_generation_drop: 3 days against the 3 before them and against their weekdays."""
    rules = policy or read_policy().anomalies
    size, kept = rules.window_days, 1 - rules.lead_drop_percent / 100
    sums = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)
    ends = np.arange(values.shape[1] - days, values.shape[1]) + 1

    def window(back: int) -> Floats:
        total: Floats = sums[:, ends - back] - sums[:, ends - back - size]
        return total

    now, before = window(0), window(size)
    season = sum((window(DAYS_OF_WEEK * week) for week in range(1, rules.season_weeks + 1)), np.zeros_like(now))
    unlikely = binom.cdf(now, now + before, 0.5) < rules.significance
    drop = (now < before * kept) & (now < season / rules.season_weeks * kept)
    flags: Flags = drop & (before >= rules.lead_minimum) & unlikely
    return flags


def z_score(values: Floats, days: int) -> Flags:
    """A day more than 3 standard deviations from the mean of the 14 days before it."""
    windows = np.lib.stride_tricks.sliding_window_view(values, Z_DAYS, axis=1)[:, -days - 1 : -1]
    mean, deviation = windows.mean(axis=2), windows.std(axis=2, ddof=1)
    flags: Flags = np.abs(values[:, -days:] - mean) > Z_LIMIT * np.maximum(deviation, 1e-9)
    return flags


METHODS: dict[str, Method] = {
    "watch": alone,
    "watch, among 60": in_crowd,
    "document's rule": document_rule,
    "z-score of 14 days": z_score,
}


# -- figures -----------------------------------------------------------------------------------------------------------


def episodes(flags: Flags) -> float:
    """Return the mean number of episodes per series."""
    count = 0
    for row in flags:
        places = np.flatnonzero(row)
        count += int(places.size > 0) + int((np.diff(places) > GAP + 1).sum())
    return count / len(flags)


def false_episodes(series: int) -> list[str]:
    """Return a table of false episodes per year and series of healthy counts."""
    history = watch_section().history_days
    names = [name for name in METHODS if name != "watch, among 60"]
    lines = _head("healthy counts", names)
    for kind, words in KINDS.items():
        for mean in MEANS:
            rng = np.random.default_rng(20260331)
            values = drawn(rng, expected_counts(rng, mean, kind, series, history + YEAR), kind)
            figures = [f"{episodes(METHODS[name](values, YEAR)):.2f}" for name in names]
            lines.append(_row(f"{words}, {mean} a day", figures))
    return lines


# What happens from its first day on (the factor of each day), and the days within which it must be found.
EVENTS: dict[str, tuple[float, Callable[[Floats], Floats], int]] = {
    "50 % less at 40 a day, within 3 days": (40, lambda day: np.full_like(day, 0.5), 3),
    "nothing at 40 a day, first day": (40, np.zeros_like, 1),
    "nothing at 10 a day, first day": (10, np.zeros_like, 1),
    "nothing at 5 a day, within 3 days": (5, np.zeros_like, 3),
    "three times 40 for a day, that day": (40, lambda day: np.where(day < 1, 3.0, 1.0), 1),
    "20 % less each week at 40 a day, within 28 days": (40, lambda day: 0.8 ** ((day + 1) / DAYS_OF_WEEK), 28),
    "5 % less each week at 400 a day, within 70 days": (400, lambda day: 0.95 ** ((day + 1) / DAYS_OF_WEEK), 70),
}


def detections(series: int) -> list[str]:
    """Return a table of the share of events that are found in time."""
    history = watch_section().history_days
    lines = _head("event", list(METHODS))
    for name, (mean, factor, within) in EVENTS.items():
        rng = np.random.default_rng(7)
        level = expected_counts(rng, mean, "independent", series, history + within)
        level[:, history:] *= factor(np.arange(within, dtype=float))
        values = drawn(rng, level, "independent")
        lines.append(_row(name, [f"{method(values, within).any(axis=1).mean():.3f}" for method in METHODS.values()]))
    return lines


def planted(paths: Sequence[Path], copies: int) -> list[str]:
    """Return a table of days planted in real series (`day,value` or `date,value`): a third and three times the day."""
    names = ["watch", "document's rule", "z-score of 14 days"]
    lines = _head("real series", [f"{name}: recall, precision, days flagged as it is" for name in names])
    history = watch_section().history_days
    for path in paths:
        table = pd.read_csv(path)
        day = pd.to_datetime(table["day" if "day" in table else "date"])
        whole = table.set_index(day)["value"].resample("D").sum(min_count=1).ffill().to_numpy()
        for part, values in enumerate(np.array_split(whole, max(1, len(whole) // 1000)), 1):
            judged = len(values) - history
            figures = []
            for name in names:
                hits = flagged = places = 0
                for copy in range(copies):
                    rng = np.random.default_rng(copy)
                    chosen = history + rng.choice(judged, size=judged // 30, replace=False)
                    changed = values.copy()
                    changed[chosen] *= np.where(np.arange(chosen.size) % 2 == 0, 3.0, 1 / 3)
                    flags = METHODS[name](changed[None], judged)[0]
                    hits, flagged = hits + int(flags[chosen - history].sum()), flagged + int(flags.sum())
                    places += chosen.size
                natural = int(METHODS[name](values[None], judged).sum())
                figures.append(f"{hits / places:.2f}, {hits / max(1, flagged):.2f}, {natural} of {judged}")
            lines.append(_row(f"{path.stem}, part {part}", figures))
    return lines


def speed() -> list[str]:
    """Return a table of the time that the watch takes."""
    lines = _head("judged", ["CPU, s"])
    for series, days in ((60, 120), (1000, 200)):
        rng = np.random.default_rng(1)
        level = expected_counts(rng, 40, "independent", series, watch_section().history_days + days)
        values = drawn(rng, level, "independent")
        begun = time.process_time()
        _flagged(values, days)
        lines.append(_row(f"{series} metrics x {days} days", [f"{time.process_time() - begun:.2f}"]))
    return lines


def _head(first: str, names: Sequence[str]) -> list[str]:
    return [_row(first, names), _row("---", ["---:"] * len(names))]


def _row(first: str, cells: Sequence[Any]) -> str:
    return f"| {' | '.join([first, *map(str, cells)])} |"


def main() -> int:
    """Print the tables of docs/watch.md."""
    parser = argparse.ArgumentParser(prog="python -m bench.watch", description=main.__doc__)
    parser.add_argument("--series", type=int, default=60, help="series per line of healthy counts")
    parser.add_argument("--events", type=int, default=300, help="series per event")
    parser.add_argument("--real", type=Path, nargs="*", default=[], help="CSV files of real daily series")
    parser.add_argument("--copies", type=int, default=3, help="times that days are planted in each")
    given = parser.parse_args()
    tables = [
        ("False episodes per year and series", false_episodes(given.series)),
        ("Found in time", detections(given.events)),
        ("Speed", speed()),
    ]
    if given.real:
        tables.append(("Planted days", planted(given.real, given.copies)))
    for title, lines in tables:
        print(f"\n### {title}\n", *lines, sep="\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
