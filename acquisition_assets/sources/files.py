"""Offers a folder as a source: Parquet, CSV (also .csv.gz) and JSON lines, one file or a folder of files per table.

Does not decide what rows must be (see `raw`): every cell is handed over as it is.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from acquisition_assets.core.duckdb_sql import identifier, in_memory, literal, literals
from acquisition_assets.core.errors import AcquisitionError, InputError
from acquisition_assets.inputs.source import ROW_PLACE, TABLES, TAKEN_AS_EMPTY, UNREAD, RawTable, Wanted
from acquisition_assets.inputs.tables import INPUTS, Cell, require_columns
from acquisition_assets.sources.csv_text import (
    NO_DELIMITER,
    column_name,
    is_ragged,
    read_header,
    write_lines,
    write_rows,
)
from acquisition_assets.sources.text import (
    LONGEST_LINE,
    UNREADABLE,
    require_encoding,
    require_whole,
    start_of,
    unreadable,
    write_utf8,
)

ENDINGS = (".parquet", ".csv", ".csv.gz", ".jsonl")
ALLOWED_ENDINGS = f"{', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"
CSV_FORM = "quote = '\"', escape = '\"', strict_mode = true"
LINES_FORM = "quote = '', escape = '', strict_mode = false"
# Statistics that leave NaN out would make the engine believe that there is none.
PARQUET_OPTIONS = "hive_partitioning = false, can_have_nan = true"
REJECTS_TABLE, REJECTS_SCAN = "rejected_lines", "rejecting_scans"
FILE_STEP = 1 << 40
"""Between the places of the first rows of two files: more than a file has rows."""
NOT_AN_OBJECT = "the line is not a JSON object"
NAIVE_TYPES = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
LOCAL_TIME = r"(?:^|[T\s])\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([AaPp]\.?[Mm]\.?)?\s*$"
"""A time that ends after its minutes or seconds: nothing says from which zone it is."""
SAMPLED_LINES = 1000
"""Lines of a text file that are looked at for such times when a folder is checked."""


class FileSource:
    """A folder that holds `leads`, `events`, ... as files or as folders of files.

    Args:
        folder: the folder.
        encoding: of text files without a mark; None: UTF-8, and any other is refused.
        timezone: IANA zone of times without an offset; None where nobody says so: UTC.
        business_timezone: where it is not UTC and nobody says the zone of the files, a check warns of such times.
    """

    def __init__(
        self,
        folder: Path,
        *,
        encoding: str | None = None,
        timezone: str | None = None,
        business_timezone: str = "UTC",
    ) -> None:
        self.folder = folder
        self.label = f"folder {folder}"
        self._encoding = require_encoding(encoding) if encoding else None
        self._timezone = timezone or "UTC"
        self._warns_of_local_times = timezone is None and business_timezone != "UTC"

    def check(self) -> list[str]:
        """See `Source.check`."""
        with in_memory() as connection:
            readers = self._readers(connection, None)
            warnings = [
                f"{self.folder} has no {name}{self._unread(name)}; it is {TAKEN_AS_EMPTY}"
                for name in TABLES
                if name not in readers and (INPUTS[name].is_expected or self._unread(name))
            ]
            for reader in readers.values():
                reader.columns()
            local = [f"{file.name}: {column}" for reader in readers.values() for file, column in reader.local_times()]
        if local and self._warns_of_local_times:
            warnings.append(
                f"{self.folder} has times without an offset ({local[0]}{' and others' if len(local) > 1 else ''}), "
                "which are taken as UTC; name their time zone with ACQUISITION_SOURCE_TIMEZONE"
            )
        return warnings

    @contextlib.contextmanager
    def open(
        self, connection: duckdb.DuckDBPyConnection, scratch: Path, wanted: Wanted
    ) -> Iterator[Mapping[str, RawTable]]:
        """See `Source.open`.

        Raises:
            InputError: a file is damaged, also where that is only found while its rows are read; it is named.
        """
        readers = self._readers(connection, scratch)
        tables = {name: reader.table(self._timezone) for name, reader in readers.items()}
        try:
            yield tables
        except (duckdb.OutOfMemoryException, duckdb.InterruptException):
            raise
        except duckdb.Error:
            for reader in readers.values():
                _refuse_damaged(reader.files)
            raise

    def _readers(self, connection: duckdb.DuckDBPyConnection, scratch: Path | None) -> dict[str, _TableReader]:
        try:
            if self.folder.is_file():
                raise InputError(f"the source {self.folder} is a file; name the folder that it is in")
            if not self.folder.is_dir():
                raise InputError(
                    f"source folder {self.folder} does not exist; name a folder with leads.csv (or .parquet, .jsonl)"
                )
            files = {name: self._files(name) for name in TABLES}
            unread = self._unread("leads")
        except OSError as error:
            raise unreadable(self.folder, error) from None
        if not files["leads"]:
            raise InputError(
                f"{self.folder} has no leads{unread}; put leads.csv (or .parquet, .jsonl, or a folder of them) there"
            )
        return {
            name: _TableReader(connection, name, found, self.folder / name, scratch, self._encoding)
            for name, found in files.items()
            if found
        }

    def _files(self, name: str) -> list[Path]:
        names = {name + ending for ending in ENDINGS}
        found = [
            path
            for path in sorted(self.folder.iterdir())
            if path.name.lower() in names or (path.name.lower() == name and path.is_dir())
        ]
        if len(found) > 1:
            given = " and ".join(path.name for path in found)
            raise InputError(f"{self.folder} has the table {name} twice ({given}); keep one of them")
        if found and found[0].is_dir():
            inside = sorted(found[0].iterdir())
            files = [path for path in inside if _is_part(path)]
            if not files and inside:
                raise InputError(f"{found[0]} has no file that ends in {', '.join(ENDINGS)}; rename or convert them")
            return files
        return found

    def _unread(self, name: str) -> str:
        """Return what has the name of the table but not an ending that is read, for messages."""
        similar = [path for path in sorted(self.folder.glob("*.*")) if path.name.lower().split(".")[0] == name]
        if not similar:
            return ""
        names = ", ".join(f"{path.name}{_json_keys(path)}" for path in similar)
        return f" ({UNREAD}, as its name does not end in {ALLOWED_ENDINGS}: {names})"


@dataclass(frozen=True)
class _Part:
    """One file as the engine reads it: its columns by position, each with its name and type.

    files: Parquet files that are alike, the source's own or copies; none where only columns are looked at.
    written: the names that the files themselves give their columns.
    names: the names by which they are read; None: not read, as it has no name or shares one that nobody reads.
    as_read: the position of the column that holds the row as JSON text.
    """

    files: tuple[Path, ...]
    names: tuple[str | None, ...]
    kinds: tuple[str, ...]
    is_text: bool = False
    as_read: int | None = None
    written: tuple[str, ...] | None = None

    @property
    def columns(self) -> dict[str, tuple[int, str]]:
        """Position and type of each column by its name."""
        found = zip(self.names, self.kinds, strict=True)
        return {name: (at, kind) for at, (name, kind) in enumerate(found) if name is not None}

    def is_like(self, other: _Part) -> bool:
        """Return whether the engine may read both as one: it goes by names, so each must be there and differ."""
        ours = (self.written, self.names, self.kinds, self.as_read)
        return ours == (other.written, other.names, other.kinds, other.as_read) and None not in self.names


@dataclass
class _TableReader:
    """One table: the rows of its files after one another, in the order of their names.

    scratch: where copies go that the engine can read several times; without one, only columns are looked at.
    """

    connection: duckdb.DuckDBPyConnection
    name: str
    files: Sequence[Path]
    place: Path
    scratch: Path | None
    encoding: str | None
    rejects: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def columns(self) -> None:
        """Prove that the required columns are there.

        Raises:
            InputError: names what is missing.
        """
        self._require(self._parts())

    def table(self, timezone: str) -> RawTable:
        """Return the table as a view of the connection."""
        parts = self._parts()
        self._require(parts)
        kinds: dict[str, list[str]] = {}
        for part in parts:
            for name, (_, kind) in part.columns.items():
                kinds.setdefault(name, []).append(kind)
        columns = {name: found[0] if len(set(found)) == 1 else "VARCHAR" for name, found in kinds.items()}
        cells = {name: f"c{number}" for number, name in enumerate(columns)}
        as_read = f"c{len(cells)}" if any(part.as_read is not None for part in parts) else None
        selects, place = [], 0
        for part in _grouped(parts):
            selects.append(_select(part, columns, cells, as_read, place))
            place += len(part.files) * FILE_STEP
        view = f"source_{self.name}"
        self.connection.execute(f"create or replace temp view {view} as {' union all '.join(selects)}")
        return RawTable(
            relation=view,
            columns=columns,
            cells=cells,
            from_text=any(part.is_text for part in parts),
            as_read=as_read,
            rejects=" union all ".join(self.rejects) or None,
            tells_place=True,
            naive_timezone=timezone,
        )

    def local_times(self) -> Iterator[tuple[Path, str]]:
        """Yield columns with times that have no offset, of the first lines of each text file and all types."""
        times = [column.name for column in INPUTS[self.name].columns if column.cell is Cell.INSTANT]
        for file in self.files:
            if file.name.lower().endswith(".parquet"):
                part = self._parquet(file)
                yield from ((file, name) for name in times if part.columns.get(name, (0, ""))[1] in NAIVE_TYPES)
                continue
            text, _ = start_of(file, self.encoding)
            lines = [line for line in re.split(r"[\r\n]+", text) if line][:SAMPLED_LINES]
            for name, cells in _sampled(file, text, lines, times).items():
                if any(re.search(LOCAL_TIME, cell) for cell in cells):
                    yield file, name

    def _parts(self) -> list[_Part]:
        return [self._part(file) for file in self.files]

    def _require(self, parts: Sequence[_Part]) -> None:
        names = dict.fromkeys(name for part in parts for name in part.columns)
        require_columns(self.name, list(names), str(self.place))

    def _part(self, file: Path) -> _Part:
        try:
            if file.name.lower().endswith(".parquet"):
                return self._parquet(file)
            if file.name.lower().endswith(".jsonl"):
                return self._json_lines(file)
            return self._csv(file)
        except UNREADABLE as error:
            raise unreadable(file, error) from None

    # -- Parquet ------------------------------------------------------------------------------------------------

    def _parquet(self, file: Path) -> _Part:
        written = tuple(pq.read_schema(file).names)
        names = self._named(file, [column_name(name) for name in written])
        found = self.connection.execute(f"describe from {_read_parquet([file])}").fetchall()
        return _Part((file,), names, tuple(str(row[1]) for row in found), written=written)

    def _named(self, file: Path, names: Sequence[str]) -> tuple[str | None, ...]:
        """Return the names of the columns that can be read, by position.

        Raises:
            InputError: a column that is read is there twice.
        """
        repeated = {name for name, count in Counter(names).items() if count > 1}
        wanted = sorted(repeated & {column.name for column in INPUTS[self.name].columns})
        if wanted:
            raise InputError(f"{file} names the column {', '.join(wanted)} twice; rename or remove one")
        return tuple(None if not name or name in repeated else name for name in names)

    # -- text ---------------------------------------------------------------------------------------------------

    def _csv(self, file: Path) -> _Part:
        text, encoding = start_of(file, self.encoding)
        header = read_header(file, text, {column.name for column in INPUTS[self.name].columns})
        names = self._named(file, header.columns)
        kinds = ("VARCHAR",) * len(names)
        if self.scratch is None:
            return _Part((), names, kinds, is_text=True)
        source, path = self._in_utf8(file, encoding), self._scratch("parquet")
        first = f"header = true, skip = {header.separator_lines}"
        read = _read_csv(source, len(names), header.delimiter, f"{CSV_FORM}, {first}")
        if is_ragged(text, header) or not self._spool(read, path):
            copy, rejects = self._scratch("csv"), self._scratch("parquet")
            write_rows(source, header, copy, rejects, is_named=self.encoding is not None)
            self._keep_rejects(file, rejects)
            read = _read_csv(copy, len(names), header.delimiter, f"{CSV_FORM}, header = false")
            if not self._spool(read, path):
                raise AcquisitionError(
                    f"{file}: its rows cannot be copied to {self.scratch}; make room there, or repair the file"
                )
            copy.unlink()
        return _Part((path,), names, kinds, is_text=True)

    def _json_lines(self, file: Path) -> _Part:
        """Return each line taken apart; it is read as text, so a broken line is a row like any other."""
        _, encoding = start_of(file, self.encoding)
        source = self._in_utf8(file, encoding) if self.scratch is not None else file
        read = _read_csv(source, 1, NO_DELIMITER, f"{LINES_FORM}, header = false")
        keys = self._json_objects(read)
        if keys is None and self.scratch is not None:
            copy, rejects = self._scratch("txt"), self._scratch("parquet")
            write_lines(source, copy, rejects, is_named=self.encoding is not None)
            self._keep_rejects(file, rejects)
            read = _read_csv(copy, 1, NO_DELIMITER, f"{LINES_FORM}, header = false")
            keys = self._json_objects(read)
        keys = keys or {}
        if keys.pop(None, 0) and self.scratch is not None:
            rejects = self._scratch("parquet")
            numbered = f"(select c0 as line, row_number() over () as number from {read})"
            self.connection.execute(
                f"copy (select 'line ' || number as place, line, {literal(NOT_AN_OBJECT)} as detail from {numbered} "
                "where trim(line) <> '' and coalesce(json_type(try_cast(line as json)), '') <> 'OBJECT') "
                f"to {literal(rejects)} (format parquet)"
            )
            self._keep_rejects(file, rejects)
        spellings: dict[str, list[str]] = {}
        for key in keys:
            if key is not None:
                spellings.setdefault(column_name(key), []).append(key)
        known = [column.name for column in INPUTS[self.name].columns]
        if not keys:
            spellings = {name: [name] for name in known}
        if self.scratch is None:
            return _Part((), tuple(spellings), ("VARCHAR",) * len(spellings), is_text=True)
        self._require([_Part((), tuple(spellings), ("VARCHAR",) * len(spellings))])
        names = [name for name in known if name in spellings]
        cells = [
            f"coalesce({', '.join(f'parsed ->> {literal(_path(key))}' for key in spellings[name])}) as c{number}"
            for number, name in enumerate(names)
        ]
        path = self._scratch("parquet")
        if not self._spool(f"(select {', '.join(cells)}, line as c{len(names)} from {_json_rows(read)})", path):
            raise AcquisitionError(f"{file}: its rows cannot be copied to {self.scratch}; make room there")
        return _Part((path,), (*names, None), ("VARCHAR",) * (len(names) + 1), is_text=True, as_read=len(names))

    def _json_objects(self, read: str) -> dict[str | None, int] | None:
        """Return how often each key is there, None for lines that are no object; None where lines cannot be read."""
        keys = "case when json_type(parsed) = 'OBJECT' then json_keys(parsed) else [null] end"
        parsed = f"(select try_cast(c0 as json) as parsed from {read} where trim(c0) <> '')"
        counted = f"select key, count(*) from (select unnest({keys}) as key from {parsed}) group by 1 order by 1"
        found = self._whole(counted)
        return None if found is None else dict(found)

    def _in_utf8(self, file: Path, encoding: str) -> Path:
        if file.name.lower().endswith(".gz"):
            require_whole(file)
        if encoding == "utf-8":
            return file
        copy = self._scratch("txt")
        write_utf8(file, encoding, copy)
        return copy

    def _spool(self, relation: str, path: Path) -> bool:
        """Copy rows to a Parquet file, as they are read several times; return whether all lines were rows."""
        return self._whole(f"copy (select * from {relation}) to {literal(path)} (format parquet)") is not None

    def _whole(self, query: str) -> list[tuple[Any, ...]] | None:
        """Return what a query of a text file gives; None where the engine could not split each line into cells."""
        forget = f"drop table if exists {REJECTS_TABLE}; drop table if exists {REJECTS_SCAN}"
        self.connection.execute(forget)
        try:
            found = self.connection.execute(query).fetchall()
            return None if self.connection.execute(f"from {REJECTS_TABLE} limit 1").fetchall() else found
        except (duckdb.OutOfMemoryException, duckdb.InterruptException):
            raise
        except duckdb.Error:
            return None
        finally:
            self.connection.execute(forget)

    def _scratch(self, ending: str) -> Path:
        """Return the path of a new file in the scratch folder."""
        if self.scratch is None:
            raise AssertionError("only columns are looked at")
        return self.scratch / f"{self.name}.{next(self._numbers)}.{ending}"

    def _keep_rejects(self, file: Path, rejects: Path) -> None:
        """Remember the broken lines of a file, each with the file's name."""
        place = literal(f"{file.name}, ") + " || place"
        self.rejects.append(f"select {place} as place, line, detail from read_parquet({literal(rejects)})")


def _is_part(path: Path) -> bool:
    """Return whether a file in the folder of a table is one of the table's; hidden files are not."""
    return path.name.lower().endswith(ENDINGS) and not path.name.startswith(".") and not path.is_dir()


def _read_csv(file: Path, columns: int, delimiter: str, form: str) -> str:
    """Return the reading of a file with so many columns of text, c0, c1, ...; any line that is no row is noted."""
    types = ", ".join(f"'c{number}': 'VARCHAR'" for number in range(columns))
    packed = "gzip" if file.name.lower().endswith(".gz") else "none"
    return (
        f"read_csv({literal(file)}, auto_detect = false, compression = '{packed}', columns = {{{types}}}, "
        f"delim = {literal(delimiter)}, {form}, max_line_size = {LONGEST_LINE}, store_rejects = true, "
        f"rejects_scan = '{REJECTS_SCAN}', rejects_table = '{REJECTS_TABLE}', rejects_limit = 1)"
    )


def _read_parquet(files: Sequence[Path]) -> str:
    return f"read_parquet({literals(files)}, {PARQUET_OPTIONS})"


def _json_rows(read: str) -> str:
    parsed = f"(select c0 as line, try_cast(c0 as json) as parsed from {read} where trim(c0) <> '')"
    return f"(select line, parsed from {parsed} where json_type(parsed) = 'OBJECT')"


def _grouped(parts: Sequence[_Part]) -> Iterator[_Part]:
    """Yield the parts, with neighbours that are alike made one."""
    group: _Part | None = None
    for part in parts:
        if group is not None and group.is_like(part):
            group = replace(part, files=(*group.files, *part.files))
            continue
        if group is not None:
            yield group
        group = part
    if group is not None:
        yield group


def _select(
    part: _Part, columns: Mapping[str, str], cells: Mapping[str, str], as_read: str | None, first_place: int
) -> str:
    """Return the rows of a part with the table's columns. Columns are taken by position, never by name."""
    own = part.columns
    listed = []
    for name, kind in columns.items():
        at, own_kind = own.get(name, (None, kind))
        value = "null" if at is None else f"p{at}"
        listed.append(f"{value if at is not None and own_kind == kind else f'{value}::{kind}'} as {cells[name]}")
    if as_read:
        listed.append(f"{'null::VARCHAR' if part.as_read is None else f'p{part.as_read}'} as {as_read}")
    listed.append(f"({first_place} + file_index::bigint * {FILE_STEP} + file_row_number::bigint) as {ROW_PLACE}")
    positions = ", ".join(f"p{number}" for number in range(len(part.names)))
    return f"select {', '.join(listed)} from {_read_parquet(part.files)} as read ({positions})"


def _sampled(file: Path, text: str, lines: Sequence[str], names: Sequence[str]) -> dict[str, list[str]]:
    """Return what the first lines of a text file have in these columns; lines that are no rows have nothing."""
    found: dict[str, list[str]] = {name: [] for name in names}
    if file.name.lower().endswith(".jsonl"):
        for line in lines:
            with contextlib.suppress(ValueError, RecursionError):
                row = json.loads(line)
                for key, value in row.items() if isinstance(row, dict) else ():
                    if column_name(key) in found and isinstance(value, str):
                        found[column_name(key)].append(value)
        return found
    header = read_header(file, text, names)
    for line in lines[header.lines :]:
        cells = line.split(header.delimiter)
        for name, cell in zip(header.columns, cells, strict=False):
            if name in found:
                found[name].append(cell.strip('" '))
    return found


def _refuse_damaged(files: Sequence[Path]) -> None:
    """Read every value of Parquet files by themselves.

    Raises:
        InputError: names the first that cannot be read.
    """
    for file in files:
        if file.name.lower().endswith(".parquet"):
            try:
                with in_memory() as connection:
                    connection.execute(f"select bit_xor(hash(t)) from {_read_parquet([file])} as t").fetchall()
            except (duckdb.OutOfMemoryException, duckdb.InterruptException):
                raise
            except duckdb.Error as error:
                raise unreadable(file, error) from None


def _json_keys(file: Path) -> str:
    """Return the keys of the first object of a file that holds JSON, for messages."""
    if not file.name.lower().endswith((".json", ".ndjson")):
        return ""
    try:
        text = start_of(file, None)[0].lstrip().removeprefix("[").lstrip()
        first, _ = json.JSONDecoder().raw_decode(text)
    except (InputError, ValueError, RecursionError, *UNREADABLE):
        return ""
    keys = ", ".join(map(str, first)) if isinstance(first, dict) else ""
    return f" with the keys {keys}" if keys else ""


def _path(key: str) -> str:
    """Return the place of a key in a JSON object."""
    return "$." + identifier(key)
