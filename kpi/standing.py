"""Where a KPI stands against its target, judged on the last complete period of the target's cadence."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from kpi.completeness import complete_until
from kpi.metrics import Kpi
from kpi.periods import Dates, Every, following, period_compared_with, preceding, start_of
from kpi.report import Answer, Question, total
from kpi.store import State
from kpi.targets import Target, relative_change, valid_on

Status = Literal["met", "missed", "alert", "no_target", "not_enough", "no_value"]


@dataclass(frozen=True)
class Standing:
    """The judged period and figure; `measured` is what the target is held against: the value, or the change to last year."""

    status: Status
    target: Target | None
    period: date | None
    answer: Answer | None
    measured: float | None


NO_TARGET = Standing("no_target", None, None, None, None)


def standing(state: State, question: Question, kpi: Kpi) -> Standing:
    """The KPI under the question's filters against the target valid in the last complete period before the end of its dates."""
    limit = min(question.dates.end, complete_until(state, kpi, question.within_minutes))
    judged = _last_judged(state.settings.targets, kpi, limit)
    if judged is None:
        return NO_TARGET
    target, period = judged
    now = _figure(state, question, kpi, period, target.every)
    before = None
    if target.against == "previous_year":
        before = _figure(state, question, kpi, period_compared_with(period, target.every, "previous_year"), target.every)
    return _judged(target, period, now, before)


def _last_judged(targets: Iterable[Target], kpi: Kpi, limit: date) -> tuple[Target, date] | None:
    """The target of the last day before the limit and its last complete period; one too new for any leaves it to the one before."""
    day = limit - timedelta(days=1)
    while target := valid_on(targets, kpi, day):
        period = min(preceding(start_of(limit, target.every), target.every), start_of(day, target.every))
        if target.starts_on <= period:
            return target, period
        day = target.starts_on - timedelta(days=1)
    return None


def _figure(state: State, question: Question, kpi: Kpi, period: date, every: Every) -> Answer:
    dates = Dates(period, following(period, every))
    return total(state, replace(question, kpis=(kpi,), every=None, by=(), dates=dates))


def _judged(target: Target, period: date, now: Answer, before: Answer | None) -> Standing:
    measured = now.value
    if target.against == "previous_year" and now.value is not None:
        measured = None if before is None or before.value is None else relative_change(now.value, before.value)
    if (measured is None and not now.is_not_reached) or not now.is_complete:
        return Standing("no_value", target, period, now, measured)
    if not now.is_enough or (before is not None and not before.is_enough):
        return Standing("not_enough", target, period, now, measured)
    if measured is None:
        return Standing("alert" if target.alert is not None else "missed", target, period, now, None)
    status: Status = "met" if target.met_by(measured) else "alert" if target.alerted_by(measured) else "missed"
    return Standing(status, target, period, now, measured)
