"""Holds the items of the team and what leads read of them, as arrays, and makes them of the tables of the SQL.

What is computed from them is left to `popularity`, `neighbours`, `ranking` and `past`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

NEVER = 2**40
"""The age of what never happened, in steps or microseconds: older than anything."""


def whole(table: pa.Table, name: str, missing: int = NEVER) -> Ints:
    """Return a column of whole numbers; what is missing is this number."""
    column = table.column(name).cast(pa.int64())
    numbers: Ints = pc.fill_null(column, missing).to_numpy().astype(np.int64, copy=False)
    return numbers


def flags(table: pa.Table, name: str) -> Flags:
    """Return a column of true and false."""
    found: Flags = table.column(name).cast(pa.int8()).to_numpy().astype(np.bool_)
    return found


def changes(values: Ints) -> Flags:
    """Return where a value differs from the one before it; the first always does."""
    found = np.ones(values.size, dtype=np.bool_)
    found[1:] = values[1:] != values[:-1]
    return found


def distinct(keys: Ints) -> Ints:
    """Return the different numbers, sorted; much faster than `numpy.unique` where they nearly are."""
    ordered = np.sort(keys, kind="stable")
    found: Ints = ordered[changes(ordered)]
    return found


@dataclass(frozen=True)
class Items:
    """The items of a catalogue, the newest first; an item's number is its place.

    published: age of its publication in microseconds before T, -1 where it is not dated. retired: age of its
    retirement, NEVER where it was not (negative: after T). first: age of its first event in steps, -1 without any.
    """

    ids: list[str]
    types: list[str]
    areas: list[str | None]
    published: Ints
    retired: Ints
    first: Ints

    @property
    def count(self) -> int:
        """Return the number of items."""
        return len(self.ids)

    def available(self, cut: int, step_us: int) -> Flags:
        """Return which items there were at a cut, in steps before T: published before it, and not retired before it.

        An item without a date was there once something had happened with it; today (0) it is there in any case.
        """
        if self.count == 0:
            return np.zeros(0, dtype=np.bool_)
        dated = self.published >= 0
        published = np.where(dated, self.published > cut * step_us, (self.first >= cut) | (cut == 0))
        is_retired = (self.retired != NEVER) & (self.retired > cut * step_us)
        found: Flags = published & ~is_retired
        return found


def items_of(catalogue: pa.Table, first_ages: pa.Table, end: dt.datetime) -> Items:
    """Return the items of the relations `catalogue` (ordered by number) and `item_ages`, as of T."""
    count = catalogue.num_rows
    first = np.full(count, -1, dtype=np.int64)
    first[whole(first_ages, "item_number")] = whole(first_ages, "first_age")
    return Items(
        ids=catalogue.column("content_id").to_pylist(),
        types=catalogue.column("content_type").to_pylist(),
        areas=catalogue.column("interest_area").to_pylist(),
        published=_ages(catalogue.column("published_at"), end, -1),
        retired=_ages(catalogue.column("retired_at"), end, NEVER),
        first=first,
    )


def _ages(instants: pa.ChunkedArray, end: dt.datetime, missing: int) -> Ints:
    """Return how many microseconds before T each instant was (negative: after)."""
    of_end = pa.scalar(end, pa.timestamp("us", tz="UTC")).cast(pa.int64()).as_py()
    micros = instants.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    known = pc.is_valid(micros).to_numpy()
    ages = of_end - pc.fill_null(micros, 0).to_numpy().astype(np.int64)
    found: Ints = np.where(known, ages, missing)
    return found


@dataclass(frozen=True)
class Readings:
    """What leads read and were sent: one entry per lead, item and day, sorted by these, the youngest day first.

    read, sent: ages in steps before T, NEVER where it did not happen. area: the lead's area of interest, 0 for none.
    """

    lead: Ints
    item: Ints
    read: Ints
    sent: Ints
    area: Ints


def readings_of(table: pa.Table) -> Readings:
    """Return the readings of the relation `sampled_items`."""
    return Readings(
        whole(table, "lead_number"),
        whole(table, "item_number"),
        whole(table, "read_age"),
        whole(table, "sent_age"),
        whole(table, "area_number"),
    )


@dataclass(frozen=True)
class Weights:
    """How much was read: one entry per item, area of interest and age in steps; areas: the number of areas but 0."""

    item: Ints
    area: Ints
    age: Ints
    weight: Ints
    areas: int


def weights_of(table: pa.Table, areas: int) -> Weights:
    """Return the weights of the relation `item_weights`; areas: the greatest number of a lead's area."""
    return Weights(
        whole(table, "item_number"), whole(table, "area_number"), whole(table, "age"), whole(table, "weight"), areas
    )
