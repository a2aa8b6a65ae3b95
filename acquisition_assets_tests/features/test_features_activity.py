"""Protects the columns of lead_activity: window edges, ties, and events that must not count."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from acquisition_assets.core.days import end_of_day
from acquisition_assets_tests.kit.sql_cases import (
    END,
    POLICY,
    US,
    Row,
    activity_of,
    ago,
    delivery,
    event,
    lead,
    referral,
)


def of(*events: Row, **given: Any) -> Row:
    """The activity of lead a with these events."""
    return activity_of(events, **given)["a"]


NOTHING = {
    "deliveries_total": 0,
    "deliveries_7d": 0,
    "deliveries_30d": 0,
    "opens_total": 0,
    "opens_7d": 0,
    "completions_total": 0,
    "completions_7d": 0,
    "consumed_30d": 0,
    "completion_rate": None,
    "avg_response_hours": None,
    "latest_response_hours": None,
    "business_hours_share": None,
    "weekday_share": None,
    "last_sent_at": None,
    "last_engaged_at": None,
    "days_since_engagement": None,
    "consumed_content_types": [],
    "referrals_generated": 0,
    "referrals_validated": 0,
}


def test_a_lead_without_anything_has_zeros_and_nothing_known() -> None:
    row = of()
    assert {name: row[name] for name in NOTHING} == NOTHING
    assert (row["age_days"], row["days_inactive"], row["is_unsubscribed"]) == (10, 10, False)


@pytest.mark.parametrize(
    ("created_at", "age"),
    [
        (END - US, 0),
        (ago(1) + US, 0),
        (ago(1), 1),
        (ago(30) + US, 29),
        (ago(30), 30),
        (ago(30) - US, 30),
    ],
)
def test_age_is_in_whole_days(created_at: dt.datetime, age: int) -> None:
    row = of(leads=[lead(created_at=created_at)])
    assert (row["age_days"], row["days_inactive"]) == (age, age)


@pytest.mark.parametrize(
    ("sent_at", "total", "in_7", "in_30"),
    [
        (END - US, 1, 1, 1),
        (ago(7), 1, 1, 1),
        (ago(7) - US, 1, 0, 1),
        (ago(30), 1, 0, 1),
        (ago(30) - US, 1, 0, 0),
        (ago(365), 1, 0, 0),
        (ago(365) - US, 0, 0, 0),
    ],
)
def test_deliveries_count_by_their_sending_in_windows_that_include_their_start(
    sent_at: dt.datetime, total: int, in_7: int, in_30: int
) -> None:
    row = of(event("sent", sent_at))
    assert (row["deliveries_total"], row["deliveries_7d"], row["deliveries_30d"]) == (total, in_7, in_30)
    assert row["last_sent_at"] == (sent_at if total else None)


@pytest.mark.parametrize(
    ("opened_at", "in_7", "in_30"),
    [(END - US, 1, 1), (ago(7), 1, 1), (ago(7) - US, 0, 1), (ago(30), 0, 1), (ago(30) - US, 0, 0)],
)
def test_openings_and_completions_count_by_their_own_time(opened_at: dt.datetime, in_7: int, in_30: int) -> None:
    opened = of(*delivery("d1", ago(40), opened_at))
    assert (opened["opens_total"], opened["opens_7d"], opened["consumed_30d"]) == (1, in_7, in_30)
    completed = of(*delivery("d1", ago(40), completed_at=opened_at))
    assert (completed["completions_total"], completed["completions_7d"]) == (1, in_7)
    assert (completed["opens_total"], completed["opens_7d"], completed["consumed_30d"]) == (1, in_7, in_30)


def test_a_delivery_is_opened_by_its_first_human_event_of_any_kind() -> None:
    clicked = of(event("sent", ago(3)), event("clicked", ago(2)), event("opened", ago(1)))
    assert (clicked["opens_total"], clicked["avg_response_hours"]) == (1, 24.0)
    for kind in ("bounced", "unsubscribed", "complained"):
        other = of(event("sent", ago(3)), event(kind, ago(2)))
        assert (other["opens_total"], other["last_engaged_at"]) == (0, None)


def test_machines_open_nothing_and_send() -> None:
    row = of(event("sent", ago(3), is_machine=True), event("opened", ago(2), is_machine=True))
    assert {name: row[name] for name in NOTHING if "deliveries" not in name} == {
        **{name: value for name, value in NOTHING.items() if "deliveries" not in name},
        "completion_rate": 0.0,
        "last_sent_at": ago(3),
    }
    later = of(event("sent", ago(3)), event("opened", ago(2), is_machine=True), event("opened", ago(1), event_id="e"))
    assert later["avg_response_hours"] == 48.0
    completed = of(event("sent", ago(3)), event("completed", ago(2), is_machine=True), event("clicked", ago(1)))
    assert (completed["completions_total"], completed["opens_total"], completed["consumed_content_types"]) == (0, 1, [])


@pytest.mark.parametrize(("first_event_at", "opens"), [(ago(365), 1), (ago(365) - US, 0)])
def test_a_delivery_that_was_never_sent_counts_by_its_first_event(first_event_at: dt.datetime, opens: int) -> None:
    row = of(event("bounced", first_event_at), event("opened", ago(100)))
    assert (row["deliveries_total"], row["opens_total"], row["completion_rate"]) == (0, opens, None)
    assert row["last_engaged_at"] == ago(100)  # a human event counts by its own time


def test_a_human_event_counts_by_its_own_time_though_its_delivery_is_too_old() -> None:
    row = of(*delivery("d1", ago(366), ago(10)))
    assert (row["deliveries_total"], row["opens_total"], row["opens_7d"], row["consumed_30d"]) == (0, 0, 0, 0)
    assert (row["days_since_engagement"], row["days_inactive"], row["weekday_share"]) == (10, 10, 0.0)  # a Sunday
    edge = of(*delivery("d1", ago(366), ago(365)))
    assert (edge["last_engaged_at"], edge["days_since_engagement"], edge["opens_total"]) == (ago(365), 365, 0)
    old = of(*delivery("d1", ago(366), ago(365) - US))
    assert (old["last_engaged_at"], old["days_since_engagement"], old["business_hours_share"]) == (None, None, None)


@pytest.mark.parametrize(("deliveries", "completed", "rate"), [(4, 0, 0.0), (4, 1, 0.25), (3, 1, 1 / 3), (4, 4, 1.0)])
def test_completion_rate_is_a_share_of_what_was_sent(deliveries: int, completed: int, rate: float) -> None:
    events = [
        row
        for n in range(deliveries)
        for row in delivery(f"d{n}", ago(20 + n), completed_at=ago(5) if n < completed else None)
    ]
    assert of(*events)["completion_rate"] == rate


def test_completion_rate_is_never_above_one() -> None:
    unsent = [*delivery("d2", None, completed_at=ago(2)), *delivery("d3", None, completed_at=ago(3))]
    row = of(*delivery("d1", ago(4), completed_at=ago(3)), *unsent)
    assert (row["completions_total"], row["deliveries_total"], row["completion_rate"]) == (3, 1, 1.0)
    assert of(*unsent)["completion_rate"] is None


@pytest.mark.parametrize(
    ("response", "hours"),
    [
        (dt.timedelta(0), 0.0),
        (dt.timedelta(hours=2) - US, 2 - 1 / 3_600_000_000),
        (dt.timedelta(hours=2), 2.0),
        (dt.timedelta(hours=24), 24.0),
        (-US, None),
        (-dt.timedelta(hours=3), None),
    ],
)
def test_a_response_is_never_negative(response: dt.timedelta, hours: float | None) -> None:
    row = of(*delivery("d1", ago(5), ago(5) + response))
    assert (row["avg_response_hours"], row["latest_response_hours"]) == (hours, hours)
    assert row["opens_total"] == 1


def test_responses_are_averaged_over_deliveries_that_have_one() -> None:
    row = of(
        *delivery("d1", ago(5), ago(5, hours=-1)),
        *delivery("d2", ago(4), ago(4, hours=-2)),
        *delivery("d3", ago(3), ago(3, hours=1)),  # opened before it was sent
        *delivery("d4", ago(3)),
        *delivery("d5", None, ago(2)),
    )
    assert row["avg_response_hours"] == 1.5
    assert row["latest_response_hours"] is None  # d5 was opened last, and has no response time
    assert row["opens_total"] == 4


def test_of_deliveries_opened_at_the_same_time_the_greatest_id_is_the_latest() -> None:
    opened = ago(1)
    both = [*delivery("d10", ago(1, hours=3), opened), *delivery("d9", ago(1, hours=5), opened)]
    assert of(*both)["latest_response_hours"] == 5.0  # in text, d9 is greater than d10
    named_by_content = [
        event("sent", ago(1, hours=7), delivery_id=None, content_id="c1", event_id="e1"),
        event("opened", opened, delivery_id=None, content_id="c1", event_id="e2"),
    ]
    assert of(*both, *named_by_content)["latest_response_hours"] == 5.0  # a<unit separator>c1 is less than d9


def test_a_delivery_sent_twice_is_one_delivery_of_its_first_sending() -> None:
    row = of(
        event("sent", ago(40), event_id="e1"),
        event("sent", ago(1), event_id="e2"),
        event("opened", ago(40, hours=-1)),
    )
    assert (row["deliveries_total"], row["deliveries_30d"], row["avg_response_hours"]) == (1, 0, 1.0)
    assert row["last_sent_at"] == ago(1)


def test_without_an_id_a_delivery_is_lead_and_content_however_often_it_was_sent() -> None:
    def same(kind: str, days: int, content_id: str | None, number: int) -> Row:
        return event(kind, ago(days), delivery_id=None, content_id=content_id, event_id=f"e{number}")

    row = of(
        same("sent", 9, "c1", 1), same("sent", 5, "c1", 2), same("completed", 3, "c1", 3), same("sent", 2, "c2", 4)
    )
    assert (row["deliveries_total"], row["completions_total"], row["completion_rate"]) == (2, 1, 0.5)
    alone = of(same("sent", 9, None, 1), same("completed", 3, None, 2))
    assert (alone["deliveries_total"], alone["completions_total"], alone["avg_response_hours"]) == (1, 1, None)


def test_a_delivery_is_of_the_lead_and_type_of_its_earliest_event() -> None:
    leads = [lead("a"), lead("b")]
    events = [
        event("sent", ago(3), "b", content_type="guide"),
        event("completed", ago(2), "a", content_type="blog"),
    ]
    rows = activity_of(events, leads)
    assert (rows["b"]["deliveries_total"], rows["b"]["completions_total"]) == (1, 1)
    assert rows["b"]["consumed_content_types"] == ["guide"]
    assert (rows["a"]["deliveries_total"], rows["a"]["completions_total"]) == (0, 0)
    assert rows["a"]["last_engaged_at"] == ago(2)  # the event itself is of the lead that it names


def test_of_the_earliest_events_at_the_same_time_the_smallest_id_decides() -> None:
    leads = [lead("a"), lead("b")]
    tied = [
        event("completed", ago(3), "a", event_id="e10", content_type="video"),
        event("sent", ago(3), "b", event_id="e9", content_type="webinar"),
    ]
    rows = activity_of(tied, leads)
    assert rows["a"]["consumed_content_types"] == ["video"]  # in text, e10 is less than e9
    assert (rows["a"]["deliveries_total"], rows["b"]["deliveries_total"]) == (1, 0)


@pytest.mark.parametrize("other", [{"lead_id": "b"}, {"content_type": "guide"}, {}])
def test_the_first_event_of_each_kind_counts_whatever_lead_and_type_the_others_name(other: Row) -> None:
    events = [
        event("sent", ago(31), "a", event_id="1"),
        event("opened", ago(8), "a", event_id="2"),
        event("completed", ago(8), "a", event_id="3"),
        event("sent", ago(5), event_id="4", **other),
        event("opened", ago(2), event_id="5", **other),
        event("completed", ago(2), event_id="6", **other),
    ]
    row = activity_of(events, [lead("a"), lead("b")])["a"]
    totals = ("deliveries_total", "opens_total", "consumed_30d", "completions_total", "completion_rate")
    assert [row[name] for name in totals] == [1, 1, 1, 1, 1.0]
    assert [row[name] for name in ("deliveries_30d", "opens_7d", "completions_7d")] == [0, 0, 0]
    assert row["avg_response_hours"] == 23 * 24.0
    assert row["consumed_content_types"] == ["blog"]


def test_a_mixed_delivery_that_was_never_sent_counts_by_its_first_event() -> None:
    events = [event("bounced", ago(366), "a"), event("opened", ago(2), "b")]
    rows = activity_of(events, [lead("a"), lead("b")])
    assert [rows[name]["opens_total"] for name in "ab"] == [0, 0]
    later = [event("bounced", ago(364), "a"), event("opened", ago(2), "b")]
    rows = activity_of(later, [lead("a"), lead("b")])
    assert [rows[name]["opens_total"] for name in "ab"] == [1, 0]


def test_consumed_types_are_sorted_and_distinct_and_only_of_what_was_completed() -> None:
    row = of(
        *delivery("d1", ago(9), completed_at=ago(8), content_type="video"),
        *delivery("d2", ago(7), completed_at=ago(6), content_type="blog"),
        *delivery("d3", ago(7), completed_at=ago(5), content_type="video"),
        *delivery("d4", ago(7), ago(6), content_type="guide"),
        *delivery("d5", ago(366), completed_at=ago(1), content_type="ebook"),
    )
    assert row["consumed_content_types"] == ["blog", "video"]


@pytest.mark.parametrize(
    ("time", "share"),
    [("08:59:59.999999", 0.0), ("09:00:00", 1.0), ("17:59:59.999999", 1.0), ("18:00:00", 0.0), ("00:00:00", 0.0)],
)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
def test_business_hours_are_local(time: str, share: float, zone: str) -> None:
    local = dt.datetime.combine(dt.date(2026, 3, 4), dt.time.fromisoformat(time), ZoneInfo(zone))
    assert of(event("opened", local.astimezone(dt.timezone.utc), tz=zone))["business_hours_share"] == share


@pytest.mark.parametrize(
    ("day", "share"), [("2026-03-01", 0.0), ("2026-03-02", 1.0), ("2026-03-06", 1.0), ("2026-03-07", 0.0)]
)
@pytest.mark.parametrize("time", ["00:00:00", "23:59:59.999999"])
def test_weekdays_are_local(day: str, share: float, time: str) -> None:
    local = dt.datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=ZoneInfo("Pacific/Auckland"))
    row = of(event("clicked", local.astimezone(dt.timezone.utc), tz="Pacific/Auckland"))
    assert row["weekday_share"] == share


def test_shares_are_of_human_events_not_of_deliveries() -> None:
    row = of(
        event("opened", dt.datetime(2026, 3, 6, 10, tzinfo=dt.timezone.utc)),  # a Friday
        event("clicked", dt.datetime(2026, 3, 6, 20, tzinfo=dt.timezone.utc)),
        event("completed", dt.datetime(2026, 3, 7, 10, tzinfo=dt.timezone.utc)),
        event("opened", dt.datetime(2026, 3, 6, 10, tzinfo=dt.timezone.utc), is_machine=True, event_id="m"),
    )
    assert (row["business_hours_share"], row["weekday_share"]) == (2 / 3, 2 / 3)


@pytest.mark.parametrize(
    ("last", "days"), [(END - US, 0), (ago(3) + US, 2), (ago(3), 3), (ago(7) + US, 6), (ago(7), 7)]
)
def test_days_since_engagement_are_whole(last: dt.datetime, days: int) -> None:
    row = of(event("opened", last))
    assert (row["days_since_engagement"], row["days_inactive"], row["last_engaged_at"]) == (days, days, last)


def test_the_latest_sending_and_the_latest_human_event_count() -> None:
    row = of(*delivery("d1", ago(9), ago(8), ago(4)), *delivery("d2", ago(6), ago(5)))
    assert (row["last_sent_at"], row["last_engaged_at"], row["days_since_engagement"]) == (ago(6), ago(4), 4)


@pytest.mark.parametrize(
    ("status", "validated_at", "generated", "validated"),
    [
        ("pending", None, 1, 0),
        ("validated", None, 1, 1),
        ("validated", END - US, 1, 1),
        ("validated", END, 1, 0),  # validated at T or later: pending on the day
        ("fraud", None, 0, 0),
        ("rejected", None, 0, 0),
    ],
)
def test_referrals_count_by_their_status_as_of_the_end(
    status: str, validated_at: dt.datetime | None, generated: int, validated: int
) -> None:
    row = of(referrals=[referral("r1", status, validated_at=validated_at), referral("r2", "pending", "b")])
    assert (row["referrals_generated"], row["referrals_validated"]) == (generated, validated)


def test_referrals_are_counted_whatever_their_age() -> None:
    old = referral("r1", "validated", created_at=ago(400))
    assert of(referrals=[old])["referrals_generated"] == 1


PAST, LATER = END - US, END


@pytest.mark.parametrize(
    ("source", "engaged_at", "converted_at", "status"),
    [
        ("new", None, None, "new"),
        ("new", PAST, PAST, "new"),
        ("nurturing", PAST, PAST, "nurturing"),
        ("inactive", LATER, LATER, "inactive"),  # without a time of its own
        ("engaged", None, None, "engaged"),
        ("engaged", PAST, None, "engaged"),
        ("engaged", LATER, None, "nurturing"),
        ("engaged", LATER, PAST, "nurturing"),
        ("converted", None, None, "converted"),
        ("converted", LATER, None, "converted"),
        ("converted", None, PAST, "converted"),
        ("converted", PAST, LATER, "engaged"),
        ("converted", LATER, LATER, "nurturing"),
        ("converted", None, LATER, "nurturing"),
    ],
)
def test_the_source_status_is_taken_back_to_the_end_of_the_day(
    source: str, engaged_at: dt.datetime | None, converted_at: dt.datetime | None, status: str
) -> None:
    row = of(leads=[lead(status=source, engaged_at=engaged_at, converted_at=converted_at)])
    assert row["status"] == status


@pytest.mark.parametrize(
    ("inactive_at", "engaged_at", "status", "is_dated"),
    [
        (PAST, None, "inactive", True),
        (LATER, PAST, "engaged", True),
        (LATER, LATER, "nurturing", False),
        (LATER, None, "nurturing", False),
    ],
)
def test_an_inactive_lead_was_not_so_before_its_time(
    inactive_at: dt.datetime, engaged_at: dt.datetime | None, status: str, is_dated: bool
) -> None:
    row = of(leads=[lead(status="inactive", inactive_at=inactive_at, engaged_at=engaged_at)], newest_at=ago(9))
    assert (row["status"], row["status_is_dated"]) == (status, is_dated)


NEW_ENOUGH = END + dt.timedelta(hours=36) - US


@pytest.mark.parametrize(
    ("newest_at", "is_dated"), [(ago(400), True), (NEW_ENOUGH, True), (NEW_ENOUGH + US, False), (None, False)]
)
def test_a_status_without_a_time_is_dated_by_the_end_of_the_source(
    newest_at: dt.datetime | None, is_dated: bool
) -> None:
    for status in ("new", "nurturing", "engaged", "converted", "inactive"):
        row = of(leads=[lead(status=status)], newest_at=newest_at)
        assert (row["status"], row["status_is_dated"]) == (status, is_dated)
    sooner = POLICY.model_copy(update={"features": POLICY.features.model_copy(update={"dated_hours": 12.0})})
    assert of(newest_at=END + dt.timedelta(hours=20))["status_is_dated"]
    assert not of(newest_at=END + dt.timedelta(hours=20), policy=sooner)["status_is_dated"]
    timed = of(leads=[lead(status="converted", converted_at=PAST)], newest_at=newest_at)
    assert timed["status_is_dated"]
    assert of(changes=[change("new", ago(5), 0)], newest_at=newest_at)["status_is_dated"]
    last_resort = of(leads=[lead(status="converted", converted_at=LATER)], newest_at=newest_at)
    assert (last_resort["status"], last_resort["status_is_dated"]) == ("nurturing", False)


def test_the_rows_that_became_one_lead_count_for_it() -> None:
    merged = {
        "merged_created_at": ago(50),
        "merged_status": "converted",
        "merged_converted_at": ago(3),
        "merged_unsubscribed_at": ago(2),
    }
    row = of(leads=[lead(created_at=ago(4), **merged)])
    assert (row["created_at"], row["age_days"], row["status"], row["is_unsubscribed"]) == (
        ago(50),
        50,
        "converted",
        True,
    )
    before = of(leads=[lead(status="converted", merged_converted_at=LATER, merged_engaged_at=PAST)])
    assert (before["status"], before["status_is_dated"]) == ("engaged", True)


@pytest.mark.parametrize(
    ("events", "is_bounced"),
    [
        ([], False),
        ([("bounced", 5)], True),
        ([("bounced", 900)], True),
        ([("bounced", 5), ("opened", 4)], False),
        ([("opened", 6), ("bounced", 5)], True),
        ([("bounced", 5), ("opened", 4), ("bounced", 3)], True),
        ([("bounced", 5), ("sent", 4)], True),
        ([("bounced", 800), ("clicked", 700)], False),
        ([("bounced", 5), ("opened", 5)], True),  # at the same time, not after
    ],
)
def test_a_bounce_ends_with_the_next_human_event(events: list[tuple[str, int]], is_bounced: bool) -> None:
    row = of(*(event(kind, ago(days), event_id=f"{kind}{days}") for kind, days in events))
    assert (row["is_bounced"], row["may_be_mailed"]) == (is_bounced, not is_bounced)
    by_machine = of(*(event(kind, ago(days), event_id=f"{kind}{days}", is_machine=True) for kind, days in events))
    assert by_machine["is_bounced"] == any(kind == "bounced" for kind, _ in events)


def test_a_complaint_is_never_forgotten() -> None:
    row = of(event("complained", ago(900)), event("opened", ago(2)))
    assert (row["has_complained"], row["is_unsubscribed"], row["may_be_mailed"]) == (True, False, False)


LONGEST = f"{'a' * 242}@example.org"


@pytest.mark.parametrize("email", ["ana@example.org", " ana@example.org ", "🚀@b.c", "a@b..c", "a@b.c.", LONGEST])
def test_an_address_of_valid_form_may_be_mailed(email: str) -> None:
    rows = activity_of(leads=[lead("a", email=email), lead("b"), lead(email.strip())])
    assert [row["may_be_mailed"] for row in rows.values()] == [True, False, True]


@pytest.mark.parametrize(
    "email",
    ["ana", "a@b", "@b.c", "a@.c", "a@b.", "a@b@c.d", "a b@c.d", "a@b.c\n", "a@b .c", "a\u00a0@b.c", f"a{LONGEST}"],
)
def test_other_text_is_no_address(email: str) -> None:
    assert not of(leads=[lead(email=email)])["may_be_mailed"]
    rows = activity_of(leads=[lead(email)])  # the id is no address, and nobody has one
    assert rows[email]["may_be_mailed"]


def test_where_nobody_has_an_address_everybody_may_be_mailed_who_did_not_leave() -> None:
    rows = activity_of([event("unsubscribed", ago(1), "b")], [lead("a"), lead("b")])
    assert [rows[name]["may_be_mailed"] for name in "ab"] == [True, False]


def test_what_names_an_alias_belongs_to_the_lead() -> None:
    events = [
        event("sent", ago(9), "old", delivery_id=None, content_id="c1"),
        event("opened", ago(8), "a", delivery_id=None, content_id="c1"),
        event("completed", ago(7), "older", delivery_id=None, content_id="c1"),
        event("bounced", ago(6), "b", delivery_id=None),
    ]
    given = {
        "events": events,
        "leads": [lead("a"), lead("b")],
        "referrals": [referral("r1", "validated", "old"), referral("r2", "pending", "a")],
        "changes": [change("engaged", ago(5), 0, "a"), change("inactive", ago(5), 1, "older")],
    }
    rows = activity_of(**given, aliases={"old": "a", "older": "a", "x": "b"})
    row = rows["a"]
    assert (row["deliveries_total"], row["opens_total"], row["completions_total"]) == (1, 1, 1)
    assert (row["avg_response_hours"], row["referrals_generated"], row["referrals_validated"]) == (24.0, 2, 1)
    assert (row["status"], row["last_sent_at"]) == ("inactive", ago(9))
    assert (rows["b"]["deliveries_total"], rows["b"]["is_bounced"]) == (0, True)
    assert activity_of(**given)["a"]["deliveries_total"] == 0


def test_aliases_that_nothing_names_change_nothing() -> None:
    events = delivery("d1", ago(5), ago(4), ago(3))
    assert activity_of(events, aliases={"unused": "a"}) == activity_of(events)


def test_an_unsubscribed_at_that_cannot_be_read_counts_on_every_day() -> None:
    row = of(leads=[lead(unsubscribed_unreadable=True)])
    assert (row["is_unsubscribed"], row["may_be_mailed"]) == (True, False)


def change(status: str, changed_at: dt.datetime, order: int, lead_id: str = "a") -> Row:
    """A row of raw_status_changes."""
    return {"lead_id": lead_id, "status": status, "changed_at": changed_at, "read_order": order}


def test_the_last_status_change_decides_and_of_equal_times_the_last_read() -> None:
    leads = [lead(status="converted", converted_at=ago(1))]
    changes = [change("engaged", ago(2), 0), change("inactive", ago(5), 1), change("converted", ago(1), 2, "b")]
    assert of(leads=leads, changes=changes)["status"] == "engaged"
    tied = [change("inactive", ago(2), 3), change("new", ago(2), 2)]
    assert of(leads=leads, changes=[*changes, *tied])["status"] == "inactive"
    assert of(leads=leads, changes=[*tied, *changes])["status"] == "inactive"


@pytest.mark.parametrize(
    ("unsubscribed_at", "expected"), [(None, False), (END - US, True), (END, False), (ago(900), True)]
)
def test_unsubscribed_before_the_end(unsubscribed_at: dt.datetime | None, expected: bool) -> None:
    assert of(leads=[lead(unsubscribed_at=unsubscribed_at)])["is_unsubscribed"] is expected


def test_an_unsubscription_event_counts_whatever_its_age() -> None:
    assert of(event("unsubscribed", ago(500)))["is_unsubscribed"] is True
    assert of(event("complained", ago(5)))["is_unsubscribed"] is False


def test_windows_are_of_24_hour_days_where_the_clock_changes() -> None:
    madrid = ZoneInfo("Europe/Madrid")
    end = end_of_day(dt.date(2024, 3, 31), madrid)  # that day has 23 hours
    assert end == dt.datetime(2024, 3, 31, 22, tzinfo=dt.timezone.utc)
    created = dt.datetime(2024, 3, 24, 22, tzinfo=dt.timezone.utc)  # 23:00 local, 7 * 24 h before
    rows = [
        of(*delivery("d1", instant), leads=[lead(created_at=created - US)], end=end)
        for instant in (created, created - US)
    ]
    assert [row["deliveries_7d"] for row in rows] == [1, 0]
    assert rows[0]["age_days"] == 7
