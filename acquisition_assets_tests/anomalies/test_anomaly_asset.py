"""Here: the asset of anomalies over whole days of the graph: its windows where the clock changes, and its checks.

Not here: the rules (test_anomaly_detect.py).
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from acquisition_assets_tests.random_world import write
from acquisition_assets_tests.running import Run, compute_day, report, rows

ZONE = "Europe/Madrid"


def run_with_referrals(folder: Path, day: dt.date, referrals: list[tuple[str, str]]) -> Run:
    """A day with one lead and its referrals (status, time)."""
    lead = {"lead_id": "a", "status": "new", "created_at": "2024-01-01"}
    listed = [
        {"referral_id": f"r{n}", "referrer_lead_id": "a", "status": status, "created_at": at}
        for n, (status, at) in enumerate(referrals)
    ]
    write(folder / "source", {"leads": [lead], "referrals": listed})
    run = compute_day(folder / "source", folder / "lake", day, ZONE)
    assert run.success, run.errors
    return run


def found(folder: Path, day: dt.date) -> list[tuple[str, float]]:
    """The types of the day's anomalies with what was observed."""
    return [(row["type"], row["observed"]) for row in rows(folder / "lake", "anomalies", day)]


def test_fraud_is_counted_over_business_days_in_a_week_of_167_hours(tmp_path: Path) -> None:
    day = dt.date(2024, 4, 2)  # the week begins on 2024-03-26T23:00Z; 7 x 24 hours would begin an hour before
    inside = [("fraud", "2024-03-26T23:00:00Z"), ("fraud", "2024-04-02T21:59:59Z"), *[("pending", "2024-03-31")] * 9]
    run = run_with_referrals(tmp_path, day, [*inside, ("fraud", "2024-03-26T22:59:59.999999Z")])
    assert found(tmp_path, day) == []  # 2 of 11 are 18.2 %; 3 of 12 would be 25 %
    assert run.checks["anomalies", "high_fraud_rate"].passed


def test_fraud_is_counted_over_business_days_in_a_week_of_169_hours(tmp_path: Path) -> None:
    day = dt.date(2024, 10, 29)  # the week begins on 2024-10-22T22:00Z; 7 x 24 hours would begin an hour after
    inside = [("fraud", "2024-10-22T22:00:00Z"), ("fraud", "2024-10-28"), ("fraud", "2024-10-29")]
    run = run_with_referrals(tmp_path, day, [*inside, *[("validated", "2024-10-24")] * 8])
    assert found(tmp_path, day) == [("high_fraud_rate", 27.27)]  # 3 of 11; 2 of 10 would be too few
    check = run.checks["anomalies", "high_fraud_rate"]
    assert (check.passed, check.severity) == (False, "ERROR")
    message = "Tasa de fraude alta en referidos: 27.3% (3 de 11) vs 20.0% límite"
    assert check.description == f"{message}. Revisar y fortalecer validaciones anti-fraude"
    assert report(tmp_path / "lake", day, "anomaly_detection")["high_severity"] == 1


@pytest.mark.parametrize(("fraud", "flagged"), [(3, True), (2, False)])
def test_over_twenty_percent_of_more_than_ten(fraud: int, flagged: bool, tmp_path: Path) -> None:
    day = dt.date(2024, 2, 1)
    at = "2024-01-30"
    run = run_with_referrals(tmp_path, day, [*[("fraud", at)] * fraud, *[("pending", at)] * (11 - fraud)])
    assert bool(found(tmp_path, day)) is flagged
    assert run.checks["anomalies", "high_fraud_rate"].passed is not flagged
    assert run.checks["anomalies", "unusual_behavior"].passed
