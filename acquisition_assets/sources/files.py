"""Here: the source that is a folder of files: Parquet, CSV (also .gz) and JSON lines, one file or one folder per table.

Not here: what the rows must be; every cell is handed over as it stands.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb

from acquisition_assets.core.duck import in_memory
from acquisition_assets.core.errors import InputError
from acquisition_assets.raw.inputs import INPUTS, require_columns
from acquisition_assets.sources.base import TABLES, RawTable, Reject, Wanted

ENDINGS = (".parquet", ".csv", ".csv.gz", ".jsonl")
DELIMITERS = ",;\t|"
NO_DELIMITER = "\x01"
ROW_AS_READ = "row_as_read"


class FileSource:
    """A folder that holds `leads`, `events`, ... as files or as folders of files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.label = f"folder {folder}"

    def check(self) -> list[str]:
        """See `Source.check`."""
        with in_memory() as connection:
            found = self._tables(connection)
            for name, table in found.items():
                require_columns(name, dict(table.columns), f"{self.folder}/{name}")
        return [f"{self.folder} has no {name}; it is taken as empty" for name in TABLES if name not in found]

    @contextlib.contextmanager
    def open(
        self, connection: duckdb.DuckDBPyConnection, scratch: Path, wanted: Wanted
    ) -> Iterator[Mapping[str, RawTable]]:
        """See `Source.open`."""
        try:
            yield self._tables(connection)
        except (duckdb.InvalidInputException, duckdb.IOException, duckdb.ConversionException) as error:
            if str(self.folder) not in str(error):
                raise
            raise InputError(
                f"{self.folder}: a file cannot be read ({_first_line(error)}); repair or remove it"
            ) from error

    def _tables(self, connection: duckdb.DuckDBPyConnection) -> dict[str, RawTable]:
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
                tables[name] = _FileTable(connection, name, files).table()
        if "leads" not in tables:
            raise InputError(
                f"{self.folder} has no leads; put leads.csv (or .parquet, .jsonl, or a folder of them) there"
            )
        return tables

    def _files(self, name: str) -> list[Path]:
        found = [self.folder / (name + ending) for ending in ENDINGS if (self.folder / (name + ending)).exists()]
        folder = self.folder / name
        if folder.is_dir():
            found.append(folder)
        if len(found) > 1:
            given = " and ".join(path.name for path in found)
            raise InputError(f"{self.folder} has the table {name} twice ({given}); keep one of them")
        if found and found[0].is_dir():
            files = sorted(path for path in found[0].iterdir() if path.is_file() and path.name.endswith(ENDINGS))
            if not files and any(found[0].iterdir()):
                raise InputError(f"{found[0]} has no file that ends in {', '.join(ENDINGS)}; rename or convert them")
            return files
        return found


class _FileTable:
    """One table: the files' rows after one another, in the order of their names."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, name: str, files: list[Path]) -> None:
        self.connection = connection
        self.name = name
        self.files = files
        self.csv_files: list[Path] = []
        self.json_lines: list[str] = []

    def table(self) -> RawTable:
        columns: dict[str, str] = {}
        parts: list[tuple[str, dict[str, str], bool]] = []
        for file in self.files:
            relation, found, is_text = self._describe(file)
            parts.append((relation, found, is_text))
            for column, kind in found.items():
                columns[column] = kind if columns.get(column, kind) == kind else "VARCHAR"
        if len(self.files) > 1 and all(file.suffix == ".parquet" for file in self.files):
            listed = ", ".join(_text(str(file)) for file in self.files)
            relation = f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"
            columns = self._columns_of(relation)
            parts = [(relation, columns, False)]
        view = f"source_{self.name}"
        from_text = any(is_text for _, _, is_text in parts)
        self.connection.execute(f"create or replace temp view {view} as {self._union(parts, columns)}")
        return RawTable(
            relation=view,
            columns={name: kind for name, kind in columns.items() if name != ROW_AS_READ},
            from_text=from_text,
            row="coalesce(raw_row.row_as_read, to_json(raw_row)::VARCHAR)"
            if ROW_AS_READ in columns
            else "to_json(raw_row)::VARCHAR",
            rejects=self._rejects,
        )

    def _union(self, parts: list[tuple[str, dict[str, str], bool]], columns: Mapping[str, str]) -> str:
        selects = []
        for relation, found, _ in parts:
            listed = ", ".join(
                f"{_name(column)}::{kind} as {_name(column)}" if column in found else f"null::{kind} as {_name(column)}"
                for column, kind in columns.items()
            )
            selects.append(f"select {listed} from {relation}")
        return " union all ".join(selects)

    def _describe(self, file: Path) -> tuple[str, dict[str, str], bool]:
        """The relation of one file, its columns with their types, and whether its cells are text."""
        try:
            if file.name.endswith(".parquet"):
                relation = f"read_parquet({_text(str(file))}, hive_partitioning = false)"
                return relation, self._columns_of(relation), False
            if file.name.endswith(".jsonl"):
                return self._json_lines(file)
            return self._csv(file)
        except (duckdb.Error, OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{file} cannot be read ({_first_line(error)}); repair or remove it") from error

    def _columns_of(self, relation: str) -> dict[str, str]:
        rows = self.connection.execute(f"describe select * from {relation}").fetchall()
        found = {str(row[0]): str(row[1]) for row in rows}
        lower = {_column_name(name): kind for name, kind in found.items()}
        if list(lower) != list(found):
            return found
        return lower

    def _csv(self, file: Path) -> tuple[str, dict[str, str], bool]:
        with _open_text(file) as stream:
            header_line = stream.readline()
        if not header_line.strip():
            raise InputError(f"{file} is empty; its first line must name the columns")
        delimiter = max(DELIMITERS, key=header_line.count)
        header = [_column_name(name) for name in next(csv.reader([header_line.rstrip("\r\n")], delimiter=delimiter))]
        repeated = {name for name in header if header.count(name) > 1}
        if repeated:
            raise InputError(f"{file} names the column {', '.join(sorted(repeated))} twice; rename or remove one")
        types = ", ".join(f"{_text(name or f'column{n}')}: 'VARCHAR'" for n, name in enumerate(header))
        self.csv_files.append(file)
        relation = (
            f"read_csv({_text(str(file))}, auto_detect = false, header = true, columns = {{{types}}}, "
            f"delim = {_text(delimiter)}, "
            "quote = '\"', escape = '\"', strict_mode = true, max_line_size = 16777216, store_rejects = true, "
            f"rejects_scan = {_text('scans_' + self.name)}, rejects_table = {_text('rejects_' + self.name)}, "
            "rejects_limit = 0)"
        )
        return relation, dict.fromkeys((name or f"column{n}" for n, name in enumerate(header)), "VARCHAR"), True

    def _json_lines(self, file: Path) -> tuple[str, dict[str, str], bool]:
        """Each line is read as text and taken apart here, so that a broken line is a row like any other."""
        known = [column.name for column in INPUTS[self.name].columns]
        everything = (
            "(select line, case when json_valid(line) then line::json end as parsed "
            f"from read_csv({_text(str(file))}, auto_detect = false, header = false, columns = {{'line': 'VARCHAR'}}, "
            f"delim = {_text(NO_DELIMITER)}, quote = '', escape = '', max_line_size = 16777216) where trim(line) <> '')"
        )
        lines = f"(select * from {everything} where coalesce(json_type(parsed), '') = 'OBJECT')"
        self.json_lines.append(f"select line from {everything} where coalesce(json_type(parsed), '') <> 'OBJECT'")
        named = ", ".join(f"bool_or(json_exists(parsed, '$.{name}'))" for name in known)
        count, *present = self.connection.execute(f"select count(*), {named} from {lines}").fetchone() or (0,)
        found = [name for name, there in zip(known, present, strict=True) if there or not count]
        cells = ", ".join(f"parsed ->> '$.{name}' as {name}" for name in found)
        relation = f"(select {cells}{', ' if cells else ''}line as row_as_read from {lines})"
        return relation, dict.fromkeys([*found, ROW_AS_READ], "VARCHAR"), True

    def _rejects(self) -> list[Reject]:
        rejects = [
            Reject(str(line), "the line is not a JSON object")
            for query in self.json_lines
            for (line,) in self.connection.execute(query).fetchall()
        ]
        if not self.csv_files:
            return rejects
        rows = self.connection.execute(
            "select distinct on (scans.file_path, line, line_byte_position) csv_line, error_message "
            f"from rejects_{self.name} join scans_{self.name} as scans using (scan_id, file_id) "
            "order by scans.file_path, line"
        ).fetchall()
        return rejects + [Reject(str(line), str(message)) for line, message in rows]


def _column_name(name: str) -> str:
    return name.strip().lstrip("\ufeff").strip().lower()


@contextlib.contextmanager
def _open_text(file: Path) -> Iterator[io.TextIOBase]:
    opener = gzip.open if file.name.endswith(".gz") else open
    with opener(file, "rt", encoding="utf-8-sig", errors="replace", newline="") as stream:
        yield stream


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
