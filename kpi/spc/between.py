"""The default chart: each point varies by chance within it and, beyond chance, between periods; weekdays have their own usual.

    sigma_t^2 = within_t / n_t + tau^2
    centre_t  = level + weekday effect, shrunk by T^2 / (T^2 + v)

With tau = 0 it is the classic p or X-bar chart; with no chance within (single values) it is an individuals chart.
"""

import numpy as np
from numpy.typing import NDArray

from kpi.spc.charts import Lines, Sums, within_deviation
from kpi.spc.conventions import Convention

Array = NDArray[np.float64]

ITERATIONS = 12
"""Of the between variance and its weights: changes are far below a per cent after six."""

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
    used = sums.baseline & np.isfinite(y) & np.isfinite(chance)
    count = used.sum(axis=1, keepdims=True).astype(float)
    level, between = _level_and_between(y, chance, used, np.zeros_like(count))
    effects, cost = _weekday_effects(y - level, chance + between, used, sums.weekday)
    without = y - effects[:, sums.weekday]
    level, between = _level_and_between(without, chance, used, cost)
    sigma = np.sqrt(chance + between)
    with np.errstate(invalid="ignore", divide="ignore"):
        residual = np.where(used & (sigma > 0), (without - level) / sigma, np.nan)
        skewness = np.sqrt(chance) ** 3 / sigma**3 * (1 - 2 * usual) / np.sqrt(usual * (1 - usual) * _positive(sums.n))
    return Lines(
        statistic=sums.value,
        centre=level + effects[:, sums.weekday],
        sigma=sigma,
        scale=sums.scale,
        skewness=np.nan_to_num(skewness) if sums.chance == "shares" else np.zeros((1, 1)),
        freedom=np.maximum(count - cost, 1),
        autocorrelation=np.broadcast_to(pooled_autocorrelation(residual), count.shape),
    )


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


def _level_and_between(y: Array, chance: Array, used: NDArray[np.bool_], cost: Array) -> tuple[Array, Array]:
    """Weighted mean and variance beyond chance: DerSimonian and Laird's moments, the weights iterated to their fixed point.

    `cost` are the degrees of freedom that weekday effects took.
    """
    zero = np.zeros(cost.shape)
    between = zero
    level = zero
    known = np.where(used, y, 0)
    certain = np.where(used, chance, 0).sum(axis=1, keepdims=True) == 0
    count = used.sum(axis=1, keepdims=True)
    for _ in range(ITERATIONS):
        with np.errstate(invalid="ignore", divide="ignore"):
            weight = np.where(used, 1 / np.where(certain, 1.0, chance + between), 0)
        total = _positive(weight.sum(axis=1, keepdims=True))
        level = (weight * known).sum(axis=1, keepdims=True) / total
        squared = (weight * (known - level) ** 2).sum(axis=1, keepdims=True)
        by_chance = (weight * np.where(used, chance, 0)).sum(axis=1, keepdims=True)
        by_chance = by_chance - (weight**2 * np.where(used, chance, 0)).sum(axis=1, keepdims=True) / total
        freedom = total - (weight**2).sum(axis=1, keepdims=True) / total
        left = np.maximum(count - 1 - cost, 1) / np.maximum(count - 1, 1)
        excess = (squared - by_chance * left) / (freedom * left)
        between = np.nan_to_num(np.maximum(np.where(count > 1, excess, 0), 0))
    return level, between


def _weekday_effects(residual: Array, variance: Array, used: NDArray[np.bool_], weekday: NDArray[np.int8]) -> tuple[Array, Array]:
    """Effects of the seven weekdays (an eighth, of -1, is 0), and the degrees of freedom they take.

    Each is shrunk towards 0 by how far weekdays differ beyond chance; none with fewer than four weeks of baseline.
    """
    rows = len(residual)
    effects = np.zeros((rows, WEEKDAYS + 1))
    if (weekday < 0).all():
        return effects, np.zeros((rows, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = np.where(used, 1 / variance, 0)
    weight = np.where(np.isfinite(weight), weight, used.astype(float))  # no variance at all: every point counts the same
    known = np.where(used, residual, 0)
    found = np.zeros((rows, WEEKDAYS))
    precision = np.zeros((rows, WEEKDAYS))
    for day in range(WEEKDAYS):
        on = weekday == day
        precision[:, day] = weight[:, on].sum(axis=1)
        found[:, day] = (weight[:, on] * known[:, on]).sum(axis=1) / np.where(precision[:, day] > 0, precision[:, day], 1)
    seen = precision > 0
    days_seen = seen.sum(axis=1, keepdims=True)
    total = np.where(days_seen > 0, precision.sum(axis=1, keepdims=True), 1)
    middle = (precision * found).sum(axis=1, keepdims=True) / total
    squared = (precision * (found - middle) ** 2).sum(axis=1, keepdims=True)
    spread = (squared - (days_seen - 1)) / _positive(total - (precision**2).sum(axis=1, keepdims=True) / total)
    spread = np.nan_to_num(np.maximum(spread, 0))
    kept = spread / np.where(seen & (spread > 0), spread + 1 / np.where(seen, precision, 1), np.inf)
    weeks = used.sum(axis=1, keepdims=True) / np.maximum(days_seen, 1)
    kept = np.where(weeks >= FEWEST_WEEKS, kept, 0)
    effects[:, :WEEKDAYS] = kept * (found - middle)
    return effects, np.maximum(kept.sum(axis=1, keepdims=True) - kept.max(axis=1, keepdims=True), 0)


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
