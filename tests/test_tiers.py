"""Tiers: published intervals of differences, ties, and the definition as a property."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.tiers import clearly_below, places, tiers
from kpi.uncertainty import wilson

UNITS = st.lists(st.tuples(*[st.floats(0, 1), st.floats(0, 0.2), st.floats(0, 0.2)]), min_size=1, max_size=15)
"""Values and how far their intervals reach below and above."""


def below_of(units: list[tuple[float, float, float]]) -> np.ndarray:
    values, down, up = np.array(units, dtype=float).T
    return clearly_below(values, values - down, values + up)


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ((56, 70), (48, 80), True),  # 0.0524 to 0.3339
        ((9, 10), (3, 10), True),  # 0.1705 to 0.8090
        ((6, 7), (2, 7), True),  # 0.0582 to 0.8062
        ((5, 56), (0, 29), False),  # -0.0381 to 0.1926
        ((0, 10), (0, 20), False),  # -0.1611 to 0.2775
        ((10, 10), (0, 20), True),  # 0.6791 to 1
    ],
)
def test_two_shares_clearly_differ_when_the_published_interval_has_no_0_in_it(
    one: tuple[int, int], other: tuple[int, int], differ: bool
) -> None:
    """Newcombe, Statistics in Medicine 17 (1998), 873-890, table II, method 10."""
    values = np.array([hits / n for hits, n in (one, other)])
    lower, upper = np.array([wilson(*unit) for unit in (one, other)], dtype=float).T
    assert clearly_below(values, lower, upper).tolist() == [[False, False], [differ, False]]


def test_only_the_sides_that_face_each_other_count() -> None:
    assert below_of([(0.0, 9.0, 0.1), (1.0, 0.1, 9.0)])[0, 1]
    assert not below_of([(0.0, 0.1, 9.0), (1.0, 9.0, 0.1)])[0, 1]


def test_ties_do_not_differ_however_sure_they_are() -> None:
    below = below_of([(0.3, 0.0, 0.0), (0.1 + 0.2, 0.0, 0.0), (0.9, 0.0, 0.0)])
    assert below.tolist() == [[False, False, True], [False, False, True], [False, False, False]]
    assert tiers(below).tolist() == [2, 2, 1]


def test_the_more_pairs_the_surer_each_difference_must_be() -> None:
    half = 1.959963984540054 / 2.2 / 2**0.5  # one sigma of the difference of 1 is 1 / 2.2: p = 0.028
    pair = [(0.0, half, half), (1.0, half, half)]
    assert below_of(pair)[0, 1]
    assert not below_of([*pair, *[(0.5, 99.0, 99.0)] * 8]).any()  # 45 pairs: 0.05 / 45 = 0.0011


def test_neighbours_that_are_alike_can_have_ends_that_are_not() -> None:
    """Higher is better: the middle one is like both, the last clearly below the first."""
    below = below_of([(2.0, 1.0, 1.0), (1.0, 1.0, 1.0), (0.0, 1.0, 1.0)])
    assert below.tolist() == [[False, False, False], [False, False, False], [True, False, False]]
    assert tiers(below).tolist() == [1, 1, 2]
    first, last = places(below)
    assert list(zip(first.tolist(), last.tolist(), strict=True)) == [(1, 2), (1, 3), (2, 3)]


def test_units_that_all_differ_are_a_ranking() -> None:
    below = below_of([(value, 0.1, 0.1) for value in (3.0, 1.0, 4.0, 2.0)])
    assert tiers(below).tolist() == [2, 4, 1, 3]
    first, last = places(below)
    assert first.tolist() == last.tolist() == [2, 4, 1, 3]


def test_a_single_unit_is_the_best_of_one() -> None:
    below = below_of([(0.5, 0.1, 0.1)])
    assert tiers(below).tolist() == [1]
    assert [ends.tolist() for ends in places(below)] == [[1], [1]]


@given(UNITS)
def test_within_a_tier_no_two_clearly_differ_and_each_is_clearly_worse_than_one_of_the_tier_before(
    units: list[tuple[float, float, float]],
) -> None:
    below = below_of(units).tolist()
    members: dict[int, list[int]] = {}
    for unit, tier in enumerate(tiers(np.array(below)).tolist()):
        members.setdefault(tier, []).append(unit)
    assert sorted(members) == list(range(1, len(members) + 1))
    for peers in members.values():
        assert not any(below[one][other] for one in peers for other in peers)
    for tier, following in pairwise(sorted(members)):
        assert all(any(below[one][other] for other in members[tier]) for one in members[following])


@given(UNITS)
def test_a_place_is_one_after_all_clearly_better_and_one_before_all_clearly_worse(units: list[tuple[float, float, float]]) -> None:
    below = below_of(units).tolist()
    first, last = places(np.array(below))
    for unit in range(len(units)):
        better = sum(below[unit])
        worse = sum(row[unit] for row in below)
        assert (first[unit], last[unit]) == (1 + better, len(units) - worse)
        assert first[unit] <= last[unit]


@given(UNITS)
def test_no_unit_is_clearly_below_one_with_a_lower_value(units: list[tuple[float, float, float]]) -> None:
    below = below_of(units)
    assert all(units[one][0] < units[other][0] for one, other in np.argwhere(below).tolist())


@given(UNITS)
def test_units_turned_upside_down_differ_the_other_way_round(units: list[tuple[float, float, float]]) -> None:
    mirrored = [(-value, up, down) for value, down, up in units]
    assert below_of(mirrored).T.tolist() == below_of(units).tolist()
