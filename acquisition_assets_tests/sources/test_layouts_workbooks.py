"""Protects workbooks as exports: typed cells, dates, titles in merged cells, named sheets, and what is refused."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from acquisition_assets.core.errors import InputError
from acquisition_assets.sources.layouts.draft import draft
from acquisition_assets.sources.layouts.library import named_layout, read_layout
from acquisition_assets.sources.layouts.records import Export
from acquisition_assets_tests.sources.layouts_reading import read

Cell = str | float | bool | dt.datetime | dt.date | None
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
# Cells of style 1 show their number as a date with a time, those of style 2 as a date.
STYLES = (
    f'<styleSheet xmlns="{MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="dd/mm/yyyy hh:mm"/></numFmts>'
    "<fonts><font/></fonts><fills><fill/></fills><borders><border/></borders><cellStyleXfs><xf/></cellStyleXfs>"
    '<cellXfs><xf/><xf numFmtId="164" applyNumberFormat="1"/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs>'
    "</styleSheet>"
)
TYPES = (
    f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/><Default '
    'Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>'
)


def at(*numbers: int) -> dt.datetime:
    """A time of a workbook, which knows no zones."""
    return dt.datetime(*numbers)  # type: ignore[arg-type]  # noqa: DTZ001


def cell_xml(place: str, value: Cell) -> str:
    """A cell as spreadsheets write it: dates are numbers of days with a style."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    if isinstance(value, (int, float)):
        return f'<c r="{place}"><v>{value!r}</v></c>'
    moment = value if isinstance(value, dt.datetime) else dt.datetime.combine(value, dt.time())
    days = (moment - at(1899, 12, 30)) / dt.timedelta(days=1)
    return f'<c r="{place}" s="{1 if isinstance(value, dt.datetime) else 2}"><v>{days!r}</v></c>'


def write_workbook(path: Path, merged: Sequence[str] = (), **sheets: Sequence[Sequence[Cell]]) -> None:
    """Write a workbook; the merged areas are those of the first sheet."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("[Content_Types].xml", TYPES)
        book.writestr("xl/styles.xml", STYLES)
        links = [f'<Relationship Id="s" Type="{OFFICE}/styles" Target="styles.xml"/>']
        listed = []
        for number, (name, rows) in enumerate(sheets.items(), start=1):
            lines = "".join(
                f'<row r="{at}">{"".join(cell_xml(f"{chr(65 + n)}{at}", value) for n, value in enumerate(row))}</row>'
                for at, row in enumerate(rows, start=1)
            )
            areas = "".join(f'<mergeCell ref="{area}"/>' for area in merged) if number == 1 else ""
            merging = f"<mergeCells>{areas}</mergeCells>" if areas else ""
            text = f'<worksheet xmlns="{MAIN}"><sheetData>{lines}</sheetData>{merging}</worksheet>'
            book.writestr(f"xl/worksheets/sheet{number}.xml", text)
            links.append(
                f'<Relationship Id="r{number}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{number}.xml"/>'
            )
            listed.append(f'<sheet name="{name}" sheetId="{number}" r:id="r{number}"/>')
        head = f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}">'
        book.writestr("xl/workbook.xml", f"{head}<sheets>{''.join(listed)}</sheets></workbook>")
        relations = f'<Relationships xmlns="{PACKAGE}/relationships">'
        book.writestr("xl/_rels/workbook.xml.rels", f"{relations}{''.join(links)}</Relationships>")
        office = f'<Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
        book.writestr("_rels/.rels", f"{relations}{office}</Relationships>")


HEADER = ("Record ID", "Email", "Lifecycle Stage", "Create Date", "Became a Customer Date", "Lead Score", "Notes")
CONTACTS: list[Sequence[Cell]] = [
    (5601, "ana@example.com", "Lead", at(2025, 9, 18, 9, 30, 20), None, 5.5, True),
    (None,) * 7,
    (5602.0, " Bo@Example.com", "Customer", at(2025, 9, 19, 23, 40), dt.date(2025, 9, 20), 7, "#N/A"),
]
EXPECTED = [
    {
        "lead_id": "5601",
        "email": "ana@example.com",
        "status": "new",
        "created_at": "2025-09-18 09:30:20",
        "converted_at": None,
        "engagement_score": "5.5",
    },
    {
        "lead_id": "5602",
        "email": " Bo@Example.com",
        "status": "converted",
        "created_at": "2025-09-19 23:40:00",
        "converted_at": "2025-09-20",
        "engagement_score": "7",
    },
]


@pytest.mark.parametrize(
    ("before", "merged"),
    [
        ((), ()),
        ((("All contacts",), (), ("Exported", at(2025, 9, 28, 8, 0))), ("A1:G1",)),
        ((("Contact", None, "Sales", None, None, None, None),), ("A1:B1", "C1:G1")),
    ],
    ids=["only the names of the columns", "a title above them", "groups of columns above them"],
)
def test_typed_cells_of_a_workbook(tmp_path: Path, before: Sequence[Sequence[Cell]], merged: Sequence[str]) -> None:
    write_workbook(tmp_path / "all contacts.xlsx", merged, Sheet=[*before, HEADER, *CONTACTS])
    found = read(tmp_path, [named_layout("hubspot-contacts")])
    assert found.rows["leads"] == EXPECTED
    assert '"notes":"true"' in found.as_read["leads"][0]


def test_a_sheet_that_the_layout_names_and_days_as_numbers(tmp_path: Path) -> None:
    write_workbook(
        tmp_path / "crm.xlsx", About=[("This is", "not it")], People=[("Id", "Stage", "Born"), (7, "Neu", 45926.5)]
    )
    text = (
        "name: own\ntitle: Own\nfiles: ['*.xlsx']\nrecords: {sheet: %s}\ntables: {leads: {columns: {lead_id: Id, "
        "status: {from: Stage, words: {neu: new}}, created_at: {from: Born, time: excel}}}}"
    )
    own = tmp_path / "own.yaml"
    own.write_text(text % "People", encoding="utf-8")
    found = read(tmp_path, [read_layout(own)])
    assert found.rows["leads"] == [{"lead_id": "7", "status": "new", "created_at": "2025-09-26 12:00:00"}]
    own.write_text(text % "Persons", encoding="utf-8")
    with pytest.raises(InputError, match=r"crm.xlsx has no sheet 'Persons'; it has About, People"):
        read(tmp_path, [read_layout(own)])


def test_a_draft_for_a_workbook(tmp_path: Path) -> None:
    rows = [("Kundennummer", "E-Mail", "Phase", "Erstellt am"), (1, "ana@example.com", "Neu", dt.date(2025, 9, 25))]
    write_workbook(tmp_path / "kontakte.xlsx", Kontakte=[("Kontakte",), *rows])
    text = draft(Export(tmp_path / "kontakte.xlsx", "sheet", None))
    assert "created_at: erstellt am  # check: 2025-09-25" in text
    assert "ana@" not in text


def test_workbooks_that_are_refused(tmp_path: Path) -> None:
    layout = named_layout("hubspot-contacts")
    path = tmp_path / "contacts.xlsx"
    path.write_bytes(b"PK no workbook")
    with pytest.raises(InputError, match=r"damaged, or no .xlsx workbook"):
        Export(path, "sheet", None).columns(layout)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("xl/worksheets/sheet1.xml", b" " * (80 << 20))
    with pytest.raises(InputError, match="unpacks to 80 MB, which no honest workbook does"):
        Export(path, "sheet", None).columns(layout)
    write_workbook(path, Empty=[])
    with pytest.raises(InputError, match="is empty"):
        Export(path, "sheet", None).columns(layout)
