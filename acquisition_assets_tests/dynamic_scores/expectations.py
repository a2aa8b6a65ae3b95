"""Holds what the tests must know of `dynamic_scores`: rows, numbers of its policy, keys of its reports.

What each field means is left to kit/expectations.py.
"""

from __future__ import annotations

from acquisition_assets_tests.kit.expectations import Expectations, Row, TableExpectations, added

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

EXPECTATIONS = Expectations(
    tables={
        "dynamic_scores": TableExpectations(
            good=[SCORE, IDLE_SCORE, FULL_SCORE],
            broken={
                "score explains itself": [{**SCORE, "computed_score": 29.49}, {**SCORE, "clamp_adjustment": 0.01}],
                "unchanged keeps its score": [{**SCORE, "is_updated": False}],
                "no points without analysis": [{**SCORE, "is_analysed": False}],
            },
            tampered=lambda table: added(table, referral_points=5.0, clamp_adjustment=-5.0),
        ),
    },
    changes={
        "dynamic_scores": {
            "completion_points": 4.0,
            "open_points": 1.5,
            "fast_response_hours": 1.0,
            "fast_response_points": 6.0,
            "response_hours": 8.0,
            "response_points": 2.0,
            "referral_points": 7.0,
            "consistency_points": 4.0,
            "consistency_consumed": 5,
            "consistency_per_day": 0.4,
            "consistency_days": 15,
            "decay_after_days": 7,
            "decay_points_per_day": 1.0,
            "engaged_points": 12.0,
            "nurturing_points": 4.0,
            "minimum_score": 5.0,
            "maximum_score": 40.0,
            "minimum_change": 3.0,
            "lookback_days": 2,
            "analysed_created_days": 30,
            "analysed_active_days": 10,
        },
    },
    lists={"score_changes": ("dynamic_scoring_system", "score_changes")},
    report_keys={
        "dynamic_scoring_system": {
            "updated",
            "total_analyzed",
            "avg_score_change",
            "increased",
            "decreased",
            "score_changes",
        },
    },
    sql_numbers={"dynamic_scores/distribution.sql": {"19", "5"}},
)
