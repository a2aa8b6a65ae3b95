"""Counts what becomes of the rows of an input table, and says when too many of them are bad.

Does not decide the fate of a row (see `raw.rows` and `raw.duplicates`) or write messages (see `raw.findings`).
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from acquisition_assets.inputs.source import Wanted
from acquisition_assets.inputs.tables import EVENTS, LEADS
from acquisition_assets.raw.policy import IngestionPolicy
from acquisition_assets.raw.rows import (
    CHECKED,
    EXACT_DUPLICATE,
    LEFT_OUT,
    QUARANTINED_LEAD,
    SUPERSEDED,
    UNKNOWN_LEAD,
    UNKNOWN_LEADS,
    Reading,
    Run,
    is_unreadable,
    optional_cells,
    parsed_rows,
)
from acquisition_assets.raw.windows import DayRows, instant, reads


@dataclass(frozen=True)
class Unreadable:
    """Cells of an optional column that are filled and cannot be read, with one of them."""

    column: str
    cells: int
    filled: int
    example: str


@dataclass(frozen=True)
class Counts:
    """What became of the rows of one input table in one run.

    Attributes:
        unknown_leads, quarantined_leads: quarantined rows with this reason.
        naming: rows that name a lead (not of the future, not left out).
        known: of these, rows that name an id that leads or aliases have.
        in_one_file: ids with several good versions in one file.
    """

    table: str
    read: int
    accepted: int
    quarantined: int
    exact_duplicates: int
    superseded: int
    left_out: int
    future: int
    unknown_leads: int = 0
    quarantined_leads: int = 0
    naming: int = 0
    known: int = 0
    in_one_file: int = 0
    unreadable: tuple[Unreadable, ...] = ()

    @property
    def adds_up(self) -> bool:
        """Whether every row read has exactly one fate."""
        fates = (self.accepted, self.quarantined, self.exact_duplicates, self.superseded, self.left_out, self.future)
        return self.read == sum(fates)

    def bad_rows(self) -> tuple[int, int]:
        """Return the bad rows, and those they are compared with: both without rows whose only fault is their lead."""
        apart = self.unknown_leads + self.quarantined_leads
        return self.quarantined - apart, self.read - self.future - apart

    def is_error(self, policy: IngestionPolicy) -> bool:
        """Return whether so many rows are bad that the day must stop."""
        bad, rows = self.bad_rows()
        return (
            (bad >= policy.quarantine_error_rows and bad * 100 > rows * policy.quarantine_error_percent)
            or (bad >= policy.quarantine_most_rows and bad * 100 > rows * policy.quarantine_most_percent)
            or (self.table == LEADS.name and rows > 0 and bad > 0 and not self.accepted + self.superseded)
        )


@dataclass(frozen=True)
class RowsRead:
    """The rows of a source's table, counted apart from what becomes of them.

    Attributes:
        first_at: when the first row came into being, on whatever day.
        newest_at: the newest readable time that is not later than the start of the run.
        days: the events of each business day before the end of the day.
    """

    rows: int
    future: int
    without_key: int
    first_at: dt.datetime | None = None
    newest_at: dt.datetime | None = None
    days: Mapping[dt.date, DayRows] = field(default_factory=dict)

    def within(self, wanted: Wanted, tz: ZoneInfo) -> RowsRead:
        """Return the counts without the events of the days that the run does not read."""
        skipped = sum(each.rows for day, each in self.days.items() if not reads(wanted, day, tz))
        return replace(self, rows=self.rows - skipped)


def count_rows(run: Run, reading: Reading, *, hashed: bool = False) -> RowsRead:
    """Return how many rows the table has, and what there is of each day.

    Args:
        hashed: give each day of events a fingerprint: the sum of the hashes of its rows as read, in whatever order.
    """
    table, src = reading.table, "src."
    names = [name for name in (table.time, table.version, table.key) if name is not None]
    clean = ", ".join(f"{reading.cell(name)} as c_{name}" for name in names)
    parse = ", ".join(reading.parsed(name) for name in names if name != table.key)
    cells = ", ".join(src + reading.raw.cell(column.name) for column in table.columns if reading.has(column.name))
    content = f"hash({cells})" if hashed and cells else "null::ubigint"
    time = f"p_{table.time}" if table.time else "null::timestamptz"
    version = f"p_{table.version}" if table.version else "null::timestamptz"
    date = time if table.name != "content" else "null::timestamptz"
    day = f"case when {time} < {instant(run.end)} then business_date({time}) end" if table is EVENTS else "null::date"
    is_past = f"<= {instant(run.read_at)}"
    counted = run.connection.execute(
        f"select coalesce({time} >= {instant(run.end)}, false) as is_future, {day} as day, count(*), "
        f"count(*) filter (where {f'c_{table.key} is null' if table.key else 'false'}), greatest("
        f"max({date}) filter (where {date} {is_past}), max({version}) filter (where {version} {is_past})), "
        f"sum(content)::varchar, min({time}) "
        f"from (select *{', ' if parse else ''}{parse} from (select {clean}, {content} as content "
        f"from {reading.relation} as src)) group by 1, 2"
    ).fetchall()
    return RowsRead(
        rows=sum(row[2] for row in counted),
        future=sum(row[2] for row in counted if row[0]),
        without_key=sum(row[3] for row in counted),
        first_at=min((row[6] for row in counted if row[6] is not None), default=None),
        newest_at=max((row[4] for row in counted if row[4] is not None), default=None),
        days={row[1]: DayRows(row[2], row[5] or "") for row in counted if row[1] is not None},
    )


def count_fates(run: Run) -> Counter[int | None]:
    """Return the number of checked rows by problem (None: accepted)."""
    return Counter(dict(run.connection.execute(f"select problem, count(*) from {CHECKED} group by 1").fetchall()))


def count_named(run: Run, reading: Reading, *, check_leads: bool) -> tuple[int, int]:
    """Return the checked rows that name a lead, and those of them that name an id that there is."""
    lead = reading.table.lead
    if lead is None:
        return 0, 0
    unknown = f"{lead} in (select lead_id from {UNKNOWN_LEADS} where code = {UNKNOWN_LEAD})" if check_leads else "false"
    naming, known = run.row(
        f"select count(*), count(*) filter (where not ({unknown})) from {CHECKED} "
        f"where {lead} is not null and coalesce(problem <> {LEFT_OUT}, true)"
    )
    return naming, known


def count_bits(run: Run) -> int:
    """Return the bits of the optional columns whose cell of a checked row cannot be read."""
    return run.number(f"select coalesce(bit_or(unreadable), 0) from {CHECKED}")


def count_unreadable(run: Run, reading: Reading, bits: int) -> tuple[Unreadable, ...]:
    """Return the cells that cannot be read by column, for the columns that have any."""
    found = [column for bit, column in enumerate(optional_cells(reading)) if bits >> bit & 1]
    if not found:
        return ()
    time = f"p_{reading.table.time}"
    listed = ", ".join(
        f"count(*) filter (where {is_unreadable(c)}), count(c_{c.name}), "
        f"shown_value(min(c_{c.name}::varchar) filter (where {is_unreadable(c)}))"
        for c in found
    )
    parsed = parsed_rows(reading, reading.pushdown(reading.whole))
    row = run.row(f"select {listed} from {parsed} where {reading.whole.condition(time)}")
    return tuple(Unreadable(c.name, *row[3 * n : 3 * n + 3]) for n, c in enumerate(found))


def counts_of(
    table: str,
    read: RowsRead,
    fates: Counter[int | None],
    broken_lines: int,
    *,
    named: tuple[int, int] = (0, 0),
    in_one_file: int = 0,
    unreadable: Sequence[Unreadable] = (),
) -> Counts:
    """Return the counts of a table from the rows read and the rows by problem (None: accepted)."""
    apart = {code: fates[code] for code in (None, EXACT_DUPLICATE, SUPERSEDED, LEFT_OUT)}
    return Counts(
        table,
        read=read.rows + broken_lines,
        accepted=apart[None],
        quarantined=fates.total() - sum(apart.values()) + broken_lines,
        exact_duplicates=apart[EXACT_DUPLICATE],
        superseded=apart[SUPERSEDED],
        left_out=apart[LEFT_OUT],
        future=read.future,
        unknown_leads=fates[UNKNOWN_LEAD],
        quarantined_leads=fates[QUARANTINED_LEAD],
        naming=named[0],
        known=named[1],
        in_one_file=in_one_file,
        unreadable=tuple(unreadable),
    )
