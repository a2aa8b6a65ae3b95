"""Protects the forecasts themselves: the same to the last bit, explained to the last part, and ranked as promised."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from acquisition_assets.conversion_forecasts.contract import CONVERSION_FORECASTS, FORECAST_QUALITY, ROOM
from acquisition_assets.conversion_forecasts.design import learn
from acquisition_assets.conversion_forecasts.fit import expit
from acquisition_assets.conversion_forecasts.forecast import Day, Model, publish, score, train
from acquisition_assets.conversion_forecasts.measures import numbered
from acquisition_assets.core.words import words_of
from acquisition_assets_tests.kit.forecast_rows import features, policy, world

NO_SCORES = pa.table({"lead_id": pa.array([], pa.string()), "score": pa.array([], pa.float64())})


def shuffled(rows: pa.Table, seed: int) -> pa.Table:
    """Return the rows in another order."""
    return rows.take(pa.array(np.random.default_rng(seed).permutation(rows.num_rows)))


def forecasts(rows: pa.Table, day: Day, scores: pa.Table = NO_SCORES) -> pa.Table:
    """Return conversion_forecasts of these open leads, checked against its contract."""
    table = publish([score(rows, day, policy(), "en")], day, scores, policy())
    assert CONVERSION_FORECASTS.validate(table) == []
    assert FORECAST_QUALITY.validate(day.quality("en")) == []
    return table


def newest(rows: pa.Table) -> pa.Table:
    """Return the rows of the newest cut-off, as if they were open today."""
    return rows.filter(pa.compute.equal(rows["cut"], 0)).sort_by("lead_id")


def test_the_same_rows_in_any_order_give_the_same_bits() -> None:
    rows = world(1)
    first = train(rows, [], policy())
    assert first.model is not None
    expected = forecasts(newest(rows), first)
    for seed in range(3):
        other = train(shuffled(rows, seed), [], policy())
        assert other.model is not None
        assert other.model.coefficients.fingerprint == first.model.coefficients.fingerprint
        assert other.model.to_json() == first.model.to_json()
        assert other.quality("en").equals(first.quality("en"))
        assert forecasts(newest(rows), other).equals(expected)


def test_a_forecast_does_not_depend_on_the_slice_that_it_is_scored_in() -> None:
    rows = world(2)
    day = train(rows, [], policy())
    leads = newest(rows)
    whole = publish([score(leads, day, policy(), "en")], day, NO_SCORES, policy())
    parts = [leads.slice(first, 37) for first in range(0, leads.num_rows, 37)]
    assert publish([score(part, day, policy(), "en") for part in parts], day, NO_SCORES, policy()).equals(whole)


def test_effects_sum_to_the_log_odds_of_the_probability() -> None:
    rows = world(3)
    day = train(rows, [], policy())
    assert day.model is not None
    leads = newest(rows)
    published = forecasts(leads, day).to_pylist()
    for place in range(0, leads.num_rows, 29):
        lead = leads.slice(place, 1)
        effects = day.model.effects(day.model.design.matrix(lead))[0]
        odds = day.model.coefficients.intercept + math.fsum(effects)
        assert expit(np.array([odds]))[0] == pytest.approx(published[place]["forecast_probability"], abs=1e-6)
        largest = int(np.argmax(np.abs(effects)))
        feature = day.model.design.features[largest]
        value = lead.column(feature)[0].as_py()
        named = words_of(ROOM, "en")(f"feature.{feature}")
        assert published[place]["top_factors"][0] == f"{named} {_shown(value)} ({effects[largest]:+.2f})"
        assert len(published[place]["top_factors"]) == 4


def _shown(value: object) -> str:
    return "missing" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)


def test_a_model_is_read_back_without_loss() -> None:
    rows = world(4)
    day = train(rows, [], policy())
    assert day.model is not None
    copy = Model.from_json(day.model.to_json())
    matrix, again = day.model.design.matrix(rows), copy.design.matrix(rows)
    assert np.array_equal(matrix, again)
    assert np.array_equal(day.model.coefficients.log_odds(matrix), copy.coefficients.log_odds(again))
    assert np.array_equal(day.model.coefficients.deviations(matrix), copy.coefficients.deviations(again))


def test_a_feature_that_says_the_outcome_is_refused_by_name() -> None:
    rows = world(5)
    converted = rows["is_converted"].cast(pa.float64())
    leaking = rows.set_column(rows.column_names.index("clicked_events"), "clicked_events", converted)
    day = train(leaking, [], policy())
    assert day.quality("en")["refused_features"][0].as_py() == ["clicked_events"]
    assert day.model is not None
    assert "clicked_events" not in day.model.design.features
    assert day.model.to_json() == _without_refusals(train(rows, [], policy()), ["clicked_events"])


def _without_refusals(day: Day, refused: list[str]) -> str:
    assert day.model is not None
    return day.model.to_json().replace('"refused": []', f'"refused": ["{refused[0]}"]')


def test_a_campaign_of_one_lead_each_knows_nothing() -> None:
    """With its own outcome in it, it would rank the training rows without a fault."""
    rows = world(6, signal=0)
    campaign = pa.array([f"only-{lead}" for lead in rows["lead_id"].to_pylist()])
    rows = rows.set_column(rows.column_names.index("utm_campaign"), "utm_campaign", campaign)
    labels = rows["is_converted"].cast(pa.int8()).to_numpy().astype(float)
    design, _ = learn(rows, labels, numbered(rows["lead_id"].to_numpy(zero_copy_only=False)), policy())
    assert "utm_campaign" not in design.features
    assert design.refused == ()


def test_an_unseen_category_and_a_missing_value_are_neutral() -> None:
    rows = world(7)
    day = train(rows, [], policy())
    assert day.model is not None
    unseen = features(1, utm_campaign=["never seen"], days_since_engagement=pa.nulls(1, pa.float64()))
    effects = dict(zip(day.model.design.features, day.model.effects(day.model.design.matrix(unseen))[0], strict=True))
    column = next(one for one in day.model.design.columns if one.feature == "utm_campaign")
    weight = day.model.coefficients.weights[day.model.design.columns.index(column)]
    assert effects["utm_campaign"] == pytest.approx(-column.centre / column.scale * weight)
    assert np.isfinite(list(effects.values())).all()


def test_intervals_hold_the_forecast_and_are_wider_with_fewer_leads() -> None:
    widths = []
    for leads in (150, 1200):
        rows = world(8, leads=leads)
        table = forecasts(newest(rows), train(rows, [True], policy()))
        width = pa.compute.subtract(table["forecast_high"], table["forecast_low"])
        widths.append(pa.compute.mean(width).as_py())
    assert widths[0] > 1.5 * widths[1] > 0


def test_priorities_hold_their_share_with_the_fewest_leads() -> None:
    rows = world(9)
    table = forecasts(newest(rows), train(rows, [], policy())).sort_by("rank").to_pylist()
    assert [row["rank"] for row in table] == list(range(1, len(table) + 1))
    probabilities = [row["forecast_probability"] for row in table]
    assert probabilities == sorted(probabilities, reverse=True)
    total = math.fsum(probabilities)
    counts = {name: sum(row["priority"] == name for row in table) for name in ("act_now", "nurture", "low")}
    first, second = counts["act_now"], counts["act_now"] + counts["nurture"]
    assert math.fsum(probabilities[: first - 1]) < 0.3 * total <= math.fsum(probabilities[:first])
    assert math.fsum(probabilities[: second - 1]) < 0.8 * total <= math.fsum(probabilities[:second])


def test_the_base_rate_is_the_same_for_all_and_ordered_by_score() -> None:
    rows = world(10, signal=0)
    day = train(rows, [], policy())
    assert day.method == "base_rate"
    scores = pa.table({"lead_id": ["lead-00003", "lead-00001"], "score": [9.0, 7.0]})
    table = forecasts(newest(rows), day, scores).sort_by("rank").to_pylist()
    converted = sum(rows["is_converted"].to_pylist())
    rate = (converted + 0.5) / (rows.num_rows + 1)
    assert [row["forecast_probability"] for row in table] == pytest.approx([rate] * len(table), abs=1e-6)
    assert [row["lead_id"] for row in table[:3]] == ["lead-00003", "lead-00001", "lead-00000"]
    assert {row["lift"] for row in table} == {1.0}
    assert all(row["forecast_low"] < rate < row["forecast_high"] and row["top_factors"] == [] for row in table)


def test_few_conversions_give_a_small_model_or_none() -> None:
    small = train(world(11, leads=80, cuts=10, signal=3, rate=0.01), [True], policy())
    assert 10 <= small.conversions < 50
    assert small.method == "learned_small"
    flags = np.zeros(400, bool)
    flags[:4] = True
    nothing = train(features(400, is_converted=flags), [True], policy())
    assert nothing.method == "none"
    assert nothing.missing_conversions(policy()) == 1
    row = forecasts(features(2), nothing).to_pylist()[0]
    assert (row["forecast_probability"], row["lift"], row["priority"]) == (None, None, None)


def test_a_day_without_any_row_has_no_forecast() -> None:
    day = train(features(0), [], policy())
    assert (day.method, day.rows, day.missing_conversions(policy())) == ("none", 0, 5)
    assert forecasts(features(0), day).num_rows == 0
    assert forecasts(features(1), day)["method"].to_pylist() == ["none"]


def test_points_are_mapped_where_the_lake_has_them() -> None:
    rows = world(12)
    points = np.minimum(95, 10.0 * rows["opens_total"].to_numpy())
    quality = {row["candidate"]: row for row in train(rows, [], policy(), points).quality("en").to_pylist()}
    assert quality["points"]["auc"] > 0.6
    assert quality["points"]["brier"] < quality["base_rate"]["brier"]
    unknown = train(rows, [], policy(), np.full(rows.num_rows, np.nan)).quality("en").to_pylist()
    assert next(row for row in unknown if row["candidate"] == "points")["auc"] is None
