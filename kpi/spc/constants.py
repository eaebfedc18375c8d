"""Control chart constants for any subgroup size, exact to the last digits: of samples of n independent standard normal values."""

from functools import cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, ndtr

Array = NDArray[np.float64]

REACH = 9.0
"""Beyond this many sigmas the normal distribution has no weight that a double can tell."""


def c4(n: Array) -> Array:
    """Expected standard deviation of n values, NaN below two: sqrt(2 / (n - 1)) gamma(n / 2) / gamma((n - 1) / 2)."""
    many = np.where(n > 1, n, np.nan)
    return np.sqrt(2 / (many - 1)) * np.exp(gammaln(many / 2) - gammaln((many - 1) / 2))


@cache
def d2(n: int) -> float:
    """Expected range of n values: the integral of 1 - (1 - F)^n - F^n (Tippett 1925)."""
    x, step = np.linspace(-REACH, REACH, 4001, retstep=True)
    below = ndtr(x)
    return float((1 - (1 - below) ** n - below**n).sum() * step)


@cache
def d3(n: int) -> float:
    """Standard deviation of the range of n values, from the density of the range (Tippett 1925)."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    width = (nodes + 1) * REACH
    x, step = np.linspace(-2 * REACH, REACH, 4001, retstep=True)
    normal = np.exp(-(x**2) / 2) / sqrt(2 * np.pi)
    further = x[:, None] + width
    inside = normal[:, None] * np.exp(-(further**2) / 2) / sqrt(2 * np.pi) * (ndtr(further) - ndtr(x)[:, None]) ** (n - 2)
    density = n * (n - 1) * inside.sum(axis=0) * step
    return sqrt(float((weights * REACH * width**2 * density).sum()) - d2(n) ** 2)


D2_OF_TWO = 2 / sqrt(np.pi)
"""d2(2) in closed form: 1.1283791670955126."""

MEDIAN_RANGE_OF_TWO = 0.9538725524089398
"""Median of the range of two values: sqrt(2) times the 75 % point of the normal distribution."""

D4_OF_TWO = 1 + 3 * sqrt(np.pi / 2 - 1)
"""1 + 3 d3(2) / d2(2) in closed form: the limit of moving ranges as a multiple of their mean, 3.2665."""
