"""Protects what depends on reading order: the first event of an id, and the last version or status of several."""

from __future__ import annotations

from pathlib import Path

import pytest

from acquisition_assets_tests.kit.random_world import write
from acquisition_assets_tests.kit.running import by_lead, compute_day, lenient_policy, rows

DAY = "2026-03-10"
STATUSES = ("new", "nurturing", "engaged", "converted", "inactive")
FEW = 40


@pytest.mark.parametrize("leads", [FEW, 3000])
@pytest.mark.parametrize("form", ["csv", "jsonl", "text.parquet"])
def test_reading_order_holds_however_many_leads_there_are(leads: int, form: str, tmp_path: Path) -> None:
    """With more leads than rows that name them, an engine may turn the sides of a join."""
    names = [f"lead-{number}" for number in range(FEW)]
    tables = {
        "leads": [
            {"lead_id": f"lead-{number}", "status": "new", "created_at": "2026-01-01"} for number in range(leads)
        ],
        "status_changes": [
            {"lead_id": name, "status": status, "changed_at": "2026-03-01T12:00:00Z"}
            for status in STATUSES
            for name in reversed(names)
        ],
        "events": [
            {"event_id": f"e-{name}", "lead_id": name, "event_type": kind, "occurred_at": "2026-03-09T12:00:00Z"}
            for kind in ("clicked", "bounced", "opened")
            for name in names
        ],
        "referrals": [
            {"referral_id": f"r-{name}", "referrer_lead_id": name, "status": status, "created_at": "2026-03-09"}
            for status in ("validated", "fraud")
            for name in reversed(names)
        ],
    }
    write(tmp_path / "source", tables, form)
    policy = lenient_policy(tmp_path)
    run = compute_day(tmp_path / "source", tmp_path / "lake", DAY, policy=policy)
    assert run.success, run.errors
    activity = by_lead(tmp_path / "lake", "lead_activity", DAY)
    assert {activity[name]["status"] for name in names} == {STATUSES[-1]}
    kept = rows(tmp_path / "lake", "raw_events", "2026-03-09")
    assert {row["event_id"]: row["event_type"] for row in kept} == {f"e-{name}": "clicked" for name in names}
    referrals = rows(tmp_path / "lake", "raw_referrals", DAY)
    assert {row["referral_id"]: row["status"] for row in referrals} == {f"r-{name}": "fraud" for name in names}
    quarantine = rows(tmp_path / "lake", "quarantine", DAY)
    assert {row["reason"] for row in quarantine} == {"duplicate id"}
    assert len(quarantine) == 2 * FEW
    assert run.metadata["raw_referrals"]["rows_superseded"] == FEW
