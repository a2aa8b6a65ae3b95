"""Reads the files of exports into Parquet files of text cells: CSV, .xlsx, JSON lines and JSON arrays, packed or not.

Does not decide which layout a file has (see `layouts.library`) or what its cells become (see `layouts.mapping`).
"""

from __future__ import annotations

import csv
import datetime as dt
import itertools
import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from acquisition_assets.core.duckdb_sql import identifier, literal
from acquisition_assets.core.errors import AcquisitionError, InputError
from acquisition_assets.sources.csv_text import SHOWN, Header, read_header
from acquisition_assets.sources.layouts.grammar import Layout, plain_name
from acquisition_assets.sources.layouts.json_values import keys_of, sample_values, write_values
from acquisition_assets.sources.spool import Spool, read_lines
from acquisition_assets.sources.text import MOST_EXPANSION, UNREADABLE, start_of, unreadable

CSV, JSON, LINES, SHEET = "csv", "json", "lines", "sheet"
KINDS = {".csv": CSV, ".tsv": CSV, ".json": JSON, ".jsonl": LINES, ".ndjson": LINES, ".xlsx": SHEET}
MOST_COLUMNS = 2_000
"""Columns of a file; the widest exports of the tools that are read have some hundreds."""
SAMPLED = 1_000
"""Records that are looked at for the keys that a JSON file has."""
AT_WITHIN = 1 << 16
"""Characters of a file within which the array of its records begins, where they are in an envelope."""
SHEET_ROWS = 10_000
"""Rows of a sheet that are in memory as text at a time."""
TITLE_ROWS = 10
"""First rows of a sheet, empty ones apart, among which the one with the names of the columns is looked for."""
MOST_TITLE_CELLS = 0.6
"""Share of a sheet's width that titles fill at most."""
LARGEST_SHEET = 4 << 30
"""Bytes of an unpacked workbook."""
_T = TypeVar("_T")
NOT_AN_OBJECT = "the record is not a JSON object"


@dataclass(frozen=True)
class Records:
    """The records of some files that are alike, as Parquet files of text cells c0, c1, ...

    Attributes:
        sources: the files that were read.
        names: the columns of a table in text, as names are compared; empty for JSON.
        cells: the position of each column, or of each name of the layout for JSON.
        is_json: whether a column `line` holds the record as text, and `kind` its JSON type.
    """

    files: tuple[Path, ...]
    sources: tuple[Path, ...]
    names: tuple[str, ...]
    cells: dict[str, int]
    is_json: bool

    def is_like(self, other: Records) -> bool:
        """Return whether both can be read as one."""
        return (self.names, self.cells, self.is_json) == (other.names, other.cells, other.is_json)


@dataclass(frozen=True)
class Export:
    """A file of the folder that may be an export, and how it begins."""

    path: Path
    kind: str
    encoding: str | None
    _known: dict[object, Any] = field(default_factory=dict, compare=False, repr=False)

    def _once(self, key: object, find: Callable[[], _T]) -> _T:
        """Return what was found for a key, which is looked for once: every layout asks for every name."""
        if key not in self._known:
            self._known[key] = find()
        found: _T = self._known[key]
        return found

    @cached_property
    def _start(self) -> tuple[str, str]:
        try:
            return start_of(self.path, self.encoding)
        except UNREADABLE as error:
            raise unreadable(self.path, error) from None

    @property
    def text(self) -> str:
        """The beginning of the text."""
        return self._start[0]

    def header(self, known: Collection[str]) -> Header:
        """Return the header of a CSV file; names that are known help to find the delimiter."""
        return read_header(self.path, self._start[0], known)

    def _rows(self, layout: Layout | None) -> tuple[tuple[str, ...], list[list[str]]]:
        """Return the columns and first rows of the sheet that a layout reads; nothing if there is no such sheet."""
        sheet = layout.records.sheet if layout else None
        return self._once(("sheet", sheet), lambda: _sheet_start(self.path, sheet))

    def columns(self, layout: Layout | None) -> tuple[str, ...]:
        """Return the columns or JSON keys that the file has, as names are compared."""
        if self.kind == SHEET:
            return self._rows(layout)[0]
        if self.kind == CSV:
            key = ("columns", layout.name if layout else None)
            known = frozenset(layout.known_names) if layout else frozenset()
            return self._once(key, lambda: tuple(map(plain_name, self.header(known).columns)))
        return self._once(
            ("keys", self._envelope(layout)),
            lambda: tuple(dict.fromkeys(plain_name(each) for record in self.sample(layout) for each in record)),
        )

    def has(self, layout: Layout, name: str) -> bool:
        """Return whether the file has a column or path of the layout."""
        if name.startswith("$"):
            if self.kind in (CSV, SHEET):
                return False
            return any(_follow(record, name) is not None for record in self.sample(layout))
        return bool(set(layout.alternatives(name)) & set(self.columns(layout)))

    def _envelope(self, layout: Layout | None) -> tuple[str | None, tuple[str, ...]]:
        return (layout.records.at, layout.records.unwrap) if layout else (None, ())

    def sample(self, layout: Layout | None) -> list[dict[str, Any]]:
        """Return the first records of a JSON file, without the envelopes that the layout names."""
        return self._once(("sample", self._envelope(layout)), lambda: self._sample(layout))

    def _sample(self, layout: Layout | None) -> list[dict[str, Any]]:
        at = self._at(layout)
        unwrap = layout.records.unwrap if layout else ()
        if self.is_by_line and not at:
            values = [line for line in re.split(r"[\r\n]+", self._start[0]) if line.strip()][:SAMPLED]
        else:
            values = sample_values(self._start[0], at, SAMPLED)
        return [record for value in values for record in _unwrapped(_loaded(value), unwrap) if isinstance(record, dict)]

    def _at(self, layout: Layout | None) -> tuple[str, ...]:
        """Return the keys at which the records are: none where the file has them without the layout's envelope."""
        keys = keys_of(layout.records.at) if layout else ()
        return keys if keys and sample_values(self._start[0][:AT_WITHIN], keys, 1) else ()

    def first_rows(self, most: int, layout: Layout | None = None) -> tuple[tuple[str, ...], list[list[str]]]:
        """Return the columns and first rows of a table in text or in a workbook."""
        if self.kind == SHEET:
            names, rows = self._rows(layout)
            return names, rows[:most]
        header = self.header(())
        lines = self._start[0].splitlines()[header.lines :][: most + 1]
        whole = lines[:most] if len(lines) > most or len(self._start[0]) < 1 << 20 else lines[:-1]
        return header.columns, list(csv.reader(whole, delimiter=header.delimiter))

    def first_cells(self, layout: Layout, names: Sequence[str]) -> dict[str, list[str]]:
        """Return what the first records have in columns or paths of a layout, as text."""
        if self.kind in (CSV, SHEET):
            columns, rows = self.first_rows(SAMPLED, layout)
            at = {plain_name(column): number for number, column in enumerate(columns)}
            found: dict[str, list[str]] = {}
            for name in names:
                places = [at[each] for each in layout.alternatives(name) if each in at]
                found[name] = [row[place] for row in rows for place in places if place < len(row)]
            return found
        sample = self.sample(layout)
        return {name: [str(cell) for record in sample if (cell := _cell(record, layout, name))] for name in names}

    @cached_property
    def is_by_line(self) -> bool:
        """Whether each line of a JSON file is a record."""
        if self.kind == LINES:
            return True
        first = self._start[0].lstrip().split("\n", 1)[0].strip()
        return first.startswith("{") and isinstance(_loaded(first), dict)

    def read(self, spool: Spool, layout: Layout) -> Records:
        """Copy the records to a Parquet file.

        Raises:
            InputError: the file is damaged, too wide, or names a column that is read twice.
        """
        try:
            if self.kind == CSV:
                return self._read_csv(spool, layout)
            if self.kind == SHEET:
                return self._read_sheet(spool, layout)
            return self._read_json(spool, layout)
        except UNREADABLE as error:
            raise unreadable(self.path, error) from None

    def _read_csv(self, spool: Spool, layout: Layout) -> Records:
        text, encoding = self._start
        names = self.columns(layout)
        known = layout.known_names
        header = self.header(known)
        _require_narrow(self.path, names)
        _require_single(self.path, names, known)
        path = spool.csv(self.path, text, encoding, header)
        return Records((path,), (self.path,), names, {name: at for at, name in enumerate(names) if name}, False)

    def _read_sheet(self, spool: Spool, layout: Layout) -> Records:
        names, rows = open_sheet(self.path, layout.records.sheet)
        _require_narrow(self.path, names)
        _require_single(self.path, names, layout.known_names)
        path = spool.path("parquet")
        schema = pa.schema([(f"c{at}", pa.string()) for at in range(len(names))])
        with pq.ParquetWriter(path, schema) as writer:
            batch: list[list[str]] = []
            for row in rows:
                batch.append(row)
                if len(batch) == SHEET_ROWS:
                    writer.write_table(_table(batch, schema))
                    batch = []
            writer.write_table(_table(batch, schema))
        return Records((path,), (self.path,), names, {name: at for at, name in enumerate(names) if name}, False)

    def _read_json(self, spool: Spool, layout: Layout) -> Records:
        at, unwrap = self._at(layout), layout.records.unwrap
        encoding = self._start[1]
        if self.is_by_line and not at:
            source = spool.in_utf8(self.path, encoding)
        else:
            source = spool.path("txt")
            write_values(self.path, encoding, at, source)
        cells = self._paths(layout)
        path = spool.path("parquet")
        spread = bool(unwrap) or any(isinstance(_loaded(value), list) for value in self._first_lines())
        if not spool.copy(_taken_apart(read_lines(source), list(cells.values()), unwrap, spread=spread), path):
            read = spool.whole_lines(self.path, source)
            if not spool.copy(_taken_apart(read, list(cells.values()), unwrap, spread=spread), path):
                raise AcquisitionError(f"{self.path}: its records cannot be copied to {spool.scratch}; make room there")
        place = literal(f"{self.path.name}, record ")
        spool.rejects.append(
            f"select {place} || (file_row_number + 1) as place, line[:{SHOWN}] as line, "
            f"{literal(NOT_AN_OBJECT)} as detail from read_parquet({literal(path)}) "
            "where coalesce(kind, '') <> 'OBJECT'"
        )
        return Records((path,), (self.path,), (), {name: number for number, name in enumerate(cells)}, True)

    def _first_lines(self) -> list[str]:
        return self._start[0].splitlines()[:SAMPLED] if self.is_by_line else []

    def _paths(self, layout: Layout) -> dict[str, list[str]]:
        """Return the JSON paths of each name of the layout: every spelling of the key that the file has."""
        keys = list(dict.fromkeys(key for record in self.sample(layout) for key in record))
        found: dict[str, list[str]] = {}
        for name in layout.names:
            if name.startswith("$"):
                found[name] = [quoted_path(name)]
                continue
            there = [key for key in keys if plain_name(key) in layout.alternatives(name)]
            spellings = dict.fromkeys([*there, name])
            found[plain_name(name)] = [_path_of(key) for key in spellings]
        return found


def kind_of(path: Path) -> str | None:
    """Return how the records of a file are found, by its name; None for a file that is not read."""
    name = path.name.lower().removesuffix(".gz")
    return KINDS.get("." + name.rpartition(".")[2]) if "." in name else None


def quoted_path(path: str) -> str:
    """Return a JSON path with each key in quotes, as the engine reads it whatever the key is."""
    parts = re.findall(r"\.\"([^\"]+)\"|\.([\w-]+)|(\[\d+\])", path)
    return "$" + "".join(index or f".{identifier(quoted or plain)}" for quoted, plain, index in parts)


def _path_of(key: str) -> str:
    """Return the path of a key; one with a quote can only be written as a JSON pointer."""
    return "/" + key.replace("~", "~0").replace("/", "~1") if '"' in key else f"$.{identifier(key)}"


def _taken_apart(read: str, paths: Sequence[Sequence[str]], unwrap: Sequence[str], *, spread: bool) -> str:
    """Return the relation of a file's records: the cells of these paths, the record as text, and its JSON type.

    Args:
        spread: whether a line may hold several records, or an envelope.
    """
    lines = f"(select c0 as line, try_cast(c0 as json) as record from {read} where trim(c0) <> '')"
    for path in unwrap:
        inner = f"json_extract(record, {literal(quoted_path(path))})"
        opened = (
            f"coalesce(case json_type({inner}) when 'VARCHAR' then try_cast({inner} ->> '$' as json) "
            f"when 'NULL' then null else {inner} end, record)"
        )
        lines = f"(select line, {opened} as record from {lines})"
    if spread:
        items = "case when json_type(record) = 'ARRAY' then json_extract(record, '$[*]')::json[] else [record] end"
        lines = f"(select line, unnest({items}) as record from {lines})"
        lines = f"(select coalesce(record::varchar, line) as line, record from {lines})"
    every = [path for some in paths for path in some]
    extracted = f"json_extract_string(record, [{', '.join(map(literal, every))}])" if every else "[null]"
    cells, at = [], 0
    for number, some in enumerate(paths):
        parts = [f"found[{at + offset + 1}]" for offset in range(len(some))]
        cells.append(f"coalesce({', '.join([*parts, 'null'])}) as c{number}")
        at += len(some)
    listed = "".join(f"{cell}, " for cell in cells)
    found = f"select {extracted} as found, line, json_type(record) as kind from {lines}"
    return f"(select {listed}line, kind from ({found}))"


def _follow(record: object, path: str) -> object:
    """Return what a parsed record has at a path; None where it has nothing."""
    for quoted, plain, index in re.findall(r"\.\"([^\"]+)\"|\.([\w-]+)|\[(\d+)\]", path):
        if index:
            record = record[int(index)] if isinstance(record, list) and int(index) < len(record) else None
        else:
            record = record.get(quoted or plain) if isinstance(record, dict) else None
    return record


def _cell(record: dict[str, Any], layout: Layout, name: str) -> object:
    if name.startswith("$"):
        return _follow(record, name)
    return next((value for key, value in record.items() if plain_name(key) in layout.alternatives(name)), None)


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _unwrapped(record: Any, unwrap: Sequence[str]) -> list[Any]:
    for path in unwrap:
        inner = _follow(record, path)
        inner = _loaded(inner) if isinstance(inner, str) else inner
        record = record if inner is None else inner
    return record if isinstance(record, list) else [record]


def _require_narrow(file: Path, names: Sequence[str]) -> None:
    if len(names) > MOST_COLUMNS:
        raise InputError(f"{file} has {len(names)} columns, more than {MOST_COLUMNS}; export only the needed ones")


def _require_single(file: Path, names: Sequence[str], known: Collection[str]) -> None:
    """Refuse a file that has a column twice which the layout names.

    Raises:
        InputError: names it.
    """
    repeated = sorted(name for name, count in Counter(names).items() if count > 1 and name in known)
    if repeated:
        raise InputError(f"{file} names the column {', '.join(repeated)} twice; rename or remove one")


# -- workbooks --------------------------------------------------------------------------------------------------------


class NoSheetError(InputError):
    """A workbook that lacks the sheet a layout names."""


def open_sheet(file: Path, name: str | None) -> tuple[tuple[str, ...], Iterator[list[str]]]:
    """Return the columns of a sheet and its rows as text, each as long as there are columns.

    Args:
        name: of the sheet; None for the first.

    Raises:
        NoSheetError: it has no such sheet.
        InputError: the file is no workbook, or is too large when unpacked.
    """
    import python_calamine as calamine  # which only workbooks need

    _require_modest_workbook(file)
    try:
        book = calamine.CalamineWorkbook.from_path(str(file))
        if name is not None and name not in book.sheet_names:
            raise NoSheetError(f"{file} has no sheet {name!r}; it has {', '.join(book.sheet_names)}")
        sheet = book.get_sheet_by_name(name) if name else book.get_sheet_by_index(0)
        rows = iter(sheet.iter_rows())
    except NoSheetError:
        raise
    except Exception:
        raise InputError(f"{file} cannot be read (it is damaged, or no .xlsx workbook); save it again") from None
    first = list(itertools.islice((row for row in rows if any(map(_cell_text, row))), TITLE_ROWS))
    at = _header_at(first)
    names = tuple(plain_name(_cell_text(cell)) for cell in first[at]) if first else ()
    if not any(names):
        raise InputError(f"{file} is empty; the first row of its sheet must name the columns")
    return names, (
        [_cell_text(cell) for cell in (*row, *[None] * (len(names) - len(row)))][: len(names)]
        for row in itertools.chain(first[at + 1 :], rows)
        if any(map(_cell_text, row))
    )


def _header_at(first: Sequence[Sequence[object]]) -> int:
    """Return which of the first rows of a sheet names the columns: the first that fills most of the sheet's width.

    Titles, and groups of columns in merged cells, fill less: only the first cell of a merged area has a value.
    """
    filled = [sum(bool(_cell_text(cell)) for cell in row) for row in first]
    return next((at for at, count in enumerate(filled) if count > MOST_TITLE_CELLS * max(filled)), 0)


def _sheet_start(file: Path, name: str | None) -> tuple[tuple[str, ...], list[list[str]]]:
    try:
        names, rows = open_sheet(file, name)
    except NoSheetError:
        return (), []
    return names, [row for _, row in zip(range(SAMPLED), rows, strict=False)]


def _require_modest_workbook(file: Path) -> None:
    try:
        with zipfile.ZipFile(file) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
    except (zipfile.BadZipFile, OSError):
        raise InputError(f"{file} cannot be read (it is damaged, or no .xlsx workbook); save it again") from None
    if size > LARGEST_SHEET or size > max(64 << 20, MOST_EXPANSION * file.stat().st_size):
        raise InputError(f"{file} unpacks to {size >> 20} MB, which no honest workbook does; save it as CSV")


def _cell_text(value: object) -> str:
    """Return the value of a cell of a workbook as text: whole numbers without a fraction, times in ISO 8601."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    return "" if value is None else str(value)


def _table(rows: list[list[str]], schema: pa.Schema) -> pa.Table:
    columns = [pa.array([row[at] or None for row in rows], pa.string()) for at in range(len(schema))]
    return pa.Table.from_arrays(columns, schema=schema)
