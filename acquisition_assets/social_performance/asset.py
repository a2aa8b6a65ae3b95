"""Here: the asset of social_performance: what it reads, and the call of the rates.

Not here: the counts (sql/social_performance/social_performance.sql) and the rates (rates.py).
"""

from collections.abc import Sequence

import dagster as dg
import pandas as pd

from acquisition_assets.core.assets import Output, Step, output_asset
from acquisition_assets.core.env import Env
from acquisition_assets.core.plots import intervals
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.raw.contract import RAW_LEADS
from acquisition_assets.social_performance.contract import SOCIAL_PERFORMANCE
from acquisition_assets.social_performance.policy import SocialPolicy
from acquisition_assets.social_performance.rates import performance
from acquisition_assets.social_performance.report import social_report

TASK = "social_media_tracking"


def build(env: Env, policy: SocialPolicy) -> dg.AssetsDefinition:
    """The asset of the channels' performance."""

    def produce(step: Step) -> None:
        step.bind(LEAD_ACTIVITY)
        step.bind(DYNAMIC_SCORES)
        window = {"created_from": env.earlier(step.day, days=policy.window_days)}
        counts = step.query("social_performance/social_performance", window).to_pandas()
        step.write_table(SOCIAL_PERFORMANCE.to_arrow(performance(counts, policy)))

    def recompute(step: Step) -> Sequence[tuple[str, object, object]]:
        step.bind(RAW_LEADS)
        window = {"since": env.earlier(step.day, days=policy.window_days), "until": env.earlier(step.day, days=0)}
        ours = int(_frame(step)["total_leads"].sum())
        return [("leads", ours, step.query("social_performance/recomputed", window).to_pylist()[0]["leads"])]

    def plot(step: Step) -> str:
        rates = {
            str(row["channel"]): (row["engagement_rate"], row["engagement_rate_low"], row["engagement_rate_high"])
            for row in _frame(step).to_dict("records")
            if row["is_social"]
        }
        return intervals(rates, "Engagement rate of the platforms with 95 % intervals")

    return output_asset(
        env,
        Output(
            contract=SOCIAL_PERFORMANCE,
            description="How the leads of each channel engage, with the uncertainty of small numbers.",
            deps=[LEAD_ACTIVITY.table, DYNAMIC_SCORES.table, RAW_LEADS.table],
            produce=produce,
            recompute=recompute,
            recomputed_text="The leads of all channels, counted again from raw_leads.",
            task=TASK,
            report=lambda step: social_report(_frame(step), policy),
            plot=plot,
            kinds=frozenset({"parquet", "pandas"}),
        ),
    )


def _frame(step: Step) -> pd.DataFrame:
    rows = step.session.query("select * from staged order by is_social desc, total_leads desc, channel")
    return SOCIAL_PERFORMANCE.to_frame(rows)
