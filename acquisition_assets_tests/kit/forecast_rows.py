"""Makes rows of row_features for tests of the forecasts: leads at cut-offs, with what decides whether they convert.

Leaves the SQL that makes such rows of leads and events to bench/forecast_day.py.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa

from acquisition_assets.conversion_forecasts.design import CATEGORIES, NUMBERS
from acquisition_assets.conversion_forecasts.policy import ForecastPolicy
from acquisition_assets.policy import read_policy


@cache
def policy() -> ForecastPolicy:
    """Return the shipped section of the policy."""
    return read_policy().conversion_forecasts


def features(count: int, **given: object) -> pa.Table:
    """Return rows of row_features in which nothing has happened, but for the columns that are given."""
    columns: dict[str, object] = {
        "row_number": np.arange(1, count + 1),
        "cut": np.zeros(count, np.int64),
        "lead_id": [f"lead-{place:05}" for place in range(count)],
        "is_converted": np.zeros(count, bool),
        "is_approximate": np.zeros(count, bool),
        **{one.name: np.zeros(count) for one in NUMBERS},
        **{one.name: pa.nulls(count, pa.string()) for one in CATEGORIES},
    }
    assert given.keys() <= columns.keys()
    return pa.table({**columns, **given})


def world(
    seed: int, leads: int = 400, cuts: int = 12, signal: float = 1.5, rate: float = 0.12, drift: float = 0.0
) -> pa.Table:
    """Return leads that are open at every cut-off, and convert more often the more they opened.

    Args:
        seed: everything follows from it.
        leads: how many.
        cuts: how many cut-offs each of them has.
        signal: what a standard deviation of the (logarithm of the) openings does to the log odds; 0 is pure chance.
        rate: how many of them convert.
        drift: what a cut-off does to the log odds of all leads.
    """
    chance = np.random.default_rng(seed)
    lead = np.tile(np.arange(leads), cuts)
    cut = np.repeat(np.arange(cuts), leads)
    liking = chance.normal(size=leads)[lead]
    opened = np.floor(np.exp(1 + 0.8 * (liking + 0.3 * chance.normal(size=lead.size))))
    odds = np.log(rate / (1 - rate)) + signal * liking - drift * cut
    return features(
        lead.size,
        cut=cut,
        lead_id=[f"lead-{place:05}" for place in lead],
        is_converted=chance.uniform(size=lead.size) < 1 / (1 + np.exp(-odds)),
        age_days=np.floor(300 - 7.0 * cut + 100 * chance.uniform(size=leads)[lead]),
        opens_total=opened,
        days_since_engagement=pa.array(chance.uniform(0, 60, lead.size), mask=opened == 0),
        utm_campaign=[f"campaign-{place}" for place in chance.integers(0, 30, leads)[lead]],
    )
