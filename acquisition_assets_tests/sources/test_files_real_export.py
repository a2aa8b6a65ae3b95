"""Protects a real export (data/learners): no deliveries, sources or referrals, and a vocabulary of its own."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from acquisition_assets.raw.contract import RAW
from acquisition_assets_tests.kit.running import compute_day, report, rows

RAW_TABLES = [contract.table for contract in RAW.values()]
LEARNERS = Path(__file__).resolve().parents[1] / "data" / "learners"
DAYS = {"2013-12-31": "2014-01-01", "2014-06-30": "2014-07-01"}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days of the export."""
    folder = tmp_path_factory.mktemp("learners")
    for day in DAYS:
        run = compute_day(LEARNERS, folder, day)
        assert run.errors == ""
        assert all(run.checks[table, "quarantine"].passed for table in RAW_TABLES)
        assert all(check.passed for (_, name), check in run.checks.items() if name in ("contract", "recomputed"))
    return folder


@pytest.mark.parametrize("day", DAYS)
def test_what_learners_did_is_counted_as_pandas_counts_it(lake: Path, day: str) -> None:
    leads, events = (pd.read_csv(LEARNERS / f"{name}.csv", parse_dates=True) for name in ("leads", "events"))
    leads = leads[leads.created_at < DAYS[day]]
    events = events[(events.occurred_at < DAYS[day]) & events.lead_id.isin(leads.lead_id)]
    hours = pd.to_datetime(events.occurred_at).dt.hour
    opened = events.groupby("lead_id").content_id.nunique()
    completed = events[events.event_type == "completed"].groupby("lead_id").content_id.nunique()
    in_business_hours = hours.between(9, 17).groupby(events.lead_id).mean()
    found = {row["lead_id"]: row for row in rows(lake, "lead_activity", day)}
    assert set(found) == set(leads.lead_id)
    for lead in leads.itertuples():
        row = found[lead.lead_id]
        assert row["status"] == {"converted": "converted", "lost": "inactive"}[lead.status]
        assert (row["source"], row["platform"], row["deliveries_total"]) == ("unknown", None, 0)
        assert row["opens_total"] == opened.get(lead.lead_id, 0)
        assert row["completions_total"] == completed.get(lead.lead_id, 0)
        assert row["completion_rate"] is row["avg_response_hours"] is None
        expected = in_business_hours.get(lead.lead_id)
        assert row["business_hours_share"] == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("day", DAYS)
def test_what_cannot_be_said_of_them_is_empty(lake: Path, day: str) -> None:
    for table in ("behavior_predictions", "content_recommendations", "anomalies", "quarantine"):
        assert rows(lake, table, day) == []
    assert report(lake, day, "social_media_tracking")["best_platform"] is None
    assert [row["channel"] for row in rows(lake, "social_performance", day)] in ([], ["unknown"])
