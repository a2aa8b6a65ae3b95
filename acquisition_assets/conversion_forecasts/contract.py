"""Holds the contracts of conversion_forecasts, forecast_quality and rule_evidence.

Leaves how their rows are made to forecast.py, quality.py and evidence.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from acquisition_assets.core.contracts import Contract, Kind, Rule, column
from acquisition_assets.core.pandera_import import Check, pandera

ROOM = "conversion_forecasts"
"""The room of the words of all three tables."""
METHODS = ("learned", "learned_small", "base_rate", "none")
PRIORITIES = ("act_now", "nurture", "low")
CANDIDATES = ("learned", "base_rate", "points")
RULE_KINDS = ("score_band", "predicted_action", "score_part", "segment", "recommendation_rule", "channel")
VERDICTS = ("better", "worse", "not_clear", "too_few")

ACTIVITY = ("lead_activity.lead_id", "raw_events.event_type", "raw_events.occurred_at")
OUTCOME = ("raw_leads.converted_at", "raw_status_changes.changed_at")
EVIDENCE = ("dynamic_scores.score", "behavior_predictions.predicted_next_action", *OUTCOME)


def _probability(description: str, lineage: Sequence[str] = (*ACTIVITY, *OUTCOME)) -> pandera.Column:
    return column(
        Kind.NUMBER, description, Check.ge(0), Check.le(1), unit="probability", nullable=True, lineage=lineage
    )


def _count(description: str, unit: str, lineage: Sequence[str] = OUTCOME) -> pandera.Column:
    return column(Kind.INTEGER, description, Check.ge(0), unit=unit, lineage=lineage)


def _ratio(description: str, lineage: Sequence[str] = OUTCOME) -> pandera.Column:
    return column(Kind.NUMBER, description, Check.ge(0), unit="times", nullable=True, lineage=lineage)


def _measure(name: str, what: str, unit: str, *checks: pandera.Check) -> dict[str, pandera.Column]:
    """Return the columns of a measure and of the bounds of its interval."""
    described = {
        name: what,
        f"{name}_low": f"Lower 95 % bound of {name} (bootstrap by lead)",
        f"{name}_high": f"Upper 95 % bound of {name} (bootstrap by lead)",
    }
    return {
        key: column(Kind.NUMBER, words, *checks, unit=unit, nullable=True, lineage=OUTCOME)
        for key, words in described.items()
    }


CONVERSION_FORECASTS = Contract(
    table="conversion_forecasts",
    grain="One row per lead that is neither converted nor inactive as of T.",
    key=("lead_id",),
    ranked_by="rank",
    columns={
        "lead_id": column(Kind.TEXT, "Id of the lead", lineage=("lead_activity.lead_id",)),
        "forecast_probability": _probability(
            "Probability that the lead converts in the 30 days from T; missing where there is not enough data"
        ),
        "forecast_low": _probability("Lower 95 % bound of the probability"),
        "forecast_high": _probability("Upper 95 % bound of the probability"),
        "method": column(
            Kind.TEXT,
            "How the probability was found: a model that passed its gate (learned; learned_small with 10 to 49 "
            "conversions), the same base rate for all, or none for want of data",
            Check.isin(METHODS),
            lineage=OUTCOME,
        ),
        "rank": column(
            Kind.INTEGER,
            "Place by probability, then by score, then by lead_id; 1 is the first",
            Check.ge(1),
            lineage=(*ACTIVITY, "dynamic_scores.score"),
        ),
        "lift": _ratio("Probability against the base rate of the training rows", (*ACTIVITY, *OUTCOME)),
        "priority": column(
            Kind.TEXT,
            "act_now: the fewest leads that hold 30 % of the expected conversions; nurture: up to 80 %; low: the rest; "
            "missing without a probability",
            Check.isin(PRIORITIES),
            nullable=True,
            lineage=(*ACTIVITY, *OUTCOME),
        ),
        "top_factors": column(
            Kind.TEXTS,
            "Up to 4 features with the largest effects on the log odds, with value and effect; empty without a model",
            lineage=ACTIVITY,
        ),
    },
    rules=(
        Rule(
            "interval holds the forecast",
            "forecast_low <= forecast_probability and forecast_probability <= forecast_high",
            "the probability lies within its bounds",
        ),
        Rule(
            "none has no forecast",
            "(method = 'none') = (forecast_probability is null)",
            "a probability is missing with the method none, and only then",
        ),
        Rule(
            "priority needs a forecast",
            "(priority is null) = (forecast_probability is null)",
            "a lead has a priority where it has a probability",
        ),
    ),
)
FORECAST_QUALITY = Contract(
    table="forecast_quality",
    grain="One row per candidate: how it did on the validation weeks, and what the gate says of the day's model.",
    key=("candidate",),
    columns={
        "candidate": column(
            Kind.TEXT,
            "The learned model, the base rate of the training rows, or the document's points mapped to probabilities "
            "by isotonic regression on the training weeks",
            Check.isin(CANDIDATES),
        ),
        "rows": _count("Validation rows: a lead at a cut-off", "rows"),
        "conversions": _count("Leads of these rows that converted within the horizon", "leads"),
        "training_rows": _count("Rows that the candidate learned from, for the validation", "rows"),
        "training_conversions": _count("Leads of the training rows that converted within the horizon", "leads"),
        **_measure("auc", "Chance that a lead that converts ranks above one that does not", "share", Check.ge(0)),
        **_measure("brier", "Mean squared error of the probabilities", "squared error", Check.ge(0)),
        **_measure("skill", "1 - brier / brier of the base rate", "share"),
        **_measure("ece", "Calibration error over 10 bins of equal count", "probability", Check.ge(0)),
        **_measure("lift", "Conversions among the 10 % with the highest forecasts, against all", "times", Check.ge(0)),
        "gate_passed": column(Kind.FLAG, "Whether the day's model passed its gate (learned); false for the others"),
        "gate_reason": column(Kind.TEXT, "Why it passed, or why not, in the language of the policy's locale"),
        "gate_gain_low": column(
            Kind.NUMBER,
            "5 % quantile of the gain in squared error over the base rate",
            unit="squared error",
            nullable=True,
            lineage=OUTCOME,
        ),
        "is_published": column(Kind.FLAG, "Whether the day's forecasts are this candidate's"),
        "is_approximate": column(
            Kind.FLAG, "Whether some training leads are inactive without a time, so that their end is estimated"
        ),
        "refused_features": column(Kind.TEXTS, "Features that the leakage guard refused"),
        "intercept": column(
            Kind.NUMBER,
            "Log odds of a lead whose features are all average, where the effects of factors start; missing without a "
            "model",
            unit="log odds",
            nullable=True,
            lineage=OUTCOME,
        ),
        "fingerprint": column(
            Kind.TEXT, "SHA-256 of the coefficients of the day's model; missing without one", nullable=True
        ),
    },
)
RULE_EVIDENCE = Contract(
    table="rule_evidence",
    grain="One row per rule: what became of the leads for which it held, on partitions of the last weeks.",
    key=("rule_kind", "rule"),
    columns={
        "rule_kind": column(Kind.TEXT, "What the rule belongs to", Check.isin(RULE_KINDS)),
        "rule": column(Kind.TEXT, "The rule, such as a band of the score or the name of a segment", lineage=EVIDENCE),
        "leads": _count("Leads on which the rule held, once per partition", "leads", EVIDENCE),
        "conversions": _count("Of these, converted within 30 days", "leads", EVIDENCE),
        "rate": _probability("conversions / leads", EVIDENCE),
        "rate_low": _probability("Lower 95 % Wilson bound of the rate", EVIDENCE),
        "rate_high": _probability("Upper 95 % Wilson bound of the rate", EVIDENCE),
        "other_rate": _probability("The rate of the leads on which the rule did not hold", EVIDENCE),
        "lift": _ratio("The rate against that of all leads", EVIDENCE),
        "verdict": column(
            Kind.TEXT, "The rate against that of the other leads, beyond chance", Check.isin(VERDICTS), lineage=EVIDENCE
        ),
    },
    rules=(
        Rule("conversions are leads", "conversions <= leads", "no more leads convert than there are"),
        Rule("interval holds the rate", "rate_low <= rate and rate <= rate_high", "the rate lies within its bounds"),
    ),
)
