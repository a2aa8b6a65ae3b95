"""Protects what holds for every dirty source: each row has one fate, in any order of rows and days, and none is named.

The exact fate and value of single rows are left to the other tests of this folder.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from acquisition_assets.inputs.tables import INPUTS
from acquisition_assets_tests.kit.dirty_rows import DAYS, SOURCES, Lines, whole_tables
from acquisition_assets_tests.kit.examples import examples
from acquisition_assets_tests.kit.ingesting import DAY, Content, Taken, take_in
from acquisition_assets_tests.kit.running import lenient_policy, rows, snapshot


def files(lines: Lines) -> dict[str, Content]:
    """Return a source of these lines, each table in a CSV file."""
    return {f"{table}.csv": text for table, text in whole_tables(lines).items()}


def take(folder: Path, lines: Lines, day: str = DAY, *, full: bool = False) -> Taken:
    """Return what an ingestion of these lines left, under a policy that never stops a day."""
    folder.mkdir(exist_ok=True)
    taken = take_in(folder, files(lines), day, policy=lenient_policy(folder), full=full)
    assert taken.error == ""
    return taken


@examples(10)
@given(SOURCES)
def test_every_row_has_one_fate_and_no_text_names_a_person(lines: Lines) -> None:
    with tempfile.TemporaryDirectory() as folder:
        taken = take(Path(folder), lines)
        quarantined = taken.quarantined()
        for table in INPUTS:
            read, *fates = (*taken.fates(table), *taken.more_fates(table))
            assert read == sum(fates), table
            assert fates[1] == sum(row["source_table"] == table for row in quarantined)
            if table == "events":
                stored = sum(len(rows(path.parent, path.name, day[5:])) for path, day in _event_days(taken))
            else:
                stored = len(taken.accepted(table))
            assert fates[0] == stored, table
    texts = [check.description for check in taken.run.checks.values()] + [row["detail"] for row in quarantined]
    assert not [text for text in texts if "secret" in text.lower()]


def _event_days(taken: Taken) -> list[tuple[Path, str]]:
    events = taken.lake / "raw_events"
    return [(events, day.name) for day in events.iterdir()]


@examples(5)
@given(SOURCES, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_only_which_of_equal_rank_is_kept(lines: Lines, shuffler: random.Random) -> None:
    whole = {table: [line for line in each if '"never' not in line] for table, each in lines.items()}
    whole["aliases"] = list({line.split(",")[0].lower(): line for line in whole["aliases"]}.values())
    shuffled = {table: shuffler.sample(each, len(each)) for table, each in whole.items()}
    with tempfile.TemporaryDirectory() as folder:
        first, second = [take(Path(folder, name), each) for name, each in (("first", whole), ("second", shuffled))]
        for table in INPUTS:
            assert first.fates(table) == second.fates(table), table
            assert first.more_fates(table) == second.more_fates(table), table
        keys = [
            sorted((row["source_table"], row["reason"]) for row in taken.quarantined()) for taken in (first, second)
        ]
        assert keys[0] == keys[1]
        assert sorted(first.values("lead_id")) == sorted(second.values("lead_id"))


@examples(5, shrink=False)
@given(SOURCES)
def test_days_in_any_order_give_the_same(lines: Lines) -> None:
    with tempfile.TemporaryDirectory() as folder:
        one_by_one, backwards, in_full, at_once = [
            _lake(Path(folder, name), lines, days, full=full)
            for name, days, full in (
                ("one by one", DAYS, False),
                ("backwards", DAYS[::-1], False),
                ("in full", DAYS, True),
                ("at once", DAYS[-1:], True),
            )
        ]
    assert backwards == one_by_one
    assert in_full == one_by_one
    events = {name for name in (*one_by_one, *at_once) if name.startswith("raw_events/")}
    # A run for a day without events leaves an empty partition. The lake of one run has none for the other days.
    assert {f"raw_events/date={day}" for day in DAYS} <= one_by_one.keys()
    assert {name: one_by_one.get(name) for name in events} == {name: at_once.get(name, []) for name in events}
    last = {name: stored for name, stored in at_once.items() if name.endswith(DAY)}
    assert {name: one_by_one.get(name) for name in last} == last


def _lake(folder: Path, lines: Lines, days: Sequence[str], *, full: bool) -> dict[str, list[str]]:
    """Return what the ingestion of these days leaves."""
    for day in days:
        take(folder, lines, day, full=full)
    return snapshot(folder / "lake")
