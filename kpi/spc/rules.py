"""Rules: from distances in sigmas to marks of +1, -1 or 0, one per point."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Marks = NDArray[np.int8]

LIMIT_SIGMAS = 3.0
RUN_LENGTH = 9


@dataclass(frozen=True)
class Rule:
    """`marks` takes z (series x time, NaN for a gap) and returns the side of every point that belongs to a signal."""

    name: str
    label: str
    definition: str
    marks: Callable[[NDArray[np.float64]], Marks]


def beyond_limits(z: NDArray[np.float64]) -> Marks:
    """One point strictly beyond a limit."""
    return (np.sign(np.nan_to_num(z)) * (np.abs(np.nan_to_num(z)) > LIMIT_SIGMAS)).astype(np.int8)


def run_on_one_side(z: NDArray[np.float64]) -> Marks:
    """All points of nine or more in a row strictly on one side of the centre; a gap or a point on it breaks the run."""
    side = np.sign(np.nan_to_num(z))
    marks = np.zeros(z.shape, dtype=np.int8)
    for last in range(RUN_LENGTH - 1, z.shape[1]):
        window = slice(last - RUN_LENGTH + 1, last + 1)
        whole = np.abs(side[:, window].sum(axis=1)) == RUN_LENGTH
        marks[whole, window] = side[whole, last][:, None]
    return marks


RULES: tuple[Rule, ...] = (
    Rule(
        name="beyond_limits",
        label="beyond the limits",
        definition="one point more than 3 sigma from the centre line (Nelson 1)",
        marks=beyond_limits,
    ),
    Rule(
        name="run_on_one_side",
        label="nine in a row on one side",
        definition="nine points in a row on the same side of the centre line (Nelson 2)",
        marks=run_on_one_side,
    ),
)

BY_NAME = {rule.name: rule for rule in RULES}
