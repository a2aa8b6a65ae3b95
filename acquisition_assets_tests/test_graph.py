"""Protects the shape of the graph, recorded in graph.json, and what every asset must document about itself.

A change of the graph should show in a review. To renew the file: python -m acquisition_assets_tests.test_graph
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from acquisition_assets.core.settings import Settings
from acquisition_assets.definitions import build_defs

SNAPSHOT = Path(__file__).with_name("graph.json")
ROOT = SNAPSHOT.parents[1]
GROUPS_OF_SQL = ("features", "outputs")
PUBLISHING = {"ACQUISITION_PUBLISH_URL": "postgresql://writer:s3cret@127.0.0.1:1/nowhere"}


def graph(**environment: str) -> dict[str, Any]:
    """Return the graph of a deployment as plain values."""
    defs = build_defs(Settings.from_environment(environment))
    dg.Definitions.validate_loadable(defs)
    assets = defs.resolve_asset_graph()
    found: dict[str, Any] = {"assets": {}, "jobs": {}, "schedules": {}, "sensors": {}}
    for spec in sorted(defs.resolve_all_asset_specs(), key=lambda spec: spec.key):
        node = assets.get(spec.key)
        checks = [assets.get(key) for key in assets.asset_check_keys if key.asset_key == spec.key]
        found["assets"][spec.key.to_user_string()] = {
            "group": spec.group_name,
            "owners": list(spec.owners),
            "kinds": sorted(spec.kinds),
            "partitions": str(spec.partitions_def),
            "deps": {
                dep.asset_key.to_user_string(): str(dep.partition_mapping) if dep.partition_mapping else "same day"
                for dep in sorted(spec.deps, key=lambda dep: dep.asset_key)
            },
            "step": str(getattr(assets.get(spec.key).assets_def.op, "name", "")),
            "checks": {
                check.key.name: "by day" if check.partitions_def == node.partitions_def else "not by day"
                for check in sorted(checks, key=lambda check: check.key.name)
            },
        }
    for job in defs.jobs or ():
        resolved = defs.resolve_job_def(job.name)
        selected = sorted(key.to_user_string() for key in resolved.asset_layer.selected_asset_keys)
        found["jobs"][job.name] = {
            "tags": dict(resolved.tags),
            "executor": resolved.executor_def.name,
            "assets": "all" if selected == sorted(found["assets"]) else selected,
        }
    for schedule in defs.schedules or ():
        assert isinstance(schedule, dg.ScheduleDefinition)
        found["schedules"][schedule.name] = {
            "cron": schedule.cron_schedule,
            "timezone": schedule.execution_timezone,
            "job": schedule.job_name,
            "status": schedule.default_status.value,
        }
    for sensor in defs.sensors or ():
        found["sensors"][sensor.name] = {
            "every_seconds": sensor.minimum_interval_seconds,
            "status": sensor.default_status.value,
        }
    return found


@pytest.fixture(scope="module")
def default() -> dict[str, Any]:
    """Return the graph of the sample."""
    return graph()


def specs(**environment: str) -> dict[str, dg.AssetSpec]:
    defs = build_defs(Settings.from_environment(environment))
    return {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}


SPECS = specs(**PUBLISHING)
NULL_IN_KEY = {"metric_history": ("channel",), "metric_watch": ("channel",)}
"""Columns of a key in which null is a value of its own: all channels."""
TYPES_WITH_ICON = {"array", "bool", "date", "float", "int", "string", "timestamp"}
"""Types for which Dagster's Columns panel has an icon."""
TABLES = sorted(name for name, spec in SPECS.items() if spec.group_name in ("raw", *GROUPS_OF_SQL))


def test_the_graph_matches_the_reviewed_file(default: dict[str, Any]) -> None:
    assert json.loads(SNAPSHOT.read_text(encoding="utf-8")) == default


def test_publishing_adds_assets_without_changing_others(default: dict[str, Any]) -> None:
    published = graph(**PUBLISHING)
    assert {name: published["assets"][name] for name in default["assets"]} == default["assets"]
    added = published["assets"].keys() - default["assets"].keys()
    assert added
    assert {published["assets"][name]["group"] for name in added} == {"published"}
    assert {**published, "assets": {}} == {**default, "assets": {}}


def test_everything_depends_on_the_input_checks(default: dict[str, Any]) -> None:
    """Every computed asset is below raw_leads, whose step fails with its checks."""
    assets = default["assets"]

    def above(name: str) -> set[str]:
        found = set()
        for dep in assets[name]["deps"]:
            if dep != name:
                found |= {dep, *above(dep)}
        return found

    for name, asset in assets.items():
        if asset["group"] != "raw":
            assert "raw_leads" in above(name), name
    assert {asset["step"] for asset in assets.values() if asset["group"] == "raw"} == {"ingest"}


@pytest.mark.parametrize(
    ("asset", "upstream", "first", "last"),
    [
        ("dynamic_scores", "dynamic_scores", -7, -1),
        ("segment_changes", "lead_segments", -7, 0),
        ("forecast_quality", "forecast_quality", -7, -1),
        ("conversion_forecasts", "conversion_forecasts", -7, -1),
        ("incidents", "incidents", -1, -1),
    ],
)
def test_tables_that_read_earlier_days_depend_on_them(asset: str, upstream: str, first: int, last: int) -> None:
    (mapping,) = (dep.partition_mapping for dep in SPECS[asset].deps if dep.asset_key == dg.AssetKey(upstream))
    assert mapping == dg.TimeWindowPartitionMapping(start_offset=first, end_offset=last)


@pytest.mark.parametrize("name", sorted(SPECS))
def test_every_asset_has_a_description_owners_and_kinds(name: str) -> None:
    spec = SPECS[name]
    assert spec.description
    assert spec.description.endswith(".")
    assert spec.owners == ["team:growth", "team:data"]
    assert spec.kinds
    assert spec.partitions_def


@pytest.mark.parametrize("name", TABLES)
def test_every_table_shows_its_columns_with_types_and_descriptions(name: str) -> None:
    schema = SPECS[name].metadata["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    assert all(column.description for column in schema.columns)
    assert {column.type for column in schema.columns} <= TYPES_WITH_ICON
    assert SPECS[name].metadata["dagster/table_name"] == name
    assert SPECS[name].metadata["grain"]
    unit_of = {"_points": "points]", "_rate": "[", "_hours": "[hours]", "_share": "[share", "_days": "[days"}
    for column in schema.columns:
        for ending, unit in unit_of.items():
            if column.name.endswith(ending):
                assert unit in str(column.description), f"{name}.{column.name}: {column.description}"
    key = SPECS[name].metadata["key"].split(", ")
    never_null = set(key) - set(NULL_IN_KEY.get(name, ()))
    filled = [column for column in schema.columns if column.name in never_null]
    assert all(not column.constraints.nullable for column in filled)
    unique = [column.name for column in schema.columns if column.constraints.unique]
    assert unique == (key if len(key) == 1 and key != ["none"] else [])


def test_checks_that_keep_a_table_from_being_published_are_shown_as_blocking() -> None:
    assets = build_defs(Settings.from_environment(PUBLISHING)).resolve_asset_graph()
    stopping = {key for key in assets.asset_check_keys if key.name in ("contract", "recomputed")}
    assert {key.asset_key.to_user_string() for key in stopping} >= set(TABLES)
    assert {key for key in assets.asset_check_keys if assets.get(key).blocking} == stopping


@pytest.mark.parametrize("name", [name for name in TABLES if SPECS[name].group_name in GROUPS_OF_SQL])
def test_column_lineage_names_existing_columns_of_upstream_assets(name: str) -> None:
    lineage = SPECS[name].metadata["dagster/column_lineage"]
    assert isinstance(lineage, dg.TableColumnLineage)
    columns = {table: {c.name for c in SPECS[table].metadata["dagster/column_schema"].columns} for table in TABLES}
    upstream = {dep.asset_key.to_user_string() for dep in SPECS[name].deps}
    assert lineage.deps_by_column.keys() <= columns[name]
    for column, origins in lineage.deps_by_column.items():
        assert origins, column
        for origin in origins:
            table = origin.asset_key.to_user_string()
            assert table in upstream, f"{name}.{column} comes from {table}, which {name} does not read"
            assert origin.column_name in columns[table], f"{name}.{column} <- {table}.{origin.column_name}"


@pytest.mark.parametrize("environment", [{}, PUBLISHING, {"ACQUISITION_TIMEZONE": "Europe/Madrid"}])
def test_dagster_loads_the_module(environment: dict[str, str], tmp_path: Path) -> None:
    """Load it as the code server does, in a separate process, without connections or writes."""
    program = (
        "from acquisition_assets import definitions\n"
        "from dagster import Definitions\n"
        "defs = definitions.defs()\n"
        "Definitions.validate_loadable(defs)\n"
        "print(len(list(defs.resolve_all_asset_specs())))\n"
    )
    loaded = run(program, tmp_path, environment)
    assert loaded.returncode == 0, loaded.stderr
    assert int(loaded.stdout) >= 15
    assert "s3cret" not in loaded.stdout + loaded.stderr
    assert list(tmp_path.iterdir()) == []


def run(program: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a Python program in a folder, without this machine's settings."""
    given = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "ignore", "HOME": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", program], env={**given, **environment}, cwd=folder, capture_output=True, text=True
    )


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(graph(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
