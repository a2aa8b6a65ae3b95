"""Judges the document's rules by what happened: rates with intervals, verdicts, and the order of the bands.

Leaves the counts to sql/conversion_forecasts/rule_counts.sql.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from acquisition_assets.conversion_forecasts.contract import RULE_EVIDENCE
from acquisition_assets.conversion_forecasts.measures import Floats
from acquisition_assets.conversion_forecasts.policy import ForecastPolicy
from acquisition_assets.conversion_forecasts.quality import wilson

MAXIMUM_SCORE = 100
ALL = "all"
BAND = "score_band"


@dataclass(frozen=True)
class Inversion:
    """Two bands of the score whose higher one converts less, beyond chance."""

    lower: str
    higher: str
    lower_rate: float
    higher_rate: float

    def __str__(self) -> str:
        return (
            f"leads with {self.higher} points convert at {self.higher_rate:.1%}, "
            f"those with {self.lower} at {self.lower_rate:.1%}"
        )


def parameters(policy: ForecastPolicy) -> dict[str, object]:
    """Return the parameters of rule_counts: the width of a band, and the last band, which holds the highest score."""
    width = policy.evidence.band_points
    return {"band_points": width, "last_band": -(-MAXIMUM_SCORE // width) - 1}


def rule_evidence(counts: pa.Table, policy: ForecastPolicy) -> pa.Table:
    """Return rule_evidence: each rule's rate with its interval, lift, and the verdict against the other leads.

    A lead that converts is counted on every evidence day within the horizon before. The intervals count it once, and
    the other leads as much less (`_effective`).

    Args:
        counts: the rows of rule_counts; the one of all leads included, if there is any lead.
        policy: confidence, and what is too few.
    """
    kinds = counts.column("rule_kind").to_pylist()
    everything = counts.filter(pa.array([kind == ALL for kind in kinds], pa.bool_()))
    rules = counts.filter(pa.array([kind != ALL for kind in kinds], pa.bool_()))
    total, total_converted = (
        float(everything.column(name)[0].as_py()) if everything.num_rows else 0.0 for name in ("leads", "conversions")
    )
    leads, conversions = _values(rules, "leads"), _values(rules, "conversions")
    overlap = _overlap(rules, policy)
    low, high = wilson(conversions / overlap, leads / overlap, policy.confidence)
    rate = conversions / leads
    others, others_converted = total - leads, total_converted - conversions
    other_rate = np.divide(others_converted, others, out=np.full(leads.size, np.nan), where=others > 0)
    other_low, other_high = wilson(others_converted / overlap, others / overlap, policy.confidence)
    base = total_converted / total if total else np.nan
    lift = rate / base if base else np.full(leads.size, np.nan)
    verdicts = np.select(
        [
            (leads < policy.evidence.minimum_leads)
            | (others < policy.evidence.minimum_leads)
            | (np.minimum(leads, others) / overlap * base < policy.evidence.minimum_conversions),
            _difference_low(rate, low, other_rate, other_high) > 0,
            _difference_low(other_rate, other_low, rate, high) > 0,
        ],
        ["too_few", "better", "worse"],
        "not_clear",
    )
    return pa.table(
        {
            "rule_kind": rules.column("rule_kind"),
            "rule": pa.array(_names(rules, policy), pa.string()),
            "leads": rules.column("leads"),
            "conversions": rules.column("conversions"),
            "rate": rate,
            "rate_low": low,
            "rate_high": high,
            "other_rate": pa.array(other_rate, mask=np.isnan(other_rate)),
            "lift": pa.array(lift, mask=np.isnan(lift)),
            "verdict": pa.array(verdicts.tolist(), pa.string()),
        },
        schema=RULE_EVIDENCE.arrow_schema,
    )


def inversions(counts: pa.Table, policy: ForecastPolicy) -> list[Inversion]:
    """Return the pairs of bands whose higher one converts less than the lower one, beyond chance.

    All pairs are looked at, so the confidence of each is raised by their number (Bonferroni).
    """
    is_band = [kind == BAND for kind in counts.column("rule_kind").to_pylist()]
    bands = counts.filter(pa.array(is_band, pa.bool_()))
    number = np.array([int(rule) for rule in bands.column("rule").to_pylist()], dtype=np.int64)
    enough = _values(bands, "leads") >= policy.evidence.minimum_leads
    order = [int(place) for place in np.argsort(number, kind="stable") if enough[place]]
    pairs = list(itertools.combinations(order, 2))
    if not pairs:
        return []
    overlap = _overlap(bands, policy)
    leads, conversions = _values(bands, "leads"), _values(bands, "conversions")
    confidence = 1 - (1 - policy.confidence) / len(pairs)
    low, high = wilson(conversions / overlap, leads / overlap, confidence)
    rate, names = conversions / leads, _names(bands, policy)
    below, above = np.array(pairs).T
    inverted = _difference_low(rate[below], low[below], rate[above], high[above]) > 0
    return [
        Inversion(names[one], names[other], float(rate[one]), float(rate[other]))
        for one, other in zip(below[inverted].tolist(), above[inverted].tolist(), strict=True)
    ]


def _difference_low(rate: Floats, low: Floats, other: Floats, other_high: Floats) -> Floats:
    """Return the lower bound of the difference of two rates, from the bounds of each (Newcombe's method 10)."""
    bound: Floats = rate - other - np.sqrt((rate - low) ** 2 + (other_high - other) ** 2)
    return bound


def _overlap(rules: pa.Table, policy: ForecastPolicy) -> Floats:
    """Return how often each rule counts one outcome: conversions per lead that converted, at most those that can be.

    Without any conversion it is as many evidence days as fit into a horizon.
    """
    most = min(float(policy.evidence.weeks), policy.horizon_days / policy.step_days)
    distinct = _values(rules, "converted_leads")
    found = np.divide(_values(rules, "conversions"), distinct, out=np.full(distinct.size, most), where=distinct > 0)
    overlap: Floats = np.maximum(found, 1.0)
    return overlap


def _names(rules: pa.Table, policy: ForecastPolicy) -> list[str]:
    """Return the names of the rules; a band is named by its bounds."""
    width = policy.evidence.band_points
    return [
        f"{int(rule) * width} to {min(MAXIMUM_SCORE, (int(rule) + 1) * width)}" if kind == BAND else rule
        for kind, rule in zip(rules.column("rule_kind").to_pylist(), rules.column("rule").to_pylist(), strict=True)
    ]


def _values(table: pa.Table, name: str) -> Floats:
    return np.asarray(table.column(name).cast(pa.float64()).to_numpy(), dtype=np.float64)
