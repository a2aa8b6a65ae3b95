"""Here: `acquisition explain`: its numbers add up, it says why, and it shows no address.

Not here: what is computed.
"""

from __future__ import annotations

import datetime as dt
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from acquisition_assets.behavior_predictions.contract import FACTORS
from acquisition_assets.commands import reasons
from acquisition_assets.commands.explain import read_lead
from acquisition_assets.core.lake import Lake
from acquisition_assets.dynamic_scores.contract import PARTS
from acquisition_assets_tests.cli.conftest import DAYS, call, refused


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


def test_segments_with_the_truth_of_each_part(lake: Path) -> None:
    text = explained(lake, "ana")
    assert re.search(r"high_value_prospects +in +engagement_score >= 10 +true +engagement_score = ", text)
    assert re.search(r"referral_champions +out +referrals_validated >= 2 +false +referrals_validated = 1", text)
    assert re.search(
        r"quick_responders +out +avg_response_hours < 2 +unknown +avg_response_hours = unknown", explained(lake, "dani")
    )


def test_recommendations_with_their_reasons(lake: Path) -> None:
    text = explained(lake, "ana")
    assert "Basado en tu área de interés" in " ".join(text.split()) or "interest_marketing" in text
    assert "rule without an item" in text
    assert "interest_area = sales (is marketing)" in " ".join(text.split())


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
        "segments: {content_consumers: {description: x, criterion: completions_total >= 1 and email is not null}, "
        "high_value_prospects: null}",
        encoding="utf-8",
    )
    text = explained(lake, "ana", "--policy", policy)
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
    assert read_lead(Lake(str(own)), "ana", day, 7).previous_day == dt.date.fromisoformat(DAYS[1])
    assert read_lead(Lake(str(own)), "ana", day, 0).previous_day is None
    file = own / "dynamic_scores" / f"date={DAYS[1]}" / "data.parquet"
    table = pq.read_table(file)
    scores = table.column("score").to_pylist()
    changed = table.set_column(table.schema.get_field_index("score"), "score", [[score + 1 for score in scores]])
    pq.write_table(changed, file)
    assert read_lead(Lake(str(own)), "ana", day, 7).previous_day is None


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
def test_shown(value: object, text: str) -> None:
    assert reasons.shown(value) == text
