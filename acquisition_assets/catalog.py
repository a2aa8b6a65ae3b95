"""Lists every product, table and report once, in the order of the pipeline; the rest of the program iterates it.

What a product makes is left to its folder, and the assembly of the graph to `definitions`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acquisition_assets.anomalies import report as anomaly_report
from acquisition_assets.anomalies.contract import ANOMALIES
from acquisition_assets.behavior_predictions import explain as prediction_explain
from acquisition_assets.behavior_predictions import report as prediction_report
from acquisition_assets.behavior_predictions.contract import BEHAVIOR_PREDICTIONS
from acquisition_assets.channel_performance import summary as performance_summary
from acquisition_assets.channel_performance.contract import BUDGET_ADVICE, CHANNEL_COSTS, CHANNEL_PERFORMANCE
from acquisition_assets.content_recommendations import explain as recommendation_explain
from acquisition_assets.content_recommendations import report as recommendation_report
from acquisition_assets.content_recommendations.contract import CONTENT_RECOMMENDATIONS, RECOMMENDER_QUALITY
from acquisition_assets.conversion_forecasts import evidence_report, quality_report
from acquisition_assets.conversion_forecasts import explain as forecast_explain
from acquisition_assets.conversion_forecasts import report as forecast_report
from acquisition_assets.conversion_forecasts.contract import CONVERSION_FORECASTS, FORECAST_QUALITY, RULE_EVIDENCE
from acquisition_assets.core.policy import Locale
from acquisition_assets.core.product import Product, ReportSpec
from acquisition_assets.core.sections import Section
from acquisition_assets.daily_brief.contract import DAILY_BRIEF
from acquisition_assets.dynamic_scores import explain as score_explain
from acquisition_assets.dynamic_scores import report as score_report
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features import explain as feature_explain
from acquisition_assets.features.contract import DAILY_METRICS, LEAD_ACTIVITY, METRIC_HISTORY
from acquisition_assets.incidents import summary as incident_summary
from acquisition_assets.incidents.contract import INCIDENTS
from acquisition_assets.lead_segments import explain as segment_explain
from acquisition_assets.lead_segments import report as segment_report
from acquisition_assets.lead_segments.contract import LEAD_SEGMENTS, SEGMENT_CHANGES
from acquisition_assets.metric_watch.contract import METRIC_WATCH
from acquisition_assets.raw.contract import QUARANTINE, RAW, STATE
from acquisition_assets.social_performance import report as social_report
from acquisition_assets.social_performance.contract import SOCIAL_PERFORMANCE

if TYPE_CHECKING:
    import dagster as dg

    from acquisition_assets.core.env import Env
    from acquisition_assets.daily_brief.compose import Rules
    from acquisition_assets.inputs.source import Source
    from acquisition_assets.policy import Policy


@dataclass(frozen=True)
class Build:
    """What the assets of a deployment are built from.

    full: read all events again, not only those of the last days and of days that the lake lacks.
    forget: with `full`, also replace days for which the source no longer has events.
    """

    env: Env
    source: Source
    policy: Policy
    full: bool = False
    forget: bool = False


# Assets are imported when they are built: a command that only reads the catalogue starts faster without them.


def _raw(build: Build) -> list[dg.AssetsDefinition]:
    from acquisition_assets.raw import asset

    policy = build.policy
    return [
        asset.build(
            build.env,
            build.source,
            policy.vocabulary,
            policy.ingestion,
            policy.freshness,
            full=build.full,
            forget=build.forget,
        )
    ]


def _features(build: Build) -> list[dg.AssetsDefinition]:
    from acquisition_assets.features import asset

    policy = build.policy
    return asset.build(build.env, policy.features, policy.platforms, policy.channels, policy.freshness)


def _dynamic_scores(build: Build) -> list[dg.AssetsDefinition]:
    from acquisition_assets.dynamic_scores import asset

    return asset.build(build.env, build.policy.dynamic_scores, build.policy.reports.score_changes)


def _behavior_predictions(build: Build) -> list[dg.AssetsDefinition]:
    from acquisition_assets.behavior_predictions import asset

    return asset.build(build.env, build.policy.behavior_predictions, build.policy.reports.predictions)


def _content_recommendations(build: Build) -> list[dg.AssetsDefinition]:
    from acquisition_assets.content_recommendations import asset

    policy = build.policy
    rules = asset.Rules(policy.content_recommendations, policy.content, policy.locale, policy.reports.recommendations)
    return asset.build(build.env, rules)


def _lead_segments(build: Build) -> list[dg.AssetsDefinition]:
    from acquisition_assets.lead_segments import asset

    policy = build.policy
    lookback_days = policy.dynamic_scores.lookback_days
    return asset.build(build.env, policy.segments, policy.reports.sample_leads, lookback_days)


def _anomalies(build: Build) -> list[dg.AssetsDefinition]:
    from acquisition_assets.anomalies import asset

    policy = build.policy
    return asset.build(build.env, policy.anomalies, policy.features, policy.locale)


def _channel_performance(build: Build) -> list[dg.AssetsDefinition]:
    from acquisition_assets.channel_performance import asset

    policy = build.policy
    rules = asset.Rules(policy.channel_performance, policy.channels, policy.platforms, policy.locale)
    return asset.build(build.env, rules)


def _social_performance(build: Build) -> list[dg.AssetsDefinition]:
    from acquisition_assets.social_performance import asset

    return asset.build(build.env, build.policy.social_performance)


def _conversion_forecasts(build: Build) -> list[dg.AssetsDefinition]:
    from acquisition_assets.conversion_forecasts import asset

    policy = build.policy
    length = policy.reports.forecasts
    rules = asset.ForecastRules(policy.conversion_forecasts, policy.features, length, policy.locale)
    return asset.build(build.env, rules)


def _rule_evidence(build: Build) -> list[dg.AssetsDefinition]:
    from acquisition_assets.conversion_forecasts import asset

    policy = build.policy
    rules = asset.EvidenceRules(policy.conversion_forecasts, policy.features, LEAD_SEGMENTS)
    return asset.build_evidence(build.env, rules)


def _metric_watch(build: Build) -> list[dg.AssetsDefinition]:
    from acquisition_assets.metric_watch import asset

    return asset.build(build.env, build.policy.metric_watch)


def _incidents(build: Build) -> list[dg.AssetsDefinition]:
    from acquisition_assets.incidents import asset
    from acquisition_assets.incidents.facts import Limits

    policy = build.policy
    return asset.build(build.env, Limits(policy.incidents, policy.freshness), policy.locale)


def brief_rules(policy: Policy) -> Rules:
    """Return what the brief needs of the policy, and the tables of a complete day."""
    from acquisition_assets.daily_brief.compose import Rules
    from acquisition_assets.features.policy import whole_days

    return Rules(
        policy.brief,
        policy.locale,
        whole_days(policy.features.opened_hours),
        policy.behavior_predictions.likely_above,
        {name: segment.description for name, segment in policy.segments.items()},
        tuple(table.table for table in DELIVERED),
    )


def _daily_brief(build: Build) -> list[dg.AssetsDefinition]:
    from acquisition_assets.daily_brief import asset

    return asset.build(build.env, brief_rules(build.policy))


def _in_locale(summary: Callable[[Any, Locale], Section]) -> Callable[[Any, Policy], Section]:
    """Return the summary of a report in the language of a policy."""
    return lambda report, policy: summary(report, policy.locale)


PRODUCTS: tuple[Product, ...] = (
    Product("raw", (*RAW.values(), *STATE, QUARANTINE), _raw, is_delivered=False),
    Product(
        "features",
        (LEAD_ACTIVITY, DAILY_METRICS, METRIC_HISTORY),
        _features,
        explain=lambda lead, policy: feature_explain.section(lead),
    ),
    Product(
        "dynamic_scores",
        (DYNAMIC_SCORES,),
        _dynamic_scores,
        ReportSpec(score_report.TASK, DYNAMIC_SCORES, score_report.ScoringReport, _in_locale(score_report.summary)),
        lambda lead, policy: score_explain.section(lead, policy.dynamic_scores, policy.features),
    ),
    Product(
        "behavior_predictions",
        (BEHAVIOR_PREDICTIONS,),
        _behavior_predictions,
        ReportSpec(
            prediction_report.TASK,
            BEHAVIOR_PREDICTIONS,
            prediction_report.PredictionReport,
            lambda report, policy: prediction_report.summary(report, policy.locale, policy.behavior_predictions),
        ),
        lambda lead, policy: prediction_explain.section(lead, policy.behavior_predictions),
    ),
    Product(
        "content_recommendations",
        (CONTENT_RECOMMENDATIONS, RECOMMENDER_QUALITY),
        _content_recommendations,
        ReportSpec(
            recommendation_report.TASK,
            CONTENT_RECOMMENDATIONS,
            recommendation_report.RecommendationReport,
            _in_locale(recommendation_report.summary),
        ),
        lambda lead, policy: recommendation_explain.section(lead, policy.content_recommendations, policy.content),
    ),
    Product(
        "conversion_forecasts",
        (CONVERSION_FORECASTS, FORECAST_QUALITY),
        _conversion_forecasts,
        ReportSpec(
            forecast_report.TASK,
            CONVERSION_FORECASTS,
            forecast_report.ForecastReport,
            _in_locale(forecast_report.summary),
        ),
        lambda lead, policy: forecast_explain.section(lead, policy.conversion_forecasts),
        more_reports=(
            ReportSpec(
                quality_report.TASK, FORECAST_QUALITY, quality_report.QualityReport, _in_locale(quality_report.summary)
            ),
        ),
    ),
    Product(
        "lead_segments",
        (LEAD_SEGMENTS, SEGMENT_CHANGES),
        _lead_segments,
        ReportSpec(
            segment_report.TASK, LEAD_SEGMENTS, segment_report.SegmentationReport, _in_locale(segment_report.summary)
        ),
        lambda lead, policy: segment_explain.section(lead, policy.segments),
    ),
    Product(
        "anomalies",
        (ANOMALIES,),
        _anomalies,
        ReportSpec(anomaly_report.TASK, ANOMALIES, anomaly_report.AnomalyReport, _in_locale(anomaly_report.summary)),
    ),
    Product(
        "channel_performance",
        (CHANNEL_PERFORMANCE, CHANNEL_COSTS, BUDGET_ADVICE),
        _channel_performance,
        summary=performance_summary.section,
    ),
    Product(
        "social_performance",
        (SOCIAL_PERFORMANCE,),
        _social_performance,
        ReportSpec(
            social_report.TASK,
            SOCIAL_PERFORMANCE,
            social_report.SocialReport,
            _in_locale(social_report.summary),
            social_report.summary_of_day,
        ),
    ),
    Product(
        "rule_evidence",
        (RULE_EVIDENCE,),
        _rule_evidence,
        ReportSpec(
            evidence_report.TASK, RULE_EVIDENCE, evidence_report.EvidenceReport, _in_locale(evidence_report.summary)
        ),
    ),
    Product("metric_watch", (METRIC_WATCH,), _metric_watch),
    Product("incidents", (INCIDENTS,), _incidents, summary=incident_summary.section),
    Product("daily_brief", (DAILY_BRIEF,), _daily_brief, is_delivered=False),
)
TABLES = tuple(table for product in PRODUCTS for table in product.tables)
DELIVERED = tuple(table for product in PRODUCTS if product.is_delivered for table in product.tables)
"""The tables that destinations receive."""
REPORTS = tuple(report for product in PRODUCTS for report in product.reports)
