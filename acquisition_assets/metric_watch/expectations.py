"""Computes what counts and rates are expected to be, and how unlikely the observed ones are, for many series and days.

Leaves frames, families of hypotheses and states to `detector`, and the distributions to `tails`.

Arrays have one row per series and one column per day. What is fitted to the days up to a day is the same for each
window of judged days that begins on the next day, so it is fitted once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from acquisition_assets.metric_watch.policy import DAYS_OF_WEEK, WatchPolicy
from acquisition_assets.metric_watch.tails import Floats, band, count_tails, rate_tails

Flags = NDArray[np.bool_]

# Of a normal distribution: standard deviation / median of |x|, and the 80 % quantile of |x|.
MEDIAN_TO_SD = 1.4826
EIGHTIETH = 0.8
EIGHTIETH_OF_NORMAL = 1.2816
# Added to counts before the square root, so that its variance is nearly constant (Anscombe, 1948).
ANSCOMBE = 3 / 8
# A baseline without any event counts as half of one.
HALF_EVENT = 0.5
# Parameters that the expectation of a day has: seven weekdays and the level.
PARAMETERS = DAYS_OF_WEEK + 1
LEAST = 1e-12
# Numbers of a baseline that are computed together; they fit into a processor's cache.
CHUNK = 150_000


@dataclass(frozen=True)
class Panel:
    """Series of one kind, counts or rates, over consecutive days.

    values: counts or successes, NaN without data. trials: of rates; 1 for counts. special: days that are holidays.
    """

    values: Floats
    trials: Floats
    special: Flags
    is_rate: bool

    def rows(self, first: int, last: int) -> Panel:
        """Return the series from number first, up to but without number last."""
        return Panel(self.values[first:last], self.trials[first:last], self.special, self.is_rate)


@dataclass(frozen=True)
class Window:
    """The judgement of one window of days that ends with each day, per series and day; NaN where it is not judged.

    observed, expected, low, high: of the window, per day (counts) or per trial (rates). below, above: probabilities of
    so low and so high a sum. 1 where the change is too small to be shown.
    """

    days: int
    observed: Floats
    expected: Floats
    low: Floats
    high: Floats
    below: Floats
    above: Floats

    @property
    def judged(self) -> Flags:
        """Where the window has an expectation."""
        return ~np.isnan(self.expected)


@dataclass(frozen=True)
class Judgement:
    """Each window in the order of the policy, and the slow decline (its `above` is not used)."""

    windows: list[Window]
    decline: Window


@dataclass(frozen=True)
class _Fit:
    """What the days up to each end say of the days after them; one column per end, the weekdays on the last axis."""

    level: Floats
    weekdays: Floats
    share: Floats
    older_level: Floats
    older_events: Floats
    older_days: Floats
    relative_variance: Floats
    dispersion: dict[int, Floats]
    drift: dict[int, Floats]
    weekly_drift: Floats
    enough: Flags


def judge(panel: Panel, days: int, policy: WatchPolicy) -> Judgement:
    """Return the judgement of the last days of the panel, from the days before each.

    Args:
        panel: with at least the policy's history_days before the first judged day.
        days: how many days are judged.
        policy: every number of the method.
    """
    size = max(1, CHUNK // (policy.baseline_days * (days + policy.windows[-1])))
    series = panel.values.shape[0]
    parts = [_judge(panel.rows(n, n + size), days, policy) for n in range(0, series, size)]
    windows = [_joined([part.windows[n] for part in parts]) for n in range(len(policy.windows))]
    return Judgement(windows, _joined([part.decline for part in parts]))


def _joined(parts: list[Window]) -> Window:
    names = ("observed", "expected", "low", "high", "below", "above")
    return Window(parts[0].days, *(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _judge(panel: Panel, days: int, policy: WatchPolicy) -> Judgement:
    has_data = ~np.isnan(panel.values) & (panel.trials > 0 if panel.is_rate else True)
    regular = has_data & ~panel.special
    x = np.where(regular, panel.values, 0.0)
    n = np.where(regular, panel.trials, 0.0)
    fit = _fit(x, n, regular, days, panel.is_rate, policy)
    windows = [_window(k, x, n, regular, fit, days, panel.is_rate, policy) for k in policy.windows]
    decline = _decline(x, n, regular, fit, days, panel.is_rate, policy)
    if panel.special[-days:].any():
        windows[0] = _special(panel, has_data, windows[0], fit, days, policy)
    return Judgement(windows, decline)


# -- the fit -----------------------------------------------------------------------------------------------------------


def _fit(x: Floats, n: Floats, regular: Flags, days: int, is_rate: bool, policy: WatchPolicy) -> _Fit:
    length = policy.baseline_days
    ends = days + policy.windows[-1] - 1
    first = x.shape[1] - 1 - ends

    def baselines(values: NDArray[Any], back: int = length) -> NDArray[Any]:
        """The last `back` values up to each end."""
        return sliding_window_view(values, back, axis=1)[:, first - back + 1 : first - back + 1 + ends]

    shape = (x.shape[0], ends, length // DAYS_OF_WEEK, DAYS_OF_WEEK)
    weights = (0.5 ** (np.arange(length - 1, -1, -1) / policy.half_life_days)).reshape(shape[2:])
    xs, ns = baselines(x).reshape(shape), baselines(n).reshape(shape)
    with_data = baselines(regular).reshape(shape)
    enough = with_data.sum(axis=(2, 3)) >= policy.minimum_days

    level, weekdays = _level(_tamed(xs, ns, with_data, policy) * weights, ns * weights, is_rate, policy)
    root = np.sqrt(np.maximum(1 - level, LEAST))[..., None, None] if is_rate else 1.0
    expected = (level[..., None] * weekdays)[..., None, :] * ns
    residual = 2 * np.abs(np.sqrt(xs + ANSCOMBE) - np.sqrt(expected + ANSCOMBE))
    kept = with_data & (residual <= _largest_kept(residual, with_data, root, policy)[..., None, None])
    xs, ns = xs * kept, ns * kept

    weighted = ns * weights
    level, weekdays = _level(xs * weights, weighted, is_rate, policy)
    share = np.clip(1 - level, LEAST, None) if is_rate else np.ones_like(level)
    expected = (level[..., None] * weekdays)[..., None, :] * ns
    exposed = np.einsum("seij,sej->se", weighted, weekdays)
    spread = np.einsum("seij,sej->se", weighted * weights, weekdays)
    count = kept.sum(axis=(2, 3))
    blocks = (*shape[:2], length)
    difference, expected = (xs - expected).reshape(blocks), expected.reshape(blocks)
    dispersion: dict[int, Floats] = {}
    for k in policy.windows:
        own = _dispersion(difference, expected, k, count, share, policy)
        dispersion[k] = np.maximum(own, dispersion[policy.windows[0]]) if dispersion else own
    one = dispersion[policy.windows[0]]
    relative = one * share * spread / np.maximum(level * exposed**2, LEAST)

    mean_trials = ns.sum(axis=(2, 3)) / np.maximum(count, 1)
    drift = {
        k: _drift(k, x, n, regular, baselines, level * mean_trials * k / (dispersion[k] * share), policy)
        for k in policy.windows
    }
    weeks = xs.sum(axis=3) / np.maximum((ns * weekdays[..., None, :]).sum(axis=3), LEAST)
    per_week = level * mean_trials * DAYS_OF_WEEK / (dispersion[policy.decline.recent_days] * share)
    older = slice(0, policy.decline.older_days)
    old_events = xs.reshape(blocks)[..., older].sum(axis=2)
    old_exposed = (ns * weekdays[..., None, :]).reshape(blocks)[..., older].sum(axis=2)
    return _Fit(
        level=level,
        weekdays=weekdays,
        share=share,
        older_level=old_events / np.maximum(old_exposed, LEAST),
        older_events=old_events,
        older_days=kept.reshape(blocks)[..., older].sum(axis=2).astype(np.float64),
        relative_variance=relative,
        dispersion=dispersion,
        drift=drift,
        weekly_drift=_weekly_drift(weeks, per_week),
        enough=enough,
    )


def _tamed(x: Floats, n: Floats, with_data: Flags, policy: WatchPolicy) -> Floats:
    """Return the values with those that are far from their weekday's median brought nearer to it."""
    root = np.sqrt((x + ANSCOMBE) / np.maximum(n, 1.0))
    by_weekday = np.sort(np.where(with_data, root, np.inf).swapaxes(2, 3), axis=3)
    middle = _quantile(by_weekday, with_data.sum(axis=2), 0.5)[..., None, :]
    apart = np.where(with_data, np.abs(root - middle), np.inf).reshape(*x.shape[:2], -1)
    deviation = MEDIAN_TO_SD * _quantile(np.sort(apart, axis=2), with_data.sum(axis=(2, 3)), 0.5)[..., None, None]
    # The square root of a count has a standard deviation of a half.
    reach = policy.outlier_sd * np.maximum(deviation, 0.5 / np.sqrt(np.maximum(n, 1.0)))
    near = np.clip(root, middle - reach, middle + reach)
    return np.where(near == root, x, np.maximum(np.maximum(near, 0) ** 2 * n - ANSCOMBE, 0.0))


def _level(x: Floats, n: Floats, is_rate: bool, policy: WatchPolicy) -> tuple[Floats, Floats]:
    """Return the level of a day (a trial) and the weekday factors of weighted values and exposures."""
    by_weekday, exposed = x.sum(axis=2), n.sum(axis=2)
    total, exposure = by_weekday.sum(axis=2), np.maximum(exposed.sum(axis=2), LEAST)
    total = np.maximum(total, HALF_EVENT)
    mean = (total / exposure)[..., None]
    prior = policy.rates.weekday_trials if is_rate else policy.weekday_prior / mean + policy.weekday_prior_days
    factors = (by_weekday / mean + prior) / (exposed + prior)
    factors = factors / factors.mean(axis=2, keepdims=True)
    level = total / np.maximum((exposed * factors).sum(axis=2), LEAST)
    return (np.minimum(level, 1 - LEAST) if is_rate else level), factors


def _largest_kept(residual: Floats, with_data: Flags, root: Floats | float, policy: WatchPolicy) -> Floats:
    """Return the largest residual that is no outlier: of the rest, at most the policy's share is left out."""
    ordered = np.sort(np.where(with_data, residual, np.inf).reshape(*residual.shape[:2], -1), axis=2)
    count = with_data.sum(axis=(2, 3))
    deviation = np.maximum(MEDIAN_TO_SD * _quantile(ordered, count, 0.5), np.reshape(root, np.shape(root)[:2]))
    most = np.maximum(count - (count * policy.outlier_share).astype(np.int64) - 1, 0)
    at_most_left_out = np.take_along_axis(ordered, most[..., None], axis=2)[..., 0]
    largest: Floats = np.maximum(policy.outlier_sd * deviation, at_most_left_out)
    return largest


def _dispersion(
    difference: Floats, expected: Floats, k: int, count: NDArray[Any], share: Floats, policy: WatchPolicy
) -> Floats:
    """Return the variance of sums of k days as a multiple of what independent events have."""
    whole = difference.shape[2] // k * k
    shape = (*difference.shape[:2], whole // k, k)
    off = difference[..., -whole:].reshape(shape).sum(axis=3) if k > 1 else difference
    mean = expected[..., -whole:].reshape(shape).sum(axis=3) if k > 1 else expected
    chi = np.divide(off * off, mean, out=np.zeros_like(mean), where=mean > 0).sum(axis=2) / share
    free = np.maximum(count - PARAMETERS, 0) / k
    prior = policy.dispersion_prior_days
    dispersion: Floats = np.maximum(policy.least_dispersion, (chi + prior) / (free + prior))
    return dispersion


def _drift(
    k: int, x: Floats, n: Floats, regular: Flags, baselines: Any, precision: Floats, policy: WatchPolicy
) -> Floats:
    """Return how far, relatively, sums of k days lie from their weekdays' mean beyond what chance explains."""
    weeks = policy.drift_weeks
    earlier_x, earlier_n, earlier_days = (_earlier(each, weeks) for each in (x, n, regular.astype(np.float64)))
    usable = regular & (earlier_days >= weeks / 2) & (earlier_n > 0)
    predicted = np.where(usable, n * earlier_x / np.maximum(earlier_n, LEAST), 0.0)
    observed, mean, complete = (_sums(each, k) for each in (x, predicted, usable.astype(np.float64)))
    valid = (complete >= k) & (mean > 0)
    error = np.where(valid, np.abs(observed / np.maximum(mean, LEAST) - 1), np.inf)
    ordered = np.sort(baselines(error, policy.drift_days - k + 1), axis=2)
    count = np.isfinite(ordered).sum(axis=2)
    noise = (1 + 1 / weeks) / np.maximum(precision, LEAST)
    moved = np.sqrt(np.maximum(_spread(ordered, count) ** 2 - noise, 0.0))
    drift: Floats = np.maximum(
        np.where(count >= policy.drift_blocks, moved, policy.drift_without_history), policy.drift
    )
    return drift


def _weekly_drift(weeks: Floats, precision: Floats) -> Floats:
    """Return how unevenly, relatively, the level moves from week to week beyond what chance explains."""
    known = (weeks[..., 1:] > 0) & (weeks[..., :-1] > 0)
    count = known.sum(axis=2)
    moved = np.where(known, weeks[..., 1:] / np.maximum(weeks[..., :-1], LEAST) - 1, np.inf)
    usual = _quantile(np.sort(moved, axis=2), count, 0.5)[..., None]
    ordered = np.sort(np.abs(moved - usual), axis=2)
    drift: Floats = np.sqrt(np.maximum(_spread(ordered, count) ** 2 - 2 / np.maximum(precision, LEAST), 0.0))
    return drift


def _spread(ordered: Floats, count: NDArray[Any]) -> Floats:
    """Return a robust standard deviation of sorted absolute errors."""
    middle = MEDIAN_TO_SD * _quantile(ordered, count, 0.5)
    spread: Floats = np.maximum(middle, _quantile(ordered, count, EIGHTIETH) / EIGHTIETH_OF_NORMAL)
    return spread


def _quantile(ordered: Floats, count: NDArray[Any], share: float) -> Floats:
    """Return a quantile of the first `count` sorted values of each row; 0 without any."""
    place = np.floor(share * np.maximum(count - 1, 0) + 0.5).astype(np.int64)
    found = np.take_along_axis(ordered, place[..., None], axis=-1)[..., 0]
    quantile: Floats = np.where(count > 0, found, 0.0)
    return quantile


def _earlier(values: Floats, weeks: int) -> Floats:
    """Return the sum of the same weekday of the weeks before; 0 for days before the first."""
    total = np.zeros_like(values)
    for week in range(1, weeks + 1):
        back = week * DAYS_OF_WEEK
        total[:, back:] += values[:, :-back]
    return total


def _sums(values: Floats, k: int) -> Floats:
    """Return the sum of the k days that end with each day."""
    if k == 1:
        return values
    total: Floats = values.copy()
    for back in range(1, k):
        total[:, back:] += values[:, :-back]
    return total


# -- the judged days ---------------------------------------------------------------------------------------------------


def _window(
    k: int, x: Floats, n: Floats, regular: Flags, fit: _Fit, days: int, is_rate: bool, policy: WatchPolicy
) -> Window:
    first = policy.windows[-1] - k
    ends = slice(first, first + days)
    level, weekdays = fit.level[:, ends], fit.weekdays[:, ends]
    mean = np.zeros_like(level)
    for ahead in range(k):
        stop = x.shape[1] - (k - 1 - ahead)
        last_mean = level * weekdays[..., ahead % DAYS_OF_WEEK] * n[:, stop - days : stop]
        mean = mean + last_mean
    observed, trials = _sums(x, k)[:, -days:], _sums(n, k)[:, -days:]
    covered = _sums(regular.astype(np.float64), k)[:, -days:] >= policy.window_share * k
    judged = fit.enough[:, ends] & covered & regular[:, -days:]
    if is_rate:
        mean = np.minimum(mean, trials * (1 - LEAST))
        judged &= trials >= policy.rates.minimum_trials
    mean = np.where(judged, np.maximum(mean, LEAST), np.nan)
    share = fit.share[:, ends]
    relative = fit.relative_variance[:, ends] + fit.drift[k][:, ends] ** 2
    variance = fit.dispersion[k][:, ends] * share * mean + mean**2 * relative
    # The last day alone is off in the same direction, by more than a part of it and than it usually is.
    drift = fit.relative_variance[:, ends] + fit.drift[1][:, ends] ** 2
    usual = np.sqrt(fit.dispersion[1][:, ends] * share * last_mean + last_mean**2 * drift)
    own = np.maximum(policy.last_day_percent / 100 * last_mean, policy.last_day_sd * usual)
    last = x[:, -days:] - last_mean
    change, limit = observed / mean - 1, policy.change_percent / 100
    least_mean = policy.rates.minimum_expected if is_rate else policy.minimum_expected_drop
    least_seen = policy.rates.minimum_expected if is_rate else policy.minimum_observed_spike
    low = (change < -limit) & (last < -own) & (mean >= least_mean)
    high = (change > limit) & (last > own) & (observed >= least_seen)
    below, above = _tails(observed, trials, mean, variance, low | high, is_rate)
    return _scaled(k, observed, trials, mean, variance, np.where(low, below, 1), np.where(high, above, 1), policy)


def _decline(x: Floats, n: Floats, regular: Flags, fit: _Fit, days: int, is_rate: bool, policy: WatchPolicy) -> Window:
    rules = policy.decline
    k = rules.recent_days
    first = policy.windows[-1] - k
    ends = slice(first, first + days)
    mean = np.zeros_like(fit.level[:, ends])
    for ahead in range(k):
        stop = x.shape[1] - (k - 1 - ahead)
        factor = fit.weekdays[:, ends][..., ahead % DAYS_OF_WEEK]
        mean = mean + fit.older_level[:, ends] * factor * n[:, stop - days : stop]
    observed, trials = _sums(x, k)[:, -days:], _sums(n, k)[:, -days:]
    covered = _sums(regular.astype(np.float64), k)[:, -days:] >= policy.window_share * k
    older_days, older_events = fit.older_days[:, ends], fit.older_events[:, ends]
    busy = older_events >= rules.minimum_mean * older_days
    judged = covered & busy & regular[:, -days:] & (older_days >= policy.window_share * rules.older_days)
    if is_rate:
        mean = np.minimum(mean, trials * (1 - LEAST))
        judged &= trials >= policy.rates.minimum_trials
    mean = np.where(judged, np.maximum(mean, LEAST), np.nan)
    apart = (policy.baseline_days - rules.older_days / 2 + k / 2) / DAYS_OF_WEEK
    drift = np.maximum(rules.drift, fit.weekly_drift[:, ends] * np.sqrt(apart))
    # Of single days: a decline makes sums of days look dispersed.
    dispersion = fit.dispersion[policy.windows[0]][:, ends] * fit.share[:, ends]
    variance = dispersion * mean + mean**2 * (dispersion / np.maximum(older_events, 1.0) + drift**2)
    low = observed / mean - 1 < -rules.percent / 100
    below, _ = _tails(observed, trials, mean, variance, low, is_rate)
    below = np.where(low, below, 1)
    return _scaled(k, observed, trials, mean, variance, below, np.ones_like(below), policy)


def _special(panel: Panel, has_data: Flags, regular: Window, fit: _Fit, days: int, policy: WatchPolicy) -> Window:
    """Return the window of one day with the holidays in it judged against earlier holidays."""
    rules, is_rate = policy.holidays, panel.is_rate
    values = {name: getattr(regular, name).copy() for name in ("observed", "expected", "low", "high", "below", "above")}
    total = panel.values.shape[1]
    for place in np.flatnonzero(panel.special[-days:]):
        now = total - days + int(place)
        before = np.flatnonzero(panel.special[:now])
        before = before[before >= now - policy.history_days]
        seen = has_data[:, before]
        x = np.where(seen, panel.values[:, before], 0.0)
        n = np.where(seen, panel.trials[:, before], 0.0)
        level = x.sum(axis=1) / np.maximum(n.sum(axis=1), LEAST)
        trials, observed = panel.trials[:, now], panel.values[:, now]
        judged = (seen.sum(axis=1) >= rules.minimum_days) & has_data[:, now]
        if is_rate:
            level = np.minimum(level, 1 - LEAST)
            judged &= trials >= policy.rates.minimum_trials
        mean = np.where(judged, np.maximum(level * trials, LEAST), np.nan)
        # The spread of the earlier holidays around their mean, chance included.
        apart = np.where(seen & (n > 0), x / np.maximum(n * level[:, None], LEAST) - 1, 0.0)
        spread = np.sqrt((apart**2).sum(axis=1) / np.maximum(seen.sum(axis=1) - 1, 1))
        drift = np.maximum(rules.drift, spread)
        end = policy.windows[-1] - 1 + int(place)
        dispersion = fit.dispersion[1][:, end] * fit.share[:, end]
        variance = dispersion * mean + mean**2 * (dispersion / np.maximum(x.sum(axis=1), 1.0) + drift**2)
        change, limit = observed / mean - 1, policy.change_percent / 100
        least_mean = policy.rates.minimum_expected if is_rate else policy.minimum_expected_drop
        least_seen = policy.rates.minimum_expected if is_rate else policy.minimum_observed_spike
        low = (change < -limit) & (mean >= least_mean)
        high = (change > limit) & (observed >= least_seen)
        below, above = _tails(observed, trials, mean, variance, low | high, is_rate)
        one = _scaled(1, observed, trials, mean, variance, np.where(low, below, 1), np.where(high, above, 1), policy)
        for name, column in values.items():
            column[:, place] = getattr(one, name)
    return Window(1, **values)


def _tails(
    observed: Floats, trials: Floats, mean: Floats, variance: Floats, wanted: Flags, is_rate: bool
) -> tuple[Floats, Floats]:
    """Return both tails where they are wanted, else 1."""
    below, above = np.ones_like(mean), np.ones_like(mean)
    if wanted.any():
        x, m, v = observed[wanted], mean[wanted], variance[wanted]
        tails = rate_tails(x, trials[wanted], m, v) if is_rate else count_tails(x, m, v)
        below[wanted], above[wanted] = tails
    return below, above


def _scaled(
    k: int,
    observed: Floats,
    trials: Floats,
    mean: Floats,
    variance: Floats,
    below: Floats,
    above: Floats,
    policy: WatchPolicy,
) -> Window:
    """Return a window per day or per trial, NaN where it is not judged."""
    unit = np.where(np.isnan(mean), np.nan, np.maximum(trials, LEAST))
    low, high = band(mean, variance, policy.band)
    judged = ~np.isnan(mean)
    return Window(
        days=k,
        observed=observed / unit,
        expected=mean / unit,
        low=low / unit,
        high=high / unit,
        below=np.where(judged, below, np.nan),
        above=np.where(judged, above, np.nan),
    )
