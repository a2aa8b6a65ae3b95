"""Protects the daily brief: its numbers are those of the tables, names are text, and gaps are no zeros."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from acquisition_assets.catalog import DELIVERED, brief_rules
from acquisition_assets.core.env import Env
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.settings import Settings
from acquisition_assets.daily_brief.asset import make_brief
from acquisition_assets.daily_brief.compose import compose
from acquisition_assets.daily_brief.facts import Facts
from acquisition_assets.daily_brief.model import Number
from acquisition_assets.daily_brief.page import render, shown_name
from acquisition_assets.daily_brief.writing import Writing
from acquisition_assets.definitions import make_engine
from acquisition_assets.policy import read_policy
from acquisition_assets_tests.kit import world
from acquisition_assets_tests.kit.random_world import write
from acquisition_assets_tests.kit.running import compute_day
from acquisition_assets_tests.kit.world import MONDAY, SUNDAY

MADRID = ZoneInfo(world.ZONE)
RULES = brief_rules(read_policy())
HOSTILE = "<script>alert(1)</script>\u202e\U0001f600" + "x" * 300


class Page(HTMLParser):
    """The numbers of a page by section and place, its links, ids and tags that could load something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.numbers: dict[str, list[float]] = {}
        self.links: set[str] = set()
        self.ids: list[str] = []
        self.tags: set[str] = set()
        self._place: str = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        self.ids += [given["id"]] if "id" in given else []
        self.links |= {given["href"]} if "href" in given else set()
        if tag == "section":
            self._place = given["id"]
        for name in ("data-metric", "data-segment", "data-table"):
            if name in given:
                self._place = f"{self._place.split(' ')[0]} {given[name]}"
        if tag == "data":
            self.numbers.setdefault(self._place, []).append(float(given["value"]))


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the lake of Sunday and Monday of the hand-made world."""
    folder = tmp_path_factory.mktemp("brief")
    write(folder / "source", world.SOURCE)
    for day in (SUNDAY, MONDAY):
        assert compute_day(folder / "source", folder / "lake", day, world.ZONE).success
    return folder / "lake"


def make(lake: Path, day: dt.date) -> str:
    """Make the brief of a day again from the lake alone, and return its page."""
    settings = Settings.from_environment({}, lake=str(lake), timezone=world.ZONE)
    opened = Lake(str(lake))
    path = make_brief(Env(opened, make_engine(settings, opened), MADRID), day, RULES)
    return (lake / path).read_text(encoding="utf-8")


def test_the_numbers_are_those_of_the_tables(lake: Path) -> None:
    opened = Lake(str(lake))
    text = (lake / f"briefs/date={MONDAY}/brief.html").read_text(encoding="utf-8")
    page = Page(text)
    metrics = {row["day"]: row for row in opened.read("daily_metrics", MONDAY).to_pylist()}
    today, before = metrics[MONDAY], metrics[SUNDAY]
    assert page.numbers["headline new_leads"][:2] == [today["new_leads"], before["new_leads"]]
    assert page.numbers["headline deliveries"][:2] == [today["deliveries_sent"], before["deliveries_sent"]]
    assert page.numbers["headline completions"][:2] == [today["completions"], before["completions"]]
    assert page.numbers["headline conversions"][:2] == [today["leads_converted"], before["leads_converted"]]
    likely = [
        sum(
            action == "likely_to_convert"
            for action in opened.read("behavior_predictions", day)["predicted_next_action"].to_pylist()
        )
        for day in (MONDAY, SUNDAY)
    ]
    assert page.numbers["headline likely"] == likely
    members = opened.read("lead_segments", MONDAY)["segment"].to_pylist()
    for segment in read_policy().segments:
        assert page.numbers[f"segments {segment}"][0] == members.count(segment)
    assert page.numbers["health leads"][0] == opened.row_count("raw_leads", MONDAY)
    (row,) = opened.read("daily_brief", MONDAY).to_pylist()
    assert (row["new_leads"], row["likely_to_convert"]) == (today["new_leads"], likely[0])
    assert row["bytes"] == len(text.encode()) <= 400_000


def test_the_page_needs_nothing_else_and_every_number_leads_to_its_line(lake: Path) -> None:
    page = Page((lake / f"briefs/date={MONDAY}/brief.html").read_text(encoding="utf-8"))
    assert not page.tags & {"script", "img", "link", "iframe", "object", "form"}
    assert page.links
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    assert len(page.ids) == len(set(page.ids))
    assert "http" not in page.text
    assert "url(" not in page.text


def test_a_brief_made_later_has_the_same_bytes_and_a_lost_output_is_a_section(lake: Path, tmp_path: Path) -> None:
    shutil.copytree(lake, tmp_path / "lake")
    for day in (SUNDAY, MONDAY):
        made = (lake / f"briefs/date={day}/brief.html").read_text(encoding="utf-8")
        assert make(tmp_path / "lake", day) == made
    shutil.rmtree(tmp_path / f"lake/channel_performance/date={MONDAY}")
    Lake(str(tmp_path / "lake")).publish_report('{"channel_performance": "the <disk> is full"}', MONDAY, "failed_steps")
    lost = make(tmp_path / "lake", MONDAY)
    assert "channel_performance: the &lt;disk&gt; is full" in lost
    assert f"acquisition run --date {MONDAY}" in lost


def test_an_empty_lake_and_late_data_are_gaps() -> None:
    outputs = {table.table: None for table in DELIVERED}
    empty = compose(Facts(MONDAY, outputs, MONDAY), RULES, MADRID)
    for locale in ("es", "en"):
        assert Page(render(empty, locale)).numbers == {"know": [len(outputs)], "health": [0]}
    row = {"new_leads": 0, "deliveries_sent": 0, "opened_24h": 0, "completions": 0, "referrals_created": 0}
    days = {MONDAY - dt.timedelta(days=n): {**row, "leads_converted": 0} for n in range(30)}
    facts = Facts(
        MONDAY,
        {},
        MONDAY,
        is_stale_leads=True,
        first_lead_date=SUNDAY - dt.timedelta(days=5),
        newest_lead_date=SUNDAY,
        metrics=days,
    )
    brief = compose(facts, RULES, MADRID)
    line = {each.metric: each.line.values for each in brief.headline}  # type: ignore[union-attr]
    assert line["new_leads"][-1] is None
    assert line["new_leads"][-2] == 0
    assert line["new_leads"][-8] is None, "before the first lead"
    assert line["completions"][-1] == 0, "events are not late"
    assert line["open_rate"] == [None] * 30, "nothing was sent"
    assert [sentence.key for sentence in brief.know] == ["late_leads"]


def test_hostile_names_are_text() -> None:
    shown = str(shown_name(HOSTILE))
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert "\u202e" not in shown
    assert "\U0001f600" in shown
    assert len(shown) < 150


@pytest.mark.parametrize(("language", "written"), [("es", ["12.345", "10,4\xa0%"]), ("en", ["12,345", "10.4%"])])
def test_numbers_are_written_as_the_language_does(language: str, written: list[str]) -> None:
    writing = Writing(language)
    assert writing.number(Number(12345, "rows")) == written[0]
    assert writing.number(Number(10.4, "open_rate", "percent")) == written[1]
