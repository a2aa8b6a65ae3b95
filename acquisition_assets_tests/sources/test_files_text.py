"""Protects the reading of CSV and JSON lines: line ends, quotes, delimiters, broken lines and encodings."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from acquisition_assets_tests.kit.ingesting import HEADER, take_in

CSV = f"{HEADER},email\n"
ROWS = "a,new,2025-01-01,x\nb,new,2025-01-02,y\nc,new,2025-01-03,z\n"


@pytest.mark.parametrize(
    "text",
    [
        CSV + ROWS,
        (CSV + ROWS).replace("\n", "\r\n"),
        (CSV + ROWS).replace("\n", "\r"),
        CSV.replace("\n", "\r\n") + ROWS,
        CSV + ROWS.replace("\n", "\r\n", 1),
        CSV + ROWS.replace("\n", "\r", 1),
        (CSV + ROWS).rstrip("\n"),
        "\ufeff" + CSV + ROWS,
        "\ufeff" + CSV.replace("\n", "\r\n") + ROWS,
        CSV + "\n" + ROWS.replace("\n", "\n\n"),
        (CSV + ROWS).replace(",", ";"),
        (CSV + ROWS).replace(",", "\t"),
        (CSV + ROWS).replace(",", "|"),
        (CSV + ROWS).replace(",", ";").replace("\n", "\r\n", 2),
        CSV.replace("\n", ",\n") + ROWS.replace("\n", ",\n"),
        ' Lead_ID ,"STATUS",Created_At,"e-mail, personal",email\n'
        + ROWS.replace(",x", ",,x").replace(",y", ",,y")[:40]
        + "c,new,2025-01-03,,z\n",
    ],
    ids=range(16),
)
def test_the_rows_of_a_csv_file_are_found_however_it_is_written(tmp_path: Path, text: str) -> None:
    for name in ("leads.csv", "leads.csv.gz"):
        taken = take_in(tmp_path, {name: text})
        assert taken.error == ""
        assert list(zip(taken.values("lead_id"), taken.values("email"), strict=True)) == [
            ("a", "x"),
            ("b", "y"),
            ("c", "z"),
        ]
        assert taken.quarantined() == []


@pytest.mark.parametrize("end", ["\n", "\r\n", "mixed"])
def test_quoted_cells_keep_what_is_in_them(tmp_path: Path, end: str) -> None:
    cells = ["a,b", 'say "hi"', "two\nlines", "two\r\nlines", "🚀 ñ", '"', "", " x ", "'", "\\"]
    quoted = ['"' + cell.replace('"', '""') + '"' for cell in cells]
    ends = [
        "\n" if end == "mixed" and number % 2 else "\r\n" if end == "mixed" else end for number in range(len(cells))
    ]
    text = CSV + "".join(f"l{n},new,2025-01-01,{cell}{e}" for n, (cell, e) in enumerate(zip(quoted, ends, strict=True)))
    taken = take_in(tmp_path, {"leads.csv": text})
    assert taken.error == ""
    assert taken.values("email") == [cell or None for cell in cells]


GOOD = [f"g{number},new,2025-01-01,mail{number}" for number in range(400)]


@pytest.mark.parametrize(
    ("broken", "lines"),
    [
        ('b,new,2025-01-01,"never closed', 1),
        ('"b,new,2025-01-01,never closed', 1),
        ('b,new,2025-01-01,"closed" too early', 1),
        ('b,"new"x,2025-01-01,y', 1),
        ("b,new,2025-01-01,x,y", 1),
        ('b,new,2025-01-01,"never closed\nc,new,2025-01-01,"never closed', 2),
        ('b,new,2025-01-01,"two\nlines", and more', 1),
        ('b,new,2025-01-01,"open\nc,new,2025-01-01,"open', 2),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_broken_line_costs_no_other(tmp_path: Path, broken: str, lines: int, end: str) -> None:
    quoted = 'q,new,2025-01-01,"a ""quoted"" cell"'
    text = CSV + "\n".join([*GOOD[:100], broken, quoted, *GOOD[100:]]) + "\n"
    taken = take_in(tmp_path, {"leads.csv": text.replace("\n", end)})
    assert taken.error == ""
    assert [name for name in taken.values("lead_id") if name != "q"] == [line.split(",")[0] for line in GOOD]
    assert taken.by_key("q")["email"] == 'a "quoted" cell'
    assert taken.fates() == (401 + lines, 401, lines, 0, 0)
    quarantined = taken.quarantined()
    assert [row["row_key"] for row in quarantined] == [f"leads.csv, line {102 + n}" for n in range(lines)]
    assert {row["reason"] for row in quarantined} == {"broken line"}
    assert [json.loads(row["row"]) for row in quarantined] == (
        broken.split("\n") if lines > 1 else [broken.replace("\n", end)]
    )


def test_many_lines_with_open_quotes_stop_the_day(tmp_path: Path) -> None:
    lines = [line.replace(",mail", ',"mail') if number % 10 == 0 else line for number, line in enumerate(GOOD)]
    taken = take_in(tmp_path, {"leads.csv": CSV + "\n".join(lines) + "\n"})
    assert "leads: 40 of 400 rows are bad (broken line: 40: " in taken.error
    assert len(taken.quarantined()) == 40


def test_a_row_longer_than_any_may_be_costs_no_other(tmp_path: Path) -> None:
    huge = "z" * (17 << 20)
    for name, text in {
        "leads.csv": CSV + f"a,new,2025-01-01,x\nb,new,2025-01-01,{huge}\nc,new,2025-01-01,y\n",
        "leads.jsonl": "".join(
            json.dumps({"lead_id": lead, "status": "new", "created_at": "2025-01-01", "email": mail}) + "\n"
            for lead, mail in (("a", "x"), ("b", huge), ("c", "y"))
        ),
    }.items():
        taken = take_in(tmp_path, {name: text})
        assert taken.error == ""
        assert taken.values("lead_id") == ["a", "c"]
        assert list(taken.reasons()) == [f"{name}, line {3 if name.endswith('csv') else 2}"]
    long_but_allowed = "z" * (2 << 20)
    taken = take_in(tmp_path, {"leads.csv": CSV + f'a,new,2025-01-01,"{long_but_allowed}"\n'})
    assert taken.values("email") == [long_but_allowed]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("leads.csv", b"", "leads.csv is empty"),
        ("leads.csv", b"\n\n", "leads.csv is empty"),
        ("leads.csv.gz", gzip.compress(b"", mtime=0), "leads.csv.gz is empty"),
        ("leads.csv", (CSV + ROWS).encode("utf-16-be"), "leads.csv is not text"),
        ("leads.csv", gzip.compress((CSV + ROWS).encode(), mtime=0), "leads.csv is not text"),
        ("leads.csv.gz", (CSV + ROWS).encode(), "leads.csv.gz cannot be read (it is not a gzip file"),
        ("leads.csv.gz", gzip.compress((CSV + ROWS * 999).encode(), mtime=0)[:-9], "leads.csv.gz cannot be read"),
        (
            "leads.csv.gz",
            gzip.compress((CSV + ROWS).encode(), mtime=0)[:-8] + bytes(8),
            "leads.csv.gz cannot be read (it is not a gzip",
        ),
        ("leads.csv", b"lead_id,status,created_at,Status\n", "leads.csv names the column status twice"),
        ("leads.csv", b"lead_id,Status\n", "leads: required column created_at is missing; it has lead_id, status"),
        ("leads.jsonl", b'{"lead_id":"a"}\n', "leads: required column status, created_at is missing; it has lead_id"),
    ],
)
def test_files_that_are_refused_as_a_whole(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    taken = take_in(tmp_path, {name: content})
    assert words in taken.error
    assert "\n" not in taken.error
    assert taken.error.isprintable()
    assert not list(taken.lake.glob("*/date=*"))


def test_a_header_without_rows_and_an_empty_file_of_json_lines_are_empty_tables(tmp_path: Path) -> None:
    for files in ({"leads.csv": CSV}, {"leads.csv": CSV.rstrip()}, {"leads.jsonl": ""}, {"leads.jsonl": "\n \n"}):
        taken = take_in(tmp_path, files)
        assert taken.error == ""
        assert taken.fates() == (0, 0, 0, 0, 0)


def test_several_packed_files_after_one_another_are_one(tmp_path: Path) -> None:
    packed = (
        gzip.compress(CSV.encode()) + gzip.compress(b"a,new,2025-01-01,x\n") + gzip.compress(b"b,new,2025-01-01,y\n")
    )
    assert take_in(tmp_path, {"leads.csv.gz": packed}).values("lead_id") == ["a", "b"]


A = '{"lead_id": "a", "status": "new", "created_at": "2025-01-01"}'
B = '{"lead_id": "b", "status": "new", "created_at": "2025-01-01", "email": "x"}'


@pytest.mark.parametrize(
    "text",
    [
        f"{A}\n{B}\n",
        f"{A}\r\n{B}",
        f"{A}\r\n{B}\n",
        f"\ufeff{A}\n{B}\n",
        f"\n{A}\n \n{B}\n\n",
        f"{A}\n{B.replace('lead_id', 'Lead_ID').replace('email', 'EMAIL')}\n",
        f'{A}\n{B.replace(": ", " :  ")[:-1]}, "more": {{"nested": [1, null]}}}}\n',
    ],
    ids=range(7),
)
def test_json_lines_are_found_however_they_are_written(tmp_path: Path, text: str) -> None:
    taken = take_in(tmp_path, {"leads.jsonl": text})
    assert taken.error == ""
    assert list(zip(taken.values("lead_id"), taken.values("email"), strict=True)) == [("a", None), ("b", "x")]


@pytest.mark.parametrize(
    "line",
    ["[1, 2]", '"text"', "42", "null", "true", '{"lead_id": "c",', "words", "{'lead_id': 'c'}", f"{A} {A}", "[" * 5000],
    ids=range(10),
)
def test_a_line_that_is_no_json_object_is_quarantined_as_it_stands(tmp_path: Path, line: str) -> None:
    taken = take_in(tmp_path, {"leads.jsonl": f"{A}\n{line}\n{B}\n"})
    assert taken.error == ""
    assert taken.values("lead_id") == ["a", "b"]
    [quarantined] = taken.quarantined()
    assert quarantined["row_key"] == "leads.jsonl, line 2"
    assert quarantined["reason"] == "broken line"
    assert json.loads(quarantined["row"]) == line


@pytest.mark.parametrize("bad", [b"\xff\xfe", b"\x01", b"\x00", b"\r"])
def test_a_line_of_json_with_bytes_that_are_no_text_costs_no_other(tmp_path: Path, bad: bytes) -> None:
    broken = A.encode().replace(b'"a"', b'"' + bad + b'"')
    sound = B.replace('"x"', '"ñ"').encode()  # which shows that the file is in UTF-8, and only that line broken
    taken = take_in(tmp_path, {"leads.jsonl": A.encode() + b"\n" + broken + b"\n" + sound})
    assert taken.error == ""
    assert taken.values("lead_id") == ["a", "b"]
    assert set(taken.reasons().values()) == {"broken line"}


def test_values_of_json_become_text_as_json_writes_them(tmp_path: Path) -> None:
    mails = {
        '"é\\u00e9"': "éé",
        "1": "1",
        "1.50": "1.5",
        "true": "true",
        '{"a":[1]}': '{"a":[1]}',
        "null": None,
        "NaN": None,
    }
    lines = [A.replace('"a"', f'"{n}"')[:-1] + f', "email": {mail}}}' for n, mail in enumerate(mails)]
    taken = take_in(tmp_path, {"leads.jsonl": "\n".join(lines)})
    assert taken.error == ""
    assert taken.values("email") == list(mails.values())
