"""Here: the asset of content_recommendations: what it reads, and the run of its SQL.

Not here: the rules (sql/content_recommendations/content_recommendations.sql).
"""

from collections.abc import Sequence

import dagster as dg
import pyarrow as pa

from acquisition_assets.content_recommendations.contract import CONTENT_RECOMMENDATIONS
from acquisition_assets.content_recommendations.policy import RULES, RecommendationPolicy
from acquisition_assets.content_recommendations.report import content_types, recommendation_report
from acquisition_assets.core.assets import Output, Step, output_asset
from acquisition_assets.core.env import Env
from acquisition_assets.core.plots import bars
from acquisition_assets.core.sql_files import read_sql
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.features.resolve import bind_resolved
from acquisition_assets.raw.contract import RAW_ALIASES, RAW_CONTENT, RAW_EVENTS

INPUTS = (LEAD_ACTIVITY, DYNAMIC_SCORES, RAW_EVENTS, RAW_CONTENT, RAW_ALIASES)
TASK = "personalized_content_recommendations"


def items_table(policy: RecommendationPolicy) -> pa.Table:
    """The policy's items as a table: one row per rule, in the rules' order."""
    rows = [{"rule": rule, "place": place, **policy.items[rule].model_dump()} for place, rule in enumerate(RULES, 1)]
    return pa.Table.from_pylist(rows)


def build(env: Env, policy: RecommendationPolicy, report_length: int) -> dg.AssetsDefinition:
    """The asset of the recommendations."""

    def produce(step: Step) -> None:
        for contract in (LEAD_ACTIVITY, DYNAMIC_SCORES, RAW_CONTENT):
            step.bind(contract)
        bind_resolved(step, RAW_EVENTS)
        step.session.bind_arrow("items", items_table(policy))
        step.session.bind_query("completed", read_sql("content_recommendations/completed_items"))
        step.write_query("content_recommendations/content_recommendations", policy.parameters())

    def recompute(step: Step) -> Sequence[tuple[str, object, object]]:
        ours = step.query("content_recommendations/published").to_pylist()[0]
        theirs = step.query("content_recommendations/recomputed").to_pylist()[0]
        return [(what, ours[what], theirs[what]) for what in ours]

    def plot(step: Step) -> str:
        return bars(content_types(step), "Items by type")

    return output_asset(
        env,
        Output(
            contract=CONTENT_RECOMMENDATIONS,
            description="What to send each lead next, at most five items, each with its rule and reason.",
            deps=[contract.table for contract in INPUTS],
            produce=produce,
            recompute=recompute,
            recomputed_text="The items of the rule interest_marketing, counted without the other rules.",
            task=TASK,
            report=lambda step: recommendation_report(step, report_length),
            plot=plot,
        ),
    )
