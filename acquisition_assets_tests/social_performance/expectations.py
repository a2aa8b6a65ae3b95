"""Holds what the tests must know of `social_performance`: rows, numbers of its policy, keys of its reports.

What each field means is left to kit/expectations.py.
"""

from __future__ import annotations

from acquisition_assets_tests.kit.expectations import Expectations, Row, TableExpectations, without

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

EXPECTATIONS = Expectations(
    tables={
        "social_performance": TableExpectations(
            good=[CHANNEL, IDLE_CHANNEL, FULL_CHANNEL],
            also_good=[{**CHANNEL, "engagement_rate_low": 30.0, "engagement_rate_high": 30.0}],
            broken={
                "engaged among leads": [{**FULL_CHANNEL, "engaged_leads": 151}],
                "rate of counts": [{**CHANNEL, "engagement_rate": 30.1}, {**CHANNEL, "engaged_leads": 46}],
                "bounds around rate": [
                    {**CHANNEL, "engagement_rate_low": 30.1},
                    {**CHANNEL, "engagement_rate_high": 29.9},
                ],
                "referrals of leads": [{**CHANNEL, "referrals_generated": 11}],
                "channel named": [{**CHANNEL, "channel": ""}],
            },
            tampered=without("channel", "newsletter"),
        ),
    },
    changes={
        "social_performance": {"window_days": 10, "confidence": 0.8, "best_platform_minimum_leads": 1000},
    },
    report_keys={
        "social_media_tracking": {
            "social_platforms",
            "total_social_leads",
            "best_platform",
            "channel_comparison",
            "social_percentage",
        },
    },
)
