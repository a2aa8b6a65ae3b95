"""Measures the recommendations of own content: seconds and peak memory of the step, on a lake of made-up readers.

How well items are ranked is left to the asset `recommender_quality` and to docs/content.md.

    python -m bench.content [--leads 100000] [--items 2000] [--cache FOLDER]

Half of what a lead reads is of one of eight kinds, so that taste is proven and the dearest method is measured.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from acquisition_assets.core.contracts import Contract, Kind
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.raw.contract import RAW_ALIASES, RAW_CONTENT, RAW_EVENTS
from bench.measure import Ran, python

DAY = dt.date(2026, 9, 30)
END = np.datetime64("2026-10-01T00:00:00", "us")
ITEMS = 2_000
DAYS, EACH, KINDS = 120, 15, 8
TYPES = ("blog", "guide", "video", "case_study", "webinar", "ebook")
AREAS = ("marketing", "sales", "product", None)
BLANK = {Kind.TEXT: "x", Kind.INTEGER: 0, Kind.NUMBER: 0.0, Kind.FLAG: False, Kind.TEXTS: [], Kind.DATE: DAY}


def main() -> int:
    """Make the lake, unless it is there, run the step once, and print what it took."""
    parser = argparse.ArgumentParser(prog="python -m bench.content", description=main.__doc__)
    parser.add_argument("--leads", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "acquisition-bench")
    given = parser.parse_args()
    taken = measured(given.leads, given.items, given.cache).taken
    print(f"{given.leads:,} leads x {given.items:,} items: wall, CPU s, peak MB: {', '.join(taken.cells)}")
    return 0


def measured(leads: int, items: int, cache: Path) -> Ran:
    """Run the step content_recommendations once in a process of its own, over a lake that is made only once."""
    lake = cache / f"content-{leads}-{items}"
    if not (lake / LEAD_ACTIVITY.table).exists():
        write_lake(lake, leads, items)
    given = ("direct", "sample", lake, DAY, "content_recommendations")
    return python("-m", "bench.child", *given, environment={"ACQUISITION_MEMORY_LIMIT": "640MB"})


def write_lake(lake: Path, leads: int, items: int) -> None:
    """Write the tables that the step reads: leads, their scores, content, and events of 120 days."""
    rng = np.random.default_rng(1)
    ids = pc.binary_join_element_wise("lead-", pc.utf8_lpad(pa.array(np.arange(leads)).cast(pa.string()), 8, "0"), "")
    contents = pa.array([f"item-{number:05}" for number in range(items)])
    _write_events(lake, rng, ids, contents)
    areas = pa.array(AREAS).take(pa.array(rng.integers(0, len(AREAS), leads)))
    statuses = pa.array(["new", "nurturing", "engaged", "converted"]).take(pa.array(rng.integers(0, 4, leads)))
    _write(lake, LEAD_ACTIVITY, DAY, leads, lead_id=ids, status=statuses, interest_area=areas)
    _write(lake, DYNAMIC_SCORES, DAY, leads, lead_id=ids, score=pa.array(rng.random(leads) * 12))
    published = END - rng.integers(1, 400 * 86_400, items).astype("timedelta64[s]")
    _write(
        lake,
        RAW_CONTENT,
        DAY,
        items,
        content_id=contents,
        title=contents,
        content_type=pa.array([TYPES[number % len(TYPES)] for number in range(items)]),
        interest_area=pa.array([AREAS[number % len(AREAS)] for number in range(items)]),
        published_at=pa.array(published).cast(pa.timestamp("us", "UTC")),
    )
    _write(lake, RAW_ALIASES, DAY, 0)


def _write_events(lake: Path, rng: np.random.Generator, ids: pa.Array, contents: pa.Array) -> None:
    """Write 15 deliveries of each lead, two in three of them opened and one in three completed, by their days."""
    leads, items = len(ids), len(contents)
    popular = np.cumsum(1 / np.arange(1, items + 1) ** 0.8)
    for day in range(DAYS):
        count = leads * EACH // DAYS
        lead = rng.integers(0, leads, count)
        item = np.searchsorted(popular, rng.random(count) * popular[-1]).clip(0, items - 1)
        of_kind = np.minimum(item - item % KINDS + lead % KINDS, items - 1)
        item = np.where(rng.random(count) < 0.5, of_kind, item)
        sent = END - np.timedelta64((day + 1) * 86_400, "s") + rng.integers(0, 43_200, count).astype("timedelta64[s]")
        sent_to = np.ones(count, dtype=np.bool_)
        opened, completed = rng.random(count) < 2 / 3, rng.random(count) < 1 / 3
        parts = []
        for kind, kept, hours in (("sent", sent_to, 0), ("opened", opened, 2), ("completed", completed, 3)):
            at, number = sent[kept] + np.timedelta64(hours, "h"), np.flatnonzero(kept)
            delivery = pc.binary_join_element_wise(f"{day}-", pa.array(number).cast(pa.string()), "")
            parts.append(
                pa.table(
                    {
                        "event_id": pc.binary_join_element_wise(f"{kind}-", delivery, ""),
                        "lead_id": ids.take(pa.array(lead[kept])),
                        "delivery_id": delivery,
                        "event_type": pa.array([kind] * number.size),
                        "content_id": contents.take(pa.array(item[kept])),
                        "content_type": pa.array(["blog"] * number.size),
                        "occurred_at": pa.array(at).cast(pa.timestamp("us", "UTC")),
                    }
                )
            )
        table = pa.concat_tables(parts)
        columns = {name: table.column(name).combine_chunks() for name in table.column_names}
        _write(lake, RAW_EVENTS, DAY - dt.timedelta(days=day), table.num_rows, **columns)


def _write(lake: Path, contract: Contract, day: dt.date, rows: int, **given: Any) -> None:
    """Write a partition; columns that are not given are missing, or where they must not be, blank."""
    columns = []
    for name, spec in contract.columns.items():
        kind = contract.arrow_schema.field(name).type
        value = (
            None if spec.nullable else BLANK.get(contract.kind(name), dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc))
        )
        columns.append(given[name] if name in given else pa.array([value] * rows, kind))
    folder = lake / contract.table / f"date={day}"
    folder.mkdir(parents=True)
    pq.write_table(pa.table(columns, schema=contract.arrow_schema), folder / "data.parquet")


if __name__ == "__main__":
    sys.exit(main())
