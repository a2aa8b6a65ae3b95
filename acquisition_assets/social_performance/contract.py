"""Defines the contract of the table `social_performance`.

The rates are left to `rates`.
"""

from __future__ import annotations

from acquisition_assets.core.contracts import Contract, Kind, Rule, column
from acquisition_assets.core.pandera_import import Check

RATE_DECIMALS = 1
SCORE_DECIMALS = 2

_CHANNEL = ("lead_activity.platform", "lead_activity.source")
_ENGAGED = ("lead_activity.status",)

SOCIAL_PERFORMANCE = Contract(
    table="social_performance",
    grain="One row per channel of the leads created in the policy's window (the last 30 days).",
    key=("channel",),
    columns={
        "channel": column(Kind.TEXT, "The lead's platform, or its source where it has none", lineage=_CHANNEL),
        "is_social": column(Kind.FLAG, "Whether the channel is a social platform", lineage=("lead_activity.platform",)),
        "total_leads": column(
            Kind.INTEGER,
            "Leads created in the window",
            Check.ge(1),
            unit="leads",
            lineage=("lead_activity.lead_id", "lead_activity.created_at"),
        ),
        "engaged_leads": column(
            Kind.INTEGER, "Those whose status is engaged or converted", Check.ge(0), unit="leads", lineage=_ENGAGED
        ),
        "engagement_rate": column(
            Kind.NUMBER,
            "engaged_leads / total_leads, 1 decimal",
            Check.ge(0),
            Check.le(100),
            unit="percent",
            lineage=_ENGAGED,
        ),
        "engagement_rate_low": column(
            Kind.NUMBER,
            "Lower Wilson bound of engagement_rate at the policy's confidence (95 %), 1 decimal",
            Check.ge(0),
            Check.le(100),
            unit="percent",
            lineage=_ENGAGED,
        ),
        "engagement_rate_high": column(
            Kind.NUMBER,
            "Upper Wilson bound of engagement_rate at the policy's confidence (95 %), 1 decimal",
            Check.ge(0),
            Check.le(100),
            unit="percent",
            lineage=_ENGAGED,
        ),
        "avg_engagement_score": column(
            Kind.NUMBER,
            "Mean published score, 2 decimals",
            Check.ge(0),
            unit="points",
            lineage=("dynamic_scores.score",),
        ),
        "referrals_generated": column(
            Kind.INTEGER,
            "Pending and validated referrals of the leads",
            Check.ge(0),
            unit="referrals",
            lineage=("lead_activity.referrals_generated",),
        ),
        "referral_rate": column(
            Kind.NUMBER,
            "Share of leads with at least one such referral, 1 decimal",
            Check.ge(0),
            Check.le(100),
            unit="percent",
            lineage=("lead_activity.referrals_generated",),
        ),
    },
    rules=(
        Rule("engaged among leads", "engaged_leads <= total_leads", "no more leads are engaged than there are"),
        Rule(
            "rate of counts",
            "abs(engagement_rate * total_leads - 100 * engaged_leads) <= 0.051 * total_leads",
            "engagement_rate is engaged_leads / total_leads, to the rounding",
        ),
        Rule(
            "bounds around rate",
            "engagement_rate_low <= engagement_rate and engagement_rate <= engagement_rate_high",
            "the bounds lie around the rate",
        ),
        Rule(
            "referrals of leads",
            "(referral_rate - 0.051) * total_leads <= 100 * referrals_generated",
            "every lead with a referral has at least one",
        ),
        Rule("channel named", "channel <> ''", "the channel has a name"),
    ),
)
