"""Writes rows as CSV, JSON lines, an Excel workbook or Parquet, so that no text of theirs can act as a formula.

Which rows, and which of them are masked, is left to `export`.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Callable
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from acquisition_assets.core.errors import InputError

BATCH_ROWS = 10_000
SHEET_ROWS = 1_048_575
"""Rows of a worksheet below its header."""
CELL_LENGTH = 32_767
"""Characters of a cell of a worksheet."""
TITLE_LENGTH = 31
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""First characters with which a spreadsheet may take a text for a formula."""
BETWEEN = "; "
TIMES = "yyyy-mm-dd hh:mm:ss"
DATES = "yyyy-mm-dd"
WIDTH = 16


def write_rows(rows: pa.Table, title: str, form: str, file: IO[bytes]) -> None:
    """Write rows to a binary file in one of the FORMATS.

    Raises:
        InputError: A worksheet cannot hold so many rows.
    """
    FORMATS[form](rows, title, file)


def harmless(text: str) -> str:
    """Return a text as a cell of a CSV file that no spreadsheet runs: with an apostrophe before a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _write_csv(rows: pa.Table, title: str, file: IO[bytes]) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    try:
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(rows.column_names)
        for batch in rows.to_batches(BATCH_ROWS):
            writer.writerows(
                [_csv_cell(value) for value in row] for row in zip(*(c.to_pylist() for c in batch.columns), strict=True)
            )
    finally:
        text.detach()


def _csv_cell(value: Any) -> Any:
    if isinstance(value, list):
        return harmless(BETWEEN.join(map(str, value)))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.datetime):
        return _instant(value)
    return harmless(value) if isinstance(value, str) else value


def _write_lines(rows: pa.Table, title: str, file: IO[bytes]) -> None:
    for batch in rows.to_batches(BATCH_ROWS):
        lines = (json.dumps(row, ensure_ascii=False, default=_json_value) for row in batch.to_pylist())
        file.writelines(f"{line}\n".encode() for line in lines)


def _json_value(value: object) -> str:
    return _instant(value) if isinstance(value, dt.datetime) else str(value)


def _instant(value: dt.datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


def _write_workbook(rows: pa.Table, title: str, file: IO[bytes]) -> None:
    import xlsxwriter

    if rows.num_rows > SHEET_ROWS:
        raise InputError(f"a worksheet holds {SHEET_ROWS} rows, not {rows.num_rows}; choose --format csv or parquet")
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, {**options, "strings_to_numbers": False}) as book:
        sheet = book.add_worksheet(_sheet_title(title))
        bold = book.add_format({"bold": True})
        times, dates = book.add_format({"num_format": TIMES}), book.add_format({"num_format": DATES})
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, max(0, rows.num_columns - 1), WIDTH)
        for place, name in enumerate(rows.column_names):
            sheet.write_string(0, place, name, bold)
        number = 0
        for batch in rows.to_batches(BATCH_ROWS):
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                number += 1
                for place, value in enumerate(row):
                    _write_cell(sheet, number, place, value, times, dates)
        sheet.autofilter(0, 0, number, max(0, rows.num_columns - 1))


def _write_cell(sheet: Any, row: int, place: int, value: Any, times: Any, dates: Any) -> None:
    """Write a cell by the type of its value; a text stays a text, whatever it begins with."""
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, place, value)
    elif isinstance(value, (int, float)):
        sheet.write_number(row, place, value)
    elif isinstance(value, dt.datetime):
        sheet.write_datetime(row, place, value.replace(tzinfo=None), times)
    elif isinstance(value, dt.date):
        sheet.write_datetime(row, place, value, dates)
    else:
        text = BETWEEN.join(map(str, value)) if isinstance(value, list) else str(value)
        sheet.write_string(row, place, text[:CELL_LENGTH])


def _sheet_title(title: str) -> str:
    """Return a name that a worksheet may have."""
    return "".join("_" if letter in "[]:*?/\\'" else letter for letter in title)[:TITLE_LENGTH] or "rows"


def _write_parquet(rows: pa.Table, title: str, file: IO[bytes]) -> None:
    pq.write_table(rows, file)


FORMATS: dict[str, Callable[[pa.Table, str, IO[bytes]], None]] = {
    "csv": _write_csv,
    "jsonl": _write_lines,
    "xlsx": _write_workbook,
    "parquet": _write_parquet,
}
