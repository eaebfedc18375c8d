"""Which of many p-values are more than chance finds would be: few of those named are false."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


def discoveries(p_values: Array, rate: float) -> Flags:
    """Benjamini and Hochberg's step-up procedure (Journal of the Royal Statistical Society B 57, 1995), along the last axis.

    Among those named, at most the share `rate` is expected to be false. With p(1) <= ... <= p(m), all up to the largest k with
    p(k) <= rate k / m are named. NaN is no test: it is not counted in m and never named.
    """
    order = np.argsort(p_values, axis=-1)  # NaN last
    ordered = np.take_along_axis(p_values, order, axis=-1)
    tests = (~np.isnan(p_values)).sum(axis=-1, keepdims=True)
    passes = ordered * tests <= rate * np.arange(1, p_values.shape[-1] + 1)
    named = np.flip(np.logical_or.accumulate(np.flip(passes, axis=-1), axis=-1), axis=-1)
    found = np.zeros(p_values.shape, dtype=bool)
    np.put_along_axis(found, order, named, axis=-1)
    return found
