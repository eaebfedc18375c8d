"""Direct standardisation by hand: two units, two services, and what a missing service does."""

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.adjustment import adjusted

NUMERATOR = np.array([[90.0, 10.0], [19.0, 60.0]])
N = np.array([[100.0, 20.0], [20.0, 100.0]])
WITHIN = np.array([0.09, 0.25])
"""The first unit has mostly the easy service, the second the hard one; 120 events of each."""


def test_the_unit_that_looks_worse_for_its_hard_mix_is_better_in_every_service() -> None:
    own = NUMERATOR.sum(axis=1) / N.sum(axis=1)
    assert own.tolist() == pytest.approx([100 / 120, 79 / 120])
    found = adjusted(NUMERATOR, N, WITHIN)
    assert found.value.tolist() == pytest.approx([(0.90 + 0.50) / 2, (0.95 + 0.60) / 2])
    assert found.coverage.tolist() == [1.0, 1.0]


def test_the_weights_are_the_services_shares_of_all_events() -> None:
    found = adjusted(np.array([[10.0, 5.0], [60.0, 0.0]]), np.array([[10.0, 10.0], [80.0, 0.0]]), WITHIN)
    assert found.value[0] == pytest.approx(0.9 * 1.0 + 0.1 * 0.5)  # 90 and 10 of 100


def test_the_events_are_how_many_of_the_mix_itself_would_be_as_certain() -> None:
    found = adjusted(NUMERATOR, N, WITHIN)
    mixed = (0.09 + 0.25) / 2
    assert found.within == pytest.approx(mixed)
    assert found.events.tolist() == pytest.approx([mixed / ((0.09 / 100 + 0.25 / 20) / 4), mixed / ((0.09 / 20 + 0.25 / 100) / 4)])
    assert (found.events < 120).all()


def test_a_unit_with_the_mix_of_all_keeps_its_value_and_its_n() -> None:
    found = adjusted(np.array([[30.0, 4.0], [60.0, 10.0]]), np.array([[40.0, 10.0], [80.0, 20.0]]), WITHIN)
    assert found.value.tolist() == pytest.approx([34 / 50, 70 / 100])
    assert found.events.tolist() == pytest.approx([50, 100])


def test_without_a_service_the_weights_are_those_of_the_others_and_the_coverage_says_so() -> None:
    """Services of 50, 30 and 20 events: the second unit lacks the last, so its weights are 50 / 80 and 30 / 80."""
    numerator = np.array([[20.0, 10.0, 20.0], [5.0, 8.0, 0.0]])
    n = np.array([[40.0, 20.0, 20.0], [10.0, 10.0, 0.0]])
    found = adjusted(numerator, n, np.array([0.2, 0.2, 0.2]))
    assert found.coverage.tolist() == pytest.approx([1.0, 0.8])
    assert found.value[1] == pytest.approx(50 / 80 * 0.5 + 30 / 80 * 0.8)
    assert found.events[1] == pytest.approx(0.2 / ((50 / 80) ** 2 * 0.2 / 10 + (30 / 80) ** 2 * 0.2 / 10))


def test_a_unit_without_events_has_no_value() -> None:
    found = adjusted(np.array([[5.0, 5.0], [0.0, 0.0]]), np.array([[10.0, 10.0], [0.0, 0.0]]), WITHIN)
    assert isnan(found.value[1])
    assert (found.coverage[1], found.events[1]) == (0, 0)


def test_where_events_never_vary_the_events_are_the_units_own() -> None:
    found = adjusted(N, N, np.zeros(2))
    assert (found.value.tolist(), found.events.tolist(), found.within) == ([1.0, 1.0], [120.0, 120.0], 0.0)


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50), st.integers(1, 50)), min_size=1, max_size=6))
def test_a_rate_that_is_the_same_in_every_service_is_left_as_it_is(rows: list[tuple[int, int, int]]) -> None:
    n = np.array(rows, dtype=float)
    rates = np.arange(1, len(rows) + 1)[:, None] / 10
    assert adjusted(n * rates, n, np.array([0.1, 0.2, 0.3])).value.tolist() == pytest.approx(rates[:, 0].tolist())


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), min_size=1, max_size=6))
def test_where_services_vary_alike_another_mix_is_worth_no_more_events_than_there_are(rows: list[tuple[int, int]]) -> None:
    n = np.array(rows, dtype=float)
    assert (adjusted(n / 2, n, np.array([0.2, 0.2])).events <= n.sum(axis=1) * (1 + 1e-9)).all()
