"""Here: that every rule of the contract of `social_performance` can be broken, and is kept by good rows.

Not here: how the rates are computed.
"""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa
import pytest

from acquisition_assets.core.contracts import duplicates_query, violations_query
from acquisition_assets.social_performance.contract import SOCIAL_PERFORMANCE

ROW: dict[str, Any] = {
    "channel": "linkedin",
    "is_social": True,
    "total_leads": 150,
    "engaged_leads": 45,
    "engagement_rate": 30.0,
    "engagement_rate_low": 23.2,
    "engagement_rate_high": 37.8,
    "avg_engagement_score": 7.5,
    "referrals_generated": 14,
    "referral_rate": 8.0,
}
IDLE = {
    **ROW,
    "channel": "organic",
    "is_social": False,
    "engaged_leads": 0,
    "engagement_rate": 0.0,
    "engagement_rate_low": 0.0,
    "engagement_rate_high": 2.5,
    "avg_engagement_score": 0.0,
    "referrals_generated": 0,
    "referral_rate": 0.0,
}
ALL = {
    **ROW,
    "channel": "x",
    "engaged_leads": 150,
    "engagement_rate": 100.0,
    "engagement_rate_low": 97.5,
    "engagement_rate_high": 100.0,
    "referrals_generated": 150,
    "referral_rate": 100.0,
}
BROKEN: dict[str, dict[str, Any]] = {
    **{f"{name}: is never null": {**ROW, name: None} for name in ROW},
    "total_leads: >= 1": {**IDLE, "total_leads": 0},
    "engaged_leads: >= 0": {**IDLE, "engaged_leads": -1},
    "engagement_rate: >= 0": {**IDLE, "engagement_rate": -0.1},
    "engagement_rate: <= 100": {**ALL, "engagement_rate": 100.1},
    "engagement_rate_low: >= 0": {**IDLE, "engagement_rate_low": -0.1},
    "engagement_rate_low: <= 100": {**ALL, "engagement_rate_low": 100.1},
    "engagement_rate_high: >= 0": {**IDLE, "engagement_rate_high": -0.1},
    "engagement_rate_high: <= 100": {**ALL, "engagement_rate_high": 100.1},
    "avg_engagement_score: >= 0": {**ROW, "avg_engagement_score": -0.01},
    "referrals_generated: >= 0": {**IDLE, "referrals_generated": -1},
    "referral_rate: >= 0": {**IDLE, "referral_rate": -0.1},
    "referral_rate: <= 100": {**ALL, "referral_rate": 100.1},
    "engaged among leads: no more leads are engaged than there are": {**ALL, "engaged_leads": 151},
    "rate of counts: engagement_rate is engaged_leads / total_leads, to the rounding": {**ROW, "engagement_rate": 30.1},
    "bounds around rate: the bounds lie around the rate": {**ROW, "engagement_rate_low": 30.1},
    "referrals of leads: every lead with a referral has at least one": {**ROW, "referrals_generated": 11},
    "channel named: the channel has a name": {**ROW, "channel": ""},
}


def table(*rows: dict[str, Any]) -> pa.Table:
    """The rows in the contract's types."""
    return pa.Table.from_pylist(list(rows), schema=SOCIAL_PERFORMANCE.arrow_schema)


def by_query(rows: pa.Table) -> list[str]:
    """The broken rules as the engine finds them before a table is published."""
    names, query = violations_query(SOCIAL_PERFORMANCE, "staged")
    with duckdb.connect() as connection:
        connection.register("staged", rows)
        _, *counts = connection.execute(query).fetchall()[0]
    return [name for name, count in zip(names, counts, strict=True) if count]


@pytest.mark.parametrize("rule", BROKEN)
def test_one_row_breaks_each_rule(rule: str) -> None:
    assert rule in by_query(table(BROKEN[rule]))


def test_no_rule_is_left_out() -> None:
    names, _ = violations_query(SOCIAL_PERFORMANCE, "staged")
    assert sorted(names) == sorted(BROKEN)


def test_the_upper_bound_is_not_below_the_rate() -> None:
    assert by_query(table({**ROW, "engagement_rate_high": 29.9})) != []


@pytest.mark.parametrize("rule", BROKEN)
def test_a_frame_is_refused_for_the_same_rows(rule: str) -> None:
    assert SOCIAL_PERFORMANCE.validate(table(BROKEN[rule])) != []


def test_good_rows_break_nothing() -> None:
    assert by_query(table(ROW, IDLE, ALL)) == []
    assert SOCIAL_PERFORMANCE.validate(table(ROW, IDLE, ALL)) == []
    assert SOCIAL_PERFORMANCE.validate(SOCIAL_PERFORMANCE.empty()) == []


def test_a_channel_stands_once_even_if_it_were_social_in_one_row_only() -> None:
    twice = table(ROW, {**ROW, "is_social": False})
    query = duplicates_query(SOCIAL_PERFORMANCE, "staged")
    assert query is not None
    with duckdb.connect() as connection:
        connection.register("staged", twice)
        assert connection.execute(query).fetchall() == [(1,)]
    assert SOCIAL_PERFORMANCE.validate(twice) != []
