"""Protects the checks that recompute a number of each table: a wrong number fails, and the old partition stays."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from acquisition_assets.core.contracts import Violation
from acquisition_assets.core.step import Step
from acquisition_assets_tests.kit import incident_contract_rows as incidents
from acquisition_assets_tests.kit import watch_contract_rows as watch
from acquisition_assets_tests.kit import world
from acquisition_assets_tests.kit.forecast_contract_rows import EVIDENCE as SEGMENT_EVIDENCE
from acquisition_assets_tests.kit.random_world import write
from acquisition_assets_tests.kit.running import OUTPUTS, Run, compute_day, rows, snapshot
from acquisition_assets_tests.kit.world import MONDAY, SUNDAY, Row

EVIDENCE = {**SEGMENT_EVIDENCE, "rule_kind": "channel", "rule": "newsletter"}
Tamper = Callable[[pa.Table], pa.Table]


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
        assert compute_day(folder / "source", folder / "lake", day, world.ZONE).success
    return folder


def added(table: pa.Table, **amounts: float) -> pa.Table:
    """Return the table with these amounts added to columns of its first row."""
    for name, amount in amounts.items():
        place = table.column_names.index(name)
        changes = pa.array([amount if n == 0 else 0 for n in range(table.num_rows)], table.schema.field(name).type)
        table = table.set_column(place, table.schema.field(name), pc.add(table.column(name), changes))
    return table


def without(column: str, value: str) -> Tamper:
    """Return a change that drops the rows with a value."""
    return lambda table: table.filter(pc.not_equal(table.column(column), value))


TAMPERED: dict[str, Tamper] = {
    "lead_activity": lambda table: added(table, referrals_generated=1),
    "daily_metrics": lambda table: added(table, new_leads=1),
    "dynamic_scores": lambda table: added(table, referral_points=5.0, clamp_adjustment=-5.0),
    "behavior_predictions": lambda table: added(table, weekday_points=5.0),
    "content_recommendations": lambda table: pa.concat_tables([table, _one_more(table)]),
    "lead_segments": without("segment", "quick_responders"),
    "segment_changes": without("change", "left"),
    "anomalies": without("type", "high_fraud_rate"),
    "channel_performance": without("channel", "newsletter"),
    "channel_costs": lambda table: added(table, spend=5.0),
    "budget_advice": lambda table: added(table, amount=5.0),
    "social_performance": without("channel", "newsletter"),
    "conversion_forecasts": without("lead_id", "mudo"),
    "forecast_quality": lambda table: added(table, training_rows=1),
    "rule_evidence": lambda table: pa.Table.from_pylist([EVIDENCE], schema=table.schema),
    **watch.TAMPERED,
    **incidents.TAMPERED,
}
STEPS = {
    "budget_advice": "channel_costs",
    "forecast_quality": "conversion_forecasts",
    "lead_activity": "features",
    "daily_metrics": "features",
    **watch.STEPS,
}


def _one_more(table: pa.Table) -> pa.Table:
    """Add an item of the first rule for a lead that does not want it."""
    row = {**table.slice(0, 1).to_pylist()[0], "rank": 5, "rule": "interest_marketing"}
    return pa.Table.from_pylist([row], schema=table.schema)


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
        return compute_day(folder / "source", folder / "lake", MONDAY, world.ZONE)


def test_every_computed_table_has_a_tampered_case() -> None:
    assert TAMPERED.keys() == {"lead_activity", "daily_metrics", "metric_history", *OUTPUTS}


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
    assert list(run.failed) == [STEPS.get(table, table)]
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
