"""Builds the query that yields every segment's leads from the checked criteria.

Parsing criteria is left to `criteria`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from acquisition_assets.core.errors import InputError
from acquisition_assets.criteria.language import ColumnType, Criterion, CriterionError, parse_criterion
from acquisition_assets.lead_segments.contract import FACTS
from acquisition_assets.lead_segments.policy import Segment

COLUMN_TYPES = {name: ColumnType(kind.value) for name, kind in FACTS.items()}


def parse_segments(segments: Mapping[str, Segment]) -> list[Criterion]:
    """The criteria of all segments, in the policy's order.

    Raises:
        InputError: a criterion is refused; the message names the segment, the place and the columns there are.
    """
    try:
        return [parse_criterion(name, segment.criterion, COLUMN_TYPES) for name, segment in segments.items()]
    except CriterionError as error:
        raise InputError(f"policy, segments: {error}") from error


def facts_columns(criteria: Sequence[Criterion]) -> list[str]:
    """The columns that the criteria read, with the lead's id."""
    named = {"lead_id"}.union(*(criterion.columns for criterion in criteria))
    return [name for name in FACTS if name in named]


def memberships_query(criteria: Sequence[Criterion]) -> str:
    """One row per segment and lead that meets its criterion, over the relation `facts`, in DuckDB's dialect.

    It reads the facts once, and a lead's segments come one after another: its id, many times in a row, takes next to
    no space in the file, and next to no time where the file is read.
    """
    if not criteria:
        nothing = exp.cast(exp.null(), "text")
        return exp.select(nothing.as_("segment"), nothing.copy().as_("lead_id")).where(exp.false()).sql("duckdb")
    names = [exp.case().when(each.expression(), exp.convert(each.segment), copy=False) for each in criteria]
    every = exp.Explode(this=exp.Array(expressions=names)).as_("segment")
    named = exp.select(every, exp.column("lead_id")).from_("facts").subquery("named")
    members = exp.select("segment", "lead_id").from_(named)
    return members.where(exp.column("segment").is_(exp.null()).not_()).sql("duckdb")
