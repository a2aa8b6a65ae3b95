"""Rounds published numbers half up, without the noise of binary fractions.

Which numbers are published, and with how many decimals, is left to the products.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal

# The error of a sum of doubles is far below this many decimals beyond those kept; a microsecond in hours is above.
NOISE_DECIMALS = 9
# Significant decimal digits that a double always holds.
DOUBLE_DIGITS = 15
LARGEST = 1e15


def round_half_up(value: float, digits: int) -> float:
    """Round to a number of decimals, halves away from zero; 16.724999999999998 counts as 16.725.

    A value that is not finite, or too large to have decimals, is returned unchanged. Negative zero becomes zero.
    """
    if not math.isfinite(value) or abs(value) >= LARGEST:
        return value
    cleaned = format(round(float(value), digits + NOISE_DECIMALS), f".{DOUBLE_DIGITS}g")
    return float(Decimal(cleaned).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)) + 0.0


def round_significant(value: float, digits: int) -> float:
    """Round to a number of significant digits, halves away from zero; for values that may be tiny, such as p values."""
    if not math.isfinite(value) or value == 0:
        return value
    exact = Decimal(repr(float(value)))
    return float(exact.quantize(Decimal(1).scaleb(exact.adjusted() - digits + 1), ROUND_HALF_UP))
