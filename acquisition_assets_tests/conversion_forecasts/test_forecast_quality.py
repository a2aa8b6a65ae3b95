"""Protects the figures that people read: measures as the textbook has them, and intervals drawn by lead."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta
from sklearn.metrics import brier_score_loss, roc_auc_score

from acquisition_assets.conversion_forecasts.measures import Judged, draws, overlap
from acquisition_assets.conversion_forecasts.quality import differs, isotonic, jeffreys, measure, reliability
from acquisition_assets_tests.kit.forecast_rows import policy

row = st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.booleans(), st.integers(0, 3))


def judged(probabilities: list[float], labels: list[float], base: float = 0.5) -> Judged:
    """Return rows to be judged in 10 bins, with the lift at a tenth."""
    return Judged(np.array(probabilities), np.array(labels, dtype=np.float64), base, 10, 0.1)


@settings(max_examples=60, deadline=None)
@given(st.lists(row, min_size=2, max_size=40))
def test_weighted_measures_are_those_of_repeated_rows(rows: list[tuple[float, bool, int]]) -> None:
    probabilities, labels, weights = (np.array(one, dtype=np.float64) for one in zip(*rows, strict=True))
    if not 0 < (labels * weights).sum() < weights.sum():
        return
    found = Judged(probabilities, labels, 0.3, 10, 0.1)
    assert float(found.auc(weights)) == pytest.approx(roc_auc_score(labels, probabilities, sample_weight=weights))
    assert float(found.brier(weights)) == pytest.approx(brier_score_loss(labels, probabilities, sample_weight=weights))
    lines = np.stack([weights, np.ones(labels.size)])
    for name in ("auc", "brier", "skill", "ece", "lift"):
        together, alone = getattr(found, name)(lines), getattr(found, name)(weights)
        assert together[0] == pytest.approx(float(alone), nan_ok=True)
    repeated = np.repeat(np.arange(labels.size), weights.astype(int))
    again = Judged(probabilities[repeated], labels[repeated], 0.3, 10, 0.1)
    assert float(found.lift(weights)) == pytest.approx(float(again.lift(np.ones(repeated.size))))


def test_a_constant_ranks_nobody_and_is_judged_as_one_bin() -> None:
    constant = judged([0.2] * 20, [1.0] * 5 + [0.0] * 15)
    ones = np.ones(20)
    assert float(constant.auc(ones)) == 0.5
    assert float(constant.lift(ones)) == pytest.approx(1.0)
    assert float(constant.ece(ones)) == pytest.approx(0.05)


def test_the_lift_is_that_of_the_highest_tenth() -> None:
    ranked = judged(list(np.linspace(0, 1, 20)), [0.0] * 15 + [1.0, 0.0, 0.0, 1.0, 1.0])
    assert float(ranked.lift(np.ones(20))) == pytest.approx(1.0 / (3 / 20))


def test_all_rows_of_a_drawn_lead_are_drawn_and_the_same_seed_draws_the_same() -> None:
    leads = np.array([0, 0, 1, 1, 2, 2])
    first = np.concatenate(list(draws(leads, 50, 1)))
    assert np.array_equal(first, np.concatenate(list(draws(leads, 50, 1))))
    assert not np.array_equal(first, np.concatenate(list(draws(leads, 50, 2))))
    assert np.array_equal(first[:, 0::2], first[:, 1::2])
    assert (first[:, 0::2].sum(axis=1) == 3).all()


def test_intervals_by_lead_are_as_wide_as_there_are_leads() -> None:
    """The same rows ten times over tell nothing new."""
    chance = np.random.default_rng(1)
    probabilities = chance.uniform(size=200)
    labels = (chance.uniform(size=200) < probabilities).astype(np.float64)
    leads = np.arange(200)
    once = measure(probabilities, labels, leads, 0.5, policy())
    often = measure(np.tile(probabilities, 10), np.tile(labels, 10), np.tile(leads, 10), 0.5, policy())
    assert often["auc"] == pytest.approx(once["auc"])
    for end in ("low", "high"):
        assert often[f"brier_{end}"] == pytest.approx(once[f"brier_{end}"], rel=1e-9)
    assert once["auc_low"] is not None
    assert once["auc_high"] is not None
    assert once["auc_low"] < once["auc"] < once["auc_high"]  # type: ignore[operator]


def test_what_the_rows_cannot_say_is_missing() -> None:
    found = measure(np.full(5, 0.1), np.zeros(5), np.arange(5), 0.1, policy())
    assert found["auc"] is None
    assert found["lift"] is None
    assert found["brier"] == pytest.approx(0.01)
    assert set(measure(np.zeros(0), np.zeros(0), np.zeros(0, int), 0.1, policy()).values()) == {None}


def test_a_conversion_is_counted_once_however_often_it_is_seen() -> None:
    assert overlap(np.array([0, 0, 1, 2]), np.array([1.0, 1.0, 1.0, 0.0])) == 1.5
    assert overlap(np.array([0, 1]), np.zeros(2)) == 1.0


@pytest.mark.parametrize(
    ("converted", "width", "is_told"),
    [(10, 0.0, False), (15, 0.0, False), (16, 0.0, True), (25, 0.0, True), (25, 0.15, False), (1, 0.0, True)],
)
def test_published_forecasts_are_compared_with_what_happened(converted: int, width: float, is_told: bool) -> None:
    labels = np.array([1.0] * converted + [0.0] * (100 - converted))
    forecast = np.full(100, 0.1)
    told = differs(forecast, np.maximum(0, forecast - width), forecast + width, labels, policy())
    assert (told is not None) == is_told
    assert told is None or f"{converted} conversions, forecast were 10.0" in told
    assert differs(*(np.zeros(0) for _ in range(4)), policy()) is None


def test_points_become_rates_that_never_fall() -> None:
    mapped = isotonic(np.array([10.0, 20, 30, 40]), np.array([0.0, 1, 0, 1]), np.array([0.0, 10, 25, 40, 95]))
    assert mapped.tolist() == [0, 0, 0.5, 1, 1]


def test_a_reliability_plot_holds_every_row_in_order() -> None:
    chance = np.random.default_rng(2)
    probabilities = chance.uniform(size=500)
    bins = reliability(probabilities, (chance.uniform(size=500) < probabilities).astype(np.float64), policy())
    assert [one.rows for one in bins] == [50] * 10
    assert all(one.low <= one.rate <= one.high for one in bins)
    assert [one.forecast for one in bins] == sorted(one.forecast for one in bins)


def test_the_jeffreys_interval_leaves_the_same_chance_on_both_sides() -> None:
    low, high = jeffreys(3, 20, 0.95)
    assert beta.cdf([low, high], 3.5, 17.5) == pytest.approx([0.025, 0.975])
