"""Holds rows that keep the contracts of metric_history and metric_watch, rows that break them, and tampered tables.

Leaves rows that break a rule of one column to test_contracts.py, which makes them from the contracts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

Row = Mapping[str, Any]
DAY = dt.date(2026, 3, 31)

COUNT: Row = {"day": DAY, "metric": "new_leads", "channel": "linkedin", "value": 12, "trials": None}
RATE: Row = {"day": DAY, "metric": "open_rate", "channel": None, "value": 3, "trials": 10}
NOTHING: Row = {"day": DAY, "metric": "fraud_rate", "channel": None, "value": None, "trials": None}
_RANGE = {"expected": 20.0, "low": 12.0, "high": 30.0, "day_expected": 20.0, "day_low": 12.0, "day_high": 30.0}
_UNJUDGED = dict.fromkeys((*_RANGE, "change", "k", "p_value", "q_value"))
WATCHED: Row = {
    "day": DAY,
    "metric": "new_leads",
    "channel": "linkedin",
    "observed": 5.0,
    **_RANGE,
    "change": -0.75,
    "k": 1,
    "p_value": 0.00002,
    "q_value": 0.0004,
    "state": "drop",
    "day_observed": 5.0,
}
FEW: Row = {**WATCHED, **_UNJUDGED, "channel": None, "state": "not_enough_data"}
GONE: Row = {**FEW, "metric": "completions", "state": "no_data", "observed": None, "day_observed": None}
HIGHER: Row = {**WATCHED, "metric": "bounced", "observed": 60.0, "change": 2.0, "state": "spike", "day_observed": 60.0}

GOOD: dict[str, list[Row]] = {
    "metric_history": [COUNT, RATE, NOTHING],
    "metric_watch": [WATCHED, FEW, GONE, HIGHER],
}
BROKEN: dict[str, dict[str, Sequence[Row]]] = {
    "metric_history": {
        "part of trials": [{**RATE, "value": 11}],
        "trials of rates": [{**RATE, "trials": None}, {**COUNT, "trials": 20}, {**NOTHING, "trials": 1}],
        "channels of new leads": [{**RATE, "channel": "linkedin"}],
    },
    "metric_watch": {
        "judged": [{**WATCHED, "state": "not_enough_data"}, {**WATCHED, "k": None}],
        "no data": [{**FEW, "day_observed": None}],
        "range": [{**WATCHED, "low": 31.0}, {**WATCHED, "day_high": 11.0}],
        "direction": [{**WATCHED, "state": "spike"}, {**HIGHER, "state": "slow_decline"}],
        "family": [{**WATCHED, "q_value": 0.00001}],
        "change of expectation": [{**WATCHED, "change": -0.7}],
    },
}


def _one_more(table: pa.Table) -> pa.Table:
    """Return the table with one more new lead on its first day that has data."""
    rows = table.to_pylist()
    next(row for row in rows if row["metric"] == "new_leads" and row["value"] is not None)["value"] += 1
    return pa.Table.from_pylist(rows, schema=table.schema)


TAMPERED: dict[str, Callable[[pa.Table], pa.Table]] = {
    "metric_history": _one_more,
    "metric_watch": lambda table: table.slice(1),
}
STEPS = {"metric_history": "features"}
