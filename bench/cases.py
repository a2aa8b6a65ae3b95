"""Defines the benchmarks: what each runs, and the table that it makes of the figures.

Measuring a process is left to measure.py, writing the page to __main__.py.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import duckdb

from acquisition_assets.core.days import days_between
from bench import content
from bench.layouts import FORMS, write_texts
from bench.measure import ROOT, Ran, Taken, median, python, repeated
from bench.world import World, write_world

STEPS = (
    "ingest",
    "features",
    "dynamic_scores",
    "behavior_predictions",
    "content_recommendations",
    "lead_segments",
    "segment_changes",
    "anomalies",
    "channel_performance",
    "social_performance",
)
ONE_BY_ONE = ("conversion_forecasts", "rule_evidence", "metric_watch", "incidents", "daily_brief")
"""Steps that are measured one by one, and have no counterpart by hand."""
FROM_LAKE = STEPS[1:]
RANGE_DAYS = 90
LARGE = 1_000_000
HUGE = 10 * LARGE
PANDAS_LEADS = 100_000
FORECAST_LEADS = 50_000
WORLD_MEMORY = "3GB"
SIZE_HEAD = ("wall, s", "CPU, s", "peak, MB")


@dataclass(frozen=True)
class Bench:
    """The options of a benchmark run: sizes, repetitions, and the folder of worlds and lakes."""

    leads: Sequence[int]
    runs: int
    cache: Path

    def runs_of(self, leads: int, once_from: int = LARGE) -> int:
        """Return how often to run a measurement: once for sizes that take minutes."""
        return 1 if leads >= once_from else self.runs

    def world(self, leads: int, days: int = 120, last_day: dt.date | None = None) -> tuple[World, Path]:
        """Return a world and the folder of its files; it is made only once.

        It is made in another process: the processes that are measured begin with the peak memory of this one.
        """
        world = World(leads, days) if last_day is None else World(leads, days, last_day)
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            return world, pool.submit(write_world, world, self.cache, WORLD_MEMORY).result()

    def folder(self, name: str) -> Path:
        """Create and return an empty folder."""
        path = self.cache / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def lake(self, leads: int) -> Path:
        """Return a lake with the last day of a world; it is made only once."""
        world, source = self.world(leads)
        lake = self.cache / f"lake-{leads}"
        if not (lake / "social_performance" / f"date={world.last_day}").exists():
            acquisition(source, lake, world.last_day, leads=leads)
        return lake


def memory_limit(leads: int) -> str:
    """Return DuckDB's memory limit for a world of this size, also used by the hand-written script."""
    return "2500MB" if leads >= HUGE else "640MB"


def limited(leads: int) -> dict[str, str]:
    """Return that limit as environment of a child process."""
    return {"ACQUISITION_MEMORY_LIMIT": memory_limit(leads)}


def acquisition(source: Path | str, lake: Path, day: dt.date, last: dt.date | None = None, leads: int = 0) -> Ran:
    """Run `acquisition run` for a day or a range of a world of this size."""
    days = ("--date", day) if last is None else ("--from", day, "--to", last)
    environment = {"ACQUISITION_START_DATE": "2015-01-01", **limited(leads)}
    return python("-m", "acquisition_assets", "run", "--source", source, "--lake", lake, *days, environment=environment)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return a Markdown table whose first column is text."""
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return [*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)]


def first_day(bench: Bench) -> list[str]:
    """The whole graph for a first day, ingestion of 120 days included, as `acquisition run` does it."""
    rows = []
    for leads in bench.leads:
        world, source = bench.world(leads)

        def once(source: Path = source, day: dt.date = world.last_day, leads: int = leads) -> Taken:
            return acquisition(source, bench.folder("first-day"), day, leads=leads).taken

        taken = repeated(bench.runs_of(leads), once)
        rows.append((f"{leads:,} leads", *taken.cells, f"{taken.read_mb:,.0f}", f"{taken.written_mb:,.0f}"))
    return table(("first day", *SIZE_HEAD, "read, MB", "written, MB"), rows)


def step_by_step(bench: Bench) -> list[str]:
    """Each step in a process of its own, without Dagster's machinery; seconds without the start of Python."""
    rows: list[tuple[object, ...]] = []
    for leads in bench.leads:
        world, source = bench.world(leads)
        lake = bench.folder("steps")
        for step in (*STEPS, *ONE_BY_ONE):
            runs = []
            for _ in range(bench.runs_of(leads)):
                if step == "ingest":  # each run reads the whole history
                    lake = bench.folder("steps")
                runs.append(_child("direct", source, lake, world.last_day, [step], limited(leads)))
            taken = median([_part(run, step) for run in runs])
            rows.append(
                (
                    f"{leads:,} leads: {step}",
                    f"{taken.wall:.2f}",
                    f"{taken.cpu:.2f}",
                    f"{taken.peak_mb:,.0f}",
                    f"{taken.read_mb:,.0f}",
                    f"{taken.written_mb:,.0f}",
                )
            )
    return table(("step", *SIZE_HEAD, "read, MB", "written, MB"), rows)


def ingestion(bench: Bench) -> list[str]:
    """Ingestion from Parquet with checks and quarantine, against DuckDB copying the same files once.

    Seconds are without the start of Python.
    """
    rows: list[tuple[object, ...]] = []
    for leads in bench.leads:
        world, source = bench.world(leads)

        def copy(source: Path = source, leads: int = leads) -> Taken:
            ran = python("-m", "bench.copy_by_duckdb", source, bench.folder("copies"), memory_limit(leads))
            return _part(ran, "copy")

        def ingest(source: Path = source, day: dt.date = world.last_day, leads: int = leads) -> Taken:
            ran = _child("direct", source, bench.folder("ingestion"), day, ["ingest"], limited(leads))
            return _part(ran, "ingest")

        runs = bench.runs_of(leads, HUGE)
        limit = repeated(runs, copy)
        ours = repeated(runs, ingest)
        rows.append((f"{leads:,} leads: copy by DuckDB", *limit.cells, "1", "1"))
        rows.append((f"{leads:,} leads: ingestion", *ours.cells, *_times(ours, limit)))
    return table(("from files", *SIZE_HEAD, "times the wall", "times the CPU"), rows)


def layouts(bench: Bench) -> list[str]:
    """Ingestion of exports that layouts map, against ingestion of the same rows in canonical files.

    Leads are named by their addresses in the exports, words and times are other ones. Seconds are without the start of
    Python. Sizes beyond a million leads are left out.
    """
    rows: list[tuple[object, ...]] = []
    for leads in (size for size in bench.leads if size <= LARGE):
        world, source = bench.world(leads)
        for form in FORMS:
            canonical, exports = (_texts(bench, source, form, mapped=mapped) for mapped in (False, True))

            def ingest(folder: Path, day: dt.date = world.last_day, leads: int = leads) -> Taken:
                ran = _child("direct", folder, bench.folder("ingestion"), day, ["ingest"], limited(leads))
                return _part(ran, "ingest")

            runs = bench.runs_of(leads)
            limit = repeated(runs, lambda folder=canonical: ingest(folder))
            ours = repeated(runs, lambda folder=exports: ingest(folder))
            rows.append((f"{leads:,} leads, {form}: canonical files", *limit.cells, "1", "1"))
            rows.append((f"{leads:,} leads, {form}: exports with layouts", *ours.cells, *_times(ours, limit)))
    return table(("from text files", *SIZE_HEAD, "times the wall", "times the CPU"), rows)


def _texts(bench: Bench, world: Path, form: str, *, mapped: bool) -> Path:
    """Return the folder of a world's text files; they are made once, in another process, as worlds are."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(write_texts, world, bench.cache, form, mapped=mapped).result()


def outputs(bench: Bench) -> list[str]:
    """Features and six outputs from the lake, with contracts, checks and reports, by Dagster; and the same by hand."""
    rows: list[tuple[object, ...]] = []
    folder = bench.folder("by-hand")
    for leads in bench.leads:
        world, source = bench.world(leads)
        lake, day, memory = bench.lake(leads), world.last_day, memory_limit(leads)
        policy = {"ACQUISITION_POLICY": document_items(folder)}
        limit = repeated(
            bench.runs, lambda lake=lake, day=day, memory=memory: _by_hand("duckdb", lake, day, folder, memory)
        )
        free = repeated(bench.runs_of(leads), lambda lake=lake, day=day: _by_hand("duckdb", lake, day, folder))
        ours, ours_free = (
            repeated(
                bench.runs_of(leads),
                lambda source=source, lake=lake, day=day, environment=environment: (
                    _child("dagster", source, lake, day, FROM_LAKE, environment).taken
                ),
            )
            for environment in (limited(leads) | policy, policy)
        )
        name = f"{leads:,} leads: "
        rows.append((f"{name}hand-fused DuckDB script, {memory}", *limit.cells, "1", "1"))
        rows.append((f"{name}the same, all memory", *free.cells, *_times(free, limit)))
        rows.append((f"{name}product, {memory}", *ours.cells, *_times(ours, limit)))
        rows.append((f"{name}product, its default of memory", *ours_free.cells, *_times(ours_free, limit)))
        if leads <= PANDAS_LEADS:
            pandas = repeated(bench.runs_of(leads), lambda lake=lake, day=day: _by_hand("pandas", lake, day, folder))
            rows.append((f"{name}pandas", *pandas.cells, *_times(pandas, limit)))
    return table(("from the lake", *SIZE_HEAD, "times the wall", "times the CPU"), rows)


def next_day(bench: Bench) -> list[str]:
    """One more day on a lake that has a month of history, and on one that has a year of the same daily volume."""
    leads = min(20_000, max(bench.leads))
    taken = {}
    for name, days in (("a month", 31), ("a year", 366)):
        world, source = bench.world(leads, days)
        lake = bench.folder(f"history-{days}")
        acquisition(source, lake, world.last_day - dt.timedelta(days=1))
        # The day is run again and again: what it leaves is replaced, and what it reads is the same.
        acquisition(source, lake, world.last_day)
        taken[name] = repeated(
            bench.runs, lambda source=source, lake=lake, day=world.last_day: acquisition(source, lake, day).taken
        )
    month, year = taken["a month"], taken["a year"]
    rows = [
        (f"{leads:,} leads, after a month", *month.cells, "1", "1"),
        (f"{leads:,} leads, after a year", *year.cells, *_times(year, month)),
    ]
    return table(("one more day", *SIZE_HEAD, "times the wall", "times the CPU"), rows)


def dagster_overhead(bench: Bench) -> list[str]:
    """The steps of a day by Dagster and called directly, on the smallest size; seconds without the start of Python."""
    leads = min(bench.leads)
    world, source = bench.world(leads)
    lake = bench.lake(leads)
    arguments = (source, lake, world.last_day, list(STEPS))
    by = {how: median([_sum(_child(how, *arguments)) for _ in range(bench.runs)]) for how in ("direct", "dagster")}
    direct, dagster = by["direct"], by["dagster"]
    start = repeated(bench.runs, lambda: python("-c", "import bench.child").taken)
    rows = [
        ("start of Python and imports", f"{start.wall:.2f}", f"{start.cpu:.2f}"),
        (f"{len(STEPS)} steps called directly", f"{direct.wall:.2f}", f"{direct.cpu:.2f}"),
        ("the same steps by Dagster", f"{dagster.wall:.2f}", f"{dagster.cpu:.2f}"),
        ("Dagster's own", f"{dagster.wall - direct.wall:.2f}", f"{dagster.cpu - direct.cpu:.2f}"),
    ]
    return table((f"{leads:,} leads, one day", "wall, s", "CPU, s"), rows)


def segments(bench: Bench) -> list[str]:
    """Fifty nested segments with who entered and left, over the largest size."""
    leads = max(bench.leads)
    world, source = bench.world(leads)
    lake, day = bench.lake(leads), world.last_day
    policy = bench.cache / "segments.yaml"
    policy.write_text(fifty_segments(), encoding="utf-8")
    environment = {"ACQUISITION_POLICY": str(policy), **limited(leads)}
    yesterday = day - dt.timedelta(days=1)
    steps = ["lead_segments", "segment_changes"]
    for name in ("lead_activity", "dynamic_scores", "behavior_predictions"):  # yesterday is today with other scores
        target = lake / name / f"date={yesterday}"
        if not target.exists():
            shutil.copytree(lake / name / f"date={day}", target)
            if name == "dynamic_scores":
                _change_scores(target)
    try:
        _child("direct", source, lake, yesterday, ["lead_segments"], environment)
        runs = [_child("direct", source, lake, day, steps, environment) for _ in range(bench.runs)]
    finally:
        for name in ("lead_activity", "dynamic_scores", "behavior_predictions", "lead_segments"):
            shutil.rmtree(lake / name / f"date={yesterday}", ignore_errors=True)
        _child("direct", source, lake, day, steps, limited(leads))
    taken = median([_sum(run) for run in runs])
    rows = [(f"{leads:,} leads, 50 segments, entered and left", *taken.cells)]
    return table(("segments", *SIZE_HEAD), rows)


def backfill(bench: Bench) -> list[str]:
    """Ninety days in one command, and what is read once and computed per day by calling the steps.

    Only the first, the middle and the last day are measured; their mean is used for every day.
    """
    leads = min(100_000, sorted(bench.leads)[len(bench.leads) // 2])
    world, source = bench.world(leads)
    days = days_between(world.last_day - dt.timedelta(days=RANGE_DAYS - 1), world.last_day)
    lake = bench.folder("range")
    taken = acquisition(source, lake, days[0], days[-1]).taken
    one = acquisition(source, bench.folder("first-day"), days[-1]).taken
    read = _child("direct", source, bench.folder("ingestion"), days[-1], ["ingest"])
    computed = [
        _sum(_child("direct", source, lake, day, FROM_LAKE)) for day in (days[0], days[len(days) // 2], days[-1])
    ]
    least = _part(read, "ingest").wall + sum(day.wall for day in computed) / len(computed) * len(days)
    rows = [
        (f"{leads:,} leads, 1 day", f"{one.wall:.1f}", ""),
        (f"{leads:,} leads, {len(days)} days: read once and computed per day", f"{least:.1f}", "1"),
        (f"{leads:,} leads, {len(days)} days: in one command", f"{taken.wall:.1f}", f"{taken.wall / least:.2f}"),
    ]
    return table(("range", "wall, s", "times the wall"), rows)


def growth(bench: Bench) -> list[str]:
    """Features and six outputs of ten million leads against those of a million, from the lake, by calling the steps."""
    taken = {}
    for leads in (LARGE, HUGE):
        world, source = bench.world(leads)
        lake = bench.lake(leads)
        runs = range(bench.runs_of(leads, HUGE))
        taken[leads] = median(
            [_sum(_child("direct", source, lake, world.last_day, FROM_LAKE, limited(leads))) for _ in runs]
        )
    rows = [
        (f"{leads:,} leads, {memory_limit(leads)}", *of.cells, *_times(of, taken[LARGE])) for leads, of in taken.items()
    ]
    return table(("from the lake", *SIZE_HEAD, "times the wall", "times the CPU"), rows)


def sample(bench: Bench) -> list[str]:
    """The built-in sample."""
    taken = repeated(
        bench.runs,
        lambda: python("-m", "acquisition_assets", "run", "--source", "sample", "--lake", bench.folder("sample")).taken,
    )
    return table(("sample", *SIZE_HEAD), [("acquisition run --source sample", *taken.cells)])


def postgres(bench: Bench) -> list[str]:
    """Extraction from PostgreSQL and publication to it, beside psql's own copy."""
    size = ("--leads", str(max(bench.leads)), "--tries", str(bench.runs))
    command = [sys.executable, "-W", "ignore", "-m", "bench.postgres", *size]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, env=environment)
    return [line for line in done.stdout.splitlines() if line.startswith("|")]


def own_content(bench: Bench) -> list[str]:
    """Recommendations of 2,000 own items to readers with a taste of their own, the dearest way of ranking them."""
    rows = [
        (
            f"{leads:,} leads",
            f"{leads * content.EACH * 2:,}",
            *content.measured(leads, content.ITEMS, bench.cache).taken.cells,
        )
        for leads in bench.leads
    ]
    return table(("leads", "events", *SIZE_HEAD), rows)


def forecasts(bench: Bench) -> list[str]:
    """A day of conversion forecasts, model included, from rows in memory, on one thread."""
    leads = min(FORECAST_LEADS, max(bench.leads))
    command = [sys.executable, "-W", "ignore", "-m", "bench.forecasts", "speed", "--leads", str(leads)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, env=environment)
    return [line for line in done.stdout.splitlines() if line.startswith("|")]


CASES: dict[str, Callable[[Bench], list[str]]] = {
    "sample": sample,
    "first_day": first_day,
    "steps": step_by_step,
    "outputs": outputs,
    "ingestion": ingestion,
    "layouts": layouts,
    "next_day": next_day,
    "dagster": dagster_overhead,
    "segments": segments,
    "range": backfill,
    "postgres": postgres,
    "content": own_content,
    "forecasts": forecasts,
    "growth": growth,
}
ON_DEMAND = ("growth",)
"""Benchmarks that take half an hour and 60 GB of disk, and are run by their name only."""


def document_items(folder: Path) -> str:
    """Write a policy file with the document's fixed items, as the scripts by hand recommend them; return its path."""
    path = folder / "document.yaml"
    path.write_text("content_recommendations: {items: document}\n", encoding="utf-8")
    return str(path)


def fifty_segments() -> str:
    """Write a policy file with 50 segments of nested conditions."""
    lines = ["segments:"]
    for n in range(50):
        criterion = (
            f"(engagement_score >= {n % 20} and (status = 'nurturing' or not (age_days < {n + 5} or "
            f"completions_total < {n % 6}))) or (avg_response_hours < {n % 9 + 1} and not is_unsubscribed "
            f"and (deliveries_30d > {n % 4} or (conversion_probability >= {n} and interest_area in ('sales', 'hr'))))"
        )
        lines += [f"  nested_{n:02}:", f"    description: number {n}", f'    criterion: "{criterion}"']
    return "\n".join(lines) + "\n"


def _change_scores(partition: Path) -> None:
    """Raise the scores of a tenth of the leads."""
    for path in list(partition.iterdir()):
        changed = "case when hash(lead_id) % 10 = 0 then least(score + 1.5, 100) else score end as score"
        rows = f"select * replace ({changed}) from read_parquet('{path}', hive_partitioning = false)"
        duckdb.execute(f"copy ({rows}) to '{path}.changed' (format parquet)")
        path.with_name(f"{path.name}.changed").replace(path)


def _child(
    how: str,
    source: Path,
    lake: Path,
    day: dt.date,
    steps: Sequence[str],
    environment: dict[str, str] | None = None,
) -> Ran:
    return python("-m", "bench.child", how, source, lake, day, *steps, environment=environment)


def _by_hand(how: str, lake: Path, day: dt.date, folder: Path, *arguments: str) -> Taken:
    return python("-m", f"bench.by_hand_{how}", lake, day, folder, *arguments).taken


def _part(run: Ran, part: str) -> Taken:
    """Return the resources of one part of a child process, with the peak of the whole process."""
    return Taken(peak_mb=run.taken.peak_mb, **run.outcome[part])


def _sum(run: Ran) -> Taken:
    """Return the resources of all parts of a child process together."""
    parts = [_part(run, part) for part in run.outcome]
    return Taken(
        *(sum(getattr(part, name) for part in parts) for name in ("wall", "cpu")),
        run.taken.peak_mb,
        *(sum(getattr(part, name) for part in parts) for name in ("read_mb", "written_mb")),
    )


def _times(ours: Taken, limit: Taken) -> tuple[str, str]:
    return f"{ours.wall / limit.wall:.2f}", f"{ours.cpu / limit.cpu:.2f}"
