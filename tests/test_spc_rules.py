"""Each rule: a table with the case just short of it, gaps, and mirrored points with mirrored marks."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.spc.charts import BY_NAME as CHARTS_BY_NAME
from kpi.spc.rules import LIMIT_SIGMAS, RULES, RUN_LENGTH, Rule, beyond_limits, run_on_one_side
from tests.test_spc_charts import counted

GAP = float("nan")
INFINITE = float("inf")


def marks(rule: Any, z: list[float]) -> list[int]:
    return rule(np.array([z]))[0].tolist()


@pytest.mark.parametrize(
    ("z", "expected"),
    [
        ([0.0, 2.9, -2.9], [0, 0, 0]),
        ([3.0, -3.0], [0, 0]),
        ([3.001, -3.001], [1, -1]),
        ([0.0, 3.5, GAP, -4.0], [0, 1, 0, -1]),
        ([INFINITE, -INFINITE], [1, -1]),
        ([GAP, GAP], [0, 0]),
        ([], []),
    ],
)
def test_a_point_strictly_beyond_a_limit_is_marked_and_one_on_it_is_not(z: list[float], expected: list[int]) -> None:
    assert marks(beyond_limits, z) == expected


@pytest.mark.parametrize(
    ("z", "expected"),
    [
        ([1.0] * 8, [0] * 8),
        ([1.0] * 9, [1] * 9),
        ([-0.1] * 9, [-1] * 9),
        ([-1.0, *[1.0] * 9, -1.0], [0, *[1] * 9, 0]),
        ([1.0] * 12, [1] * 12),
        ([*[1.0] * 8, -1.0, *[1.0] * 8], [0] * 17),
        ([*[1.0] * 8, 0.0, 1.0], [0] * 10),
        ([*[1.0] * 8, GAP, 1.0], [0] * 10),
        ([*[1.0] * 9, *[-1.0] * 9], [*[1] * 9, *[-1] * 9]),
        ([*[1.0] * 9, *[-1.0] * 8], [*[1] * 9, *[0] * 8]),
        ([INFINITE] * 9, [1] * 9),
        ([0.0] * 20, [0] * 20),
        ([GAP] * 20, [0] * 20),
        ([], []),
    ],
)
def test_nine_in_a_row_on_one_side_are_marked_and_eight_are_not(z: list[float], expected: list[int]) -> None:
    assert marks(run_on_one_side, z) == expected


Z = st.lists(st.one_of(st.sampled_from([0.0, 1.0, -1.0, 3.0, -3.0, GAP, INFINITE]), st.floats(-5, 5)), max_size=30)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@given(z=Z)
def test_mirrored_points_have_mirrored_marks(rule: Rule, z: list[float]) -> None:
    assert marks(rule.marks, [-one for one in z]) == [-one for one in marks(rule.marks, z)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@given(z=Z)
def test_points_in_reverse_have_the_marks_in_reverse(rule: Rule, z: list[float]) -> None:
    assert marks(rule.marks, z[::-1]) == marks(rule.marks, z)[::-1]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@given(z=Z)
def test_a_mark_is_on_the_side_of_its_point_and_never_on_a_gap(rule: Rule, z: list[float]) -> None:
    for value, mark in zip(z, marks(rule.marks, z), strict=True):
        assert mark in (0, np.sign(np.nan_to_num(value)))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_series_is_judged_alone(rule: Rule) -> None:
    z = np.array([[1.0] * 9 + [4.0], [-1.0] * 9 + [GAP], [0.0] * 10])
    assert [marks(rule.marks, row) for row in z.tolist()] == rule.marks(z).tolist()


def test_the_numbers_in_the_sentences_are_those_in_the_code() -> None:
    assert f"more than {LIMIT_SIGMAS:g} sigma" in RULES[0].definition
    assert "nine points in a row" in RULES[1].definition
    assert RUN_LENGTH == 9


def test_a_share_one_event_beyond_its_limit_is_marked() -> None:
    sums = counted([50] * 18 + [66, 34], [100] * 20)
    centre, sigma = CHARTS_BY_NAME["p"].lines(sums)
    assert beyond_limits((sums.value - centre) / sigma)[0].tolist() == [0] * 18 + [1, -1]
