"""Protects the policy: every number and text is used, so changing it changes what is published.

How policy files are read is tested in core/test_policy_files.py.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from acquisition_assets.catalog import REPORTS as SPECS
from acquisition_assets.catalog import TABLES as CONTRACTS
from acquisition_assets.channels.policy import ChannelPolicy
from acquisition_assets.conversion_forecasts.policy import ForecastPolicy
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.policy import merge
from acquisition_assets.core.settings import Settings
from acquisition_assets.core.sql_files import sql_folder
from acquisition_assets.definitions import build_defs
from acquisition_assets.incidents.policy import AlertPolicy, IncidentPolicy
from acquisition_assets.metric_watch.policy import WatchPolicy
from acquisition_assets.policy import Policy, read_policy
from acquisition_assets_tests.kit.running import snapshot

DAY, EARLIER_DAY = "2026-09-30", "2026-09-27"
# Section -> the step that reads it, and for each key a value that must change what the step publishes for the sample.
CHANGES: dict[str, tuple[str, Mapping[str, Any]]] = {
    "features": (
        "features",
        {
            "history_days": 60,
            "recent_days": 3,
            "month_days": 10,
            "metrics_days": 40,
            "watched_days": 130,
            "watched_channel_mean": 1.0,
            "first_business_hour": 11,
            "last_business_hour": 15,
            "last_weekday": 3,
            "opened_hours": 1.0,
            "longest_address": 12,
        },
    ),
    "platforms": (
        "features",
        {
            "names": {"linkedin": ["li"], "facebook": ["linkedin"]},
            "domains": {"facebook": ["nothing.example"]},
            "other_social": ["google"],
            "other_social_domains": ["google.com"],
            "social_words": ["organic"],
            "social_name": "networks",
        },
    ),
    "dynamic_scores": (
        "dynamic_scores",
        {
            "completion_points": 4.0,
            "open_points": 1.5,
            "fast_response_hours": 1.0,
            "fast_response_points": 6.0,
            "response_hours": 8.0,
            "response_points": 2.0,
            "referral_points": 7.0,
            "consistency_points": 4.0,
            "consistency_consumed": 5,
            "consistency_per_day": 0.4,
            "consistency_days": 15,
            "decay_after_days": 7,
            "decay_points_per_day": 1.0,
            "engaged_points": 12.0,
            "nurturing_points": 4.0,
            "minimum_score": 5.0,
            "maximum_score": 40.0,
            "minimum_change": 3.0,
            "lookback_days": 2,
            "analysed_created_days": 30,
            "analysed_active_days": 10,
        },
    ),
    "behavior_predictions": (
        "behavior_predictions",
        {
            "engagement_points": 30.0,
            "full_engagement_score": 20.0,
            "completion_points": 20.0,
            "fast_response_hours": 1.0,
            "fast_response_points": 12.0,
            "response_hours": 8.0,
            "response_points": 8.0,
            "business_hours_share": 0.8,
            "business_hours_points": 8.0,
            "weekday_share": 0.9,
            "weekday_points": 4.0,
            "recent_days": 1,
            "recent_points": 8.0,
            "week_days": 5,
            "week_points": 4.0,
            "maximum_probability": 80.0,
            "likely_above": 75.0,
            "nurturing_from": 45.0,
            "engagement_from": 35.0,
        },
    ),
    "content_recommendations": (
        "content_recommendations",
        {
            "maximum_items": 2,
            "complement_videos_completions": 2,
            "high_engagement_score": 20.0,
            "near_conversion_score": 15.0,
            "premium_completions": 3,
            "items": {"premium": {"title": "Otro", "content_id": "other"}},
        },
    ),
    "segments": (
        "lead_segments",
        {
            **{
                name: {"criterion": criterion}
                for name, criterion in {
                    "high_value_prospects": "engagement_score >= 20",
                    "quick_responders": "avg_response_hours < 1",
                    "content_consumers": "completions_total >= 4",
                    "referral_champions": "referrals_validated >= 1",
                    "at_risk": "age_days >= 60",
                    "ready_to_convert": "engagement_score >= 20",
                }.items()
            },
        },
    ),
    "anomalies": (
        "anomalies",
        {
            "window_days": 1,
            "season_weeks": 2,
            "significance": 1e-30,
            "engagement_drop_percent": 90.0,
            "engagement_minimum_deliveries": 100_000,
            "fraud_days": 60,
            "fraud_percent": 90.0,
            "fraud_minimum_referrals": 1000,
            "lead_drop_percent": 90.0,
            "lead_minimum": 1000,
            "silent_days": 3,
            "silent_deliveries": 12,
        },
    ),
    "channel_performance": (
        "channel_performance",
        {
            "short_window_days": 20,
            "long_window_days": 80,
            "cohort_weeks": 10,
            "mature_days": 45,
            "confidence": 0.8,
            "significance": 1e-9,
            "power": 0.999,
            "smallest_ratio": 9.0,
            "strongest_prior_leads": 1.0,
        },
    ),
    "social_performance": (
        "social_performance",
        {"window_days": 10, "confidence": 0.8, "best_platform_minimum_leads": 1000},
    ),
}
# Keys that change nothing on the sample's last day; the tests of features, platforms and channels cover them.
ELSEWHERE = {
    "features": ("dated_hours", "undated_percent"),
    "platforms": ("social_names_alone", "shortest_word"),
    "channel_performance": (
        *("best_probability", "currency", "rates", "budget_weeks", "advice_share"),
        *("marginal_return", "advice_minimum_conversions"),
    ),
}
INPUT_SECTIONS = {
    "ingestion": {
        "late_arrival_days",
        "quarantine_error_percent",
        "quarantine_error_rows",
        "quarantine_most_percent",
        "quarantine_most_rows",
        "unknown_leads_percent",
        "unknown_leads_rows",
    },
    "freshness": {"warn_days", "error_days", "weeks", "quiet_weeks"},
    "vocabulary": {"status", "event_type", "source", "interest_area", "content_type"},
    "conversion_forecasts": set(ForecastPolicy.model_fields),
    "metric_watch": set(WatchPolicy.model_fields),
    "incidents": set(IncidentPolicy.model_fields),
    "alerts": set(AlertPolicy.model_fields),
    "channels": set(ChannelPolicy.model_fields),
}
"""What is tested elsewhere: in raw/, conversion_forecasts/, metric_watch/, incidents/, automation/ and channels/."""
TABLES = {
    "features": ("lead_activity", "daily_metrics", "metric_history"),
    "channel_costs": ("channel_costs", "budget_advice"),
}
REPORTS = {report.table.table: report.task for report in SPECS}
# Key of the reports' section -> the step and the list that is cut.
LISTS = {
    "score_changes": ("dynamic_scores", "dynamic_scoring_system", "score_changes"),
    "predictions": ("behavior_predictions", "predictive_behavior_analysis", "predictions"),
    "recommendations": ("content_recommendations", "personalized_content_recommendations", "recommendations"),
    "forecasts": ("conversion_forecasts", "conversion_forecasts", "forecasts"),
}
SOURCE = {
    "leads.csv": "lead_id,status,created_at\n" + "".join(f"l{n},hot,2026-01-01\n" for n in range(20)),
    "events.csv": "lead_id,event_type,occurred_at\n" + "".join(f"l{n},sent,2026-01-05\n" for n in range(20)),
}


def changed(section: str, key: str, value: Any) -> Policy:
    """Return the shipped policy with one value replaced, or merged if it is a mapping."""
    override = {section: {key: value}} if section else {key: value}
    return Policy.model_validate(merge(read_policy().model_dump(), override))


def run(lake: Path, policy: Policy, step: str | None = None, day: str = DAY, source: str = "sample") -> None:
    """Run one step, or all of them, for a day."""
    settings = Settings(source=source, lake=str(lake), start_date="2025-06-01", threads=2)
    names = []
    for assets in build_defs(settings, policy=policy).assets or ():
        assert isinstance(assets, dg.AssetsDefinition)
        names.append(assets.op.name)
        if step in (None, assets.op.name):
            context = SimpleNamespace(partition_key=day, retry_number=0)
            list(assets.op.compute_fn.decorated_fn(context))  # type: ignore[union-attr]
    assert step is None or step in names


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the sample's last day, and one three days earlier."""
    lake = tmp_path_factory.mktemp("sample") / "lake"
    for day in (EARLIER_DAY, DAY):
        run(lake, read_policy(), day=day)
    return lake


def published(lake: Path, step: str) -> dict[str, Any]:
    """Return what a step published for the last day, sorted."""
    tables = TABLES.get(step, (step,))
    keys = {contract.table: [(name, "ascending") for name in contract.key] for contract in CONTRACTS}
    found: dict[str, Any] = {name: Lake(str(lake)).read(name, dt.date.fromisoformat(DAY)) for name in tables}
    found = {name: table.sort_by(keys[name]).to_pandas().to_csv() for name, table in found.items()}
    if step in REPORTS:
        found["report"] = (lake / "reports" / f"date={DAY}" / f"{REPORTS[step]}.json").read_text(encoding="utf-8")
    return found


@pytest.fixture
def lake(base: Path) -> Iterator[Path]:
    """Return the sample's lake; what a test publishes there for the last day is reverted."""
    kept = base.parent / "kept"
    days = [path.relative_to(base) for path in base.glob(f"*/date={DAY}") if "raw_" not in path.parent.name]
    for each in days:
        shutil.copytree(base / each, kept / each)
    yield base
    for each in days:
        shutil.rmtree(base / each)
        shutil.move(kept / each, base / each)


@pytest.mark.parametrize(
    ("section", "key"),
    [pytest.param(section, key, id=f"{section}.{key}") for section, (_, keys) in CHANGES.items() for key in keys],
)
def test_every_value_changes_what_its_step_publishes(lake: Path, section: str, key: str) -> None:
    step, values = CHANGES[section]
    before = published(lake, step)
    run(lake, changed(section, key, values[key]), step)
    assert published(lake, step) != before


@pytest.mark.parametrize("step", sorted({step for step, _ in CHANGES.values()}))
def test_the_same_policy_publishes_the_same(lake: Path, step: str) -> None:
    before = published(lake, step)
    run(lake, read_policy(), step)
    assert published(lake, step) == before


@pytest.mark.parametrize("key", LISTS)
def test_lists_of_reports_are_cut(lake: Path, key: str) -> None:
    step, task, name = LISTS[key]
    run(lake, changed("reports", key, 3), step)
    report = json.loads((lake / "reports" / f"date={DAY}" / f"{task}.json").read_text(encoding="utf-8"))
    assert len(report[name]) == 3


def test_samples_of_segments_are_cut(lake: Path) -> None:
    run(lake, changed("reports", "sample_leads", 3), "lead_segments")
    path = lake / "reports" / f"date={DAY}" / "advanced_segmentation_engine.json"
    segments = json.loads(path.read_text(encoding="utf-8"))["segments"]
    assert {len(segment["sample_leads"]) for segment in segments.values()} == {3}


def test_the_locale_changes_the_texts(lake: Path) -> None:
    run(lake, changed("", "locale", "en"), "anomalies")
    report = (lake / "reports" / f"date={DAY}" / "anomaly_detection.json").read_text(encoding="utf-8")
    assert "engagement rate" in report
    assert "Caída" not in report


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return twenty good leads with an event each, for tests that add bad rows."""
    for name, text in SOURCE.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_words_of_the_vocabulary(files: Path, tmp_path: Path) -> None:
    run(tmp_path / "lake", read_policy(), "ingest", "2026-01-10", str(files))
    assert len(snapshot(tmp_path / "lake", "2026-01-10")["raw_leads/date=2026-01-10"]) == 20
    with pytest.raises(dg.Failure, match="20 of 20 rows are bad"):
        run(tmp_path / "lake", changed("vocabulary", "status", {"hot": None}), "ingest", "2026-01-10", str(files))


@pytest.mark.parametrize(
    ("key", "value", "stops"),
    [
        ("quarantine_error_percent", 5.0, True),
        ("quarantine_error_percent", 60.0, False),
        ("quarantine_error_rows", 13, False),
    ],
)
def test_limits_of_the_quarantine(files: Path, tmp_path: Path, key: str, value: float, stops: bool) -> None:
    bad = "".join(f"b{n},no such word,2026-01-01\n" for n in range(12))
    (files / "leads.csv").write_text(SOURCE["leads.csv"] + bad, encoding="utf-8")
    policy = changed("ingestion", key, value)
    if stops:
        with pytest.raises(dg.Failure, match="12 of 32 rows are bad"):
            run(tmp_path / "lake", policy, "ingest", "2026-01-10", str(files))
    else:
        run(tmp_path / "lake", policy, "ingest", "2026-01-10", str(files))


@pytest.mark.parametrize("late_days", [0, 3, 5])
def test_a_late_event_is_read_however_few_days_are_read_in_any_case(
    files: Path, tmp_path: Path, late_days: int
) -> None:
    """A file's day is read again where the source has more of it, also before the late days."""
    policy = changed("ingestion", "late_arrival_days", late_days)
    run(tmp_path / "lake", policy, "ingest", "2026-01-09", str(files))
    (files / "events.csv").write_text(SOURCE["events.csv"] + "l1,opened,2026-01-05T12:00:00Z\n", encoding="utf-8")
    run(tmp_path / "lake", policy, "ingest", "2026-01-10", str(files))
    events = snapshot(tmp_path / "lake")["raw_events/date=2026-01-05"]
    assert any("opened" in event for event in events)


def test_no_value_is_left_out() -> None:
    policy = read_policy().model_dump()
    for section, (_, keys) in CHANGES.items():
        assert {*keys, *ELSEWHERE.get(section, ())} == set(policy.pop(section)), section
    assert set(policy.pop("reports")) == {*LISTS, "sample_leads"}
    assert set(policy) == {*INPUT_SECTIONS, "locale"}
    assert {section: set(policy[section]) for section in INPUT_SECTIONS} == INPUT_SECTIONS


def test_sql_contains_no_rule_numbers() -> None:
    """SQL may contain 0, 1, -1, rounding digits, units of time and percent; bars and bits are listed."""
    units = {"0", "1", "2", "18", "6", "8", "100", "0.0", "1.0", "86400000000.0", "3600000000.0", "1e9"}
    own = {"dynamic_scores/distribution.sql": {"19", "5"}, "segment_changes/segment_changes.sql": {"62"}}
    files = [path for path in sorted(sql_folder().glob("*/*.sql")) if path.parent.name != "postgres"]
    assert len(files) > len(own)
    for path in files:
        name = path.relative_to(sql_folder()).as_posix()
        text = re.sub(r"--.*", "", path.read_text(encoding="utf-8"))
        text = re.sub(r"'[^']*'", "''", text)
        text = re.sub(r"\b(?:group|order) by [\d, ]+", "", text)
        numbers = set(re.findall(r"(?<![\w.$])\d+(?:\.\d+)?(?:e\d+)?\b", text))
        assert numbers <= units | own.get(name, set()), name
