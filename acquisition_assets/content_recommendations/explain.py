"""Explains a lead's recommendations: each rule with the lead's values, and why each item and not the next.

The choice of items is left to sql/content_recommendations and to `ranking`; every item shown was published.
"""

from __future__ import annotations

from collections.abc import Mapping

from acquisition_assets.content_recommendations.contract import CONTENT_RECOMMENDATIONS, RECOMMENDER_QUALITY
from acquisition_assets.content_recommendations.policy import RULE_AREAS, RULES, ContentPolicy, RecommendationPolicy
from acquisition_assets.core.sections import Grid, LeadView, Notice, Part, Row, Section
from acquisition_assets.core.wording import format_value
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.raw.contract import RAW_CONTENT

STATUSES = ("new", "nurturing", "engaged")
LEFT = {"is_unsubscribed": "unsubscribed", "is_bounced": "bounced", "has_complained": "complaining"}


def section(lead: LeadView, rules: RecommendationPolicy, content: ContentPolicy) -> Section:
    """Return the lead's items, why each of them and not the next, and the outcome of each rule."""
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
    ranks = {row["rule"]: int(row["rank"]) for row in items if row["rule"] in RULES}
    parts: list[Part] = []
    if items:
        names = ("rank", "content_type", "title", "reason")
        parts.append(Grid(["rank", "type", "title", "reason"], [[row[name] for name in names] for row in items]))
    is_own = rules.items == "own"
    if is_own:
        parts += _why(lead, items, rules, content)
    others = len(items) - len(ranks)
    rows = [[rule, _outcome(rule, outcomes[rule][1], ranks, rules, others=others), outcomes[rule][0]] for rule in RULES]
    parts.append(Grid(["rule", "item", "when"], rows))
    if any(not outcomes[rule][1] for rule in ranks):
        parts.append(Notice("published with other thresholds; run the day again"))
    return Section(title, parts)


def _why(lead: LeadView, items: list[Row], rules: RecommendationPolicy, content: ContentPolicy) -> list[Part]:
    """Return how the items are ranked, the parts of each item's score, and what would have come in its place."""
    parts: list[Part] = []
    chosen = _chosen(lead)
    if chosen is not None:
        parts.append(f"items are ranked by {chosen['method']}; {chosen['reason']}")
    titles = _titles(lead, rules)
    rows = []
    for row in items:
        if row["item_score"] is None:
            return [*parts, Notice("published with the document's items; run the day again")]
        after = row["next_content_id"]
        following = (
            "no other item of its kind is left"
            if row["rule"] in RULES
            else "no other item is left"
            if after is None
            else f"{titles.get(after, after)} ({row['next_score']:g})"
        )
        area = RULE_AREAS.get(row["rule"])
        first = f"items about {area} first" if area else ""
        rows.append([row["rank"], row["item_score"], row["popularity_part"], row["personal_part"], following, first])
    if rows:
        parts.append(Grid(["rank", "score", "popularity", "taste", "next best", "order"], rows))
    parts.append(
        f"never an item that was completed, opened in the last {content.opened_days} days or sent in the last "
        f"{content.sent_days}"
    )
    return parts


def _chosen(lead: LeadView) -> Row | None:
    """Return the row of the method that ranked the day's items, or None where the lake has none."""
    if not lead.has(RECOMMENDER_QUALITY.table):
        return None
    rows = lead.lake.read(RECOMMENDER_QUALITY.table, lead.day).to_pylist()
    return next((row for row in rows if row["is_chosen"]), None)


def _titles(lead: LeadView, rules: RecommendationPolicy) -> Mapping[str, str]:
    """Return the titles of the shipped items and of the day's content, by id."""
    shipped = {item.content_id: item.title for item in rules.document_items.values()}
    if not lead.has(RAW_CONTENT.table):
        return shipped
    table = lead.lake.read(RAW_CONTENT.table, lead.day)
    return shipped | dict(zip(table.column("content_id").to_pylist(), table.column("title").to_pylist(), strict=True))


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


def _outcome(rule: str, holds: bool, ranks: Mapping[str, int], rules: RecommendationPolicy, *, others: int) -> str:
    """Return the outcome of a rule: the rank of its item, or why it has none."""
    if rule in ranks:
        return f"rank {ranks[rule]}"
    if not holds:
        return "no"
    later = any(RULES.index(other) > RULES.index(rule) for other in ranks)
    if later or others or len(ranks) < rules.maximum_items:
        return "no item left" if rules.items == "own" else "completed"
    return f"over {rules.maximum_items} items"
