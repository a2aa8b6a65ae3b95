"""Protects the input table spend: its channels and days, its costs in the lake, and money that is refused."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from acquisition_assets.channel_performance.spend import classified_spend
from acquisition_assets.policy import read_policy
from acquisition_assets_tests.kit.running import compute_day, partition, rows

POLICY = read_policy()
DAY = "2025-09-28"
MIDNIGHT = dt.datetime(2025, 9, 1, tzinfo=dt.timezone.utc)
LEADS = "lead_id,status,created_at,source\n" + "".join(
    f"l{number},{'converted' if number % 10 == 0 else 'new'},2025-08-{1 + number % 20:02},LinkedIn Ads\n"
    for number in range(200)
)
SPEND = "day,channel,utm_source,utm_campaign,amount,currency\n"


def channel_of(**given: str) -> str:
    """The channel of money that is spent on this."""
    row: dict[str, Any] = {**dict.fromkeys(("channel", "utm_source", "utm_campaign", "currency")), **given}
    frame = classified_spend(
        [{**row, "spent_at": MIDNIGHT, "amount": 1.0}], POLICY.channels, POLICY.platforms, ZoneInfo("UTC")
    )
    return str(frame.loc[0, "channel"])


@pytest.mark.parametrize(
    ("given", "channel"),
    [
        ({"channel": "LinkedIn"}, "linkedin"),
        ({"channel": "Paid Search"}, "paid_search"),
        ({"channel": "fairs"}, "fairs"),
        ({"utm_source": "google", "utm_campaign": "brand"}, "paid_search"),
        ({"utm_source": "fb"}, "facebook"),
        ({}, "paid_other"),
    ],
)
def test_money_has_the_channel_that_its_leads_have(given: dict[str, str], channel: str) -> None:
    assert channel_of(**given) == channel


@pytest.mark.parametrize("zone", ["UTC", "Europe/Madrid", "America/Los_Angeles", "Asia/Tokyo"])
def test_a_date_is_the_same_business_day_in_other_zones(zone: str) -> None:
    row = {**dict.fromkeys(("channel", "utm_source", "utm_campaign", "currency")), "spent_at": MIDNIGHT, "amount": 1.0}
    frame = classified_spend([row], POLICY.channels, POLICY.platforms, ZoneInfo(zone))
    assert frame["day"].tolist() == [MIDNIGHT.date()]


def test_costs_are_published_and_wrong_money_stops_only_them(tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text(LEADS, encoding="utf-8")
    spend = tmp_path / "spend.csv"
    spend.write_text(SPEND + "2025-08-05,linkedin,,,600,EUR\n2025-08-06,,linkedin,,400,\n", encoding="utf-8")
    run = compute_day(tmp_path, tmp_path / "lake", DAY)
    assert run.success, run.errors
    found = {row["measure"]: row for row in rows(tmp_path / "lake", "channel_costs", DAY)}
    assert {name: (row["spend"], row["cost"]) for name, row in found.items()} == {
        "lead": (1000.0, 5.0),
        "engaged": (1000.0, 50.0),
        "converted": (1000.0, 50.0),
    }
    (advice,) = rows(tmp_path / "lake", "budget_advice", DAY)
    assert advice["advice"] == "mantener: la evidencia es débil; menos de dos canales tienen gasto"

    spend.write_text(SPEND + "2025-08-05,linkedin,,,600,USD\n", encoding="utf-8")
    run = compute_day(tmp_path, tmp_path / "other", DAY)
    assert list(run.failed) == ["channel_costs"]
    assert "amounts in USD, but costs are in EUR" in run.errors
    assert partition(tmp_path / "other", "channel_performance", DAY).exists()


def test_without_spend_there_are_no_costs_and_no_advice(tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text(LEADS, encoding="utf-8")
    run = compute_day(tmp_path, tmp_path / "lake", DAY)
    assert run.success, run.errors
    assert "warning" not in run.metadata["raw_spend"]
    assert rows(tmp_path / "lake", "channel_costs", DAY) == rows(tmp_path / "lake", "budget_advice", DAY) == []
