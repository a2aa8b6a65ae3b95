"""Measures the conversion forecasts: what a day costs, and how true they are on leads whose outcome is known.

Leaves the made-up worlds to forecast_worlds.py and the day's computation to forecast_day.py.

    python -m bench.forecasts speed [--leads 50000]
    python -m bench.forecasts oulad FOLDER [--days 2014-03-15 ...]
    python -m bench.forecasts worlds

`oulad` trains on what was known on each day and compares with what happened in the 30 days after it. FOLDER holds
leads.csv and events.csv.
"""

from __future__ import annotations

import argparse
import datetime as dt
import resource
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from acquisition_assets.conversion_forecasts.forecast import publish, score, train
from acquisition_assets.conversion_forecasts.measures import Floats
from acquisition_assets.conversion_forecasts.policy import ForecastPolicy
from acquisition_assets.conversion_forecasts.quality import isotonic, measure
from acquisition_assets.core.duckdb_sql import in_memory, literal
from acquisition_assets.policy import read_policy
from bench import forecast_worlds
from bench.forecast_day import DayRows, Source, day_rows, ends, session_of

OULAD_DAYS = ("2014-03-15", "2014-05-31", "2014-12-31", "2015-01-15", "2015-01-31", "2015-02-15", "2015-02-28")
WORLDS_SEED = 101  # the method was chosen on worlds of the seeds 0 to 3
Result = TypeVar("Result")
MEASURES = ("auc", "brier", "ece", "lift")


def main() -> int:
    """Run one of the measurements and print it as a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m bench.forecasts", description=main.__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    speed = commands.add_parser("speed")
    speed.add_argument("--leads", type=int, default=50_000)
    oulad = commands.add_parser("oulad")
    oulad.add_argument("folder", type=Path)
    oulad.add_argument("--days", nargs="+", default=OULAD_DAYS)
    commands.add_parser("worlds")
    given = parser.parse_args()
    policy = read_policy().conversion_forecasts
    lines: Iterable[str]
    if given.command == "speed":
        lines = speed_table(given.leads, policy)
    elif given.command == "oulad":
        source = read_oulad(given.folder)
        lines = quality_table(
            {day: (source, end) for day, end in zip(given.days, ends(given.days), strict=True)}, policy
        )
    else:
        lines = quality_table(dict(worlds()), policy)
    for line in lines:
        print(line, flush=True)
    return 0


def worlds() -> Iterable[tuple[str, tuple[Source, dt.datetime]]]:
    """Yield made-up worlds with a day of each."""
    for name, shape in forecast_worlds.SHAPES.items():
        yield name, (forecast_worlds.make(shape, WORLDS_SEED), forecast_worlds.end_of(shape))


def read_oulad(folder: Path) -> Source:
    """Return learners as leads, with their events, as the raw tables would hold them."""
    leads = f"""
        select lead_id, email, source, source as channel, utm_source, utm_medium, utm_campaign, interest_area, status,
            created_at::timestamptz as created_at, engaged_at::timestamptz as engaged_at,
            converted_at::timestamptz as converted_at
        from read_csv({literal(folder / "leads.csv")})"""
    events = f"""
        select event_id, lead_id, event_type, content_type, occurred_at, occurred_at::date as date,
            lead_id || chr(31) || content_id as derived_delivery_id,
            extract(hour from occurred_at)::bigint as local_hour,
            extract(isodow from occurred_at)::bigint as local_weekday
        from (
            select * replace (occurred_at::timestamptz as occurred_at) from read_csv({literal(folder / "events.csv")})
        )"""
    with in_memory() as connection:
        tables = [connection.execute(query).to_arrow_table() for query in (leads, events)]
    return Source.of(*tables)


# -- truth -------------------------------------------------------------------------------------------------------------


def quality_table(days: dict[str, tuple[Source, dt.datetime]], policy: ForecastPolicy) -> Iterable[str]:
    """Yield a row per day and candidate: each learned from the past of the day, and judged by the 30 days after it."""
    yield "| day | open leads, conversions | gate | candidate | AUC | Brier | ECE | lift at 10 % |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for name, (source, end) in days.items():
        rows = day_rows(source, end, policy, with_points=True, threads=1)
        happened = outcomes(source, rows, policy)
        head = f"{name} | {happened.size:,}, {int(happened.sum())}"
        day = train(rows.training, [], policy)
        passed = f"passed, {day.method}" if day.gate.passed else f"{day.gate.reason}"
        base = day.base_rate or 0.0
        forced = train(rows.training, [True], policy)  # the model, whatever the gate says
        candidates = {"base rate": np.full(happened.size, base), "points": mapped_points(rows)}
        if forced.model is not None:
            candidates = {"learned": score(rows.open, forced, policy, "en").probabilities, **candidates}
        for candidate, probabilities in candidates.items():
            found = measure(probabilities, happened, np.arange(happened.size), base, policy)
            cells = " | ".join(interval(found, one) for one in MEASURES)
            yield f"| {head} | {passed} | {candidate} | {cells} |"


def outcomes(source: Source, rows: DayRows, policy: ForecastPolicy) -> Floats:
    """Return 1 for each open lead that converts within the horizon from T, else 0."""
    with session_of(source, rows.end) as session:
        session.bind_arrow("everything", source.leads.select(["lead_id", "converted_at"]))
        session.bind_arrow("asked", rows.open.select(["row_number", "lead_id"]))
        found = session.query(
            "select row_number, "
            "coalesce(converted_at >= $end_at and converted_at < $end_at + to_days($days), false)::double as y "
            "from asked inner join everything using (lead_id)",
            {"end_at": rows.end, "days": policy.horizon_days},
        ).sort_by("row_number")
    return np.asarray(found.column("y").to_numpy(), dtype=np.float64)


def mapped_points(rows: DayRows) -> Floats:
    """Return the document's points of the open leads as probabilities, mapped on the training rows."""
    assert rows.training_points is not None
    assert rows.open_points is not None
    labels = rows.training.column("is_converted").cast(pa.int8()).to_numpy().astype(np.float64)
    return isotonic(_values(rows.training_points), labels, _values(rows.open_points))


def interval(found: dict[str, float | None], name: str) -> str:
    """Return a measure with its interval as a cell."""
    value, low, high = (found[f"{name}{end}"] for end in ("", "_low", "_high"))
    if value is None or low is None or high is None:
        return "-"
    digits = {"lift": 1, "auc": 2}.get(name, 3)
    return f"{value:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def _values(points: pa.Table) -> NDArray[np.float64]:
    return np.asarray(points.column("points").to_numpy(), dtype=np.float64)


# -- speed -------------------------------------------------------------------------------------------------------------


def speed_table(leads: int, policy: ForecastPolicy) -> Iterable[str]:
    """Yield what each part of a day takes, on one thread, in a world with a year of weekly cut-offs."""
    shape = forecast_worlds.Shape(leads=leads, days=420, daily_rate=0.001, deliveries=25.0)
    source = forecast_worlds.make(shape, 1)
    end = forecast_worlds.end_of(shape)
    yield f"{leads:,} leads, {source.events.num_rows:,} events"
    yield ""
    yield "| part | CPU, s | peak of the process, MB |"
    yield "| --- | --- | --- |"
    rows, cells = timed(lambda: day_rows(source, end, policy, threads=1, memory_limit="640MB"))
    shown = f"{len(rows.cutoffs)} cut-offs, {rows.training.num_rows:,} training rows, {rows.open.num_rows:,} open leads"
    yield f"| features: {shown} | {cells} |"
    day, cells = timed(lambda: train(rows.training, [], policy))
    yield f"| model, gate and intervals: {day.method} | {cells} |"
    scores = pa.table({"lead_id": rows.open.column("lead_id"), "score": np.zeros(rows.open.num_rows)})
    _, cells = timed(lambda: publish([score(rows.open, day, policy, "en")], day, scores, policy))
    yield f"| forecasts of the open leads | {cells} |"


def timed(work: Callable[[], Result]) -> tuple[Result, str]:
    """Return a result, and CPU seconds and peak memory as cells."""
    begun = time.process_time()
    result = work()
    taken = time.process_time() - begun
    return result, f"{taken:.1f} | {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f}"


if __name__ == "__main__":
    sys.exit(main())
