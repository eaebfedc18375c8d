"""Questions to the events, and their answers: the one place where a KPI's sums become its value."""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate, groupby
from math import expm1, sqrt
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from kpi.completeness import complete_until
from kpi.errors import UnknownName
from kpi.events import DIMENSIONS
from kpi.measures import EVENTS, NOTHING, Measure, left_out_measures, measures, stock_measures
from kpi.metrics import Attribution, Kpi
from kpi.mix import Group, Part
from kpi.periods import EVERY, Comparison, Dates, Every, compared_with, following, period_compared_with, start_of
from kpi.rollup import HISTOGRAM_CUBOIDS, HISTOGRAMS, OPENED, ROLLUPS, Histogram, Rollup, answering, bucket, middle
from kpi.store import BEGINNING, State
from kpi.survival import Durations, kaplan_meier_quantile, observed_quantile
from kpi.targets import relative_change
from kpi.uncertainty import between_variance, normal, standard_deviation, wilson

GROUPS = {name: name for name in (*DIMENSIONS, "source", "disposition")} | {
    "score": "satisfaction_points / 10000.0",
    "hour": "hour(timezone(zone, opened_at))",
}
"""What one can group by, and its expression; `score` is the survey answer, `hour` the local hour of the day of the opening."""

PERIODS = {every: f"CAST(date_trunc('{every}', {{on}}) AS DATE)" for every in EVERY} | {None: "CAST(NULL AS DATE)"}
"""The first day of the period an attribution date falls in."""

SUMMED = ("ratio", "geometric")
"""Aggregates whose figures are made of sums, so that those of days add up to any range."""

NOT_MEASURED = "not_measured"
"""Left out because the event's source does not give the columns."""

MOST_EXACT = 200_000
"""Events whose durations are ranked one by one; of more the quantile comes from a histogram."""

FILTERS = (*DIMENSIONS, "source", "disposition")
Parts = dict[Group, Part]

SECONDS = 60.0
"""In a minute."""

ALWAYS = Dates(date(1, 1, 1), date(9999, 1, 1))


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked: KPIs for groups and periods of a range of local days.

    `every` None asks for one figure over the whole range. `where` keeps the events whose dimension is one of the values.
    `within_minutes` replaces the configured limit of the KPIs that have one.
    """

    kpis: tuple[Kpi, ...]
    every: Every | None
    by: tuple[str, ...]
    where: Mapping[str, tuple[str, ...]]
    dates: Dates
    within_minutes: float | None

    def __post_init__(self) -> None:
        if self.every not in PERIODS:
            raise UnknownName("period", str(self.every), EVERY)
        for name in self.by:
            if name not in GROUPS:
                raise UnknownName("dimension", name, GROUPS)
        for name in self.where:
            if name not in FILTERS:
                raise UnknownName("dimension", name, FILTERS)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One figure: its value in the KPI's unit and everything needed to believe it.

    `value` None: there is nothing to measure. `numerator` is in the KPI's unit; `n` is the denominator, `squares` the sum
    of squares of the numerator, and `sums` are both as integers in units of 1 / `per`, which add up exactly. `bounds` is where
    the value can still go when the `undetermined` events are known, `interval` the 95 % interval. `observed` is a quantile
    over ended events alone; `is_binned`: of so many events that it comes from a histogram, at most 1.6 % off.
    """

    kpi: Kpi
    period: date | None
    group: tuple[str, ...]
    value: float | None
    numerator: float | None
    n: int
    squares: float | None
    sums: tuple[int, int]
    undetermined: int
    left_out: Mapping[str, int]
    bounds: tuple[float, float] | None
    interval: tuple[float, float] | None
    deviation: float | None
    observed: float | None
    is_complete: bool
    is_binned: bool

    @property
    def is_enough(self) -> bool:
        """Whether there are enough events to show it in full; a quantile rests on those that still wait too."""
        return self.n + (self.undetermined if self.kpi.aggregate == "quantile" else 0) >= self.kpi.floor

    @property
    def is_not_reached(self) -> bool:
        """Whether so many are still open that the quantile lies beyond every age known: bad, not unknown."""
        return self.kpi.aggregate == "quantile" and self.value is None and self.undetermined > 0


@dataclass(frozen=True)
class Change:
    """A value held against an earlier one, both complete; `before_dates` is the range of the earlier, where it is one."""

    now: Answer
    before: Answer
    before_dates: Dates | None

    @property
    def difference(self) -> float | None:
        return None if self.now.value is None or self.before.value is None else self.now.value - self.before.value

    @property
    def relative(self) -> float | None:
        return None if self.now.value is None or self.before.value is None else relative_change(self.now.value, self.before.value)


def answer(state: State, question: Question) -> list[Answer]:
    """All figures, ordered by KPI as asked, then period, then group."""
    found: dict[str, list[Answer]] = {}
    ratios = [kpi for kpi in question.kpis if kpi.aggregate in SUMMED]
    for on in dict.fromkeys(kpi.on for kpi in ratios):
        together = tuple(kpi for kpi in ratios if kpi.on == on)
        found |= _ratios(state, replace(question, kpis=together))
    backlogs: dict[tuple[object, ...], dict[Group, dict[str, Backlog]]] = {}
    for kpi in question.kpis:
        match kpi.aggregate:
            case "quantile":
                found[kpi.name] = _quantiles(state, question, kpi)
            case "stock":
                of_what = kpi.needs, kpi.left_out
                if of_what not in backlogs:
                    backlogs[of_what] = _backlogs(state, question, kpi)
                found[kpi.name] = _stock(state, question, kpi, backlogs[of_what])
            case "spread":
                found[kpi.name] = _spread(state, question, kpi)
    return [one for kpi in question.kpis for one in found[kpi.name]]


def event_count(state: State, question: Question, on: Attribution) -> int:
    """How many events a question's dates and filters keep, by this date."""
    whole = replace(question, kpis=(), every=None, by=())
    source = _rollup(state, whole, on, [EVENTS])
    return sum(row["events"] for row in _grouped(state, whole, on, [f"{_sum(EVENTS, source, '')} AS events"], source))


def total(state: State, question: Question) -> Answer:
    """The one figure of a question without periods and groups."""
    return answer(state, question)[0]


def nothing(kpi: Kpi) -> Answer:
    """No event at all: no value, which is not 0."""
    return Answer(
        kpi=kpi, period=None, group=(), value=None, numerator=None, n=0, squares=None, sums=(0, 0), undetermined=0, left_out={},
        bounds=None, interval=None, deviation=None, observed=None, is_complete=True, is_binned=False,
    )  # fmt: skip


def compared(state: State, question: Question, comparison: Comparison) -> list[tuple[Answer, Answer | None]]:
    """Every answer with the one of the period (or, without periods, the range) it is held against: complete with complete."""
    answers = answer(state, question)
    if question.every is None:
        before = answer(state, replace(question, dates=compared_with(question.dates, comparison)))
        earlier = {(one.kpi.name, one.period, one.group): one for one in before}
        return [(one, _fair(one, earlier.get((one.kpi.name, None, one.group)))) for one in answers]
    every = question.every
    held = {one.period: period_compared_with(one.period, every, comparison) for one in answers if one.period and one.period.year > 1}
    if not held:
        return [(one, None) for one in answers]
    whole = Dates(min(held.values()), following(max(held.values()), every))
    known = {(one.kpi.name, one.period, one.group): one for one in answer(state, replace(question, dates=whole))}
    return [(one, _fair(one, known.get((one.kpi.name, held.get(one.period), one.group)))) for one in answers]


def _fair(now: Answer, before: Answer | None) -> Answer | None:
    return before if before is not None and now.is_complete and before.is_complete else None


def _ratios(state: State, question: Question) -> dict[str, list[Answer]]:
    wanted = [measures(kpi) for kpi in question.kpis]
    rows = _rows(state, question, question.kpis[0].on, wanted)
    until = [complete_until(state, kpi, question.within_minutes) for kpi in question.kpis]
    return {
        kpi.name: [_ratio(question, kpi, row.keys, row.sums[place], until[place]) for row in rows]
        for place, kpi in enumerate(question.kpis)
    }


@dataclass(frozen=True)
class Row:
    """The sums of each KPI for one period and group; `keys` are the period and the values of the dimensions by name."""

    keys: Mapping[str, Any]
    sums: Sequence[Mapping[str, int]]


def _rows(state: State, question: Question, on: Attribution, wanted: Sequence[Mapping[str, Measure]]) -> list[Row]:
    """The wanted sums of every period and group that has an event: from the smallest roll-up that has them, or from the events."""
    every_measure = [measure for found in wanted for measure in found.values()]
    source = _rollup(state, question, on, every_measure)
    columns = []
    for place, (kpi, found) in enumerate(zip(question.kpis, wanted, strict=True)):
        given = _given(bool(state.lacking(kpi)), place)
        columns += [f"{_sum(measure, source, given)} AS {name}_{place}" for name, measure in found.items()]
        if state.lacking(kpi):
            columns.append(f"{_sum(EVENTS, source, f'source IN (SELECT unnest($lacking_{place})) AND ')} AS {NOT_MEASURED}_{place}")
    rows = _grouped(state, question, on, columns, source)
    names = [[*found, *([NOT_MEASURED] if state.lacking(kpi) else [])] for kpi, found in zip(question.kpis, wanted, strict=True)]
    return [Row(row, [{name: row[f"{name}_{place}"] for name in each} for place, each in enumerate(names)]) for row in rows]


@dataclass(frozen=True)
class Source:
    """A cuboid of a roll-up or a histogram."""

    table: Rollup | Histogram
    cuboid: int

    def relation(self, columns: Sequence[str]) -> str:
        """Its rows, and those of open events where any of the sums has ages in it."""
        settled = f"SELECT * FROM {self.table.name} WHERE cuboid = {self.cuboid}"  # noqa: S608 (entries of this package)
        if isinstance(self.table, Histogram) or not any(
            one.name in " ".join(columns) for one in self.table.measures if one.ripens == "when_ended"
        ):
            return f"({settled})"
        return f"({settled} UNION ALL BY NAME SELECT * FROM aging_{self.table.name})"  # noqa: S608 (as above)


def _sum(measure: Measure, source: Source | None, given: str) -> str:
    return measure.sql(given) if source is None else measure.rolled(given)


def _rollup(state: State, question: Question, on: Attribution, wanted: Collection[Measure]) -> Source | None:
    """The smallest roll-up that answers: of normal events alone, and under the configured limits."""
    table = ROLLUPS[on]
    needed = _dimensions(question)
    if needed is None or not {measure for measure in wanted if measure.condition != NOTHING} <= set(table.measures):
        return None
    if question.within_minutes is not None and any(measure.asks_limit for measure in wanted):
        return None
    return _smallest(state, table, answering(table.cuboids, state.sums, needed))


def _smallest(state: State, table: Rollup | Histogram, cuboids: Collection[int]) -> Source | None:
    sizes = state.sizes[table.name]
    return Source(table, min(cuboids, key=lambda number: sizes.get(number, 0))) if cuboids else None


def _dimensions(question: Question) -> set[str] | None:
    """What a roll-up must have; None when none can answer: they hold normal events alone."""
    filters = effective_filters(question)
    is_normal = filters["disposition"] == ("normal",) and "disposition" not in question.by
    return {*question.by, *filters} - {"source", "disposition"} if is_normal else None


def _left_out(kpi: Kpi, rows: Sequence[Mapping[str, int]]) -> dict[str, int]:
    codes = (*(code for code, _ in kpi.left_out), NOT_MEASURED)
    return {code: sum(row[code] for row in rows) for code in codes if code in rows[0]}


def _given(lacks: bool, place: int) -> str:
    """The start of a condition that holds only for the sources that give a KPI's columns."""
    return f"source NOT IN (SELECT unnest($lacking_{place})) AND " if lacks else ""


def _grouped(
    state: State, question: Question, on: Attribution, columns: Sequence[str], source: Source | None, condition: str = ""
) -> list[dict[str, Any]]:
    """Rows of period, group and the given aggregates; the only SQL that is built, from the entries of this package alone."""
    day = "day" if source else on
    expressions = {name: name for name in question.by} if source else GROUPS
    period = PERIODS[question.every].format(on=day)
    keys = [f"{period} AS period", *(f"{expressions[name]} AS {name}" for name in question.by)]
    kept = [
        f"AND {name} IN (SELECT unnest($where_{name}))" for name in effective_filters(question) if not (source and name == "disposition")
    ]
    statement = f"""
        SELECT {", ".join([*keys, *columns])}
        FROM {source.relation(columns) if source else "events"}
        WHERE {day} >= $start AND {day} < $end {" ".join(kept)} {condition}
        GROUP BY ALL
        {f"HAVING sum({EVENTS.name}) > 0" if source and isinstance(source.table, Rollup) and (question.every or question.by) else ""}
        ORDER BY ALL
    """  # noqa: S608 (every part is a constant of this package, looked up by name)
    lacking = {f"lacking_{place}": list(state.lacking(kpi)) for place, kpi in enumerate(question.kpis)}
    return _executed(state, statement, _values(question) | lacking | {"start": question.dates.start, "end": question.dates.end})


def effective_filters(question: Question) -> dict[str, tuple[str, ...]]:
    """The asked filters; only normal events unless dispositions are asked for by name."""
    return {"disposition": ("normal",)} | {name: tuple(values) for name, values in question.where.items()}


def _values(question: Question) -> dict[str, Any]:
    seconds = None if question.within_minutes is None else round(question.within_minutes * 60)
    return {f"where_{name}": list(values) for name, values in effective_filters(question).items()} | {"within_seconds": seconds}


def _executed(state: State, statement: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    every_value = dict(values) | {"as_of": state.as_of}
    cursor = state.cursor()
    used = {name: value for name, value in every_value.items() if f"${name}" in statement}
    result = cursor.execute(statement, used)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _ratio(question: Question, kpi: Kpi, keys: Mapping[str, Any], sums: Mapping[str, int], until: date) -> Answer:
    return _of_sums(
        kpi,
        period=keys["period"],
        group=_group(question, keys),
        n=sums["denominator"],
        sums=(sums["numerator"], sums.get("squares", sums["numerator"])),
        undetermined=sums["undetermined"],
        left_out=_left_out(kpi, [sums]),
        is_complete=_is_complete(question, until, keys["period"]) and not sums["unsettled"],
    )


def combined(kpi: Kpi, answers: Iterable[Answer], period: date | None) -> Answer:
    """The figure of several together: their sums added, never their values averaged. Only for what is `SUMMED`."""
    parts = [one for one in answers if one.kpi.name == kpi.name]
    return _of_sums(
        kpi,
        period=period,
        group=(),
        n=sum(one.n for one in parts),
        sums=(sum(one.sums[0] for one in parts), sum(one.sums[1] for one in parts)),
        undetermined=sum(one.undetermined for one in parts),
        left_out={
            code: sum(one.left_out.get(code, 0) for one in parts) for code in dict.fromkeys(code for one in parts for code in one.left_out)
        },
        is_complete=all(one.is_complete for one in parts),
    )


def _of_sums(
    kpi: Kpi,
    *,
    period: date | None,
    group: tuple[str, ...],
    n: int,
    sums: tuple[int, int],
    undetermined: int,
    left_out: Mapping[str, int],
    is_complete: bool,
) -> Answer:
    numerator, squares = sums[0] / kpi.per, sums[1] / kpi.per**2
    mean = numerator / n if n else None
    deviation = _deviation(kpi, sums, n)
    return Answer(
        kpi=kpi,
        period=period,
        group=group,
        value=None if mean is None else _value(kpi, mean),
        numerator=numerator,
        n=n,
        squares=squares,
        sums=sums,
        undetermined=undetermined,
        left_out=left_out,
        bounds=_bounds(kpi, numerator, n, undetermined),
        interval=_interval(kpi, mean, numerator, deviation, n),
        deviation=deviation,
        observed=None,
        is_complete=is_complete,
        is_binned=False,
    )


def _deviation(kpi: Kpi, sums: tuple[int, int], n: int) -> float | None:
    """Sample deviation of one event's value; of points, the population's, as their standard error is defined (KPIS: NPS)."""
    if kpi.unit == "share":
        return None
    found = standard_deviation(*sums, n)
    if found is None:
        return None
    return found / kpi.per * (sqrt((n - 1) / n) if kpi.unit == "points" else 1)


def _value(kpi: Kpi, mean: float) -> float:
    """The mean in the KPI's unit; of logarithms of seconds, the minutes they stand for."""
    return expm1(mean) / SECONDS if kpi.aggregate == "geometric" else mean


def _interval(kpi: Kpi, mean: float | None, numerator: float, deviation: float | None, n: int) -> tuple[float, float] | None:
    if kpi.unit == "share":
        return wilson(numerator, n)
    if mean is None or deviation is None:
        return None
    lowest, highest = normal(mean, deviation, n)
    return _value(kpi, lowest), _value(kpi, highest)


def _bounds(kpi: Kpi, numerator: float, n: int, undetermined: int) -> tuple[float, float] | None:
    if not undetermined:
        return None
    lowest, highest = kpi.range
    return (numerator + undetermined * lowest) / (n + undetermined), (numerator + undetermined * highest) / (n + undetermined)


def _group(question: Question, row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple("" if row[name] is None else f"{row[name]:g}" if isinstance(row[name], float) else str(row[name]) for name in question.by)


def _of_nothing(question: Question, kpi: Kpi, until: date) -> list[Answer]:
    """One figure over no event, where one figure is asked for; periods and groups without events have none."""
    if question.every is not None or question.by:
        return []
    return [replace(nothing(kpi), is_complete=_is_complete(question, until, None))]


def _is_complete(question: Question, until: date, period: date | None) -> bool:
    """Whether nothing of the period is missing: cut off by the asked days, or not final yet (from `until` on)."""
    if period is None or question.every is None:
        return question.dates.end <= until
    return question.dates.start <= period and following(period, question.every) <= min(question.dates.end, until)


def _quantiles(state: State, question: Question, kpi: Kpi) -> list[Answer]:
    """Exact over few events; over many from a histogram, where there is one."""
    asked = replace(question, kpis=(kpi,))
    until = complete_until(state, kpi, question.within_minutes)
    histogram = _histogram(state, asked)
    timed = _timed(state, asked) if histogram is None else _binned(state, asked, histogram)
    left_out = {_key(question, row.keys): _left_out(kpi, row.sums) for row in _rows(state, asked, kpi.on, [left_out_measures(kpi)])}
    answers = [
        _quantile(question, kpi, durations(list(timed.get(key, ()))), key, left_out[key], until, is_binned=histogram is not None)
        for key in left_out
    ]
    return answers or _of_nothing(question, kpi, until)


Timed = tuple[int, int, int]
"""Seconds, how many ended then, how many are still open at that age."""

Key = tuple[date | None, Group]


def _key(question: Question, row: Mapping[str, Any]) -> Key:
    return row["period"], _group(question, row)


def _timed(state: State, question: Question) -> dict[Key, list[Timed]]:
    """Every distinct duration of each period and group."""
    [kpi] = question.kpis
    given = _given(bool(state.lacking(kpi)), 0)
    columns = [
        f"CASE WHEN {given}TRUE THEN coalesce({kpi.numerator}, {kpi.undetermined}) END AS seconds",
        f"count({kpi.numerator}) AS ended",
        f"count({kpi.undetermined}) AS still_open",
    ]
    return _by_key(question, _grouped(state, question, kpi.on, columns, None))


def _binned(state: State, question: Question, histogram: Source) -> dict[Key, list[Timed]]:
    """The middles of buckets instead: of what ended from the histogram, of what is open from the events."""
    [kpi] = question.kpis
    given = _given(bool(state.lacking(kpi)), 0)
    bins = _grouped(
        state, question, kpi.on, ["bucket AS seconds", f"coalesce(sum(events) FILTER (WHERE {given}TRUE), 0) AS ended"], histogram
    )
    ages = [f"{bucket(kpi.undetermined)} AS seconds", f"count(*) FILTER (WHERE {given}TRUE) AS still_open"]
    open_ones = _grouped(state, question, kpi.on, ages, None, f"AND NOT is_ended AND {kpi.undetermined} IS NOT NULL")
    rows = [row | {"still_open": 0} for row in bins] + [row | {"ended": 0} for row in open_ones]
    return _by_key(question, [row | {"seconds": middle(row["seconds"])} for row in rows])


def _by_key(question: Question, rows: Iterable[Mapping[str, Any]]) -> dict[Key, list[Timed]]:
    found: dict[Key, list[Timed]] = {}
    for row in rows:
        if row["seconds"] is not None:
            found.setdefault(_key(question, row), []).append((row["seconds"], row["ended"], row["still_open"]))
    return found


def _histogram(state: State, question: Question) -> Source | None:
    """The smallest histogram that answers, where exact durations would be too many to look at."""
    [kpi] = question.kpis
    needed = _dimensions(question)
    if needed is None or kpi.on != OPENED:
        return None
    found = _rows(state, replace(question, every=None, by=()), kpi.on, [{"events": EVENTS}])
    if sum(row.sums[0]["events"] for row in found) <= MOST_EXACT:
        return None
    return _smallest(state, HISTOGRAMS[kpi.numerator], answering(HISTOGRAM_CUBOIDS, state.histograms, needed))


def durations(timed: list[Timed]) -> Durations:
    """In rising order, each once."""
    together: dict[float, list[int]] = {}
    for seconds, ended, still_open in timed:
        counts = together.setdefault(seconds, [0, 0])
        counts[0] += ended
        counts[1] += still_open
    ordered = sorted(together.items())
    return Durations(
        np.array([seconds for seconds, _ in ordered], dtype=np.float64),
        np.array([counts[0] for _, counts in ordered], dtype=np.int64),
        np.array([counts[1] for _, counts in ordered], dtype=np.int64),
    )


def _quantile(
    question: Question, kpi: Kpi, found: Durations, key: Key, left_out: Mapping[str, int], until: date, *, is_binned: bool
) -> Answer:
    value, observed = (estimate(found, kpi.probability) for estimate in (kaplan_meier_quantile, observed_quantile))
    return replace(
        nothing(kpi),
        period=key[0],
        group=key[1],
        value=None if value is None else value / kpi.per,
        n=int(found.ended.sum()),
        undetermined=int(found.still_open.sum()),
        left_out=left_out,
        observed=None if observed is None else observed / kpi.per,
        is_complete=_is_complete(question, until, key[0]),
        is_binned=is_binned,
    )


@dataclass(frozen=True)
class Backlog:
    """What was open in one time zone after each day of a change: how many, and the sum of their openings (microseconds since 1970).

    `unknown` are the requests of sources that never tell an end, `undated` those of which it is not told when they ended.
    """

    days: list[date]
    counts: list[int]
    openings: list[int]
    unknown: list[int]
    undated: list[int]

    def before(self, end: date) -> tuple[int, int, int, int]:
        place = bisect_left(self.days, end) - 1
        if place < 0:
            return 0, 0, 0, 0
        return self.counts[place], self.openings[place], self.unknown[place], self.undated[place]


def _stock(state: State, question: Question, kpi: Kpi, backlogs: Mapping[Group, Mapping[str, Backlog]]) -> list[Answer]:
    """What was open at the end of each period: all opened before it less all ended before it; counted, or its mean age.

    What ended at a moment nobody knows is neither: left out.
    """
    until = complete_until(state, kpi, question.within_minutes)
    answers = [
        replace(_level(state, kpi, *_open_at(state, zones, end)), period=period, group=group, is_complete=end <= until)
        for group, zones in backlogs.items()
        for period, end in _ends(state, question, min(one.days[0] for one in zones.values()))
    ]
    return sorted(answers, key=lambda one: (one.period or date.min, one.group)) or _of_nothing(question, kpi, until)


def _backlogs(state: State, question: Question, kpi: Kpi) -> dict[Group, dict[str, Backlog]]:
    """By group and time zone."""
    flows: dict[tuple[Group, str], list[tuple[date, int, int, int, int]]] = {}
    everything = replace(question, kpis=(kpi,), every="day", dates=Dates(ALWAYS.start, question.dates.end))
    given = _given(bool(state.lacking(kpi)), 0)
    wanted = stock_measures(kpi)
    flowing: tuple[tuple[Attribution, int], ...] = (("opened_on", 1), ("ended_on", -1))
    for on, sign in flowing:
        source = _rollup(state, everything, on, wanted.values())
        sums = [f"{_sum(measure, source, '' if measure is EVENTS else given)} AS {name}" for name, measure in wanted.items()]
        for row in _grouped(state, everything, on, ["zone", *sums], source):
            unknown = row["all_count"] - row["count"] - row["undated"]
            flow = (row["period"], sign * row["count"], sign * row["openings"], unknown, row["undated"])
            flows.setdefault((_group(question, row), row["zone"]), []).append(flow)
    found: dict[Group, dict[str, Backlog]] = {}
    for (group, zone), changes in flows.items():
        days, *totals = zip(*sorted(changes), strict=True)
        found.setdefault(group, {})[zone] = Backlog(list(days), *(list(accumulate(column)) for column in totals))
    return found


def _ends(state: State, question: Question, first: date) -> Iterator[tuple[date | None, date]]:
    if question.every is None:
        yield None, question.dates.end
        return
    last = min(question.dates.end, state.known_on + timedelta(days=1))
    period = start_of(max(question.dates.start, first), question.every)
    while period < last:
        yield period, following(period, question.every)
        period = following(period, question.every)


def _open_at(state: State, zones: Mapping[str, Backlog], end: date) -> tuple[int, int, int, int]:
    """How many were open when a day began (or as of now, if it has not), the sum of their ages in microseconds, the unknown and
    the undated.
    """
    levels = {zone: backlog.before(end) for zone, backlog in zones.items()}
    ages = sum(count * _microseconds(state, zone, end) - openings for zone, (count, openings, _, _) in levels.items())
    count, _, unknown, undated = (sum(column) for column in zip(*levels.values(), strict=True))
    return count, ages, unknown, undated


def _level(state: State, kpi: Kpi, count: int, ages: int, unknown: int, undated: int) -> Answer:
    """None open is 0, unless there are requests of which nobody knows whether they are."""
    left_out = {kpi.left_out[0][0]: undated} | ({NOT_MEASURED: unknown} if state.lacking(kpi) else {})
    empty = replace(nothing(kpi), left_out=left_out)
    if not count and (unknown or kpi.unit != "events"):
        return empty
    numerator = (count if kpi.unit == "events" else ages) / kpi.per
    return replace(empty, value=numerator if kpi.unit == "events" else numerator / count, numerator=numerator, n=count)


def _microseconds(state: State, zone: str, end: date) -> int:
    """The beginning of a local day, or the moment until which anything is known, in microseconds since 1970."""
    moment = min(state.as_of, datetime.combine(end, time(), ZoneInfo(zone)).astimezone(UTC))
    return (moment - BEGINNING) // timedelta(microseconds=1)


def _spread(state: State, question: Question, kpi: Kpi) -> list[Answer]:
    by_unit = replace(question, kpis=(kpi,), by=(*(name for name in question.by if name != kpi.between), kpi.between))
    rows = _rows(state, by_unit, kpi.on, [measures(kpi)])
    keyed = groupby([{**row.keys, **row.sums[0]} for row in rows], lambda row: _key(question, row))
    until = complete_until(state, kpi, question.within_minutes)
    return [_deviation_between(question, kpi, list(units), until) for _, units in keyed] or _of_nothing(question, kpi, until)


def _deviation_between(question: Question, kpi: Kpi, units: list[dict[str, Any]], until: date) -> Answer:
    """DerSimonian-Laird over the units with enough events, each with the sampling variance of the pooled share."""
    enough = [row for row in units if row["denominator"] >= kpi.floor]
    n = np.array([row["denominator"] for row in enough], dtype=float)
    passed = np.array([row["numerator"] for row in enough], dtype=float)
    pooled = passed.sum() / n.sum() if len(enough) else 0.0
    measurable = len(enough) >= 2 and 0 < pooled < 1
    return replace(
        nothing(kpi),
        period=units[0]["period"],
        group=_group(question, units[0]),
        value=sqrt(between_variance(passed / n, pooled * (1 - pooled) / n)) if measurable else 0.0 if len(enough) >= 2 else None,
        n=int(n.sum()),
        undetermined=sum(row["undetermined"] for row in units),
        left_out=_left_out(kpi, units),
        is_complete=_is_complete(question, until, units[0]["period"]),
    )


def on_complete_days(state: State, question: Question) -> Question:
    """The question without the last days, as long as any of its KPIs can still change there; without any day if all can."""
    until = min(complete_until(state, kpi, question.within_minutes) for kpi in question.kpis)
    end = min(question.dates.end, until)
    return replace(question, dates=Dates(min(question.dates.start, end), end))


def parts_compared(state: State, question: Question, comparison: Comparison) -> tuple[Parts, Parts]:
    """The sums of every group of a question with one KPI, in the earlier range and in its own: of complete days, or none."""
    now = on_complete_days(state, question)
    earlier = replace(now, dates=compared_with(now.dates, comparison))
    return _parts(answer(state, earlier)), _parts(answer(state, now))


def _parts(answers: Sequence[Answer]) -> Parts:
    if not all(one.is_complete for one in answers):
        return {}
    return {one.group: Part(one.numerator, one.n) for one in answers if one.numerator is not None}
