"""Protects the keys and values of the published report `social_media_tracking`."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from acquisition_assets.policy import read_policy
from acquisition_assets.social_performance.contract import SOCIAL_PERFORMANCE
from acquisition_assets.social_performance.rates import performance
from acquisition_assets.social_performance.report import SocialReport, social_report

POLICY = read_policy().social_performance
COLUMNS = [
    "channel",
    "is_social",
    "total_leads",
    "engaged_leads",
    "score_sum",
    "referrals_generated",
    "leads_with_referral",
]
ROWS = [
    ("organic", False, 500, 150, 3250.0, 20, 18),
    ("facebook", True, 200, 50, 1240.0, 8, 8),
    ("linkedin", True, 150, 45, 1125.0, 12, 12),
]
# The example in the document, with the platforms in the order of the table.
DOCUMENT: dict[str, Any] = {
    "social_platforms": [
        {
            "platform": "facebook",
            "total_leads": 200,
            "engaged_leads": 50,
            "engagement_rate": 25.0,
            "avg_engagement_score": 6.2,
            "referrals_generated": 8,
            "referral_rate": 4.0,
        },
        {
            "platform": "linkedin",
            "total_leads": 150,
            "engaged_leads": 45,
            "engagement_rate": 30.0,
            "avg_engagement_score": 7.5,
            "referrals_generated": 12,
            "referral_rate": 8.0,
        },
    ],
    "total_social_leads": 350,
    "best_platform": {"platform": "linkedin", "engagement_rate": 30.0},
    "channel_comparison": {
        "social_media": {"total": 350, "engaged": 95, "engagement_rate": 27.1},
        "organic": {"total": 500, "engaged": 150, "engagement_rate": 30.0},
    },
    "social_percentage": 41.2,
}


def report(*rows: tuple[Any, ...]) -> dict[str, Any]:
    """Return the published report of these counts, built from an Arrow-backed frame and from a plain one."""
    frame = performance(pd.DataFrame(list(rows), columns=COLUMNS), POLICY)
    published = social_report(frame, POLICY).model_dump_json()
    plain = SOCIAL_PERFORMANCE.to_arrow(frame).to_pandas()
    assert social_report(plain, POLICY).model_dump_json() == published
    assert SocialReport.model_validate_json(published).model_dump_json() == published
    read: dict[str, Any] = json.loads(published)
    return read


def test_the_example_of_the_document() -> None:
    assert report(*ROWS) == DOCUMENT


def test_social_media_is_compared_even_without_social_leads() -> None:
    assert report(ROWS[0]) == {
        "social_platforms": [],
        "total_social_leads": 0,
        "best_platform": None,
        "channel_comparison": {
            "social_media": {"total": 0, "engaged": 0, "engagement_rate": 0.0},
            "organic": {"total": 500, "engaged": 150, "engagement_rate": 30.0},
        },
        "social_percentage": 0.0,
    }


def test_a_day_without_leads() -> None:
    empty = report()
    assert list(empty) == list(DOCUMENT)
    assert empty["channel_comparison"] == {"social_media": {"total": 0, "engaged": 0, "engagement_rate": 0.0}}
    assert (empty["best_platform"], empty["social_percentage"]) == (None, 0.0)


def test_without_a_platform_large_enough_there_is_no_best_platform() -> None:
    result = report(("twitter", True, 29, 20, 100.0, 0, 0))
    assert (result["best_platform"], result["social_percentage"]) == (None, 100.0)


def test_every_other_channel_has_an_entry_and_they_add_up() -> None:
    others = [(f"channel {n}", False, n + 1, n // 2, 1.0, 0, 0) for n in range(40)]
    result = report(*others, *ROWS)["channel_comparison"]
    assert next(iter(result)) == "social_media"
    assert len(result) == 42
    assert sum(entry["total"] for entry in result.values()) == 850 + sum(range(1, 41))


def test_a_source_named_social_media_does_not_hide_the_platforms() -> None:
    result = report(("social_media", False, 7, 1, 1.0, 0, 0), *ROWS)["channel_comparison"]
    assert result["social_media"]["total"] == 350
    assert result["social_media (source)"] == {"total": 7, "engaged": 1, "engagement_rate": 14.3}


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"total_social_leads": 349},
        {"total_social_leads": "350"},
        {"total_social_leads": 350.5},
        {"best_platform": {"platform": "linkedin"}},
        {"best_platform": {"platform": "linkedin", "engagement_rate": 130.0}},
        {"best_platform": "linkedin"},
        {"channel_comparison": {"organic": DOCUMENT["channel_comparison"]["organic"]}},
        {"channel_comparison": {**DOCUMENT["channel_comparison"], "direct": {"total": 1, "engaged": 1}}},
        {"social_percentage": -0.1},
        {"social_percentage": None},
        {"social_platforms": [{**entry, "is_social": True} for entry in DOCUMENT["social_platforms"]]},
    ],
)
def test_anything_else_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SocialReport.model_validate_json(json.dumps({**DOCUMENT, **change}))


@pytest.mark.parametrize("key", DOCUMENT)
def test_a_missing_key_is_refused(key: str) -> None:
    with pytest.raises(ValidationError):
        SocialReport.model_validate_json(json.dumps({k: v for k, v in DOCUMENT.items() if k != key}))


def test_a_report_is_immutable() -> None:
    result = SocialReport.model_validate_json(json.dumps(DOCUMENT))
    with pytest.raises(ValidationError):
        result.total_social_leads = 7
