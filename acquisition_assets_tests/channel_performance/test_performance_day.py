"""Protects a day of channel_performance: verdicts, the check of unknown words, and what summaries say of them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from acquisition_assets.channel_performance import summary
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.sections import DayView, Grid, Section
from acquisition_assets.social_performance import report as social
from acquisition_assets_tests.kit.running import Run, compute_day, report, rows

DAY = "2025-09-28"
# utm_source, utm_medium, leads, and how many of them are engaged.
LEADS = (
    ("newsletter", "email", 300, 120),
    ("facebook", "social", 300, 45),
    ("instagram", "social", 300, 42),
    ("kiosk 7", None, 250, 40),
    ("flyer", None, 30, 4),
)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """Return the lake and the run of a day whose newsletter is better than all the rest."""
    folder = tmp_path_factory.mktemp("channels")
    lines = ["lead_id,status,created_at,utm_source,utm_medium"]
    for source, medium, leads, engaged in LEADS:
        for number in range(leads):
            status = "engaged" if number < engaged else "new"
            created = dt.date(2025, 9, 27) - dt.timedelta(days=number % 20)
            lines.append(f"{source}-{number},{status},{created},{source},{medium or ''}")
    (folder / "source").mkdir()
    (folder / "source" / "leads.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    run = compute_day(folder / "source", folder / "lake", DAY)
    assert run.success, run.errors
    return folder / "lake", run


def view(lake: Path) -> DayView:
    return DayView(Lake(str(lake)), dt.date.fromisoformat(DAY), "en")


def text(section: Section) -> str:
    """The lines of a section, without its tables."""
    return "\n".join(part for part in section.parts if not isinstance(part, Grid))


def test_the_best_channel_and_the_worse_ones_are_named(lake: tuple[Path, Run]) -> None:
    found = {
        row["channel"]: row["verdict"]
        for row in rows(lake[0], "channel_performance", DAY)
        if (row["level"], row["metric"], row["period"]) == ("channel", "engaged", "short")
    }
    assert found == {"email": "best", "facebook": "worse", "instagram": "worse", "organic": "worse"}
    metadata = lake[1].metadata["channel_performance"]
    assert (metadata["verdict_best"], metadata["leader"]) == (1, "email")


def test_words_that_no_list_knows_are_counted(lake: tuple[Path, Run]) -> None:
    check = lake[1].checks["channel_performance", "unclassified"]
    assert (check.passed, check.severity) == (False, "WARN")
    assert check.description.startswith("280 of 1180 leads of the last 90 days have an unknown channel, more than 20 %")
    assert "kiosk 7 (250), flyer (30)" in check.description


def test_the_summary_names_the_best_with_its_interval(lake: tuple[Path, Run]) -> None:
    found = text(summary.section(view(lake[0])))
    assert "engaged: email is the best (40 %, 34.6..45.6)" in found
    assert "converted: no leads old enough" in found


def test_the_leading_platform_is_not_called_the_best_without_evidence(lake: tuple[Path, Run]) -> None:
    found = social.SocialReport.model_validate(report(lake[0], DAY, social.TASK))
    assert found.best_platform is not None
    said = text(social.summary_of_day(found, view(lake[0])))
    assert "best platform: facebook leads, not clearly (15 %, 11.4..19.5)" in said
    clear = text(social.summary(found, "en", clearly_best={"facebook"}))
    assert "best platform: facebook (15 %)" in clear
