"""Series for the tests of control charts, and a chart whose centre and sigma are known."""

from typing import Any

import numpy as np

from kpi.spc.charts import ChartType, Lines, Sums
from kpi.spc.conventions import EXACT, Convention
from kpi.spc.judging import Judgement, Scope, judge
from kpi.spc.rules import GRADED, Rule
from kpi.spc.scales import LINEAR

NO_DAY = -1


def rows(values: Any) -> np.ndarray:
    """Series x time of one series or several; None is a gap."""
    return np.atleast_2d(np.array(values, dtype=float))


def weekdays(length: int, *, daily: bool) -> np.ndarray:
    return (np.arange(length) % 7 if daily else np.full(length, NO_DAY)).astype(np.int8)


def in_baseline(value: np.ndarray, count: int | None) -> np.ndarray:
    return np.broadcast_to(np.arange(value.shape[1]) < (value.shape[1] if count is None else count), value.shape).copy()


def singles(values: Any, baseline: int | None = None, *, daily: bool = False) -> Sums:
    value = rows(values)
    known = np.isfinite(value).astype(float)
    filled = np.where(known > 0, value, 0)
    weekday = weekdays(value.shape[1], daily=daily)
    return Sums(value, filled, known, filled**2, in_baseline(value, baseline), weekday, "none", LINEAR)


def shares(above: Any, n: Any, baseline: int | None = None, *, daily: bool = False) -> Sums:
    """n = 0 is a gap."""
    numerator, events = rows(above), rows(n)
    value = np.divide(numerator, events, out=np.full(events.shape, np.nan), where=events > 0)
    weekday = weekdays(value.shape[1], daily=daily)
    return Sums(value, numerator, events, numerator, in_baseline(value, baseline), weekday, "shares", LINEAR)


def means(groups: Any, baseline: int | None = None) -> Sums:
    """One series of groups of values; an empty group is a gap."""
    n, total = rows([len(one) for one in groups]), rows([sum(one) for one in groups])
    squares = rows([sum(value * value for value in one) for one in groups])
    value = np.divide(total, n, out=np.full(n.shape, np.nan), where=n > 0)
    return Sums(value, total, n, squares, in_baseline(value, baseline), weekdays(n.shape[1], daily=False), "pooled", LINEAR)


def _known(sums: Sums, convention: Convention) -> Lines:
    del convention
    one = np.ones((len(sums.value), 1))
    nothing = np.zeros(sums.value.shape)
    return Lines(sums.value, nothing, nothing + 1, LINEAR, np.zeros((1, 1)), np.inf * one, 0 * one)


KNOWN = ChartType(
    name="known",
    label="known",
    reason="centre 0 and sigma 1 are known",
    equation="0 +- 3",
    source="the test",
    needs="values",
    has_memory=False,
    lines=_known,
)


def judged(
    sums: Sums, chart: ChartType = KNOWN, rules: tuple[Rule, ...] = GRADED.rules, convention: Convention = EXACT, **scope: Any
) -> Judgement:
    """Everything in one phase, everything judged, every change large enough, unless the scope says so."""
    whole = {
        "phase": np.zeros(sums.value.shape, dtype=np.int64),
        "points": np.ones(sums.value.shape, dtype=bool),
        "lowest": -np.inf,
        "highest": np.inf,
        "smallest": 0.0,
        "is_relative": False,
    }
    return judge(sums, chart, rules, convention, Scope(**(whole | scope)))
