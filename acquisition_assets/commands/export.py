"""Implements `acquisition export`: chooses the rows of a table or of a segment's members, and hides personal data.

How rows become bytes of a format is left to `export_formats`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from acquisition_assets.behavior_predictions.contract import BEHAVIOR_PREDICTIONS
from acquisition_assets.catalog import TABLES
from acquisition_assets.commands.console import discard
from acquisition_assets.commands.deployment import choose_day, open_lake, read_settings
from acquisition_assets.commands.export_formats import FORMATS, write_rows
from acquisition_assets.conversion_forecasts.contract import CONVERSION_FORECASTS
from acquisition_assets.core.contracts import ARROW, Contract, Kind
from acquisition_assets.core.days import parse_day
from acquisition_assets.core.duckdb_sql import in_memory
from acquisition_assets.core.errors import ExitCode, InputError, describe_error, did_you_mean
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.masking import MASK, masked_email, sanitize
from acquisition_assets.core.settings import Settings
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.lead_segments.contract import LEAD_SEGMENTS
from acquisition_assets.policy import read_policy

SEGMENT = "segment"
BINARY = ("xlsx", "parquet")
STDOUT = "-"
FIGURES: tuple[tuple[Contract, tuple[str, ...]], ...] = (
    (DYNAMIC_SCORES, ("score",)),
    (BEHAVIOR_PREDICTIONS, ("conversion_probability", "predicted_next_action")),
    (CONVERSION_FORECASTS, ("forecast_probability", "priority")),
    (
        LEAD_ACTIVITY,
        (
            *("email", "status", "channel", "platform", "interest_area", "created_at", "opens_7d", "completions_7d"),
            *("completions_total", "referrals_generated", "last_engaged_at", "may_be_mailed"),
        ),
    ),
)
"""The main figures of a segment's members, by the table that has them."""


@dataclass(frozen=True)
class Wanted:
    """The options of the command, as they were given."""

    what: str
    name: str | None = None
    date: str | None = None
    form: str | None = None
    columns: str | None = None
    output: str | None = None
    with_emails: bool = False


@dataclass(frozen=True)
class _Rows:
    """What is exported: its name, its rows, and the columns of it that are personal data."""

    title: str
    rows: pa.Table
    personal: frozenset[str]


def export_command(wanted: Wanted, **options: str | None) -> int:
    """Write the file and return the exit code.

    Raises:
        InputError: An option is wrong, or the lake has no such table, day, segment or column.
        LakeError: A partition is corrupt.
    """
    settings = read_settings(**options)
    form = _format(wanted.form, wanted.output)
    if form in BINARY and wanted.output in (None, STDOUT) and sys.stdout.isatty():
        raise InputError(f"{form} is not for a terminal; name a file with --output, or choose --format csv")
    lake = open_lake(settings)
    found = _segment(lake, wanted, settings) if wanted.what == SEGMENT else _table(lake, wanted)
    if wanted.columns is not None:
        found = _Rows(found.title, found.rows.select(_columns(wanted.columns, found)), found.personal)
    rows = found.rows if wanted.with_emails else mask(found.rows, found.personal)
    if wanted.output is None or wanted.output == STDOUT:
        return _to_stdout(rows, found.title, form)
    with _replacing(Path(wanted.output).expanduser()) as file:
        write_rows(rows, found.title, form, file)
    return ExitCode.DONE.value


def mask(rows: pa.Table, personal: Iterable[str]) -> pa.Table:
    """Return the rows with personal columns masked, and addresses in any other text too, as ids may be addresses."""
    hidden = frozenset(personal)
    for place, field in enumerate(rows.schema):
        if not (pa.types.is_string(field.type) or pa.types.is_list(field.type)):
            continue
        show = _hidden if field.name in hidden else _shown
        values = [_each(show, value) for value in rows.column(place).to_pylist()]
        rows = rows.set_column(place, field, pa.array(values, field.type))
    return rows


def _each(show: Callable[[str], str], value: Any) -> Any:
    if isinstance(value, list):
        return [None if item is None else show(item) for item in value]
    return None if value is None else show(value)


def _hidden(text: str) -> str:
    return masked_email(text) if "@" in text and len(text.split()) == 1 else MASK


def _shown(text: str) -> str:
    return sanitize(text) if "@" in text or "%40" in text else text


def _format(form: str | None, output: str | None) -> str:
    """Return the format: the named one, else that of the file's name, else CSV.

    Raises:
        InputError: There is no such format.
    """
    if form is None:
        ending = Path(output or "").suffix.lower().removeprefix(".")
        return ending if ending in FORMATS else "csv"
    if form.lower() not in FORMATS:
        raise InputError(_unknown("format", form, tuple(FORMATS)))
    return form.lower()


def _table(lake: Lake, wanted: Wanted) -> _Rows:
    if wanted.name is not None:
        raise InputError(f"{wanted.name!r} follows the table {wanted.what!r}; only the word {SEGMENT} takes a name")
    contracts = {contract.table: contract for contract in TABLES}
    if wanted.what not in contracts:
        raise InputError(_unknown("table", wanted.what, (*contracts, SEGMENT)))
    contract = contracts[wanted.what]
    day = _day(lake, contract.table, wanted.date)
    return _Rows(contract.table, lake.read(contract.table, day), _personal(contract))


def _personal(contract: Contract) -> frozenset[str]:
    return frozenset(name for name in contract.columns if contract.is_personal(name))


def _segment(lake: Lake, wanted: Wanted, settings: Settings) -> _Rows:
    """Return the members of a segment with their main figures, highest scores first."""
    if wanted.name is None:
        raise InputError(f"{SEGMENT} needs a name, such as: acquisition export {SEGMENT} high_value_prospects")
    day = _day(lake, LEAD_SEGMENTS.table, wanted.date)
    members = lake.read(LEAD_SEGMENTS.table, day)
    known = {*members.column("segment").to_pylist(), *read_policy(settings.policy_path).segments}
    if wanted.name not in known:
        raise InputError(_unknown(f"segment on {day}", wanted.name, sorted(known)))
    with in_memory() as connection:
        connection.register("members", members)
        joins, figures = [], []
        for contract, names in FIGURES:
            has = lake.has(contract.table, day)
            wanted_columns = ["lead_id", *names]
            rows = lake.read(contract.table, day, wanted_columns) if has else contract.empty().select(wanted_columns)
            connection.register(contract.table, rows)
            joins.append(f"left join {contract.table} on {contract.table}.lead_id = members.lead_id")
            figures += [f"{contract.table}.{name}" for name in names]
        query = (
            f"select members.lead_id, {', '.join(figures)} from members {' '.join(joins)} "
            f"where members.segment = ? order by {DYNAMIC_SCORES.table}.score desc nulls last, members.lead_id"
        )
        found: pa.Table = connection.execute(query, [wanted.name]).to_arrow_table()
    kinds = [("lead_id", Kind.TEXT), *((name, contract.kind(name)) for contract, names in FIGURES for name in names)]
    schema = pa.schema([(name, ARROW[kind]) for name, kind in kinds])
    personal = frozenset[str]().union(*(_personal(contract) for contract, _ in FIGURES))
    return _Rows(wanted.name, found.cast(schema), personal)


def _day(lake: Lake, table: str, date: str | None) -> dt.date:
    """Return the requested day, or the table's newest.

    Raises:
        InputError: The lake does not have that day of the table, or none at all.
    """
    return choose_day(lake, lake.days(table), None if date is None else parse_day(date, "--date"), table)


def _columns(text: str, found: _Rows) -> list[str]:
    """Return the names of the chosen columns, in the order in which they were given.

    Raises:
        InputError: One is unknown, empty or named twice.
    """
    names = [name.strip() for name in text.split(",")]
    known = found.rows.column_names
    for name in names:
        if not name:
            raise InputError("--columns has an empty name; write the names with commas between them, such as a,b")
        if name not in known:
            raise InputError(_unknown(f"column of {found.title}", name, known))
        if names.count(name) > 1:
            raise InputError(f"--columns names {name} twice; name it once")
    return names


def _unknown(kind: str, name: str, known: Sequence[str]) -> str:
    """Return the line for a name that does not exist, with the nearest one that does."""
    return f"there is no {kind} {name!r}{did_you_mean(name, known)}; choose one of: {', '.join(known)}"


def _to_stdout(rows: pa.Table, title: str, form: str) -> int:
    """Write to stdout; a reader that goes away ends it without an error."""
    try:
        write_rows(rows, title, form, sys.stdout.buffer)
        sys.stdout.flush()
    except BrokenPipeError:
        discard(sys.stdout.fileno())
    return ExitCode.DONE.value


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a new file that takes the place of the path when all of it is written.

    Raises:
        InputError: The path cannot be written.
    """
    if path.is_dir():
        raise InputError(f"--output {path} cannot be written (it is a folder); name a file in it")
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        with beside.open("xb") as file:
            yield file
        beside.replace(path)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else describe_error(error)
        raise InputError(f"--output {path} cannot be written ({reason}); choose another path") from error
    finally:
        beside.unlink(missing_ok=True)
