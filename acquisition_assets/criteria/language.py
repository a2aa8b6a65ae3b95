"""Parses and checks a criterion, and gives it the same meaning in SQL and in Python.

The criteria themselves, and the queries built from them, are left to the products.
"""

from __future__ import annotations

import fnmatch
import math
import operator
import re
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timezone
from enum import Enum
from functools import cached_property
from typing import Any, cast

import pandas as pd
from sqlglot import Token, TokenType, exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError, TokenError

from acquisition_assets.core.engine.spark_dialect import CAPITAL, SMALL

DIALECT = DuckDB()
MAX_LENGTH = 10_000
MAX_DEPTH = 50
MAX_DECIMALS = 10
_MAX_INTEGER = 2**63 - 1
_MAX_CHAIN = 3 * MAX_DEPTH
_PARSER_FRAMES = 1_500
_SHOWN = 60

_BLANKS = " \t\r\n"
_HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_NAMES = {TokenType.VAR, TokenType.IDENTIFIER}
_VALUES = {TokenType.NUMBER, TokenType.STRING}
_OPERAND_ENDS = {*_NAMES, *_VALUES, TokenType.R_PAREN, TokenType.NULL, TokenType.TRUE, TokenType.FALSE}
_WORDS = ("and", "or", "not", "between", "in", "like", "ilike", "is", "null", "true", "false", "date", "timestamp")
_SIGNS = ("(", ")", ",", "=", "==", "!=", "<>", "<", "<=", ">", ">=", "+", "-", "*", "/")
_PREFIXES = {"not", "-"}
_OPENERS = {"and", "or", "not", "in", "between", "like", "ilike"}
FUNCTIONS = (
    "abs",
    "coalesce",
    "contains",
    "ends_with",
    "greatest",
    "least",
    "len",
    "length",
    "list_contains",
    "lower",
    "round",
    "starts_with",
    "trim",
    "upper",
)

_NUMBER = re.compile(r"\d{1,400}(\.\d*)?(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_INSTANT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)"
    r"(?:[T ](?P<minute>\d\d:\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?(?P<zone>Z|[+-]\d\d:\d\d)?)?",
    re.ASCII,
)
_INSTANT_DEFAULTS = {"day": "", "minute": "00:00", "second": "00", "fraction": "0", "zone": "Z"}
_TO_FNMATCH = str.maketrans({"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"})

_recursion_lock = threading.Lock()

Row = Mapping[str, object]


class ColumnType(Enum):
    """Column types that a criterion distinguishes."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    """A double."""
    FLAG = "flag"
    INSTANT = "instant"
    """A timestamp with time zone."""
    DATE = "date"
    TEXTS = "texts"
    """A list of text."""


_NUMBERS = {ColumnType.INTEGER, ColumnType.NUMBER}
_SQL_TYPES = {
    ColumnType.TEXT: "text",
    ColumnType.INTEGER: "bigint",
    ColumnType.NUMBER: "double",
    ColumnType.FLAG: "boolean",
    ColumnType.INSTANT: "timestamptz",
    ColumnType.DATE: "date",
}


class CriterionError(ValueError):
    """Refusal of a criterion: one line with the segment, the place and the available columns."""


@dataclass(frozen=True)
class _Term:
    """A checked piece of a criterion: its SQL, its type (None for the null literal) and its value for one row."""

    sql: exp.Expr
    type: ColumnType | None
    value: Callable[[Row], Any]
    constant: bool = False


@dataclass(frozen=True)
class Criterion:
    """A checked criterion.

    Comparisons follow SQL's three-valued logic. Text is ordered by code point. Arithmetic uses doubles, and division
    by zero gives null. `round` rounds halves away from zero. `lower` and `upper` map one letter to one letter.
    """

    segment: str
    text: str
    columns: frozenset[str]
    """The columns that the criterion reads."""
    _whole: _Term = field(repr=False, compare=False)
    _tree: exp.Expr = field(repr=False, compare=False)
    _source: _Source = field(repr=False, compare=False)

    def expression(self) -> exp.Expression:
        """Return a fresh copy of the condition, over unqualified column names, for use in a query."""
        return cast(exp.Expression, self._whole.sql.copy())

    def evaluate(self, row: Row) -> bool | None:
        """Return whether the criterion holds for one row, or None if that is unknown."""
        return _truth(self._whole, row)

    def parts(self, row: Row) -> list[tuple[str, bool | None]]:
        """Return every condition that the criterion joins by and, or and not, with its truth for one row."""
        return [(text, _truth(leaf, row)) for text, leaf in self._leaves]

    @cached_property
    def _leaves(self) -> tuple[tuple[str, _Term], ...]:
        """Return the parts with their meaning; computed on first use, as few callers need them."""
        checker = _Checker(self._source)
        with _raised_recursion_limit():
            return tuple((leaf.sql(DIALECT), checker.condition(leaf)) for leaf in _leaves(self._tree))


def parse_criterion(segment: str, text: str, columns: Mapping[str, ColumnType]) -> Criterion:
    """Parse and check a segment's criterion.

    Raises:
        CriterionError: The text is anything but a condition over these columns.
    """
    source = _Source(segment, text, columns)
    try:
        with _raised_recursion_limit():
            return _criterion(source)
    except RecursionError:
        raise source.too_deep(0) from None


def _criterion(source: _Source) -> Criterion:
    tree = _tree(source, _tokens(source))
    checker = _Checker(source)
    whole = checker.condition(tree)
    if not checker.read:
        raise source.error(0, f"{_shown(source.text)} reads no column, so it holds for every lead or for none")
    return Criterion(source.segment, source.text, frozenset(checker.read), whole, tree, source)


@contextmanager
def _raised_recursion_limit() -> Iterator[None]:
    """Raise the recursion limit: the parser needs about 25 frames per level, whatever the caller has used already."""
    with _recursion_lock:
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(before + _PARSER_FRAMES)
        try:
            yield
        finally:
            sys.setrecursionlimit(before)


# Refusals and their place ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Source:
    segment: str
    text: str
    columns: Mapping[str, ColumnType]

    def error(self, start: int, problem: str) -> CriterionError:
        line = self.text.count("\n", 0, start) + 1
        column = start - self.text.rfind("\n", 0, start)
        columns = ", ".join(f"{name} ({kind.value})" for name, kind in self.columns.items())
        place = f"segment {_one_line(self.segment)}: line {line}, column {column}"
        return CriterionError(f"{place}: {problem}; columns: {columns}")

    def refusal(self, node: exp.Expr, problem: str) -> CriterionError:
        starts = [piece.meta["start"] for piece in node.walk() if "start" in piece.meta]
        return self.error(min(starts, default=0), f"{_shown(node.sql('duckdb'))} {problem}")

    def too_deep(self, start: int) -> CriterionError:
        return self.error(start, f"it nests too deeply (at most {MAX_DEPTH} levels)")


def _one_line(text: str) -> str:
    """Return the text on one line, with invisible characters escaped."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in re.sub(f"[{_BLANKS}]+", " ", text))


def _shown(text: str) -> str:
    line = _one_line(text)
    return f"`{line}`" if len(line) <= _SHOWN else f"`{line[: _SHOWN - 3]}...`"


# Characters and tokens --------------------------------------------------------------------------------------------


def _tokens(source: _Source) -> list[Token]:
    _check_characters(source)
    try:
        tokens = DIALECT.tokenize(source.text)
    except TokenError:
        raise source.error(len(source.text) - 1, "a quote or a comment is not closed") from None
    _check_gaps(source, tokens)
    _check_depth_of_tokens(source, tokens)
    for before, token, after in zip([None, *tokens[:-1]], tokens, [*tokens[1:], None], strict=True):
        _check_token(source, before, token, after)
    return tokens


def _check_characters(source: _Source) -> None:
    if len(source.text) > MAX_LENGTH:
        raise source.error(MAX_LENGTH, f"it has {len(source.text)} characters (at most {MAX_LENGTH})")
    if not source.text.strip():
        raise source.error(0, "it is empty")
    for start, character in enumerate(source.text):
        if character not in _BLANKS and unicodedata.category(character) in _HIDDEN_CATEGORIES:
            raise source.error(start, f"the character U+{ord(character):04X} is not allowed")


def _check_gaps(source: _Source, tokens: Sequence[Token]) -> None:
    """Refuse anything but blanks between tokens: the tokenizer drops comments and accepts any Unicode space."""
    ends = [0, *(token.end + 1 for token in tokens)]
    starts = [*(token.start for token in tokens), len(source.text)]
    for end, start in zip(ends, starts, strict=True):
        gap = source.text[end:start]
        if hidden := gap.strip(_BLANKS):
            raise source.error(end + gap.index(hidden), f"{_shown(hidden)} is not allowed: no comments, plain blanks")


def _check_depth_of_tokens(source: _Source, tokens: Sequence[Token]) -> None:
    depth = run = 0
    for token in tokens:
        word = token.text.lower() if token.token_type not in _VALUES else ""
        run = run + 1 if word in _PREFIXES else 0
        depth += (word == "(") - (word == ")")
        if max(depth, run) > MAX_DEPTH:
            raise source.too_deep(token.start)


def _check_token(source: _Source, before: Token | None, token: Token, after: Token | None) -> None:
    if token.token_type in _VALUES:
        return
    word = source.text[token.start : token.end + 1]
    called = after is not None and after.token_type is TokenType.L_PAREN
    if called and word.lower() not in (*FUNCTIONS, *_OPENERS, *_SIGNS):
        raise source.error(token.start, f"{_shown(word)} is not a function here; functions: {', '.join(FUNCTIONS)}")
    unary_plus = word == "+" and (before is None or before.token_type not in _OPERAND_ENDS)
    if unary_plus or (token.token_type not in _NAMES and word.lower() not in (*_WORDS, *_SIGNS)):
        allowed = " ".join((*_WORDS, *_SIGNS))
        raise source.error(token.start, f"{_shown(word)} is not allowed here; allowed: {allowed}")


# The tree ---------------------------------------------------------------------------------------------------------


def _tree(source: _Source, tokens: list[Token]) -> exp.Expr:
    try:
        tree = cast(exp.Expr, DIALECT.parser().parse_into(exp.Condition, tokens, source.text)[0])
    except ParseError as error:
        found = error.errors[0]
        places = [token.start for token in tokens if (token.line, token.col) == (found["line"], found["col"])]
        start = places[0] if places else 0
        raise source.error(start, f"cannot be read at {_shown(found['highlight'])}") from None
    _check_depth_of_tree(source, tree)
    return tree


def _check_depth_of_tree(source: _Source, tree: exp.Expr) -> None:
    """Refuse a tree that nests too deeply; chains such as 1 + 1 + 1 nest, chains of and, or do not."""
    todo: list[tuple[exp.Expr, int]] = [(tree, 0)]
    while todo:
        node, depth = todo.pop()
        depth += not isinstance(node, (exp.Connector, exp.Paren))
        if depth > _MAX_CHAIN:
            raise source.too_deep(0)
        todo.extend((child, depth) for child in node.iter_expressions())


def _leaves(node: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the conditions joined by and, or and not; `x not in (...)`, `is not` and the like are one condition."""
    inner = node.unnest()
    if isinstance(inner, exp.Connector):
        for part in inner.flatten():
            yield from _leaves(part)
    elif isinstance(inner, exp.Not) and not isinstance(inner.this, (exp.In, exp.Is, exp.Between)):
        yield from _leaves(inner.this)
    else:
        yield inner


# The meaning in Python --------------------------------------------------------------------------------------------


def _truth(term: _Term, row: Row) -> bool | None:
    truth: bool | None = term.value(row)
    return truth


def _strict(function: Callable[..., Any], *terms: _Term) -> Callable[[Row], Any]:
    """Return a function that is applied to the terms' values, and is null if one of them is."""

    def value(row: Row) -> Any:
        values = [term.value(row) for term in terms]
        return None if any(each is None for each in values) else function(*values)

    return value


def _joined_truth(truths: Sequence[bool | None], decisive: bool) -> bool | None:
    """Join three-valued truths by `or` (decisive: true) or `and` (decisive: false)."""
    if decisive in truths:
        return decisive
    return None if None in truths else not decisive


def _sort_key(value: Any) -> tuple[bool, Any]:
    """Return a sort key for SQL's total order: NaN equals itself and is greater than any number."""
    return (True, None) if isinstance(value, float) and math.isnan(value) else (False, value)


def _divided(left: float, right: float) -> float | None:
    return None if right == 0 else left / right


def _rounded(number: float) -> float:
    """Round halves away from zero; exact, because number - whole is exact."""
    if not math.isfinite(number):
        return number
    whole = math.trunc(number)
    return float(whole + math.copysign(1, number)) if abs(number - whole) >= 0.5 else float(whole)


def _lower(text: str) -> str:
    return "".join(character.lower()[0] for character in text)


def _upper(text: str) -> str:
    """Return the text in capitals, letter by letter as the engines do."""
    capitals = str.maketrans(SMALL, CAPITAL)
    return "".join(
        character.upper() if len(character.upper()) == 1 else character.translate(capitals) for character in text
    )


def _matcher(pattern: str) -> Callable[[str], bool]:
    match = re.compile(fnmatch.translate(pattern.translate(_TO_FNMATCH))).match
    return lambda text: match(text) is not None


def _is_missing(cell: Any) -> bool:
    return cell is None or bool(pd.api.types.is_scalar(cell) and pd.isna(cell))


def _as_instant(cell: Any) -> datetime:
    instant: datetime = cell if cell.tzinfo else cell.replace(tzinfo=timezone.utc)
    return instant


def _as_date(cell: Any) -> date:
    day: date = cell.date() if isinstance(cell, datetime) else cell
    return day


_FROM_ROW: Mapping[ColumnType, Callable[[Any], Any]] = {
    ColumnType.TEXT: str,
    ColumnType.INTEGER: int,
    ColumnType.NUMBER: float,
    ColumnType.FLAG: bool,
    ColumnType.INSTANT: _as_instant,
    ColumnType.DATE: _as_date,
    ColumnType.TEXTS: list,
}


def _reader(name: str, kind: ColumnType) -> Callable[[Row], Any]:
    convert = _FROM_ROW[kind]

    def value(row: Row) -> Any:
        cell = row[name]
        return None if _is_missing(cell) else convert(cell)

    return value


# SQL fragments ----------------------------------------------------------------------------------------------------


def _constant(value: Any, kind: ColumnType | None) -> _Term:
    return _Term(_literal(value, kind), kind, lambda _row: value, constant=True)


def _literal(value: Any, kind: ColumnType | None) -> exp.Expr:
    if value is None:
        return exp.null() if kind is None else exp.cast(exp.null(), _SQL_TYPES[kind])
    return _LITERALS[kind or ColumnType.TEXT](value)


def _double(value: float) -> exp.Expr:
    """Write a double with an exponent; without one, SQL would read a decimal."""
    digits = repr(abs(value))
    sql = exp.Literal.number(digits if "e" in digits else f"{digits}e0")
    return exp.Neg(this=sql) if math.copysign(1, value) < 0 else sql


_LITERALS: Mapping[ColumnType, Callable[[Any], exp.Expr]] = {
    ColumnType.TEXT: exp.Literal.string,
    ColumnType.INTEGER: exp.Literal.number,
    ColumnType.NUMBER: _double,
    ColumnType.FLAG: lambda flag: exp.Boolean(this=flag),
    ColumnType.INSTANT: lambda instant: exp.cast(exp.Literal.string(instant.isoformat(sep=" ")), "timestamptz"),
    ColumnType.DATE: lambda day: exp.cast(exp.Literal.string(day.isoformat()), "date"),
}


def _parenthesised(sql: exp.Expr) -> exp.Expr:
    """Add parentheses where engines could disagree on precedence."""
    return exp.paren(sql, copy=False) if isinstance(sql, (exp.Predicate, exp.Connector, exp.Not)) else sql


def _unless_null(texts: _Term, answer: exp.Expr) -> exp.Expr:
    """Return null for a null list, and else the answer; the engines' list functions disagree on null."""
    known = exp.Is(this=texts.sql.copy(), expression=exp.null()).not_(copy=False)
    return exp.Case(ifs=[exp.If(this=known, true=answer)])


# Checks and meaning of each construct -----------------------------------------------------------------------------


class _Checker:
    """Translator of the parsed tree into terms; a construct without a method here is refused."""

    def __init__(self, source: _Source) -> None:
        self.source = source
        self.read: set[str] = set()
        self.names = {name.lower(): name for name in source.columns}

    def term(self, node: exp.Expr) -> _Term:
        """Return the term of a node.

        The parser notes the position of calls only, so an operator with a position was written as a call:
        like('a%', word). That is refused.
        """
        known = _CONSTRUCTS.get(type(node))
        is_called_operator = "start" in node.meta and not isinstance(node, (exp.Literal, *_FUNCTION_NODES))
        if known is None or is_called_operator:
            raise self.source.refusal(node, "is not allowed")
        if any(value for name, value in node.args.items() if name not in known.arguments):
            raise self.source.refusal(node, "is not allowed in this form")
        return known.check(self, node)

    def condition(self, node: exp.Expr) -> _Term:
        return self.of_type(node, ColumnType.FLAG)

    def of_type(self, node: exp.Expr, kind: ColumnType) -> _Term:
        return self.typed(node, self.term(node), kind)

    def typed(self, node: exp.Expr, term: _Term, kind: ColumnType) -> _Term:
        if term.type in (kind, None) or (kind is ColumnType.NUMBER and term.type in _NUMBERS):
            return self.converted(term, kind)
        raise self.source.refusal(node, f"is of type {_type_name(term.type)}, where {kind.value} is needed")

    def converted(self, term: _Term, kind: ColumnType) -> _Term:
        if term.type is kind:
            return term
        if term.constant:
            value = term.value({})
            return _constant(value if value is None else _CONVERSIONS[kind](value), kind)
        return _Term(exp.cast(term.sql, _SQL_TYPES[kind]), kind, _strict(_CONVERSIONS[kind], term))

    def same_typed(self, node: exp.Expr, parts: Sequence[exp.Expr]) -> list[_Term]:
        """Return the parts converted to the one type that they share."""
        terms = [self.term(part) for part in parts]
        kinds = {term.type for term in terms if term.type}
        dates_are_literals = all(term.constant for term in terms if term.type is ColumnType.DATE)
        if ColumnType.TEXTS in kinds:
            raise self.source.refusal(node, "compares a list; use a list in list_contains, len and is null")
        if kinds == _NUMBERS:
            kinds = {ColumnType.NUMBER}
        if kinds == {ColumnType.DATE, ColumnType.INSTANT} and dates_are_literals:
            kinds = {ColumnType.INSTANT}
        if len(kinds) > 1:
            raise self.source.refusal(node, f"mixes {' and '.join(sorted(kind.value for kind in kinds))}")
        kind = kinds.pop() if kinds else ColumnType.TEXT
        terms = [self.converted(term, kind) for term in terms]
        return [replace(term, sql=_parenthesised(term.sql)) for term in terms]

    def ordered(self, node: exp.Expr, parts: Sequence[exp.Expr]) -> list[_Term]:
        terms = self.same_typed(node, parts)
        if terms[0].type is ColumnType.FLAG:
            raise self.source.refusal(node, "orders flags, which can only be compared for equality")
        return terms

    def column(self, node: exp.Column) -> _Term:
        name = self.names.get(node.name.lower()) if node.name.isascii() else None
        if name is None:
            raise self.source.refusal(node, "is not a column (put text into single quotes)")
        self.read.add(name)
        kind = self.source.columns[name]
        return _Term(exp.Column(this=exp.Identifier(this=name, quoted=True)), kind, _reader(name, kind))

    def literal(self, node: exp.Literal) -> _Term:
        if node.is_string:
            return _constant(node.name, ColumnType.TEXT)
        if not _NUMBER.fullmatch(node.name):
            raise self.source.refusal(node, "is not a number, or is too long")
        if node.name.isdigit():
            return self.number(node, int(node.name), ColumnType.INTEGER, _MAX_INTEGER)
        return self.number(node, float(node.name), ColumnType.NUMBER, sys.float_info.max)

    def number(self, node: exp.Literal, value: float, kind: ColumnType, limit: float) -> _Term:
        if value > limit:
            raise self.source.refusal(node, "is too large a number")
        return _constant(value, kind)

    def boolean(self, node: exp.Boolean) -> _Term:
        return _constant(node.this, ColumnType.FLAG)

    def null(self, _node: exp.Null) -> _Term:
        return _constant(None, None)

    def moment(self, node: exp.Cast) -> _Term:
        found = _INSTANT.fullmatch(node.this.name)
        is_date = node.to.is_type(exp.DType.DATE)
        try:
            if found is None or (is_date and found["minute"]):
                raise ValueError
            day = date.fromisoformat(found["day"])
            return _constant(day, ColumnType.DATE) if is_date else _constant(_instant(found), ColumnType.INSTANT)
        except (ValueError, OverflowError):
            form = "2026-01-31" if is_date else "2026-01-31 23:59:59"
            raise self.source.refusal(node.this, f"is not a valid time; write it like '{form}'") from None

    def paren(self, node: exp.Paren) -> _Term:
        term = self.term(node.this)
        return replace(term, sql=exp.paren(term.sql, copy=False))

    def connector(self, node: exp.Connector) -> _Term:
        parts = [self.condition(part) for part in node.flatten(unnest=False)]
        decisive = isinstance(node, exp.Or)
        join = exp.or_ if decisive else exp.and_
        sql = join(*(part.sql for part in parts), copy=False)
        return _Term(sql, ColumnType.FLAG, lambda row: _joined_truth([part.value(row) for part in parts], decisive))

    def negation(self, node: exp.Not) -> _Term:
        return self.negated(self.condition(node.this))

    def negated(self, term: _Term) -> _Term:
        return _Term(exp.Not(this=term.sql), ColumnType.FLAG, _strict(operator.not_, term))

    def comparison(self, node: exp.Binary) -> _Term:
        check = self.same_typed if isinstance(node, (exp.EQ, exp.NEQ)) else self.ordered
        left, right = check(node, [node.this, node.expression])
        compare = _COMPARISONS[type(node)]
        value = _strict(lambda one, other: compare(_sort_key(one), _sort_key(other)), left, right)
        return _Term(type(node)(this=left.sql, expression=right.sql), ColumnType.FLAG, value)

    def between(self, node: exp.Between) -> _Term:
        this, low, high = self.ordered(node, [node.this, node.args["low"], node.args["high"]])
        above = _strict(lambda value, bound: _sort_key(value) >= _sort_key(bound), this, low)
        below = _strict(lambda value, bound: _sort_key(value) <= _sort_key(bound), this, high)
        sql = exp.Between(this=this.sql, low=low.sql, high=high.sql)
        return _Term(sql, ColumnType.FLAG, lambda row: _joined_truth([above(row), below(row)], decisive=False))

    def membership(self, node: exp.In) -> _Term:
        if texts := node.args.get("field"):
            return self.contained(node, texts, node.this)
        if not node.expressions or not all(self.term(member).constant for member in node.expressions):
            raise self.source.refusal(node, "needs a list of literals")
        this, *members = self.same_typed(node, [node.this, *node.expressions])
        wanted = [member.value({}) for member in members]

        def held(value: Any) -> bool | None:
            return _joined_truth(
                [None if each is None else _sort_key(each) == _sort_key(value) for each in wanted], True
            )

        sql = exp.In(this=this.sql, expressions=[member.sql for member in members])
        return _Term(sql, ColumnType.FLAG, _strict(held, this))

    def list_contains(self, node: exp.ArrayContains) -> _Term:
        return self.contained(node, node.this, node.expression)

    def contained(self, node: exp.Expr, texts: exp.Expr, member: exp.Expr) -> _Term:
        within, wanted = self.term(texts), self.quoted(member)
        if within.type is not ColumnType.TEXTS:
            raise self.source.refusal(texts, f"is of type {_type_name(within.type)}, where texts is needed")
        found = exp.ArrayContains(this=within.sql, expression=wanted.sql)
        answer = _unless_null(within, exp.func("coalesce", found, exp.false()))
        return _Term(answer, ColumnType.FLAG, _strict(lambda values, value: value in values, within, wanted))

    def quoted(self, node: exp.Expr) -> _Term:
        term = self.term(node)
        if not term.constant or term.type is not ColumnType.TEXT:
            raise self.source.refusal(node, "must be a text in single quotes")
        return term

    def like(self, node: exp.Binary) -> _Term:
        text, pattern = self.of_type(node.this, ColumnType.TEXT), self.quoted(node.expression).value({})
        if "\\" in pattern:
            raise self.source.refusal(node, "has a backslash in its pattern")
        if isinstance(node, exp.ILike):
            text, pattern = _Term(exp.Lower(this=text.sql), text.type, _strict(_lower, text)), _lower(pattern)
        sql = exp.Like(this=text.sql, expression=exp.Literal.string(pattern))
        matched = _Term(sql, ColumnType.FLAG, _strict(_matcher(pattern), text))
        return self.negated(matched) if node.args.get("negate") else matched

    def identity(self, node: exp.Is) -> _Term:
        wanted = node.expression
        if not isinstance(wanted, (exp.Null, exp.Boolean)):
            raise self.source.refusal(node, "needs null, true or false after `is`")
        truth = wanted.this if isinstance(wanted, exp.Boolean) else None
        this = self.term(node.this) if truth is None else self.condition(node.this)
        sql = exp.Is(this=_parenthesised(this.sql), expression=wanted.copy())
        return _Term(sql, ColumnType.FLAG, lambda row: this.value(row) is truth)

    def arithmetic(self, node: exp.Binary) -> _Term:
        left, right = (self.of_type(part, ColumnType.NUMBER) for part in (node.this, node.expression))
        divisor = exp.Nullif(this=right.sql, expression=_literal(0.0, ColumnType.NUMBER))
        sql = type(node)(this=left.sql, expression=divisor if isinstance(node, exp.Div) else right.sql)
        return _Term(sql, ColumnType.NUMBER, _strict(_ARITHMETIC[type(node)], left, right))

    def minus(self, node: exp.Neg) -> _Term:
        term = self.term(node.this)
        if term.constant and term.type in _NUMBERS:
            return _constant(-term.value({}), term.type)
        term = self.typed(node.this, term, ColumnType.NUMBER)
        return _Term(exp.Neg(this=term.sql), ColumnType.NUMBER, _strict(operator.neg, term))

    def absolute(self, node: exp.Abs) -> _Term:
        term = self.of_type(node.this, ColumnType.NUMBER)
        return _Term(exp.Abs(this=term.sql), ColumnType.NUMBER, _strict(abs, term))

    def rounding(self, node: exp.Round) -> _Term:
        """Return `round`; with decimals it is written out, as engines disagree on 2.675, which no double equals."""
        term = self.of_type(node.this, ColumnType.NUMBER)
        scale = 10.0 ** self.decimals(node)
        value = _strict(lambda number: _rounded(number * scale) / scale, term)
        if scale == 1:
            return _Term(exp.Round(this=term.sql), ColumnType.NUMBER, value)
        factor = _literal(scale, ColumnType.NUMBER)
        scaled = exp.Mul(this=exp.paren(term.sql, copy=False), expression=factor)
        sql = exp.paren(exp.Div(this=exp.Round(this=scaled), expression=factor.copy()), copy=False)
        return _Term(sql, ColumnType.NUMBER, value)

    def decimals(self, node: exp.Round) -> int:
        asked = node.args.get("decimals")
        term = self.term(asked) if asked else _constant(0, ColumnType.INTEGER)
        digits: int = term.value({}) if term.constant and term.type is ColumnType.INTEGER else -1
        if not 0 <= digits <= MAX_DECIMALS:
            raise self.source.refusal(node, f"needs 0 to {MAX_DECIMALS} decimals")
        return digits

    def coalesced(self, node: exp.Coalesce) -> _Term:
        terms = self.two_or_more(node, self.same_typed)
        sql = exp.Coalesce(this=terms[0].sql, expressions=[term.sql for term in terms[1:]])

        def value(row: Row) -> Any:
            return next((each for term in terms if (each := term.value(row)) is not None), None)

        return _Term(sql, terms[0].type, value)

    def extreme(self, node: exp.Func) -> _Term:
        terms = self.two_or_more(node, self.ordered)
        choose = max if isinstance(node, exp.Greatest) else min

        def value(row: Row) -> Any:
            values = [each for term in terms if (each := term.value(row)) is not None]
            return choose(values, key=_sort_key, default=None)

        sql = type(node)(this=terms[0].sql, expressions=[term.sql for term in terms[1:]], ignore_nulls=True)
        return _Term(sql, terms[0].type, value)

    def two_or_more(self, node: exp.Func, check: Callable[[exp.Expr, list[exp.Expr]], list[_Term]]) -> list[_Term]:
        if not node.expressions:
            raise self.source.refusal(node, "needs two values or more")
        return check(node, [node.this, *node.expressions])

    def recased(self, node: exp.Func) -> _Term:
        term = self.of_type(node.this, ColumnType.TEXT)
        return _Term(type(node)(this=term.sql), ColumnType.TEXT, _strict(_CASES[type(node)], term))

    def trimmed(self, node: exp.Trim) -> _Term:
        """Return `trim` of spaces; they are named because engines disagree on what counts as blank."""
        term = self.of_type(node.this, ColumnType.TEXT)
        sql = exp.Trim(this=term.sql, expression=exp.Literal.string(" "))
        return _Term(sql, ColumnType.TEXT, _strict(lambda text: text.strip(" "), term))

    def length(self, node: exp.Length) -> _Term:
        term = self.term(node.this)
        if term.type is ColumnType.TEXTS:
            sql = _unless_null(term, exp.ArraySize(this=term.sql))
        else:
            term = self.typed(node.this, term, ColumnType.TEXT)
            sql = exp.Length(this=term.sql)
        return _Term(sql, ColumnType.INTEGER, _strict(len, term))

    def text_test(self, node: exp.Func) -> _Term:
        text, piece = (self.of_type(part, ColumnType.TEXT) for part in (node.this, node.expression))
        sql = type(node)(this=text.sql, expression=piece.sql)
        return _Term(sql, ColumnType.FLAG, _strict(_TEXT_TESTS[type(node)], text, piece))


def _type_name(kind: ColumnType | None) -> str:
    return kind.value if kind else "null"


def _instant(found: re.Match[str]) -> datetime:
    given = {name: value or _INSTANT_DEFAULTS[name] for name, value in found.groupdict().items()}
    given |= {"fraction": given["fraction"][:6].ljust(6, "0"), "zone": given["zone"].replace("Z", "+00:00")}
    written = "{day}T{minute}:{second}.{fraction}{zone}".format(**given)
    return datetime.fromisoformat(written).astimezone(timezone.utc)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), timezone.utc)


_CONVERSIONS: Mapping[ColumnType, Callable[[Any], Any]] = {ColumnType.NUMBER: float, ColumnType.INSTANT: _midnight}
_COMPARISONS: Mapping[type[exp.Expr], Callable[[Any, Any], bool]] = {
    exp.EQ: operator.eq,
    exp.NEQ: operator.ne,
    exp.LT: operator.lt,
    exp.LTE: operator.le,
    exp.GT: operator.gt,
    exp.GTE: operator.ge,
}
_ARITHMETIC: Mapping[type[exp.Expr], Callable[[float, float], float | None]] = {
    exp.Add: operator.add,
    exp.Sub: operator.sub,
    exp.Mul: operator.mul,
    exp.Div: _divided,
}
_CASES: Mapping[type[exp.Expr], Callable[[str], str]] = {exp.Lower: _lower, exp.Upper: _upper}
_TEXT_TESTS: Mapping[type[exp.Expr], Callable[[str, str], bool]] = {
    exp.StartsWith: str.startswith,
    exp.EndsWith: str.endswith,
    exp.Contains: operator.contains,
}


@dataclass(frozen=True)
class _Construct:
    check: Callable[[_Checker, Any], _Term]
    arguments: frozenset[str]


def _construct(check: Callable[[_Checker, Any], _Term], *arguments: str) -> _Construct:
    return _Construct(check, frozenset(arguments))


_FUNCTION_NODES: Mapping[type[exp.Expr], _Construct] = {
    exp.Abs: _construct(_Checker.absolute, "this"),
    exp.ArrayContains: _construct(_Checker.list_contains, "this", "expression"),
    exp.Coalesce: _construct(_Checker.coalesced, "this", "expressions"),
    exp.Greatest: _construct(_Checker.extreme, "this", "expressions", "ignore_nulls"),
    exp.Least: _construct(_Checker.extreme, "this", "expressions", "ignore_nulls"),
    exp.Length: _construct(_Checker.length, "this"),
    exp.Round: _construct(_Checker.rounding, "this", "decimals"),
    exp.Trim: _construct(_Checker.trimmed, "this"),
    **dict.fromkeys(_CASES, _construct(_Checker.recased, "this")),
    **dict.fromkeys(_TEXT_TESTS, _construct(_Checker.text_test, "this", "expression")),
}
_CONSTRUCTS: Mapping[type[exp.Expr], _Construct] = {
    **_FUNCTION_NODES,
    exp.And: _construct(_Checker.connector, "this", "expression"),
    exp.Or: _construct(_Checker.connector, "this", "expression"),
    exp.Not: _construct(_Checker.negation, "this"),
    exp.Paren: _construct(_Checker.paren, "this"),
    exp.Column: _construct(_Checker.column, "this"),
    exp.Literal: _construct(_Checker.literal, "this", "is_string"),
    exp.Boolean: _construct(_Checker.boolean, "this"),
    exp.Null: _construct(_Checker.null),
    exp.Cast: _construct(_Checker.moment, "this", "to"),
    exp.Between: _construct(_Checker.between, "this", "low", "high"),
    exp.In: _construct(_Checker.membership, "this", "expressions", "field"),
    exp.Like: _construct(_Checker.like, "this", "expression", "negate"),
    exp.ILike: _construct(_Checker.like, "this", "expression", "negate"),
    exp.Is: _construct(_Checker.identity, "this", "expression"),
    exp.Neg: _construct(_Checker.minus, "this"),
    **dict.fromkeys(_COMPARISONS, _construct(_Checker.comparison, "this", "expression")),
    **dict.fromkeys(_ARITHMETIC, _construct(_Checker.arithmetic, "this", "expression")),
}
