"""Protects the rules of dynamic_scores: thresholds, limits, rounding and the previous score.

General properties are in test_scores_properties.py.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from acquisition_assets.core.contracts import Violation
from acquisition_assets.core.engine.duckdb import DuckDBEngine
from acquisition_assets.core.env import Env
from acquisition_assets.core.lake import PART, Lake
from acquisition_assets.core.step import Step
from acquisition_assets.dynamic_scores.asset import previous_day
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES, PARTS
from acquisition_assets.policy import Policy, read_policy
from acquisition_assets_tests.kit.sql_cases import (
    DAY,
    END,
    US,
    Row,
    active,
    ago,
    frame,
    score_of,
    scored,
    scores_of,
)


def earlier(days: int, score: float, lead_id: str = "a") -> Row:
    """Return a row of dynamic_scores that was published this many days before."""
    return {**scored(lead_id, score), "date": DAY - dt.timedelta(days=days)}


@pytest.mark.parametrize(
    ("completions", "opens", "points"), [(0, 0, 0.0), (1, 0, 2.0), (0, 1, 0.5), (3, 5, 8.5), (60, 90, 165.0)]
)
def test_recent_activity(completions: int, opens: int, points: float) -> None:
    row = score_of(completions_7d=completions, opens_7d=opens)
    assert row["recent_activity_points"] == points
    assert row["computed_score"] == min(points, 100.0)


@pytest.mark.parametrize(
    ("hours", "points"),
    [(None, 0.0), (0.0, 3.0), (1.9999999997, 3.0), (2.0, 1.0), (23.9999999997, 1.0), (24.0, 0.0), (500.0, 0.0)],
)
def test_response(hours: float | None, points: float) -> None:
    assert score_of(latest_response_hours=hours)["response_points"] == points


@pytest.mark.parametrize(("generated", "points"), [(0, 0.0), (1, 5.0), (7, 35.0)])
def test_referrals(generated: int, points: float) -> None:
    row = score_of(referrals_generated=generated, referrals_validated=generated)
    assert row["referral_points"] == points


@pytest.mark.parametrize(
    ("consumed", "age", "points"),
    [
        (2, 0, 0.0),  # fewer than 3
        (2, 4, 0.0),
        (3, 0, 2.0),  # an age of less than a day is a day
        (3, 14, 2.0),  # 3 / 14 > 0.2
        (3, 15, 0.0),  # 3 / 15 is not more than 0.2
        (4, 19, 2.0),
        (4, 20, 0.0),
        (5, 25, 0.0),
        (6, 29, 2.0),
        (6, 30, 0.0),
        (6, 300, 0.0),
        (7, 300, 2.0),  # no more than 30 days of age count
    ],
)
def test_consistency(consumed: int, age: int, points: float) -> None:
    assert score_of(consumed_30d=consumed, age_days=age)["consistency_points"] == points


@pytest.mark.parametrize(
    ("inactive", "points"), [(0, 0.0), (14, 0.0), (15, -0.5), (16, -1.0), (34, -10.0), (214, -100.0)]
)
def test_decay(inactive: int, points: float) -> None:
    row = score_of(base_score=50.0, days_inactive=inactive)
    assert row["decay_points"] == points
    assert row["computed_score"] == max(0.0, 50.0 + points)


@pytest.mark.parametrize(
    ("status", "points"),
    [("new", 0.0), ("nurturing", 2.0), ("engaged", 10.0), ("converted", 0.0), ("inactive", 0.0)],
)
def test_status(status: str, points: float) -> None:
    row = score_of(status=status)
    assert (row["status_points"], row["computed_score"]) == (points, points)


def test_the_floor_applies_before_the_status_points() -> None:
    row = score_of(status="engaged", base_score=3.0, days_inactive=54)  # 3 - 20 is not below 0, then + 10
    assert (row["decay_points"], row["computed_score"], row["clamp_adjustment"]) == (-20.0, 10.0, 17.0)
    exact = score_of(status="engaged", base_score=20.0, days_inactive=54)
    assert (exact["computed_score"], exact["clamp_adjustment"]) == (10.0, 0.0)


@pytest.mark.parametrize(
    ("base", "status", "computed", "adjustment"),
    [
        (89.99, "engaged", 99.99, 0.0),
        (90.0, "engaged", 100.0, 0.0),
        (90.01, "engaged", 100.0, -0.01),
        (100.0, "new", 100.0, 0.0),
        (100.01, "new", 100.0, -0.01),
        (150.5, "nurturing", 100.0, -52.5),
        (1e9, "new", 100.0, 100.0 - 1e9),
        (1e12, "nurturing", 100.0, 98.0 - 1e12),
        (1e15, "engaged", 100.0, 90.0 - 1e15),
        (1e300, "new", 100.0, -1e300),
    ],
)
def test_the_score_is_at_most_100_however_large_the_base(
    base: float, status: str, computed: float, adjustment: float
) -> None:
    row = score_of(base_score=base, status=status)
    assert (row["base_score"], row["computed_score"], row["clamp_adjustment"]) == (base, computed, adjustment)
    assert row["previous_score"] == min(base, 100.0)
    assert DYNAMIC_SCORES.validate(frame(DYNAMIC_SCORES, [row])) == []


def test_large_numbers_do_not_hide_a_score_that_does_not_add_up() -> None:
    row = {**score_of(base_score=1000.0), "clamp_adjustment": -900.01}
    assert [type(broken) for broken in DYNAMIC_SCORES.validate(frame(DYNAMIC_SCORES, [row]))] == [Violation]


@pytest.mark.parametrize(
    ("base", "published"),
    [
        (2.674, 2.67),
        (2.675, 2.68),  # the double is less than the decimal
        (1.005, 1.01),
        (16.725, 16.73),
        (16.724999999999998, 16.73),  # the noise of a sum
        (2.6749999, 2.67),  # no noise
        (9.9949, 9.99),
        (9.995, 10.0),
        (0.0049, 0.0),
        (0.005, 0.01),
        (99.995, 100.0),
        (1234567.125, 1234567.13),
    ],
)
def test_published_scores_are_rounded_half_up(base: float, published: float) -> None:
    row = score_of(base_score=base)
    capped = min(published, 100.0)
    assert (row["base_score"], row["computed_score"], row["previous_score"]) == (published, capped, capped)


def test_the_sum_is_rounded_not_its_parts() -> None:
    row = score_of(base_score=1.2349, completions_7d=1, opens_7d=1)
    assert (row["base_score"], row["computed_score"], row["clamp_adjustment"]) == (1.23, 3.73, 0.0)
    policy = changed(open_points=0.004, completion_points=0.004)
    row = scores_of([active(base_score=0.004, opens_7d=1, completions_7d=1)], policy=policy)["a"]
    assert (row["base_score"], row["recent_activity_points"], row["computed_score"]) == (0.0, 0.01, 0.01)
    row = scores_of([active(base_score=0.004, opens_7d=1, referrals_generated=0)], policy=policy)["a"]
    assert (row["base_score"], row["recent_activity_points"], row["computed_score"]) == (0.0, 0.0, 0.01)
    assert row["clamp_adjustment"] == 0.01  # what the rounding of the parts took


def changed(**numbers: float) -> Policy:
    """Return the policy with other numbers for the scores."""
    policy = read_policy()
    return policy.model_copy(update={"dynamic_scores": policy.dynamic_scores.model_copy(update=numbers)})


@pytest.mark.parametrize(
    ("previous", "base", "score", "updated"),
    [
        (5.0, 6.0, 5.0, False),  # a change of exactly 1 does not count
        (5.0, 6.01, 6.01, True),
        (5.0, 4.0, 5.0, False),
        (5.0, 3.99, 3.99, True),
        (5.0, 5.0, 5.0, False),
        (5.01, 6.009, 5.01, False),  # published, the change is exactly 1
        (5.01, 6.0149, 5.01, False),
        (5.01, 6.015, 6.02, True),
    ],
)
def test_the_score_changes_only_by_more_than_one_published_point(
    previous: float, base: float, score: float, updated: bool
) -> None:
    row = score_of([earlier(1, previous)], base_score=base)
    assert (row["previous_score"], row["score"], row["is_updated"]) == (previous, score, updated)


def test_the_previous_score_comes_from_the_newest_day_with_the_lead() -> None:
    days = [earlier(7, 10.0), earlier(3, 20.0), earlier(1, 30.0, "b"), earlier(3, 40.0, "b"), earlier(2, 50.0, "gone")]
    rows = scores_of([active("a"), active("b"), active("c", base_score=7.777)], days)
    assert {name: row["previous_score"] for name, row in rows.items()} == {"a": 20.0, "b": 30.0, "c": 7.78}


def test_the_previous_score_of_a_new_lead_is_its_base_within_the_limits() -> None:
    assert score_of(base_score=150.0, days_inactive=200)["previous_score"] == 100.0
    assert score_of(base_score=0.4, days_inactive=200)["previous_score"] == 0.4


MONTH, QUARTER = ago(30), ago(90)


@pytest.mark.parametrize(
    ("created_at", "sent_at", "engaged_at", "analysed"),
    [
        (QUARTER, None, None, True),  # never sent anything
        (QUARTER - US, None, None, False),
        (QUARTER, MONTH, None, True),
        (QUARTER, MONTH - US, None, False),
        (QUARTER, MONTH - US, MONTH, True),
        (QUARTER, MONTH - US, MONTH - US, False),
        (QUARTER, None, MONTH - US, True),
        (QUARTER - US, MONTH, MONTH, False),
        (END - US, END - US, None, True),
    ],
)
def test_who_is_analysed(
    created_at: dt.datetime, sent_at: dt.datetime | None, engaged_at: dt.datetime | None, analysed: bool
) -> None:
    row = score_of(created_at=created_at, last_sent_at=sent_at, last_engaged_at=engaged_at)
    assert row["is_analysed"] is analysed


@pytest.mark.parametrize(
    ("previous", "base", "inactive", "score"),
    [
        (20.0, 50.0, 0, 20.0),  # earns nothing
        (20.0, 10.0, 0, 10.0),
        (20.0, 25.0, 30, 17.0),  # decays
        (20.0, 19.0, 0, 20.0),  # less than it was, by no more than 1
        (20.0, 0.0, 100, 0.0),
    ],
)
def test_a_lead_that_is_not_analysed_only_decays(previous: float, base: float, inactive: int, score: float) -> None:
    old = {"created_at": QUARTER - US, "base_score": base, "days_inactive": inactive}
    row = score_of([earlier(1, previous)], **old)
    assert (row["is_analysed"], row["score"]) == (False, score)
    assert row["is_updated"] is (score != previous)


def test_a_score_explains_itself_and_never_counts_points_twice() -> None:
    activity: dict[str, Any] = {"base_score": 8.5, "completions_7d": 3, "opens_7d": 2, "status": "nurturing"}
    first = score_of(**activity)
    again = score_of([earlier(1, first["score"])], **activity)
    parts = {name: first[name] for name in PARTS}
    assert parts == {
        "recent_activity_points": 7.0,
        "response_points": 0.0,
        "referral_points": 0.0,
        "consistency_points": 0.0,
        "decay_points": 0.0,
        "status_points": 2.0,
    }
    assert (first["computed_score"], first["score"], first["is_updated"]) == (17.5, 17.5, True)
    assert (again["computed_score"], again["score"], again["is_updated"]) == (17.5, 17.5, False)


def test_every_number_comes_from_the_policy() -> None:
    policy = changed(
        completion_points=3.0,
        open_points=0.25,
        fast_response_hours=1.0,
        fast_response_points=4.0,
        referral_points=6.0,
        consistency_points=1.5,
        consistency_consumed=1,
        consistency_per_day=0.1,
        consistency_days=5,
        decay_after_days=3,
        decay_points_per_day=1.0,
        engaged_points=7.0,
        maximum_score=20.0,
        minimum_change=0.0,
    )
    row = scores_of(
        [
            active(
                base_score=1.0,
                status="engaged",
                completions_7d=1,
                opens_7d=2,
                latest_response_hours=0.5,
                referrals_generated=1,
                consumed_30d=1,
                days_inactive=5,
            )
        ],
        policy=policy,
    )["a"]
    assert [row[name] for name in PARTS] == [3.5, 4.0, 6.0, 1.5, -2.0, 7.0]
    assert (row["computed_score"], row["clamp_adjustment"], row["score"]) == (20.0, -1.0, 20.0)


@pytest.mark.parametrize(
    ("have", "passed", "said"),
    [
        ((), True, "2025-03-12 is the first day of the lake; previous scores are the base scores"),
        (("2025-03-14",), True, "2025-03-12 is the first day of the lake; previous scores are the base scores"),
        (("2025-03-11",), True, "previous scores are those of 2025-03-11"),
        (("2025-03-10",), False, "2025-03-11 has no scores; previous scores are those of 2025-03-10"),
        (("2025-02-01",), False, "2025-03-11 has no scores; previous scores are the base scores"),
    ],
)
def test_only_a_lake_with_an_earlier_day_can_lack_the_day_before(
    have: tuple[str, ...], passed: bool, said: str, tmp_path: Path
) -> None:
    for day in have:
        part = tmp_path / "dynamic_scores" / f"date={day}" / PART
        part.parent.mkdir(parents=True)
        part.touch()
    lake = Lake(str(tmp_path))
    env = Env(lake, DuckDBEngine(lake), ZoneInfo("UTC"))
    with env.engine.session(tmp_path) as session:
        step = Step(env, DYNAMIC_SCORES, dt.date(2025, 3, 12), session, tmp_path)
        (finding,) = previous_day(step, read_policy().dynamic_scores)
    assert (finding.passed, finding.description) == (passed, said)
