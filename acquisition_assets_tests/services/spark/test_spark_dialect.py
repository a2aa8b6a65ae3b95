"""Protects expressions that Spark understands differently: both engines give the same value, or it is refused.

The product's own queries are tested in test_spark_parity.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlglot.errors import UnsupportedError

from acquisition_assets.core.contracts import FINITE, LARGEST
from acquisition_assets.core.engine.spark_dialect import to_spark
from acquisition_assets.core.sql_files import sql_folder

Both = Callable[..., tuple[list[object], list[object]]]

SAME = {
    "division of whole numbers": "select 7 / 2 as a, cast(7 as bigint) / 2 as b, -7 / 2 as c, 1 / 3 as d",
    "division of decimals": "select cast(1 as decimal(18, 2)) / 3 as a, cast(2.5 as decimal(18, 8)) / 10 as b",
    "rounding half up": """select n, cast(round(cast(n as decimal(18, 8)), 2) as double) as r
        from (values (2.675e0), (1.005e0), (0.125e0), (-0.125e0), (-2.675e0), (2.5e0), (1e9), (99.995e0), (0.0e0),
            (7.005e0), (6.995e0), (2.994999995e0), (2.9949999949e0), (123456789.125e0)) as t(n)""",
    "rounding to whole numbers": """select round(n) as r, floor(n) as f, ceil(n) as c
        from (values (0.5e0), (1.5e0), (-1.5e0), (2.4999e0)) as t(n)""",
    "sums of decimals": """select cast(sum(cast(n as decimal(18, 2))) as double) as s
        from (values (0.1e0), (0.2e0), (1e9)) as t(n)""",
    "sums of whole numbers": "select cast(sum(n) as bigint) as s from (values (4611686018427387904), (1), (2)) as t(n)",
    "microseconds between": """select date_diff('microsecond', a, b) as n from (values
        (timestamptz '2024-03-31 00:59:59.999999+00', timestamptz '2024-03-31 01:00:00+00'),
        (timestamptz '1969-12-31 23:59:59.999999+00', timestamptz '2026-01-01 00:00:00+00'),
        (timestamptz '2024-01-01 00:00:00.000001+00', timestamptz '2023-01-01 00:00:00+00'),
        (null, timestamptz '2023-01-01 00:00:00+00')) as t(a, b)""",
    "instants in microseconds": """select epoch_us(a) as n, make_timestamptz(epoch_us(a) + 1) as b from (values
        (timestamptz '2024-03-31 00:59:59.999999+00'), (timestamptz '1969-12-31 23:59:59.999999+00'),
        (null)) as t(a)""",
    "the greatest row of a struct": """select max({ 'made': made, 'id': id, 'n': n }) as latest from (values
        (1, 'Z', 1), (2, 'a', null), (2, 'B', 3), (2, 'É', null), (2, 'é', 5)) as t(made, id, n)""",
    "the field of a greatest row": """select latest.n as n, latest.id as id from (select max({ 'id': id, 'n': n })
        as latest from (values ('a', 1), ('🚀', 2), ('\ufffd', 3), ('ż', 4)) as t(id, n)) as x""",
    "the smallest row of a struct": """select min({ 'made': made, 'id': id }) as first from (values
        (2, 'b'), (1, 'b'), (1, 'B'), (1, 'a'), (1, 'Á')) as t(made, id)""",
    "the order of a struct": """select w, row_number() over (order by { 'n': -n, 'w': w }) as p from (values
        ('b', 0.0e0), ('B', 0.0e0), ('a', 2.5e0), ('🚀', 2.5e0), ('\ufffd', 2.5e0), ('z', 100.0e0)) as t(w, n)
        order by p""",
    "arg_max": """select arg_max(score, d) as s from (values (1.5e0, date '2024-01-01'), (2.5e0, date '2024-01-03'),
        (3.5e0, date '2024-01-02')) as t(score, d)""",
    "arg_max of nothing": "select arg_max(s, d) as s from (values (1, 2)) as t(s, d) where s > 1",
    "sorted lists": """select list_sort(array_agg(w)) as l from (values ('b'), ('B'), ('á'), ('z'), ('🚀'), ('\ufffd'),
        ('10'), ('9')) as t(w)""",
    "a list that holds a word": """select list_contains(l, 'guide') as a, list_contains(l, 'Guide') as b from (values
        (['blog', 'guide']), (cast([] as varchar[])), (null)) as t(l)""",
    "an empty list": "select coalesce(cast(null as varchar[]), cast([] as varchar[])) as l",
    "a row for each item of a list": """select unnest([case when n > 1 then 'x' end, case when n > 2 then 'it''s' end])
        as w, n from (values (1), (2), (3), (null)) as t(n) order by n, w""",
    "sets of bits": """select number // 62 as block, bit_or(cast(pow(2, number % 62) as bigint)) as bits, bit_count(
        bit_or(cast(pow(2, number % 62) as bigint))) as many, bit_or(cast(pow(2, number % 62) as bigint)) & 5 as few
        from (values (0), (1), (1), (2), (61), (62), (123), (124)) as t(number) group by 1 order by 1""",
    "hashes among hashes": """select w from (values ('a'), ('b'), ('á🚀'), (null)) as t(w)
        where hash(w) in (select hash(v) from (values ('á🚀'), ('b'), ('b'), ('x')) as u(v) group by 1) order by w""",
    "order of text": """select w from (values ('a'), ('B'), ('b'), ('á'), ('Z'), ('🚀'), ('\ufffd'), (''), (' a'),
        ('10'), ('9'), ('a '), ('ß'), ('ss')) as t(w) order by w""",
    "comparison of text": """select w < 'b' as a, w = 'a' as b, w > 'Z' as c, w <> 'á' as d, w in ('a ', 'B') as e
        from (values ('a'), ('a '), ('A'), ('á'), ('B'), (null)) as t(w)""",
    "least and greatest text": "select min(w) as a, max(w) as b from (values ('a'), ('🚀'), ('\ufffd'), ('Z')) as t(w)",
    "nulls in order": """select n, row_number() over (order by n desc, w) as p, row_number() over (order by n, w) as q
        from (values (1, 'a'), (null, 'b'), (2, 'c'), (null, 'd')) as t(n, w) order by w""",
    "nulls last": "select n from (values (2), (null), (1)) as t(n) order by n",
    "nulls last descending": "select n from (values (2), (null), (1)) as t(n) order by n desc",
    "nulls are no different": """select a is not distinct from b as s, a is distinct from b as d from (values
        (1, null), (null, null), (1, 1), (1, 2)) as t(a, b)""",
    "nulls not in a list": "select n, n not in (1, null) as x from (values (1), (2), (null)) as t(n)",
    "least and greatest skip nulls": """select least(a, 1.0e0) as l, greatest(a, 1.0e0) as g from (values
        (0.5e0), (null), (2.5e0)) as t(a)""",
    "upper and lower case": """select upper(w) as u, lower(w) as l from (values ('straße'), ('İstanbul'), ('ıI'),
        ('ΌΣΟΣ'), ('ᾳ'), ('ǆ'), ('ŉ'), ('ÀÉ'), (''), (null), ('🚀a'), ('ﬁ')) as t(w)""",
    "length of text": "select length(w) as n from (values ('a'), ('é'), ('🚀'), (''), ('日本')) as t(w)",
    "trimmed text": "select trim(w, ' ') as w from (values ('  a '), (' \u00a0b'), ('\tc ')) as t(w)",
    "parts of text": """select starts_with(w, 'a') as s, ends_with(w, 'é') as e, contains(w, '%') as c from (values
        ('a%é'), (''), (null), ('A')) as t(w)""",
    "patterns": """select w like '%_b%' as l, w like 'é_' as m, w like '100|%' escape '|' as n from (values
        ('ab'), ('b'), ('é🚀'), ('100%'), ('a\nb'), (null)) as t(w)""",
    "text of quotes and backslashes": r"select 'it''s \n a \ path' as a, '🚀 «año»' as b, '$no' as c",
    "counts of distinct": """select count(distinct a) as n, count(distinct (a, b)) as m, count((a, b)) as k from (values
        (1, 'x'), (1, 'y'), (null, 'x'), (1, 'x'), (null, null)) as t(a, b)""",
    "no number is the greatest": """select n > 1e300 as g, n = n as s, n between -1.7e308 and 1.7e308 as b from (values
        (cast('NaN' as double)), (cast('Infinity' as double)), (1.0e0)) as t(n)""",
    "no number in order": """select n from (values (cast('NaN' as double)), (cast('Infinity' as double)), (1.0e0),
        (-1.0e0)) as t(n) order by n""",
    "grouping by place": "select w, count(*) as n from (values ('a'), ('b'), ('a')) as t(w) group by 1 order by 2, 1",
    "a case without an else": "select case w when 'a' then 1 else null end as n from (values ('a'), ('b')) as t(w)",
    "days": "select d, d <= date '2024-03-31' as b from (values (date '2024-03-31'), (date '1969-12-31')) as t(d)",
    "instants": """select t, t >= timestamptz '2024-03-31 01:00:00+00' as b,
        t < timestamptz '2024-03-31 02:00:00+01' as c
        from (values (timestamptz '2024-03-31 01:00:00+00'), (timestamptz '1900-01-01 00:00:00+00')) as t(t)""",
    "doubles as they are": "select 0.1e0 + 0.2e0 as a, 1e15 + 0.3e0 as b, 3.0e0 * 1.1e0 as c, 1e-320 as d",
    "named with words of the language": """select today.rank as rank, before.change as first from (select 1 as rank)
        as today full outer join (select 1 as rank, 2 as change) as before on today.rank = before.rank""",
}
REFUSED = {
    "the mean of a column": "select avg(n) from t",
    "part of a time": "select extract(hour from a) from t",
    "weekday": "select dayofweek(a) from t",
    "ISO weekday": "select isodow(a) from t",
    "the beginning of a month": "select date_trunc('month', a) from t",
    "today": "select current_date",
    "now": "select now()",
    "chance": "select random()",
    "patterns of any case": "select a ilike 'x%' from t",
    "unknown functions": "select unheard_of(a) from t",
    "an id by chance": "select uuid()",
    "any row": "select first(a) from t",
    "any value": "select any_value(a) from t",
    "days between": "select date_diff('day', a, b) from t",
    "hours between": "select date_diff('hour', a, b) from t",
    "rounded doubles": "select round(a, 2) from t",
    "patterns with a backslash": r"select a like 'x\%' from t",
    "patterns of a column": "select a like b from t",
    "a hash": "select hash(a) from t",
    "hashes that are compared": "select a from t where hash(a) = hash(b)",
    "a hash among numbers": "select a from t where hash(a) in (select b from c)",
    "a hash among columns of that name": "select a from t where hash(a) in (select hash from c)",
    "a number among hashes": "select a from t where b in (select hash(b) from c)",
    "a hash in a condition": "select a from t where hash(a) in (select hash(b) from c where hash(b) > 1)",
}
FILES = sorted(file for file in sql_folder().glob("*/*.sql") if file.parent.name != "postgres")


@pytest.mark.parametrize("query", SAME.values(), ids=SAME.keys())
def test_expressions_give_the_same_on_both_engines(query: str, both: Both) -> None:
    ours, theirs = both(query)
    assert list(map(repr, ours)) == list(map(repr, theirs))
    assert ours


@pytest.mark.parametrize("query", REFUSED.values(), ids=REFUSED.keys())
def test_expressions_that_are_refused(query: str) -> None:
    with pytest.raises(UnsupportedError, match="has another meaning in Spark: "):
        to_spark(query)


def test_parameters_keep_their_name_and_value(both: Both) -> None:
    given = {"few": 2, "half": 0.5, "word": "it's 🚀 \\ $few", "yes": True}
    ours, theirs = both("select $few * 2 as a, $half / 2 as b, $word as c, $yes as d, '$few' as e", **given)
    assert ours == theirs == [(4, 0.25, "it's 🚀 \\ $few", True, "$few")]


def test_bounds_of_contracts_are_the_same_numbers(both: Both) -> None:
    values = f"(values ({LARGEST!r}), (cast('Infinity' as double))) as t(n)"
    query = f"select n between {-LARGEST!r} and {LARGEST!r} as {FINITE} from {values}"
    ours, theirs = both(query)
    assert ours == theirs == [(True,), (False,)]


@pytest.mark.parametrize("file", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_sql_file_translates_to_sparks_dialect(file: Path) -> None:
    assert to_spark(file.read_text(encoding="utf-8"))
