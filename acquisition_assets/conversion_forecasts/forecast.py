"""Makes the day's forecasts: trains the model, puts it through its gate, and gives every open lead its row.

Leaves the parts to design.py, fit.py, gate.py and quality.py, and reading and writing to asset.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from acquisition_assets.conversion_forecasts.contract import (
    CANDIDATES,
    CONVERSION_FORECASTS,
    FORECAST_QUALITY,
    PRIORITIES,
    ROOM,
)
from acquisition_assets.conversion_forecasts.design import Column, Design, learn
from acquisition_assets.conversion_forecasts.fit import Coefficients, expit, fit
from acquisition_assets.conversion_forecasts.gate import Gate, is_in_use, judge, method_of, too_few, validation_weeks
from acquisition_assets.conversion_forecasts.measures import Floats, Ints, distinct, numbered
from acquisition_assets.conversion_forecasts.outcomes import Split, split
from acquisition_assets.conversion_forecasts.policy import ForecastPolicy
from acquisition_assets.conversion_forecasts.quality import Reliability, isotonic, jeffreys, measure, reliability
from acquisition_assets.core.policy import Locale
from acquisition_assets.core.words import Message, Words, words_of

DECIMALS = 6
EFFECT_DECIMALS = 2
VALUE_DIGITS = 3


@dataclass(frozen=True)
class Model:
    """A fitted model: what turns features into numbers, and the regression on them."""

    design: Design
    coefficients: Coefficients

    def to_json(self) -> str:
        """Return the model as text that `from_json` reads back without loss."""
        return json.dumps(
            {
                "columns": [asdict(column) for column in self.design.columns],
                "refused": self.design.refused,
                "clip": self.design.clip,
                "intercept": self.coefficients.intercept,
                "weights": self.coefficients.weights.tolist(),
                "covariance": self.coefficients.covariance.tolist(),
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Model:
        """Return the model that a text of `to_json` holds."""
        given = json.loads(text)
        design = Design(tuple(Column(**one) for one in given["columns"]), tuple(given["refused"]), given["clip"])
        return cls(design, Coefficients(given["intercept"], np.array(given["weights"]), np.array(given["covariance"])))

    def effects(self, matrix: Floats) -> Floats:
        """Return each feature's effect on the log odds, a line per row; with the intercept they sum to the log odds."""
        places = {name: place for place, name in enumerate(self.design.features)}
        found = np.zeros((matrix.shape[0], len(places)))
        for place, column in enumerate(self.design.columns):
            found[:, places[column.feature]] += matrix[:, place] * self.coefficients.weights[place]
        return found


@dataclass(frozen=True)
class Day:
    """What a day's training gives: the model, if there is one, its gate, and the figures of forecast_quality.

    base_rate, base_low, base_high: the rate of the training rows and its Jeffreys interval; None without conversions
    enough. conversions: leads of the training rows that converted. figures: of each candidate on the validation weeks.
    is_approximate: whether a time of a training row is a guess. weeks: the cut-offs that trained and validated.
    reliability: forecasts and outcomes of the validation weeks, bin by bin; none where no model was validated.
    """

    method: str
    gate: Gate
    model: Model | None
    base_rate: float | None
    base_low: float | None
    base_high: float | None
    rows: int
    conversions: int
    figures: Mapping[str, Mapping[str, Any]]
    is_approximate: bool
    weeks: Split
    reliability: tuple[Reliability, ...]

    def missing_conversions(self, policy: ForecastPolicy) -> int:
        """Return how many conversions are missing until there can be a forecast."""
        return max(0, policy.minimum_conversions - self.conversions)

    def quality(self, locale: Locale) -> pa.Table:
        """Return forecast_quality, with its reasons in this language."""
        words = words_of(ROOM, locale)
        published = "learned" if self.model else self.method
        told = {
            name: {"gate_passed": False, "gate_reason": words(f"gate.{name}"), "refused_features": []}
            for name in self.figures
            if name != "learned"
        }
        told["learned"] = {
            "gate_passed": self.gate.passed,
            "gate_reason": words.message(self.gate.reason),
            "gate_gain_low": self.gate.gain_low,
            "refused_features": list(self.model.design.refused) if self.model else [],
            "intercept": self.model.coefficients.intercept if self.model else None,
            "fingerprint": self.model.coefficients.fingerprint if self.model else None,
        }
        shared = {"is_approximate": self.is_approximate}
        rows = [
            {"candidate": name, "is_published": name == published, **shared, **figures, **told[name]}
            for name, figures in self.figures.items()
        ]
        return pa.Table.from_pylist(rows, schema=FORECAST_QUALITY.arrow_schema)


@dataclass(frozen=True)
class Validation:
    """What the weeks that no candidate has seen say: the gate, the figures of each candidate, the bins of the plot."""

    gate: Gate
    candidates: Mapping[str, Mapping[str, Any]]
    weeks: Split
    reliability: tuple[Reliability, ...] = ()


@dataclass(frozen=True)
class Scored:
    """The forecasts of some open leads, before they are ranked among all."""

    leads: pa.Array
    probabilities: Floats
    low: Floats
    high: Floats
    factors: pa.Array


def train(rows: pa.Table, earlier: Sequence[bool], policy: ForecastPolicy, points: Floats | None = None) -> Day:
    """Return the day's model, its gate and its quality, from the training rows alone.

    Args:
        rows: row_features of the training rows, in any order.
        earlier: whether the models of earlier days passed their gate, the newest first.
        policy: everything that is tunable.
        points: the document's points (0 to 100) of each row; NaN where none were published on that day.
    """
    order = np.lexsort((rows.column("lead_id").to_numpy(zero_copy_only=False).astype(str), _numbers(rows, "cut")))
    rows = rows.take(pa.array(order))
    labels = _numbers(rows, "is_converted")
    cuts = _numbers(rows, "cut").astype(np.int64)
    leads = numbered(rows.column("lead_id").to_numpy(zero_copy_only=False))
    conversions = distinct(leads, labels)
    ordered_points = np.full(labels.size, np.nan) if points is None else points[order]
    validation = _validate(rows, labels, leads, cuts, ordered_points, policy)
    gate = validation.gate
    in_use = is_in_use(gate.passed, earlier, policy)
    method = method_of(conversions, in_use, policy)
    model = None
    if method in ("learned", "learned_small") and labels.mean() < 1:
        model = _fitted(rows, labels, leads, policy)
    elif method != "none":
        method = "base_rate"
    base_rate = base_low = base_high = None
    if method != "none":
        positive, number = float(labels.sum()), float(labels.size)
        base_rate = (positive + 0.5) / (number + 1)
        # A conversion is seen from several cut-offs. The interval counts it once, and the other rows as much less.
        base_low, base_high = jeffreys(conversions, number * conversions / positive, policy.confidence)
        base_low, base_high = min(base_low, base_rate), max(base_high, base_rate)
    approximate = bool(_numbers(rows, "is_approximate").any())
    return Day(
        method,
        gate,
        model,
        base_rate,
        base_low,
        base_high,
        labels.size,
        conversions,
        validation.candidates,
        approximate,
        validation.weeks,
        validation.reliability,
    )


def score(rows: pa.Table, day: Day, policy: ForecastPolicy, locale: Locale) -> Scored:
    """Return the forecasts of some open leads, a slice of row_features as of T, with their factors in words."""
    leads = rows.column("lead_id").combine_chunks()
    number = rows.num_rows
    if day.model is None:
        none = pa.ListArray.from_arrays(pa.array(np.zeros(number + 1, np.int32)), pa.array([], pa.string()))
        middle, low, high = (
            np.full(number, np.nan if one is None else one) for one in (day.base_rate, day.base_low, day.base_high)
        )
        return Scored(leads, middle, low, high, none)
    matrix = day.model.design.matrix(rows)
    log_odds = day.model.coefficients.log_odds(matrix)
    half = _normal_quantile(policy.confidence) * day.model.coefficients.deviations(matrix)
    factors = _factors(rows, day.model, day.model.effects(matrix), policy.top_factors, words_of(ROOM, locale))
    return Scored(leads, expit(log_odds), expit(log_odds - half), expit(log_odds + half), factors)


def publish(scored: Iterable[Scored], day: Day, scores: pa.Table, policy: ForecastPolicy) -> pa.Table:
    """Return conversion_forecasts: every open lead with its rank, lift and priority.

    Args:
        scored: the forecasts of all open leads, slice by slice.
        day: how they were made.
        scores: a table of lead_id and score, the published scores, which decide between equal probabilities.
        policy: the shares of the priorities.
    """
    parts = list(scored)
    leads = pa.concat_arrays([one.leads for one in parts]) if parts else pa.array([], pa.string())
    raw = _joined([one.probabilities for one in parts])
    probability, low, high = (
        _rounded(_joined([getattr(one, name) for one in parts])) for name in ("probabilities", "low", "high")
    )
    factors = pa.concat_arrays([one.factors for one in parts]) if parts else pa.array([], pa.list_(pa.string()))
    place = _ranks(leads, probability, scores)
    known = day.base_rate is not None
    lift = raw / day.base_rate if day.base_rate else np.full(raw.size, np.nan)
    priority = _priorities(probability, place, policy) if known else pa.nulls(raw.size, pa.string())
    return pa.table(
        {
            "lead_id": leads,
            "forecast_probability": _nullable(probability),
            "forecast_low": _nullable(np.minimum(low, probability)),
            "forecast_high": _nullable(np.maximum(high, probability)),
            "method": pa.array([day.method] * raw.size, pa.string()),
            "rank": pa.array(place + 1, pa.int64()),
            "lift": _nullable(_rounded(lift)),
            "priority": priority,
            "top_factors": factors,
        },
        schema=CONVERSION_FORECASTS.arrow_schema,
    )


# -- validation --------------------------------------------------------------------------------------------------------


def _validate(
    rows: pa.Table, labels: Floats, leads: Ints, cuts: Ints, points: Floats, policy: ForecastPolicy
) -> Validation:
    """Return the gate, and the figures of each candidate, on weeks that none of them has seen."""
    count = int(cuts.max()) + 1 if cuts.size else 0
    base = float(labels.mean()) if labels.size else 0.0
    weeks = split(count, validation_weeks(base, policy), policy)
    training, validation = np.isin(cuts, weeks.training), np.isin(cuts, weeks.validation)
    figures: dict[str, Any] = {
        "rows": int(validation.sum()),
        "conversions": distinct(leads[validation], labels[validation]),
        "training_rows": int(training.sum()),
        "training_conversions": distinct(leads[training], labels[training]),
    }
    nothing = measure(np.zeros(0), np.zeros(0), leads[:0], 0.0, policy)
    candidates = {name: {**figures, **nothing} for name in CANDIDATES}
    few = too_few(figures["training_conversions"], figures["conversions"], policy)
    if few is not None or labels[training].mean() == 1:
        return Validation(few or Gate(False, Message("gate.all_converted")), candidates, weeks)
    base = float(labels[training].mean())
    past = rows.filter(pa.array(training))
    numbers = np.unique(leads[validation], return_inverse=True)[1].astype(np.int64)
    happened = labels[validation]
    candidates["base_rate"] |= measure(np.full(happened.size, base), happened, numbers, base, policy)
    known = training & ~np.isnan(points)
    if known.any() and not np.isnan(points[validation]).any() and 0 < labels[known].mean() < 1:
        mapped = isotonic(points[known], labels[known], points[validation])
        candidates["points"] |= measure(mapped, happened, numbers, base, policy)
    model = _fitted(past, labels[training], np.unique(leads[training], return_inverse=True)[1].astype(np.int64), policy)
    forecast = expit(model.coefficients.log_odds(model.design.matrix(rows.filter(pa.array(validation)))))
    candidates["learned"] |= measure(forecast, happened, numbers, base, policy)
    gate = judge(forecast, happened, numbers, cuts[validation], base, policy)
    return Validation(gate, candidates, weeks, tuple(reliability(forecast, happened, policy)))


def _fitted(rows: pa.Table, labels: Floats, leads: Ints, policy: ForecastPolicy) -> Model:
    design, matrix = learn(rows, labels, leads, policy)
    return Model(design, fit(matrix, labels, leads, policy))


# -- rows of leads -----------------------------------------------------------------------------------------------------


def _factors(rows: pa.Table, model: Model, effects: Floats, count: int, words: Words) -> pa.Array:
    """Return the features with the largest effects of each row in words, such as `opened events 3 (+0.42)`.

    The effect is a number for programs too, so it has a point in every language.

    A text is made once for each value of a feature, never once for each row.
    """
    names = model.design.features
    count = min(count, len(names))
    top = np.argsort(-np.abs(effects), axis=1, kind="stable")[:, :count]
    texts: list[str] = []
    found = np.zeros(top.shape, np.int64)
    rounded = np.round(effects, EFFECT_DECIMALS) + 0.0
    for place, name in enumerate(names):
        at = np.nonzero(top == place)
        if not at[0].size:
            continue
        column = rows.column(name).take(pa.array(at[0]))
        values, codes = _shown_codes(column, words)
        named = words(f"feature.{name}")
        pairs, inverse = np.unique(
            np.stack([codes.astype(np.float64), rounded[at[0], place]], axis=1), axis=0, return_inverse=True
        )
        found[at] = len(texts) + inverse.ravel()
        texts += [f"{named} {values[int(code)]} ({effect:+.{EFFECT_DECIMALS}f})" for code, effect in pairs]
    lists = pa.array(texts, pa.string()).take(pa.array(found.ravel()))
    return pa.ListArray.from_arrays(pa.array(np.arange(rows.num_rows + 1, dtype=np.int32) * count), lists)


def _shown_codes(column: pa.ChunkedArray, words: Words) -> tuple[list[str], Ints]:
    """Return the texts of a column's values (numbers to a few digits) and the number of each row's text."""
    missing = words("feature.missing")
    if pa.types.is_string(column.type) or pa.types.is_null(column.type):
        encoded = column.combine_chunks().cast(pa.string()).fill_null(missing).dictionary_encode()
        return encoded.dictionary.to_pylist(), encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    values = np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    scale = 10.0 ** (VALUE_DIGITS - 1 - np.floor(np.log10(np.maximum(np.abs(np.nan_to_num(values)), 1e-12))))
    short = np.where(
        np.isnan(values) | (values == 0) | (values == np.round(values)), values, np.round(values * scale) / scale
    )
    known, codes = np.unique(short, return_inverse=True)
    texts = [missing if np.isnan(value) else words.writing.point(f"{value:g}") for value in known]
    return texts, codes.ravel().astype(np.int64)


def _ranks(leads: pa.Array, probability: Floats, scores: pa.Table) -> Ints:
    """Return the place of each lead, from 0: by probability, then by score, then by lead_id."""
    ids = leads.to_numpy(zero_copy_only=False).astype(str)
    known = scores.column("lead_id").to_numpy(zero_copy_only=False).astype(str)
    order = np.argsort(known, kind="stable")
    place = np.minimum(np.searchsorted(known[order], ids), max(known.size - 1, 0))
    value = np.zeros(ids.size)
    if known.size:
        at = order[place]
        value = np.where(known[at] == ids, scores.column("score").to_numpy()[at], 0.0)
    first = np.lexsort((ids, -value, -np.nan_to_num(probability)))
    ranks = np.empty(ids.size, np.int64)
    ranks[first] = np.arange(ids.size)
    return ranks


def _priorities(probability: Floats, place: Ints, policy: ForecastPolicy) -> pa.Array:
    """Return the priority of each lead: by rank, the fewest that hold a share of the expected conversions."""
    by_rank = np.empty(probability.size)
    by_rank[place] = probability
    held = np.cumsum(by_rank)
    total = held[-1] if held.size else 0.0
    bounds = [
        np.searchsorted(held, share * total * (1 - 1e-12)) + 1 for share in (policy.act_now_share, policy.nurture_share)
    ]
    return pa.array(PRIORITIES, pa.string()).take(pa.array(np.searchsorted(bounds, place, side="right")))


def _numbers(rows: pa.Table, name: str) -> Floats:
    column = rows.column(name)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)


def _rounded(values: Floats) -> Floats:
    rounded: Floats = np.floor(values * 10**DECIMALS + 0.5) / 10**DECIMALS
    return rounded


def _nullable(values: Floats) -> pa.Array:
    return pa.array(values, pa.float64(), mask=np.isnan(values))


def _joined(parts: Sequence[Floats]) -> Floats:
    return np.concatenate(parts) if parts else np.zeros(0)


def _normal_quantile(confidence: float) -> float:
    from scipy.stats import norm

    return float(norm.ppf(0.5 + confidence / 2))
