"""Protects the rates of channels and the choice of the best platform with worked examples."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition_assets.core.contracts import violations_query
from acquisition_assets.policy import read_policy
from acquisition_assets.social_performance.contract import SOCIAL_PERFORMANCE
from acquisition_assets.social_performance.rates import best_platform, performance
from acquisition_assets_tests.kit.examples import examples

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
DOCUMENT = [
    ("organic", False, 500, 150, 3250.0, 20, 18),
    ("facebook", True, 200, 50, 1240.0, 8, 8),
    ("linkedin", True, 150, 45, 1125.0, 14, 12),
]


def counts(*rows: tuple[Any, ...]) -> pd.DataFrame:
    """Return counts per channel."""
    return pd.DataFrame(list(rows), columns=COLUMNS)


def rates(*rows: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Return the performance of these counts as plain rows."""
    return SOCIAL_PERFORMANCE.to_arrow(performance(counts(*rows), POLICY)).to_pylist()


def test_the_numbers_match_the_document() -> None:
    assert rates(*DOCUMENT) == [
        {
            "channel": "facebook",
            "is_social": True,
            "total_leads": 200,
            "engaged_leads": 50,
            "engagement_rate": 25.0,
            "engagement_rate_low": 19.5,
            "engagement_rate_high": 31.4,
            "avg_engagement_score": 6.2,
            "referrals_generated": 8,
            "referral_rate": 4.0,
        },
        {
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
        },
        {
            "channel": "organic",
            "is_social": False,
            "total_leads": 500,
            "engaged_leads": 150,
            "engagement_rate": 30.0,
            "engagement_rate_low": 26.1,
            "engagement_rate_high": 34.2,
            "avg_engagement_score": 6.5,
            "referrals_generated": 20,
            "referral_rate": 3.6,
        },
    ]


@pytest.mark.parametrize(
    ("engaged", "total", "rate", "low", "high"),
    [
        (0, 1, 0.0, 0.0, 79.3),
        (1, 1, 100.0, 20.7, 100.0),
        (1, 3, 33.3, 6.1, 79.2),
        (2, 3, 66.7, 20.8, 93.9),
        (1, 16, 6.3, 1.1, 28.3),  # 6.25 is rounded half up
        (1, 80, 1.3, 0.2, 6.7),  # 1.25 too
        (0, 150, 0.0, 0.0, 2.5),
        (150, 150, 100.0, 97.5, 100.0),
        (1, 10_000, 0.0, 0.0, 0.1),
    ],
)
def test_rates_and_their_wilson_bounds(engaged: int, total: int, rate: float, low: float, high: float) -> None:
    (row,) = rates(("x", True, total, engaged, 0.0, 0, 0))
    assert (row["engagement_rate"], row["engagement_rate_low"], row["engagement_rate_high"]) == (rate, low, high)


def test_the_policy_sets_the_confidence() -> None:
    narrow = performance(counts(*DOCUMENT), POLICY.model_copy(update={"confidence": 0.5}))
    wide = performance(counts(*DOCUMENT), POLICY)
    assert (narrow["engagement_rate_low"] > wide["engagement_rate_low"]).all()
    assert (narrow["engagement_rate_high"] < wide["engagement_rate_high"]).all()


@pytest.mark.parametrize(
    ("score_sum", "total", "expected"), [(16.725, 1, 16.73), (33.45, 2, 16.73), (10.0, 3, 3.33), (0.1 + 0.2, 60, 0.01)]
)
def test_average_scores_are_rounded_half_up_to_two_decimals(score_sum: float, total: int, expected: float) -> None:
    assert rates(("x", True, total, 0, score_sum, 0, 0))[0]["avg_engagement_score"] == expected


def test_channels_are_sorted_by_social_first_then_leads_then_name() -> None:
    rows = [
        (channel, is_social, total, 0, 0.0, 0, 0)
        for channel, is_social, total in [
            ("organic", False, 90),
            ("b", True, 7),
            ("a", True, 7),
            ("Z", True, 7),
            ("social", True, 8),
            ("direct", False, 91),
        ]
    ]
    expected = ["social", "Z", "a", "b", "direct", "organic"]
    assert [row["channel"] for row in rates(*rows)] == expected
    assert [row["channel"] for row in rates(*reversed(rows))] == expected


def test_without_channels_all_columns_are_kept() -> None:
    frame = performance(counts(), POLICY)
    assert len(frame) == 0
    assert list(frame.columns) == list(SOCIAL_PERFORMANCE.columns)
    assert best_platform(frame, POLICY) is None


def test_counts_may_have_any_numeric_type_and_are_not_modified() -> None:
    plain = counts(*DOCUMENT)
    before = plain.copy(deep=True)
    arrow = pa.Table.from_pandas(plain, preserve_index=False)
    decimal = arrow.set_column(4, "score_sum", arrow.column("score_sum").cast(pa.decimal128(38, 2)))
    expected = performance(plain, POLICY)
    for table in (arrow, decimal):
        assert performance(table.to_pandas(types_mapper=pd.ArrowDtype), POLICY).equals(expected)
    assert performance(plain.convert_dtypes(), POLICY).equals(expected)
    pd.testing.assert_frame_equal(plain, before)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (DOCUMENT, "linkedin"),
        ([("linkedin", True, 29, 29, 0.0, 0, 0)], None),
        ([("linkedin", True, 30, 0, 0.0, 0, 0)], "linkedin"),
        ([("linkedin", True, 29, 29, 0.0, 0, 0), ("facebook", True, 30, 1, 0.0, 0, 0)], "facebook"),
        ([("organic", False, 900, 900, 0.0, 0, 0)], None),
        ([("organic", False, 900, 900, 0.0, 0, 0), ("social", True, 40, 4, 0.0, 0, 0)], "social"),
        # equal rates: more leads, then the name
        ([("facebook", True, 30, 15, 0.0, 0, 0), ("twitter", True, 40, 20, 0.0, 0, 0)], "twitter"),
        ([("twitter", True, 30, 15, 0.0, 0, 0), ("facebook", True, 30, 15, 0.0, 0, 0)], "facebook"),
        # rates are compared as they are published: both are 33.3
        ([("twitter", True, 3000, 1000, 0.0, 0, 0), ("facebook", True, 2998, 1000, 0.0, 0, 0)], "facebook"),
        ([("twitter", True, 9000, 3000, 0.0, 0, 0), ("facebook", True, 8999, 3000, 0.0, 0, 0)], "twitter"),
        ([], None),
    ],
)
def test_best_platform(rows: list[tuple[Any, ...]], expected: str | None) -> None:
    frame = performance(counts(*rows), POLICY)
    assert best_platform(frame, POLICY) == expected
    assert best_platform(SOCIAL_PERFORMANCE.to_arrow(frame).to_pandas(), POLICY) == expected


CHANNEL = st.tuples(
    st.booleans(), st.integers(1, 100_000), st.integers(0, 100_000), st.integers(0, 100_000), st.integers(0, 9)
)


@examples(30)
@given(st.dictionaries(st.text(min_size=1, max_size=5).filter(lambda name: name.strip(" ") != ""), CHANNEL, max_size=6))
def test_rates_keep_the_contract(drawn: dict[str, tuple[bool, int, int, int, int]]) -> None:
    rows = [
        (name, is_social, total, min(engaged, total), total * 1.25, min(referring, total) + more, min(referring, total))
        for name, (is_social, total, engaged, referring, more) in drawn.items()
    ]
    table = SOCIAL_PERFORMANCE.to_arrow(performance(counts(*rows), POLICY))
    names, query = violations_query(SOCIAL_PERFORMANCE, "staged")
    with duckdb.connect() as connection:
        connection.register("staged", table)
        total, *broken = connection.execute(query).fetchall()[0]
    assert total == len(rows)
    assert [name for name, count in zip(names, broken, strict=True) if count] == []
    for row in table.to_pylist():
        exact = Decimal(100 * row["engaged_leads"]) / row["total_leads"]
        assert row["engagement_rate"] == float(exact.quantize(Decimal("0.1"), ROUND_HALF_UP))
        assert not math.isnan(row["engagement_rate_high"])
