"""Protects every row of every table and report: seeded adversarial worlds must match the slow reference.

ACQUISITION_TEST_SEEDS=100-400 runs these seeds instead of the few of the default run.
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest

from acquisition_assets_tests.kit.comparing import differences
from acquisition_assets_tests.kit.random_world import make, write
from acquisition_assets_tests.kit.running import compute_day
from acquisition_assets_tests.oracle import reference


def _seeds() -> list[int]:
    first, _, last = os.environ.get("ACQUISITION_TEST_SEEDS", "1-8").partition("-")
    return list(range(int(first), int(last or first) + 1))


@pytest.mark.parametrize("seed", _seeds())
def test_every_table_matches_the_reference(seed: int, tmp_path: Path) -> None:
    world = make(seed)
    lake = reference.Lake()
    for number, (day, full) in enumerate(zip(world.days, world.full, strict=True)):
        source = world.seen(number)
        write(tmp_path / "source", source, world.form)
        expected = reference.run(source, day, world.zone, lake, full=full, text_file=world.is_text)
        run = compute_day(tmp_path / "source", tmp_path / "lake", day, world.zone, full=full)
        found = differences(expected, run, lake, tmp_path / "lake", day, raw_events=world.in_order)
        assert not found, f"{world.zone}, {world.form}, run {number} of {world.days}: " + "\n".join(found[:40])


def test_the_reference_knows_where_days_end() -> None:
    """Check the reference itself where it is easy to be wrong."""

    def end(day: str, zone: str) -> str:
        return reference.end_of_day(dt.date.fromisoformat(day), zone).strftime("%m-%d %H:%M")

    assert end("2024-03-30", "Europe/Madrid") == "03-30 23:00"
    assert end("2024-03-31", "Europe/Madrid") == "03-31 22:00"
    assert end("2024-04-25", "Africa/Cairo") == "04-25 22:00"  # 00:00 is skipped
    assert end("2023-10-26", "Africa/Cairo") == "10-26 22:00"  # the clock goes from 24:00 to 23:00
    assert end("2024-11-02", "America/Havana") == "11-03 04:00"  # 00:00 strikes twice
    assert end("2010-11-06", "America/St_Johns") == "11-07 02:30"  # at 00:01 back to 23:01
    assert end("2011-12-29", "Pacific/Apia") == end("2011-12-30", "Pacific/Apia") == "12-30 10:00"
