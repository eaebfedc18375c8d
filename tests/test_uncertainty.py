"""Intervals against published values, and against their defining equations solved here."""

from math import sqrt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.report import answer
from kpi.uncertainty import between_variance, normal, standard_deviation, wilson
from tests.samples import event, question, state_of


@pytest.mark.parametrize(
    ("successes", "n", "lower", "upper"),
    [
        (1, 1, 0.2065, 1.0),
        (81, 263, 0.2553, 0.3662),  # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_intervals_are_the_published_ones(successes: int, n: int, lower: float, upper: float) -> None:
    assert wilson(successes, n) == pytest.approx((lower, upper), abs=5e-5)


def test_without_observations_a_share_has_no_interval() -> None:
    assert wilson(0, 0) is None


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_each_end_of_the_interval_is_1_96_standard_errors_from_the_share(pair: tuple[int, int]) -> None:
    successes, n = pair
    share, ends = successes / n, wilson(successes, n)
    assert ends is not None
    assert 0 <= ends[0] <= share + 1e-12
    assert share - 1e-12 <= ends[1] <= 1
    for end in ends:
        assert abs(share - end) == pytest.approx(1.959964 * sqrt(end * (1 - end) / n), rel=1e-4, abs=1e-7)


def test_the_interval_is_mirrored_when_failures_are_counted() -> None:
    lower, upper = wilson(3, 10) or (0, 0)
    assert wilson(7, 10) == pytest.approx((1 - upper, 1 - lower))


def test_a_standard_deviation_needs_two_observations() -> None:
    assert standard_deviation(5, 25, 1) is None
    assert standard_deviation(0, 0, 0) is None
    assert standard_deviation(1 + 2 + 3, 1 + 4 + 9, 3) == 1


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=30))
def test_a_standard_deviation_from_sums_is_that_of_numpy(values: list[int]) -> None:
    found = standard_deviation(sum(values), sum(value * value for value in values), len(values))
    assert found == pytest.approx(float(np.std(values, ddof=1)), abs=1e-9)


def test_the_interval_of_a_mean_is_1_96_standard_errors_wide_on_each_side() -> None:
    assert normal(10, 5, 25) == pytest.approx((10 - 1.96, 10 + 1.96), abs=1e-4)


def test_between_groups_of_equal_precision_it_is_the_variance_less_the_sampling_variance() -> None:
    assert between_variance(np.array([1.0, 2.0, 3.0]), np.full(3, 0.25)) == pytest.approx(1 - 0.25)


def test_groups_that_differ_no_more_than_by_chance_have_no_variance_between_them() -> None:
    assert between_variance(np.array([1.0, 2.0, 3.0]), np.full(3, 2.0)) == 0
    assert between_variance(np.array([2.0, 2.0]), np.array([0.1, 0.3])) == 0


def test_one_group_has_nothing_between() -> None:
    assert between_variance(np.array([2.0]), np.array([1.0])) == 0
    assert between_variance(np.array([]), np.array([])) == 0


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0.05, 5)), min_size=2, max_size=12))
def test_the_variance_between_groups_is_that_of_dersimonian_and_laird(groups: list[tuple[float, float]]) -> None:
    total = sum(1 / variance for _, variance in groups)
    squared = sum(1 / variance**2 for _, variance in groups)
    mean = sum(value / variance for value, variance in groups) / total
    q = sum((value - mean) ** 2 / variance for value, variance in groups)
    expected = max(0, (q - (len(groups) - 1)) / (total - squared / total))
    values, variances = (np.array(column) for column in zip(*groups, strict=True))
    assert between_variance(values, variances) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_50_promoters_30_passives_and_20_detractors_are_30_points_with_a_standard_error_of_7_81025(tmp_path: Path) -> None:
    scores = [10] * 25 + [9] * 25 + [8] * 15 + [7] * 15 + [6] * 10 + [0] * 10
    answered = [event(number, recommendation=score, resolved_at="2024-06-03T11:00") for number, score in enumerate(scores)]
    [found] = answer(state_of(tmp_path, answered), question("recommendation"))
    assert (found.value, found.n) == (30, 100)
    assert found.deviation is not None
    assert found.deviation / sqrt(found.n) == pytest.approx(7.81025, abs=5e-6)
    assert found.interval == pytest.approx((30 - 1.959964 * 7.81025, 30 + 1.959964 * 7.81025), abs=1e-4)


def test_one_answer_of_5_has_a_mean_without_interval_and_a_wide_top_2_share(tmp_path: Path) -> None:
    answered = event(1, satisfaction=5.0, resolved_at="2024-06-03T11:00")
    mean, top2 = answer(state_of(tmp_path, [answered]), question("satisfaction", "satisfaction_top2"))
    assert (mean.value, mean.interval, mean.is_enough) == (5, None, False)
    assert top2.value == 1
    assert top2.interval == pytest.approx((0.2065, 1.0), abs=5e-5)
