"""Adjusts p values for the number of questions that one day asks.

Leaves the p values themselves to `expectations`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def benjamini_hochberg(p_values: Floats) -> Floats:
    """Return the q values of each column of p values, in the shape given.

    Args:
        p_values: one row per hypothesis, one column per family; NaN is a hypothesis that was not tested.

    Returns:
        The least false discovery rate at which each hypothesis would be rejected (Benjamini and Hochberg, 1995);
        NaN where it was not tested.
    """
    if p_values.size == 0:
        return np.array(p_values)
    tested = ~np.isnan(p_values)
    order: NDArray[Any] = np.argsort(np.where(tested, p_values, np.inf), axis=0, kind="stable")
    ranked = np.take_along_axis(np.where(tested, p_values, np.inf), order, axis=0)
    ranks = np.arange(1, p_values.shape[0] + 1)[:, None]
    ranked = np.minimum(ranked, p_values.shape[0])
    scaled = ranked * tested.sum(axis=0) / ranks
    adjusted = np.minimum.accumulate(scaled[::-1], axis=0)[::-1]
    q_values = np.empty_like(p_values, dtype=np.float64)
    np.put_along_axis(q_values, order, np.minimum(adjusted, 1.0), axis=0)
    return np.where(tested, q_values, np.nan)
