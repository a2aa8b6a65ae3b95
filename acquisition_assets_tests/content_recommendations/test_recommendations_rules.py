"""Protects the rules with the document's items: their order, and that completed items are never recommended."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition_assets.content_recommendations.policy import RULES
from acquisition_assets.policy import read_policy
from acquisition_assets_tests.kit.examples import examples
from acquisition_assets_tests.kit.sql_cases import END, US, Row, active, ago, delivery, event, recommendations_of

ITEMS = read_policy().content_recommendations.document_items
MARKETING = ITEMS["interest_marketing"]


def rules(
    score: float = 0.0, events: list[Row] | None = None, content: list[Row] | None = None, **activity: Any
) -> Any:
    """Return the rules that give lead a an item, in rank order."""
    found = recommendations_of([active(**activity)], {"a": score}, events or [], content or [])
    rows = found.get("a", [])
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    return [row["rule"] for row in rows]


def test_a_lead_without_any_data_gets_no_recommendation() -> None:
    assert rules() == []


@pytest.mark.parametrize(
    ("area", "found"),
    [
        ("marketing", ["interest_marketing"]),
        ("sales", ["interest_sales"]),
        ("finance", []),
        ("digital marketing", []),
        (None, []),
    ],
)
def test_items_for_an_area_of_interest(area: str | None, found: list[str]) -> None:
    assert rules(interest_area=area) == found


@pytest.mark.parametrize(
    ("types", "found"),
    [
        ([], []),
        (["blog"], ["complement_guides"]),
        (["blog", "guide"], []),
        (["guide"], []),
        (["blog", "video"], ["complement_guides"]),
        (["blogs"], []),
    ],
)
def test_a_guide_for_those_who_completed_a_blog_and_no_guide(types: list[str], found: list[str]) -> None:
    assert rules(consumed_content_types=types, completions_total=1) == found


@pytest.mark.parametrize(
    ("completions", "types", "found"),
    [
        (2, ["guide"], []),
        (3, ["guide"], ["complement_videos"]),
        (3, ["guide", "video"], []),
        (4, [], ["complement_videos"]),
    ],
)
def test_a_video_for_those_who_completed_much_and_no_video(
    completions: int, types: list[str], found: list[str]
) -> None:
    assert rules(completions_total=completions, consumed_content_types=types) == found


@pytest.mark.parametrize(
    ("score", "status", "found"),
    [
        (6.99, "nurturing", []),
        (7.0, "nurturing", ["near_conversion"]),
        (7.99, "nurturing", ["near_conversion"]),
        (8.0, "nurturing", ["high_engagement", "near_conversion"]),
        (7.99, "engaged", []),
        (8.0, "engaged", ["high_engagement"]),
        (100.0, "new", ["high_engagement"]),
    ],
)
def test_items_follow_from_the_published_score(score: float, status: str, found: list[str]) -> None:
    assert rules(score, status=status) == found


@pytest.mark.parametrize(("completions", "found"), [(4, []), (5, ["premium"])])
def test_an_ebook_for_those_who_completed_five(completions: int, found: list[str]) -> None:
    assert rules(completions_total=completions, consumed_content_types=["video"]) == found


@pytest.mark.parametrize("status", ["new", "nurturing", "engaged", "converted", "inactive"])
@pytest.mark.parametrize("unsubscribed", [False, True])
def test_which_leads_get_recommendations(status: str, unsubscribed: bool) -> None:
    may = status not in ("converted", "inactive") and not unsubscribed
    found = rules(status=status, is_unsubscribed=unsubscribed, interest_area="sales")
    assert found == (["interest_sales"] if may else [])


EVERYTHING: dict[str, Any] = {
    "interest_area": "marketing",
    "status": "nurturing",
    "completions_total": 9,
    "consumed_content_types": ["blog"],
}


def test_the_first_five_rules_give_the_items_of_the_policy() -> None:
    row = recommendations_of([active(**EVERYTHING)], {"a": 9.0})["a"]
    expected = [
        ("interest_marketing", "guide", "Guía Avanzada de Marketing Digital", "Basado en tu área de interés"),
        ("complement_guides", "guide", "Guía Completa del Tema", "Complementa los artículos que has leído"),
        ("complement_videos", "video", "Video Tutorial Exclusivo", "Diversifica tu aprendizaje"),
        ("high_engagement", "case_study", "Casos de Éxito Avanzados", "Para leads de alto engagement"),
        ("near_conversion", "webinar", "Webinar Exclusivo: Próximos Pasos", "Estás cerca de convertir"),
    ]
    assert [(item["rule"], item["content_type"], item["title"], item["reason"]) for item in row] == expected
    assert [item["rank"] for item in row] == [1, 2, 3, 4, 5]
    assert [item["content_id"] for item in row] == [ITEMS[rule].content_id for rule, *_ in expected]


def test_a_completed_item_is_replaced_by_that_of_the_next_rule() -> None:
    done = delivery("d1", ago(9), completed_at=ago(8), content_id=MARKETING.content_id)
    found = rules(9.0, done, **EVERYTHING)
    assert found == ["complement_guides", "complement_videos", "high_engagement", "near_conversion", "premium"]


@pytest.mark.parametrize("days", [1, 366, 2000])
def test_a_completed_item_is_never_recommended_again(days: int) -> None:
    done = delivery("d1", ago(days + 1), completed_at=ago(days), content_id=MARKETING.content_id)
    assert rules(events=done, interest_area="marketing") == []
    opened = delivery("d1", ago(days + 1), ago(days), content_id=MARKETING.content_id)
    assert rules(events=opened, interest_area="marketing") == ["interest_marketing"]


def test_completions_by_machines_or_other_leads_do_not_count() -> None:
    by_machine = [event("completed", ago(2), content_id=MARKETING.content_id, is_machine=True)]
    assert rules(events=by_machine, interest_area="marketing") == ["interest_marketing"]
    by_other = [event("completed", ago(2), "b", content_id=MARKETING.content_id)]
    assert rules(events=by_other, interest_area="marketing") == ["interest_marketing"]


def test_a_completion_without_an_item_completes_that_of_its_delivery() -> None:
    events = [
        event("sent", ago(3), content_id=MARKETING.content_id),
        event("completed", ago(2), content_id=None),
        event("completed", ago(1), delivery_id="d2", content_id=None, event_id="other"),
    ]
    assert rules(events=events, interest_area="marketing") == []
    assert rules(events=events[1:], interest_area="marketing") == ["interest_marketing"]
    both = [*events[:2], event("clicked", ago(2), content_id=ITEMS["premium"].content_id)]
    assert rules(events=both, interest_area="marketing") == ["interest_marketing"]  # the ebook's id is smaller


def test_a_completion_belongs_to_the_lead_of_its_deliverys_earliest_event() -> None:
    leads = [active("a", interest_area="marketing"), active("b", interest_area="marketing")]
    events = [
        event("sent", ago(3), "a", event_id="e1", content_id=MARKETING.content_id),
        event("completed", ago(2), "b", event_id="e2", content_id=MARKETING.content_id),
    ]
    assert recommendations_of(leads, {}, events).keys() == {"b"}
    tied = [{**events[0], "event_id": "e3"}, {**events[1], "occurred_at": ago(3)}]
    assert recommendations_of(leads, {}, tied).keys() == {"a"}  # of equal times, e2 is first


def item(content_id: str, title: str = MARKETING.title, kind: str = "guide", **given: Any) -> Row:
    """Return a row of raw_content."""
    empty = dict.fromkeys(("url", "interest_area", "published_at"))
    return {"content_id": content_id, "content_type": kind, "title": title, **empty, **given}


@pytest.mark.parametrize(
    ("content", "content_id"),
    [
        ([], MARKETING.content_id),
        ([item("c7")], "c7"),
        ([item("c7"), item("c10")], "c10"),  # of several, the smallest
        ([item("c7", kind="video")], MARKETING.content_id),
        ([item("c7", title="Guía avanzada de marketing digital")], MARKETING.content_id),
        ([item("c7", published_at=END - US)], "c7"),
    ],
)
def test_the_item_is_looked_up_in_content_by_type_and_title(content: list[Row], content_id: str) -> None:
    row = recommendations_of([active(interest_area="marketing")], {}, content=content)["a"]
    assert [found["content_id"] for found in row] == [content_id]
    done = [event("completed", ago(2), content_id=content_id)]
    assert rules(events=done, content=content, interest_area="marketing") == []


def test_an_item_with_another_id_in_content_is_completed_under_that_id() -> None:
    done = [event("completed", ago(2), content_id=MARKETING.content_id)]
    assert rules(events=done, content=[item("c7")], interest_area="marketing") == ["interest_marketing"]


@examples(40)
@given(
    st.lists(
        st.builds(
            dict,
            interest_area=st.sampled_from(["marketing", "sales", None]),
            status=st.sampled_from(["new", "nurturing", "engaged", "converted"]),
            completions_total=st.integers(0, 6),
            consumed_content_types=st.lists(st.sampled_from(["blog", "guide", "video"]), unique=True),
        ),
        min_size=1,
        max_size=8,
    ),
    st.lists(
        st.tuples(st.integers(0, 8), st.sampled_from(list(RULES)), st.sampled_from(["opened", "completed"])),
        max_size=12,
    ),
    st.lists(st.sampled_from([0.0, 6.99, 7.0, 8.0]), min_size=8, max_size=8),
    st.randoms(),
)
def test_ranks_have_no_gaps_and_no_completed_items(
    leads: list[Row], happened: list[tuple[int, str, str]], scores: list[float], order: random.Random
) -> None:
    activity = [active(f"l{n}", **lead) for n, lead in enumerate(leads)]
    by_lead = {f"l{n}": score for n, score in enumerate(scores)}
    events = [
        event(kind, ago(3), f"l{lead}", event_id=f"e{n}", delivery_id=f"d{n}", content_id=ITEMS[rule].content_id)
        for n, (lead, rule, kind) in enumerate(happened)
    ]
    found = recommendations_of(activity, by_lead, events)
    completed = {(row["lead_id"], row["content_id"]) for row in events if row["event_type"] == "completed"}
    for lead, rows in found.items():
        assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
        assert len(rows) <= 5
        places = [RULES.index(row["rule"]) for row in rows]
        assert places == sorted(set(places))
        assert not completed & {(lead, row["content_id"]) for row in rows}
    mixed = order.sample(activity, len(activity)), order.sample(events, len(events))
    assert recommendations_of(mixed[0], by_lead, mixed[1]) == found
