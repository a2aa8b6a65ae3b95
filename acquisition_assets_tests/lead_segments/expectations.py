"""Holds what the tests must know of `lead_segments`: rows, numbers of its policy, keys of its reports.

What each field means is left to kit/expectations.py.
"""

from __future__ import annotations

from acquisition_assets_tests.kit.expectations import Expectations, Row, TableExpectations, without

MEMBERSHIP: Row = {"segment": "at_risk", "lead_id": "ana"}
CHANGE: Row = {**MEMBERSHIP, "change": "entered"}

EXPECTATIONS = Expectations(
    tables={
        "lead_segments": TableExpectations(
            good=[MEMBERSHIP, {**MEMBERSHIP, "lead_id": "bea"}, {**MEMBERSHIP, "segment": "mine"}],
            tampered=without("segment", "quick_responders"),
        ),
        "segment_changes": TableExpectations(
            good=[CHANGE, {**CHANGE, "lead_id": "bea", "change": "left"}],
            tampered=without("change", "left"),
            is_plotted=False,  # counts, which the UI plots itself
        ),
    },
    changes={
        "segments": {
            **{
                name: {"criterion": criterion}
                for name, criterion in {
                    "high_value_prospects": "engagement_score >= 20",
                    "quick_responders": "avg_response_hours < 1",
                    "content_consumers": "completions_total >= 4",
                    "referral_champions": "referrals_validated >= 1",
                    "at_risk": "age_days >= 60",
                    "ready_to_convert": "engagement_score >= 20",
                }.items()
            },
        },
    },
    report_keys={
        "advanced_segmentation_engine": {"segments", "total_segments", "total_segmented_leads", "largest_segment"},
    },
    sql_numbers={"segment_changes/segment_changes.sql": {"62"}},
)
