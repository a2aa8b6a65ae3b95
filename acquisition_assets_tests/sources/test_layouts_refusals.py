"""Protects layouts as data: a wrong one is refused with its place, nothing is guessed, and hostile ones do no harm."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from acquisition_assets.core.errors import InputError
from acquisition_assets.sources.files import FileSource
from acquisition_assets.sources.layouts.library import named_layout, read_layout
from acquisition_assets_tests.sources.layouts_reading import Read, read

LEADS = "tables: {leads: {columns: {lead_id: Id, status: Stage, created_at: Born}}}"
HEAD = "name: own\ntitle: Own\nrecognised_by: [Id, Stage, Born]\n"


def layout(folder: Path, text: str, head: str = HEAD) -> Path:
    """Write a layout file."""
    path = folder / "own.yaml"
    path.write_text(head + text, encoding="utf-8")
    return path


def rows(folder: Path, text: str, **files: str) -> Read:
    """Return what files become by a layout; a name's last underscore is the dot of its ending."""
    source = folder / "source"
    source.mkdir()
    for name, content in files.items():
        (source / ".".join(name.rsplit("_", 1))).write_text(content, encoding="utf-8")
    return read(source, [read_layout(layout(folder, text, ""))])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tables: {leads: {cells: {}}}", "tables.leads.0.cells: no such key"),
        ("tables: {lead: {columns: {}}}", "there is no input table 'lead'; there are leads, events"),
        ("tables: {leads: {columns: {lead_id: Id, stat: S}}}", "leads has no column 'stat'; it has lead_id"),
        ("tables: {leads: {columns: {lead_id: Id, status: Stage}}}", "nothing gives the required column created_at"),
        (LEADS.replace("Born}", "{from: Born, time: '%Q'}}"), "has the directive '%Q'"),
        (LEADS.replace("Born}", "{from: Born, time: '%H:%M'}}"), "a pattern with day, month and year"),
        (LEADS.replace("Born}", "{from: Born, time: '%d%d %m %Y'}}"), "names one directive twice"),
        (LEADS.replace("Id,", "{from: Id, time: iso},"), "leads.lead_id: time is for columns that hold times"),
        (
            LEADS.replace("Id,", "{from: Id, divide_by: 100},"),
            "divide_by is for columns that hold numbers",
        ),
        (
            LEADS.replace("Id,", "{from: Id, when: {column: Id, equals: x, same_as: Stage}},"),
            "exactly one of equals, in, is and same_as",
        ),
        (LEADS.replace("Id,", "{from: Id, constant: x},"), "exactly one of from, constant, text and item"),
        (LEADS.replace("Id,", "{item: true},"), "item needs each"),
        ("files: ['../*.csv']\n" + LEADS, "files outside the folder are not read"),
        ("files: ['/etc/passwd']\n" + LEADS, "files outside the folder are not read"),
        (f"files: ['{'*a' * 40}']\n" + LEADS, "at most 6 stars"),
        ("timezone: Mars/Base\n" + LEADS, "must be an IANA time zone"),
        ("encoding: klingon\n" + LEADS, "must be an encoding of text"),
        ("records: {at: events}\n" + LEADS, "at and unwrap are paths"),
        (LEADS.replace("Id,", '"$.a[*]",'), "must be a path such as"),
        (f"tables: {'[' * 60}{']' * 60}", "nested deeper than 50 levels"),
        (LEADS.replace("Id,", f"'{'x' * 300}',"), "at most 200 characters"),
        ("tables: *x", "aliases are not read"),
    ],
)
def test_what_a_layout_may_not_say(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=r"own.yaml") as refused:
        read_layout(layout(tmp_path, text))
    assert words in str(refused.value)


def test_a_layout_that_does_not_exist() -> None:
    with pytest.raises(InputError, match="did you mean hubspot-contacts"):
        named_layout("hubspot-contact")


DATES = "name: own\ntitle: Own\nfiles: ['*.*']\n" + LEADS.replace(
    "Born}", "{from: Born, time: ['%d/%m/%Y %H:%M', '%m/%d/%Y %H:%M']}}"
)


@pytest.mark.parametrize(
    ("born", "times", "note"),
    [
        (("03/04/2025 10:00", "25/04/2025 11:00"), ["2025-04-03 10:00:00", "2025-04-25 11:00:00"], "the day first"),
        (("03/04/2025 10:00", "04/25/2025 11:00"), ["2025-03-04 10:00:00", "2025-04-25 11:00:00"], "the month first"),
    ],
)
def test_values_prove_the_order_of_day_and_month(tmp_path: Path, born: list[str], times: list[str], note: str) -> None:
    found = rows(tmp_path, DATES, crm_csv="Id,Stage,Born\n" + "".join(f"{n},new,{at}\n" for n, at in enumerate(born)))
    assert [row["created_at"] for row in found.rows["leads"]] == times
    assert note in found.notes["leads"][0]


@pytest.mark.parametrize(
    ("born", "words"),
    [
        (("03/04/2025 10:00", "05/06/2025 11:00"), 'either time: "%d/%m/%Y %H:%M" or time: "%m/%d/%Y %H:%M"'),
        (("25/04/2025 10:00", "04/25/2025 11:00"), "mixes times with the day first (1) and with the month first (1)"),
    ],
)
def test_an_order_that_nothing_proves_is_refused(tmp_path: Path, born: list[str], words: str) -> None:
    with pytest.raises(InputError, match=r"crm.csv") as refused:
        rows(tmp_path, DATES, crm_csv="Id,Stage,Born\n" + "".join(f"{n},new,{at}\n" for n, at in enumerate(born)))
    assert words in str(refused.value)


def test_units_of_time_and_numbers_that_are_none(tmp_path: Path) -> None:
    text = (
        "name: own\ntitle: Own\nfiles: ['*.*']\ndecimal: ','\n"
        "tables: {leads: {columns: {lead_id: Id, status: {from: S, words: "
        "{Neu: new}, otherwise: nurturing}, engagement_score: Score, created_at: {from: A, time: epoch_ms}, "
        "engaged_at: {from: B, time: excel}, converted_at: {from: C, time: epoch_s}}}}"
    )
    found = rows(
        tmp_path,
        text,
        crm_csv='ID;s;score;A;B;C\n1; NEU ;"1.234,5";1758873600123;45926.5;-\n2;x;;1758873600;45926;253402300800\n',
    )
    first, second = found.rows["leads"]
    assert first == {
        "lead_id": "1",
        "status": "new",
        "engagement_score": "1234.5",
        "created_at": "2025-09-26 08:00:00.123+00",
        "engaged_at": "2025-09-26 12:00:00",
        "converted_at": None,
    }
    assert second["created_at"] == "1758873600 as epoch_ms", "seconds are no milliseconds: nothing reads this"
    assert second["converted_at"] == "253402300800 as epoch_s"
    assert second["status"] == "nurturing"


def test_a_row_with_several_times_gives_several_events_and_keeps_the_row_as_read(tmp_path: Path) -> None:
    mappings = [
        {
            "when": {"column": name, "is": "there"},
            "columns": {"lead_id": "id", "event_type": {"constant": name.lower()}, "occurred_at": name},
        }
        for name in ("Sent", "Opened")
    ]
    text = f"name: own\ntitle: Own\nfiles: ['*.*']\ntables: {json.dumps({'events': mappings})}"
    header = '\ufeffID,Sent,Opened,"x\'; drop table y"'
    found = rows(tmp_path, text, log_csv=f"{header}\n1,2025-09-01,2025-09-02,z\n2,2025-09-03,,\n")
    kinds = [(row["lead_id"], row["event_type"], row["occurred_at"]) for row in found.rows["events"]]
    assert kinds == [("1", "sent", "2025-09-01"), ("1", "opened", "2025-09-02"), ("2", "sent", "2025-09-03")]
    as_read = {"id": "1", "sent": "2025-09-01", "opened": "2025-09-02", "x'; drop table y": "z"}
    assert [json.loads(row) for row in found.as_read["events"][:2]] == [as_read, as_read]


def test_names_and_words_that_hold_sql_are_only_text(tmp_path: Path) -> None:
    name, word = "Id\"); drop table leads; --'", "a'); select 1; --"
    columns = json.dumps(
        {"lead_id": name, "status": {"from": "S", "words": {word: "new"}}, "created_at": {"constant": word}}
    )
    text = f"name: own\ntitle: Own\nfiles: ['*.*']\ntables: {{leads: {{columns: {columns}}}}}"
    lines = json.dumps({name: "1", "S": word}) + "\n" + json.dumps({name: "2", "S": "x"}) + "\n"
    found = rows(tmp_path, text, log_jsonl=lines)
    expected = [{"lead_id": each, "status": status, "created_at": word} for each, status in (("1", "new"), ("2", "x"))]
    assert found.rows["leads"] == expected


def test_parts_of_cells_and_prefixes(tmp_path: Path) -> None:
    text = (
        "name: own\ntitle: Own\nfiles: ['*.*']\ntables: {leads: {columns: {lead_id: {from: Id, strip_prefix: 'urn:'}, "
        "status: {from: Path, split: {by: '>', take: -1}, words: {won: converted}}, created_at: Born, "
        "interest_area: {from: Path, split: {by: '>', take: 3}}}}}"
    )
    found = rows(
        tmp_path, text, **{"it's; drop table x--_csv": "Id,Path,Born\nURN:7,Lead>Won,2025-09-01\n8,,2025-09-02\n"}
    )
    assert found.rows["leads"] == [
        {"lead_id": "7", "status": "converted", "created_at": "2025-09-01", "interest_area": None},
        {"lead_id": "8", "status": None, "created_at": "2025-09-02", "interest_area": None},
    ]


def test_two_layouts_that_recognise_a_file_and_one_that_is_near(tmp_path: Path) -> None:
    (tmp_path / "crm.csv").write_text("Id,Stage,Born\n1,new,2025-09-01\n", encoding="utf-8")
    for name in ("one", "two"):
        text = HEAD.replace("own", name) + LEADS
        (tmp_path / f"{name}.layout.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="recognised by the layouts one and two; choose one with --layout one"):
        FileSource(tmp_path).check()
    assert FileSource(tmp_path, layouts=[str(tmp_path / "one.layout.yaml")]).check()
    (tmp_path / "two.layout.yaml").unlink()
    (tmp_path / "crm.csv").write_text("Id,Stage\n1,new\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"crm.csv is no export that a layout knows; one is nearest, but needs Born"):
        FileSource(tmp_path).check()


def test_files_that_would_fill_memory_or_disk(tmp_path: Path) -> None:
    own = read_layout(layout(tmp_path, LEADS))
    wide, deep, bomb = (tmp_path / name for name in ("wide", "deep", "bomb"))
    for folder in (wide, deep, bomb):
        folder.mkdir()
    (wide / "a.csv").write_text("Id,Stage,Born," + ",".join(f"c{n}" for n in range(10_000)) + "\n1,new,2025-09-01\n")
    with pytest.raises(InputError, match="10003 columns, more than 2000"):
        read(wide, [own])
    record = '{"Id": "1", "Stage": "new", "Born": "2025-09-01"}'
    (deep / "a.json").write_text(f"[{record}, {'[' * 100_000}{']' * 100_000}]")
    with pytest.raises(InputError, match="nested deeper than 512 levels"):
        read(deep, [own])
    (deep / "a.json").unlink()
    (deep / "b.jsonl").write_text(f'{record}\n{{"Id": "2", "a": {"[" * 100_000}{"]" * 100_000}}}\n')
    found = read(deep, [own])
    assert [(row["lead_id"], row["status"]) for row in found.rows["leads"]] == [("1", "new"), ("2", None)]
    with gzip.open(bomb / "a.jsonl.gz", "wb", compresslevel=9) as packed:
        packed.write(f"{record}\n".encode())
        for _ in range(300):
            packed.write(b" " * (1 << 20))
    with pytest.raises(InputError, match="unpacks to more than 200 times its size"):
        read(bomb, [own])
