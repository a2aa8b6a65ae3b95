"""Protects `acquisition validate`: it finds every problem and writes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition_assets.catalog import TABLES as CONTRACTS
from acquisition_assets.commands import source_rows, validate
from acquisition_assets_tests.commands.conftest import DAYS, EVENTS, call


def contents(folder: Path) -> dict[str, tuple[int, bytes | None]]:
    """Every file and folder below a folder: when it was changed last, and what is in it."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in folder.rglob("*")
    }


@pytest.fixture
def own_lake(lake: Path, tmp_path: Path) -> Path:
    """A copy of the filled lake, to be broken."""
    return Path(shutil.copytree(lake, tmp_path / "lake"))


def test_all_is_well(source: Path, own_lake: Path) -> None:
    before = contents(own_lake)
    result = call("validate", "--source", source, "--lake", own_lake, "--date", DAYS[-1])
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith("all is well\n")
    for contract in CONTRACTS:
        assert contract.table in result.stdout
    assert contents(own_lake) == before


@pytest.mark.parametrize("name", ["lake", "none"])
@pytest.mark.parametrize("command", ["validate", "explain"])
def test_nothing_is_written(
    own_lake: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, name: str
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("locale: en", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = contents(tmp_path)
    options = ("--source", source) if command == "validate" else ("--lead", "ana")
    result = call(command, *options, "--lake", name, "--policy", policy)
    assert result.exit_code == (2 if (command, name) == ("explain", "none") else 0)
    assert own_lake.is_dir()
    assert contents(tmp_path) == before


def test_a_lake_that_does_not_exist_is_not_made(source: Path, tmp_path: Path) -> None:
    result = call("validate", "--source", source, "--lake", tmp_path / "a" / "lake")
    assert result.exit_code == 0
    assert "does not exist yet and can be made" in result.stdout
    assert not (tmp_path / "a").exists()


def test_no_right_to_write(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validate.os, "access", lambda path, mode: False)
    result = call("validate", "--source", source, "--lake", tmp_path / "lake")
    assert result.exit_code == 2
    assert "no right to write there" in result.stderr


def test_corrupt_partitions_are_named(source: Path, own_lake: Path) -> None:
    (own_lake / "dynamic_scores" / f"date={DAYS[0]}" / "data.parquet").write_bytes(b"junk")
    events = own_lake / "raw_events/date=2025-01-20/data.parquet"
    events.write_bytes(events.read_bytes()[:-20])
    (own_lake / "reports" / f"date={DAYS[1]}" / "anomaly_detection.json").write_text("{", encoding="utf-8")
    (own_lake / "reports" / f"date={DAYS[1]}" / "social_media_tracking.json").unlink()
    result = call("validate", "--source", source, "--lake", own_lake)
    assert result.exit_code == 1
    errors = "\n".join(sorted(result.stderr.splitlines()))
    assert f"partition dynamic_scores/date={DAYS[0]} of the lake is corrupt" in errors
    assert "partition raw_events/date=2025-01-20 of the lake is corrupt" in errors
    assert "acquisition run --date 2025-01-20 --full" in errors
    assert f"the report anomaly_detection of {DAYS[1]} is corrupt" in errors
    assert f"no report social_media_tracking of {DAYS[1]}" in errors
    assert errors.count("error: ") == 4
    assert "all is well" not in result.stdout


def test_columns_that_are_not_the_contracts(source: Path, own_lake: Path) -> None:
    file = own_lake / "anomalies" / f"date={DAYS[0]}" / "data.parquet"
    table = pq.read_table(file, partitioning=None).drop_columns(["message"])
    pq.write_table(table.append_column("extra", pa.nulls(table.num_rows, pa.int64())), file)
    result = call("validate", "--source", source, "--lake", own_lake)
    assert result.exit_code == 1
    assert "column message is missing; column extra is not in the contract" in result.stderr


def test_every_part_is_looked_at_and_the_worst_code_wins(own_lake: Path, tmp_path: Path) -> None:
    (own_lake / "dynamic_scores" / f"date={DAYS[0]}" / "data.parquet").write_bytes(b"junk")
    (tmp_path / "policy.yaml").write_text("locale: de", encoding="utf-8")
    result = call("validate", "--source", tmp_path / "none", "--lake", own_lake, "--policy", tmp_path / "policy.yaml")
    assert result.exit_code == 2
    assert result.stderr.count("error: ") == 3


DAY = ("--date", "2025-03-10")
HEADER = "lead_id,status,created_at"


def looked_at(folder: Path, *options: str, **files: str) -> tuple[int, str, str]:
    """What validate says of a source of these files: exit code, stdout, and the lines of stderr but the warnings."""
    place = folder / "rows"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for name, text in files.items():
        (place / f"{name}.csv").write_text(text, encoding="utf-8")
    result = call("validate", "--source", place, "--lake", folder / "lake", *(options or DAY))
    assert not (folder / "lake").exists()
    errors = [line for line in result.stderr.splitlines() if not line.startswith("warning: ")]
    return result.exit_code, result.stdout, "\n".join(errors)


@pytest.mark.parametrize("rows", [3, 12])
def test_leads_of_which_not_one_can_be_read_end_with_1(tmp_path: Path, rows: int) -> None:
    text = "\n".join([HEADER, *(f"T-{n},new,{n + 10}/02/2025 09:10" for n in range(rows))])
    code, told, errors = looked_at(tmp_path, leads=text)
    assert code == 1
    assert f"leads: {rows} of {rows} rows would go to quarantine" in told
    assert f"unparsable value, {rows} rows, such as: created_at '10/02/2025 09:10' cannot be read" in told
    assert errors.startswith(f"error: a run of 2025-03-10 would stop: leads: {rows} of {rows} rows are bad")
    assert "all is well" not in told


def test_unknown_words_come_with_the_line_that_teaches_them(tmp_path: Path) -> None:
    leads = "\n".join([HEADER, *(f"{n},new,2025-03-09" for n in range(40)), "x,Very Hot,2025-03-09"])
    events = "lead_id,event_type,occurred_at\n" + "1,sent,2025-03-09\n" * 2 + "1,gazed,2025-03-10\n"
    code, told, errors = looked_at(tmp_path, leads=leads, events=events)
    assert (code, errors) == (0, "")
    assert 'vocabulary: {status: {"very hot": new}} (or nurturing, engaged, converted, inactive)' in told
    assert 'vocabulary: {event_type: {"gazed": sent}} (or opened,' in told
    assert "all is well" not in told
    policy = tmp_path / "policy.yaml"
    policy.write_text('vocabulary: {status: {"very hot": new}, event_type: {"gazed": sent}}', encoding="utf-8")
    code, told, _ = looked_at(tmp_path, *DAY, "--policy", str(policy), leads=leads, events=events)
    assert code == 0
    assert "all is well" in told


def test_cells_unknown_leads_and_stale_tables_are_found_and_stop_nothing(tmp_path: Path) -> None:
    leads = f"{HEADER},engaged_at\na,new,2025-02-01,soon\nb,new,2025-02-01,2025-02-02\n"
    events = "lead_id,event_type,occurred_at\na,sent,2025-03-09\nnobody@example.com,sent,2025-03-10\n"
    code, told, errors = looked_at(tmp_path, leads=leads, events=events)
    assert (code, errors) == (0, "")
    assert "leads: 1 of 2 cells of engaged_at cannot be read and are missing, such as 'soon'" in told
    assert "events: unknown lead, 1 row, such as: lead_id is not among the leads" in told
    assert "leads: 37 expected days without a new row up to 2025-03-10" in told
    assert "all is well" not in told


def test_rows_of_the_future_are_not_judged(tmp_path: Path) -> None:
    text = "\n".join([HEADER, *(f"{n},new,2025-03-10" for n in range(5)), *(f"f{n},bad,2025-03-11" for n in range(6))])
    assert looked_at(tmp_path, leads=text)[:1] == (0,)
    assert looked_at(tmp_path, "--date", "2025-03-11", leads=text)[0] == 1


def test_events_of_other_people_only_end_with_1(tmp_path: Path) -> None:
    events = "lead_id,event_type,occurred_at\n" + "".join(f"{n},sent,2025-03-10\n" for n in range(10))
    code, _, errors = looked_at(tmp_path, leads=f"{HEADER}\na,new,2025-03-10\n", events=events)
    assert code == 1
    assert "are these the ids of the leads?" in errors


def test_it_ends_with_1_where_a_run_over_this_lake_would_stop(source: Path, own_lake: Path) -> None:
    history = "".join(f"h{n},ana,,sent,,,2025-02-{n % 28 + 1:02}T09:00:00Z\n" for n in range(900))
    bad = "".join(f"b{n},ana,,gazed,,,2025-03-10T09:00:00Z\n" for n in range(20))
    (source / "events.csv").write_text(EVENTS + history, encoding="utf-8")
    options = ("--source", source, "--lake", own_lake, *DAY)
    assert call("run", *options).exit_code == 0
    (source / "events.csv").write_text(EVENTS + history + bad, encoding="utf-8")
    result = call("validate", *options)
    assert result.exit_code == 1
    assert "a run of 2025-03-10 would stop: events: 20 of" in result.stderr
    assert call("run", *options).exit_code == 1


def test_of_a_long_table_the_first_rows_are_looked_at_and_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_rows, "MOST_ROWS", 4)
    leads = "\n".join([HEADER, *(f"{n},new,2025-03-09" for n in range(5)), "x,bad,2025-03-09"])
    events = "lead_id,event_type,occurred_at\n" + "5,sent,2025-03-09\n" * 2
    code, told, _ = looked_at(tmp_path, leads=leads, events=events)
    assert code == 0
    assert "only the first 4 rows were looked at, and not how new they are: leads" in told
    assert "were not compared with the leads" in told
    assert "unknown lead" not in told
    monkeypatch.setattr(source_rows, "MOST_ROWS", 6)
    assert "unknown word" in looked_at(tmp_path, leads=leads, events=events)[1]


def test_a_file_that_has_a_tables_name_and_is_not_read_is_not_well(source: Path, tmp_path: Path) -> None:
    (source / "content.xlsx").write_bytes(b"")
    result = call("validate", "--source", source, "--lake", tmp_path / "lake", *DAY)
    assert result.exit_code == 0
    assert "all is well" not in result.stdout
