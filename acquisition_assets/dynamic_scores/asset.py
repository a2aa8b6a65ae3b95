"""Builds the asset `dynamic_scores`: declares its inputs, runs its SQL, checks and plots the result.

The calculation is left to sql/dynamic_scores/dynamic_scores.sql.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import dagster as dg

from acquisition_assets.core.env import Env
from acquisition_assets.core.output import Output, output_asset
from acquisition_assets.core.plots import columns
from acquisition_assets.core.step import Comparison, Finding, Step
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.dynamic_scores.policy import ScorePolicy
from acquisition_assets.dynamic_scores.report import TASK, scoring_report
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.features.resolve import bind_resolved
from acquisition_assets.raw.contract import RAW_ALIASES, RAW_LEADS, RAW_REFERRALS

BUCKETS = 20
BUCKET_TITLE = "Leads by score, 0 to 100 in steps of 5"


def build(env: Env, policy: ScorePolicy, report_length: int) -> list[dg.AssetsDefinition]:
    """Return the asset of the scores."""
    earlier_scores = dg.AssetDep(
        DYNAMIC_SCORES.table,
        partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-policy.lookback_days, end_offset=-1),
    )
    output = Output(
        contract=DYNAMIC_SCORES,
        description="How engaged each lead is, 0 to 100, point by point. Elsewhere it is called engagement_score.",
        policy=policy,
        deps=[LEAD_ACTIVITY.table, RAW_LEADS.table, RAW_REFERRALS.table, RAW_ALIASES.table, earlier_scores],
        produce=produce,
        recompute=recompute,
        recomputed_text="The number of leads and the sum of referral_points, counted again from the raw tables.",
        task=TASK,
        report=lambda step, _: scoring_report(step, report_length),
        plot=plot,
        details=numbers,
        checks={"previous_day": "The scores of the day before are in the lake."},
        findings=previous_day,
    )
    return [output_asset(env, output)]


def produce(step: Step, policy: ScorePolicy) -> None:
    """Stage the scores of the day from the features and the newest earlier scores."""
    step.bind(LEAD_ACTIVITY)
    step.bind(DYNAMIC_SCORES, step.earlier_days(policy.lookback_days), name="previous_scores")
    step.write_query(
        "dynamic_scores/dynamic_scores",
        {
            **policy.parameters(),
            "analysed_created_from": step.env.earlier(step.day, days=policy.analysed_created_days),
            "analysed_active_from": step.env.earlier(step.day, days=policy.analysed_active_days),
        },
    )


def recompute(step: Step, policy: ScorePolicy) -> Comparison:
    """Compare the number of leads and their referral points with the raw tables."""
    step.bind(RAW_LEADS)
    bind_resolved(step, RAW_REFERRALS)
    return step.compare(policy.parameters())


def previous_day(step: Step, policy: ScorePolicy) -> Sequence[Finding]:
    """Return a warning if the day before has no scores, with the scores that were used instead.

    On the first day of a lake there is nothing to warn of: it has no day before.
    """
    yesterday = step.day - dt.timedelta(days=1)
    days = step.env.lake.days(DYNAMIC_SCORES.table)
    if yesterday in days:
        return [Finding("previous_day", True, f"previous scores are those of {yesterday}")]
    if not any(day < step.day for day in days):
        text = f"{step.day} is the first day of the lake; previous scores are the base scores"
        return [Finding("previous_day", True, text)]
    newest = [day for day in days if day in set(step.earlier_days(policy.lookback_days))]
    instead = f"those of {newest[-1]}" if newest else "the base scores"
    return [Finding("previous_day", False, f"{yesterday} has no scores; previous scores are {instead}")]


def numbers(step: Step, policy: ScorePolicy) -> dict[str, Any]:
    """Return the leads, their mean score, and the share of the analysed ones whose score was updated."""
    return step.numbers("dynamic_scores/numbers")


def plot(step: Step, policy: ScorePolicy) -> str:
    """Draw the distribution of the scores."""
    leads = {row["bucket"]: row["leads"] for row in step.query("dynamic_scores/distribution").to_pylist()}
    return columns([leads.get(bucket, 0) for bucket in range(BUCKETS)], BUCKET_TITLE)
