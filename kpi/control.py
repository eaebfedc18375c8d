"""A KPI's series on its control chart: points, limits, signals, target and alert threshold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from kpi.errors import UnknownName
from kpi.metrics import Kpi
from kpi.periods import Dates, following, start_of, starts, year_before
from kpi.report import Answer, Question, answer
from kpi.spc.charts import BY_NAME, Array, ChartType, Sums
from kpi.spc.rules import LIMIT_SIGMAS, RULES
from kpi.store import State
from kpi.targets import Target, valid_on

Aims = tuple[float | None, float | None]

FEWEST_POINTS = 5
"""Below this there are no limits: they would say more about luck than about the process."""

FIRM_POINTS = 20
"""Below this limits are provisional."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One period. `value` None is a gap; limits None: too few points for any. `signals` maps a rule to +1 or -1."""

    period: date
    value: float | None
    n: int
    centre: float | None
    lower: float | None
    upper: float | None
    aim: float | None
    alert: float | None
    signals: Mapping[str, int]
    is_complete: bool
    is_enough: bool


@dataclass(frozen=True, kw_only=True)
class ControlChart:
    """One series. `baseline_count` points gave the limits; `group` is the values of the question's dimensions."""

    kpi: Kpi
    chart: ChartType
    group: tuple[str, ...]
    points: tuple[Point, ...]
    baseline_count: int

    @property
    def has_limits(self) -> bool:
        return self.baseline_count >= FEWEST_POINTS

    @property
    def is_provisional(self) -> bool:
        return self.has_limits and self.baseline_count < FIRM_POINTS


def control_charts(state: State, question: Question, chart_name: str) -> list[ControlChart]:
    """One chart per KPI and group of the question, which must ask for periods; an empty chart name takes the KPI's own."""
    if question.every is None:
        raise UnknownName("period", "", ("day", "week", "month", "quarter"))
    charts = []
    for kpi in question.kpis:
        chart = _chart_type(chart_name or kpi.chart)
        answers = answer(state, replace(question, kpis=(kpi,)))
        groups = sorted({one.group for one in answers})
        series = [_filled(question, [one for one in answers if one.group == group]) for group in groups]
        aims = [
            _aims(state, question, kpi, group, [one.period or date.min for one in row]) for group, row in zip(groups, series, strict=True)
        ]
        charts += _control(kpi, chart, groups, series, aims)
    return charts


def is_concern(kpi: Kpi, side: int) -> bool:
    """Whether a mark on this side of the centre is for the worse."""
    return (side < 0) == (kpi.better == "higher")


def _chart_type(name: str) -> ChartType:
    if name not in BY_NAME:
        raise UnknownName("chart", name, BY_NAME)
    return BY_NAME[name]


def _filled(question: Question, answers: Sequence[Answer]) -> list[Answer]:
    """The series without holes: a period without events is there as a gap, from the first period that has any."""
    known = {one.period: one for one in answers if one.period is not None}
    every = question.every or "day"
    periods = starts(Dates(max(question.dates.start, min(known)), following(max(known), every)), every)
    empty = replace(answers[0], value=None, numerator=None, n=0, squares=None, undetermined=0, bounds=None, interval=None)
    return [known.get(period, replace(empty, period=period)) for period in periods]


def _control(
    kpi: Kpi,
    chart: ChartType,
    groups: Sequence[tuple[str, ...]],
    series: Sequence[Sequence[Answer]],
    aims: Sequence[Sequence[Aims]],
) -> list[ControlChart]:
    """All series of a KPI in one pass over arrays of series x time."""
    if not series:
        return []
    sums = _sums(series)
    centre, sigma = chart.lines(sums)
    z = _distances(sums, centre, sigma)
    marks = {rule.name: rule.marks(z) for rule in RULES}
    lowest, highest = kpi.range
    lower, upper = (np.clip(centre + side * LIMIT_SIGMAS * sigma, lowest, highest) for side in (-1, 1))
    counts = sums.baseline.sum(axis=1)
    return [
        ControlChart(
            kpi=kpi,
            chart=chart,
            group=group,
            baseline_count=int(counts[row]),
            points=tuple(
                Point(
                    period=one.period or date.min,
                    value=one.value,
                    n=one.n,
                    centre=_line(centre, row, place, counts),
                    lower=_line(lower, row, place, counts),
                    upper=_line(upper, row, place, counts),
                    aim=aims[row][place][0],
                    alert=aims[row][place][1],
                    signals=_signals(marks, row, place, counts),
                    is_complete=one.is_complete,
                    is_enough=one.is_enough,
                )
                for place, one in enumerate(series[row])
            ),
        )
        for row, group in enumerate(groups)
    ]


def _sums(series: Sequence[Sequence[Answer]]) -> Sums:
    shape = len(series), max(len(one) for one in series)
    value, numerator, n, squares = (np.full(shape, np.nan) for _ in range(4))
    baseline = np.zeros(shape, dtype=np.bool_)
    for row, answers in enumerate(series):
        for place, one in enumerate(answers):
            measured = one.value is not None
            value[row, place] = one.value if measured else np.nan
            numerator[row, place] = one.numerator if one.numerator is not None else np.nan
            n[row, place] = one.n
            squares[row, place] = one.squares if one.squares is not None else np.nan
            baseline[row, place] = measured and one.is_complete
    return Sums(value, numerator, np.nan_to_num(n), squares, baseline)


def _distances(sums: Sums, centre: Array, sigma: Array) -> Array:
    """Distances in sigmas of complete points; with no variation at all any change is infinitely far."""
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (sums.value - centre) / sigma
    z = np.where(np.abs(sums.value - centre) <= 1e-12 * np.abs(centre), 0.0, z)
    return np.where(sums.baseline, z, np.nan)


def _line(values: Array, row: int, place: int, counts: np.ndarray) -> float | None:
    value = float(values[row, place])
    return value if counts[row] >= FEWEST_POINTS and np.isfinite(value) else None


def _signals(marks: Mapping[str, np.ndarray], row: int, place: int, counts: np.ndarray) -> dict[str, int]:
    if counts[row] < FEWEST_POINTS:
        return {}
    return {name: int(found[row, place]) for name, found in marks.items() if found[row, place]}


def _aims(state: State, question: Question, kpi: Kpi, group: tuple[str, ...], periods: Sequence[date]) -> list[Aims]:
    """Target and alert threshold of each period, as values of the KPI."""
    targets = [valid_on(state.settings.targets, kpi, period) for period in periods]
    if not any(target and target.against == "previous_year" for target in targets):
        return [(target.aim, target.alert) if target else (None, None) for target in targets]
    every = question.every or "day"
    years = Dates(year_before(periods[0]), year_before(following(periods[-1], every)))
    known = {one.period: one.value for one in answer(state, replace(question, kpis=(kpi,), dates=years)) if one.group == group}
    return [_raised(target, known.get(start_of(year_before(period), every))) for target, period in zip(targets, periods, strict=True)]


def _raised(target: Target | None, before: float | None) -> Aims:
    """A relative target as a value: last year's raised by the aimed share."""
    if target is None or before is None:
        return None, None
    return before + abs(before) * target.aim, None if target.alert is None else before + abs(before) * target.alert
