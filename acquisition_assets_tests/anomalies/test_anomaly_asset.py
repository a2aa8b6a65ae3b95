"""Protects the anomalies asset on whole days of the graph: windows across clock changes, and its checks.

The rules themselves are tested in test_anomaly_detect.py.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from statistics import NormalDist

import pytest

from acquisition_assets_tests.kit.random_world import write
from acquisition_assets_tests.kit.running import Check, Run, compute_day, report, rows

ZONE = "Europe/Madrid"


def run_with_referrals(folder: Path, day: dt.date, referrals: list[tuple[str, str]]) -> Run:
    """Run a day with one lead and its referrals, given as (status, time)."""
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
    """Return the observed values of the day's anomalies by type."""
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


def test_both_drops_are_found_in_the_events_of_a_source(tmp_path: Path) -> None:
    """Twenty leads and 40 of 60 deliveries opened in three days, then 2 leads and 10 of 60 opened.

    The deliveries are those of D-6 to D-4 and of D-3 to D-1, whose 24 hours are over; the leads of D-5 to D.
    """
    day = dt.date(2026, 3, 10)
    at = {ago: (day - dt.timedelta(days=ago)).isoformat() for ago in range(7)}
    leads = [{"lead_id": f"l{n}", "status": "new", "created_at": at[5 - n % 3 if n < 20 else 0]} for n in range(22)]
    events = []
    for period, opened in ((3, 40), (0, 10)):
        for n in range(60):
            shared = {"lead_id": f"l{n % 20}", "delivery_id": f"d{period}-{n}"}
            sent_on = at[1 + period + n % 3]
            events.append({**shared, "event_type": "sent", "occurred_at": f"{sent_on}T08:00:00Z"})
            if n < opened:
                events.append({**shared, "event_type": "opened", "occurred_at": f"{sent_on}T22:59:59Z"})
            elif n < 50:  # 24 hours late, or by a machine
                late = dt.date.fromisoformat(sent_on) + dt.timedelta(days=1)
                is_machine = "true" if n % 2 else ""
                when = f"{sent_on}T09:00:00Z" if is_machine else f"{late}T08:00:00Z"
                events.append({**shared, "event_type": "opened", "occurred_at": when, "is_machine": is_machine})
    events = [{"is_machine": "", **row} for row in events]
    write(tmp_path / "source", {"leads": leads, "events": events})
    policy = tmp_path / "policy.yaml"
    policy.write_text("locale: en\n", encoding="utf-8")
    run = compute_day(tmp_path / "source", tmp_path / "lake", day, policy=policy)
    assert run.success, run.errors
    engagement, arrivals = rows(tmp_path / "lake", "anomalies", day)
    numbers = ("observed", "baseline", "seasonal_baseline", "change", "window_start", "window_end")
    over = (dt.date(2026, 3, 7), dt.date(2026, 3, 9))
    assert [engagement[name] for name in numbers] == [16.67, 66.67, None, -0.75, *over]
    assert [arrivals[name] for name in numbers] == [0.67, 6.67, None, -0.9, dt.date(2026, 3, 8), day]
    # pooled 50 of 120; and 2 or fewer of 22, each of two periods as probable
    error = (50 / 120 * 70 / 120 * 2 / 60) ** 0.5
    assert engagement["p_value"] == pytest.approx(NormalDist().cdf((10 - 40) / 60 / error), rel=1e-3)
    assert arrivals["p_value"] == pytest.approx((1 + 22 + 231) / 2**22, rel=1e-3)
    assert (engagement["type"], engagement["severity"]) == ("engagement_drop", "high")
    assert (arrivals["type"], arrivals["severity"]) == ("lead_generation_drop", "medium")
    listed = [(check.passed, check.severity, check.description) for check in checks_of(run)]
    assert listed == [
        (
            False,
            "ERROR",
            "Significant drop in engagement rate: 16.7% vs 66.7% previous average. Review content and timing of sends",
        ),
        (
            False,
            "WARN",
            "Significant drop in lead generation: 0.7 leads per day vs 6.7 previous average. "
            "Review acquisition channels and campaigns",
        ),
    ]


def checks_of(run: Run) -> list[Check]:
    """Return the outcomes of the two drop checks."""
    return [run.checks["anomalies", kind] for kind in ("engagement_drop", "lead_generation_drop")]
