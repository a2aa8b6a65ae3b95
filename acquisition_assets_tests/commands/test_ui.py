"""Protects `acquisition ui` up to the point where it becomes `dagster dev`."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from acquisition_assets.automation.jobs import CHAIN_TAG
from acquisition_assets.commands import ui
from acquisition_assets_tests.commands.conftest import call, refused
from acquisition_assets_tests.kit.program import ROOT
from acquisition_assets_tests.kit.servers import free_port


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, str]]]:
    """The programs that the process became (and did not)."""
    calls: list[tuple[list[str], dict[str, str]]] = []
    handlers = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]

    def execve(path: str, command: list[str], environment: dict[str, str]) -> None:
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
        for number, handler in handlers:
            signal.signal(number, handler)
        calls.append((command, dict(environment)))

    monkeypatch.setattr(ui.os, "execve", execve)
    return calls


def test_it_becomes_dagster_dev(source: Path, tmp_path: Path, started: list[tuple[list[str], dict[str, str]]]) -> None:
    port = free_port()
    options = ("--source", source, "--lake", tmp_path / "lake", "--home", tmp_path / "home", "--port", port)
    result = call("ui", *options)
    assert result.exit_code == 0, result.output
    ((command, environment),) = started
    assert command[0] == sys.executable
    assert command[1:6] == ["-m", "dagster", "dev", "-m", "acquisition_assets.definitions"]
    assert command[-4:] == ["--host", "127.0.0.1", "--port", str(port)]
    assert environment["DAGSTER_HOME"] == str(tmp_path / "home")
    assert environment["ACQUISITION_SOURCE"] == str(source)
    assert environment["ACQUISITION_LAKE"] == str(tmp_path / "lake")
    assert environment["ACQUISITION_UI_URL"] == f"http://127.0.0.1:{port}"
    assert f"Dagster UI: http://127.0.0.1:{port}" in result.stdout
    assert not list((tmp_path / "lake").glob("*/date=*"))  # only the sample is run by itself


def test_dagster_yaml_is_made_once(tmp_path: Path) -> None:
    folder = ui.make_home(str(tmp_path / "new" / "home"))
    made = yaml.safe_load((folder / "dagster.yaml").read_text())
    assert made["telemetry"] == {"enabled": False}
    assert made["run_monitoring"]["enabled"]
    assert made["concurrency"]["runs"]["tag_concurrency_limits"][0]["key"] in CHAIN_TAG
    os.environ["DAGSTER_HOME"] = str(folder)
    with dg.DagsterInstance.get() as instance:
        assert not instance.telemetry_enabled
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n# mine", encoding="utf-8")
    assert ui.make_home(str(folder)) == folder
    assert "# mine" in (folder / "dagster.yaml").read_text()


def test_dagster_finds_no_other_settings_in_the_checkout() -> None:
    """Dagster warns of a dagster.yaml in the current folder, as it reads that of DAGSTER_HOME."""
    assert not (ROOT / "dagster.yaml").exists()


def test_the_home_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert ui.make_home(None) == Path.cwd() / ".dagster_home"
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "mine"))
    assert ui.make_home(None) == tmp_path / "mine"


def test_the_sample_is_there_at_first_sight(tmp_path: Path, started: list[tuple[list[str], dict[str, str]]]) -> None:
    options = ("--lake", tmp_path / "lake", "--home", tmp_path / "home", "--port", free_port(), "--days", 1)
    assert call("ui", *options).exit_code == 0
    with dg.DagsterInstance.get() as instance:
        assert instance.get_materialized_partitions(dg.AssetKey("anomalies")) == {"2026-09-30"}
    again = call("ui", *options)
    assert "dynamic_scores" not in again.stdout
    assert len(started) == 2


def test_the_sample_is_not_mixed_into_other_data(
    lake: Path, tmp_path: Path, started: list[tuple[list[str], dict[str, str]]]
) -> None:
    result = call("ui", "--lake", lake, "--home", tmp_path / "home", "--port", free_port())
    assert result.exit_code == 0
    assert "dynamic_scores" not in result.stdout
    assert len(started) == 1


def test_a_port_that_is_taken(source: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"cannot listen on 127.0.0.1:{port}" in refused("ui", "--source", source, "--port", port)


def test_a_host_of_another_machine(source: Path) -> None:
    assert "cannot listen on 192.0.2.1" in refused("ui", "--source", source, "--host", "192.0.2.1")


def test_a_home_that_cannot_be_made(source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    options = ("--source", source, "--lake", tmp_path / "lake", "--port", free_port())
    assert "cannot be made" in refused("ui", *options, "--home", tmp_path / "file" / "home")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("127.8.8.8", True),
        ("0.0.0.0", False),
        ("192.0.2.1", False),
        ("x" * 70, False),
    ],
)
def test_who_can_reach_a_host(host: str, loopback: bool) -> None:
    assert ui.is_loopback(host) == loopback


def test_a_host_that_others_can_reach_is_warned_of(source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    options = ("--source", source, "--lake", tmp_path / "file" / "lake", "--port", free_port())
    result = call("ui", *options, "--host", "0.0.0.0")
    assert "warning: the UI on 0.0.0.0 has no login" in result.stderr
    assert "has no login" not in call("ui", *options).stderr
