"""Here: that every rule of the contract of `anomalies` can be broken, and is kept by good rows.

Not here: how anomalies are found.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from acquisition_assets.anomalies.contract import ANOMALIES
from acquisition_assets.core.contracts import duplicates_query, violations_query

DAY = dt.date(2026, 3, 31)
WINDOW = {"window_start": dt.date(2026, 3, 29), "window_end": DAY}
WORDS = {"message": "Algo pasó", "recommendation": "Revisar"}
NONE = dict.fromkeys(("baseline", "seasonal_baseline", "change", "p_value", "affected_leads"))
DROP = {
    "type": "engagement_drop",
    "severity": "high",
    **WORDS,
    **NONE,
    "observed": 18.5,
    "baseline": 28.33,
    "seasonal_baseline": 30.0,
    "change": -0.3471,
    "p_value": 0.00671,
    **WINDOW,
}
FRAUD = {**DROP, **NONE, "type": "high_fraud_rate", "observed": 27.27, "baseline": 20.0, "change": 0.3636}
LEADS = {
    **DROP,
    "type": "lead_generation_drop",
    "severity": "medium",
    "observed": 4.33,
    "baseline": 13.33,
    "seasonal_baseline": None,
    "change": -0.675,
}
SILENT = {
    **DROP,
    **NONE,
    "type": "unusual_behavior",
    "severity": "medium",
    "observed": 5.0,
    "affected_leads": 5,
}
BROKEN: dict[str, dict[str, Any]] = {
    "type: one of engagement_drop, high_fraud_rate, lead_generation_drop, unusual_behavior": {**FRAUD, "type": "storm"},
    "type: is never null": {**SILENT, "type": None},
    "severity: one of high, medium": {**SILENT, "severity": "low"},
    "severity: is never null": {**SILENT, "severity": None},
    "message: is never null": {**DROP, "message": None},
    "recommendation: is never null": {**DROP, "recommendation": None},
    "observed: is never null": {**FRAUD, "observed": None},
    "observed: >= 0": {**LEADS, "observed": -0.01, "change": -1.0},
    "baseline: >= 0": {**FRAUD, "baseline": -20.0, "change": -1.0},
    "seasonal_baseline: >= 0": {**LEADS, "observed": 0.0, "change": -1.0, "seasonal_baseline": -1.0},
    "change: >= -1": {**LEADS, "observed": 0.0, "change": -1.1},
    "p_value: >= 0": {**DROP, "p_value": -0.01},
    "p_value: <= 1": {**DROP, "p_value": 1.01},
    "affected_leads: >= 1": {**SILENT, "observed": 0.0, "affected_leads": 0},
    "window_start: is never null": {**DROP, "window_start": None},
    "window_end: is never null": {**DROP, "window_end": None},
    "severity of type: the severity is that of the type": {**LEADS, "severity": "high"},
    "words: message and recommendation say something": {**DROP, "message": " "},
    "affected leads: affected_leads is what was observed for unusual_behavior, and null for the others": {
        **DROP,
        "affected_leads": 5,
    },
    "p_value of drops: drops, and only drops, have a p value": {**LEADS, "p_value": None},
    "season of drops: only drops have a seasonal baseline": {**FRAUD, "seasonal_baseline": 20.0},
    "baseline of type: all but unusual_behavior have a baseline": {**SILENT, "baseline": 4.0, "change": 0.25},
    "rates in percent: rates are at most 100 %": {**FRAUD, "observed": 100.01, "change": 4.0005},
    "direction: a drop is below its baselines, a fraud rate above its limit": {**DROP, "seasonal_baseline": 18.0},
    "change of baseline: change is observed / baseline - 1, to the rounding, and null only without one above 0": {
        **DROP,
        "change": -0.36,
    },
    "window: the window does not end before it starts": {**DROP, "window_start": DAY + dt.timedelta(days=1)},
}
# What else a rule of several parts must refuse, or let pass.
MORE_BROKEN = [
    {**SILENT, "affected_leads": 4},
    {**SILENT, "affected_leads": None},
    {**FRAUD, "p_value": 0.01},
    {**FRAUD, "observed": 19.99, "change": -0.0005},
    {**FRAUD, "baseline": None, "change": None},
    {**FRAUD, "change": None},
    {**SILENT, "change": 0.1},
    {**DROP, "recommendation": ""},
    {**DROP, "observed": 29.0, "change": 0.0237},
]
GOOD = [DROP, FRAUD, LEADS, SILENT]
MORE_GOOD = [
    {**DROP, "seasonal_baseline": None},
    {**FRAUD, "observed": 20.0, "change": 0.0001},
    {**FRAUD, "observed": 5.0, "baseline": 0.0, "change": None},
    {**LEADS, "observed": 0.0, "change": -1.0},
    {**DROP, "observed": 0.0, "baseline": 0.01, "change": -0.6667},
]


def table(*rows: dict[str, Any]) -> pa.Table:
    """The rows in the contract's types."""
    return pa.Table.from_pylist(list(rows), schema=ANOMALIES.arrow_schema)


def by_query(rows: pa.Table) -> list[str]:
    """The broken rules as the engine finds them before a table is published."""
    names, query = violations_query(ANOMALIES, "staged")
    with duckdb.connect() as connection:
        connection.register("staged", rows)
        _, *counts = connection.execute(query).fetchall()[0]
    return [name for name, count in zip(names, counts, strict=True) if count]


@pytest.mark.parametrize("rule", BROKEN)
def test_one_row_breaks_each_rule(rule: str) -> None:
    assert rule in by_query(table(BROKEN[rule]))


def test_no_rule_is_left_out() -> None:
    names, _ = violations_query(ANOMALIES, "staged")
    assert sorted(names) == sorted(BROKEN)


@pytest.mark.parametrize("row", MORE_BROKEN)
def test_parts_of_rules_are_broken_too(row: dict[str, Any]) -> None:
    assert by_query(table(row)) != []


@pytest.mark.parametrize("rule", BROKEN)
def test_a_frame_is_refused_for_the_same_rows(rule: str) -> None:
    assert ANOMALIES.validate(table(BROKEN[rule])) != []


def test_good_rows_break_nothing() -> None:
    assert by_query(table(*GOOD)) == []
    assert ANOMALIES.validate(table(*GOOD)) == []
    assert [by_query(table(row)) for row in MORE_GOOD] == [[]] * len(MORE_GOOD)
    assert ANOMALIES.validate(ANOMALIES.empty()) == []


def test_a_type_stands_once() -> None:
    twice = table(DROP, {**DROP, "observed": 18.49})
    query = duplicates_query(ANOMALIES, "staged")
    assert query is not None
    with duckdb.connect() as connection:
        connection.register("staged", twice)
        assert connection.execute(query).fetchall() == [(1,)]
    assert ANOMALIES.validate(twice) != []


@pytest.mark.parametrize("name", ["observed", "baseline", "seasonal_baseline", "change", "p_value", "affected_leads"])
def test_numbers_have_units(name: str) -> None:
    assert ANOMALIES.unit(name)
