"""Tiers instead of ranks: a tie that chance explains is shown as a tie."""

import numpy as np
from numpy.typing import NDArray

from kpi.spc.discoveries import discoveries
from kpi.spc.funnel import ROUNDING, two_sided
from kpi.uncertainty import Z_95

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]

FALSE_DIFFERENCES = 0.05
"""Of the pairs said to differ, at most this share is expected to differ by chance alone."""


def clearly_below(values: Array, lower: Array, upper: Array) -> Flags:
    """Units x units: whether the row's value is below the column's by more than chance explains.

    The error of a difference comes from the 95 % intervals' sides that face each other, sqrt((upper - low)^2 + (high - lower)^2):
    Newcombe's method 10 (Statistics in Medicine 17, 1998), for any interval Zou and Donner (Statistics in Medicine 27, 2008).
    Over all pairs, Benjamini and Hochberg at 5 %.
    """
    gap = values[None, :] - values[:, None]
    gap[np.abs(gap) <= ROUNDING * np.abs(values)] = 0
    error = np.hypot((upper - values)[:, None], (values - lower)[None, :]) / Z_95
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        p = two_sided(gap / error)
    ties = np.where(np.triu(gap == 0, k=1), 1.0, np.nan)  # a pair is one test
    return discoveries(np.where(gap > 0, p, ties).ravel(), FALSE_DIFFERENCES).reshape(gap.shape) & (gap > 0)


def tiers(below: Flags) -> Places:
    """The tier of each unit, from 1 for the best; `below[i, j]`: j is clearly better than i.

    A unit is in tier 1 when none is clearly better, in tier 2 when only units of tier 1 are, and so on. So within a tier no two
    units clearly differ, and each unit is clearly worse than at least one of the tier before. Neighbours across a border may
    still be alike: `places` says so.
    """
    found = np.zeros(len(below), dtype=np.int64)
    while (left := found == 0).any():
        found[left & ~below[:, left].any(axis=1)] = found.max() + 1
    return found


def places(below: Flags) -> tuple[Places, Places]:
    """The best and the worst place each unit may have: one after all that are clearly better, one before all clearly worse."""
    return 1 + below.sum(axis=1), len(below) - below.sum(axis=0)
