"""Writes `lake.duckdb` into a lake: views of its tables, over all days and of the newest day, and nothing else.

Which tables have views, and when the file is written, is left to `destinations.lake_views`.

A view reads whatever partitions exist when it is queried, so the file changes only when a table gets its first
partition, a contract changes, or the lake is moved. A reader never waits: the product never opens the file in its
place, and a new one is written in staging and renamed over it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from acquisition_assets.core.contracts import SQL, Contract
from acquisition_assets.core.duckdb_sql import identifier, in_memory, literal
from acquisition_assets.core.lake import PART, STAGING, Lake
from acquisition_assets.core.staging import open_folder, temporary_place

FILE = "lake.duckdb"
CURRENT = "current_"
DAY = "date"
"""The column of a view that holds the day of the partition."""
STORAGE = "v1.0.0"
"""The oldest DuckDB that can open the file; tools bring versions of their own."""
STAMP = "lake_views.json"
WRITING = "lake_views"
"""The lock that writers of the file wait for."""


@dataclass(frozen=True)
class View:
    """A view as it is created: its name, its query, and what a row is."""

    name: str
    query: str
    comment: str


@dataclass(frozen=True)
class Written:
    """The outcome of writing the file.

    path: where it is; views: how many it has.
    unreadable: the tables without views, as a partition of theirs cannot be read.
    """

    path: Path
    views: int
    unreadable: tuple[str, ...] = ()


def views_of(lake: Lake, contract: Contract) -> tuple[View, View]:
    """Return the views of a table: over all days, and of its newest day.

    Both have the contract's columns, with its types and in its order, then the column `date`. A column that old
    partitions lack is null there. Columns that only old partitions have come last.
    """
    table = contract.table
    names = [*contract.columns, DAY]
    types = [*(SQL[contract.kind(name)] for name in contract.columns), "DATE"]
    typed = ", ".join(f"null::{kind} as {identifier(name)}" for name, kind in zip(names, types, strict=True))
    every_day = f"select {typed} where false"
    newest = f"select * from {identifier(table)}"
    if lake.days(table):
        files = literal(f"{_escaped(lake.root)}/{table}/{DAY}=*/{PART}")
        options = f"union_by_name = true, hive_partitioning = true, hive_types = {{{literal(DAY)}: DATE}}"
        every_day += f" union all by name select * from read_parquet({files}, {options})"
        day = f"regexp_extract(file, '/{DAY}=([^/]+)/[^/]+$', 1)::date"
        newest += f" where {DAY} = (select max({day}) from glob({files}))"
    return (
        View(table, every_day, f"{contract.grain} All days."),
        View(f"{CURRENT}{table}", newest, f"{contract.grain} The newest day."),
    )


def write_views(lake: Lake, contracts: Sequence[Contract]) -> Written:
    """Write the views of these tables to `lake.duckdb` in a local lake, unless the file has them already.

    Raises:
        LakeError: The file cannot be written.
    """
    path = Path(lake.root) / FILE
    with lake.exclusive(WRITING):
        views = [views_of(lake, contract) for contract in contracts]
        count = sum(map(len, views))
        stamp = Path(lake.root) / STAGING / STAMP
        if _is_stamped(stamp, path, _fingerprint(views)):
            return Written(path, count)
        # DuckDB takes what follows a question mark in the path of a database as options.
        with lake.staging() as folder, open_folder(temporary_place()) as scratch:
            unreadable = tuple(_create(scratch / FILE, views))
            shutil.move(scratch / FILE, folder / FILE)
            lake.publish_file(folder / FILE, FILE)
            if not unreadable:
                new_stamp = folder / STAMP
                new_stamp.write_text(json.dumps(_stamp(path, _fingerprint(views))), encoding="utf-8")
                new_stamp.replace(stamp)
    return Written(path, count - 2 * len(unreadable), unreadable)


def _create(file: Path, views: Sequence[tuple[View, View]]) -> Iterator[str]:
    """Create the views in a new file, and yield the tables whose partitions cannot be read."""
    with in_memory() as connection:
        connection.execute(f"attach {literal(file)} as lake (storage_version {literal(STORAGE)})")
        connection.execute("use lake")
        for pair in views:
            connection.execute("begin")
            try:
                for view in pair:
                    connection.execute(f"create view {identifier(view.name)} as {view.query}")
                    connection.execute(f"comment on view {identifier(view.name)} is {literal(view.comment)}")
            except duckdb.Error:
                connection.execute("rollback")
                yield pair[0].name
            else:
                connection.execute("commit")
        connection.execute("use memory")
        connection.execute("detach lake")


def _escaped(folder: str) -> str:
    """Return a folder's path as a pattern that matches only it."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in folder)


def _fingerprint(views: Sequence[tuple[View, View]]) -> str:
    return hashlib.sha256("\n".join(map(repr, views)).encode()).hexdigest()


def _stamp(path: Path, fingerprint: str) -> dict[str, object]:
    """Return what identifies the file as the one that was written with these views."""
    found = path.stat()
    return {"views": fingerprint, "inode": found.st_ino, "size": found.st_size, "modified_ns": found.st_mtime_ns}


def _is_stamped(stamp: Path, path: Path, fingerprint: str) -> bool:
    try:
        return bool(json.loads(stamp.read_text(encoding="utf-8")) == _stamp(path, fingerprint))
    except (OSError, ValueError):
        return False
