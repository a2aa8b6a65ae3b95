"""Protects the language of criteria: what it allows, what it refuses, and that SQL and Python agree on it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from acquisition_assets.criteria.language import (
    FUNCTIONS,
    MAX_DEPTH,
    MAX_LENGTH,
    ColumnType,
    Criterion,
    CriterionError,
    parse_criterion,
)
from acquisition_assets_tests.kit.examples import examples

TEXT, INTEGER, NUMBER, FLAG = ColumnType.TEXT, ColumnType.INTEGER, ColumnType.NUMBER, ColumnType.FLAG
INSTANT, DATE, TEXTS = ColumnType.INSTANT, ColumnType.DATE, ColumnType.TEXTS

LEADS: Mapping[str, ColumnType] = {
    "lead_id": TEXT,
    "email": TEXT,
    "source": TEXT,
    "platform": TEXT,
    "interest_area": TEXT,
    "status": TEXT,
    "base_score": NUMBER,
    "created_at": INSTANT,
    "is_unsubscribed": FLAG,
    "age_days": INTEGER,
    "deliveries_total": INTEGER,
    "deliveries_7d": INTEGER,
    "deliveries_30d": INTEGER,
    "opens_total": INTEGER,
    "opens_7d": INTEGER,
    "completions_total": INTEGER,
    "completions_7d": INTEGER,
    "consumed_30d": INTEGER,
    "completion_rate": NUMBER,
    "avg_response_hours": NUMBER,
    "latest_response_hours": NUMBER,
    "business_hours_share": NUMBER,
    "weekday_share": NUMBER,
    "last_sent_at": INSTANT,
    "last_engaged_at": INSTANT,
    "days_since_engagement": INTEGER,
    "days_inactive": INTEGER,
    "consumed_content_types": TEXTS,
    "referrals_generated": INTEGER,
    "referrals_validated": INTEGER,
    "engagement_score": NUMBER,
    "conversion_probability": NUMBER,
}
SMALL: Mapping[str, ColumnType] = {
    "id": TEXT,
    "word": TEXT,
    "other": TEXT,
    "n": INTEGER,
    "m": INTEGER,
    "x": NUMBER,
    "y": NUMBER,
    "flag": FLAG,
    "sign": FLAG,
    "moment": INSTANT,
    "day": DATE,
    "kinds": TEXTS,
}
ARROW = {
    TEXT: pa.string(),
    INTEGER: pa.int64(),
    NUMBER: pa.float64(),
    FLAG: pa.bool_(),
    INSTANT: pa.timestamp("us", "UTC"),
    DATE: pa.date32(),
    TEXTS: pa.list_(pa.string()),
}
UTC = timezone.utc
NOTHING = dict.fromkeys(SMALL)
SOMETHING = {
    "id": "1",
    "word": "Año",
    "other": " b ",
    "n": 4,
    "m": 0,
    "x": 2.5,
    "y": -0.5,
    "flag": True,
    "sign": False,
    "moment": datetime(2026, 1, 31, 12, tzinfo=UTC),
    "day": date(2026, 1, 31),
    "kinds": ["blog", "guide"],
}


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set timezone = 'America/Bogota'")
    return connection


def small(text: str) -> Criterion:
    return parse_criterion("mine", text, SMALL)


def in_duckdb(
    engine: duckdb.DuckDBPyConnection, criterion: Criterion, rows: Sequence[Mapping[str, object]]
) -> list[bool | None]:
    schema = pa.schema([(name, ARROW[kind]) for name, kind in SMALL.items()])
    engine.register("leads", pa.Table.from_pylist([dict(row) for row in rows], schema=schema))
    return [
        truth for (truth,) in engine.execute(f"select {criterion.expression().sql('duckdb')} from leads").fetchall()
    ]


# The default criteria ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "row", "expected"),
    [
        ("engagement_score >= 10 and status = 'nurturing'", {"engagement_score": 10.0, "status": "nurturing"}, True),
        ("engagement_score >= 10 and status = 'nurturing'", {"engagement_score": 9.99, "status": "nurturing"}, False),
        ("engagement_score >= 10 and status = 'nurturing'", {"engagement_score": 10.0, "status": "engaged"}, False),
        ("avg_response_hours < 2", {"avg_response_hours": 1.999}, True),
        ("avg_response_hours < 2", {"avg_response_hours": 2.0}, False),
        ("avg_response_hours < 2", {"avg_response_hours": None}, None),
        ("completions_total >= 3", {"completions_total": 3}, True),
        ("completions_total >= 3", {"completions_total": 2}, False),
        ("referrals_validated >= 2", {"referrals_validated": 2}, True),
        ("referrals_validated >= 2", {"referrals_validated": 1}, False),
    ],
)
def test_default_criterion(text: str, row: dict[str, object], expected: bool | None) -> None:
    criterion = parse_criterion("default", text, LEADS)
    assert criterion.evaluate(row) is expected
    assert criterion.columns == row.keys()


AT_RISK = "status = 'nurturing' and engagement_score < 3 and age_days >= 30"
READY = "engagement_score >= 8 and status = 'nurturing' and completions_total >= 5"


@pytest.mark.parametrize(
    ("status", "score", "age", "expected"),
    [
        ("nurturing", 2.99, 30, True),
        ("nurturing", 3.0, 30, False),
        ("nurturing", 2.99, 29, False),
        ("new", 2.99, 30, False),
    ],
)
def test_at_risk(status: str, score: float, age: int, expected: bool) -> None:
    row = {"status": status, "engagement_score": score, "age_days": age}
    assert parse_criterion("at_risk", AT_RISK, LEADS).evaluate(row) is expected


@pytest.mark.parametrize(
    ("status", "score", "completions", "expected"),
    [
        ("nurturing", 8.0, 5, True),
        ("nurturing", 7.99, 5, False),
        ("nurturing", 8.0, 4, False),
        ("converted", 8.0, 5, False),
    ],
)
def test_ready_to_convert(status: str, score: float, completions: int, expected: bool) -> None:
    row = {"status": status, "engagement_score": score, "completions_total": completions}
    assert parse_criterion("ready_to_convert", READY, LEADS).evaluate(row) is expected


# What is allowed --------------------------------------------------------------------------------------------------

ALLOWED = [
    # and, or, not, parentheses
    ("flag and n = 4", True),
    ("sign or n = 4", True),
    ("not flag", False),
    ("not (flag and not (sign or x < 0))", False),
    ("sign and sign or flag", True),
    ("sign and (sign or flag)", False),
    ("((flag))", True),
    ("FLAG AND Word = 'Año'", True),
    ('"flag"', True),
    ("flag\n\tand\r\nn = 4", True),
    # comparisons
    ("n = 4", True),
    ("n == 4", True),
    ("n != 4", False),
    ("n <> 4", False),
    ("n < 4", False),
    ("n <= 4", True),
    ("n > 3", True),
    ("n >= 5", False),
    ("n > m", True),
    ("n > x", True),
    ("n > 3.5", True),
    ("x = 2.5e0", True),
    ("x < 1e3", True),
    ("flag = true", True),
    ("flag != sign", True),
    ("(n > 1) = (x > 1)", True),
    ("word > 'Az'", True),
    ("word = 'año'", False),
    ("word != 'it''s'", True),
    ("4 = n", True),
    ("word = null", None),
    ("flag and null", None),
    ("sign and null", False),
    ("flag or null", True),
    ("not (flag and null)", None),
    # between, in, like, is
    ("n between 4 and 5", True),
    ("n between 3 and 4", True),
    ("n between 1 and 3.9", False),
    ("n not between 1 and 3", True),
    ("n between null and 3", False),
    ("n between null and 5", None),
    ("word between 'A' and 'B'", True),
    ("word in ('x', 'Año')", True),
    ("word not in ('x', 'y')", True),
    ("n in (1, 2.5, -4)", False),
    ("x in (1, 2.5)", True),
    ("n in (4, null)", True),
    ("n in (5, null)", None),
    ("n not in (5, null)", None),
    ("flag in (true)", True),
    ("day in (date '2026-01-31')", True),
    ("word like 'A%o'", True),
    ("word like 'A_o'", True),
    ("word like 'a%'", False),
    ("word not like '%x%'", True),
    ("word like '%[!A]*?'", False),
    ("word ilike 'aÑ%'", True),
    ("word not ilike 'AÑO'", False),
    ("word is null", False),
    ("word is not null", True),
    ("kinds is not null", True),
    ("(n > 5) is null", False),
    ("flag is true", True),
    ("flag is not true", False),
    ("sign is false", True),
    ("(n = null) is not false", True),
    # one condition inside another
    ("sign = not flag", True),
    ("n > 5 = sign", True),
    ("n in (4) = flag", True),
    ("word like 'x' = sign", True),
    ("flag is null = sign is null", False),
    ("n between 1 and 3 = sign", True),
    ("not flag = sign", True),
    ("not n > 5 and flag", True),
    # arithmetic
    ("n + 1 = 5", True),
    ("n - 1 = 3", True),
    ("n - 1 - 1 = 2", True),
    ("n - (1 - 1) = 4", True),
    ("n * 2 + 1 = 9", True),
    ("n * (2 + 1) = 12", True),
    ("n / 8 = 0.5", True),
    ("-n = -4", True),
    ("- -n = 4", True),
    ("n = - -4", True),
    ("n - -4 = 8", True),
    ("-2.5 = -x", True),
    ("x / m > 0", None),
    ("(x / m) is null", True),
    ("x / 0 is null", True),
    ("x + null > 0", None),
    # times
    ("moment >= date '2026-01-31'", True),
    ("moment < date '2026-02-01'", True),
    ("moment = timestamp '2026-01-31 12:00'", True),
    ("moment = timestamp '2026-01-31T12:00:00Z'", True),
    ("moment = timestamp '2026-01-31 13:00:00.000000999+01:00'", True),
    ("moment < timestamp '2026-01-31 12:00:00.5'", True),
    ("moment > timestamp '2026-01-31'", True),
    ("moment between date '2026-01-01' and timestamp '2026-01-31 11:59:59'", False),
    ("day = date '2026-01-31'", True),
    ("day > date '2026-01-31'", False),
    ("coalesce(moment, date '2020-01-01') > date '2026-01-01'", True),
    # functions
    ("coalesce(null, word, 'x') = 'Año'", True),
    ("coalesce(x, n) = 2.5", True),
    ("coalesce(null, null) is null and flag", True),
    ("lower(word) = 'año'", True),
    ("upper(word) = 'AÑO'", True),
    ("trim(other) = 'b'", True),
    ("abs(y) = 0.5", True),
    ("least(n, x, null) = 2.5", True),
    ("least(null, n) = 4", True),
    ("greatest(word, 'Z') = 'Z'", True),
    ("greatest(moment, date '2027-01-01') = date '2027-01-01'", True),
    ("round(x) = 3", True),
    ("round(y) = -1", True),
    ("round(x - 0.001) = 2", True),
    ("round(x / 3, 2) = 0.83", True),
    ("round(n, 0) = 4", True),
    ("length(word) = 3", True),
    ("length(null) is null and flag", True),
    ("starts_with(word, 'A')", True),
    ("ends_with(word, 'ño')", True),
    ("contains(word, 'x')", False),
    ("list_contains(kinds, 'guide')", True),
    ("list_contains(kinds, 'ebook')", False),
    ("'guide' in kinds", True),
    ("'guide' not in kinds", False),
    ("len(kinds) = 2", True),
    ("length(kinds) > 2", False),
    ("len(word) = 3", True),
]


@pytest.mark.parametrize(("text", "expected"), ALLOWED, ids=[text for text, _ in ALLOWED])
def test_allowed(engine: duckdb.DuckDBPyConnection, text: str, expected: bool | None) -> None:
    criterion = small(text)
    assert criterion.evaluate(SOMETHING) is expected
    assert in_duckdb(engine, criterion, [SOMETHING, NOTHING]) == [expected, criterion.evaluate(NOTHING)]
    sqlglot.parse_one(criterion.expression().sql("spark"), dialect="spark")


@pytest.mark.parametrize(
    "text", ["kinds is null", "len(kinds) is null", "list_contains(kinds, 'a') is null", "'a' in kinds is null"]
)
def test_a_missing_list_is_null(engine: duckdb.DuckDBPyConnection, text: str) -> None:
    assert small(text).evaluate(NOTHING) is True
    assert in_duckdb(engine, small(text), [NOTHING]) == [True]


@pytest.mark.parametrize(
    ("text", "spark"),
    [
        ("len(kinds) > 1", "CASE WHEN NOT `kinds` IS NULL THEN SIZE(`kinds`) END > 1"),
        ("'a' in kinds", "CASE WHEN NOT `kinds` IS NULL THEN COALESCE(ARRAY_CONTAINS(`kinds`, 'a'), FALSE) END"),
        ("trim(word) = ''", "TRIM(' ' FROM `word`) = ''"),
        ("x / y > 0.1", "`x` / NULLIF(`y`, 0.0e0) > 0.1e0"),
        ("word ilike 'Ñ%'", "LOWER(`word`) LIKE 'ñ%'"),
        ("moment > timestamp '2026-01-31 10:00'", "`moment` > CAST('2026-01-31 10:00:00+00:00' AS TIMESTAMP)"),
        ("word = 'a\\b''c'", r"`word` = 'a\\b\'c'"),
    ],
)
def test_differences_between_engines_are_spelled_out(text: str, spark: str) -> None:
    assert small(text).expression().sql("spark") == spark


def test_only_spaces_are_trimmed(engine: duckdb.DuckDBPyConnection) -> None:
    row, criterion = {**NOTHING, "word": "  \t a\n\u00a0 "}, small("trim(word) = '\t a\n\u00a0'")
    assert criterion.evaluate(row) is True
    assert in_duckdb(engine, criterion, [row]) == [True]


def test_arithmetic_is_done_in_doubles_and_overflows_to_infinity(engine: duckdb.DuckDBPyConnection) -> None:
    for text, expected in [
        ("n * 9223372036854775807 > 1", True),
        ("x * 1e308 > 1e308", True),
        ("x * 1e308 - x * 1e308 > x", True),
        ("x * 1e308 - x * 1e308 = x * 1e308 - x * 1e308", True),
        ("round(x * 1e308) > 1", True),
        ("0.1 + 0.2 = 0.3 and flag", False),
    ]:
        assert small(text).evaluate(SOMETHING) is expected
        assert in_duckdb(engine, small(text), [SOMETHING]) == [expected]


def test_case_changes_letter_by_letter_as_in_duckdb(engine: duckdb.DuckDBPyConnection) -> None:
    letters = [chr(code) for code in range(32, 0x2000) if chr(code).isalpha()]
    title_case_apart = {"ß", *(letter for letter in letters if letter != letter.title() != letter.upper())}
    rows = [{**NOTHING, "word": letter} for letter in letters if letter not in title_case_apart]
    pairs = [{**row, "other": other} for row in rows for other in (str(row["word"]).lower(), str(row["word"]).upper())]
    for criterion in (small("lower(word) = other"), small("upper(word) = other")):
        assert in_duckdb(engine, criterion, pairs) == [criterion.evaluate(pair) for pair in pairs]


# What is refused --------------------------------------------------------------------------------------------------

REFUSED = [
    # nothing, or no condition
    ("", "it is empty"),
    (" \n\t ", "it is empty"),
    ("true", "`true` reads no column"),
    ("1 = 1", "`1 = 1` reads no column"),
    ("n", "`n` is of type integer, where flag is needed"),
    ("word", "`word` is of type text, where flag is needed"),
    ("x + 1", "`x + 1` is of type number, where flag is needed"),
    ("kinds", "`kinds` is of type texts, where flag is needed"),
    ("flag and n", "`n` is of type integer, where flag is needed"),
    ("not word", "`word` is of type text, where flag is needed"),
    ("*", "`*` is not allowed"),
    # not one condition
    ("1=1; drop table leads", "`;` is not allowed"),
    ("flag; flag", "`;` is not allowed"),
    ("flag;", "`;` is not allowed"),
    ("select 1", "`select` is not allowed"),
    ("drop table leads", "`drop` is not allowed"),
    ("install httpfs", "`install` is not allowed"),
    ("set threads = 1", "`set` is not allowed"),
    ("flag as other", "`as` is not allowed"),
    ("flag other", "cannot be read at `other`"),
    ("flag order by n", "`order by` is not allowed"),
    ("flag limit 1", "`limit` is not allowed"),
    ("flag and", "cannot be read at `and`"),
    ("n >", "cannot be read at `>`"),
    ("(flag", "cannot be read at `flag`"),
    ("flag)", "cannot be read at `)`"),
    ("()", "is not allowed"),
    ("(n, m) = (1, 2)", "`(n, m)` is not allowed"),
    # another table
    ("id in (select lead_id from leads)", "`select` is not allowed"),
    ("word = (select 1)", "`select` is not allowed"),
    ("exists(select 1)", "`exists` is not a function here"),
    ("exists (from leads)", "`exists` is not a function here"),
    ("n > all (select 1)", "`all` is not a function here"),
    ("leads.n > 1", "`.` is not allowed"),
    ("main.leads.n > 1", "`.` is not allowed"),
    # columns
    ("nobody = 'x'", "`nobody` is not a column"),
    ("word = nurturing", "`nurturing` is not a column (put text into single quotes)"),
    ('word = "nurturing"', '`"nurturing"` is not a column'),
    ("rowid = 1", "`rowid` is not a column"),
    ("columns(*)", "`columns` is not a function here"),
    ("\u212ainds is null", "is not a column"),
    ("\uff46lag", "`\uff46lag` is not a column"),
    ("date", "`date` is not a column"),
    # functions
    ("read_text('/etc/passwd') is not null", "`read_text` is not a function here; functions: abs, coalesce, contains"),
    ("getenv('HOME')", "`getenv` is not a function here"),
    ("now() > moment", "`now` is not a function here"),
    ("count(*) > 1", "`count` is not a function here"),
    ("sum(n) > 1", "`sum` is not a function here"),
    ("row_number() over () > 1", "`row_number` is not a function here"),
    ("coalesce(n, m) over () > 1", "`over` is not a function here"),
    ("abs(n) filter (where flag) > 1", "`filter` is not a function here"),
    ("cast(n as text) = '1'", "`cast` is not a function here"),
    ("date(moment) = day", "`date` is not a function here"),
    ("like('%', word)", "is not allowed"),
    ("\"lower\"(word) = 'x'", '`"lower"` is not a function here'),
    ("ifnull(flag, true)", "`ifnull` is not a function here"),
    ("abs(distinct n) > 1", "`distinct` is not allowed"),
    ("abs(*) > 1", "`*` is not allowed"),
    ("abs() > 1", "cannot be read at `)`"),
    ("lower(word, word) = 'x'", "cannot be read at `)`"),
    ("length(word, word) = 1", "is not allowed in this form"),
    ("trim(word, 'x') = 'x'", "is not allowed in this form"),
    ("trim(both from word) = 'x'", "`from` is not allowed"),
    ("round(n, 1, 2) = 1", "is not allowed in this form"),
    ("round(x, n) = 1", "needs 0 to 10 decimals"),
    ("round(x, 11) = 1", "needs 0 to 10 decimals"),
    ("round(x, -1) = 1", "needs 0 to 10 decimals"),
    ("round(x, 1.0) = 1", "needs 0 to 10 decimals"),
    ("coalesce(flag)", "needs two values or more"),
    ("least(n) = 1", "needs two values or more"),
    # operators and other SQL
    ("$x", "`$` is not allowed"),
    ("n > $1", "`$` is not allowed"),
    ("n > ?", "`?` is not allowed"),
    ("n > :x", "`:` is not allowed"),
    ("n > @x", "`@` is not allowed"),
    ("word::regclass", "`::` is not allowed"),
    ("n::text = '1'", "`::` is not allowed"),
    ("x -> x", "`->` is not allowed"),
    ("lambda n: n", "`:` is not allowed"),
    ("kinds[1] = 'a'", "`[` is not allowed"),
    ("[n] is null", "`[` is not allowed"),
    ("{'a': n} is null", "`{` is not allowed"),
    ("{{ n }}", "`{` is not allowed"),
    ("{% if n %}", "`{%` is not allowed"),
    ("case when flag then flag end", "`case` is not allowed"),
    ("n % 2 = 1", "`%` is not allowed"),
    ("n // 2 = 1", "`//` is not allowed"),
    ("n ^ 2 = 1", "`^` is not allowed"),
    ("+word = 'x'", "`+` is not allowed"),
    ("flag and + n > 1", "`+` is not allowed"),
    ("!flag", "`!` is not allowed"),
    ("word || 'x' = 'x'", "`||` is not allowed"),
    ("word ~ 'x'", "`~` is not allowed"),
    ("word ~~ 'x'", "`~~` is not allowed"),
    ("word similar to 'x'", "`similar to` is not allowed"),
    ("word glob 'x'", "`glob` is not allowed"),
    ("word collate nocase = 'x'", "`collate` is not allowed"),
    ("word is distinct from 'x'", "`distinct` is not allowed"),
    ("n between symmetric 5 and 1", "is not allowed in this form"),
    ("moment > current_timestamp", "`current_timestamp` is not allowed"),
    ("moment + interval 1 day > moment", "`interval` is not allowed"),
    ("current_user = 'x'", "`current_user` is not allowed"),
    ("word like 'x' escape 'y'", "`escape` is not allowed"),
    # literals
    ("word = 'x", "a quote or a comment is not closed"),
    ("word = $$x$$", "`$$x$$` is not allowed"),
    ("word = e'x'", "`e'x'` is not allowed"),
    ("word = x'41'", "cannot be read at `'41'`"),
    ("word = 'a' 'b'", "is not allowed"),
    ("n = 0x1F", "cannot be read at `x1F`"),
    ("n = 1e", "`1e` is not a number"),
    ("n = 9223372036854775808", "is too large a number"),
    ("x = 1e309", "is too large a number"),
    ("n = " + "9" * 400, "is too large a number"),
    ("n = " + "9" * 5_000, "is not a number, or is too long"),
    ("n in ()", "needs a list of literals"),
    ("n in (m)", "needs a list of literals"),
    ("n in (1, 1 + 1)", "needs a list of literals"),
    ("word like other", "`other` must be a text in single quotes"),
    ("word like null", "`NULL` must be a text in single quotes"),
    ("word like 'a\\%'", "has a backslash in its pattern"),
    ("n is 5", "needs null, true or false after `is`"),
    ("moment > date '2026-02-30'", "`'2026-02-30'` is not a valid time; write it like '2026-01-31'"),
    ("moment > date '2026-01-31 10:00'", "is not a valid time"),
    ("moment > timestamp 'today'", "is not a valid time; write it like '2026-01-31 23:59:59'"),
    ("moment > timestamp '2026-01-31 25:00'", "is not a valid time"),
    ("moment > timestamp '0001-01-01 00:00+14:00'", "is not a valid time"),
    # types
    ("word > 3", "`word > 3` mixes integer and text"),
    ("n = '3'", "`n = '3'` mixes integer and text"),
    ("1 < n < 5", "`1 < n < 5` mixes flag and integer"),
    ("n between 'a' and 5", "mixes integer and text"),
    ("n in (1, 'a')", "mixes integer and text"),
    ("coalesce(n, 'a') = 1", "mixes integer and text"),
    ("moment > '2026-01-01'", "mixes instant and text"),
    ("day > timestamp '2026-01-01'", "mixes date and instant"),
    ("day = moment", "mixes date and instant"),
    ("flag = 1", "mixes flag and integer"),
    ("flag < sign", "orders flags, which can only be compared for equality"),
    ("flag between false and true", "orders flags"),
    ("greatest(flag, sign)", "orders flags"),
    ("kinds = 'guide'", "compares a list"),
    ("kinds in ('guide')", "compares a list"),
    ("coalesce(kinds, kinds) is null", "compares a list"),
    ("word + 1 = 2", "`word` is of type text, where number is needed"),
    ("-word = 2", "`word` is of type text, where number is needed"),
    ("moment - day > 1", "`moment` is of type instant, where number is needed"),
    ("abs(word) = 1", "`word` is of type text, where number is needed"),
    ("round(word) = 1", "`word` is of type text, where number is needed"),
    ("lower(n) = '1'", "`n` is of type integer, where text is needed"),
    ("trim(n) = '1'", "`n` is of type integer, where text is needed"),
    ("length(n) = 1", "`n` is of type integer, where text is needed"),
    ("contains(kinds, 'a')", "`kinds` is of type texts, where text is needed"),
    ("n like '1%'", "`n` is of type integer, where text is needed"),
    ("n is true", "`n` is of type integer, where flag is needed"),
    ("list_contains(word, 'a')", "`word` is of type text, where texts is needed"),
    ("list_contains(null, 'a')", "`NULL` is of type null, where texts is needed"),
    ("list_contains(kinds, word)", "`word` must be a text in single quotes"),
    ("word in kinds", "`word` must be a text in single quotes"),
    ("'a' in word", "`word` is of type text, where texts is needed"),
    # what hides
    ("flag -- and n > 1", "`-- and n > 1` is not allowed: no comments"),
    ("flag /* x */ and flag", "`/* x */` is not allowed: no comments"),
    ("/* x */ flag", "`/* x */` is not allowed: no comments"),
    ("-- flag", "`-- flag` is not allowed: no comments"),
    ("flag /* x", "a quote or a comment is not closed"),
    ("flag # x", "`#` is not allowed"),
    ("flag\x00", "the character U+0000 is not allowed"),
    ("word = 'a\x00b'", "the character U+0000 is not allowed"),
    ("fl\u200bag", "the character U+200B is not allowed"),
    ("word = '\u202e'", "the character U+202E is not allowed"),
    ("\ufeffflag", "the character U+FEFF is not allowed"),
    ("word = '\ud800'", "the character U+D800 is not allowed"),
    ("flag\u2028and flag", "the character U+2028 is not allowed"),
    ("flag\u00a0and flag", "`\\u00a0` is not allowed: no comments, plain blanks"),
    # what is too much
    ("(" * 51 + "flag" + ")" * 51, "it nests too deeply (at most 50 levels)"),
    ("(" * 4_000, "it nests too deeply"),
    ("not " * 51 + "flag", "it nests too deeply"),
    ("- " * 51 + "n > 1", "it nests too deeply"),
    ("abs(" * 51 + "n" + ")" * 51 + " > 1", "it nests too deeply"),
    ("(" + "not not not not (" * 49 + "flag" + ")" * 50, "it nests too deeply"),
    (("not " * 50 + "(") * 45 + "flag" + ")" * 45, "it nests too deeply"),
    (" + ".join(["n"] * 151) + " > 1", "it nests too deeply"),
    ("flag = flag" + " = flag" * 151, "it nests too deeply"),
    ("flag" + " " * MAX_LENGTH, "it has 10004 characters (at most 10000)"),
]


@pytest.mark.parametrize(("text", "problem"), REFUSED, ids=[ascii(text[:40]) for text, _ in REFUSED])
def test_refused(text: str, problem: str) -> None:
    with pytest.raises(CriterionError) as refusal:
        small(text)
    line = str(refusal.value)
    assert problem in line
    assert line.isprintable()
    assert line.startswith("segment mine: line ")
    assert line.endswith("; columns: " + ", ".join(f"{name} ({kind.value})" for name, kind in SMALL.items()))


def test_a_refusal_is_one_line_with_segment_position_and_columns() -> None:
    with pytest.raises(CriterionError) as refusal:
        parse_criterion("my\nown", "n > 1 and\n  (m = 2 or word = 3)", {"n": INTEGER, "m": INTEGER, "word": TEXT})
    assert str(refusal.value) == (
        "segment my own: line 2, column 13: `word = 3` mixes integer and text; "
        "columns: n (integer), m (integer), word (text)"
    )


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("flag and leads.n > 1", "line 1, column 15"),
        ("flag and\nn = nobody", "line 2, column 5"),
        ("flag and\n n > 1 2", "line 2, column 8"),
        ("flag and\n\n sign\n and nobody", "line 4, column 6"),
        ("flag and read_text('x')", "line 1, column 10"),
        ("flag and\n-- x\n flag", "line 2, column 1"),
        ("flag and\n word = 'x", "line 2, column 10"),
        ("ñññ = 'x'", "line 1, column 1"),
        ("word = 'ñ😀' and nobody", "line 1, column 17"),
        ("flag and null > (1 = 1)", "line 1, column 18"),
    ],
)
def test_the_position_is_that_of_the_offending_part(text: str, place: str) -> None:
    with pytest.raises(CriterionError, match=f": {place}: "):
        small(text)


def test_a_long_part_is_truncated_but_not_the_name_of_the_segment() -> None:
    name, text = "n" * 200, "word = " + "'" + "x" * 500 + "' + 1"
    with pytest.raises(CriterionError, match=f"segment {name}: .*`'x{{50,60}}\\.\\.\\.` is of type text"):
        parse_criterion(name, text, SMALL)


def test_without_columns_everything_is_refused() -> None:
    with pytest.raises(CriterionError, match="`n` is not a column"):
        parse_criterion("mine", "n > 1", {})


def test_every_function_in_the_list_is_allowed() -> None:
    assert {name for name in FUNCTIONS if any(f"{name}(" in text for text, _ in ALLOWED)} == set(FUNCTIONS)


# Size and depth ---------------------------------------------------------------------------------------------------

DEEPEST = [
    "(" * MAX_DEPTH + "flag" + ")" * MAX_DEPTH,
    "not (" * MAX_DEPTH + "flag" + ")" * MAX_DEPTH,
    "not " * MAX_DEPTH + "flag",
    "flag and not (sign or " * MAX_DEPTH + "flag" + ")" * MAX_DEPTH,
    "n = " + "abs(" * MAX_DEPTH + "n" + ")" * MAX_DEPTH,
    "n < " + "abs(1 - " * MAX_DEPTH + "n" + ")" * MAX_DEPTH,
    " + ".join(["n"] * 140) + " > 1",
    " - n + ".join(["n"] * 70) + " > 1",
]


def from_deep_inside(frames: int, text: str) -> Criterion:
    return small(text) if frames == 0 else from_deep_inside(frames - 1, text)


@pytest.mark.parametrize("text", DEEPEST, ids=[text[:20] for text in DEEPEST])
def test_the_deepest_criteria_are_parsed_at_any_recursion_depth(text: str) -> None:
    before = sys.getrecursionlimit()
    criterion = from_deep_inside(400, text)
    assert sys.getrecursionlimit() == before
    assert criterion.evaluate(SOMETHING) is not None
    assert criterion.parts(SOMETHING)
    assert criterion.expression().sql("duckdb")
    assert criterion.expression().sql("spark")


def test_deep_criteria_mean_the_same_in_sql(engine: duckdb.DuckDBPyConnection) -> None:
    for text in ("not (" * 50 + "flag" + ")" * 50, "n < " + "abs(1 - " * 30 + "n" + ")" * 30):
        assert in_duckdb(engine, small(text), [SOMETHING]) == [small(text).evaluate(SOMETHING)]


def test_criteria_are_parsed_in_parallel() -> None:
    before = sys.getrecursionlimit()
    with ThreadPoolExecutor(4) as pool:
        criteria = list(pool.map(small, DEEPEST))
    assert [criterion.text for criterion in criteria] == DEEPEST
    assert sys.getrecursionlimit() == before


def test_a_long_chain_is_not_deep(engine: duckdb.DuckDBPyConnection) -> None:
    criterion = small(" or ".join(f"n = {number}" for number in range(800)))
    assert in_duckdb(engine, criterion, [SOMETHING, NOTHING]) == [True, None]
    assert [criterion.evaluate(row) for row in (SOMETHING, NOTHING)] == [True, None]


def test_a_pattern_of_many_wildcards_is_matched_without_backtracking() -> None:
    criterion = small(f"word like '{'%a' * 4_000}'")
    assert criterion.evaluate({"word": "a" * 4_000}) is True
    assert criterion.evaluate({"word": "a" * 6_000 + "b"}) is False


# What a criterion gives -------------------------------------------------------------------------------------------


def test_columns_are_those_that_the_criterion_reads() -> None:
    criterion = small("Word = 'x' and (n > m or word is null)")
    assert criterion.columns == {"word", "n", "m"}
    assert (criterion.segment, criterion.text) == ("mine", "Word = 'x' and (n > m or word is null)")


def test_an_expression_is_an_independent_copy() -> None:
    criterion = small("n > 1 or flag")
    for column in list(criterion.expression().find_all(exp.Column)):
        column.replace(exp.null())
    query = sqlglot.select("id").from_("leads").where(criterion.expression(), "m = 1")
    assert query.sql("duckdb") == 'SELECT id FROM leads WHERE ("n" > 1 OR "flag") AND m = 1'


def test_the_expression_is_the_normalised_condition() -> None:
    criterion = small("x >= 8 and x / n < 0.5 and moment < date '2026-02-01' and round(x, 1) = -2")
    assert criterion.expression().sql("duckdb") == (
        '"x" >= 8.0e0 AND "x" / NULLIF(CAST("n" AS DOUBLE), 0.0e0) < 0.5e0'
        " AND \"moment\" < CAST('2026-02-01 00:00:00+00:00' AS TIMESTAMPTZ)"
        ' AND (ROUND(("x") * 10.0e0) / 10.0e0) = -2.0e0'
    )


def test_equal_criteria_are_equal() -> None:
    assert small("n > 1") == small("n > 1")
    assert len({small("n > 1"), small("n > 1"), small("n > 2")}) == 2
    assert repr(small("n > 1")) == "Criterion(segment='mine', text='n > 1', columns=frozenset({'n'}))"


def test_parts_are_the_conditions_between_and_or_and_not() -> None:
    criterion = small("n > 3 and not (word = 'x' or (x / m > 1)) and word not in ('a') and kinds is not null and flag")
    assert criterion.parts(SOMETHING) == [
        ("n > 3", True),
        ("word = 'x'", False),
        ("x / m > 1", None),
        ("NOT word IN ('a')", True),
        ("NOT kinds IS NULL", True),
        ("flag", True),
    ]


def test_a_part_may_contain_and_or_or_inside_a_comparison() -> None:
    assert small("(flag and sign) = sign").parts(SOMETHING) == [("(flag AND sign) = sign", True)]


@pytest.mark.parametrize(
    ("text", "row", "expected"),
    [
        ("n = 4", {"n": np.int64(4)}, True),
        ("n = 4", {"n": 4.0}, True),
        ("n is null", {"n": float("nan")}, True),
        ("n is null", {"n": pd.NA}, True),
        ("x = 2.5", {"x": Decimal("2.5")}, True),
        ("x is null", {"x": np.nan}, True),
        ("flag = true", {"flag": np.bool_(True)}, True),
        ("flag", {"flag": np.bool_(False)}, False),
        ("moment is null", {"moment": pd.NaT}, True),
        ("moment = date '2026-01-31'", {"moment": datetime.fromisoformat("2026-01-31")}, True),
        ("moment = date '2026-01-31'", {"moment": pd.Timestamp("2026-01-31")}, True),
        ("moment = date '2026-01-31'", {"moment": pd.Timestamp("2026-01-31 01:00+01:00")}, True),
        ("day = date '2026-01-31'", {"day": pd.Timestamp("2026-01-31")}, True),
        ("len(kinds) = 1", {"kinds": np.array(["a"], dtype=object)}, True),
        ("len(kinds) = 0", {"kinds": ()}, True),
        ("kinds is null", {"kinds": None}, True),
    ],
)
def test_a_row_of_a_frame_is_accepted(text: str, row: dict[str, object], expected: bool) -> None:
    assert small(text).evaluate(row) is expected


# Any criterion, any row -------------------------------------------------------------------------------------------

LETTERS = "aAbñÑé😀 %_.'\"\\\n[*?"
WORDS = st.text(LETTERS, max_size=4)
DATES = st.dates(date(2020, 1, 1), date(2030, 1, 1))
INSTANTS = st.integers(-(10**15), 10**15).map(
    lambda n: datetime(2026, 1, 31, 12, tzinfo=UTC) + timedelta(microseconds=n)
)
FLOATS = st.sampled_from([0.0, -0.0, 0.5, -1.5, 2.5, 2.675, 1e308]) | st.floats(allow_nan=False, allow_infinity=False)
INTEGERS = st.integers(-3, 3) | st.integers(-(2**40), 2**40)
CELLS: Mapping[ColumnType, st.SearchStrategy[object]] = {
    TEXT: WORDS,
    INTEGER: INTEGERS,
    NUMBER: FLOATS,
    FLAG: st.booleans(),
    INSTANT: INSTANTS,
    DATE: DATES,
    TEXTS: st.lists(st.none() | st.sampled_from(["blog", "guide"]), max_size=3),
}
ROWS = st.fixed_dictionaries({name: st.none() | CELLS[kind] for name, kind in SMALL.items()} | {"id": st.just("1")})


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def written(template: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda values: template.format(*values))


def any_of(templates: Sequence[str], *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(*(written(template, *parts) for template in templates))


TEXT_LITERALS = WORDS.map(quoted)
PATTERNS = st.text(LETTERS.replace("\\", ""), max_size=4).map(quoted)
TEXT_TERMS = st.recursive(
    st.sampled_from(["word", "other", "null"]) | TEXT_LITERALS,
    lambda inner: (
        any_of(["lower({})", "upper({})", "trim({})", "({})"], inner)
        | any_of(["coalesce({}, {})", "least({}, {})", "greatest({}, {})"], inner, inner)
    ),
    max_leaves=3,
)
NUMBER_LITERALS = st.integers(0, 5).map(str) | st.sampled_from(["0.5", "2.5", "1.", "1e3", "0.1", "-2", "-0.0"])
NUMBER_TERMS = st.recursive(
    st.sampled_from(["n", "m", "x", "y", "null", "len(kinds)"]) | NUMBER_LITERALS | written("length({})", TEXT_TERMS),
    lambda inner: (
        any_of(["- {}", "({})", "abs({})", "round({})", "round({}, 2)"], inner)
        | any_of(["{} + {}", "{} - {}", "{} * {}", "{} / {}", "({}) * ({})", "({}) / ({})"], inner, inner)
        | any_of(["coalesce({}, {})", "least({}, {})", "greatest({}, {})"], inner, inner)
    ),
    max_leaves=5,
)
INSTANT_TERMS = st.one_of(
    st.just("moment"),
    INSTANTS.map(lambda instant: f"timestamp '{instant.isoformat(sep=' ')}'"),
    INSTANTS.map(lambda instant: f"timestamp '{(instant + timedelta(hours=2)).isoformat()[:19]}+02:00'"),
    DATES.map(lambda day: f"date '{day}'"),
)
DAY_TERMS = st.just("day") | DATES.map(lambda day: f"date '{day}'")
COMPARED = ["{} = {}", "{} == {}", "{} != {}", "{} <> {}", "{} < {}", "{} <= {}", "{} > {}", "{} >= {}"]


def predicates_on(terms: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return (
        any_of(COMPARED, terms, terms)
        | any_of(["({}) is null", "({}) is not null"], terms)
        | any_of(["{} between {} and {}", "{} not between {} and {}"], terms, terms, terms)
    )


PREDICATES = st.one_of(
    *(predicates_on(terms) for terms in (TEXT_TERMS, NUMBER_TERMS, INSTANT_TERMS, DAY_TERMS)),
    any_of(["{} in ({}, {})", "{} not in ({}, {})"], TEXT_TERMS, TEXT_LITERALS, TEXT_LITERALS | st.just("null")),
    any_of(["{} in ({}, {})", "{} not in ({}, {})"], NUMBER_TERMS, NUMBER_LITERALS, NUMBER_LITERALS | st.just("null")),
    any_of(["{} like {}", "{} not like {}", "{} ilike {}", "{} not ilike {}"], TEXT_TERMS, PATTERNS),
    any_of(["starts_with({}, {})", "ends_with({}, {})", "contains({}, {})"], TEXT_TERMS, TEXT_TERMS),
    st.sampled_from(["flag", "sign", "true", "false", "null", "list_contains(kinds, 'blog')", "'guide' in kinds"]),
)
CONDITIONS = st.recursive(
    PREDICATES,
    lambda inner: (
        any_of(["not {}", "({})", "({}) is null", "({}) is true", "({}) is not false"], inner)
        | any_of(["{} and {}", "{} or {}", "({}) and ({})", "({}) or ({})"], inner, inner)
        | any_of(["({}) = ({})", "({}) != ({})", "coalesce({}, {})"], inner, inner)
    ),
    max_leaves=6,
)


@examples(150)
@given(text=CONDITIONS, rows=st.lists(ROWS, min_size=1, max_size=3))
def test_sql_and_python_agree(engine: duckdb.DuckDBPyConnection, text: str, rows: list[dict[str, object]]) -> None:
    criterion = small(f"({text}) and id = '1'")
    assert in_duckdb(engine, criterion, rows) == [criterion.evaluate(row) for row in rows]
    sqlglot.parse_one(criterion.expression().sql("spark"), dialect="spark")


WORDS_OF_SQL = (
    "flag n x word kinds moment 1 2.5 'a' null true and or not ( ) , = < >= <> + - * / between in like is "
    "date '2026-01-31' abs( coalesce( lower( len( round( select from ; . :: $ ? [ ] { } -- /* */ case when end "
    "over exists( as interval -> := % || @ ! ~ # \\ \" ' ` \x00 \u00a0 \u202e é"
)
PIECES = st.sampled_from(WORDS_OF_SQL.split(" ")) | st.text(max_size=3)


def parsed_or_refused(text: str) -> Criterion | CriterionError:
    try:
        return small(text)
    except CriterionError as refusal:
        return refusal


@examples(400)
@given(st.lists(PIECES, max_size=12).map(" ".join))
def test_any_text_is_either_parsed_or_refused_in_one_line(text: str) -> None:
    outcome = parsed_or_refused(text)
    if isinstance(outcome, CriterionError):
        assert str(outcome).isprintable()
    else:
        assert outcome.columns <= SMALL.keys()
        assert outcome.evaluate(SOMETHING) in (True, False, None)
        assert not list(outcome.expression().find_all(exp.Query, exp.Star, exp.Placeholder, exp.Anonymous))
