"""Protects the lake: listing, reading, replacing and sweeping partitions, and its errors.

Killed and concurrent runs are tested in services/faults.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition_assets.core.duckdb_sql import in_memory
from acquisition_assets.core.errors import InputError, LakeError
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.staging import NAME, STALE_SECONDS, discard_open_folders

DAY = dt.date(2025, 1, 10)


@pytest.fixture(params=["folder", "file url", "memory"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """A lake of each kind."""
    urls = {
        "folder": str(tmp_path / "lake"),
        "file url": f"file://{tmp_path}/lake",
        "memory": f"memory://{uuid.uuid4()}",
    }
    return Lake(urls[request.param])


def publish(lake: Lake, *values: int, day: dt.date = DAY, table: str = "t") -> None:
    """A partition with a column of these values."""
    with lake.staging() as folder:
        pq.write_table(pa.table({"x": list(values)}), folder / "staged.parquet")
        lake.publish(folder / "staged.parquet", table, day)


def test_a_lake_that_is_not_there_yet_is_empty(lake: Lake) -> None:
    assert lake.days("t") == []
    assert lake.files("t", [DAY]) == []
    assert not lake.has("t", DAY)
    lake.sweep()


def test_a_partition_is_read_as_it_was_last_written(lake: Lake) -> None:
    publish(lake, 1, 2, 3)
    publish(lake, 4, 5)
    publish(lake, 6, day=dt.date(2024, 12, 31))
    assert lake.days("t") == [dt.date(2024, 12, 31), DAY]
    assert lake.has("t", DAY)
    assert lake.row_count("t", DAY) == 2
    assert lake.read("t", DAY).to_pydict() == {"x": [4, 5]}
    assert lake.read("t", DAY, ["x"], [("x", ">", 4)]).to_pydict() == {"x": [5]}
    assert len(lake.files("t", [DAY, dt.date(2025, 1, 11), dt.date(2024, 12, 31)])) == 2
    assert lake.files("t", [DAY, dt.date(2024, 12, 31)])[0].endswith("t/date=2024-12-31/data.parquet")


def test_reports(lake: Lake) -> None:
    with pytest.raises(
        LakeError, match="no report anomaly_detection of 2025-01-10; make it with: acquisition run --date 2"
    ):
        lake.read_report(DAY, "anomaly_detection")
    lake.publish_report("{}\n", DAY, "anomaly_detection")
    lake.publish_report('{"ñ": 1}\n', DAY, "anomaly_detection")
    assert lake.read_report(DAY, "anomaly_detection") == '{"ñ": 1}\n'


def test_pinned_files_are_those_of_the_days_that_there_are(lake: Lake) -> None:
    publish(lake, 1)
    with lake.staging() as folder:
        [file] = lake.snapshot_files("t", [dt.date(2025, 1, 11), DAY], folder)
        assert file.endswith("t/date=2025-01-10/data.parquet")
        assert lake.snapshot_files("t", [DAY], folder) == [file]
        assert lake.snapshot_files("t", [], folder) == []


def test_a_missing_partition_is_named(lake: Lake) -> None:
    with pytest.raises(
        LakeError, match="no partition t/date=2025-01-10; make it with: acquisition run --date 2025-01-10"
    ):
        lake.read("t", DAY)
    with pytest.raises(LakeError, match="no partition t/date=2025-01-10"):
        lake.row_count("t", DAY)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"this is no Parquet file at all"])
@pytest.mark.parametrize("read", [Lake.read, Lake.row_count])
def test_a_corrupt_partition_is_named_with_what_makes_it_again(
    tmp_path: Path, content: bytes, read: Callable[[Lake, str, dt.date], Any]
) -> None:
    lake = Lake(str(tmp_path))
    for table, how in (("t", "--date 2025-01-10$"), ("raw_events", "--date 2025-01-10 --full$")):
        publish(lake, 1, table=table)
        (tmp_path / table / "date=2025-01-10" / "data.parquet").write_bytes(content)
        with pytest.raises(LakeError, match=f"partition {table}/date=2025-01-10 of the lake is corrupt .*{how}"):
            read(lake, table, DAY)


def test_what_is_no_partition_is_not_listed(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    publish(lake, 1)
    for name in ("date=2025-01-11", "date=nonsense", "other"):
        (tmp_path / "t" / name).mkdir()
    (tmp_path / "t" / "date=nonsense" / "data.parquet").touch()
    (tmp_path / "t" / "README").touch()
    assert lake.days("t") == [DAY]


def test_a_failed_publication_leaves_the_old_partition(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    publish(lake, 1)
    with pytest.raises(LakeError, match=r"partition t/date=2025-01-10 could not be written .* the old one stays"):
        lake.publish(tmp_path / "nothing.parquet", "t", DAY)
    assert lake.read("t", DAY).to_pydict() == {"x": [1]}
    (tmp_path / "u").write_text("a file in the way", encoding="utf-8")
    with pytest.raises(LakeError, match="partition u/date=2025-01-10 could not be written"):
        publish(lake, 1, table="u")


def test_staging_is_gone_afterwards_also_after_an_error(lake: Lake) -> None:
    def fail() -> None:
        with lake.staging() as folder:
            folders.append(folder)
            (folder / "staged").touch()
            raise RuntimeError

    folders: list[Path] = []
    with pytest.raises(RuntimeError):
        fail()
    assert not folders[0].exists()


def test_an_interrupt_while_a_staging_folder_is_made_leaves_none(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    mkdir = os.mkdir

    def interrupted(path: Path, mode: int = 0o777) -> None:
        mkdir(path, mode)
        if NAME.fullmatch(Path(path).name):
            made.append(Path(path))
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "mkdir", interrupted)
    with pytest.raises(KeyboardInterrupt), lake.staging():
        pass
    assert [folder.exists() for folder in made] == [False]


def test_what_an_interrupt_leaves_open_is_discarded(lake: Lake) -> None:
    opened = ExitStack()
    folder = opened.enter_context(lake.staging())
    (folder / "staged").touch()
    discard_open_folders()
    assert not folder.exists()
    opened.close()


def test_only_old_leftovers_are_swept(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    for name in ("old", "new"):
        (tmp_path / ".staging" / name / "deep").mkdir(parents=True)
    old = time.time() - STALE_SECONDS - 60
    os.utime(tmp_path / ".staging" / "old", (old, old))
    lake.sweep()
    assert [path.name for path in (tmp_path / ".staging").iterdir()] == ["new"]


def test_a_lake_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot be written .* --lake or ACQUISITION_LAKE"):
        Lake(str(tmp_path / "file" / "lake")).check_writable()
    lake = Lake(str(tmp_path / "lake"))
    lake.check_writable()
    assert list((tmp_path / "lake" / ".staging").iterdir()) == []


def test_an_unknown_kind_of_lake_is_refused() -> None:
    with pytest.raises(InputError, match=r"the lake nosuch://bucket cannot be opened .* acquisition-assets\[s3\]"):
        Lake("nosuch://bucket")


def _replace(root: str, stop: Any) -> None:
    """Put two partitions of different sizes in one place, in turns."""
    lake, number = Lake(root), 0
    while not stop.is_set():
        number += 1
        publish(lake, *([number] * (1 if number % 2 else 200_000)))


def test_a_reader_sees_the_old_or_the_new_partition_at_every_moment(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    publish(lake, 0)
    context = multiprocessing.get_context("fork")
    stop = context.Event()
    writer = context.Process(target=_replace, args=(str(tmp_path), stop), daemon=True)
    writer.start()
    seen = set()
    with in_memory() as connection:
        for _ in range(150):
            with lake.staging() as folder:
                [file] = lake.snapshot_files("t", [DAY], folder)
                query = f"select count(distinct x), min(x) from read_parquet('{file}')"
                for _ in range(2):  # what a step has bound stays what it is
                    assert (connection.execute(query).fetchone() or (0, 0))[0] == 1
                distinct, value = connection.execute(query).fetchone() or (0, 0)
            assert distinct == 1
            assert len(set(lake.read("t", DAY).column("x").to_pylist())) == 1
            seen.add(value)
    stop.set()
    writer.join()
    assert len(seen) > 2


def _hold(root: str, place: Any, log: str) -> None:
    with Lake(root).exclusive("step"), Path(log).open("a", encoding="utf-8") as file:
        file.write("in ")
        file.flush()
        place.wait(0.05)
        file.write("out ")


def test_one_process_at_a_time_is_in_a_step_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    never, log = context.Event(), tmp_path / "log"
    processes = [context.Process(target=_hold, args=(str(tmp_path), never, str(log))) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert log.read_text(encoding="utf-8") == "in out " * 4
    inside = context.Event()
    holder = context.Process(target=_sit, args=(str(tmp_path), inside))
    holder.start()
    assert inside.wait(30)
    holder.kill()
    holder.join()
    with Lake(str(tmp_path)).exclusive("step"):
        pass


def _sit(root: str, inside: Any) -> None:
    with Lake(root).exclusive("step"):
        inside.set()
        multiprocessing.Event().wait()


@pytest.mark.parametrize("table", ["raw_leads", "raw_aliases", "quarantine"])
def test_rows_as_read_are_for_the_owner_only(tmp_path: Path, table: str) -> None:
    lake = Lake(str(tmp_path))
    for name in (table, "lead_activity"):
        publish(lake, 1, table=name)
    assert (tmp_path / table / f"date={DAY}" / "data.parquet").stat().st_mode & 0o777 == 0o600
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "lead_activity" / f"date={DAY}" / "data.parquet").stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("url", ["s3://KEY:s3cret@bucket/x", "s3://s3cret@bucket", "s3:/KEY:s3cret@bucket"])
def test_credentials_in_a_url_are_refused(url: str) -> None:
    with pytest.raises(InputError, match="leave them out") as refused:
        Lake(url)
    assert "s3cret" not in str(refused.value)
