"""Protects the memory limit: a day with more data than fits in memory succeeds by spilling to disk."""

from __future__ import annotations

from pathlib import Path

from acquisition_assets_tests.kit.program import finish, start
from bench.world import World, write_world

WORLD = World(leads=20_000)
LIMIT = "80MB"
"""For 20,000 leads with 240,000 deliveries and half a million events, as 640 MB are for eight times as many."""
POLICY = "conversion_forecasts: {maximum_rows: 25000, maximum_events: 1250000}\n"
"""An eighth of the rows that forecasts learn from, which the policy bounds whatever the number of leads."""


def test_a_first_day_succeeds_in_little_memory(tmp_path: Path) -> None:
    source = write_world(WORLD, tmp_path)
    settings = {"ACQUISITION_MEMORY_LIMIT": LIMIT, "ACQUISITION_THREADS": "2", "ACQUISITION_START_DATE": "2015-01-01"}
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    command = ["run", "--source", source, "--lake", tmp_path / "lake", "--date", WORLD.last_day, "--policy", policy]
    finish(start(*command, more=settings))
    assert (tmp_path / f"lake/social_performance/date={WORLD.last_day}/data.parquet").exists()
