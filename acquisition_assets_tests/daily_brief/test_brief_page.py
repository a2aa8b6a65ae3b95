"""Protects the daily brief: its numbers are those of the tables, names are text, and gaps are no zeros."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest

from acquisition_assets.catalog import DELIVERED, brief_rules
from acquisition_assets.core.env import Env
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.numbers import round_half_up
from acquisition_assets.core.settings import Settings
from acquisition_assets.daily_brief.asset import make_brief
from acquisition_assets.daily_brief.compose import compose
from acquisition_assets.daily_brief.contract import METRICS
from acquisition_assets.daily_brief.facts import Facts
from acquisition_assets.daily_brief.model import Metric, Number
from acquisition_assets.daily_brief.page import render, shown_name
from acquisition_assets.daily_brief.writing import Writing
from acquisition_assets.definitions import make_engine
from acquisition_assets.policy import read_policy
from acquisition_assets.raw.contract import RAW
from acquisition_assets_tests.kit import world
from acquisition_assets_tests.kit.random_world import write
from acquisition_assets_tests.kit.running import compute_day
from acquisition_assets_tests.kit.world import MONDAY, SUNDAY

MADRID = ZoneInfo(world.ZONE)
RULES = brief_rules(read_policy())
HOSTILE = "<script>alert(1)</script>\u202e\U0001f600" + "x" * 300


class Page(HTMLParser):
    """The numbers of a page by section and place (or lead), its links, ids and tags that could load something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.numbers: dict[str, list[float]] = {}
        self.links: set[str] = set()
        self.ids: list[str] = []
        self.tags: set[str] = set()
        self._place: str = ""
        self._is_lead = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        self.ids += [given["id"]] if "id" in given else []
        self.links |= {given["href"]} if "href" in given else set()
        self._is_lead = tag == "b" or (self._is_lead and tag == "bdi")
        if tag == "section":
            self._place = given["id"]
        if tag == "ul":
            self._place = self._place.split(" ")[0]
        for name in ("data-metric", "data-segment", "data-table"):
            if name in given:
                self._place = f"{self._place.split(' ')[0]} {given[name]}"
        if tag == "data":
            self.numbers.setdefault(self._place, []).append(float(given["value"]))

    def handle_data(self, data: str) -> None:
        if self._is_lead and self._place.startswith("people"):
            self._place, self._is_lead = f"people {data}", False


class Tables:
    """The numbers that a page must show, derived from the published tables of its day."""

    def __init__(self, lake: Lake, day: dt.date) -> None:
        self.lake, self.day = lake, day
        self.metrics = {row["day"]: row for row in self.read("daily_metrics")}
        self.first_day = min(row["created_date"] for row in self.read("raw_leads"))

    def read(self, table: str, day: dt.date | None = None) -> list[dict[str, Any]]:
        """Return the rows of a table on a day; none where the lake lacks it."""
        day = day or self.day
        return self.lake.read(table, day).to_pylist() if self.lake.has(table, day) else []

    def ago(self, days: int) -> dt.date:
        return self.day - dt.timedelta(days=days)

    def metric(self, name: str, days_ago: int) -> float | None:
        """Return a headline number of a day, or None for a gap."""
        day = self.ago(days_ago)
        if name == "likely":
            actions = [row["predicted_next_action"] for row in self.read("behavior_predictions", day)]
            return actions.count("likely_to_convert") if actions else None
        row = self.metrics.get(day)
        if row is None or day < self.first_day:
            return None
        return share(row["opened_24h"], row["deliveries_sent"]) if name == "open_rate" else row[METRICS[name]]

    def week(self, name: str, weeks_ago: int) -> float | None:
        """Return a headline number of seven days."""
        if name == "likely":
            return self.metric(name, 7 * weeks_ago)
        days = range(7 * weeks_ago, 7 * weeks_ago + 7)
        if name == "open_rate":
            rows = [self.metrics.get(self.ago(n + 1), {}) for n in days]
            opened, sent = ([row.get(name) for row in rows] for name in ("opened_24h", "deliveries_sent"))
            return None if None in sent else share(sum(opened), sum(sent))
        values = [self.metric(name, n) for n in days]
        return None if None in values else sum(value for value in values if value is not None)

    def numbers(self) -> dict[str, list[float]]:
        """Return the numbers of each place of the sections on metrics, segments, items and data."""
        found: dict[str, list[float | None]] = {}
        for name in get_args(Metric):
            shift = 1 if name == "open_rate" else 0
            found[f"headline {name}"] = [self.metric(name, n + shift) for n in (0, 1, 7)]
            last, before = self.week(name, 0), self.week(name, 1)
            change = None if last is None or not before else round_half_up(100 * (last / before - 1), 1)
            found[f"week {name}"] = [last, before, change]
        members = [row["segment"] for row in self.read("lead_segments")]
        moves = [(row["segment"], row["change"]) for row in self.read("segment_changes")]
        for name in read_policy().segments:
            found[f"segments {name}"] = [members.count(name), *(moves.count((name, m)) for m in ("entered", "left"))]
        found |= {"recommended": self.recommended(), **self.health()}
        return {place: known for place, values in found.items() if (known := [v for v in values if v is not None])}

    def recommended(self) -> list[float | None]:
        """Return who completed what was recommended the day before: in all, and by item."""
        done = {(e["lead_id"], e["content_id"]) for e in self.read("raw_events") if e["event_type"] == "completed"}
        given: dict[str, list[bool]] = {}
        for row in self.read("content_recommendations", self.ago(1)):
            given.setdefault(row["content_id"], []).append((row["lead_id"], row["content_id"]) in done)
        items = sorted(given.items(), key=lambda item: (-len(item[1]), item[0]))[: RULES.brief.items]
        groups = [[each for hits in given.values() for each in hits], *(hits for _, hits in items)]
        return [number for hits in groups for number in (len(hits), sum(hits), share(sum(hits), len(hits)))]

    def health(self) -> dict[str, list[float | None]]:
        """Return ages in hours, missing days, quarantined rows by reason, and rows by input table."""
        end = dt.datetime.fromisoformat(world.ENDS[self.day])
        events = [row["occurred_at"] for day in self.lake.days("raw_events") for row in self.read("raw_events", day)]
        newest = (max(row["created_at"] for row in self.read("raw_leads")), max(at for at in events if at < end))
        ages: list[float | None] = [round_half_up((end - at).total_seconds() / 3600, 1) for at in newest]
        bad = self.read("quarantine")
        reasons = [row["reason"] for row in bad]
        by_reason = sorted({(-reasons.count(reason), reason) for reason in reasons})[: RULES.brief.quarantine_reasons]
        tables = {
            f"health {name}": [
                float(self.lake.row_count(contract.table, self.day)),
                float(sum(row["source_table"] == name for row in bad)),
            ]
            for name, contract in RAW.items()
        }
        return {"health": [*ages, 0, *(-count for count, _ in by_reason)], **tables}

    def channels(self) -> list[float]:
        """Return leads and rates of each channel of the long window, those with the most leads first."""
        rows = {
            (row["channel"], row["metric"]): row
            for row in self.read("channel_performance")
            if (row["level"], row["period"]) == ("channel", "long")
        }
        engaged = sorted((-row["leads"], channel) for (channel, metric), row in rows.items() if metric == "engaged")
        found = []
        for _, channel in engaged[: RULES.brief.channels]:
            both = [rows[channel, metric] for metric in ("engaged", "converted") if (channel, metric) in rows]
            found += [both[0]["leads"], *(row[name] for row in both for name in ("rate", "rate_low", "rate_high"))]
        return found

    def of_lead(self, lead_id: str) -> tuple[list[float], set[float]]:
        """Return the score and its rise, and every number that a reason may name."""
        (score,) = (row for row in self.read("dynamic_scores") if row["lead_id"] == lead_id)
        (activity,) = (row for row in self.read("lead_activity") if row["lead_id"] == lead_id)
        first = [score["score"], score["score"] - score["previous_score"]]
        plain = [value for value in activity.values() if isinstance(value, (int, float))]
        named = {round_half_up(value, 1) for value in (*plain, 100 * (activity["completion_rate"] or 0), first[0])}
        return [round_half_up(value, 1) for value in first if value], named


def share(part: float, whole: float) -> float | None:
    """Return a share in percent, 1 decimal; None of nothing."""
    return round_half_up(100 * part / whole, 1) if whole else None


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


@pytest.mark.parametrize("day", [SUNDAY, MONDAY])
def test_every_number_is_that_of_its_table(lake: Path, day: dt.date) -> None:
    tables = Tables(Lake(str(lake)), day)
    shown = Page((lake / f"briefs/date={day}/brief.html").read_text(encoding="utf-8")).numbers
    expected = tables.numbers()
    if day == SUNDAY:  # the first day of the lake, which is no Monday
        expected = {name: numbers for name, numbers in expected.items() if not name.startswith(("week", "recommended"))}
    for place, numbers in expected.items():
        assert shown.pop(place, []) == numbers, place
    (row,) = tables.read("daily_brief", day)
    anomalies = tables.read("anomalies", day)
    assert (row["anomalies"], row["missing_outputs"]) == (len(anomalies), 0)
    said = {row[name] for row in anomalies for name in ("observed", "baseline")}
    moved = {number for numbers in expected.values() for number in numbers}
    days = {float(number) for number in range(1, RULES.brief.line_days)}
    assert set(shown.pop("know", [])) <= said | moved | days
    channels, rows = shown.pop("channels"), tables.channels()
    assert channels[-len(rows) :] == rows
    assert set(channels[: -len(rows)]) <= set(rows)
    for place, numbers in list(shown.items()):
        first, named = tables.of_lead(place.removeprefix("people "))
        assert numbers[: len(first)] == first, place
        assert set(numbers[len(first) :]) <= named, place


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
