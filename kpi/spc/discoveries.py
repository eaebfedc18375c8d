"""Which of many series are unusual: few of those named are so by chance."""

import numpy as np
from numpy.typing import NDArray


def discoveries(chances: NDArray[np.float64], rate: float) -> NDArray[np.bool_]:
    """Benjamini and Hochberg (1995) along the last axis: at most `rate` of those found are false, on average. NaN: not judged."""
    known = np.isfinite(chances)
    count = known.sum(axis=-1, keepdims=True)
    ordered = np.sort(np.where(known, chances, np.inf), axis=-1)
    allowed = rate * np.arange(1, chances.shape[-1] + 1) / np.maximum(count, 1)
    largest = np.where(ordered <= allowed, ordered, -np.inf).max(axis=-1, keepdims=True, initial=-np.inf)
    return known & (chances <= largest)
