"""Protects the comparison of channels: chance names no winner, and a true one is found."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binomtest, fisher_exact

from acquisition_assets.channel_performance.comparison import channel_performance, compare, leader
from acquisition_assets.channel_performance.contract import CHANNEL_PERFORMANCE
from acquisition_assets.channel_performance.intervals import (
    against_rest,
    beta_prior,
    holm,
    leads_needed,
    poisson,
    probability_best,
    wilson,
)
from acquisition_assets.policy import read_policy

POLICY = read_policy().channel_performance
DAY = dt.date(2026, 9, 30)
SIX = np.array([1000, 500, 200, 100, 40, 20], dtype=float)

GROUPS = st.lists(
    st.integers(1, 400).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))),
    min_size=1,
    max_size=7,
)


def counts(*rows: tuple[int, str, int, int, int]) -> pd.DataFrame:
    """Counts of (days before DAY, channel, leads, engaged, converted); every channel is its own class."""
    names = ("created_date", "channel_class", "channel", "leads", "engaged", "converted")
    return pd.DataFrame([(DAY - dt.timedelta(days=ago), name, name, *rest) for ago, name, *rest in rows], columns=names)


@pytest.mark.parametrize(("rate", "worlds"), [(0.02, 200), (0.1, 400), (0.4, 200)])
def test_equal_channels_have_a_winner_in_five_percent_of_worlds_at_most(rate: float, worlds: int) -> None:
    random = np.random.default_rng(20260930)
    verdicts = [compare(random.binomial(SIX.astype(int), rate).astype(float), SIX, POLICY) for _ in range(worlds)]
    best = sum("best" in set(found["verdict"]) for found in verdicts)
    named = sum(bool({"best", "worse"} & set(found["verdict"])) for found in verdicts)
    assert best <= 0.05 * worlds
    # Holm's promise, with three standard errors for chance.
    assert named <= 0.05 * worlds + 3 * (0.05 * 0.95 * worlds) ** 0.5


def test_a_channel_twice_as_good_is_found() -> None:
    random = np.random.default_rng(7)
    trials = np.array([400.0, 400, 400, 400, 400, 400])
    rates = np.array([0.1, 0.1, 0.1, 0.2, 0.1, 0.1])
    found = [compare(random.binomial(400, rates).astype(float), trials, POLICY) for _ in range(100)]
    assert sum(each["verdict"].iloc[3] == "best" for each in found) >= 90
    assert not any(each["verdict"].iloc[place] == "best" for each in found for place in (0, 1, 2, 4, 5))


def test_two_good_channels_have_no_best() -> None:
    found = compare(np.array([200.0, 202, 50, 50]), np.array([1000.0, 1000, 1000, 1000]), POLICY)
    assert found["verdict"].tolist() == ["not clear", "not clear", "worse", "worse"]


def test_too_few_says_how_many_would_do() -> None:
    found = compare(np.array([100.0, 3]), np.array([1000.0, 20]), POLICY)
    assert found["verdict"].iloc[1] == "too few"
    needed = int(found["leads_needed"].iloc[1])
    assert needed > 20
    # With so many leads, a rate half as high again shows in the promised share of worlds.
    random = np.random.default_rng(3)
    seen = 0
    for _ in range(200):
        won = np.array([float(random.binomial(1000, 0.1)), float(random.binomial(needed, 0.15))])
        seen += compare(won, np.array([1000.0, float(needed)]), POLICY)["p_value"].iloc[1] < POLICY.significance
    assert 0.7 <= seen / 200 <= 0.95


def test_one_channel_alone_is_not_compared() -> None:
    found = compare(np.array([5.0]), np.array([50.0]), POLICY)
    assert found["verdict"].tolist() == ["not clear"]
    assert found["p_value"].tolist() == [1.0]


def test_leads_needed_is_the_textbook_number() -> None:
    # Two shares of 10 % and 15 %, 5 % two-sided, power 80 %, against very many: 401 by hand.
    by_hand = 0.15 * 0.85 * (1.959964 + 0.841621) ** 2 / 0.05**2
    assert leads_needed(0.1, 1e9, ratio=1.5, significance=0.05, power=0.8) == int(np.ceil(by_hand))
    assert leads_needed(0.1, 10, ratio=1.5, significance=0.05, power=0.8) is None


def test_probability_of_being_best() -> None:
    assert probability_best(np.array([3.0, 3]), np.array([7.0, 7])) == pytest.approx([0.5, 0.5])
    found = probability_best(np.array([30.0, 3]), np.array([70.0, 7]))
    points = np.linspace(0, 1, 200_001)
    by_hand = np.trapezoid(beta.pdf(points, 30, 70) * beta.cdf(points, 3, 7), points)
    assert found[0] == pytest.approx(by_hand, abs=1e-4)
    # One of very many leads beside one of very few.
    narrow = probability_best(np.array([100_000.0, 1]), np.array([900_000.0, 9]))
    assert narrow[1] == pytest.approx(1 - beta.cdf(0.1, 1, 9), abs=1e-3)


@settings(deadline=None, max_examples=50)
@given(GROUPS)
def test_the_exact_p_is_that_of_scipy(groups: list[tuple[int, int]]) -> None:
    won = np.array([float(each) for each, _ in groups])
    tried = np.array([float(each) for _, each in groups])
    found = against_rest(won, tried)
    for place in range(len(groups)) if len(groups) > 1 else ():
        rest = (int(won.sum() - won[place]), int(tried.sum() - tried[place]))
        table = [[int(won[place]), int(tried[place] - won[place])], [rest[0], rest[1] - rest[0]]]
        assert found[place] == pytest.approx(fisher_exact(table)[1], abs=1e-9)


def test_holm_by_hand() -> None:
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_rates_that_do_not_differ_are_shrunk_wholly() -> None:
    first, second = beta_prior(np.array([10.0, 20, 30]), np.array([100.0, 200, 300]), 1000)
    assert first + second == pytest.approx(1000)
    spread, rest = beta_prior(np.array([10.0, 100, 210]), np.array([100.0, 200, 300]), 1000)
    assert spread + rest < 10


@given(st.integers(1, 5000).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_wilson_is_that_of_scipy(case: tuple[int, int]) -> None:
    won, tried = case
    low, high = wilson(np.array([float(won)]), np.array([float(tried)]), 0.95)
    expected = binomtest(won, tried).proportion_ci(confidence_level=0.95, method="wilson")
    assert low[0] == pytest.approx(expected.low, abs=1e-9)
    assert high[0] == pytest.approx(expected.high, abs=1e-9)


@pytest.mark.parametrize("mean", [5, 20, 100])
def test_poisson_bounds_cover(mean: int) -> None:
    drawn = np.random.default_rng(11).poisson(mean, 4000).astype(float)
    low, high = poisson(drawn, 0.95)
    assert 0.93 <= np.mean((low <= mean) & (mean <= high)) <= 0.97


@settings(max_examples=80, deadline=None)
@given(GROUPS, st.randoms(use_true_random=False))
def test_what_always_holds(groups: list[tuple[int, int]], random: Any) -> None:
    won = np.array([float(each) for each, _ in groups])
    tried = np.array([float(each) for _, each in groups])
    found = compare(won, tried, POLICY)
    assert found["probability_best"].sum() == pytest.approx(1)
    assert (found["verdict"] == "best").sum() <= 1
    assert found["p_value"].between(0, 1).all()
    # A shrunk rate lies between the rate and the mean of all.
    mean = (won.sum() + 0.5) / (tried.sum() + 1)
    low, high = np.minimum(won / tried, mean), np.maximum(won / tried, mean)
    assert ((found["shrunk_rate"] >= low - 1e-9) & (found["shrunk_rate"] <= high + 1e-9)).all()
    # The order of the channels changes nothing.
    order = list(range(len(groups)))
    random.shuffle(order)
    again = compare(won[order], tried[order], POLICY)
    assert again["verdict"].tolist() == [found["verdict"].iloc[place] for place in order]
    assert again["p_value"].tolist() == pytest.approx([found["p_value"].iloc[place] for place in order])


def test_windows_cohorts_and_age() -> None:
    frame = channel_performance(
        counts(
            (0, "email", 10, 4, 2),
            (29, "email", 10, 4, 2),
            (30, "email", 20, 5, 5),
            (89, "email", 40, 8, 4),
            (91, "email", 999, 0, 0),
            (-1, "email", 999, 0, 0),
            (5, "referral", 30, 3, 0),
        ),
        POLICY,
        DAY,
    )
    assert CHANNEL_PERFORMANCE.validate(CHANNEL_PERFORMANCE.to_arrow(frame)) == []
    rows = {
        (row["metric"], row["period"]): (row["leads"], row["successes"])
        for row in frame.to_dict("records")
        if row["level"] == "channel" and row["channel"] == "email" and row["period"] != "week"
    }
    # Of the last 30 days no lead is old enough to have converted; of 90 those of 30 days and more are.
    assert rows == {
        ("engaged", "short"): (20, 8),
        ("engaged", "long"): (80, 21),
        ("converted", "long"): (60, 9),
    }
    weeks = frame[(frame["period"] == "week") & (frame["level"] == "channel") & (frame["channel"] == "email")]
    engaged = weeks[weeks["metric"] == "engaged"].sort_values("period_start")
    assert engaged["leads"].tolist() == [40, 30, 10]
    assert (pd.to_datetime(engaged["period_end"]) - pd.to_datetime(engaged["period_start"])).dt.days.eq(6).all()
    assert weeks["verdict"].isna().all()


def test_the_leader_is_named_with_its_verdict() -> None:
    clear = channel_performance(counts((1, "a", 500, 150, 0), (1, "b", 500, 50, 0)), POLICY, DAY)
    unclear = channel_performance(counts((1, "a", 100, 12, 0), (1, "b", 100, 10, 0)), POLICY, DAY)
    names = {"level": "channel", "metric": "engaged", "period": "short"}
    assert leader(clear, **names) == ("a", True)
    assert leader(unclear, **names) == ("a", False)
    assert leader(clear, **{**names, "metric": "converted"}) is None


def test_no_leads_are_no_rows() -> None:
    frame = channel_performance(counts(), POLICY, DAY)
    assert frame.empty
    assert list(frame.columns) == list(CHANNEL_PERFORMANCE.columns)
