"""Protects the checks that recompute a number of each table: a wrong number fails, and the old partition stays."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from acquisition_assets.core.contracts import Violation
from acquisition_assets.core.step import Step
from acquisition_assets.policy import read_policy
from acquisition_assets_tests.kit import world
from acquisition_assets_tests.kit.expectations import Tamper, tables
from acquisition_assets_tests.kit.random_world import write
from acquisition_assets_tests.kit.running import Run, compute_day, rows, snapshot, step_of
from acquisition_assets_tests.kit.world import MONDAY, SUNDAY, Row

TAMPERED = {table: known.tampered for table, known in tables().items() if known.tampered is not None}
"""Computed table -> what makes it wrong. test_catalog.py fails for a computed table without it."""
SPEND = [{"day": "2024-03-25", "channel": "facebook", "amount": "100", "currency": "EUR"}]


def _frauds() -> Iterable[Row]:
    """Yield enough fraudulent referrals for an anomaly."""
    for number in range(12):
        yield {**world.REFERRALS[1], "referral_id": f"f{number}", "created_at": "2024-03-31T12:00:00Z"}


@pytest.fixture(scope="module")
def two_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the source, and a lake of Sunday and Monday."""
    folder = tmp_path_factory.mktemp("recomputed")
    write(folder / "source", {**world.SOURCE, "referrals": [*world.REFERRALS, *_frauds()], "spend": SPEND})
    for day in (SUNDAY, MONDAY):
        assert compute_day(folder / "source", folder / "lake", day, world.ZONE, policy=read_policy()).success
    return folder


def run_tampered(folder: Path, table: str, tamper: Tamper, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run Monday again with a staged table changed before its checks; its contract still holds."""
    violations_of = Step.violations

    def violations(step: Step) -> list[Violation]:
        if step.contract.table == table:
            staged = pq.ParquetFile(step.staged).read()
            changed = tamper(staged)
            assert changed != staged
            pq.write_table(changed.cast(step.contract.arrow_schema), step.staged)
            step.session.bind_staged(step.staged)
        broken = violations_of(step)
        assert broken == []
        return broken

    with monkeypatch.context() as patch:
        patch.setattr(Step, "violations", violations)
        return compute_day(folder / "source", folder / "lake", MONDAY, world.ZONE, policy=read_policy())


@pytest.mark.parametrize("table", TAMPERED)
def test_a_wrong_number_is_found_and_the_old_partition_stays(
    table: str, two_days: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(two_days, tmp_path, dirs_exist_ok=True)
    before = snapshot(tmp_path / "lake")
    run = run_tampered(tmp_path, table, TAMPERED[table], monkeypatch)
    check = run.checks[table, "recomputed"]
    assert (check.passed, check.severity) == (False, "ERROR")
    assert "recomputed" in check.description
    assert list(run.failed) == [step_of(table)]
    assert f"{table} of {MONDAY}" in run.errors
    assert "was not published" in run.errors
    assert run.checks[table, "contract"].passed
    assert snapshot(tmp_path / "lake") == before


def test_policy_numbers_of_three_decimals_are_recomputed_as_published(tmp_path: Path) -> None:
    write(tmp_path / "source", world.SOURCE)
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "dynamic_scores: {referral_points: 1.005}\nbehavior_predictions: {weekday_points: 2.555}\n", encoding="utf-8"
    )
    run = compute_day(tmp_path / "source", tmp_path / "lake", MONDAY, world.ZONE, policy=policy)
    assert run.success, run.errors
    points = {row["lead_id"]: row["referral_points"] for row in rows(tmp_path / "lake", "dynamic_scores", MONDAY)}
    assert points["ana"] == 2.01
    weekdays = {row["weekday_points"] for row in rows(tmp_path / "lake", "behavior_predictions", MONDAY)}
    assert weekdays == {0.0, 2.56}
