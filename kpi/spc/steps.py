"""Step changes: the day since when a series has another level, its size, and how sure both are."""

from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FEWEST_POINTS = 7
"""On either side of a step: a level needs some points to be one."""

LIKELY_PLACES = 7.35
"""Places whose log-likelihood is within half of this of the best hold the step with 95 % confidence.

-2 log(1 - sqrt(0.95)): Siegmund, Confidence sets in change-point problems, International Statistical Review 56 (1988).
"""

ROUGH_BELOW = 1.9
"""Below this the formula for the chance of such a step by luck is not valid; there it is common."""


@dataclass(frozen=True)
class Steps:
    """Arrays over series. `place` is the first point of the new level, -1 where there are too few points; `first` and `last`
    are the places that hold the step with 95 % confidence. `size` and its standard `error` are in sigmas; `chance` is how
    often a process without any step shows one as clear.
    """

    place: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    size: Array
    error: Array
    chance: Array


def steps(z: Array, autocorrelation: Array) -> Steps:
    """The likeliest single step in the mean of each series of distances (series x time, gaps NaN).

    All splits of a series are compared in one pass over cumulative sums. Autocorrelation (series x 1) makes means less sure,
    by (1 + r) / (1 - r).
    """
    known = np.isfinite(z)
    filled = np.where(known, z, 0.0)
    count = np.cumsum(known, axis=1).astype(float)
    total, squares = np.cumsum(filled, axis=1), np.cumsum(filled**2, axis=1)
    after = count[:, -1:] - count
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_before, mean_after = total / count, (total[:, -1:] - total) / after
        left = squares[:, -1:] - count * mean_before**2 - after * mean_after**2
        variance = np.maximum(left / (count[:, -1:] - 2), 1e-12) * (1 + autocorrelation) / (1 - autocorrelation)
        error = np.sqrt(variance * (1 / count + 1 / after))
        strength = np.abs(mean_after - mean_before) / error
    possible = known & (count >= FEWEST_POINTS) & (after >= FEWEST_POINTS)
    strength = np.where(possible, strength, -np.inf)
    best = strength.argmax(axis=1)
    rows = np.arange(len(z))
    found = possible[rows, best]
    likelihood = -count[:, -1:] * np.log(np.maximum(left, 1e-12)) * (1 - autocorrelation) / (1 + autocorrelation)
    likely = possible & (likelihood >= likelihood[rows, best][:, None] - LIKELY_PLACES)
    place = _next_known(known)
    first, last = likely.argmax(axis=1), z.shape[1] - 1 - likely[:, ::-1].argmax(axis=1)
    return Steps(
        place=np.where(found, place[rows, best], -1),
        first=np.where(found, place[rows, first], -1),
        last=np.where(found, place[rows, last], -1),
        size=np.where(found, (mean_after - mean_before)[rows, best], np.nan),
        error=np.where(found, error[rows, best], np.nan),
        chance=np.where(found, _chance(strength[rows, best], count[:, -1]), np.nan),
    )


def _next_known(known: NDArray[np.bool_]) -> NDArray[np.int64]:
    """At each point the place of the next one that is not a gap."""
    places = np.where(known, np.arange(known.shape[1]), known.shape[1] - 1)
    following = np.minimum.accumulate(places[:, ::-1], axis=1)[:, ::-1]
    return np.concatenate([following[:, 1:], following[:, -1:]], axis=1)


def _chance(strength: Array, count: Array) -> Array:
    """Of the largest standardised difference over all splits (Csoergo and Horvath, Limit Theorems in Change-Point Analysis, 1.3.26)."""
    b = np.maximum(np.where(np.isfinite(strength), strength, ROUGH_BELOW), ROUGH_BELOW)
    edge = FEWEST_POINTS / np.maximum(count, 2 * FEWEST_POINTS)
    spread = np.log(((1 - edge) / edge) ** 2)
    tail = b * np.exp(-(b**2) / 2) / np.sqrt(2 * pi) * ((1 - 1 / b**2) * spread + 4 / b**2)
    return np.where(strength < ROUGH_BELOW, 1.0, np.minimum(tail, 1.0))
