"""What each unit's value would be with the service mix of all together (direct standardisation)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Adjusted:
    """Arrays by unit. `coverage` is the share of the mix that the unit's services make up; without any its value is NaN.

    `events` are how many events of the mix itself would give a value as certain as this one: where services vary alike fewer than
    the unit has, the less its own mix is like that of all. `within` is the variance of one such event by chance.
    """

    value: Array
    coverage: Array
    events: Array
    within: float


def adjusted(numerator: Array, n: Array, within: Array) -> Adjusted:
    """The sum over services of the service's weight x the unit's rate in it; sums are units x services, `within` by service.

    The weights are the services' shares of all events, renormalised over the services that the unit has. The variance is
    the sum of weight^2 within / n (Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions, 2003, chapter 19).
    """
    weight = n.sum(axis=0) / n.sum()
    has = n > 0
    some = np.where(has, n, 1)
    coverage = (weight * has).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = weight * has / coverage[:, None]
        variance = (share**2 * within / some).sum(axis=1)
        events = (weight * within).sum() / variance
    value = (share * numerator / some).sum(axis=1)
    return Adjusted(value, coverage, np.where(variance > 0, events, n.sum(axis=1)), float((weight * within).sum()))
