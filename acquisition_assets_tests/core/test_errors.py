"""Protects how errors become one line that says what they mean, and repeats nothing that may be personal."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition_assets.core.duckdb_sql import in_memory
from acquisition_assets.core.errors import (
    AcquisitionError,
    ExitCode,
    InputError,
    SourceUnavailableError,
    describe_defect,
    describe_engine_error,
    describe_error,
    first_line,
    is_out_of_memory,
)
from acquisition_assets.core.lake import Lake

SECRET = "Jane Q Secretname +34 600 111 222"


def engine_error(query: str) -> duckdb.Error:
    with in_memory() as connection, pytest.raises(duckdb.Error) as failed:
        connection.execute(query).fetchall()
    return failed.value


@pytest.mark.parametrize(
    ("query", "meaning"),
    [
        (f"select '{SECRET}'::bigint", "a value cannot be read as the type of its column"),
        (f"select strptime('{SECRET}', '%Y')", "the file is damaged or not of the expected format"),
        ("select 300::utinyint", "a value cannot be read as the type of its column"),
        (f'select "{SECRET}"', "the query names a column, function or type that does not exist"),
        (f'from "{SECRET}"', "the query names a table, function or type that does not exist"),
        (f"select '{SECRET}' '", "the query is not valid SQL"),
        (f"from read_parquet('/nowhere/{SECRET}')", "the file is not there"),
        ("select 9223372036854775807 + 1::bigint", "a value is out of the range of its type"),
    ],
)
def test_errors_of_the_engine_are_classified_and_not_repeated(query: str, meaning: str) -> None:
    assert describe_engine_error(engine_error(query)) == meaning


def test_every_error_of_the_engine_has_words_of_ours() -> None:
    kinds = [kind for kind in vars(duckdb).values() if isinstance(kind, type) and issubclass(kind, duckdb.Error)]
    kinds += [kind for kind in vars(pa.lib).values() if isinstance(kind, type) and issubclass(kind, pa.ArrowException)]
    assert len(kinds) > 20
    for kind in kinds:
        said = describe_engine_error(kind(SECRET))
        assert SECRET not in said
        assert said != kind.__name__, kind


def test_a_damaged_file_is_said_to_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1" + SECRET.encode() + b"PAR1")
    with pytest.raises(pa.ArrowException) as failed:
        pq.read_table(tmp_path / "x.parquet")
    assert describe_error(failed.value) == "the file is damaged or not of the expected format"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InputError("wrong"), "wrong"),
        (PermissionError(13, "Permission denied", "/lake"), "/lake: Permission denied"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError(SECRET), "OSError"),
        (MemoryError(SECRET), "out of memory"),
        (ModuleNotFoundError(SECRET, name="s3fs"), "the module s3fs cannot be loaded"),
        (UnicodeDecodeError("utf-8", SECRET.encode(), 0, 1, "x"), "the text is not in the expected encoding"),
        (ValueError(SECRET), "ValueError"),
        (KeyError(SECRET), "KeyError"),
    ],
)
def test_only_words_that_are_known_to_be_safe_are_repeated(error: BaseException, line: str) -> None:
    assert describe_error(error) == line


def test_a_defect_is_reported_with_its_place_and_without_its_text() -> None:
    with pytest.raises(TypeError) as failed:
        Lake(None)  # type: ignore[arg-type]
    said = describe_defect(failed.value)
    assert said.startswith("unexpected TypeError at core/lake.py:")
    assert "please report it" in said
    assert describe_defect(ValueError(SECRET)) == "unexpected ValueError; please report it with this line"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (ImportError("libx.so: failed to map segment from shared object"), True),
        (OSError(12, "Cannot allocate memory"), True),
        (ImportError("no module x"), False),
        (None, False),
    ],
)
def test_whether_memory_ran_out(error: BaseException | None, expected: bool) -> None:
    assert is_out_of_memory(error) == expected
    outer = RuntimeError("x")
    outer.__cause__ = error
    assert is_out_of_memory(outer) == expected


def test_exit_codes_are_plain_numbers_that_dagster_can_store() -> None:
    assert [type(kind("x").exit_code) for kind in (AcquisitionError, InputError, SourceUnavailableError)] == [int] * 3
    assert list(ExitCode) == [0, 1, 2, 130]


def test_the_first_line_of_an_error() -> None:
    assert first_line(ValueError("\n  first.\nsecond")) == "first"
    assert first_line(ValueError()) == "ValueError"
    assert len(first_line("x" * 5000)) == 300
