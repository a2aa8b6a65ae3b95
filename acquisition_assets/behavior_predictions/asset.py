"""Builds the asset `behavior_predictions`: declares its inputs, runs its SQL, checks and plots the result.

The calculation is left to sql/behavior_predictions/behavior_predictions.sql.
"""

from typing import Any

import dagster as dg

from acquisition_assets.behavior_predictions.contract import BEHAVIOR_PREDICTIONS
from acquisition_assets.behavior_predictions.policy import PredictionPolicy
from acquisition_assets.behavior_predictions.report import TASK, actions, prediction_report
from acquisition_assets.core.env import Env
from acquisition_assets.core.output import Output, output_asset
from acquisition_assets.core.plots import bars
from acquisition_assets.core.step import Comparison, Step
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features.contract import LEAD_ACTIVITY


def build(env: Env, policy: PredictionPolicy, report_length: int) -> list[dg.AssetsDefinition]:
    """Return the asset of the predictions."""
    output = Output(
        contract=BEHAVIOR_PREDICTIONS,
        description="Points for what makes a lead promising, factor by factor, and what the lead needs next.",
        policy=policy,
        deps=[LEAD_ACTIVITY.table, DYNAMIC_SCORES.table],
        produce=produce,
        recompute=recompute,
        recomputed_text="The number of leads and the sum of weekday_points, from lead_activity alone.",
        task=TASK,
        report=lambda step, _: prediction_report(step, report_length),
        plot=plot,
        details=numbers,
    )
    return [output_asset(env, output)]


def produce(step: Step, policy: PredictionPolicy) -> None:
    """Stage the predictions of the day from features and scores."""
    step.bind(LEAD_ACTIVITY)
    step.bind(DYNAMIC_SCORES)
    step.write_query("behavior_predictions/behavior_predictions", policy.parameters())


def recompute(step: Step, policy: PredictionPolicy) -> Comparison:
    """Compare the number of leads and their weekday points with lead_activity."""
    return step.compare(policy.parameters())


def numbers(step: Step, policy: PredictionPolicy) -> dict[str, Any]:
    """Return the leads of each next action, and the mean of the points."""
    leads = {f"leads_{action}": count for action, count in actions(step).items()}
    return {**leads, **step.numbers("behavior_predictions/numbers")}


def plot(step: Step, policy: PredictionPolicy) -> str:
    """Draw leads per next action."""
    return bars(actions(step), "Leads by action")
