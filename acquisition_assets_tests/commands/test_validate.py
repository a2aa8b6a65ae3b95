"""Protects `acquisition validate`: it finds every problem and writes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition_assets.catalog import TABLES as CONTRACTS
from acquisition_assets.commands import validate
from acquisition_assets.core.settings import Settings
from acquisition_assets.definitions import build_defs
from acquisition_assets_tests.commands.conftest import DAYS, call


def contents(folder: Path) -> dict[str, tuple[int, bytes | None]]:
    """Every file and folder below a folder: when it was changed last, and what is in it."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in folder.rglob("*")
    }


@pytest.fixture
def own_lake(lake: Path, tmp_path: Path) -> Path:
    """A copy of the filled lake, to be broken."""
    return Path(shutil.copytree(lake, tmp_path / "lake"))


def test_all_is_well(source: Path, own_lake: Path) -> None:
    before = contents(own_lake)
    result = call("validate", "--source", source, "--lake", own_lake)
    assert result.exit_code == 0, result.output
    assert "all is well" in result.stdout
    for contract in CONTRACTS:
        assert contract.table in result.stdout
    assert contents(own_lake) == before


@pytest.mark.parametrize("name", ["lake", "none"])
@pytest.mark.parametrize("command", ["validate", "explain"])
def test_nothing_is_written(
    own_lake: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, name: str
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("locale: en", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = contents(tmp_path)
    options = ("--source", source) if command == "validate" else ("--lead", "ana")
    result = call(command, *options, "--lake", name, "--policy", policy)
    assert result.exit_code == (2 if (command, name) == ("explain", "none") else 0)
    assert own_lake.is_dir()
    assert contents(tmp_path) == before


def test_a_lake_that_does_not_exist_is_not_made(source: Path, tmp_path: Path) -> None:
    result = call("validate", "--source", source, "--lake", tmp_path / "a" / "lake")
    assert result.exit_code == 0
    assert "does not exist yet and can be made" in result.stdout
    assert not (tmp_path / "a").exists()


def test_no_right_to_write(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validate.os, "access", lambda path, mode: False)
    result = call("validate", "--source", source, "--lake", tmp_path / "lake")
    assert result.exit_code == 2
    assert "no right to write there" in result.stderr


def test_corrupt_partitions_are_named(source: Path, own_lake: Path) -> None:
    (own_lake / "dynamic_scores" / f"date={DAYS[0]}" / "data.parquet").write_bytes(b"junk")
    events = own_lake / "raw_events/date=2025-01-20/data.parquet"
    events.write_bytes(events.read_bytes()[:-20])
    (own_lake / "reports" / f"date={DAYS[1]}" / "anomaly_detection.json").write_text("{", encoding="utf-8")
    (own_lake / "reports" / f"date={DAYS[1]}" / "social_media_tracking.json").unlink()
    result = call("validate", "--source", source, "--lake", own_lake)
    assert result.exit_code == 1
    errors = "\n".join(sorted(result.stderr.splitlines()))
    assert f"partition dynamic_scores/date={DAYS[0]} of the lake is corrupt" in errors
    assert "partition raw_events/date=2025-01-20 of the lake is corrupt" in errors
    assert "acquisition run --date 2025-01-20 --full" in errors
    assert f"the report anomaly_detection of {DAYS[1]} is corrupt" in errors
    assert f"no report social_media_tracking of {DAYS[1]}" in errors
    assert errors.count("error: ") == 4
    assert "all is well" not in result.stdout


def test_columns_that_are_not_the_contracts(source: Path, own_lake: Path) -> None:
    file = own_lake / "anomalies" / f"date={DAYS[0]}" / "data.parquet"
    table = pq.read_table(file, partitioning=None).drop_columns(["message"])
    pq.write_table(table.append_column("extra", pa.nulls(table.num_rows, pa.int64())), file)
    result = call("validate", "--source", source, "--lake", own_lake)
    assert result.exit_code == 1
    assert "column message is missing; column extra is not in the contract" in result.stderr


def test_every_part_is_looked_at_and_the_worst_code_wins(own_lake: Path, tmp_path: Path) -> None:
    (own_lake / "dynamic_scores" / f"date={DAYS[0]}" / "data.parquet").write_bytes(b"junk")
    (tmp_path / "policy.yaml").write_text("locale: de", encoding="utf-8")
    result = call("validate", "--source", tmp_path / "none", "--lake", own_lake, "--policy", tmp_path / "policy.yaml")
    assert result.exit_code == 2
    assert result.stderr.count("error: ") == 3


def test_every_table_of_the_graph_is_looked_at() -> None:
    keys = {key.to_user_string() for key in build_defs(Settings()).resolve_asset_graph().get_all_asset_keys()}
    assert keys == {contract.table for contract in CONTRACTS}
