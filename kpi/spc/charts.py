"""Chart types: from the sums of a series to its centre line and the sigma of each point."""

from collections.abc import Callable
from dataclasses import dataclass
from math import pi, sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

D2_OF_TWO = 2 / sqrt(pi)
"""Expected range of two standard normal values: 1.1283791670955126."""


@dataclass(frozen=True)
class Sums:
    """Arrays of series x time: the value of each point, the numerator and n behind it, the sum of squares.

    A gap is NaN in `value`. `baseline` marks the points that centre and sigma are estimated from.
    """

    value: Array
    numerator: Array
    n: Array
    squares: Array
    baseline: NDArray[np.bool_]


@dataclass(frozen=True)
class ChartType:
    """A named equation. `lines` returns the centre and the sigma of each point, both of the shape of the sums.

    `needs` says what the series must be: *values* any, *shares* counts of counts, *means* with their sums of squares.
    """

    name: str
    label: str
    reason: str
    equation: str
    source: str
    needs: Literal["values", "shares", "means"]
    lines: Callable[[Sums], tuple[Array, Array]]


def individuals(sums: Sums) -> tuple[Array, Array]:
    """Mean, and mean moving range / d2.

    Where no neighbours differ, the centre is the median: a single change behind a gap is then the signal, not every point.
    """
    used = np.where(sums.baseline, sums.value, np.nan)
    sigma = _mean(_moving_ranges(used)) / D2_OF_TWO
    constant = np.array([np.median(row[np.isfinite(row)]) if still else np.nan for row, still in zip(used, sigma == 0, strict=True)])
    return _along(np.where(sigma == 0, constant, _mean(used)), sums), _along(sigma, sums)


def p(sums: Sums) -> tuple[Array, Array]:
    """Total share, and its binomial deviation at each point's own n."""
    centre = _total_ratio(sums)
    return _along(centre, sums), np.sqrt(centre[:, None] * (1 - centre[:, None]) / _positive(sums.n))


def laney_p(sums: Sums) -> tuple[Array, Array]:
    """The p chart's sigma times the mean moving range of its z scores / d2."""
    centre, sigma = p(sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(sums.baseline, (sums.value - centre) / sigma, np.nan)
    return centre, sigma * (_mean(_moving_ranges(z)) / D2_OF_TWO)[:, None]


def x_bar(sums: Sums) -> tuple[Array, Array]:
    """Weighted mean, and the pooled deviation within points at each point's own n."""
    centre = _total_ratio(sums)
    spread = sums.squares - sums.numerator**2 / _positive(sums.n)
    freedom = np.where(sums.baseline, np.maximum(sums.n - 1, 0), 0).sum(axis=1)
    pooled = np.sqrt(np.where(sums.baseline, spread, 0).sum(axis=1) / _positive(freedom))
    return _along(centre, sums), pooled[:, None] / np.sqrt(_positive(sums.n))


CHARTS: tuple[ChartType, ...] = (
    ChartType(
        name="individuals",
        label="individuals (XmR)",
        reason="One value a period, judged by how much it usually moves from one period to the next.",
        equation="mean +- 3 x mean moving range / d2(2)",
        source="Shewhart 1931; Wheeler, Understanding Variation, 1993",
        needs="values",
        lines=individuals,
    ),
    ChartType(
        name="p",
        label="p chart",
        reason="A share, judged by chance alone at each period's own number of events.",
        equation="p +- 3 x sqrt(p (1 - p) / n)",
        source="NIST/SEMATECH e-Handbook, 6.3.3.2",
        needs="shares",
        lines=p,
    ),
    ChartType(
        name="laney_p",
        label="p' chart (Laney)",
        reason="A share of many events: limits follow n and the usual day-to-day variation, which chance alone understates.",
        equation="p +- 3 x sqrt(p (1 - p) / n) x mean moving range of z / d2(2)",
        source="Laney, Quality Engineering 14 (2002)",
        needs="shares",
        lines=laney_p,
    ),
    ChartType(
        name="x_bar",
        label="X-bar chart",
        reason="A mean, judged by the variation between single events at each period's own n.",
        equation="weighted mean +- 3 x pooled s / sqrt(n)",
        source="Montgomery, Introduction to Statistical Quality Control, 6.3",
        needs="means",
        lines=x_bar,
    ),
)

BY_NAME = {chart.name: chart for chart in CHARTS}


def _moving_ranges(values: Array) -> Array:
    """Absolute differences of neighbours; a gap on either side gives none."""
    return np.abs(np.diff(values, axis=1))


def _mean(values: Array) -> Array:
    """Mean of each series over what is not a gap; NaN without any."""
    counts = np.isfinite(values).sum(axis=1)
    return np.where(counts > 0, np.nansum(values, axis=1) / np.maximum(counts, 1), np.nan)


def _total_ratio(sums: Sums) -> Array:
    used = sums.baseline & np.isfinite(sums.value)
    return np.where(used, sums.numerator, 0).sum(axis=1) / _positive(np.where(used, sums.n, 0).sum(axis=1))


def _positive(values: Array) -> Array:
    return np.where(values > 0, values, np.nan)


def _along(per_series: Array, sums: Sums) -> Array:
    return np.broadcast_to(per_series[:, None], sums.value.shape)
