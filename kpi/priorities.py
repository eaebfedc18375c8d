"""What to improve first: where the service got clearly harder and customers recommend it less."""

from dataclasses import dataclass, replace

from kpi.metrics import find
from kpi.periods import Comparison, compared_with
from kpi.report import Answer, Question, answer, on_complete_days
from kpi.store import State
from kpi.targets import TOLERANCE

EFFORT_RISE = 0.30
"""Effort must exceed its baseline by more than this share..."""

RECOMMENDATION_FALL = 5.0
"""... and recommendation must have fallen by at least this many points."""


@dataclass(frozen=True)
class Priority:
    """One group with both figures, now and in the range before; `work_order` says that both moved enough, on enough answers."""

    group: tuple[str, ...]
    effort: Answer
    effort_before: Answer
    recommendation: Answer
    recommendation_before: Answer

    @property
    def work_order(self) -> bool:
        if not all(one.is_enough for one in (self.effort, self.effort_before, self.recommendation, self.recommendation_before)):
            return False
        values = (self.effort.value, self.effort_before.value, self.recommendation.value, self.recommendation_before.value)
        effort, baseline, now, before = values
        if effort is None or baseline is None or now is None or before is None:
            return False
        return needs_work(effort, baseline, now - before)


def needs_work(effort: float, baseline: float, recommendation_change: float) -> bool:
    """The rule itself; effort is on an axis where higher is harder. Exactly 30 % more is not enough, exactly 5 points less is."""
    return effort > baseline * (1 + EFFORT_RISE) + TOLERANCE and recommendation_change <= -RECOMMENDATION_FALL + TOLERANCE


def priorities(state: State, question: Question, comparison: Comparison) -> list[Priority]:
    """Every group of the question that has both figures on complete days of both ranges, work orders first."""
    asked = on_complete_days(state, replace(question, kpis=(find("effort"), find("recommendation")), every=None))
    now = {(one.kpi.name, one.group): one for one in answer(state, asked)}
    before = {(one.kpi.name, one.group): one for one in answer(state, replace(asked, dates=compared_with(asked.dates, comparison)))}
    found = [
        Priority(group, now[name, group], before[name, group], now["recommendation", group], before["recommendation", group])
        for name, group in now
        if name == "effort" and (name, group) in before and ("recommendation", group) in now and ("recommendation", group) in before
    ]
    return sorted(found, key=lambda one: (not one.work_order, one.group))
