"""Protects `acquisition run` once it has started: progress, summary, ranges, and the outcome of failed assets.

Bad input is tested in test_wrong_input.py.
"""

from __future__ import annotations

import datetime as dt
import shlex
import shutil
from pathlib import Path

import dagster as dg
import pytest

from acquisition_assets.catalog import PRODUCTS, REPORTS
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.policy import LOCALES
from acquisition_assets.core.sections import DayView, Section
from acquisition_assets.policy import read_policy
from acquisition_assets_tests.commands.conftest import DAYS, call

pytestmark = pytest.mark.usefixtures("english")
TITLES = (
    "Dynamic scores",
    "Behavior predictions",
    "Content recommendations",
    "Lead segments",
    "Anomalies",
    "Social performance",
    "Flagged checks",
)
NEXT = "2025-03-11"


@pytest.fixture
def own_lake(lake: Path, tmp_path: Path) -> Path:
    """A copy of the filled lake, to be written to."""
    return Path(shutil.copytree(lake, tmp_path / "lake"))


def test_a_range_runs_in_order_and_ends_with_a_summary(filled: tuple[Path, str]) -> None:
    lake, printed = filled
    headers = [line.split()[0] for line in printed.splitlines() if "from folder" in line]
    assert headers == list(DAYS)
    assert [printed.index(title) for title in TITLES] == sorted(printed.index(title) for title in TITLES)
    assert f"{DAYS[0]} to {DAYS[-1]}: done in" in printed
    assert all((lake / "dynamic_scores" / f"date={day}").is_dir() for day in DAYS)
    assert printed.count("  dynamic_scores  ") >= len(DAYS)


def test_the_summary_has_both_languages(filled: tuple[Path, str]) -> None:
    """No line, title or column of a section is the same in both; tables and checks keep their names."""
    lake, day = Lake(str(filled[0])), dt.date.fromisoformat(DAYS[-1])
    policies = [read_policy().model_copy(update={"locale": locale}) for locale in LOCALES]
    found: list[list[Section]] = []
    for policy in policies:
        view = DayView(lake, day, policy.locale)
        found.append([product.summary(view) for product in PRODUCTS if product.summary is not None])
        for spec in REPORTS:
            report = spec.model.model_validate_json(lake.read_report(day, spec.task))
            found[-1].append(spec.section(report, view, policy))
    for spanish, english in zip(*found, strict=True):
        assert spanish.title != english.title
        assert len(spanish.parts) == len(english.parts)
        for one, other in zip(spanish.parts, english.parts, strict=True):
            assert one != other
    spoken = " ".join(str(part) for section in found[0] for part in section.parts)
    assert "3 leads analizados" in spoken
    assert "1 convertirá probablemente" in spoken
    assert "puntos, de 95 como máximo" in spoken


def test_missing_tables_are_warned_of(filled: tuple[Path, str]) -> None:
    assert "warning: " in filled[1]
    assert "has no status_changes; it is taken as empty" in filled[1]


def test_flagged_checks_are_told_with_their_day(filled: tuple[Path, str], source: Path, own_lake: Path) -> None:
    before = filled[1][filled[1].index("Flagged checks") :]
    assert [line.split()[3] for line in before.splitlines() if line.strip().startswith("WARN")] == ["unclassified"] * 3
    result = call("run", "--date", "2025-03-12", "--source", source, "--lake", own_lake)  # the day before has no scores
    assert result.exit_code == 0
    flagged = result.stdout[result.stdout.index("Flagged checks") :]
    assert "previous_day" in flagged
    assert "2025-03-12" in flagged


def test_the_default_day_is_yesterday(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from acquisition_assets.commands import deployment

    monkeypatch.setattr(deployment, "utc_now", lambda: dt.datetime(2025, 3, 11, 3, tzinfo=dt.timezone.utc))
    monkeypatch.setenv("ACQUISITION_TIMEZONE", "America/New_York")
    monkeypatch.setenv("ACQUISITION_SOURCE", str(source))
    monkeypatch.setenv("ACQUISITION_LAKE", str(tmp_path / "lake"))
    result = call("run")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("warning: ") or "2025-03-09 (America/New_York)" in result.output
    assert (tmp_path / "lake/lead_activity/date=2025-03-09").is_dir()


def test_options_win_over_the_environment(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACQUISITION_SOURCE", str(tmp_path / "nowhere"))
    monkeypatch.setenv("ACQUISITION_LAKE", str(tmp_path / "not this"))
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "locale: en\nsegments: {young: {description: Jóvenes, criterion: age_days < 5}}", encoding="utf-8"
    )
    options = ("--source", source, "--lake", tmp_path / "lake", "--policy", policy)
    result = call("run", "--date", DAYS[-1], *options)
    assert result.exit_code == 0, result.output
    assert "Jóvenes" in result.output
    assert not (tmp_path / "not this").exists()


def test_a_failed_asset_is_exit_code_1(source: Path, own_lake: Path) -> None:
    (own_lake / "dynamic_scores" / f"date={DAYS[-1]}" / "data.parquet").write_bytes(b"PAR1 broken")
    result = call("run", "--date", NEXT, "--source", source, "--lake", own_lake)
    assert result.exit_code == 1
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert errors[0].startswith(
        f"error: {NEXT}: dynamic_scores: partition dynamic_scores/date={DAYS[-1]} of the lake is"
    )
    assert f"acquisition run --date {DAYS[-1]}" in errors[0]
    assert "behavior_predictions" in errors[1]
    assert len(errors) == 2
    assert "Anomalies" in result.stdout  # what does not read it ran, and is reported
    assert "Dynamic scores" not in result.stdout  # no report of another run is shown
    assert f"{NEXT}: failed in" in result.stdout
    assert "Traceback" not in result.output


def test_a_range_stops_at_the_day_that_fails(source: Path, own_lake: Path) -> None:
    (own_lake / "dynamic_scores" / f"date={DAYS[-1]}" / "data.parquet").write_bytes(b"PAR1 broken")
    result = call("run", "--from", NEXT, "--to", "2025-03-13", "--source", source, "--lake", own_lake)
    assert result.exit_code == 1
    assert f"stopped at {NEXT}" in result.stderr
    assert "not run: 2 days after it" in result.stderr
    assert not (own_lake / "lead_activity/date=2025-03-12").exists()


def test_too_many_bad_rows_are_exit_code_1(source: Path, own_lake: Path) -> None:
    with (source / "leads.csv").open("a", encoding="utf-8") as file:
        file.writelines(f"bad{n},bad{n}@example.com,organic,,no such status,0,2025-01-01\n" for n in range(12))
    before = (own_lake / "raw_leads" / f"date={DAYS[-1]}" / "data.parquet").read_bytes()
    result = call("run", "--date", DAYS[-1], "--source", source, "--lake", own_lake)
    assert result.exit_code == 1
    assert "unknown word: 12" in result.stderr
    assert "not run, as what they read failed" in result.stderr
    assert (own_lake / "raw_leads" / f"date={DAYS[-1]}" / "data.parquet").read_bytes() == before


def test_bad_rows_below_the_limit_are_flagged(source: Path, own_lake: Path) -> None:
    with (source / "events.csv").open("a", encoding="utf-8") as file:
        file.write("99,nobody@example.com,,opened,,,2025-03-10T12:00:00Z\n")
    result = call("run", "--date", DAYS[-1], "--source", source, "--lake", own_lake)
    assert result.exit_code == 0
    assert "unknown lead: 1" in result.stdout


def test_full_reads_everything_again(source: Path, own_lake: Path) -> None:
    early = own_lake / "raw_events/date=2025-01-20/data.parquet"
    early.write_bytes(b"PAR1 broken")
    broken = call("run", "--date", DAYS[-1], "--source", source, "--lake", own_lake)
    assert broken.exit_code == 1
    assert "--full" in broken.stderr
    repaired = call("run", "--date", DAYS[-1], "--source", source, "--lake", own_lake, "--full")
    assert repaired.exit_code == 0, repaired.output


def test_a_day_without_data_is_legal(tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text("lead_id,status,created_at\n", encoding="utf-8")
    result = call("run", "--date", DAYS[0], "--source", tmp_path, "--lake", tmp_path / "lake")
    assert result.exit_code == 0, result.output
    assert "0 leads analysed" in result.stdout
    assert "none of the leads is new, nurturing or engaged" in result.stdout
    assert "none of the leads that are new, nurturing or engaged meets a rule" in result.stdout


def test_the_instance_of_dagster_home_sees_the_run(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    assert call("run", "--date", DAYS[0], "--source", source, "--lake", tmp_path / "lake").exit_code == 0
    with dg.DagsterInstance.get() as instance:
        assert instance.get_materialized_partitions(dg.AssetKey("lead_segments")) == {DAYS[0]}


def test_strange_text_is_shown_as_it_stands(source: Path, tmp_path: Path) -> None:
    with (source / "leads.csv").open("a", encoding="utf-8") as file:
        file.write('"[bold]zoe, \x1b[31m😀 ""q""",,organic,,engaged,60,2025-02-01\n')
    result = call("run", "--date", DAYS[0], "--source", source, "--lake", tmp_path / "lake")
    assert result.exit_code == 0, result.output
    assert "[bold]zoe, \N{REPLACEMENT CHARACTER}[31m😀" in result.stdout


def test_a_run_ends_with_the_command_that_explains_a_score_and_the_brief(source: Path, tmp_path: Path) -> None:
    lake = tmp_path / "a lake"
    result = call("run", "--date", DAYS[-1], "--source", source, "--lake", lake)
    hint, brief = result.stdout.splitlines()[-2:]
    assert hint.startswith("why a score is what it is: ")
    assert brief.startswith("brief: ")
    command = shlex.split(hint.removeprefix("why a score is what it is: "))
    assert command[:4] == ["acquisition", "explain", "--lake", str(lake)]
    assert call(*command[1:]).exit_code == 0


def test_folders_may_have_any_name(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "it's [a] *strange? $place, ñ"
    shutil.copytree(source, folder / "source")
    options = ("--lake", folder / "lake")
    for day in (DAYS[0], DAYS[-1]):
        result = call("run", "--date", day, "--source", folder / "source", *options)
        assert result.exit_code == 0, result.output
    assert call("validate", "--source", folder / "source", *options).exit_code == 0
    assert call("explain", "--lead", "ana", *options).exit_code == 0


@pytest.mark.parametrize(("day", "quiet"), [("2025-06-06", False), ("2025-06-09", True)])
def test_a_day_long_after_the_data_says_when_that_was(source: Path, tmp_path: Path, day: str, quiet: bool) -> None:
    result = call("run", "--date", day, "--source", source, "--lake", tmp_path / "lake")
    assert result.exit_code == 0
    words = f"nothing happened in the 90 days up to {day}; the newest lead was created on 2025-03-09: choose a day near"
    assert (words in result.stdout) is quiet
