"""Protects the members of shipped and user-defined segments, and who entered or left since an earlier day.

The language of criteria is tested in criteria/test_criteria.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from acquisition_assets.behavior_predictions.contract import BEHAVIOR_PREDICTIONS
from acquisition_assets.conversion_forecasts.contract import CONVERSION_FORECASTS
from acquisition_assets.core.errors import InputError
from acquisition_assets.core.sql_files import read_sql
from acquisition_assets.lead_segments.memberships import facts_columns, memberships_query, parse_segments
from acquisition_assets.lead_segments.policy import Segment
from acquisition_assets.policy import read_policy
from acquisition_assets_tests.kit.sql_cases import Row, active, ago, changes_of, frame, session_of, with_scores

SHIPPED = read_policy().segments


def members(
    activity: list[Row],
    scores: Mapping[str, float],
    segments: Mapping[str, Segment] = SHIPPED,
    probabilities: Mapping[str, float] | None = None,
    forecasts: Mapping[str, tuple[float | None, str | None]] | None = None,
) -> set[tuple[str, str]]:
    """Return every segment with its leads; leads without a probability have no prediction."""
    criteria = parse_segments(segments)
    predictions: list[Row] = [
        {**dict.fromkeys(BEHAVIOR_PREDICTIONS.columns), "lead_id": lead, "conversion_probability": probability}
        for lead, probability in (probabilities or {}).items()
    ]
    facts = read_sql("lead_segments/facts")
    published = [
        {
            **dict.fromkeys(CONVERSION_FORECASTS.columns),
            "lead_id": lead,
            "forecast_probability": forecast,
            "priority": priority,
        }
        for lead, (forecast, priority) in (forecasts or {}).items()
    ]
    tables = {
        **with_scores(activity, scores),
        "behavior_predictions": frame(BEHAVIOR_PREDICTIONS, predictions),
        "conversion_forecasts": frame(CONVERSION_FORECASTS, published),
    }
    with session_of(tables) as session:
        session.bind_query("facts", f"select {', '.join(facts_columns(criteria))} from ({facts}) as facts")
        session.bind_query("memberships", memberships_query(criteria))
        rows = session.query(read_sql("lead_segments/lead_segments")).to_pylist()
    found = [(row["segment"], row["lead_id"]) for row in rows]
    assert len(found) == len(set(found))
    by_python = {
        (criterion.segment, lead["lead_id"])
        for criterion in criteria
        for lead in activity
        if criterion.evaluate(
            {
                **lead,
                "engagement_score": scores.get(lead["lead_id"], 0.0),
                "conversion_probability": (probabilities or {}).get(lead["lead_id"]),
                "forecast_probability": (forecasts or {}).get(lead["lead_id"], (None, None))[0],
                "priority": (forecasts or {}).get(lead["lead_id"], (None, None))[1],
            }
        )
    }
    assert set(found) == by_python
    return set(found)


def segments_of(score: float = 0.0, **activity: Any) -> set[str]:
    """Return the shipped segments of lead a."""
    return {segment for segment, _ in members([active(**activity)], {"a": score})}


@pytest.mark.parametrize(
    ("score", "status", "expected"),
    [
        (9.99, "nurturing", set()),
        (10.0, "nurturing", {"high_value_prospects"}),
        (10.0, "engaged", set()),
        (100.0, "new", set()),
    ],
)
def test_high_value_prospects(score: float, status: str, expected: set[str]) -> None:
    assert segments_of(score, status=status, age_days=10) == expected


@pytest.mark.parametrize(
    ("hours", "quick"), [(None, False), (0.0, True), (1.9999999997, True), (2.0, False), (30.0, False)]
)
def test_quick_responders(hours: float | None, quick: bool) -> None:
    assert segments_of(avg_response_hours=hours) == ({"quick_responders"} if quick else set())


@pytest.mark.parametrize(("completions", "expected"), [(2, set()), (3, {"content_consumers"})])
def test_content_consumers(completions: int, expected: set[str]) -> None:
    assert segments_of(completions_total=completions) == expected


@pytest.mark.parametrize(("validated", "expected"), [(1, set()), (2, {"referral_champions"})])
def test_referral_champions(validated: int, expected: set[str]) -> None:
    assert segments_of(referrals_validated=validated, referrals_generated=9) == expected


@pytest.mark.parametrize(
    ("score", "status", "age", "expected"),
    [
        (2.99, "nurturing", 30, {"at_risk"}),
        (3.0, "nurturing", 30, set()),
        (2.99, "nurturing", 29, set()),
        (2.99, "new", 30, set()),
    ],
)
def test_at_risk(score: float, status: str, age: int, expected: set[str]) -> None:
    assert segments_of(score, status=status, age_days=age) == expected


@pytest.mark.parametrize(
    ("score", "status", "completions", "ready"),
    [(8.0, "nurturing", 5, True), (7.99, "nurturing", 5, False), (8.0, "nurturing", 4, False), (8.0, "new", 5, False)],
)
def test_ready_to_convert(score: float, status: str, completions: int, ready: bool) -> None:
    assert ("ready_to_convert" in segments_of(score, status=status, completions_total=completions)) is ready


def test_any_lead_may_be_in_several_segments_even_a_converted_one() -> None:
    many = segments_of(12.0, status="nurturing", completions_total=5, avg_response_hours=1.0, referrals_validated=2)
    assert many == {
        "high_value_prospects",
        "quick_responders",
        "content_consumers",
        "referral_champions",
        "ready_to_convert",
    }
    assert segments_of(0.0, status="converted", completions_total=3) == {"content_consumers"}


LEADS = [
    active("quick", avg_response_hours=1.0, platform="twitter", consumed_content_types=["blog", "guide"]),
    active("slow", avg_response_hours=9.0, platform="facebook", source="o'hara", deliveries_30d=4),
    active("unknown", is_unsubscribed=True, created_at=ago(3), age_days=3),
]


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        ("avg_response_hours < 2 or platform = 'facebook'", {"quick", "slow"}),
        ("not (avg_response_hours < 2)", {"slow"}),  # unknown hours are neither below nor not below
        ("not (avg_response_hours < 2) or avg_response_hours is null", {"slow", "unknown"}),
        ("not (avg_response_hours < 2 and platform = 'twitter')", {"slow"}),
        ("platform is null", {"unknown"}),
        (
            "not platform is null and (age_days > 30 and (opens_7d > 3 or not opens_7d > 3))",
            {"quick", "slow"},
        ),
        ("conversion_probability >= 50", {"slow"}),  # leads without a prediction have no probability
        ("conversion_probability is null and engagement_score > 1", {"quick"}),
        ("source = 'o''hara'", {"slow"}),
        ("is_unsubscribed", {"unknown"}),
        ("not is_unsubscribed and age_days between 30 and 60", {"quick", "slow"}),
        ("platform in ('twitter', 'x') or age_days in (3, 4)", {"quick", "unknown"}),
        ("platform not in ('twitter')", {"slow"}),  # an unknown platform does not count as a different one
    ],
)
def test_a_user_defined_segment_follows_three_valued_logic(criterion: str, expected: set[str]) -> None:
    own = {"own": Segment(description="Own", criterion=criterion)}
    found = members(LEADS, {"quick": 2.0}, own, {"slow": 50.0, "unknown": 49.99})
    assert found == {("own", lead) for lead in expected}


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        ("priority = 'act_now' and not is_unsubscribed", {"quick"}),
        ("forecast_probability >= 0.05", {"quick", "slow"}),
        ("not (forecast_probability >= 0.1)", {"slow"}),  # a lead without a forecast is in neither
        ("forecast_probability is null", {"unknown"}),
    ],
)
def test_a_criterion_may_name_the_forecast(criterion: str, expected: set[str]) -> None:
    own = {"own": Segment(description="Own", criterion=criterion)}
    forecasts = {"quick": (0.31, "act_now"), "slow": (0.05, "low")}
    assert members(LEADS, {}, own, forecasts=forecasts) == {("own", lead) for lead in expected}


@pytest.mark.parametrize(
    "criterion",
    [
        "lead_id in (select lead_id from raw_leads)",
        "1 = 1; drop table facts",
        "score > 3",
        "segment = 'at_risk'",  # segments come from criteria, so a criterion that names them would be a cycle
        "forecast_probability > 0.1 and at_risk",
        "engagement_score > 'much'",
        "getenv('HOME') = 'x'",
        "read_text('/etc/passwd') is not null",
        "status = 'nurturing' --",
        "raw_leads.email is not null",
    ],
)
def test_a_hostile_criterion_in_a_policy_file_is_refused_by_its_segments_name(criterion: str, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(f"segments:\n  mine:\n    description: Mine\n    criterion: {criterion!r}\n", encoding="utf-8")
    with pytest.raises(InputError) as refused:
        parse_segments(read_policy(file).segments)
    assert "mine" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_without_segments_there_are_no_members() -> None:
    assert members(LEADS, {}, {}) == set()


def row(segment: str, lead: str) -> Row:
    """Return a membership."""
    return {"segment": segment, "lead_id": lead}


TODAY = [row("s", "a"), row("s", "b"), row("new", "a")]


def test_changes_list_who_entered_and_who_left() -> None:
    before = [row("s", "b"), row("s", "c"), row("removed", "a"), row("removed", "b")]
    assert changes_of(TODAY, before) == {
        ("s", "a", "entered"),
        ("s", "c", "left"),
        ("new", "a", "entered"),
        ("removed", "a", "left"),
        ("removed", "b", "left"),
    }


def test_without_an_earlier_day_nothing_has_changed() -> None:
    assert changes_of(TODAY, None) == set()


def test_after_a_day_without_members_all_members_entered() -> None:
    assert changes_of(TODAY, []) == {(each["segment"], each["lead_id"], "entered") for each in TODAY}
    assert changes_of([], TODAY) == {(each["segment"], each["lead_id"], "left") for each in TODAY}


def test_the_same_members_give_no_changes() -> None:
    assert changes_of(TODAY, list(reversed(TODAY))) == set()
    assert changes_of([], []) == set()


def test_changes_of_many_segments() -> None:
    names = [f"s{number:03}" for number in range(200)]
    before = [row(name, "a") for name in names] + [row(name, "b") for name in names[150:]]
    today = [row(name, "a") for name in names if name not in ("s000", "s061", "s062", "s199")] + [
        row(name, "c") for name in names[60:64]
    ]
    assert changes_of(today, before) == {
        *((name, "a", "left") for name in ("s000", "s061", "s062", "s199")),
        *((name, "b", "left") for name in names[150:]),
        *((name, "c", "entered") for name in names[60:64]),
    }
