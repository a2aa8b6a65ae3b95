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
        ("leads", f"{HEADER}\nx,new,soon\n", "unparsable value", "created_at must be a time"),
        (
            "leads",
            f"{HEADER},engagement_score\nx,new,2024-12-01,a\n",
            "unparsable value",
            "engagement_score must be a num",
        ),
        ("leads", f"{HEADER},engagement_score\nx,new,2024-12-01,-1\n", "value out of range", "must be at least 0"),
        (
            "leads",
            f"{HEADER},unsubscribed_at\nx,new,2024-12-01,no\n",
            "unparsable value",
            "unsubscribed_at must be a time",
        ),
        ("leads", f"{HEADER}\nx,old,2024-12-01\n", "unknown word", "status must be one of new, nurturing"),
        ("events", events("x,,sent,2025-01-01"), "missing required value", "lead_id is needed"),
        ("events", events("x,ana,,2025-01-01"), "missing required value", "event_type is needed"),
        ("events", events("x,ana,sent,"), "missing required value", "occurred_at is needed"),
        ("events", events("x,ana,seen,2025-01-01"), "unknown word", "event_type must be one of sent, opened"),
        ("events", events("x,eve,sent,2025-01-01"), "unknown lead", "lead_id is not among the leads"),
        ("referrals", f"{REFERRALS}x,ana,maybe,2025-01-01,\n", "unknown word", "status must be one of pending, vali"),
        (
            "referrals",
            f"{REFERRALS}x,ana,pending,2025-01-01,later\n",
            "unparsable value",
            "validated_at must be a time",
        ),
        ("referrals", f"{REFERRALS}x,eve,pending,2025-01-01,\n", "unknown lead", "referrer_lead_id is not among"),
        ("content", f"{CONTENT}x,blog,,\n", "missing required value", "title is needed"),
        ("content", f"{CONTENT}x,blog,T,once\n", "unparsable value", "published_at must be a time"),
        ("status_changes", f"{CHANGES}eve,new,2025-01-01\n", "unknown lead", "lead_id is not among"),
        ("status_changes", f"{CHANGES}ana,old,2025-01-01\n", "unknown word", "status must be one of new"),
    ],
)
def test_each_reason(tmp_path: Path, table: str, text: str, reason: str, detail: str) -> None:
    taken = take_in(tmp_path, {"leads.csv": LEADS, f"{table}.csv": text})
    assert taken.error == ""
    [row] = taken.quarantined()
    assert (row["source_table"], row["reason"]) == (table, reason)
    assert detail in row["detail"]
    assert row["row_key"] == (
        "eve" if "eve" in text and table == "status_changes" else "ana" if table[0] == "s" else "x"
    )
    assert taken.fates(table) == (1, 0, 1, 0, 0)
    check = taken.run.checks[f"raw_{table}", "quarantine"]
    assert (check.passed, check.severity) == (False, "WARN")
    assert taken.run.checks[f"raw_{table}", "rows_add_up"].passed


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (",old,soon,-1", "missing required value"),
        ("x,old,soon,-1", "unparsable value"),
        ("x,old,2024-12-01,-1", "value out of range"),
        ("x,old,2024-12-01,1", "unknown word"),
    ],
)
def test_a_row_that_breaks_several_rules_has_the_first_reason(tmp_path: Path, cells: str, reason: str) -> None:
    taken = take_in(tmp_path, {"leads.csv": f"{HEADER},engagement_score\n{cells}\n"})
    assert list(taken.reasons().values()) == [reason]
    broken = take_in(tmp_path, {"leads.csv": LEADS, "events.csv": events("x,eve,seen,2025-01-01")})
    assert broken.reasons() == {"x": "unknown word"}


def test_the_first_good_row_of_an_id_is_kept(tmp_path: Path) -> None:
    lines = (
        "a,old,2024-12-01,bad",
        "a,new,2024-12-01,first",
        "a,new,2024-12-01,second",
        "a,new,2024-12-01T00:00:00Z, first".replace(" ", ""),
        "b,NEW,2024-12-01,same",
        "b,new,2024-12-01 00:00,same",
        f"c,new,{FUTURE},future",
        "c,new,2024-12-01,now",
    )
    taken = take_in(tmp_path, {"leads.csv": f"{HEADER},email\n" + "\n".join(lines) + "\n"})
    assert sorted(zip(taken.values("lead_id"), taken.values("email"), strict=True)) == [
        ("a", "first"),
        ("b", "same"),
        ("c", "now"),
    ]
    assert [(row["row_key"], row["reason"]) for row in taken.quarantined()] == [
        ("a", "unknown word"),
        ("a", "duplicate id"),
    ]
    assert taken.fates() == (8, 3, 2, 2, 1)


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
            "late": "unknown lead",
            "bad": "quarantined lead",
            "both": "unknown lead",
            "eve": "unknown lead",
        }


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
    assert taken.values("status", "status_changes") == ["new", "new", "engaged"]
    assert taken.fates("status_changes") == (3, 3, 0, 0, 0)


@pytest.mark.parametrize(
    ("good", "bad", "future", "stops"),
    [
        (190, 10, 0, False),
        (189, 10, 0, True),
        (100, 9, 0, False),
        (0, 9, 0, False),
        (0, 10, 0, True),
        (189, 10, 9, True),
    ],
)
def test_the_day_stops_above_five_percent_and_from_ten_rows(
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
    leads = f"{HEADER}\n" + "\n".join(["ana,new,2024-12-01", *bad]) + "\n"
    of_bad = [f"q{n},b{n % 9},sent,2025-01-09" for n in range(500)]
    unknown = [f"u{n},eve,sent,2025-01-09" for n in range(10)]
    good = [f"g{n},ana,sent,2025-01-09" for n in range(95)]
    taken = take_in(tmp_path, {"leads.csv": leads, "events.csv": events(*of_bad, *unknown, *good, *good)})
    assert taken.error == ""  # 10 of 95 + 95 + 10
    taken = take_in(tmp_path, {"leads.csv": leads, "events.csv": events(*of_bad, *unknown, *good, *good[:-6])})
    assert "events: 10 of 194 rows are bad" in taken.error


def test_a_day_that_stops_leaves_all_tables_and_shows_its_quarantine(tmp_path: Path) -> None:
    source = put(tmp_path / "source", {"leads.csv": LEADS, "events.csv": events("1,ana,sent,2025-01-09")})
    assert compute_day(source, tmp_path / "lake", DAY).success
    before = snapshot(tmp_path / "lake")
    put(source, {"leads.csv": LEADS, "events.csv": events(*(f"{n},eve,sent,2025-01-09" for n in range(10)))})
    run = compute_day(source, tmp_path / "lake", DAY)
    assert list(run.failed) == ["ingest"]
    assert run.errors.startswith(
        "ingest: events: 10 of 10 rows are bad (unknown lead: 10), more than 5 %; nothing was rep"
    )
    after = snapshot(tmp_path / "lake")
    assert len(after.pop(f"quarantine/date={DAY}")) == 10
    del before[f"quarantine/date={DAY}"]
    assert after == before
    put(source, {"leads.csv": LEADS, "events.csv": events("1,ana,sent,2025-01-09")})
    assert compute_day(source, tmp_path / "lake", DAY).success
    assert rows(tmp_path / "lake", "quarantine", DAY) == []


def test_the_limit_is_the_policys(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("ingestion: {quarantine_error_percent: 50, quarantine_error_rows: 2}\n", encoding="utf-8")
    two, three = (
        f"{LEADS}x,bad,2025-01-01\ny,bad,2025-01-01\n",
        f"{LEADS}x,b,2025-01-01\ny,b,2025-01-01\nz,b,2025-01-01\n",
    )
    assert take_in(tmp_path, {"leads.csv": two}, policy=policy).error == ""
    assert "3 of 5 rows are bad" in take_in(tmp_path, {"leads.csv": three}, policy=policy).error


def test_a_source_of_leads_alone_and_an_empty_one_give_every_table(tmp_path: Path) -> None:
    for name, text in (("one", f"{HEADER}\n1,new,2024-12-01\n"), ("none", HEADER)):
        source = put(tmp_path / name, {"leads.csv": text})
        run = compute_day(source, tmp_path / f"lake of {name}", DAY)
        assert run.errors == ""
        assert len(rows(tmp_path / f"lake of {name}", "lead_activity", DAY)) == (name == "one")
        assert len(rows(tmp_path / f"lake of {name}", "daily_metrics", DAY)) == 90


def test_a_day_before_the_first_lead_is_refused_and_writes_nothing(tmp_path: Path) -> None:
    for created, shown in (("2025-01-11", "2025-01-11"), ("9999-12-31T23:59:59Z", "9999-12-30")):
        taken = take_in(tmp_path, {"leads.parquet": leads_of(created_at=[created])}, tz="Pacific/Kiritimati")
        assert f"{DAY} is before the data" in taken.error
        assert f"was created on {shown}; choose" in taken.error
        assert not list(taken.lake.glob("*/date=*"))
