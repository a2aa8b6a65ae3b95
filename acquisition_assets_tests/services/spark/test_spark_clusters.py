"""Protects runs on a Spark cluster whose machines die, and on a Connect server: complete new tables, or the old ones.

Results on Spark are tested in test_spark_parity.py, error messages in test_spark_faults.py.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from acquisition_assets.daily_brief.facts import FAILED_STEPS
from acquisition_assets.policy import read_policy
from acquisition_assets_tests.kit import world
from acquisition_assets_tests.kit.program import finish, start
from acquisition_assets_tests.kit.random_world import write
from acquisition_assets_tests.kit.running import compute_day, partition, snapshot
from acquisition_assets_tests.kit.servers import wait_for
from acquisition_assets_tests.services.spark.servers import Cluster, connect, standalone

DAY = world.SUNDAY
RUN_SECONDS = 300


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the source, and the lake that DuckDB makes of it."""
    folder = tmp_path_factory.mktemp("expected")
    write(folder / "source", world.SOURCE)
    assert compute_day(folder / "source", folder / "lake", DAY, world.ZONE, read_policy()).success
    return folder


@pytest.fixture
def cluster_of_machines(tmp_path: Path) -> Iterator[Cluster]:
    with standalone(tmp_path / "spark") as cluster:
        yield cluster


def compute(source: Path, lake: Path, master: str, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start the program for the day on Spark in a process of its own."""
    spark = {
        "ACQUISITION_ENGINE": "spark",
        "ACQUISITION_SPARK_MASTER": master,
        "ACQUISITION_TIMEZONE": world.ZONE,
        "PYTHONWARNINGS": "ignore",
    }
    run = ("run", "--date", DAY, "--source", source, "--lake", lake)
    return start(*run, folder=source.parent, more={**environment, **spark})


def wait_for_table(process: subprocess.Popen[str], lake: Path, table: str) -> None:
    """Wait until a run has published a table."""
    file = partition(lake, table, DAY) / "data.parquet"
    before = file.stat().st_ino if file.exists() else 0

    def published() -> bool:
        assert process.poll() is None, process.communicate()
        return file.exists() and file.stat().st_ino != before

    wait_for(table, published, RUN_SECONDS, 0.05)


def compare_up_to_the_scores(process: subprocess.Popen[str], lake: Path, expected: Path) -> None:
    """Let a run go on up to the scores, end it, and compare what it has published.

    That the tables after the scores are right on Spark is left to test_spark_parity.py.
    """
    wait_for_table(process, lake, "dynamic_scores")
    process.kill()
    process.communicate()
    found, whole = snapshot(lake), snapshot(expected)
    assert found == {name: whole[name] for name in found}
    assert {"lead_activity", "metric_history", "channel_performance"} <= {name.split("/")[0] for name in found}


def test_a_machine_that_dies_during_a_run_changes_no_result(
    expected: Path, cluster_of_machines: Cluster, tmp_path: Path
) -> None:
    process = compute(expected / "source", tmp_path / "lake", cluster_of_machines.url, cluster_of_machines.environment)
    wait_for_table(process, tmp_path / "lake", "daily_metrics")
    cluster_of_machines.workers[0].kill()
    compare_up_to_the_scores(process, tmp_path / "lake", expected / "lake")


def test_a_dead_cluster_fails_the_run_and_leaves_the_old_partitions(
    expected: Path, cluster_of_machines: Cluster, tmp_path: Path
) -> None:
    lake, source = tmp_path / "lake", tmp_path / "source"
    shutil.copytree(expected / "lake", lake)
    old = snapshot(lake)
    write(source, {**world.SOURCE, "leads": [{**lead, "engagement_score": "7.77"} for lead in world.SOURCE["leads"]]})
    assert compute_day(source, tmp_path / "other", DAY, world.ZONE, read_policy()).success
    new = snapshot(tmp_path / "other")
    process = compute(source, lake, cluster_of_machines.url, cluster_of_machines.environment)
    wait_for_table(process, lake, "daily_metrics")
    cluster_of_machines.stop()
    errors = [line for line in finish(process, 1)[1].splitlines() if line.startswith("error: ")]
    assert "Spark's cluster is gone (spark://" in errors[0]
    assert "nothing was published and the old partitions stay" in errors[0]
    assert all("Spark's master does not answer" in line for line in errors[1:-1])
    assert "not run, as what they read failed: " in errors[-1]
    left = snapshot(lake)
    assert "Spark's cluster is gone" in left.pop(f"reports/date={DAY}/{FAILED_STEPS}.json")[0]
    assert [name for name, held in left.items() if held not in (old[name], new.get(name))] == []
    assert left[f"dynamic_scores/date={DAY}"] == old[f"dynamic_scores/date={DAY}"] != new[f"dynamic_scores/date={DAY}"]
    assert not [entry for entry in (lake / ".staging").iterdir() if entry.is_dir()]


def test_spark_connect(expected: Path, tmp_path: Path) -> None:
    with connect(tmp_path / "spark") as (url, environment):
        process = compute(expected / "source", tmp_path / "lake", url, environment)
        compare_up_to_the_scores(process, tmp_path / "lake", expected / "lake")
