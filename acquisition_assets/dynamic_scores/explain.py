"""Explains a lead's score: each part with the policy's numbers and the lead's values, and why it changed or not.

The arithmetic is left to sql/dynamic_scores; every number shown was published.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from acquisition_assets.core.sections import Grid, LeadView, Row, Section, Strong
from acquisition_assets.core.wording import format_cell, format_known, format_value
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES, PARTS
from acquisition_assets.dynamic_scores.policy import ScorePolicy
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.features.policy import FeaturePolicy

NO_RESPONSE = "no response time is known"
SAME_SCORE = 0.005


def section(lead: LeadView, rules: ScorePolicy, features: FeaturePolicy) -> Section:
    """Return the parts of the published score, each with its reason."""
    score, activity = lead.rows(DYNAMIC_SCORES.table)[0], lead.rows(LEAD_ACTIVITY.table)[0]
    reasons = part_reasons(activity, rules, features)
    names = ("base_score", *PARTS, "clamp_adjustment")
    rows: list[Sequence[object]] = [[name, score[name], reasons[name]] for name in names]
    rows.append([Strong("computed_score"), score["computed_score"], "all of these together"])
    rows.append(["previous_score", score["previous_score"], _previous(lead, score, rules)])
    rows.append([Strong("score"), score["score"], change_reason(score, activity, rules)])
    return Section(f"Score {format_cell(score['score'])}", [Grid(["part", "points", "why"], rows)])


def part_reasons(activity: Row, rules: ScorePolicy, features: FeaturePolicy) -> dict[str, str]:
    """Return why each part of the score is what it is."""
    recent, month = features.recent_days, features.month_days
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
            f"{format_known('latest response took {} hours', response, NO_RESPONSE)}; "
            f"{rules.fast_response_points:g} if under {rules.fast_response_hours:g}, {rules.response_points:g} if "
            f"under {rules.response_hours:g}"
        ),
        "referral_points": f"{rules.referral_points:g} x {activity['referrals_generated']} referrals",
        "consistency_points": (
            f"{activity['consumed_30d']} consumed in the last {month} days, "
            f"{format_value(activity['consumed_30d'] / days)} a day; "
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


def change_reason(score: Row, activity: Row, rules: ScorePolicy) -> str:
    """Return why the score changed or did not."""
    candidate = score["computed_score"]
    prefix = ""
    if not score["is_analysed"]:
        candidate = min(candidate, score["previous_score"])
        prefix = f"not analysed ({_not_analysed(activity, rules)}), so it cannot rise: {candidate:.2f}; "
    change = candidate - score["previous_score"]
    verdict = "moved by more than" if score["is_updated"] else "stays, as the change is not more than"
    return f"{prefix}{change:+.2f}: {verdict} {rules.minimum_change:g}"


def _not_analysed(activity: Row, rules: ScorePolicy) -> str:
    if activity["age_days"] >= rules.analysed_created_days:
        return f"{activity['age_days']} days old, more than {rules.analysed_created_days}"
    sent, engaged = format_value(activity["last_sent_at"]), format_value(activity["last_engaged_at"])
    return f"last sent {sent}, last engaged {engaged}, both more than {rules.analysed_active_days} days ago"


def _previous(lead: LeadView, score: Row, rules: ScorePolicy) -> str:
    day = previous_day(lead, rules.lookback_days)
    if day:
        return f"the score published on {day}"
    clamped = min(rules.maximum_score, max(rules.minimum_score, score["base_score"]))
    is_base = abs(score["previous_score"] - clamped) < SAME_SCORE
    return "the base score within the limits, as there is no earlier score" if is_base else "an earlier score"


def previous_day(lead: LeadView, lookback_days: int) -> dt.date | None:
    """Return the newest earlier day that has the lead, if the previous score was published on it."""
    score = lead.rows(DYNAMIC_SCORES.table)[0]
    oldest = lead.day - dt.timedelta(days=lookback_days)
    for day in reversed([day for day in lead.lake.days(DYNAMIC_SCORES.table) if oldest <= day < lead.day]):
        rows = lead.rows(DYNAMIC_SCORES.table, day)
        if rows:
            return day if rows[0]["score"] == score["previous_score"] else None
    return None
