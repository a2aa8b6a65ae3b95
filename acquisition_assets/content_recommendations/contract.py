"""Defines the contract of the table `content_recommendations`.

The rules are left to sql/content_recommendations/content_recommendations.sql.
"""

from __future__ import annotations

from acquisition_assets.content_recommendations.policy import RULES
from acquisition_assets.core.contracts import Contract, Kind, column
from acquisition_assets.core.pandera_import import Check

ACTIVITY = (
    "lead_activity.interest_area",
    "lead_activity.consumed_content_types",
    "lead_activity.completions_total",
    "dynamic_scores.score",
)

CONTENT_RECOMMENDATIONS = Contract(
    table="content_recommendations",
    grain="One row per lead and recommended item, for leads that are new, nurturing or engaged and may be written to.",
    key=("lead_id", "rank"),
    columns={
        "lead_id": column(Kind.TEXT, "Id of the lead", lineage=("lead_activity.lead_id",)),
        "rank": column(Kind.INTEGER, "Place among the lead's items", Check.ge(1), Check.le(7), lineage=ACTIVITY),
        "rule": column(Kind.TEXT, "Rule that recommends it", Check.isin(RULES), lineage=ACTIVITY),
        "content_type": column(Kind.TEXT, "Type of the item", lineage=("raw_content.content_type",)),
        "title": column(Kind.TEXT, "Title of the item", lineage=("raw_content.title",)),
        "reason": column(Kind.TEXT, "Why, for the lead to read", lineage=ACTIVITY),
        "content_id": column(
            Kind.TEXT,
            "The item in the content table, else in the shipped catalogue",
            lineage=("raw_content.content_id",),
        ),
    },
)
