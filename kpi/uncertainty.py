"""How sure a value is: 95 % intervals from sums alone."""

from math import sqrt

import numpy as np
from numpy.typing import NDArray

Z_95 = 1.959963984540054
"""The 97.5 % point of the normal distribution."""


def wilson(successes: float, n: float) -> tuple[float, float] | None:
    """Interval of a share (Wilson 1927, without continuity correction); None without observations."""
    if not n:
        return None
    share, z2 = successes / n, Z_95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 * sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return (0.0 if successes == 0 else max(0.0, centre - half)), (1.0 if successes == n else min(1.0, centre + half))


def standard_deviation(total: float, squares: float, n: int) -> float | None:
    """Sample standard deviation from sums; None below two observations. Integers leave no rounding in it."""
    return sqrt(max(0, n * squares - total * total) / (n * (n - 1))) if n > 1 else None


def normal(mean: float, deviation: float, n: float) -> tuple[float, float]:
    """Interval of a mean."""
    half = Z_95 * deviation / sqrt(n)
    return mean - half, mean + half


def between_variance(values: NDArray[np.float64], variances: NDArray[np.float64]) -> float:
    """Variance between groups beyond chance: DerSimonian and Laird (1986), equation 8; 0 below two groups.

    `variances` are the sampling variances of the groups' values, all above 0.
    """
    if len(values) < 2:
        return 0.0
    weights = 1.0 / variances
    centre = (weights * values).sum() / weights.sum()
    excess = (weights * (values - centre) ** 2).sum() - (len(values) - 1)
    return max(0.0, float(excess / (weights.sum() - (weights**2).sum() / weights.sum())))
