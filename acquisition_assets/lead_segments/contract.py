"""Defines the contracts of lead_segments and segment_changes, and the columns that a criterion may name.

Criteria are left to the policy, and their meaning to `criteria`.
"""

from __future__ import annotations

from acquisition_assets.behavior_predictions.contract import BEHAVIOR_PREDICTIONS
from acquisition_assets.conversion_forecasts.contract import CONVERSION_FORECASTS
from acquisition_assets.core.contracts import Contract, Kind, column
from acquisition_assets.core.pandera_import import Check
from acquisition_assets.features.contract import LEAD_ACTIVITY

OF_FORECASTS = ("forecast_probability", "priority")
FACTS: dict[str, Kind] = {
    **{name: LEAD_ACTIVITY.kind(name) for name in LEAD_ACTIVITY.columns},
    "engagement_score": Kind.NUMBER,
    "conversion_probability": BEHAVIOR_PREDICTIONS.kind("conversion_probability"),
    **{name: CONVERSION_FORECASTS.kind(name) for name in OF_FORECASTS},
}
ORIGINS = (
    "dynamic_scores.score",
    "behavior_predictions.conversion_probability",
    "conversion_forecasts.forecast_probability",
    "conversion_forecasts.priority",
)

LEAD_SEGMENTS = Contract(
    table="lead_segments",
    grain="One row per segment and lead in it.",
    key=("segment", "lead_id"),
    low_cardinality="segment",
    columns={
        "segment": column(Kind.TEXT, "Name of the segment in the policy", lineage=ORIGINS),
        "lead_id": column(Kind.TEXT, "Id of the lead", lineage=("lead_activity.lead_id",)),
    },
)
SEGMENT_CHANGES = Contract(
    table="segment_changes",
    grain="One row per segment and lead whose membership differs from the newest of the 7 days before.",
    key=("segment", "lead_id"),
    low_cardinality="segment",
    columns={
        "segment": column(Kind.TEXT, "Name of the segment", lineage=("lead_segments.segment",)),
        "lead_id": column(Kind.TEXT, "Id of the lead", lineage=("lead_segments.lead_id",)),
        "change": column(
            Kind.TEXT, "What happened", Check.isin(("entered", "left")), lineage=("lead_segments.segment",)
        ),
    },
)
