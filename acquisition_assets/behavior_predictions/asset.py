"""Here: the asset of behavior_predictions: what it reads, and the run of its SQL.

Not here: the rule (sql/behavior_predictions/behavior_predictions.sql).
"""

from collections.abc import Sequence

import dagster as dg

from acquisition_assets.behavior_predictions.contract import BEHAVIOR_PREDICTIONS
from acquisition_assets.behavior_predictions.policy import PredictionPolicy
from acquisition_assets.behavior_predictions.report import actions, prediction_report
from acquisition_assets.core.assets import Output, Step, output_asset
from acquisition_assets.core.env import Env
from acquisition_assets.core.plots import bars
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features.contract import LEAD_ACTIVITY

TASK = "predictive_behavior_analysis"


def build(env: Env, policy: PredictionPolicy, report_length: int) -> dg.AssetsDefinition:
    """The asset of the predictions."""

    def produce(step: Step) -> None:
        step.bind(LEAD_ACTIVITY)
        step.bind(DYNAMIC_SCORES)
        step.write_query("behavior_predictions/behavior_predictions", policy.parameters())

    def recompute(step: Step) -> Sequence[tuple[str, object, object]]:
        ours = step.query("behavior_predictions/published").to_pylist()[0]
        theirs = step.query("behavior_predictions/recomputed", policy.parameters()).to_pylist()[0]
        return [(what, ours[what], theirs[what]) for what in ours]

    def plot(step: Step) -> str:
        return bars(actions(step), "Leads by action")

    return output_asset(
        env,
        Output(
            contract=BEHAVIOR_PREDICTIONS,
            description="How probable it is that a lead converts, factor by factor, and what the lead needs next.",
            deps=[LEAD_ACTIVITY.table, DYNAMIC_SCORES.table],
            produce=produce,
            recompute=recompute,
            recomputed_text="The number of leads and the sum of weekday_points, from lead_activity alone.",
            task=TASK,
            report=lambda step: prediction_report(step, report_length),
            plot=plot,
        ),
    )
