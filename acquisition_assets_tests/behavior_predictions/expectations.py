"""Holds what the tests must know of `behavior_predictions`: rows, numbers of its policy, keys of its reports.

What each field means is left to kit/expectations.py.
"""

from __future__ import annotations

from acquisition_assets_tests.kit.expectations import Expectations, Row, TableExpectations, added

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

EXPECTATIONS = Expectations(
    tables={
        "behavior_predictions": TableExpectations(
            good=[PREDICTION, BLANK_PREDICTION, {**PREDICTION, "lead_id": "caro", "recency_points": 9.97}],
            broken={"points explain themselves": [{**PREDICTION, "conversion_probability": 85.04}]},
            tampered=lambda table: added(table, weekday_points=5.0),
        ),
    },
    changes={
        "behavior_predictions": {
            "engagement_points": 30.0,
            "full_engagement_score": 20.0,
            "completion_points": 20.0,
            "fast_response_hours": 1.0,
            "fast_response_points": 12.0,
            "response_hours": 8.0,
            "response_points": 8.0,
            "business_hours_share": 0.8,
            "business_hours_points": 8.0,
            "weekday_share": 0.9,
            "weekday_points": 4.0,
            "recent_days": 1,
            "recent_points": 8.0,
            "week_days": 5,
            "week_points": 4.0,
            "maximum_probability": 80.0,
            "likely_above": 75.0,
            "nurturing_from": 45.0,
            "engagement_from": 35.0,
        },
    },
    lists={"predictions": ("predictive_behavior_analysis", "predictions")},
    report_keys={
        "predictive_behavior_analysis": {
            "predictions",
            "total_analyzed",
            "action_distribution",
            "high_probability_leads",
        },
    },
)
