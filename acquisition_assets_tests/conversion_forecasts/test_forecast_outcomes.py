"""Protects the arithmetic of cut-offs: labels are complete, and no validation week is seen in training."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition_assets.conversion_forecasts.outcomes import cutoffs, evidence_days, sample_size, slices, split
from acquisition_assets_tests.kit.forecast_rows import policy

END = dt.datetime(2026, 3, 11, tzinfo=dt.timezone.utc)
DAY = dt.timedelta(days=1)
US = dt.timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("first_lead", "first_conversion", "count"),
    [
        (None, None, 0),
        (100.0, None, 0),
        (36.9, 36.9, 0),  # the first lead is less than 7 days before the newest cut-off
        (37.0, 37.0, 1),
        (44.0, 44.0, 2),
        (100.0, 29.9, 0),  # no conversion before the newest cut-off
        (100.0, 30.0, 1),
        (100.0, 37.0, 2),
        (1000.0, 999.0, 52),
    ],
)
def test_cutoffs_begin_where_there_is_something_to_learn(
    first_lead: float | None, first_conversion: float | None, count: int
) -> None:
    created = None if first_lead is None else END - first_lead * DAY
    converted = None if first_conversion is None else END - first_conversion * DAY
    found = cutoffs(END, created, converted, policy())
    assert found == tuple(END - (30 + 7 * place) * DAY for place in range(count))


def test_a_cutoff_is_an_instant_not_a_midnight() -> None:
    first = END - 37 * DAY
    assert len(cutoffs(END, first + US, first, policy())) == 0
    assert len(cutoffs(END, first, first, policy())) == 1


@given(st.integers(0, 60), st.integers(1, 6))
def test_training_ends_where_validation_begins(count: int, weeks: int) -> None:
    parts = split(count, weeks, policy())
    assert len(parts.validation) == min(weeks, count)
    assert not set(parts.training) & set(parts.validation)
    at = {cut: END - (30 + 7 * cut) * DAY for cut in range(count)}
    for cut in set(range(count)) - set(parts.validation):
        is_over = at[cut] + 30 * DAY <= at[parts.validation[-1]]
        assert (cut in parts.training) == is_over


@given(st.integers(0, 1_000_000))
def test_slices_hold_every_row_once(rows: int) -> None:
    found = slices(rows, policy())
    assert sum(last - first + 1 for first, last in found) == rows
    assert all(one[1] + 1 == other[0] for one, other in itertools.pairwise(found))


@pytest.mark.parametrize(
    ("leads", "events", "rows"), [(1000, 0, 200_000), (1000, 50_000, 200_000), (1000, 1_000_000, 10_000)]
)
def test_very_active_leads_have_fewer_rows(leads: int, events: int, rows: int) -> None:
    assert sample_size(leads, events, policy()) == rows


def test_evidence_looks_at_the_days_that_the_lake_has() -> None:
    day = dt.date(2026, 3, 10)
    have = {day - dt.timedelta(days=place) for place in range(100)} - {dt.date(2026, 2, 1)}
    expected = [dt.date(2026, 2, 8) - dt.timedelta(days=7 * place) for place in range(10)]
    expected.remove(dt.date(2026, 2, 1))
    assert evidence_days(day, have, policy()) == [one for one in expected if one in have]
