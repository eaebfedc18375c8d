"""How known tools compute classic charts: named sets of their choices, so that an analyst gets the figures they have."""

from dataclasses import dataclass, replace
from typing import Literal

from kpi.spc.constants import D2_OF_TWO, D4_OF_TWO
from kpi.spc.memory import INTERVAL, SLACK, WEIGHT

Within = Literal["pooled", "mean", "best_linear", "by_point"]


@dataclass(frozen=True, kw_only=True)
class Convention:
    """One tool's choices; each is a number or a word that chart types read.

    Moving ranges: `d2` divides their mean into a sigma and `d4` times it is their own limit; `screens` leaves out once those at
    or above that limit. `single` is what sigma of single values comes from.
    `within` estimates the deviation within subgroups: *pooled* and unbiased at once by c4, the *mean* of each one's unbiased
    deviation, their *best linear* combination, or *by point*: pooled (the mean where n is equal), unbiased by c4 at each point's
    own n. `s_centre` is the centre of an S chart: what sigma leads one to expect at each n, or the mean of what there was.
    `quantiles` names the charts whose limits are quantiles of their distribution. `weight` and `drift_sigmas` are of an EWMA
    chart; `slack`, `interval` and `head_start` of a CUSUM, in sigmas. `centre` and `sigma` of single values, and the
    `autocorrelation` of the default chart, are estimated where they are None. `widens` widens the limits of short baselines
    (t distribution).
    """

    name: str
    label: str
    d2: float
    d4: float
    screens: bool
    single: Literal["moving_range", "deviation"]
    within: Within
    s_centre: Literal["expected", "mean"]
    quantiles: frozenset[str]
    weight: float
    drift_sigmas: float
    slack: float
    interval: float
    head_start: float
    centre: float | None
    sigma: float | None
    autocorrelation: float | None
    widens: bool


EXACT = Convention(
    name="exact",
    label="exact constants",
    d2=D2_OF_TWO,
    d4=D4_OF_TWO,
    screens=False,
    single="moving_range",
    within="pooled",
    s_centre="expected",
    quantiles=frozenset({"g"}),
    weight=WEIGHT,
    drift_sigmas=3.0,
    slack=SLACK,
    interval=INTERVAL,
    head_start=0.0,
    centre=None,
    sigma=None,
    autocorrelation=None,
    widens=True,
)
UNWIDENED = replace(EXACT, name="exact_unwidened", label="exact constants, limits of short baselines not widened", widens=False)

PRINTED_D2 = 1.128
PRINTED_D4 = 3.267
PRINTED_E2 = 2.66
"""The limits of single values in mean moving ranges, 3 / d2."""

ROUNDED = replace(UNWIDENED, d2=PRINTED_D2, d4=PRINTED_D4)
QCC = replace(ROUNDED, name="qcc", label="qcc: 1.128, mean of unbiased deviations", within="mean", s_centre="mean", interval=5.0)
QICHARTS2 = replace(ROUNDED, name="qicharts2", label="qicharts2: 1.128, screened", screens=True, within="by_point", quantiles=frozenset())
NHS = replace(UNWIDENED, name="nhs", label="NHS Making Data Count: 2.66, screened", d2=3 / PRINTED_E2, d4=PRINTED_D4, screens=True)
PCCPY = replace(UNWIDENED, name="pccpy", label="pccpy: exact constants, pooled deviation", interval=5.0)

CONVENTIONS: tuple[Convention, ...] = (
    EXACT,
    UNWIDENED,
    QCC,
    replace(QCC, name="qcc_rmsdf", label="qcc, std.dev RMSDF: pooled deviation", within="pooled"),
    replace(QCC, name="qcc_mvlue", label="qcc, std.dev MVLUE-SD: best linear deviation", within="best_linear"),
    replace(QCC, name="qcc_deviation", label="qcc, std.dev SD: standard deviation of single values", single="deviation"),
    replace(QCC, name="qcc_probability", label="qcc, confidence.level 0.9973: quantile limits", quantiles=frozenset({"p", "c", "g"})),
    QICHARTS2,
    replace(QICHARTS2, name="qicharts2_unscreened", label="qicharts2, not attached: 1.128, not screened", screens=False),
    NHS,
    replace(NHS, name="nhs_unscreened", label="NHS Making Data Count, outliers kept: 2.66", screens=False),
    PCCPY,
    replace(PCCPY, name="pccpy_sbar", label="pccpy, sigma_method sbar: best linear deviation", within="best_linear"),
    replace(ROUNDED, name="pycontrolcharts", label="pycontrolcharts: 1.128"),
)

BY_NAME = {convention.name: convention for convention in CONVENTIONS}
