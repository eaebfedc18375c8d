"""A chart type and rules put on many series at once, each judged phase by phase."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kpi.spc.charts import ChartType, Sums
from kpi.spc.conventions import Convention
from kpi.spc.distances import distances, judged, limit
from kpi.spc.marks import Marked
from kpi.spc.memory import WEIGHT, by_time, weighted_mean
from kpi.spc.rules import BEYOND_LIMITS, LIMIT_SIGMAS, SERIOUS, WATCH, WATCH_DRIFT, Rule

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Marks = NDArray[np.int8]

FEWEST_POINTS = 5
"""Below this there are no limits: they would say more about luck than about the process."""


GRADES = {rule.name: rule for rule in (*WATCH, *SERIOUS)}


@dataclass(frozen=True)
class Judgement:
    """Arrays of series x time. `statistic`, `centre`, `lower` and `upper` are values; `z` is NaN where a point is not judged.

    `drift` is the weighted mean of recent points as a multiple of its own sigma; `baseline_count` that of each point's phase.
    `grade` is 0, ±1 (watch) or ±2 (serious) by the default rules, where the change is large enough to matter.
    """

    statistic: Array
    centre: Array
    lower: Array
    upper: Array
    z: Array
    drift: Array
    baseline_count: NDArray[np.int64]
    autocorrelation: Array
    marks: Mapping[str, Marked]
    grade: Marks


@dataclass(frozen=True)
class Scope:
    """What is judged, and by what. `phase` numbers the phase of each point from 0; `points` are those under judgement.

    `lowest` and `highest` are what values can be; `smallest` is the least difference from the centre that matters, as an
    amount or (`is_relative`) as a share of the centre.
    """

    phase: NDArray[np.int64]
    points: Flags
    lowest: float
    highest: float
    smallest: float
    is_relative: bool


def judge(sums: Sums, chart: ChartType, rules: Iterable[Rule], convention: Convention, scope: Scope) -> Judgement:
    """Each phase by itself: its own baseline, and no rule reads across its border. A chart with a memory is judged by its limits."""
    chosen = {rule.name: rule for rule in ((BEYOND_LIMITS,) if chart.has_memory else rules)}
    parts = [
        (
            here,
            _phase(
                replace(sums, value=np.where(here, sums.value, np.nan), baseline=sums.baseline & here), chart, chosen, convention, scope
            ),
        )
        for here in (scope.phase == number for number in range(int(scope.phase.max(initial=0)) + 1))
    ]
    if len(parts) == 1:
        return parts[0][1]

    def joined(name: str, nothing: float) -> Array:
        shape = sums.value.shape
        choices = [np.broadcast_to(getattr(part, name), shape) for _, part in parts]
        return np.select([here for here, _ in parts], choices, nothing)

    return Judgement(
        **{name: joined(name, np.nan) for name in ("statistic", "centre", "lower", "upper", "z", "drift")},
        baseline_count=joined("baseline_count", 0).astype(np.int64),
        autocorrelation=joined("autocorrelation", 0.0),
        marks={
            name: Marked(*(sum(getattr(part.marks[name], kind) for _, part in parts).astype(np.int8) for kind in ("completing", "members")))
            for name in chosen
        },
        grade=joined("grade", 0).astype(np.int8),
    )


def _phase(sums: Sums, chart: ChartType, rules: Mapping[str, Rule], convention: Convention, scope: Scope) -> Judgement:
    lines = chart.lines(sums, convention)
    count = (sums.baseline & np.isfinite(sums.value)).sum(axis=1, keepdims=True)
    enough = count >= FEWEST_POINTS if convention.widens else count > 1
    found = distances(lines, widens=convention.widens)
    reach = found.reach(LIMIT_SIGMAS)
    centre, lower, upper = (np.where(enough, limit(lines, side * LIMIT_SIGMAS, reach), np.nan) for side in (0, -1, 1))
    seen = judged(found, scope.points & enough & np.isfinite(sums.value))
    marks = {name: rule.marks(seen) for name, rule in {**rules, **GRADES}.items()}
    off = np.where(np.isnan(seen.z), np.nan, lines.statistic - centre)
    return Judgement(
        statistic=lines.statistic,
        centre=np.clip(centre, scope.lowest, scope.highest),
        lower=np.clip(lower, scope.lowest, scope.highest),
        upper=np.clip(upper, scope.lowest, scope.highest),
        z=seen.z,
        drift=seen.drift,
        baseline_count=np.broadcast_to(count, sums.value.shape),
        autocorrelation=np.broadcast_to(lines.autocorrelation, sums.value.shape),
        marks={name: marks[name] for name in rules},
        grade=np.zeros(off.shape, dtype=np.int8) if chart.has_memory else _grade(marks, off, centre, scope),
    )


def _grade(marks: Mapping[str, Marked], off: Array, centre: Array, scope: Scope) -> Marks:
    """The default rules, held only where the point, or for a drift the weighted mean, is far enough off to matter.

    `off` is how far points lie from the centre, NaN where a point is not judged.
    """
    needed = scope.smallest * (np.abs(centre) if scope.is_relative else 1.0)
    by_point = ~(np.abs(off) < needed)
    by_drift = ~(np.abs(weighted_mean(off, WEIGHT, np.zeros((len(off), 1)))) < needed)
    grade = np.zeros(off.shape, dtype=np.int8)
    for level, rules in ((1, WATCH), (2, SERIOUS)):
        for rule, matters in zip(rules, (by_point, by_drift), strict=True):
            side = marks[rule.name].completing * matters
            np.copyto(grade, np.int8(level) * side, where=side != 0)
    return grade


RECOVERED = 2 / 3
"""Of the watch limit of the drift: inside it a process is calm again."""

CALM_POINTS = 5
"""So many calm points in a row close an episode."""


@dataclass(frozen=True)
class Episodes:
    """Arrays of series x time: the side of the episode a point lies in (0: none), where it began, and its worst grade so far."""

    side: Marks
    onset: NDArray[np.int64]
    worst: Marks


def episodes(found: Judgement) -> Episodes:
    """One episode from its first watch until the drift has been calm for five points; it does not begin again meanwhile.

    A signal on the other side ends it and begins another. Points that are not judged change nothing.
    """
    rows, times = found.z.shape
    sides, worsts = np.zeros((times, rows), np.int8), np.zeros((times, rows), np.int8)
    onsets = np.full((times, rows), -1, np.int64)
    side, worst, calm = (np.zeros(rows, np.int8) for _ in range(3))
    onset = np.full(rows, -1)
    known = by_time(~np.isnan(found.z))
    with np.errstate(invalid="ignore"):
        quiet = by_time((np.abs(found.drift) < RECOVERED * WATCH_DRIFT) & (found.grade == 0))
    for time, grade in enumerate(by_time(found.grade)):
        turned = np.sign(grade)
        begins = (grade != 0) & (turned != side)
        side = np.where(begins, turned, side)
        onset = np.where(begins, time, onset)
        worst = np.where(begins, np.abs(grade), np.maximum(worst, np.abs(grade)))
        calm = np.where(known[time], np.where(quiet[time], np.minimum(calm + 1, CALM_POINTS), 0), calm).astype(np.int8)
        sides[time], onsets[time], worsts[time] = side, onset, worst
        open_still = calm < CALM_POINTS
        side, worst, onset = side * open_still, worst * open_still, np.where(open_still, onset, -1)
    return Episodes(by_time(sides), by_time(onsets), by_time(worsts))
