"""Protects which rows are accepted: every reason and their order, duplicates, the future, and the limit of bad rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from acquisition_assets_tests.kit.ingesting import DAY, HEADER, LEADS, Content, events, leads_of, put, take_in
from acquisition_assets_tests.kit.running import compute_day, rows, snapshot

REFERRALS = "referral_id,referrer_lead_id,status,created_at,validated_at\n"
CONTENT = "content_id,content_type,title,published_at\n"
CHANGES = "lead_id,status,changed_at\n"
FUTURE = "2025-01-11"


@pytest.mark.parametrize(
    ("table", "text", "reason", "detail"),
    [
        ("leads", f"{HEADER}\nx,,2024-12-01\n", "missing required value", "status is needed"),
        ("leads", f"{HEADER}\nx,new,\n", "missing required value", "created_at is needed"),
        (
            "leads",
            f"{HEADER}\nx,new,soon\n",
            "unparsable value",
            "created_at 'soon' cannot be read; write a time such as",
        ),
        ("leads", f"{HEADER}\nx,old,2024-12-01\n", "unknown word", "status 'old' is unknown; add it to vocabulary.st"),
        ("events", events("x,,sent,2025-01-01"), "missing required value", "lead_id is needed"),
        ("events", events("x,ana,,2025-01-01"), "missing required value", "event_type is needed"),
        ("events", events("x,ana,sent,"), "missing required value", "occurred_at is needed"),
        ("events", events("x,ana,seen,2025-01-01"), "unknown word", "event_type 'seen' is unknown; add it to"),
        ("events", events("x,ana,sent,2025-13-01"), "unparsable value", "occurred_at '2025-13-01' cannot be read"),
        ("events", events("x,eve,sent,2025-01-01"), "unknown lead", "lead_id is not among the leads"),
        ("events", events("x,ana,sent,2025-01-01,,,more"), "broken line", "cells"),
        ("referrals", f"{REFERRALS}x,ana,maybe,2025-01-01,\n", "unknown word", "status 'maybe' is unknown; correct"),
        ("referrals", f"{REFERRALS}x,eve,pending,2025-01-01,\n", "unknown lead", "referrer_lead_id is not among"),
        ("content", f"{CONTENT}x,blog,,\n", "missing required value", "title is needed"),
        ("status_changes", f"{CHANGES}eve,new,2025-01-01\n", "unknown lead", "lead_id is not among"),
        ("status_changes", f"{CHANGES}ana,old,2025-01-01\n", "unknown word", "status 'old' is unknown; add"),
        ("aliases", "alias_id,lead_id\nx,\n", "missing required value", "lead_id is needed"),
        ("aliases", "alias_id,lead_id\nx,eve\n", "unknown lead", "is not among the leads"),
    ],
)
def test_each_reason(tmp_path: Path, table: str, text: str, reason: str, detail: str) -> None:
    taken = take_in(tmp_path, {"leads/1.csv": LEADS, f"{table}{'/2' * (table == 'leads')}.csv": text})
    assert taken.error == ""
    [row] = taken.quarantined()
    assert (row["source_table"], row["reason"]) == (table, reason)
    assert detail in row["detail"]
    key = {"status_changes": text.split("\n")[1].split(",")[0], "broken line": "events.csv, line 2"}
    assert row["row_key"] == key.get(reason, key.get(table, "x"))
    good = 2 if table == "leads" else 0
    assert taken.fates(table) == (1 + good, good, 1, 0, 0)
    check = taken.run.checks[f"raw_{table}", "quarantine"]
    assert (check.passed, check.severity) == (False, "WARN")
    assert taken.run.checks[f"raw_{table}", "rows_add_up"].passed


@pytest.mark.parametrize(
    ("table", "text", "column"),
    [
        ("leads", f"{HEADER},engagement_score\nx,new,2024-12-01,a lot\n", "engagement_score"),
        ("leads", f"{HEADER},engagement_score\nx,new,2024-12-01,-1\n", "engagement_score"),
        ("leads", f"{HEADER},unsubscribed_at\nx,new,2024-12-01,no\n", "unsubscribed_at"),
        ("leads", f"{HEADER},updated_at\nx,new,2024-12-01,31/12/2024\n", "updated_at"),
        ("referrals", f"{REFERRALS}x,ana,pending,2025-01-01,later\n", "validated_at"),
        ("content", f"{CONTENT}x,blog,T,once\n", "published_at"),
    ],
)
def test_an_optional_cell_that_cannot_be_read_is_missing_and_counted(
    tmp_path: Path, table: str, text: str, column: str
) -> None:
    taken = take_in(tmp_path, {"leads/1.csv": LEADS, f"{table}{'/2' * (table == 'leads')}.csv": text})
    assert (taken.error, taken.quarantined()) == ("", [])
    row = taken.accepted(table)[-1]
    assert row[column] == (0.0 if column == "engagement_score" else None)
    if table == "leads":
        assert row["unsubscribed_unreadable"] == (column == "unsubscribed_at")
    check = taken.run.checks[f"raw_{table}", "cells"]
    assert (check.passed, check.severity) == (False, "ERROR")  # as it is the only filled cell of the column
    assert f"1 of 1 cells of {column} cannot be read" in check.description


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (",old,soon", "missing required value"),
        ("x,old,soon", "unparsable value"),
        ("x,old,2024-12-01", "unknown word"),
    ],
)
def test_a_row_that_breaks_several_rules_has_the_first_reason(tmp_path: Path, cells: str, reason: str) -> None:
    taken = take_in(tmp_path, {"leads.csv": f"{LEADS}{cells}\n"})
    assert list(taken.reasons().values()) == [reason]
    broken = take_in(tmp_path, {"leads.csv": LEADS, "events.csv": events("x,eve,seen,2025-01-01")})
    assert broken.reasons() == {"x": "unknown word"}


def test_of_the_events_with_one_id_the_first_good_one_is_kept(tmp_path: Path) -> None:
    lines = (
        "a,ana,seen,2025-01-09",
        "a,ana,sent,2025-01-09",
        "a,ana,clicked,2025-01-09",
        "a,ana,Send,2025-01-09T00:00:00Z",
        "b,eve,sent,2025-01-09",
        "b,ana,opened,2025-01-09 00:00",
        "b,ana,OPEN,2025-01-09",
        "a,ana,seen,2025-01-09 00:00",
        f"c,ana,sent,{FUTURE}",
        "c,ana,sent,2025-01-09",
        "d,ana,soft_bounce,2025-01-09",
        "d,ana,sent,2025-01-08",
    )
    lines = tuple(line.replace("Send", "SENT ") for line in lines)
    taken = take_in(tmp_path, {"leads.csv": LEADS, "events.csv": events(*lines)})
    kept = {row["event_id"]: row["event_type"] for row in taken.accepted("events", "2025-01-09")}
    assert kept == {"a": "sent", "b": "opened", "c": "sent"}
    assert taken.values("event_id", "events", "2025-01-08") == ["d"]
    assert sorted((row["row_key"], row["reason"]) for row in taken.quarantined()) == [
        ("a", "duplicate id"),
        ("a", "unknown word"),
        ("b", "unknown lead"),
    ]
    assert (*taken.fates("events"), *taken.more_fates("events")) == (12, 4, 3, 3, 1, 0, 1)


def test_ids_are_unique_over_the_files_of_a_folder_in_the_order_of_their_names(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "leads.csv": LEADS,
        "events/2.jsonl": '{"event_id": 1.0, "lead_id": "ana", "event_type": "clicked", "occurred_at": "2025-01-09"}\n',
        "events/1.csv": events("1,ana,sent,2025-01-09", "2,ana,sent,2025-01-08"),
        "events/3.csv": events("2,ana,sent,2025-01-08T00:00:00.000Z"),
    }
    taken = take_in(tmp_path, files)
    assert taken.values("event_type", "events", "2025-01-09") == ["sent"]
    assert taken.reasons() == {"1": "duplicate id"}
    assert taken.fates("events") == (4, 2, 1, 1, 0)


def test_an_unknown_lead_is_told_from_a_quarantined_one(tmp_path: Path) -> None:
    lines = (
        "ana,new,2024-12-01",
        f"late,new,{FUTURE}",
        "bad,old,2024-12-01",
        f"both,old,{FUTURE}",
        "twice,old,2024-12-01",
    )
    leads = f"{HEADER}\n" + "\n".join([*lines, "twice,new,2024-12-01"]) + "\n"
    names = ("ana", "late", "bad", "both", "twice", "eve")
    taken = take_in(
        tmp_path,
        {
            "leads.csv": leads,
            "events.csv": events(*(f"{name},{name},sent,2025-01-09" for name in names)),
            "referrals.csv": REFERRALS + "".join(f"{name},{name},pending,2025-01-09,\n" for name in names),
            "status_changes.csv": CHANGES + "".join(f"{name},new,2025-01-09\n" for name in names),
        },
    )
    for table in ("events", "referrals", "status_changes"):
        assert {row["row_key"]: row["reason"] for row in taken.quarantined() if row["source_table"] == table} == {
            "bad": "quarantined lead",
            "both": "quarantined lead",
            "eve": "unknown lead",
        }
        assert taken.fates(table) == (6, 3, 3, 0, 0)


def test_rows_of_the_future_are_none_of_the_days_business_broken_or_not(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "leads.csv": f"{LEADS}f1,new,{FUTURE}\nf2,nonsense,{FUTURE}\n,,{FUTURE}\nana,new,{FUTURE}\n,new,\n",
        "events.csv": events(
            f"1,ana,sent,{FUTURE}", f"1,ana,sent,{FUTURE}", f",,,{FUTURE}", f"2,eve,what,{FUTURE}", "3,ana,sent,soon"
        ),
        "referrals.csv": f"{REFERRALS}1,ana,pending,{FUTURE},\n2,eve,no,{FUTURE},x\n3,ana,pending,{DAY},{FUTURE}\n",
        "content.csv": f"{CONTENT}1,blog,T,{FUTURE}\n2,,,{FUTURE}\n3,blog,T,\n",
        "status_changes.csv": f"{CHANGES}ana,new,{FUTURE}\neve,no,{FUTURE}\nana,engaged,2025-01-10T23:59:59.999999Z\n",
    }
    taken = take_in(tmp_path, files)
    assert taken.error == ""
    assert taken.fates() == (7, 2, 1, 0, 4)
    assert taken.fates("events") == (5, 0, 1, 0, 4)
    assert taken.fates("referrals") == (3, 1, 0, 0, 2)
    assert taken.fates("content") == (3, 1, 0, 0, 2)
    assert taken.fates("status_changes") == (3, 1, 0, 0, 2)
    assert list(taken.reasons().values()) == ["missing required value", "unparsable value"]


def test_status_changes_have_no_key(tmp_path: Path) -> None:
    changes = f"{CHANGES}ana,new,2025-01-01\nana,new,2025-01-01\nana,engaged,2025-01-01\n"
    taken = take_in(tmp_path, {"leads.csv": LEADS, "status_changes.csv": changes})
    kept = sorted((row["read_order"], row["status"]) for row in taken.accepted("status_changes"))
    assert kept == [(1, "new"), (2, "engaged")]  # of equal rows the one that is read last
    assert taken.fates("status_changes") == (3, 2, 0, 1, 0)


@pytest.mark.parametrize(
    ("good", "bad", "future", "stops"),
    [
        (190, 10, 0, False),
        (189, 10, 0, True),
        (100, 9, 0, False),
        (9, 9, 0, False),
        (8, 9, 0, True),
        (2, 3, 0, True),
        (1, 2, 0, False),
        (0, 1, 0, True),
        (0, 1, 1, True),
        (189, 10, 9, True),
    ],
)
def test_the_day_stops_where_more_rows_are_bad_than_the_policy_allows(
    tmp_path: Path, good: int, bad: int, future: int, stops: bool
) -> None:
    lines = [f"g{n},new,2024-12-01" for n in range(good)] + [f"b{n},bad,2024-12-01" for n in range(bad)]
    lines += [f"f{n},new,{FUTURE}" for n in range(future)]
    taken = take_in(tmp_path, {"leads.csv": f"{HEADER}\n" + "\n".join(lines) + "\n"})
    assert bool(taken.error) == stops
    assert len(taken.quarantined()) == bad
    check = taken.run.checks["raw_leads", "quarantine"]
    assert (check.passed, check.severity) == (False, "ERROR" if stops else "WARN")


def test_rows_of_quarantined_leads_and_exact_duplicates_count_as_the_specification_says(tmp_path: Path) -> None:
    bad = [f"b{n},bad,2024-12-01" for n in range(9)]
    leads = f"{LEADS}" + "\n".join([*(f"g{n},new,2024-12-01" for n in range(9)), *bad]) + "\n"
    of_bad = [f"q{n},b{n % 9},sent,2025-01-09" for n in range(500)]
    unknown = [f"u{n},eve,sent,2025-01-09" for n in range(500)]
    words = [f"w{n},ana,seen,2025-01-09" for n in range(10)]
    good = [f"g{n},ana,sent,2025-01-09" for n in range(95)]
    future = [f"f{n},ana,sent,{FUTURE}" for n in range(50)]
    rest = (*of_bad, *unknown, *words, *future)
    taken = take_in(tmp_path, {"leads.csv": leads, "events.csv": events(*rest, *good, *good)})
    assert taken.error == ""  # 10 of 95 + 95 + 10
    check = taken.run.checks["raw_events", "unknown_leads"]
    assert (check.passed, check.severity) == (False, "WARN")
    taken = take_in(tmp_path, {"leads.csv": leads, "events.csv": events(*rest, *good, *good[:-6])})
    assert "events: 10 of 194 rows are bad" in taken.error


def test_a_day_that_stops_leaves_all_tables_and_shows_its_quarantine(tmp_path: Path) -> None:
    source = put(tmp_path / "source", {"leads.csv": LEADS, "events.csv": events("1,ana,sent,2025-01-09")})
    assert compute_day(source, tmp_path / "lake", DAY).success
    before = snapshot(tmp_path / "lake")
    put(source, {"leads.csv": LEADS, "events.csv": events(*(f"{n},ana,seen,2025-01-09" for n in range(10)))})
    run = compute_day(source, tmp_path / "lake", DAY)
    assert list(run.failed) == ["ingest"]
    assert run.errors.startswith("ingest: events: 10 of 10 rows are bad (unknown word: 10: event_type 'seen' is unkn")
    assert "nothing was replaced" in run.errors
    after = snapshot(tmp_path / "lake")
    assert len(after.pop(f"quarantine/date={DAY}")) == 10
    del before[f"quarantine/date={DAY}"]
    assert after == before
    put(source, {"leads.csv": LEADS, "events.csv": events("1,ana,sent,2025-01-09")})
    assert compute_day(source, tmp_path / "lake", DAY).success
    assert rows(tmp_path / "lake", "quarantine", DAY) == []


def test_the_limit_is_the_policys(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    limits = "quarantine_error_percent: 50, quarantine_error_rows: 2, quarantine_most_percent: 100"
    policy.write_text(f"ingestion: {{{limits}}}\n", encoding="utf-8")
    two, three = (
        f"{LEADS}x,bad,2025-01-01\ny,bad,2025-01-01\n",
        f"{LEADS}x,b,2025-01-01\ny,b,2025-01-01\nz,b,2025-01-01\n",
    )
    assert take_in(tmp_path, {"leads.csv": two}, policy=policy).error == ""
    assert "3 of 5 rows are bad" in take_in(tmp_path, {"leads.csv": three}, policy=policy).error
    fewer = tmp_path / "fewer.yaml"
    fewer.write_text("ingestion: {quarantine_most_rows: 4}\n", encoding="utf-8")
    assert take_in(tmp_path, {"leads.csv": three}, policy=fewer).error == ""


def test_a_source_of_leads_alone_and_an_empty_one_give_every_table(tmp_path: Path) -> None:
    for name, text in (("one", f"{HEADER}\n1,new,2024-12-01\n"), ("none", HEADER)):
        source = put(tmp_path / name, {"leads.csv": text})
        run = compute_day(source, tmp_path / f"lake of {name}", DAY)
        assert run.errors == ""
        assert len(rows(tmp_path / f"lake of {name}", "lead_activity", DAY)) == (name == "one")
        assert len(rows(tmp_path / f"lake of {name}", "daily_metrics", DAY)) == 90


def test_a_day_before_the_first_lead_is_empty_and_says_when_the_first_was_created(tmp_path: Path) -> None:
    for created, shown in (("2025-01-11", "2025-01-11 00:00 UTC"), ("9999-12-31T23:59:59Z", "9999-12-31 23:59 UTC")):
        taken = take_in(tmp_path, {"leads.parquet": leads_of(created_at=[created])}, tz="Pacific/Kiritimati")
        assert (taken.error, taken.accepted(), taken.fates()) == ("", [], (1, 0, 0, 0, 1))
        check = taken.run.checks["raw_leads", "fresh"]
        assert (check.passed, check.severity) == (False, "WARN")
        assert f"no lead was created by the end of {DAY}, the first at {shown}" in check.description
