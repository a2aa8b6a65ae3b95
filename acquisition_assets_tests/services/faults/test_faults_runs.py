"""Protects the lake from runs that are killed, run at the same time, or find no disk space: it stays whole."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from acquisition_assets.policy import read_policy
from acquisition_assets_tests.kit.ingesting import HEADER, events, put
from acquisition_assets_tests.kit.program import finish, start
from acquisition_assets_tests.kit.running import compute_day, partition, rows, snapshot

BEFORE, DAY, LATER = "2025-01-09", "2025-01-10", "2025-01-12"


def write_source(folder: Path) -> Path:
    """Write leads and twelve days of events; one event of the 9th precedes its lead, created on the 11th."""
    leads = [f"l{n},nurturing,2024-12-{n % 28 + 1:02d}" for n in range(200)] + ["young,new,2025-01-11"]
    kinds = ("sent", "opened", "completed")
    lines = [f"{n},l{n * 7 % 200},{kinds[n % 3]},2025-01-{n % 12 + 1:02d}T{n % 24:02d}:00:00Z" for n in range(3000)]
    return put(
        folder,
        {
            "leads.csv": f"{HEADER}\n" + "\n".join(leads) + "\n",
            "events.csv": events(*lines, "x,young,sent,2025-01-09T12:00"),
        },
    )


def compute(source: Path, lake: Path, day: str, largest_file: int | None = None) -> subprocess.Popen[str]:
    """Start the program for a day in a process of its own."""
    limit = (largest_file, largest_file)
    return start(
        *("run", "--date", day, "--source", source, "--lake", lake),
        folder=source.parent,
        more={"ACQUISITION_THREADS": "1"},
        before=(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)) if largest_file else None,
    )


def published(lake: Path) -> int:
    """Return the number of partitions and reports."""
    return len(list(lake.glob("*/date=*/*")))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the source, and the lake after the 9th and the 10th; beside it is a lake after the 9th."""
    folder = tmp_path_factory.mktemp("undisturbed")
    source = write_source(folder / "source")
    assert compute_day(source, folder / BEFORE, BEFORE, policy=read_policy()).success
    shutil.copytree(folder / BEFORE, folder / "lake")
    assert compute_day(source, folder / "lake", DAY, policy=read_policy()).success
    return source, folder / "lake"


def test_a_killed_run_leaves_whole_partitions_and_the_next_run_completes_the_day(
    undisturbed: tuple[Path, Path], tmp_path: Path
) -> None:
    source, expected = undisturbed
    wanted, lake = snapshot(expected), tmp_path / "lake"
    shutil.copytree(expected.parent / BEFORE, lake)
    first = published(lake)
    for more in (1, 9, 15):
        process = compute(source, lake, DAY)
        while process.poll() is None and published(lake) < first + more:
            pass
        process.kill()
        process.communicate()
        for name, held in snapshot(lake).items():  # every file can be read, and is the old one or the new one
            assert held == wanted[name] or (name.startswith("raw_events") and set(held) <= set(wanted[name])), name
    finish(compute(source, lake, DAY))
    assert snapshot(lake) == wanted


def test_a_killed_rerun_leaves_old_or_new_partitions(undisturbed: tuple[Path, Path], tmp_path: Path) -> None:
    source, lake = tmp_path / "source", tmp_path / "lake"
    shutil.copytree(undisturbed[1], lake)
    old = snapshot(lake)
    shutil.copytree(undisturbed[0], source)
    with (source / "leads.csv").open("a", encoding="utf-8") as file:
        file.write("more,new,2025-01-10\n")
    shutil.copytree(lake, tmp_path / "other")
    assert compute_day(source, tmp_path / "other", DAY, policy=read_policy()).success
    new = snapshot(tmp_path / "other")
    assert new != old
    for table in ("quarantine", "lead_activity"):
        process = compute(source, lake, DAY)
        file = partition(lake, table, DAY) / "data.parquet"
        replaced = file.stat().st_ino
        while process.poll() is None and file.stat().st_ino == replaced:
            pass
        process.kill()
        process.communicate()
        for name, held in snapshot(lake).items():
            assert held in (old[name], new[name]), name
    finish(compute(source, lake, DAY))
    assert snapshot(lake) == new


def test_two_concurrent_runs_of_one_day_give_the_result_of_one(undisturbed: tuple[Path, Path], tmp_path: Path) -> None:
    source, expected = undisturbed
    shutil.copytree(expected.parent / BEFORE, tmp_path / "lake")
    for process in [compute(source, tmp_path / "lake", DAY) for _ in range(2)]:
        finish(process)
    assert snapshot(tmp_path / "lake") == snapshot(expected)


def test_concurrent_runs_of_days_that_share_events_lose_none(undisturbed: tuple[Path, Path], tmp_path: Path) -> None:
    source, lake = undisturbed[0], tmp_path / "lake"
    shutil.copytree(undisturbed[1], lake)
    shutil.copytree(lake, tmp_path / "serial")
    for day in (LATER, DAY):
        assert compute_day(source, tmp_path / "serial", day, policy=read_policy()).success
    wanted = snapshot(tmp_path / "serial")
    for process in [compute(source, lake, day) for day in (LATER, DAY)]:
        finish(process)
    found = snapshot(lake)
    assert found.keys() == wanted.keys()
    assert {name for name in found if found[name] != wanted[name]} == set()
    assert "x" in {row["event_id"] for row in rows(lake, "raw_events", BEFORE)}


def test_a_full_disk_leaves_the_old_partitions_and_gives_one_line(
    undisturbed: tuple[Path, Path], tmp_path: Path
) -> None:
    source, lake = tmp_path / "source", tmp_path / "lake"
    shutil.copytree(undisturbed[1], lake)
    shutil.copytree(undisturbed[0], source)
    with (source / "leads.csv").open("a", encoding="utf-8") as file:
        file.writelines(f"{os.urandom(16).hex()},new,2025-01-10\n" for _ in range(20_000))
    before = snapshot(lake)
    _, errors = finish(compute(source, lake, DAY, largest_file=300_000), code=1)
    lines = [line for line in errors.splitlines() if line.startswith("error")]
    assert ": ingest: " in lines[0]
    assert lines[0].endswith("cannot be written (file too large); make room there")
    assert [line for line in lines[1:] if "not run, as what they read failed" not in line] == []
    assert "Traceback" not in errors
    assert snapshot(lake) == before
    assert not [path for path in (lake / ".staging").iterdir() if path.is_dir()]
    finish(compute(source, lake, DAY))
    assert len(rows(lake, "raw_leads", DAY)) == 20_200


@pytest.mark.parametrize("content", [b"", b"PAR1 no Parquet"])
def test_a_corrupt_partition_is_named_and_can_be_rebuilt(
    undisturbed: tuple[Path, Path], tmp_path: Path, content: bytes
) -> None:
    source, lake = undisturbed[0], tmp_path / "lake"
    shutil.copytree(undisturbed[1], lake)
    wanted = snapshot(lake)
    for table, day, again in (("raw_events", "2025-01-02", True), ("lead_activity", DAY, False)):
        file = partition(lake, table, day) / "data.parquet"
        file.write_bytes(content)
        run = compute_day(source, lake, DAY, policy=read_policy())
        if table == "lead_activity":
            assert run.success  # it is rebuilt
        else:
            assert f"partition {table}/date={day} of the lake is corrupt" in run.errors
            assert f"acquisition run --date {day} --full" in run.errors
            assert compute_day(source, lake, DAY, full=again, policy=read_policy()).success
        assert pq.ParquetFile(file).metadata.num_rows
    assert snapshot(lake) == wanted


def test_leftovers_of_killed_runs_are_swept_a_day_later(undisturbed: tuple[Path, Path], tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    left = lake / ".staging" / "left by a killed run"
    left.mkdir(parents=True)
    (left / "part.parquet").touch()
    os.utime(left, (1, 1))
    finish(compute(undisturbed[0], lake, DAY))
    assert not left.exists()
