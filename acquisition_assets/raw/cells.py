"""Turns the cell of an input column into a value: SQL by the column's kind and the type it was read with.

Does not decide which rows are good (see `raw.rows`).

All names in these expressions come from the input tables' declarations, never from data.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from acquisition_assets.core.days import DAY_US, day_runs, offset_runs
from acquisition_assets.inputs.tables import INSTANT, Cell, InputColumn

# What Unicode calls white space, and the invisible characters that tools leave at the edges of cells.
BLANK_CODES = [*range(9, 14), *range(28, 33), 133, 160, 5760, *range(0x2000, 0x200C), 0x2028, 0x2029, 0x202F, 0x205F]
BLANK = "'" + "".join(map(chr, [*BLANK_CODES, 0x2060, 0x3000, 0xFEFF])) + "'"
NULL_WORDS = r"('null', 'NULL', 'NaN', 'nan', '\N')"
INSTANT_PATTERN = (
    r"\d{4}-\d{2}-\d{2}"
    r"(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?)?"
)
NUMBER_PATTERN = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
MACROS = (
    f"create macro trimmed(x) as trim(x, {BLANK})",
    # Text that begins with a visible ASCII character is not blank: no need to trim it.
    "create macro is_plain(x) as x >= '!' and x < chr(128)",
    # Where no cell is blank, all rows take one branch: the engine keeps a column's dictionary, and trims only that.
    "create macro cell(x) as case when is_plain(x) or x is null then x when trimmed(x) = '' then null else x end",
    # The same as `trimmed`, and ten times as fast for text without a dictionary that ends with such a character too.
    "create macro trimmed_text(x) as case when is_plain(x) and is_plain(right(x, 1)) then x else trimmed(x) end",
    f"create macro text_cell(x) as case when trimmed(x) = '' or trimmed(x) in {NULL_WORDS} then null else x end",
    # An integer that was once stored as a float keeps its integer's name: 123.0 is 123.
    r"create macro id_of(x) as case when suffix(x, '.0') and regexp_full_match(x, '-?\d+\.0') "
    "then left(x, length(x) - 2) else x end",
    "create macro id_of_number(x) as coalesce("
    "case when x = trunc(x) then cast(try_cast(x as hugeint) as varchar) end, cast(x as varchar))",
    "create macro id_of_float(x) as case when not isnan(x) then id_of_number(x) end",
    "create macro text_of_bytes(x) as coalesce(try(decode(x)), cast(x as varchar))",
    "create macro instant_of_ns(x) as make_timestamptz((x - ((x % 1000) + 1000) % 1000) // 1000)",
    "create macro valid_instant(x) as case when x between timestamptz '0001-01-01 00:00:00+00' "
    "and timestamptz '9999-12-31 23:59:59.999999+00' then x end",
    # Older versions of DuckDB read an offset only behind seconds.
    "create macro with_seconds(x) as "
    "case when length(x) > 16 and x[17] <> ':' then left(x, 16) || ':00' || substr(x, 17) else x end",
    f"create macro instant_of(x) as case when regexp_full_match(trimmed(x), '{INSTANT_PATTERN}') then "
    "valid_instant(try_cast(regexp_replace(with_seconds(trimmed(x)), '([+-]\\d{2})(\\d{2})$', '\\1:\\2') "
    "as timestamptz)) end",
    f"create macro number_of(x) as case when regexp_full_match(trimmed(x), '{NUMBER_PATTERN}') "
    "then try_cast(trimmed(x) as double) end",
    "create macro flag_of(x) as case when lower(trimmed(x)) in ('true', 't', 'yes', 'y', '1', '1.0') then true "
    "when lower(trimmed(x)) in ('false', 'f', 'no', 'n', '0', '0.0') then false end",
    "create macro host_of(x) as nullif(rtrim(regexp_extract(lower(trimmed_text(x)), "
    r"'^(?:[a-z][a-z0-9+.-]*://|//)?(?:[^/?#@]*@)?([^/?#:]+)', 1), '.'), '')",
)
INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
FLOATS = ("FLOAT", "DOUBLE")
NAIVE = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS")
# The first and last date there are, in days since 1970: the local date of an instant can lie a day beyond.
FIRST_DATE, LAST_DATE = ((day - dt.date(1970, 1, 1)).days for day in (dt.date.min, dt.date.max))


def time_macros(tz: ZoneInfo, last: dt.date) -> tuple[str, ...]:
    """Macros `business_date(instant)`, `local_hour(instant)` and `local_weekday(instant)` for a time zone.

    They hold the zone's offsets and odd days from 1970 to `last` as numbers, so that both are the same on every engine.
    """
    days = " ".join(
        f"when us >= {run.start_us} then {run.first_day} + "
        + (
            f"least((us - {run.start_us}) // {DAY_US}, {run.days - 1})"
            if run.days == 1
            else f"(us - {run.start_us}) // {DAY_US}"
        )
        for run in day_runs(tz, last)
    )
    oldest = day_runs(tz, last)[-1]
    days += f" else {oldest.first_day} - 1 - ({oldest.start_us} - 1 - us) // {DAY_US}"
    runs = offset_runs(tz, last)
    offsets = (
        " ".join(f"when us >= {run.start_us} then {run.offset_us}" for run in runs) + f" else {runs[-1].offset_us}"
    )
    return (
        f"create macro business_day_us(us) as case {days} end",
        f"create macro possible_date(n) as case when n < {FIRST_DATE} then {FIRST_DATE} "
        f"when n > {LAST_DATE} then {LAST_DATE} else n end",
        "create macro business_date(x) as "
        "date '1970-01-01' + cast(possible_date(business_day_us(epoch_us(x))) as integer)",
        f"create macro local_us(us) as us + case {offsets} end",
        "create macro local_hour(x) as ((local_us(epoch_us(x)) // 3600000000) % 24 + 24) % 24",
        f"create macro local_weekday(x) as "
        f"((cast(floor(local_us(epoch_us(x)) / {DAY_US}) as bigint) + 3) % 7 + 7) % 7 + 1",
    )


def cleaned(column: InputColumn, kind: str | None, from_text: bool, cell: str | None = None) -> str:
    """The cell of a column of DuckDB type `kind` as a value or text, null where it is missing."""
    if kind is None:
        return "null::VARCHAR"
    name = "src." + (cell or f'"{column.name}"')
    if kind in ("VARCHAR", "BLOB"):
        text = name if kind == "VARCHAR" else f"text_of_bytes({name})"
        return f"{'text_cell' if from_text else 'cell'}({text})"
    if column.cell is Cell.INSTANT:
        return _typed_instant(name, kind)
    if kind in FLOATS:
        return (
            f"id_of_float({name})"
            if column.cell is not Cell.NUMBER
            else f"case when not isnan({name}) then {name}::DOUBLE end"
        )
    if column.cell is Cell.NUMBER and (kind in INTEGERS or kind.startswith("DECIMAL")):
        return f"{name}::DOUBLE"
    if column.cell is Cell.ID and kind.startswith("DECIMAL"):
        return f"id_of_number({name})"
    if column.cell is Cell.FLAG and kind == "BOOLEAN":
        return name
    return f"{name}::VARCHAR"


def _typed_instant(name: str, kind: str) -> str:
    if kind == INSTANT:
        return name
    if kind in NAIVE or kind == "DATE":
        return f"make_timestamptz(epoch_us({name}::TIMESTAMP))"
    if kind == "TIMESTAMP_NS":
        return f"instant_of_ns(epoch_ns({name}))"
    return f"{name}::VARCHAR"


def is_typed(column: InputColumn, kind: str | None) -> bool:
    """Whether `cleaned` already gives the column's value (no text has to be parsed)."""
    if column.cell is Cell.INSTANT:
        return kind in (*NAIVE, "DATE", "TIMESTAMP_NS", INSTANT)
    if column.cell is Cell.NUMBER:
        return kind is not None and (kind in INTEGERS or kind in FLOATS or kind.startswith("DECIMAL"))
    return column.cell is Cell.FLAG and kind == "BOOLEAN"


def parsed(column: InputColumn, kind: str | None, cell: str) -> str:
    """The value of a cleaned cell, null where the text is not one."""
    if column.cell is Cell.ID:
        return f"id_of({cell})"
    if column.cell is Cell.WORD:
        return f"lower(trimmed({cell}))"
    if column.cell is Cell.TEXT:
        return cell
    if column.cell is Cell.NUMBER:
        return f"{cell if is_typed(column, kind) else f'number_of({cell})'} + 0.0"  # there is no negative zero
    if is_typed(column, kind):
        return f"valid_instant({cell})" if column.cell is Cell.INSTANT else cell
    return {Cell.INSTANT: "instant_of", Cell.FLAG: "flag_of"}[column.cell] + f"({cell})"
