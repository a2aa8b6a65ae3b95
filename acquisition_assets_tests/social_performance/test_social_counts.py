"""Protects the SQL that counts the leads of each channel.

The rates are tested in test_social_rates.py, platforms in channels/test_platforms.py.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pytest

from acquisition_assets_tests.kit.sql_cases import END, US, Row, active, ago, run_sql, with_scores


def counted(activity: list[Row], scores: Mapping[str, float] | None = None) -> dict[str, Row]:
    """Return the counts by channel."""
    tables = with_scores(activity, scores or {})
    rows = run_sql("social_performance/social_performance", tables, {"created_from": ago(30)})
    found = {row["channel"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def recent(lead_id: str = "a", **given: Any) -> Row:
    """Return a lead of ten days."""
    return active(lead_id, created_at=ago(10), **given)


@pytest.mark.parametrize(("created_at", "counts"), [(ago(30), True), (ago(30) - US, False), (END - US, True)])
def test_leads_of_the_last_thirty_days_are_counted(created_at: dt.datetime, counts: bool) -> None:
    assert bool(counted([active(created_at=created_at)])) is counts


def test_leads_are_counted_by_channel_and_those_with_a_platform_are_social() -> None:
    leads = [
        recent("a", channel="facebook", platform="facebook"),
        recent("b", channel="facebook", platform="facebook"),
        recent("c", channel="social", platform="social"),
        recent("d", channel="newsletter"),
        recent("e"),
    ]
    totals = {name: (row["is_social"], row["total_leads"]) for name, row in counted(leads).items()}
    assert totals == {
        "facebook": (True, 2),
        "social": (True, 1),
        "newsletter": (False, 1),
        "organic": (False, 1),
    }


@pytest.mark.parametrize(
    ("status", "engaged"), [("new", 0), ("nurturing", 0), ("engaged", 1), ("converted", 1), ("inactive", 0)]
)
def test_engaged_and_converted_leads_are_engaged(status: str, engaged: int) -> None:
    assert counted([recent(status=status)])["organic"]["engaged_leads"] == engaged


def test_scores_and_referrals_are_summed_and_leads_with_a_referral_counted() -> None:
    leads = [recent("a", referrals_generated=3), recent("b", referrals_generated=1), recent("c")]
    row = counted(leads, {"a": 0.1, "b": 0.2, "c": 100.0})["organic"]
    assert (row["score_sum"], row["referrals_generated"], row["leads_with_referral"]) == (100.3, 4, 2)


def test_every_lead_is_in_a_channel() -> None:
    assert counted([]) == {}
