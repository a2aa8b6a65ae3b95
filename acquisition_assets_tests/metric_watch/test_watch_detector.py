"""Protects what the watch says of a day: what it finds and stays silent about, and that only the past decides."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import betabinom, false_discovery_control, nbinom

from acquisition_assets.core.errors import InputError
from acquisition_assets.metric_watch.contract import FLAGGED, METRIC_WATCH
from acquisition_assets.metric_watch.detector import watch
from acquisition_assets.metric_watch.families import benjamini_hochberg
from acquisition_assets.metric_watch.policy import HolidayPolicy, WatchPolicy
from acquisition_assets.metric_watch.special_days import special_days
from acquisition_assets.metric_watch.tails import count_tails, rate_tails
from acquisition_assets.policy import read_policy

POLICY = read_policy().metric_watch
FIRST = dt.date(2026, 1, 1)
BEFORE = POLICY.history_days
WEEK = np.array([1.15, 1.15, 1.1, 1.1, 1.05, 0.75, 0.7])


def history(values: np.ndarray[Any, Any], metric: str = "new_leads", **columns: Any) -> pd.DataFrame:
    """A metric's days from the first one on."""
    days = [FIRST + dt.timedelta(days=n) for n in range(len(values))]
    return pd.DataFrame({"day": days, "metric": metric, "channel": None, "value": values, **columns})


def healthy(mean: float, days: int, seed: int) -> np.ndarray[Any, Any]:
    """Independent counts with weekends."""
    expected = mean * np.resize(WEEK / WEEK.mean(), days)
    return np.random.default_rng(seed).poisson(expected).astype(float)


def judged(rows: pd.DataFrame, first: int, last: int, policy: WatchPolicy = POLICY, **more: Any) -> pd.DataFrame:
    """The rows of metric_watch from the day of one number to that of another."""
    return watch(rows, FIRST + dt.timedelta(days=first), FIRST + dt.timedelta(days=last), policy, **more)


def states(rows: pd.DataFrame, first: int, last: int, policy: WatchPolicy = POLICY, **more: Any) -> list[str]:
    """The states of these days."""
    return list(judged(rows, first, last, policy, **more)["state"])


def test_an_outage_and_a_spike_are_found_on_their_first_day() -> None:
    for seed in range(20):
        values = healthy(40, BEFORE + 1, seed)
        outage, spike = values.copy(), values.copy()
        outage[-1], spike[-1] = 0, 3 * values[-1]
        assert states(history(outage), BEFORE, BEFORE) == ["drop"]
        assert states(history(spike), BEFORE, BEFORE) == ["spike"]


def test_half_of_forty_is_found_within_three_days_and_a_decline_within_four_weeks() -> None:
    halved, declining = 0, 0
    for seed in range(40):
        values = healthy(40, BEFORE + 28, seed)
        rng = np.random.default_rng(seed + 1000)
        half, less = values.copy(), values.copy()
        half[BEFORE:] = rng.binomial(values[BEFORE:].astype(int), 0.5)
        less[BEFORE:] = rng.binomial(values[BEFORE:].astype(int), 0.8 ** (np.arange(1, 29) / 7))
        halved += bool(set(states(history(half), BEFORE, BEFORE + 2)) & {"drop"})
        declining += bool(set(states(history(less), BEFORE, BEFORE + 27)) & {"drop", "slow_decline"})
    assert halved >= 38
    assert declining >= 38


@pytest.mark.parametrize("mean", [5, 10, 40, 400])
def test_healthy_counts_are_left_alone(mean: float) -> None:
    year, series = 365, 6
    flagged = 0
    for seed in range(series):
        found = states(history(healthy(mean, BEFORE + year, seed)), BEFORE, BEFORE + year - 1)
        flagged += sum(
            now in FLAGGED and before not in FLAGGED for before, now in zip(["", *found], found, strict=False)
        )
    assert flagged <= 0.5 * series


def test_a_decline_that_no_single_week_shows_is_a_slow_decline() -> None:
    days = np.arange(BEFORE + 60)
    values = np.round(400 * np.minimum(1, 0.85 ** ((days - BEFORE) / 14)) * np.resize(WEEK, len(days)))
    found = states(history(values), BEFORE, BEFORE + 59)
    assert found[:14] == ["normal"] * 14
    assert "slow_decline" in found


def test_a_row_says_what_was_expected_of_the_window() -> None:
    values = np.full(BEFORE + 1, 40.0)
    values[-1] = 0
    found = judged(history(values), 0, BEFORE)
    assert METRIC_WATCH.validate(METRIC_WATCH.to_arrow(found)) == []
    row = found.to_dict("records")[-1]
    assert (row["state"], row["k"], row["observed"], row["change"]) == ("drop", 1, 0.0, -1.0)
    assert row["expected"] == pytest.approx(40, rel=1e-5)
    # Variance: independent events, the level's own error, and the least drift.
    weights = 0.5 ** (np.arange(56) / 21)
    error = (weights**2).sum() / (40 * weights.sum() ** 2)
    variance = 40 + 1600 * (0.05**2 + error)
    size, chance = 1600 / (variance - 40), 40 / variance
    assert row["p_value"] == pytest.approx(2 * nbinom.cdf(0, size, chance), rel=1e-3)
    assert row["q_value"] == pytest.approx(2 * row["p_value"], rel=1e-5)  # two directions
    assert row["low"] < 40 < row["high"]


def test_rates_are_judged_by_their_trials() -> None:
    rng = np.random.default_rng(5)
    trials = np.full(BEFORE + 1, 200)
    opened = rng.binomial(trials, 0.3).astype(float)
    rows = history(opened, "open_rate", trials=trials)
    assert states(rows, BEFORE, BEFORE) == ["normal"]
    rows.loc[BEFORE, "value"] = 20
    (row,) = judged(rows, BEFORE, BEFORE).to_dict("records")
    assert (row["state"], row["observed"]) == ("drop", 0.1)
    assert row["expected"] == pytest.approx(0.3, abs=0.03)
    rows.loc[BEFORE - 6 :, ["value", "trials"]] = (0, 2)
    assert states(rows, BEFORE, BEFORE) == ["not_enough_data"]


def test_many_complaints_are_a_spike_even_where_few_are_expected() -> None:
    complaints = np.zeros(BEFORE + 1)
    complaints[::20] = 1
    complaints[-1] = 12
    assert states(history(complaints, "complaint_rate", trials=1000), BEFORE, BEFORE) == ["spike"]


def test_missing_days_are_no_data_and_never_a_drop() -> None:
    values = healthy(40, BEFORE + 10, 3)
    values[BEFORE : BEFORE + 4] = np.nan
    found = states(history(values), BEFORE, BEFORE + 9)
    assert found[:4] == ["no_data"] * 4
    assert set(found[4:]) <= {"normal", "watch"}
    without = history(values).dropna(subset="value")
    assert states(without, BEFORE, BEFORE + 9) == found


def test_the_first_days_of_a_metric_are_not_judged_and_days_before_it_are_not_shown() -> None:
    values = np.full(BEFORE + 40, np.nan)
    values[BEFORE:] = healthy(40, 40, 1)
    rows = history(values).dropna(subset="value")
    found = states(rows, 0, BEFORE + 39)
    assert found[:21] == ["not_enough_data"] * 21
    assert len(found) == 40
    assert "not_enough_data" not in found[21:]


def test_an_outlier_in_the_baseline_hides_nothing() -> None:
    values = healthy(40, BEFORE + 1, 8)
    values[BEFORE - 9 : BEFORE - 5] = 600
    values[-1] = 8
    assert states(history(values), BEFORE, BEFORE) == ["drop"]


def test_holidays_are_judged_against_each_other_only() -> None:
    values = healthy(40, BEFORE + 8, 4)
    places = [20, 50, 80, 100, BEFORE]
    values[places] = [9, 11, 8, 10, 9]
    off = frozenset(FIRST + dt.timedelta(days=n) for n in places)
    rows = history(values)
    assert states(rows, BEFORE, BEFORE) == ["drop"]
    assert states(rows, BEFORE, BEFORE, special=off) == ["normal"]
    assert set(states(rows, BEFORE + 1, BEFORE + 7, special=off)) <= {"normal", "watch"}
    rows.loc[BEFORE, "value"] = 40
    assert states(rows, BEFORE, BEFORE, special=off) == ["spike"]
    assert states(rows, BEFORE, BEFORE, special=frozenset([FIRST + dt.timedelta(days=BEFORE)])) == ["not_enough_data"]


def test_holidays_of_a_country_and_listed_days() -> None:
    rules = HolidayPolicy(dates=["2026-05-02"], country="ES", minimum_days=3, drift=0.25)
    found = special_days(rules, dt.date(2026, 1, 1), dt.date(2026, 5, 2))
    assert {dt.date(2026, 1, 1), dt.date(2026, 1, 6), dt.date(2026, 5, 1), dt.date(2026, 5, 2)} <= found
    assert max(found) == dt.date(2026, 5, 2)
    unknown = rules.model_copy(update={"country": "QQ"})
    with pytest.raises(InputError, match="there are no holidays of QQ; name a country by its ISO code"):
        special_days(unknown, dt.date(2026, 1, 1), dt.date(2026, 5, 2))


def test_more_metrics_ask_for_less_likely_changes() -> None:
    values = healthy(40, BEFORE + 1, 6)
    values[-1] = 15
    alone = history(values)
    crowd = pd.concat([alone, *(history(healthy(40, BEFORE + 1, n), f"m{n}") for n in range(300))])
    one = judged(alone, BEFORE, BEFORE).iloc[0]
    many = judged(crowd, BEFORE, BEFORE).set_index("metric").loc["new_leads"]
    assert one["p_value"] == many["p_value"]
    assert one["q_value"] < many["q_value"]
    assert (one["state"], many["state"]) == ("drop", "watch")


def test_benjamini_hochberg_is_that_of_scipy() -> None:
    p_values = np.random.default_rng(0).uniform(size=(50, 4)) ** 3
    expected = np.apply_along_axis(lambda column: false_discovery_control(column), 0, p_values)
    np.testing.assert_allclose(benjamini_hochberg(p_values), expected)
    holes = np.vstack([p_values, np.full((3, 4), np.nan)])
    np.testing.assert_allclose(benjamini_hochberg(holes)[:50], expected)


def test_tails_are_those_of_scipy() -> None:
    x, mean, variance = np.array([0.0, 20, 60, 3]), np.array([5.0, 40, 40, 0.2]), np.array([6.0, 90, 41, 0.3])
    below, above = count_tails(x, mean, variance)
    size, chance = mean**2 / (variance - mean), mean / variance
    np.testing.assert_allclose(below, nbinom.cdf(x, size, chance), rtol=1e-6)
    np.testing.assert_allclose(above, nbinom.sf(x - 1, size, chance), rtol=1e-6)
    x, n = np.array([0.0, 30, 190, 5]), np.array([20.0, 200, 200, 5000])
    share, strength = np.array([0.3, 0.3, 0.8, 0.0002]), np.array([50.0, 100, 80, 900])
    mean = n * share
    variance = n * share * (1 - share) * (1 + (n - 1) / (strength + 1))
    below, above = rate_tails(x, n, mean, variance)
    law = betabinom(n.astype(int), share * strength, (1 - share) * strength)
    np.testing.assert_allclose(below, law.cdf(x), rtol=1e-6)
    np.testing.assert_allclose(above, law.sf(x - 1), rtol=1e-6)


def test_a_policy_that_looks_back_too_far_is_refused() -> None:
    section = POLICY.model_dump()
    for change, told in (
        ({"baseline_days": 50}, "whole weeks"),
        ({"history_days": 60}, "history_days must be at least"),
        ({"windows": [3, 7]}, "begin with 1"),
        ({"minimum_days": 60}, "at most baseline_days"),
    ):
        with pytest.raises(ValidationError, match=told):
            WatchPolicy.model_validate({**section, **change})


# -- what always holds -------------------------------------------------------------------------------------------------

COUNTS = st.lists(st.one_of(st.integers(0, 80), st.none()), min_size=70, max_size=150)


def _panel(counts: list[list[int | None]]) -> pd.DataFrame:
    frames = [history(np.array(each, dtype=float), f"m{n}") for n, each in enumerate(counts)]
    return pd.concat(frames, ignore_index=True)


@settings(max_examples=10, deadline=None)
@given(counts=st.lists(COUNTS, min_size=1, max_size=3), seed=st.integers(0, 99), cut=st.integers(25, 60))
def test_order_future_and_ranges_change_nothing(counts: list[list[int | None]], seed: int, cut: int) -> None:
    rows = _panel(counts)
    whole = judged(rows, cut, cut + 4)
    shuffled = judged(rows.sample(frac=1, random_state=seed), cut, cut + 4)
    pd.testing.assert_frame_equal(whole, shuffled)
    past = rows[rows["day"] <= FIRST + dt.timedelta(days=cut + 4)]
    pd.testing.assert_frame_equal(whole, judged(past, cut, cut + 4))
    one_by_one = pd.concat([judged(rows, n, n) for n in range(cut, cut + 5)], ignore_index=True)
    pd.testing.assert_frame_equal(whole, one_by_one)


@settings(max_examples=25, deadline=None)
@given(counts=COUNTS, last=st.integers(21, 68))
def test_an_outage_is_judged_where_the_day_before_was(counts: list[int | None], last: int) -> None:
    values = np.array(counts, dtype=float)
    values[last + 1 :] = 0
    before, *after = states(history(values), last, last + 1)
    if before not in ("not_enough_data", "no_data"):
        assert after not in (["not_enough_data"], ["no_data"])


def test_the_arguments_are_left_as_they_were() -> None:
    rows = _panel([[5] * 100])
    before = rows.copy(deep=True)
    judged(rows, 80, 99)
    pd.testing.assert_frame_equal(rows, before)


Break = Callable[[dict[str, Any]], None]


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("judged", {"expected": None}),
        ("no data", {"day_observed": None}),
        ("range", {"low": 60.0}),
        ("direction", {"state": "spike"}),
        ("family", {"p_value": 0.5, "q_value": 0.1}),
        ("change of expectation", {"change": -0.5}),
    ],
)
def test_each_rule_of_the_contract_can_be_broken(rule: str, change: dict[str, Any]) -> None:
    values = np.full(BEFORE + 1, 40.0)
    values[-1] = 0
    good = judged(history(values), BEFORE, BEFORE)
    bad = METRIC_WATCH.to_arrow(good.astype(object).assign(**change))
    assert [str(each).split(":")[0] for each in METRIC_WATCH.validate(bad)] == [rule]
