"""Here: the command line as a program of its own: its imports, its streams, and Ctrl-C.

Not here: what can be seen in process.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from acquisition_assets_tests.cli.conftest import DAYS, EMAIL

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = [sys.executable, "-m", "acquisition_assets"]


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONWARNINGS", "PYTHONUTF8")}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def program(*arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(**more), timeout=120, check=False)


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
        result = program(command, "--help")
        assert result.returncode == 0
        assert "Usage: acquisition" in result.stdout


def test_version_and_no_command() -> None:
    assert program("--version").stdout.startswith("acquisition 1.")
    assert "Commands:" in program().stdout


def test_a_run_is_quiet_but_for_its_progress(source: Path, tmp_path: Path) -> None:
    options = ("--source", source, "--lake", tmp_path / "lake", "--date", DAYS[-1])
    result = program("run", *options, PYTHONIOENCODING="ascii")
    assert result.returncode == 0, result.stderr
    assert all(line.startswith("warning: ") for line in result.stderr.splitlines())
    assert result.stdout.startswith(f"{DAYS[-1]} (UTC) from folder")
    for noise in ("DEBUG", "INFO", "Warning", "\x1b["):
        assert noise not in result.stdout + result.stderr
    assert not EMAIL.search(result.stdout)


def test_wrong_input_is_one_line(tmp_path: Path) -> None:
    result = program("run", "--source", tmp_path / "none")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("after", ["raw_leads", "raw_status_changes", "daily_metrics", "anomalies"])
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path, after: str) -> None:
    with subprocess.Popen(
        [*PROGRAM, "run", "--lake", str(tmp_path / "lake")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.split()[0] == after:
                break
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1].startswith("error: interrupted")
    assert [path.name for path in (tmp_path / "lake/.staging").iterdir()] == ["ingest.lock"]
    assert not (tmp_path / "lake/social_performance").exists()
