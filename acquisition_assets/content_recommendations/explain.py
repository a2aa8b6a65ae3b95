"""Explains a lead's recommendations: each rule with the lead's values, and the outcome for its item.

The choice of items is left to sql/content_recommendations; every item shown was published.
"""

from __future__ import annotations

from collections.abc import Mapping

from acquisition_assets.content_recommendations.contract import CONTENT_RECOMMENDATIONS
from acquisition_assets.content_recommendations.policy import RULES, RecommendationPolicy
from acquisition_assets.core.sections import Grid, LeadView, Notice, Part, Row, Section
from acquisition_assets.core.wording import format_value
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features.contract import LEAD_ACTIVITY

STATUSES = ("new", "nurturing", "engaged")
LEFT = {"is_unsubscribed": "unsubscribed", "is_bounced": "bounced", "has_complained": "complaining"}


def section(lead: LeadView, rules: RecommendationPolicy) -> Section:
    """Return the lead's items and the outcome of each rule."""
    if not lead.has(CONTENT_RECOMMENDATIONS.table):
        return Section("Recommendations", [lead.missing(CONTENT_RECOMMENDATIONS.table)])
    items = sorted(lead.rows(CONTENT_RECOMMENDATIONS.table), key=lambda row: int(row["rank"]))
    title = f"Recommendations: {len(items) or 'none'}"
    activity = lead.rows(LEAD_ACTIVITY.table)[0]
    left = next((state for column, state in LEFT.items() if activity[column]), None)
    if activity["status"] not in STATUSES or left:
        state = left or str(activity["status"])
        text = (
            "only leads that are new, nurturing or engaged, and not unsubscribed, bounced or complaining, get items; "
            f"this one is {state}"
        )
        return Section(title, [text])
    score = lead.rows(DYNAMIC_SCORES.table)[0]["score"]
    outcomes = rule_outcomes({**activity, "engagement_score": score}, rules)
    ranks = {row["rule"]: int(row["rank"]) for row in items}
    parts: list[Part] = []
    if items:
        names = ("rank", "content_type", "title", "reason")
        parts.append(Grid(["rank", "type", "title", "reason"], [[row[name] for name in names] for row in items]))
    rows = [[rule, _outcome(rule, outcomes[rule][1], ranks, rules.maximum_items), outcomes[rule][0]] for rule in RULES]
    parts.append(Grid(["rule", "item", "when"], rows))
    if any(not outcomes[rule][1] for rule in ranks):
        parts.append(Notice("published with other thresholds; run the day again"))
    return Section(title, parts)


def rule_outcomes(facts: Row, rules: RecommendationPolicy) -> dict[str, tuple[str, bool]]:
    """Return each rule with the lead's values and whether it applies."""
    interest, types = facts["interest_area"], facts["consumed_content_types"]
    completed, status, score = facts["completions_total"], facts["status"], facts["engagement_score"]
    is_interest, is_score = f"(is {format_value(interest)})", f"(is {format_value(score)})"
    is_completed, of_types = f"(is {completed})", f"(completed {format_value(types)})"
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


def _outcome(rule: str, holds: bool, ranks: Mapping[str, int], maximum: int) -> str:
    """Return the outcome of a rule: the rank of its item, or why it has none."""
    if rule in ranks:
        return f"rank {ranks[rule]}"
    if not holds:
        return "no"
    later = any(RULES.index(other) > RULES.index(rule) for other in ranks)
    return "completed" if later or len(ranks) < maximum else f"over {maximum} items"
