"""Protects the assets of the forecasts: the method of each world, that the future changes nothing, explanations."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from acquisition_assets.conversion_forecasts import asset, explain
from acquisition_assets.conversion_forecasts.design import NUMBERS
from acquisition_assets.conversion_forecasts.forecast import Day, train
from acquisition_assets.conversion_forecasts.report import ForecastReport, summary
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.sections import Grid, LeadView
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.policy import Policy, read_policy
from acquisition_assets.sources.arrow import ArrowSource
from acquisition_assets.sources.sample import LAST_DAY, world
from acquisition_assets_tests.kit.running import Run, compute_day, report, rows

HORIZON_AGO = LAST_DAY - dt.timedelta(days=30)
PAST = LAST_DAY - dt.timedelta(days=10)
T = dt.datetime.combine(PAST + dt.timedelta(days=1), dt.time(), dt.timezone.utc)
STEP = "conversion_forecasts"
TABLES = ("conversion_forecasts", "forecast_quality")
World = Mapping[str, pa.Table]
source_of = partial(ArrowSource, "a made-up world")


def run(lake: Path, tables: World, day: dt.date = LAST_DAY, last_step: str = STEP, policy: Policy | None = None) -> Run:
    """Run a day up to a step."""
    done = compute_day(lake, lake, day, policy=policy, source=source_of(lambda: tables), last_step=last_step)
    assert done.success, done.errors
    return done


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """Run the last day of a small sample, whose outcomes depend on behaviour."""
    lake = tmp_path_factory.mktemp("learned")
    return lake, run(lake, world(2000))


def test_a_model_that_passes_gives_every_open_lead_a_forecast(learned: tuple[Path, Run]) -> None:
    lake, done = learned
    found = ForecastReport.model_validate(report(lake, LAST_DAY, STEP))
    assert found.method == "learned"
    assert found.gate_passed
    forecasts = rows(lake, "conversion_forecasts", LAST_DAY)
    statuses = {row["status"] for row in rows(lake, "lead_activity", LAST_DAY)} - {"converted", "inactive"}
    still_open = [row["lead_id"] for row in rows(lake, "lead_activity", LAST_DAY) if row["status"] in statuses]
    assert sorted(row["lead_id"] for row in forecasts) == sorted(still_open)
    expected = sum(row["forecast_probability"] for row in forecasts)
    assert found.expected_conversions == pytest.approx(expected, abs=0.01)
    assert done.metadata["conversion_forecasts"]["expected_conversions"] == pytest.approx(expected, abs=0.01)
    urgent = [row for row in forecasts if row["priority"] == "act_now"]
    share = sum(row["forecast_probability"] for row in urgent) / expected
    least = min(row["forecast_probability"] for row in urgent)
    assert 0.3 <= share < 0.3 + least / expected + 1e-9
    assert f"{found.expected_conversions:,.1f} conversions expected" in "\n".join(map(str, summary(found, "en").parts))
    quality = {row["candidate"]: row for row in rows(lake, "forecast_quality", LAST_DAY)}
    assert quality["learned"]["auc"] > 0.7
    assert quality["learned"]["brier"] < quality["base_rate"]["brier"]
    assert quality["points"]["auc"] is None  # no predictions were published on the days of the cut-offs


def test_the_explanation_leads_from_the_average_lead_to_the_forecast(learned: tuple[Path, Run]) -> None:
    lake, _ = learned
    for row in rows(lake, "conversion_forecasts", LAST_DAY)[:200:20]:
        view = LeadView(Lake(str(lake)), row["lead_id"], LAST_DAY, "en")
        section = explain.section(view, read_policy().conversion_forecasts)
        (grid,) = (part for part in section.parts if isinstance(part, Grid))
        *effects, total = (float(str(cells[1])) for cells in grid.rows)
        assert sum(effects) == pytest.approx(total)
        assert 1 / (1 + math.exp(-total)) == pytest.approx(row["forecast_probability"], abs=1e-6)
        assert f"{row['forecast_probability']:.1%}" in section.title
        assert len(grid.rows) == len(row["top_factors"]) + 3


def test_where_outcomes_are_chance_the_gate_is_closed(tmp_path: Path) -> None:
    run(tmp_path, world(2000, seed=1, by_chance=True))
    found = ForecastReport.model_validate(report(tmp_path, LAST_DAY, STEP))
    assert not found.gate_passed
    assert (found.method, found.training_conversions > 50) == ("base_rate", True)
    forecasts = rows(tmp_path, "conversion_forecasts", LAST_DAY)
    assert {row["forecast_probability"] for row in forecasts} == {round(found.base_rate or 0, 6)}
    assert all(row["top_factors"] == [] for row in forecasts)


def test_few_conversions_give_a_small_model(tmp_path: Path) -> None:
    run(tmp_path, world(300, seed=5))
    small = ForecastReport.model_validate(report(tmp_path, LAST_DAY, STEP))
    assert (small.method, small.gate_passed) == ("learned_small", True)
    assert 10 <= small.training_conversions < 50


def test_the_features_of_a_cutoff_equal_lead_activity_of_that_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest cut-off is the end of the day a horizon ago, so that day is run as well and compared."""
    tables, seen = world(300), []

    def watched(rows: pa.Table, *others: Any) -> Day:
        seen.append(rows)
        return train(rows, *others)

    monkeypatch.setattr(asset, "train", watched)
    run(tmp_path, tables)
    run(tmp_path, tables, HORIZON_AGO, "features")
    names = [feature.name for feature in NUMBERS if feature.name in LEAD_ACTIVITY.columns]
    expected = {row["lead_id"]: row for row in rows(tmp_path, "lead_activity", HORIZON_AGO)}
    compared = [row for row in seen[0].to_pylist() if row["cut"] == 0]
    assert len(compared) > 150
    for row in compared:
        then = expected[row["lead_id"]]
        assert {name: row[name] for name in names} == {name: then[name] for name in names}
        assert then["status"] not in ("converted", "inactive")


def test_neither_the_future_nor_the_order_of_rows_changes_a_forecast(tmp_path: Path) -> None:
    """Whatever is dated at or after the end of the day is moved, removed or repeated, and all rows are shuffled."""
    tables = world(700)
    changed = {name: shuffled(without_future(name, table)) for name, table in tables.items()}
    for lake, source in (("as_it_is", tables), ("changed", changed)):
        run(tmp_path / lake, source, PAST, policy=open_gate())
    for table in TABLES:
        before, after = (rows(tmp_path / lake, table, PAST) for lake in ("as_it_is", "changed"))
        key = "lead_id" if table == STEP else "candidate"
        assert sorted(before, key=lambda row: row[key]) == sorted(after, key=lambda row: row[key])
    assert {row["method"] for row in rows(tmp_path / "changed", STEP, PAST)} == {"learned"}


def open_gate() -> Policy:
    """Return a policy whose gate lets nearly every model pass, so that forecasts are those of a model."""
    policy = read_policy()
    forecasts = policy.conversion_forecasts.model_copy(update={"gate_quantile": 0.99, "full_conversions": 20})
    return policy.model_copy(update={"conversion_forecasts": forecasts})


def without_future(name: str, table: pa.Table) -> pa.Table:
    """Return a table of the source with the values of the future changed; rows of the future are removed."""
    own_time = {"events": "occurred_at", "status_changes": "changed_at"}.get(name, "created_at")
    if own_time in table.column_names:
        table = table.filter(pc.less(table[own_time], pa.scalar(T)))
    for column in ("engaged_at", "converted_at", "unsubscribed_at"):
        if column in table.column_names:
            values = table[column].combine_chunks()
            later = pa.scalar(T + dt.timedelta(days=17), values.type)
            future = pc.fill_null(pc.greater_equal(values, pa.scalar(T)), False)
            table = table.set_column(table.column_names.index(column), column, pc.if_else(future, later, values))
    return table


def shuffled(table: pa.Table) -> pa.Table:
    """Return the rows in another order; status changes keep theirs, which decides between equal times."""
    if "changed_at" in table.column_names:
        return table
    return table.take(pa.array(np.random.default_rng(1).permutation(table.num_rows)))
