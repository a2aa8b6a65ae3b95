"""Protects `acquisition export`: the rows of the lake in each format, without addresses or formulas, or one line."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from python_calamine import CalamineWorkbook
from typer.testing import CliRunner

from acquisition_assets.cli import app
from acquisition_assets.commands.export_formats import write_rows
from acquisition_assets_tests.commands.conftest import DAYS, call, refused
from acquisition_assets_tests.kit.program import environment


def exported(lake: Path, *arguments: object) -> list[dict[str, str]]:
    result = call("export", *arguments, "--lake", lake)
    assert (result.exit_code, result.stderr) == (0, "")
    return list(csv.DictReader(io.StringIO(result.stdout)))


def stored(lake: Path, table: str, day: str = DAYS[-1]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(lake / table / f"date={day}" / "data.parquet").to_pylist()
    return rows


def test_a_table_is_its_newest_day_or_the_day_asked_for(lake: Path) -> None:
    for day, options in ((DAYS[-1], ()), (DAYS[0], ("--date", DAYS[0]))):
        rows = exported(lake, "dynamic_scores", "--columns", "score,lead_id", *options)
        expected = [
            {"score": str(row["score"]), "lead_id": row["lead_id"]} for row in stored(lake, "dynamic_scores", day)
        ]
        assert rows == expected
        assert list(rows[0]) == ["score", "lead_id"]


def test_addresses_need_the_option(lake: Path) -> None:
    assert [row["email"] for row in exported(lake, "lead_activity")] == ["a•••@e•••", "b•••@e•••", "c•••@e•••", ""]
    shown = CliRunner().invoke(app, ["export", "lead_activity", "--lake", str(lake), "--with-emails"]).stdout
    assert [row["email"] for row in csv.DictReader(io.StringIO(shown))] == [
        *("ana.lopez@example.com", "bea@example.org", "caro@example.net", ""),
    ]


def test_ids_and_other_texts_that_hold_addresses_are_masked(lake: Path, tmp_path: Path) -> None:
    copy = tmp_path / "lake"
    shutil.copytree(lake, copy)
    file = copy / "dynamic_scores" / f"date={DAYS[-1]}" / "data.parquet"
    rows = pq.read_table(file)
    ids = pa.array(["ana@example.com", "bea%40example.org", "caro", "dani"])
    pq.write_table(rows.set_column(0, "lead_id", ids), file)
    found = [row["lead_id"] for row in exported(copy, "dynamic_scores")]
    assert found[2:] == ["caro", "dani"]
    assert not any("example" in name or "ana" in name for name in found)


def test_a_segment_is_its_members_with_their_figures(lake: Path) -> None:
    members = {row["lead_id"] for row in stored(lake, "lead_segments") if row["segment"] == "high_value_prospects"}
    scores = {row["lead_id"]: row["score"] for row in stored(lake, "dynamic_scores")}
    points = {row["lead_id"]: row["conversion_probability"] for row in stored(lake, "behavior_predictions")}
    rows = exported(lake, "segment", "high_value_prospects")
    assert members
    assert {row["lead_id"] for row in rows} == members
    for row in rows:
        assert float(row["score"]) == scores[row["lead_id"]]
        assert float(row["conversion_probability"]) == points[row["lead_id"]]
        assert "•••" in row["email"]


def test_every_format_holds_the_same_rows(lake: Path, tmp_path: Path) -> None:
    expected = [
        {"lead_id": row["lead_id"], "created_at": row["created_at"], "age_days": row["age_days"]}
        for row in stored(lake, "lead_activity")
    ]
    for name in ("a.jsonl", "a.xlsx", "a.parquet"):
        result = call(
            *("export", "lead_activity", "--columns", "lead_id,created_at,age_days"),
            *("--output", tmp_path / name, "--lake", lake),
        )
        assert (result.exit_code, result.output) == (0, "")
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [
        {**row, "created_at": dt.datetime.fromisoformat(row["created_at"].replace("Z", "+00:00"))} for row in lines
    ] == expected
    assert pq.read_table(tmp_path / "a.parquet").to_pylist() == expected
    header, *cells = CalamineWorkbook.from_path(tmp_path / "a.xlsx").get_sheet_by_index(0).to_python()
    assert header == list(expected[0])
    assert cells == [[row["lead_id"], row["created_at"].replace(tzinfo=None), row["age_days"]] for row in expected]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "a.parquet", "a.xlsx"]


def test_no_text_becomes_a_formula() -> None:
    texts = ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "a=1", "'=1"]
    rows = pa.table({"text": texts, "items": [[text] for text in texts], "number": [-1.5] * len(texts)})
    file = io.BytesIO()
    write_rows(rows, "t", "csv", file)
    found = list(csv.DictReader(io.StringIO(file.getvalue().decode(), newline="")))
    assert [row["text"] for row in found] == [*(f"'{text}" for text in texts[:6]), *texts[6:]]
    assert [row["items"] for row in found] == [row["text"] for row in found]
    assert {row["number"] for row in found} == {"-1.5"}
    book = io.BytesIO()
    write_rows(rows, "a/b", "xlsx", book)
    book.seek(0)
    _, *cells = CalamineWorkbook.from_filelike(book).get_sheet_by_index(0).to_python()
    assert [cell[0] for cell in cells][:4] == texts[:4]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("dynamic_score",), "did you mean dynamic_scores?"),
        (("segment", "high_value_prospect"), "did you mean high_value_prospects?"),
        (("segment",), "segment needs a name"),
        (("dynamic_scores", "extra"), "only the word segment takes a name"),
        (("dynamic_scores", "--columns", "lead_id,scor"), "did you mean score?"),
        (("dynamic_scores", "--columns", "score,score"), "names score twice"),
        (("dynamic_scores", "--columns", ""), "empty name"),
        (("dynamic_scores", "--format", "xls"), "did you mean xlsx?"),
        (("dynamic_scores", "--date", "2025-01-01"), "3 days from 2025-03-08 to 2025-03-10"),
        (("dynamic_scores", "--date", "yesterday"), "--date"),
        (("dynamic_scores", "--output", "no/such/folder.csv"), "No such file or directory"),
        (("dynamic_scores", "--output", "."), "cannot be written"),
    ],
)
def test_wrong_names_are_refused_in_one_line(lake: Path, arguments: tuple[str, ...], words: str) -> None:
    assert words in refused("export", *arguments, "--lake", lake)


def test_a_lake_of_one_day_names_it(tmp_path: Path) -> None:
    (tmp_path / "dynamic_scores/date=2025-03-10").mkdir(parents=True)
    (tmp_path / "dynamic_scores/date=2025-03-10/data.parquet").touch()
    said = refused("export", "dynamic_scores", "--date", "2025-01-01", "--lake", tmp_path)
    assert "it has only 2025-03-10; choose it, or run: acquisition run --date 2025-01-01" in said


def test_a_workbook_is_not_written_to_a_terminal(lake: Path) -> None:
    main, terminal = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "acquisition_assets",
        "export",
        "anomalies",
        "--format",
        "xlsx",
        "--lake",
        str(lake),
    ]
    ended = subprocess.run(command, stdout=terminal, stderr=subprocess.PIPE, env=environment(), text=True, check=False)
    assert ended.returncode == 2
    assert "xlsx is not for a terminal" in ended.stderr
    assert main > 0
