"""Provides for each table of the lake rows that keep its contract, and rows that break each multi-column rule.

Rows that break single-column rules are generated from the contracts in test_contracts.py.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from acquisition_assets_tests.kit import forecast_contract_rows as forecasts
from acquisition_assets_tests.kit import incident_contract_rows as incidents
from acquisition_assets_tests.kit import watch_contract_rows as watch

Row = Mapping[str, Any]
DAY = dt.date(2026, 3, 31)
NOON = dt.datetime(2026, 3, 31, 12, tzinfo=dt.timezone.utc)

# -- raw tables and quarantine -----------------------------------------------------------------------------------------

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

# -- features ----------------------------------------------------------------------------------------------------------

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

# -- outputs -----------------------------------------------------------------------------------------------------------

SCORE: Row = {
    "lead_id": "ana",
    "base_score": 9.5,
    "recent_activity_points": 3.0,
    "response_points": 3.0,
    "referral_points": 10.0,
    "consistency_points": 2.0,
    "decay_points": 0.0,
    "status_points": 2.0,
    "clamp_adjustment": 0.0,
    "computed_score": 29.5,
    "previous_score": 27.5,
    "is_analysed": True,
    "is_updated": True,
    "score": 29.5,
}
IDLE_SCORE: Row = {
    **dict.fromkeys(SCORE, 0.0),
    "lead_id": "bea",
    "base_score": 1.0,
    "decay_points": -5.5,
    "clamp_adjustment": 4.5,
    "previous_score": 0.5,
    "is_analysed": False,
    "is_updated": False,
    "score": 0.5,
}
FULL_SCORE: Row = {
    **SCORE,
    "lead_id": "caro",
    "base_score": 250.0,
    "clamp_adjustment": -170.0,
    "computed_score": 100.0,
    "previous_score": 100.0,
    "is_updated": False,
    "score": 100.0,
}
PREDICTION: Row = {
    "lead_id": "ana",
    "status": "nurturing",
    "engagement_score": 29.5,
    "completion_rate": 0.3333,
    "avg_response_hours": 5.25,
    "business_hours_share": 0.75,
    "engagement_points": 40.0,
    "completion_points": 10.0,
    "response_points": 10.0,
    "business_hours_points": 10.0,
    "weekday_points": 5.0,
    "recency_points": 10.0,
    "conversion_probability": 85.0,
    "predicted_next_action": "likely_to_convert",
}
BLANK_PREDICTION: Row = {
    **dict.fromkeys(PREDICTION, 0.0),
    "lead_id": "bea",
    "status": "new",
    "completion_rate": None,
    "avg_response_hours": None,
    "business_hours_share": None,
    "predicted_next_action": "needs_re_engagement",
}
RECOMMENDATION: Row = {
    "lead_id": "ana",
    "rank": 1,
    "rule": "interest_marketing",
    "content_type": "guide",
    "title": "Guía Avanzada de Marketing Digital",
    "reason": "Basado en tu área de interés",
    "content_id": "guide-marketing-avanzada",
}
MEMBERSHIP: Row = {"segment": "at_risk", "lead_id": "ana"}
CHANGE: Row = {**MEMBERSHIP, "change": "entered"}

WINDOW = {"window_start": DAY - dt.timedelta(days=2), "window_end": DAY}
WORDS = {"message": "Algo pasó", "recommendation": "Revisar"}
NONE = dict.fromkeys(("baseline", "seasonal_baseline", "change", "p_value", "affected_leads"))
DROP: Row = {
    "type": "engagement_drop",
    "severity": "high",
    **WORDS,
    **NONE,
    "observed": 18.5,
    "baseline": 28.33,
    "seasonal_baseline": 30.0,
    "change": -0.3471,
    "p_value": 0.00671,
    **WINDOW,
}
FRAUD: Row = {**DROP, **NONE, "type": "high_fraud_rate", "observed": 27.27, "baseline": 20.0, "change": 0.3636}
FEW_LEADS: Row = {
    **DROP,
    "type": "lead_generation_drop",
    "severity": "medium",
    "observed": 4.33,
    "baseline": 13.33,
    "seasonal_baseline": None,
    "change": -0.675,
}
SILENT: Row = {
    **DROP,
    **NONE,
    "type": "unusual_behavior",
    "severity": "medium",
    "observed": 5.0,
    "affected_leads": 5,
}

CHANNEL: Row = {
    "channel": "linkedin",
    "is_social": True,
    "total_leads": 150,
    "engaged_leads": 45,
    "engagement_rate": 30.0,
    "engagement_rate_low": 23.2,
    "engagement_rate_high": 37.8,
    "avg_engagement_score": 7.5,
    "referrals_generated": 14,
    "referral_rate": 8.0,
}
IDLE_CHANNEL: Row = {
    **dict.fromkeys(CHANNEL, 0.0),
    "channel": "organic",
    "is_social": False,
    "total_leads": 150,
    "engaged_leads": 0,
    "engagement_rate_high": 2.5,
    "referrals_generated": 0,
}
FULL_CHANNEL: Row = {
    **CHANNEL,
    "channel": "x",
    "engaged_leads": 150,
    "engagement_rate": 100.0,
    "engagement_rate_low": 97.5,
    "engagement_rate_high": 100.0,
    "referrals_generated": 150,
    "referral_rate": 100.0,
}

COMPARED: Row = {
    "level": "channel",
    "channel": "linkedin",
    "metric": "engaged",
    "period": "long",
    "period_start": DAY - dt.timedelta(days=89),
    "period_end": DAY,
    "leads": 150,
    "successes": 45,
    "rate": 30.0,
    "rate_low": 23.2,
    "rate_high": 37.8,
    "shrunk_rate": 28.4,
    "probability_best": 0.97,
    "p_value": 0.0123,
    "verdict": "best",
    "leads_needed": None,
}
COST: Row = {
    "channel": "linkedin",
    "measure": "converted",
    "spend": 1000.0,
    "leads": 200,
    "successes": 10,
    "cost": 100.0,
    "cost_low": 55.83,
    "cost_high": 182.7,
    "currency": "EUR",
}
NO_COST: Row = {**COST, "channel": "email", "successes": 0, "cost": None, "cost_high": None}
SHIFT: Row = {
    "from_channel": "facebook",
    "to_channel": "linkedin",
    "share": 0.2,
    "amount": 250.0,
    "gained": 2.5,
    "gained_low": 0.4,
    "gained_high": 4.6,
    "advice": "move 250.00 EUR a week from facebook to linkedin: 2.5 conversions more",
}
KEPT: Row = {
    **SHIFT,
    "from_channel": "all",
    "to_channel": "all",
    "share": 0.0,
    "amount": 0.0,
    **dict.fromkeys(("gained", "gained_low", "gained_high")),
    "advice": "keep: the evidence is weak",
}
FEW_COMPARED: Row = {
    **COMPARED,
    "channel": "email",
    "leads": 40,
    "successes": 12,
    "verdict": "too few",
    "leads_needed": 90,
}
WEEK_COMPARED: Row = {
    **FEW_COMPARED,
    "period": "week",
    **dict.fromkeys(("shrunk_rate", "probability_best", "p_value", "verdict", "leads_needed")),
}

GOOD: dict[str, Sequence[Row]] = {
    "raw_leads": [RAW_LEAD, RAW_LEAD_BARE],
    "raw_events": [RAW_EVENT, RAW_EVENT_BARE],
    "raw_referrals": [
        RAW_REFERRAL,
        {**RAW_REFERRAL, "referral_id": "r3", "updated_at": None},
        {**RAW_REFERRAL, "referral_id": "r2", "referred_email": None, "status": "fraud", "validated_at": None},
    ],
    "raw_content": [
        RAW_CONTENT,
        {
            **RAW_CONTENT,
            "content_id": "c2",
            "url": None,
            "interest_area": None,
            "published_at": None,
            "updated_at": None,
        },
    ],
    "raw_aliases": [ALIAS, {**ALIAS, "alias_id": "ana-2"}],
    "source_state": [STATE, {**STATE, "newest_at": None}],
    "event_days": [EVENT_DAY, {**EVENT_DAY, "fingerprint": None, "lead_hash": "0cc175b9c0f1b6a831c399e269772661"}],
    "raw_status_changes": [STATUS_CHANGE, {**STATUS_CHANGE, "read_order": 1}],
    "raw_spend": [SPENT, {**dict.fromkeys(SPENT), "day": NOON, "amount": 0.0, "read_order": 1}],
    "quarantine": [QUARANTINED, QUARANTINED],
    "lead_activity": [ACTIVITY, SILENT_ACTIVITY],
    "daily_metrics": [METRICS, QUIET_DAY],
    "dynamic_scores": [SCORE, IDLE_SCORE, FULL_SCORE],
    "behavior_predictions": [PREDICTION, BLANK_PREDICTION, {**PREDICTION, "lead_id": "caro", "recency_points": 9.97}],
    "content_recommendations": [RECOMMENDATION, {**RECOMMENDATION, "rank": 2}, {**RECOMMENDATION, "lead_id": "bea"}],
    "lead_segments": [MEMBERSHIP, {**MEMBERSHIP, "lead_id": "bea"}, {**MEMBERSHIP, "segment": "mine"}],
    "segment_changes": [CHANGE, {**CHANGE, "lead_id": "bea", "change": "left"}],
    "anomalies": [DROP, FRAUD, FEW_LEADS, SILENT],
    "channel_performance": [COMPARED, FEW_COMPARED, WEEK_COMPARED],
    "channel_costs": [COST, NO_COST, {**NO_COST, "channel": "fairs", "leads": 0, "cost_low": None}],
    "budget_advice": [SHIFT, KEPT],
    "social_performance": [CHANNEL, IDLE_CHANNEL, FULL_CHANNEL],
    **forecasts.GOOD,
    **watch.GOOD,
    **incidents.GOOD,
}
"""Table -> rows that keep its contract together; a column that may be null is null in one of them."""

ALSO_GOOD: dict[str, Sequence[Row]] = {
    "anomalies": [
        {**DROP, "seasonal_baseline": None},
        {**FRAUD, "observed": 20.0, "change": 0.0001},
        {**FRAUD, "observed": 5.0, "baseline": 0.0, "change": None},
        {**FEW_LEADS, "observed": 0.0, "change": -1.0},
        {**DROP, "observed": 0.0, "baseline": 0.01, "change": -0.6667},
    ],
    "social_performance": [{**CHANNEL, "engagement_rate_low": 30.0, "engagement_rate_high": 30.0}],
}
"""More rows that keep a contract, each by itself."""

BROKEN: dict[str, dict[str, Sequence[Row]]] = {
    "lead_activity": {
        "windows nest": [{**ACTIVITY, "deliveries_7d": 5}, {**ACTIVITY, "deliveries_30d": 10}],
        "completions are opened": [{**ACTIVITY, "completions_total": 7}],
        "validated are generated": [{**ACTIVITY, "referrals_validated": 3}],
        "who may be mailed": [{**SILENT_ACTIVITY, "may_be_mailed": True}],
    },
    "daily_metrics": {
        "opened were sent": [{**METRICS, "opened_24h": 11}],
        "fraud was created": [{**METRICS, "referrals_fraud": 6}],
    },
    "dynamic_scores": {
        "score explains itself": [{**SCORE, "computed_score": 29.49}, {**SCORE, "clamp_adjustment": 0.01}],
        "unchanged keeps its score": [{**SCORE, "is_updated": False}],
        "no points without analysis": [{**SCORE, "is_analysed": False}],
    },
    "behavior_predictions": {"points explain themselves": [{**PREDICTION, "conversion_probability": 85.04}]},
    "anomalies": {
        "severity of type": [{**FEW_LEADS, "severity": "high"}, {**DROP, "severity": "medium"}],
        "words": [{**DROP, "message": " "}, {**DROP, "recommendation": ""}],
        "affected leads": [
            {**DROP, "affected_leads": 5},
            {**SILENT, "affected_leads": 4},
            {**SILENT, "affected_leads": None},
        ],
        "p_value of drops": [{**FEW_LEADS, "p_value": None}, {**FRAUD, "p_value": 0.01}],
        "season of drops": [{**FRAUD, "seasonal_baseline": 20.0}],
        "baseline of type": [
            {**SILENT, "baseline": 4.0, "change": 0.25},
            {**FRAUD, "baseline": None, "change": None},
        ],
        "rates in percent": [
            {**FRAUD, "observed": 100.01, "change": 4.0005},
            {**DROP, "seasonal_baseline": 100.01},
        ],
        "direction": [
            {**DROP, "seasonal_baseline": 18.0},
            {**DROP, "observed": 29.0, "change": 0.0237},
            {**FRAUD, "observed": 19.99, "change": -0.0005},
        ],
        "change of baseline": [
            {**DROP, "change": -0.36},
            {**FRAUD, "change": None},
            {**SILENT, "change": 0.1},
        ],
        "window": [{**DROP, "window_start": DAY + dt.timedelta(days=1)}],
    },
    "channel_performance": {
        "successes among leads": [{**WEEK_COMPARED, "successes": 41}],
        "bounds around rate": [{**COMPARED, "rate_low": 30.1}, {**COMPARED, "rate_high": 29.9}],
        "weeks have no verdict": [{**WEEK_COMPARED, "verdict": "best"}, {**COMPARED, "verdict": None}],
        "too few says how many": [
            {**FEW_COMPARED, "leads_needed": 40},
            {**FEW_COMPARED, "leads_needed": None},
        ],
        "period ends": [{**COMPARED, "period_end": dt.date(2000, 1, 1)}],
    },
    "channel_costs": {
        "bounds around cost": [{**COST, "cost_low": 100.1}, {**COST, "cost_high": 99.9}],
        "no cost without success": [{**COST, "successes": 0}, {**COST, "cost": None}],
    },
    "budget_advice": {
        "proved": [{**SHIFT, "gained_low": 0.0}, {**SHIFT, "gained_low": None}],
        "bounds around gain": [{**SHIFT, "gained": 0.3}, {**SHIFT, "gained": 4.7}],
    },
    "social_performance": {
        "engaged among leads": [{**FULL_CHANNEL, "engaged_leads": 151}],
        "rate of counts": [{**CHANNEL, "engagement_rate": 30.1}, {**CHANNEL, "engaged_leads": 46}],
        "bounds around rate": [{**CHANNEL, "engagement_rate_low": 30.1}, {**CHANNEL, "engagement_rate_high": 29.9}],
        "referrals of leads": [{**CHANNEL, "referrals_generated": 11}],
        "channel named": [{**CHANNEL, "channel": ""}],
    },
    **forecasts.BROKEN,
    **watch.BROKEN,
    **incidents.BROKEN,
}
"""Table -> rule across columns -> rows that break it, one by one."""
