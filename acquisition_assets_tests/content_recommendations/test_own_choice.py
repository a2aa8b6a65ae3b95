"""Protects the choice of a ranking on the past: deterministic, blind to what came after a cut, and proven."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from acquisition_assets.content_recommendations.choice import Choice, estimate, held_out_gain
from acquisition_assets.content_recommendations.contract import ROOM
from acquisition_assets.content_recommendations.own import judged_choice
from acquisition_assets.content_recommendations.past import Candidate, Past, judge_popularity, judge_taste
from acquisition_assets.content_recommendations.quality import quality_table
from acquisition_assets.content_recommendations.reads import Readings, Weights
from acquisition_assets.core.words import words_of
from acquisition_assets_tests.content_recommendations.own_worlds import CONTENT, STEPS, World, content, lasting, news


def chosen(world: World, current: int | None = None, readings: int | None = None) -> tuple[Past, Choice]:
    """Return what is chosen in a world, on a Sunday."""
    count = world.items.count if current is None else current
    recent = world.recent if readings is None else readings
    return judged_choice(world.readings, world.weights, world.items, 0, count, recent, CONTENT)


def said(choice: Choice) -> str:
    """Return why a method was chosen, in English."""
    return "; ".join(map(words_of(ROOM, "en").message, choice.reasons))


def test_taste_is_used_where_leads_have_one() -> None:
    past, choice = chosen(lasting(1, with_taste=True))
    assert choice.candidate.family == "personal"
    assert "proven against popularity" in said(choice)
    gain = held_out_gain(past, CONTENT)
    assert gain is not None
    assert gain.low > 0


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_popularity_is_used_where_taste_is_not_proven(seed: int) -> None:
    past, choice = chosen(lasting(seed, with_taste=False))
    assert choice.candidate.family == "popularity"
    assert "taste is not proven" in said(choice)
    assert choice.candidate.half_life_days is not None
    assert choice.candidate.half_life_days >= 14  # nothing ages here
    assert past.leads >= CONTENT.minimum_judged_leads


def test_news_gets_a_short_half_life() -> None:
    past, choice = chosen(news(5))
    tuned = choice.popularity.half_life_days
    assert tuned is not None
    assert tuned <= 3
    default = past.results[Candidate("popularity", CONTENT.default_half_life_days)]
    for cut in np.unique(past.cut):
        rows = past.cut == cut
        assert past.results[choice.candidate].ndcg[rows].mean() >= default.ndcg[rows].mean()


@pytest.mark.parametrize(
    ("current", "readings", "family", "words"),
    [
        (9, 10_000, "newest", "newest first: the catalogue has 9 items, fewer than 10"),
        (10, 199, "newest", "newest first: 199 readings in 30 days, fewer than 200"),
        (10, 200, "popularity", "popularity: half-life proven against 14 days"),
    ],
)
def test_a_cold_start_is_newest_first(current: int, readings: int, family: str, words: str) -> None:
    world = lasting(6, with_taste=False, leads=60)
    choice = chosen(world, current, readings)[1]
    assert choice.candidate.family == family
    assert said(choice).startswith(words)


def test_too_few_leads_to_judge_by_keep_the_default() -> None:
    choice = chosen(lasting(7, with_taste=True, leads=20), 60, 500)[1]
    assert choice.candidate == Candidate("popularity", CONTENT.default_half_life_days)
    assert "leads to judge by, fewer than 30" in said(choice)


def test_the_order_of_rows_changes_nothing() -> None:
    world = lasting(8, with_taste=True, leads=150)
    mixed = np.random.default_rng(0).permutation(world.weights.item.size)
    shuffled = World(
        world.items,
        world.readings,
        Weights(*(getattr(world.weights, name)[mixed] for name in ("item", "area", "age", "weight")), 0),
    )
    tables = [quality_table(*chosen(each), 60, 500, CONTENT, "en") for each in (world, shuffled)]
    assert tables[0] == tables[1]
    assert sum(tables[0].column("is_chosen").to_pylist()) == 1


def test_nothing_after_a_cut_is_used_but_to_judge() -> None:
    """What half of the leads read after the cut changes no list of the other half, at any cut, by any method."""
    policy = content(cuts_days=[28])
    world = lasting(9, with_taste=True, leads=200)
    after = (world.readings.read < 28 * STEPS) & (world.readings.lead % 2 == 1)
    item = np.where(after, world.readings.item % 2, world.readings.item)
    order = np.lexsort((world.readings.read, item, world.readings.lead))
    names = ("lead", "read", "sent", "area")
    changed = Readings(item=item[order], **{name: getattr(world.readings, name)[order] for name in names})
    weights = dataclasses.replace(world.weights, item=item)
    found = []
    for readings, given in ((world.readings, world.weights), (changed, weights)):
        past = judge_popularity(readings, given, world.items, 0, policy)
        past = judge_taste(past, readings, given, world.items, 14.0, policy)
        other = past.lead % 2 == 0
        found.append({candidate: judged.ndcg[other] for candidate, judged in past.results.items()})
    assert found[0].keys() == found[1].keys()
    assert len(found[0]) == 1 + len(policy.half_lives_days) + len(policy.popularity_weights)
    for candidate, values in found[0].items():
        assert values.size > 50
        np.testing.assert_array_equal(values, found[1][candidate], err_msg=candidate.name)


def test_an_interval_counts_a_lead_once() -> None:
    """The same lists of a lead at four cuts say no more than at one."""
    values, leads = np.array([0.0, 1.0, 0.5, 0.25]), np.arange(4)
    once = estimate(values, leads, 0.9)
    four = estimate(np.tile(values, 4), np.tile(leads, 4), 0.9)
    assert once is not None
    assert four is not None
    assert (once.low, once.value, once.high) == pytest.approx((four.low, four.value, four.high))
    spread = 1.6449 * np.sqrt(4 / 3 * ((values - values.mean()) ** 2).sum()) / 4
    assert once.high - once.value == pytest.approx(spread, rel=1e-4)
    assert estimate(values[:0], leads[:0], 0.9) is None
