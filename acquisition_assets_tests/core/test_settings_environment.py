"""Protects the settings: valid, invalid and blank environment variables, unknown names and precedence."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from acquisition_assets import definitions
from acquisition_assets.commands.deployment import environment_of
from acquisition_assets.core.duckdb_sql import in_memory
from acquisition_assets.core.errors import InputError
from acquisition_assets.core.memory import default_limit
from acquisition_assets.core.settings import PREFIX, Settings

CHECKED: dict[str, str] = {
    "timezone": "Europe/Madrid",
    "start_date": "2024-02-29",
    "engine": "spark",
    "memory_limit": "4GB",
    "executor": "multiprocess",
    "ui_url": "https://dagster.example.com",
    "publish_url": "postgresql://host/db",
    "source_timezone": "America/Bogota",
    "source_encoding": "cp1252",
}
"""Good values of the settings that take only some texts; any text or number in the bounds is good for the others."""


def good_value(name: str) -> tuple[str, object]:
    """Return the text of a good value that is not the default, and the value."""
    if name in CHECKED:
        return CHECKED[name], CHECKED[name]
    schema = Settings.model_json_schema()["properties"][name]
    kinds = {kind["type"]: kind for kind in schema.get("anyOf", [schema])}
    if "integer" in kinds:
        number = kinds["integer"].get("maximum", kinds["integer"].get("minimum", 0) + 2)
        return str(number), number
    assert "string" in kinds, f"{name}: add a good value of this type"
    return f"some {name}", f"some {name}"


GOOD = {name: good_value(name) for name in Settings.model_fields}


WRONG = [
    ("threads", "many", "ACQUISITION_THREADS='many': must be a whole number"),
    ("threads", "0", "ACQUISITION_THREADS='0': must be greater than or equal to 1"),
    ("threads", "2.5", "ACQUISITION_THREADS='2.5': must be a whole number"),
    ("schedule_hour", "24", "ACQUISITION_SCHEDULE_HOUR='24': must be less than or equal to 23"),
    ("schedule_minute", "-1", "ACQUISITION_SCHEDULE_MINUTE='-1': must be greater than or equal to 0"),
    ("refresh_minutes", "0", "ACQUISITION_REFRESH_MINUTES='0': must be greater than or equal to 1"),
    ("publish_retention_days", "forever", "ACQUISITION_PUBLISH_RETENTION_DAYS='forever': must be a whole number"),
    ("engine", "pandas", "ACQUISITION_ENGINE='pandas': must be duckdb or spark"),
    ("engine", "Spark", "ACQUISITION_ENGINE='Spark': must be duckdb or spark"),
    ("executor", "threads", "ACQUISITION_EXECUTOR='threads': must be in_process or multiprocess"),
    ("timezone", "Mars/Olympus", "time zone 'Mars/Olympus' is unknown; set ACQUISITION_TIMEZONE to an IANA name"),
    ("timezone", "Europe", "set ACQUISITION_TIMEZONE to an IANA name"),
    ("timezone", "../UTC", "set ACQUISITION_TIMEZONE to an IANA name"),
    ("timezone", "+02:00", "set ACQUISITION_TIMEZONE to an IANA name"),
    ("source_timezone", "Local", "time zone 'Local' is unknown; set ACQUISITION_SOURCE_TIMEZONE to an IANA name"),
    ("start_date", "1.2.2025", "ACQUISITION_START_DATE '1.2.2025' is not a date; write it as YYYY-MM-DD"),
    ("start_date", "2025-02-29", "ACQUISITION_START_DATE '2025-02-29' is not a date"),
    ("ui_url", "localhost:3000", "ACQUISITION_UI_URL: must begin with http:// or https://"),
    ("publish_url", "host/db", "ACQUISITION_PUBLISH_URL: must be a URL such as postgresql://user@host:5432/database"),
    *(
        ("source_encoding", name, f"ACQUISITION_SOURCE_ENCODING='{name}': must be an encoding of text")
        for name in ("klingon", "base64")
    ),
    *(
        ("source", url, "ACQUISITION_SOURCE: looks like a URL with a password; write postgresql://user:password@host")
        for url in ("postgres:s3cret@x", "postgresql//u:s3cret@h/d", "postgresql:u:s3cret@h/d", "u:s3cret@h/d")
    ),
    (
        "publish_url",
        "postgres:s3cret@x",
        "ACQUISITION_PUBLISH_URL: must be a URL such as postgresql://user@host:5432/database",
    ),
    ("ui_url", "u:s3cret@x", "ACQUISITION_UI_URL: must begin with http:// or https://"),
    *(
        ("memory_limit", size, f"ACQUISITION_MEMORY_LIMIT={size!r}: must be a size with its unit, such as 800MB or 4GB")
        for size in (
            "800",
            "GB",
            "0GB",
            "0.0MB",
            "-1GB",
            "1,5GB",
            "80%",
            "4 GB RAM",
            "1e3MB",
            "4PB",
            "unlimited",
            "4GBB",
        )
    ),
]


def read(**environment: str) -> Settings:
    """The settings of an environment; names are those of the fields."""
    return Settings.from_environment({PREFIX + name.upper(): value for name, value in environment.items()})


@pytest.mark.parametrize("name", GOOD)
def test_every_setting_is_an_environment_variable(name: str) -> None:
    text, value = GOOD[name]
    settings = read(**{name: text})
    assert getattr(settings, name) == value
    others = {name, "memory_limit"} if name == "executor" else {name}
    assert settings.model_dump(exclude=others) == Settings().model_dump(exclude=others)


def test_every_setting_is_described_and_can_differ_from_its_default() -> None:
    assert all(value != getattr(Settings(), name) for name, (_, value) in GOOD.items())
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize("blank", ["", "  ", "\t"])
@pytest.mark.parametrize("name", GOOD)
def test_a_blank_variable_is_none(name: str, blank: str) -> None:
    assert read(**{name: blank}) == Settings()


def test_blanks_around_a_value_are_not_of_it() -> None:
    assert read(source=" sample ", timezone=" UTC\n", threads=" 2 ", start_date=" 2025-01-01 ").model_dump(
        include={"source", "timezone", "threads", "start_date"}
    ) == {"source": "sample", "timezone": "UTC", "threads": 2, "start_date": "2025-01-01"}


@pytest.mark.parametrize(("name", "value", "words"), WRONG)
def test_a_wrong_value_is_told_with_its_variable(name: str, value: str, words: str) -> None:
    with pytest.raises(InputError) as refusal:
        read(**{name: value})
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize("size", ["64MB", "800MB", "800 MB", "1.5GB", "4GiB", "4g", "2TB", "512mib", "640000K"])
def test_sizes_that_the_engine_understands(size: str) -> None:
    limit = read(memory_limit=size).memory_limit
    with in_memory(memory_limit=limit) as connection:
        told = connection.execute("select current_setting('memory_limit')").fetchall()
    assert told[0][0]


@pytest.mark.parametrize(
    "name", ["UTC", "Europe/Madrid", "America/Argentina/Buenos_Aires", "Asia/Kathmandu", "Etc/GMT+8"]
)
def test_time_zones(name: str) -> None:
    assert read(timezone=name).tz == ZoneInfo(name)


def test_values_that_others_ask_for() -> None:
    settings = read(start_date="2025-01-31", policy="~/mine.yaml")
    assert settings.first_day == dt.date(2025, 1, 31)
    assert settings.policy_path == Path.home() / "mine.yaml"
    assert Settings().first_day is None
    assert Settings().policy_path is None


def test_what_is_given_wins_over_the_environment() -> None:
    environment = {"ACQUISITION_SOURCE": "one", "ACQUISITION_LAKE": "two", "ACQUISITION_THREADS": "none"}
    settings = Settings.from_environment(environment, source="mine", lake=None, threads=2)
    assert (settings.source, settings.lake, settings.threads) == ("mine", "two", 2)


def test_another_process_gets_the_same_settings() -> None:
    settings = read(**{name: text for name, (text, _) in GOOD.items()})
    assert Settings.from_environment(environment_of(settings)) == settings


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ACQUISITION_LAK", "; did you mean ACQUISITION_LAKE?"),
        ("ACQUISITION_TIME_ZONE", "; did you mean ACQUISITION_TIMEZONE?"),
        ("ACQUISITION_XYZ", ""),
        ("ACQUISITION_lake", "; did you mean ACQUISITION_LAKE?"),
    ],
)
def test_a_variable_that_is_no_setting(name: str, meant: str) -> None:
    environment = {name: "x", "ACQUISITION_LAKE": "lake", "PATH": "/bin", "ACQUISITION_TEST_SEEDS": "3"}
    assert Settings.unknown_variables(environment) == [
        f"the environment variable {name} is no setting and has no effect{meant}"
    ]


def test_dagster_logs_variables_that_are_no_setting(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ACQUISITION_LAKE", str(tmp_path / "lake"))
    monkeypatch.setenv("ACQUISITION_SORCE", "s3cret")
    definitions.defs()
    assert [record.getMessage() for record in caplog.records if record.name == definitions.__name__] == [
        "the environment variable ACQUISITION_SORCE is no setting and has no effect; did you mean ACQUISITION_SOURCE?"
    ]


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().lake = "other"  # type: ignore[misc]


def test_no_representation_of_settings_shows_a_secret() -> None:
    secret = "postgresql://u:s3cret@h/d"
    settings = read(
        source=secret,
        publish_url=secret,
        alert_urls="slack://s3cret",
        brief_urls="mailto://s3cret",
        ui_url="http://s3cret@h",
        lake="s3cret",
    )
    assert "s3cret" not in repr(settings) + str(settings) + f"{settings}"


def test_a_source_time_zone_can_be_left_unset() -> None:
    assert (Settings().source_timezone, Settings().naive_timezone) == (None, "UTC")
    assert read(source_timezone="America/Bogota").naive_timezone == "America/Bogota"


def test_layouts_are_separated_by_commas() -> None:
    assert read(layout=" hubspot, my layout.yaml ,").layouts == ("hubspot", "my layout.yaml")
    assert Settings().layouts == ()


def test_processes_of_steps_share_the_default_memory_and_keep_a_given_one() -> None:
    alone = Settings().memory_limit
    assert read(executor="multiprocess").memory_limit == default_limit(os.cpu_count() or 1)
    assert read(executor="multiprocess", memory_limit="4GB").memory_limit == "4GB"
    assert Settings.from_environment({}).memory_limit == alone
