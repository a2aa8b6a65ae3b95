"""Explains a lead's score: each part with the policy's numbers and the lead's values, and why it changed or not.

The arithmetic is left to sql/dynamic_scores; every number shown was published.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from acquisition_assets.core.sections import Grid, LeadView, Row, Section, Strong
from acquisition_assets.core.words import Words, words_of
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES, PARTS
from acquisition_assets.dynamic_scores.policy import ScorePolicy
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.features.policy import FeaturePolicy

ROOM = "dynamic_scores"
SAME_SCORE = 0.005


def section(lead: LeadView, rules: ScorePolicy, features: FeaturePolicy) -> Section:
    """Return the parts of the published score, each with its reason."""
    score, activity = lead.rows(DYNAMIC_SCORES.table)[0], lead.rows(LEAD_ACTIVITY.table)[0]
    words = words_of(ROOM, lead.locale)
    reasons = part_reasons(activity, rules, features, words)
    names = ("base_score", *PARTS, "clamp_adjustment")
    rows: list[Sequence[object]] = [[name, score[name], reasons[name]] for name in names]
    rows.append([Strong("computed_score"), score["computed_score"], words("explain.computed_score")])
    rows.append(["previous_score", score["previous_score"], _previous(lead, score, rules, words)])
    rows.append([Strong("score"), score["score"], change_reason(score, activity, rules, words)])
    title = words("explain.title", score=words.cell(score["score"]))
    return Section(title, [Grid(words.titles("part", "points", "why"), rows)])


def part_reasons(activity: Row, rules: ScorePolicy, features: FeaturePolicy, words: Words) -> dict[str, str]:
    """Return why each part of the score is what it is."""
    days = min(rules.consistency_days, max(1, activity["age_days"]))
    lost_days = max(0, activity["days_inactive"] - rules.decay_after_days)
    latest = words.known("explain.response", activity["latest_response_hours"], "explain.no_response")
    return {
        "base_score": words("explain.base_score"),
        "recent_activity_points": words(
            "explain.recent_activity",
            completion_points=rules.completion_points,
            completions=activity["completions_7d"],
            open_points=rules.open_points,
            opens=activity["opens_7d"],
            days=str(features.recent_days),
        ),
        "response_points": words(
            "explain.response_points",
            response=latest,
            fast_points=rules.fast_response_points,
            fast=rules.fast_response_hours,
            points=rules.response_points,
            slow=rules.response_hours,
        ),
        "referral_points": words(
            "explain.referrals", referrals=activity["referrals_generated"], points=rules.referral_points
        ),
        "consistency_points": words(
            "explain.consistency",
            consumed=activity["consumed_30d"],
            days=str(features.month_days),
            rate=activity["consumed_30d"] / days,
            points=rules.consistency_points,
            least=rules.consistency_consumed,
            per_day=rules.consistency_per_day,
        ),
        "decay_points": words(
            "explain.decay",
            lost_days=lost_days,
            points=rules.decay_points_per_day,
            inactive=str(activity["days_inactive"]),
            free=str(rules.decay_after_days),
        ),
        "status_points": words(
            "explain.status", status=activity["status"], engaged=rules.engaged_points, nurturing=rules.nurturing_points
        ),
        "clamp_adjustment": words("explain.clamp", minimum=rules.minimum_score, maximum=rules.maximum_score),
    }


def change_reason(score: Row, activity: Row, rules: ScorePolicy, words: Words) -> str:
    """Return why the score changed or did not."""
    candidate, prefix = score["computed_score"], ""
    if not score["is_analysed"]:
        candidate = min(candidate, score["previous_score"])
        why = _not_analysed(activity, rules, words)
        prefix = words("explain.not_analysed", why=why, score=words.cell(candidate))
    change = words.writing.decimal(candidate - score["previous_score"], "+0.00;-0.00")
    key = "explain.moved" if score["is_updated"] else "explain.stays"
    return prefix + words(key, change=change, least=rules.minimum_change)


def _not_analysed(activity: Row, rules: ScorePolicy, words: Words) -> str:
    if activity["age_days"] >= rules.analysed_created_days:
        return words("explain.too_old", days=activity["age_days"], most=rules.analysed_created_days)
    sent, engaged = activity["last_sent_at"], activity["last_engaged_at"]
    return words("explain.too_quiet", sent=sent, engaged=engaged, days=str(rules.analysed_active_days))


def _previous(lead: LeadView, score: Row, rules: ScorePolicy, words: Words) -> str:
    day = previous_day(lead, rules.lookback_days)
    if day:
        return words("explain.published", day=day)
    clamped = min(rules.maximum_score, max(rules.minimum_score, score["base_score"]))
    is_base = abs(score["previous_score"] - clamped) < SAME_SCORE
    return words("explain.no_earlier" if is_base else "explain.earlier")


def previous_day(lead: LeadView, lookback_days: int) -> dt.date | None:
    """Return the newest earlier day that has the lead, if the previous score was published on it."""
    score = lead.rows(DYNAMIC_SCORES.table)[0]
    oldest = lead.day - dt.timedelta(days=lookback_days)
    for day in reversed([day for day in lead.lake.days(DYNAMIC_SCORES.table) if oldest <= day < lead.day]):
        rows = lead.rows(DYNAMIC_SCORES.table, day)
        if rows:
            return day if rows[0]["score"] == score["previous_score"] else None
    return None
