"""Offers a folder as a source: Parquet, CSV (also .csv.gz) and JSON lines, one file or a folder of files per table.

Does not decide what rows must be (see `raw`): every cell is handed over as it is.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from acquisition_assets.core.duckdb_sql import identifier, in_memory, literal
from acquisition_assets.core.errors import AcquisitionError, InputError
from acquisition_assets.inputs.source import ROW_PLACE, TABLES, TAKEN_AS_EMPTY, UNREAD, RawTable, Wanted
from acquisition_assets.inputs.tables import INPUTS, Cell, require_columns
from acquisition_assets.sources.csv_text import (
    column_name,
    read_header,
)
from acquisition_assets.sources.layouts import library
from acquisition_assets.sources.layouts.folder import ExportFolder
from acquisition_assets.sources.layouts.grammar import Layout
from acquisition_assets.sources.layouts.records import Export, kind_of
from acquisition_assets.sources.spool import Spool, read_lines, read_parquet
from acquisition_assets.sources.text import (
    UNREADABLE,
    require_encoding,
    start_of,
    unreadable,
)

ENDINGS = (".parquet", ".csv", ".csv.gz", ".jsonl")
ALLOWED_ENDINGS = f"{', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"
FILE_STEP = 1 << 40
"""Between the places of the first rows of two files: more than a file has rows."""
NOT_AN_OBJECT = "the line is not a JSON object"
NAIVE_TYPES = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
LOCAL_TIME = r"(?:^|[T\s])\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([AaPp]\.?[Mm]\.?)?\s*$"
"""A time that ends after its minutes or seconds: nothing says from which zone it is."""
MOST_NAMED = 3
"""Files that no layout knows which an error names."""
SAMPLED_LINES = 1000
"""Lines of a text file that are looked at for such times when a folder is checked."""


class FileSource:
    """A folder that holds `leads`, `events`, ... as files or folders of files, or exports that layouts turn into them.

    Args:
        folder: the folder.
        encoding: of text files without a mark; None: UTF-8, and any other is refused.
        timezone: IANA zone of times without an offset; None where nobody says so: UTC.
        business_timezone: where it is not UTC and nobody says the zone of the files, a check warns of such times.
        layouts: names or files of layouts, which win over those in the folder and the shipped ones.

    Attributes:
        opened: the exports that were opened last.
    """

    def __init__(
        self,
        folder: Path,
        *,
        encoding: str | None = None,
        timezone: str | None = None,
        business_timezone: str = "UTC",
        layouts: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.label = f"folder {folder}"
        self._encoding = require_encoding(encoding) if encoding else None
        self._named_timezone = timezone
        self._business_timezone = business_timezone
        self._layouts = tuple(layouts)
        self.opened: ExportFolder | None = None

    def check(self) -> list[str]:
        """See `Source.check`."""
        with in_memory() as connection:
            found = self._found(connection, None)
            found.exports.check()
            tables = {*found.readers, *found.exports.tables()}
            warnings = [
                f"{self.folder} has no {name}{self._unread(name)}; it is {TAKEN_AS_EMPTY}"
                for name in TABLES
                if name not in tables and (INPUTS[name].is_expected or self._unread(name))
            ]
            for reader in found.readers.values():
                reader.columns()
            local = [
                f"{file.name}: {column}" for reader in found.readers.values() for file, column in reader.local_times()
            ]
            local += [f"{claim.export.path.name}: {name}" for claim, name in found.exports.local_times(LOCAL_TIME)]
        warnings += [
            f"{each.reason}; it is {UNREAD}"
            for each in found.exports.unclaimed
            if each.export.path.name.lower().split(".")[0] not in TABLES
        ]
        if local and found.timezone is None and self._business_timezone != "UTC":
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
        found = self._found(connection, scratch)
        self.opened = found.exports
        tables = {name: reader.table(found.timezone or "UTC") for name, reader in found.readers.items()}
        if found.exports.claims:
            tables = found.exports.open(connection, scratch, tables)
        try:
            yield tables
        except (duckdb.OutOfMemoryException, duckdb.InterruptException):
            raise
        except duckdb.Error:
            for reader in found.readers.values():
                _refuse_damaged(reader.files)
            raise

    def exports(self) -> ExportFolder:
        """Return the files of the folder that layouts may read, for people who want to know what each is."""
        with in_memory() as connection:
            return self._found(connection, None, needs_leads=False).exports

    def _found(
        self, connection: duckdb.DuckDBPyConnection, scratch: Path | None, *, needs_leads: bool = True
    ) -> _Found:
        """Return what is in the folder.

        Raises:
            InputError: it does not exist, holds no leads, or holds a table twice.
        """
        try:
            if self.folder.is_file():
                raise InputError(f"the source {self.folder} is a file; name the folder that it is in")
            if not self.folder.is_dir():
                raise InputError(
                    f"source folder {self.folder} does not exist; name a folder with leads.csv (or .parquet, .jsonl)"
                )
            chosen = [library.named_layout(name) for name in self._layouts]
            own = [] if any(layout.tables for layout in chosen) else library.folder_layouts(self.folder)
            files = {name: self._files(name) for name in TABLES}
            exports, encoding, zone = self._exports([*chosen, *own], chosen, own, files)
            unread = self._unread("leads")
        except OSError as error:
            raise unreadable(self.folder, error) from None
        claimed = {claim.export.path for claim in exports.claims}
        readers = {
            name: _TableReader(connection, name, found, self.folder / name, scratch, encoding)
            for name, found in files.items()
            if found and not claimed & set(found)
        }
        if needs_leads and "leads" not in readers and "leads" not in exports.tables():
            reasons = "; ".join(each.reason for each in exports.unclaimed[:MOST_NAMED])
            raise InputError(
                f"{self.folder} has no leads{unread}; put leads.csv (or .parquet, .jsonl, or a folder of them) or an "
                f"export that a layout knows there{f' ({reasons})' if reasons else ''}"
            )
        return _Found(readers, exports, zone)

    def _exports(
        self,
        layouts: Sequence[Layout],
        chosen: Sequence[Layout],
        own: Sequence[Layout],
        files: Mapping[str, Sequence[Path]],
    ) -> tuple[ExportFolder, str | None, str | None]:
        """Return the exports of the folder, and the encoding and time zone of its files where somebody says them."""
        general = [layout for layout in layouts if not layout.tables]
        encoding = self._encoding or next((layout.encoding for layout in general if layout.encoding), None)
        zone = self._named_timezone or next((layout.timezone for layout in general if layout.timezone), None)
        taken = {path for found in files.values() for path in found}
        candidates = [path for path in _candidates(self.folder) if path not in taken]
        foreign = [
            path
            for name, found in files.items()
            for path in found
            if kind_of(path) and not _has_columns(name, path, encoding)
        ]
        given = frozenset(name for name, found in files.items() if found and not set(found) & set(foreign))
        offered = [(path, kind) for path in sorted({*candidates, *foreign}) if (kind := kind_of(path))]
        tiers = [tier for tier in (chosen, own, library.shipped() if offered else ()) if tier]
        exports = ExportFolder(self.folder, offered, tiers, given, encoding, zone or "UTC")
        return exports, encoding, zone

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
        similar = [path for path in similar if not path.name.lower().endswith(ENDINGS)]
        if not similar:
            return ""
        names = ", ".join(f"{path.name}{_json_keys(path)}" for path in similar)
        return f" ({UNREAD}, as its name does not end in {ALLOWED_ENDINGS}: {names})"


@dataclass(frozen=True)
class _Found:
    """What a folder holds: readers of the tables by name, exports, and the time zone that somebody named."""

    readers: dict[str, _TableReader]
    exports: ExportFolder
    timezone: str | None


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

    def __post_init__(self) -> None:
        self.spool = Spool(self.connection, self.name, self.scratch, self.encoding)

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
            rejects=" union all ".join(self.spool.rejects) or None,
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
        found = self.connection.execute(f"describe from {read_parquet([file])}").fetchall()
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
        path = self.spool.csv(file, text, encoding, header)
        return _Part((path,), names, kinds, is_text=True)

    def _json_lines(self, file: Path) -> _Part:
        """Return each line taken apart; it is read as text, so a broken line is a row like any other."""
        _, encoding = start_of(file, self.encoding)
        source = self.spool.in_utf8(file, encoding) if self.scratch is not None else file
        read = read_lines(source)
        keys = self._json_objects(read)
        if keys is None and self.scratch is not None:
            read = self.spool.whole_lines(file, source)
            keys = self._json_objects(read)
        keys = keys or {}
        if keys.pop(None, 0) and self.scratch is not None:
            rejects = self.spool.path("parquet")
            numbered = f"(select c0 as line, row_number() over () as number from {read})"
            self.connection.execute(
                f"copy (select 'line ' || number as place, line, {literal(NOT_AN_OBJECT)} as detail from {numbered} "
                "where trim(line) <> '' and coalesce(json_type(try_cast(line as json)), '') <> 'OBJECT') "
                f"to {literal(rejects)} (format parquet)"
            )
            self.spool.keep_rejects(file, rejects)
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
        path = self.spool.path("parquet")
        if not self.spool.copy(f"(select {', '.join(cells)}, line as c{len(names)} from {_json_rows(read)})", path):
            raise AcquisitionError(f"{file}: its rows cannot be copied to {self.scratch}; make room there")
        return _Part((path,), (*names, None), ("VARCHAR",) * (len(names) + 1), is_text=True, as_read=len(names))

    def _json_objects(self, read: str) -> dict[str | None, int] | None:
        """Return how often each key is there, None for lines that are no object; None where lines cannot be read."""
        keys = "case when json_type(parsed) = 'OBJECT' then json_keys(parsed) else [null] end"
        parsed = f"(select try_cast(c0 as json) as parsed from {read} where trim(c0) <> '')"
        counted = f"select key, count(*) from (select unnest({keys}) as key from {parsed}) group by 1 order by 1"
        found = self.spool.whole(counted)
        return None if found is None else dict(found)


def _candidates(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder, and of the folders in it, that may be exports; hidden ones are not."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from (each for each in sorted(path.iterdir()) if each.is_file() and not each.name.startswith("."))
        elif path.is_file():
            yield path


def _has_columns(table: str, file: Path, encoding: str | None) -> bool:
    """Return whether a file with the name of a table has the table's required columns, or cannot be looked at."""
    try:
        columns = Export(file, kind_of(file) or "", encoding).columns(None)
    except InputError:
        return True
    return not columns or set(INPUTS[table].required) <= set(columns)


def _is_part(path: Path) -> bool:
    """Return whether a file in the folder of a table is one of the table's; hidden files are not."""
    return path.name.lower().endswith(ENDINGS) and not path.name.startswith(".") and not path.is_dir()


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
    return f"select {', '.join(listed)} from {read_parquet(part.files)} as read ({positions})"


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
                    connection.execute(f"select bit_xor(hash(t)) from {read_parquet([file])} as t").fetchall()
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
