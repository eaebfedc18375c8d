"""A KPI's series on its control chart: points, limits, signals, target and alert threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from kpi.errors import KpiError, UnknownName
from kpi.metrics import Kpi
from kpi.periods import Dates, Every, following, period_compared_with, preceding, start_of, starts
from kpi.report import ALWAYS, Answer, Question, answer, complete_until, nothing
from kpi.spc.charts import BY_NAME, CHARTS, Array, ChartType, Sums
from kpi.spc.rules import LIMIT_SIGMAS, RULES
from kpi.store import State
from kpi.targets import Target, valid_on

Aims = tuple[float | None, float | None]

FEWEST_POINTS = 5
"""Below this there are no limits: they would say more about luck than about the process."""

FIRM_POINTS = 20
"""Below this limits are provisional."""

LONGEST_YEAR = 800
"""Days that hold the same period of the year before, even before the history of a quarterly chart."""

HISTORY_PERIODS = 30
"""How many periods before the asked days are looked at, at least."""


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

    @property
    def is_tested(self) -> bool:
        """Whether it was held against limits at all."""
        return self.value is not None and self.lower is not None and self.is_complete and self.is_enough


@dataclass(frozen=True, kw_only=True)
class ControlChart:
    """One series; `group` is the values of the question's dimensions.

    The limits rest on `baseline_count` complete periods, the first and the last of which are named: those before the asked
    days where there are enough of them, so that the days under judgement do not set their own limits; else the days' own.
    """

    kpi: Kpi
    chart: ChartType
    group: tuple[str, ...]
    points: tuple[Point, ...]
    baseline_count: int
    baseline_first: date | None
    baseline_last: date | None

    @property
    def has_limits(self) -> bool:
        return self.baseline_count >= FEWEST_POINTS

    @property
    def is_provisional(self) -> bool:
        return self.has_limits and self.baseline_count < FIRM_POINTS


@dataclass(frozen=True)
class Lines:
    """Centre, limits and marks of the rules, as arrays over time, of all series or of one."""

    centre: Array
    lower: Array
    upper: Array
    marks: Mapping[str, NDArray[np.int8]]

    def of(self, row: int) -> Lines:
        return Lines(self.centre[row], self.lower[row], self.upper[row], {name: found[row] for name, found in self.marks.items()})


def control_charts(state: State, question: Question, chart_name: str) -> list[ControlChart]:
    """One chart per KPI and group of the question, which must ask for periods; an empty chart name takes the KPI's own."""
    if question.every is None:
        raise UnknownName("period", "", ("day", "week", "month", "quarter"))
    end = min(question.dates.end, state.known_on + timedelta(days=1))
    whole = replace(question, dates=Dates(start_of(min(question.dates.start, end), question.every), end))
    return [one for kpi in question.kpis for one in _charts_of(state, whole, kpi, _chart_type(kpi, chart_name or kpi.chart))]


def _charts_of(state: State, question: Question, kpi: Kpi, chart: ChartType) -> list[ControlChart]:
    """All series of a KPI in one pass over arrays of series x time."""
    every = question.every or "day"
    answers = answer(state, replace(question, kpis=(kpi,), dates=_with_history(question)))
    groups = sorted({one.group for one in answers if one.period is not None and one.period >= question.dates.start})
    earlier = _year_before(state, question, kpi)
    if not groups:
        return []
    series = [_filled(state, question, [one for one in answers if one.group == group]) for group in groups]
    sums = _sums(series, question)
    centre, sigma = chart.lines(sums)
    lowest, highest = kpi.range
    z = _distances(series, sums, centre, sigma, question.dates.start)
    lines = Lines(
        centre=centre,
        lower=np.clip(centre - LIMIT_SIGMAS * sigma, lowest, highest),
        upper=np.clip(centre + LIMIT_SIGMAS * sigma, lowest, highest),
        marks={rule.name: rule.marks(z) for rule in RULES},
    )
    aims = [_aims(state, kpi, every, earlier, row) for row in series]
    return [_control(question, chart, series[row], sums.baseline[row], lines.of(row), aims[row]) for row in range(len(groups))]


def is_concern(kpi: Kpi, side: int) -> bool:
    """Whether a mark on this side of the centre is for the worse."""
    return (side < 0) == (kpi.better == "higher")


def fits(chart: ChartType, kpi: Kpi) -> bool:
    """Whether the KPI has the sums that the chart type needs."""
    match chart.needs:
        case "values":
            return True
        case "shares":
            return kpi.aggregate == "ratio" and kpi.unit == "share"
        case "means":
            return kpi.aggregate == "ratio" and kpi.unit != "share"


def _chart_type(kpi: Kpi, name: str) -> ChartType:
    if name not in BY_NAME:
        raise UnknownName("chart", name, BY_NAME)
    if not fits(BY_NAME[name], kpi):
        possible = ", ".join(chart.name for chart in CHARTS if fits(chart, kpi))
        raise KpiError("a {chart} chart does not fit {kpi}. Charts that do: {possible}.", chart=name, kpi=kpi.name, possible=possible)
    return BY_NAME[name]


def _with_history(question: Question) -> Dates:
    """The asked days and as many before them, at least `HISTORY_PERIODS` periods: what was usual before they came."""
    dates = question.dates
    if dates.start == ALWAYS.start:
        return dates
    first = dates.start
    for _ in range(HISTORY_PERIODS):
        first = preceding(first, question.every or "day")
    return Dates(start_of(min(first, dates.start - timedelta(days=dates.days)), question.every or "day"), dates.end)


def _filled(state: State, question: Question, answers: Sequence[Answer]) -> list[Answer]:
    """The series without holes, from the first period with events to the end: a silent period is a gap, not absent."""
    known = {one.period: one for one in answers if one.period is not None}
    every = question.every or "day"
    kpi, group = answers[0].kpi, answers[0].group
    limit = complete_until(state, kpi, question.within_minutes)
    return [
        known.get(period)
        or replace(nothing(kpi), period=period, group=group, is_complete=following(period, every) <= min(limit, question.dates.end))
        for period in starts(Dates(min(known), max(question.dates.end, following(max(known), every))), every)
    ]


def _control(
    question: Question, chart: ChartType, series: Sequence[Answer], baseline: NDArray[np.bool_], lines: Lines, aims: Sequence[Aims]
) -> ControlChart:
    shown = [place for place, one in enumerate(series) if (one.period or date.min) >= question.dates.start]
    used = [one.period for one, is_used in zip(series, baseline, strict=False) if is_used]
    kpi, group = series[0].kpi, series[0].group
    has_limits = len(used) >= FEWEST_POINTS
    return ControlChart(
        kpi=kpi,
        chart=chart,
        group=group,
        points=tuple(_point(series[place], place, lines, aims[place], has_limits=has_limits) for place in shown),
        baseline_count=len(used),
        baseline_first=used[0] if used else None,
        baseline_last=used[-1] if used else None,
    )


def _point(one: Answer, place: int, lines: Lines, aim: Aims, *, has_limits: bool) -> Point:
    marks = {name: int(found[place]) for name, found in lines.marks.items() if found[place]}
    return Point(
        period=one.period or date.min,
        value=one.value,
        n=one.n,
        centre=_number(lines.centre[place]) if has_limits else None,
        lower=_number(lines.lower[place]) if has_limits else None,
        upper=_number(lines.upper[place]) if has_limits else None,
        aim=aim[0],
        alert=aim[1],
        signals=marks if has_limits and one.is_enough else {},
        is_complete=one.is_complete,
        is_enough=one.is_enough,
    )


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _sums(series: Sequence[Sequence[Answer]], question: Question) -> Sums:
    shape = len(series), max(len(one) for one in series)
    value, numerator, n, squares = (np.full(shape, np.nan) for _ in range(4))
    baseline = np.zeros(shape, dtype=np.bool_)
    for row, answers in enumerate(series):
        for place, one in enumerate(answers):
            value[row, place] = np.nan if one.value is None else one.value
            numerator[row, place] = np.nan if one.numerator is None else one.numerator
            n[row, place] = one.n
            squares[row, place] = np.nan if one.squares is None else one.squares
        baseline[row, : len(answers)] = _baseline(answers, question.dates.start)
    return Sums(value, numerator, np.nan_to_num(n), squares, baseline)


def _baseline(answers: Sequence[Answer], start: date) -> list[bool]:
    """The complete measured periods before the asked days, where they are enough for firm limits; else those of the days."""
    usable = [one.is_complete and one.value is not None for one in answers]
    before = [use and (one.period or date.min) < start for use, one in zip(usable, answers, strict=True)]
    if sum(before) >= FIRM_POINTS:
        return before
    return [use and not earlier for use, earlier in zip(usable, before, strict=True)]


def _distances(series: Sequence[Sequence[Answer]], sums: Sums, centre: Array, sigma: Array, start: date) -> Array:
    """Distances in sigmas of the points under judgement; with no variation at all any change is infinitely far.

    Judged are the complete points from the asked days on, and those of the baseline before them. Rounded far below what
    can be seen, so that a point on the centre or on a limit is on it.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.round((sums.value - centre) / sigma, 9)
    z = np.where(np.abs(sums.value - centre) <= 1e-12 * np.abs(centre), 0.0, z)
    judged = sums.baseline.copy()
    for row, answers in enumerate(series):
        judged[row, : len(answers)] |= [one.is_complete and (one.period or date.min) >= start for one in answers]
    return np.where(judged, z, np.nan)


def _year_before(state: State, question: Question, kpi: Kpi) -> dict[tuple[tuple[str, ...], date | None], float | None]:
    """The values a year earlier, by group and period, where a target is held against them."""
    targets = [target for target in state.settings.targets if target.kpi in (kpi.name, kpi.family)]
    if not any(target.against == "previous_year" for target in targets):
        return {}
    first = question.dates.start
    dates = Dates(first if first == ALWAYS.start else first - timedelta(days=LONGEST_YEAR), question.dates.end)
    return {(one.group, one.period): one.value for one in answer(state, replace(question, kpis=(kpi,), dates=dates))}


def _aims(
    state: State,
    kpi: Kpi,
    every: Every,
    earlier: Mapping[tuple[tuple[str, ...], date | None], float | None],
    series: Sequence[Answer],
) -> list[Aims]:
    """Target and alert threshold of each period, as values of the KPI."""
    found = []
    for one in series:
        period = one.period or date.min
        target = valid_on(state.settings.targets, kpi, period)
        relative = target is not None and target.against == "previous_year"
        before = earlier.get((one.group, period_compared_with(period, every, "previous_year"))) if relative else None
        found.append(_raised(target, before))
    return found


def _raised(target: Target | None, before: float | None) -> Aims:
    """A relative target as a value: last year's raised by the aimed share."""
    if target is None:
        return None, None
    if target.against == "value":
        return target.aim, target.alert
    if before is None:
        return None, None
    return before + abs(before) * target.aim, None if target.alert is None else before + abs(before) * target.alert
