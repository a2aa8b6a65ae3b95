"""Translates the project's SQL from DuckDB's dialect to Spark's with the same meaning, or refuses it.

Running the translation is left to `spark`.

sqlglot knows the names of the other dialect. Where a name means something else there, the query is rewritten first; a
query that cannot be rewritten is refused, so that no number changes silently. docs/spark.md lists the differences.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import sqlglot
from sqlglot import ErrorLevel, exp
from sqlglot.errors import UnsupportedError

_EACH_LETTER = "array_join(transform(split({text}, ''), letter -> {changed}), '')"
HASHES = ("hash", "xxhash64")
_INSTANTS = {"epoch_us": "unix_micros", "make_timestamptz": "timestamp_micros"}
"""Functions of instants in microseconds since 1970, with Spark's names. Both are far cheaper than `date_diff`."""
# Letters whose upper case is one letter in DuckDB and several in Spark.
SMALL = "ßᾀᾁᾂᾃᾄᾅᾆᾇᾐᾑᾒᾓᾔᾕᾖᾗᾠᾡᾢᾣᾤᾥᾦᾧᾳῃῳ"
CAPITAL = "ẞᾈᾉᾊᾋᾌᾍᾎᾏᾘᾙᾚᾛᾜᾝᾞᾟᾨᾩᾪᾫᾬᾭᾮᾯᾼῌῼ"
_CASES: Mapping[type[exp.Expr], str] = {
    # One letter becomes one letter, as in DuckDB; Spark makes two of an upper-case `ŉ` and of a lower-case `İ`.
    exp.Upper: f"if(length(upper(letter)) = 1, upper(letter), translate(letter, '{SMALL}', '{CAPITAL}'))",
    exp.Lower: "left(lower(letter), 1)",
}


@lru_cache(maxsize=512)
def to_spark(query: str) -> str:
    """Return a query of DuckDB's dialect in Spark's; `$name` becomes `:name`.

    Raises:
        UnsupportedError: Spark has no expression with the same meaning.
    """
    tree = sqlglot.parse_one(query, read="duckdb")
    for node in reversed(list(tree.bfs())):  # inner nodes first
        if type(node) in _REFUSED:
            raise _refusal(node, _REFUSED[type(node)])
        if type(node) in _REWRITTEN:
            new = _REWRITTEN[type(node)](node)
            if new is not node:
                node.replace(new)
    return tree.sql(dialect="spark", unsupported_level=ErrorLevel.RAISE, comments=False)


def _refusal(node: exp.Expr, why: str) -> UnsupportedError:
    return UnsupportedError(f"{node.sql('duckdb')} has another meaning in Spark: {why}")


def _division(node: Any) -> exp.Expr:
    """Divide doubles, as DuckDB does; Spark would divide whole numbers and decimals as decimals."""
    return exp.Div(this=exp.cast(node.this.copy(), "double"), expression=node.expression.copy())


def _cast(node: Any) -> exp.Expr:
    """Cast a double to the nearest decimal, as DuckDB does; Spark would cast the digits that the double prints."""
    if not node.to.is_type(exp.DType.DECIMAL):
        return node  # type: ignore[no-any-return]
    scale = int(node.to.expressions[1].name)
    units = exp.func("round", exp.Mul(this=exp.cast(node.this.copy(), "double"), expression=_number(f"1e{scale}")))
    whole = exp.cast(units, f"decimal({node.to.expressions[0].name}, 0)")
    return exp.cast(exp.Mul(this=whole, expression=_number("0." + "1".rjust(scale, "0"))), node.to.copy())


def _number(text: str) -> exp.Expr:
    return exp.Literal.number(text)


def _recased(node: Any) -> exp.Expr:
    """Change the case letter by letter."""
    changed = sqlglot.parse_one(_EACH_LETTER.format(text=":text", changed=_CASES[type(node)]), read="spark")
    return exp.replace_placeholders(changed, text=node.this.copy())


def _whole(node: Any) -> exp.Expr:
    """Return a double, as DuckDB does; Spark would return a whole number."""
    return exp.cast(node.copy(), "double")


def _date_diff(node: Any) -> exp.Expr:
    unit = node.args.get("unit")
    if unit is None or unit.name.upper() != "MICROSECOND":
        raise _refusal(node, "DuckDB counts midnights (or full hours) in between, Spark whole days; count microseconds")
    return node  # type: ignore[no-any-return]


def _round(node: Any) -> exp.Expr:
    decimals = node.args.get("decimals")
    of_decimal = any(cast.to.is_type(exp.DType.DECIMAL) for cast in node.this.find_all(exp.Cast))
    if decimals is not None and not of_decimal:
        raise _refusal(node, "they round 2.675 differently, since no double is exactly 2.675; cast to a decimal first")
    return node  # type: ignore[no-any-return]


def _like(node: Any) -> exp.Expr:
    if not isinstance(node.expression, exp.Literal) or "\\" in node.expression.name:
        raise _refusal(node, "a backslash is an escape only there; write the pattern as a literal without one")
    return node  # type: ignore[no-any-return]


def _function(node: Any) -> exp.Expr:
    """Translate `hash`, `bit_count` and functions of instants; refuse every other one that sqlglot does not know."""
    name = node.name.lower()
    if name == "hash":
        return _hash(node)
    if name in _INSTANTS:
        return exp.Anonymous(this=_INSTANTS[name], expressions=[expression.copy() for expression in node.expressions])
    if name != "bit_count":
        raise _refusal(node, "sqlglot does not know this function")
    return exp.BitwiseCount(this=node.expressions[0].copy())


def _hash(node: Any) -> exp.Expr:
    """Translate a hash that is only looked up among hashes: the engines hash to different numbers."""
    search: Any = node.find_ancestor(exp.In)
    subquery = search.args.get("query") if search else None
    among = subquery.this.expressions if subquery else []
    sides = [search.this, *among] if among else []
    are_hashes = all(isinstance(side, exp.Anonymous) and side.name.lower() in HASHES for side in sides)
    if not are_hashes or not any(side is node for side in sides):
        raise _refusal(node, "the numbers differ; write hash(...) in (select hash(...) ...)")
    return exp.Anonymous(this="xxhash64", expressions=[expression.copy() for expression in node.expressions])


_LOCAL = "it depends on the time zone; use the columns of local days, hours and weekdays that ingestion adds"
_CLOCK = "results must not depend on the clock or on chance"
_REFUSED: Mapping[type[exp.Expr], str] = {
    exp.Avg: "the mean of decimals is a double in DuckDB and a decimal in Spark; divide a sum by a count",
    exp.Extract: _LOCAL,
    exp.DayOfWeek: _LOCAL,
    exp.DayOfWeekIso: _LOCAL,
    exp.DateTrunc: _LOCAL,
    exp.TimestampTrunc: _LOCAL,
    exp.CurrentDate: _CLOCK,
    exp.CurrentTimestamp: _CLOCK,
    exp.Localtimestamp: _CLOCK,
    exp.Rand: _CLOCK,
    exp.Uuid: _CLOCK,
    exp.ILike: "they change the case of letters differently; compare with lower(...)",
    exp.First: "the first row is not defined; use min, max or arg_max",
    exp.AnyValue: "the row is not defined; use min, max or arg_max",
}
_REWRITTEN: Mapping[type[exp.Expr], Callable[[Any], exp.Expr]] = {
    exp.Anonymous: _function,
    exp.Cast: _cast,
    exp.Ceil: _whole,
    exp.DateDiff: _date_diff,
    exp.Div: _division,
    exp.Floor: _whole,
    exp.Like: _like,
    exp.Lower: _recased,
    exp.Round: _round,
    exp.Upper: _recased,
}
