"""Chart types against published examples, reference cases of other tools, and what must not change them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaln

from kpi.metrics import KPIS
from kpi.spc.charts import BY_NAME, CHARTS, D2_OF_TWO, Array, ChartType, Sums
from kpi.spc.rules import beyond_limits, run_on_one_side

CASES = Path(__file__).parents[2] / "shared" / "reference" / "spc_cases.json"
KINDS = {"i": "individuals", "p": "p", "p_prime": "laney_p", "xbar": "x_bar"}
OTHER_CHARTS = {"cl", "rebase_at_0based", "sigma_method"}  # a given centre, several phases, sigma from the standard deviation


def row(values: Any) -> Array:
    return np.array([values], dtype=float)


def measured(values: Any, baseline: Any = None) -> Sums:
    """A series of single values; None is a gap."""
    value = row([np.nan if one is None else one for one in values])
    used = np.isfinite(value) if baseline is None else np.isfinite(value) & np.array([baseline], dtype=bool)
    return Sums(value, value, np.isfinite(value).astype(float), value**2, used)


def counted(numerator: Any, n: Any, baseline: Any = None) -> Sums:
    """A series of shares; n = 0 is a gap."""
    above, below = row(numerator), row(n)
    value = np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)
    used = (below > 0) if baseline is None else (below > 0) & np.array([baseline], dtype=bool)
    return Sums(value, above, below, above, used)


def grouped(groups: Any, baseline: Any = None) -> Sums:
    """A series of subgroups of values."""
    n, total = row([len(one) for one in groups]), row([sum(one) for one in groups])
    squares = row([sum(value * value for value in one) for one in groups])
    return Sums(total / n, total, n, squares, np.ones(n.shape, dtype=bool) if baseline is None else np.array([baseline], dtype=bool))


def limits(chart: ChartType, sums: Sums) -> tuple[Array, Array, Array]:
    centre, sigma = chart.lines(sums)
    return centre[0], centre[0] - 3 * sigma[0], centre[0] + 3 * sigma[0]


# --- published examples -------------------------------------------------------------------------------------------------------

FLOW_RATE = [49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1]
MORTGAGES = [310, 288, 297, 298, 307, 303, 294, 297, 308, 306, 294, 299, 297, 299, 314, 295, 293, 306, 301, 304]
ORANGE_JUICE = [12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22, 8, 10, 5, 13, 11, 20, 18, 24, 15, 9, 12, 7, 13, 9, 6]


def test_flow_rates_of_the_nist_handbook_6_3_2_2() -> None:
    centre, lower, upper = limits(BY_NAME["individuals"], measured(FLOW_RATE))
    assert (centre[0], lower[0], upper[0]) == pytest.approx((50.81, 45.8159, 55.8041), abs=2e-3)  # printed with d2 = 1.128


def test_mortgage_costs_of_montgomery_6_5() -> None:
    centre, lower, upper = limits(BY_NAME["individuals"], measured(MORTGAGES))
    assert (centre[0], lower[0], upper[0]) == pytest.approx((300.5, 279.78, 321.22), abs=1.5e-2)


def test_orange_juice_cans_of_montgomery_7_1() -> None:
    sums = counted(ORANGE_JUICE, [50] * 30)
    centre, lower, upper = limits(BY_NAME["p"], sums)
    assert (centre[0], lower[0], upper[0]) == pytest.approx((0.2313, 0.0524, 0.4102), abs=6e-5)
    assert [place + 1 for place in np.flatnonzero(sums.value[0] > upper)] == [15, 23]


def test_orange_juice_cans_without_the_two_explained_samples() -> None:
    baseline = [place not in (14, 22) for place in range(30)]
    centre, lower, upper = limits(BY_NAME["p"], counted(ORANGE_JUICE, [50] * 30, baseline))
    assert (centre[0], lower[0], upper[0]) == pytest.approx((0.215, 0.0407, 0.3893), abs=8e-5)


# --- arithmetic one can do in one's head -----------------------------------------------------------------------------------------


def test_individuals_have_their_mean_and_the_mean_moving_range_over_d2() -> None:
    centre, sigma = BY_NAME["individuals"].lines(measured([10, 12, 10, 16, 10]))
    assert centre[0].tolist() == pytest.approx([58 / 5] * 5)
    assert sigma[0].tolist() == pytest.approx([(2 + 2 + 6 + 6) / 4 / 1.1283791670955126] * 5)
    assert pytest.approx(1.1283791670955126, abs=1e-15) == D2_OF_TWO


def test_a_share_of_half_has_a_sigma_of_half_over_the_root_of_each_points_own_n() -> None:
    centre, sigma = BY_NAME["p"].lines(counted([50, 8, 200], [100, 16, 400]))
    assert centre[0].tolist() == [0.5, 0.5, 0.5]
    assert sigma[0].tolist() == pytest.approx([0.5 / 10, 0.5 / 4, 0.5 / 20])


def test_laney_multiplies_by_the_mean_moving_range_of_z() -> None:
    centre, sigma = BY_NAME["laney_p"].lines(counted([60, 40, 50, 50], [100] * 4))
    assert centre[0].tolist() == [0.5, 0.5, 0.5, 0.5]
    z_ranges = [4, 2, 0]  # z = +2, -2, 0, 0
    assert sigma[0].tolist() == pytest.approx([0.05 * sum(z_ranges) / 3 / D2_OF_TWO] * 4)


def test_x_bar_has_the_weighted_mean_and_the_pooled_deviation_over_the_root_of_n() -> None:
    centre, sigma = BY_NAME["x_bar"].lines(grouped([[1, 3], [2, 2, 2, 2], [4]]))
    assert centre[0].tolist() == pytest.approx([(4 + 8 + 4) / 7] * 3)
    pooled = np.sqrt((2 + 0 + 0) / (1 + 3 + 0))
    assert sigma[0].tolist() == pytest.approx([pooled / np.sqrt(2), pooled / 2, pooled])


# --- cases computed by other tools -----------------------------------------------------------------------------------------------


def reference_cases() -> list[Any]:
    if not CASES.exists():
        reason = pytest.mark.skip(reason=f"the reference cases of other tools are not beside the checkout: {CASES}")
        return [pytest.param(None, id="absent", marks=reason)]
    cases = [case for case in json.loads(CASES.read_text())["cases"] if case["chart"] in KINDS]
    return [pytest.param(case, id=case["id"]) for case in cases if not OTHER_CHARTS & set(case["params"])]


def sums_of(case: Any) -> Sums:
    given, length = case["input"], len(next(iter(case["input"].values())))
    left_out, frozen = case["params"].get("exclude_0based", []), case["params"].get("baseline_n", length)
    baseline = [place < frozen and place not in left_out for place in range(length)]
    if "y" in given:
        return measured(given["y"], baseline)
    return grouped(given["subgroups"], baseline) if "subgroups" in given else counted(given["num"], given["n"], baseline)


def completing(marks: Array) -> list[int]:
    """The points at which nine in a row on one side are complete."""
    sides = marks[0].tolist()
    return [place for place in range(8, len(sides)) if abs(sum(sides[place - 8 : place + 1])) == 9]


def unbiasing(sums: Sums) -> float:
    """c4 of the pooled degrees of freedom: the reference divides the pooled s by it, SPC.md section 2 and the chart's equation do not."""
    points = 1 + np.where(sums.baseline, sums.n - 1, 0).sum()
    return float(np.sqrt(2 / (points - 1)) * np.exp(gammaln(points / 2) - gammaln((points - 1) / 2)))


@pytest.mark.parametrize("case", reference_cases())
def test_limits_and_signals_are_those_of_the_exact_reference(case: Any) -> None:
    [expected] = [result for result in case["results"] if result["fun"] == "oracle"]
    sums = sums_of(case)
    centre, sigma = BY_NAME[KINDS[case["chart"]]].lines(sums)
    sigma = sigma / unbiasing(sums) if case["chart"] == "xbar" else sigma
    lowest, highest = (0, 1) if case["chart"] in ("p", "p_prime") else (-np.inf, np.inf)
    for found, name in (
        (centre, "center"),
        (sigma, "sigma_point"),
        (np.clip(centre - 3 * sigma, lowest, highest), "lcl"),
        (np.clip(centre + 3 * sigma, lowest, highest), "ucl"),
    ):
        np.testing.assert_allclose(found[0], np.array(expected[name], dtype=float), rtol=1e-9, atol=1e-12, err_msg=name)
    if np.nanmin(sigma, initial=1) > 0:
        z = (sums.value - centre) / sigma
        assert np.flatnonzero(beyond_limits(z)[0]).tolist() == expected["signals"]["nelson1"]
        assert completing(run_on_one_side(z)) == expected["signals"]["nelson2"]


# --- properties --------------------------------------------------------------------------------------------------------------------

VALUES = st.lists(st.integers(-1000, 1000).map(float), min_size=2, max_size=30)
SHARES = st.lists(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=2, max_size=30)
GROUPS = st.lists(st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=5), min_size=2, max_size=15)


def close(found: Array, expected: Array) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@given(VALUES, st.integers(-100, 100), st.sampled_from([0.5, 1, 7]))
def test_individuals_shifted_and_scaled_have_shifted_and_scaled_limits(values: list[float], shift: int, scale: float) -> None:
    centre, sigma = BY_NAME["individuals"].lines(measured(values))
    moved_centre, moved_sigma = BY_NAME["individuals"].lines(measured([value * scale + shift for value in values]))
    close(moved_centre, centre * scale + shift)
    close(moved_sigma, sigma * scale)


@given(GROUPS, st.integers(-100, 100), st.sampled_from([0.5, 1, 7]))
def test_subgroups_shifted_and_scaled_have_shifted_and_scaled_limits(groups: list[list[float]], shift: int, scale: float) -> None:
    centre, sigma = BY_NAME["x_bar"].lines(grouped(groups))
    moved_centre, moved_sigma = BY_NAME["x_bar"].lines(grouped([[value * scale + shift for value in one] for one in groups]))
    close(moved_centre, centre * scale + shift)
    close(moved_sigma, sigma * scale)


@given(VALUES)
def test_mirrored_individuals_have_mirrored_limits(values: list[float]) -> None:
    centre, sigma = BY_NAME["individuals"].lines(measured(values))
    mirrored_centre, mirrored_sigma = BY_NAME["individuals"].lines(measured([-value for value in values]))
    close(mirrored_centre, -centre)
    close(mirrored_sigma, sigma)


@pytest.mark.parametrize("chart", ["p", "laney_p"])
@given(shares=SHARES)
def test_a_share_and_its_opposite_have_mirrored_limits(chart: str, shares: list[tuple[int, int]]) -> None:
    n = [below for _, below in shares]
    centre, sigma = BY_NAME[chart].lines(counted([above for above, _ in shares], n))
    mirrored_centre, mirrored_sigma = BY_NAME[chart].lines(counted([below - above for above, below in shares], n))
    close(mirrored_centre, 1 - centre)
    close(mirrored_sigma, sigma)


@pytest.mark.parametrize("chart", ["p", "x_bar"])
@given(shares=SHARES, data=st.data())
def test_a_period_without_events_changes_no_limit_wherever_it_is(chart: str, shares: list[tuple[int, int]], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(shares)))
    holed = [*shares[:place], (0, 0), *shares[place:]]
    lines, with_gap = (BY_NAME[chart].lines(counted(*zip(*one, strict=True))) for one in (shares, holed))
    for whole, gapped in zip(lines, with_gap, strict=True):
        close(np.delete(gapped, place, axis=1), whole)


@pytest.mark.parametrize("place", [0, 6])
@pytest.mark.parametrize(
    ("chart", "whole", "holed"),
    [
        (
            "individuals",
            lambda: measured([10, 12, 10, 16, 10, 11]),
            lambda place: measured(with_gap([10, 12, 10, 16, 10, 11], place, None)),
        ),
        (
            "laney_p",
            lambda: counted([6, 4, 5, 5, 9, 8], [10] * 6),
            lambda place: counted(with_gap([6, 4, 5, 5, 9, 8], place, 0), with_gap([10] * 6, place, 0)),
        ),
    ],
)
def test_a_gap_before_or_after_the_series_changes_no_limit(
    chart: str, whole: Callable[[], Sums], holed: Callable[[int], Sums], place: int
) -> None:
    for expected, found in zip(BY_NAME[chart].lines(whole()), BY_NAME[chart].lines(holed(place)), strict=True):
        close(np.delete(found, place, axis=1), expected)


def with_gap(values: list[Any], place: int, gap: Any) -> list[Any]:
    return [*values[:place], gap, *values[place:]]


def test_a_moving_range_never_crosses_a_gap() -> None:
    centre, sigma = BY_NAME["individuals"].lines(measured([10, 12, None, 100, 102]))
    assert centre[0, 0] == (10 + 12 + 100 + 102) / 4
    assert sigma[0, 0] == pytest.approx((2 + 2) / 2 / D2_OF_TWO)


def test_a_moving_range_never_crosses_a_point_outside_the_baseline() -> None:
    _, sigma = BY_NAME["individuals"].lines(measured([10, 12, 900, 100, 102], [True, True, False, True, True]))
    assert sigma[0, 0] == pytest.approx((2 + 2) / 2 / D2_OF_TWO)


def test_a_point_outside_the_baseline_has_limits_and_moves_none() -> None:
    baseline = [True, True, True, False]
    centre, sigma = BY_NAME["p"].lines(counted([50, 50, 50, 0], [100, 100, 100, 25], baseline))
    assert centre[0].tolist() == [0.5, 0.5, 0.5, 0.5]
    assert sigma[0].tolist() == pytest.approx([0.05, 0.05, 0.05, 0.1])


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
def test_many_series_at_once_have_the_limits_each_has_alone(chart: ChartType) -> None:
    several = [counted([6, 4, 5, 9], [10, 12, 10, 14]), counted([1, 0, 3, 2], [9, 0, 11, 10])]
    together = Sums(*(np.vstack([getattr(one, name) for one in several]) for name in ("value", "numerator", "n", "squares", "baseline")))
    for place, one in enumerate(several):
        for found, alone in zip(chart.lines(together), chart.lines(one), strict=True):
            np.testing.assert_array_equal(found[place], alone[0])


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
def test_a_series_of_gaps_alone_has_no_limits(chart: ChartType) -> None:
    centre, sigma = chart.lines(counted([0, 0, 0], [0, 0, 0]))
    assert np.isnan(centre).all()
    assert np.isnan(sigma).all()


def test_every_kpi_names_a_chart_that_exists() -> None:
    assert {kpi.chart for kpi in KPIS} <= set(BY_NAME)
