"""Turns features into the numbers that a model is fitted on, with everything it needs learned from training rows alone.

Leaves the features themselves to sql/conversion_forecasts and the model to fit.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acquisition_assets.conversion_forecasts.measures import Floats, Ints, overlap, single_auc
from acquisition_assets.conversion_forecasts.policy import ForecastPolicy

MISSING = ""
"""The name of the category of a missing value; the text of a category is never empty."""


@dataclass(frozen=True)
class Feature:
    """A feature: a column of row_features, and whether its logarithm (of 1 + x) is taken."""

    name: str
    log: bool = False


EVENT_TYPES = ("sent", "opened", "clicked", "completed", "bounced", "unsubscribed", "complained")
NUMBERS = (
    Feature("age_days", log=True),
    Feature("deliveries_total", log=True),
    Feature("deliveries_7d", log=True),
    Feature("deliveries_30d", log=True),
    Feature("opens_total", log=True),
    Feature("opens_7d", log=True),
    Feature("consumed_30d", log=True),
    Feature("completions_total", log=True),
    Feature("completions_7d", log=True),
    Feature("days_since_engagement", log=True),
    Feature("days_inactive", log=True),
    Feature("completion_rate"),
    Feature("avg_response_hours", log=True),
    Feature("business_hours_share"),
    Feature("weekday_share"),
    *(Feature(f"{kind}_events", log=True) for kind in EVENT_TYPES),
    *(Feature(f"{kind}_events_7d", log=True) for kind in EVENT_TYPES),
    Feature("completed_events_30d", log=True),
    *(Feature(f"days_since_{kind}_event", log=True) for kind in EVENT_TYPES),
)
CATEGORIES = (
    Feature("channel"),
    Feature("source"),
    Feature("utm_campaign"),
    Feature("utm_medium"),
    Feature("interest_area"),
    Feature("dated_status"),
)
KEYS = {
    "row_number": pa.int64(),
    "cut": pa.int64(),
    "lead_id": pa.string(),
    "is_converted": pa.bool_(),
    "is_approximate": pa.bool_(),
}
"""The columns of row_features that are no feature."""


@dataclass(frozen=True)
class Column:
    """One column of the matrix: a feature's value, or the flag that it is missing, and how it is scaled.

    fill: what takes the place of a missing value; categories: the log odds of each category, for a category feature.
    """

    feature: str
    is_flag: bool
    is_log: bool
    fill: float
    centre: float
    scale: float
    categories: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Design:
    """What was learned from the training rows: the columns, in order, and the features that the guard refused."""

    columns: tuple[Column, ...]
    refused: tuple[str, ...]
    clip: float

    @property
    def features(self) -> tuple[str, ...]:
        """The features that have a column, in order, each once."""
        return tuple(dict.fromkeys(column.feature for column in self.columns))

    def matrix(self, rows: pa.Table) -> Floats:
        """Return a line per row and a column per column, standardised and clipped."""
        made = np.empty((rows.num_rows, len(self.columns)))
        cache: dict[str, Floats] = {}
        for place, column in enumerate(self.columns):
            if column.feature not in cache:
                cache = {column.feature: _raw(rows, column)}
            values = cache[column.feature]
            made[:, place] = _scaled(_column(values, column), column, self.clip)
        return made


def no_rows() -> pa.Table:
    """Return row_features without any row."""
    numbers = {feature.name: pa.float64() for feature in NUMBERS}
    categories = {feature.name: pa.string() for feature in CATEGORIES}
    return pa.schema(list({**KEYS, **numbers, **categories}.items())).empty_table()


def learn(rows: pa.Table, labels: Floats, leads: Ints, policy: ForecastPolicy) -> tuple[Design, Floats]:
    """Return the design learned from training rows, and the matrix of these rows to fit a model on.

    In that matrix a lead's categories carry what the other leads say of them: with its own outcome in it, a category of
    few leads would look as if it knew. A feature that is the same on all rows has no column. A feature that alone ranks
    the rows better than `leak_auc`, either way, is refused: it most likely says what is to be forecast.

    Args:
        rows: the columns of row_features, in a fixed order of rows.
        labels: 1 where the lead converted, else 0.
        leads: the number of each row's lead.
        policy: limits and priors.
    """
    columns: list[Column] = []
    lines: list[Floats] = []
    refused: list[str] = []
    for feature in NUMBERS:
        _add(_numbers(rows, feature), labels, columns, lines, refused, policy)
    for feature in CATEGORIES:
        _add(_categories(rows, feature, labels, leads, policy), labels, columns, lines, refused, policy)
    matrix = np.empty((rows.num_rows, len(columns)))
    for place in range(len(lines)):
        matrix[:, place] = lines[place]
        lines[place] = lines[place][:0]  # a column is held once, here or there
    return Design(tuple(columns), tuple(refused), policy.clip_deviations), matrix


def _add(
    found: list[tuple[Column, Floats]],
    labels: Floats,
    columns: list[Column],
    lines: list[Floats],
    refused: list[str],
    policy: ForecastPolicy,
) -> None:
    """Add a feature's columns that vary, scaled, to columns and lines, or its name to those that are refused."""
    aucs = [single_auc(values, labels) for _, values in found]
    if any(max(auc, 1 - auc) > policy.leak_auc for auc in aucs):
        refused.append(found[0][0].feature)
        return
    for column, values in found:
        scale = float(values.std()) if values.size else 0.0
        if scale > 0:
            scaled = Column(**{**vars(column), "centre": float(values.mean()), "scale": scale})
            columns.append(scaled)
            lines.append(_scaled(values, scaled, policy.clip_deviations))


def _numbers(rows: pa.Table, feature: Feature) -> list[tuple[Column, Floats]]:
    """Return the column of a number and that of its flag, with the values of the rows."""
    empty = Column(feature.name, is_flag=False, is_log=feature.log, fill=0.0, centre=0.0, scale=1.0)
    values = _raw(rows, empty)
    known = values[~np.isnan(values)]
    fill = float(known.mean()) if known.size else 0.0
    columns = (Column(**{**vars(empty), "fill": fill}), Column(**{**vars(empty), "is_flag": True}))
    return [(column, _column(values, column)) for column in columns]


def _categories(
    rows: pa.Table, feature: Feature, labels: Floats, leads: Ints, policy: ForecastPolicy
) -> list[tuple[Column, Floats]]:
    """Return the column of a category feature, and for each row what the other parts of the leads say of its category.

    The prior is in rows that each see an outcome of their own, as the penalty of the fit is.
    """
    if not labels.size or not 0 < labels.mean() < 1:
        return []
    codes, names = _coded(rows, feature.name)
    prior = policy.category_prior_rows * overlap(leads, labels)
    table = dict(zip(names, _log_odds(codes, labels, len(names), prior).tolist(), strict=True))
    values = np.zeros(labels.size)
    fold = leads % policy.category_folds
    for part in range(policy.category_folds):
        inside = fold == part
        others = labels[~inside]
        if others.size and 0 < others.mean() < 1:
            values[inside] = _log_odds(codes[~inside], others, len(names), prior)[codes[inside]]
    empty = Column(feature.name, is_flag=False, is_log=False, fill=0.0, centre=0.0, scale=1.0, categories=table)
    return [(empty, values)]


def _log_odds(codes: Ints, labels: Floats, count: int, prior: float) -> Floats:
    """Return the shrunken log odds of each category against the base rate; 0 for one without rows."""
    base = float(labels.mean())
    positive = np.bincount(codes, labels, minlength=count)
    negative = np.bincount(codes, minlength=count) - positive
    odds: Floats = np.log((positive + prior * base) / (negative + prior * (1 - base))) - np.log(base / (1 - base))
    return odds


def _raw(rows: pa.Table, column: Column) -> Floats:
    """Return the feature's values (of a category: its log odds), before missing ones are filled."""
    if column.categories is not None:
        codes, names = _coded(rows, column.feature)
        table = np.array([column.categories.get(name, 0.0) for name in names])
        found: Floats = table[codes] if names else np.zeros(0)
        return found
    values = np.asarray(rows.column(column.feature).cast(pa.float64()).to_numpy(), dtype=np.float64)
    return np.log1p(np.maximum(values, 0.0)) if column.is_log else values


def _column(values: Floats, column: Column) -> Floats:
    missing = np.isnan(values)
    return missing.astype(np.float64) if column.is_flag else np.where(missing, column.fill, values)


def _scaled(values: Floats, column: Column, clip: float) -> Floats:
    scaled: Floats = np.clip((values - column.centre) / column.scale, -clip, clip)
    return scaled


def _coded(rows: pa.Table, name: str) -> tuple[Ints, Sequence[str]]:
    """Return the code of each row's category and the categories' names, in the order of the names."""
    column = rows.column(name).combine_chunks().cast(pa.string()).fill_null(MISSING)
    encoded = pc.dictionary_encode(column)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    names = encoded.dictionary.to_pylist()
    order = sorted(range(len(names)), key=names.__getitem__)
    place = np.empty(len(names), np.int64)
    place[order] = np.arange(len(names))
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return place[codes] if len(names) else codes, [names[one] for one in order]
