"""Builds the assets of the forecasts, of their quality and of the evidence for the rules: inputs, runs, checks, plots.

The model is left to `forecast`, the relations it learns from to `as_of`, and verdicts on rules to `evidence`.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa

from acquisition_assets.behavior_predictions.contract import BEHAVIOR_PREDICTIONS
from acquisition_assets.content_recommendations.contract import CONTENT_RECOMMENDATIONS
from acquisition_assets.conversion_forecasts import as_of, evidence, evidence_report, outcomes, quality_report
from acquisition_assets.conversion_forecasts.contract import (
    CANDIDATES,
    CONVERSION_FORECASTS,
    FORECAST_QUALITY,
    PRIORITIES,
    ROOM,
    RULE_EVIDENCE,
    VERDICTS,
)
from acquisition_assets.conversion_forecasts.design import no_rows
from acquisition_assets.conversion_forecasts.forecast import Day, Scored, publish, score, train
from acquisition_assets.conversion_forecasts.gate import is_withdrawn
from acquisition_assets.conversion_forecasts.measures import Floats
from acquisition_assets.conversion_forecasts.policy import ForecastPolicy
from acquisition_assets.conversion_forecasts.quality import differs
from acquisition_assets.conversion_forecasts.report import TASK, forecast_report
from acquisition_assets.core.contracts import Contract
from acquisition_assets.core.days import end_of_day
from acquisition_assets.core.env import Env
from acquisition_assets.core.output import Output, output_assets
from acquisition_assets.core.plots import bars, calibration, intervals
from acquisition_assets.core.policy import Locale
from acquisition_assets.core.sql_files import read_sql
from acquisition_assets.core.step import Comparison, Finding, Step, rounded
from acquisition_assets.core.words import words_of
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features.asset import feature_parameters
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.features.policy import FeaturePolicy
from acquisition_assets.features.resolve import AS_READ, bind_resolved
from acquisition_assets.raw.contract import RAW_ALIASES, RAW_EVENTS, RAW_LEADS, RAW_STATUS_CHANGES

TRAINING = "training"
"""The folder of the session in which the model is trained."""
DAY_CHANGES = {RAW_STATUS_CHANGES.table: "day_status_changes"}
DAY_NAMES = {RAW_EVENTS.table: "day_events", **DAY_CHANGES}
"""Names of raw tables beside the names under which lead_activity reads them as of a cut-off."""
HISTORY = (RAW_LEADS.table, RAW_STATUS_CHANGES.table, RAW_ALIASES.table)
SKILL = "The day's model passed its gate, or no model was in use (else WARN: it is withdrawn)."
CALIBRATED = "What was forecast a horizon ago has happened, within its interval (else WARN)."
BANDS_ORDERED = "Leads with a higher score convert no less than those with a lower one, beyond chance (else WARN)."
PAST = {
    "past_activity": LEAD_ACTIVITY,
    "past_scores": DYNAMIC_SCORES,
    "past_predictions": BEHAVIOR_PREDICTIONS,
    "past_recommendations": CONTENT_RECOMMENDATIONS,
}
"""What the rules said on the evidence days, by the names of rule_counts. The segments are `EvidenceRules.segments`."""


@dataclass(frozen=True)
class Rules:
    """What the forecasts and the evidence need of the policy."""

    forecasts: ForecastPolicy
    features: FeaturePolicy


@dataclass(frozen=True)
class ForecastRules(Rules):
    """What the forecasts need besides: the leads of a report, and the language of reasons and factors."""

    report_length: int
    locale: Locale


@dataclass(frozen=True)
class EvidenceRules(Rules):
    """What the evidence needs besides.

    segments: the table of the segments, which come after the forecasts, as their criteria may name a forecast.
    """

    segments: Contract

    @property
    def past(self) -> dict[str, Contract]:
        """The tables that are judged, by the names of rule_counts."""
        return {**PAST, "past_segments": self.segments}


def build(env: Env, rules: ForecastRules) -> list[dg.AssetsDefinition]:
    """Return the assets of the forecasts and of their quality, which one step makes."""
    forecasts = Output(
        contract=CONVERSION_FORECASTS,
        description="How probable it is that a lead converts in the next days, learned from the team's own outcomes.",
        policy=rules,
        deps=[
            LEAD_ACTIVITY.table,
            DYNAMIC_SCORES.table,
            RAW_EVENTS.table,
            *HISTORY,
            _own_past(CONVERSION_FORECASTS.table, rules.forecasts),
        ],
        produce=produce_forecasts,
        recompute=recompute_forecasts,
        recomputed_text="The number of forecasts and the sum of their ranks, from lead_activity alone.",
        task=TASK,
        report=lambda step, rules: forecast_report(step, rules.forecasts, rules.report_length),
        plot=plot_priorities,
        details=forecast_numbers,
        checks={"calibrated": CALIBRATED},
        findings=calibrated,
        kinds=frozenset({"parquet", "scikitlearn"}),
    )
    quality = Output(
        contract=FORECAST_QUALITY,
        description="How true the forecasts are on weeks that no model has seen, and whether the model may be used.",
        policy=rules,
        deps=[
            RAW_EVENTS.table,
            *HISTORY,
            BEHAVIOR_PREDICTIONS.table,
            _own_past(FORECAST_QUALITY.table, rules.forecasts),
        ],
        produce=produce_quality,
        recompute=recompute_quality,
        recomputed_text="Rows and conversions of the training and validation weeks, counted again by the raw times.",
        task=quality_report.TASK,
        report=lambda step, _: quality_report.quality_report(step),
        plot=plot_reliability,
        details=quality_numbers,
        checks={"skill": SKILL},
        findings=skill,
        kinds=frozenset({"parquet", "scikitlearn"}),
    )
    return [output_assets(env, [forecasts, quality], name=CONVERSION_FORECASTS.table)]


def build_evidence(env: Env, rules: EvidenceRules) -> list[dg.AssetsDefinition]:
    """Return the asset of the evidence, which reads past days of tables that are made after the forecasts."""
    rule_evidence = Output(
        contract=RULE_EVIDENCE,
        description="What became of the leads for which each rule held, with intervals and a verdict.",
        policy=rules,
        deps=[*HISTORY, *(contract.table for contract in rules.past.values())],
        produce=produce_evidence,
        recompute=recompute_evidence,
        recomputed_text="Leads and conversions of all channels, counted again by the raw times.",
        task=evidence_report.TASK,
        report=lambda step, _: evidence_report.evidence_report(step),
        plot=plot_bands,
        details=evidence_numbers,
        checks={"bands_ordered": BANDS_ORDERED},
        findings=evidence_findings,
    )
    return [output_assets(env, [rule_evidence], ordered_days=True)]


def _own_past(table: str, policy: ForecastPolicy) -> dg.AssetDep:
    """Return the dependency of a table on its own last days, which makes a range run the days of its step in order.

    Older days, and past days of tables that other steps make, have no mapping. The days before are done by then, and
    with a mapping Dagster would add every day that may read a day to a backfill of that day.
    """
    mapping = dg.TimeWindowPartitionMapping(start_offset=-policy.lookback_days, end_offset=-1)
    return dg.AssetDep(table, partition_mapping=mapping)


# -- conversion_forecasts ----------------------------------------------------------------------------------------------


def produce_forecasts(step: Step, rules: ForecastRules) -> None:
    """Train the day's model in a session of its own, and stage the forecasts of all open leads."""
    policy, session = rules.forecasts, step.session
    _bind_history(step, RAW_EVENTS)
    step.bind(LEAD_ACTIVITY)
    step.bind(DYNAMIC_SCORES)
    step.bind(FORECAST_QUALITY, step.earlier_days(policy.lookback_days), name="past_quality")
    session.bind_view("day_activity", f"select * from {LEAD_ACTIVITY.table}")
    parameters = _parameters(step, rules)
    as_of.bind_histories(session, parameters)
    learning = _learning_rows(step, rules)
    day = train(learning.rows, _earlier_gates(step), policy, learning.points)
    as_of.bind_open_rows(session, parameters)
    if day.model is not None:
        as_of.bind_open_features(session, parameters)
    scores = session.query(f"select lead_id, score from {DYNAMIC_SCORES.table} order by lead_id")
    step.write_table(publish(_scored(step, day, rules), day, scores, policy))
    session.bind_arrow("trained_quality", day.quality(rules.locale))
    session.bind_arrow("trained_day", _day_table(day, rules))
    session.bind_arrow("training_labels", learning.cutoffs)
    session.bind_arrow("reliability", _reliability_table(day))


@dataclass(frozen=True)
class Learning:
    """The training rows of a day with their features, cut-off and lead of each, and its published points."""

    rows: pa.Table
    cutoffs: pa.Table
    points: Floats | None


def _learning_rows(step: Step, rules: Rules) -> Learning:
    """Return the training rows, computed in a session of their own, as lead_activity is computed for each cut-off."""
    policy, end = rules.forecasts, end_of_day(step.day, step.env.tz)
    first = as_of.first_times(step.session)
    instants = outcomes.cutoffs(end, first["first_created_at"], first["first_converted_at"], policy)
    if not instants:
        return Learning(no_rows(), as_of.NO_CUTOFFS, None)
    folder = step.folder / TRAINING
    folder.mkdir()
    with step.env.engine.session(folder) as session:
        inner = Step(step.env, step.contract, step.day, session, folder)
        _bind_history(inner, RAW_EVENTS, names=DAY_NAMES)
        inner.bind(LEAD_ACTIVITY, name="day_activity")
        events = inner.row("conversion_forecasts/day_sizes")["events"]
        size = outcomes.sample_size(first["leads"], events, policy)
        parameters = {**_parameters(step, rules), **outcomes.parameters(end, instants, size, policy)}
        as_of.bind_histories(session, parameters)
        as_of.bind_training_rows(session, outcomes.cutoff_table(instants), parameters)
        as_of.bind_training_features(session, parameters)
        rows = as_of.row_slice(session, 1, policy.maximum_rows)
        cutoffs = session.query("select cut, cut_at, lead_id from training_rows order by row_number")
        return Learning(rows, cutoffs, _past_points(inner, len(instants), policy))


def _bind_history(step: Step, *more: Contract, names: Mapping[str, str] = DAY_CHANGES) -> None:
    """Bind day_leads and day_status_changes, and more raw tables, with aliases followed."""
    step.bind(RAW_LEADS, name=RAW_LEADS.table + AS_READ)
    step.session.bind_view("day_leads", read_sql("conversion_forecasts/day_leads"))
    bind_resolved(step, RAW_STATUS_CHANGES, *more, names=names)


def _parameters(step: Step, rules: Rules) -> dict[str, object]:
    """Return the parameters of the features and of the histories, as of the end of the day."""
    end = end_of_day(step.day, step.env.tz)
    windows = feature_parameters(rules.features, end)
    return {**windows, **outcomes.parameters(end, (), rules.forecasts.maximum_rows, rules.forecasts)}


def _earlier_gates(step: Step) -> list[bool]:
    """Return whether the models of the days before passed their gate, the newest first. Reads past_quality."""
    passed: list[bool] = step.query("forecast_quality/earlier_gates").column("gate_passed").to_pylist()
    return passed


def _past_points(step: Step, cuts: int, policy: ForecastPolicy) -> Floats:
    """Return the document's points of each training row, published on the day of its cut-off; NaN without any."""
    days = [step.day - dt.timedelta(days=policy.horizon_days + place * policy.step_days) for place in range(cuts)]
    step.bind(BEHAVIOR_PREDICTIONS, days, name="past_predictions")
    places = pa.table({"cut": pa.array(range(len(days)), pa.int64()), "date": pa.array(days, pa.date32())})
    step.session.bind_arrow("cutoff_days", places)
    points = step.query("conversion_forecasts/past_points").sort_by("row_number").column("points")
    return np.asarray(points.to_numpy(), dtype=np.float64)


def _scored(step: Step, day: Day, rules: ForecastRules) -> Iterator[Scored]:
    """Yield the forecasts of the open leads, some at a time; without a model only their ids are read."""
    (leads,) = step.session.query("select count(*) as leads from forecast_rows").column("leads").to_pylist()
    relation = as_of.OPEN_ROWS if day.model is None else as_of.ROW_FEATURES
    for first, last in outcomes.slices(leads, rules.forecasts):
        yield score(as_of.row_slice(step.session, first, last, relation), day, rules.forecasts, rules.locale)


def _day_table(day: Day, rules: ForecastRules) -> pa.Table:
    """Return what the day's training says of itself, as one row."""
    types = {"method": pa.string(), "gate_reason": pa.string(), "base_rate": pa.float64()}
    counts = ("training_rows", "training_conversions", "missing_conversions", "validation_cuts", "first_training_cut")
    row = {
        "method": day.method,
        "gate_reason": words_of(ROOM, rules.locale).message(day.gate.reason),
        "base_rate": day.base_rate,
        "training_rows": day.rows,
        "training_conversions": day.conversions,
        "missing_conversions": day.missing_conversions(rules.forecasts),
        "validation_cuts": len(day.weeks.validation),
        "first_training_cut": min(day.weeks.training, default=rules.forecasts.maximum_cutoffs),
    }
    schema = pa.schema([*types.items(), *((name, pa.int64()) for name in counts)])
    return pa.Table.from_pylist([row], schema=schema)


def _reliability_table(day: Day) -> pa.Table:
    """Return the bins of the reliability plot."""
    schema = pa.schema([*((name, pa.float64()) for name in ("forecast", "rate", "low", "high")), ("rows", pa.int64())])
    return pa.Table.from_pylist([vars(one) for one in day.reliability], schema=schema)


def recompute_forecasts(step: Step, rules: Rules) -> Comparison:
    """Compare the number of forecasts and their ranks with lead_activity."""
    return step.compare()


def forecast_numbers(step: Step, rules: Rules) -> Mapping[str, Any]:
    """Return how the forecasts were made, and what they expect in all."""
    (day,) = step.session.query("select * from trained_day").to_pylist()
    expected = _by_priority(step, "expected_conversions")
    numbers = {
        **{name: day[name] for name in ("method", "base_rate", "training_rows", "training_conversions")},
        "missing_conversions": day["missing_conversions"],
        "expected_conversions": sum(expected.values()) if expected else None,
        "mean_probability": rounded(sum(expected.values()) / step.rows) if expected and step.rows else None,
        **{f"leads_{name}": leads for name, leads in _by_priority(step, "leads").items()},
    }
    return {name: value for name, value in numbers.items() if value is not None}


def calibrated(step: Step, rules: Rules) -> Sequence[Finding]:
    """Warn where the forecasts that were published a horizon ago differ from what happened, beyond their interval."""
    policy = rules.forecasts
    past = step.day - dt.timedelta(days=policy.horizon_days)
    if not step.bind(CONVERSION_FORECASTS, [past], name="past_forecasts"):
        text = f"the lake has no forecasts of {past} to compare with what happened"
        return [Finding("calibrated", True, text)]
    given = {**_parameters(step, rules), "past_end_at": end_of_day(past, step.env.tz)}
    rows = step.query("conversion_forecasts/past_outcomes", given)
    columns = ("forecast_probability", "forecast_low", "forecast_high")
    probability, low, high = (np.asarray(rows.column(name).to_numpy(), dtype=np.float64) for name in columns)
    labels = np.asarray(rows.column("is_converted").cast(pa.int8()).to_numpy(), dtype=np.float64)
    found, expected = float(labels.sum()), float(probability.sum())
    wrong = differs(probability, low, high, labels, policy)
    text = f"forecasts of {past}: " + (wrong or f"{found:.0f} conversions, forecast were {expected:.1f}")
    return [Finding("calibrated", wrong is None, text, metadata={"conversions": found, "expected": expected})]


def plot_priorities(step: Step, rules: Rules) -> str:
    """Draw leads per priority."""
    return bars(_by_priority(step, "leads"), "Leads by priority of their forecast")


def _by_priority(step: Step, name: str) -> dict[str, Any]:
    """Return a number of each priority, the most urgent first; nothing without forecasts."""
    found = {row["priority"]: row[name] for row in step.query("conversion_forecasts/priorities").to_pylist()}
    return {priority: found.get(priority, 0) for priority in PRIORITIES} if any(found) else {}


# -- forecast_quality --------------------------------------------------------------------------------------------------


def produce_quality(step: Step, rules: Rules) -> None:
    """Stage the figures of the day's training."""
    step.write_table(step.session.query(f"select {', '.join(FORECAST_QUALITY.columns)} from trained_quality"))


def recompute_quality(step: Step, rules: Rules) -> Comparison:
    """Compare rows and conversions with the raw times."""
    (day,) = step.session.query("select validation_cuts, first_training_cut from trained_day").to_pylist()
    return step.compare({**_parameters(step, rules), **day, "candidates": len(CANDIDATES)})


def plot_reliability(step: Step, rules: Rules) -> str:
    """Draw forecasts against outcomes on the validation weeks, bin by bin."""
    bins = step.session.query("select forecast, rate, low, high from reliability order by forecast").to_pylist()
    return calibration([(row["forecast"], row["rate"], row["low"], row["high"]) for row in bins], "Validation weeks")


def quality_numbers(step: Step, rules: Rules) -> Mapping[str, Any]:
    """Return the measures of the learned model and whether it passed its gate."""
    names = ("rows", "conversions", "auc", "brier", "skill", "ece", "lift", "gate_gain_low")
    (row,) = step.session.query("select * from staged where candidate = 'learned'").to_pylist()
    found = {name: row[name] for name in names if row[name] is not None}
    return {**found, "gate_passed": int(row["gate_passed"]), "gate_reason": row["gate_reason"]}


def skill(step: Step, rules: ForecastRules) -> Sequence[Finding]:
    """Warn where a model that was in use is withdrawn."""
    policy = rules.forecasts
    (row,) = step.session.query("select gate_passed, gate_reason from staged where candidate = 'learned'").to_pylist()
    withdrawn = is_withdrawn(row["gate_passed"], _earlier_gates(step), policy)
    reason = row["gate_reason"]
    text = words_of(ROOM, rules.locale)("gate.withdrawn", reason=reason) if withdrawn else reason
    return [Finding("skill", not withdrawn, text)]


# -- rule_evidence -----------------------------------------------------------------------------------------------------


def produce_evidence(step: Step, rules: EvidenceRules) -> None:
    """Stage what became of the leads of each rule, on the partitions of the last weeks."""
    policy, session, lake = rules.forecasts, step.session, step.env.lake
    published = set.intersection(*(set(lake.days(contract.table)) for contract in rules.past.values()))
    days = outcomes.evidence_days(step.day, published, policy)
    for name, contract in rules.past.items():
        step.bind(contract, days, name=name)
    ends = [end_of_day(day, step.env.tz) for day in days]
    session.bind_arrow(
        "evidence_days",
        pa.table({"date": pa.array(days, pa.date32()), "end_at": pa.array(ends, pa.timestamp("us", tz="UTC"))}),
    )
    _bind_history(step)
    parameters = {**_parameters(step, rules), **evidence.parameters(policy)}
    as_of.bind_histories(session, parameters)
    session.bind_query("judged_leads", read_sql("conversion_forecasts/judged_leads"), parameters)
    counts = step.query("conversion_forecasts/rule_counts", parameters)
    session.bind_arrow("rule_counts", counts)
    step.write_table(evidence.rule_evidence(counts, policy))


def recompute_evidence(step: Step, rules: Rules) -> Comparison:
    """Compare leads and conversions with the raw times."""
    return step.compare(_parameters(step, rules))


def evidence_numbers(step: Step, rules: Rules) -> Mapping[str, Any]:
    """Return how many leads were judged on how many days, and how many rules have each verdict."""
    every = [row for row in _counts(step).to_pylist() if row["rule_kind"] == evidence.ALL]
    verdicts: list[str] = step.session.query("select verdict from staged").column("verdict").to_pylist()
    (days,) = step.session.query("select count(*) as days from evidence_days").column("days").to_pylist()
    return {
        "evidence_days": days,
        "leads": sum(row["leads"] for row in every),
        "conversions": sum(row["conversions"] for row in every),
        **{f"rules_{name}": verdicts.count(name) for name in VERDICTS},
    }


def evidence_findings(step: Step, rules: Rules) -> Sequence[Finding]:
    """Warn where leads of a higher band of scores convert less than those of a lower one."""
    wrong = evidence.inversions(_counts(step), rules.forecasts)
    text = "; ".join(map(str, wrong)) or "no higher band converts less than a lower one beyond chance"
    return [Finding("bands_ordered", not wrong, text, metadata={"inversions": len(wrong)})]


def plot_bands(step: Step, rules: Rules) -> str:
    """Draw the conversion rate of each band of scores with its interval."""
    rows = step.session.query("select rule, rate, rate_low, rate_high from staged where rule_kind = 'score_band'")
    ordered = sorted(rows.to_pylist(), key=lambda row: float(row["rule"].split()[0]))
    rates = {
        f"{row['rule']} points": tuple(round(100 * row[name], 1) for name in ("rate", "rate_low", "rate_high"))
        for row in ordered
    }
    return intervals(rates, "Conversions in percent by band of the score, with 95 % intervals")


def _counts(step: Step) -> pa.Table:
    return step.session.query("select * from rule_counts order by rule_kind, rule")
