"""Slices: ranges of one text column, so that a query over a large table is computed range by range.

Running the sliced queries is left to the engines (see `duckdb`).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from acquisition_assets.core.duckdb_sql import literal
from acquisition_assets.core.memory import LEAST_MEGABYTES, megabytes

ROWS_OF_A_SLICE = 25_000_000
"""Rows per slice: few slices, yet each one is grouped within the least memory limit."""
MOST_READ = 1.75
"""Upper limit of rows read by all slices together, as a multiple of the table's rows."""


@dataclass(frozen=True)
class Slices:
    """How one query is sliced: ranges of a text column without nulls, and the relations it restricts.

    The default value is a single range: the query is computed in one go.

    bounds: where one range ends and the next begins, in ascending order. relations: the relations named by the query
    whose rows are restricted to the range; a result row must need only their rows with one value of the column.
    """

    column: str = ""
    bounds: tuple[str, ...] = ()
    relations: tuple[str, ...] = ()

    def of(self, *relations: str) -> Slices:
        """Return the same ranges for a query that reads these relations."""
        return replace(self, relations=relations)

    def queries(self, query: str) -> list[str]:
        """Return one query per range; together they give the rows of the query."""
        if not self.bounds or not self.relations:
            return [query]
        queries = []
        for start, end in itertools.pairwise([None, *self.bounds, None]):
            inside = [] if start is None else [f"{self.column} >= {literal(start)}"]
            inside += [] if end is None else [f"{self.column} < {literal(end)}"]
            rows = ", ".join(
                f"{relation} as not materialized (select * from temp.{relation} where {' and '.join(inside)})"
                for relation in self.relations
            )
            queries.append(f"with {rows} select * from ({query}) as result")
        return queries


WHOLE = Slices()
"""No slicing."""


def rows_per_slice(memory_limit: str) -> int:
    """Return how many rows a slice may have: more where there is more memory, as fewer slices take less time."""
    return max(ROWS_OF_A_SLICE, ROWS_OF_A_SLICE * megabytes(memory_limit) // LEAST_MEGABYTES)


def bounds_of(groups: Sequence[tuple[str | None, str | None, int]], slice_rows: int) -> tuple[str, ...]:
    """Return the bounds that slice a table stored in row groups.

    Return none if the table is small, if the range of a group is unknown, or if the groups overlap so much that the
    slices would read more than `MOST_READ` times the table.

    Args:
        groups: least text, greatest text and number of rows of each row group.
        slice_rows: rows from which a slice ends, at the next row group.
    """
    known = sorted(
        (least, greatest, rows) for least, greatest, rows in groups if least is not None and greatest is not None
    )
    total = sum(rows for *_, rows in groups)
    bounds: list[str] = []
    before = 0
    for least, _, rows in known:
        if before >= (len(bounds) + 1) * slice_rows and least > max([known[0][0], *bounds]):
            bounds.append(least)
        before += rows
    read = sum(rows * (1 + sum(least < bound <= greatest for bound in bounds)) for least, greatest, rows in known)
    return tuple(bounds) if len(known) == len(groups) and read <= total * MOST_READ else ()
