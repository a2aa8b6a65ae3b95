"""Compares what a run left in the lake with what the reference expects, row by row and column by column.

It computes neither side: running.py runs the graph, oracle/reference.py says what is right.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from acquisition_assets.catalog import DELIVERED, TABLES
from acquisition_assets.core.contracts import Contract
from acquisition_assets_tests.kit.expectations import of_table, own_references
from acquisition_assets_tests.kit.running import Run, report, rows
from acquisition_assets_tests.oracle.reference import KEY, KINDS, MERGED, Account, Lake, Outcome, Row, half_up


def differences(outcome: Outcome, run: Run, lake: Lake, lake_dir: Path, day: Any, raw_events: bool = True) -> list[str]:
    """Every difference between a run and what was expected of it."""
    if not outcome.tables:
        return [] if set(run.failed) == {"ingest"} else [f"expected a stop, but: {run.errors or 'success'}"]
    if not run.success:
        return [f"failed: {run.errors}"]
    found = [*accounting(outcome, run, lake_dir, day)]
    if raw_events:
        found += all_raw_events(lake, lake_dir, day)
    return [*found, *table_differences(outcome.tables, outcome.reports, lake_dir, day)]


def not_compared(made: Mapping[str, Any]) -> list[str]:
    """The delivered tables that the reference does not make, and whose expectations name no test that compares them."""
    return [
        f"{contract.table}: implement it again, or name the test that compares it (compared_in of its expectations)"
        for contract in DELIVERED
        if contract.table not in made and not of_table(contract.table).compared_in
    ]


def table_differences(tables: Mapping[str, Any], reports: Mapping[str, Any], lake_dir: Path, day: Any) -> list[str]:
    """Every difference of the computed tables and reports of a day."""
    made = own_references(tables, day)
    found = not_compared(made)
    for contract in TABLES:
        if contract.table in made:
            found += one_table(contract, made[contract.table], rows(lake_dir, contract.table, day))
    for task, wanted in reports.items():
        found += report_differences(task, wanted, report(lake_dir, day, task))
    return found


def one_table(contract: Contract, expected: Collection[Any], found: Sequence[Row]) -> Iterable[str]:
    """How a table differs: row by row by its key, or as a set where the reference makes a set of tuples."""
    if isinstance(expected, Set):
        return sets(contract.table, expected, {tuple(row[name] for name in contract.columns) for row in found})
    rounded = of_table(contract.table).rounded
    exact = [
        {name: half_up(value, rounded[name]) if name in rounded else value for name, value in row.items()}
        for row in expected
    ]
    return keyed(contract.table, exact, found, contract.key)


def accounting(outcome: Outcome, run: Run, lake_dir: Path, day: Any) -> Iterable[str]:
    """What became of every row read."""
    quarantine = rows(lake_dir, "quarantine", day)
    for table, account in outcome.accounts.items():
        metadata = run.metadata[f"raw_{table}"]
        ours = tuple(
            int(metadata[name])
            for name in (
                "rows_read",
                "rows_accepted",
                "rows_quarantined",
                "rows_exact_duplicates",
                "rows_superseded",
                "rows_left_out",
                "rows_of_the_future",
            )
        )
        theirs = (
            account.read,
            len(account.accepted),
            len(account.quarantined),
            account.duplicates,
            account.superseded,
            account.left_out,
            account.future,
        )
        if ours != theirs:
            fates = "read, accepted, quarantined, duplicates, superseded, left out, future"
            yield f"{table}: {fates}: {ours}, expected {theirs}"
        mine = [row for row in quarantine if row["source_table"] == table]
        yield from quarantined(table, account, mine)
        if table != "events":
            yield from raw(table, account, rows(lake_dir, f"raw_{table}", day))
        passed = not account.quarantined
        if run.checks[f"raw_{table}", "quarantine"].passed != passed:
            yield f"{table}: check quarantine should have passed={passed}"


def quarantined(table: str, account: Account, found: Sequence[Row]) -> Iterable[str]:
    """The reasons, and the rows as read."""
    reasons = Counter(row["reason"] for row in found)
    if reasons != account.reasons:
        yield f"quarantine of {table}: {dict(reasons)}, expected {dict(account.reasons)}"
    expected = Counter(f"{reason} {_as_read(row)}" for reason, row in account.quarantined)
    ours = Counter(f"{row['reason']} {_as_read(json.loads(row['row']))}" for row in found)
    if ours != expected:
        yield f"quarantine of {table}: {list(ours - expected)[:2]}, expected {list(expected - ours)[:2]}"


def _as_read(row: Mapping[str, Any]) -> str:
    """The texts of a row; times of typed files are written in many ways, and blank is missing."""
    cells = {
        name: str(value)
        for name, value in row.items()
        if value is not None and str(value).strip() and not name.endswith("_at")
    }
    return json.dumps({n: v[:-2] if v.endswith(".0") else v for n, v in sorted(cells.items())}).lower()


def raw(table: str, account: Account, found: Sequence[Row]) -> Iterable[str]:
    """The accepted rows of a snapshot table."""
    if table == "status_changes":
        ours = [tuple(row[name] for name in KINDS[table]) for row in found]
        theirs = [tuple(row[name] for name in KINDS[table]) for row in account.accepted]
        if sorted(ours) != sorted(theirs):
            yield f"raw_status_changes: {len(ours)} rows differ from {len(theirs)} expected"
        return
    names = [*KINDS[table], *MERGED.get(table, ())]
    ours_only = [{name: row[name] for name in names} for row in found]
    expected = [{name: row[name] for name in names} for row in account.accepted]
    yield from keyed(f"raw_{table}", expected, ours_only, [KEY[table]])


def all_raw_events(lake: Lake, lake_dir: Path, day: Any) -> Iterable[str]:
    """The events of every day up to the run's."""
    for its_day, events in sorted(lake.events.items()):
        if its_day > day:
            continue
        ours = Counter(_event(row) for row in rows(lake_dir, "raw_events", its_day))
        theirs = Counter(_event(row) for row in events)
        if ours != theirs:
            yield f"raw_events of {its_day}: {list(ours - theirs)[:3]}, expected {list(theirs - ours)[:3]}"


def _event(row: Mapping[str, Any]) -> tuple[Any, ...]:
    given = (
        row["event_id"]
        if not str(row["event_id"]).startswith("derived:") and len(str(row["event_id"])) < 32
        else "derived"
    )
    others = tuple(row[name] for name in KINDS["events"] if name not in ("event_id", "content_type"))
    return (given, row["content_type"] or "other", *others)


def sets(table: str, expected: Set[Any], found: Set[Any]) -> Iterable[str]:
    """Memberships."""
    if expected != found:
        yield f"{table}: superfluous {sorted(found - expected)[:5]}, missing {sorted(expected - found)[:5]}"


def keyed(table: str, expected: Sequence[Row], found: Sequence[Row], key: Sequence[str]) -> Iterable[str]:
    """Rows with a key: which are missing or superfluous, and which columns differ."""
    left_out = set(of_table(table).not_in_reference).difference(*expected[:1])
    compared = [{name: value for name, value in row.items() if name not in left_out} for row in found]
    ours = {tuple(row[name] for name in key): row for row in compared}
    theirs = {tuple(row[name] for name in key): row for row in expected}
    if len(ours) != len(found):
        yield f"{table}: the key {key} is not unique"
    if ours.keys() != theirs.keys():
        more, less = sorted(ours.keys() - theirs.keys(), key=repr), sorted(theirs.keys() - ours.keys(), key=repr)
        yield f"{table}: superfluous {more[:5]}, missing {less[:5]}"
    for name in sorted(ours.keys() & theirs.keys(), key=repr):
        if ours[name].keys() != theirs[name].keys():
            yield f"{table}: columns {sorted(ours[name].keys() ^ theirs[name].keys())}"
            return
        for column, value in theirs[name].items():
            if not same(value, ours[name][column]):
                yield f"{table} {name} {column}: {ours[name][column]!r}, expected {shown(value)}"


def same(expected: Any, found: Any) -> bool:
    """Equal; numbers to the noise of binary fractions."""
    if isinstance(expected, list | tuple) and isinstance(found, list | tuple):
        return len(expected) == len(found) and all(map(same, expected, found))
    if isinstance(found, float | Decimal) or isinstance(expected, Fraction | float):
        if expected is None or found is None or isinstance(found, str):
            return expected is None and found is None
        return math.isclose(
            float(expected), float(found), rel_tol=1e-6 if 0 < float(expected) < 1e-3 else 1e-9, abs_tol=1e-9
        )
    return bool(expected == found) and isinstance(expected, bool) == isinstance(found, bool)


def shown(value: Any) -> str:
    """A number as people read it."""
    return f"{float(value)!r} ({value})" if isinstance(value, Fraction) else repr(value)


def report_differences(place: str, expected: Any, found: Any) -> Iterable[str]:
    """Two reports, key by key."""
    if place.endswith(".social_platforms"):
        expected, found = (sorted(platforms, key=lambda row: row["platform"]) for platforms in (expected, found))
    if isinstance(expected, dict) and isinstance(found, dict):
        texts = {"message"} if place.startswith("anomaly_detection.anomalies") else set()
        if expected.keys() != found.keys() - texts:
            yield f"{place}: keys {sorted(found)}, expected {sorted(expected)}"
        for name in expected.keys() & found.keys():
            yield from report_differences(f"{place}.{name}", expected[name], found[name])
    elif isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            yield f"{place}: {len(found)} entries, expected {len(expected)}"
        for number, (one, other) in enumerate(zip(expected, found, strict=False)):
            yield from report_differences(f"{place}[{number}]", one, other)
    elif not same(expected, found):
        yield f"{place}: {found!r}, expected {shown(expected)}"
