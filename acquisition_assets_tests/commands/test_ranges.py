"""Protects ranges whose days run in parallel processes: same results as one by one, and clean failures.

Ranges that run day by day are tested in test_run.py.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from acquisition_assets.commands import run
from acquisition_assets.commands.run import MOST_PROCESSES, WORTH_PROCESSES, parallel_days
from acquisition_assets.core.days import days_between
from acquisition_assets.core.settings import Settings
from acquisition_assets_tests.commands.conftest import call, write_world
from acquisition_assets_tests.kit.program import interruptible, start
from acquisition_assets_tests.kit.running import TABLES, snapshot
from acquisition_assets_tests.kit.servers import wait_for

FIRST, LAST = "2025-03-07", "2025-03-10"
ALL = [str(day) for day in days_between(dt.date.fromisoformat(FIRST), dt.date.fromisoformat(LAST))]


def run_range(source: Path, lake: Path) -> tuple[str, ...]:
    """The command line of the range."""
    return ("run", "--from", FIRST, "--to", LAST, "--source", str(source), "--lake", str(lake))


@pytest.fixture(autouse=True)
def _keep_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep temporary files between calls: one of them is the socket of the process server, which outlives a call."""
    monkeypatch.setattr(run, "swept_temporary_files", contextlib.nullcontext)


@pytest.fixture(scope="module")
def one_by_one(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return what the range leaves where its days run one by one."""
    folder = tmp_path_factory.mktemp("one_by_one")
    source = write_world(folder / "source")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACQUISITION_PARALLEL_DAYS", "1")
        patch.setattr(run, "swept_temporary_files", contextlib.nullcontext)
        assert call(*run_range(source, folder / "lake")).exit_code == 0
    return snapshot(folder / "lake")


def test_days_side_by_side_leave_what_days_one_by_one_leave(
    one_by_one: dict[str, list[str]], source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACQUISITION_PARALLEL_DAYS", "3")
    result = call(*run_range(source, tmp_path / "three"))
    assert result.exit_code == 0, result.output
    assert "3 days side by side" in result.stdout
    for day in ALL[1:]:
        assert len(re.findall(rf"^{day} +lead_segments ", result.stdout, re.MULTILINE)) == 1
    assert f"{FIRST} a {LAST}: terminado en" in result.stdout
    assert len([name for name in one_by_one if name.startswith("dynamic_scores/")]) == len(ALL)
    assert snapshot(tmp_path / "three") == one_by_one


def test_a_day_that_fails_stops_those_after_it(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = tmp_path / "lake"
    assert call("run", "--date", "2025-03-04", "--source", source, "--lake", lake).exit_code == 0
    # The first day of the range reads it, and no run makes it again.
    (lake / "dynamic_scores/date=2025-02-27").mkdir()
    (lake / "dynamic_scores/date=2025-02-27/data.parquet").write_bytes(b"PAR1 broken")
    monkeypatch.setenv("ACQUISITION_PARALLEL_DAYS", "3")
    result = call("run", "--from", "2025-03-02", "--to", LAST, "--source", source, "--lake", lake)
    assert result.exit_code == 1
    assert "partition dynamic_scores/date=2025-02-27 of the lake is corrupt" in result.stderr
    assert "stopped at 2025-03-02, as later days build on it; not run: 8 days after it" in result.stderr
    assert not (lake / "dynamic_scores/date=2025-03-06").exists()
    assert "Traceback" not in result.output


def test_the_days_before_a_failed_one_are_finished(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = tmp_path / "lake"
    assert call("run", "--date", FIRST, "--source", source, "--lake", lake).exit_code == 0
    (lake / "dynamic_scores/date=2025-03-09").write_text("a file where a folder must be")
    monkeypatch.setenv("ACQUISITION_PARALLEL_DAYS", "3")
    result = call(*run_range(source, lake))
    assert result.exit_code == 1
    assert "stopped at 2025-03-09, as later days build on it; not run: 1 days after it" in result.stderr
    assert [day for day in ALL if (lake / f"social_performance/date={day}").exists()] == ALL[:2]
    assert not (lake / "dynamic_scores/date=2025-03-10").exists()


@contextmanager
def running(source: Path, lake: Path) -> Iterator[subprocess.Popen[str]]:
    """The program in a process group of its own, once days run side by side."""

    def begin() -> None:
        os.setsid()
        interruptible()

    process = start(*run_range(source, lake), more={"ACQUISITION_PARALLEL_DAYS": "2"}, before=begin)
    try:
        wait_for("second day", lambda: (lake / f"raw_events/date={ALL[1]}").exists() or process.poll(), 300, 0.02)
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def group_is_empty(group: int) -> bool:
    """Whether no process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def is_readable(lake: Path) -> bool:
    """Whether every partition that there is can be read."""
    return bool(snapshot(lake))


@pytest.mark.parametrize("group", [True, False])
def test_an_interrupted_range_ends_in_one_line(source: Path, tmp_path: Path, group: bool) -> None:
    with running(source, tmp_path / "lake") as process:
        (os.killpg if group else os.kill)(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=60)
        assert process.returncode == 130, told
        assert [line for line in told.splitlines() if not line.startswith("warning: ")] == [
            "error: interrupted; unpublished tables were left unchanged"
        ]
        wait_for("end of all processes", lambda: group_is_empty(process.pid), 30, 0.05)
    assert is_readable(tmp_path / "lake")
    assert not [path for path in (tmp_path / "lake/.staging").iterdir() if path.is_dir()]


def test_a_killed_program_leaves_no_process_and_a_lake_that_can_be_finished(
    one_by_one: dict[str, list[str]], source: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    with running(source, lake) as process:
        process.kill()
        process.communicate(timeout=60)
        wait_for("end of all processes", lambda: group_is_empty(process.pid), 30, 0.05)
    assert is_readable(lake)
    assert call(*run_range(source, lake)).exit_code == 0
    found = snapshot(lake)
    assert {name: found[name] for name in one_by_one} == one_by_one


def test_a_killed_process_is_told_in_one_line(source: Path, tmp_path: Path) -> None:
    with running(source, tmp_path / "lake") as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        grandchildren = [
            int(child)
            for parent in children
            for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        ]
        assert grandchildren
        os.kill(grandchildren[0], signal.SIGKILL)
        _, told = process.communicate(timeout=60)
    errors = [line for line in told.splitlines() if not line.startswith("warning: ")]
    assert process.returncode == 1
    assert len(errors) == 1
    assert "ACQUISITION_PARALLEL_DAYS=1" in errors[0]


def test_how_many_days_run_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    assert parallel_days(Settings(), WORTH_PROCESSES - 1) == 1
    assert parallel_days(Settings(), WORTH_PROCESSES) == MOST_PROCESSES
    assert parallel_days(Settings(engine="spark"), 90) == 1
    assert parallel_days(Settings(parallel_days=3), 90) == 3
    assert parallel_days(Settings(parallel_days=3), 2) == 1
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert parallel_days(Settings(), 90) == 1


def test_every_table_was_compared(one_by_one: dict[str, list[str]]) -> None:
    """The snapshot that the tests above compare holds every table and the reports."""
    assert {name.split("/")[0] for name in one_by_one} == {*TABLES, "reports", "briefs"}
