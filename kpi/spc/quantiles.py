"""Distributions of counts: where a count lies in them, in sigmas of the normal distribution, and which count lies there."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import binom
from scipy.stats import poisson as poisson_distribution

Array = NDArray[np.float64]

DIGITS = 9
"""Of a count found from a logarithm or a ratio, before it is rounded."""


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
    with np.errstate(invalid="ignore", divide="ignore"):
        return Discrete(
            at_least=lambda shares: binom.sf(np.round(shares * n) - 1, n, chance),
            at_most=lambda shares: binom.cdf(np.round(shares * n), n, chance),
            quantile=lambda chances: binom.ppf(chances, n, chance) / n,
        )


def poisson(mean: Array) -> Discrete:
    """Counts with this mean."""
    return Discrete(
        at_least=lambda counts: poisson_distribution.sf(counts - 1, mean),
        at_most=lambda counts: poisson_distribution.cdf(counts, mean),
        quantile=lambda chances: poisson_distribution.ppf(chances, mean),
    )


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
