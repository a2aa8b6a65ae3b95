"""Reads the times of exports: the SQL of each way to write them, and which of day and month comes first.

Does not read ISO 8601 and whole epochs, which every source may hold (see `raw.cells`).
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import duckdb

from acquisition_assets.core.days import offset_runs
from acquisition_assets.core.duckdb_sql import literal
from acquisition_assets.inputs.cells import FIRST_SECOND, LAST_SECOND, local_instant_sql
from acquisition_assets.sources.layouts.grammar import ISO, UNITS

LAST_DAY = dt.date(2100, 1, 1)
EXCEL_EPOCH_DAYS = 25_569
"""Days between day 0 of a workbook (1899-12-30) and 1970-01-01."""
LAST_EXCEL_DAY = 73_050
"""2100-01-01 as a workbook counts days."""
NUMBER = r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?"
NAIVE = r"\d{4}[-/]\d{2}[-/]\d{2}(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
"""A time in ISO 8601 that says no offset."""


@dataclass(frozen=True)
class Order:
    """What the values of a column say of two patterns that differ in the order of day and month.

    Attributes:
        day_first, month_first: values that only this order can read.
        both: values that both can read, as different times.
    """

    day_first: int = 0
    month_first: int = 0
    both: int = 0

    def __add__(self, other: Order) -> Order:
        return Order(self.day_first + other.day_first, self.month_first + other.month_first, self.both + other.both)


def is_day_first(pattern: str) -> bool:
    """Return whether the day comes before the month in a pattern."""
    return bool(re.search(r"%-?d.*%-?m", pattern))


def ambiguous_pairs(times: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs of patterns that differ only in the order of day and month, the one with the day first."""

    def neutral(pattern: str) -> str:
        return re.sub(r"%-?[dm]", "%?", pattern)

    days = [each for each in times if is_day_first(each)]
    months = [each for each in times if re.search(r"%-?m.*%-?d", each)]
    return [(day, month) for day in days for month in months if neutral(day) == neutral(month)]


def order_query(cell: str, relation: str, pairs: Sequence[tuple[str, str]]) -> str:
    """Return the query of an `Order`: one row with its three counts.

    Args:
        cell: SQL of the time as text.
    """
    day = f"coalesce({', '.join(_parsed('x', first) for first, _ in pairs)})"
    month = f"coalesce({', '.join(_parsed('x', second) for _, second in pairs)})"
    return (
        "select count(*) filter (where d is not null and m is null), count(*) filter (where m is not null and d is "
        f"null), count(*) filter (where d <> m) from (select {day} as d, {month} as m from "
        f"(select {cell} as x from {relation}))"
    )


def time_sql(cell: str, times: Sequence[str]) -> str:
    """Return the SQL of a time as text in ISO 8601, or of the cell as it is where none of these ways fits.

    A number that is no time between 2000 and 2100 becomes text that nothing reads.
    """
    found = []
    for time in times:
        if time == ISO:
            continue
        if time in UNITS:
            found.append(_unit(cell, time))
        else:
            found.append(_parsed(cell, time))
    return f"coalesce({', '.join([*found, cell])})" if found else cell


def utc_sql(text: str, zone: str) -> str:
    """Return the SQL of a time as text in UTC: one that says no offset is in this zone."""
    local = f"epoch_us(try_cast({text} as timestamp))"
    instant = local_instant_sql(local, ZoneInfo(zone), LAST_DAY)
    return f"case when regexp_full_match({text}, '{NAIVE}') then coalesce(({instant})::varchar, {text}) else {text} end"


def sortable_sql(text: str) -> str:
    """Return the SQL of a time as text as an instant that orders rows; times without an offset count as UTC."""
    return (
        f"coalesce(try_cast({text} as timestamptz), case when regexp_full_match({text}, '\\d{{10}}') "
        f"then make_timestamptz({text}::bigint * 1000000) when regexp_full_match({text}, '\\d{{13}}') "
        f"then make_timestamptz({text}::bigint * 1000) end)"
    )


def is_odd_sql(text: str, zone: str) -> str:
    """Return the condition that a time without an offset lies in an hour that the clock of a zone repeats or skips."""
    runs = offset_runs(ZoneInfo(zone), LAST_DAY)
    stretches = [
        f"u >= {later.start_us + min(later.offset_us, earlier.offset_us)} and "
        f"u < {later.start_us + max(later.offset_us, earlier.offset_us)}"
        for later, earlier in itertools.pairwise(runs)
    ]
    local = f"case when regexp_full_match({text}, '{NAIVE}') then epoch_us(try_cast({text} as timestamp)) end"
    odd = " or ".join(f"({each})" for each in stretches) or "false"
    return f"coalesce(list_transform([{local}], lambda u: {odd})[1], false)"


def is_readable(connection: duckdb.DuckDBPyConnection, pattern: str) -> bool:
    """Return whether the engine knows a pattern of times."""
    try:
        connection.execute(f"select {_parsed(literal('x'), pattern)}").fetchall()
    except duckdb.Error:
        return False
    return True


def _parsed(cell: str, pattern: str) -> str:
    return f"try_strptime({cell}, {literal(pattern)})::varchar"


def _unit(cell: str, unit: str) -> str:
    number = f"try_cast({cell} as decimal(30, 9))"
    if unit == "excel":
        time = f"make_timestamp((round(({number} - {EXCEL_EPOCH_DAYS}) * 86400000) * 1000)::bigint)"
        inside = f"{number} between 1 and {LAST_EXCEL_DAY}"
    else:
        us = f"({number} * {1_000_000 if unit == 'epoch_s' else 1000})::bigint"
        per_second = 1 if unit == "epoch_s" else 1000
        time = f"make_timestamptz({us})"
        inside = f"{number} >= {FIRST_SECOND * per_second} and {number} < {LAST_SECOND * per_second}"
    return (
        f"case when regexp_full_match({cell}, '{NUMBER}') then "
        f"case when {inside} then ({time})::varchar else {cell} || ' as {unit}' end end"
    )
