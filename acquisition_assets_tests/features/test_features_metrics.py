"""Protects daily_metrics: the business day on which each event counts, and days of zeros."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from acquisition_assets_tests.kit.sql_cases import END, US, Row, ago, delivery, event, lead, metrics_of, referral

COUNTS = (
    "new_leads",
    "deliveries_sent",
    "opened_24h",
    "completions",
    "referrals_created",
    "referrals_fraud",
    "leads_engaged",
    "leads_converted",
)


def counted(*events: Row, leads: list[Row] | None = None, **given: Any) -> dict[int, dict[str, int]]:
    """What is not zero, by days before the day; lead a is older than the metrics go."""
    rows = metrics_of(events, [lead(created_at=ago(200))] if leads is None else leads, **given)
    told = {n: {name: row[name] for name in COUNTS if row[name]} for n, row in rows.items()}
    return {n: counts for n, counts in told.items() if counts}


def test_every_day_has_a_row_and_an_empty_one_is_zeros() -> None:
    rows = metrics_of(leads=[])
    assert sorted(rows) == list(range(90))
    assert {row[name] for row in rows.values() for name in COUNTS} == {0}


@pytest.mark.parametrize(
    ("instant", "day"), [(END - US, 0), (ago(1), 0), (ago(1) - US, 1), (ago(90), 89), (ago(90) - US, None)]
)
def test_each_thing_counts_on_the_business_day_of_its_time(instant: dt.datetime, day: int | None) -> None:
    def only(**counts: int) -> dict[int, dict[str, int]]:
        return {} if day is None else {day: counts}

    old = lead(created_at=ago(300))
    assert counted(leads=[lead(created_at=instant)]) == only(new_leads=1)
    assert counted(leads=[{**old, **lead(created_at=ago(300), engaged_at=instant)}]) == only(leads_engaged=1)
    assert counted(leads=[lead(created_at=ago(300), converted_at=instant)]) == only(leads_converted=1)
    assert counted(event("sent", instant)) == only(deliveries_sent=1)
    assert counted(event("completed", instant)) == only(completions=1)
    assert counted(referrals=[referral("r", "pending", created_at=instant)]) == only(referrals_created=1)
    fraud = [referral("r", "fraud", created_at=instant)]
    assert counted(referrals=fraud) == only(referrals_created=1, referrals_fraud=1)


@pytest.mark.parametrize(
    ("sent_at", "opened_at", "opened"),
    [
        (ago(1), ago(1), 1),
        (ago(1), END - US, 1),
        (ago(1, hours=1), END - US, 0),  # of the day before, opened 25 hours later
        (ago(2, hours=-23), ago(1, hours=-22), 1),  # sent at 23:00, opened the next day
        (ago(2), ago(1) - US, 1),
        (ago(2), ago(1), 0),  # 24 hours are too late
        (ago(1), ago(5), 0),  # opened before it was sent: not negative
        (ago(1), ago(1) - US, 0),
    ],
)
def test_opened_in_24_hours_counts_on_the_day_of_sending(
    sent_at: dt.datetime, opened_at: dt.datetime, opened: int
) -> None:
    rows = metrics_of(delivery("d1", sent_at, opened_at))
    assert sum(row["opened_24h"] for row in rows.values()) == opened
    assert sum(row["deliveries_sent"] for row in rows.values()) == 1
    by_machine = [event("sent", sent_at), event("opened", opened_at, is_machine=True)]
    assert sum(row["opened_24h"] for row in metrics_of(by_machine).values()) == 0


def test_a_delivery_counts_once_on_its_first_sending_and_completion() -> None:
    events = [
        event("sent", ago(5), event_id="1"),
        event("sent", ago(3), event_id="2"),
        event("completed", ago(4), event_id="3", is_machine=True),
        event("completed", ago(3), event_id="4"),
        event("completed", ago(2), event_id="5"),
    ]
    assert counted(*events) == {4: {"deliveries_sent": 1}, 2: {"completions": 1}}


@pytest.mark.parametrize("other", [{"lead_id": "b"}, {"content_type": "guide"}, {}])
def test_the_first_event_of_each_kind_gives_the_day_whatever_lead_and_type_the_others_name(other: Row) -> None:
    events = [
        event("sent", ago(5), event_id="1"),
        event("opened", ago(5), event_id="2"),
        event("completed", ago(4), event_id="3"),
        event("sent", ago(3), event_id="4", **other),
        event("opened", ago(3), event_id="5", **other),
        event("completed", ago(2), event_id="6", **other),
    ]
    leads = [lead("a", created_at=ago(200)), lead("b", created_at=ago(200))]
    assert counted(*events, leads=leads) == {4: {"deliveries_sent": 1, "opened_24h": 1}, 3: {"completions": 1}}


def test_completions_count_however_old_their_delivery_is() -> None:
    assert counted(*delivery("d1", ago(300), completed_at=ago(2))) == {1: {"completions": 1}}


def test_a_delivery_is_not_counted_whose_lead_is_not_among_the_leads() -> None:
    """A run of a later day may have left events of a lead that was created later."""
    assert counted(*delivery("d1", ago(2), ago(2), lead_id="later")) == {}


def test_a_lead_counts_on_the_days_of_the_earliest_times_of_its_rows() -> None:
    merged = {"merged_created_at": ago(9) - US, "merged_engaged_at": ago(5), "merged_converted_at": ago(3)}
    assert counted(leads=[lead(created_at=ago(2), **merged)]) == {
        9: {"new_leads": 1},
        4: {"leads_engaged": 1},
        2: {"leads_converted": 1},
    }
    late = lead(created_at=END + US, engaged_at=ago(2), merged_created_at=ago(300))
    assert counted(leads=[late]) == {1: {"leads_engaged": 1}}


def test_what_names_an_alias_counts_for_the_lead() -> None:
    events = delivery("d1", ago(2), ago(2), lead_id="old")
    leads = [lead(created_at=ago(200))]
    assert counted(*events, leads=leads, aliases={"old": "a"}) == {1: {"deliveries_sent": 1, "opened_24h": 1}}
    made = [referral("r", "fraud", "old")]
    assert counted(referrals=made, leads=leads) == {}
    both = {"referrals_created": 1, "referrals_fraud": 1}
    assert counted(referrals=made, leads=leads, aliases={"old": "a"}) == {1: both}


def test_referral_statuses_other_than_fraud_are_only_created() -> None:
    some = [referral(status, status) for status in ("pending", "validated", "rejected", "fraud")]
    assert counted(referrals=some) == {1: {"referrals_created": 4, "referrals_fraud": 1}}
