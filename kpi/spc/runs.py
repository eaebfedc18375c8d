"""Runs and crossings around the median: Anhoej's rules, which need no limits at all."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kpi.spc.quantiles import binomial_quantile

Array = NDArray[np.float64]

RARE_CROSSINGS = 0.05


@dataclass(frozen=True)
class Runs:
    """Arrays over series: points not on the centre, the longest run and the most it may be, crossings and the fewest."""

    useful: NDArray[np.int64]
    longest: NDArray[np.int64]
    longest_allowed: NDArray[np.int64]
    crossings: NDArray[np.int64]
    crossings_needed: NDArray[np.int64]

    @property
    def is_signal(self) -> NDArray[np.bool_]:
        """Whether either is unusual (Anhoej and Olesen, PLoS ONE 9, 2014)."""
        return (self.longest > self.longest_allowed) | (self.crossings < self.crossings_needed)


def runs(z: Array) -> Runs:
    """Of each series; points on the centre and gaps are left out, and break nothing."""
    sides = [np.sign(row[~np.isnan(row) & (row != 0)]) for row in z]
    useful = np.array([len(side) for side in sides], dtype=np.int64)
    lengths = [np.diff(np.flatnonzero(np.r_[True, side[1:] != side[:-1], True])) if len(side) else np.array([0]) for side in sides]
    longest = np.array([length.max() for length in lengths], dtype=np.int64)
    crossings = np.array([max(len(length) - 1, 0) for length in lengths], dtype=np.int64)
    with np.errstate(divide="ignore"):
        allowed = np.where(useful > 0, np.round(np.log2(np.maximum(useful, 1)) + 3), 0).astype(np.int64)
    needed = np.where(useful > 1, binomial_quantile(RARE_CROSSINGS, np.maximum(useful - 1.0, 1.0), 0.5), 0).astype(np.int64)
    return Runs(useful, longest, allowed, crossings, needed)


def run_lengths(z: Array) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """At each point how long the run on its side is so far, and the side; 0 where a point is a gap or on the centre."""
    length, side = np.zeros(z.shape, dtype=np.int64), np.sign(np.nan_to_num(z)).astype(np.int8)
    count, last = np.zeros(len(z), dtype=np.int64), np.zeros(len(z), dtype=np.int8)
    for time in range(z.shape[1]):
        now = side[:, time]
        on = now != 0
        count = np.where(on, np.where(now == last, count + 1, 1), count)
        last = np.where(on, now, last)
        length[:, time] = np.where(on, count, 0)
    return length, side


@dataclass(frozen=True)
class Level:
    """The median from a point on: of the baseline, or of a run on one side of the level before."""

    start: int
    end: int
    median: float


def rephased(values: Array, baseline: int, length: int) -> list[Level]:
    """Levels of one series, proposed for a run chart: each run of so many points on one side of the last level begins the next.

    `end` is the last point behind the median. A gap and a point on the level neither add to a run nor break it.
    """
    levels = [Level(0, baseline - 1, float(np.nanmedian(values[:baseline])))]
    while True:
        begin = levels[-1].end + 1
        reached, _ = run_lengths((values[begin:] - levels[-1].median)[None])
        complete = np.flatnonzero(reached[0] == length)
        if not complete.size:
            return levels
        end = begin + int(complete[0])
        counted = np.flatnonzero(reached[0][: end - begin + 1] == 1)
        start = begin + int(counted[-1])
        levels.append(Level(start, end, float(np.nanmedian(values[start : end + 1]))))
