"""Protects the last barrier: no input, no reader and no environment ends the program in a traceback or half way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from acquisition_assets import cli
from acquisition_assets.catalog import REPORTS
from acquisition_assets.commands import run as run_module
from acquisition_assets.commands.console import PatientConsole, console, fail, line, table, warn
from acquisition_assets.core.errors import ExitCode, SourceUnavailableError
from acquisition_assets_tests.commands.conftest import DAYS, call, refused
from acquisition_assets_tests.kit.program import environment, finish, start

SECRET = "Jane Q Secretname"


def failing(error: BaseException) -> Callable[..., int]:
    def command(*_: object, **__: object) -> int:
        raise error

    return command


class UnsayableError(ValueError):
    """An error for whose text there is no memory."""

    def __str__(self) -> str:
        raise MemoryError


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ZeroDivisionError(SECRET), 1, "unexpected ZeroDivisionError"),
        (RecursionError(SECRET), 1, "unexpected RecursionError"),
        (MemoryError(SECRET), 1, "there is not enough memory to run; give it at least 2 GB"),
        (UnsayableError(), 1, "there is not enough memory to run"),
        (ImportError("libarrow.so: failed to map segment from shared object"), 1, "there is not enough memory to run"),
        (ModuleNotFoundError("No module named 's3fs'", name="s3fs"), 1, "the module s3fs cannot be loaded"),
        (
            PermissionError(13, "Permission denied", "/data"),
            2,
            "/data: Permission denied; give this user the right to it",
        ),
        (OSError(28, "No space left on device"), 1, "the system: No space left on device"),
        (FileNotFoundError(2, "No such file or directory", "/data"), 1, "/data: No such file or directory"),
        (SourceUnavailableError("gone"), 1, "gone"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (UnicodeEncodeError("utf-8", SECRET, 0, 1, "x"), 1, "unexpected UnicodeEncodeError"),
    ],
)
def test_whatever_is_raised_is_one_line(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, words: str
) -> None:
    monkeypatch.setattr(run_module, "run_command", failing(error))
    said = refused("run", code=code)
    assert words in said
    assert SECRET not in said


class Gone:
    """A stream whose reader has gone away."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def write(self, text: str) -> int:
        raise self.error

    def flush(self) -> None:
        raise self.error

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        raise OSError


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(28, "No space left on device"), ValueError("closed")])
def test_printing_never_fails(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(sys, "stdout", Gone(error))
    monkeypatch.setattr(sys, "stderr", Gone(error))
    out = console()
    assert isinstance(out, PatientConsole)
    for _ in range(2):
        line(out, "text")
        table(out, ["a"], [[1]])
        warn("text")
        fail("text")
    assert out.quiet


def test_a_reader_that_goes_away_does_not_stop_the_run(source: Path, tmp_path: Path) -> None:
    process = start("run", "--source", source, "--lake", tmp_path / "lake", "--date", DAYS[-1])
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(120) == 0
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    assert len(list((tmp_path / "lake/reports" / f"date={DAYS[-1]}").iterdir())) == len(REPORTS)


def test_closed_streams_and_a_hostile_environment(source: Path, tmp_path: Path) -> None:
    hostile = {
        **environment(),
        "TMPDIR": str(tmp_path / "none"),
        "HOME": "/nonexistent",
        "TZ": "Mars/Olympus",
        "LC_ALL": "xx_YY",
        "COLUMNS": "many",
        "TERM": "\x1b[",
        "PYTHONIOENCODING": "ascii",
        "ACQUISITION_LAKE": str(tmp_path / "lake"),
        "ACQUISITION_\udcff": "\udcff",
    }
    command = f"exec {sys.executable} -m acquisition_assets validate --source {source} <&- >&-"
    result = subprocess.run(["sh", "-c", command], env=hostile, capture_output=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    assert b"Traceback" not in result.stderr


def test_a_current_folder_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    os.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert refused("validate") == "the current folder does not exist any more; change to another one"
    os.chdir(tmp_path)


@pytest.mark.parametrize(
    "value", ["\udcff\udcfe", "x" * 5000, "\x1b[31m", "~nobody-of-this-name/x", "file://\x07", "s3://"]
)
@pytest.mark.parametrize("option", ["--source", "--lake", "--policy", "--date", "--layout"])
def test_odd_values_of_options(source: Path, option: str, value: str) -> None:
    others = {"--source": source, "--lake": "lake", "--date": DAYS[-1]} | {option: value}
    result = call("validate", *(word for pair in others.items() for word in pair))
    assert result.exit_code in (0, 1, 2)
    assert all(line.startswith(("error: ", "warning: ")) for line in result.stderr.splitlines()), result.stderr


@pytest.mark.parametrize("command", ["validate", "run"])
@pytest.mark.parametrize(
    "url", ["s3://KEY:s3cret@bucket/x", "s3://s3cret@bucket", "s3:/KEY:s3cret@bucket", "memory://u:s3cret@x"]
)
def test_credentials_in_the_url_of_a_lake_are_refused(source: Path, command: str, url: str) -> None:
    said = refused(command, "--source", source, "--lake", url)
    assert said.startswith("the URL of the lake holds credentials; leave them out")
    assert "s3cret" not in said


def test_forget_needs_full() -> None:
    assert refused("run", "--forget") == "--forget needs --full; give both, or leave --forget out"


def test_a_program_with_too_little_memory_says_so(source: Path, tmp_path: Path) -> None:
    command = (
        f"ulimit -v 600000; exec {sys.executable} -m acquisition_assets run --source {source} --lake {tmp_path}/lake"
    )
    result = subprocess.run(
        ["sh", "-c", command], env=environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert "Traceback" not in result.stderr
    assert result.returncode in (ExitCode.FAILED, -11, 139), result.stderr


def test_a_thread_that_fails_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    error = ValueError(SECRET)
    cli._report_in_thread(cli.threading.ExceptHookArgs((ValueError, error, None, None)))
    assert capsys.readouterr().err == "error: unexpected ValueError; please report it with this line\n"


def test_a_range_leaves_no_temporary_files(source: Path, tmp_path: Path) -> None:
    place = Path(tempfile.mkdtemp(dir="/tmp"))  # the address of a socket has little room
    more = {"TMPDIR": str(place), "ACQUISITION_PARALLEL_DAYS": "2"}
    days = ("--from", DAYS[0], "--to", DAYS[-1])
    finish(start("run", "--source", source, "--lake", tmp_path / "lake", *days, more=more))
    left = [path for path in place.rglob("*") if path.name != f"acquisition-{os.getuid()}"]
    shutil.rmtree(place)
    assert left == []
