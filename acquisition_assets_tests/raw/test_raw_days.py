"""Protects which days' events a run reads and writes: history, late events, gaps, reruns, and ids across days."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from acquisition_assets_tests.kit.ingesting import HEADER, LEADS, Content, events, put, take_in
from acquisition_assets_tests.kit.running import partition, rows, snapshot


def ids(folder: Path, days: Iterable[int]) -> dict[int, list[str]]:
    """The events in the lake on these days of January."""
    found = {}
    for day in days:
        if partition(folder / "lake", "raw_events", f"2025-01-{day:02d}").exists():
            stored = rows(folder / "lake", "raw_events", f"2025-01-{day:02d}")
            found[day] = sorted(row["event_id"] for row in stored)
    return found


def on(*days: int, name: str = "e") -> list[str]:
    """An event at noon of each of these days of January."""
    return [f"{name}{day},ana,sent,2025-01-{day:02d}T12:00:00Z" for day in days]


def files(*lines: str) -> dict[str, Content]:
    """A source of these events."""
    return {"leads.csv": LEADS, "events.csv": events(*lines)}


def test_the_first_run_takes_the_whole_history_and_days_without_events_are_empty(tmp_path: Path) -> None:
    take_in(tmp_path, files(*on(2, 5, 10, 11)))
    expected = {day: [f"e{day}"] if day in (2, 5, 10) else [] for day in range(2, 11)}
    assert ids(tmp_path, range(1, 13)) == expected


def test_late_events_are_taken_for_three_days_and_on_older_days_where_the_source_has_more(tmp_path: Path) -> None:
    take_in(tmp_path, files(*on(3, 4, 9)), "2025-01-09")
    taken = take_in(tmp_path, files(*on(3, 4, 9), *on(5, 7, 8, 9, 10, name="late")), "2025-01-10")
    found = ids(tmp_path, range(1, 11))
    late = {5: ["late5"], 6: [], 7: ["late7"], 8: ["late8"], 9: ["e9", "late9"], 10: ["late10"]}
    assert found == {3: ["e3"], 4: ["e4"], **late}
    assert taken.fates("events") == (6, 6, 0, 0, 0)  # what is not read is not counted
    taken = take_in(tmp_path, files(*on(4, 9), *on(3, 5, 7, 8, 9, 10, name="late")), "2025-01-10")
    assert ids(tmp_path, (3, 4)) == {3: ["late3"], 4: ["e4"]}  # as many as before, but others
    assert taken.fates("events") == (6, 6, 0, 0, 0)
    taken = take_in(tmp_path, None, "2025-01-10", full=True)
    assert taken.fates("events") == (8, 8, 0, 0, 0)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Kiritimati"])
def test_the_edges_of_what_is_read_are_those_of_business_days(tmp_path: Path, zone: str) -> None:
    take_in(tmp_path, files("e1,ana,sent,2025-01-01T12:00:00Z"), "2025-01-09", zone)
    start = {"UTC": "2025-01-07T00", "America/New_York": "2025-01-07T05", "Pacific/Kiritimati": "2025-01-06T10"}[zone]
    first = dt.datetime.fromisoformat(f"{start}:00:00+00:00")
    edge = [f"in,ana,sent,{first.isoformat()}", f"out,ana,sent,{(first - dt.timedelta(microseconds=1)).isoformat()}"]
    source = files("e1,ana,sent,2025-01-01T12:00:00Z", *edge)
    assert take_in(tmp_path, source, "2025-01-10", zone).fates("events") == (2, 2, 0, 0, 0)  # day 6 has more now
    assert ids(tmp_path, (6, 7)) == {6: ["out"], 7: ["in"]}
    assert take_in(tmp_path, source, "2025-01-10", zone).fates("events") == (1, 1, 0, 0, 0)
    assert ids(tmp_path, (6, 7)) == {6: ["out"], 7: ["in"]}


def test_days_that_the_lake_lacks_are_read_however_old_they_are(tmp_path: Path) -> None:
    take_in(tmp_path, files(*on(4, 8)), "2025-01-08")
    for day in (4, 5):
        (partition(tmp_path / "lake", "raw_events", f"2025-01-0{day}") / "data.parquet").unlink()
    take_in(tmp_path, files(*on(2, 4, 5, 6, 12)), "2025-01-12")
    assert ids(tmp_path, range(1, 13)) == {
        2: ["e2"],
        3: [],
        4: ["e4"],
        5: ["e5"],
        6: ["e6"],  # the source has more of this day now
        7: [],
        8: ["e8"],
        9: [],
        10: [],
        11: [],
        12: ["e12"],
    }


def test_running_a_day_again_changes_nothing_also_an_old_one(tmp_path: Path) -> None:
    for day in range(5, 11):
        take_in(tmp_path, files(*on(*range(1, 12))), f"2025-01-{day:02d}")
    before = snapshot(tmp_path / "lake")
    for day in (10, 6, 8, 5):
        assert take_in(tmp_path, None, f"2025-01-{day:02d}").error == ""
        assert snapshot(tmp_path / "lake") == before


def test_an_event_that_has_left_the_source_leaves_its_day_when_that_is_read_again(tmp_path: Path) -> None:
    take_in(tmp_path, files(*on(8, 9, 10)))
    take_in(tmp_path, files(*on(8, 10)))
    assert ids(tmp_path, (8, 9, 10)) == {8: ["e8"], 9: [], 10: ["e10"]}


def test_an_id_that_an_earlier_day_holds_is_a_duplicate(tmp_path: Path) -> None:
    take_in(tmp_path, files(*on(2)), "2025-01-08")
    taken = take_in(tmp_path, files(*on(2), "e2,ana,clicked,2025-01-10"))
    assert taken.reasons() == {"e2": "duplicate id"}
    assert ids(tmp_path, (2, 10)) == {2: ["e2"], 10: []}


def test_an_event_of_a_lead_that_is_created_later_is_taken_in_by_every_day(tmp_path: Path) -> None:
    """The event is older than its lead, which is of the future for the first day."""
    source = files("early,bob,sent,2025-01-08T12:00:00Z", *on(8))
    source["leads.csv"] = f"{LEADS}bob,new,2025-01-10\n"
    for days in (("2025-01-09", "2025-01-10"), ("2025-01-10", "2025-01-09")):
        folder = tmp_path / days[0]
        for day in days:
            taken = take_in(folder, source, day)
            assert (taken.error, taken.reasons()) == ("", {})
        assert ids(folder, (8,)) == {8: ["e8", "early"]}
    first, second = (snapshot(tmp_path / day / "lake") for day in ("2025-01-09", "2025-01-10"))
    assert first == second


def test_a_damaged_day_beside_it_does_not_cost_what_later_days_accept(tmp_path: Path) -> None:
    source = files("early,bob,sent,2025-01-08T12:00:00Z", *on(7, 8))
    source["leads.csv"] = f"{LEADS}bob,new,2025-01-10\n"
    take_in(tmp_path, source, "2025-01-10")
    (partition(tmp_path / "lake", "raw_events", "2025-01-07") / "data.parquet").write_bytes(b"no Parquet")
    assert take_in(tmp_path, None, "2025-01-09").error == ""
    assert ids(tmp_path, (7, 8)) == {7: ["e7"], 8: ["e8", "early"]}


def test_an_id_of_two_events_of_a_later_lead_is_kept_once(tmp_path: Path) -> None:
    source = files("x,bob,sent,2025-01-08T12:00:00Z", "x,bob,opened,2025-01-08T13:00:00Z")
    source["leads.csv"] = f"{LEADS}bob,new,2025-01-10\n"
    take_in(tmp_path, source, "2025-01-10")
    take_in(tmp_path, None, "2025-01-09")
    assert [row["event_type"] for row in rows(tmp_path / "lake", "raw_events", "2025-01-08")] == ["sent"]


def test_an_event_with_a_wrong_year_does_not_fill_the_lake_with_empty_days(tmp_path: Path) -> None:
    taken = take_in(tmp_path, files("old,ana,sent,0001-01-01", *on(9)))
    assert taken.error == ""
    days = sorted(path.name for path in (tmp_path / "lake" / "raw_events").iterdir())
    assert days[0] == "date=0001-01-01"
    assert len(days) == 1 + 3661
    assert take_in(tmp_path, None, "2025-01-11").error == ""
    assert len(rows(tmp_path / "lake", "raw_events", "0001-01-01")) == 1


EVENT = {"lead_id": "7", "content_id": "3", "event_type": "sent", "occurred_at": "2025-01-09T10:00:00Z"}
SAME = [
    EVENT,
    {**EVENT, "lead_id": "7.0", "event_type": " SENT ", "occurred_at": "2025-01-09 11:00:00.000+01:00", "extra": "x"},
    {**EVENT, "content_type": "other", "is_machine": "false", "event_id": ""},
]


def test_the_id_of_an_event_without_one_comes_from_what_the_row_means(tmp_path: Path) -> None:
    found = set()
    for number, event in enumerate(SAME):
        text = ",".join(event) + "\n" + ",".join(event.values()) + "\n"
        for name, content in {"events.csv": text, "events.jsonl": json.dumps(event)}.items():
            folder = tmp_path / f"{number} {name}"
            lead: dict[str, Content] = {"leads.csv": f"{HEADER}\n7,new,2024-12-01\n", name: content}
            found |= set(take_in(folder, lead).values("event_id", "events", "2025-01-09"))
    assert len(found) == 1
    lines = [f"7,{kind},{time}" for kind in ("sent", "opened") for time in ("2025-01-09T10:00", "2025-01-09T11:00")]
    ids_of = []
    for order in (lines, lines[::-1]):
        source = put(tmp_path / "source", {"leads.csv": f"{HEADER}\n7,new,2024-12-01\n"})
        text = "\n".join(["lead_id,event_type,occurred_at", *order, order[0]]) + "\n"
        (source / "events.csv").write_text(text, encoding="utf-8")
        taken = take_in(tmp_path)
        assert taken.fates("events") == (5, 4, 0, 1, 0)
        ids_of.append(set(taken.values("event_id", "events", "2025-01-09")))
    assert ids_of[0] == ids_of[1]
    assert len(ids_of[0]) == 4
