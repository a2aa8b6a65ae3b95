"""Protects the rounding of published numbers."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition_assets.core.numbers import round_half_up, round_significant


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        (16.724999999999998, 2, 16.73),  # the double next to 16.725, as sums produce it
        (16.725, 2, 16.73),
        (16.7249, 2, 16.72),
        (12.025, 2, 12.03),
        (12.0249999997, 2, 12.02),  # hours, a microsecond less
        (1.005, 2, 1.01),  # as a double it lies below the half
        (2.675, 2, 2.68),
        (0.125, 2, 0.13),
        (0.115, 2, 0.12),
        (0.1 + 0.2, 1, 0.3),
        (2.5, 0, 3.0),
        (3.5, 0, 4.0),
        (27.142857142857142, 1, 27.1),
        (27.15, 1, 27.2),
        (-0.125, 2, -0.13),
        (-0.001, 2, 0.0),
        (0, 2, 0.0),
        (7, 2, 7.0),
        (1234567890.725, 2, 1234567890.73),
        (99.9951, 2, 100.0),
        (1e300, 2, 1e300),
    ],
)
def test_half_up(value: float, digits: int, expected: float) -> None:
    result = round_half_up(value, digits)
    assert result == expected
    assert math.copysign(1, result) == math.copysign(1, expected)


def test_infinite_and_missing_values_are_kept() -> None:
    assert math.isnan(round_half_up(math.nan, 2))
    assert round_half_up(-math.inf, 2) == -math.inf
    assert math.isnan(round_significant(math.nan, 6))


@given(st.integers(min_value=-(10**11), max_value=10**11), st.integers(min_value=0, max_value=4))
def test_every_decimal_half_is_rounded_away_from_zero(number: int, digits: int) -> None:
    half = Decimal(number).scaleb(-digits) + Decimal(5).scaleb(-digits - 1) * (1 if number >= 0 else -1)
    expected = Decimal(number + (1 if number >= 0 else -1)).scaleb(-digits)
    assert round_half_up(float(half), digits) == float(expected)


@given(st.floats(min_value=-1e9, max_value=1e9), st.integers(min_value=0, max_value=4))
def test_rounding_is_close_and_idempotent(value: float, digits: int) -> None:
    once = round_half_up(value, digits)
    assert abs(once - value) <= 0.5 * 10**-digits + 1e-6
    assert round_half_up(once, digits) == once


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.04999999, 0.05), (0.0499999, 0.0499999), (1.23456789e-12, 1.23457e-12), (0.1234565, 0.123457), (0, 0), (1, 1)],
)
def test_significant_digits(value: float, expected: float) -> None:
    assert round_significant(value, 6) == expected
