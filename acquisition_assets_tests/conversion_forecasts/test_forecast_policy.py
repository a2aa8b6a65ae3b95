"""Protects the policy of the forecasts: every number is used, so changing it changes what is computed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from acquisition_assets.conversion_forecasts import evidence, outcomes
from acquisition_assets.conversion_forecasts.asset import ForecastRules, build
from acquisition_assets.conversion_forecasts.forecast import publish, score, train
from acquisition_assets.conversion_forecasts.gate import is_in_use, method_of
from acquisition_assets.conversion_forecasts.policy import EvidencePolicy, ForecastPolicy
from acquisition_assets.core.engine.duckdb import DuckDBEngine
from acquisition_assets.core.env import Env
from acquisition_assets.core.lake import Lake
from acquisition_assets.policy import read_policy
from acquisition_assets_tests.kit.forecast_rows import policy, world

END = dt.datetime(2026, 3, 11, tzinfo=dt.timezone.utc)
DAY = dt.date(2026, 3, 10)
PAST = [DAY - dt.timedelta(days=days) for days in range(400)]


@cache
def rows(rate: float = 0.12) -> pa.Table:
    """Return training rows of a small world."""
    return world(5, leads=120, cuts=12, rate=rate)


def trained(found: ForecastPolicy) -> Any:
    """Return everything that a day's training and its forecasts say."""
    day = train(rows(), [], found, np.asarray(rows()["opens_total"].to_numpy()))
    newest = rows().filter(pa.array(np.asarray(rows()["cut"]) == 0))
    scores = pa.table({"lead_id": newest["lead_id"], "score": np.zeros(newest.num_rows)})
    forecasts = publish([score(newest, day, found, "en")], day, scores, found)
    return day.gate, day.quality("en").to_pylist(), day.reliability, forecasts.to_pylist()


def rare(found: ForecastPolicy) -> Any:
    """Return what a day's training says where conversions are rare."""
    return train(rows(0.02), [], found).quality("en").to_pylist()


def instants(found: ForecastPolicy) -> Any:
    """Return the cut-offs of a long history, and the parameters of their SQL."""
    first = END - dt.timedelta(days=40)
    long, short = (outcomes.cutoffs(END, start, first, found) for start in (END - dt.timedelta(days=900), first))
    old = outcomes.cutoffs(END, END - dt.timedelta(days=900), END - dt.timedelta(days=900), found)
    return long, short, old, outcomes.parameters(END, long, found.maximum_rows, found), outcomes.slices(10**6, found)


def sizes(found: ForecastPolicy) -> Any:
    """Return how many rows are drawn for leads with few and with many events."""
    return [outcomes.sample_size(10_000, events, found) for events in (10, 10**9)]


def methods(found: ForecastPolicy) -> Any:
    """Return the method by conversions, and whether a model is used after failing days."""
    used = [is_in_use(False, [False] * failed + [True], found) for failed in range(5)]
    return [method_of(number, True, found) for number in range(100)], used


def judged(found: ForecastPolicy) -> Any:
    """Return the evidence of a few rules, and where it comes from."""
    given = [
        ("all", "all", 2000, 200, 150),
        ("score_band", "0", 900, 60, 60),
        ("score_band", "1", 900, 120, 120),
        ("segment", "few", 60, 40, 40),
    ]
    names = ("rule_kind", "rule", "leads", "conversions", "converted_leads")
    table = pa.table(dict(zip(names, map(list, zip(*given, strict=True)), strict=True)))
    days = outcomes.evidence_days(DAY, PAST, found)
    return evidence.rule_evidence(table, found).to_pylist(), days, evidence.parameters(found)


def mappings(found: ForecastPolicy) -> Any:
    """Return the days that the assets read."""
    env = Env(Lake("/nowhere"), DuckDBEngine(Lake("/nowhere")), ZoneInfo("UTC"))
    built = build(env, ForecastRules(found, read_policy().features, 1, "en"))
    return [str(dep.partition_mapping) for asset in built for spec in asset.specs for dep in spec.deps]


CHANGES: Mapping[str, tuple[Callable[[ForecastPolicy], Any], Any]] = {
    "horizon_days": (instants, 20),
    "step_days": (instants, 5),
    "maximum_cutoffs": (instants, 10),
    "first_lead_days": (instants, 20),
    "undated_open_days": (instants, 10),
    "slice_rows": (instants, 1000),
    "maximum_rows": (sizes, 1000),
    "maximum_events": (sizes, 20_000_000),
    "inverse_penalty": (trained, 0.5),
    "clip_deviations": (trained, 1.0),
    "category_prior_rows": (trained, 100.0),
    "category_folds": (trained, 3),
    "leak_auc": (trained, 0.6),
    "validation_weeks": (trained, 3),
    "rare_validation_weeks": (rare, 5),
    "rare_base_rate": (rare, 0.001),
    "gate_conversions": (trained, 1000),
    "gate_quantile": (trained, 0.2),
    "bootstrap_draws": (trained, 100),
    "seed": (trained, 7),
    "failing_days": (methods, 2),
    "lookback_days": (mappings, 5),
    "minimum_conversions": (methods, 7),
    "small_conversions": (methods, 20),
    "full_conversions": (methods, 60),
    "confidence": (trained, 0.8),
    "calibration_bins": (trained, 5),
    "lift_share": (trained, 0.2),
    "act_now_share": (trained, 0.1),
    "nurture_share": (trained, 0.5),
    "top_factors": (trained, 2),
}
EVIDENCE: Mapping[str, Any] = {"weeks": 6, "band_points": 20, "minimum_leads": 80, "minimum_conversions": 9}


@cache
def shipped(computed: Callable[[ForecastPolicy], Any]) -> Any:
    """Return what is computed with the shipped numbers."""
    return computed(policy())


@pytest.mark.parametrize("name", CHANGES)
def test_every_number_changes_what_is_computed(name: str) -> None:
    computed, value = CHANGES[name]
    assert computed(policy().model_copy(update={name: value})) != shipped(computed)


@pytest.mark.parametrize("name", EVIDENCE)
def test_every_number_of_the_evidence_changes_what_is_judged(name: str) -> None:
    changed = policy().evidence.model_copy(update={name: EVIDENCE[name]})
    assert judged(policy().model_copy(update={"evidence": changed})) != shipped(judged)


def test_no_number_is_left_out() -> None:
    assert {*CHANGES, "evidence"} == set(ForecastPolicy.model_fields)
    assert set(EVIDENCE) == set(EvidencePolicy.model_fields)


@pytest.mark.parametrize(
    "wrong",
    [
        {"small_conversions": 60},
        {"act_now_share": 0.9},
        {"validation_weeks": 5},
        {"failing_days": 8},
    ],
    ids=str,
)
def test_numbers_that_do_not_fit_together_are_refused(wrong: Mapping[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ForecastPolicy.model_validate({**policy().model_dump(), **wrong})
