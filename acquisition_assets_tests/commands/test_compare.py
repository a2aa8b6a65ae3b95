"""Protects the comparison of policies: it equals a real run, judges by outcomes, and only reads the lake."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from acquisition_assets.cli import app
from acquisition_assets.policy import read_policy
from acquisition_assets.sources.arrow import ArrowSource
from acquisition_assets.sources.sample import LAST_DAY, world
from acquisition_assets_tests.kit.running import compute_day, rows, snapshot

PAST = LAST_DAY - dt.timedelta(days=30)
NEW = """
dynamic_scores: {completion_points: 9.0, analysed_active_days: 5}
content_recommendations: {premium_completions: 2}
segments:
  at_risk: {criterion: "age_days >= 60"}
"""


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a lake of two days, one of them old enough to have outcomes, and a new policy."""
    folder = tmp_path_factory.mktemp("compare")
    tables, last = world(400), "lead_segments"
    source = ArrowSource("a made-up world", lambda: tables)
    for day in (PAST, LAST_DAY):
        first = compute_day(folder, folder / "lake", day, policy=read_policy(), source=source, last_step=last)
        assert first.success, first.errors
    (folder / "new.yaml").write_text(NEW, encoding="utf-8")
    shutil.copytree(folder / "lake", folder / "renewed")
    new = read_policy(folder / "new.yaml")
    renewed = compute_day(folder, folder / "renewed", LAST_DAY, policy=new, source=source, last_step=last)
    assert renewed.success, renewed.errors
    return folder


def compare(folder: Path, policy: str = "new.yaml", *more: str) -> Any:
    """Run the command."""
    given = ["compare", "--policy", str(folder / policy), "--lake", str(folder / "lake"), "--output", str(folder)]
    return CliRunner().invoke(app, [*given, *more])


def test_a_new_policy_is_compared_as_if_it_had_run(lakes: Path) -> None:
    before = snapshot(lakes / "lake")
    done = compare(lakes)
    assert done.exit_code == 0, done.output
    assert snapshot(lakes / "lake") == before
    found = json.loads((lakes / f"compare-{LAST_DAY}.json").read_text(encoding="utf-8"))
    assert found["sections_that_differ"] == ["dynamic_scores", "content_recommendations", "segments"]
    present, new = (
        {row["lead_id"]: row["score"] for row in rows(lakes / lake, "dynamic_scores", LAST_DAY)}
        for lake in ("lake", "renewed")
    )
    changed = [lead for lead in present if present[lead] != new[lead]]
    assert found["totals"]["new_score"] == len(changed) > 10
    sets = [
        {(row["segment"], row["lead_id"]) for row in rows(lakes / lake, "lead_segments", LAST_DAY)}
        for lake in ("lake", "renewed")
    ]
    for row in found["segments"]:
        old, renewed = ({lead for segment, lead in one if segment == row["segment"]} for one in sets)
        counted = (row["leads_before"], row["leads_after"], row["entering"], row["leaving"])
        assert counted == (len(old), len(renewed), len(renewed - old), len(old - renewed))
    items = [
        {(row["lead_id"], row["rule"], row["title"]) for row in rows(lakes / lake, "content_recommendations", LAST_DAY)}
        for lake in ("lake", "renewed")
    ]
    assert found["totals"]["new_items"] == len({lead for lead, *_ in items[0] ^ items[1]}) > 0
    largest = found["examples"][0]
    assert abs(largest["score_after"] - largest["score_before"]) == max(abs(new[lead] - present[lead]) for lead in new)


def test_the_evidence_of_both_policies_is_side_by_side(lakes: Path) -> None:
    assert compare(lakes, "new.yaml", "--weeks", "3").exit_code == 0
    found = json.loads((lakes / f"compare-{LAST_DAY}.json").read_text(encoding="utf-8"))
    assert found["evidence_days"] == [str(PAST)]
    scores, points = found["rankings"]
    for ranking in (scores, points):
        for measure in ("auc", "lift"):
            one = ranking[measure]
            assert one["before"]["low"] <= one["before"]["value"] <= one["before"]["high"]
            difference = one["after"]["value"] - one["before"]["value"]
            assert one["difference"]["value"] == pytest.approx(difference)
            is_clear = one["difference"]["low"] > 0 or one["difference"]["high"] < 0
            assert (one["verdict"] == "not clear") == (not is_clear)
    leads = {
        when: sum(row[when]["leads"] for row in found["bands"] if row[when] and row["rule_kind"] == "score_band")
        for when in ("before", "after")
    }
    assert leads["before"] == leads["after"] > 100
    page = (lakes / f"compare-{LAST_DAY}.html").read_text(encoding="utf-8")
    assert page.count("<table>") == page.count("</table>") == 5
    assert 'name="viewport"' in page
    assert "puntuación 10 a 20" in page
    assert "http" not in page  # nothing is loaded from elsewhere


def test_the_same_policy_changes_nothing(lakes: Path) -> None:
    (lakes / "same.yaml").write_text("{}\n", encoding="utf-8")
    assert compare(lakes, "same.yaml").exit_code == 0
    found = json.loads((lakes / f"compare-{LAST_DAY}.json").read_text(encoding="utf-8"))
    assert {found["totals"][f"new_{what}"] for what in ("score", "action", "segments", "items")} == {0}
    assert {ranking[measure]["verdict"] for ranking in found["rankings"] for measure in ("auc", "lift")} == {
        "not clear"
    }
    assert found["examples"] == []


def test_a_wrong_policy_or_day_is_refused(lakes: Path) -> None:
    (lakes / "wrong.yaml").write_text("segments: {at_risk: {criterion: nothing > 3}}\n", encoding="utf-8")
    refused = compare(lakes, "wrong.yaml")
    assert (refused.exit_code, "at_risk" in str(refused.exception or refused.output)) != (0, False)
    assert compare(lakes, "missing.yaml").exit_code != 0
    assert compare(lakes, "new.yaml", "--date", "2020-01-01").exit_code != 0
