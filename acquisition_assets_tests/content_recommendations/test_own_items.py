"""Protects own items: over random raw rows nobody gets what it knows, and rules, catalogue and reasons hold."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition_assets.content_recommendations import asset
from acquisition_assets.content_recommendations.contract import CONTENT_RECOMMENDATIONS
from acquisition_assets.content_recommendations.policy import RULE_AREAS, RULES
from acquisition_assets.core.policy import merge
from acquisition_assets.core.sql_files import read_sql
from acquisition_assets.core.step import Finding, Step
from acquisition_assets.policy import Policy, read_policy
from acquisition_assets.raw.contract import RAW_CONTENT, RAW_EVENTS
from acquisition_assets_tests.kit.examples import examples
from acquisition_assets_tests.kit.sql_cases import (
    DAY,
    END,
    US,
    Row,
    active,
    ago,
    event,
    frame,
    session_of,
    with_scores,
)

TYPES = ("guide", "video", "ebook", "blog")
READ = ("opened", "clicked", "completed")


class Day(NamedTuple):
    """What the step stages for a day, and what its checks and metadata say."""

    rows: dict[str, list[Row]]
    quality: list[Row]
    items_exist: Finding
    beats_popularity: Finding
    missing: dict[str, int]


def day_of(
    leads: list[Row], events: list[Row], catalogue: list[Row], scores: dict[str, float] | None = None, **changes: Any
) -> Day:
    """Return the recommendations of own items of these rows; the contract and the recomputed numbers must hold."""
    policy = Policy.model_validate(merge(read_policy().model_dump(), changes))
    rules = asset.Rules(policy.content_recommendations, policy.content, policy.locale, 30)
    tables = {
        **with_scores(leads, scores or {}),
        "raw_events": frame(RAW_EVENTS, events, dated=True),
        "raw_content": frame(RAW_CONTENT, catalogue),
        "items": asset.items_table(rules.rules),
    }
    with tempfile.TemporaryDirectory() as folder, session_of(tables) as session:
        env = cast(Any, SimpleNamespace(tz=ZoneInfo("UTC")))
        step = Step(env, CONTENT_RECOMMENDATIONS, DAY, session, Path(folder))
        session.bind_query("rule_leads", read_sql("content_recommendations/rule_leads"), rules.rules.parameters())
        asset.produce_ranked(step, rules)
        found = pq.ParquetFile(step.staged).read()
        assert step.violations() == []
        assert [ours == theirs for _, ours, theirs in asset.recompute(step, rules)] == [True, True]
        by_lead = defaultdict(list)
        for row in sorted(found.to_pylist(), key=lambda row: (row["lead_id"], row["rank"])):
            by_lead[row["lead_id"]].append(row)
        (items_exist,), (beats,) = asset.items_exist(step, rules), asset.beats_popularity(step, rules)
        numbers = asset.numbers(step, rules)
        missing = {rule: int(numbers[f"item_missing_{rule}"]) for rule in RULES}
        quality: list[Row] = session.query("select * from day_quality").to_pylist()
        return Day(dict(by_lead), quality, items_exist, beats, missing)


def item(content_id: str, kind: str = "guide", area: str | None = None, **given: Any) -> Row:
    """Return a row of raw_content that was published 200 days ago."""
    row = {"title": f"Title of {content_id}", "url": None, "published_at": ago(200), "retired_at": None}
    return {"content_id": content_id, "content_type": kind, "interest_area": area, "updated_at": None, **row, **given}


def ids(rows: list[Row]) -> list[str]:
    """Return the ids of the items of rows."""
    return [row["content_id"] for row in rows]


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.sampled_from(["c0", "c1", "c2", "c3", "c4", "c5", "gone", None]),
        st.sampled_from(["sent", "opened", "clicked", "completed"]),
        st.sampled_from([0.5, 29.9, 30.0, 30.1, 60.0, 89.9, 90.0, 90.1, 400.0]),
        st.booleans(),
        st.sampled_from(["d1", "d2", None]),
    ),
    max_size=25,
)
LEADS = st.lists(
    st.builds(
        dict,
        interest_area=st.sampled_from(["marketing", "sales", "finance", None]),
        status=st.sampled_from(["new", "nurturing", "engaged", "converted", "inactive"]),
        completions_total=st.integers(0, 6),
        consumed_content_types=st.lists(st.sampled_from(["blog", "guide", "video"]), unique=True),
        is_unsubscribed=st.sampled_from([False, False, True]),
        is_bounced=st.sampled_from([False, False, True]),
        has_complained=st.sampled_from([False, False, True]),
    ),
    min_size=1,
    max_size=5,
)


def known_of(events: list[Row], content: list[Row]) -> dict[str, set[str]]:
    """Return what each lead must not get, by the words of the rule."""
    deliveries = defaultdict(list)
    for row in events:
        deliveries[row["delivery_id"] or row["event_id"]].append(row)
    known = defaultdict(set)
    for rows in deliveries.values():
        owner = min(rows, key=lambda row: (row["occurred_at"], row["event_id"]))["lead_id"]
        named = min((row["content_id"] for row in rows if row["content_id"]), default=None)
        for row in rows:
            content_id, days = row["content_id"] or named, (END - row["occurred_at"]) / dt.timedelta(days=1)
            human = row["event_type"] in READ and not row["is_machine"]
            done = human and (days <= 90 or row["event_type"] == "completed")
            if content_id and (done or (row["event_type"] == "sent" and days <= 30)):
                known[owner].add(content_id)
    return known


@examples(20)
@given(LEADS, EVENTS, st.lists(st.tuples(st.sampled_from(TYPES), st.sampled_from(["marketing", None])), max_size=6))
def test_no_lead_gets_an_item_that_it_knows(
    leads: list[Row], happened: list[tuple[int, str | None, str, float, bool, str | None]], made: list[tuple[str, Any]]
) -> None:
    activity = [active(f"l{number}", **lead) for number, lead in enumerate(leads)]
    content = [item(f"c{number}", kind, area) for number, (kind, area) in enumerate(made)]
    content += [item("gone", retired_at=END - US)]
    events = [
        event(
            kind, ago(days), f"l{lead}", event_id=f"e{n:02}", delivery_id=delivery, content_id=content_id, is_machine=by
        )
        for n, (lead, content_id, kind, days, by, delivery) in enumerate(happened)
    ]
    found = day_of(activity, events, content, {"l0": 9.0, "l1": 7.5})
    known, catalogue = known_of(events, content), {row["content_id"]: row for row in content[:-1]}
    for lead in activity:
        rows = found.rows.get(lead["lead_id"], [])
        barred = lead["is_unsubscribed"] or lead["is_bounced"] or lead["has_complained"]
        if barred or lead["status"] in ("converted", "inactive"):
            assert rows == []
            continue
        left = catalogue.keys() - known[lead["lead_id"]]
        assert [row["rank"] for row in rows] == list(range(1, 1 + min(5, len(left))))  # all that is left, but five
        assert len(set(ids(rows))) == len(rows)
        assert set(ids(rows)) <= left
        assert [RULES.index(row["rule"]) if row["rule"] in RULES else 99 for row in rows] == sorted(
            RULES.index(row["rule"]) if row["rule"] in RULES else 99 for row in rows
        )
        for row in rows:
            got = catalogue[row["content_id"]]
            assert (row["content_type"], row["title"]) == (got["content_type"], got["title"])
            if row["rule"] in RULES:
                assert (
                    got["content_type"] == read_policy().content_recommendations.kind_of(row["rule"]).content_types[0]
                )
            area = RULE_AREAS.get(row["rule"])
            if area and got["interest_area"] != area:
                taken = set(ids(rows[: row["rank"] - 1]))
                better = [one for one in left - taken if catalogue[one]["interest_area"] == area]
                assert not [one for one in better if catalogue[one]["content_type"] == got["content_type"]]


def test_what_counts_as_published_and_retired() -> None:
    """An item retired at or after T is there; one without a date too; one retired before T is not."""
    content = [
        item("dated"),
        item("undated", published_at=None),
        item("retired", retired_at=END - US),
        item("retiring", retired_at=END),
        item("later", retired_at=END + US),
    ]
    assert sorted(ids(day_of([active()], [], content).rows["a"])) == ["dated", "later", "retiring", "undated"]


def test_without_content_events_name_the_items() -> None:
    events = [
        event("opened", ago(3), "b", content_id="c7", content_type="guide"),
        event("sent", ago(3), content_id="c8", delivery_id="d8"),
    ]
    found = day_of([active(interest_area="marketing")], events, [])
    assert [(row["content_id"], row["title"], row["rule"]) for row in found.rows["a"]] == [
        ("c7", "c7", "interest_marketing")
    ]
    always = day_of([active(interest_area="sales")], events, [], content={"shipped": "always"}).rows["a"]
    assert (always[0]["rule"], always[0]["title"]) == ("interest_sales", "Técnicas Avanzadas de Ventas")
    assert len(always) == 5


def test_a_rule_without_items_is_counted_and_named() -> None:
    leads = [active("a", completions_total=5, consumed_content_types=["video"]), active("b", interest_area="marketing")]
    found = day_of(leads, [], [item("c1", "guide")])
    assert not found.items_exist.passed
    assert "rule premium finds no ebook in your content" in found.items_exist.description
    assert {rule: count for rule, count in found.missing.items() if count} == {"premium": 1}
    mapped = day_of(
        leads, [], [item("c1", "guide")], content_recommendations={"rule_items": {"premium": {"content_ids": ["c1"]}}}
    )
    assert mapped.items_exist.passed
    assert mapped.rows["a"][0]["rule"] == "premium"


def readers(count: int, content_id: str, area: str | None = None, days: float = 2.0) -> tuple[list[Row], list[Row]]:
    """Return leads that read an item, and their events."""
    names = [f"{content_id}-{number}" for number in range(count)]
    rows = [event("opened", ago(days), name, event_id=name, delivery_id=name, content_id=content_id) for name in names]
    return [active(name, interest_area=area) for name in names], rows


def test_reasons_name_the_readers_in_words() -> None:
    content = [item(f"c{number}", "blog") for number in range(10)]
    leads, events = [active("a", interest_area="finance"), active("b")], []
    for count, content_id, area, days in (
        (150, "c0", "finance", 2.0),
        (1, "c1", "finance", 2.0),
        (60, "c2", None, 20.0),
    ):
        more, happened = readers(count, content_id, area, days)
        leads, events = leads + more, events + happened
    found = day_of(leads, events, content)
    reasons = {row["content_id"]: row["reason"] for row in found.rows["a"]}
    assert reasons["c0"] == "Leído por 150 leads como tú en los últimos 7 días"
    assert reasons["c1"] == "Leído por un lead como tú en los últimos 7 días"
    assert reasons["c2"] == "Leído por 60 leads en los últimos 30 días"
    assert [row["content_id"] for row in found.rows["a"]][:3] == ["c0", "c2", "c1"]
    alone = day_of(leads, events, content, content={"area_prior_weight": 1.0})  # what other areas read counts less
    assert [row["content_id"] for row in alone.rows["a"]][:3] == ["c0", "c1", "c2"]
    assert found.rows["b"][0]["reason"] == "Leído por 150 leads en los últimos 7 días"
    first, second = found.rows["a"][:2]
    assert (first["next_content_id"], first["next_score"]) == ("c2", second["item_score"])
    assert first["item_score"] == first["popularity_part"] == 1.0
    assert day_of(leads, events, content, locale="en").rows["b"][0]["reason"] == "Read by 150 leads in the last 7 days"
    (chosen,) = [row for row in found.quality if row["is_chosen"]]
    assert (chosen["method"], chosen["items"], chosen["readings"]) == ("popularity_14d", 10, 211)


def test_a_proven_taste_says_what_it_is_drawn_from() -> None:
    """Leads read one half of the blogs or the other, so that what a lead completed says what it reads next."""
    content = [item(f"{half}{number}", "blog") for half in "xy" for number in range(12)]
    leads, events = [], []
    for number in range(120):
        name, half = f"l{number:03}", "xy"[number % 2]
        leads.append(active(name))
        for place in range(6):
            kind = "completed" if (number // 2 + place) % 2 else "opened"
            which, days = f"{half}{(number * 7 + place * 5) % 12}", 5.0 + (5 - place) * 20 + number % 11
            events.append(event(kind, ago(days), name, event_id=f"{name}-{place}", delivery_id=None, content_id=which))
    found = day_of(leads, events, content, content={"cold_reads": 10})
    (chosen,) = [row for row in found.quality if row["is_chosen"]]
    assert chosen["family"] == "personal"
    assert chosen["gain_low"] > 0
    assert found.beats_popularity.passed
    personal = [row for rows in found.rows.values() for row in rows if row["rule"] == "personal"]
    assert len(personal) > 300
    same = [row["content_id"][0] == "xy"[int(row["lead_id"][1:]) % 2] for row in personal]
    assert sum(same) > 0.95 * len(same)
    assert {row["reason"].split(" Title of ")[0] for row in personal} == {"Porque completaste", "Porque leíste"}
    for row in personal:
        assert row["reason"].endswith(f"Title of {row['because_content_id']}")
        assert row["personal_part"] >= row["popularity_part"]


@pytest.mark.parametrize("with_content", [True, False])
def test_nothing_to_recommend(with_content: bool) -> None:
    content = [item("gone", retired_at=ago(1))] if with_content else []
    found = day_of([active(interest_area="marketing")], [], content)
    assert found.rows == {}
    assert "rule interest_marketing finds no guide" in found.items_exist.description
    assert [row["method"] for row in found.quality if row["is_chosen"]] == ["newest"]
