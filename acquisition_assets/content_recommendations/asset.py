"""Builds the asset `content_recommendations`: declares its inputs, runs its SQL, checks and plots the result.

The rules are left to sql/content_recommendations/content_recommendations.sql.
"""

import dagster as dg
import pyarrow as pa

from acquisition_assets.content_recommendations.contract import CONTENT_RECOMMENDATIONS
from acquisition_assets.content_recommendations.policy import RULES, RecommendationPolicy
from acquisition_assets.content_recommendations.report import TASK, content_types, recommendation_report
from acquisition_assets.core.env import Env
from acquisition_assets.core.output import Output, output_asset
from acquisition_assets.core.plots import bars
from acquisition_assets.core.sql_files import read_sql
from acquisition_assets.core.step import Comparison, Step
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.features.resolve import bind_resolved
from acquisition_assets.raw.contract import RAW_ALIASES, RAW_CONTENT, RAW_EVENTS


def build(env: Env, policy: RecommendationPolicy, report_length: int) -> list[dg.AssetsDefinition]:
    """Return the asset of the recommendations."""
    output = Output(
        contract=CONTENT_RECOMMENDATIONS,
        description="What to send each lead next, at most five items, each with its rule and reason.",
        policy=policy,
        deps=[LEAD_ACTIVITY.table, DYNAMIC_SCORES.table, RAW_EVENTS.table, RAW_CONTENT.table, RAW_ALIASES.table],
        produce=produce,
        recompute=recompute,
        recomputed_text="The items of the rule interest_marketing, counted without the other rules.",
        task=TASK,
        report=lambda step, _: recommendation_report(step, report_length),
        plot=plot,
    )
    return [output_asset(env, output)]


def items_table(policy: RecommendationPolicy) -> pa.Table:
    """Return the policy's items, one row per rule, in the rules' order."""
    rows = [{"rule": rule, "place": place, **policy.items[rule].model_dump()} for place, rule in enumerate(RULES, 1)]
    return pa.Table.from_pylist(rows)


def produce(step: Step, policy: RecommendationPolicy) -> None:
    """Stage the day's items: those of every rule that applies, without what the lead has completed."""
    for contract in (LEAD_ACTIVITY, DYNAMIC_SCORES, RAW_CONTENT):
        step.bind(contract)
    bind_resolved(step, RAW_EVENTS)
    step.session.bind_arrow("items", items_table(policy))
    step.session.bind_query("completed", read_sql("content_recommendations/completed_items"))
    step.write_query("content_recommendations/content_recommendations", policy.parameters())


def recompute(step: Step, policy: RecommendationPolicy) -> Comparison:
    """Compare the items of one rule with a count that ignores all other rules."""
    return step.compare()


def plot(step: Step, policy: RecommendationPolicy) -> str:
    """Draw items per content type."""
    return bars(content_types(step), "Items by type")
