"""Holds what the tests must know of `metric_watch`: rows of its table, and the sections of its policy.

What each field means is left to kit/expectations.py.
"""

from __future__ import annotations

from acquisition_assets.metric_watch.policy import WatchPolicy
from acquisition_assets_tests.kit.expectations import DAY, Expectations, Row, TableExpectations

RANGE = {"expected": 20.0, "low": 12.0, "high": 30.0, "day_expected": 20.0, "day_low": 12.0, "day_high": 30.0}
UNJUDGED = dict.fromkeys((*RANGE, "change", "k", "p_value", "q_value"))
WATCHED: Row = {
    "day": DAY,
    "metric": "new_leads",
    "channel": "linkedin",
    "observed": 5.0,
    **RANGE,
    "change": -0.75,
    "k": 1,
    "p_value": 0.00002,
    "q_value": 0.0004,
    "state": "drop",
    "day_observed": 5.0,
}
FEW: Row = {**WATCHED, **UNJUDGED, "channel": None, "state": "not_enough_data"}
GONE: Row = {**FEW, "metric": "completions", "state": "no_data", "observed": None, "day_observed": None}
HIGHER: Row = {**WATCHED, "metric": "bounced", "observed": 60.0, "change": 2.0, "state": "spike", "day_observed": 60.0}

EXPECTATIONS = Expectations(
    tables={
        "metric_watch": TableExpectations(
            good=[WATCHED, FEW, GONE, HIGHER],
            broken={
                "judged": [{**WATCHED, "state": "not_enough_data"}, {**WATCHED, "k": None}],
                "no data": [{**FEW, "day_observed": None}],
                "range": [{**WATCHED, "low": 31.0}, {**WATCHED, "day_high": 11.0}],
                "direction": [{**WATCHED, "state": "spike"}, {**HIGHER, "state": "slow_decline"}],
                "family": [{**WATCHED, "q_value": 0.00001}],
                "change of expectation": [{**WATCHED, "change": -0.7}],
            },
            tampered=lambda table: table.slice(1),
            compared_in="metric_watch/test_watch_detector.py",
            is_plotted=False,  # it has a plot of each metric instead
        ),
    },
    elsewhere={"metric_watch": tuple(WatchPolicy.model_fields)},  # the tests of the detector cover them
)
