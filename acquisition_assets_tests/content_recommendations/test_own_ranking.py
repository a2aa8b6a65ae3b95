"""Protects the ranking of own items: its arithmetic, and that sparse lists equal those of whole matrices."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from acquisition_assets.content_recommendations.neighbours import (
    closeness,
    last_read,
    nearest_read,
    similarities,
    taste,
)
from acquisition_assets.content_recommendations.popularity import newest, popularity
from acquisition_assets.content_recommendations.ranking import NO_ITEM, Method, best, block_of, pick, with_close
from acquisition_assets.content_recommendations.reads import Weights
from acquisition_assets_tests.content_recommendations.own_worlds import STEPS, content, items_of, world_of
from acquisition_assets_tests.kit.examples import examples

LEADS, ITEMS = 7, 9
POLICY = content(neighbours=ITEMS, area_prior_weight=3.0)
PAIRS = st.lists(
    st.tuples(st.integers(0, LEADS - 1), st.integers(0, ITEMS - 1), st.integers(0, 40 * STEPS)), min_size=1, max_size=60
)


def test_popularity_halves_and_is_shrunk_within_an_area() -> None:
    weights = Weights(
        item=np.array([0, 1, 1]),
        area=np.array([1, 2, 0]),
        age=np.array([0, 7 * STEPS, 14 * STEPS]),
        weight=np.array([2, 4, 4]),
        areas=2,
    )
    found = popularity(weights, 3, 0, 7.0, POLICY)
    whole = np.array([2, 3, 0]) / 5  # 4/2 and 4/4
    np.testing.assert_allclose(found.share[0], whole / whole.max())
    of_area = (np.array([2, 0, 0]) + 3 * whole) / (2 + 3)
    np.testing.assert_allclose(found.share[1], of_area / of_area.max())
    assert found.order[0].tolist() == [1, 0, 2]
    assert found.order[1].tolist() == [0, 1, 2]
    earlier = popularity(weights, 3, 7 * STEPS, 7.0, POLICY)
    np.testing.assert_allclose(earlier.share[0], [0, 1, 0])  # item 0 was read after the cut
    assert newest(3, 1).order.tolist() == [[0, 1, 2], [0, 1, 2]]


def test_similarity_is_a_cosine_that_is_shrunk() -> None:
    lead, item = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 0])
    found = similarities(lead, item, 3, content(similarity_shrinkage=10.0)).toarray()
    expected = 2 / (np.sqrt(3 * 2) + 10)
    np.testing.assert_allclose(found, [[0, expected, 0], [expected, 0, 0], [0, 0, 0]])


@examples(30)
@given(PAIRS, st.lists(st.integers(0, 2), min_size=LEADS, max_size=LEADS), st.sampled_from([None, 1.0, 0.25, 0.0]))
def test_sparse_lists_equal_those_of_whole_matrices(
    pairs: list[tuple[int, int, int]], areas: list[int], weight: float | None
) -> None:
    lead, item, age = (np.array(column) for column in zip(*pairs, strict=True))
    area = np.array(areas)
    world = world_of(items_of(np.arange(ITEMS) + 50.0), lead, item, age, area)
    popular = popularity(world.weights, ITEMS, 0, 7.0, POLICY)
    lead, item, age = last_read(world.readings.lead, world.readings.item, world.readings.read, POLICY)
    similar = similarities(lead, item, ITEMS, POLICY)
    read = taste(lead, item, age, (LEADS, ITEMS), POLICY)
    known = age < 20 * STEPS
    allowed = np.arange(ITEMS) % 4 != 3
    block = with_close(block_of(area, ITEMS, lead[known], item[known]), closeness(read, similar), allowed)
    lists = best(block, Method(popular, weight), allowed, 5)

    may = np.tile(allowed, (LEADS, 1))
    may[lead[known], item[known]] = False
    dense = np.where(may, read.toarray() @ similar.toarray(), 0.0)
    highest = dense.max(axis=1, keepdims=True)
    dense = np.divide(dense, highest, out=np.zeros_like(dense), where=highest > 0)
    score = popular.share[area] * (1.0 if weight is None else weight) + (0.0 if weight is None else dense)
    for line in range(LEADS):
        wanted = sorted(np.flatnonzero(may[line]), key=lambda n: (-score[line, n], popular.place[area[line], n]))
        got = [number for number in lists.item[line].tolist() if number != NO_ITEM]
        assert len(got) == min(5, len(wanted))
        np.testing.assert_allclose(score[line, got], score[line, wanted[:5]], atol=1e-9)
        np.testing.assert_allclose((lists.popular + lists.personal)[line, : len(got)], score[line, got], atol=1e-12)
        assert len(set(got)) == len(got)
        assert may[line, got].all()
    lines, items = np.nonzero(dense)
    because = nearest_read(read, similar, lines, items)
    added = read.toarray()[lines] * similar.toarray()[:, items].T
    assert (because >= 0).all()
    np.testing.assert_allclose(added[np.arange(lines.size), because], added.max(axis=1, initial=0.0))


def test_rules_come_first_and_take_what_is_left() -> None:
    guides, videos = np.array([True, True, False, False]), np.array([False, False, True, False])
    block = block_of(np.zeros(3, dtype=np.int64), 4, np.array([1, 2, 2]), np.array([2, 0, 1]))
    everything = np.ones(4, dtype=np.bool_)
    every = np.ones(3, dtype=np.bool_)
    rules = [(every, [videos]), (every, [~guides & ~videos, guides]), (every, [guides])]
    picks, missing = pick(block, Method(newest(4, 0)), everything, rules, 3)
    rows = sorted(
        zip(picks.line.tolist(), picks.rank.tolist(), picks.item.tolist(), picks.wanted.tolist(), strict=True)
    )
    assert rows == [
        *((0, 1, 2, 0), (0, 2, 3, 1), (0, 3, 0, 2)),
        *((1, 1, 3, 1), (1, 2, 0, 2), (1, 3, 1, -1)),  # lead 1 knows the video: the rest is filled
        *((2, 1, 2, 0), (2, 2, 3, 1)),  # lead 2 knows both guides: nothing is left
    ]
    assert missing == [1, 0, 1]
    following = dict(
        zip(zip(picks.line.tolist(), picks.rank.tolist(), strict=True), picks.next_item.tolist(), strict=True)
    )
    assert following == {(0, 1): -1, (0, 2): 0, (0, 3): 1, (1, 1): 0, (1, 2): 1, (1, 3): -1, (2, 1): -1, (2, 2): -1}
