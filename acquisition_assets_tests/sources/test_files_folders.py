"""Protects the choice of a folder's files: tables of one or several files, and Parquet files of other programs.

The text of CSV and JSON lines is tested in test_files_text.py.
"""

from __future__ import annotations

import io
import json
import math
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition_assets.core.errors import InputError
from acquisition_assets.sources.files import FileSource
from acquisition_assets_tests.kit.ingesting import DAY, HEADER, LEADS, Content, leads_of, put, take_in

ROW = f"{HEADER}\n{{}},new,2024-12-01\n"


@pytest.mark.parametrize(
    "files",
    [
        {"leads.csv": LEADS},
        {"LEADS.CSV": LEADS},
        {"Leads.Csv.GZ": LEADS},
        {"leads.csv/part-0.csv": LEADS},
        {"leads/part-0.csv": LEADS, "leads/.hidden.csv": "x", "leads/.part-0.csv.crc": "x", "leads/_SUCCESS": ""},
        {"leads/README.md": "about", "leads/a.csv": LEADS, "leads/old/b.csv": ROW.format("x")},
        {"leads.csv": LEADS, ".leads.jsonl": "", "leads.csv.bak": "x", "leads.xlsx": "x", "README": "x"},
        {"Leads/B.CSV": ROW.format("bea"), "Leads/A.csv": ROW.format("ana")},
    ],
    ids=range(8),
)
def test_the_files_of_a_table(tmp_path: Path, files: dict[str, Content]) -> None:
    taken = take_in(tmp_path, files)
    assert taken.error == ""
    assert taken.values("lead_id") == ["ana", "bea"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"leads.csv": LEADS, "leads.parquet": leads_of(lead_id=["a"])}, "leads twice (leads.csv and leads.parquet)"),
        ({"leads.csv": LEADS, "leads/a.csv": LEADS}, "leads twice (leads and leads.csv)"),
        ({"leads.csv": LEADS, "Leads.CSV": LEADS}, "leads twice (Leads.CSV and leads.csv)"),
        ({"leads.csv": LEADS, "events.csv": LEADS, "events.jsonl": ""}, "events twice (events.csv and events.jsonl)"),
        ({"README.md": "about"}, "has no leads; put leads.csv"),
        (
            {"leads.xlsx": b"x", "leads.json": b"[]"},
            "does not end in .parquet, .csv, .csv.gz or .jsonl: leads.json, leads",
        ),
        ({"leads/README.md": "x"}, "leads has no file that ends in .parquet, .csv, .csv.gz, .jsonl"),
        ({"leads/a.csv": LEADS, "leads/b.csv": ""}, "leads/b.csv is empty"),
    ],
)
def test_folders_that_are_refused(tmp_path: Path, files: dict[str, Content], words: str) -> None:
    source = put(tmp_path / "source", files)
    with pytest.raises(InputError, match=r".") as refused:
        FileSource(source).check()
    assert words in str(refused.value)
    assert words in take_in(tmp_path, files).error


def test_a_link_is_followed_and_one_to_nowhere_is_refused(tmp_path: Path) -> None:
    source = put(tmp_path / "source", {"elsewhere/leads.csv": LEADS})
    (source / "leads.csv").symlink_to("elsewhere/leads.csv")
    assert take_in(tmp_path).values("lead_id") == ["ana", "bea"]
    (source / "elsewhere" / "leads.csv").unlink()
    assert "leads.csv cannot be read" in take_in(tmp_path).error


def test_a_missing_table_is_empty_with_a_warning_that_names_what_is_not_read(tmp_path: Path) -> None:
    source = put(tmp_path / "source", {"leads.csv": LEADS, "Events.json": "[]"})
    warnings = FileSource(source).check()
    assert len(warnings) == 5
    assert "has no events (not read, as its name does not end in" in warnings[0]
    assert "Events.json); it is taken as empty" in warnings[0]
    taken = take_in(tmp_path)
    assert taken.run.metadata["raw_events"]["warning"] == "the source has no events; it is taken as empty"
    for table in ("events", "referrals", "content", "status_changes", "aliases"):
        assert taken.accepted(table) == []
        assert taken.fates(table) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    "name", ["exports [1]", "a*b", "who?", "it's", "{x,y}", "con espacio ñ", "50%20", "date=2024-01-01"]
)
def test_folders_of_any_name(tmp_path: Path, name: str) -> None:
    files: dict[str, Content] = {
        "leads/1.csv": ROW.format("ana"),
        "leads/2.jsonl": '{"lead_id": "bea", "status": "new", "created_at": "2024-12-01"}\n',
        "leads/3 [x]'.parquet": leads_of(lead_id=["caro"]),
        "leads/4.csv": f'{HEADER}\r\ndani,new,2024-12-01\n"ed",new,2024-12-01\n',
    }
    taken = take_in(tmp_path / name, files)
    assert taken.error == ""
    assert taken.values("lead_id") == ["ana", "bea", "caro", "dani", "ed"]


def test_files_of_a_folder_may_differ_in_form_columns_order_and_types(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "leads/1.csv": "status;created_at;lead_id;unknown\nnew;2024-12-01;1;x\n",
        "leads/2.parquet": leads_of(
            lead_id=[2.0], created_at=pa.array([1733011200000000], pa.timestamp("us", tz="UTC"))
        ),
        "leads/3.jsonl": '{"email": "x@example.org", "lead_id": 3, "status": "new", "created_at": "2024-12-01"}\n',
        "leads/4.parquet": pa.table(
            {"LEAD_ID": ["4"], "Status": ["mql"], " created_at ": ["2024-12-01"], "engagement_score": [2]}
        ),
    }
    taken = take_in(tmp_path, files)
    assert taken.error == ""
    found = [
        tuple(row[name] for name in ("lead_id", "email", "status", "engagement_score", "created_date"))
        for row in taken.accepted()
    ]
    day = taken.accepted()[0]["created_date"]
    assert str(day) == "2024-12-01"
    assert found == [
        ("1", None, "new", 0.0, day),
        ("2", None, "new", 0.0, day),
        ("3", "x@example.org", "new", 0.0, day),
        ("4", None, "nurturing", 2.0, day),
    ]


def test_parquet_files_of_a_folder_with_columns_of_other_types(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "leads/1.parquet": leads_of(lead_id=[1], email=[["list"]], engagement_score=[1]),
        "leads/2.parquet": leads_of(lead_id=["x"], email=["text"], engagement_score=["2.5"]),
        "leads/3.parquet": leads_of(lead_id=[3.0], engagement_score=[3.5]),
    }
    taken = take_in(tmp_path, files)
    assert taken.error == ""
    assert taken.values("lead_id") == ["1", "x", "3"]
    assert taken.values("engagement_score") == [1.0, 2.5, 3.5]
    files["leads/2.parquet"] = pa.table({"lead_id": [2]})
    taken = take_in(tmp_path, files)
    assert taken.values("lead_id") == ["1", "3"]
    assert taken.reasons() == {"2": "missing required value"}


def test_a_column_named_twice_is_refused(tmp_path: Path) -> None:
    table = pa.table({"LEAD_ID": ["a"], "lead_id": ["b"], "status": ["new"], "created_at": ["2024-12-01"]})
    assert "leads.parquet names the column lead_id twice" in take_in(tmp_path, {"leads.parquet": table}).error


def test_a_damaged_parquet_file_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    stream = io.BytesIO()
    generator = random.Random(1)
    mails = [f"{generator.random()}@example.org" for _ in range(20_000)]
    pq.write_table(leads_of(email=mails), stream)
    whole = stream.getvalue()
    middle = len(whole) // 2
    damaged = (whole[:middle], whole[:-4], b"", b"PAR1", whole[:middle] + bytes(64) + whole[middle + 64 :])
    for content in damaged:
        taken = take_in(tmp_path, {"leads.parquet": content})
        assert "cannot be read" in taken.error
        assert "leads.parquet" in taken.error
        assert "\n" not in taken.error
        assert "@example" not in taken.error
        assert not list(taken.lake.glob("*/date=*"))
    assert not [path for path in (tmp_path / "lake" / ".staging").iterdir() if path.is_dir()]


def test_the_row_as_read_is_json_whatever_the_file_is(tmp_path: Path) -> None:
    """A bad row is shown with the columns and values that its file has, those unknown included."""
    cells = {"lead_id": "a", "status": "no such", "created_at": "2024-12-01", "note": 'ñ "q", x\ny'}
    text = f'{HEADER},note\na,no such,2024-12-01,"ñ ""q"", x\ny"\n'
    for name, content in {
        "leads.csv": text,
        "leads.csv.gz": text,
        "leads.jsonl": json.dumps(cells) + "\n",
        "leads.parquet": pa.table({column: [value] for column, value in cells.items()}),
    }.items():
        [row] = take_in(tmp_path, {name: content}).quarantined()
        assert json.loads(row["row"]) == cells
        assert (row["row_key"], row["reason"]) == ("a", "unknown word")
        assert row["detail"] == (
            "status 'no such' is unknown; add it to vocabulary.status, or write one of new, nurturing, engaged, "
            "converted, inactive"
        )
    typed = pa.table(
        {
            "lead_id": [7],
            "status": ["x"],
            "created_at": pa.array([1733011200000000], pa.timestamp("us", tz="UTC")),
            "engagement_score": [math.nan],
            "x": [math.inf],
        }
    )
    [row] = take_in(tmp_path, {"leads.parquet": typed}).quarantined()
    assert json.loads(row["row"], parse_constant=_refuse) == {
        "lead_id": 7,
        "status": "x",
        "created_at": "2024-12-01 00:00:00+00",
        "engagement_score": "nan",
        "x": "inf",
    }
    mixed = take_in(tmp_path, {"leads/1.csv": f"{HEADER}\na,no,{DAY}\n", "leads/2.jsonl": json.dumps(cells)})
    assert [json.loads(row["row"]) for row in mixed.quarantined()] == [
        {"lead_id": "a", "status": "no", "created_at": DAY},
        cells,
    ]


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")
