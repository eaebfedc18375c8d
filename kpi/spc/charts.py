"""Chart types: from the sums of a series to its centre line and the sigma of each point."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from kpi.spc.constants import D2_OF_TWO, MEDIAN_RANGE_OF_TWO, c4_of, d3
from kpi.spc.conventions import Convention
from kpi.spc.memory import INTERVAL, SLACK, WEIGHT, cumulative_sums, weighted_mean, weighted_variance
from kpi.spc.scales import LINEAR, NELSON, Scale

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

Chance = Literal["shares", "pooled", "on_scale", "none"]

SCREEN = 3.267
"""D4 of two: a moving range this many times the mean one is itself out of control."""


@dataclass(frozen=True)
class Sums:
    """Arrays of series x time: the value of each point, the numerator and n behind it, the sum of squares.

    A gap is NaN in `value`. `baseline` marks the points that centre and sigma are estimated from; `weekday` is 0 (Monday) to
    6 for each time, -1 where a point is not a day. `chance` says how the events within a point vary: as *shares*, with the
    *pooled* deviation of their values, pooled but *on_scale* already (sums of logarithms), or not at all (*none*, single
    values); `scale` is where points vary evenly. Both matter to the default chart alone.
    """

    value: Array
    numerator: Array
    n: Array
    squares: Array
    baseline: Flags
    weekday: NDArray[np.int8]
    chance: Chance
    scale: Scale


@dataclass(frozen=True)
class Lines:
    """What a chart draws and judges: the statistic, and the centre and sigma of each point on `scale`.

    `skewness` bends the limits of few events (0: none); `freedom` is how many values the centre was estimated from,
    series x 1; `autocorrelation` that of neighbouring points, series x 1.
    """

    statistic: Array
    centre: Array
    sigma: Array
    scale: Scale
    skewness: Array
    freedom: Array
    autocorrelation: Array


@dataclass(frozen=True, kw_only=True)
class ChartType:
    """A named equation; `lines` returns arrays of the shape of the sums.

    `needs` says what the series must be: *values* any, *shares* counts of counts, *means* with their sums of squares,
    *counts* of something, *rates* counts over exposures, *intervals* amounts between rare events.
    """

    name: str
    label: str
    reason: str
    equation: str
    source: str
    needs: Literal["values", "shares", "means", "counts", "rates", "intervals"]
    lines: Callable[[Sums, Convention], Lines]


def individuals(sums: Sums, convention: Convention) -> Lines:
    """Mean, and mean moving range / d2.

    Where no neighbours differ, the centre is the median: a single change behind a gap is then the signal, not every point.
    """
    used = _used(sums)
    sigma = _mean(_screened(moving_ranges(used, convention), convention)) / convention.d2
    constant = np.array([np.median(row[np.isfinite(row)]) if still else np.nan for row, still in zip(used, sigma == 0, strict=True)])
    return _plain(sums, np.where(sigma == 0, constant, _mean(used)), sigma)


def individuals_median(sums: Sums, convention: Convention) -> Lines:
    """Mean, and median moving range / 0.9539: an outlier hardly widens the limits."""
    used = _used(sums)
    return _plain(sums, _mean(used), _median(moving_ranges(used, convention)) / MEDIAN_RANGE_OF_TWO)


def individuals_prime(sums: Sums, convention: Convention) -> Lines:
    """Means of very different n, judged by how much they move from one period to the next (I').

    Each neighbouring pair gives an unbiased estimate of the deviation of a single event; the sigma of a point is their mean
    over the root of its n.
    """
    used = _used(sums)
    n = np.where(np.isfinite(used), sums.n, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        single = moving_ranges(used, convention) / np.sqrt(1 / n[:, :-1] + 1 / n[:, 1:]) / D2_OF_TWO * np.sqrt(2)
    sigma = _mean(_screened(single, convention))[:, None] / np.sqrt(_positive(sums.n))
    return replace(_plain(sums, _total_ratio(sums), np.zeros(len(used))), sigma=sigma)


def moving_range(sums: Sums, convention: Convention) -> Lines:
    """The range of each point and the one before it, with the mean range and d3 / d2 of it."""
    ranges = np.full(sums.value.shape, np.nan)
    ranges[:, 1:] = moving_ranges(sums.value, convention)
    used = np.full(sums.value.shape, np.nan)
    used[:, 1:] = moving_ranges(_used(sums), convention)
    centre = _mean(_screened(used, convention))
    return replace(_plain(sums, centre, centre * d3(2) / convention.d2), statistic=ranges)


def p(sums: Sums, convention: Convention) -> Lines:
    """Total share, and its binomial deviation at each point's own n."""
    del convention
    centre = _total_ratio(sums)[:, None]
    return replace(_plain(sums, centre[:, 0], np.zeros(len(centre))), sigma=np.sqrt(centre * (1 - centre) / _positive(sums.n)))


def laney_p(sums: Sums, convention: Convention) -> Lines:
    """The p chart's sigma times the mean moving range of its z scores / d2."""
    return _laney(sums, p(sums, convention), convention)


def np_(sums: Sums, convention: Convention) -> Lines:
    """The number in each sample, n times the p chart."""
    share = p(sums, convention)
    n = _positive(sums.n)
    return replace(share, statistic=sums.value * n, centre=share.centre * n, sigma=share.sigma * n)


def u(sums: Sums, convention: Convention) -> Lines:
    """Total rate, and its Poisson deviation at each point's own exposure."""
    del convention
    centre = _total_ratio(sums)[:, None]
    return replace(_plain(sums, centre[:, 0], np.zeros(len(centre))), sigma=np.sqrt(centre / _positive(sums.n)))


def laney_u(sums: Sums, convention: Convention) -> Lines:
    """The u chart's sigma times the mean moving range of its z scores / d2."""
    return _laney(sums, u(sums, convention), convention)


def c(sums: Sums, convention: Convention) -> Lines:
    """Mean count, and its Poisson deviation."""
    del convention
    centre = _mean(_used(sums))
    return _plain(sums, centre, np.sqrt(centre))


def x_bar(sums: Sums, convention: Convention) -> Lines:
    """Weighted mean, and the pooled deviation within points at each point's own n."""
    within = within_deviation(sums, convention)
    sigma = within / np.sqrt(_positive(sums.n))
    return replace(_plain(sums, _total_ratio(sums), np.zeros(len(within))), sigma=sigma)


def s(sums: Sums, convention: Convention) -> Lines:
    """The standard deviation of each point, with its expectation c4(n) sigma and sqrt(1 - c4(n)^2) sigma."""
    with np.errstate(invalid="ignore", divide="ignore"):
        deviation = np.sqrt(np.maximum(_squared_deviations(sums), 0) / np.where(sums.n > 1, sums.n - 1, np.nan))
    within = within_deviation(sums, convention)
    expected = c4_of(sums.n)
    lines = _plain(sums, np.zeros(len(within)), np.zeros(len(within)))
    return replace(lines, statistic=deviation, centre=expected * within, sigma=np.sqrt(1 - expected**2) * within)


def g(sums: Sums, convention: Convention) -> Lines:
    """Numbers of cases between rare events: quantiles of the geometric distribution with their mean."""
    del convention
    mean = _mean(_used(sums))[:, None]
    chance = 1 / (1 + mean)

    def there(values: Array) -> Array:
        return ndtri(1 - (1 - chance) ** (np.floor(values) + 1))

    def back(places: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.maximum(np.ceil(np.round(np.log1p(-ndtr(places)) / np.log1p(-chance), 9)) - 1, 0)

    return replace(_plain(sums, np.zeros(len(mean)), np.ones(len(mean))), scale=Scale(there, back, np.ones_like))


def t(sums: Sums, convention: Convention) -> Lines:
    """Times between rare events, as individuals of their 3.6th roots."""
    transformed = replace(sums, value=NELSON.there(sums.value))
    return replace(individuals(transformed, convention), statistic=sums.value, scale=NELSON)


def ewma(sums: Sums, convention: Convention) -> Lines:
    """The exponentially weighted mean of the values, with its exact deviation from the first point on."""
    lines = _classic(sums, convention)
    mean = weighted_mean(sums.value, WEIGHT, lines.centre[:, :1])
    variance = weighted_variance(np.where(np.isfinite(sums.value), lines.sigma**2, np.nan), WEIGHT)
    return replace(lines, statistic=np.where(np.isfinite(sums.value), mean, np.nan), sigma=np.sqrt(variance))


def cusum(sums: Sums, convention: Convention) -> Lines:
    """The larger of the upper and the lower cumulative sum, in sigmas; its limits are the decision interval."""
    lines = _classic(sums, convention)
    with np.errstate(invalid="ignore", divide="ignore"):
        up, down = cumulative_sums((sums.value - lines.centre) / lines.sigma, SLACK, 0.0)
    sides = np.where(np.isfinite(sums.value), np.where(up >= down, up, -down), np.nan)
    nothing, third = np.zeros(len(up)), np.full(len(up), INTERVAL / 3)
    return replace(_plain(sums, nothing, third), statistic=sides)


def _classic(sums: Sums, convention: Convention) -> Lines:
    """The plainest chart of the series: shares by p, means by X-bar, single values as individuals."""
    match sums.chance:
        case "shares":
            return p(sums, convention)
        case "pooled":
            return x_bar(sums, convention)
        case _:
            return individuals(sums, convention)


def run(sums: Sums, convention: Convention) -> Lines:
    """The median alone: no limits, only runs and crossings."""
    del convention
    centre = _median(_used(sums))
    return _plain(sums, centre, np.full(len(centre), np.nan))


def moving_ranges(values: Array, convention: Convention) -> Array:
    """Absolute differences of neighbours; a gap on either side gives none, unless the convention bridges gaps."""
    if not convention.bridges:
        return np.abs(np.diff(values, axis=1))
    ranges = np.full((values.shape[0], max(values.shape[1] - 1, 0)), np.nan)
    for row, places in enumerate(map(np.flatnonzero, np.isfinite(values))):
        ranges[row, places[1:] - 1] = np.abs(np.diff(values[row, places]))
    return ranges


def within_deviation(sums: Sums, convention: Convention) -> Array:
    """Deviation of single events within a point, series x 1: pooled over the baseline, unbiased by c4."""
    del convention
    counted = sums.baseline & (sums.n > 1)
    freedom = np.where(counted, sums.n - 1, 0).sum(axis=1)
    pooled = np.sqrt(np.where(counted, np.maximum(_squared_deviations(sums), 0), 0).sum(axis=1) / _positive(freedom))
    return (pooled / c4_of(freedom + 1))[:, None]


def _squared_deviations(sums: Sums) -> Array:
    return sums.squares - sums.numerator**2 / _positive(sums.n)


def _laney(sums: Sums, lines: Lines, convention: Convention) -> Lines:
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(sums.baseline, (sums.value - lines.centre) / lines.sigma, np.nan)
    ratio = _mean(_screened(moving_ranges(z, convention), convention)) / convention.d2
    return replace(lines, sigma=lines.sigma * ratio[:, None])


def _screened(ranges: Array, convention: Convention) -> Array:
    """Without the ranges that are themselves out of control, unless nothing but equal neighbours would be left."""
    if not convention.screens:
        return ranges
    kept = np.where(ranges < SCREEN * _mean(ranges)[:, None], ranges, np.nan)
    return np.where((_mean(kept) > 0)[:, None], kept, ranges)


def _used(sums: Sums) -> Array:
    return np.where(sums.baseline, sums.value, np.nan)


def _mean(values: Array) -> Array:
    """Mean of each series over what is not a gap; NaN without any."""
    counts = np.isfinite(values).sum(axis=1)
    return np.where(counts > 0, np.nansum(values, axis=1) / np.maximum(counts, 1), np.nan)


def _median(values: Array) -> Array:
    """Median of each series over what is not a gap; NaN without any."""
    known = np.isfinite(values)
    ordered = np.sort(np.where(known, values, np.inf), axis=1)
    counts = known.sum(axis=1)
    rows = np.arange(len(values))
    with np.errstate(invalid="ignore"):
        middle = (ordered[rows, np.maximum(counts - 1, 0) // 2] + ordered[rows, np.minimum(counts // 2, values.shape[1] - 1)]) / 2
    return np.where(counts > 0, middle, np.nan)


def _total_ratio(sums: Sums) -> Array:
    used = sums.baseline & np.isfinite(sums.value)
    return np.where(used, sums.numerator, 0).sum(axis=1) / _positive(np.where(used, sums.n, 0).sum(axis=1))


def _positive(values: Array) -> Array:
    return np.where(values > 0, values, np.nan)


def _plain(sums: Sums, centre: Array, sigma: Array) -> Lines:
    """Lines of the values themselves, the same along each series."""
    shape = sums.value.shape
    return Lines(
        statistic=sums.value,
        centre=np.broadcast_to(centre[:, None], shape),
        sigma=np.broadcast_to(sigma[:, None], shape),
        scale=LINEAR,
        skewness=np.zeros((1, 1)),
        freedom=(sums.baseline & np.isfinite(sums.value)).sum(axis=1, keepdims=True).astype(float),
        autocorrelation=np.zeros((shape[0], 1)),
    )
