"""Distances of points from their centre in sigmas: what every rule reads, whatever the chart."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from kpi.spc.charts import Lines
from kpi.spc.memory import WEIGHT, weighted_mean

Array = NDArray[np.float64]

FARTHEST = 6.0
"""A point counts for no more sigmas in a weighted mean: one freak day does not look like a week of a changed process."""

DIGITS = 9
"""Of a distance, far below what can be seen: a point on the centre or on a limit is on it."""


@dataclass(frozen=True)
class Distances:
    """Arrays of series x time: z (NaN: not judged) and the value; series x 1: what the centre rests on.

    `freedom` is the number of values behind the centre, infinite where it is known or where limits are not widened.
    """

    z: Array
    value: Array
    freedom: Array
    autocorrelation: Array

    def reach(self, sigmas: float) -> Array:
        """So many sigmas as seen from an estimated centre, series x 1: farther, the fewer points it rests on.

        t(m - 1; F(sigmas)) sqrt(1 + 1 / m): the prediction limit of one more normal value after m.
        """
        return self.tail(sigmas) * np.sqrt(1 + 1 / np.maximum(self.freedom, 1))

    def tail(self, sigmas: float) -> Array:
        """So many sigmas with the tail of an estimated sigma."""
        if np.isinf(self.freedom).all():
            return np.full(self.freedom.shape, sigmas)
        return np.where(np.isinf(self.freedom), sigmas, stdtrit(np.maximum(self.freedom - 1, 1), ndtr(sigmas)))

    @cached_property
    def drift(self) -> Array:
        """The weighted mean of recent distances as a multiple of its own sigma; NaN where a point is not judged."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(np.isnan(self.z), np.nan, ewma(self.z) / ewma_deviation(self))


def distances(lines: Lines, *, widens: bool) -> Distances:
    """How far each point lies from its centre; with no variation at all any change is infinitely far."""
    place = lines.scale.there(lines.statistic)
    off = place - lines.centre
    with np.errstate(invalid="ignore", divide="ignore"):
        raw = off / lines.sigma
    raw[np.abs(off) <= 1e-12 * np.abs(lines.centre)] = 0.0
    freedom = np.maximum(lines.freedom, 1) if widens else np.full(lines.freedom.shape, np.inf)
    return Distances(np.round(_unbent(raw, lines.skewness), DIGITS), lines.statistic, freedom, lines.autocorrelation)


def limit(lines: Lines, sigmas: float, reach: Array) -> Array:
    """The value that lies so many sigmas from the centre; `reach` is what so many are, series x 1. At 0 it is the usual value."""
    if not sigmas:
        return lines.scale.back(lines.centre)
    return lines.scale.back(lines.centre + lines.sigma * _bent(np.sign(sigmas) * reach, lines.skewness))


def judged(found: Distances, points: NDArray[np.bool_]) -> Distances:
    """Only these points."""
    return replace(found, z=np.where(points, found.z, np.nan))


def ewma(z: Array) -> Array:
    """Exponentially weighted mean of distances; a gap leaves it as it is."""
    return weighted_mean(np.clip(z, -FARTHEST, FARTHEST), WEIGHT, np.zeros((len(z), 1)))


def ewma_deviation(found: Distances) -> Array:
    """Deviation of that mean in sigmas: exact from the first point on, with the error of the estimated centre and autocorrelation.

    Montgomery, Introduction to Statistical Quality Control, 9.2.1; the factor of an AR(1) process from Schmid (1997).
    """
    count = np.cumsum(~np.isnan(found.z), axis=1)
    faded = ((1 - WEIGHT) ** np.arange(count.shape[1] + 1))[count]
    own = WEIGHT / (2 - WEIGHT) * (1 - faded**2)
    kept = found.autocorrelation * (1 - WEIGHT)
    with np.errstate(invalid="ignore"):
        return np.sqrt((own + (1 - faded) ** 2 / found.freedom) * (1 + kept) / (1 - kept))


def _bent(z: Array, skewness: Array) -> Array:
    """Where a skewed distribution has the tail that the normal has at z: Cornish and Fisher's first term (1938)."""
    return z + skewness * (z**2 - 1) / 6


def _unbent(x: Array, skewness: Array) -> Array:
    """The z that `_bent` takes to x, on the branch that rises."""
    bend = np.where(skewness == 0, 1.0, skewness)
    with np.errstate(invalid="ignore"):
        root = np.sqrt(np.maximum(1 + 2 * bend / 3 * (x + bend / 6), 0))
    return np.where(skewness == 0, x, 3 * (root - 1) / bend)
