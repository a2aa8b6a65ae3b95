"""Protects `acquisition explain`: its numbers add up, it gives reasons, and it shows no e-mail address."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from acquisition_assets.behavior_predictions.contract import FACTORS
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.sections import LeadView
from acquisition_assets.core.words import SHARED, words_of
from acquisition_assets.dynamic_scores.contract import PARTS
from acquisition_assets.dynamic_scores.explain import previous_day
from acquisition_assets_tests.commands.conftest import DAYS, call, refused

pytestmark = pytest.mark.usefixtures("english")


def explained(lake: Path, lead: str, *options: object) -> str:
    result = call("explain", "--lead", lead, "--lake", lake, *options)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return str(result.stdout)


def number(text: str, name: str) -> float:
    """The number in the row of that name."""
    found = re.search(rf"^ +{name} +(-?[\d.,]+) ", text, re.MULTILINE)
    assert found, text
    return float(found[1].replace(",", ""))


@pytest.mark.parametrize("lead", ["ana", "bea", "caro", "dani"])
@pytest.mark.parametrize("day", DAYS[1:])
def test_the_points_sum_up(lake: Path, lead: str, day: str) -> None:
    text = explained(lake, lead, "--date", day)
    parts = [number(text, name) for name in ("base_score", *PARTS, "clamp_adjustment")]
    assert sum(parts) == pytest.approx(number(text, "computed_score"), abs=0.005)
    rows = pq.read_table(lake / "dynamic_scores" / f"date={day}" / "data.parquet").to_pylist()
    published = next(row for row in rows if row["lead_id"] == lead)
    assert number(text, "score") == published["score"]
    assert number(text, "previous_score") == published["previous_score"]


@pytest.mark.parametrize("lead", ["ana", "caro", "dani"])
def test_the_factors_sum_up(lake: Path, lead: str) -> None:
    text = explained(lake, lead).split("\nPrediction ")[1]  # the score has response_points too
    total = sum(number(text, name) for name in FACTORS)
    assert min(95.0, total) == pytest.approx(number(text, "conversion_probability"), abs=0.031)


def test_the_newest_day_is_the_default(lake: Path) -> None:
    assert explained(lake, "ana").startswith(f"Lead ana on {DAYS[-1]}\n  a•••@e•••, status nurturing")


def test_why(lake: Path) -> None:
    text = " ".join(explained(lake, "ana").split())
    assert "2 x 2 completed + 0.5 x 3 opened in the last 7 days" in text
    assert "latest response took 2 hours; 3 if under 2, 1 if under 24" in text
    assert "5 x 2 referrals" in text
    assert f"the score published on {DAYS[1]}" in text
    assert "nurturing; 10 if engaged, 2 if nurturing" in text


def test_why_in_spanish(lake: Path, tmp_path: Path) -> None:
    """The default language: words, plurals and numbers, but the names of columns and the criteria as they are."""
    policy = tmp_path / "policy.yaml"
    policy.write_text("locale: es", encoding="utf-8")
    lines = [" ".join(line.split()) for line in explained(lake, "ana", "--policy", policy).splitlines()]
    assert lines[0] == f"Lead ana el {DAYS[-1]}"
    assert "recent_activity_points 5,50 2 x 2 completados + 0,5 x 3 abiertos en los últimos 7 días" in lines
    assert "Predicción 95,00 puntos de 95 como máximo: likely_to_convert" in lines
    assert "dentro high_value_prospects: engagement_score >= 10 and status = 'nurturing'" in lines
    assert "verdadero engagement_score >= 10 (es 27,5)" in lines
    english = {" ".join(line.split()) for line in explained(lake, "ana").splitlines()}
    same = {line for line in lines if line in english and set(line) - {"─"}}
    assert all(re.match(r"\d (guide|case_study|webinar|ebook) ", line) for line in same)  # what was published


def test_what_is_not_known_is_said(lake: Path) -> None:
    text = " ".join(explained(lake, "dani").split())
    assert "no response time is known; 3 if under 2" in text
    assert "30 x nothing: no delivery was sent" in text
    assert "never engaged; 10 if over 0.6" in text
    assert "never engaged; 10 if under 3" in text


def test_segments_with_the_truth_of_each_part(lake: Path) -> None:
    lines = explained(lake, "ana").splitlines()
    score = number("\n".join(lines), "score")
    place = lines.index("  in   high_value_prospects: engagement_score >= 10 and status = 'nurturing'")
    assert lines[place + 1 : place + 3] == [
        f"       true     engagement_score >= 10 (is {score:g})",
        "       true     status = 'nurturing' (is nurturing)",
    ]
    assert "       false    referrals_validated >= 2 (is 1)" in lines
    assert "       unknown  avg_response_hours < 2 (is unknown)" in explained(lake, "dani").splitlines()


def test_parts_of_a_nested_criterion(lake: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    criterion = "not (opens_7d + opens_total > 99 or email is null) and (platform = 'x' or source = 'linkedin')"
    policy.write_text(f'locale: en\nsegments: {{mine: {{description: x, criterion: "{criterion}"}}}}', encoding="utf-8")
    lines = explained(lake, "ana", "--policy", policy).splitlines()
    place = lines.index(f"  out  mine: {criterion}")
    assert lines[place + 1 : place + 5] == [
        "       false    opens_7d + opens_total > 99 (opens_7d is 3, opens_total is 3)",
        "       false    email IS NULL (is •••)",
        "       false    platform = 'x' (is linkedin)",
        "       true     source = 'linkedin' (is linkedin)",
    ]
    assert "  mine: published with another criterion; run the day again" in lines


def row(text: str, *cells: str) -> bool:
    """Whether a table has a row of these cells."""
    return re.search("^ *" + "  +".join(map(re.escape, cells)) + " *$", text, re.MULTILINE) is not None


def test_recommendations_with_their_reasons(lake: Path) -> None:
    text = explained(lake, "ana")
    title, reason = "Advanced Guide to Digital Marketing", "Based on your area of interest"
    assert row(text, "1", "guide", title, reason)
    assert row(text, "interest_marketing", "rank 1", "interest_area = marketing (is marketing)")
    assert row(text, "interest_sales", "no", "interest_area = sales (is marketing)")
    assert "why this order (newest): newest first: 3 readings in 30 days, fewer than 200" in text
    nothing_left = "no other item of its kind is left"
    assert row(text, "1", "0.40", "0.40", "0.00", nothing_left, "items about marketing first")
    assert row(text, "5", "0.60", "0.60", "0.00", "Advanced Sales Techniques (0.3)")
    assert row(text, "complement_guides", "rank 2", "completed a blog and no guide (completed blog)")
    assert row(text, "complement_videos", "no", "completions_total >= 3 (is 2) and no video (completed blog)")


def test_an_item_that_the_lead_has_completed(source: Path, tmp_path: Path) -> None:
    with (source / "events.csv").open("a", encoding="utf-8") as file:
        file.write("10,ana,a4,completed,guide-marketing-avanzada,guide,2025-03-10T11:00:00Z\n")
    policy = tmp_path / "policy.yaml"
    policy.write_text("locale: en\ncontent_recommendations: {items: document}", encoding="utf-8")
    options = ("--lake", tmp_path / "lake", "--policy", policy)
    assert call("run", "--source", source, "--date", DAYS[-1], *options).exit_code == 0
    text = explained(tmp_path / "lake", "ana", "--policy", policy)
    assert row(text, "interest_marketing", "completed", "interest_area = marketing (is marketing)")
    assert row(text, "high_engagement", "rank 2", f"score >= 8 (is {number(text, 'score'):g})")


def test_more_items_than_there_may_be(source: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("locale: en\ncontent_recommendations: {items: document, maximum_items: 2}", encoding="utf-8")
    options = ("--lake", tmp_path / "lake", "--policy", policy)
    assert call("run", "--source", source, "--date", DAYS[-1], *options).exit_code == 0
    text = explained(tmp_path / "lake", "ana", "--policy", policy)
    assert row(text, "high_engagement", "over 2 items", f"score >= 8 (is {number(text, 'score'):g})")


def test_other_thresholds_are_noticed(lake: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("locale: en\ncontent_recommendations: {high_engagement_score: 99}", encoding="utf-8")
    assert "published with other thresholds; run the day again" in explained(lake, "ana", "--policy", policy)


@pytest.mark.parametrize("table", ["behavior_predictions", "lead_segments", "content_recommendations"])
def test_a_table_that_the_day_lacks(lake: Path, tmp_path: Path, table: str) -> None:
    own = Path(shutil.copytree(lake, tmp_path / "lake"))
    shutil.rmtree(own / table / f"date={DAYS[-1]}")
    text = explained(own, "ana")
    assert f"the lake has no {table} of {DAYS[-1]}; make it with: acquisition run --date {DAYS[-1]}" in text


def test_why_a_lead_is_not_analysed(lake: Path) -> None:
    text = " ".join(explained(lake, "caro").split())
    assert "not analysed (last sent 2025-01-20 09:00 UTC, last engaged 2025-01-21 12:00 UTC, both more than 30 " in text


def test_a_lead_that_has_unsubscribed(source: Path, tmp_path: Path) -> None:
    with (source / "events.csv").open("a", encoding="utf-8") as file:
        file.write("10,ana,a4,unsubscribed,,,2025-03-10T11:00:00Z\n")
    assert call("run", "--source", source, "--date", DAYS[-1], "--lake", tmp_path / "lake").exit_code == 0
    text = explained(tmp_path / "lake", "ana")
    assert "status nurturing, unsubscribed, from linkedin" in text
    assert "Recommendations: none" in text
    assert "this one is unsubscribed" in text


def test_a_lead_without_prediction_and_recommendations(lake: Path) -> None:
    text = explained(lake, "bea")
    assert "Prediction: none" in text
    assert "this one is converted" in text
    assert "Recommendations: none" in text


def test_a_lead_of_its_first_day(lake: Path) -> None:
    assert "the base score within the limits, as there is no earlier score" in " ".join(
        explained(lake, "dani", "--date", DAYS[1]).split()
    )


def test_another_policy_is_noticed(lake: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "locale: en\n"
        "segments: {content_consumers: {description: x, criterion: completions_total >= 1 and email is not null}, "
        "high_value_prospects: null}",
        encoding="utf-8",
    )
    text = explained(lake, "ana", "--policy", policy)
    assert "email IS NULL (is •••)" in text
    assert "content_consumers: published with another criterion; run the day again" in text
    assert "also in segments that the policy no longer has: high_value_prospects" in text


def test_unknown_lead(lake: Path) -> None:
    line = refused("explain", "--lead", "nobody", "--lake", lake)
    assert line == f"there is no lead 'nobody' on {DAYS[-1]} in the lake {lake}; check the id and the day"


def test_unknown_lead_that_is_an_address(lake: Path) -> None:
    assert "n•••@e•••" in refused("explain", "--lead", "nobody@example.com", "--lake", lake)


def test_a_lead_that_came_later(lake: Path) -> None:
    assert "there is no lead 'dani'" in refused("explain", "--lead", "dani", "--lake", lake, "--date", DAYS[0])


def test_a_day_that_the_lake_lacks(lake: Path) -> None:
    line = refused("explain", "--lead", "ana", "--lake", lake, "--date", "2025-01-01")
    assert f"has 3 days from {DAYS[0]} to {DAYS[-1]}" in line


def test_malformed_day(lake: Path) -> None:
    assert "write it as YYYY-MM-DD" in refused("explain", "--lead", "ana", "--lake", lake, "--date", "today")


def test_empty_lake(tmp_path: Path) -> None:
    assert "has no scores" in refused("explain", "--lead", "ana", "--lake", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_corrupt_partition_is_named(lake: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(lake, tmp_path / "lake"))
    (broken / "behavior_predictions" / f"date={DAYS[-1]}" / "data.parquet").write_bytes(b"junk")
    line = refused("explain", "--lead", "ana", "--lake", broken, code=1)
    assert f"behavior_predictions/date={DAYS[-1]} of the lake is corrupt" in line


def test_previous_day_is_only_named_if_its_score_is_the_previous_one(lake: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(lake, tmp_path / "lake"))
    day = dt.date.fromisoformat(DAYS[-1])
    assert previous_day(LeadView(Lake(str(own)), "ana", day), 7) == dt.date.fromisoformat(DAYS[1])
    assert previous_day(LeadView(Lake(str(own)), "ana", day), 0) is None
    file = own / "dynamic_scores" / f"date={DAYS[1]}" / "data.parquet"
    table = pq.read_table(file)
    scores = table.column("score").to_pylist()
    changed = table.set_column(table.schema.get_field_index("score"), "score", [[score + 1 for score in scores]])
    pq.write_table(changed, file)
    assert previous_day(LeadView(Lake(str(own)), "ana", day), 7) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "unknown"),
        (True, "true"),
        (2.0, "2"),
        (1.99999, "about 2"),
        (1.2345678, "1.2346"),
        (12345.6789, "12345.6789"),
        (["a", "b"], "a, b"),
        ([], "none"),
        (7, "7"),
    ],
)
def test_a_value_that_only_looks_round_is_about_that(value: object, text: str) -> None:
    assert words_of(SHARED, "en").value(value) == text
