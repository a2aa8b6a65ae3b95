"""Rounds published numbers half up, without the noise of binary fractions.

Which numbers are published, and with how many decimals, is left to the products.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal

# A sum of doubles is off by far less than so many decimals beyond those that are kept; a microsecond in hours is more.
NOISE_DECIMALS = 9
# A double holds no more significant digits than these.
DOUBLE_DIGITS = 15
LARGEST = 1e15


def round_half_up(value: float, digits: int) -> float:
    """A number with so many decimals; halves go away from zero, and 16.724999999999998 is 16.725.

    What is not finite, or too large to have decimals, is given back as it is. There is no negative zero.
    """
    if not math.isfinite(value) or abs(value) >= LARGEST:
        return value
    cleaned = format(round(float(value), digits + NOISE_DECIMALS), f".{DOUBLE_DIGITS}g")
    return float(Decimal(cleaned).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)) + 0.0


def round_significant(value: float, digits: int) -> float:
    """A number with so many significant digits, halves away from zero: for what may be very small, as a p value."""
    if not math.isfinite(value) or value == 0:
        return value
    exact = Decimal(repr(float(value)))
    return float(exact.quantize(Decimal(1).scaleb(exact.adjusted() - digits + 1), ROUND_HALF_UP))
