"""Protects the catalogue: it lists exactly the tables and reports of the graph, in pipeline order."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from acquisition_assets.catalog import DELIVERED, PRODUCTS, REPORTS, TABLES
from acquisition_assets.core.settings import Settings
from acquisition_assets.definitions import build_defs


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> list[dg.AssetsDefinition]:
    """Return the assets of a deployment on the sample, without destinations."""
    lake: Path = tmp_path_factory.mktemp("lake")
    defs = build_defs(Settings.from_environment({}, source="sample", lake=str(lake)))
    return [asset for asset in defs.assets or () if isinstance(asset, dg.AssetsDefinition)]


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


def test_every_table_of_the_catalogue_has_one_product_and_a_name_of_its_own() -> None:
    assert len({table.table for table in TABLES}) == len(TABLES)
    assert len({product.name for product in PRODUCTS}) == len(PRODUCTS)
    assert {table.table for table in DELIVERED} < {table.table for table in TABLES}


def test_each_report_belongs_to_a_table_of_its_product() -> None:
    for product in PRODUCTS:
        assert all(report.table in product.tables for report in product.reports)
    assert [report.task for report in REPORTS] == [
        "dynamic_scoring_system",
        "predictive_behavior_analysis",
        "personalized_content_recommendations",
        "conversion_forecasts",
        "forecast_quality",
        "advanced_segmentation_engine",
        "anomaly_detection",
        "social_media_tracking",
        "rule_evidence",
    ]
