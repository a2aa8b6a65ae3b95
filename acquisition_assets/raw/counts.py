"""Counts what becomes of the rows of an input table, and says when too many of them are bad.

Does not decide the fate of a row (see `raw.rows` and `raw.duplicates`).
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from acquisition_assets.inputs.tables import EVENTS
from acquisition_assets.raw.policy import IngestionPolicy
from acquisition_assets.raw.rows import EXACT_DUPLICATE, QUARANTINED_LEAD, Reading, Run
from acquisition_assets.raw.windows import instant


@dataclass(frozen=True)
class Counts:
    """What became of the rows of one input table in one run."""

    table: str
    read: int
    accepted: int
    quarantined: int
    exact_duplicates: int
    future: int
    quarantined_leads: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether every row read has exactly one fate."""
        return self.read == self.accepted + self.quarantined + self.exact_duplicates + self.future

    def bad_rows(self) -> tuple[int, int]:
        """Return the bad rows, and the rows they are compared with: both without quarantined leads and the future."""
        return self.quarantined - self.quarantined_leads, self.read - self.future - self.quarantined_leads

    def is_error(self, policy: IngestionPolicy) -> bool:
        """Return whether so many rows are bad that the day must stop."""
        bad, rows = self.bad_rows()
        return bad >= policy.quarantine_error_rows and bad * 100 > rows * policy.quarantine_error_percent


@dataclass(frozen=True)
class RowsRead:
    """The rows of a source's table, counted apart from what becomes of them.

    days: rows that the run takes in by their business day (events only).
    """

    rows: int
    future: int
    without_key: int
    days: Mapping[dt.date, int] = field(default_factory=dict)


def count_rows(run: Run, reading: Reading) -> RowsRead:
    """Return how many rows the table has for this run."""
    table = reading.table
    wanted = reading.whole.condition("time")
    day = f"case when {wanted} then business_date(time) end" if table is EVENTS else "null"
    has_no_key = f"{reading.cell(table.key)} is null" if table.key else "false"
    counted = run.connection.execute(
        f"select time >= {instant(run.end)} as is_future, {wanted} as is_wanted, {day} as day, count(*), "
        "count(*) filter (where has_no_key) "
        f"from (select {reading.parsed(table.time)} as time, {has_no_key} as has_no_key "
        f"from {reading.relation} as src) group by all"
    ).fetchall()
    future = sum(count for is_future, _, _, count, _ in counted if is_future)
    return RowsRead(
        rows=future + sum(count for _, is_wanted, _, count, _ in counted if is_wanted),
        future=future,
        without_key=sum(without for *_, without in counted),
        days={day: count for _, is_wanted, day, count, _ in counted if is_wanted and day is not None},
    )


def counts_of(table: str, read: RowsRead, fates: Counter[int | None], broken_lines: int) -> Counts:
    """Return the counts of a table from the rows read and the rows by problem (None: accepted)."""
    accepted, exact = fates[None], fates[EXACT_DUPLICATE]
    return Counts(
        table,
        read=read.rows + broken_lines,
        accepted=accepted,
        quarantined=fates.total() - accepted - exact + broken_lines,
        exact_duplicates=exact,
        future=read.future,
        quarantined_leads=fates[QUARANTINED_LEAD],
    )
