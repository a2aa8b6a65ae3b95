"""Protects what the anomaly rules know beyond daily metrics: unresponsive leads, and how far back the history goes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest

from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.policy import read_policy
from acquisition_assets.raw.contract import RAW_EVENTS
from acquisition_assets_tests.kit.sql_cases import END, US, Row, activity_of, ago, delivery, event, frame, lead, run_sql

LATELY = ago(2)
SENT = 10
"""So many deliveries in a week make a lead conspicuous."""


def facts(events: Sequence[Row], leads: Sequence[Row] = (), silent_days: int = 7) -> Row:
    """Return the row of facts, with the activity that these events give."""
    everyone = list(leads) or [lead("a")]
    policy = read_policy()
    tables = {
        "raw_events": frame(RAW_EVENTS, events, dated=True),
        "lead_activity": frame(LEAD_ACTIVITY, activity_of(events, everyone).values()),
    }
    parameters = {
        "until": END,
        "silent_from": ago(silent_days),
        "silent_deliveries": policy.anomalies.silent_deliveries,
        "is_same_window": silent_days == policy.features.recent_days,
    }
    return run_sql("anomalies/anomalies", tables, parameters)[0]


def sent(count: int, sent_at: dt.datetime = LATELY, prefix: str = "d", **given: Any) -> list[Row]:
    """Return this many deliveries without an answer."""
    return [row for n in range(count) for row in delivery(f"{prefix}{n}", sent_at, **given)]


@pytest.mark.parametrize(("count", "silent"), [(SENT - 1, 0), (SENT, 1), (SENT + 5, 1)])
def test_ten_deliveries_without_an_answer_make_a_lead_silent(count: int, silent: int) -> None:
    assert facts(sent(count))["silent_leads"] == silent


@pytest.mark.parametrize(("first", "silent"), [(ago(7), 1), (ago(7) - US, 0), (END - US, 1)])
def test_only_the_deliveries_of_the_last_seven_days_count(first: dt.datetime, silent: int) -> None:
    assert facts([*sent(SENT - 1), *delivery("first", first)])["silent_leads"] == silent


@pytest.mark.parametrize("kind", ["opened", "clicked", "completed"])
def test_any_human_event_on_one_of_them_ends_the_silence(kind: str) -> None:
    assert facts([*sent(SENT), event(kind, ago(1), delivery_id="d3")])["silent_leads"] == 0
    assert facts([*sent(SENT), event(kind, ago(1), delivery_id="d3", is_machine=True)])["silent_leads"] == 1
    assert facts([*sent(SENT), event("bounced", ago(1), delivery_id="d3")])["silent_leads"] == 1


def test_an_event_on_an_older_delivery_does_not_end_the_silence() -> None:
    older = [*delivery("old", ago(9), ago(1)), *sent(SENT)]
    assert facts(older)["silent_leads"] == 1


def test_a_delivery_sent_again_counts_by_its_first_sending() -> None:
    again = event("sent", ago(1), delivery_id="d9", event_id="again")
    for days in (7, 14):
        events = [*sent(SENT - 1), *delivery("d9", ago(days) - US), again]
        assert facts(events, silent_days=days)["silent_leads"] == 0


def test_every_lead_is_counted_once() -> None:
    leads = [lead(name) for name in "abc"]
    events = [*sent(SENT, lead_id="a", prefix="a"), *sent(SENT + 3, lead_id="b", prefix="b"), *sent(3, lead_id="c")]
    assert facts(events, leads)["silent_leads"] == 2


def test_a_delivery_belongs_to_the_lead_of_its_earliest_event() -> None:
    leads = [lead("a"), lead("b")]
    answered = [*sent(SENT, lead_id="b"), event("opened", ago(1), "a", delivery_id="d3")]
    assert facts(answered, leads)["silent_leads"] == 0  # it was answered, though under another lead's name
    taken = [event("bounced", ago(3), "a", delivery_id="d3"), *sent(SENT, lead_id="b")]
    assert facts(taken, leads)["silent_leads"] == 0  # d3 belongs to lead a, so b was sent nine
    given = [event("bounced", ago(3), "b", delivery_id="d3"), *sent(SENT, lead_id="a")]
    assert facts([*given, *sent(SENT - 1, lead_id="b", prefix="e")], leads)["silent_leads"] == 1  # with d3, b has ten


@pytest.mark.parametrize(("days", "silent"), [(3, 0), (7, 1), (14, 1)])
def test_the_window_may_differ_from_that_of_the_features(days: int, silent: int) -> None:
    assert facts(sent(SENT, ago(5)), silent_days=days)["silent_leads"] == silent
    far = sent(SENT, ago(10))
    assert facts(far, silent_days=14)["silent_leads"] == 1
    assert facts(far)["silent_leads"] == 0


def test_how_far_leads_and_deliveries_go_back() -> None:
    events = [event("bounced", ago(50)), event("sent", ago(31) - US), event("sent", ago(2), event_id="2")]
    row = facts(events, [lead("a", created_at=ago(90)), lead("b", created_at=ago(5))])
    assert (row["first_lead_at"], row["first_sent_date"]) == (ago(90), ago(32).date())
    unknown_leads = [event("sent", ago(300), "later"), *events]
    assert facts(unknown_leads, [lead("a")])["first_sent_date"] == ago(32).date()
    nothing = facts([], [])
    assert (nothing["first_sent_date"], nothing["silent_leads"]) == (None, 0)
    assert run_sql(
        "anomalies/anomalies",
        {"raw_events": frame(RAW_EVENTS, [], dated=True), "lead_activity": frame(LEAD_ACTIVITY, [])},
        {"until": END, "silent_from": ago(7), "silent_deliveries": 10, "is_same_window": True},
    ) == [{"first_lead_at": None, "first_sent_date": None, "silent_leads": 0}]
