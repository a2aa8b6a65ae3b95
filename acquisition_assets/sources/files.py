"""Here: the source that is a folder of files: Parquet, CSV (also .gz) and JSON lines, one file or one folder per table.

Not here: what the rows must be; every cell is handed over as it stands.
"""

from __future__ import annotations

import contextlib
import csv
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from acquisition_assets.core.duckdb_sql import identifier, in_memory, literal, literals
from acquisition_assets.core.errors import InputError
from acquisition_assets.inputs.source import ROW_PLACE, TABLES, RawTable, Wanted
from acquisition_assets.inputs.tables import INPUTS, InputColumn, require_columns
from acquisition_assets.sources.csv_text import first_line, is_regular, start_of, write_regular

ENDINGS = (".parquet", ".csv", ".csv.gz", ".jsonl")
DELIMITERS = ",;\t|"
NO_DELIMITER = "\x01"
CSV_FORM = "header = true, quote = '\"', escape = '\"', strict_mode = true"
LINES_FORM = "header = false, quote = '', escape = '', strict_mode = false"
PLACE = f"(file_index::bigint * {1 << 40} + file_row_number::bigint)"
LONGEST_LINE = 16 << 20
ROW_AS_READ = "row_as_read"
# Statistics that leave NaN out would make the engine believe that there is none.
PARQUET_OPTIONS = "hive_partitioning = false, can_have_nan = true"
RAGGED = ("MISSING COLUMNS", "TOO MANY COLUMNS", "INVALID ENCODING")
UNREADABLE = (duckdb.Error, pa.ArrowException, OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error)


class FileSource:
    """A folder that holds `leads`, `events`, ... as files or as folders of files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.label = f"folder {folder}"

    def check(self) -> list[str]:
        """See `Source.check`."""
        with in_memory() as connection:
            found = self._tables(connection)
        return [
            f"{self.folder} has no {name}{self._unread(name)}; it is taken as empty"
            for name in TABLES
            if name not in found
        ]

    @contextlib.contextmanager
    def open(
        self, connection: duckdb.DuckDBPyConnection, scratch: Path, wanted: Wanted
    ) -> Iterator[Mapping[str, RawTable]]:
        """See `Source.open`."""
        try:
            yield self._tables(connection, scratch)
        except (duckdb.InvalidInputException, duckdb.IOException, duckdb.ConversionException) as error:
            if str(self.folder) not in str(error):
                raise
            raise InputError(
                f"{self.folder}: a file cannot be read ({_first_line(error)}); repair or remove it"
            ) from error

    def _tables(self, connection: duckdb.DuckDBPyConnection, scratch: Path | None = None) -> dict[str, RawTable]:
        if self.folder.is_file():
            raise InputError(f"the source {self.folder} is a file; name the folder that it is in")
        if not self.folder.is_dir():
            raise InputError(
                f"source folder {self.folder} does not exist; name a folder with leads.csv (or .parquet, .jsonl)"
            )
        tables = {}
        for name in TABLES:
            files = self._files(name)
            if files:
                tables[name] = _FileTable(connection, name, files, scratch).table()
                require_columns(name, dict(tables[name].columns), f"{self.folder}/{name}")
        if "leads" not in tables:
            raise InputError(
                f"{self.folder} has no leads{self._unread('leads')}; put leads.csv (or .parquet, .jsonl, or a folder "
                "of them) there"
            )
        return tables

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
            files = [path for path in sorted(found[0].iterdir()) if _is_part(path)]
            if not files and any(found[0].iterdir()):
                raise InputError(f"{found[0]} has no file that ends in {', '.join(ENDINGS)}; rename or convert them")
            return files
        return found

    def _unread(self, name: str) -> str:
        """What has the name of the table but not an ending that is read, for messages."""
        similar = [path.name for path in sorted(self.folder.glob("*.*")) if path.name.lower().split(".")[0] == name]
        allowed = f"{', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"
        return f" (not read, as its name does not end in {allowed}: {', '.join(similar)})" if similar else ""


def _is_part(path: Path) -> bool:
    """Whether a file in the folder of a table is one of the table's; hidden files are not."""
    return path.name.lower().endswith(ENDINGS) and not path.name.startswith(".") and path.is_file()


@dataclass(frozen=True)
class _Part:
    """One file as a relation: its columns with their types, and whether its cells are text."""

    relation: str
    columns: Mapping[str, str]
    is_text: bool


@dataclass
class _FileTable:
    """One table: the files' rows after one another, in the order of their names.

    scratch: where the copies of files that the engine cannot read as they are go; without one, only columns are read.
    """

    connection: duckdb.DuckDBPyConnection
    name: str
    files: Sequence[Path]
    scratch: Path | None
    rejects: list[str] = field(default_factory=list)

    def table(self) -> RawTable:
        parts = [self._part(file) for file in self.files]
        kinds: dict[str, set[str]] = {}
        for part in parts:
            for column, kind in part.columns.items():
                kinds.setdefault(column, set()).add(kind)
        columns = {column: next(iter(found)) if len(found) == 1 else "VARCHAR" for column, found in kinds.items()}
        from_text = any(part.is_text for part in parts)
        if not from_text and len(parts) == 1:
            whole = parts[0]
        elif not from_text and all(len(found) == 1 for found in kinds.values()):
            whole = self._parquet(f"{literals(self.files)}, union_by_name = true")
        else:
            whole = self._spooled(self._union(parts, columns), columns)
        view = f"source_{self.name}"
        self.connection.execute(f"create or replace temp view {view} as from {whole.relation}")
        return RawTable(
            relation=view,
            columns={name: kind for name, kind in whole.columns.items() if name != ROW_AS_READ},
            from_text=from_text,
            as_read=ROW_AS_READ if ROW_AS_READ in columns else None,
            rejects=" union all ".join(self.rejects) or None,
            tells_place=self.scratch is not None,
        )

    def _spooled(self, rows: str, columns: Mapping[str, str]) -> _Part:
        """The rows in one Parquet file, as they are read several times; without a scratch folder, as they stand."""
        if self.scratch is None:
            return _Part(f"({rows})", columns, True)
        path = self.scratch / f"{self.name}.as_read.parquet"
        self.connection.execute(f"copy ({rows}) to {literal(path)} (format parquet)")
        return self._parquet(literal(path))

    def _union(self, parts: Sequence[_Part], columns: Mapping[str, str]) -> str:
        selects = []
        for part in parts:
            listed = ", ".join(
                f"{identifier(column)}::{kind} as {identifier(column)}"
                if column in part.columns
                else f"null::{kind} as {identifier(column)}"
                for column, kind in columns.items()
            )
            selects.append(f"select {listed} from {part.relation}")
        return " union all ".join(selects)

    def _part(self, file: Path) -> _Part:
        try:
            if file.name.lower().endswith(".parquet"):
                _refuse_repeated(file, [_column_name(name) for name in pq.read_schema(file).names])
                return self._parquet(literal(file))
            if file.name.lower().endswith(".jsonl"):
                return self._json_lines(file)
            return self._csv(file)
        except UNREADABLE as error:
            raise InputError(f"{file} cannot be read ({_first_line(error)}); repair or remove it") from error

    def _parquet(self, files: str) -> _Part:
        relation = f"read_parquet({files}, {PARQUET_OPTIONS})"
        found = {str(row[0]): str(row[1]) for row in self.connection.execute(f"describe from {relation}").fetchall()}
        columns = {name: kind for name, kind in found.items() if _column_name(name) != ROW_PLACE}
        listed = ", ".join(f"{identifier(name)} as {identifier(_column_name(name))}" for name in columns)
        placed = f"select {listed}, {PLACE} as {ROW_PLACE} from {relation}"
        return _Part(f"({placed})", {_column_name(name): kind for name, kind in columns.items()}, False)

    def _csv(self, file: Path) -> _Part:
        header_line = first_line(file)
        delimiter = max(DELIMITERS, key=header_line.count)
        header = [_column_name(name) for name in next(csv.reader([header_line], delimiter=delimiter))]
        _refuse_repeated(file, header)
        columns = [name or f"column{number}" for number, name in enumerate(header)]
        if self.scratch is not None and not self._is_readable(file, columns, delimiter):
            copy = self.scratch / f"{file.name}.{len(self.rejects)}.copy.csv"
            broken = copy.with_suffix(".parquet")
            write_regular(file, delimiter, copy, broken)
            place = literal(f"{file.name}, ") + " || place"
            self.rejects.append(f"select {place} as place, line, detail from read_parquet({literal(broken)})")
            return self._csv_part(copy, columns, delimiter, file.name)
        return self._csv_part(file, columns, delimiter, file.name)

    def _is_readable(self, file: Path, columns: Sequence[str], delimiter: str) -> bool:
        """Whether the engine finds the rows of a file: it cannot where line ends are mixed or a quote is not closed."""
        if is_regular(file):
            return True
        try:
            trial = _read_csv(file, columns, delimiter, "trial")
            self.connection.execute(f"select bit_xor(hash(t)) from {trial} as t").fetchall()
            ragged = ", ".join(map(literal, RAGGED))
            broken = self.connection.execute(f"from trial_rejects where error_type::varchar not in ({ragged}) limit 1")
            return not broken.fetchall()
        except duckdb.InvalidInputException:
            return False
        finally:
            self.connection.execute("drop table if exists trial_rejects; drop table if exists trial_scans")

    def _csv_part(self, file: Path, columns: Sequence[str], delimiter: str, name: str) -> _Part:
        self._keep_rejects(file, name)
        return _Part(_read_csv(file, columns, delimiter, self.name), dict.fromkeys(columns, "VARCHAR"), True)

    def _json_lines(self, file: Path) -> _Part:
        """Each line is read as text and taken apart here, so that a broken line is a row like any other."""
        start_of(file)
        self._keep_rejects(file, file.name)
        read = _read_csv(file, ["line"], NO_DELIMITER, self.name, LINES_FORM)
        parsed = f"select line, try_cast(line as json) as parsed from {read} where trim(line) <> ''"
        keys = "case when json_type(parsed) = 'OBJECT' then json_keys(parsed) else [null] end"
        counted = f"select key, count(*) from (select unnest({keys}) as key from ({parsed})) group by 1 order by 1"
        found = dict(self.connection.execute(counted).fetchall())
        if found.pop(None, 0):
            place = literal(f"{file.name}, line ") + " || number"
            numbered = f"(select line, row_number() over () as number from {read})"
            self.rejects.append(
                f"select {place}, line, 'the line is not a JSON object' from {numbered} "
                "where trim(line) <> '' and coalesce(json_type(try_cast(line as json)), '') <> 'OBJECT'"
            )
        names: dict[str, list[str]] = {} if found else {column.name: [column.name] for column in self._known}
        for key in found:
            names.setdefault(_column_name(key), []).append(key)
        cells = {}
        for column in self._known:
            paths = [f"parsed ->> {literal(_path(key))}" for key in names.get(column.name, [])]
            if paths:
                cells[column.name] = paths[0] if len(paths) == 1 else f"coalesce({', '.join(paths)})"
        listed = ", ".join(f"{cell} as {name}" for name, cell in [*cells.items(), (ROW_AS_READ, "line")])
        relation = f"(select {listed} from ({parsed}) where json_type(parsed) = 'OBJECT')"
        return _Part(relation, dict.fromkeys([*cells, ROW_AS_READ], "VARCHAR"), True)

    @property
    def _known(self) -> Sequence[InputColumn]:
        return INPUTS[self.name].columns

    def _keep_rejects(self, file: Path, name: str) -> None:
        """Remember which lines of a file the engine could not split into cells. Every reading finds them anew."""
        found = (
            "select distinct on (line, line_byte_position) line, trim(csv_line, chr(10) || chr(13)) as csv_line, "
            f"error_message from {self.name}_rejects join {self.name}_scans as scans using (scan_id, file_id) "
            f"where scans.file_path = {literal(file)} order by line"
        )
        self.rejects.append(f"select {literal(name + ', line ')} || line, csv_line, error_message from ({found})")


def _read_csv(file: Path, columns: Sequence[str], delimiter: str, kept: str, form: str = CSV_FORM) -> str:
    """The reading of a file whose columns are texts; lines that are no rows go to the table <kept>_rejects."""
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in columns)
    packed = "gzip" if file.name.lower().endswith(".gz") else "none"
    return (
        f"read_csv({literal(file)}, auto_detect = false, compression = '{packed}', columns = {{{types}}}, "
        f"delim = {literal(delimiter)}, {form}, max_line_size = {LONGEST_LINE}, store_rejects = true, "
        f"rejects_scan = {literal(kept + '_scans')}, rejects_table = {literal(kept + '_rejects')}, rejects_limit = 0)"
    )


def _refuse_repeated(file: Path, columns: Sequence[str]) -> None:
    repeated = sorted(name for name, count in Counter(columns).items() if count > 1)
    if repeated:
        raise InputError(f"{file} names the column {', '.join(repeated)} twice; rename or remove one")


def _path(key: str) -> str:
    """The place of a key in a JSON object."""
    return '$."' + key + '"'


def _column_name(name: str) -> str:
    return name.strip().lstrip("\ufeff").strip().lower()


def _first_line(error: BaseException) -> str:
    text = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return re.sub(r"""value (["']).*\1""", "a value", text)  # which may be personal data
