"""Defines the contracts of the tables `content_recommendations` and `recommender_quality`.

How their rows are made is left to the SQL of content_recommendations and to `own`, `past` and `quality`.
"""

from __future__ import annotations

from collections.abc import Sequence

from acquisition_assets.content_recommendations.policy import RULES
from acquisition_assets.core.contracts import Contract, Kind, Rule, column
from acquisition_assets.core.pandera_import import Check, pandera

ROOM = "content_recommendations"
POPULAR, PERSONAL, NEWEST = "popular", "personal", "newest"
FILLING = (POPULAR, PERSONAL)
"""What a row is called that no rule asked for."""
FAMILIES = (NEWEST, "popularity", PERSONAL)

ACTIVITY = (
    "lead_activity.interest_area",
    "lead_activity.consumed_content_types",
    "lead_activity.completions_total",
    "dynamic_scores.score",
)
READ = ("raw_events.content_id", "raw_events.event_type", "raw_events.occurred_at")


def _part(description: str, lineage: Sequence[str] = READ) -> pandera.Column:
    return column(Kind.NUMBER, description, Check.ge(0), unit="score", nullable=True, lineage=lineage)


CONTENT_RECOMMENDATIONS = Contract(
    table="content_recommendations",
    grain="One row per lead and recommended item, for leads that are new, nurturing or engaged and may be written to.",
    key=("lead_id", "rank"),
    columns={
        "lead_id": column(Kind.TEXT, "Id of the lead", lineage=("lead_activity.lead_id",)),
        "rank": column(Kind.INTEGER, "Place among the lead's items", Check.ge(1), Check.le(7), lineage=ACTIVITY),
        "rule": column(
            Kind.TEXT,
            "Rule that recommends it; popular or personal where no rule does",
            Check.isin((*RULES, *FILLING)),
            lineage=ACTIVITY,
        ),
        "content_type": column(Kind.TEXT, "Type of the item", lineage=("raw_content.content_type",)),
        "title": column(Kind.TEXT, "Title of the item", lineage=("raw_content.title",)),
        "reason": column(Kind.TEXT, "Why, for the lead to read", lineage=ACTIVITY),
        "content_id": column(
            Kind.TEXT,
            "The item in the content table (with the document's items: else in the shipped catalogue)",
            lineage=("raw_content.content_id",),
        ),
        "item_score": _part("Sum of the two parts, by which items are ranked; missing with the document's items"),
        "popularity_part": _part("Popularity, as a share of the most popular item's, times its weight"),
        "personal_part": _part("Similarity to what the lead has read, as a share of the most similar item's"),
        "because_content_id": column(
            Kind.TEXT, "Item read by the lead that is most similar to it, where the reason names one", nullable=True
        ),
        "next_content_id": column(
            Kind.TEXT, "Item that would have come in its place; missing where none is left", nullable=True
        ),
        "next_score": _part("Score of the item that would have come in its place"),
    },
    rules=(
        Rule(
            "parts",
            "abs(item_score - popularity_part - personal_part) < 0.0001",
            "item_score is the sum of its parts",
        ),
    ),
)


def _measure(name: str, what: str) -> dict[str, pandera.Column]:
    """Return the columns of a share and of the bounds of its interval."""
    described = {name: what, f"{name}_low": f"Lower bound of {name}", f"{name}_high": f"Upper bound of {name}"}
    return {
        key: column(Kind.NUMBER, words, Check.ge(0), Check.le(1), unit="share", nullable=True, lineage=READ)
        for key, words in described.items()
    }


RECOMMENDER_QUALITY = Contract(
    table="recommender_quality",
    grain="One row per method of ranking: how it did on the past, and which one ranks the day's items.",
    key=("method",),
    columns={
        "method": column(Kind.TEXT, "Name of the method, with its half-life or weight"),
        "family": column(Kind.TEXT, "Newest first, popularity, or the lead's own taste", Check.isin(FAMILIES)),
        "half_life_days": column(
            Kind.NUMBER, "In so many days a reading counts half", Check.ge(0), unit="days", nullable=True
        ),
        "popularity_weight": column(
            Kind.NUMBER, "Weight of popularity beside the lead's taste", Check.ge(0), unit="weight", nullable=True
        ),
        "leads": column(Kind.INTEGER, "Leads that were judged, each once", Check.ge(0), unit="leads", lineage=READ),
        "judgements": column(
            Kind.INTEGER, "Leads that were judged, once per cut", Check.ge(0), unit="leads", lineage=READ
        ),
        **_measure("ndcg", "NDCG of the first items, of what leads read next that they did not know"),
        **_measure("hit", "Share of the lists with an item that the lead read next"),
        **_measure("personal", "Share of the lists with an item that is ranked by the lead's own taste"),
        "coverage": column(
            Kind.NUMBER,
            "Share of the items that are in any list",
            Check.ge(0),
            Check.le(1),
            unit="share",
            nullable=True,
            lineage=READ,
        ),
        "gain": column(
            Kind.NUMBER,
            "NDCG less that of the tuned popularity, lead by lead",
            unit="share",
            nullable=True,
            lineage=READ,
        ),
        "gain_low": column(Kind.NUMBER, "Lower bound of the gain", unit="share", nullable=True, lineage=READ),
        "gain_high": column(Kind.NUMBER, "Upper bound of the gain", unit="share", nullable=True, lineage=READ),
        "items": column(Kind.INTEGER, "Items of the catalogue", Check.ge(0), unit="items"),
        "readings": column(
            Kind.INTEGER,
            "Readings of the last days: a lead, an item and a day",
            Check.ge(0),
            unit="readings",
            lineage=READ,
        ),
        "is_chosen": column(Kind.FLAG, "Whether the day's items are ranked by it"),
        "reason": column(
            Kind.TEXT, "Why it was chosen, or what it is compared with, in the language of the policy's locale"
        ),
    },
)
