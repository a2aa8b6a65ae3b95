"""Builds the asset `social_performance`: declares its inputs, counts with SQL and computes the rates.

The counts are left to sql/social_performance, and the rates to `rates`.
"""

from typing import Any

import dagster as dg
import pandas as pd

from acquisition_assets.core.env import Env
from acquisition_assets.core.output import Output, output_asset
from acquisition_assets.core.plots import intervals
from acquisition_assets.core.step import Comparison, Step
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.raw.contract import RAW_LEADS
from acquisition_assets.social_performance.contract import SOCIAL_PERFORMANCE
from acquisition_assets.social_performance.policy import SocialPolicy
from acquisition_assets.social_performance.rates import performance
from acquisition_assets.social_performance.report import SOCIAL_MEDIA, TASK, social_report


def build(env: Env, policy: SocialPolicy) -> list[dg.AssetsDefinition]:
    """Return the asset of channel performance."""
    output = Output(
        contract=SOCIAL_PERFORMANCE,
        description="How the leads of each channel engage, with the uncertainty of small numbers.",
        policy=policy,
        deps=[LEAD_ACTIVITY.table, DYNAMIC_SCORES.table, RAW_LEADS.table],
        produce=produce,
        recompute=recompute,
        recomputed_text="The leads of all channels, counted again from raw_leads.",
        task=TASK,
        report=lambda step, policy: social_report(_frame(step), policy),
        plot=plot,
        details=numbers,
        kinds=frozenset({"parquet", "pandas"}),
    )
    return [output_asset(env, output)]


def produce(step: Step, policy: SocialPolicy) -> None:
    """Stage the channels of the leads created in the policy's window."""
    step.bind(LEAD_ACTIVITY)
    step.bind(DYNAMIC_SCORES)
    window = {"created_from": step.env.earlier(step.day, days=policy.window_days)}
    counts = step.query("social_performance/social_performance", window).to_pandas()
    step.write_table(SOCIAL_PERFORMANCE.to_arrow(performance(counts, policy)))


def recompute(step: Step, policy: SocialPolicy) -> Comparison:
    """Compare the number of leads of all channels with raw_leads."""
    step.bind(RAW_LEADS)
    window = {"since": step.env.earlier(step.day, days=policy.window_days), "until": step.env.earlier(step.day, days=0)}
    ours = int(_frame(step)["total_leads"].sum())
    return [("leads", ours, step.row("social_performance/recomputed", window)["leads"])]


def numbers(step: Step, policy: SocialPolicy) -> dict[str, Any]:
    """Return the leads and the rates of social media, and the rate of the best platform, if one has enough leads."""
    frame = _frame(step)
    report = social_report(frame, policy)
    best = {"best_platform_percent": report.best_platform.engagement_rate} if report.best_platform else {}
    return {
        "channels": len(frame),
        "social_leads": report.total_social_leads,
        "social_percent": report.social_percentage,
        "social_engaged_percent": report.channel_comparison[SOCIAL_MEDIA].engagement_rate,
        **best,
    }


def plot(step: Step, policy: SocialPolicy) -> str:
    """Draw the engagement rate of each platform with its interval."""
    rates = {
        str(row["channel"]): (row["engagement_rate"], row["engagement_rate_low"], row["engagement_rate_high"])
        for row in _frame(step).to_dict("records")
        if row["is_social"]
    }
    return intervals(rates, "Engagement rate of the platforms with 95 % intervals")


def _frame(step: Step) -> pd.DataFrame:
    rows = step.session.query("select * from staged order by is_social desc, total_leads desc, channel")
    return SOCIAL_PERFORMANCE.to_frame(rows)
