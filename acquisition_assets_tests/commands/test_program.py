"""Protects the command line as a separate process: light imports, output streams and Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from acquisition_assets_tests.commands.conftest import DAYS, EMAIL
from acquisition_assets_tests.kit.program import environment, finish, interruptible, start


def program(*arguments: object, code: int = 0, **more: str) -> tuple[str, str]:
    return finish(start(*arguments, more=more), code, seconds=120)


def test_help_and_usage_errors_import_nothing_heavy() -> None:
    code = (
        "import sys; from acquisition_assets.cli import app\n"
        "try: app(['run', '--nonsense'])\n"
        "except SystemExit as stop: assert stop.code == 2\n"
        "heavy = {'dagster', 'pandas', 'duckdb', 'pyarrow', 'pandera', 'numpy', 'sqlglot'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr


def test_each_command_has_help() -> None:
    for command in ("run", "ui", "validate", "explain"):
        assert "Usage: acquisition" in program(command, "--help")[0]


def test_version_and_no_command() -> None:
    assert program("--version")[0].startswith("acquisition 1.")
    assert "Commands:" in program()[0]


def test_a_run_is_quiet_but_for_its_progress(source: Path, tmp_path: Path) -> None:
    options = ("--source", source, "--lake", tmp_path / "lake", "--date", DAYS[-1])
    output, errors = program("run", *options, PYTHONIOENCODING="ascii")
    assert all(line.startswith("warning: ") for line in errors.splitlines())
    assert output.startswith(f"{DAYS[-1]} (UTC) from folder")
    for noise in ("DEBUG", "INFO", "Warning", "\x1b["):
        assert noise not in output + errors
    assert not EMAIL.search(output)


def test_wrong_input_is_one_line(tmp_path: Path) -> None:
    output, errors = program("run", "--source", tmp_path / "none", code=2)
    assert output == ""
    assert errors.count("\n") == 1


@pytest.mark.parametrize("after", ["raw_leads", "raw_status_changes", "daily_metrics", "anomalies"])
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path, after: str) -> None:
    with start("run", "--lake", tmp_path / "lake", before=interruptible) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.split()[0] == after:
                break
        process.send_signal(signal.SIGINT)
        _, errors = finish(process, 130, seconds=60)
    assert errors.splitlines()[-1].startswith("error: interrupted")
    assert not [path for path in (tmp_path / "lake/.staging").iterdir() if path.is_dir()]
    assert not (tmp_path / "lake/social_performance").exists()
