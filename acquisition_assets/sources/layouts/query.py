"""Applies a layout to the rows of a database's query: its words, times and numbers, column by column.

Does not read the database (see `sources.postgres`) or compile values (see `layouts.mapping`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from acquisition_assets.core.duckdb_sql import identifier
from acquisition_assets.core.errors import InputError
from acquisition_assets.inputs.tables import INPUTS, InputTable
from acquisition_assets.sources.layouts.grammar import Layout, Rows, plain_name
from acquisition_assets.sources.layouts.mapping import Cells, Choice, column_sql, missing_columns
from acquisition_assets.sources.layouts.records import Records
from acquisition_assets.sources.layouts.times import ambiguous_pairs


@dataclass(frozen=True)
class QueryLayout:
    """What a layout says of one table's query."""

    layout: Layout
    table: InputTable
    mapping: Rows

    @property
    def names(self) -> set[str]:
        """The columns of the query that the mapping may read, as names are compared."""
        return {each for name in self.mapping.names for each in self.layout.alternatives(name)}

    def reads(self, column: str) -> set[str]:
        """Return the columns of the query that a canonical column may come from, as names are compared."""
        values = self.mapping.columns.get(column, ())
        return {each for value in values for name in value.names for each in self.layout.alternatives(name)}

    def given(self, columns: Sequence[str], place: str) -> dict[str, tuple[str, ...]]:
        """Return the canonical columns that the mapping gives, each with the columns of the query that it reads.

        Args:
            columns: of the query.
            place: the query, for messages.

        Raises:
            InputError: the query lacks a column that the layout needs.
        """
        cells = self._cells(columns)
        needed = set(self.layout.recognised_by) & set(self.mapping.names)  # others are of another table's query
        lacking = [name for name in self.layout.recognised_by if name in needed and not cells.has(name)]
        missing = [name for _, names in missing_columns(self.table, self.mapping, cells) for name in names]
        if lacking or missing:
            named = ", ".join(dict.fromkeys([*lacking, *missing]))
            raise InputError(
                f"{place}: the layout {self.layout.name} needs the column {named}; the query has {', '.join(columns)}"
            )
        origins = {
            name: tuple(dict.fromkeys(each for value in values for each in value.names if cells.has(each)))
            for name, values in self.mapping.columns.items()
        }
        return {
            name: found
            for name, found in origins.items()
            if found or any(not value.names for value in self.mapping.columns[name])
        }

    def mapped(self, relation: str, columns: Sequence[str], given: Sequence[str]) -> str:
        """Return the query of a relation's rows with the columns that the mapping gives; other columns stay.

        Args:
            given: the canonical columns that the mapping gives.
        """
        cells = self._cells(columns)
        listed = ", ".join(f"{identifier(name)} as q{at}" for at, name in enumerate(columns))
        texts = ", ".join(f"{identifier(name)}::varchar as c{at}" for at, name in enumerate(columns))
        kept = [f"q{at} as {identifier(name)}" for at, name in enumerate(columns) if name not in given]
        choice = Choice({}, self.layout.timezone)
        made = []
        for name in given:
            cell = column_sql(self.table, self.mapping, 0, name, cells, choice)
            unchanged = re.sub(r"^c(?=\d+$)", "q", cell)  # which keeps its type
            made.append(f"{unchanged} as {identifier(name)}")
        read = cells.prepared(f"(select {listed}, {texts} from {relation})")
        return f"select {', '.join([*kept, *made])} from {read}"

    def _cells(self, columns: Sequence[str]) -> Cells:
        names = tuple(map(plain_name, columns))
        return Cells(self.layout, Records((), (), names, {name: at for at, name in enumerate(names)}, False))


def query_layouts(layouts: Sequence[Layout]) -> dict[str, QueryLayout]:
    """Return what layouts say of the queries of a database, by table.

    Raises:
        InputError: a layout says what only files can have, leaves the order of day and month open, or two speak of the
            same table.
    """
    found: dict[str, QueryLayout] = {}
    for layout in layouts:
        if not layout.tables:
            raise InputError(
                f"the layout {layout.name} has no tables; for a database it must say words or times of one"
            )
        for name, mappings in layout.tables.items():
            if name in found:
                others = f"{found[name].layout.name} and {layout.name}"
                raise InputError(f"the layouts {others} both speak of {name}; name one of them")
            found[name] = QueryLayout(layout, INPUTS[name], _only(layout, name, mappings))
    return found


def _only(layout: Layout, table: str, mappings: Sequence[Rows]) -> Rows:
    place = f"the layout {layout.name}, tables.{table}"
    mapping = mappings[0]
    if len(mappings) > 1 or mapping.when or mapping.lead or mapping.each:
        raise InputError(
            f"{place}: for a database a layout only says what columns mean; leave several mappings, when, lead and "
            "each to the query"
        )
    if any(name.startswith("$") for name in mapping.names):
        raise InputError(f"{place}: a query has no JSON paths; let it return a column")
    for name, value in mapping.values():
        for first, second in ambiguous_pairs(value.time or ()):
            raise InputError(f"{place}.{name}: choose either {first} or {second}; a database is not read to find out")
    return mapping
