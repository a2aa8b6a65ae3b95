"""Protects the published reports of a day with many leads: cut-offs, order, ties and empty days."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path
from typing import Any

import pytest

from acquisition_assets.conversion_forecasts.report import ForecastReport, summary
from acquisition_assets_tests.kit.expectations import collected
from acquisition_assets_tests.kit.random_world import write
from acquisition_assets_tests.kit.running import TASKS, compute_day, report

DAY = dt.date(2026, 3, 10)
LEADS = 70
Report = dict[str, Any]

KEYS = {task: keys for known in collected().values() for task, keys in known.report_keys.items()}
"""Task -> the keys of its report, as the products' expectations list them."""


def name(number: int) -> str:
    """Return the id of a lead: as text, lead-10 sorts before lead-9."""
    return f"lead-{number}"


def base(number: int) -> int:
    """Return a base score; three leads share each."""
    return 10 + number // 3


def text_order(numbers: range) -> list[str]:
    """Return the ids in text order."""
    return sorted(map(name, numbers))


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    """Publish leads that were sent nothing: nurturing ones gain 2 points, four long inactive ones lose more."""
    folder = tmp_path_factory.mktemp("lists")
    leads = [
        {
            "lead_id": name(number),
            "email": "",
            "source": "facebook" if number % 2 else "linkedin",
            "status": "nurturing",
            "interest_area": "marketing",
            "engagement_score": base(number),
            "created_at": "2026-03-01" if number < LEADS - 4 else "2025-12-20",
        }
        for number in range(LEADS)
    ]
    random.Random(7).shuffle(leads)
    write(folder / "source", {"leads": leads})
    run = compute_day(folder / "source", folder / "lake", DAY)
    assert run.success, run.errors
    return {task: report(folder / "lake", DAY, task) for task in TASKS}


def test_every_report_has_exactly_the_documented_keys(reports: dict[str, Report]) -> None:
    assert {task: set(found) for task, found in reports.items()} == KEYS


def test_the_twenty_largest_changes_are_listed(reports: dict[str, Report]) -> None:
    found = reports["dynamic_scoring_system"]
    # 81 days without anything: -0.5 x (81 - 14) = -33.5, not below 0, + 2: from 32 or 33 to 2
    losing = [("lead-69", -31.0), ("lead-66", -30.0), ("lead-67", -30.0), ("lead-68", -30.0)]
    gaining = [(lead, 2.0) for lead in text_order(range(LEADS - 4))[:16]]
    assert [(row["lead_id"], row["change"]) for row in found["score_changes"]] == [*losing, *gaining]
    assert (found["updated"], found["increased"], found["decreased"]) == (70, 66, 4)
    assert found["avg_score_change"] == 0.16  # (66 x 2 - 121) / 70 = 0.157
    assert found["total_analyzed"] == 70
    assert {row["email"] for row in found["score_changes"]} == {None}
    assert {key for row in found["score_changes"] for key in row} == {
        *("lead_id", "email", "old_score", "new_score", "change")
    }


def test_the_fifty_most_probable_predictions_are_listed(reports: dict[str, Report]) -> None:
    found = reports["predictive_behavior_analysis"]
    listed = [(row["lead_id"], row["conversion_probability"]) for row in found["predictions"]]
    assert listed == [(lead, 40.0) for lead in text_order(range(LEADS - 4))[:50]]
    assert found["total_analyzed"] == LEADS
    assert found["action_distribution"] == {
        "likely_to_convert": 0,
        "needs_nurturing": 0,
        "needs_engagement": 66,
        "needs_re_engagement": 4,  # a score of 2: 10 percent
    }
    nothing_known = dict.fromkeys(("completion_rate", "avg_response_time_hours", "business_hours_activity"))
    assert found["predictions"][0]["factors"] == {"engagement_score": 12.0 + base(0) - 10, **nothing_known}


def by_score(count: int) -> list[str]:
    """Return the leads with the highest scores, equal scores by id."""
    return sorted(map(name, range(LEADS - 4)), key=lambda lead: (-base(int(lead.split("-")[1])), lead))[:count]


def test_items_are_listed_for_the_thirty_leads_with_the_highest_scores(reports: dict[str, Report]) -> None:
    found = reports["personalized_content_recommendations"]
    assert [row["lead_id"] for row in found["recommendations"]] == by_score(30)
    assert found["total_leads"] == LEADS
    assert found["content_type_distribution"] == {"guide": 70, "case_study": 66, "webinar": 66}
    assert found["avg_recommendations_per_lead"] == 2.89  # (70 + 66 + 66) / 70 = 2.886
    first = found["recommendations"][0]
    assert first["total_recommendations"] == len(first["recommended_content"]) == 3
    assert [set(item) for item in first["recommended_content"]] == [{"type", "title", "reason"}] * 3


def test_each_segment_shows_its_ten_leads_with_the_highest_scores(reports: dict[str, Report]) -> None:
    found = reports["advanced_segmentation_engine"]
    prospects = found["segments"]["high_value_prospects"]
    assert [lead["lead_id"] for lead in prospects["sample_leads"]] == by_score(10)
    assert prospects["count"] == 66
    assert found["segments"]["at_risk"]["count"] == 4
    assert found["segments"]["quick_responders"] == {
        "count": 0,
        "description": "Leads que responden rápidamente",
        "sample_leads": [],
    }
    assert (found["total_segments"], found["total_segmented_leads"]) == (6, 70)
    assert found["largest_segment"] == {"name": "high_value_prospects", "count": 66}


def test_the_best_platform_has_thirty_leads_and_more_leads_break_ties(reports: dict[str, Report]) -> None:
    found = reports["social_media_tracking"]
    assert [(row["platform"], row["total_leads"]) for row in found["social_platforms"]] == [
        ("facebook", 33),
        ("linkedin", 33),
    ]
    assert found["best_platform"] == {"platform": "facebook", "engagement_rate": 0.0}
    assert found["social_percentage"] == 100.0


def test_without_conversions_there_is_no_forecast(reports: dict[str, Report]) -> None:
    found = reports["conversion_forecasts"]
    assert (found["method"], found["missing_conversions"], found["total_leads"]) == ("none", 5, LEADS)
    assert (found["expected_conversions"], found["base_rate"], found["forecasts"]) == (None, None, [])
    assert "5 more conversions" in str(summary(ForecastReport.model_validate(found), "en").parts)


def test_a_day_without_leads_has_all_keys_with_empty_values(tmp_path: Path) -> None:
    write(tmp_path / "source", {"leads": []})
    run = compute_day(tmp_path / "source", tmp_path / "lake", DAY)
    assert run.success, run.errors
    found = {task: report(tmp_path / "lake", DAY, task) for task in TASKS}
    assert {task: set(each) for task, each in found.items()} == KEYS
    assert found["dynamic_scoring_system"] == {
        **dict.fromkeys(("updated", "total_analyzed", "increased", "decreased"), 0),
        "avg_score_change": 0.0,
        "score_changes": [],
    }
    assert found["personalized_content_recommendations"] == {
        "recommendations": [],
        "total_leads": 0,
        "content_type_distribution": {},
        "avg_recommendations_per_lead": 0.0,
    }
    assert found["advanced_segmentation_engine"]["largest_segment"] is None
    assert found["social_media_tracking"] == {
        "social_platforms": [],
        "total_social_leads": 0,
        "best_platform": None,
        "channel_comparison": {"social_media": {"total": 0, "engaged": 0, "engagement_rate": 0.0}},
        "social_percentage": 0.0,
    }
