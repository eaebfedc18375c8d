"""Statistics with a memory, which add up what single points cannot show: exponentially weighted means and cumulative sums."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

WEIGHT = 0.2
"""Of the newest point in an exponentially weighted mean."""

SLACK = 0.5
"""Sigmas that a cumulative sum forgives at each point: half the shift it is quickest to find."""

INTERVAL = 4.77
"""Sigmas beyond which a cumulative sum signals: once in 370 points of a stable process."""


def weighted_mean(values: Array, weight: float, start: Array) -> Array:
    """Exponentially weighted mean of series x time from `start`, series x 1; a gap leaves it as it is."""
    values = by_time(values)
    known = np.isfinite(values)
    mean = np.where(known, weight * values, 0.0)
    kept = np.where(known, 1 - weight, 1.0)
    now = np.nan_to_num(start[:, 0])
    for new, keep in zip(mean, kept, strict=True):
        new += keep * now
        now = new
    return by_time(mean)


def weighted_variance(variances: Array, weight: float) -> Array:
    """Variance of that mean from the variances of the points, NaN where there is none: exact from the first point on."""
    variances = by_time(variances)
    known = np.isfinite(variances)
    found = np.where(known, weight**2 * variances, 0.0)
    kept = np.where(known, (1 - weight) ** 2, 1.0)
    now = np.zeros(variances.shape[1])
    for new, keep in zip(found, kept, strict=True):
        new += keep * now
        now = new
    return by_time(found)


def cumulative_sums(z: Array, slack: float, head_start: float) -> tuple[Array, Array]:
    """Upper and lower cumulative sums of distances, both from `head_start` and positive; a gap leaves them as they are."""
    z = by_time(z)
    known = np.isfinite(z)
    up, down = (np.where(known, side * z - slack, 0.0) for side in (1, -1))
    for sums in (up, down):
        now = np.full(z.shape[1], head_start)
        for new in sums:
            np.maximum(new + now, 0, out=new)
            now = new
    return by_time(up), by_time(down)


def by_time(array: NDArray) -> NDArray:
    """Time x series of series x time or the other way round, laid out so that one time (or series) lies together in memory."""
    return np.ascontiguousarray(array.T)
