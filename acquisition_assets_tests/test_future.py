"""Protects against hindsight: whatever a source says of times at or after the end of a day changes no table of it."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path
from typing import Any

import pytest

from acquisition_assets_tests.kit.random_world import MICROSECOND, Maker, write
from acquisition_assets_tests.kit.running import compute_day, lenient_policy, snapshot
from acquisition_assets_tests.kit.running import rows as rows_of
from acquisition_assets_tests.oracle.reference import Row, end_of_day
from acquisition_assets_tests.test_reference import _seeds

MAIN_TIME = {
    "leads": "created_at",
    "events": "occurred_at",
    "referrals": "created_at",
    "content": "published_at",
    "status_changes": "changed_at",
}
FURTHER_TIMES = {
    "leads": ("engaged_at", "converted_at", "inactive_at", "unsubscribed_at"),
    "referrals": ("validated_at",),
}
OWN_TIME = {
    "engaged": "engaged_at",
    "mql": "engaged_at",
    "hot": "engaged_at",
    "converted": "converted_at",
    "closed_won": "converted_at",
    "customer": "converted_at",
    "inactive": "inactive_at",
    "churned": "inactive_at",
    "validated": "validated_at",
}
"""The time that says since when a status holds; without it, the status is today's."""
AS_READ = ("raw_leads", "raw_referrals", "raw_content", "source_state")
"""Tables that hold further times as the source has them. What is computed from them ignores those of the future."""
RUN = dt.date(2024, 7, 17)


@pytest.mark.parametrize("seed", _seeds()[:3])
def test_what_is_dated_at_or_after_the_end_of_the_day_changes_nothing(seed: int, tmp_path: Path) -> None:
    world, zone = make_typed(seed)
    changed = with_other_future(world, end_of_day(RUN, zone), random.Random(seed))
    assert changed != world
    found = []
    for name, tables in (("before", world), ("after", changed)):
        write(tmp_path / name / "source", tables, "typed.parquet")
        lake = tmp_path / name / "lake"
        run = compute_day(tmp_path / name / "source", lake, RUN, zone, lenient_policy(tmp_path))
        assert run.success, run.errors
        held = {name: rows for name, rows in snapshot(lake).items() if not name.startswith((*AS_READ, "quarantine"))}
        bad = sorted((row["source_table"], row["reason"], row["detail"]) for row in rows_of(lake, "quarantine", RUN))
        found.append({**held, "quarantine": bad})
    before, after = found
    assert before.keys() == after.keys()
    for name, rows in before.items():
        assert sorted(set(rows) ^ set(after[name])) == [], name


def make_typed(seed: int) -> tuple[dict[str, list[Row]], str]:
    """Return a random world of typed cells around one day, all of it seen at once, and its time zone."""
    maker = Maker(seed)
    maker.world.form, maker.typed, maker.dirt = "typed.parquet", True, 0.0
    maker.world.days, maker.ends = [RUN], [end_of_day(RUN, maker.zone)]
    made = maker.make()
    return made.seen(0), made.zone


def with_other_future(tables: dict[str, list[Row]], end: dt.datetime, chance: random.Random) -> dict[str, list[Row]]:
    """Return the tables with each time from the end of the day on changed, and rows of the future removed and added.

    Leads of the future stay, as rows that name them are not unknown. The own time of a status stays in the future.
    """

    def later() -> dt.datetime:
        return end + dt.timedelta(days=chance.choice((0, 0, 1, 30))) + MICROSECOND * chance.randint(0, 5)

    def is_future(value: Any) -> bool:
        return isinstance(value, dt.datetime) and value >= end

    def changed(table: str, row: Row) -> Row:
        new = dict(row)
        own = OWN_TIME.get(str(row.get("status")).strip().lower())
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


def newer_versions(table: str, rows: list[Row], end: dt.datetime, later: Any) -> list[Row]:
    """Return for some rows a version from after the end of the day with other words."""
    some = [row for row in rows if row["updated_at"] is None or row["updated_at"] < end][:10]
    word = {"leads": "interest_area", "referrals": "referred_email", "content": "title"}[table]
    return [{**row, "updated_at": later(), word: "other"} for row in some]
