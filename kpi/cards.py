"""A KPI at a glance: its figure, where it stands, how it moved, and its recent course."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from kpi.browse import first_day
from kpi.completeness import complete_until
from kpi.limits import Limit, limits_of
from kpi.metrics import HEADLINES, LIMITED, Kpi, chosen, find, missing
from kpi.periods import Comparison, Dates, Every, compared_with, start_of, starts
from kpi.report import ALWAYS, SUMMED, Answer, Change, Question, answer, combined, nothing, total
from kpi.standing import NO_TARGET, Standing, standing
from kpi.store import State

MOST_COURSE_POINTS = 92
WEEK = 7
ADDABLE = (*SUMMED, "stock")

STAND_INS: dict[str, tuple[str, ...]] = {
    "response_time": ("resolution_time_median", "handling_time"),
    "first_contact_resolution": ("reopen_rate", "resolution_rate"),
    "accuracy": ("on_time", "agreement_met", "success_rate"),
    "satisfaction": ("recommendation", "effort", "complaint_rate"),
    "cost_per_service": ("abandonment_rate",),
    "open_events": (),
}
"""Which KPI of the same theme is shown when a headline is not measured: the first that is."""


@dataclass(frozen=True)
class Card:
    """`course` are the recent periods of `every`, gaps included; `beside` the figures to read it with; `missing` the columns
    without which the KPI is not measured.

    `complete_until` is the first day that can still change; `begins` the first day of the data, where they begin too late for
    the comparison; `limit` the time within which an event counts, of the KPIs that have one.
    """

    kpi: Kpi
    figure: Answer
    standing: Standing
    change: Change | None
    course: tuple[Answer, ...]
    every: Every
    beside: tuple[Answer, ...]
    missing: tuple[str, ...]
    complete_until: date
    begins: date | None
    limit: Limit | None

    @property
    def is_empty(self) -> bool:
        """Whether it knows of no event at all, counted or not."""
        figure = self.figure
        return not (figure.n or figure.undetermined or any(figure.left_out.values()))


def headlines(state: State) -> tuple[tuple[Kpi, ...], tuple[Kpi, ...]]:
    """The KPIs of the first page that are measured, another of the same theme standing in; and those that are not measured."""
    variant = state.settings.definitions.first_contact_variant
    wanted = {name: chosen(name, variant, state.measured) for name in HEADLINES}
    lacking = {name: kpi for name, kpi in wanted.items() if missing(kpi, state.measured)}
    shown = (_stand_in(state, name) if name in lacking else kpi for name, kpi in wanted.items())
    return tuple(kpi for kpi in shown if kpi), tuple(lacking.values())


def _stand_in(state: State, name: str) -> Kpi | None:
    return next((find(other) for other in STAND_INS[name] if not missing(find(other), state.measured)), None)


def limit_of(state: State, kpi: Kpi) -> Limit | None:
    """The time limit a KPI counts by on the newest day; None where there is none to set."""
    if kpi.settles != "after_limit":
        return None
    name = kpi.name if kpi.name in LIMITED else LIMITED[0]
    return next((one for one in limits_of(state.settings) if one.kpi == name and one.starts_on <= state.known_on <= one.ends_on), None)


def cards(state: State, question: Question, comparison: Comparison) -> list[Card]:
    """A card for each KPI of the question. One pass over the events serves all of them: days add up to any range."""
    measured = tuple(kpi for kpi in question.kpis if not missing(kpi, state.measured))
    beside = tuple(find(name) for kpi in measured for name in kpi.beside if not missing(find(name), state.measured))
    asked = tuple(dict.fromkeys((*measured, *(kpi for kpi in beside if kpi.aggregate in ADDABLE))))
    dates = question.dates
    start = dates.start if dates.start == ALWAYS.start else min(dates.start, compared_with(dates, comparison).start)
    early = start if start == ALWAYS.start else start - timedelta(days=WEEK)
    days = answer(state, replace(question, kpis=asked, every="day", by=(), dates=Dates(early, dates.end)))
    of_kpi = {kpi.name: [one for one in days if one.kpi.name == kpi.name] for kpi in (*asked, *beside)}
    whole = [_figure(state, question, kpi, _within(of_kpi[kpi.name], dates)) for kpi in beside]
    return [
        _card(state, question, kpi, of_kpi[kpi.name], whole, comparison) if kpi in measured else _unmeasured(state, kpi)
        for kpi in question.kpis
    ]


def _unmeasured(state: State, kpi: Kpi) -> Card:
    return Card(
        kpi=kpi,
        figure=nothing(kpi),
        standing=NO_TARGET,
        change=None,
        course=(),
        every="day",
        beside=(),
        missing=missing(kpi, state.measured),
        complete_until=state.known_on,
        begins=None,
        limit=None,
    )


def _card(state: State, question: Question, kpi: Kpi, days: Sequence[Answer], whole: Sequence[Answer], comparison: Comparison) -> Card:
    inside = _within(days, question.dates)
    every: Every = "day" if len(inside) <= MOST_COURSE_POINTS else "week"
    until = complete_until(state, kpi, question.within_minutes)
    begins = begins_late(state, Dates(question.dates.start, min(question.dates.end, until)), comparison)
    return Card(
        kpi=kpi,
        figure=_figure(state, question, kpi, inside),
        standing=standing(state, question, kpi),
        change=None if begins else _change(state, question, kpi, days, comparison),
        course=tuple(_course(question, kpi, inside, every)),
        every=every,
        beside=tuple(one for one in whole if one.kpi.name in kpi.beside),
        missing=(),
        complete_until=until,
        begins=begins,
        limit=limit_of(state, kpi),
    )


def begins_late(state: State, dates: Dates, comparison: Comparison) -> date | None:
    """The first day of the data, when they do not reach back to the days these are compared with: half of them is no comparison."""
    first = first_day(state)
    return first if dates.start != ALWAYS.start and compared_with(dates, comparison).start < first else None


def _figure(state: State, question: Question, kpi: Kpi, inside: Sequence[Answer]) -> Answer:
    """The figure of all days: ratios and stocks from their days, what cannot be added up asked for once more."""
    return _together(kpi, inside) if kpi.aggregate in ADDABLE else total(state, replace(question, kpis=(kpi,), every=None, by=()))


def _course(question: Question, kpi: Kpi, inside: Sequence[Answer], every: Every) -> Iterator[Answer]:
    """One figure a period; a period without events is a gap."""
    if not inside:
        return
    parts: dict[date, list[Answer]] = {}
    for one in inside:
        parts.setdefault(start_of(one.period or question.dates.start, every), []).append(one)
    for period in starts(Dates(min(parts), question.dates.end), every):
        yield replace(_together(kpi, parts.get(period, [])), period=period)


def _within(days: Sequence[Answer], dates: Dates) -> list[Answer]:
    return [one for one in days if one.period is not None and dates.start <= one.period < dates.end]


def _together(kpi: Kpi, days: Sequence[Answer]) -> Answer:
    """Ratios add up; a stock is what it is on the last day."""
    if not days:
        return nothing(kpi)
    return combined(kpi, days, None) if kpi.aggregate in SUMMED else days[-1]


def _change(state: State, question: Question, kpi: Kpi, days: Sequence[Answer], comparison: Comparison) -> Change | None:
    """Complete days against the earlier range of the same length; None when there is none."""
    dates = Dates(question.dates.start, min(question.dates.end, complete_until(state, kpi, question.within_minutes)))
    if dates.days <= 0 or dates.start == ALWAYS.start:
        return None
    before = _weekday_true(kpi, dates, compared_with(dates, comparison))
    now, earlier = (_figure(state, replace(question, dates=one), kpi, _within(days, one)) for one in (dates, before))
    return Change(now, earlier, before) if earlier.n and now.is_complete and earlier.is_complete else None


def _weekday_true(kpi: Kpi, dates: Dates, before: Dates) -> Dates:
    """A stock is read on the last day: one that falls every weekend must be held against the same weekday, a week ago at least."""
    if kpi.aggregate != "stock":
        return before
    weeks = max(1, (dates.end - before.end).days // WEEK)
    end = dates.end - timedelta(days=WEEK * weeks)
    return Dates(end - timedelta(days=dates.days), end)
