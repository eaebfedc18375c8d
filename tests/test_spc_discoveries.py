"""Benjamini and Hochberg: a published example, and a plain oracle in exact fractions."""

from fractions import Fraction
from math import nan
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kpi.spc.discoveries import discoveries

RATES = st.sampled_from([1 / 16, 1 / 8, 1 / 4])
P_VALUES = st.one_of(st.just(nan), st.integers(0, 64).map(lambda number: number / 64))
"""Of few different ones, so that there are ties; all exact in binary, so that the oracle's comparisons are too."""


def named(p_values: list[float], rate: float) -> list[bool]:
    """All up to the largest k with p(k) <= rate k / m; NaN is no test."""
    tests = sorted(Fraction(p) for p in p_values if p == p)
    largest = max((p for k, p in enumerate(tests, start=1) if p <= Fraction(rate) * k / len(tests)), default=Fraction(-1))
    return [p == p and Fraction(p) <= largest for p in p_values]


def test_the_myocardial_infarction_study_names_the_first_four_of_fifteen() -> None:
    """Benjamini and Hochberg 1995, section 4.1: Bonferroni would name three."""
    p_values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert discoveries(np.array(p_values), 0.05).tolist() == [True] * 4 + [False] * 11


def test_a_p_value_above_its_own_step_is_named_with_a_later_one_that_passes() -> None:
    assert discoveries(np.array([0.04, 0.045]), 0.05).all()  # 0.04 > 0.05 / 2, but 0.045 <= 0.05


def test_without_a_test_nothing_is_named() -> None:
    assert discoveries(np.array([]), 0.05).tolist() == []
    assert discoveries(np.array([nan, nan]), 0.05).tolist() == [False, False]


def test_a_missing_p_value_makes_the_others_no_less_sure() -> None:
    assert discoveries(np.array([nan, 0.03, nan]), 0.05).tolist() == [False, True, False]


@given(st.lists(P_VALUES, min_size=1, max_size=20), RATES)
def test_those_named_are_the_ones_of_the_step_up_procedure(p_values: list[float], rate: float) -> None:
    assert discoveries(np.array(p_values), rate).tolist() == named(p_values, rate)


@given(st.lists(st.tuples(P_VALUES, P_VALUES, P_VALUES, P_VALUES), min_size=1, max_size=6), RATES)
def test_each_row_of_a_table_is_judged_alone(rows: list[tuple[float, ...]], rate: float) -> None:
    assert discoveries(np.array(rows), rate).tolist() == [named(list(row), rate) for row in rows]


@given(st.lists(P_VALUES, min_size=1, max_size=20), RATES, st.randoms(use_true_random=False))
def test_the_order_of_the_tests_does_not_matter(p_values: list[float], rate: float, random: Random) -> None:
    places = list(range(len(p_values)))
    random.shuffle(places)
    shuffled = discoveries(np.array([p_values[place] for place in places]), rate)
    assert shuffled.tolist() == discoveries(np.array(p_values), rate)[places].tolist()
