"""Protects what holds for the features of any events: contract, row order, machine events and very old events.

Worked examples are in test_features_activity.py and test_features_metrics.py.
"""

from __future__ import annotations

import datetime as dt
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition_assets.features.contract import DAILY_METRICS, LEAD_ACTIVITY
from acquisition_assets.inputs.vocabulary import EVENT_TYPES
from acquisition_assets_tests.kit.examples import examples
from acquisition_assets_tests.kit.sql_cases import END, US, Row, activity_of, event, frame, lead, metrics_of

LEADS = [lead("a"), lead("b"), lead("c")]
EDGES = (0, 1, 3, 7, 30, 89, 90, 365, 400)
times = st.one_of(
    st.tuples(st.sampled_from(EDGES), st.sampled_from((-1, 0, 1))).map(
        lambda edge: min(END - US, END - dt.timedelta(days=edge[0]) + edge[1] * US)
    ),
    st.integers(1, 400 * 86_400_000_000).map(lambda us: END - us * US),
)


@st.composite
def happened(draw: st.DrawFn) -> list[Row]:
    """Events of three leads on a few deliveries, some of them named by several leads."""
    return [
        event(
            draw(st.sampled_from(EVENT_TYPES)),
            draw(times),
            draw(st.sampled_from("abc")),
            event_id=f"e{number}",
            delivery_id=draw(st.sampled_from([None, "d1", "d2", "d3", "d10"])),
            content_id=draw(st.sampled_from([None, "c1", "c2"])),
            content_type=draw(st.sampled_from(["blog", "guide", "other"])),
            is_machine=draw(st.booleans()),
        )
        for number in range(draw(st.integers(0, 25)))
    ]


@examples(25)
@given(happened(), st.randoms())
def test_what_always_holds(events: list[Row], order: random.Random) -> None:
    rows, days = activity_of(events, LEADS), metrics_of(events, LEADS)
    assert LEAD_ACTIVITY.validate(frame(LEAD_ACTIVITY, rows.values())) == []
    assert DAILY_METRICS.validate(frame(DAILY_METRICS, days.values())) == []
    shuffled = order.sample(events, len(events))
    assert activity_of(shuffled, order.sample(LEADS, 3)) == rows
    assert metrics_of(shuffled, order.sample(LEADS, 3)) == days

    def total(name: str) -> int:
        return sum(row[name] for row in rows.values())

    sent = {row["delivery_id"] or row["derived_delivery_id"] for row in events if row["event_type"] == "sent"}
    assert total("deliveries_total") <= len(sent)
    assert total("deliveries_7d") == sum(days[n]["deliveries_sent"] for n in range(7))
    assert total("deliveries_30d") == sum(days[n]["deliveries_sent"] for n in range(30))
    for row in rows.values():
        assert row["opens_7d"] <= row["consumed_30d"] <= row["opens_total"]
        assert row["completions_7d"] <= row["completions_total"]
        assert row["consumed_content_types"] == sorted(set(row["consumed_content_types"]))
        assert (row["business_hours_share"] is None) == (row["last_engaged_at"] is None)


@examples(15)
@given(happened(), st.randoms())
def test_it_does_not_matter_under_which_of_its_ids_a_lead_is_named(events: list[Row], chance: random.Random) -> None:
    other = {"a": ("a", "old-a", "a@x.org"), "b": ("b", "old-b"), "c": ("c",)}
    aliases = {"old-a": "a", "a@x.org": "a", "old-b": "b"}
    renamed = []
    for row in events:
        lead_id = chance.choice(other[row["lead_id"]])
        derived = row["derived_delivery_id"]
        if derived and not derived.startswith("\x1f"):
            derived = lead_id + derived.removeprefix(row["lead_id"])
        renamed.append({**row, "lead_id": lead_id, "derived_delivery_id": derived})
    assert activity_of(renamed, LEADS, aliases=aliases) == activity_of(events, LEADS)
    assert metrics_of(renamed, LEADS, aliases=aliases) == metrics_of(events, LEADS)


@examples(15)
@given(happened())
def test_what_a_machine_does_is_done_by_nobody(events: list[Row]) -> None:
    human = [row for row in events if row["event_type"] not in ("opened", "clicked", "completed")]
    by_machine = [{**row, "is_machine": True} for row in events]
    rows = activity_of(by_machine, LEADS)
    for name, row in activity_of(human, LEADS).items():
        same = ("opens_total", "completions_total", "last_engaged_at", "last_sent_at", "avg_response_hours")
        assert {column: row[column] for column in same} == {column: rows[name][column] for column in same}
        assert rows[name]["opens_total"] == 0


@pytest.mark.parametrize("kind", ["sent", "opened", "clicked", "completed"])
def test_what_is_older_than_a_year_changes_nothing(kind: str) -> None:
    recent = [event("sent", END - dt.timedelta(days=3)), event("opened", END - dt.timedelta(days=2))]
    old = event(kind, END - dt.timedelta(days=365) - US, delivery_id="old", event_id="old")
    assert activity_of([*recent, old], LEADS) == activity_of(recent, LEADS)
