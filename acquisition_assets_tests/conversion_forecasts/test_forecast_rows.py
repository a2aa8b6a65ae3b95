"""Protects the training rows: open leads, complete labels, and features that know nothing after their cut-off."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from acquisition_assets.conversion_forecasts.design import NUMBERS
from acquisition_assets.conversion_forecasts.forecast import train
from acquisition_assets.core.engine.spark_dialect import to_spark
from acquisition_assets.core.sql_files import read_sql, sql_folder
from acquisition_assets_tests.kit.forecast_rows import policy
from bench import forecast_worlds
from bench.forecast_day import TIME, DayRows, Source, day_rows

UTC = dt.timezone.utc
END = dt.datetime(2026, 3, 11, tzinfo=UTC)
US = dt.timedelta(microseconds=1)
SMALL = forecast_worlds.Shape(leads=60, days=120, daily_rate=0.006, deliveries=8)
Row = dict[str, Any]


def ago(days: float) -> dt.datetime:
    """Return the instant so many days before T."""
    return END - dt.timedelta(days=days)


def source_of(leads: list[Row], events: list[Row] | None = None, changes: list[Row] | None = None) -> Source:
    """Return a source of hand-made rows; an old lead that converted early makes the cut-offs reach back."""
    first = {"lead_id": "first", "status": "converted", "created_at": ago(400), "converted_at": ago(390)}
    rows = [{"status": "new", "created_at": ago(60), **row} for row in leads]
    names = dict.fromkeys(name for row in [first, *rows] for name in row)
    columns = {
        name: pa.array([row.get(name) for row in [first, *rows]], TIME if name.endswith("_at") else pa.string())
        for name in names
    }
    made = [
        {"event_id": f"e{n}", "local_hour": 10, "local_weekday": 1, "date": event["occurred_at"].date(), **event}
        for n, event in enumerate(events or ())
    ]
    numbered = [{"read_order": n, **change} for n, change in enumerate(changes or ())]
    return Source.of(
        pa.table(columns),
        pa.Table.from_pylist(made) if made else None,
        pa.Table.from_pylist(numbered) if numbered else None,
    )


def open_cuts(lead: Row, changes: list[Row] | None = None, events: list[Row] | None = None) -> dict[int, bool]:
    """Return the cut-offs at which lead a is open, each with its label."""
    rows = day_rows(source_of([{"lead_id": "a", **lead}], events, changes), END, policy(), threads=1).training
    return {row["cut"]: row["is_converted"] for row in rows.to_pylist() if row["lead_id"] == "a"}


# Cut-offs are 30, 37, 44, 51, 58 ... days before T; the lead is 60 days old.
OPEN = dict.fromkeys(range(5), False)


CASES: list[tuple[Row, dict[int, bool]]] = [
    ({}, OPEN),
    ({"created_at": ago(58)}, dict.fromkeys(range(4), False)),  # created at the cut-off, not before it
    ({"created_at": ago(58) - US}, OPEN),
    ({"converted_at": ago(30)}, {0: True, 1: True, 2: True, 3: True, 4: True}),
    ({"converted_at": ago(30) - US}, {1: True, 2: True, 3: True, 4: True}),
    ({"converted_at": ago(28)}, {0: True, 1: True, 2: True, 3: True, 4: False}),  # 30 days after cut 4, and no less
    ({"converted_at": ago(28) - US}, {0: True, 1: True, 2: True, 3: True, 4: True}),
    ({"converted_at": END - US}, {**OPEN, 0: True}),
    ({"converted_at": END}, OPEN),
    ({"status": "converted"}, {}),  # nobody knows when
    ({"status": "inactive", "inactive_at": ago(44)}, {2: False, 3: False, 4: False}),
    ({"status": "inactive", "inactive_at": ago(44) - US}, {3: False, 4: False}),
    ({"status": "inactive", "inactive_at": END}, OPEN),
    ({"status": "inactive"}, {4: False}),  # without a time: open until 7 days after the creation
    ({"status": "inactive", "created_at": ago(51)}, {}),
]


@pytest.fixture(scope="module")
def cuts_of_cases() -> dict[str, dict[int, bool]]:
    """Return the cut-offs at which the lead of each case is open, each with its label; one run has them all."""
    leads = [
        {"status": "converted" if "converted_at" in lead else "new", **lead, "lead_id": str(place)}
        for place, (lead, _) in enumerate(CASES)
    ]
    found: dict[str, dict[int, bool]] = {}
    for row in day_rows(source_of(leads), END, policy(), threads=1).training.to_pylist():
        found.setdefault(row["lead_id"], {})[row["cut"]] = row["is_converted"]
    return found


@pytest.mark.parametrize("place", range(len(CASES)), ids=lambda place: str(CASES[place][0]))
def test_a_lead_is_open_by_timed_facts_alone(place: int, cuts_of_cases: dict[str, dict[int, bool]]) -> None:
    assert cuts_of_cases.get(str(place), {}) == CASES[place][1]


def test_without_a_conversion_there_is_no_cutoff_but_there_are_open_leads() -> None:
    source = source_of([{"lead_id": "a"}])
    undated = source.leads.set_column(
        source.leads.column_names.index("converted_at"), "converted_at", pa.nulls(source.leads.num_rows, TIME)
    )
    found = day_rows(Source.of(undated), END, policy(), threads=1)
    assert (found.cutoffs, found.training.num_rows) == ((), 0)
    assert found.open["lead_id"].to_pylist() == ["a"]
    assert train(found.training, [], policy()).method == "none"


def test_an_undated_inactive_lead_is_open_until_some_days_after_its_last_event() -> None:
    events = [{"lead_id": "a", "event_type": "clicked", "occurred_at": ago(40)}]
    assert open_cuts({"status": "inactive"}, events=events) == {1: False, 2: False, 3: False, 4: False}
    source = source_of([{"lead_id": "a", "status": "inactive"}, {"lead_id": "b"}], events)
    rows = day_rows(source, END, policy(), threads=1).training.to_pylist()
    assert {row["lead_id"]: row["is_approximate"] for row in rows if row["lead_id"] != "first"} == {
        "a": True,
        "b": False,
    }


def test_changes_of_status_decide_before_times_of_the_lead() -> None:
    changes = [
        {"lead_id": "a", "status": status, "changed_at": ago(days)}
        for status, days in (("inactive", 52), ("nurturing", 40), ("converted", 35))
    ]
    assert open_cuts({"inactive_at": ago(59), "status": "converted"}, changes) == {1: True}
    assert open_cuts({"inactive_at": ago(54), "status": "converted"}, changes) == {1: True, 4: True}
    undated = [{"lead_id": "a", "status": "nurturing", "changed_at": ago(59)}]
    assert open_cuts({"status": "inactive"}, undated) == OPEN


def test_the_features_of_a_cutoff_are_those_of_lead_activity_on_that_day() -> None:
    """Shared deliveries among them: whose delivery it is its first event says, on every day the same."""
    world = forecast_worlds.make(SMALL, 3)
    swapped = pc.if_else(
        pc.equal(pc.utf8_slice_codeunits(world.events["event_id"], -1), "7"),
        pa.array(np.roll(world.events["lead_id"].to_pylist(), 5), pa.string()),
        world.events["lead_id"].combine_chunks(),
    )
    source = Source(world.leads, world.events.set_column(1, "lead_id", swapped), world.changes)
    end = forecast_worlds.end_of(SMALL)
    found = day_rows(source, end, policy(), threads=1)
    names = [one.name for one in NUMBERS]
    compared = 0
    for cut in (0, 4):
        that_day = day_rows(source, found.cutoffs[cut], policy(), threads=1).open
        expected = {row["lead_id"]: [row[name] for name in names] for row in that_day.to_pylist()}
        for row in found.training.to_pylist():
            if row["cut"] == cut:
                assert [row[name] for name in names] == expected[row["lead_id"]], (cut, row["lead_id"])
                compared += 1
    assert compared > 60
    assert found.training["opens_total"].to_numpy().max() > 2


@pytest.fixture(scope="module")
def timed() -> tuple[Source, dt.datetime, DayRows]:
    """Return a world with every timed column filled, the end of a day in the middle of it, and its rows."""
    end = forecast_worlds.end_of(SMALL, before_days=30)
    made = forecast_worlds.make(SMALL, 4)
    count = made.leads.num_rows
    changes = pa.table(
        {
            "lead_id": made.leads["lead_id"],
            "status": pa.array((["nurturing", "inactive", "converted"] * count)[:count]),
            "changed_at": pc.add(made.leads["created_at"], pa.scalar(dt.timedelta(days=50))),
        }
    )
    # A status without a time is not of any day: it stays the same here.
    kinds = pa.array(["new"] * count, pa.string())
    leads = made.leads.set_column(made.leads.column_names.index("status"), "status", kinds)
    for name, days in (("engaged_at", 40), ("inactive_at", 70)):
        moved = pc.add(leads["created_at"], pa.scalar(dt.timedelta(days=days)))
        leads = leads.set_column(leads.column_names.index(name), name, moved)
    source = Source.of(leads, made.events, changes)
    return source, end, day_rows(source, end, policy(), threads=1)


@pytest.mark.parametrize("column", ["converted_at", "engaged_at", "inactive_at", "occurred_at", "changed_at"])
def test_nothing_dated_at_or_after_the_day_changes_a_row(
    column: str, timed: tuple[Source, dt.datetime, DayRows]
) -> None:
    """Values of the future are moved (also to T itself), removed, and their rows repeated."""
    source, end, expected = timed
    table_of = {"occurred_at": "events", "changed_at": "changes"}.get(column, "leads")
    table: pa.Table = getattr(source, table_of)
    values = table[column].combine_chunks()
    future = pc.fill_null(pc.greater_equal(values, pa.scalar(end, TIME)), False)
    assert 0 < pc.sum(future).as_py() < table.num_rows
    others = [end, end + dt.timedelta(days=400), None if table_of == "leads" else end + dt.timedelta(days=1)]
    new = pa.array([others[place % 3] for place in range(table.num_rows)], TIME)
    changed = table.set_column(table.column_names.index(column), column, pc.if_else(future, new, values))
    if table_of != "leads":
        changed = pa.concat_tables([changed, changed.filter(future)])
    parts = {"leads": source.leads, "events": source.events, "changes": source.changes, table_of: changed}
    found = day_rows(Source(**parts), end, policy(), threads=1)
    assert found.cutoffs == expected.cutoffs
    assert found.training.equals(expected.training)
    assert found.open.equals(expected.open)


def test_rows_are_drawn_by_lead_and_never_too_many() -> None:
    source, end = forecast_worlds.make(SMALL, 5), forecast_worlds.end_of(SMALL)
    every = day_rows(source, end, policy(), threads=1).training
    for most in (1, 150):
        few = policy().model_copy(update={"maximum_rows": most})
        drawn = day_rows(source, end, few, threads=1).training
        assert drawn.num_rows <= most < every.num_rows
        leads = set(drawn["lead_id"].to_pylist())
        kept = [row for row in every.drop_columns(["row_number"]).to_pylist() if row["lead_id"] in leads]
        assert drawn.drop_columns(["row_number"]).to_pylist() == kept


@pytest.mark.parametrize(
    "path", sorted((sql_folder() / "conversion_forecasts").glob("*.sql")), ids=lambda path: path.stem
)
def test_the_sql_can_be_said_in_spark(path: Any) -> None:
    assert to_spark(read_sql(f"conversion_forecasts/{path.stem}"))
