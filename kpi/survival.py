"""Quantiles of durations when some have not ended yet."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Durations:
    """Distinct durations in rising order (seconds) with how many ended there and how many were still open at that age."""

    seconds: NDArray[np.float64]
    ended: NDArray[np.int64]
    still_open: NDArray[np.int64]


def survival(durations: Durations) -> NDArray[np.float64]:
    """Kaplan-Meier estimate of the share that lasts longer than each duration; at ties, ends come before censorings.

    Kaplan and Meier, Journal of the American Statistical Association 53 (1958), equation 2b. Their product of
    (at risk - ended) / at risk telescopes to one quotient of counts between censorings: millions of factors would drift.
    """
    leaving = durations.ended + durations.still_open
    at_risk = np.maximum(leaving[::-1].cumsum()[::-1], 1)
    regained = 1.0 + durations.still_open[:-1] / at_risk[1:]
    return (at_risk - durations.ended) / at_risk.max(initial=1) * np.cumprod(np.concatenate(([1.0], regained)))[: at_risk.size]


def kaplan_meier_quantile(durations: Durations, probability: float) -> float | None:
    """Smallest duration (seconds) by which this share has ended; None when that was not reached."""
    reached = np.flatnonzero((survival(durations) <= 1.0 - probability + 1e-12) & (durations.ended > 0))
    return float(durations.seconds[reached[0]]) if reached.size else None


def observed_quantile(durations: Durations, probability: float) -> float | None:
    """Quantile over ended events alone, linear between neighbours (numpy's `linear`, Excel's PERCENTILE.INC)."""
    count = int(durations.ended.sum())
    if not count:
        return None
    rank = probability * (count - 1)
    below, above = (int(np.searchsorted(durations.ended.cumsum(), place, side="right")) for place in (np.floor(rank), np.ceil(rank)))
    low, high = float(durations.seconds[below]), float(durations.seconds[above])
    return low + (high - low) * (rank - np.floor(rank))
