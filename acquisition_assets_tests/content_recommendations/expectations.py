"""Holds what the tests must know of `content_recommendations`: rows, numbers of its policy, keys of its reports.

What each field means is left to kit/expectations.py.
"""

from __future__ import annotations

import pyarrow as pa

from acquisition_assets_tests.kit.expectations import Expectations, Row, TableExpectations

RECOMMENDATION: Row = {
    "lead_id": "ana",
    "rank": 1,
    "rule": "interest_marketing",
    "content_type": "guide",
    "title": "Guía Avanzada de Marketing Digital",
    "reason": "Basado en tu área de interés",
    "content_id": "guide-marketing-avanzada",
}


def _one_more(table: pa.Table) -> pa.Table:
    """Add an item of the first rule for a lead that does not want it."""
    row = {**table.slice(0, 1).to_pylist()[0], "rank": 5, "rule": "interest_marketing"}
    return pa.Table.from_pylist([row], schema=table.schema)


EXPECTATIONS = Expectations(
    tables={
        "content_recommendations": TableExpectations(
            good=[RECOMMENDATION, {**RECOMMENDATION, "rank": 2}, {**RECOMMENDATION, "lead_id": "bea"}],
            tampered=lambda table: pa.concat_tables([table, _one_more(table)]),
        ),
    },
    changes={
        "content_recommendations": {
            "maximum_items": 2,
            "complement_videos_completions": 2,
            "high_engagement_score": 20.0,
            "near_conversion_score": 15.0,
            "premium_completions": 3,
            "items": {"premium": {"title": "Otro", "content_id": "other"}},
        },
    },
    lists={"recommendations": ("personalized_content_recommendations", "recommendations")},
    report_keys={
        "personalized_content_recommendations": {
            "recommendations",
            "total_leads",
            "content_type_distribution",
            "avg_recommendations_per_lead",
        },
    },
)
