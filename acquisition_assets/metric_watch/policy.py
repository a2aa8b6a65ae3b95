"""Types the part of the policy that says when a metric is not as expected.

Leaves the method to `expectations` and the dates of public holidays to `special_days`.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from acquisition_assets.core.policy import Days, Percent, Section, Share

DAYS_OF_WEEK = 7

Positive = Annotated[float, Field(gt=0, le=1000)]
Probability = Annotated[float, Field(gt=0, lt=1)]
Mean = Annotated[float, Field(ge=0, le=1_000_000)]


def _date(value: object) -> object:
    try:
        return dt.datetime.strptime(value, "%Y-%m-%d").date() if isinstance(value, str) else value  # noqa: DTZ007
    except ValueError as error:
        raise ValueError("must be a date, such as 2026-12-25") from error


def _increasing_from_one(windows: list[int]) -> list[int]:
    if windows[0] != 1 or windows != sorted(set(windows)):
        raise ValueError("must begin with 1 and increase")
    return windows


Date = Annotated[dt.date, BeforeValidator(_date)]
Windows = Annotated[
    list[Annotated[int, Field(ge=1, le=28)]], Field(min_length=1, max_length=5), AfterValidator(_increasing_from_one)
]


class HolidayPolicy(Section):
    """Days that are unlike other days: listed dates, and the public holidays of a country or region.

    country: ISO 3166 code of two letters, or null. region: a subdivision of the country that `holidays` knows, or null.
    minimum_days: fewer listed days in the history leave a listed day unjudged. drift: their least relative spread.
    """

    dates: list[Date]
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    region: Annotated[str, Field(min_length=1, max_length=20)] | None = None
    minimum_days: Annotated[int, Field(ge=1, le=60)]
    drift: Share

    @model_validator(mode="after")
    def _region_of_country(self) -> HolidayPolicy:
        if self.region is not None and self.country is None:
            raise ValueError("region needs a country")
        return self


class DeclinePolicy(Section):
    """When a metric is in slow decline: recent days against the first days of the baseline before them.

    recent_days: the last days, one of the windows; older_days: the first days of their baseline.
    drift: least relative standard deviation of what such a comparison does by itself. percent: least decline.
    minimum_mean: least count a day, in the older days.
    """

    recent_days: Days
    older_days: Days
    drift: Share
    percent: Percent
    minimum_mean: Mean


class RatePolicy(Section):
    """What is special to rates, in trials and successes.

    weekday_trials: a weekday's rate is shrunk towards the whole by so many trials. minimum_trials: fewer in a window
    are not judged. minimum_expected: fewer expected successes are no drop, and fewer observed ones no spike.
    """

    weekday_trials: Positive
    minimum_trials: Positive
    minimum_expected: Mean


class WatchPolicy(Section):
    """Every number of the expectation of a metric, and of what is said of a day that is not as expected.

    history_days: what is older is not looked at. baseline_days, minimum_days: days that an expectation is fitted to,
    and the least of them with data. half_life_days: a day's weight halves in so many days. windows: days judged
    together, ending with the day. window_share: the share of a window's days that must have data.
    weekday_prior, weekday_prior_days: a weekday factor is shrunk by prior / mean + prior_days days.
    outlier_sd, outlier_share: days beyond so many robust standard deviations, at most this share, are left out once.
    dispersion_prior_days: the variance ratio of 1 counts as so many days. least_dispersion: the ratio is at least this;
    the tails are never narrower than those of independent events.
    drift, drift_without_history, drift_weeks, drift_blocks: the least relative standard deviation that the level moves
    by itself, the one assumed with fewer than drift_blocks windows, and the weeks whose mean a window is compared with;
    drift_days: the windows of so many days are.
    change_percent: least change of the window. last_day_percent, last_day_sd: the last day alone is off in the same
    direction by at least so much, and by so many of its standard deviations. minimum_expected_drop: least
    expected count of a drop; minimum_observed_spike: least observed count of a spike.
    window_correction: the least p value of the windows is multiplied by this, as they overlap.
    false_discovery_rate, largest_p_value: limits of what is flagged; watch_p_value: limit of what is shown.
    band: probability of the expected range. plotted_days: days of the plots.
    """

    history_days: Days
    baseline_days: Days
    minimum_days: Days
    half_life_days: Positive
    windows: Windows
    window_share: Share
    weekday_prior: Positive
    weekday_prior_days: Positive
    outlier_sd: Positive
    outlier_share: Share
    dispersion_prior_days: Positive
    least_dispersion: Annotated[float, Field(gt=0, le=1)]
    drift: Share
    drift_without_history: Share
    drift_days: Days
    drift_weeks: Annotated[int, Field(ge=2, le=12)]
    drift_blocks: Annotated[int, Field(ge=2, le=100)]
    change_percent: Percent
    last_day_percent: Percent
    last_day_sd: Annotated[float, Field(ge=0, le=5)]
    minimum_expected_drop: Mean
    minimum_observed_spike: Mean
    window_correction: Annotated[float, Field(ge=1, le=10)]
    false_discovery_rate: Probability
    largest_p_value: Probability
    watch_p_value: Probability
    band: Probability
    plotted_days: Days
    decline: DeclinePolicy
    rates: RatePolicy
    holidays: HolidayPolicy

    @model_validator(mode="after")
    def _windows_fit(self) -> WatchPolicy:
        if self.baseline_days % DAYS_OF_WEEK:
            raise ValueError("baseline_days must be whole weeks, such as 56")
        if self.minimum_days > self.baseline_days:
            raise ValueError("minimum_days must be at most baseline_days")
        if self.drift_weeks * DAYS_OF_WEEK >= self.baseline_days:
            raise ValueError("drift_weeks must be fewer than the weeks of baseline_days")
        decline = self.decline
        if decline.recent_days not in self.windows:
            raise ValueError("decline.recent_days must be one of the windows")
        if decline.older_days >= self.baseline_days:
            raise ValueError("decline.older_days must be fewer than baseline_days")
        needed = self.windows[-1] + max(
            self.baseline_days, self.drift_days + self.windows[-1] + self.drift_weeks * DAYS_OF_WEEK
        )
        if self.history_days < needed:
            raise ValueError(f"history_days must be at least {needed}, as far as the expectation looks back")
        return self
