"""Here: which tables are published to PostgreSQL, in the order of the pipeline.

Not here: their columns (the contracts), and how they are stored (sql/postgres/destination).
"""

from __future__ import annotations

from acquisition_assets.anomalies.contract import ANOMALIES
from acquisition_assets.behavior_predictions.contract import BEHAVIOR_PREDICTIONS
from acquisition_assets.content_recommendations.contract import CONTENT_RECOMMENDATIONS
from acquisition_assets.core.contracts import Contract
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features.contract import DAILY_METRICS, LEAD_ACTIVITY
from acquisition_assets.lead_segments.contract import LEAD_SEGMENTS, SEGMENT_CHANGES
from acquisition_assets.social_performance.contract import SOCIAL_PERFORMANCE

PUBLISHED: tuple[Contract, ...] = (
    LEAD_ACTIVITY,
    DAILY_METRICS,
    DYNAMIC_SCORES,
    BEHAVIOR_PREDICTIONS,
    CONTENT_RECOMMENDATIONS,
    LEAD_SEGMENTS,
    SEGMENT_CHANGES,
    ANOMALIES,
    SOCIAL_PERFORMANCE,
)
REPORTS = {
    "dynamic_scoring_system": DYNAMIC_SCORES,
    "predictive_behavior_analysis": BEHAVIOR_PREDICTIONS,
    "personalized_content_recommendations": CONTENT_RECOMMENDATIONS,
    "advanced_segmentation_engine": LEAD_SEGMENTS,
    "anomaly_detection": ANOMALIES,
    "social_media_tracking": SOCIAL_PERFORMANCE,
}
"""Task -> the table of which its report speaks."""
