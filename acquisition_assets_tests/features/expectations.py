"""Holds what the tests must know of `features`: rows of its tables, and numbers of its policy.

What each field means is left to kit/expectations.py.
"""

from __future__ import annotations

import datetime as dt

import pyarrow as pa

from acquisition_assets.channels.policy import ChannelPolicy
from acquisition_assets_tests.kit.expectations import DAY, NOON, Expectations, Row, TableExpectations, added

ACTIVITY: Row = {
    "lead_id": "ana",
    "email": "ana@example.com",
    "source": "linkedin",
    "platform": "linkedin",
    "channel": "linkedin",
    "channel_class": "organic_social",
    "channel_detail": "linkedin",
    "channel_rule": "social_network.source",
    "interest_area": "marketing",
    "status": "nurturing",
    "status_is_dated": True,
    "base_score": 9.5,
    "created_at": NOON,
    "is_unsubscribed": False,
    "is_bounced": False,
    "has_complained": False,
    "may_be_mailed": True,
    "age_days": 89,
    "deliveries_total": 9,
    "deliveries_7d": 2,
    "deliveries_30d": 4,
    "opens_total": 6,
    "opens_7d": 2,
    "completions_total": 3,
    "completions_7d": 1,
    "consumed_30d": 4,
    "completion_rate": 0.3333,
    "avg_response_hours": 5.25,
    "latest_response_hours": 1.5,
    "business_hours_share": 0.75,
    "weekday_share": 1.0,
    "last_sent_at": NOON,
    "last_engaged_at": NOON,
    "days_since_engagement": 0,
    "days_inactive": 0,
    "consumed_content_types": ["blog", "guide"],
    "referrals_generated": 2,
    "referrals_validated": 1,
}
SILENT_ACTIVITY: Row = {
    **{name: 0 if isinstance(value, int) and not isinstance(value, bool) else None for name, value in ACTIVITY.items()},
    "lead_id": "bea",
    "source": "organic",
    "channel": "organic",
    "channel_class": "unknown",
    "channel_rule": "nothing_known",
    "status": "new",
    "status_is_dated": False,
    "base_score": 0.0,
    "created_at": NOON,
    "is_unsubscribed": True,
    "is_bounced": True,
    "has_complained": True,
    "may_be_mailed": False,
    "days_since_engagement": None,
    "consumed_content_types": [],
}
METRICS: Row = {
    "day": DAY,
    "new_leads": 4,
    "deliveries_sent": 10,
    "opened_24h": 3,
    "completions": 2,
    "referrals_created": 5,
    "referrals_fraud": 1,
    "leads_engaged": 1,
    "leads_converted": 1,
}
QUIET_DAY: Row = {**dict.fromkeys(METRICS, 0), "day": DAY - dt.timedelta(days=1)}
COUNT: Row = {"day": DAY, "metric": "new_leads", "channel": "linkedin", "value": 12, "trials": None}
RATE: Row = {"day": DAY, "metric": "open_rate", "channel": None, "value": 3, "trials": 10}
NOTHING: Row = {"day": DAY, "metric": "fraud_rate", "channel": None, "value": None, "trials": None}


def _one_more_lead(table: pa.Table) -> pa.Table:
    """Return metric_history with one more new lead on its first day that has data."""
    rows = table.to_pylist()
    next(row for row in rows if row["metric"] == "new_leads" and row["value"] is not None)["value"] += 1
    return pa.Table.from_pylist(rows, schema=table.schema)


EXPECTATIONS = Expectations(
    tables={
        "lead_activity": TableExpectations(
            good=[ACTIVITY, SILENT_ACTIVITY],
            broken={
                "windows nest": [{**ACTIVITY, "deliveries_7d": 5}, {**ACTIVITY, "deliveries_30d": 10}],
                "completions are opened": [{**ACTIVITY, "completions_total": 7}],
                "validated are generated": [{**ACTIVITY, "referrals_validated": 3}],
                "who may be mailed": [{**SILENT_ACTIVITY, "may_be_mailed": True}],
            },
            tampered=lambda table: added(table, referrals_generated=1),
            not_in_reference=("channel_detail", "channel_rule"),  # the worked examples of channels cover them
        ),
        "daily_metrics": TableExpectations(
            good=[METRICS, QUIET_DAY],
            broken={
                "opened were sent": [{**METRICS, "opened_24h": 11}],
                "fraud was created": [{**METRICS, "referrals_fraud": 6}],
            },
            tampered=lambda table: added(table, new_leads=1),
        ),
        "metric_history": TableExpectations(
            good=[COUNT, RATE, NOTHING],
            broken={
                "part of trials": [{**RATE, "value": 11}],
                "trials of rates": [{**RATE, "trials": None}, {**COUNT, "trials": 20}, {**NOTHING, "trials": 1}],
                "channels of new leads": [{**RATE, "channel": "linkedin"}],
            },
            tampered=_one_more_lead,
        ),
    },
    changes={
        "features": {
            "history_days": 60,
            "recent_days": 3,
            "month_days": 10,
            "metrics_days": 40,
            "watched_days": 130,
            "watched_channel_mean": 1.0,
            "first_business_hour": 11,
            "last_business_hour": 15,
            "last_weekday": 3,
            "opened_hours": 1.0,
            "longest_address": 12,
        },
        "platforms": {
            "names": {"linkedin": ["li"], "facebook": ["linkedin"]},
            "domains": {"facebook": ["nothing.example"]},
            "other_social": ["google"],
            "other_social_domains": ["google.com"],
            "social_words": ["organic"],
            "social_name": "networks",
        },
    },
    elsewhere={
        "features": ("dated_hours", "undated_percent"),
        "platforms": ("social_names_alone", "shortest_word"),
        "channels": tuple(ChannelPolicy.model_fields),
    },
)
