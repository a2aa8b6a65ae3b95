"""Protects the evidence: outcomes are counted once, verdicts hold beyond chance, bands out of order are named."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from acquisition_assets.conversion_forecasts.contract import RULE_EVIDENCE
from acquisition_assets.conversion_forecasts.evidence import inversions, parameters, rule_evidence
from acquisition_assets.core.sql_files import read_sql
from acquisition_assets_tests.kit.forecast_rows import policy
from acquisition_assets_tests.kit.sql_cases import session_of

UTC = dt.timezone.utc


def counted(*rules: tuple[str, str, int, int, int]) -> pa.Table:
    """Return rows of rule_counts: kind, rule, leads, conversions, leads that converted."""
    names = ("rule_kind", "rule", "leads", "conversions", "converted_leads")
    types = (pa.string(), pa.string(), pa.int64(), pa.int64(), pa.int64())
    columns = zip(*rules, strict=True) if rules else ([] for _ in names)
    return pa.table([pa.array(list(one), kind) for one, kind in zip(columns, types, strict=True)], names=names)


@pytest.mark.parametrize(
    ("leads", "conversions", "converted", "verdict"),
    [
        (29, 20, 20, "too_few"),
        (40, 0, 0, "too_few"),  # at the rate of all, fewer than 5 would be expected
        (1000, 200, 200, "better"),
        (1000, 20, 20, "worse"),
        (1000, 100, 100, "not_clear"),
        (1000, 125, 125, "better"),
        (1000, 125, 30, "not_clear"),  # the same leads over and over
        (10_000, 1000, 1000, "too_few"),  # nobody is left to compare with
    ],
)
def test_a_verdict_is_against_the_other_leads_and_beyond_chance(
    leads: int, conversions: int, converted: int, verdict: str
) -> None:
    table = rule_evidence(
        counted(("all", "all", 10_000, 1000, 1000), ("segment", "s", leads, conversions, converted)), policy()
    )
    assert RULE_EVIDENCE.validate(table) == []
    (row,) = table.to_pylist()
    assert row["verdict"] == verdict
    assert row["rate"] == conversions / leads
    assert row["lift"] == pytest.approx(row["rate"] / 0.1)


def test_the_interval_is_wilsons_where_every_conversion_is_counted_once() -> None:
    (row,) = rule_evidence(counted(("all", "all", 100, 20, 20), ("channel", "c", 50, 10, 10)), policy()).to_pylist()
    assert (row["rate_low"], row["rate_high"]) == (pytest.approx(0.112438, abs=1e-6), pytest.approx(0.330371, abs=1e-6))
    (twice,) = rule_evidence(counted(("all", "all", 200, 40, 20), ("channel", "c", 100, 20, 10)), policy()).to_pylist()
    assert (twice["rate_low"], twice["rate_high"]) == (pytest.approx(row["rate_low"]), pytest.approx(row["rate_high"]))


def test_no_lead_is_no_evidence() -> None:
    assert rule_evidence(counted(), policy()).num_rows == 0
    assert inversions(counted(), policy()) == []


def bands(*rates: tuple[int, int]) -> pa.Table:
    """Return the counts of bands from the lowest."""
    return counted(*(("score_band", str(place), leads, made, made) for place, (leads, made) in enumerate(rates)))


@pytest.mark.parametrize(
    ("rates", "found"),
    [
        ([(500, 25), (500, 50), (500, 100)], []),
        ([(500, 52), (500, 50), (500, 100)], []),
        ([(500, 100), (500, 50), (500, 100)], ["10 to 20"]),
        ([(500, 100), (500, 90), (500, 30)], ["20 to 30", "20 to 30"]),
        ([(500, 100), (29, 0), (500, 100)], []),
    ],
)
def test_bands_are_out_of_order_where_a_higher_one_converts_less_beyond_chance(
    rates: list[tuple[int, int]], found: list[str]
) -> None:
    wrong = inversions(bands(*rates), policy())
    assert [one.higher for one in wrong] == found
    assert all(one.higher_rate < one.lower_rate for one in wrong)


def test_leads_are_counted_where_their_status_is_dated_and_open() -> None:
    day, end = dt.date(2026, 1, 5), dt.datetime(2026, 1, 6, tzinfo=UTC)
    times = {"a": end, "b": end + dt.timedelta(days=30), "c": None, "d": end, "e": end - dt.timedelta(days=1)}
    status = {
        "a": ("new", True),
        "b": ("engaged", True),
        "c": ("new", True),
        "d": ("new", False),
        "e": ("converted", True),
    }
    leads = list(times)
    tables = {
        "past_activity": pa.table(
            {
                "date": [day] * 5,
                "lead_id": leads,
                "channel": ["x", "x", "y", "y", "y"],
                "status": [status[one][0] for one in leads],
                "status_is_dated": [status[one][1] for one in leads],
            }
        ),
        "evidence_days": pa.table({"date": [day], "end_at": pa.array([end], pa.timestamp("us", "UTC"))}),
        "lead_histories": pa.table(
            {"lead_id": leads, "converted_at": pa.array(list(times.values()), pa.timestamp("us", "UTC"))}
        ),
        "past_scores": pa.table(
            {
                "date": [day] * 5,
                "lead_id": leads,
                "score": [9.99, 10.0, 100.0, 0.0, 0.0],
                **{f"{part}_points": [0.0, 1.0, -1.0, 0.0, 0.0] for part in PARTS},
            }
        ),
        "past_predictions": pa.table(
            {"date": [day] * 3, "lead_id": leads[:3], "predicted_next_action": ["needs_nurturing"] * 3}
        ),
        "past_segments": pa.table({"date": [day], "lead_id": ["a"], "segment": ["at_risk"]}),
        "past_recommendations": pa.table({"date": [day] * 2, "lead_id": ["a", "c"], "rule": ["premium"] * 2}),
    }
    given = {"horizon_us": 30 * 86_400_000_000, **parameters(policy())}
    with session_of(tables) as session:
        session.bind_query("judged_leads", read_sql("conversion_forecasts/judged_leads"), given)
        rows = session.query(read_sql("conversion_forecasts/rule_counts"), given).to_pylist()
    found = {(row["rule_kind"], row["rule"]): (row["leads"], row["conversions"]) for row in rows}
    assert found[("all", "all")] == (3, 1)  # b converts 30 days after T: too late
    assert (found[("channel", "x")], found[("channel", "y")]) == ((2, 1), (1, 0))
    assert [found[("score_band", band)] for band in ("0", "1", "9")] == [(1, 1), (1, 0), (1, 0)]
    for part in PARTS:
        assert (found[("score_part", f"{part}: none")], found[("score_part", f"{part}: has points")]) == (
            (1, 1),
            (2, 0),
        )
    assert found[("predicted_action", "needs_nurturing")] == (3, 1)
    assert found[("segment", "at_risk")] == (1, 1)
    assert found[("recommendation_rule", "premium")] == (2, 1)


PARTS = ("recent_activity", "response", "referral", "consistency", "decay", "status")
