"""Protects the catalogue: it lists exactly the tables and reports of the graph, in pipeline order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from acquisition_assets.catalog import DELIVERED, PRODUCTS, REPORTS, TABLES
from acquisition_assets.core.settings import Settings
from acquisition_assets.definitions import build_defs
from acquisition_assets.destinations import lake_views
from acquisition_assets_tests.kit import expectations
from acquisition_assets_tests.kit.comparing import not_compared
from acquisition_assets_tests.kit.expectations import DAY, TableExpectations, collected, own_references, problems


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> list[dg.AssetsDefinition]:
    """Return the assets that make the tables of a deployment on the sample."""
    lake: Path = tmp_path_factory.mktemp("lake")
    defs = build_defs(Settings.from_environment({}, source="sample", lake=str(lake)))
    made = [asset for asset in defs.assets or () if isinstance(asset, dg.AssetsDefinition)]
    return [asset for asset in made if asset.op.name != lake_views.NAME]


def test_the_catalogue_names_the_tables_of_the_graph_in_order(assets: list[dg.AssetsDefinition]) -> None:
    keys = [spec.key.to_user_string() for asset in assets for spec in asset.specs]
    assert keys == [table.table for table in TABLES]


def test_a_table_reads_only_tables_before_it_and_its_own_past(assets: list[dg.AssetsDefinition]) -> None:
    place = {table.table: number for number, table in enumerate(TABLES)}
    for asset in assets:
        for spec in asset.specs:
            table = spec.key.to_user_string()
            for dep in spec.deps:
                read = dep.asset_key.to_user_string()
                assert place[read] < place[table] or (read == table and dep.partition_mapping is not None)


def test_the_views_are_written_after_every_step(assets: list[dg.AssetsDefinition]) -> None:
    step_of = {spec.key: asset.op.name for asset in assets for spec in asset.specs}
    deps = {spec.key: {dep.asset_key for dep in spec.deps} for asset in assets for spec in asset.specs}
    (views,) = build_defs(Settings()).get_assets_def(lake_views.NAME).specs
    waiting, before = [dep.asset_key for dep in views.deps], set()
    while waiting:
        key = waiting.pop()
        if key not in before:
            before.add(key)
            waiting += deps[key]
    assert {step_of[key] for key in before} == set(step_of.values())


def test_every_table_of_the_catalogue_has_one_product_and_a_name_of_its_own() -> None:
    assert len({table.table for table in TABLES}) == len(TABLES)
    assert len({product.name for product in PRODUCTS}) == len(PRODUCTS)
    assert {table.table for table in DELIVERED} < {table.table for table in TABLES}


def test_each_report_belongs_to_a_table_of_its_product() -> None:
    for product in PRODUCTS:
        assert all(report.table in product.tables for report in product.reports)
    assert [report.task for report in REPORTS] == [task for each in collected().values() for task in each.report_keys]


def test_the_test_folder_of_each_product_says_what_to_expect_of_it() -> None:
    """What that is, kit/expectations.py defines."""
    assert list(problems()) == []


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (None, "expectations.py is missing: write what the tests must know of dynamic_scores there"),
        ({"tables": {}}, "tables are [], in the catalogue ['dynamic_scores']"),
        ({"report_keys": {}}, "reports in the catalogue ['dynamic_scoring_system']"),
        ({"tables": {"dynamic_scores": TableExpectations(good=[])}}, "dynamic_scores has no tampered case"),
    ],
)
def test_incomplete_expectations_are_named(
    known: dict[str, Any] | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = dict(collected())
    shipped = found.pop("dynamic_scores")
    if known is not None:
        found["dynamic_scores"] = replace(shipped, **known)
    monkeypatch.setattr(expectations, "collected", lambda: found)
    (problem,) = problems()
    assert problem.startswith("acquisition_assets_tests/dynamic_scores/expectations.py")
    assert words in problem


def test_each_delivered_table_is_implemented_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """By oracle/reference.py, by a test that its expectations name, or by a reference of its product."""
    made: dict[str, Any] = {"lead_activity": [{"lead_id": "ana"}]}
    assert not [problem for problem in not_compared(made) if problem.startswith(("lead_activity", "channel_"))]
    assert {problem.split(":")[0] for problem in not_compared(made)} >= {
        *("daily_metrics", "dynamic_scores", "behavior_predictions", "content_recommendations"),
        *("lead_segments", "segment_changes", "anomalies", "social_performance"),
    }

    def reference(tables: Mapping[str, Any], day: dt.date) -> dict[str, Any]:
        return {"social_performance": [{"channel": str(day), "total_leads": len(tables["lead_activity"])}]}

    found = {"social_performance": replace(collected()["social_performance"], reference=reference)}
    monkeypatch.setattr(expectations, "collected", lambda: found)
    own = own_references(made, DAY)
    assert own == {**made, "social_performance": [{"channel": str(DAY), "total_leads": 1}]}
    assert not [problem for problem in not_compared(own) if problem.startswith("social_performance")]
