"""A KPI at a glance: its figure, where it stands, how it moved, and its recent course."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from kpi.metrics import Kpi, missing
from kpi.periods import Comparison, Dates, Every, compared_with, start_of
from kpi.report import ALWAYS, Answer, Change, Question, answer, combined, complete_until, nothing
from kpi.standing import NO_TARGET, Standing, standing
from kpi.store import State

MOST_COURSE_POINTS = 92


@dataclass(frozen=True)
class Card:
    """`course` are the recent periods of `every`; `missing` the columns without which the KPI is not measured."""

    kpi: Kpi
    figure: Answer
    standing: Standing
    change: Change | None
    course: tuple[Answer, ...]
    every: Every
    missing: tuple[str, ...]


def cards(state: State, question: Question, comparison: Comparison) -> list[Card]:
    """A card for each KPI of the question. One pass over the events serves all of them: days add up to any range."""
    measured = tuple(kpi for kpi in question.kpis if not missing(kpi, state.measured))
    dates = question.dates
    start = dates.start if dates.start == ALWAYS.start else min(dates.start, compared_with(dates, comparison).start)
    days = answer(state, replace(question, kpis=measured, every="day", by=(), dates=Dates(start, dates.end)))
    return [
        _card(state, question, kpi, [one for one in days if one.kpi.name == kpi.name], comparison)
        if kpi in measured
        else Card(kpi, nothing(kpi), NO_TARGET, None, (), "day", missing(kpi, state.measured))
        for kpi in question.kpis
    ]


def _card(state: State, question: Question, kpi: Kpi, days: Sequence[Answer], comparison: Comparison) -> Card:
    inside = _within(days, question.dates)
    every: Every = "day" if len(inside) <= MOST_COURSE_POINTS else "week"
    periods = groupby(inside, lambda one: start_of(one.period or question.dates.start, every))
    return Card(
        kpi=kpi,
        figure=_together(kpi, inside),
        standing=standing(state, question, kpi),
        change=_change(state, question, kpi, days, comparison),
        course=tuple(replace(_together(kpi, list(part)), period=period) for period, part in periods),
        every=every,
        missing=(),
    )


def _within(days: Sequence[Answer], dates: Dates) -> list[Answer]:
    return [one for one in days if one.period is not None and dates.start <= one.period < dates.end]


def _together(kpi: Kpi, days: Sequence[Answer]) -> Answer:
    """Ratios add up; a stock is what it is on the last day."""
    if not days:
        return nothing(kpi)
    return days[-1] if kpi.aggregate == "stock" else combined(kpi, days, None)


def _change(state: State, question: Question, kpi: Kpi, days: Sequence[Answer], comparison: Comparison) -> Change | None:
    """Complete days against the earlier range of the same length; None when there is none."""
    dates = Dates(question.dates.start, min(question.dates.end, complete_until(state, kpi)))
    if dates.days <= 0 or dates.start == ALWAYS.start:
        return None
    before = compared_with(dates, comparison)
    now, earlier = (_together(kpi, _within(days, one)) for one in (dates, before))
    return Change(now, earlier, dates, before) if earlier.n else None
