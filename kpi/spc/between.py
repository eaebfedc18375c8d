"""The default chart: each point varies by chance within it and, beyond chance, between periods; weekdays have their own usual.

    centre_t  = level + weekday effect, shrunk by T^2 / (T^2 + v)
    sigma_t^2 = within_t / n_t + tau^2 + error of the weekday effect, v T^2 / (T^2 + v)

With tau = 0 it is the classic p or X-bar chart; with no chance within (single values) it is an individuals chart.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kpi.spc.charts import Lines, Sums, within_deviation
from kpi.spc.conventions import Convention

Array = NDArray[np.float64]

ITERATIONS = 12
"""Of the between variance and its weights: changes are far below a per cent after six."""

ROUNDS = 3
"""Of weekday effects and the variance between without them: at first that holds the weekdays too, and shrinks them too far."""

FEWEST_WEEKS = 4
"""Of baseline before weekdays are told apart."""

WEEKDAYS = 7
CREDIBLE = 1.6448536269514722
"""The autocorrelation must be this many standard errors above 0 to be used: the 95 % point of the normal distribution."""

MOST_AUTOCORRELATION = 0.9


def between_within(sums: Sums, convention: Convention) -> Lines:
    """Level, weekday effects and the variance between, all from the baseline, on the scale of the sums."""
    usual = _usual(sums)
    chance = _chance(sums, usual, convention)
    y = sums.scale.there(sums.value)
    seen = _span(sums.baseline)
    used = sums.baseline[:, seen] & np.isfinite(y[:, seen]) & np.isfinite(chance[:, seen])
    known, noise = np.where(used, y[:, seen], 0), np.where(used, chance[:, seen], np.inf)
    count = used.sum(axis=1, keepdims=True).astype(float)
    weekdays = _no_weekdays(len(known))
    for _ in range(ROUNDS):
        without = known - weekdays.effect[:, sums.weekday[seen]]
        level, between = _level_and_between(without, noise, weekdays.cost)
        weekdays = _weekdays(known - level, noise + between, sums.weekday[seen])
    without = known - weekdays.effect[:, sums.weekday[seen]]
    level, between = _level_and_between(without, noise, weekdays.cost)
    variance = chance + between + weekdays.error[:, sums.weekday]
    sigma = np.sqrt(variance)
    with np.errstate(invalid="ignore", divide="ignore"):
        residual = np.where(used & (sigma[:, seen] > 0), (without - level) / sigma[:, seen], np.nan)
    return Lines(
        statistic=sums.value,
        centre=level + weekdays.effect[:, sums.weekday],
        sigma=sigma,
        scale=sums.scale,
        skewness=_skewness(sums, usual, chance, variance),
        freedom=np.maximum(count - weekdays.cost, 1),
        autocorrelation=np.broadcast_to(
            pooled_autocorrelation(residual) if convention.autocorrelation is None else convention.autocorrelation, count.shape
        ),
    )


def _span(baseline: NDArray[np.bool_]) -> slice:
    """From the first to the last time that is in the baseline of any series: all that estimates need to read."""
    times = np.flatnonzero(baseline.any(axis=0))
    return slice(int(times[0]), int(times[-1]) + 1) if len(times) else slice(0, 0)


def _skewness(sums: Sums, usual: Array, chance: Array, variance: Array) -> Array:
    """That of the binomial, (1 - 2 p) / sqrt(n p (1 - p)), thinned by the variance that is not by chance; 0 of other values."""
    if sums.chance != "shares":
        return np.zeros((1, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num((1 - 2 * usual) / (usual * (1 - usual)) * chance**2 / (variance * np.sqrt(variance)))


def _usual(sums: Sums) -> Array:
    """The total over the baseline, series x 1; a share is never quite 0 or 1, as one failure after none is no proof."""
    used = sums.baseline & np.isfinite(sums.value)
    above, n = (np.where(used, array, 0).sum(axis=1, keepdims=True) for array in (sums.numerator, sums.n))
    return (above + 0.5) / _positive(n + 1) if sums.chance == "shares" else above / _positive(n)


def _chance(sums: Sums, usual: Array, convention: Convention) -> Array:
    """Variance of each point by chance within it, on the scale; where only the slope of the scale is known, by the delta method."""
    match sums.chance:
        case "shares":
            return usual * (1 - usual) / _positive(sums.n)
        case "pooled":
            return (within_deviation(sums, convention) * sums.scale.slope(usual)) ** 2 / _positive(sums.n)
        case "on_scale":
            return within_deviation(sums, convention) ** 2 / _positive(sums.n)
        case "none":
            return np.zeros(sums.value.shape)


def _level_and_between(y: Array, noise: Array, cost: Array) -> tuple[Array, Array]:
    """Weighted mean and variance beyond chance: DerSimonian and Laird's moments, the weights iterated to their fixed point.

    `noise` is the variance by chance, infinite where a point is not used; `cost` are the degrees of freedom that weekday
    effects took.
    """
    used = np.isfinite(noise)
    count = used.sum(axis=1, keepdims=True)
    certain = ~(used & (noise > 0)).any(axis=1, keepdims=True)
    noise = np.where(certain & used, 1.0, noise)  # no chance at all: every point counts the same
    middle = y.sum(axis=1, keepdims=True) / _positive(count)
    off = np.where(used, y - middle, 0)
    squares = off**2
    left = np.maximum(count - 1 - cost, 1) / np.maximum(count - 1, 1)
    between = shift = np.zeros(cost.shape)
    for _ in range(ITERATIONS):
        weight = 1 / (noise + between)
        total = _positive(weight.sum(axis=1, keepdims=True))
        mean_weight = _sum_of(weight, weight) / total
        shift = _sum_of(weight, off) / total
        squared = _sum_of(weight, squares) - total * shift**2
        by_chance = np.where(certain, 0, count - 1 - between * (total - mean_weight))  # of weight x noise = 1 - weight x between
        excess = (squared - by_chance * left) / ((total - mean_weight) * left)
        between = np.nan_to_num(np.maximum(np.where(count > 1, excess, 0), 0))
    return middle + shift, between


def _sum_of(weight: Array, values: Array) -> Array:
    """Of the products in each row, series x 1."""
    return np.einsum("ij,ij->i", weight, values)[:, None]


@dataclass(frozen=True)
class Weekdays:
    """Series x 8, the eighth (of weekday -1) 0: effects of the weekdays and their variances; series x 1: degrees of freedom they take."""

    effect: Array
    error: Array
    cost: Array


def _no_weekdays(rows: int) -> Weekdays:
    nothing = np.zeros((rows, WEEKDAYS + 1))
    return Weekdays(nothing, nothing, np.zeros((rows, 1)))


def _weekdays(residual: Array, variance: Array, weekday: NDArray[np.int8]) -> Weekdays:
    """Each shrunk towards 0 by how far weekdays differ beyond chance; none with fewer than four weeks of baseline.

    `variance` is infinite where a point is not used.
    """
    used = np.isfinite(variance)
    with np.errstate(divide="ignore"):
        weight = 1 / variance
    weight = np.where(np.isfinite(weight), weight, 1.0)  # no variance at all: every point counts the same
    on_day = (weekday[:, None] == np.arange(WEEKDAYS)).astype(float)
    precision = weight @ on_day
    seen = precision > 0
    error = 1 / np.where(seen, precision, np.inf)
    found = np.where(used, weight * residual, 0) @ on_day * error
    days_seen = seen.sum(axis=1, keepdims=True)
    total = np.where(days_seen > 0, precision.sum(axis=1, keepdims=True), 1)
    middle = _sum_of(precision, found) / total
    squared = _sum_of(precision, (found - middle) ** 2)
    spread = (squared - (days_seen - 1)) / _positive(total - _sum_of(precision, precision) / total)
    spread = np.nan_to_num(np.maximum(spread, 0))
    weeks = used.sum(axis=1, keepdims=True) / np.maximum(days_seen, 1)
    kept = np.where(seen & (spread > 0) & (weeks >= FEWEST_WEEKS), spread / _positive(spread + error), 0)
    eighth = ((0, 0), (0, 1))
    return Weekdays(
        effect=np.pad(kept * (found - middle), eighth),
        error=np.pad(kept * error, eighth),
        cost=np.maximum(kept.sum(axis=1, keepdims=True) - kept.max(axis=1, keepdims=True), 0),
    )


def pooled_autocorrelation(residual: Array) -> float:
    """Correlation of neighbouring points, pooled over all series; 0 unless credibly above it.

    Estimated around each series' own mean, which pulls it down by about 1 / n: added back (Kendall 1954).
    """
    before, after = residual[:, :-1], residual[:, 1:]
    pairs = np.isfinite(before) & np.isfinite(after)
    count = int(pairs.sum())
    squares = float(np.nansum(residual**2))
    if count < 2 or squares == 0:
        return 0.0
    known = int(np.isfinite(residual).sum())
    product = float((before[pairs] * after[pairs]).sum()) / count / (squares / known)
    length = known / max(len(residual), 1)
    corrected = product + (1 + 3 * max(product, 0)) / length
    return min(corrected, MOST_AUTOCORRELATION) if product > CREDIBLE / np.sqrt(count) else 0.0


def _positive(values: Array) -> Array:
    return np.where(values > 0, values, np.nan)
