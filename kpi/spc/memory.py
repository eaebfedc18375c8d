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
    mean = np.empty(values.shape)
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    weights = np.where(known, weight, 0.0)
    now = np.nan_to_num(start[:, 0])
    for time in range(values.shape[1]):
        now = now + weights[:, time] * (filled[:, time] - now)
        mean[:, time] = now
    return mean


def weighted_variance(variances: Array, weight: float) -> Array:
    """Variance of that mean from the variances of the points, NaN where there is none: exact from the first point on."""
    found = np.empty(variances.shape)
    known = np.isfinite(variances)
    filled = np.where(known, variances, 0.0)
    weights = np.where(known, weight, 0.0)
    now = np.zeros(len(variances))
    for time in range(variances.shape[1]):
        now = (1 - weights[:, time]) ** 2 * now + weights[:, time] ** 2 * filled[:, time]
        found[:, time] = now
    return found


def cumulative_sums(z: Array, slack: float, head_start: float) -> tuple[Array, Array]:
    """Upper and lower cumulative sums of distances, both from `head_start` and positive; a gap leaves them as they are."""
    up, down = np.empty(z.shape), np.empty(z.shape)
    known = np.isfinite(z)
    filled, slacks = np.where(known, z, 0.0), np.where(known, slack, 0.0)
    above = below = np.full(len(z), head_start)
    for time in range(z.shape[1]):
        above = np.maximum(0, above + filled[:, time] - slacks[:, time])
        below = np.maximum(0, below - filled[:, time] - slacks[:, time])
        up[:, time], down[:, time] = above, below
    return up, down
