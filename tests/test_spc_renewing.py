"""What is judged anew is what it would be had everything been: whichever series changed, and however."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi.spc.catalogue import BY_NAME
from kpi.spc.charts import Sums
from kpi.spc.conventions import EXACT
from kpi.spc.judging import Judgement, Scope, judge
from kpi.spc.renewing import Judged, judge_again
from kpi.spc.rules import GRADED
from tests.spc_judged import shares

SERIES, TIMES, BASELINE = 6, 60, 40
WHOLE = Scope(np.zeros((SERIES, TIMES), dtype=np.int64), np.ones((SERIES, TIMES), dtype=bool), 0.0, 1.0, 0.0, is_relative=False)


def population(seed: int) -> Sums:
    random = np.random.default_rng(seed)
    n = random.integers(20, 300, (SERIES, TIMES))
    return shares(random.binomial(n, 0.9), n, BASELINE, daily=True)


def changed(sums: Sums, series: int, time: int) -> Sums:
    numerator, value = sums.numerator.copy(), sums.value.copy()
    numerator[series, time] = numerator[series, time] // 2
    value[series, time] = numerator[series, time] / sums.n[series, time]
    return replace(sums, numerator=numerator, squares=numerator, value=value)


def equal(one: Judgement, other: Judgement) -> None:
    for field in fields(Judgement):
        if field.name != "marks":
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))
    for name, marked in one.marks.items():
        np.testing.assert_array_equal(marked.completing, other.marks[name].completing)
        np.testing.assert_array_equal(marked.members, other.marks[name].members)


@settings(max_examples=40)
@given(seed=st.integers(0, 99), changes=st.lists(st.tuples(st.integers(0, SERIES - 1), st.integers(0, TIMES - 1)), max_size=4))
@pytest.mark.parametrize("chart", ["between_within", "laney_p"])
def test_judged_anew_is_judged_from_scratch(chart: str, seed: int, changes: list[tuple[int, int]]) -> None:
    before = population(seed)
    known = Judged(before, WHOLE, judge(before, BY_NAME[chart], GRADED.rules, EXACT, WHOLE))
    after = before
    for series, time in changes:
        after = changed(after, series, time)
    found = judge_again(known, after, BY_NAME[chart], GRADED.rules, EXACT, WHOLE)
    equal(found, judge(after, BY_NAME[chart], GRADED.rules, EXACT, WHOLE))


def test_what_has_not_changed_is_not_judged_again() -> None:
    before = population(1)
    known = Judged(before, WHOLE, judge(before, BY_NAME["between_within"], GRADED.rules, EXACT, WHOLE))
    assert judge_again(known, population(1), BY_NAME["between_within"], GRADED.rules, EXACT, WHOLE) is known.judgement
