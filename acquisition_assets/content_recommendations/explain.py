"""Explains a lead's recommendations: each rule with the lead's values, and why each item and not the next.

The choice of items is left to sql/content_recommendations and to `ranking`; every item shown was published.
"""

from __future__ import annotations

from collections.abc import Mapping

from acquisition_assets.content_recommendations.contract import CONTENT_RECOMMENDATIONS, RECOMMENDER_QUALITY, ROOM
from acquisition_assets.content_recommendations.policy import RULE_AREAS, RULES, ContentPolicy, RecommendationPolicy
from acquisition_assets.core.sections import Grid, LeadView, Notice, Part, Row, Section
from acquisition_assets.core.words import Words, words_of
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.raw.contract import RAW_CONTENT

STATUSES = ("new", "nurturing", "engaged")
LEFT = {"is_unsubscribed": "unsubscribed", "is_bounced": "bounced", "has_complained": "complaining"}
"""What keeps a lead from getting items: the column, and the key of its word."""


def section(lead: LeadView, rules: RecommendationPolicy, content: ContentPolicy) -> Section:
    """Return the lead's items, why each of them and not the next, and the outcome of each rule."""
    words = words_of(ROOM, lead.locale)
    if not lead.has(CONTENT_RECOMMENDATIONS.table):
        return Section(words("explain.title"), [lead.missing(CONTENT_RECOMMENDATIONS.table)])
    items = sorted(lead.rows(CONTENT_RECOMMENDATIONS.table), key=lambda row: int(row["rank"]))
    title = words("explain.title.items", items=len(items)) if items else words("explain.title.none")
    activity = lead.rows(LEAD_ACTIVITY.table)[0]
    left = next((state for column, state in LEFT.items() if activity[column]), None)
    if activity["status"] not in STATUSES or left:
        state = words(f"explain.{left}") if left else str(activity["status"])
        return Section(title, [words("explain.none", state=state)])
    score = lead.rows(DYNAMIC_SCORES.table)[0]["score"]
    outcomes = rule_outcomes({**activity, "engagement_score": score}, rules, words)
    ranks = {row["rule"]: int(row["rank"]) for row in items if row["rule"] in RULES}
    parts: list[Part] = []
    if items:
        names = ("rank", "content_type", "title", "reason")
        cells = [[row[name] for name in names] for row in items]
        parts.append(Grid(words.titles("rank", "type", "title", "reason"), cells))
    is_own = rules.items == "own"
    if is_own:
        parts += _why(lead, items, rules, content, words)
    others = len(items) - len(ranks)
    rows = []
    for rule in RULES:
        when, holds = outcomes[rule]
        rows.append([rule, _outcome(rule, holds, ranks, rules, words, others=others), when])
    parts.append(Grid(words.titles("rule", "item", "when"), rows))
    if any(not outcomes[rule][1] for rule in ranks):
        parts.append(Notice(words("explain.other_thresholds")))
    return Section(title, parts)


def _why(
    lead: LeadView, items: list[Row], rules: RecommendationPolicy, content: ContentPolicy, words: Words
) -> list[Part]:
    """Return how the items are ranked, the parts of each item's score, and what would have come in its place."""
    parts: list[Part] = []
    chosen = _chosen(lead)
    if chosen is not None:
        parts.append(words("explain.ranked", method=chosen["method"], reason=chosen["reason"]))
    titles = _titles(lead, rules)
    rows = []
    for row in items:
        if row["item_score"] is None:
            return [*parts, Notice(words("explain.other_items"))]
        after = row["next_content_id"]
        following = (
            words("explain.none_of_kind")
            if row["rule"] in RULES
            else words("explain.none_left")
            if after is None
            else f"{titles.get(after, after)} ({words.value(row['next_score'])})"
        )
        area = RULE_AREAS.get(row["rule"])
        first = words("explain.area_first", area=area) if area else ""
        rows.append([row["rank"], row["item_score"], row["popularity_part"], row["personal_part"], following, first])
    if rows:
        parts.append(Grid(words.titles("rank", "score", "popularity", "taste", "next", "order"), rows))
    parts.append(words("explain.never", opened=content.opened_days, sent=content.sent_days))
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


def rule_outcomes(facts: Row, rules: RecommendationPolicy, words: Words) -> dict[str, tuple[str, bool]]:
    """Return each rule with the lead's values and whether it applies."""
    interest, types = facts["interest_area"], facts["consumed_content_types"]
    completed, status, score = facts["completions_total"], facts["status"], facts["engagement_score"]
    is_interest, is_score, is_completed = (words("explain.is", value=value) for value in (interest, score, completed))
    of_types = words("explain.of_types", types=types)
    guides, videos = words("explain.blog_no_guide", types=of_types), words("explain.no_video", types=of_types)
    return {
        "interest_marketing": (f"interest_area = marketing {is_interest}", interest == "marketing"),
        "interest_sales": (f"interest_area = sales {is_interest}", interest == "sales"),
        "complement_guides": (
            guides,
            "blog" in types and "guide" not in types,
        ),
        "complement_videos": (
            f"completions_total >= {rules.complement_videos_completions} {is_completed} {videos}",
            completed >= rules.complement_videos_completions and "video" not in types,
        ),
        "high_engagement": (
            words("explain.score", least=rules.high_engagement_score, score=is_score),
            score >= rules.high_engagement_score,
        ),
        "near_conversion": (
            words("explain.near", status=status, least=rules.near_conversion_score, score=is_score),
            status == "nurturing" and score >= rules.near_conversion_score,
        ),
        "premium": (
            f"completions_total >= {rules.premium_completions} {is_completed}",
            completed >= rules.premium_completions,
        ),
    }


def _outcome(
    rule: str, holds: bool, ranks: Mapping[str, int], rules: RecommendationPolicy, words: Words, *, others: int
) -> str:
    """Return the outcome of a rule: the rank of its item, or why it has none."""
    if rule in ranks:
        return words("explain.rank", rank=ranks[rule])
    if not holds:
        return words("explain.does_not_hold")
    later = any(RULES.index(other) > RULES.index(rule) for other in ranks)
    if later or others or len(ranks) < rules.maximum_items:
        return words("explain.no_item" if rules.items == "own" else "explain.completed")
    return words("explain.too_many", items=rules.maximum_items)
