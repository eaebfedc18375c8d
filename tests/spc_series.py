"""Series for the tests of control charts, written as one would write them on paper."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kpi.spc.charts import Chance, Sums
from kpi.spc.scales import LINEAR

Array = NDArray[np.float64]
Numbers = Sequence[float | None]

GAP = None


def measured(values: Numbers, baseline: Sequence[bool] | None = None) -> Sums:
    """Single values; None is a gap."""
    value = row(values)
    return _sums(value, value, np.isfinite(value).astype(float), value**2, baseline, "none")


def counted(numerator: Numbers, n: Numbers, baseline: Sequence[bool] | None = None) -> Sums:
    """Shares or rates; n = 0 is a gap."""
    above, below = row(numerator), row(n)
    value = np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)
    return _sums(value, above, below, above, baseline, "shares")


def grouped(groups: Sequence[Sequence[float]], baseline: Sequence[bool] | None = None) -> Sums:
    """Subgroups of values; an empty one is a gap."""
    n, total = row([len(one) for one in groups]), row([sum(one) for one in groups])
    squares = row([sum(value * value for value in one) for one in groups])
    value = np.divide(total, n, out=np.full(n.shape, np.nan), where=n > 0)
    return _sums(value, total, n, squares, baseline, "pooled")


def row(values: Numbers) -> Array:
    """One series of values."""
    return np.array([[np.nan if one is None else one for one in values]], dtype=float)


def _sums(value: Array, numerator: Array, n: Array, squares: Array, baseline: Sequence[bool] | None, chance: Chance) -> Sums:
    used = np.isfinite(value) if baseline is None else np.isfinite(value) & np.array([baseline], dtype=bool)
    weekday = np.full(value.shape[1], -1, dtype=np.int8)
    return Sums(value, numerator, n, squares, used, weekday, chance, LINEAR)
