"""Protects ranges that run days side by side: a step that reads earlier days finds them done, whatever the products."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import dagster as dg
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition_assets.commands.parallel_days import _Schedule
from acquisition_assets.core.ordering import earlier_steps
from acquisition_assets.core.settings import Settings
from acquisition_assets.core.specs import ORDERED_DAYS
from acquisition_assets.definitions import build_defs

PARTITIONS = dg.DailyPartitionsDefinition("2025-01-01")
DAYS = [dt.date(2025, 1, 1) + dt.timedelta(days=n) for n in range(6)]


def step(name: str, *deps: dg.AssetDep | str, tags: dict[str, str] | None = None) -> dg.AssetsDefinition:
    """Return a step that makes one table."""

    @dg.multi_asset(name=name, specs=[dg.AssetSpec(name, deps=list(deps), partitions_def=PARTITIONS)], op_tags=tags)
    def compute() -> None: ...

    return compute


def past(table: str, first: int, last: int) -> dg.AssetDep:
    mapping = dg.TimeWindowPartitionMapping(start_offset=first, end_offset=last)
    return dg.AssetDep(table, partition_mapping=mapping)


def test_steps_that_need_earlier_days_follow_from_the_graph(tmp_path: Path) -> None:
    defs = build_defs(Settings.from_environment({}, source="sample", lake=str(tmp_path)))
    found = earlier_steps(asset for asset in defs.assets or () if isinstance(asset, dg.AssetsDefinition))
    assert found == {
        "ingest": {"ingest"},
        "dynamic_scores": {"dynamic_scores"},
        "segment_changes": {"lead_segments"},
        "conversion_forecasts": {"conversion_forecasts"},
        "rule_evidence": {"rule_evidence"},
        "incidents": {"incidents"},
        "daily_brief": {"daily_brief"},
    }


def test_a_new_product_that_reads_yesterday_waits_for_the_step_that_makes_it() -> None:
    ingest, scores = step("ingest", tags={ORDERED_DAYS: "true"}), step("scores", "ingest")
    trend = step("trend", past("scores", -3, -1))
    same_day = step("same_day", past("scores", 0, 0))
    assert earlier_steps([ingest, scores, trend, same_day]) == {"ingest": {"ingest"}, "trend": {"scores"}}


@settings(deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 4))
def test_a_step_finds_its_earlier_days_done_in_any_order_of_work(random: object, workers: int) -> None:
    """Simulate workers that take days and steps in any order the schedule allows."""
    order = ["ingest", "scores", "segments", "changes"]
    earlier = {"ingest": frozenset({"ingest"}), "changes": frozenset({"segments"})}
    schedule = _Schedule(DAYS)
    done: dict[str, set[int]] = {name: set() for name in order}
    running: dict[int, int] = {}
    while len(done["changes"]) < len(DAYS):
        while len(running) < workers and (place := schedule.next_day()) is not None:
            running[place] = 0
        ready = [
            place
            for place, step_number in running.items()
            if schedule.is_ready(earlier.get(order[step_number], frozenset()), place)
        ]
        assert ready, "no day can go on"
        place = random.choice(ready)  # type: ignore[attr-defined]
        name = order[running[place]]
        for needed in earlier.get(name, ()):
            assert done[needed] >= set(range(place))
        done[name].add(place)
        schedule.finish(name, place)
        running[place] += 1
        if running[place] == len(order):
            del running[place]
