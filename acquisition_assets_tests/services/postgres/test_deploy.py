"""Protects the files of deploy/: they fit each other, the settings, and the programs that read them.

The running instance is tested in test_production_like.py.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config

from acquisition_assets.core.settings import PREFIX, Settings

from .conftest import ROOT

DEPLOY = ROOT / "deploy"
DAGSTER_SERVICES = ("code", "webserver", "daemon")


@pytest.fixture
def compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def read_by(file: str) -> set[str]:
    """Return the environment variables that one of Dagster's files reads."""
    return set(re.findall(r"\{env: (\w+)\}", (DEPLOY / file).read_text()))


def image() -> str:
    return (DEPLOY / "Dockerfile").read_text()


def set_in_image() -> dict[str, str]:
    return dict(re.findall(r"(\w+)=(/\S+)", image()[image().index("ENV ") :]))


def test_every_service_is_complete(compose: Any) -> None:
    services = compose["services"]
    assert set(services) == {"postgres", *DAGSTER_SERVICES}
    for name in DAGSTER_SERVICES:
        service = services[name]
        assert service["image"] == "acquisition-assets"
        assert (DEPLOY / service["build"]["context"]).resolve() == ROOT
        assert Path(ROOT, service["build"]["dockerfile"]).is_file()
        assert set(service["depends_on"]) <= set(services)
        for needed, wish in service["depends_on"].items():
            assert wish == {"condition": "service_healthy"}
            assert "healthcheck" in services[needed]
    used = {volume.split(":")[0] for service in services.values() for volume in service["volumes"]}
    assert used == set(compose["volumes"])


@pytest.mark.parametrize("name", DAGSTER_SERVICES)
def test_every_variable_that_dagster_reads_is_given(compose: Any, name: str) -> None:
    given = compose["services"][name]["environment"]
    assert read_by("dagster.yaml") | read_by("workspace.yaml") == {*given, *set_in_image()} - {
        "DAGSTER_HOME",
        *(variable for variable in {*given, *set_in_image()} if variable.startswith(PREFIX)),
    }
    assert given["DAGSTER_CODE_HOST"] == "code"
    assert given["DAGSTER_PG_HOST"] == "postgres"
    assert given["DAGSTER_PG_DB"] == compose["services"]["postgres"]["environment"]["POSTGRES_DB"]


def test_every_setting_reaches_the_code_server_under_its_name(compose: Any) -> None:
    given = {name: value for name, value in compose["services"]["code"]["environment"].items() if PREFIX in name}
    assert set(given) | {f"{PREFIX}LAKE"} == {PREFIX + field.upper() for field in Settings.model_fields}
    assert given == {name: f"${{{name}:-}}" for name in given}
    assert Settings.from_environment(dict.fromkeys(given, "")) == Settings.from_environment({})


def test_no_password_is_stored(compose: Any) -> None:
    for service in compose["services"].values():
        passwords = {name: value for name, value in service["environment"].items() if "PASSWORD" in name}
        assert set(passwords.values()) == {"${POSTGRES_PASSWORD:?set POSTGRES_PASSWORD in deploy/.env}"}


def test_the_image_holds_what_the_services_need(compose: Any) -> None:
    for sources in re.findall(r"^COPY (.+) \S+$", image(), re.MULTILINE):
        assert all((ROOT / source).exists() for source in sources.split())
    folders = set_in_image()
    for name in DAGSTER_SERVICES:
        mounted = {volume.split(":")[1] for volume in compose["services"][name]["volumes"]}
        assert mounted <= set(folders.values())
        assert folders["DAGSTER_COMPUTE_LOGS"] in mounted
    assert f"{folders['ACQUISITION_LAKE']}" in {v.split(":")[1] for v in compose["services"]["code"]["volumes"]}


def test_dagster_understands_the_instance() -> None:
    """Dagster's schema refuses unknown keys."""
    config, _ = dagster_instance_config(str(DEPLOY))
    assert config["storage"]["postgres"]["postgres_db"]["password"] == {"env": "DAGSTER_PG_PASSWORD"}
    assert config["telemetry"] == {"enabled": False}
    assert config["run_monitoring"]["enabled"] is True
    assert config["run_retries"]["enabled"] is True
    assert config["concurrency"]["runs"]["max_concurrent_runs"] > 1
    assert {limit["key"] for limit in config["concurrency"]["runs"]["tag_concurrency_limits"]} == {"acquisition/chain"}
