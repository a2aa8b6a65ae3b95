"""Protects staging folders: swept at once when nobody has them open, never while somebody does."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from acquisition_assets.core.staging import (
    NAME,
    STALE_SECONDS,
    open_folder,
    sweep_folders,
    swept_temporary_files,
    temporary_place,
)

FORK = multiprocessing.get_context("fork")
ENDS_OF_TIME = [0, 1, 10_000_000_000]
"""Times of change, in seconds since 1970."""


def hold(place: Path, pipe: Connection) -> None:
    """Open a folder, say which, and stay until the process is killed."""
    with open_folder(place) as folder:
        (folder / "staged").touch()
        pipe.send(folder)
        pipe.recv()


def start_holder(place: Path) -> tuple[multiprocessing.process.BaseProcess, Path]:
    ours, theirs = FORK.Pipe()
    process = FORK.Process(target=hold, args=(place, theirs), daemon=True)
    process.start()
    return process, ours.recv()


@pytest.mark.parametrize("changed", ENDS_OF_TIME)
def test_a_folder_is_swept_when_its_process_is_killed_and_not_before(tmp_path: Path, changed: int) -> None:
    process, folder = start_holder(tmp_path)
    os.utime(folder, (changed, changed))
    for _ in range(3):
        sweep_folders(tmp_path)
        assert (folder / "staged").exists()
    process.kill()
    process.join()
    os.utime(folder, (changed, changed))
    sweep_folders(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_this_process_is_not_swept(tmp_path: Path) -> None:
    with open_folder(tmp_path) as folder:
        sweep_folders(tmp_path)
        assert folder.is_dir()
        assert folder.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == []


def open_and_sweep(place: Path, rounds: int) -> None:
    for _ in range(rounds):
        with open_folder(place) as folder:
            (folder / "staged").write_text("mine", encoding="utf-8")
            sweep_folders(place)
            assert (folder / "staged").read_text(encoding="utf-8") == "mine"


def test_many_that_open_and_sweep_at_once_lose_nothing_and_leave_nothing(tmp_path: Path) -> None:
    processes = [FORK.Process(target=open_and_sweep, args=(tmp_path, 150)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert list(tmp_path.iterdir()) == []


def test_locks_of_steps_and_new_leftovers_without_a_lock_are_left(tmp_path: Path) -> None:
    (tmp_path / "ingest.lock").touch()
    for name in ("new", "old"):
        (tmp_path / name / "deep").mkdir(parents=True)
    old = time.time() - STALE_SECONDS - 60
    os.utime(tmp_path / "old", (old, old))
    os.utime(tmp_path / "ingest.lock", (old, old))
    sweep_folders(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ingest.lock", "new"]


def test_a_lock_without_its_folder_is_swept(tmp_path: Path) -> None:
    (tmp_path / ("0" * 16 + ".lock")).touch()
    sweep_folders(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_does_not_exist_is_swept_in_vain(tmp_path: Path) -> None:
    sweep_folders(tmp_path / "none")


def test_temporary_files_of_libraries_and_children_go_with_their_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", "/tmp")
    monkeypatch.setattr(tempfile, "tempdir", None)
    place = temporary_place()
    with swept_temporary_files():
        left = Path(tempfile.mkdtemp())
        assert left.parent.parent == place
        assert os.environ["TMPDIR"] == str(left.parent)
        assert NAME.fullmatch(left.parent.name)
    assert not left.parent.exists()
    assert os.environ["TMPDIR"] == "/tmp"
    assert not Path(tempfile.gettempdir()).is_relative_to(place)


def test_where_no_such_folder_can_be_made_nothing_changes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with swept_temporary_files():
        assert tempfile.tempdir == str(tmp_path / "none")


def test_a_place_of_somebody_else_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"acquisition-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError):
        temporary_place()
