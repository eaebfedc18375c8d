"""A KPI's figures as arrays of series x time: which points exist, which set the limits, and which phase each lies in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from kpi.completeness import complete_until
from kpi.metrics import Kpi
from kpi.periods import Dates, Every, following, preceding, start_of, starts
from kpi.phases import Exclusion, Phase, applying
from kpi.report import ALWAYS, Answer, Question, answer, nothing
from kpi.spc.charts import FIRM_POINTS, Chance, Sums
from kpi.spc.scales import LINEAR, LOGARITHMIC, LOGARITHMIC_MINUTES, Scale
from kpi.store import State

Flags = NDArray[np.bool_]

HISTORY_PERIODS: dict[Every, int] = {"day": 91, "week": 52, "month": 24, "quarter": 12}
"""How many periods before the asked days are looked at, at least."""

BASELINE_PERIODS: dict[Every, int] = {"day": 56, "week": 26, "month": 24, "quarter": 12}
"""How many periods of an accepted phase set its limits, when it does not say until when; then they are frozen."""


@dataclass(frozen=True)
class Series:
    """`answers` by group and place in `periods`; arrays of series x time beside them.

    `shown` is the place of the first asked period. `phase` numbers each point's phase in `phases` of its group, the first
    being that before any accepted one (None).
    """

    groups: tuple[tuple[str, ...], ...]
    periods: tuple[date, ...]
    shown: int
    answers: tuple[tuple[Answer, ...], ...]
    phases: tuple[tuple[Phase | None, ...], ...]
    sums: Sums
    phase: NDArray[np.int64]
    judged: Flags
    excluded: Flags


def series(state: State, question: Question, kpi: Kpi) -> Series | None:
    """All series of a KPI that have a point in the asked periods, on one axis of time; None when there is none."""
    every = question.every or "day"
    asked = replace(question, kpis=(kpi,), dates=_with_history(state, question, kpi))
    answers = answer(state, asked)
    groups = tuple(sorted({one.group for one in answers if one.period is not None and one.period >= question.dates.start}))
    if not groups:
        return None
    known = {(one.group, one.period): one for one in answers}
    first = min(one.period for one in answers if one.period is not None and one.group in set(groups))
    last = max(one.period for one in answers if one.period is not None)
    periods = tuple(starts(Dates(first, max(question.dates.end, following(last, every))), every))
    gap = _gap(state, question, kpi, every)
    table = tuple(tuple(known.get((group, period)) or gap(group, period) for period in periods) for group in groups)
    parts = [_part(question, group) for group in groups]
    phases = tuple((None, *_phases(state, kpi, part, periods)) for part in parts)
    phase = np.array([_numbers(one, periods) for one in phases], dtype=np.int64)
    excluded = np.array([_excluded(applying(state.settings.phases.exclusions, kpi, part), periods, every) for part in parts])
    shown = next(place for place, period in enumerate(periods) if period >= question.dates.start)
    usable = np.array([[_is_usable(kpi, one) for one in row] for row in table]) & ~excluded
    baseline = np.array(
        [_baseline(phases[row], phase[row], usable[row], periods, shown, every) for row in range(len(groups))], dtype=np.bool_
    )
    judged = baseline.copy()
    judged[:, shown:] |= np.array([[one.is_complete and one.is_enough for one in row[shown:]] for row in table], dtype=np.bool_)
    sums = _sums(kpi, table, baseline, _weekdays(periods, every))
    return Series(groups, periods, shown, table, phases, sums, phase, judged, excluded)


def _is_usable(kpi: Kpi, one: Answer) -> bool:
    """Whether a point can set limits: complete, and of a kind that says how little few events tell, or else of enough events."""
    return one.is_complete and one.value is not None and (one.is_enough or _kind(kpi)[0] != "none")


def _with_history(state: State, question: Question, kpi: Kpi) -> Dates:
    """The asked days, what was usual before they came, and the whole of every phase that reaches into them."""
    dates, every = question.dates, question.every or "day"
    if dates.start == ALWAYS.start:
        return dates
    first = dates.start
    for _ in range(HISTORY_PERIODS[every]):
        first = preceding(first, every)
    names = (kpi.name, kpi.family)
    phases = [phase.starts_on for phase in state.settings.phases.phases if phase.kpi in names and phase.starts_on < dates.end]
    return Dates(start_of(min(first, dates.start - timedelta(days=dates.days), *phases), every), dates.end)


def _gap(state: State, question: Question, kpi: Kpi, every: Every) -> _Gap:
    return _Gap(nothing(kpi), every, min(complete_until(state, kpi, question.within_minutes), question.dates.end))


@dataclass(frozen=True)
class _Gap:
    """A silent period is a gap in the series, not absent from it."""

    nothing: Answer
    every: Every
    limit: date

    def __call__(self, group: tuple[str, ...], period: date) -> Answer:
        return replace(self.nothing, period=period, group=group, is_complete=following(period, self.every) <= self.limit)


def _part(question: Question, group: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """Filters and group of one series together."""
    return {**question.where, **{name: (value,) for name, value in zip(question.by, group, strict=True)}}


def _phases(state: State, kpi: Kpi, part: Mapping[str, tuple[str, ...]], periods: Sequence[date]) -> list[Phase]:
    return [one for one in applying(state.settings.phases.phases, kpi, part) if periods[0] < one.starts_on <= periods[-1]]


def _numbers(phases: Sequence[Phase | None], periods: Sequence[date]) -> list[int]:
    """The phase of each period: a new one begins with the first period that lies in it entirely."""
    begins = [phase.starts_on for phase in phases if phase is not None]
    return [sum(period >= start for start in begins) for period in periods]


def _excluded(exclusions: Sequence[Exclusion], periods: Sequence[date], every: Every) -> list[bool]:
    """Whether any excluded day lies in each period."""
    return [any(one.starts_on < following(period, every) and period <= one.ends_on for one in exclusions) for period in periods]


def _baseline(
    phases: Sequence[Phase | None], phase: NDArray[np.int64], usable: Flags, periods: Sequence[date], shown: int, every: Every
) -> Flags:
    """The points that set the limits of each phase.

    Those of an accepted phase are its first ones. Before any, they are those before the asked days, where they are enough
    for firm limits, so that the days under judgement do not set their own; else the days' own.
    """
    found = np.zeros(len(periods), dtype=np.bool_)
    for number, one in enumerate(phases):
        here = usable & (phase == number)
        if one is None:
            before = here & (np.arange(len(periods)) < shown)
            found |= before if before.sum() >= FIRM_POINTS else here & (np.arange(len(periods)) >= shown)
        elif one.baseline_until is not None:
            found |= here & np.array([following(period, every) - timedelta(days=1) <= one.baseline_until for period in periods])
        else:
            found |= here & (np.cumsum(here) <= BASELINE_PERIODS[every])
    return found


def _weekdays(periods: Sequence[date], every: Every) -> NDArray[np.int8]:
    return np.array([period.weekday() if every == "day" else -1 for period in periods], dtype=np.int8)


def _sums(kpi: Kpi, table: Sequence[Sequence[Answer]], baseline: Flags, weekday: NDArray[np.int8]) -> Sums:
    def array(name: str) -> NDArray[np.float64]:
        return np.array([[np.nan if (found := getattr(one, name)) is None else found for one in row] for row in table], dtype=float)

    chance, scale = _kind(kpi)
    return Sums(array("value"), array("numerator"), array("n"), array("squares"), baseline, weekday, chance, scale)


def _kind(kpi: Kpi) -> tuple[Chance, Scale]:
    """How the events behind a point vary, and where points vary evenly: durations and money by per cents."""
    scale: Scale = {"minutes": LOGARITHMIC_MINUTES, "currency": LOGARITHMIC, "events": LOGARITHMIC}.get(kpi.unit, LINEAR)
    match kpi.aggregate:
        case "ratio":
            return ("shares" if kpi.unit == "share" else "pooled"), scale
        case "geometric":
            return "on_scale", scale
        case _:
            return "none", scale
