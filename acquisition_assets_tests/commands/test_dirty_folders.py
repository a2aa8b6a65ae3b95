"""Protects what holds for every folder of broken exports: an exit code, one line per error, and rows that add up.

The fate of single rows, and days in any order, are left to raw/test_raw_properties.py.
"""

from __future__ import annotations

import gzip
import io
import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from acquisition_assets.commands.source_rows import FATES
from acquisition_assets.inputs.tables import INPUTS
from acquisition_assets_tests.commands.conftest import call
from acquisition_assets_tests.kit.dirty_rows import DAYS, SOURCES, whole_tables
from acquisition_assets_tests.kit.examples import examples
from acquisition_assets_tests.kit.running import lenient_policy

FORMS = ("csv", "csv", "csv", "csv.gz", "jsonl", "parquet")
DAMAGES = ("absent", "junk", "cut off", "columns named twice", "other encoding", "json", "stray file")
JUNK = (b"", b"\x00\x01\xff", b'"never closed', b"PAR1", b"\x1f\x8b\x08\x00", b"\xef\xbb\xbf", b"{", b"a,a,a\n1,2\n")
STRAYS = ("notes.txt", "leads (1).csv.gz", "events.parquet", ".DS_Store", "leads")


@st.composite
def folders(draw: st.DrawFn) -> dict[str, bytes]:
    """Return the files of a source: tables of dirty rows, each in any form, and in every third folder a damaged one."""
    tables = whole_tables(draw(SOURCES))
    damaged = draw(st.sampled_from(list(tables))) if draw(st.integers(0, 2)) == 0 else ""
    files = dict(_file(draw, table, text) for table, text in tables.items() if table != damaged)
    return {**files, **(_damaged(draw, damaged, tables[damaged]) if damaged else {})}


def _file(draw: st.DrawFn, table: str, text: str) -> tuple[str, bytes]:
    """Return the name and the content of a table's file, which can be read."""
    form = draw(st.sampled_from(FORMS))
    name = f"{table}.{form}"
    if form.startswith("csv"):
        content = _csv(draw, text).encode(draw(st.sampled_from(("utf-8", "utf-8-sig", "utf-16"))))
        return name, gzip.compress(content) if form == "csv.gz" else content
    columns, *lines = text.splitlines()
    rows = [dict(zip(columns.split(","), line.split(","), strict=False)) for line in lines]
    if form == "jsonl":
        typed = [{column: _typed(draw, cell) for column, cell in row.items()} for row in rows]
        return name, "\n".join(map(json.dumps, typed)).encode()
    buffer = io.BytesIO()
    arrays = {column: pa.array([row.get(column) for row in rows], pa.string()) for column in columns.split(",")}
    pq.write_table(pa.table(arrays), buffer)
    return name, buffer.getvalue()


def _csv(draw: st.DrawFn, text: str) -> str:
    header, *lines = text.splitlines()
    header = draw(st.sampled_from((header, header.upper(), f" {header} ,x", f"\ufeff{header}")))
    newline = draw(st.sampled_from(("\n", "\n", "\r\n")))
    return newline.join((header, *lines, "")).replace(",", draw(st.sampled_from((",", ",", ";", "\t", "|"))))


def _typed(draw: st.DrawFn, cell: str) -> object:
    """Return a cell as JSON may have it."""
    others: tuple[object, ...] = (None, 3, -1.5e300, True, {"nested": cell}, [cell])
    return draw(st.sampled_from((cell, cell, cell, *others)))


def _damaged(draw: st.DrawFn, table: str, text: str) -> dict[str, bytes]:
    """Return the files of a table that cannot be read, or only in part."""
    damage = draw(st.sampled_from(DAMAGES))
    junk = draw(st.sampled_from(JUNK)) + draw(st.binary(max_size=20))
    if damage == "absent":
        return {}
    if damage == "junk":
        return {f"{table}.{draw(st.sampled_from((*FORMS, 'json')))}": junk}
    if damage == "cut off":
        name, content = _file(draw, table, text)
        return {name: content[: -draw(st.sampled_from((1, 4, 40)))]}
    if damage == "columns named twice":
        header, lines = text.split("\n", 1)
        return {f"{table}.csv": f"{header},{header.split(',', 1)[0]}\n{lines}".encode()}
    if damage == "other encoding":
        return {f"{table}.csv": f"{text}ñandú".encode(draw(st.sampled_from(("cp1252", "utf-16-le", "cp037"))))}
    if damage == "json":
        return {f"{table}.json": json.dumps({"data": text.splitlines()}).encode()}
    return {f"{table}.csv": text.encode(), draw(st.sampled_from(STRAYS)): junk}


@examples(300, shrink=False)
@given(folders())
def test_a_folder_of_broken_exports_never_ends_in_a_traceback(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        source = Path(name, "source")
        source.mkdir()
        for file, content in files.items():
            (source / file).write_bytes(content)
        policy = lenient_policy(Path(name))
        result = call(
            "validate", "--source", source, "--lake", Path(name, "lake"), "--date", DAYS[-1], "--policy", policy
        )
        assert result.exit_code in (0, 1, 2)
        errors = result.stderr.splitlines()
        assert all(line.startswith(("error: ", "warning: ")) for line in errors), errors
        assert any(line.startswith("error: ") for line in errors) == bool(result.exit_code), result.output
        assert "secret" not in result.output.lower()
        assert "Traceback" not in result.output
        for table in INPUTS:
            for line in result.stdout.splitlines():
                words = line.split()
                if words[:1] == [table] and len(words) == 1 + len(FATES):
                    read, *fates = map(int, words[1:])
                    assert read == sum(fates), line
