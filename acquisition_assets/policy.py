"""Assembles the whole policy: the section of every product, read from policy.yaml and overridden by the user's file.

The rules that use the numbers are left to the products.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from acquisition_assets.anomalies.policy import AnomalyPolicy
from acquisition_assets.behavior_predictions.policy import PredictionPolicy
from acquisition_assets.channel_performance.policy import ChannelPerformancePolicy
from acquisition_assets.channels.policy import ChannelPolicy, PlatformPolicy
from acquisition_assets.content_recommendations.policy import ContentPolicy, RecommendationPolicy
from acquisition_assets.conversion_forecasts.policy import ForecastPolicy
from acquisition_assets.core.policy import Locale, Section, load_policy
from acquisition_assets.daily_brief.policy import BriefPolicy
from acquisition_assets.dynamic_scores.policy import ScorePolicy
from acquisition_assets.features.policy import FeaturePolicy, whole_days
from acquisition_assets.incidents.policy import AlertPolicy, IncidentPolicy
from acquisition_assets.inputs.vocabulary import VocabularyPolicy
from acquisition_assets.lead_segments.policy import Segment, SegmentName
from acquisition_assets.metric_watch.policy import WatchPolicy
from acquisition_assets.raw.policy import FreshnessPolicy, IngestionPolicy
from acquisition_assets.social_performance.policy import SocialPolicy

SHIPPED = Path(__file__).with_name("policy.yaml")
DAYS_OF_WEEK = 7
UNFINISHED_DAYS = 1
Length = Annotated[int, Field(ge=1, le=10_000)]


class ReportPolicy(Section):
    """How long the lists of the published reports are, in entries."""

    score_changes: Length
    predictions: Length
    recommendations: Length
    sample_leads: Length
    forecasts: Length


class Policy(Section):
    """Every number of the rules."""

    locale: Locale
    vocabulary: VocabularyPolicy
    ingestion: IngestionPolicy
    freshness: FreshnessPolicy
    features: FeaturePolicy
    platforms: PlatformPolicy
    channels: ChannelPolicy
    dynamic_scores: ScorePolicy
    behavior_predictions: PredictionPolicy
    content_recommendations: RecommendationPolicy
    content: ContentPolicy
    segments: dict[SegmentName, Segment]
    anomalies: AnomalyPolicy
    social_performance: SocialPolicy
    channel_performance: ChannelPerformancePolicy
    conversion_forecasts: ForecastPolicy
    metric_watch: WatchPolicy
    incidents: IncidentPolicy
    alerts: AlertPolicy
    brief: BriefPolicy
    reports: ReportPolicy

    @model_validator(mode="after")
    def _history(self) -> Policy:
        rules = self.anomalies
        behind = whole_days(self.features.opened_hours) + UNFINISHED_DAYS
        season = rules.season_weeks * DAYS_OF_WEEK + rules.window_days
        needed = max(season, 2 * rules.window_days, rules.fraud_days) + behind
        if self.features.metrics_days < needed:
            raise ValueError(f"features.metrics_days must be at least {needed}, as far as the anomalies look back")
        if self.features.watched_days < self.metric_watch.history_days:
            needed = self.metric_watch.history_days
            raise ValueError(f"features.watched_days must be at least {needed}, as metric_watch.history_days is")
        return self


def read_policy(user: Path | None = None) -> Policy:
    """Return the shipped policy, overridden by a user's file.

    Raises:
        InputError: The file is wrong; the message names file, key, problem and what is allowed.
    """
    return load_policy(Policy, SHIPPED, user)
