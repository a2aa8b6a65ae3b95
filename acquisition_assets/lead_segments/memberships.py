"""Builds the query that assigns leads to segments from the checked criteria.

Parsing criteria is left to `criteria`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from acquisition_assets.core.errors import InputError
from acquisition_assets.criteria.language import ColumnType, Criterion, CriterionError, parse_criterion
from acquisition_assets.lead_segments.contract import FACTS, OF_FORECASTS
from acquisition_assets.lead_segments.policy import Segment

COLUMN_TYPES = {name: ColumnType(kind.value) for name, kind in FACTS.items()}


def parse_segments(segments: Mapping[str, Segment]) -> list[Criterion]:
    """Return the parsed criteria of all segments, in the policy's order.

    Raises:
        InputError: A criterion is refused; the message names the segment, the place and the available columns.
    """
    try:
        return [parse_criterion(name, segment.criterion, COLUMN_TYPES) for name, segment in segments.items()]
    except CriterionError as error:
        raise InputError(f"policy, segments: {error}") from error


def facts_columns(criteria: Sequence[Criterion]) -> list[str]:
    """Return the columns that the criteria read, and the lead's id."""
    named = {"lead_id"}.union(*(criterion.columns for criterion in criteria))
    return [name for name in FACTS if name in named]


def names_forecasts(criteria: Sequence[Criterion]) -> bool:
    """Return whether a criterion reads a column of conversion_forecasts."""
    return any(criterion.columns & set(OF_FORECASTS) for criterion in criteria)


def memberships_query(criteria: Sequence[Criterion]) -> str:
    """Return the query, in DuckDB's dialect, of one row per segment and lead that meets its criterion.

    It reads the relation `facts` once and lists a lead's segments one after another. The repeated ids compress to
    almost nothing in the file, and are quick to read.
    """
    if not criteria:
        nothing = exp.cast(exp.null(), "text")
        return exp.select(nothing.as_("segment"), nothing.copy().as_("lead_id")).where(exp.false()).sql("duckdb")
    names = [exp.case().when(each.expression(), exp.convert(each.segment), copy=False) for each in criteria]
    every = exp.Explode(this=exp.Array(expressions=names)).as_("segment")
    named = exp.select(every, exp.column("lead_id")).from_("facts").subquery("named")
    members = exp.select("segment", "lead_id").from_(named)
    return members.where(exp.column("segment").is_(exp.null()).not_()).sql("duckdb")
