"""Questions to the events, and their answers: the one place where a KPI's sums become its value."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import accumulate, groupby
from math import fsum, sqrt
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from kpi.errors import UnknownName
from kpi.events import DIMENSIONS
from kpi.metrics import Kpi
from kpi.mix import Group, Part
from kpi.periods import EVERY, Comparison, Dates, Every, compared_with, following, period_compared_with, start_of
from kpi.store import State, limits_of
from kpi.survival import Durations, kaplan_meier_quantile, observed_quantile
from kpi.targets import relative_change
from kpi.uncertainty import between_variance, normal, standard_deviation, wilson

GROUPS = {name: name for name in (*DIMENSIONS, "source", "disposition")} | {"score": "satisfaction_points / 10000.0"}
"""What one can group by, and its expression; `score` is the survey answer."""

PERIODS = {every: f"CAST(date_trunc('{every}', {{on}}) AS DATE)" for every in EVERY} | {None: "CAST(NULL AS DATE)"}
"""The first day of the period an attribution date falls in."""

NOT_MEASURED = "not_measured"
"""Left out because the event's source does not give the columns."""

FILTERS = (*DIMENSIONS, "source", "disposition")
Parts = dict[Group, Part]

Flow = tuple[date, int, int]
"""A day, by how many the open events change on it, and how many were opened whose end has no moment."""

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
    of squares of the numerator. `bounds` is where the value can still go when the `undetermined` events are known,
    `interval` the 95 % interval. `observed` is a quantile over ended events alone.
    """

    kpi: Kpi
    period: date | None
    group: tuple[str, ...]
    value: float | None
    numerator: float | None
    n: int
    squares: float | None
    undetermined: int
    left_out: Mapping[str, int]
    bounds: tuple[float, float] | None
    interval: tuple[float, float] | None
    deviation: float | None
    observed: float | None
    is_complete: bool

    @property
    def is_enough(self) -> bool:
        """Whether there are enough events to show it in full."""
        return self.n >= self.kpi.floor

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
    ratios = [kpi for kpi in question.kpis if kpi.aggregate == "ratio"]
    for on in dict.fromkeys(kpi.on for kpi in ratios):
        together = tuple(kpi for kpi in ratios if kpi.on == on)
        found |= _ratios(state, replace(question, kpis=together))
    for kpi in question.kpis:
        match kpi.aggregate:
            case "quantile":
                found[kpi.name] = _quantiles(state, question, kpi)
            case "stock":
                found[kpi.name] = _stock(state, question, kpi)
            case "spread":
                found[kpi.name] = _spread(state, question, kpi)
    return [one for kpi in question.kpis for one in found[kpi.name]]


def total(state: State, question: Question) -> Answer:
    """The one figure of a question without periods and groups."""
    answers = answer(state, question)
    kpi = question.kpis[0]
    return answers[0] if answers else replace(nothing(kpi), is_complete=_is_complete(state, question, kpi, None))


def nothing(kpi: Kpi) -> Answer:
    """No event at all: no value, which is not 0."""
    return Answer(
        kpi=kpi, period=None, group=(), value=None, numerator=None, n=0, squares=None, undetermined=0, left_out={},
        bounds=None, interval=None, deviation=None, observed=None, is_complete=True,
    )  # fmt: skip


def complete_until(state: State, kpi: Kpi, within_minutes: float | None) -> date:
    """The first local day whose figures of this KPI can still change as time goes on."""
    settled = state.as_of - _unsettled(state, kpi, within_minutes)
    return min(settled.astimezone(ZoneInfo(zone)).date() for zone in state.zones)


def _unsettled(state: State, kpi: Kpi, within_minutes: float | None) -> timedelta:
    """How long an outcome may change after its date of attribution: the first-contact window, or the longest limit."""
    match kpi.settles:
        case "at_once":
            return timedelta()
        case "after_window":
            return timedelta(days=state.settings.definitions.first_contact_window_days)
        case "after_limit":
            duration = "resolution_time" if kpi.name == "resolution_time" else "response_time"
            limits = [limit.seconds for limit in limits_of(state.settings) if limit.kpi == duration]
            return timedelta(seconds=max(limits, default=0)) if within_minutes is None else timedelta(minutes=within_minutes)


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
    sums = [_sums(kpi, lacks=bool(state.lacking(kpi)), place=place) for place, kpi in enumerate(question.kpis)]
    columns = [f"{sql} AS {name}_{place}" for place, found in enumerate(sums) for name, sql in found.items()]
    rows = _grouped(state, question, question.kpis[0].on, columns)
    return {
        kpi.name: [_ratio(state, question, kpi, row, {name: row[f"{name}_{place}"] for name in sums[place]}) for row in rows]
        for place, kpi in enumerate(question.kpis)
    }


def _sums(kpi: Kpi, *, lacks: bool, place: int) -> dict[str, str]:
    """The sums a KPI needs: integers, never NULL, so that they add up in any order.

    Events of sources that lack its columns are in none of them but `not_measured`.
    """
    given = f"source NOT IN (SELECT unnest($lacking_{place})) AND " if lacks else ""
    value = f"CAST({kpi.numerator} AS HUGEINT)"
    sums = {
        "numerator": f"coalesce(sum({value}) FILTER (WHERE {given}({kpi.denominator})), 0)",
        "denominator": f"count(*) FILTER (WHERE {given}({kpi.denominator}))",
        "undetermined": f"count(*) FILTER (WHERE {given}({kpi.undetermined}))",
    }
    if kpi.unit != "share":
        sums["squares"] = f"coalesce(sum({value} * {value}) FILTER (WHERE {given}({kpi.denominator})), 0)"
    sums |= {code: f"count(*) FILTER (WHERE {given}({condition}))" for code, condition in kpi.left_out}
    return sums | ({NOT_MEASURED: f"count(*) FILTER (WHERE source IN (SELECT unnest($lacking_{place})))"} if lacks else {})


def _grouped(state: State, question: Question, on: str, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of period, group and the given aggregates; the only SQL that is built, from the entries of this package alone."""
    period = PERIODS[question.every].format(on=on)
    keys = [f"{period} AS period", *(f"{GROUPS[name]} AS {name}" for name in question.by)]
    kept = [f"AND {name} IN (SELECT unnest($where_{name}))" for name in effective_filters(question)]
    statement = f"""
        SELECT {", ".join([*keys, *columns])}
        FROM events
        WHERE {on} >= $start AND {on} < $end {" ".join(kept)}
        GROUP BY ALL
        ORDER BY ALL
    """  # noqa: S608 (every part is a constant of this package, looked up by name)
    lacking = {f"lacking_{place}": list(state.lacking(kpi)) for place, kpi in enumerate(question.kpis)}
    return _rows(state, statement, _values(question) | lacking | {"start": question.dates.start, "end": question.dates.end})


def effective_filters(question: Question) -> dict[str, tuple[str, ...]]:
    """The asked filters; only normal events unless dispositions are asked for by name."""
    return {"disposition": ("normal",)} | {name: tuple(values) for name, values in question.where.items()}


def _values(question: Question) -> dict[str, Any]:
    seconds = None if question.within_minutes is None else round(question.within_minutes * 60)
    return {f"where_{name}": list(values) for name, values in effective_filters(question).items()} | {"within_seconds": seconds}


def _measured_only(state: State, question: Question, kpi: Kpi) -> Question:
    """The question without the sources that lack the KPI's columns; for the aggregates that do not say what they left out."""
    lacking = state.lacking(kpi)
    if not lacking:
        return question
    asked = question.where.get("source", tuple(state.columns_of))
    return replace(question, where={**question.where, "source": tuple(name for name in asked if name not in lacking)})


def _rows(state: State, statement: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    every_value = dict(values) | {"as_of": state.as_of}
    cursor = state.cursor()
    used = {name: value for name, value in every_value.items() if f"${name}" in statement}
    result = cursor.execute(statement, used)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _ratio(state: State, question: Question, kpi: Kpi, row: Mapping[str, Any], sums: Mapping[str, int]) -> Answer:
    return _of_sums(
        kpi,
        period=row["period"],
        group=_group(question, row),
        numerator=sums["numerator"] / kpi.per,
        n=sums["denominator"],
        squares=sums.get("squares", sums["numerator"]) / kpi.per**2,
        undetermined=sums["undetermined"],
        left_out={code: sums[code] for code in (*(code for code, _ in kpi.left_out), NOT_MEASURED) if code in sums},
        is_complete=_is_complete(state, question, kpi, row["period"]),
    )


def combined(kpi: Kpi, answers: Iterable[Answer], period: date | None) -> Answer:
    """The figure of several together: their sums added, never their values averaged. Only for ratios."""
    parts = [one for one in answers if one.kpi.name == kpi.name]
    return _of_sums(
        kpi,
        period=period,
        group=(),
        numerator=fsum(one.numerator or 0.0 for one in parts),
        n=sum(one.n for one in parts),
        squares=fsum(one.squares or 0.0 for one in parts),
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
    numerator: float,
    n: int,
    squares: float,
    undetermined: int,
    left_out: Mapping[str, int],
    is_complete: bool,
) -> Answer:
    value = numerator / n if n else None
    deviation = _deviation(kpi, numerator, squares, n)
    return Answer(
        kpi=kpi,
        period=period,
        group=group,
        value=value,
        numerator=numerator,
        n=n,
        squares=squares,
        undetermined=undetermined,
        left_out=left_out,
        bounds=_bounds(kpi, numerator, n, undetermined),
        interval=_interval(kpi, value, numerator, deviation, n),
        deviation=deviation,
        observed=None,
        is_complete=is_complete,
    )


def _deviation(kpi: Kpi, numerator: float, squares: float, n: int) -> float | None:
    """Sample deviation of one event's value; of points, the population's, as their standard error is defined (KPIS: NPS)."""
    if kpi.unit == "share":
        return None
    if kpi.unit == "points":
        return sqrt(max(0.0, squares / n - (numerator / n) ** 2)) if n > 1 else None
    return standard_deviation(numerator, squares, n)


def _interval(kpi: Kpi, value: float | None, numerator: float, deviation: float | None, n: int) -> tuple[float, float] | None:
    if kpi.unit == "share":
        return wilson(numerator, n)
    return None if value is None or deviation is None else normal(value, deviation, n)


def _bounds(kpi: Kpi, numerator: float, n: int, undetermined: int) -> tuple[float, float] | None:
    if not undetermined:
        return None
    lowest, highest = kpi.range
    return (numerator + undetermined * lowest) / (n + undetermined), (numerator + undetermined * highest) / (n + undetermined)


def _group(question: Question, row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple("" if row[name] is None else f"{row[name]:g}" if isinstance(row[name], float) else str(row[name]) for name in question.by)


def _is_complete(state: State, question: Question, kpi: Kpi, period: date | None) -> bool:
    """Whether nothing of the period is missing: cut off by the asked days, or not over yet."""
    limit = complete_until(state, kpi, question.within_minutes)
    if period is None or question.every is None:
        return question.dates.end <= limit
    return question.dates.start <= period and following(period, question.every) <= min(question.dates.end, limit)


def _quantiles(state: State, question: Question, kpi: Kpi) -> list[Answer]:
    left_out = [f"count(*) FILTER (WHERE {condition}) AS {code}" for code, condition in kpi.left_out]
    columns = [
        f"coalesce({kpi.numerator}, {kpi.undetermined}) AS seconds",
        f"count({kpi.numerator}) AS ended",
        f"count({kpi.undetermined}) AS still_open",
        *left_out,
    ]
    rows = _grouped(state, _measured_only(state, question, kpi), kpi.on, columns)
    return [_quantile(state, question, kpi, list(group)) for _, group in groupby(rows, lambda row: (row["period"], _group(question, row)))]


def _quantile(state: State, question: Question, kpi: Kpi, rows: list[dict[str, Any]]) -> Answer:
    timed = [row for row in rows if row["seconds"] is not None]
    durations = Durations(*(np.array([row[name] for row in timed], dtype=np.int64) for name in ("seconds", "ended", "still_open")))
    value, observed = (estimate(durations, kpi.probability) for estimate in (kaplan_meier_quantile, observed_quantile))
    return replace(
        nothing(kpi),
        period=rows[0]["period"],
        group=_group(question, rows[0]),
        value=None if value is None else value / kpi.per,
        n=int(durations.ended.sum()),
        undetermined=int(durations.still_open.sum()),
        left_out={code: sum(row[code] for row in rows) for code, _ in kpi.left_out},
        observed=None if observed is None else observed / kpi.per,
        is_complete=_is_complete(state, question, kpi, rows[0]["period"]),
    )


def _stock(state: State, question: Question, kpi: Kpi) -> list[Answer]:
    """Open events at the end of each period: all opened before it less all ended before it; what ended who knows when is neither."""
    [(_, unknown)] = kpi.left_out
    counts = [f"count(*) FILTER (WHERE NOT ({unknown})) AS count", f"count(*) FILTER (WHERE {unknown}) AS unknown"]
    changes: dict[tuple[str, ...], list[Flow]] = {}
    everything = replace(question, every="day", dates=Dates(ALWAYS.start, question.dates.end))
    for on, sign in (("opened_on", 1), ("ended_on", -1)):
        for row in _grouped(state, everything, on, counts):
            changes.setdefault(_group(question, row), []).append((row["period"], sign * row["count"], row["unknown"]))
    answers = [one for group, flows in changes.items() for one in _levels(state, question, kpi, group, sorted(flows))]
    return sorted(answers, key=lambda one: (one.period or date.min, one.group))


def _levels(state: State, question: Question, kpi: Kpi, group: tuple[str, ...], flows: list[Flow]) -> Iterator[Answer]:
    """A running total of the daily changes, read at the end of each period."""
    days = [day for day, _, _ in flows]
    totals = [0, *accumulate(count for _, count, _ in flows)]
    unknown = [0, *accumulate(count for _, _, count in flows)]
    for period, end in _ends(state, question, flows):
        place = bisect_left(days, end)
        yield replace(_level(state, question, kpi, period, group, totals[place]), left_out={kpi.left_out[0][0]: unknown[place]})


def _ends(state: State, question: Question, flows: Iterable[Flow]) -> Iterator[tuple[date | None, date]]:
    if question.every is None:
        yield None, question.dates.end
        return
    last = min(question.dates.end, state.known_on + timedelta(days=1))
    period = start_of(max(question.dates.start, min(day for day, _, _ in flows)), question.every)
    while period < last:
        yield period, following(period, question.every)
        period = following(period, question.every)


def _level(state: State, question: Question, kpi: Kpi, period: date | None, group: tuple[str, ...], count: int) -> Answer:
    complete = _is_complete(state, replace(question, dates=Dates(ALWAYS.start, question.dates.end)), kpi, period)
    return replace(nothing(kpi), period=period, group=group, value=float(count), numerator=float(count), n=count, is_complete=complete)


def _spread(state: State, question: Question, kpi: Kpi) -> list[Answer]:
    columns = [f"{sql} AS {name}" for name, sql in _sums(kpi, lacks=False, place=0).items()]
    by_store = replace(_measured_only(state, question, kpi), by=(*(name for name in question.by if name != "store"), "store"))
    rows = _grouped(state, by_store, kpi.on, columns)
    keyed = groupby(rows, lambda row: (row["period"], _group(question, row)))
    return [_deviation_between(state, question, kpi, list(stores)) for _, stores in keyed]


def _deviation_between(state: State, question: Question, kpi: Kpi, stores: list[dict[str, Any]]) -> Answer:
    """DerSimonian-Laird over the stores with enough events, each with the sampling variance of the pooled share."""
    enough = [row for row in stores if row["denominator"] >= kpi.floor]
    n = np.array([row["denominator"] for row in enough], dtype=float)
    passed = np.array([row["numerator"] for row in enough], dtype=float)
    pooled = passed.sum() / n.sum() if len(enough) else 0.0
    measurable = len(enough) >= 2 and 0 < pooled < 1
    return replace(
        nothing(kpi),
        period=stores[0]["period"],
        group=_group(question, stores[0]),
        value=sqrt(between_variance(passed / n, pooled * (1 - pooled) / n)) if measurable else 0.0 if len(enough) >= 2 else None,
        n=int(n.sum()),
        undetermined=sum(row["undetermined"] for row in stores),
        left_out={code: sum(row[code] for row in stores) for code, _ in kpi.left_out},
        is_complete=_is_complete(state, question, kpi, stores[0]["period"]),
    )


def parts_compared(state: State, question: Question, comparison: Comparison) -> tuple[Parts, Parts]:
    """The sums of every group of a question with one KPI, in the earlier range and in its own."""
    earlier = replace(question, dates=compared_with(question.dates, comparison))
    return _parts(answer(state, earlier)), _parts(answer(state, question))


def _parts(answers: Sequence[Answer]) -> Parts:
    return {one.group: Part(one.numerator, one.n) for one in answers if one.numerator is not None}
