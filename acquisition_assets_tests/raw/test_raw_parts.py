"""Protects ingestion in parts of some days each: the result is the same as in one go."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from acquisition_assets.raw import ingest
from acquisition_assets.raw.windows import Part
from acquisition_assets_tests.kit.ingesting import events, leads_of, take_in
from acquisition_assets_tests.kit.random_world import make, write
from acquisition_assets_tests.kit.running import compute_day, lenient_policy, snapshot
from acquisition_assets_tests.oracle.reference import UTC


@pytest.mark.parametrize("seed", [2, 4, 5, 8])
def test_the_size_of_the_parts_changes_nothing(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = make(seed)
    policy = lenient_policy(tmp_path)
    lakes = {at_once: tmp_path / str(at_once) for at_once in (10**9, 1, 40)}
    for number, day in enumerate(world.days):
        write(tmp_path / "source", world.seen(number), world.form)
        for at_once, lake in lakes.items():
            monkeypatch.setattr(ingest, "ROWS_AT_ONCE", at_once)
            full = world.full[number]
            run = compute_day(tmp_path / "source", lake, day, world.zone, policy, full, last_step="ingest")
            assert run.success, run.errors
    whole, *others = map(snapshot, lakes.values())
    assert sum(map(len, whole.values())) > 0
    assert all(other == whole for other in others)


def test_duplicates_are_found_across_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "ROWS_AT_ONCE", 1)
    lines = (
        "e1,a,sent,2025-01-09T10:00:00Z",
        "e1,a,sent,2025-01-03T10:00:00Z",
        "e1,a,sent,2025-01-09T10:00:00Z",
        "e2,a,sent,2025-01-05T10:00:00Z",
        "e3,a,sent,never",
    )
    taken = take_in(tmp_path, {"leads.parquet": leads_of(lead_id=["a"]), "events.csv": events(*lines)})
    assert taken.fates("events") == (5, 2, 2, 1, 0)
    assert taken.reasons() == {"e1": "duplicate id", "e3": "unparsable value"}
    days = {day: taken.values("event_id", "events", day) for day in ("2025-01-05", "2025-01-06", "2025-01-09")}
    assert days == {"2025-01-05": ["e2"], "2025-01-06": [], "2025-01-09": ["e1"]}


def test_a_cut_leaves_each_instant_in_one_part() -> None:
    def at(day: int) -> dt.datetime:
        return dt.datetime(2025, 1, day, tzinfo=UTC)

    parts = Part(((None, at(5)), (at(8), at(12)))).cut([at(3), at(7), at(10)])
    assert parts == [
        Part(((None, at(3)),)),
        Part(((at(3), at(5)),), timeless=False),
        Part(((at(8), at(10)),), timeless=False),
        Part(((at(10), at(12)),), timeless=False),
    ]


def test_a_cut_between_two_stretches_makes_no_part_of_its_own() -> None:
    def at(day: int) -> dt.datetime:
        return dt.datetime(2025, 1, day, tzinfo=UTC)

    parts = Part(((at(2), at(3)), (at(8), at(9)))).cut([at(4), at(6)])
    assert parts == [Part(((at(2), at(3)),)), Part(((at(8), at(9)),), timeless=False)]
    assert Part((), timeless=False).condition("time") == "(false)"
