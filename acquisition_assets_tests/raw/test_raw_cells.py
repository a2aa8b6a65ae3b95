"""Protects how a cell becomes a value (times, ids, numbers, flags, words, blanks) in every type of file."""

from __future__ import annotations

import datetime as dt
import decimal
import itertools
import json
import math
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from acquisition_assets.core.duckdb_sql import in_memory
from acquisition_assets.inputs.cells import BLANK_CODES, MISSING_WORDS
from acquisition_assets.raw.cells import MACROS, zone_macros
from acquisition_assets_tests.kit.ingesting import HEADER, leads_of, take_in
from acquisition_assets_tests.kit.running import by_lead, compute_day

UTC = dt.timezone.utc
UTC_ZONE = ZoneInfo("UTC")
TIMES = {
    "2025-01-01": "2025-01-01T00:00:00",
    "2025-01-01T10:20": "2025-01-01T10:20:00",
    "2025-01-01 10:20": "2025-01-01T10:20:00",
    "2025-01-01T10:20:30": "2025-01-01T10:20:30",
    "2025-01-01T10:20Z": "2025-01-01T10:20:00",
    "2025-01-01T10:20:30Z": "2025-01-01T10:20:30",
    "2025-01-01T10:20:30.5": "2025-01-01T10:20:30.500000",
    "2025-01-01T10:20:30.123456Z": "2025-01-01T10:20:30.123456",
    "2025-01-01T10:20:30.1234569": "2025-01-01T10:20:30.123456",
    "2025-01-01T23:59:59.99999999999999": "2025-01-01T23:59:59.999999",
    "1969-12-31T23:59:59.9999999Z": "1969-12-31T23:59:59.999999",
    "2025-01-01T10:20:30+02:00": "2025-01-01T08:20:30",
    "2025-01-01T10:20:30+0530": "2025-01-01T04:50:30",
    "2025-01-01 10:20-0330": "2025-01-01T13:50:00",
    "2025-01-01T10:20+05": "2025-01-01T05:20:00",
    "2025-01-01T10:20:30-00:00": "2025-01-01T10:20:30",
    "2025-01-01T00:00:00+14:00": "2024-12-31T10:00:00",
    "2025-01-01T00:00:00-12:00": "2025-01-01T12:00:00",
    "2025-01-01T10:20:30+23:59": "2024-12-31T10:21:30",
    "2024-02-29": "2024-02-29T00:00:00",
    "0001-01-01": "0001-01-01T00:00:00",
    "0001-01-01T00:00:00-14:00": "0001-01-01T14:00:00",
    "\u00a02025-01-01\u2003": "2025-01-01T00:00:00",
    "2025/01/02": "2025-01-02T00:00:00",
    "2025-01-01T10:20:30 Z": "2025-01-01T10:20:30",
    "2025-01-01T10:20:30 UTC": "2025-01-01T10:20:30",
    "2025-01-01 9:20": "2025-01-01T09:20:00",
    "2025-01-01 10:20:30.000000 +0000 UTC": "2025-01-01T10:20:30",
    "1735689600": "2025-01-01T00:00:00",
    "1735689600000": "2025-01-01T00:00:00",
    "Wed, 1 Jan 2025 10:20:30 +0200": "2025-01-01T08:20:30",
    "1 Jan 2025 10:20 GMT": "2025-01-01T10:20:00",
    "9999-12-31T23:59:59.999999Z": "the future",
    "9999-12-31": "the future",
}
NO_TIMES = (
    *("2025-01-01t10:20:30Z", "2025-01-01T10:20:30z", "2025-01-01T24:00", "2025-01-01T23:59:60Z", "2025-01-01T10"),
    *("2025-01-01Z", "2025-01-01+02:00", "2025-1-1", "20250101", "20250101T102030Z", "2025-W01-1", "2025-001", "2025"),
    *(
        "01/02/2025",
        "2025-01/02",
        "31 Feb 2025 10:20 GMT",
        "946684799",
        "9999999999",
        "2025-02-30",
        "2023-02-29",
        "2025-13-01",
        "2025-00-10",
        "0000-01-01",
        "10000-01-01",
    ),
    *(
        "2025-01-01T10:20:30,5",
        "2025-01-01T10:20:30.",
        "2025-01-01T10:20:30 +0200 UTC",
        "2025-01-01  10:20",
        "+2025-01-01",
    ),
    *("2025-01-01T10:60", "2025-01-01T10:20:30+24:00", "2025-01-01T10:20:30+02:60", "2025-01-01T10:20:30+2"),
    *("2025-01-01T10:20:30[Europe/Madrid]", "2025-01-01T10:20:30 Europe/Madrid"),
    *("yesterday", "now", "today", "infinity", "epoch", "2025-01-01T10:20:30+02:00Z"),
    *("\uff12\uff10\uff12\uff15-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-05:00"),
)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_times_that_are_read_and_times_that_are_not(tmp_path: Path, form: str) -> None:
    texts = [*TIMES, *NO_TIMES]
    pairs = [
        *((text, text) for text in texts),
        *((f"ok{number}", "2025-01-01") for number in range(20 * len(NO_TIMES))),
    ]
    content: Any
    if form == "parquet":
        content = leads_of(lead_id=[name for name, _ in pairs], created_at=[time for _, time in pairs])
    elif form == "jsonl":
        objects = ({"lead_id": name, "status": "new", "created_at": time} for name, time in pairs)
        content = "".join(json.dumps(each) + "\n" for each in objects)
    else:
        content = f"{HEADER}\n" + "".join(f'"{name}",new,"{time}"\n' for name, time in pairs)
    taken = take_in(tmp_path, {f"leads.{form}": content})
    assert taken.error == ""
    found = {row["lead_id"]: row["created_at"] for row in taken.accepted()}
    assert {text: found[text] for text in texts if text in found} == {
        text: dt.datetime.fromisoformat(value).replace(tzinfo=UTC) for text, value in TIMES.items() if value[0] != "t"
    }
    assert taken.reasons() == dict.fromkeys(NO_TIMES, "unparsable value")
    assert taken.fates()[-1] == 2


NOON = dt.datetime(2025, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([NOON.replace(tzinfo=None)], pa.timestamp("us")), "2025-01-01T12:00:00"),
        (pa.array([NOON.replace(tzinfo=None)], pa.timestamp("ms")), "2025-01-01T12:00:00"),
        (pa.array([NOON.replace(tzinfo=None)], pa.timestamp("s")), "2025-01-01T12:00:00"),
        (pa.array([1735689600123456789], pa.timestamp("ns")), "2025-01-01T00:00:00.123456"),
        (pa.array([1735689600123456789], pa.timestamp("ns", tz="UTC")), "2025-01-01T00:00:00.123456"),
        (pa.array([-1], pa.timestamp("ns")), "1969-12-31T23:59:59.999999"),
        (pa.array([-1000], pa.timestamp("ns")), "1969-12-31T23:59:59.999999"),
        (pa.array([1735689600000000], pa.timestamp("us", tz="America/New_York")), "2025-01-01T00:00:00"),
        (pa.array([1735689600000], pa.timestamp("ms", tz="+02:00")), "2025-01-01T00:00:00"),
        (pa.array([dt.date(2025, 1, 1)]), "2025-01-01T00:00:00"),
        (pa.array([b"2025-01-01T01:00Z"]), "2025-01-01T01:00:00"),
        (pa.array(["2025-01-01"]).dictionary_encode(), "2025-01-01T00:00:00"),
        (pa.array(["2025-01-01"], pa.large_string()), "2025-01-01T00:00:00"),
        (pa.array([1735689600]), "2025-01-01T00:00:00"),
        (pa.array([1735689600.0]), "2025-01-01T00:00:00"),
        (pa.array([dt.time(1)]), None),
        (pa.array([True]), None),
        (pa.array([["2025-01-01"]]), None),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_times_of_typed_columns(tmp_path: Path, column: pa.Array, expected: str | None) -> None:
    taken = take_in(tmp_path, {"leads.parquet": leads_of(created_at=column)})
    if expected is None:
        assert taken.reasons() == {"l0": "unparsable value"}
    else:
        assert taken.values("created_at") == [dt.datetime.fromisoformat(expected).replace(tzinfo=UTC)]


def test_dates_at_the_ends_of_the_calendar_have_a_day_in_every_zone(tmp_path: Path) -> None:
    text = f"{HEADER},engaged_at,converted_at\na,new,2025-01-01,0001-01-01,9999-12-31T23:59:59Z\n"
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        taken = take_in(tmp_path, {"leads.csv": text}, tz=zone)
        assert taken.error == ""
        assert taken.values("engaged_date") == [dt.date(1, 1, 1)]
        assert taken.values("converted_date") == [dt.date(9999, 12, 31)]


BIG = 2**53 + 1


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([1, -2, 0], pa.int8()), ["1", "-2", "0"]),
        (pa.array([BIG, -BIG], pa.int64()), [str(BIG), str(-BIG)]),
        (pa.array([2**64 - 1], pa.uint64()), [str(2**64 - 1)]),
        (pa.array([123.0, 2.5, -0.0]), ["123", "2.5", "0"]),
        (pa.array([2.0**53, 1e16]), [str(2**53), str(10**16)]),
        (pa.array([123.0], pa.float32()), ["123"]),
        (pa.array([decimal.Decimal("7.00"), decimal.Decimal("2.50")]), ["7", "2.50"]),
        (pa.array([decimal.Decimal(10**30)], pa.decimal128(38, 0)), [str(10**30)]),
        (pa.array(["007", "1.0", "1.00", "x.0", " a"]), ["007", "1", "1.00", "x.0", " a"]),
        (pa.array(["ñ", "a\nb", "🚀", "a,b"]), ["ñ", "a\nb", "🚀", "a,b"]),
        (pa.array([b"caf\xc3\xa9"]), ["café"]),
        (pa.array(["NULL", "nan", "null"]), ["NULL", "nan", "null"]),
        (pa.array(["a", "b"]).dictionary_encode(), ["a", "b"]),
        (pa.array([True, False]), ["true", "false"]),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_ids_of_typed_columns(tmp_path: Path, column: pa.Array, expected: list[str]) -> None:
    taken = take_in(tmp_path, {"leads.parquet": leads_of(lead_id=column)})
    assert taken.error == ""
    assert taken.values("lead_id") == expected


@pytest.mark.parametrize(
    "column",
    [pa.array([None, math.nan, 1.0]), pa.array(["", " \u2003\ufeff\u200b", "1"]), pa.array([None, b" ", b"1"])],
)
def test_ids_that_are_missing(tmp_path: Path, column: pa.Array) -> None:
    taken = take_in(tmp_path, {"leads.parquet": leads_of(lead_id=column)})
    assert taken.values("lead_id") == ["1"]
    assert taken.reasons() == {"row 2": "missing required value"}  # its equal is an exact duplicate
    assert taken.fates() == (3, 1, 1, 1, 0)


def test_ids_of_every_form_name_the_same_lead(tmp_path: Path) -> None:
    files: dict[str, Any] = {
        "leads.parquet": leads_of(lead_id=pa.array([BIG - 1, 12])),
        "events.csv": "lead_id,event_type,occurred_at\n12,sent,2025-01-09\n12.0,opened,2025-01-09\n"
        f"{BIG - 1},sent,2025-01-09\n",
        "referrals.jsonl": "".join(
            json.dumps({"referral_id": n, "referrer_lead_id": lead, "status": "pending", "created_at": "2025-01-01"})
            + "\n"
            for n, lead in enumerate((12, 12.0, "12", "12.0"))
        ),
        "status_changes.parquet": pa.table(
            {"lead_id": [12.0, float(BIG - 1)], "status": ["new"] * 2, "changed_at": ["2025-01-01"] * 2}
        ),
    }
    taken = take_in(tmp_path, files)
    assert taken.reasons() == {}
    assert taken.values("lead_id", "events", "2025-01-09") == ["12", "12", str(BIG - 1)]
    assert taken.values("referrer_lead_id", "referrals") == ["12"] * 4
    assert taken.values("lead_id", "status_changes") == ["12", str(BIG - 1)]


NUMBERS: dict[str, float | None] = {
    "5": 5.0,
    " 5 ": 5.0,
    "+5": 5.0,
    ".5": 0.5,
    "5.": 5.0,
    "1e1": 10.0,
    "-0": 0.0,
    "1e300": 1e300,
    **dict.fromkeys(("", "NaN", "n/a")),  # missing
}
NO_NUMBERS = ("many", "1,5", "1_0", "0x10", "inf", "Infinity", "--3", "5 points", "1e", "1e400", "-0.01")


def test_numbers_of_text(tmp_path: Path) -> None:
    lines = "".join(f'"{text or "blank"}",new,2025-01-01,"{text}"\n' for text in (*NUMBERS, *NO_NUMBERS))
    lines = lines.replace('"NaN",', '"word",', 1).replace('"n/a",', '"no",', 1)
    taken = take_in(tmp_path, {"leads.csv": f"{HEADER},engagement_score\n{lines}"})
    assert taken.error == ""
    assert taken.quarantined() == []
    expected = [*(value or 0.0 for value in NUMBERS.values()), *[0.0] * len(NO_NUMBERS)]
    assert taken.values("engagement_score") == expected
    check = taken.run.checks["raw_leads", "cells"]
    assert (check.passed, check.severity) == (False, "WARN")
    filled = sum(value is not None for value in NUMBERS.values()) + len(NO_NUMBERS)
    assert f"{len(NO_NUMBERS)} of {filled} cells of engagement_score cannot be read" in check.description


def test_numbers_of_typed_columns(tmp_path: Path) -> None:
    values = [1.5, math.nan, None, -0.0, math.inf, -math.inf, -1e-9]
    taken = take_in(tmp_path, {"leads.parquet": leads_of(engagement_score=pa.array(values))})
    assert taken.values("engagement_score") == [1.5, *[0.0] * 6]
    assert math.copysign(1, taken.values("engagement_score")[3]) == 1
    assert "3 of 5 cells of engagement_score" in taken.run.checks["raw_leads", "cells"].description
    for column in (pa.array([3], pa.uint8()), pa.array([decimal.Decimal("3.00")]), pa.array([3.0], pa.float32())):
        taken = take_in(tmp_path, {"leads.parquet": leads_of(engagement_score=column)})
        assert taken.values("engagement_score") == [3.0]
    taken = take_in(tmp_path, {"leads.parquet": leads_of(engagement_score=pa.array([True]))})
    assert taken.values("engagement_score") == [0.0]
    check = taken.run.checks["raw_leads", "cells"]
    assert (check.passed, check.severity, taken.error) == (False, "ERROR", "")


@pytest.mark.parametrize("score", ["1e300", "1e15", "999999999.995", "1.7e308"])
def test_a_huge_base_score_goes_through_the_whole_day(tmp_path: Path, score: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "leads.csv").write_text(f"{HEADER},engagement_score\na,nurturing,0001-01-01,{score}\n", encoding="utf-8")
    run = compute_day(source, tmp_path / "lake", "2025-01-10")
    assert run.errors == ""
    assert by_lead(tmp_path / "lake", "dynamic_scores", "2025-01-10")["a"]["score"] == 100


def test_flags(tmp_path: Path) -> None:
    meanings = {
        **dict.fromkeys(("true", "TRUE", " True ", "t", "1", "1.0", "yes", "y"), True),
        **dict.fromkeys(("false", "False", "f", "0", "0.0", "no", "n", ""), False),
    }
    lines = "".join(f"e{n},ana,opened,2025-01-09,{text}\n" for n, text in enumerate([*meanings, "perhaps", "2"]))
    files = {
        "leads.csv": f"{HEADER}\nana,new,2024-12-01\n",
        "events.csv": f"event_id,lead_id,event_type,occurred_at,is_machine\n{lines}",
    }
    taken = take_in(tmp_path, files)
    assert taken.values("is_machine", "events", "2025-01-09") == [*meanings.values(), False, False]
    assert taken.reasons() == {}
    assert "2 of 17 cells of is_machine cannot be read" in taken.run.checks["raw_events", "cells"].description


def test_words_are_trimmed_and_lower_cased_and_mean_one_of_the_five(tmp_path: Path) -> None:
    lines = "a, NEW ,2025-01-01,\ufeffPaid Social\u200b, MARKETING\u00a0\nb,Mql,2025-01-01,,\n"
    lines += "c,CLOSED_WON\t,2025-01-01,ÑANDÚ,\n"
    taken = take_in(tmp_path, {"leads.csv": f"{HEADER},source,interest_area\n{lines}"})
    assert taken.values("status") == ["new", "nurturing", "converted"]
    assert taken.values("source") == ["paid social", "organic", "ñandú"]
    assert taken.values("interest_area") == ["marketing", None, None]


def test_the_quick_trimming_of_text_is_the_trimming() -> None:
    parts = ["", "a", "~", "!", "\x7f", "\x00", "é", "日", "😀", "e\u0301", "\u200d", *map(chr, BLANK_CODES)]
    texts = pa.table({"x": [None, *("".join(part) for part in itertools.product(parts, repeat=3))]})
    with in_memory(threads=1) as connection:
        for macro in (*zone_macros(UTC_ZONE, dt.date(2027, 12, 31)), *MACROS):
            connection.execute(macro)
        connection.register("texts", texts)
        query = "select x from texts where trimmed_text(x) is distinct from trimmed(x)"
        assert connection.execute(query).fetchall() == []


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_words_for_null_are_missing_in_text_files_only(tmp_path: Path, form: str) -> None:
    missing = [*MISSING_WORDS, *(word.upper() for word in MISSING_WORDS), r"\N", " NULL ", "None"]
    words = [*missing, "NA", "nil", "---", "0000-00-01", "nan."]
    content: Any
    if form == "parquet":
        content = leads_of(email=words)
    elif form == "jsonl":
        content = "".join(
            json.dumps({"lead_id": f"l{n}", "status": "new", "created_at": "2024-12-01", "email": word}) + "\n"
            for n, word in enumerate(words)
        )
    else:
        content = f"{HEADER},email\n" + "".join(f"l{n},new,2024-12-01,{word}\n" for n, word in enumerate(words))
    taken = take_in(tmp_path, {f"leads.{form}": content})
    assert taken.values("email") == (words if form == "parquet" else [*[None] * len(missing), *words[len(missing) :]])
