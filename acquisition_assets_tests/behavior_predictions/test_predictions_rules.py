"""Protects the factors and actions of behavior_predictions: thresholds, rounding and limits."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition_assets.behavior_predictions.contract import FACTORS
from acquisition_assets.policy import read_policy
from acquisition_assets_tests.kit.examples import examples
from acquisition_assets_tests.kit.sql_cases import Row, active, predictions_of


def predicted(score: float = 0.0, **activity: Any) -> Row:
    """Return the prediction of lead a."""
    return predictions_of([active(**activity)], {"a": score})["a"]


def test_missing_values_earn_nothing() -> None:
    row = predicted()
    assert {name: row[name] for name in FACTORS} == dict.fromkeys(FACTORS, 0.0)
    assert (row["conversion_probability"], row["predicted_next_action"]) == (0.0, "needs_re_engagement")


@pytest.mark.parametrize(
    ("status", "has_one"),
    [("new", True), ("nurturing", True), ("engaged", True), ("converted", False), ("inactive", False)],
)
def test_who_gets_a_prediction(status: str, has_one: bool) -> None:
    assert ("a" in predictions_of([active(status=status)], {})) is has_one


@pytest.mark.parametrize(
    ("score", "points"), [(0.0, 0.0), (1.0, 5.0), (7.99, 39.95), (8.0, 40.0), (8.01, 40.0), (100.0, 40.0), (0.01, 0.05)]
)
def test_engagement(score: float, points: float) -> None:
    row = predicted(score)
    assert (row["engagement_points"], row["conversion_probability"], row["engagement_score"]) == (points, points, score)


@pytest.mark.parametrize(
    ("rate", "points"), [(None, 0.0), (0.0, 0.0), (0.25, 7.5), (1 / 3, 10.0), (2 / 7, 8.57), (1.0, 30.0)]
)
def test_completion(rate: float | None, points: float) -> None:
    assert predicted(completion_rate=rate)["completion_points"] == points


@pytest.mark.parametrize(
    ("hours", "points"),
    [(None, 0.0), (0.0, 15.0), (1.9999999997, 15.0), (2.0, 10.0), (23.9999999997, 10.0), (24.0, 0.0)],
)
def test_response(hours: float | None, points: float) -> None:
    assert predicted(avg_response_hours=hours)["response_points"] == points


@pytest.mark.parametrize(("share", "points"), [(None, 0.0), (0.6, 0.0), (3 / 5, 0.0), (0.6001, 10.0), (1.0, 10.0)])
def test_business_hours(share: float | None, points: float) -> None:
    assert predicted(business_hours_share=share)["business_hours_points"] == points


@pytest.mark.parametrize(("share", "points"), [(None, 0.0), (7 / 10, 0.0), (0.7001, 5.0), (1.0, 5.0)])
def test_weekday(share: float | None, points: float) -> None:
    assert predicted(weekday_share=share)["weekday_points"] == points


@pytest.mark.parametrize(
    ("days", "points"), [(None, 0.0), (0, 10.0), (2, 10.0), (3, 5.0), (6, 5.0), (7, 0.0), (300, 0.0)]
)
def test_recency(days: int | None, points: float) -> None:
    assert predicted(days_since_engagement=days)["recency_points"] == points


BEST: dict[str, Any] = {
    "avg_response_hours": 1.0,
    "business_hours_share": 1.0,
    "weekday_share": 1.0,
    "days_since_engagement": 0,
}  # 15 + 10 + 5 + 10 = 40


@pytest.mark.parametrize(
    ("score", "rate", "probability"),
    [(6.0, 0.8, 94.0), (6.2, 0.8, 95.0), (6.21, 0.8, 95.0), (8.0, 1.0, 95.0), (6.198, 0.8, 94.99)],
)
def test_the_probability_is_at_most_95(score: float, rate: float, probability: float) -> None:
    assert predicted(score, completion_rate=rate, **BEST)["conversion_probability"] == probability


@pytest.mark.parametrize(
    ("score", "others", "probability", "action"),
    [
        (8.0, {"completion_rate": 1.0, **BEST}, 95.0, "likely_to_convert"),
        (0.002, {"completion_rate": 1.0, **BEST}, 70.01, "likely_to_convert"),
        (0.0, {"completion_rate": 1.0, **BEST}, 70.0, "needs_nurturing"),
        (0.0, {"completion_rate": 1 / 3, **BEST}, 50.0, "needs_nurturing"),
        (1.998, BEST, 49.99, "needs_engagement"),
        (6.0, {}, 30.0, "needs_engagement"),
        (5.998, {}, 29.99, "needs_re_engagement"),
        (0.0, {}, 0.0, "needs_re_engagement"),
    ],
)
def test_the_next_action_follows_from_the_probability(
    score: float, others: dict[str, Any], probability: float, action: str
) -> None:
    row = predicted(score, **others)
    assert (row["conversion_probability"], row["predicted_next_action"]) == (probability, action)


@pytest.mark.parametrize(
    ("score", "rate", "probability", "action"),
    [
        (0.0, 0.99984, 70.0, "needs_nurturing"),  # 40 + 29.9952
        (0.0008, 1.0, 70.0, "needs_nurturing"),  # 70.004
        (0.001, 1.0, 70.01, "likely_to_convert"),  # 70.005
        (0.0, 0.3331667, 50.0, "needs_nurturing"),  # 49.995001
        (0.0, 0.3331666, 49.99, "needs_engagement"),  # 49.994998
    ],
)
def test_the_threshold_applies_to_the_published_probability(
    score: float, rate: float, probability: float, action: str
) -> None:
    row = predicted(score, completion_rate=rate, **BEST)
    assert (row["conversion_probability"], row["predicted_next_action"]) == (probability, action)


def test_the_sum_is_rounded_not_its_parts() -> None:
    row = predicted(0.001, completion_rate=0.0001)  # 0.005 + 0.003 = 0.008
    assert (row["engagement_points"], row["completion_points"], row["conversion_probability"]) == (0.01, 0.0, 0.01)
    row = predicted(0.0008, completion_rate=0.00004)  # 0.004 + 0.0012 = 0.0052
    assert (row["engagement_points"], row["completion_points"], row["conversion_probability"]) == (0.0, 0.0, 0.01)


def test_halves_are_rounded_up_without_the_noise_of_doubles() -> None:
    # 5 x 3.341 = 16.705, and 16.704999999999998 as a double
    assert predicted(3.341)["conversion_probability"] == 16.71
    assert predicted(3.345)["conversion_probability"] == 16.73  # 16.725


def test_features_are_passed_through_unchanged() -> None:
    row = predicted(1.0, completion_rate=1 / 3, avg_response_hours=1 / 7, business_hours_share=2 / 3)
    assert (row["completion_rate"], row["avg_response_hours"], row["business_hours_share"]) == (1 / 3, 1 / 7, 2 / 3)


shares = st.one_of(st.none(), st.floats(0, 1))


@examples(60)
@given(
    st.lists(
        st.builds(
            dict,
            completion_rate=shares,
            business_hours_share=shares,
            weekday_share=shares,
            avg_response_hours=st.one_of(st.none(), st.floats(0, 50)),
            days_since_engagement=st.one_of(st.none(), st.integers(0, 20)),
        ),
        min_size=1,
        max_size=12,
    ),
    st.lists(st.integers(0, 10_000).map(lambda cents: cents / 100), min_size=12, max_size=12),
    st.randoms(),
)
def test_predictions_keep_their_invariants(leads: list[Row], scores: list[float], order: random.Random) -> None:
    activity = [active(f"l{n}", **lead) for n, lead in enumerate(leads)]
    by_lead = {f"l{n}": score for n, score in enumerate(scores)}
    rows = predictions_of(activity, by_lead)
    assert predictions_of(order.sample(activity, len(activity)), by_lead) == rows
    limits = read_policy().behavior_predictions
    for row in rows.values():
        probability = row["conversion_probability"]
        assert 0 <= probability <= 95
        assert round(probability, 2) == probability
        total = sum(row[name] for name in FACTORS)
        assert abs(min(95.0, total) - probability) <= 0.031
        expected = (
            "likely_to_convert"
            if probability > limits.likely_above
            else "needs_nurturing"
            if probability >= limits.nurturing_from
            else "needs_engagement"
            if probability >= limits.engagement_from
            else "needs_re_engagement"
        )
        assert row["predicted_next_action"] == expected
