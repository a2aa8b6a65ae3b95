"""Protects a lake on an object store: the whole graph runs against a real S3 server (moto)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import s3fs
from moto.server import ThreadedMotoServer

from acquisition_assets.core.errors import InputError, LakeError
from acquisition_assets.core.lake import Lake
from acquisition_assets_tests.kit import world
from acquisition_assets_tests.kit.program import finish, start
from acquisition_assets_tests.kit.random_world import write
from acquisition_assets_tests.kit.running import TABLES, TASKS, compute_day, report, rows

# Few days of events: each is an object.
SOURCE = {**world.SOURCE, "events": [row for row in world.SOURCE["events"] if row["occurred_at"] >= "2024-03-29"]}
DAYS = (world.SATURDAY, world.SUNDAY)
BUCKET = "leads"
URL = f"s3://{BUCKET}/a lake/of ours"
DAY = dt.date(2026, 3, 31)


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadedMotoServer]:
    """Start the server and point the usual variables at it."""
    with pytest.MonkeyPatch.context() as patch:
        started = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        started.start()
        host, port = started.get_host_and_port()
        for name, value in {
            "AWS_ACCESS_KEY_ID": "someone",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_MAX_ATTEMPTS": "1",
        }.items():
            patch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield started
        started.stop()
        s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("objects") / "source"
    write(folder, SOURCE)
    return folder


@pytest.fixture(scope="module")
def local_lake(server: ThreadedMotoServer, source: Path) -> Path:
    """Run the two days on a local lake and on the lake in the store; return the local one."""
    for lake in (URL, source.parent / "lake"):
        for day in DAYS:
            run = compute_day(source, lake, day, world.ZONE)  # type: ignore[arg-type]
            assert run.success, run.errors
    return source.parent / "lake"


@pytest.fixture
def lake(server: ThreadedMotoServer, request: pytest.FixtureRequest) -> Lake:
    """Return an empty lake for one test."""
    return Lake(f"s3://{BUCKET}/{request.node.name}")


def publish(lake: Lake, *ids: str) -> None:
    """Publish a partition of things with these ids."""
    with lake.staging() as folder:
        pq.write_table(pa.table({"id": list(ids)}), folder / "things.parquet")
        lake.publish(folder / "things.parquet", "things", DAY)


def ids(lake: Lake) -> list[Any]:
    return list(lake.read("things", DAY).column("id").to_pylist())


def command(*arguments: str) -> str:
    """Run the program on the lake in a process of its own and return its output."""
    more = {"ACQUISITION_LAKE": URL, "ACQUISITION_TIMEZONE": world.ZONE, "NO_COLOR": "1", "PYTHONWARNINGS": "ignore"}
    return finish(start(*arguments, more=more))[0]


def without_start(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows without the time at which their run started."""
    return [{name: value for name, value in row.items() if name != "read_at"} for row in rows]


def test_every_row_and_report_equals_that_of_a_local_lake(local_lake: Path) -> None:
    remote = Lake(URL)
    for table in TABLES:
        local = Lake(str(local_lake))
        assert remote.days(table) == local.days(table)
        for day in local.days(table):
            found, expected = remote.read(table, day).to_pylist(), rows(local_lake, table, day)
            assert without_start(found) == without_start(expected), f"{table} of {day}"
            assert remote.row_count(table, day) == local.row_count(table, day)
    for day in DAYS:
        for task in TASKS:
            assert remote.read_report(day, task) == Lake(str(local_lake)).read_report(day, task)
            assert report(local_lake, day, task)


def test_nothing_is_left_in_staging(local_lake: Path) -> None:
    remote = Lake(URL)
    assert [path for path in remote.fs.find(remote.root) if "/.staging/" in path] == []


def test_a_rerun_replaces_the_old_partition(local_lake: Path, source: Path, tmp_path: Path) -> None:
    remote = Lake(URL)
    before = remote.read("lead_activity", DAYS[-1])
    write(tmp_path / "source", {"leads": SOURCE["leads"][:2]})
    assert compute_day(tmp_path / "source", URL, DAYS[-1], world.ZONE, last_step="features").success  # type: ignore[arg-type]
    assert remote.row_count("lead_activity", DAYS[-1]) == 2 < before.num_rows
    assert compute_day(source, URL, DAYS[-1], world.ZONE, last_step="features").success  # type: ignore[arg-type]
    assert remote.read("lead_activity", DAYS[-1]).to_pylist() == before.to_pylist()


def test_the_program_reads_it(local_lake: Path) -> None:
    assert "ana" in command("explain", "--lead", "ana", "--date", str(DAYS[0]))
    command("validate", "--source", "sample")


def test_a_killed_upload_leaves_the_old_partition(lake: Lake) -> None:
    publish(lake, "old")
    client = boto3.client("s3")
    key = lake.file("things", DAY).removeprefix(f"s3://{BUCKET}/")
    begun = client.create_multipart_upload(Bucket=BUCKET, Key=key)
    client.upload_part(Bucket=BUCKET, Key=key, PartNumber=1, UploadId=begun["UploadId"], Body=b"half a file")
    assert ids(lake) == ["old"]
    publish(lake, "new")
    assert ids(lake) == ["new"]


def test_an_unreachable_store_gives_one_line_and_leaves_the_old_partition(
    server: ThreadedMotoServer, lake: Lake
) -> None:
    publish(lake, "old")
    _, port = server.get_host_and_port()
    server.stop()
    try:
        with pytest.raises(LakeError) as failure:
            publish(lake, "new")
    finally:
        server._port = port
        server.start()
    assert "partition things/date=2026-03-31 could not be written to s3://leads/" in str(failure.value)
    assert "the old one stays" in str(failure.value)
    assert "secret" not in str(failure.value)
    assert ids(lake) == ["old"]
    publish(lake, "new")
    assert ids(lake) == ["new"]


def test_a_missing_bucket_is_wrong_input(server: ThreadedMotoServer) -> None:
    with pytest.raises(InputError, match="the lake s3://nowhere/lake cannot be written"):
        Lake("s3://nowhere/lake").check_writable()


def test_a_corrupt_object_is_named(lake: Lake) -> None:
    publish(lake, "old")
    lake.fs.pipe_file(f"{lake.root}/things/date={DAY}/data.parquet", b"no parquet")
    with pytest.raises(LakeError, match="partition things/date=2026-03-31 of the lake is corrupt"):
        ids(lake)


def test_only_old_leftovers_are_swept(lake: Lake) -> None:
    lake.fs.pipe_file(f"{lake.root}/.staging/fresh/part-0.parquet", b"x")
    lake.sweep()
    assert lake.fs.exists(f"{lake.root}/.staging/fresh/part-0.parquet")
