"""Turns the cell of an input column into a value: SQL by the column's kind and the type it was read with.

Does not decide which rows are good (see `raw.rows`) or compare words with known ones (see `raw.words`).

All names in these expressions come from the input tables' declarations, never from data. Every expression is total: no
value that a type can hold makes it fail.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from acquisition_assets.core.days import DAY_US, day_runs, offset_runs
from acquisition_assets.core.duckdb_sql import identifier
from acquisition_assets.inputs.cells import (
    BLANK,
    FIRST_INSTANT,
    FIRST_SECOND,
    LAST_INSTANT,
    LAST_SECOND,
    MISSING_WORDS,
    local_instant_sql,
)
from acquisition_assets.inputs.tables import INSTANT, Cell, InputColumn

LONGEST_MISSING_WORD = max(map(len, MISSING_WORDS))
INSTANT_PATTERN = (
    r"\d{4}-\d{2}-\d{2}"
    r"(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?)?"
)
OFFSET = r"(?:Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)"
# The same with what tools add: slashes, an hour of one digit, a blank before the offset, UTC or GMT behind the time.
LOOSE_PATTERN = (
    r"(?:\d{4}-\d{2}-\d{2}|\d{4}/\d{2}/\d{2})(?:[T ](?:\d|[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?"
    rf"(?: ?{OFFSET}|(?: ?[+-]00(?::?00)?)? (?:UTC|GMT))?)?"
)
# What most exports write, a part of INSTANT_PATTERN: the engine reads it as it is, which takes a fifth of the time.
USUAL_PATTERN = (
    r"\d{4}-\d{2}-\d{2}[T ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3])(?::[0-5]\d)?)"
)
MAIL_PATTERN = (
    r"(?i)(?:(?:mon|tue|wed|thu|fri|sat|sun), *)?"
    r"(\d{1,2}) +(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec) +(\d{4}) +"
    r"((?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?) +(z|ut|gmt|[+-](?:[01]\d|2[0-3])[0-5]\d)"
)
NUMBER_PATTERN = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _in(words: tuple[str, ...]) -> str:
    return f"({', '.join(map(_quoted, words))})"


_BLANKS = "".join(rf"\x{{{ord(character):x}}}" for character in BLANK)
ADDRESS_PATTERN = rf"[^@{_BLANKS}]+@[^@{_BLANKS}]+\.[^@{_BLANKS}]+"
MACROS = (
    f"create macro trimmed(x) as trim(x, {_quoted(BLANK)})",
    # Text that begins with a visible ASCII character is not blank: no need to trim it.
    "create macro is_plain(x) as x >= '!' and x < chr(128)",
    # Where no cell is blank, all rows take one branch: the engine keeps a column's dictionary, and trims only that.
    "create macro cell(x) as case when is_plain(x) or x is null then x when trimmed(x) = '' then null else x end",
    # The same as `trimmed`, and ten times as fast for text without a dictionary that ends with such a character too.
    "create macro trimmed_text(x) as case when is_plain(x) and is_plain(right(x, 1)) then x else trimmed(x) end",
    # Words that mean a missing value are short and begin with one of few characters.
    f"create macro is_missing(x) as trimmed(x) = '' or lower(trimmed(x)) in {_in(MISSING_WORDS)}",
    "create macro text_cell(x) as case "
    r"when is_plain(x) and x[1] not in ('n', 'N', '<', '#', 'u', 'U', '(', '-', '\', '0') then x "
    "when is_missing(x) then null else x end",
    # A text cell, trimmed. Times are all different, so that without a dictionary each would be trimmed by itself.
    "create macro time_cell(x) as case when is_plain(x) and is_plain(right(x, 1)) then text_cell(x) "
    "else trimmed(text_cell(x)) end",
    # An integer that was once stored as a float keeps its integer's name: 123.0 is 123.
    r"create macro id_of(x) as case when suffix(x, '.0') and regexp_full_match(x, '-?\d+\.0') "
    "then left(x, length(x) - 2) else x end",
    # The address of a person is the same however it is typed.
    f"create macro lead_id_of(x) as case when contains(x, '@') and regexp_full_match(trimmed(x), '{ADDRESS_PATTERN}') "
    "then lower(trimmed(x)) else id_of(x) end",
    "create macro id_of_number(x) as coalesce("
    "case when x = trunc(x) then cast(try_cast(x as hugeint) as varchar) end, cast(x as varchar))",
    "create macro id_of_float(x) as case when not isnan(x) then id_of_number(x) end",
    "create macro text_of_bytes(x) as coalesce(try(decode(x)), cast(x as varchar))",
    # The microseconds of numbers of another unit: exact, and never beyond what a number can hold.
    "create macro us_of_ns(x) as (cast(x as hugeint) - ((cast(x as hugeint) % 1000) + 1000) % 1000) // 1000",
    # Older versions of DuckDB read an offset only behind seconds. Each expression names its argument as seldom as it
    # can: macros are expanded before the engine sees what is equal.
    r"create macro with_seconds(x) as regexp_replace(x, '^(.{10}[T ]\d{2}:\d{2})($|[^:])', '\1:00\2')",
    # ISO 8601; what has no offset is in the source's time zone (`zone_macro`).
    r"create macro iso_instant(x) as case when regexp_matches(x, '(?:Z|:\d{2}(?:\.\d+)?[+-]\d{2}(?::?\d{2})?)$') "
    r"then valid_instant(try_cast(regexp_replace(with_seconds(x), '([+-]\d{2})(\d{2})$', '\1:\2') as timestamptz)) "
    "else local_instant(epoch_us(try_cast(with_seconds(x) as timestamp))) end",
    # LOOSE_PATTERN as ISO 8601: hyphens, two digits of the hour, no blank and no word at the offset.
    r"create macro loose_iso(x) as regexp_replace(regexp_replace(regexp_replace(replace(x, '/', '-'), "
    r"'^(.{10}[T ])(\d:)', '\g<1>0\2'), '(:\d{2}(?:\.\d+)?) ?(Z|[+-]\d{2}(?::?\d{2})?)(?: (?:UTC|GMT))?$', '\1\2'), "
    "' (?:UTC|GMT)$', 'Z')".replace(r"\g<1>", r"\1"),
    # Mail headers: without the weekday, and with an offset in the place of the zone's name.
    r"create macro mail_instant(x) as case when try_strptime(regexp_extract(x, '\d{1,2} +[A-Za-z]{3} +\d{4}'), "
    "'%d %b %Y') is not null then valid_instant(try_strptime(regexp_replace(regexp_replace(x, "
    r"'^[A-Za-z]{3}, *', ''), '(?i)(?:z|ut|gmt)$', '+0000'), ['%d %b %Y %H:%M:%S %z', '%d %b %Y %H:%M %z'])) end",
    f"create macro unix_instant(us) as case when us >= {FIRST_SECOND * 10**6} and us < {LAST_SECOND * 10**6} "
    "then make_timestamptz(us) end",
    r"create macro other_instant(x) as case when regexp_full_match(x, '\d{10}(?:\.0*)?') "
    r"then unix_instant(try_cast(left(x, 10) as bigint) * 1000000) when regexp_full_match(x, '\d{13}(?:\.0*)?') "
    "then unix_instant(try_cast(left(x, 13) as bigint) * 1000) "
    f"when regexp_full_match(x, '{MAIL_PATTERN}') then mail_instant(x) end",
    # The text is bound once, as a macro's argument is repeated wherever it is named.
    f"create macro instant_of(x) as case when regexp_full_match(x, '{USUAL_PATTERN}') "
    "then valid_instant(try_cast(x as timestamptz)) "
    f"when regexp_full_match(x, '{LOOSE_PATTERN}') then list_transform(["
    f"case when regexp_full_match(x, '{INSTANT_PATTERN}') then x else loose_iso(x) end], lambda t: iso_instant(t))[1] "
    "else other_instant(x) end",
    f"create macro number_of(x) as case when regexp_full_match(trimmed_text(x), '{NUMBER_PATTERN}') "
    "then try_cast(trimmed_text(x) as double) end",
    "create macro flag_of(x) as case when lower(trimmed(x)) in ('true', 't', 'yes', 'y', '1', '1.0') then true "
    "when lower(trimmed(x)) in ('false', 'f', 'no', 'n', '0', '0.0') then false end",
    "create macro host_of(x) as nullif(rtrim(regexp_extract(lower(trimmed_text(x)), "
    r"'^(?:[a-z][a-z0-9+.-]*://|//)?(?:[^/?#@]*@)?([^/?#:]+)', 1), '.'), '')",
)
INTEGERS = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
)
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
        # The day is named once: planning a copy of it takes a tenth of a second in a zone with many changes.
        "create macro business_date(x) as case when x is not null then date '1970-01-01' + "
        f"cast(least(greatest(business_day_us(epoch_us(x)), {FIRST_DATE}), {LAST_DATE}) as integer) end",
        f"create macro local_us(us) as us + case {offsets} end",
        "create macro local_hour(x) as ((local_us(epoch_us(x)) // 3600000000) % 24 + 24) % 24",
        f"create macro local_weekday(x) as "
        f"((cast(floor(local_us(epoch_us(x)) / {DAY_US}) as bigint) + 3) % 7 + 7) % 7 + 1",
    )


def zone_macros(zone: ZoneInfo, last: dt.date) -> tuple[str, ...]:
    """Return the macro `local_instant(us)` and what it needs; MACROS need it.

    It is the instant of a local time, given in microseconds since 1970, null beyond the calendar. A local time that
    strikes twice is the first, one that is skipped is the instant of the jump. Offsets are those from 1970 to `last`.
    The time is bound once, as a macro's argument is repeated wherever it is named.
    """
    local = local_instant_sql("us", zone, last)
    return (
        "create or replace macro valid_instant(x) as "
        f"case when x between {FIRST_INSTANT} and {LAST_INSTANT} then x end",
        f"create or replace macro local_instant(us) as {local}",
    )


def cleaned(column: InputColumn, kind: str | None, from_text: bool, cell: str | None = None) -> str:
    """Return the SQL of a column's cell as a value or text, null where it is missing.

    Args:
        kind: the DuckDB type it was read with; None where the source does not have the column.
        cell: its name in the relation, if that is not its own.
    """
    if kind is None:
        return "null::VARCHAR"
    name = "src." + (cell or identifier(column.name))
    if kind in ("VARCHAR", "BLOB") or kind.startswith("ENUM"):
        text = {"VARCHAR": name, "BLOB": f"text_of_bytes({name})"}.get(kind, f"{name}::VARCHAR")
        if column.cell is Cell.INSTANT:
            return f"time_cell({text})" if from_text else f"trimmed(cell({text}))"
        return f"{'text_cell' if from_text else 'cell'}({text})"
    if is_typed(column, kind):
        return f"case when not isnan({name}) then {name} end" if kind in FLOATS else name
    if kind in FLOATS:
        return f"id_of_float({name})"
    if kind.startswith("DECIMAL") and column.cell is Cell.ID:
        return f"id_of_number({name})"
    return as_text(name, kind)


def as_text(name: str, kind: str) -> str:
    """Return the SQL of a value of any type as text; the times that the engine cannot print are their range's end."""
    if kind in (*NAIVE, "TIMESTAMP_NS", "TIMESTAMP_NS WITH TIME ZONE", INSTANT):
        return f"case when {name} is not null then coalesce(try({name}::VARCHAR), 'a time out of range') end"
    return f"case when {name} is not null then coalesce(try({name}::VARCHAR), 'a value that cannot be shown') end"


def is_typed(column: InputColumn, kind: str | None) -> bool:
    """Return whether `cleaned` gives a value of a type that needs no text to be parsed."""
    if column.cell is Cell.INSTANT:
        return kind in (*NAIVE, "DATE", "TIMESTAMP_NS", INSTANT)
    if column.cell is Cell.NUMBER:
        return kind is not None and (kind in INTEGERS or kind in FLOATS or kind.startswith("DECIMAL"))
    return column.cell is Cell.FLAG and kind == "BOOLEAN"


def parsed(column: InputColumn, kind: str | None, cell: str) -> str:
    """Return the SQL of the value of a cleaned cell, null where it is not one."""
    if column.cell is Cell.ID:
        return f"{'lead_id_of' if column.is_lead else 'id_of'}({cell})"
    if column.cell is Cell.WORD:
        return f"lower(trimmed({cell}))"
    if column.cell is Cell.TEXT:
        return cell
    if column.cell is Cell.NUMBER:
        return f"{f'{cell}::DOUBLE' if is_typed(column, kind) else f'number_of({cell})'} + 0.0"  # no negative zero
    if column.cell is Cell.FLAG:
        return cell if is_typed(column, kind) else f"flag_of({cell})"
    return _instant(cell, kind) if is_typed(column, kind) else f"instant_of({cell})"


def _instant(cell: str, kind: str | None) -> str:
    if kind == INSTANT:
        return f"valid_instant({cell})"
    if kind == "TIMESTAMP_NS":
        return f"local_instant(us_of_ns(epoch_ns({cell})))"
    return f"local_instant(try(epoch_us({cell}::TIMESTAMP)))"
