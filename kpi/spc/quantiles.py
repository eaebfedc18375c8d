"""Distributions of counts: where a count lies in them, in sigmas of the normal distribution, and which count lies there."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, ndtr, ndtri, pdtr

Array = NDArray[np.float64]

DIGITS = 9
"""Of a count found from a logarithm or a ratio, before it is rounded."""

HIGHEST = 12.0
"""Roots of the mean above it, where counts have no weight that a double can tell."""


@dataclass(frozen=True)
class Discrete:
    """`at_least` and `at_most` are the chances of a value or one beyond it; `quantile` the least value with such an `at_most`."""

    at_least: Callable[[Array], Array]
    at_most: Callable[[Array], Array]
    quantile: Callable[[Array], Array]

    def place(self, values: Array) -> Array:
        """In sigmas by the chance of the value or one farther out, so that a value on its limit is not beyond it; the median is 0."""
        above, below = self.at_least(values), self.at_most(values)
        nowhere = np.where(np.isnan(values), np.nan, 0.0)
        return np.select([above < 0.5, below < 0.5], [-ndtri(above), ndtri(below)], nowhere)

    def value(self, places: Array) -> Array:
        """The value that lies so many sigmas from the median."""
        return self.quantile(ndtr(places))


def binomial(n: Array, chance: Array) -> Discrete:
    """Shares of n with this chance."""
    many = np.where(n > 0, n, np.nan)
    return Discrete(
        at_least=lambda shares: 1 - _binomial_at_most(np.round(shares * many) - 1, many, chance),
        at_most=lambda shares: _binomial_at_most(np.round(shares * many), many, chance),
        quantile=lambda chances: binomial_quantile(chances, many, chance) / many,
    )


def binomial_quantile(chances: Array | float, n: Array, chance: Array | float) -> Array:
    """The least number of n that is not exceeded with these chances."""
    return _least(lambda counts: _binomial_at_most(counts, n, chance), chances, n)


def poisson(mean: Array) -> Discrete:
    """Counts with this mean."""
    return Discrete(
        at_least=lambda counts: 1 - _poisson_at_most(counts - 1, mean),
        at_most=lambda counts: _poisson_at_most(counts, mean),
        quantile=lambda chances: _least(
            lambda counts: _poisson_at_most(counts, mean), chances, np.ceil(mean + HIGHEST * np.sqrt(mean + 1))
        ),
    )


def _binomial_at_most(counts: Array, n: Array, chance: Array | float) -> Array:
    inside = betainc(np.maximum(n - counts, 1), np.maximum(counts, 0) + 1, 1 - chance)
    return np.select([np.isnan(counts), counts < 0, counts >= n], [np.nan, 0.0, 1.0], inside)


def _poisson_at_most(counts: Array, mean: Array) -> Array:
    return np.select([np.isnan(counts), counts < 0], [np.nan, 0.0], pdtr(np.maximum(counts, 0), mean))


def _least(at_most: Callable[[Array], Array], chances: Array | float, highest: Array) -> Array:
    """The least count at which a distribution reaches the chances, by halving; NaN where they or the highest count are."""
    below, above = np.full(highest.shape, -1.0), highest
    for _ in range(int(np.nanmax(highest, initial=0)).bit_length() + 1):
        middle = np.floor((below + above) / 2)
        reached = at_most(middle) >= chances
        below, above = np.where(reached, below, middle), np.where(reached, middle, above)
    return np.where(np.isnan(chances), np.nan, above)


def geometric(mean: Array) -> Discrete:
    """Cases before an event, with this mean: the chance of an event at each case is 1 / (1 + mean)."""
    chance = 1 / (1 + mean)

    def quantile(chances: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.maximum(np.ceil(np.round(np.log1p(-chances) / np.log1p(-chance), DIGITS)) - 1, 0)

    return Discrete(
        at_least=lambda cases: (1 - chance) ** cases,
        at_most=lambda cases: 1 - (1 - chance) ** (cases + 1),
        quantile=quantile,
    )
