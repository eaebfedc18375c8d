"""What was judged before, so that new data costs only the series that changed."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from kpi.spc.charts import ChartType, Sums
from kpi.spc.conventions import Convention
from kpi.spc.judging import Judgement, Scope, judge
from kpi.spc.marks import Marked
from kpi.spc.rules import Rule

Flags = NDArray[np.bool_]

PER_POINT = ("value", "numerator", "n", "squares", "baseline")


@dataclass(frozen=True)
class Judged:
    """A judgement and what it was of."""

    sums: Sums
    scope: Scope
    judgement: Judgement


def judge_again(
    before: Judged | None, sums: Sums, chart: ChartType, rules: Iterable[Rule], convention: Convention, scope: Scope
) -> Judgement:
    """As `judge`, but series that are as they were keep their judgement.

    Only while nothing that all of them share can have changed: the same times, one phase, and no change within a baseline,
    on which the pooled autocorrelation rests. `before` must be of the same chart, rules and convention.
    """
    if before is None or not _is_comparable(before, sums, scope):
        return judge(sums, chart, rules, convention, scope)
    changed = _changed(before, sums, scope)
    if not changed.any():
        return before.judgement
    shared = replace(convention, autocorrelation=float(before.judgement.autocorrelation[0, -1]))
    part = replace(sums, **{name: getattr(sums, name)[changed] for name in PER_POINT})
    return _spliced(before.judgement, judge(part, chart, rules, shared, _rows(scope, changed)), changed)


def _is_comparable(before: Judged, sums: Sums, scope: Scope) -> bool:
    old = before.sums
    if old.value.shape != sums.value.shape or scope.phase.any() or before.scope.phase.any():
        return False
    settings = ("lowest", "highest", "smallest", "is_relative")
    same = [getattr(before.scope, name) == getattr(scope, name) for name in settings]
    same += [old.chance == sums.chance, old.scale is sums.scale, np.array_equal(old.weekday, sums.weekday)]
    return all(same) and all(
        np.array_equal(np.where(sums.baseline, getattr(sums, name), 0), np.where(old.baseline, getattr(old, name), 0), equal_nan=True)
        for name in PER_POINT
    )


def _changed(before: Judged, sums: Sums, scope: Scope) -> Flags:
    """The series of which any point is not as it was."""
    found = (before.scope.points != scope.points).any(axis=1)
    for name in PER_POINT:
        old, new = getattr(before.sums, name), getattr(sums, name)
        found |= ~((old == new) | (np.isnan(old) & np.isnan(new))).all(axis=1)
    return found


def _rows(scope: Scope, rows: Flags) -> Scope:
    return replace(scope, phase=scope.phase[rows], points=scope.points[rows])


def _spliced(old: Judgement, new: Judgement, rows: Flags) -> Judgement:
    def joined(before: NDArray, now: NDArray) -> NDArray:
        found = np.array(before)
        found[rows] = now
        return found

    arrays = {one.name: joined(getattr(old, one.name), getattr(new, one.name)) for one in fields(Judgement) if one.name != "marks"}
    marks = {
        name: Marked(joined(marked.completing, new.marks[name].completing), joined(marked.members, new.marks[name].members))
        for name, marked in old.marks.items()
    }
    return Judgement(**arrays, marks=marks)
