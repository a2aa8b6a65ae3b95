"""Protects how files become rows, whatever the column names, line ends, quotes and broken lines."""

from __future__ import annotations

import gzip
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acquisition_assets.core.errors import InputError
from acquisition_assets.sources.csv_text import LONGEST_OPEN_CELL, Scanner, read_header, rows_of
from acquisition_assets.sources.files import FileSource
from acquisition_assets_tests.kit.ingesting import HEADER, Content, leads_of, put
from acquisition_assets_tests.sources.reading import read

ROOT = Path(__file__).resolve().parents[2]
CSV = f"{HEADER},email\n"


def sql_identifiers() -> list[str]:
    """Return every identifier of the code that makes SQL: what a source's column must be able to be called."""
    files = [
        *(ROOT / "acquisition_assets" / "raw").glob("*.py"),
        *(ROOT / "acquisition_assets" / "sources").glob("*.py"),
    ]
    words = {word.lower() for file in files for word in re.findall(r"[A-Za-z_]\w*", file.read_text(encoding="utf-8"))}
    more = {
        "file_row_number",
        "file_index",
        "filename",
        "rowid",
        "src",
        "raw_row",
        "row_as_read",
        "row_place",
        "C0",
        "p0",
    }
    return sorted(words | more)


def test_columns_of_any_name_are_only_cells(tmp_path: Path) -> None:
    """As Parquet and as text: with a column for each identifier of the SQL, rows, order and JSON are as without."""
    known = ("lead_id", "status", "created_at")
    names = [name for name in dict.fromkeys(map(str.lower, sql_identifiers())) if name not in known]
    table = pa.table(
        {
            "lead_id": ["b", "a"],
            "status": ["new", "new"],
            "created_at": ["2024-12-01", "2024-12-02"],
            **{name: pa.array([7, 7]) for name in names},
        }
    )
    header = ",".join(table.column_names)
    lines = "".join(",".join(str(cell) for cell in row.values()) + "\n" for row in table.to_pylist())
    for files in (
        {"leads.parquet": table},
        {"leads.csv": f"{header}\n{lines}"},
        {"leads/1.parquet": table, "leads/2.parquet": table},
    ):
        found = read(tmp_path, files)
        assert found.values("lead_id") == ["b", "a"] * len(files)
        assert all(str(row[name]) == "7" for row in found.rows for name in names)
        assert json.loads(found.as_read[0])["row_place"] in (7, "7")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(
        st.one_of(
            st.sampled_from(
                ["", " ", "file_row_number", "FILE_INDEX", "x", "X", "x_1", "c0", "C1", "email", '"', "a.b", "{x}"]
            ),
            st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=8),
        ),
        max_size=8,
    ).filter(lambda names: sum(name.strip().lower() == "email" for name in names) < 2)
)
def test_unnamed_and_repeated_columns_that_nobody_reads_are_ignored(names: list[str]) -> None:
    columns = [pa.array(["a", "b"]), pa.array(["new", "new"]), pa.array(["2024-12-01"] * 2)]
    columns += [pa.array([f"{number}", f"{number}"]) for number in range(len(names))]
    if any(name.strip().strip("\ufeff").strip().lower() in ("lead_id", "status", "created_at") for name in names):
        return
    table = pa.Table.from_arrays(columns, names=["lead_id", "status", "created_at", *names])
    with tempfile.TemporaryDirectory() as folder:
        found = read(Path(folder), {"leads/1.parquet": table, "leads/2.parquet": table})
    assert found.values("lead_id") == ["a", "b", "a", "b"]
    wanted = [str(number) for number, name in enumerate(names) if name.strip().lower() == "email"]
    assert found.values("email") == (wanted or [None]) * 4


def test_files_of_a_folder_are_one_table_whatever_they_are(tmp_path: Path) -> None:
    """Copies of text and the source's own Parquet files have other names for the same columns."""
    lead = {"lead_id": "c", "status": "new", "created_at": "2024-12-01"}
    files: dict[str, Content] = {
        "leads/1.csv": f"{HEADER}\na,new,2024-12-01\n",
        "leads/2.parquet": leads_of(lead_id=["b"]),
        "leads/3.jsonl": json.dumps(lead),
        "leads/4.parquet": leads_of(LEAD_ID=["d"]).drop_columns(["lead_id"]),
        "leads/5.parquet": leads_of(lead_id=["e"]),
        "leads/6.parquet": leads_of(lead_id=["f"]),
        "leads/7.csv": "created_at;lead_id;status\n2024-12-01;g;new\n",
    }
    found = read(tmp_path, files)
    assert found.values("lead_id") == list("abcdefg")
    assert set(found.values("created_at")) == {"2024-12-01"}
    assert json.loads(found.as_read[2]) == lead


def test_a_column_that_is_read_and_there_twice_is_refused(tmp_path: Path) -> None:
    for content in (f"{HEADER},Status\n", leads_of(**{" STATUS": ["x"]})):
        name = "leads.csv" if isinstance(content, str) else "leads.parquet"
        with pytest.raises(InputError, match="names the column status twice"):
            read(tmp_path, {name: content})


@pytest.mark.parametrize(
    ("line", "email", "detail"),
    [
        ("a,new,2025-01-01,x", "x", ""),
        ("a,new,2025-01-01", None, ""),
        ("a", None, ""),
        ("a,new,2025-01-01,x,", "x", ""),
        ('a,new,2025-01-01,x, ,"",', "x", ""),
        ("a,new,2025-01-01,x,y", None, "5 cells where the header names 4 columns"),
        ('a,new,2025-01-01,"x",y', None, "5 cells where the header names 4 columns"),
        ('a,new,2025-01-01,"x', None, "a quote is not closed"),
        ('a,new,2025-01-01,"x" y', None, "a quote is not closed"),
        ('a,new,2025-01-01,x "y" z', 'x "y" z', ""),
        ('a,new,2025-01-01,"x ""y"" z"', 'x "y" z', ""),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_are_filled_up_and_only_cells_too_many_break_them(
    tmp_path: Path, line: str, email: str | None, detail: str, end: str
) -> None:
    """Whether the engine reads the file alone, or another line makes its rows be copied first."""
    for other in ("b,new,2025-01-02,y", "b,new,2025-01-02,y,,"):
        text = f"{CSV}{line}\n\n{other}\nc,new,2025-01-03,z\n".replace("\n", end)
        found = read(tmp_path, {"leads.csv": text})
        assert found.values("lead_id") == ([] if detail else ["a"]) + ["b", "c"]
        assert found.values("email") == ([] if detail else [email]) + ["y", "z"]
        assert [(place, text) for place, text, _ in found.rejects] == ([("leads.csv, line 2", line)] if detail else [])
        assert all(said.startswith(detail) for *_, said in found.rejects)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("sep=;\nlead_id;status;created_at\na;new;2025-01-01\n", 3),
        ('"sep=^"\r\nlead_id^status^created_at\r\na^new^2025-01-01\r\n', 3),
        ("SEP=\t\nlead_id\tstatus\tcreated_at\tx,y,z,v,w\na\tnew\t2025-01-01\t1\n", 4),
        ("lead_id;status;created_at;a,b,c,d,e\na;new;2025-01-01;x\n", 4),
        ('"lead_id"|"status"|"created_at"|"mail, mail; mail"\na|new|2025-01-01|x\n', 4),
        ('lead_id,status,created_at,"e-mail\n(private)"\na,new,2025-01-01,x\n', 4),
        ("lead_id,status,created_at,,\na,new,2025-01-01,1,2\n", 3),
        ("sep=;\nlead_id;status;created_at\na;new\n", 3),
    ],
    ids=range(8),
)
def test_the_delimiter_is_found_or_named(tmp_path: Path, text: str, columns: int) -> None:
    for name in ("leads.csv", "leads.csv.gz"):
        found = read(tmp_path, {name: text})
        assert found.values("lead_id") == ["a"]
        assert found.values("status") == ["new"]
        assert len(found.table.columns) == columns
        assert found.rejects == []


WORDS = ["ana", "educación", "naïve", "plain"]
LINES = CSV + "".join(f"{n},new,2025-01-01,{word}\n" for n, word in enumerate(WORDS))


@pytest.mark.parametrize("mark", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", ["leads.csv", "leads.csv.gz", "leads.jsonl"])
def test_marks_say_the_encoding(tmp_path: Path, mark: str, name: str) -> None:
    rows = [dict(zip(CSV.strip().split(","), line.split(","), strict=True)) for line in LINES.splitlines()[1:]]
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows) if name == "leads.jsonl" else LINES
    for named in (None, "windows-1252"):
        if named and mark == "utf-8":
            continue
        data = text.encode(mark)
        found = read(tmp_path, {name: gzip.compress(data) if name.endswith("gz") else data}, encoding=named)
        assert found.values("email") == WORDS
        assert found.rejects == []


def test_another_encoding_is_refused_until_it_is_named(tmp_path: Path) -> None:
    data = LINES.encode("windows-1252")
    with pytest.raises(
        InputError, match=r"leads\.csv: line 3 is not text in UTF-8; name .*ACQUISITION_SOURCE_ENCODING"
    ):
        read(tmp_path, {"leads.csv": data})
    assert read(tmp_path, {"leads.csv": data}, encoding="windows-1252").values("email") == WORDS
    with pytest.raises(InputError, match="is not text in utf-16"):
        read(tmp_path, {"leads.csv": b"\xff\xfe" + LINES.encode("utf-16-le")[:-1]})
    with pytest.raises(InputError, match="'klingon' is not an encoding"):
        FileSource(tmp_path, encoding="klingon")


def test_a_broken_character_among_sound_ones_costs_its_line_only(tmp_path: Path) -> None:
    data = LINES.encode() + b"9,new,2025-01-01,educaci\xc3\n"
    found = read(tmp_path, {"leads.csv": data})
    assert found.values("email") == WORDS
    assert [place for place, *_ in found.rejects] == ["leads.csv, line 6"]


def adversaries() -> Iterator[Callable[[int], str]]:
    """Yield texts of n lines whose quotes make a reader look far ahead."""
    yield lambda n: 'c","d\n' * n
    yield lambda n: 'a,"b\n' * n
    yield lambda n: '"\n' + "x\n" * n
    yield lambda n: 'a,"b\n' + ('"",""' * 20 + "\n") * n
    yield lambda n: ('a,"b\n' * 20 + 'c"x\n') * (n // 20)
    yield lambda n: 'a,"' + 'b""' * n + "\n" + 'a,"b\n' * n


@pytest.mark.parametrize("text", list(adversaries()), ids=range(6))
def test_the_work_for_broken_quotes_grows_as_the_text(text: Callable[[int], str]) -> None:
    """Each character is looked at once as the start of a row and at most once as the inside of a cell."""
    for count in (200, 2_000, 60_000):
        scanner, given_text = Scanner(","), text(count)
        rows = sum(1 for _ in rows_of(iter(given_text.splitlines(keepends=True)), scanner))
        assert rows > 0
        assert scanner.scanned <= 2 * len(given_text)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["a,b\n", '"a\n', 'b"\n', '"a","b\n', '"\n', '",\n', 'c","d\n', '"a""b"\n', "\n", '"x"y\n', "x\r\n"]
        ),
        max_size=14,
    )
)
def test_rows_are_those_of_a_reader_that_starts_again_at_each_line(lines: list[str]) -> None:
    """The single pass gives what the plain definition gives: the shortest run of lines whose quotes close, or one."""
    expected, at, scanner = [], 0, Scanner(",")
    while at < len(lines):
        state = scanner.state(lines[at].rstrip("\r\n"), is_inside=False).value
        end = at + 1
        while state == "open" and end < len(lines):
            state = scanner.state(lines[end].rstrip("\r\n"), is_inside=True).value
            end += 1
        is_row = state == "whole"
        end = end if is_row else at + 1
        expected.append((at + 1, "".join(lines[at:end]).rstrip("\r\n"), is_row))
        at = end
    assert list(rows_of(iter(lines), Scanner(","))) == expected


def test_a_quote_that_closes_too_far_away_is_broken() -> None:
    far = ["x" * 1000 + "\n"] * (LONGEST_OPEN_CELL // 1000 + 2)
    found = list(rows_of(iter(['a,"b\n', *far, 'c"\n', "d\n"]), Scanner(",")))
    assert found[0] == (1, 'a,"b', False)
    assert len(found) == len(far) + 3
    assert found[-1][1:] == ("d", True)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("leads.parquet", b"PAR1", "leads.parquet cannot be read (it is damaged, or not a Parquet file)"),
        ("leads.csv.gz", LINES.encode(), "leads.csv.gz cannot be read (it is not a gzip file"),
        ("leads.csv.gz", gzip.compress(LINES.encode(), mtime=0)[:-9], "leads.csv.gz cannot be read (it is cut off)"),
        ("leads.csv", b"\n", "leads.csv is empty"),
        ("leads.jsonl", b'{"email": "x", "event": "open"}\n', "it has email, event"),
    ],
)
def test_files_that_cannot_be_read_are_named_in_our_words(
    tmp_path: Path, name: str, content: Content, words: str
) -> None:
    with pytest.raises(InputError) as refused:
        read(tmp_path, {name: content})
    assert words in str(refused.value)


def test_a_file_that_is_found_damaged_while_rows_are_read_is_named(tmp_path: Path) -> None:
    """Wherever bytes were overwritten, and whatever the library says: which may be a cell."""
    mails = [f"secret{n}@example.org" for n in range(3000)]
    put(tmp_path / "source", {"leads.csv": LINES, "events.parquet": leads_of(event_type=mails, occurred_at=mails)})
    path = tmp_path / "source" / "events.parquet"
    whole = path.read_bytes()
    said = []
    for start in (4, 30, len(whole) // 3, len(whole) // 2, len(whole) - 400):
        path.write_bytes(whole[:start] + b"\xff" * 26 + whole[start + 26 :])
        try:
            read(tmp_path, table="events")
        except InputError as error:
            said.append(str(error))
    assert len(said) >= 3
    assert set(said) == {f"{path} cannot be read (it is damaged, or not a Parquet file); repair or remove it"}


def test_a_folder_or_file_without_the_right_to_read_is_named() -> None:
    """As another user where the tests run as root, who may read everything."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        source = put(Path(folder) / "source", {"leads.csv": LINES})
        user = os.geteuid()
        for hidden, mode in ((source / "leads.csv", 0o644), (source, 0o755)):
            hidden.chmod(0)
            if user == 0:
                os.seteuid(65534)
            try:
                with pytest.raises(InputError) as refused:
                    FileSource(source).check()
            finally:
                os.seteuid(user)
                hidden.chmod(mode)
            assert str(refused.value).startswith(f"{hidden} cannot be read (no right to read it); give the user")


@pytest.mark.parametrize(
    ("created_at", "is_local"),
    [
        ("2025-01-01T10:00", True),
        ("2025-01-01 10:00:00.5", True),
        ("2025-01-01T10:00Z", False),
        ("2025-01-01", False),
        ("2025-01-01T10:00+01:00", False),
        ("1735725600", False),
        ("2025-01-01 10:00 UTC", False),
    ],
)
def test_local_times_are_warned_of_until_a_zone_is_named(tmp_path: Path, created_at: str, is_local: bool) -> None:
    line = json.dumps({"lead_id": "a", "status": "new", "created_at": created_at})
    for name, text in (("leads.csv", f"{HEADER}\na,new,{created_at}\n"), ("leads.jsonl", line)):
        source = put(tmp_path / "source", {name: text})
        for timezone, business, warns in (
            (None, "Europe/Madrid", is_local),
            ("UTC", "Europe/Madrid", False),
            (None, "UTC", False),
        ):
            warnings = FileSource(source, timezone=timezone, business_timezone=business).check()
            assert any("ACQUISITION_SOURCE_TIMEZONE" in warning for warning in warnings) == warns


def test_json_that_is_not_read_is_named_with_its_keys(tmp_path: Path) -> None:
    source = put(
        tmp_path / "source", {"leads.csv": LINES, "events.json": '[{"email": "a@b.example", "event": "open"}]'}
    )
    [warning] = [text for text in FileSource(source).check() if "no events" in text]
    assert "events.json with the keys email, event" in warning
    assert "example" not in warning


def test_cells_of_json_that_are_no_text_become_the_text_of_json(tmp_path: Path) -> None:
    row = {"lead_id": 7, "status": {"a": [1, None]}, "created_at": [1], "email": True, "Extra": {"x": 1}}
    found = read(tmp_path, {"leads.jsonl": json.dumps(row)})
    assert found.rows == [{"lead_id": "7", "status": '{"a":[1,null]}', "created_at": "[1]", "email": "true"}]
    assert json.loads(found.as_read[0]) == row


def test_headers_choose_the_delimiter_that_gives_known_columns() -> None:
    header = read_header(Path("x.csv"), "a,b,c,d;lead_id;status\n", {"lead_id", "status"})
    assert header.delimiter == ";"
