"""Holds what the tests must know of `raw`: rows of its tables, and which tests cover its policy.

What each field means is left to kit/expectations.py.
"""

from __future__ import annotations

from acquisition_assets.inputs.vocabulary import VocabularyPolicy
from acquisition_assets.raw.policy import FreshnessPolicy, IngestionPolicy
from acquisition_assets_tests.kit.expectations import DAY, NOON, Expectations, Row, TableExpectations

RAW_LEAD: Row = {
    "lead_id": "ana",
    "email": "ana@example.com",
    "source": "linkedin",
    "utm_source": "li",
    "utm_medium": "social",
    "utm_campaign": "spring",
    "referrer_url": "https://www.linkedin.com/feed",
    "landing_url": "https://example.com/?gclid=1",
    "click_ids": "gclid=1",
    "interest_area": "marketing",
    "status": "converted",
    "engagement_score": 9.5,
    "referrer_lead_id": "bea",
    "created_at": NOON,
    "engaged_at": NOON,
    "converted_at": NOON,
    "inactive_at": NOON,
    "unsubscribed_at": NOON,
    "updated_at": NOON,
    "merged_created_at": NOON,
    "merged_engaged_at": NOON,
    "merged_converted_at": NOON,
    "merged_inactive_at": NOON,
    "merged_unsubscribed_at": NOON,
    "merged_status": "converted",
    "unsubscribed_unreadable": False,
    "referrer_host": "www.linkedin.com",
    "created_date": DAY,
    "engaged_date": DAY,
    "converted_date": DAY,
}
RAW_LEAD_BARE: Row = {
    **dict.fromkeys(RAW_LEAD),
    "lead_id": "bea",
    "source": "organic",
    "status": "new",
    "engagement_score": 0.0,
    "created_at": NOON,
    "merged_created_at": NOON,
    "merged_status": "new",
    "unsubscribed_unreadable": True,
    "created_date": DAY,
}
RAW_EVENT: Row = {
    "event_id": "1",
    "lead_id": "ana",
    "delivery_id": "d1",
    "event_type": "sent",
    "content_id": "c1",
    "content_type": "guide",
    "occurred_at": NOON,
    "is_machine": False,
    "derived_delivery_id": "d1",
    "local_hour": 0,
    "local_weekday": 1,
}
RAW_EVENT_BARE: Row = {
    **RAW_EVENT,
    "event_id": "2",
    "delivery_id": None,
    "content_id": None,
    "derived_delivery_id": None,
    "local_hour": 23,
    "local_weekday": 7,
}
RAW_REFERRAL: Row = {
    "referral_id": "r1",
    "referrer_lead_id": "ana",
    "referred_email": "friend@example.com",
    "status": "validated",
    "created_at": NOON,
    "validated_at": NOON,
    "updated_at": NOON,
    "created_date": DAY,
}
RAW_CONTENT: Row = {
    "content_id": "c1",
    "content_type": "guide",
    "title": "Guía",
    "url": "https://example.com/c1",
    "interest_area": "marketing",
    "published_at": NOON,
    "retired_at": NOON,
    "updated_at": NOON,
}
ALIAS: Row = {"alias_id": "a@x.org", "lead_id": "ana-2", "final_lead_id": "ana"}
EVENT_DAY: Row = {"rows_read": 3, "rows_accepted": 2, "fingerprint": "3 12345", "lead_hash": None}
STATE: Row = {"read_at": NOON, "newest_at": NOON, "is_stale_leads": False, "is_stale_events": True}
STATUS_CHANGE: Row = {"lead_id": "ana", "status": "engaged", "changed_at": NOON, "read_order": 0}
SPENT: Row = {
    "day": NOON,
    "channel": "linkedin",
    "utm_source": "li",
    "utm_campaign": "spring",
    "amount": 12.5,
    "currency": "EUR",
    "read_order": 0,
}
QUARANTINED: Row = {
    "source_table": "leads",
    "row_key": "7",
    "reason": "unknown word",
    "row": '{"lead_id": "7"}',
    "detail": "status: one of ...",
}

EXPECTATIONS = Expectations(
    tables={
        "raw_leads": TableExpectations(
            good=[RAW_LEAD, RAW_LEAD_BARE],
        ),
        "raw_events": TableExpectations(
            good=[RAW_EVENT, RAW_EVENT_BARE],
        ),
        "raw_referrals": TableExpectations(
            good=[
                RAW_REFERRAL,
                {**RAW_REFERRAL, "referral_id": "r3", "updated_at": None},
                {**RAW_REFERRAL, "referral_id": "r2", "referred_email": None, "status": "fraud", "validated_at": None},
            ],
        ),
        "raw_content": TableExpectations(
            good=[
                RAW_CONTENT,
                {
                    **RAW_CONTENT,
                    "content_id": "c2",
                    "url": None,
                    "interest_area": None,
                    "published_at": None,
                    "retired_at": None,
                    "updated_at": None,
                },
            ],
        ),
        "raw_status_changes": TableExpectations(
            good=[STATUS_CHANGE, {**STATUS_CHANGE, "read_order": 1}],
        ),
        "raw_aliases": TableExpectations(
            good=[ALIAS, {**ALIAS, "alias_id": "ana-2"}],
        ),
        "raw_spend": TableExpectations(
            good=[SPENT, {**dict.fromkeys(SPENT), "day": NOON, "amount": 0.0, "read_order": 1}],
        ),
        "source_state": TableExpectations(
            good=[STATE, {**STATE, "newest_at": None}],
        ),
        "event_days": TableExpectations(
            good=[EVENT_DAY, {**EVENT_DAY, "fingerprint": None, "lead_hash": "0cc175b9c0f1b6a831c399e269772661"}],
        ),
        "quarantine": TableExpectations(
            good=[QUARANTINED, QUARANTINED],
        ),
    },
    elsewhere={
        "ingestion": tuple(IngestionPolicy.model_fields),
        "freshness": tuple(FreshnessPolicy.model_fields),
        "vocabulary": tuple(VocabularyPolicy.model_fields),
    },
)
