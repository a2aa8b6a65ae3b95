"""Computes the rates of each channel, their Wilson bounds and the best platform from counts per channel.

The counts are left to sql/social_performance, and the report to `report`.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd
import pyarrow as pa

from acquisition_assets.core.numbers import round_half_up
from acquisition_assets.social_performance.contract import RATE_DECIMALS, SCORE_DECIMALS, SOCIAL_PERFORMANCE
from acquisition_assets.social_performance.policy import SocialPolicy


def percent(part: int, whole: int) -> float:
    """Return a share as a published percentage; 0 if the whole is 0."""
    return round_half_up(100 * part / whole, RATE_DECIMALS) if whole else 0.0


def performance(counts: pd.DataFrame, policy: SocialPolicy) -> pd.DataFrame:
    """Return one row per channel with the contract's columns and types: social ones first, larger ones first.

    Args:
        counts: One row per channel: channel, is_social, total_leads (at least 1), engaged_leads, score_sum,
            referrals_generated and leads_with_referral.
        policy: The confidence of the bounds.
    """
    rows = [_row(row, policy.confidence) for row in counts.to_dict("records")]
    rows.sort(key=lambda row: (not row["is_social"], -row["total_leads"], row["channel"]))
    return SOCIAL_PERFORMANCE.to_frame(pa.Table.from_pylist(rows, schema=SOCIAL_PERFORMANCE.arrow_schema))


def best_platform(frame: pd.DataFrame, policy: SocialPolicy) -> str | None:
    """Return the social channel with the highest published engagement rate among those with enough leads.

    Ties go to the channel with more leads, then to the first by name. The result is None if none has enough leads.
    """
    enough = [
        row
        for row in frame.to_dict("records")
        if row["is_social"] and row["total_leads"] >= policy.best_platform_minimum_leads
    ]
    ranked = sorted(enough, key=lambda row: (-row["engagement_rate"], -row["total_leads"], row["channel"]))
    return str(ranked[0]["channel"]) if ranked else None


def _row(counted: dict[Hashable, Any], confidence: float) -> dict[str, Any]:
    from scipy.stats import binomtest  # slow to import, and only needed when rates are computed

    total, engaged = int(counted["total_leads"]), int(counted["engaged_leads"])
    bounds = binomtest(engaged, total).proportion_ci(confidence_level=confidence, method="wilson")
    return {
        "channel": str(counted["channel"]),
        "is_social": bool(counted["is_social"]),
        "total_leads": total,
        "engaged_leads": engaged,
        "engagement_rate": percent(engaged, total),
        "engagement_rate_low": round_half_up(100 * bounds.low, RATE_DECIMALS),
        "engagement_rate_high": round_half_up(100 * bounds.high, RATE_DECIMALS),
        "avg_engagement_score": round_half_up(float(counted["score_sum"]) / total, SCORE_DECIMALS),
        "referrals_generated": int(counted["referrals_generated"]),
        "referral_rate": percent(int(counted["leads_with_referral"]), total),
    }
