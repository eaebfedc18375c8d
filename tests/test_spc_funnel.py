"""Funnels: hand arithmetic, a published tool's limits, and simulations of units whose spread is known."""

import json
from math import inf, isnan, nan, sqrt
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kpi.spc.funnel import LEFT_BY_WINSORISING, Funnel, funnel, two_sided, variance_between, within_of_means, within_of_shares

CASES = Path(__file__).parents[2] / "shared" / "reference" / "spc_cases.json"
NORMAL = NormalDist()


def left(z: list[float]) -> float:
    """Sum of squares of z winsorised at 10 % on both sides, quantiles interpolated."""
    ordered = sorted(z)

    def quantile(share: float) -> float:
        place = share * (len(z) - 1)
        below = int(place)
        above = min(below + 1, len(z) - 1)
        return ordered[below] + (place - below) * (ordered[above] - ordered[below])

    lowest, highest = quantile(0.1), quantile(0.9)
    return sum(min(max(one, lowest), highest) ** 2 for one in z)


def test_limits_are_chance_and_the_usual_spread_together() -> None:
    shape = Funnel(centre=0.8, within=0.09, tau=0.04)
    assert shape.sigma(np.array([100.0])) == pytest.approx([0.05])  # chance 0.3 / 10 = 0.03, and 3-4-5
    lower, upper = shape.limits(np.array([100.0]), 3)
    assert (lower, upper) == (pytest.approx([0.65]), pytest.approx([0.95]))


def test_z_is_the_distance_in_sigmas() -> None:
    shape = Funnel(centre=0.8, within=0.09, tau=0.04)
    z = shape.z(np.array([0.9, 0.7, 0.8, nan]), np.full(4, 100.0))
    assert z[:3].tolist() == pytest.approx([2.0, -2.0, 0.0])
    assert isnan(z[3])


def test_without_any_variance_the_centre_is_0_sigmas_away_and_all_else_infinitely_many() -> None:
    shape = Funnel(centre=1.0, within=0.0, tau=0.0)
    assert shape.z(np.array([1.0, 1.0 - 1e-15, 0.9]), np.full(3, 50.0)).tolist() == [0.0, 0.0, -inf]


def test_units_no_farther_apart_than_chance_have_the_plain_binomial_funnel() -> None:
    n = np.array([25.0, 100.0, 400.0])
    shape = funnel(np.array([0.6, 0.45, 0.5]), n, 0.5, 0.25)
    assert shape.tau == 0
    lower, upper = shape.limits(n, 2)
    assert lower.tolist() == pytest.approx([0.5 - 0.2, 0.5 - 0.1, 0.5 - 0.05])  # 2 sqrt(0.25 / n)
    assert upper.tolist() == pytest.approx([0.5 + 0.2, 0.5 + 0.1, 0.5 + 0.05])


def test_the_plain_limits_are_those_of_qicharts2() -> None:
    if not CASES.exists():
        pytest.skip("the reference cases are not beside the checkout (../shared)")
    [case] = [one for one in json.loads(CASES.read_text())["cases"] if one["id"] == "funnel_p_20_stores"]
    plain = case["results"][0]
    assert "chart='p'" in plain["call"]
    numerator, n = (np.array(case["input"][name], dtype=float) for name in ("num", "n"))
    shape = Funnel(numerator.sum() / n.sum(), float(within_of_shares(numerator, n)), 0.0)
    assert shape.centre == pytest.approx(plain["center"][0], rel=1e-12)
    for sigmas, ends in ((3, ("lcl", "ucl")), (2, ("lcl95", "ucl95"))):
        for found, end in zip(shape.limits(n, sigmas), ends, strict=True):
            assert found.tolist() == pytest.approx(plain[end], rel=1e-9)
    beyond = np.flatnonzero(np.abs(shape.z(numerator / n, n)) > 3)
    assert beyond.tolist() == plain["signals"]["sigma_signal"]


def test_what_winsorising_leaves_of_a_normal_variance_is_its_formula() -> None:
    c = NORMAL.inv_cdf(0.9)
    assert pytest.approx(0.8 - 2 * c * NORMAL.pdf(c) + 0.2 * c**2, rel=1e-12) == LEFT_BY_WINSORISING


def test_what_winsorising_leaves_is_what_numbers_spread_like_a_normal_distribution_keep() -> None:
    z = [NORMAL.inv_cdf((place + 0.5) / 20000) for place in range(20000)]
    assert left(z) / len(z) == pytest.approx(LEFT_BY_WINSORISING, rel=1e-3)


def test_two_units_have_the_tau_of_the_equation_solved_by_hand() -> None:
    """Their z are -z and z; winsorised they are -0.8 z and 0.8 z: 1.28 d^2 / (chance + tau^2) = 0.679."""
    found = variance_between(np.array([0.4, 0.6]), np.array([0.01, 0.01]), 0.5)
    assert found == pytest.approx(1.28 * 0.1**2 / LEFT_BY_WINSORISING - 0.01)


def test_one_unit_or_none_has_no_spread() -> None:
    assert variance_between(np.array([0.9]), np.array([0.001]), 0.5) == 0
    assert variance_between(np.array([]), np.array([]), 0.5) == 0


@given(st.lists(st.tuples(st.integers(-1000, 1000), st.integers(1, 400)), min_size=2, max_size=30))
@example([(56, 21), (789, 385), (789, 400)])
def test_tau_solves_its_equation_or_is_0_where_chance_explains_all(units: list[tuple[int, int]]) -> None:
    values, chance = [value / 1000 for value, _ in units], [10 / n for _, n in units]
    found = variance_between(np.array(values), np.array(chance), 0.0)
    expected = 0.6786545589528743 * (len(units) - 1)
    z = [value / sqrt(one + found) for value, one in zip(values, chance, strict=True)]
    if found == 0:
        assert left(z) <= expected * (1 + 1e-9)
    else:
        assert left(z) == pytest.approx(expected, rel=1e-6)


def drawn(random: np.random.Generator, units: int, tau: float) -> tuple[np.ndarray, np.ndarray]:
    """Values around 0.7 and n of units whose n differ a hundredfold; the variance of one event is 0.21."""
    n = np.exp(random.uniform(np.log(30), np.log(3000), units)).round()
    return 0.7 + random.normal(0, np.sqrt(0.21 / n + tau**2)), n


@pytest.mark.parametrize("tau", [0.01, 0.05, 0.2])
def test_a_known_spread_is_found(tau: float) -> None:
    random = np.random.default_rng(20240603)
    found = np.array([variance_between(values, 0.21 / n, 0.7) for values, n in (drawn(random, 400, tau) for _ in range(60))])
    assert found.mean() == pytest.approx(tau**2, abs=4 * found.std() / sqrt(len(found)) + 0.01 * tau**2)


@pytest.mark.parametrize("tau", [0.0, 0.05])
@pytest.mark.parametrize("units", [20, 60])
def test_fewer_than_one_good_unit_in_a_hundred_is_beyond_three_sigmas(units: int, tau: float) -> None:
    random = np.random.default_rng(units)
    beyond = 0
    for _ in range(400):
        values, n = drawn(random, units, tau)
        centre = float((values * n).sum() / n.sum())
        beyond += int((np.abs(funnel(values, n, centre, 0.21).z(values, n)) > 3).sum())
    assert beyond < 0.01 * 400 * units


def test_how_far_off_an_outlier_is_hardly_changes_the_spread() -> None:
    n = np.full(20, 100.0)
    usual = 0.5 + 0.1 * np.array([NORMAL.inv_cdf((place + 0.5) / 20) for place in range(20)])
    gross = usual.copy()
    gross[-1] = 50.0
    assert funnel(gross, n, 0.5, 0.25).tau == pytest.approx(funnel(usual, n, 0.5, 0.25).tau, rel=1e-6)
    middle = usual.copy()
    middle[10] = 50.0
    assert funnel(middle, n, 0.5, 0.25).tau == pytest.approx(funnel(usual, n, 0.5, 0.25).tau, rel=0.25)


def test_the_chance_of_a_z_counts_both_sides() -> None:
    assert two_sided(np.array([0.0, 1.959963984540054, -2.5758293035489004])).tolist() == pytest.approx([1.0, 0.05, 0.01])


def test_shares_vary_by_chance_as_the_share_of_all_together_does() -> None:
    found = within_of_shares(np.array([[3.0, 0.0], [6.0, 0.0]]), np.array([[10.0, 0.0], [10.0, 0.0]]))
    assert found[0] == pytest.approx(9 / 20 * 11 / 20)
    assert isnan(found[1])


def test_means_vary_by_chance_as_events_do_around_their_own_units_mean() -> None:
    """Units of the events 1 and 3 (2 around 2), 2, 4 and 6 (8 around 4), none, and a single 100 (0 around itself)."""
    found = within_of_means(np.array([4.0, 12.0, 0.0, 100.0]), np.array([10.0, 56.0, 0.0, 10000.0]), np.array([2.0, 3.0, 0.0, 1.0]))
    assert found == pytest.approx((2 + 8) / (1 + 2))


def test_single_events_say_nothing_of_how_events_vary() -> None:
    assert isnan(within_of_means(np.array([4.0, 5.0]), np.array([16.0, 25.0]), np.array([1.0, 1.0])))
