"""Chart types with a memory, for small lasting changes."""

from dataclasses import replace

import numpy as np

from kpi.spc.charts import Lines, Sums, classic, plain
from kpi.spc.conventions import Convention
from kpi.spc.memory import cumulative_sums, weighted_mean, weighted_variance


def ewma(sums: Sums, convention: Convention) -> Lines:
    """The exponentially weighted mean of the values, with its exact deviation from the first point on.

    Sigma is a third of the way to its limit, whichever multiple of that deviation the convention sets it at.
    """
    lines, known = classic(sums, convention), np.isfinite(sums.value)
    mean = weighted_mean(sums.value, convention.weight, lines.centre[:, :1])
    deviation = np.sqrt(weighted_variance(np.where(known, lines.sigma**2, np.nan), convention.weight))
    return replace(lines, statistic=np.where(known, mean, np.nan), sigma=deviation * convention.drift_sigmas / 3)


def cusum(sums: Sums, convention: Convention) -> Lines:
    """The larger of the upper and the lower cumulative sum, in sigmas; sigma is a third of the decision interval.

    A change where nothing varied before is infinitely far, and enough for a signal.
    """
    lines = classic(sums, convention)
    off = sums.value - lines.centre
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(off == 0, 0, off / lines.sigma)
    enough = 2 * convention.interval
    z = np.nan_to_num(z, nan=np.nan, posinf=enough, neginf=-enough)
    up, down = cumulative_sums(z, convention.slack, convention.head_start)
    sides = np.where(np.isfinite(sums.value), np.where(up >= down, up, -down), np.nan)
    return replace(plain(sums, np.zeros(len(up)), np.full(len(up), convention.interval / 3)), statistic=sides)
