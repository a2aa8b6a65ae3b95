"""Protects what people see of layouts: the list, drafts that are written once, and how validate shows each export."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from acquisition_assets.commands.layout import layout_command
from acquisition_assets.commands.validate import validate_command
from acquisition_assets.core.errors import InputError

CASES = Path(__file__).resolve().parents[1] / "data" / "cases"


def test_the_list_names_what_each_layout_gives(capsys: pytest.CaptureFixture[str]) -> None:
    assert layout_command(listed=True, write=False) == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if "hubspot-contacts " in line]
    assert line.split()[-2:] == ["leads,", "aliases"]


def test_a_draft_is_written_once_and_read_from_then_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        "Kundennummer;E-Mail;Phase;Erstellt am\n1;ana@example.com;Neu;25.09.2025\n2;bo@example.com;Kunde;26.09.2025\n"
    )
    (tmp_path / "kontakte.csv").write_text(text, encoding="utf-8")
    assert layout_command(listed=False, write=False, source=str(tmp_path)) == 0
    assert "erstellt am" in capsys.readouterr().out
    assert not (tmp_path / "layout.yaml").exists()
    assert layout_command(listed=False, write=True, source=str(tmp_path)) == 0
    capsys.readouterr()
    assert layout_command(listed=False, write=True, source=str(tmp_path)) == 0
    assert "kontakte.csv: read by the layout kontakte" in capsys.readouterr().out
    shutil.copyfile(tmp_path / "kontakte.csv", tmp_path / "andere.csv")
    (tmp_path / "andere.csv").write_text(text.replace("Phase", "Stufe"), encoding="utf-8")
    with pytest.raises(InputError, match=r"layout.yaml is there already"):
        layout_command(listed=False, write=True, source=str(tmp_path))


def test_validate_shows_how_an_export_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = {"source": str(CASES / "mail-webhook-log"), "lake": str(tmp_path / "lake")}
    assert validate_command("2025-09-28", **options) == 0
    shown = capsys.readouterr().out
    assert "file    events.json: layout sendgrid-events, 16 records, 16 events" in shown
    assert "not used: smtp-id, category" in shown
    assert "events.occurred_at: 16 times, 2025-09-26 08:00 to" in shown
    assert "a•••@e•••" in shown
    assert "ana@example" not in shown


def test_validate_ends_with_2_where_times_can_be_read_both_ways(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "crm.csv").write_text("Id,Status,Created\n1,Lead,03/04/2025\n", encoding="utf-8")
    assert layout_command(listed=False, write=True, source=str(tmp_path)) == 0
    assert validate_command("2025-09-28", source=str(tmp_path), lake=str(tmp_path / "lake")) == 2
    assert 'either time: "%d/%m/%Y" or time: "%m/%d/%Y"' in capsys.readouterr().err


def test_a_named_layout_beats_that_of_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "crm.csv").write_text("Id,Stage,Born\n1,odd,2025-09-01\n2,odd,2025-09-01\n3,x,2025-09-01\n")
    text = (
        "name: {0}\ntitle: Ours\nrecognised_by: [Id, Stage, Born]\ntables: {{leads: {{columns: {{lead_id: Id, "
        "status: {{from: Stage, words: {{{1}: new}}}}, created_at: Born}}}}}}"
    )
    (source / "layout.yaml").write_text(text.format("of-the-folder", "x"), encoding="utf-8")
    named = tmp_path / "named.yaml"
    named.write_text(text.format("named", "odd"), encoding="utf-8")
    options = {"source": str(source), "lake": str(tmp_path / "lake")}
    validate_command("2025-09-28", **options)
    shown = capsys.readouterr().out
    assert "crm.csv: layout of-the-folder" in shown
    assert "unknown word, 2 rows, such as: status 'odd' is unknown; teach it in the policy file with" in shown
    validate_command("2025-09-28", layout=str(named), **options)
    shown = capsys.readouterr().out
    assert "crm.csv: layout named" in shown
    assert "unknown word, 1 row, such as: status 'x' is unknown" in shown
