"""The scale on which a chart's points vary evenly: limits are set there and drawn on the scale of the values."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SECONDS = 60.0
"""In a minute."""

NELSON_POWER = 3.6
"""Times between events to the power 1 / 3.6 are close to normal (Nelson, Journal of Quality Technology 26, 1994)."""


@dataclass(frozen=True)
class Scale:
    """`there` takes values to the scale, `back` takes places on it to values, `slope` is how fast it rises at a value."""

    there: Callable[[Array], Array]
    back: Callable[[Array], Array]
    slope: Callable[[Array], Array]


LINEAR = Scale(there=lambda values: values, back=lambda places: places, slope=np.ones_like)

LOGARITHMIC = Scale(there=np.arcsinh, back=np.sinh, slope=lambda values: 1 / np.sqrt(1 + values**2))
"""For amounts: the logarithm where they are large, and still defined at 0 and below (Burbidge, Magee and Robb 1988)."""

LOGARITHMIC_MINUTES = Scale(
    there=lambda minutes: np.log1p(np.maximum(minutes, 0) * SECONDS),
    back=lambda places: np.expm1(places) / SECONDS,
    slope=lambda minutes: SECONDS / (1 + minutes * SECONDS),
)
"""For durations in minutes: the logarithm of one second more, so that an answer at once is a duration like any other."""

NELSON = Scale(
    there=lambda times: np.maximum(times, 0) ** (1 / NELSON_POWER),
    back=lambda places: np.maximum(places, 0) ** NELSON_POWER,
    slope=lambda times: times ** (1 / NELSON_POWER - 1) / NELSON_POWER,
)
