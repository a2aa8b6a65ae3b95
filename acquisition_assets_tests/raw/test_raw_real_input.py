"""Protects what ingestion makes of real input: versions, aliases, other words, and days that the source has changed.

Each case gives the rows of a source and the exact fates and values; cells are left to `test_raw_cells`.
"""

from __future__ import annotations

from pathlib import Path

from acquisition_assets_tests.kit.ingesting import HEADER, events, take_in

DAY = "2025-01-10"


def test_of_the_versions_of_a_lead_the_newest_good_one_before_the_end_holds(tmp_path: Path) -> None:
    lines = (
        "a,new,2024-12-01,2025-01-01,first",
        "a,nurturing,2024-12-01,2025-01-05,second",
        "a,engaged,2024-12-01,2025-02-05,after the day",
        "a,bad,2024-12-01,2025-01-06,unknown word",
        "b,new,2024-12-01,,same",
        "b,new,2024-12-01,,same",
        ",new,2024-12-01,,no id",
        ",new,2024-12-01,,no id",
    )
    taken = take_in(tmp_path, {"leads.csv": "\n".join([f"{HEADER},updated_at,email", *lines])})
    assert [(row["lead_id"], row["email"]) for row in taken.accepted()] == [("a", "second"), ("b", "same")]
    assert (*taken.fates(), *taken.more_fates()) == (8, 2, 2, 2, 0, 2, 0)
    details = {row["row_key"]: row["detail"] for row in taken.quarantined()}
    assert details["a"].startswith("status 'bad' is unknown; add it to vocabulary.status")
    assert details["a"].endswith("an older version of this id holds")
    check = taken.run.checks["raw_leads", "versions"]
    assert (check.passed, check.severity) == (False, "WARN")


def test_leads_that_became_one_are_merged_and_bad_aliases_hold_for_nothing(tmp_path: Path) -> None:
    leads = (
        "L,nurturing,2024-12-05,,",
        "A,converted,2024-12-01,2024-12-03,",
        "B,new,2024-12-02,,soon",
        "F,new,2025-02-01,,",
        "G,nurturing,2024-11-01,,",
    )
    aliases = ("A,B", "B,L", "G,F", "x,x", "c1,c2", "c2,c3", "c3,c2", "u,nobody", "A@x.com,L")
    files = {
        "leads.csv": "\n".join([f"{HEADER},converted_at,unsubscribed_at", *leads]),
        "aliases.csv": "\n".join(["alias_id,lead_id", *aliases]),
        "events.csv": events("1,a@X.com,sent,2025-01-09", "2,F,click,2025-01-09", "3,c1,sent,2025-01-09"),
    }
    taken = take_in(tmp_path, files)
    merged = {row["lead_id"]: row for row in taken.accepted()}
    assert sorted(merged) == ["F", "L"]
    assert (merged["L"]["merged_status"], merged["L"]["unsubscribed_unreadable"]) == ("converted", True)
    assert str(merged["L"]["merged_created_at"]).startswith("2024-12-01")
    assert str(merged["L"]["created_at"]).startswith("2024-12-05")
    assert str(merged["F"]["merged_created_at"]).startswith("2024-11-01")
    assert [(row["alias_id"], row["final_lead_id"]) for row in taken.accepted("aliases")] == [
        ("A", "L"),
        ("B", "L"),
        ("G", "F"),
        ("a@x.com", "L"),
    ]
    assert taken.reasons() == {
        "3": "unknown lead",
        **dict.fromkeys(("c1", "c2", "c3"), "alias cycle"),
        "u": "unknown lead",
    }
    assert taken.values("event_type", "events", "2025-01-09") == ["sent", "clicked"]
    assert (*taken.fates(), *taken.more_fates()) == (5, 2, 0, 0, 0, 3, 0)
    assert (*taken.fates("aliases"), *taken.more_fates("aliases")) == (9, 4, 4, 0, 0, 0, 1)


def test_days_are_read_again_when_the_source_has_more_and_kept_when_it_has_fewer(tmp_path: Path) -> None:
    days = [f"2025-01-{day:02}" for day in range(1, 11)]
    lines = [f"e{day},ana,sent,{day}" for day in days]
    leads = f"{HEADER}\nana,new,2024-12-01\n"
    take_in(tmp_path, {"leads.csv": leads, "events.csv": events(*lines[:2])}, days[6])
    taken = take_in(tmp_path, {"leads.csv": leads, "events.csv": events(*lines)}, days[-1])
    assert [len(taken.accepted("events", day)) for day in days] == [1] * 10
    taken = take_in(tmp_path, {"leads.csv": leads, "events.csv": events(*lines[4:])}, days[-1])
    assert [len(taken.accepted("events", day)) for day in days] == [1] * 10
    assert not taken.run.checks["raw_events", "source_days"].passed


def test_events_of_a_lead_that_is_known_later_are_taken_in_then(tmp_path: Path) -> None:
    lines = events("a,L1,sent,2024-12-10", "b,L2,sent,2024-12-20", "d,L3,sent,2024-12-05")
    leads = f"{HEADER}\nL1,new,2024-12-01\nL2,new,2025-01-10T10:00Z\n"
    taken = take_in(tmp_path, {"leads.csv": leads, "events.csv": lines}, "2025-01-09")
    assert taken.reasons() == {"d": "unknown lead"}
    assert taken.values("event_id", "events", "2024-12-20") == ["b"]
    taken = take_in(tmp_path, {"leads.csv": f"{leads}L3,new,2024-12-01\n", "events.csv": lines}, DAY)
    assert taken.values("event_id", "events", "2024-12-05") == ["d"]


def test_a_day_before_the_first_lead_is_empty_and_says_so(tmp_path: Path) -> None:
    taken = take_in(tmp_path, {"leads.csv": f"{HEADER}\na,new,2025-06-01\n"})
    assert (taken.error, taken.accepted()) == ("", [])
    assert not taken.run.checks["raw_leads", "fresh"].passed


def test_a_source_of_which_no_lead_is_good_or_none_is_known_stops_the_day(tmp_path: Path) -> None:
    assert "1 of 1 rows are bad" in take_in(tmp_path, {"leads.csv": f"{HEADER}\na,new,31/08/2025\n"}).error
    lines = events(*(f"e{n},{n},sent,2025-01-09" for n in range(10)))
    taken = take_in(tmp_path, {"leads.csv": f"{HEADER}\nana,new,2024-12-01\n", "events.csv": lines})
    assert "are these the ids of the leads?" in taken.error


def test_an_optional_cell_that_cannot_be_read_costs_the_cell_and_not_the_lead(tmp_path: Path) -> None:
    text = f"{HEADER},engaged_at,engagement_score\na,new,2024-12-01,soon,-1\nb,new,2024-12-01,2025-01-01,2\n"
    taken = take_in(tmp_path, {"leads.csv": text})
    assert taken.values("engagement_score") == [0.0, 2.0]
    assert taken.values("engaged_at")[0] is None
    check = taken.run.checks["raw_leads", "cells"]
    assert (check.passed, check.severity) == (False, "WARN")
