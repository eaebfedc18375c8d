"""How known tools compute classic charts: named sets of their choices, so that an analyst gets the figures they have."""

from dataclasses import dataclass
from typing import Literal

from kpi.spc.constants import D2_OF_TWO

Spread = Literal["pooled", "mean_s", "weighted_s", "pooled_unbiased_by_point"]


@dataclass(frozen=True, kw_only=True)
class Convention:
    """`d2` divides moving ranges into a sigma; `screens` drops large moving ranges once; `bridges` takes moving ranges
    across excluded points and gaps; `spread` estimates the deviation within subgroups; `widens` widens the limits of short
    baselines (t distribution).
    """

    name: str
    label: str
    d2: float
    screens: bool
    bridges: bool
    spread: Spread
    widens: bool


EXACT = Convention(name="exact", label="exact constants", d2=D2_OF_TWO, screens=False, bridges=False, spread="pooled", widens=True)

CONVENTIONS: tuple[Convention, ...] = (EXACT,)
BY_NAME = {convention.name: convention for convention in CONVENTIONS}
