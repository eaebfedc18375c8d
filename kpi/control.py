"""A KPI's series on its control chart: points, limits, signals, phases, target and alert threshold."""

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from kpi.errors import KpiError, UnknownName
from kpi.metrics import Kpi
from kpi.periods import Dates, Every, period_compared_with, start_of
from kpi.phases import Phase
from kpi.report import ALWAYS, Answer, Question, answer
from kpi.series import Series, series
from kpi.spc import rules
from kpi.spc.catalogue import BY_NAME, CHARTS
from kpi.spc.charts import FIRM_POINTS, ChartType
from kpi.spc.conventions import EXACT
from kpi.spc.discoveries import discoveries
from kpi.spc.judging import FEWEST_POINTS, Episodes, Judgement, Scope, episodes
from kpi.spc.renewing import Judged, judge_again
from kpi.spc.rules import RuleSet
from kpi.spc.steps import Steps, steps
from kpi.spc.verdicts import Assurance, Variation, assurance, variation
from kpi.store import State
from kpi.targets import Target, valid_on

Aims = tuple[float | None, float | None]

LONGEST_YEAR = 800
"""Days that hold the same period of the year before, even before the history of a quarterly chart."""

CLEAR = 0.01
"""A step is proposed when a process without one would show it less often than this."""

DISCOVERY_RATE = 0.10
"""Of the series that are said to stand out among many, so many may do by chance (Benjamini and Hochberg 1995)."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One period's figure. `drawn` is what the chart draws (the value, or what its type makes of it); limits None: too few
    points for any. `signals` maps the rules it belongs to to +1 or -1, `completes` are those it completes; `grade` is 0, ±1
    (watch) or ±2 (serious) by the default rules; `z` is its distance from the centre in sigmas, None where it is not judged.
    """

    figure: Answer
    drawn: float | None
    centre: float | None
    lower: float | None
    upper: float | None
    z: float | None
    aim: float | None
    alert: float | None
    signals: Mapping[str, int]
    completes: tuple[str, ...]
    grade: int
    phase: int
    is_excluded: bool

    @property
    def period(self) -> date:
        return self.figure.period or date.min

    @property
    def is_tested(self) -> bool:
        """Whether it was held against limits at all."""
        return self.drawn is not None and self.centre is not None and self.figure.is_complete and self.figure.is_enough


@dataclass(frozen=True, kw_only=True)
class Span:
    """A phase on the chart: `phase` None is the one before any was accepted. Its limits rest on `count` complete periods,
    the first and the last of which are named.
    """

    phase: Phase | None
    count: int
    first: date | None
    last: date | None

    @property
    def has_limits(self) -> bool:
        return self.count >= FEWEST_POINTS

    @property
    def is_provisional(self) -> bool:
        return self.has_limits and self.count < FIRM_POINTS


@dataclass(frozen=True, kw_only=True)
class Episode:
    """From its first signal of the default rules until the process has been calm for five points; open while `ends` is None.

    `points` are those of it, `side` where they lie, `worst` the grade it reached: 1 watch, 2 serious.
    """

    side: int
    worst: int
    starts: date
    ends: date | None
    points: tuple[Point, ...]


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A step that no phase explains yet: the first period of the new level, the periods that may be it with 95 % confidence,
    the levels before and after, how many points each rests on, and how often chance alone shows a step as clear.
    """

    starts: date
    earliest: date
    latest: date
    before: float
    after: float
    before_count: int
    after_count: int
    chance: float


@dataclass(frozen=True, kw_only=True)
class ControlChart:
    """One series; `group` is the values of the question's dimensions; verdicts and proposal are those of the current phase.

    `stands_out`: its newest point is unusual even among as many series as were asked for together.
    """

    kpi: Kpi
    chart: ChartType
    rules: RuleSet
    group: tuple[str, ...]
    points: tuple[Point, ...]
    spans: tuple[Span, ...]
    episodes: tuple[Episode, ...]
    proposal: Proposal | None
    variation: Variation
    assurance: Assurance
    autocorrelation: float
    stands_out: bool

    @property
    def current(self) -> Span:
        """The phase of the newest point."""
        return self.spans[self.points[-1].phase]


def control_charts(state: State, question: Question, chart_name: str, rules_name: str) -> list[ControlChart]:
    """One chart per KPI and group of the question, which must ask for periods; empty names take the KPI's own chart and the
    default rules.
    """
    if question.every is None:
        raise UnknownName("period", "", ("day", "week", "month", "quarter"))
    end = min(question.dates.end, state.known_on + timedelta(days=1))
    whole = replace(question, dates=Dates(start_of(min(question.dates.start, end), question.every), end))
    return [
        one
        for kpi in question.kpis
        for chart in (chart_type(kpi, chart_name),)
        for one in _charts_of(state, whole, kpi, chart, rule_set(rules_name, chart))
    ]


def chart_type(kpi: Kpi, name: str) -> ChartType:
    """The chart of this name, if it fits the KPI; of an empty name the KPI's own."""
    wanted = name or kpi.chart
    if wanted not in BY_NAME:
        raise UnknownName("chart", wanted, BY_NAME)
    if not fits(BY_NAME[wanted], kpi):
        possible = ", ".join(chart.name for chart in CHARTS if fits(chart, kpi))
        raise KpiError("a {chart} chart does not fit {kpi}. Charts that do: {possible}.", chart=wanted, kpi=kpi.name, possible=possible)
    return BY_NAME[wanted]


def rule_set(name: str, chart: ChartType) -> RuleSet:
    """The rules of this name; of an empty name the default ones. A chart with a memory is judged by its limits alone."""
    if name and name not in rules.BY_NAME:
        raise UnknownName("rule set", name, rules.BY_NAME)
    if chart.has_memory:
        return rules.BY_NAME["limits"]
    return rules.BY_NAME[name] if name else rules.GRADED


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
        case _:
            return False


def _charts_of(state: State, question: Question, kpi: Kpi, chart: ChartType, chosen: RuleSet) -> list[ControlChart]:
    """All series of a KPI in one pass over arrays of series x time."""
    found = series(state, question, kpi)
    if found is None:
        return []
    scope = Scope(found.phase, found.judged, *_range(kpi, chart), kpi.smallest_change, is_relative=kpi.unit in RELATIVE)
    judgement = _judged(_key(question, kpi, chart, chosen, found), found, chart, chosen, scope)
    lasting = episodes(judgement)
    newest = found.phase == found.phase[:, -1:]
    proposals = steps(np.where(newest & found.judged, judgement.z, np.nan), judgement.autocorrelation[:, -1:])
    unusual = discoveries(_newest_chance(judgement), DISCOVERY_RATE)
    earlier = _year_before(state, question, kpi)
    return [
        _chart(state, question, _Row(kpi, chart, chosen, found, judgement, lasting, proposals, row), earlier, stands_out=bool(unusual[row]))
        for row in range(len(found.groups))
    ]


_recent: OrderedDict[tuple[Hashable, ...], Judged] = OrderedDict()
MOST_RECENT = 64
"""Judgements kept, so that new data costs only the series that changed."""


def _key(question: Question, kpi: Kpi, chart: ChartType, chosen: RuleSet, found: Series) -> tuple[Hashable, ...]:
    return (
        kpi.name,
        chart.name,
        chosen.name,
        question.every,
        question.by,
        found.groups,
        found.periods,
        tuple(sorted(question.where.items())),
    )


def _judged(key: tuple[Hashable, ...], found: Series, chart: ChartType, chosen: RuleSet, scope: Scope) -> Judgement:
    judgement = judge_again(_recent.get(key), found.sums, chart, chosen.rules, EXACT, scope)
    _recent[key] = Judged(found.sums, scope, judgement)
    while len(_recent) > MOST_RECENT:
        _recent.popitem(last=False)
    return judgement


RELATIVE = ("minutes", "currency", "events")
"""Units in which the smallest change that matters is a share of the usual."""


def _range(kpi: Kpi, chart: ChartType) -> tuple[float, float]:
    """What the chart can draw: the KPI's range where it draws the KPI."""
    return kpi.range if chart.name not in OTHER_STATISTICS else (-np.inf if chart.name == "cusum" else 0.0, np.inf)


OTHER_STATISTICS = ("moving_range", "s", "np", "cusum")


@dataclass(frozen=True)
class _Row:
    """One series of many, with what was found about all."""

    kpi: Kpi
    chart: ChartType
    rules: RuleSet
    series: Series
    judgement: Judgement
    episodes: Episodes
    steps: Steps
    row: int


def _chart(
    state: State,
    question: Question,
    one: _Row,
    earlier: Mapping[tuple[tuple[str, ...], date | None], float | None],
    *,
    stands_out: bool,
) -> ControlChart:
    answers = one.series.answers[one.row]
    first = next(place for place, each in enumerate(answers) if each.n or each.value is not None)
    aims = _aims(state, one.kpi, question.every or "day", earlier, answers)
    places = range(max(one.series.shown, first), len(answers))
    points = {place: _point(one, place, aims[place]) for place in places}
    tested = [point for point in points.values() if point.is_tested]
    newest = tested[-1] if tested else None
    return ControlChart(
        kpi=one.kpi,
        chart=one.chart,
        rules=one.rules,
        group=one.series.groups[one.row],
        points=tuple(points.values()),
        spans=tuple(_span(one, number) for number in range(len(one.series.phases[one.row]))),
        episodes=tuple(_episodes(one, points)),
        proposal=_proposal(one),
        variation=variation(None if newest is None else next(iter(newest.signals.values()), 0), one.kpi.better),
        assurance=_assurance(one, newest),
        autocorrelation=float(one.judgement.autocorrelation[one.row, -1]),
        stands_out=stands_out,
    )


def _assurance(one: _Row, newest: Point | None) -> Assurance:
    if newest is None or one.chart.name in OTHER_STATISTICS:
        return "not_judged"
    return assurance(newest.lower, newest.upper, newest.aim, one.kpi.better)


def _point(one: _Row, place: int, aim: Aims) -> Point:
    figure, found, row = one.series.answers[one.row][place], one.judgement, one.row
    members = {name: int(marked.members[row, place]) for name, marked in found.marks.items() if marked.members[row, place]}
    return Point(
        figure=figure,
        drawn=_number(found.statistic[row, place]),
        centre=_number(found.centre[row, place]),
        lower=_number(found.lower[row, place]),
        upper=_number(found.upper[row, place]),
        z=_number(found.z[row, place]),
        aim=aim[0],
        alert=aim[1],
        signals=members if figure.is_enough else {},
        completes=tuple(name for name, marked in found.marks.items() if marked.completing[row, place] and figure.is_enough),
        grade=int(found.grade[row, place]) if figure.is_enough else 0,
        phase=int(one.series.phase[row, place]),
        is_excluded=bool(one.series.excluded[row, place]),
    )


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _span(one: _Row, number: int) -> Span:
    here = one.series.sums.baseline[one.row] & (one.series.phase[one.row] == number)
    used = [period for period, is_used in zip(one.series.periods, here, strict=True) if is_used]
    phase = one.series.phases[one.row][number]
    return Span(phase=phase, count=len(used), first=used[0] if used else None, last=used[-1] if used else None)


def _episodes(one: _Row, points: Mapping[int, Point]) -> list[Episode]:
    """Those that reach into the shown points, in order."""
    side, onset, worst = (array[one.row] for array in (one.episodes.side, one.episodes.onset, one.episodes.worst))
    found = []
    for start in dict.fromkeys(int(begin) for begin in onset[list(points)] if begin >= 0):
        places = [place for place in range(start, len(side)) if onset[place] == start]
        inside = tuple(points[place] for place in places if place in points)
        is_open = places[-1] == len(side) - 1 or not any(one.series.judged[one.row, places[-1] + 1 :])
        found.append(
            Episode(
                side=int(side[start]),
                worst=int(worst[places].max()),
                starts=one.series.periods[start],
                ends=None if is_open else one.series.periods[places[-1]],
                points=inside,
            )
        )
    return found


def _proposal(one: _Row) -> Proposal | None:
    """The step of the current phase, when it is clear and large enough to matter."""
    found, row = one.steps, one.row
    place = int(found.place[row])
    if place < 0 or not found.chance[row] < CLEAR or one.chart.name in OTHER_STATISTICS:
        return None
    here = one.series.judged[row] & (one.series.phase[row] == one.series.phase[row, -1]) & np.isfinite(one.judgement.z[row])
    before, after = (here & side for side in (np.arange(len(here)) < place, np.arange(len(here)) >= place))
    levels = [_level(one, side) for side in (before, after)]
    needed = one.kpi.smallest_change * (abs(levels[0]) if one.kpi.unit in RELATIVE else 1.0)
    if abs(levels[1] - levels[0]) < needed:
        return None
    periods = one.series.periods
    return Proposal(
        starts=periods[place],
        earliest=periods[int(found.first[row])],
        latest=periods[int(found.last[row])],
        before=levels[0],
        after=levels[1],
        before_count=int(before.sum()),
        after_count=int(after.sum()),
        chance=float(found.chance[row]),
    )


def _level(one: _Row, places: NDArray[np.bool_]) -> float:
    """The usual value of these points: their mean where points vary evenly."""
    scale = one.series.sums.scale
    return float(scale.back(np.array([scale.there(one.series.sums.value[one.row, places]).mean()]))[0])


def _newest_chance(found: Judgement) -> NDArray[np.float64]:
    """How often chance alone puts the newest judged point of each series as far out, by itself or by its drift (two looks,
    two sides); NaN: none judged.
    """
    known = ~np.isnan(found.z)
    newest = np.where(known.any(axis=1), known.shape[1] - 1 - known[:, ::-1].argmax(axis=1), 0)
    rows = np.arange(len(newest))
    farthest = np.fmax(np.abs(found.z[rows, newest]), np.abs(found.drift[rows, newest]))
    return np.where(known.any(axis=1), np.minimum(4 * ndtr(-farthest), 1.0), np.nan)


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
    answers: Sequence[Answer],
) -> list[Aims]:
    """Target and alert threshold of each period, as values of the KPI."""
    found = []
    for one in answers:
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
