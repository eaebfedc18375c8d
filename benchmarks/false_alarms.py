"""How often each rule cries wolf on a stable process, and how soon it sees a change: a seeded simulation.

    uv run python benchmarks/false_alarms.py [MILLION_POINTS]

Prints the measured figures beside those stated in the specification of the charts, and writes `kpi/spc/false_alarms.json`, from
which the dashboard tells users the rate of each rule. The size is that of the normal data, in millions of points for each rule;
the rest is of fixed size.

A rate is a mean run length: points until the first false alarm, counted afresh in each series, as total points over alarms.

The *realistic share* is a daily share of about 0.9: n is Poisson around 180 to 330 events on an average day, more on Mondays and
fewer at weekends; the share itself varies by 1 point between days (normal, autocorrelation 0.2) and by weekday, from 1.2 points
below to 0.6 above. Centre and sigma are estimated from the first 90 days; the 365 days after them are judged. An *alert* is what
a manager is told: an episode of the default rules; a signal of other rules after five points without one on its side. The NHS
rules on XmR limits are computed as the NHS computes them, moving ranges screened.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import log10, sqrt

import numpy as np
from numpy.typing import NDArray

from kpi.spc import judging, rates
from kpi.spc.catalogue import BY_NAME as CHARTS
from kpi.spc.charts import Chance, Sums
from kpi.spc.conventions import EXACT, NHS, UNWIDENED, Convention
from kpi.spc.distances import Distances
from kpi.spc.judging import CALM_POINTS, Judgement, Scope, judge
from kpi.spc.rules import BY_NAME as RULE_SETS
from kpi.spc.rules import RULES, SERIOUS, WATCH, Rule
from kpi.spc.scales import LINEAR, LOGARITHMIC_MINUTES, Scale

Array = NDArray[np.float64]
Marks = NDArray[np.int8]
Random = np.random.Generator

SEED = 20250301
MILLION_POINTS = 40
ROWS, LENGTH = 1000, 2000
SHIFTED_ROWS, SHIFTED_LENGTH = 20_000, 400
STATED_POINTS = 100_000
"""The least number of points behind a stated figure: the error it is compared within."""

LIMITS = RULE_SETS["limits"].rules
SETS: dict[str, tuple[Rule, ...]] = {**{name: one.rules for name, one in RULE_SETS.items()}, "watch": WATCH, "serious": SERIOUS}
OF_SERIES = {rule.name for rule in RULE_SETS["anhoej"].rules} | {"anhoej"}
"""Rules about a series as a whole, with no rate per point."""

SHORTEST, LONGEST = 24, 100
"""Points of the series that those are measured on."""

STATED_RATES = {
    "watch": 478,
    "serious": 4955,
    "limits": 374,
    "nelson_1_2": 220,
    "nelson_1_4": 119,
    "nelson": 73,
    "western_electric": 90,
    "nhs": 87,
    "ewma": 494,
}
STATED_DELAYS = {("watch", 1): 11.4, ("watch", 2): 3.2, ("serious", 1): 18.8, ("serious", 2): 4.2}

WEEKDAY_LEVELS = np.array([-0.012, -0.004, 0.002, 0.004, 0.006, 0.004, 0.0])
WEEKDAY_SIZES = np.array([1.25, 1.1, 1.05, 1.0, 0.95, 0.75, 0.6])
BASELINE, JUDGED = 90, 365
FALL, FALL_AFTER = 0.03, 60
SERIES = 4000
MOST_ALERTS = {"default, watch": 2.0, "default, serious": 0.5}
"""Per series and year: more would be ignored."""


@dataclass(frozen=True)
class Measured:
    """Points at risk and the alarms in them."""

    points: int
    alarms: int

    @property
    def mean(self) -> float:
        return self.points / self.alarms if self.alarms else float("inf")

    @property
    def error(self) -> float:
        return self.mean / sqrt(self.alarms) if self.alarms else float("inf")

    def __add__(self, other: "Measured") -> "Measured":
        return Measured(self.points + other.points, self.alarms + other.alarms)


def first_alarms(found: NDArray[np.bool_]) -> Measured:
    """Each series is at risk until its first alarm."""
    alarmed = found.any(axis=1)
    return Measured(int(np.where(alarmed, found.argmax(axis=1) + 1, found.shape[1]).sum()), int(alarmed.sum()))


def any_of(rules: tuple[Rule, ...], marks: dict[str, NDArray[np.bool_]]) -> NDArray[np.bool_]:
    return np.logical_or.reduce([marks[rule.name] for rule in rules])


# --- rules on normal data with known centre and sigma ----------------------------------------------------------------------------


def on_normal(z: Array) -> dict[str, NDArray[np.bool_]]:
    """Where each rule and each rule set signals; a set of one rule may bear its name."""
    nothing = np.zeros((len(z), 1))
    seen = Distances(z=z, value=z, freedom=nothing + np.inf, autocorrelation=nothing)
    marks = {name: rule.marks(seen).completing != 0 for name, rule in RULES.items()}
    return marks | {name: any_of(rules, marks) for name, rules in SETS.items()}


def per_point(random: Random, million_points: int) -> dict[str, Measured]:
    total = {name: Measured(0, 0) for name in (*RULES, *SETS) if name not in OF_SERIES}
    for _ in range(max(million_points * 1_000_000 // (ROWS * LENGTH), 1)):
        found = on_normal(random.standard_normal((ROWS, LENGTH)))
        total = {name: one + first_alarms(found[name]) for name, one in total.items()}
    return total


def per_series(random: Random) -> dict[str, Measured]:
    """Stable series as points at risk, those flagged as alarms."""
    total = {name: Measured(0, 0) for name in OF_SERIES}
    for length in range(SHORTEST, LONGEST + 1):
        found = on_normal(random.standard_normal((500, length)))
        total = {name: one + Measured(len(found[name]), int(found[name].any(axis=1).sum())) for name, one in total.items()}
    return total


def delays(random: Random) -> dict[tuple[str, int], Measured]:
    """Points until a shift from the first point on is seen."""
    found = {}
    for shift in (1, 2):
        marks = on_normal(random.standard_normal((SHIFTED_ROWS, SHIFTED_LENGTH)) + shift)
        found |= {(name, shift): first_alarms(marks[name]) for name in SETS if name not in OF_SERIES}
    return found


# --- charts on data with estimated centre and sigma --------------------------------------------------------------------------------


def sums_of(value: Array, n: Array, baseline: int, chance: Chance, scale: Scale) -> Sums:
    """Days from a Monday on, the first ones the baseline."""
    days = np.arange(value.shape[1])
    used = np.broadcast_to(days < baseline, value.shape)
    return Sums(value, value * n, n, value * n, used, (days % 7).astype(np.int8), chance, scale)


def shares(random: Random, share: Array, n: Array, baseline: int) -> Sums:
    return sums_of(random.binomial(n.astype(int), np.clip(share, 0, 1)) / n, n, baseline, "shares", LINEAR)


def singles(value: Array, baseline: int, scale: Scale) -> Sums:
    return sums_of(value, np.ones(value.shape), baseline, "none", scale)


def autocorrelated(random: Random, rows: int, length: int, correlation: float) -> Array:
    """Normal values of sd 1."""
    values = random.standard_normal((rows, length))
    for now in range(1, length):
        values[:, now] = correlation * values[:, now - 1] + sqrt(1 - correlation**2) * values[:, now]
    return values


def after_baseline(sums: Sums, chart: str, rules: tuple[Rule, ...], convention: Convention = EXACT) -> Judgement:
    phase = np.zeros(sums.value.shape, dtype=np.int64)
    return judge(sums, CHARTS[chart], rules, convention, Scope(phase, ~sums.baseline, -np.inf, np.inf, 0.0, False))


def signals(found: Judgement, rules: tuple[Rule, ...]) -> Marks:
    """The side of each point at which any of the rules signals; downwards where they disagree."""
    sides = [found.marks[rule.name].completing for rule in rules]
    return np.where(np.min(sides, axis=0) < 0, -1, np.max(sides, axis=0)).astype(np.int8)


def points_between(sums: Sums, chart: str, rules: tuple[Rule, ...]) -> Measured:
    judged = ~sums.baseline[0]
    return first_alarms(signals(after_baseline(sums, chart, rules), rules)[:, judged] != 0)


@dataclass(frozen=True)
class Case:
    """A stable process, a chart and rules put on it, and the points between false alarms that are stated for it."""

    label: str
    make: Callable[[Random], Sums]
    chart: str
    rules: tuple[Rule, ...]
    stated: float | None


def cases() -> Iterator[Case]:
    rows, baseline, length = 400, 1000, 2000
    weekly = np.where(np.arange(length) % 7 < 5, 3000.0, 200.0) + np.zeros((rows, 1))

    def normal(random: Random) -> Sums:
        return singles(random.standard_normal((rows, length)), baseline, LINEAR)

    def lognormal(random: Random) -> Sums:
        return singles(20 * np.exp(0.8 * random.standard_normal((rows, length))), baseline, LOGARITHMIC_MINUTES)

    def correlated(random: Random) -> Sums:
        return singles(autocorrelated(random, rows, length, 0.4), baseline, LINEAR)

    def overdispersed(random: Random) -> Sums:
        return shares(random, random.normal(0.8, 0.02, (rows, length)), np.full((rows, length), 2000.0), baseline)

    def weekends(random: Random) -> Sums:
        return shares(random, random.normal(0.8, 0.02, (rows, length)), weekly, baseline)

    for label, make, charts in (
        ("normal individuals", normal, {"individuals": None}),
        ("lognormal individuals, sigma 0.8", lognormal, {"individuals": 33, "between_within": 385}),
        ("autocorrelation 0.4", correlated, {"individuals": 52, "between_within": 357}),
        ("share, n 2000, sd of days 2 points", overdispersed, {"p": 4.6, "laney_p": 540, "between_within": 398}),
        (
            "share, n 3000, weekends 200, sd 2 points",
            weekends,
            {"p": 3.5, "laney_p": 179, "individuals": 144, "between_within": 398},
        ),
    ):
        yield from (Case(label, make, chart, LIMITS, stated) for chart, stated in charts.items())
        yield Case(label, make, "between_within", WATCH, None)
        yield Case(label, make, "between_within", SERIOUS, None)


# --- the realistic share -----------------------------------------------------------------------------------------------------------


def realistic(random: Random, rows: int, fall: float) -> Sums:
    """Stable for `FALL_AFTER` judged days, lower by `fall` from then on."""
    length = BASELINE + JUDGED
    days = np.arange(length)
    usual = random.uniform(180, 330, (rows, 1))
    n = np.maximum(random.poisson(usual * WEEKDAY_SIZES[days % 7]), 1).astype(float)
    between = 0.01 * autocorrelated(random, rows, length, 0.2)
    level = 0.9 + WEEKDAY_LEVELS[days % 7] - fall * (days >= BASELINE + FALL_AFTER)
    return shares(random, level + between, n, BASELINE)


def onsets(sides: Marks) -> NDArray[np.bool_]:
    """Where a signal begins that had none on its side in the five points before."""
    found = np.zeros(sides.shape, dtype=bool)
    for side in (-1, 1):
        here = sides == side
        recent = np.zeros(sides.shape, dtype=bool)
        for back in range(1, CALM_POINTS + 1):
            recent[:, back:] |= here[:, :-back]
        found |= here & ~recent
    return found


def default_onsets(found: Judgement, grade: int) -> NDArray[np.bool_]:
    """Where an episode first reaches the grade."""
    told = judging.episodes(found)
    reached = told.worst >= grade
    before = np.zeros(reached.shape, dtype=bool)
    before[:, 1:] = reached[:, :-1] & (told.onset[:, 1:] == told.onset[:, :-1])
    return reached & ~before


@dataclass(frozen=True)
class Alerts:
    """A row of the table: false alerts per series and year, those of them on the worse side, median days to see the fall."""

    label: str
    a_year: float
    error: float
    concerns_a_year: float
    median_days: float
    stated: tuple[float | None, float | None]


def realistic_alerts(random: Random, rows: int) -> Iterator[Alerts]:
    stable, fallen = realistic(random, rows, 0.0), realistic(random, rows, FALL)
    for label, chart, name, stated in (
        ("default, watch", "between_within", "watch", (1.6, 6)),
        ("default, serious", "between_within", "serious", (0.4, 9)),
        ("p, 3 sigma", "p", "limits", (45, 1)),
        ("p, NHS rules", "p", "nhs", (None, None)),
        ("p, Nelson 1-4", "p", "nelson_1_4", (None, None)),
        ("p', 3 sigma", "laney_p", "limits", (5.8, 5)),
        ("p', NHS rules", "laney_p", "nhs", (None, None)),
        ("XmR, 3 sigma", "individuals", "limits", (None, None)),
        ("XmR, NHS rules", "individuals", "nhs", (17.5, 6)),
        ("XmR, Nelson 1-4", "individuals", "nelson_1_4", (None, None)),
    ):
        rules = SETS[name]
        convention = NHS if label == "XmR, NHS rules" else EXACT
        calm, changed = (after_baseline(sums, chart, rules, convention) for sums in (stable, fallen))
        if name in ("watch", "serious"):
            grade = 1 if name == "watch" else 2
            began = default_onsets(calm, grade)
            side, seen = np.sign(calm.grade), changed.grade <= -grade
        else:
            side = signals(calm, rules)
            began, seen = onsets(side), signals(changed, rules) < 0
        since = seen[:, BASELINE + FALL_AFTER :]
        days = np.where(since.any(axis=1), since.argmax(axis=1) + 1, JUDGED)
        a_year = began.sum(axis=1) * 365 / JUDGED
        concerns = (began & (side < 0)).sum(axis=1) * 365 / JUDGED
        error = a_year.std() / sqrt(rows)
        yield Alerts(label, float(a_year.mean()), float(error), float(concerns.mean()), float(np.median(days)), stated)


# --- short baselines ---------------------------------------------------------------------------------------------------------------


def short_baselines(random: Random) -> Iterator[tuple[int, list[float]]]:
    """Points of baseline, and the shares of later points beyond 3 sigma: plain XmR, widened XmR, the default chart."""
    for count in (5, 7, 10, 15, 20, 30):
        sums = singles(random.standard_normal((20_000, count + 50)), count, LINEAR)
        rules = (RULES["beyond_limits"],)
        found = (
            after_baseline(sums, chart, rules, convention).marks["beyond_limits"].completing[:, count:] != 0
            for chart, convention in (("individuals", UNWIDENED), ("individuals", EXACT), ("between_within", EXACT))
        )
        yield count, [float(one.mean()) for one in found]


# --- printing and writing ------------------------------------------------------------------------------------------------------------


def rounded(value: float, digits: int = 3) -> float:
    return round(value, digits - 1 - int(np.floor(log10(abs(value))))) if value and np.isfinite(value) else value


def against(measured: Measured, stated: float | None) -> str:
    """The stated figure, and whether both agree within three of their joint standard errors."""
    if stated is None:
        return f"{'':>8}"
    error = sqrt(measured.error**2 + stated**2 * stated / STATED_POINTS)
    agrees = abs(measured.mean - stated) <= 3 * error
    return f"{stated:>8g}  {'agrees' if agrees else 'DISAGREES'}"


def entry(measured: Measured, per: str) -> dict[str, object]:
    """What the dashboard reads of a rule or a rule set."""
    if per == "series":
        share = measured.alarms / measured.points
        value, error = share, sqrt(share * (1 - share) / measured.points)
    else:
        value, error = measured.mean, measured.error
    return {"per": per, "value": rounded(value), "standard_error": rounded(error, 2), "size": measured.points, "alarms": measured.alarms}


def main() -> None:
    million_points = int(sys.argv[1]) if len(sys.argv) > 1 else MILLION_POINTS
    start = time.perf_counter()
    random = np.random.default_rng(SEED)

    whole, of_series, seen = per_point(random, million_points), per_series(random), delays(random)
    print(f"normal data, known centre and sigma: points between false alarms (seed {SEED})")
    for name, measured in whole.items():
        print(f"  {name:<20}{measured.mean:>10.1f} +- {measured.error:<7.1f}{against(measured, STATED_RATES.get(name))}")
    print(f"stable series of {SHORTEST} to {LONGEST} points that are flagged")
    for name, measured in sorted(of_series.items()):
        print(f"  {name:<20}{measured.alarms / measured.points:>10.3f}")
    print("points until a shift is seen, of 1 and of 2 sigma")
    for name in [name for name in SETS if name not in OF_SERIES]:
        one, two = seen[name, 1], seen[name, 2]
        told = [against(seen[name, shift], STATED_DELAYS.get((name, shift))) for shift in (1, 2)]
        print(f"  {name:<20}{one.mean:>8.2f}{told[0]:<20}{two.mean:>8.2f}{told[1]}")

    print("charts that estimate centre and sigma from 1000 points: points between false alarms")
    for case in cases():
        measured = points_between(case.make(random), case.chart, case.rules)
        rules = next(name for name, rules in SETS.items() if rules == case.rules)
        found = f"{measured.mean:>9.1f} +- {measured.error:<7.1f}{against(measured, case.stated)}"
        print(f"  {case.label:<42}{case.chart:<16}{rules:<9}{found}")

    alerts = list(realistic_alerts(random, SERIES))
    print("realistic share: false alerts per series and year, of them concerns, median days to see a fall of 3 points (stated)")
    for row in alerts:
        print(f"  {row.label:<20}{row.a_year:>8.2f} +- {row.error:<6.2f}{row.concerns_a_year:>8.2f}{row.median_days:>6.0f}   {row.stated}")
    for label, most in MOST_ALERTS.items():
        [row] = [row for row in alerts if row.label == label]
        print(f"  {label}: {'within' if row.a_year <= most else 'MORE THAN'} the {most:g} accepted")
    print("200 stable series: false alerts a day, normal data with known sigma; the realistic share with a baseline of 90 days (stated)")
    for name, label, stated in (
        ("serious", "default, serious", 0.04),
        ("watch", "default, watch", None),
        ("nelson_1_4", "XmR, Nelson 1-4", 1.78),
        ("nhs", "XmR, NHS rules", 2.34),
    ):
        [row] = [row for row in alerts if row.label == label]
        print(f"  {name:<20}{200 / whole[name].mean:>8.3f}{200 * row.a_year / 365:>8.3f}   {stated}")

    print("short baselines, normal individuals: points beyond 3 sigma (stated: plain 5.6 % at 5, widened 0.23 to 0.31 %)")
    print("  points  plain XmR  widened XmR  default")
    for count, found in short_baselines(random):
        print(f"  {count:>6}" + "".join(f"{share:>11.2%}" for share in found))

    rates.FILE.write_text(
        json.dumps(
            {
                "seed": SEED,
                "data": "normal, independent, centre and sigma known",
                "rates": {name: entry(one, "points") for name, one in whole.items()}
                | {name: entry(of_series[name], "series") for name in sorted(of_series)},
                "realistic_share": {
                    "series": SERIES,
                    "baseline_days": BASELINE,
                    "judged_days": JUDGED,
                }
                | {
                    row.label: {
                        "false_alerts_per_series_and_year": rounded(row.a_year),
                        "standard_error": rounded(row.error, 2),
                        "concerns_per_series_and_year": rounded(row.concerns_a_year),
                        "median_days_to_see_a_fall_of_3_points": row.median_days,
                    }
                    for row in alerts
                },
            },
            indent=2,
        )
        + "\n",
        encoding="utf-8",
    )
    print(f"{rates.FILE.name} written after {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
