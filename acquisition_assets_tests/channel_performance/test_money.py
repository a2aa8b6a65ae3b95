"""Protects costs and advice on money: intervals that cover, and silence where evidence is weak."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from acquisition_assets.channel_performance.contract import BUDGET_ADVICE, CHANNEL_COSTS
from acquisition_assets.channel_performance.money import budget_advice, channel_costs
from acquisition_assets.channel_performance.policy import ChannelPerformancePolicy
from acquisition_assets.core.errors import InputError
from acquisition_assets.policy import read_policy
from acquisition_assets_tests.channel_performance.test_comparison import DAY, POLICY

WORLDS = 2000


def world(channels: dict[str, tuple[float, float, float]], seed: int = 0, days: int = 90) -> tuple[Any, Any]:
    """Counts and spend of (spend a day, leads per unit of money, conversion rate) by channel, with chance."""
    random = np.random.default_rng(seed)
    leads, money = [], []
    for ago in range(days):
        day = DAY - dt.timedelta(days=ago)
        for name, (amount, per_unit, rate) in channels.items():
            created = int(random.poisson(amount * per_unit))
            converted = int(random.binomial(created, rate))
            leads.append((day, name, name, created, converted, converted))
            money.append((day, name, amount, "EUR"))
    counts = pd.DataFrame(leads, columns=["created_date", "channel_class", "channel", "leads", "engaged", "converted"])
    return counts, pd.DataFrame(money, columns=["day", "channel", "amount", "currency"])


def one_day(leads: int, engaged: int, converted: int, amount: float, currency: str | None = "EUR") -> tuple[Any, Any]:
    day = DAY - dt.timedelta(days=40)
    counts = pd.DataFrame(
        [(day, "email", "email", leads, engaged, converted)],
        columns=["created_date", "channel_class", "channel", "leads", "engaged", "converted"],
    )
    return counts, pd.DataFrame([(day, "email", amount, currency)], columns=["day", "channel", "amount", "currency"])


def test_costs_by_hand() -> None:
    frame = channel_costs(*one_day(200, 50, 10, 1000.0), POLICY, DAY)
    assert CHANNEL_COSTS.validate(CHANNEL_COSTS.to_arrow(frame)) == []
    rows = {row["measure"]: row for row in frame.to_dict("records")}
    assert [rows[name]["cost"] for name in ("lead", "engaged", "converted")] == [5.0, 20.0, 100.0]
    # Wilson bounds of 10 of 200: 2.74 % and 8.96 %.
    assert (rows["converted"]["cost_low"], rows["converted"]["cost_high"]) == pytest.approx((55.83, 182.70), abs=0.2)


def test_no_success_has_a_lower_bound_and_no_cost() -> None:
    row = channel_costs(*one_day(200, 50, 0, 1000.0), POLICY, DAY).set_index("measure").loc["converted"]
    assert pd.isna(row["cost"])
    assert pd.isna(row["cost_high"])
    assert row["cost_low"] > 200


def test_spend_without_leads_is_shown() -> None:
    frame = channel_costs(*one_day(0, 0, 0, 1000.0), POLICY, DAY)
    assert CHANNEL_COSTS.validate(CHANNEL_COSTS.to_arrow(frame)) == []
    assert frame["leads"].tolist() == [0, 0, 0]
    assert frame["cost"].isna().all()


def test_conversions_are_paid_by_the_spend_of_their_days() -> None:
    counts, spend = one_day(200, 50, 10, 1000.0)
    late = spend.assign(day=DAY)
    frame = channel_costs(counts, pd.concat([spend, late]), POLICY, DAY).set_index("measure")
    assert frame.loc["lead", "spend"] == 2000.0
    assert frame.loc["converted", "spend"] == 1000.0


@pytest.mark.parametrize(("leads", "rate"), [(450, 0.3), (1800, 0.05), (900, 0.12)])
def test_intervals_of_costs_cover(leads: int, rate: float) -> None:
    random = np.random.default_rng(5)
    day = DAY - dt.timedelta(days=40)
    created = random.poisson(leads, WORLDS)
    # Each world is a channel: what a channel costs depends on no other.
    names = [f"world {number}" for number in range(WORLDS)]
    counts = pd.DataFrame({"created_date": day, "channel_class": "email", "channel": names, "leads": created})
    counts = counts.assign(engaged=0, converted=random.binomial(created, rate))
    spend = pd.DataFrame({"day": day, "channel": names, "amount": 1000.0, "currency": "EUR"})
    frame = channel_costs(counts, spend, POLICY, DAY)
    inside = {"lead": 0, "converted": 0}
    for row in frame[frame["measure"] != "engaged"].to_dict("records"):
        truth = 1000 / (leads if row["measure"] == "lead" else row["leads"] * rate)
        inside[row["measure"]] += row["cost_low"] <= truth <= row["cost_high"]
    for measure, hits in inside.items():
        assert 0.93 <= hits / WORLDS <= 0.97, measure


def test_other_currencies_are_refused_unless_there_is_a_rate() -> None:
    counts, spend = one_day(200, 50, 10, 1000.0, "USD")
    with pytest.raises(InputError, match=r"amounts in USD, but costs are in EUR; give channel_performance.rates"):
        channel_costs(counts, spend, POLICY, DAY)
    policy = ChannelPerformancePolicy.model_validate(
        {**read_policy().channel_performance.model_dump(), "rates": {"USD": 0.5}}
    )
    assert channel_costs(counts, spend, policy, DAY)["spend"].tolist() == [500.0] * 3
    unsaid = channel_costs(*one_day(200, 50, 10, 1000.0, None), POLICY, DAY)
    assert unsaid["spend"].tolist() == [1000.0] * 3


def test_a_channel_twice_as_good_gets_money() -> None:
    found = 0
    for seed in range(20):
        counts, spend = world({"good": (100.0, 0.2, 0.2), "poor": (100.0, 0.2, 0.08), "fair": (100.0, 0.2, 0.1)}, seed)
        frame = budget_advice(counts, spend, POLICY, DAY, "en")
        assert BUDGET_ADVICE.validate(BUDGET_ADVICE.to_arrow(frame)) == []
        assert set(frame["to_channel"]) <= {"good", "all"}
        assert frame["share"].sum() <= POLICY.advice_share + 1e-9
        found += frame["to_channel"].iloc[0] == "good"
    assert found >= 18


def test_equal_channels_are_left_alone() -> None:
    moved = 0
    for seed in range(100):
        counts, spend = world(dict.fromkeys("abcd", (50.0, 0.2, 0.1)), seed)
        moved += budget_advice(counts, spend, POLICY, DAY, "en")["share"].sum() > 0
    assert moved <= 0.05 * 60


def test_weak_evidence_says_what_it_would_take() -> None:
    counts, spend = world({"good": (10.0, 0.2, 0.2), "poor": (10.0, 0.2, 0.1)}, seed=2)
    frame = budget_advice(counts, spend, POLICY, DAY, "en")
    assert len(frame) == 1
    row = frame.iloc[0]
    assert row["advice"].startswith("keep: the evidence is weak")
    assert "days like these would do" in row["advice"]
    assert (row["share"], row["amount"]) == (0.0, 0.0)


def test_one_channel_with_spend_keeps_it() -> None:
    counts, spend = world({"only": (100.0, 0.2, 0.2)})
    assert budget_advice(counts, spend, POLICY, DAY, "en")["advice"].tolist() == [
        "keep: the evidence is weak; fewer than two channels have spend"
    ]
    assert budget_advice(counts, spend.iloc[:0], POLICY, DAY, "en").empty


def test_arguments_are_left_as_they_are() -> None:
    counts, spend = world({"a": (10.0, 0.2, 0.2), "b": (10.0, 0.2, 0.2)})
    before = counts.copy(), spend.copy()
    channel_costs(counts, spend, POLICY, DAY)
    budget_advice(counts, spend, POLICY, DAY, "en")
    pd.testing.assert_frame_equal(counts, before[0])
    pd.testing.assert_frame_equal(spend, before[1])
