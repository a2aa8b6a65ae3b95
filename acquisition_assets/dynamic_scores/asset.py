"""Here: the asset of dynamic_scores: what it reads, and the run of its SQL.

Not here: the rule (sql/dynamic_scores/dynamic_scores.sql).
"""

import datetime as dt
from collections.abc import Sequence

import dagster as dg

from acquisition_assets.core.assets import Finding, Output, Step, output_asset
from acquisition_assets.core.days import days_between
from acquisition_assets.core.env import Env
from acquisition_assets.core.plots import columns
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.dynamic_scores.policy import ScorePolicy
from acquisition_assets.dynamic_scores.report import scoring_report
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.features.resolve import bind_resolved
from acquisition_assets.raw.contract import RAW_ALIASES, RAW_LEADS, RAW_REFERRALS

TASK = "dynamic_scoring_system"
BUCKETS = 20


def build(env: Env, policy: ScorePolicy, report_length: int) -> dg.AssetsDefinition:
    """The asset of the published scores."""

    def earlier(day: dt.date) -> list[dt.date]:
        return days_between(day - dt.timedelta(days=policy.lookback_days), day - dt.timedelta(days=1))

    def produce(step: Step) -> None:
        step.bind(LEAD_ACTIVITY)
        step.bind(DYNAMIC_SCORES, earlier(step.day), name="previous_scores")
        step.write_query(
            "dynamic_scores/dynamic_scores",
            {
                **policy.parameters(),
                "analysed_created_from": env.earlier(step.day, days=policy.analysed_created_days),
                "analysed_active_from": env.earlier(step.day, days=policy.analysed_active_days),
            },
        )

    def recompute(step: Step) -> Sequence[tuple[str, object, object]]:
        step.bind(RAW_LEADS)
        bind_resolved(step, RAW_REFERRALS)
        ours = step.query("dynamic_scores/published").to_pylist()[0]
        theirs = step.query("dynamic_scores/recomputed", policy.parameters()).to_pylist()[0]
        return [(what, ours[what], theirs[what]) for what in ours]

    def previous_day(step: Step) -> Sequence[Finding]:
        yesterday = step.day - dt.timedelta(days=1)
        found = env.lake.has(DYNAMIC_SCORES.table, yesterday)
        text = f"previous scores are those of {yesterday}"
        if not found:
            newest = [day for day in env.lake.days(DYNAMIC_SCORES.table) if day in set(earlier(step.day))]
            instead = f"those of {newest[-1]}" if newest else "the base scores"
            text = f"{yesterday} has no scores; previous scores are {instead}"
        return [Finding("previous_day", found, text)]

    def plot(step: Step) -> str:
        leads = {row["bucket"]: row["leads"] for row in step.query("dynamic_scores/distribution").to_pylist()}
        return columns([leads.get(bucket, 0) for bucket in range(BUCKETS)], "Leads by score, 0 to 100 in steps of 5")

    itself = dg.AssetDep(
        DYNAMIC_SCORES.table,
        partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-policy.lookback_days, end_offset=-1),
    )
    return output_asset(
        env,
        Output(
            contract=DYNAMIC_SCORES,
            description="How engaged each lead is, 0 to 100, point by point. Elsewhere it is called engagement_score.",
            deps=[LEAD_ACTIVITY.table, RAW_LEADS.table, RAW_REFERRALS.table, RAW_ALIASES.table, itself],
            produce=produce,
            recompute=recompute,
            recomputed_text="The number of leads and the sum of referral_points, counted again from the raw tables.",
            task=TASK,
            report=lambda step: scoring_report(step, report_length),
            plot=plot,
            checks={"previous_day": "The scores of the day before are in the lake."},
            findings=previous_day,
        ),
    )
