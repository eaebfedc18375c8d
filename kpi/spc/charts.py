"""Chart types: from the sums of a series to its centre line and the sigma of each point."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kpi.spc.constants import D2_OF_TWO, MEDIAN_RANGE_OF_TWO, c4
from kpi.spc.conventions import Convention
from kpi.spc.quantiles import Discrete, binomial, poisson
from kpi.spc.scales import LINEAR, Scale

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

Chance = Literal["shares", "pooled", "on_scale", "none"]

FIRM_POINTS = 20
"""Below this limits are provisional, and wider for it; a classic chart's are as printed from here on."""


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
    series x 1 (infinite: it is given); `autocorrelation` that of neighbouring points, series x 1.
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
    *counts* of something, *rates* counts over exposures, *intervals* amounts between rare events. `has_memory` says that a
    point depends on those before it, so that runs and drifts of it mean nothing and only its limits judge.
    """

    name: str
    label: str
    reason: str
    equation: str
    source: str
    needs: Literal["values", "shares", "means", "counts", "rates", "intervals"]
    has_memory: bool
    lines: Callable[[Sums, Convention], Lines]


def individuals(sums: Sums, convention: Convention) -> Lines:
    """Mean, and mean moving range / d2, or what the convention gives instead.

    Where no neighbours differ, the centre is the median: a single change behind a gap is then the signal, not every point.
    """
    used = in_baseline(sums)
    sigma = _deviation_of_singles(used, convention)
    if convention.centre is not None:
        lines = plain(sums, np.full(len(used), convention.centre), sigma)
        return replace(lines, freedom=np.full_like(lines.freedom, np.inf))
    return plain(sums, np.where(sigma == 0, _median(used), mean(used)), sigma)


def individuals_median(sums: Sums, convention: Convention) -> Lines:
    """Mean, and median moving range / 0.9539: an outlier hardly widens the limits."""
    del convention
    used = in_baseline(sums)
    return plain(sums, mean(used), _median(moving_ranges(used)) / MEDIAN_RANGE_OF_TWO)


def individuals_prime(sums: Sums, convention: Convention) -> Lines:
    """Means of very different n, judged by how much they move from one period to the next (I').

    Each neighbouring pair gives an unbiased estimate of the deviation of a single event; the sigma of a point is their mean
    over the root of its n.
    """
    used = in_baseline(sums)
    n = np.where(np.isfinite(used), sums.n, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        evened = moving_ranges(used) / np.sqrt((1 / n[:, :-1] + 1 / n[:, 1:]) / 2)
    single = mean(_screened(evened, convention)) / D2_OF_TWO
    return replace(plain(sums, total_ratio(sums), single), sigma=single[:, None] / np.sqrt(_positive(sums.n)))


def moving_range(sums: Sums, convention: Convention) -> Lines:
    """The range of each point and the one before it; the mean range, and a third of the way to D4 times it."""
    ranges, used = np.full(sums.value.shape, np.nan), np.full(sums.value.shape, np.nan)
    ranges[:, 1:] = moving_ranges(sums.value)
    used[:, 1:] = moving_ranges(in_baseline(sums))
    centre = mean(_screened(used, convention))
    return replace(plain(sums, centre, centre * (convention.d4 - 1) / 3), statistic=ranges)


def p(sums: Sums, convention: Convention) -> Lines:
    """Total share, and its binomial deviation at each point's own n."""
    share = _shares(sums)
    return by_quantiles(share, binomial(sums.n, share.centre)) if "p" in convention.quantiles else share


def laney_p(sums: Sums, convention: Convention) -> Lines:
    """The p chart's sigma times the mean moving range of its z scores / d2."""
    return _laney(sums, _shares(sums), convention)


def np_(sums: Sums, convention: Convention) -> Lines:
    """The number in each sample, n times the p chart."""
    del convention
    share, n = _shares(sums), _positive(sums.n)
    return replace(share, statistic=sums.value * n, centre=share.centre * n, sigma=share.sigma * n)


def u(sums: Sums, convention: Convention) -> Lines:
    """Total rate, and its Poisson deviation at each point's own exposure."""
    del convention
    rate = plain(sums, total_ratio(sums), np.zeros(len(sums.value)))
    return replace(rate, sigma=np.sqrt(rate.centre / _positive(sums.n)))


def laney_u(sums: Sums, convention: Convention) -> Lines:
    """The u chart's sigma times the mean moving range of its z scores / d2."""
    return _laney(sums, u(sums, convention), convention)


def c(sums: Sums, convention: Convention) -> Lines:
    """Mean count, and its Poisson deviation."""
    centre = mean(in_baseline(sums))
    count = plain(sums, centre, np.sqrt(centre))
    return by_quantiles(count, poisson(count.centre)) if "c" in convention.quantiles else count


def x_bar(sums: Sums, convention: Convention) -> Lines:
    """Weighted mean, and the deviation within points at each point's own n."""
    centre = total_ratio(sums)
    return replace(plain(sums, centre, centre), sigma=within_deviation(sums, convention) / np.sqrt(_positive(sums.n)))


def s(sums: Sums, convention: Convention) -> Lines:
    """The standard deviation of each point, with its expectation c4(n) sigma and sqrt(1 - c4(n)^2) sigma."""
    deviation = deviations(sums)
    within, expected = within_deviation(sums, convention), c4(sums.n)
    lines = replace(plain(sums, within[:, 0], within[:, 0]), statistic=deviation, sigma=np.sqrt(1 - expected**2) * within)
    if convention.s_centre == "expected":
        return replace(lines, centre=expected * within)
    n = np.where(sums.baseline & np.isfinite(deviation), sums.n, 0.0)
    average = np.nansum(n * deviation, axis=1) / _positive(n.sum(axis=1))
    return replace(lines, centre=np.broadcast_to(average[:, None], deviation.shape))


def classic(sums: Sums, convention: Convention) -> Lines:
    """The plainest chart of the series: shares by p, means by X-bar, single values as individuals."""
    match sums.chance:
        case "shares":
            return _shares(sums)
        case "pooled":
            return x_bar(sums, convention)
        case _:
            return individuals(sums, convention)


def run(sums: Sums, convention: Convention) -> Lines:
    """The median alone: no limits, only the side of it that each point lies on."""
    del convention
    centre = _median(in_baseline(sums))[:, None]
    side = Scale(
        there=lambda values: np.sign(values - centre),
        back=lambda places: np.where(places == 0, centre, np.nan),
        slope=np.ones_like,
    )
    return replace(plain(sums, np.zeros(len(centre)), np.ones(len(centre))), scale=side)


def moving_ranges(values: Array) -> Array:
    """Absolute differences of neighbours; a gap on either side gives none."""
    return np.abs(np.diff(values, axis=1))


def within_deviation(sums: Sums, convention: Convention) -> Array:
    """Deviation of single events within a point, from the baseline: series x 1, or x time where the convention says by point."""
    counted = sums.baseline & (sums.n > 1)
    n = np.where(counted, sums.n, np.nan)
    deviation, bias = np.where(counted, deviations(sums), np.nan), c4(n)
    freedom = np.nansum(n - 1, axis=1)
    pooled = np.sqrt(np.nansum((n - 1) * deviation**2, axis=1) / _positive(freedom))
    match convention.within:
        case "pooled":
            found = pooled / c4(freedom + 1)
        case "mean":
            found = mean(deviation / bias)
        case "best_linear":
            with np.errstate(invalid="ignore", divide="ignore"):
                found = np.nansum(bias * deviation / (1 - bias**2), axis=1) / _positive(np.nansum(bias**2 / (1 - bias**2), axis=1))
        case "by_point":
            uneven = ((n != mean(n)[:, None]) & counted).any(axis=1)
            return np.where(uneven, pooled, mean(deviation))[:, None] / c4(sums.n)
    return found[:, None]


def deviations(sums: Sums) -> Array:
    """Standard deviation of the events of each point; NaN below two."""
    with np.errstate(invalid="ignore", divide="ignore"):
        squares = np.maximum(sums.squares - sums.numerator**2 / _positive(sums.n), 0)
        return np.sqrt(squares / np.where(sums.n > 1, sums.n - 1, np.nan))


def plain(sums: Sums, centre: Array, sigma: Array) -> Lines:
    """Lines of the values themselves, the same along each series."""
    shape = sums.value.shape
    count = (sums.baseline & np.isfinite(sums.value)).sum(axis=1, keepdims=True)
    return Lines(
        statistic=sums.value,
        centre=np.broadcast_to(centre[:, None], shape),
        sigma=np.broadcast_to(sigma[:, None], shape),
        scale=LINEAR,
        skewness=np.zeros((1, 1)),
        freedom=np.where(count < FIRM_POINTS, count, np.inf),
        autocorrelation=np.zeros((shape[0], 1)),
    )


def by_quantiles(lines: Lines, counts: Discrete) -> Lines:
    """The same statistic on the scale where its distribution is normal: its limits are quantiles, its centre the median."""
    scale = Scale(counts.place, counts.value, np.ones_like)
    return replace(lines, centre=np.zeros_like(lines.centre), sigma=np.ones_like(lines.sigma), scale=scale)


def in_baseline(sums: Sums) -> Array:
    """The values that lines are estimated from; NaN elsewhere."""
    return np.where(sums.baseline, sums.value, np.nan)


def mean(values: Array) -> Array:
    """Mean of each series over what is not a gap; NaN without any."""
    counts = np.isfinite(values).sum(axis=1)
    return np.where(counts > 0, np.nansum(values, axis=1) / np.maximum(counts, 1), np.nan)


def total_ratio(sums: Sums) -> Array:
    """Total numerator over total n of the baseline; NaN without any."""
    used = sums.baseline & np.isfinite(sums.value)
    n = np.where(used, sums.n, 0.0).sum(axis=1)
    return np.where(used, sums.numerator, 0.0).sum(axis=1) / _positive(n)


def _shares(sums: Sums) -> Lines:
    share = plain(sums, total_ratio(sums), np.zeros(len(sums.value)))
    return replace(share, sigma=np.sqrt(share.centre * (1 - share.centre) / _positive(sums.n)))


def _laney(sums: Sums, lines: Lines, convention: Convention) -> Lines:
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(sums.baseline, (sums.value - lines.centre) / lines.sigma, np.nan)
    ratio = mean(_screened(moving_ranges(z), convention)) / convention.d2
    return replace(lines, sigma=np.where(lines.sigma == 0, 0, lines.sigma * ratio[:, None]))


def _deviation_of_singles(used: Array, convention: Convention) -> Array:
    """Sigma of each series of single values: given, by moving ranges, or by the standard deviation."""
    if convention.sigma is not None:
        return np.full(len(used), convention.sigma)
    if convention.single == "moving_range":
        return mean(_screened(moving_ranges(used), convention)) / convention.d2
    count = np.isfinite(used).sum(axis=1).astype(float)
    squares = np.nansum((used - mean(used)[:, None]) ** 2, axis=1)
    return np.sqrt(squares / _positive(count - 1)) / c4(count)


def _screened(ranges: Array, convention: Convention) -> Array:
    """Without the ranges that are themselves out of control, unless nothing but equal neighbours would be left."""
    if not convention.screens:
        return ranges
    kept = np.where(ranges < convention.d4 * mean(ranges)[:, None], ranges, np.nan)
    return np.where((mean(kept) > 0)[:, None], kept, ranges)


def _median(values: Array) -> Array:
    """Median of each series over what is not a gap; NaN without any."""
    known = np.isfinite(values)
    ordered = np.sort(np.where(known, values, np.inf), axis=1)
    counts = known.sum(axis=1)
    rows = np.arange(len(values))
    with np.errstate(invalid="ignore"):
        middle = (ordered[rows, np.maximum(counts - 1, 0) // 2] + ordered[rows, np.minimum(counts // 2, values.shape[1] - 1)]) / 2
    return np.where(counts > 0, middle, np.nan)


def _positive(values: Array) -> Array:
    return np.where(values > 0, values, np.nan)
