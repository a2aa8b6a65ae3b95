"""Defines a hand-made world of three days, with the expected tables and reports of each day worked out by hand.

Running it is left to test_world.py, and random worlds to random_world.py.

The days are Saturday 2024-03-30, Sunday 2024-03-31 (23 hours) and Monday 2024-04-01 in Madrid, so that T is
2024-03-30T23:00Z, 2024-03-31T22:00Z and 2024-04-01T22:00Z. The source holds all rows from the first day on.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]
UTC = dt.timezone.utc
ZONE = "Europe/Madrid"
SATURDAY, SUNDAY, MONDAY = dt.date(2024, 3, 30), dt.date(2024, 3, 31), dt.date(2024, 4, 1)
DAYS = (SATURDAY, SUNDAY, MONDAY)
ENDS = {SATURDAY: "2024-03-30T23:00:00Z", SUNDAY: "2024-03-31T22:00:00Z", MONDAY: "2024-04-01T22:00:00Z"}

# ---- the source -----------------------------------------------------------------------------------------------------

LEAD_COLUMNS = (
    "lead_id",
    "email",
    "source",
    "utm_medium",
    "referrer_url",
    "interest_area",
    "status",
    "engagement_score",
    "created_at",
    "engaged_at",
    "converted_at",
)


def _lead(lead_id: str, source: str, status: str, score: str, created_at: str, **more: str) -> Row:
    told = {"lead_id": lead_id, "email": f"{lead_id}@example.org", "source": source, "status": status}
    return {**dict.fromkeys(LEAD_COLUMNS), **told, "engagement_score": score, "created_at": created_at, **more}


LEADS = [
    # opens and completes: 17 points, then 28.5
    _lead("ana", "LinkedIn", "nurturing", "4", "2024-03-16T10:00:00Z", interest_area=" Marketing"),
    # was never sent anything; engaged on Monday
    _lead("bruno", "", "engaged", "3", "2024-02-20", engaged_at="2024-04-01T10:00:00Z", interest_area="sales"),
    # older than 90 days: only decays; inactive on Monday by its status change
    _lead("carla", "organic", "nurturing", "20", "2023-12-01"),
    # engaged on Saturday, converted on Sunday
    _lead(
        "diego",
        "fb",
        "customer",
        "6",
        "2024-03-25T12:00:00Z",
        engaged_at="2024-03-30T09:00:00Z",
        converted_at="2024-03-31T15:00:00Z",
    ),
    # created in the last microsecond of Sunday
    _lead("eva", "tiktok", "subscriber", "2.675", "2024-03-31T23:59:59.999999+02:00", interest_area="sales"),
    # created in the first of Monday
    _lead("gala", "", "open", "150.5", "2024-04-01T00:00:00+02:00", referrer_url="https://t.co/abc"),
    # was sent ten deliveries and opens one on Monday
    _lead("mudo", "newsletter", "new", "", "2024-03-26"),
]


def _event(
    kind: str, lead: str, at: str, delivery: str = "", content: str = "", type_: str = "", machine: str = ""
) -> Row:
    return {
        "event_id": f"{lead}-{delivery}{content}-{kind}-{machine}",
        "lead_id": lead,
        "delivery_id": delivery,
        "event_type": kind,
        "content_id": content,
        "content_type": type_,
        "occurred_at": f"{at}:00Z",
        "is_machine": machine,
    }


def _silent() -> Iterable[Row]:
    times = [f"2024-03-{day}T{hour}" for day in range(26, 31) for hour in ("06:00", "18:00")]
    return [_event("sent", "mudo", at, f"m{number}") for number, at in enumerate(times)]


EVENTS = [
    _event("sent", "ana", "2024-03-20T09:00", "a1", "", "blog"),
    _event("opened", "ana", "2024-03-20T10:30", "a1", "", "blog"),
    _event("completed", "ana", "2024-03-20T10:45", "a1", "", "blog"),
    _event("sent", "ana", "2024-03-27T09:00", "a2", "", "Blog "),
    _event("opened", "ana", "2024-03-27T10:00", "a2", "", "blog"),
    _event("completed", "ana", "2024-03-27T10:10", "a2", "", "blog"),
    _event("sent", "ana", "2024-03-30T08:00", "a3", "", "video"),
    _event("opened", "ana", "2024-03-30T08:00", "a3", "", "video", "true"),
    _event("opened", "ana", "2024-03-30T20:00", "a3", "", "video"),
    _event("completed", "ana", "2024-03-31T08:30", "a3", "", "video"),
    _event("sent", "ana", "2024-04-01T07:00", "a4", "c-guia", "guide"),
    _event("opened", "ana", "2024-04-01T07:30", "a4", "", "guide"),
    _event("completed", "ana", "2024-04-01T07:40", "a4", "", "guide"),
    _event("sent", "carla", "2024-02-01T09:00", "k1", "", "ebook"),
    _event("clicked", "carla", "2024-02-02T15:00", "k1", "", "ebook"),
    # without a delivery_id: one delivery of lead and content
    _event("sent", "diego", "2024-03-26T08:00", "", "case-study-exito-avanzados", "case_study"),
    _event("opened", "diego", "2024-03-26T09:30", "", "case-study-exito-avanzados", "case_study"),
    _event("completed", "diego", "2024-03-26T10:00", "", "case-study-exito-avanzados", "case_study"),
    *_silent(),
    _event("opened", "mudo", "2024-04-01T05:00", "m8"),
    _event("opened", "nadie", "2024-03-30T05:00", "n1"),
]
EVENT_COUNTS = {
    "2024-02-01": 1,
    "2024-02-02": 1,
    "2024-03-20": 3,
    "2024-03-26": 5,
    "2024-03-27": 5,
    "2024-03-28": 2,
    "2024-03-29": 2,
    "2024-03-30": 5,
    "2024-03-31": 1,
    "2024-04-01": 4,
}
"""Accepted events by business day; that of nadie is in quarantine, as there is no such lead."""


def _referral(referral_id: str, status: str, created_at: str, validated_at: str = "") -> Row:
    told = {"referral_id": referral_id, "referrer_lead_id": "ana", "status": status}
    return {**told, "created_at": created_at, "validated_at": validated_at}


REFERRALS = [
    _referral("r1", "validated", "2024-03-29T12:00:00Z", "2024-03-31T12:00:00Z"),  # pending on Saturday
    _referral("r2", "fraud", "2024-03-30T12:00:00Z"),
    _referral("r3", "pending", "2024-04-01T12:00:00Z"),
]
CONTENT = [{"content_id": "c-guia", "content_type": "Guide", "title": "Guía Avanzada de Marketing Digital"}]
STATUS_CHANGES = [{"lead_id": "carla", "status": "lost", "changed_at": "2024-04-01T12:00:00Z"}]
SOURCE: dict[str, list[Row]] = {
    "leads": LEADS,
    "events": EVENTS,
    "referrals": REFERRALS,
    "content": CONTENT,
    "status_changes": STATUS_CHANGES,
}


def _utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=UTC)


# ---- lead_activity --------------------------------------------------------------------------------------------------

ZEROS = (
    *("deliveries_total", "deliveries_7d", "deliveries_30d", "opens_total", "opens_7d"),
    *("completions_total", "completions_7d", "consumed_30d", "referrals_generated", "referrals_validated"),
)
UNKNOWN = (
    *("platform", "interest_area", "completion_rate", "avg_response_hours", "latest_response_hours"),
    *("business_hours_share", "weekday_share", "last_sent_at", "last_engaged_at", "days_since_engagement"),
)
NOTHING: Row = {
    **dict.fromkeys(ZEROS, 0),
    **dict.fromkeys(UNKNOWN),
    "source": "organic",
    "status_is_dated": True,
    "is_unsubscribed": False,
    "is_bounced": False,
    "has_complained": False,
    "may_be_mailed": True,
    "consumed_content_types": [],
}


CHANNEL_COLUMNS = ("channel_class", "channel_detail", "channel_rule")
CHANNELS = {
    "facebook": ("organic_social", "facebook", "social_network.source"),
    "linkedin": ("organic_social", "linkedin", "social_network.source"),
    "newsletter": ("email", "newsletter", "email.source"),
    "organic": ("unknown", None, "nothing_known"),
    "social": ("organic_social", "TikTok", "social_network.source"),
    "twitter": ("organic_social", "twitter", "social_network.referrer"),
}


def _activity(lead: str, status: str, base: float, created_at: str, age: int, **more: Any) -> Row:
    told = {"lead_id": lead, "email": f"{lead}@example.org", "status": status, "base_score": base}
    times = {"created_at": _utc(created_at), "age_days": age, "days_inactive": age}
    row = {**NOTHING, **told, **times, **more}
    name = row["platform"] or row["source"]
    return {**row, "channel": name, **dict(zip(CHANNEL_COLUMNS, CHANNELS[name], strict=True))}


def _ana(age: int, **more: Any) -> Row:
    told: Row = {"source": "linkedin", "platform": "linkedin", "interest_area": "marketing"}
    told |= {"days_since_engagement": 0, "days_inactive": 0}
    return _activity("ana", "nurturing", 4.0, "2024-03-16T10:00", age, **told, **more)


def _bruno(age: int, status: str = "nurturing") -> Row:
    return _activity("bruno", status, 3.0, "2024-02-20T00:00", age, interest_area="sales")


def _carla(age: int, inactive: int, status: str = "nurturing") -> Row:
    return {
        **_activity("carla", status, 20.0, "2023-12-01T00:00", age),
        "deliveries_total": 1,
        "opens_total": 1,
        "completion_rate": 0.0,
        "avg_response_hours": 30.0,
        "latest_response_hours": 30.0,
        "business_hours_share": 1.0,  # Friday, 16:00 local
        "weekday_share": 1.0,
        "last_sent_at": _utc("2024-02-01T09:00"),
        "last_engaged_at": _utc("2024-02-02T15:00"),
        "days_since_engagement": inactive,
        "days_inactive": inactive,
    }


def _diego(age: int, since: int, status: str) -> Row:
    return {
        **_activity("diego", status, 6.0, "2024-03-25T12:00", age, source="fb", platform="facebook"),
        **dict.fromkeys(("deliveries_total", "deliveries_7d", "deliveries_30d", "opens_total", "opens_7d"), 1),
        **dict.fromkeys(("completions_total", "completions_7d", "consumed_30d"), 1),
        "completion_rate": 1.0,
        "avg_response_hours": 1.5,
        "latest_response_hours": 1.5,
        "business_hours_share": 1.0,  # Tuesday, 10:30 and 11:00 local
        "weekday_share": 1.0,
        "last_sent_at": _utc("2024-03-26T08:00"),
        "last_engaged_at": _utc("2024-03-26T10:00"),
        "days_since_engagement": since,
        "days_inactive": since,
        "consumed_content_types": ["case_study"],
    }


def _eva(age: int) -> Row:
    told = {"source": "tiktok", "platform": "social", "interest_area": "sales"}
    return _activity("eva", "new", 2.675, "2024-03-31T21:59:59.999999", age, **told)


def _mudo(age: int, **more: Any) -> Row:
    sent = dict.fromkeys(("deliveries_total", "deliveries_7d", "deliveries_30d"), 10)
    told = {"source": "newsletter", "completion_rate": 0.0, "last_sent_at": _utc("2024-03-30T18:00"), **sent}
    return {**_activity("mudo", "new", 0.0, "2024-03-26T00:00", age, **told), **more}


LEAD_ACTIVITY: dict[dt.date, list[Row]] = {
    SATURDAY: [
        _ana(
            14,
            deliveries_total=3,
            deliveries_7d=2,  # a2, a3
            deliveries_30d=3,
            opens_total=3,
            opens_7d=2,
            completions_total=2,  # a1, a2
            completions_7d=1,
            consumed_30d=3,
            completion_rate=2 / 3,
            avg_response_hours=14.5 / 3,  # 1.5, 1 and 12; that of the machine does not count
            latest_response_hours=12.0,
            business_hours_share=4 / 5,  # Wednesdays 11:30, 11:45, 11:00, 11:10; not Saturday 21:00
            weekday_share=4 / 5,
            last_sent_at=_utc("2024-03-30T08:00"),
            last_engaged_at=_utc("2024-03-30T20:00"),
            consumed_content_types=["blog"],
            referrals_generated=1,  # r1; r2 is fraud
        ),
        _bruno(39),
        _carla(120, 57),
        _diego(5, 4, "engaged"),
        _mudo(4),
    ],
    SUNDAY: [
        _ana(
            15,
            deliveries_total=3,
            deliveries_7d=2,
            deliveries_30d=3,
            opens_total=3,
            opens_7d=2,
            completions_total=3,  # and a3
            completions_7d=2,
            consumed_30d=3,
            completion_rate=1.0,
            avg_response_hours=14.5 / 3,
            latest_response_hours=12.0,
            business_hours_share=5 / 6,  # and Sunday 10:30
            weekday_share=4 / 6,
            last_sent_at=_utc("2024-03-30T08:00"),
            last_engaged_at=_utc("2024-03-31T08:30"),
            consumed_content_types=["blog", "video"],
            referrals_generated=1,
            referrals_validated=1,
        ),
        _bruno(40),
        _carla(121, 58),
        _diego(6, 5, "converted"),
        _eva(0),
        _mudo(5),
    ],
    MONDAY: [
        _ana(
            16,
            deliveries_total=4,
            deliveries_7d=3,  # a2, a3, a4
            deliveries_30d=4,
            opens_total=4,
            opens_7d=3,
            completions_total=4,
            completions_7d=3,
            consumed_30d=4,
            completion_rate=1.0,
            avg_response_hours=3.75,  # (14.5 + 0.5) / 4
            latest_response_hours=0.5,
            business_hours_share=7 / 8,  # and Monday 09:30, 09:40
            weekday_share=6 / 8,
            last_sent_at=_utc("2024-04-01T07:00"),
            last_engaged_at=_utc("2024-04-01T07:40"),
            consumed_content_types=["blog", "guide", "video"],
            referrals_generated=2,  # r1, r3
            referrals_validated=1,
        ),
        _bruno(41, "engaged"),
        _carla(122, 59, "inactive"),
        _diego(7, 6, "converted"),
        _eva(1),
        _activity("gala", "new", 150.5, "2024-03-31T22:00", 1, platform="twitter"),
        _mudo(
            6,
            opens_total=1,
            opens_7d=1,
            consumed_30d=1,
            avg_response_hours=47.0,  # m8 was sent on Saturday 06:00Z
            latest_response_hours=47.0,
            business_hours_share=0.0,  # Monday 07:00 local
            weekday_share=1.0,
            last_engaged_at=_utc("2024-04-01T05:00"),
            days_since_engagement=0,
            days_inactive=0,
        ),
    ],
}

# The source ends on Monday at 12:00Z, 37 hours after Saturday's T, 14 after Sunday's. diego's times date his statuses;
# nothing says that bruno was nurturing before he engaged.
UNDATED = {SATURDAY: {"ana", "bruno", "carla", "mudo"}, SUNDAY: {"bruno"}, MONDAY: set[str]()}
for _day, _rows in LEAD_ACTIVITY.items():
    for _row in _rows:
        _row["status_is_dated"] = _row["lead_id"] not in UNDATED[_day]

# ---- daily_metrics: the days that are not zeros ---------------------------------------------------------------------

METRICS = (
    *("new_leads", "deliveries_sent", "opened_24h", "completions"),
    *("referrals_created", "referrals_fraud", "leads_engaged", "leads_converted"),
)
DAILY_METRICS: dict[str, tuple[int, ...]] = {
    "2024-02-01": (0, 1, 0, 0, 0, 0, 0, 0),  # carla's was opened the day after
    "2024-02-20": (1, 0, 0, 0, 0, 0, 0, 0),  # bruno
    "2024-03-16": (1, 0, 0, 0, 0, 0, 0, 0),  # ana
    "2024-03-20": (0, 1, 1, 1, 0, 0, 0, 0),
    "2024-03-25": (1, 0, 0, 0, 0, 0, 0, 0),  # diego
    "2024-03-26": (1, 3, 1, 1, 0, 0, 0, 0),  # mudo; diego's delivery and two of mudo's
    "2024-03-27": (0, 3, 1, 1, 0, 0, 0, 0),
    "2024-03-28": (0, 2, 0, 0, 0, 0, 0, 0),
    "2024-03-29": (0, 2, 0, 0, 1, 0, 0, 0),
    "2024-03-30": (0, 3, 1, 0, 1, 1, 1, 0),  # diego engaged
    "2024-03-31": (1, 0, 0, 1, 0, 0, 0, 1),  # eva; diego converted
    "2024-04-01": (1, 1, 1, 1, 1, 0, 1, 0),  # gala; bruno engaged
}
"""carla, of 2023-12-01, is older than the 90 days."""

# ---- dynamic_scores -------------------------------------------------------------------------------------------------

SCORE_COLUMNS = (
    *("lead_id", "base_score", "recent_activity_points", "response_points", "referral_points", "consistency_points"),
    *("decay_points", "status_points", "clamp_adjustment", "computed_score", "previous_score"),
    *("is_analysed", "is_updated", "score"),
)
DYNAMIC_SCORES: dict[dt.date, list[tuple[Any, ...]]] = {
    SATURDAY: [
        # 2 x 1 + 0.5 x 2; 12 h; one referral; 3 / 14 > 0.2; nurturing: 4 + 3 + 1 + 5 + 2 + 2 = 17
        ("ana", 4.0, 3.0, 1.0, 5.0, 2.0, 0.0, 2.0, 0.0, 17.0, 4.0, True, True, 17.0),
        # -0.5 x (39 - 14) = -12.5: 3 - 12.5 is not below 0, + 2; from 3 to 2 is no more than 1
        ("bruno", 3.0, 0.0, 0.0, 0.0, 0.0, -12.5, 2.0, 9.5, 2.0, 3.0, True, False, 3.0),
        # -0.5 x (57 - 14) = -21.5: 20 - 21.5 is not below 0, + 2
        ("carla", 20.0, 0.0, 0.0, 0.0, 0.0, -21.5, 2.0, 1.5, 2.0, 20.0, False, True, 2.0),
        # 2 + 0.5; 1.5 h; engaged: 6 + 2.5 + 3 + 10 = 21.5
        ("diego", 6.0, 2.5, 3.0, 0.0, 0.0, 0.0, 10.0, 0.0, 21.5, 6.0, True, True, 21.5),
        ("mudo", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, True, False, 0.0),
    ],
    SUNDAY: [
        # 2 x 2 + 0.5 x 2; 3 / 15 is not more than 0.2: 4 + 5 + 1 + 5 + 2 = 17 again
        ("ana", 4.0, 5.0, 1.0, 5.0, 0.0, 0.0, 2.0, 0.0, 17.0, 17.0, True, False, 17.0),
        ("bruno", 3.0, 0.0, 0.0, 0.0, 0.0, -13.0, 2.0, 10.0, 2.0, 3.0, True, False, 3.0),
        ("carla", 20.0, 0.0, 0.0, 0.0, 0.0, -22.0, 2.0, 2.0, 2.0, 2.0, False, False, 2.0),
        # converted: without the 10 points
        ("diego", 6.0, 2.5, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 11.5, 21.5, True, True, 11.5),
        ("eva", 2.68, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.68, 2.68, True, False, 2.68),
        ("mudo", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, True, False, 0.0),
    ],
    MONDAY: [
        # 2 x 3 + 0.5 x 3; half an hour; two referrals; 4 / 16 > 0.2: 4 + 7.5 + 3 + 10 + 2 + 2 = 28.5
        ("ana", 4.0, 7.5, 3.0, 10.0, 2.0, 0.0, 2.0, 0.0, 28.5, 17.0, True, True, 28.5),
        # -13.5, not below 0, then engaged: + 10
        ("bruno", 3.0, 0.0, 0.0, 0.0, 0.0, -13.5, 10.0, 10.5, 10.0, 3.0, True, True, 10.0),
        # inactive: without the 2 points
        ("carla", 20.0, 0.0, 0.0, 0.0, 0.0, -22.5, 0.0, 2.5, 0.0, 2.0, False, True, 0.0),
        ("diego", 6.0, 2.5, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 11.5, 11.5, True, False, 11.5),
        ("eva", 2.68, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.68, 2.68, True, False, 2.68),
        ("gala", 150.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -50.5, 100.0, 100.0, True, False, 100.0),
        # 0.5 for the opening: no more than 1
        ("mudo", 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.0, True, False, 0.0),
    ],
}

# ---- behavior_predictions: the features are those of lead_activity ---------------------------------------------------

PREDICTION_COLUMNS = (
    *("lead_id", "engagement_score", "engagement_points", "completion_points", "response_points"),
    *("business_hours_points", "weekday_points", "recency_points", "conversion_probability", "predicted_next_action"),
)
BEHAVIOR_PREDICTIONS: dict[dt.date, list[tuple[Any, ...]]] = {
    SATURDAY: [
        ("ana", 17.0, 40.0, 20.0, 10.0, 10.0, 5.0, 10.0, 95.0, "likely_to_convert"),  # 95 in sum
        ("bruno", 3.0, 15.0, 0.0, 0.0, 0.0, 0.0, 0.0, 15.0, "needs_re_engagement"),
        ("carla", 2.0, 10.0, 0.0, 0.0, 10.0, 5.0, 0.0, 25.0, "needs_re_engagement"),
        ("diego", 21.5, 40.0, 30.0, 15.0, 10.0, 5.0, 5.0, 95.0, "likely_to_convert"),  # 105 in sum
        ("mudo", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, "needs_re_engagement"),
    ],
    SUNDAY: [
        ("ana", 17.0, 40.0, 30.0, 10.0, 10.0, 0.0, 10.0, 95.0, "likely_to_convert"),  # 4 / 6 is not above 0.7
        ("bruno", 3.0, 15.0, 0.0, 0.0, 0.0, 0.0, 0.0, 15.0, "needs_re_engagement"),
        ("carla", 2.0, 10.0, 0.0, 0.0, 10.0, 5.0, 0.0, 25.0, "needs_re_engagement"),
        ("eva", 2.68, 13.4, 0.0, 0.0, 0.0, 0.0, 0.0, 13.4, "needs_re_engagement"),  # 40 x 2.68 / 8
        ("mudo", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, "needs_re_engagement"),
    ],
    MONDAY: [
        ("ana", 28.5, 40.0, 30.0, 10.0, 10.0, 5.0, 10.0, 95.0, "likely_to_convert"),
        ("bruno", 10.0, 40.0, 0.0, 0.0, 0.0, 0.0, 0.0, 40.0, "needs_engagement"),
        ("eva", 2.68, 13.4, 0.0, 0.0, 0.0, 0.0, 0.0, 13.4, "needs_re_engagement"),
        ("gala", 100.0, 40.0, 0.0, 0.0, 0.0, 0.0, 0.0, 40.0, "needs_engagement"),
        ("mudo", 0.0, 0.0, 0.0, 0.0, 0.0, 5.0, 10.0, 15.0, "needs_re_engagement"),
    ],
}

# ---- content_recommendations ----------------------------------------------------------------------------------------

ITEMS = {  # rule: type, title, reason, id
    "interest_marketing": ("guide", "Guía Avanzada de Marketing Digital", "Basado en tu área de interés", "c-guia"),
    "interest_sales": (
        "video",
        "Técnicas Avanzadas de Ventas",
        "Basado en tu área de interés",
        "video-tecnicas-ventas",
    ),
    "complement_guides": (
        "guide",
        "Guía Completa del Tema",
        "Complementa los artículos que has leído",
        "guide-completa-tema",
    ),
    "high_engagement": (
        "case_study",
        "Casos de Éxito Avanzados",
        "Para leads de alto engagement",
        "case-study-exito-avanzados",
    ),
    "near_conversion": (
        "webinar",
        "Webinar Exclusivo: Próximos Pasos",
        "Estás cerca de convertir",
        "webinar-proximos-pasos",
    ),
}
RECOMMENDATIONS: dict[dt.date, dict[str, tuple[str, ...]]] = {  # by lead in the order of scores
    SATURDAY: {
        "ana": ("interest_marketing", "complement_guides", "high_engagement", "near_conversion"),
        "bruno": ("interest_sales",),
        # diego has completed the case study
    },
    SUNDAY: {
        "ana": ("interest_marketing", "complement_guides", "high_engagement", "near_conversion"),
        "bruno": ("interest_sales",),
        "eva": ("interest_sales",),
    },
    MONDAY: {
        "gala": ("high_engagement",),
        "ana": ("high_engagement", "near_conversion"),  # c-guia is completed, and a guide with it
        "bruno": ("interest_sales", "high_engagement"),
        "eva": ("interest_sales",),
    },
}

# ---- lead_segments, segment_changes ---------------------------------------------------------------------------------

LEAD_SEGMENTS: dict[dt.date, set[tuple[str, str]]] = {
    SATURDAY: {("high_value_prospects", "ana"), ("quick_responders", "diego"), ("at_risk", "carla")},
    SUNDAY: {
        ("high_value_prospects", "ana"),
        ("quick_responders", "diego"),
        ("content_consumers", "ana"),
        ("at_risk", "carla"),
    },
    MONDAY: {("high_value_prospects", "ana"), ("quick_responders", "diego"), ("content_consumers", "ana")},
}
SEGMENT_CHANGES: dict[dt.date, set[tuple[str, str, str]]] = {
    SATURDAY: set(),
    SUNDAY: {("content_consumers", "ana", "entered")},
    MONDAY: {("at_risk", "carla", "left")},
}

# ---- anomalies ------------------------------------------------------------------------------------------------------


def _silence(first: dt.date, last: dt.date) -> Row:
    return {
        "type": "unusual_behavior",
        "severity": "medium",
        "message": "1 lead recibió 10+ emails sin abrir ninguno",
        "recommendation": "Revisar calidad de emails y considerar pausar envíos",
        "observed": 1.0,
        "baseline": None,
        "seasonal_baseline": None,
        "change": None,
        "p_value": None,
        "affected_leads": 1,
        "window_start": first,
        "window_end": last,
    }


ANOMALIES: dict[dt.date, list[Row]] = {
    SATURDAY: [_silence(dt.date(2024, 3, 24), SATURDAY)],
    SUNDAY: [_silence(dt.date(2024, 3, 25), SUNDAY)],
    MONDAY: [],  # mudo has opened m8
}

# ---- social_performance ---------------------------------------------------------------------------------------------

SOCIAL_COLUMNS = (
    *("channel", "is_social", "total_leads", "engaged_leads", "engagement_rate", "engagement_rate_low"),
    *("engagement_rate_high", "avg_engagement_score", "referrals_generated", "referral_rate"),
)
# The Wilson interval of 0 of 1 is 0 to z²/(1 + z²), of 1 of 1 it is 1/(1 + z²) to 1; z² = 3.8415.
SOCIAL_PERFORMANCE: dict[dt.date, list[tuple[Any, ...]]] = {  # bruno and carla are older than 30 days
    SATURDAY: [
        ("facebook", True, 1, 1, 100.0, 20.7, 100.0, 21.5, 0, 0.0),
        ("linkedin", True, 1, 0, 0.0, 0.0, 79.3, 17.0, 1, 100.0),
        ("newsletter", False, 1, 0, 0.0, 0.0, 79.3, 0.0, 0, 0.0),
    ],
    SUNDAY: [
        ("facebook", True, 1, 1, 100.0, 20.7, 100.0, 11.5, 0, 0.0),
        ("linkedin", True, 1, 0, 0.0, 0.0, 79.3, 17.0, 1, 100.0),
        ("social", True, 1, 0, 0.0, 0.0, 79.3, 2.68, 0, 0.0),
        ("newsletter", False, 1, 0, 0.0, 0.0, 79.3, 0.0, 0, 0.0),
    ],
    MONDAY: [
        ("facebook", True, 1, 1, 100.0, 20.7, 100.0, 11.5, 0, 0.0),
        ("linkedin", True, 1, 0, 0.0, 0.0, 79.3, 28.5, 2, 100.0),
        ("social", True, 1, 0, 0.0, 0.0, 79.3, 2.68, 0, 0.0),
        ("twitter", True, 1, 0, 0.0, 0.0, 79.3, 100.0, 0, 0.0),
        ("newsletter", False, 1, 0, 0.0, 0.0, 79.3, 0.0, 0, 0.0),
    ],
}

# ---- the reports ----------------------------------------------------------------------------------------------------


def _change(lead: str, old: float, new: float, change: float) -> Row:
    return {"lead_id": lead, "email": f"{lead}@example.org", "old_score": old, "new_score": new, "change": change}


SCORING: dict[dt.date, Row] = {
    SATURDAY: {
        "updated": 3,
        "total_analyzed": 4,  # all but carla
        "avg_score_change": 3.5,  # (13 - 18 + 15.5) / 3
        "increased": 2,
        "decreased": 1,
        "score_changes": [
            _change("carla", 20.0, 2.0, -18.0),
            _change("diego", 6.0, 21.5, 15.5),
            _change("ana", 4.0, 17.0, 13.0),
        ],
    },
    SUNDAY: {
        "updated": 1,
        "total_analyzed": 5,
        "avg_score_change": -10.0,
        "increased": 0,
        "decreased": 1,
        "score_changes": [_change("diego", 21.5, 11.5, -10.0)],
    },
    MONDAY: {
        "updated": 3,
        "total_analyzed": 6,
        "avg_score_change": 5.5,  # (11.5 + 7 - 2) / 3
        "increased": 2,
        "decreased": 1,
        "score_changes": [
            _change("ana", 17.0, 28.5, 11.5),
            _change("bruno", 3.0, 10.0, 7.0),
            _change("carla", 2.0, 0.0, -2.0),
        ],
    },
}


def _prediction(lead: str, status: str, probability: float, action: str, *factors: float | None) -> Row:
    names = ("engagement_score", "completion_rate", "avg_response_time_hours", "business_hours_activity")
    return {
        "lead_id": lead,
        "current_status": status,
        "conversion_probability": probability,
        "predicted_next_action": action,
        "factors": dict(zip(names, factors, strict=True)),
    }


def _prediction_report(likely: int, nurturing: int, engagement: int, re_engagement: int, *predictions: Row) -> Row:
    return {
        "predictions": list(predictions),
        "total_analyzed": len(predictions),
        "action_distribution": {
            "likely_to_convert": likely,
            "needs_nurturing": nurturing,
            "needs_engagement": engagement,
            "needs_re_engagement": re_engagement,
        },
        "high_probability_leads": likely,
    }


LIKELY, ENGAGE, RE_ENGAGE = "likely_to_convert", "needs_engagement", "needs_re_engagement"
PREDICTIONS: dict[dt.date, Row] = {
    SATURDAY: _prediction_report(
        *(2, 0, 0, 3),
        _prediction("ana", "nurturing", 95.0, LIKELY, 17.0, 66.67, 4.83, 80.0),
        _prediction("diego", "engaged", 95.0, LIKELY, 21.5, 100.0, 1.5, 100.0),
        _prediction("carla", "nurturing", 25.0, RE_ENGAGE, 2.0, 0.0, 30.0, 100.0),
        _prediction("bruno", "nurturing", 15.0, RE_ENGAGE, 3.0, None, None, None),
        _prediction("mudo", "new", 0.0, RE_ENGAGE, 0.0, 0.0, None, None),
    ),
    SUNDAY: _prediction_report(
        *(1, 0, 0, 4),
        _prediction("ana", "nurturing", 95.0, LIKELY, 17.0, 100.0, 4.83, 83.33),
        _prediction("carla", "nurturing", 25.0, RE_ENGAGE, 2.0, 0.0, 30.0, 100.0),
        _prediction("bruno", "nurturing", 15.0, RE_ENGAGE, 3.0, None, None, None),
        _prediction("eva", "new", 13.4, RE_ENGAGE, 2.68, None, None, None),
        _prediction("mudo", "new", 0.0, RE_ENGAGE, 0.0, 0.0, None, None),
    ),
    MONDAY: _prediction_report(
        *(1, 0, 2, 2),
        _prediction("ana", "nurturing", 95.0, LIKELY, 28.5, 100.0, 3.75, 87.5),
        _prediction("bruno", "engaged", 40.0, ENGAGE, 10.0, None, None, None),
        _prediction("gala", "new", 40.0, ENGAGE, 100.0, None, None, None),
        _prediction("mudo", "new", 15.0, RE_ENGAGE, 0.0, 0.0, 47.0, 0.0),
        _prediction("eva", "new", 13.4, RE_ENGAGE, 2.68, None, None, None),
    ),
}


def _lead_items(lead: str, area: str | None, score: float, consumed: list[str], *items: tuple[str, str]) -> Row:
    reasons = {title: reason for _, title, reason, _ in ITEMS.values()}
    return {
        "lead_id": lead,
        "email": f"{lead}@example.org",
        "interest_area": area,
        "engagement_score": score,
        "consumed_content_types": consumed,
        "recommended_content": [{"type": kind, "title": title, "reason": reasons[title]} for kind, title in items],
        "total_recommendations": len(items),
    }


MARKETING_GUIDE, WHOLE_GUIDE = ("guide", "Guía Avanzada de Marketing Digital"), ("guide", "Guía Completa del Tema")
SALES_VIDEO, CASE_STUDY = ("video", "Técnicas Avanzadas de Ventas"), ("case_study", "Casos de Éxito Avanzados")
WEBINAR = ("webinar", "Webinar Exclusivo: Próximos Pasos")
RECOMMENDED: dict[dt.date, Row] = {
    SATURDAY: {
        "recommendations": [
            _lead_items("ana", "marketing", 17.0, ["blog"], MARKETING_GUIDE, WHOLE_GUIDE, CASE_STUDY, WEBINAR),
            _lead_items("bruno", "sales", 3.0, [], SALES_VIDEO),
        ],
        "total_leads": 2,
        "content_type_distribution": {"guide": 2, "case_study": 1, "video": 1, "webinar": 1},
        "avg_recommendations_per_lead": 2.5,
    },
    SUNDAY: {
        "recommendations": [
            _lead_items("ana", "marketing", 17.0, ["blog", "video"], MARKETING_GUIDE, WHOLE_GUIDE, CASE_STUDY, WEBINAR),
            _lead_items("bruno", "sales", 3.0, [], SALES_VIDEO),
            _lead_items("eva", "sales", 2.68, [], SALES_VIDEO),
        ],
        "total_leads": 3,
        "content_type_distribution": {"guide": 2, "video": 2, "case_study": 1, "webinar": 1},
        "avg_recommendations_per_lead": 2.0,
    },
    MONDAY: {
        "recommendations": [
            _lead_items("gala", None, 100.0, [], CASE_STUDY),
            _lead_items("ana", "marketing", 28.5, ["blog", "guide", "video"], CASE_STUDY, WEBINAR),
            _lead_items("bruno", "sales", 10.0, [], SALES_VIDEO, CASE_STUDY),
            _lead_items("eva", "sales", 2.68, [], SALES_VIDEO),
        ],
        "total_leads": 4,
        "content_type_distribution": {"case_study": 3, "video": 2, "webinar": 1},
        "avg_recommendations_per_lead": 1.5,
    },
}

DESCRIPTIONS = {
    "high_value_prospects": "Leads de alto valor en nurturing",
    "quick_responders": "Leads que responden rápidamente",
    "content_consumers": "Leads que consumen mucho contenido",
    "referral_champions": "Leads que generan múltiples referidos",
    "at_risk": "Leads en riesgo de abandono",
    "ready_to_convert": "Leads listos para convertir",
}


def _segmentation(leads: int, **members: tuple[str, float]) -> Row:
    def summary(segment: str) -> Row:
        samples = [members[segment]] if segment in members else []
        shown = [
            {"lead_id": lead, "email": f"{lead}@example.org", "engagement_score": score} for lead, score in samples
        ]
        return {"count": len(shown), "description": DESCRIPTIONS[segment], "sample_leads": shown}

    return {
        "segments": {segment: summary(segment) for segment in DESCRIPTIONS},
        "total_segments": 6,
        "total_segmented_leads": leads,
        "largest_segment": {"name": "high_value_prospects", "count": 1},  # the first of equals
    }


SEGMENTATION: dict[dt.date, Row] = {
    SATURDAY: _segmentation(
        3, high_value_prospects=("ana", 17.0), quick_responders=("diego", 21.5), at_risk=("carla", 2.0)
    ),
    SUNDAY: _segmentation(
        3,
        high_value_prospects=("ana", 17.0),
        quick_responders=("diego", 11.5),
        content_consumers=("ana", 17.0),
        at_risk=("carla", 2.0),
    ),
    MONDAY: _segmentation(
        2, high_value_prospects=("ana", 28.5), quick_responders=("diego", 11.5), content_consumers=("ana", 28.5)
    ),
}

ONE_SILENT: Row = {
    "anomalies": [
        {
            "type": "unusual_behavior",
            "severity": "medium",
            "message": "1 lead recibió 10+ emails sin abrir ninguno",
            "recommendation": "Revisar calidad de emails y considerar pausar envíos",
            "affected_leads": 1,
        }
    ],
    "total_detected": 1,
    "high_severity": 0,
    "medium_severity": 1,
}
DETECTION: dict[dt.date, Row] = {
    SATURDAY: ONE_SILENT,
    SUNDAY: ONE_SILENT,
    MONDAY: {"anomalies": [], "total_detected": 0, "high_severity": 0, "medium_severity": 0},
}


def _tracking(social: tuple[int, int, float], percentage: float, *platforms: tuple[Any, ...]) -> Row:
    names = (
        *("platform", "total_leads", "engaged_leads", "engagement_rate"),
        *("avg_engagement_score", "referrals_generated", "referral_rate"),
    )
    return {
        "social_platforms": [dict(zip(names, platform, strict=True)) for platform in platforms],
        "total_social_leads": social[0],
        "best_platform": None,  # none has 30 leads
        "channel_comparison": {
            "social_media": {"total": social[0], "engaged": social[1], "engagement_rate": social[2]},
            "newsletter": {"total": 1, "engaged": 0, "engagement_rate": 0.0},
        },
        "social_percentage": percentage,
    }


TRACKING: dict[dt.date, Row] = {
    SATURDAY: _tracking(
        (2, 1, 50.0),
        66.7,  # 2 of 3
        ("facebook", 1, 1, 100.0, 21.5, 0, 0.0),
        ("linkedin", 1, 0, 0.0, 17.0, 1, 100.0),
    ),
    SUNDAY: _tracking(
        (3, 1, 33.3),
        75.0,
        ("facebook", 1, 1, 100.0, 11.5, 0, 0.0),
        ("linkedin", 1, 0, 0.0, 17.0, 1, 100.0),
        ("social", 1, 0, 0.0, 2.68, 0, 0.0),
    ),
    MONDAY: _tracking(
        (4, 1, 25.0),
        80.0,
        ("facebook", 1, 1, 100.0, 11.5, 0, 0.0),
        ("linkedin", 1, 0, 0.0, 28.5, 2, 100.0),
        ("social", 1, 0, 0.0, 2.68, 0, 0.0),
        ("twitter", 1, 0, 0.0, 100.0, 0, 0.0),
    ),
}
REPORTS: dict[str, dict[dt.date, Row]] = {
    "dynamic_scoring_system": SCORING,
    "predictive_behavior_analysis": PREDICTIONS,
    "personalized_content_recommendations": RECOMMENDED,
    "advanced_segmentation_engine": SEGMENTATION,
    "anomaly_detection": DETECTION,
    "social_media_tracking": TRACKING,
}
