"""Holds what the tests must know of `content_recommendations`: rows, numbers of its policy, keys of its reports.

What each field means is left to kit/expectations.py.
"""

from __future__ import annotations

import pyarrow as pa

from acquisition_assets.content_recommendations.contract import CONTENT_RECOMMENDATIONS, RECOMMENDER_QUALITY
from acquisition_assets.content_recommendations.policy import ContentPolicy
from acquisition_assets.core.contracts import Contract
from acquisition_assets_tests.kit.expectations import Expectations, Row, TableExpectations, added


def _missing(contract: Contract, row: Row) -> Row:
    """Return a row without what may be missing."""
    return {**row, **{name: None for name, spec in contract.columns.items() if spec.nullable}}


RECOMMENDATION: Row = {
    "lead_id": "ana",
    "rank": 1,
    "rule": "interest_marketing",
    "content_type": "guide",
    "title": "Guía Avanzada de Marketing Digital",
    "reason": "Basado en tu área de interés",
    "content_id": "guide-marketing-avanzada",
    "item_score": 0.75,
    "popularity_part": 0.5,
    "personal_part": 0.25,
    "because_content_id": "blog-seo-local",
    "next_content_id": "guide-completa-tema",
    "next_score": 0.3,
}
JUDGED: Row = {
    "method": "personal_w0.5",
    "family": "personal",
    "half_life_days": 14.0,
    "popularity_weight": 0.5,
    "leads": 100,
    "judgements": 250,
    **{f"{name}{bound}": 0.25 for name in ("ndcg", "hit", "personal") for bound in ("", "_low", "_high")},
    "coverage": 0.5,
    "gain": -0.01,
    "gain_low": -0.02,
    "gain_high": 0.01,
    "items": 30,
    "readings": 500,
    "is_chosen": False,
    "reason": "compared with popularity_14d",
}
NEWEST: Row = {**_missing(RECOMMENDER_QUALITY, JUDGED), "method": "newest", "family": "newest", "is_chosen": True}


def _one_more(table: pa.Table) -> pa.Table:
    """Add an item of the first rule for a lead that does not want it."""
    row = {**table.slice(0, 1).to_pylist()[0], "rank": 5, "rule": "interest_marketing"}
    return pa.Table.from_pylist([row], schema=table.schema)


EXPECTATIONS = Expectations(
    tables={
        "content_recommendations": TableExpectations(
            good=[
                RECOMMENDATION,
                {**_missing(CONTENT_RECOMMENDATIONS, RECOMMENDATION), "rank": 2},
                {**RECOMMENDATION, "lead_id": "bea", "rule": "popular", "personal_part": 0.0, "item_score": 0.5},
            ],
            broken={"parts": [{**RECOMMENDATION, "item_score": 0.76}, {**RECOMMENDATION, "personal_part": 0.0}]},
            tampered=lambda table: pa.concat_tables([table, _one_more(table)]),
            not_in_reference=(
                *("item_score", "popularity_part", "personal_part"),
                *("because_content_id", "next_content_id", "next_score"),
            ),
        ),
        "recommender_quality": TableExpectations(
            good=[JUDGED, NEWEST],
            tampered=lambda table: added(table, items=1),
            compared_in="content_recommendations/test_own_choice.py",
        ),
    },
    changes={
        "content_recommendations": {
            "maximum_items": 2,
            "complement_videos_completions": 2,
            "high_engagement_score": 20.0,
            "near_conversion_score": 15.0,
            "premium_completions": 3,
            "items": "document",
            "rule_items": {"premium": {"content_types": ["blog"]}},
            "document_items": {"premium": {"reason": "Otro"}},
        },
    },
    elsewhere={"content": tuple(ContentPolicy.model_fields)},
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
