"""Protects what holds for the scores of any leads: limits, sums, order and repeatability.

Worked examples are in test_scores_rules.py.
"""

from __future__ import annotations

import datetime as dt
import random

from hypothesis import given
from hypothesis import strategies as st

from acquisition_assets.dynamic_scores.contract import PARTS
from acquisition_assets.inputs.vocabulary import STATUSES
from acquisition_assets_tests.kit.examples import examples
from acquisition_assets_tests.kit.sql_cases import DAY, Row, active, ago, scored, scores_of

LARGE = 1e9
"""Above this, a double has no room for the decimals of a score."""
counts = st.integers(0, 200)
bases = st.one_of(
    st.sampled_from([0.0, 0.005, 2.675, 9.995, 14.0, 99.995, 100.0, 1e12, 1e15, 1e300]),
    st.floats(0, 150),
    st.floats(0, allow_infinity=False, allow_nan=False),
)
instants = st.one_of(st.none(), st.floats(0, 400).map(ago))


@st.composite
def leads(draw: st.DrawFn) -> list[Row]:
    """Generate rows of lead_activity of several leads."""
    return [
        active(
            f"lead-{n}",
            base_score=draw(bases),
            status=draw(st.sampled_from(STATUSES)),
            created_at=ago(draw(st.floats(0, 400))),
            age_days=draw(counts),
            days_inactive=draw(st.integers(0, 1000)),
            opens_7d=draw(counts),
            completions_7d=draw(counts),
            consumed_30d=draw(st.integers(0, 10)),
            referrals_generated=draw(st.integers(0, 9)),
            latest_response_hours=draw(st.one_of(st.none(), st.floats(0, 60))),
            last_sent_at=draw(instants),
            last_engaged_at=draw(instants),
        )
        for n in range(draw(st.integers(1, 12)))
    ]


published = st.integers(0, 10_000).map(lambda cents: cents / 100)


@examples(60)
@given(leads(), st.lists(st.tuples(st.integers(0, 11), st.integers(1, 7), published), max_size=12), st.randoms())
def test_scores_keep_their_invariants(
    activity: list[Row], before: list[tuple[int, int, float]], order: random.Random
) -> None:
    previous = {
        (lead, days): {**scored(f"lead-{lead}", score), "date": DAY - dt.timedelta(days=days)}
        for lead, days, score in before
    }
    rows = scores_of(activity, previous.values())
    shuffled = order.sample(activity, len(activity))
    assert scores_of(shuffled, order.sample(list(previous.values()), len(previous))) == rows

    assert rows.keys() == {row["lead_id"] for row in activity}
    for row in rows.values():
        total = row["base_score"] + sum(row[name] for name in PARTS) + row["clamp_adjustment"]
        if row["base_score"] <= LARGE:
            assert abs(total - row["computed_score"]) < 1e-6
        for name in ("computed_score", "previous_score", "score"):
            assert 0 <= row[name] <= 100
            assert round(row[name], 2) == row[name]
        if row["is_updated"]:
            assert abs(row["score"] - row["previous_score"]) > 1
            assert row["score"] == row["computed_score"]
        else:
            assert row["score"] == row["previous_score"]
        if not row["is_analysed"]:
            assert row["score"] <= row["previous_score"]

    tomorrow = [{**row, "date": DAY} for row in rows.values()]
    again = scores_of(activity, tomorrow)
    assert {name: row["score"] for name, row in again.items()} == {name: row["score"] for name, row in rows.items()}
    assert not any(row["is_updated"] for row in again.values())
