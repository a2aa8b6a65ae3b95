"""Holds rows that keep the contracts of the recommendations and of their quality, and rows that break their rules.

Rows that break a rule of one column are left to test_contracts.py, which makes them from the contracts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acquisition_assets.content_recommendations.contract import CONTENT_RECOMMENDATIONS, RECOMMENDER_QUALITY
from acquisition_assets.core.contracts import Contract

Row = Mapping[str, Any]


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

GOOD: dict[str, Sequence[Row]] = {
    CONTENT_RECOMMENDATIONS.table: [
        RECOMMENDATION,
        {**_missing(CONTENT_RECOMMENDATIONS, RECOMMENDATION), "rank": 2},
        {**RECOMMENDATION, "lead_id": "bea", "rule": "popular", "personal_part": 0.0, "item_score": 0.5},
    ],
    RECOMMENDER_QUALITY.table: [JUDGED, NEWEST],
}
"""Table -> rows that keep its contract together; a column that may be null is null in one of them."""

BROKEN: dict[str, dict[str, Sequence[Row]]] = {
    CONTENT_RECOMMENDATIONS.table: {
        "parts": [{**RECOMMENDATION, "item_score": 0.76}, {**RECOMMENDATION, "personal_part": 0.0}],
    },
}
"""Table -> rule across columns -> rows that break it, one by one."""
