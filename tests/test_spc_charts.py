"""Chart types: arithmetic one can do in one's head, and what must not change their lines."""

from collections.abc import Callable
from dataclasses import fields, replace
from math import pi, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.metrics import KPIS
from kpi.spc.catalogue import BY_NAME, CHARTS
from kpi.spc.charts import Array, ChartType, Lines, Sums
from kpi.spc.constants import D2_OF_TWO, MEDIAN_RANGE_OF_TWO
from kpi.spc.conventions import BY_NAME as CONVENTIONS
from kpi.spc.conventions import EXACT, Convention
from kpi.spc.distances import distances
from tests.spc_series import GAP, counted, grouped, measured


def lines(chart: str, sums: Sums, convention: Convention = EXACT) -> Lines:
    return BY_NAME[chart].lines(sums, convention)


def first(chart: str, sums: Sums, convention: Convention = EXACT) -> tuple[float, float]:
    """Centre and sigma of the first point."""
    found = lines(chart, sums, convention)
    return float(found.centre[0, 0]), float(found.sigma[0, 0])


def limit(found: Lines, sigmas: float) -> Array:
    return found.scale.back(found.centre + sigmas * found.sigma)[0]


# --- single values ---------------------------------------------------------------------------------------------------------------


def test_individuals_have_their_mean_and_the_mean_moving_range_over_d2() -> None:
    centre, sigma = first("individuals", measured([10, 12, 10, 16, 10]))
    assert centre == pytest.approx((10 + 12 + 10 + 16 + 10) / 5)
    assert sigma == pytest.approx((2 + 2 + 6 + 6) / 4 / (2 / sqrt(pi)))


def test_individuals_may_have_their_standard_deviation_instead() -> None:
    _, sigma = first("individuals", measured([1, 3]), CONVENTIONS["qcc_deviation"])
    assert sigma == pytest.approx(sqrt((1 + 1) / 1) / sqrt(2 / pi))


def test_individuals_around_a_given_centre_rest_on_no_estimate_of_it() -> None:
    found = lines("individuals", measured([10, 12, 10]), replace(EXACT, centre=50.0))
    assert found.centre[0].tolist() == [50.0, 50.0, 50.0]
    assert found.sigma[0, 0] == pytest.approx(2 / D2_OF_TWO)
    assert found.freedom.tolist() == [[np.inf]]


def test_screening_leaves_out_a_range_that_is_itself_out_of_control() -> None:
    values = [10, 12, 10, 12, 10, 12, 10, 112, 110, 112]  # ranges of 2 but for one of 102
    assert first("individuals", measured(values), CONVENTIONS["qicharts2"])[1] == pytest.approx(2 / 1.128)
    assert first("individuals", measured(values), CONVENTIONS["qicharts2_unscreened"])[1] == pytest.approx((8 * 2 + 102) / 9 / 1.128)


def test_the_median_moving_range_hardly_minds_an_outlier() -> None:
    _, sigma = first("individuals_median", measured([10, 12, 10, 90, 10, 12]))
    assert sigma == pytest.approx(2 / MEDIAN_RANGE_OF_TWO)


def test_a_moving_range_belongs_to_the_later_point() -> None:
    found = lines("moving_range", measured([10, 12, 10, 16]))
    np.testing.assert_array_equal(found.statistic[0], [np.nan, 2, 2, 6])
    assert found.centre[0, 0] == pytest.approx((2 + 2 + 6) / 3)
    assert limit(found, 3)[0] == pytest.approx((2 + 2 + 6) / 3 * 3.2665319192886)


def test_i_prime_evens_each_move_by_its_two_n() -> None:
    found = lines("individuals_prime", replace(grouped([[0.0] * 4, [1.0] * 4, [1.0] * 16])))
    assert found.centre[0, 0] == pytest.approx((4 + 16) / 24)
    single = (1 / sqrt((1 / 4 + 1 / 4) / 2) + 0) / 2 / D2_OF_TWO
    assert found.sigma[0].tolist() == pytest.approx([single / 2, single / 2, single / 4])


def test_a_run_chart_has_a_median_and_sides_but_no_limits() -> None:
    found = lines("run", measured([1, 5, 3, 3, 9]))
    assert limit(found, 0).tolist() == [3] * 5
    assert np.isnan(limit(found, 3)).all()
    assert distances(found, widens=False).z[0].tolist() == [-1, 1, 0, 0, 1]


# --- shares, counts and rates -------------------------------------------------------------------------------------------------------


def test_a_share_of_half_has_a_sigma_of_half_over_the_root_of_each_points_own_n() -> None:
    found = lines("p", counted([50, 8, 200], [100, 16, 400]))
    assert found.centre[0].tolist() == [0.5, 0.5, 0.5]
    assert found.sigma[0].tolist() == pytest.approx([0.5 / 10, 0.5 / 4, 0.5 / 20])


def test_a_number_is_n_times_the_share() -> None:
    found = lines("np", counted([50, 8, 200], [100, 16, 400]))
    assert found.statistic[0].tolist() == [50, 8, 200]
    assert found.centre[0].tolist() == [50, 8, 200]
    assert found.sigma[0].tolist() == pytest.approx([0.5 * 10, 0.5 * 4, 0.5 * 20])


def test_laney_multiplies_by_the_mean_moving_range_of_z() -> None:
    found = lines("laney_p", counted([60, 40, 50, 50], [100] * 4))  # z = +2, -2, 0, 0
    assert found.centre[0].tolist() == [0.5, 0.5, 0.5, 0.5]
    assert found.sigma[0].tolist() == pytest.approx([0.05 * (4 + 2 + 0) / 3 / D2_OF_TWO] * 4)


def test_a_rate_has_its_root_over_the_root_of_each_points_own_exposure() -> None:
    found = lines("u", counted([4, 36], [1, 9]))
    assert found.centre[0].tolist() == [4, 4]
    assert found.sigma[0].tolist() == pytest.approx([2, 2 / 3])


def test_laney_for_rates_multiplies_by_the_mean_moving_range_of_z() -> None:
    found = lines("laney_u", counted([8, 0, 4, 4], [1] * 4))  # z = +2, -2, 0, 0
    assert found.sigma[0].tolist() == pytest.approx([2 * (4 + 2 + 0) / 3 / D2_OF_TWO] * 4)


def test_a_count_has_the_root_of_its_mean() -> None:
    assert first("c", measured([7, 9, 11])) == (9, 3)


def test_quantile_limits_are_counts_that_are_passed_once_in_seven_hundred() -> None:
    found = lines("c", measured([1, 1]), CONVENTIONS["qcc_probability"])  # Poisson of 1: 0.9963 up to 4, 0.9994 up to 5
    assert (limit(found, -3)[0], limit(found, 0)[0], limit(found, 3)[0]) == (0, 1, 5)
    assert distances(replace(found, statistic=np.array([[5.0, 6.0]])), widens=False).z[0] == pytest.approx([2.68, 3.24], abs=0.01)


def test_quantile_limits_of_shares_are_shares_of_each_points_own_n() -> None:
    found = lines("p", counted([1, 2], [2, 4]), CONVENTIONS["qcc_probability"])  # of 2 or 4 halves anything can be
    assert limit(found, 3).tolist() == [1, 1]
    assert limit(found, -3).tolist() == [0, 0]


# --- subgroups ----------------------------------------------------------------------------------------------------------------------

GROUPS = [[1, 3], [2, 2, 2, 2], [4]]
"""Totals 4, 8, 4 of 7 values; sums of squared deviations 2, 0 and none."""


def test_x_bar_has_the_weighted_mean_and_the_pooled_deviation_over_the_root_of_n() -> None:
    found = lines("x_bar", grouped(GROUPS))
    assert found.centre[0].tolist() == pytest.approx([(4 + 8 + 4) / 7] * 3)
    within = sqrt((2 + 0) / (1 + 3)) / 0.9399856029866253  # c4(5): four degrees of freedom
    assert found.sigma[0].tolist() == pytest.approx([within / sqrt(2), within / 2, within])


@pytest.mark.parametrize(
    ("convention", "within"),
    [
        ("qcc", (sqrt(2) / sqrt(2 / pi) + 0) / 2),
        ("qcc_rmsdf", sqrt(2 / 4) / 0.9399856029866253),
        ("qcc_mvlue", (0.79788456**2 / (1 - 0.79788456**2)) * sqrt(pi) / (0.79788456**2 / (1 - 0.79788456**2) + 5.6150)),
    ],
)
def test_deviations_within_are_estimated_as_the_convention_says(convention: str, within: float) -> None:
    found = lines("x_bar", grouped(GROUPS), CONVENTIONS[convention])
    assert found.sigma[0, 2] == pytest.approx(within, rel=1e-4)


def test_qicharts2_takes_the_mean_deviation_of_equal_n_and_the_pooled_one_of_unequal_n() -> None:
    equal = lines("x_bar", grouped([[1, 3], [2, 2]]), CONVENTIONS["qicharts2"])
    assert equal.sigma[0, 0] == pytest.approx((sqrt(2) + 0) / 2 / sqrt(2 / pi) / sqrt(2))
    unequal = lines("x_bar", grouped(GROUPS), CONVENTIONS["qicharts2"])
    assert unequal.sigma[0, 0] == pytest.approx(sqrt(2 / 4) / sqrt(2 / pi) / sqrt(2))


def test_an_s_chart_expects_c4_sigma_at_each_n() -> None:
    found = lines("s", grouped(GROUPS))
    within, of_two = sqrt(2 / 4) / 0.9399856029866253, sqrt(2 / pi)
    np.testing.assert_allclose(found.statistic[0], [sqrt(2), 0, np.nan])
    assert found.centre[0, 0] == pytest.approx(of_two * within)
    assert found.sigma[0, 0] == pytest.approx(sqrt(1 - 2 / pi) * within)


def test_an_s_chart_of_qcc_has_the_mean_deviation_for_its_centre() -> None:
    found = lines("s", grouped(GROUPS), CONVENTIONS["qcc"])
    assert found.centre[0].tolist() == pytest.approx([2 * sqrt(2) / (2 + 4)] * 3)


# --- rare events ---------------------------------------------------------------------------------------------------------------------


def test_cases_between_events_have_geometric_quantiles() -> None:
    found = lines("g", measured([0, 2, 1, 1]))  # mean 1: each case is an event with chance 1 / 2
    assert limit(found, 0)[0] == 0  # half of all intervals are empty
    assert limit(found, 3)[0] == 9  # 1 - 1 / 2^10 = 0.99902 is the first above 0.99865
    assert limit(found, -3)[0] == 0


def test_a_number_of_cases_on_its_limit_is_inside() -> None:
    found = replace(lines("g", measured([0, 2, 1, 1])), statistic=np.array([[0, 9, 10, np.nan]]))
    z = distances(found, widens=False).z[0]
    assert z[0] == 0
    assert z[1] < 3 < z[2]
    assert np.isnan(z[3])


def test_cases_between_events_of_qicharts2_have_sigmas() -> None:
    assert first("g", measured([0, 2, 1, 1]), CONVENTIONS["qicharts2"]) == pytest.approx((1, sqrt(1 * 2)))


def test_times_between_events_are_individuals_of_their_roots() -> None:
    found = lines("t", measured([1, 2**3.6, 1, 2**3.6]))
    assert found.centre[0, 0] == pytest.approx(1.5)
    assert found.sigma[0, 0] == pytest.approx(1 / D2_OF_TWO)
    assert limit(found, 0)[0] == pytest.approx(1.5**3.6)


# --- with a memory --------------------------------------------------------------------------------------------------------------------


def test_an_ewma_takes_a_fifth_of_each_new_point() -> None:
    convention = replace(EXACT, centre=0.0, sigma=1.0)
    found = lines("ewma", measured([10, 10, GAP, 10]), convention)
    np.testing.assert_allclose(found.statistic[0], [2, 2 + 0.2 * 8, np.nan, 3.6 + 0.2 * 6.4])
    own = [0.04, 0.04 * (1 + 0.64), 0.04 * (1 + 0.64), 0.04 * (1 + 0.64 + 0.64**2)]
    assert found.sigma[0].tolist() == pytest.approx([sqrt(variance) for variance in own])


def test_a_cusum_adds_up_what_exceeds_half_a_sigma() -> None:
    found = lines("cusum", measured([1, 2, GAP, -3, -3]), replace(EXACT, centre=0.0, sigma=1.0))
    np.testing.assert_allclose(found.statistic[0], [0.5, 2.0, np.nan, -2.5, -5.0])
    assert limit(found, 3)[0] == pytest.approx(4.77)


def test_a_cusum_may_have_a_head_start() -> None:
    found = lines("cusum", measured([1.0, 0.0]), replace(EXACT, centre=0.0, sigma=1.0, head_start=2.0))
    assert found.statistic[0].tolist() == [2.5, 2.0]


def test_charts_with_a_memory_follow_the_plainest_chart_of_their_series() -> None:
    shares, means = counted([5, 5, 8], [10] * 3), grouped([[1, 3], [2, 4], [5, 9]])
    for sums, plainest in ((shares, "p"), (means, "x_bar"), (measured([1, 2, 4]), "individuals")):
        assert lines("ewma", sums).sigma[0, 0] == pytest.approx(0.2 * lines(plainest, sums).sigma[0, 0])


# --- properties -----------------------------------------------------------------------------------------------------------------------

VALUES = st.lists(st.integers(-1000, 1000).map(float), min_size=2, max_size=30)
SHARES = st.lists(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=2, max_size=30)
SUBGROUPS = st.lists(st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=5), min_size=2, max_size=15)
CLASSIC = [chart for chart in CHARTS if chart.name != "between_within"]


def close(found: Array, expected: Array) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("chart", ["individuals", "individuals_median"])
@given(values=VALUES, shift=st.integers(-100, 100), scale=st.sampled_from([0.5, 1, 7]))
def test_single_values_shifted_and_scaled_have_shifted_and_scaled_lines(chart: str, values: list[float], shift: int, scale: float) -> None:
    before, after = lines(chart, measured(values)), lines(chart, measured([value * scale + shift for value in values]))
    close(after.centre, before.centre * scale + shift)
    close(after.sigma, before.sigma * scale)


@given(SUBGROUPS, st.integers(-100, 100), st.sampled_from([0.5, 1, 7]))
def test_subgroups_shifted_and_scaled_have_shifted_and_scaled_lines(groups: list[list[float]], shift: int, scale: float) -> None:
    before = lines("x_bar", grouped(groups))
    after = lines("x_bar", grouped([[value * scale + shift for value in one] for one in groups]))
    close(after.centre, before.centre * scale + shift)
    close(after.sigma, before.sigma * scale)


@given(VALUES)
def test_mirrored_individuals_have_mirrored_lines(values: list[float]) -> None:
    before, after = lines("individuals", measured(values)), lines("individuals", measured([-value for value in values]))
    close(after.centre, -before.centre)
    close(after.sigma, before.sigma)


@pytest.mark.parametrize("chart", ["p", "laney_p"])
@given(shares=SHARES)
def test_a_share_and_its_opposite_have_mirrored_lines(chart: str, shares: list[tuple[int, int]]) -> None:
    n = [below for _, below in shares]
    before = lines(chart, counted([above for above, _ in shares], n))
    after = lines(chart, counted([below - above for above, below in shares], n))
    close(after.centre, 1 - before.centre)
    close(after.sigma, before.sigma)


@pytest.mark.parametrize("chart", ["p", "np", "u", "x_bar", "s"])
@given(shares=SHARES, data=st.data())
def test_a_period_without_events_changes_no_line_wherever_it_is(chart: str, shares: list[tuple[int, int]], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(shares)))
    holed = [*shares[:place], (0, 0), *shares[place:]]
    whole, gapped = (lines(chart, counted(*zip(*one, strict=True))) for one in (shares, holed))
    for name in ("statistic", "centre", "sigma"):
        close(np.delete(getattr(gapped, name), place, axis=1), getattr(whole, name))


@pytest.mark.parametrize("place", [0, 6])
@pytest.mark.parametrize(
    ("chart", "whole", "holed"),
    [
        (
            "individuals",
            lambda: measured([10, 12, 10, 16, 10, 11]),
            lambda place: measured(with_gap([10, 12, 10, 16, 10, 11], place, GAP)),
        ),
        (
            "laney_p",
            lambda: counted([6, 4, 5, 5, 9, 8], [10] * 6),
            lambda place: counted(with_gap([6, 4, 5, 5, 9, 8], place, 0), with_gap([10] * 6, place, 0)),
        ),
    ],
)
def test_a_gap_before_or_after_the_series_changes_no_line(
    chart: str, whole: Callable[[], Sums], holed: Callable[[int], Sums], place: int
) -> None:
    expected, found = lines(chart, whole()), lines(chart, holed(place))
    close(np.delete(found.centre, place, axis=1), expected.centre)
    close(np.delete(found.sigma, place, axis=1), expected.sigma)


def with_gap(values: list[Any], place: int, gap: Any) -> list[Any]:
    return [*values[:place], gap, *values[place:]]


def test_a_point_outside_the_baseline_has_limits_and_moves_none() -> None:
    found = lines("p", counted([50, 50, 50, 0], [100, 100, 100, 25], [True, True, True, False]))
    assert found.centre[0].tolist() == [0.5, 0.5, 0.5, 0.5]
    assert found.sigma[0].tolist() == pytest.approx([0.05, 0.05, 0.05, 0.1])


@pytest.mark.parametrize("convention", CONVENTIONS.values(), ids=lambda convention: convention.name)
@pytest.mark.parametrize("chart", CLASSIC, ids=lambda chart: chart.name)
def test_many_series_at_once_have_the_lines_each_has_alone(chart: ChartType, convention: Convention) -> None:
    several = [counted([6, 4, 5, 9], [10, 12, 10, 14]), counted([1, 0, 3, 2], [9, 0, 11, 10])]
    arrays = {name: np.vstack([getattr(one, name) for one in several]) for name in ("value", "numerator", "n", "squares", "baseline")}
    together = chart.lines(replace(several[0], **arrays), convention)
    for place, one in enumerate(several):
        alone = chart.lines(one, convention)
        for name in ("statistic", "centre", "sigma", "freedom"):
            np.testing.assert_array_equal(getattr(together, name)[place], getattr(alone, name)[0])


@pytest.mark.parametrize("chart", CLASSIC, ids=lambda chart: chart.name)
def test_a_series_of_gaps_alone_has_nothing_to_judge(chart: ChartType) -> None:
    found = chart.lines(counted([0, 0, 0], [0, 0, 0]), EXACT)
    assert np.isnan(distances(found, widens=False).z).all()
    assert np.isnan(limit(found, 3)[:1]).all() or chart.name == "cusum"


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
def test_lines_have_the_shape_of_their_sums(chart: ChartType) -> None:
    found = chart.lines(counted([6, 4, 5, 9], [10, 12, 10, 14]), EXACT)
    for one in fields(found):
        if one.name in ("statistic", "centre", "sigma"):
            assert getattr(found, one.name).shape == (1, 4)


def test_every_kpi_names_a_chart_that_exists() -> None:
    assert {kpi.chart for kpi in KPIS} <= set(BY_NAME)
