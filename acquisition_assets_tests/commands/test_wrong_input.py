"""Protects the answer to bad input: exit code 2 and one line that says what to do."""

from __future__ import annotations

import datetime as dt
import gzip
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from acquisition_assets.commands import deployment
from acquisition_assets_tests.commands.conftest import call, refused

DAY = ("--date", "2025-03-10")


def test_missing_folder(tmp_path: Path) -> None:
    line = refused("run", *DAY, "--source", tmp_path / "nowhere")
    assert "nowhere does not exist" in line
    assert "leads.csv" in line


def test_a_file_instead_of_its_folder(source: Path) -> None:
    assert "leads.csv is a file; name the folder that it is in" in refused("run", "--source", source / "leads.csv")


def test_folder_without_leads(source: Path) -> None:
    (source / "leads.csv").unlink()
    assert "has no leads" in refused("run", *DAY, "--source", source)


@pytest.mark.parametrize(
    ("name", "content"),
    [("events.parquet", b"PAR1 this is no parquet file"), ("events.csv.gz", b"this is no gzip"), ("events.csv", b"")],
)
def test_unreadable_file(source: Path, name: str, content: bytes) -> None:
    (source / "events.csv").unlink()
    (source / name).write_bytes(content)
    line = refused("run", *DAY, "--source", source)
    assert name in line
    assert "cannot be read" in line or "is empty" in line


def test_missing_required_column(source: Path) -> None:
    (source / "leads.csv").write_text("lead_id,email\n1,x\n", encoding="utf-8")
    line = refused("run", *DAY, "--source", source)
    assert "required column status, created_at is missing" in line


def test_table_twice(source: Path) -> None:
    with gzip.open(source / "leads.csv.gz", "wt") as file:
        file.write((source / "leads.csv").read_text())
    assert "table leads twice (leads.csv and leads.csv.gz)" in refused("run", *DAY, "--source", source)


def test_unknown_time_zone(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACQUISITION_TIMEZONE", "Mars/Olympus")
    line = refused("run", *DAY, "--source", source)
    assert "'Mars/Olympus' is unknown" in line
    assert "ACQUISITION_TIMEZONE" in line


@pytest.mark.parametrize("date", ["2025-02-30", "10.03.2025", "yesterday", "20250310", "2025-03-10T00:00", "9" * 500])
def test_malformed_date(source: Path, date: str) -> None:
    line = refused("run", "--date", date, "--source", source)
    assert "write it as YYYY-MM-DD" in line


@pytest.mark.parametrize("date", ["2999-01-01", "9999-12-31"])
def test_date_in_the_future(source: Path, date: str) -> None:
    assert f"{date} has not ended yet in time zone UTC" in refused("run", "--date", date, "--source", source)


@pytest.mark.parametrize(
    ("zone", "hour", "newest"),
    [("UTC", 12, "2025-03-09"), ("Pacific/Kiritimati", 12, "2025-03-10"), ("America/Los_Angeles", 5, "2025-03-08")],
)
def test_a_day_that_has_not_ended(
    source: Path, monkeypatch: pytest.MonkeyPatch, zone: str, hour: int, newest: str
) -> None:
    monkeypatch.setattr(deployment, "utc_now", lambda: dt.datetime(2025, 3, 10, hour, tzinfo=dt.timezone.utc))
    monkeypatch.setenv("ACQUISITION_TIMEZONE", zone)
    line = refused("run", "--date", "2025-03-11", "--source", source)
    assert line == f"2025-03-11 has not ended yet in time zone {zone}; choose {newest} or an earlier day"


@pytest.mark.parametrize("date", ["1969-12-31", "0001-01-01"])
def test_date_before_all_days(source: Path, date: str) -> None:
    assert f"{date} is before 1970-01-01" in refused("run", "--date", date, "--source", source)


@pytest.mark.parametrize("date", ["2024-12-31", "1970-01-01"])
def test_a_day_before_the_data_is_empty_and_says_so(source: Path, tmp_path: Path, date: str) -> None:
    result = call("run", "--date", date, "--source", source, "--lake", tmp_path / "lake")
    assert result.exit_code == 0
    assert f"no lead was created by the end of {date}, the first at 2025-01-01" in " ".join(result.stdout.split())
    assert pq.read_metadata(tmp_path / "lake" / "lead_activity" / f"date={date}" / "data.parquet").num_rows == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--from", "2025-03-09", "--to", "2025-03-08"), "--from 2025-03-09 is after --to 2025-03-08"),
        (("--from", "2025-03-09"), "--from needs --to"),
        (("--to", "2025-03-09"), "--to needs --from"),
        (("--date", "2025-03-09", "--from", "2025-03-08", "--to", "2025-03-09"), "exclude each other"),
        (("--from", "2025-03-09", "--to", "2999-01-01"), "2999-01-01 has not ended yet"),
        (("--from", "2025-3-x", "--to", "2025-03-09"), "--from '2025-3-x' is not a date"),
    ],
)
def test_days_that_do_not_fit_together(source: Path, options: tuple[str, ...], words: str) -> None:
    assert words in refused("run", *options, "--source", source)


@pytest.mark.parametrize("command", [("run", *DAY), ("validate",)])
def test_lake_that_cannot_be_written(source: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    line = refused(*command, "--source", source, "--lake", tmp_path / "file" / "lake")
    assert "cannot be written" in line
    assert "--lake" in line


def test_lake_of_an_unknown_kind(source: Path) -> None:
    assert "cannot be opened" in refused("run", *DAY, "--source", source, "--lake", "nosuchkind://bucket/lake")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1", "not valid YAML"),
        ("- 1\n", "must be a mapping"),
        ("dynamic_scores: {completion_pionts: 3}", "dynamic_scores.completion_pionts: no such key; allowed here:"),
        ("dynamic_scores: {completion_points: a lot}", "dynamic_scores.completion_points"),
        ("dynamic_scores: {fast_response_hours: 48}", "fast_response_hours must be below response_hours"),
        ("behavior_predictions: {business_hours_share: 60}", "behavior_predictions.business_hours_share"),
        ("segments: {mine: {description: x, criterion: 'engagement_scor > 1'}}", "segment mine: line 1, column 1"),
        ("segments: {mine: {description: x, criterion: 'score in (select 1)'}}", "segment mine"),
        ("segments: {Mine!: {description: x, criterion: 'age_days > 1'}}", "segments.Mine!"),
        ("locale: de", "locale"),
    ],
)
@pytest.mark.parametrize("command", [("run", *DAY), ("validate",), ("explain", "--lead", "ana")])
def test_broken_policy(source: Path, tmp_path: Path, text: str, words: str, command: tuple[str, ...]) -> None:
    file = tmp_path / "my_policy.yaml"
    file.write_text(text, encoding="utf-8")
    options = () if command[0] == "explain" else ("--source", source)
    line = refused(*command, *options, "--policy", file, "--lake", tmp_path / "lake")
    assert str(file) in line
    assert words in line


def test_policy_that_cannot_be_read(source: Path, tmp_path: Path) -> None:
    assert "cannot be read" in refused("run", *DAY, "--source", source, "--policy", tmp_path / "none.yaml")
    assert "cannot be read" in refused("run", *DAY, "--source", source, "--policy", tmp_path)


@pytest.mark.parametrize("option", ["--source", "--lake", "--policy"])
def test_empty_option(option: str) -> None:
    assert refused("run", option, " ") == f"{option} is empty; give it a value or leave it out"


def test_a_source_of_an_unknown_kind() -> None:
    line = refused("run", *DAY, "--source", "mysql://me:s3cret@host/crm")
    assert line == "a source cannot be a URL of the kind mysql://; name a folder, a postgresql:// URL, or sample"


def test_a_variable_that_is_no_setting(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACQUISITION_LAK", "s3cret")
    result = call("validate", "--source", source, "--lake", tmp_path / "lake")
    assert result.exit_code == 0
    assert (
        "warning: the environment variable ACQUISITION_LAK is no setting and has no effect; did you mean "
        "ACQUISITION_LAKE?" in result.stderr.splitlines()
    )
    assert "s3cret" not in result.output


def test_wrong_setting(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACQUISITION_THREADS", "many")
    assert refused("run", *DAY, "--source", source).startswith("ACQUISITION_THREADS='many'")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "--dat", "x"), "acquisition run --help"),
        (("runn",), "acquisition --help"),
        (("explain",), "--lead"),
        (("ui", "--port", "high"), "--port"),
        (("ui", "--port", "70000"), "--port"),
        (("run", "--date"), "--date"),
    ],
)
def test_wrong_command_line(arguments: tuple[str, ...], words: str) -> None:
    assert words in refused(*arguments)


@pytest.mark.parametrize("home", ["relative/home", "/nonexistent/home"])
def test_wrong_dagster_home(source: Path, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    monkeypatch.setenv("DAGSTER_HOME", home)
    assert f"DAGSTER_HOME={home} cannot be opened" in refused("run", *DAY, "--source", source)


def test_broken_dagster_yaml(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dagster.yaml").write_text("telemetry: [", encoding="utf-8")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    line = refused("run", *DAY, "--source", source)
    assert f"DAGSTER_HOME={tmp_path / 'home'} cannot be opened" in line
    assert "dagster.yaml" in line
    assert "repair it, or unset DAGSTER_HOME" in line


def test_no_secret_is_shown(tmp_path: Path) -> None:
    url = "postgresql://reader:s3cret%20p@ss@db.example.com:5432/crm?sslpassword=hidden"
    for command in (("run", *DAY), ("validate",)):
        line = refused(*command, "--source", url, "--lake", tmp_path / "lake", code=None)
        assert "s3cret" not in line
        assert "hidden" not in line


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("postgresql://reader:s3cret@localhost:1/crm", True),
        ("postgresql://reader@localhost:1/crm?password=s3cret", True),
        ("postgresql://reader@localhost:1/crm", False),
    ],
)
def test_a_password_on_the_command_line_is_a_warning(tmp_path: Path, url: str, warned: bool) -> None:
    result = call("run", *DAY, "--source", url, "--lake", tmp_path / "lake")
    warning = (
        "warning: whoever lists this machine's processes sees the password in --source; set ACQUISITION_SOURCE in the "
        "environment instead"
    )
    assert (warning in result.stderr.splitlines()) == warned
    assert "s3cret" not in result.output


def test_a_password_in_the_environment_is_no_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACQUISITION_SOURCE", "postgresql://reader:s3cret@localhost:1/crm")
    result = call("run", *DAY, "--lake", tmp_path / "lake")
    assert "warning" not in result.stderr
    assert "s3cret" not in result.output


def test_the_lake_is_left_alone(source: Path, tmp_path: Path) -> None:
    refused("run", "--date", "2999-01-01", "--source", source, "--lake", tmp_path / "lake")
    refused("run", *DAY, "--source", tmp_path / "none", "--lake", tmp_path / "lake")
    assert not (tmp_path / "lake").exists()
