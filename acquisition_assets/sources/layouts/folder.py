"""Puts the exports of a folder together: each file by its layout, each input table from the files that give it.

Does not find layouts (see `layouts.library`) or compile their mappings (see `layouts.mapping`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from acquisition_assets.core.duckdb_sql import literal
from acquisition_assets.core.errors import InputError
from acquisition_assets.inputs.source import ROW, ROW_PLACE, RawTable
from acquisition_assets.inputs.tables import ALIASES, INPUTS, LEADS, Cell, InputTable
from acquisition_assets.sources.layouts import library
from acquisition_assets.sources.layouts.grammar import UNITS, Layout, Rows, lead_column
from acquisition_assets.sources.layouts.mapping import (
    ITEM_AT,
    LEADS_BY_EMAIL,
    MACROS,
    MOST_ITEMS,
    Cells,
    Choice,
    compile_rows,
    gives_rows,
    missing_columns,
    records_sql,
    unread_time,
)
from acquisition_assets.sources.layouts.records import CSV, SHEET, Export, Records, open_sheet
from acquisition_assets.sources.layouts.times import (
    Order,
    ambiguous_pairs,
    is_day_first,
    is_odd_sql,
    order_query,
    sortable_sql,
    time_sql,
)
from acquisition_assets.sources.spool import Spool, read_parquet

FILE_STEP = 1 << 40
"""Between the places of the first rows of two files, as for files without a layout (see `sources.files`)."""
CREATED = "leads_from_addresses"
ADDRESS = r"[^@\s]+@[^@\s]+\.[^@\s]+"


@dataclass(frozen=True)
class Claim:
    """A file and the layout that recognises it."""

    export: Export
    layout: Layout


@dataclass(frozen=True)
class Unclaimed:
    """A file that no layout recognises, and why."""

    export: Export
    reason: str


@dataclass(frozen=True)
class _Branch:
    """One mapping over the records of some files, as a part of a table.

    Attributes:
        number: of the mapping in its layout's table.
        position: of the branch in the table.
    """

    layout: Layout
    table: InputTable
    number: int
    mapping: Rows
    cells: Cells
    position: int

    @property
    def records(self) -> Records:
        return self.cells.records


@dataclass
class ExportFolder:
    """The exports of a folder.

    Attributes:
        files: files that may be exports.
        tiers: the layouts to choose from: those of a tier are tried only where none of an earlier tier fits.
        given: tables that other files give already.
        encoding: of text files without a mark, where a person has named it.
        timezone: the zone of times without an offset, where the layout does not say one.
        notes: what was noticed when the exports were opened, by table.
        read_files: the files of each table that was opened, in the order of the places of their rows.
        record_counts: how many records each file had when it was opened.
    """

    folder: Path
    files: Sequence[tuple[Path, str]]
    tiers: Sequence[Sequence[Layout]]
    given: frozenset[str] = frozenset()
    encoding: str | None = None
    timezone: str = "UTC"
    notes: dict[str, list[str]] = field(default_factory=dict)
    read_files: dict[str, list[Path]] = field(default_factory=dict)
    record_counts: dict[Path, int] = field(default_factory=dict)

    @cached_property
    def _looked_at(self) -> tuple[tuple[Claim, ...], tuple[Unclaimed, ...]]:
        claims, others = [], []
        for path, kind in self.files:
            export = Export(path, kind, self.encoding)
            try:
                found = self._claim(export)
            except InputError as error:
                if isinstance(error, library.AmbiguousError):
                    raise
                others.append(Unclaimed(export, str(error)))
                continue
            if found:
                claims.append(found)
                continue
            unusable = library.unusable(export, self.tiers)
            near = library.nearest(export, self.tiers)
            if unusable:
                others.append(Unclaimed(export, f"{path.name} {unusable}"))
            elif near:
                lacking = ", ".join(near.lacking)
                text = (
                    f"{path.name} is no export that a layout knows; {near.layout.name} is nearest, but needs {lacking}"
                )
                others.append(Unclaimed(export, text))
            else:
                others.append(Unclaimed(export, f"{path.name} is no export that a layout knows"))
        return tuple(claims), tuple(others)

    def _claim(self, export: Export) -> Claim | None:
        encodings = {layout.encoding for tier in self.tiers for layout in tier if layout.encoding}
        if self.encoding is None and encodings:
            for tier in self.tiers:
                for layout in tier:
                    own = replace(export, encoding=layout.encoding, _known={}) if layout.encoding else export
                    if library.matching(own, [layout]):
                        export = own
        found = library.choose(export, self.tiers)
        return Claim(export, found) if found else None

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The files that a layout recognises."""
        return self._looked_at[0]

    @property
    def unclaimed(self) -> tuple[Unclaimed, ...]:
        """The files that no layout recognises."""
        return self._looked_at[1]

    def tables(self) -> list[str]:
        """Return the tables that the exports give, apart from those that other files give already."""
        found = {table for claim in self.claims for table in claim.layout.tables}
        if any(self._creates_leads(claim.layout) for claim in self.claims):
            found.add(LEADS.name)
        return [name for name in INPUTS if name in found and name not in self.given]

    def check(self) -> None:
        """Prove, by the columns alone, that each mapping can give its required columns.

        Raises:
            InputError: names the file, the column and the names that were looked for.
        """
        for claim in self.claims:
            outline = _outline(claim)
            for table, mappings in claim.layout.tables.items():
                if table in self.given:
                    continue
                for mapping in mappings:
                    _require_columns(claim, INPUTS[table], mapping, Cells(claim.layout, outline))

    def unused_columns(self) -> Iterator[tuple[Claim, list[str]]]:
        """Yield each recognised file with its columns that no mapping uses."""
        for claim in self.claims:
            names = claim.layout.names
            used = {each for name in names for each in claim.layout.alternatives(name)}
            used |= {found for name in names if (found := _top_key(name))}
            rest = [name for name in claim.export.columns(claim.layout) if name and name not in used]
            yield claim, rest

    def local_times(self, pattern: str) -> Iterator[tuple[Claim, str]]:
        """Yield columns of the first records with times that match a pattern, where the layout says no zone."""
        for claim in self.claims:
            if claim.layout.timezone is not None:
                continue
            names = _time_columns(claim.layout)
            cells = claim.export.first_cells(claim.layout, names)
            yield from ((claim, name) for name in names if any(re.search(pattern, cell) for cell in cells[name]))

    def zone_of(self, layout: Layout) -> str:
        """Return the zone of a layout's times without an offset."""
        return layout.timezone or self.timezone

    @property
    def common_zone(self) -> str:
        """The zone of times without an offset that the tables are read with."""
        zones = {self.zone_of(claim.layout) for claim in self.claims}
        return zones.pop() if len(zones) == 1 and not self.given else self.timezone

    # -- reading ------------------------------------------------------------------------------------------------------

    def open(
        self, connection: duckdb.DuckDBPyConnection, scratch: Path, given: Mapping[str, RawTable]
    ) -> dict[str, RawTable]:
        """Return the tables that the exports give, as views of the connection; leads that grew replace those given.

        Args:
            given: the tables of other files.

        Raises:
            InputError: a file is damaged, or its times can be read both ways.
        """
        for macro in MACROS:
            connection.execute(macro)
        self.notes, self.read_files, self.record_counts = {}, {}, {}
        self.check()
        groups = list(_grouped(self._read(connection, scratch)))
        choices = {layout.name: self._choice(connection, layout, groups) for layout, _, _ in groups}
        tables = dict(given)
        branches = list(self._branches(groups))
        needs_emails = any(branch.mapping.lead and branch.mapping.lead.by == "email" for branch in branches)
        rejects: dict[str, list[str]] = {}
        for spool in (spool for _, _, spools in groups for spool in spools):
            rejects.setdefault(spool.name.split("-")[0], []).extend(spool.rejects)
        if needs_emails:
            self._note_shared(_index_emails(connection, tables.get(LEADS.name)))
        for name in (each for each in INPUTS if each not in given):  # leads come first
            own = [branch for branch in branches if branch.table.name == name]
            if own:
                tables[name] = self._table(connection, INPUTS[name], own, choices, rejects.get(name, []), scratch)
            if needs_emails and own and name == LEADS.name:
                self._note_shared(_index_emails(connection, tables[name]))
        creating = [branch for branch in branches if branch.mapping.lead and branch.mapping.lead.create_leads]
        if creating:
            tables[LEADS.name] = self._with_created(connection, tables, creating, scratch)
        return {name: replace(raw, notes=tuple(self.notes.get(name, ()))) for name, raw in tables.items()}

    def _creates_leads(self, layout: Layout) -> bool:
        mappings = (mapping for some in layout.tables.values() for mapping in some)
        return any(mapping.lead is not None and mapping.lead.create_leads for mapping in mappings)

    def _read(self, connection: duckdb.DuckDBPyConnection, scratch: Path) -> Iterator[tuple[Layout, Records, Spool]]:
        for number, claim in enumerate(self.claims):
            tables = [name for name in claim.layout.tables if name not in self.given]
            if not tables:
                continue
            spool = Spool(connection, f"{tables[0]}-{number}", scratch, claim.export.encoding)
            records = claim.export.read(spool, claim.layout)
            self.record_counts[claim.export.path] = sum(pq.read_metadata(file).num_rows for file in records.files)
            yield claim.layout, records, spool

    def _branches(self, groups: Sequence[tuple[Layout, Records, list[Spool]]]) -> Iterator[_Branch]:
        counts = dict.fromkeys(INPUTS, 0)
        for layout, records, _ in groups:
            cells = Cells(layout, records)
            for table, mappings in layout.tables.items():
                if table in self.given:
                    continue
                for number, mapping in enumerate(mappings):
                    if records.is_json or gives_rows(mapping, cells):
                        yield _Branch(layout, INPUTS[table], number, mapping, cells, counts[table])
                        counts[table] += 1

    def _choice(
        self,
        connection: duckdb.DuckDBPyConnection,
        layout: Layout,
        groups: Sequence[tuple[Layout, Records, list[Spool]]],
    ) -> Choice:
        """Decide what the layout leaves open: for each time, whether day or month comes first."""
        own = [Cells(layout, records) for each, records, _ in groups if each is layout]
        times: dict[tuple[str, int, str, int], tuple[str, ...]] = {}
        for table, mappings in layout.tables.items():
            for number, mapping in enumerate(mappings) if table not in self.given else ():
                for column, values in mapping.columns.items():
                    for nth, value in enumerate(values):
                        pairs = ambiguous_pairs(value.time or ())
                        cells = [each for each in own if any(map(each.has, value.names))]
                        if pairs and cells:
                            order = Order()
                            for each in cells:
                                cell = f"export_trimmed({unread_time(value, each)})"
                                query = order_query(cell, records_sql(each.records, mapping, each), pairs)
                                order += Order(*(connection.execute(query).fetchone() or (0, 0, 0)))
                            place = f"{', '.join(path.name for each in cells for path in each.records.sources[:3])}"
                            kept = self._decided(layout, table, column, place, order, pairs)
                            times[table, number, column, nth] = tuple(
                                time for time in value.time or () if not _is_left_out(time, pairs, day_first=kept)
                            )
        zone = self.zone_of(layout)
        choice = Choice(times, None if zone == self.common_zone else zone)
        if choice.zone not in (None, "UTC"):  # these times are in UTC from here on, so nobody could count them later
            for table, note in _odd_times(connection, layout, own, choice, self.given):
                self.notes.setdefault(table, []).append(note)
        return choice

    def _decided(
        self, layout: Layout, table: str, column: str, place: str, order: Order, pairs: Sequence[tuple[str, str]]
    ) -> bool:
        """Return whether the day comes first in a column's times.

        Raises:
            InputError: the values prove both, or can all be read both ways.
        """
        day, month = pairs[0]
        if order.day_first and order.month_first:
            raise InputError(
                f"{place}: {table}.{column} mixes times with the day first ({order.day_first}) and with the month "
                f"first ({order.month_first}); export the files with one of them"
            )
        if order.both and not order.day_first and not order.month_first:
            raise InputError(
                f"{place}: each time of {table}.{column} can be read with the day first and with the month first; "
                f'write into the layout {layout.name}, at {column}, either time: "{day}" or time: "{month}"'
            )
        if order.day_first or order.month_first:
            first = "day" if order.day_first else "month"
            count = order.day_first or order.month_first
            note = f"{place}: {table}.{column} has the {first} first, as {count} of its times can only be read so"
            self.notes.setdefault(table, []).append(note)
        return order.day_first > 0

    def _table(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: InputTable,
        branches: Sequence[_Branch],
        choices: Mapping[str, Choice],
        rejects: Sequence[str],
        scratch: Path,
    ) -> RawTable:
        """Return a table with the rows of all branches that give it, copied to a Parquet file."""
        columns = [c.name for c in table.columns if any(_gives(branch, c.name) for branch in branches)]
        width = max(len(branch.records.names) for branch in branches)
        has_lines = any(branch.records.is_json for branch in branches)
        selects, rows = [], []
        origins: dict[str, tuple[tuple[str, str], ...]] = dict.fromkeys(columns, ())
        first = 0
        for _, some in itertools.groupby(branches, key=lambda branch: id(branch.records)):
            group = list(some)
            step = MOST_ITEMS if any(branch.mapping.each for branch in group) else 1
            for at, branch in enumerate(group):
                item = f" + {ITEM_AT}" if branch.mapping.each else ""
                place = (
                    f"{first} + file_index::bigint * {FILE_STEP} + "
                    f"(file_row_number::bigint * {len(group)} + {at}) * {step}{item}"
                )
                compiled = compile_rows(
                    table, branch.mapping, branch.number, branch.cells, columns, choices[branch.layout.name], place
                )
                names = branch.records.names
                kept = {at: cell for cell, at in compiled.unchanged.items()}  # the cell is there already
                extra = [f"c{n}" if n < len(names) and n not in kept else "null::varchar" for n in range(width)]
                line = [f"{'line' if branch.records.is_json else 'null::varchar'} as line"] if has_lines else []
                cells = [f"{cell} as r{n}" for n, cell in enumerate(extra)]
                given = ", ".join([*cells, *line, f"{branch.position} as branch"])
                selects.append(f"select {given}, {compiled.query}")
                rows.append(_row_sql(branch.position, branch.records, kept))
                for column, found in compiled.origins.items():
                    named = tuple((branch.records.sources[0].name, name) for name in found)
                    origins[column] = tuple(dict.fromkeys((*origins[column], *named)))
            first += len(group[0].records.files) * FILE_STEP
            self.read_files.setdefault(table.name, []).extend(group[0].records.sources)
        view = f"source_{table.name}"
        # Rows are read several times, and to map them costs more than to copy them.
        path = scratch / f"{table.name}.mapped.parquet"
        connection.execute(f"copy ({' union all '.join(selects)}) to {literal(path)} (format parquet)")
        connection.execute(f"create or replace temp view {view} as from {read_parquet([path])}")
        return RawTable(
            relation=view,
            columns=dict.fromkeys(columns, "VARCHAR"),
            cells={name: f"k{at}" for at, name in enumerate(columns)},
            from_text=True,
            rejects=" union all ".join(rejects) or None,
            tells_place=True,
            naive_timezone=self.common_zone,
            read_row=f"case {ROW}.branch {' '.join(rows)} end",
            origins=origins,
        )

    def _note_shared(self, shared: int) -> None:
        if shared:
            word = "address is" if shared == 1 else "addresses are"
            self.notes.setdefault(LEADS.name, []).append(
                f"{shared} e-mail {word} of several leads; rows that name one belong to the lead that was created first"
            )

    def _with_created(
        self,
        connection: duckdb.DuckDBPyConnection,
        tables: Mapping[str, RawTable],
        branches: Sequence[_Branch],
        scratch: Path,
    ) -> RawTable:
        """Return the leads with one more for each address that no lead has, created at its first record."""
        known = [
            f"select lower(trim({raw.cell(column)}::varchar)) as known from {raw.relation}"
            for name, column in ((LEADS.name, "lead_id"), (ALIASES.name, "alias_id"))
            if (raw := tables.get(name)) is not None
        ]
        found = []
        for name in dict.fromkeys(branch.table.name for branch in branches):
            table, raw = INPUTS[name], tables[name]
            lead, time = raw.cell(lead_column(table) or ""), raw.cell(table.time or "")
            numbers = ", ".join(str(branch.position) for branch in branches if branch.table is table)
            found.append(
                f"select {lead} as address, {time} as time from {raw.relation} "
                f"where regexp_full_match({lead}, {literal(ADDRESS)}) and branch in ({numbers})"
            )
        path = scratch / f"{CREATED}.parquet"
        unknown = f"where address not in ({' union all '.join(known)})" if known else ""
        connection.execute(
            f"copy (select address, arg_min(time, {sortable_sql('time')}) as created_at from "
            f"({' union all '.join(found)}) {unknown} group by 1 having created_at is not null order by 1) "
            f"to {literal(path)} (format parquet)"
        )
        leads = tables.get(LEADS.name)
        cells = {"lead_id": "address", "email": "address", "status": "'new'", "created_at": "created_at"}
        if leads is None:
            columns = dict.fromkeys(cells, "VARCHAR")
            leads = RawTable("", columns, from_text=True, tells_place=True, naive_timezone=self.common_zone)
            leads = replace(leads, cells={name: f"k{at}" for at, name in enumerate(columns)})
            kept = ""
        else:
            kept = f"select * from {leads.relation} union all by name "
        given = [
            f"try_cast({cells.get(name, 'null')} as {kind}) as {leads.cell(name)}"
            for name, kind in leads.columns.items()
        ]
        place = f"{1 << 62} + file_row_number as {ROW_PLACE}"
        view = "source_leads_and_addresses"
        connection.execute(
            f"create or replace temp view {view} as {kept}select {', '.join(given)}, {place} "
            f"from read_parquet({literal(path)})"
        )
        return replace(leads, relation=view)


def _odd_times(
    connection: duckdb.DuckDBPyConnection, layout: Layout, own: Sequence[Cells], choice: Choice, given: frozenset[str]
) -> Iterator[tuple[str, str]]:
    """Yield for each table a note on its times in an hour that the clock of the layout's zone repeats or skips."""
    for name, mappings in layout.tables.items():
        for mapping in mappings if name not in given else ():
            for column, value in mapping.values():
                if INPUTS[name].column(column).cell is not Cell.INSTANT or not value.names:
                    continue
                count = 0
                for cells in (each for each in own if any(map(each.has, value.names))):
                    text = f"export_trimmed({time_sql(unread_time(value, cells), value.time or ())})"
                    odd = is_odd_sql("x", choice.zone or "")
                    rows = f"(select {text} as x from {records_sql(cells.records, mapping, cells)})"
                    (counted,) = connection.execute(f"select count(*) filter (where {odd}) from {rows}").fetchone() or (
                        0,
                    )
                    count += counted
                if count:
                    times = "time lies" if count == 1 else "times lie"
                    yield name, f"{name}.{column}: {count} {times} in an hour that the clock repeats or skips"


def _time_columns(layout: Layout) -> list[str]:
    """Return the columns or paths that times without an offset may come from."""
    found: list[str] = []
    for table, mappings in layout.tables.items():
        for column, value in (each for mapping in mappings for each in mapping.values()):
            if INPUTS[table].column(column).cell is Cell.INSTANT and not set(value.time or ()) & set(UNITS):
                found += value.names
    return list(dict.fromkeys(found))


def _gives(branch: _Branch, column: str) -> bool:
    """Return whether a branch gives a column: a file whose columns it is made of are not there does not have it."""
    if branch.mapping.lead is not None and column == lead_column(branch.table):
        return True
    values = branch.mapping.columns.get(column, ())
    is_there = branch.records.is_json or branch.table.column(column).required
    return any(is_there or not value.names or any(map(branch.cells.has, value.names)) for value in values)


def _row_sql(number: int, records: Records, kept: Mapping[int, str]) -> str:
    """Return the branch of `RawTable.read_row` for the records of some files.

    Args:
        kept: the cells of the table that are columns of the file, by the column's position.
    """
    if records.is_json:
        return f"when {number} then {ROW}.line"
    cells = ", ".join(
        f"{literal(name.replace(ROW, ''))}, {ROW}.{kept.get(at, f'r{at}')}"
        for at, name in enumerate(records.names)
        if name
    )
    return f"when {number} then json_object({cells})::varchar"


def _outline(claim: Claim) -> Records:
    """Return the records of a file by its columns alone."""
    names = claim.export.columns(claim.layout)
    return Records((), (claim.export.path,), names, {name: at for at, name in enumerate(names)}, False)


def _require_columns(claim: Claim, table: InputTable, mapping: Rows, cells: Cells) -> None:
    if claim.export.kind not in (CSV, SHEET) or not gives_rows(mapping, cells):
        return
    if claim.export.kind == SHEET and not claim.export.columns(claim.layout):
        open_sheet(claim.export.path, claim.layout.records.sheet)  # which says that there is no such sheet
    for column, names in missing_columns(table, mapping, cells):
        listed = ", ".join(claim.export.columns(claim.layout)[:50])
        raise InputError(
            f"{claim.export.path}: the layout {claim.layout.name} finds no column for {table.name}.{column} "
            f"({' or '.join(names)}); the file has {listed}"
        )


def _grouped(
    read: Iterator[tuple[Layout, Records, Spool]],
) -> Iterator[tuple[Layout, Records, list[Spool]]]:
    """Yield the records, with neighbours that are alike made one."""
    group: tuple[Layout, Records, list[Spool]] | None = None
    for layout, records, spool in read:
        if group is not None and group[0] is layout and group[1].is_like(records):
            joined = replace(
                group[1], files=(*group[1].files, *records.files), sources=(*group[1].sources, *records.sources)
            )
            group = (layout, joined, [*group[2], spool])
            continue
        if group is not None:
            yield group
        group = (layout, records, [spool])
    if group is not None:
        yield group


def _is_left_out(time: str, pairs: Sequence[tuple[str, str]], *, day_first: bool) -> bool:
    return any(time in pair for pair in pairs) and is_day_first(time) != day_first


def _index_emails(connection: duckdb.DuckDBPyConnection, leads: RawTable | None) -> int:
    """Make the relation of leads by their e-mail address; return how many addresses several leads have."""
    if leads is None or "email" not in leads.columns:
        query = "select null::varchar as email, null::varchar as found_id, 0::bigint as leads where false"
    else:
        created = leads.cell("created_at")
        query = (
            f"select email, arg_min(lead_id, (coalesce(created, timestamptz '9999-01-01'), lead_id)) as found_id, "
            f"count(distinct lead_id) as leads from (select export_word({leads.cell('email')}::varchar) as email, "
            f"export_cell({leads.cell('lead_id')}::varchar) as lead_id, "
            f"{sortable_sql(f'{created}::varchar')} as created from {leads.relation}) "
            "where email is not null and email <> '' and lead_id is not null group by 1"
        )
    connection.execute(f"create or replace temp table {LEADS_BY_EMAIL} as {query}")
    row = connection.execute(f"select count(*) from {LEADS_BY_EMAIL} where leads > 1").fetchone()
    return int(row[0]) if row else 0


def _top_key(name: str) -> str | None:
    """Return the key of a record at which a JSON path begins."""
    found = re.match(r"\$\.(?:\"([^\"]+)\"|([\w-]+))", name)
    return (found[1] or found[2]).strip().lower() if found else None
