"""Protects against hindsight: whatever a source says of times at or after the end of a day changes no table of it."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acquisition_assets_tests.kit.random_world import MICROSECOND, Maker, write
from acquisition_assets_tests.kit.raw_world import OWN_TIME, TIMES
from acquisition_assets_tests.kit.running import compute_day, lenient_policy, snapshot
from acquisition_assets_tests.kit.running import rows as rows_of
from acquisition_assets_tests.oracle.reference import STATUS_WORDS, Row, end_of_day
from acquisition_assets_tests.test_reference import _seeds

MAIN_TIME = {
    "leads": "created_at",
    "events": "occurred_at",
    "referrals": "created_at",
    "content": "published_at",
    "status_changes": "changed_at",
}
FURTHER_TIMES = {
    "leads": TIMES,
    "referrals": ("validated_at",),
}
AS_READ = ("raw_leads", "raw_referrals", "raw_content", "source_state")
"""Tables that hold the source's further times, those of the future too; all others must stay as they are."""
DAY = dt.date(2024, 7, 17)


@pytest.mark.parametrize("seed", _seeds()[:3])
def test_what_is_dated_at_or_after_the_end_of_the_day_changes_nothing(seed: int, tmp_path: Path) -> None:
    world, zone = make_typed(seed)
    changed = with_other_future(world, end_of_day(DAY, zone), random.Random(seed))
    assert changed != world
    found = []
    for name, tables in (("before", world), ("after", changed)):
        write(tmp_path / name / "source", tables, "typed.parquet")
        lake = tmp_path / name / "lake"
        run = compute_day(tmp_path / name / "source", lake, DAY, zone, lenient_policy(tmp_path))
        assert run.success, run.errors
        held = {name: rows for name, rows in snapshot(lake).items() if not name.startswith((*AS_READ, "quarantine"))}
        bad = sorted((row["source_table"], row["reason"], row["detail"]) for row in rows_of(lake, "quarantine", DAY))
        found.append({**held, "quarantine": bad})
    before, after = found
    assert before.keys() == after.keys()
    for name, rows in before.items():
        assert rows == after[name], name


def make_typed(seed: int) -> tuple[dict[str, list[Row]], str]:
    """Return a random world of typed cells around one day, all of it seen at once, and its time zone."""
    maker = Maker(seed)
    maker.world.form, maker.typed, maker.dirt = "typed.parquet", True, 0.0
    maker.world.days, maker.ends = [DAY], [end_of_day(DAY, maker.zone)]
    made = maker.make()
    return made.seen(0), made.zone


def with_other_future(tables: dict[str, list[Row]], end: dt.datetime, chance: random.Random) -> dict[str, list[Row]]:
    """Return the tables with another future: times from the end of the day on are changed, and rows removed and added.

    Leads of the future stay, or rows that name them would be of unknown leads. So does the time of a status, in the
    future: without it the status would be today's.
    """

    def later() -> dt.datetime:
        return end + dt.timedelta(days=chance.choice((0, 0, 1, 30))) + MICROSECOND * chance.randint(0, 5)

    def is_future(value: Any) -> bool:
        return isinstance(value, dt.datetime) and value >= end

    def changed(table: str, row: Row) -> Row:
        new = dict(row)
        word = str(row.get("status")).strip().lower()
        own = "validated_at" if word == "validated" else OWN_TIME.get(STATUS_WORDS.get(word, word))
        main = MAIN_TIME.get(table)
        if main and is_future(row[main]):
            new[main] = later()
        for name in FURTHER_TIMES.get(table, ()):
            if is_future(row[name]) or (row[name] is None and name != own):
                new[name] = later() if name == own else chance.choice((None, later(), later()))
        return new

    other: dict[str, list[Row]] = {}
    for table, rows in tables.items():
        main = MAIN_TIME.get(table)
        kept = [
            row for row in rows if table == "leads" or not main or not is_future(row[main]) or chance.random() < 0.5
        ]
        other[table] = [changed(table, row) for row in kept]
        if main:
            past = [row for row in rows if isinstance(row[main], dt.datetime) and not is_future(row[main])][:20]
            keys = {"leads": "lead_id", "events": "event_id", "referrals": "referral_id", "content": "content_id"}
            key = keys.get(table)
            for n, row in enumerate(past):
                is_text = isinstance(next(row[name] for name in keys.values() if row.get(name) is not None), str)
                named = {key: f"later-{n}" if is_text else 900_000 + n} if key else {}
                other[table].append({**row, main: later(), **named})
        if "updated_at" in (rows[0] if rows else {}):
            other[table] += newer_versions(table, rows, end, later)
    return other


def newer_versions(table: str, rows: list[Row], end: dt.datetime, later: Callable[[], dt.datetime]) -> list[Row]:
    """Return a later version of some rows, from after the end of the day and with another word."""
    some = [row for row in rows if row["updated_at"] is None or row["updated_at"] < end][:10]
    word = {"leads": "interest_area", "referrals": "referred_email", "content": "title"}[table]
    return [{**row, "updated_at": later(), word: "other"} for row in some]
