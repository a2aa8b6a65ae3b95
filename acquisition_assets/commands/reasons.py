"""Here: the words that explain a lead's numbers: each rule with the policy's numbers and the lead's values.

Not here: the rules' arithmetic; it is in sql/outputs, and the numbers explained are the published ones.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from acquisition_assets.behavior_predictions.policy import PredictionPolicy
from acquisition_assets.content_recommendations.policy import RecommendationPolicy
from acquisition_assets.dynamic_scores.policy import ScorePolicy
from acquisition_assets.policy import Policy

Row = Mapping[str, Any]
SHOWN_DECIMALS = 4
NO_RESPONSE = "no response time is known"
NEVER_ENGAGED = "never engaged"
NOTHING_SENT = "nothing: none was sent"
RECOMMENDED_STATUSES = ("new", "nurturing", "engaged")


def shown(value: object) -> str:
    """A value in an explanation; one that only looks round is `about` that, as it may miss a threshold."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        rounded = round(value, SHOWN_DECIMALS)
        looks_exact = rounded == round(value, SHOWN_DECIMALS - 1)
        return f"about {rounded:.10g}" if looks_exact and rounded != value else f"{rounded:.10g}"
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def _told(text: str, value: object, otherwise: str) -> str:
    """A text with a value in it, or another text where there is none."""
    return otherwise if value is None else text.format(shown(value))


def of_score(activity: Row, policy: Policy) -> dict[str, str]:
    """Why each part of the score is what it is."""
    rules, recent, month = policy.dynamic_scores, policy.features.recent_days, policy.features.month_days
    days = min(rules.consistency_days, max(1, activity["age_days"]))
    response, status = activity["latest_response_hours"], activity["status"]
    lost_days = max(0, activity["days_inactive"] - rules.decay_after_days)
    return {
        "base_score": "kept by the source system",
        "recent_activity_points": (
            f"{rules.completion_points:g} x {activity['completions_7d']} completed + "
            f"{rules.open_points:g} x {activity['opens_7d']} opened in the last {recent} days"
        ),
        "response_points": (
            f"{_told('latest response took {} hours', response, NO_RESPONSE)}; {rules.fast_response_points:g} if under "
            f"{rules.fast_response_hours:g}, {rules.response_points:g} if under {rules.response_hours:g}"
        ),
        "referral_points": f"{rules.referral_points:g} x {activity['referrals_generated']} referrals",
        "consistency_points": (
            f"{activity['consumed_30d']} consumed in the last {month} days, "
            f"{shown(activity['consumed_30d'] / days)} a day; "
            f"{rules.consistency_points:g} if at least {rules.consistency_consumed} and more than "
            f"{rules.consistency_per_day:g} a day"
        ),
        "decay_points": (
            f"-{rules.decay_points_per_day:g} x {lost_days} days: {activity['days_inactive']} inactive, "
            f"{rules.decay_after_days} without loss"
        ),
        "status_points": f"{status}; {rules.engaged_points:g} if engaged, {rules.nurturing_points:g} if nurturing",
        "clamp_adjustment": (
            f"what the floor of {rules.minimum_score:g} before status_points and the limits {rules.minimum_score:g} to "
            f"{rules.maximum_score:g} gave or took"
        ),
    }


def of_change(score: Row, activity: Row, policy: Policy) -> str:
    """Why the score is published, or stays."""
    rules = policy.dynamic_scores
    candidate = score["computed_score"]
    told = ""
    if not score["is_analysed"]:
        candidate = min(candidate, score["previous_score"])
        told = f"not analysed ({_not_analysed(activity, rules)}), so it cannot rise: {candidate:.2f}; "
    change = candidate - score["previous_score"]
    verdict = "moved by more than" if score["is_updated"] else "stays, as the change is not more than"
    return f"{told}{change:+.2f}: {verdict} {rules.minimum_change:g}"


def _not_analysed(activity: Row, rules: ScorePolicy) -> str:
    if activity["age_days"] >= rules.analysed_created_days:
        return f"{activity['age_days']} days old, more than {rules.analysed_created_days}"
    sent, engaged = shown(activity["last_sent_at"]), shown(activity["last_engaged_at"])
    return f"last sent {sent}, last engaged {engaged}, both more than {rules.analysed_active_days} days ago"


def of_prediction(facts: Row, rules: PredictionPolicy) -> dict[str, str]:
    """Why each factor of the prediction is what it is."""
    response, since = facts["avg_response_hours"], facts["days_since_engagement"]
    return {
        "engagement_points": (
            f"{rules.engagement_points:g} x min(1, score {shown(facts['engagement_score'])} / "
            f"{rules.full_engagement_score:g})"
        ),
        "completion_points": (
            f"{rules.completion_points:g} x {_told('completion rate {}', facts['completion_rate'], NOTHING_SENT)}"
        ),
        "response_points": (
            f"{_told('mean response {} hours', response, NO_RESPONSE)}; {rules.fast_response_points:g} if under "
            f"{rules.fast_response_hours:g}, {rules.response_points:g} if under {rules.response_hours:g}"
        ),
        "business_hours_points": (
            f"{_told('share in business hours {}', facts['business_hours_share'], NEVER_ENGAGED)}; "
            f"{rules.business_hours_points:g} if over {rules.business_hours_share:g}"
        ),
        "weekday_points": (
            f"{_told('share on weekdays {}', facts['weekday_share'], NEVER_ENGAGED)}; {rules.weekday_points:g} if over "
            f"{rules.weekday_share:g}"
        ),
        "recency_points": (
            f"{_told('days since engagement {}', since, NEVER_ENGAGED)}; {rules.recent_points:g} if under "
            f"{rules.recent_days}, {rules.week_points:g} if under {rules.week_days}"
        ),
    }


def of_action(rules: PredictionPolicy) -> str:
    """Where each action begins."""
    return (
        f"likely_to_convert above {rules.likely_above:g} %, needs_nurturing from {rules.nurturing_from:g} %, "
        f"needs_engagement from {rules.engagement_from:g} %, else needs_re_engagement"
    )


def of_items(facts: Row, rules: RecommendationPolicy) -> dict[str, tuple[str, bool]]:
    """Each rule of the recommendations with the lead's values, and whether it holds."""
    interest, types = facts["interest_area"], facts["consumed_content_types"]
    completed, status, score = facts["completions_total"], facts["status"], facts["engagement_score"]
    is_interest, is_score = f"(is {shown(interest)})", f"(is {shown(score)})"
    is_completed, of_types = f"(is {completed})", f"(completed {shown(types)})"
    return {
        "interest_marketing": (f"interest_area = marketing {is_interest}", interest == "marketing"),
        "interest_sales": (f"interest_area = sales {is_interest}", interest == "sales"),
        "complement_guides": (
            f"completed a blog and no guide {of_types}",
            "blog" in types and "guide" not in types,
        ),
        "complement_videos": (
            f"completions_total >= {rules.complement_videos_completions} {is_completed} and no video {of_types}",
            completed >= rules.complement_videos_completions and "video" not in types,
        ),
        "high_engagement": (
            f"score >= {rules.high_engagement_score:g} {is_score}",
            score >= rules.high_engagement_score,
        ),
        "near_conversion": (
            f"status = nurturing (is {status}) and score >= {rules.near_conversion_score:g} {is_score}",
            status == "nurturing" and score >= rules.near_conversion_score,
        ),
        "premium": (
            f"completions_total >= {rules.premium_completions} {is_completed}",
            completed >= rules.premium_completions,
        ),
    }
