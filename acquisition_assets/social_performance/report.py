"""Defines the report `social_media_tracking`, builds it from the table `social_performance`, and sums it up.

The rates are left to `rates`.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Annotated, Any

import pandas as pd
from pydantic import Field, model_validator

from acquisition_assets.channel_performance.contract import CHANNEL_PERFORMANCE
from acquisition_assets.core.policy import Locale
from acquisition_assets.core.reports import Report
from acquisition_assets.core.sections import DayView, Grid, Part, Row, Section
from acquisition_assets.core.words import Words, words_of
from acquisition_assets.social_performance.contract import SOCIAL_PERFORMANCE
from acquisition_assets.social_performance.policy import SocialPolicy
from acquisition_assets.social_performance.rates import best_platform, percent

TASK = "social_media_tracking"
Name = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=0)]
Percentage = Annotated[float, Field(ge=0, le=100)]
SOCIAL_MEDIA = "social_media"


class PlatformMetrics(Report):
    """The metrics of one social platform."""

    platform: Name
    total_leads: Annotated[int, Field(ge=1)]
    engaged_leads: Count
    engagement_rate: Percentage
    avg_engagement_score: Annotated[float, Field(ge=0)]
    referrals_generated: Count
    referral_rate: Percentage


class BestPlatform(Report):
    """The platform with the highest engagement rate."""

    platform: Name
    engagement_rate: Percentage


class ChannelMetrics(Report):
    """The metrics of social media as a whole, or of one other channel."""

    total: Count
    engaged: Count
    engagement_rate: Percentage


class SocialReport(Report):
    """The metrics of the task social_media_tracking; best_platform is null if no platform has enough leads."""

    social_platforms: list[PlatformMetrics]
    total_social_leads: Count
    best_platform: BestPlatform | None
    channel_comparison: dict[Name, ChannelMetrics]
    social_percentage: Percentage

    @model_validator(mode="after")
    def _adds_up(self) -> SocialReport:
        if SOCIAL_MEDIA not in self.channel_comparison:
            raise ValueError(f"channel_comparison must have {SOCIAL_MEDIA}")
        total = sum(platform.total_leads for platform in self.social_platforms)
        if not total == self.total_social_leads == self.channel_comparison[SOCIAL_MEDIA].total:
            raise ValueError("total_social_leads must be the sum of the platforms' leads")
        return self


def social_report(frame: pd.DataFrame, policy: SocialPolicy) -> SocialReport:
    """Return the report of a day's table `social_performance`, in the order of its rows."""
    rows = frame.to_dict("records")
    social = [row for row in rows if row["is_social"]]
    total_social, total = (sum(int(row["total_leads"]) for row in some) for some in (social, rows))
    return SocialReport(
        social_platforms=[_platform(row) for row in social],
        total_social_leads=total_social,
        best_platform=_best(social, best_platform(frame, policy)),
        channel_comparison=_comparison(social, [row for row in rows if not row["is_social"]]),
        social_percentage=percent(total_social, total),
    )


def _platform(row: dict[Hashable, Any]) -> PlatformMetrics:
    return PlatformMetrics(
        platform=str(row["channel"]),
        total_leads=int(row["total_leads"]),
        engaged_leads=int(row["engaged_leads"]),
        engagement_rate=float(row["engagement_rate"]),
        avg_engagement_score=float(row["avg_engagement_score"]),
        referrals_generated=int(row["referrals_generated"]),
        referral_rate=float(row["referral_rate"]),
    )


def _best(social: Sequence[dict[Hashable, Any]], name: str | None) -> BestPlatform | None:
    rates = {str(row["channel"]): float(row["engagement_rate"]) for row in social}
    return None if name is None else BestPlatform(platform=name, engagement_rate=rates[name])


def _comparison(
    social: Sequence[dict[Hashable, Any]], others: Sequence[dict[Hashable, Any]]
) -> dict[str, ChannelMetrics]:
    """Return social media first, then every other channel; a source with that same name keeps its own entry."""
    compared = {SOCIAL_MEDIA: _channel(social)}
    for row in others:
        name = str(row["channel"])
        compared[f"{name} (source)" if name == SOCIAL_MEDIA else name] = _channel([row])
    return compared


def _channel(rows: Sequence[dict[Hashable, Any]]) -> ChannelMetrics:
    total, engaged = (sum(int(row[name]) for row in rows) for name in ("total_leads", "engaged_leads"))
    return ChannelMetrics(total=total, engaged=engaged, engagement_rate=percent(engaged, total))


def summary_of_day(report: SocialReport, day: DayView) -> Section:
    """Return the report as a section for people, with intervals and the verdict on the leading platform."""
    best = {row["channel"] for row in day.rows(CHANNEL_PERFORMANCE.table) if _is_best(row)}
    return summary(report, day.locale, day.rows(SOCIAL_PERFORMANCE.table), best)


def _is_best(row: Row) -> bool:
    """Return whether a row of channel_performance names a channel the best of those of the last days."""
    return (row["level"], row["metric"], row["period"], row["verdict"]) == ("channel", "engaged", "short", "best")


def summary(
    report: SocialReport, locale: Locale, rows: Sequence[Row] = (), clearly_best: Collection[str] = ()
) -> Section:
    """Return the report as a section for people: the leading platform, all platforms and all channels.

    Args:
        report: the report.
        locale: the language.
        rows: the rows of social_performance, which have the intervals.
        clearly_best: channels that are the best beyond chance; only then is the leading platform called the best.
    """
    words = words_of("social_performance", locale)
    bounds = {
        row["channel"]: words("interval", low=row["engagement_rate_low"], high=row["engagement_rate_high"])
        for row in rows
    }
    facts = {"fact.leads": report.total_social_leads, "fact.share": report.social_percentage}
    parts: list[Part] = [words.facts(facts), _best_line(report.best_platform, bounds, clearly_best, words)]
    platforms = [
        [
            row.platform,
            row.total_leads,
            row.engaged_leads,
            row.engagement_rate,
            bounds.get(row.platform),
            row.avg_engagement_score,
            row.referral_rate,
        ]
        for row in report.social_platforms
    ]
    if platforms:
        titles = words.titles("platform", "leads", "engaged", "rate", "interval", "score", "referrals")
        parts.append(Grid(titles, platforms))
    channels = [
        [name, row.total, row.engaged, row.engagement_rate, bounds.get(name)]
        for name, row in report.channel_comparison.items()
    ]
    parts.append(Grid(words.titles("channel", "leads", "engaged", "rate", "interval"), channels))
    return Section(words("title"), parts)


def _best_line(
    best: BestPlatform | None, bounds: Mapping[str, str], clearly_best: Collection[str], words: Words
) -> str:
    if best is None:
        return words("best.nobody")
    rate = words("rate", rate=best.engagement_rate)
    if best.platform in bounds:
        rate += f", {bounds[best.platform]}"
    return words("best.clearly" if best.platform in clearly_best else "best.leads", platform=best.platform, rate=rate)
