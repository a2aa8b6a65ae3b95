"""Looks at the rows of a source for `acquisition validate`, through the same checks as a run, and prints what is wrong.

Does not check rows itself (see `raw.ingest`) or put a check's outcome into words (see `raw.findings`).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import duckdb
from rich.console import Console

from acquisition_assets.commands.console import fail, line, table
from acquisition_assets.commands.deployment import utc_now
from acquisition_assets.core.days import end_of_day
from acquisition_assets.core.duckdb_sql import literal
from acquisition_assets.core.engine.duckdb import DuckDBEngine
from acquisition_assets.core.errors import ExitCode, LakeError
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.settings import Settings
from acquisition_assets.core.staging import open_folder, sweep_folders, temporary_place
from acquisition_assets.inputs.source import RawTable, Source
from acquisition_assets.inputs.tables import ALIASES, LEADS, REFERRALS
from acquisition_assets.inputs.vocabulary import EVENT_TYPES, IGNORE, STATUSES
from acquisition_assets.policy import Policy
from acquisition_assets.raw.asset import first_wanted, with_fingerprints
from acquisition_assets.raw.contract import QUARANTINE, RAW, RAW_EVENTS
from acquisition_assets.raw.findings import findings, stopping
from acquisition_assets.raw.ingest import Choices, Ingested, ingest
from acquisition_assets.raw.rows import Run
from acquisition_assets.raw.windows import everything

MOST_ROWS = 1_000_000
"""Rows of a table that are looked at; of a longer table, these are the first."""
MOST_GROUPS = 20
"""Lines on the quarantined rows of one table."""
OTHER_CHECKS = ("rows_add_up", "versions", "unknown_leads", "fresh")
"""Checks whose findings are printed as they are; quarantine and cells get a line for each reason and column."""
FATES = ("read", "accepted", "quarantined", "exact_duplicates", "superseded", "left_out", "future")
NEED_ALL_ROWS = ("fresh", "versions")
"""Checks that mean nothing for a table whose first rows only were looked at."""
UNKNOWN_LEAD = "unknown lead"
TAUGHT = {"status": STATUSES, "event_type": (*EVENT_TYPES, IGNORE)}
"""The columns for which the policy can learn other words, and what these may mean."""
UNKNOWN_WORD = re.compile(r"(\w+) '(.+)' is unknown")


class Outcome(NamedTuple):
    """What looking at something gave: the exit code, and the number of things that people should look at."""

    exit_code: int = 0
    findings: int = 0


class Group(NamedTuple):
    """Rows that would go to quarantine for one reason (and, of unknown words, for one word), with an example."""

    table: str
    reason: str
    rows: int
    example: str


@dataclass(frozen=True)
class Checked:
    """What a run would make of the rows of a source.

    Attributes:
        cut: tables whose first rows only were looked at.
        groups: the quarantined rows, the most frequent reason first.
    """

    ingested: Ingested
    cut: tuple[str, ...]
    groups: tuple[Group, ...]

    @property
    def knows_all_leads(self) -> bool:
        """Whether an id that is not among those read belongs to nobody."""
        return not {LEADS.name, ALIASES.name} & set(self.cut)


@dataclass(frozen=True)
class Look:
    """How the rows are looked at: the numbers that a run goes by, and the day whose end counts."""

    settings: Settings
    policy: Policy
    source: Source
    day: dt.date
    read_at: dt.datetime

    @property
    def choices(self) -> Choices:
        """What a run goes by where it is given no options."""
        return Choices(self.policy.ingestion, self.policy.freshness)


def look_at_rows(
    settings: Settings, policy: Policy, source: Source, lake: Lake | None, day: dt.date, out: Console
) -> Outcome:
    """Read the rows as of the end of a day, print what is wrong with them, and return what was found.

    Args:
        lake: what a run would write to, which decides which events it reads; None where it cannot be opened.

    Raises:
        AcquisitionError: the source cannot be read.
    """
    look = Look(settings, policy, source, day, utc_now())
    checked = _check(look, None)
    texts = [*_quarantined(checked), *_unreadable(checked), *_descriptions(checked, look, OTHER_CHECKS)]
    decisive = checked
    if lake is not None and not checked.cut and lake.days(RAW_EVENTS.table):
        with contextlib.suppress(LakeError):  # a damaged partition is named where the lake is checked
            decisive = _check(look, lake)
            texts += _descriptions(decisive, look, ("source_days",))
    _print_counts(checked, look, out)
    for text in texts:
        line(out, f"        {text}", "yellow")
    stop = stopping(decisive.ingested, policy.ingestion)
    if stop:
        fail(f"a run of {day} would stop: {stop}")
    return Outcome(ExitCode.FAILED if stop else ExitCode.DONE, len(texts) + bool(stop))


# -- reading ----------------------------------------------------------------------------------------------------------


def _check(look: Look, lake: Lake | None) -> Checked:
    """Check what a run would read with this lake; with none, all rows, or the first of each table."""
    tz, choices = look.settings.tz, look.choices
    wanted = everything(end_of_day(look.day, tz))
    if lake is not None:
        wanted = first_wanted(look.source, lake.days(RAW_EVENTS.table), look.day, tz, choices)
        choices = with_fingerprints(look.source, look.day, tz, choices, look.read_at)
    while True:
        with _scratch(look.settings, lake) as (connection, folder):
            run = Run(connection, lake, folder, look.day, tz, wanted, look.policy.vocabulary, look.read_at)
            with look.source.open(connection, folder, wanted) as tables:
                cut = [name for name, raw in tables.items() if lake is None and _is_long(connection, raw)]
                given = {
                    name: _first_rows(connection, name, raw) if name in cut else raw for name, raw in tables.items()
                }
                ingested = ingest(run, given, choices)
                if isinstance(ingested, Ingested):
                    return _checked(connection, ingested, cut)
                wanted = ingested.wanted


@contextlib.contextmanager
def _scratch(settings: Settings, lake: Lake | None) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """Open a connection with a folder for what is too large for memory, outside any lake; both are gone afterwards."""
    place = temporary_place()
    sweep_folders(place)
    spill = Path(settings.spill) if settings.spill else None
    with open_folder(place) as folder:
        engine = DuckDBEngine(lake or Lake(str(folder)), settings.memory_limit, settings.threads, spill)
        with engine.connect(folder) as connection:
            yield connection, folder


def _is_long(connection: duckdb.DuckDBPyConnection, raw: RawTable) -> bool:
    """Return whether a table has more rows than are looked at."""
    row = connection.execute(f"select count(*) from (from {raw.relation} limit {MOST_ROWS + 1})").fetchone()
    return row is not None and row[0] > MOST_ROWS


def _first_rows(connection: duckdb.DuckDBPyConnection, name: str, raw: RawTable) -> RawTable:
    """Return the first rows of a table."""
    view = f"first_{name}"
    connection.execute(f"create temp view {view} as from {raw.relation} limit {MOST_ROWS}")
    return replace(raw, relation=view)


def _checked(connection: duckdb.DuckDBPyConnection, ingested: Ingested, cut: Sequence[str]) -> Checked:
    """Return what was checked, with the staged quarantine in groups; without all leads, none is called unknown."""
    path = next(staged.path for staged in ingested.staged if staged.table == QUARANTINE.table)
    rows = connection.execute(
        "select source_table, reason, count(*), min(detail) from (select *, "
        r"case reason when 'unknown word' then regexp_extract(detail, '^\w+ .* is unknown') "
        r"when 'unparsable value' then regexp_extract(detail, '^\w+') else detail end as kind "
        f"from read_parquet({literal(path)})) group by source_table, reason, kind order by 3 desc, 4"
    ).fetchall()
    checked = Checked(ingested, tuple(cut), tuple(Group(*row) for row in rows))
    if checked.knows_all_leads:
        return checked
    known = tuple(group for group in checked.groups if group.reason != UNKNOWN_LEAD)
    return Checked(replace(ingested, unknown_everywhere=()), checked.cut, known)


# -- words ------------------------------------------------------------------------------------------------------------


def _quarantined(checked: Checked) -> Iterator[str]:
    """Return what is wrong with the rows that would go to quarantine."""
    for name, counts in checked.ingested.counts.items():
        groups = [group for group in checked.groups if group.table == name]
        rows = sum(group.rows for group in groups)
        if groups:
            yield f"{name}: {rows} of {counts.read} {_rows(counts.read)} would go to quarantine"
        for group in groups[:MOST_GROUPS]:
            yield f"{name}: {group.reason}, {group.rows} {_rows(group.rows)}, such as: {_explained(group)}"
        if len(groups) > MOST_GROUPS:
            more = groups[MOST_GROUPS:]
            yield f"{name}: {len(more)} other reasons, {sum(each.rows for each in more)} rows"


def _explained(group: Group) -> str:
    """Return an example of what is wrong and, for a word that the policy can learn, the line that teaches it."""
    found = UNKNOWN_WORD.match(group.example)
    if group.table == REFERRALS.name or found is None or found[1] not in TAUGHT:
        return group.example
    column, word = found[1], found[2].lower()
    meanings = TAUGHT[column]
    return (
        f"{found[0]}; teach it in the policy file with vocabulary: {{{column}: {{{json.dumps(word, ensure_ascii=False)}"
        f": {meanings[0]}}}}} (or {', '.join(meanings[1:])})"
    )


def _unreadable(checked: Checked) -> Iterator[str]:
    """Return the optional cells that cannot be read, by column."""
    for name, counts in checked.ingested.counts.items():
        for each in counts.unreadable:
            yield (
                f"{name}: {each.cells} of {each.filled} cells of {each.column} cannot be read and are missing, such as "
                f"{each.example}"
            )


def _descriptions(checked: Checked, look: Look, names: Collection[str]) -> Iterator[str]:
    """Return what these checks found wrong."""
    tables = {contract.table: name for name, contract in RAW.items()}
    for asset, finding in findings(checked.ingested, look.day, look.policy.ingestion, look.policy.freshness):
        name = tables[asset]
        if name in checked.cut and finding.check in NEED_ALL_ROWS:
            continue
        if finding.check == "unknown_leads" and not checked.knows_all_leads:
            continue
        if finding.check in names and not finding.passed:
            yield f"{name}: {finding.description}"


def _print_counts(checked: Checked, look: Look, out: Console) -> None:
    """Print what a run would make of the rows of each table."""
    line(out, f"rows    as of the end of {look.day} ({look.settings.timezone})")
    rows = [
        [name, *(getattr(counts, fate) for fate in FATES)]
        for name, counts in checked.ingested.counts.items()
        if name not in checked.ingested.missing_tables
    ]
    table(out, ["table", *(fate.replace("_", " ") for fate in FATES)], rows)
    if checked.cut:
        line(
            out,
            f"        only the first {MOST_ROWS:,} rows were looked at, and not how new they are: "
            f"{', '.join(checked.cut)}",
        )
    if not checked.knows_all_leads:
        line(out, "        rows that name a lead were not compared with the leads, as not all leads were read")


def _rows(count: int) -> str:
    return "row" if count == 1 else "rows"
