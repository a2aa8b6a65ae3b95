"""Protects the gate: chance does not pass, a signal does, and a model is withdrawn and brought back by whole days."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from acquisition_assets.conversion_forecasts.contract import ROOM
from acquisition_assets.conversion_forecasts.forecast import train
from acquisition_assets.conversion_forecasts.gate import is_in_use, is_withdrawn, judge, method_of, validation_weeks
from acquisition_assets.core.words import words_of
from acquisition_assets_tests.kit.forecast_rows import policy, world

DRAWS = 40
said = words_of(ROOM, "en").message


def test_pure_chance_passes_in_at_most_a_tenth_of_draws() -> None:
    passed = [train(world(seed, leads=150, cuts=10, signal=0), [], policy()).gate.passed for seed in range(DRAWS)]
    assert sum(passed) <= DRAWS // 10


def test_a_rate_that_changes_from_week_to_week_is_no_signal() -> None:
    """Ages tell the weeks apart here, so a model can follow the rate without knowing anything of any lead."""
    days = [train(world(seed, leads=150, signal=0, drift=0.25), [], policy()) for seed in range(DRAWS)]
    assert sum(day.gate.passed for day in days) <= DRAWS // 10
    assert any("weeks, not the leads" in said(day.gate.reason) for day in days)


def test_a_signal_passes_and_forecasts_are_better_than_the_base_rate() -> None:
    day = train(world(1), [], policy())
    quality = {row["candidate"]: row for row in day.quality("en").to_pylist()}
    assert day.gate.passed
    assert day.method == "learned"
    assert quality["learned"]["brier"] < quality["base_rate"]["brier"]
    assert quality["learned"]["skill_low"] > 0 == quality["base_rate"]["skill"]
    assert quality["learned"]["is_published"]


def test_the_gate_needs_conversions_on_both_sides() -> None:
    few = train(world(1, leads=60, rate=0.004, signal=0), [], policy())
    assert "the gate needs 5" in said(few.gate.reason)
    assert few.gate.gain_low is None


@pytest.mark.parametrize(("rate", "weeks"), [(0.0, 4), (0.0499, 4), (0.05, 2), (0.5, 2)])
def test_rare_conversions_are_validated_on_more_weeks(rate: float, weeks: int) -> None:
    assert validation_weeks(rate, policy()) == weeks


def test_what_is_in_use_is_what_a_machine_of_states_says() -> None:
    """Three failing days in a row withdraw what had passed, and one passing day brings it back."""
    for results in itertools.product([True, False], repeat=7):
        in_use, failing = False, 0
        for place, passed in enumerate(results):
            before = in_use
            failing = 0 if passed else failing + 1
            in_use = passed or (in_use and failing < 3)
            earlier = list(reversed(results[:place]))
            assert is_in_use(passed, earlier, policy()) == in_use
            assert is_withdrawn(passed, earlier, policy()) == (before and not in_use)


@pytest.mark.parametrize(
    ("conversions", "in_use", "method"),
    [
        (0, True, "none"),
        (4, True, "none"),
        (5, True, "base_rate"),
        (9, True, "base_rate"),
        (10, False, "base_rate"),
        (10, True, "learned_small"),
        (49, True, "learned_small"),
        (50, True, "learned"),
        (50, False, "base_rate"),
    ],
)
def test_the_method_follows_from_conversions_and_gate(conversions: int, in_use: bool, method: str) -> None:
    assert method_of(conversions, in_use, policy()) == method


def test_the_gain_must_hold_for_most_draws_of_leads() -> None:
    """A gain that one lead alone brings is gone in the draws without it."""
    labels = np.array([1.0] + [0.0, 1.0] * 50)
    leads = np.arange(labels.size)
    weeks = np.zeros(labels.size, np.int64)
    one_lead = np.full(labels.size, 0.5)
    one_lead[0] = 0.9
    everyone = 0.5 + 0.2 * (labels - 0.5)
    assert not judge(one_lead, labels, leads, weeks, 0.5, policy()).passed
    assert judge(everyone, labels, leads, weeks, 0.5, policy()).passed
