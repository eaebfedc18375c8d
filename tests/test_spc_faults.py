"""Faults found in other tools, one test each: none may be here."""

import re
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kpi.spc.catalogue import BY_NAME as CHARTS
from kpi.spc.charts import Lines, Sums
from kpi.spc.constants import MEDIAN_RANGE_OF_TWO
from kpi.spc.conventions import CONVENTIONS, EXACT, UNWIDENED, Convention
from kpi.spc.distances import Distances, distances
from kpi.spc.rules import RULES, Rule
from tests.spc_series import GAP, Array, counted, grouped, measured, row

KNOWN = np.full((1, 1), np.inf)
SCREENING = [convention for convention in CONVENTIONS if convention.screens]
CONSTANT_THEN_TENFOLD = {
    "individuals": lambda: measured([10.0] * 20 + [100.0], BASELINE),
    "individuals_median": lambda: measured([10.0] * 20 + [100.0], BASELINE),
    "moving_range": lambda: measured([10.0] * 20 + [100.0], BASELINE),
    "between_within": lambda: measured([10.0] * 20 + [100.0], BASELINE),
    "ewma": lambda: measured([10.0] * 20 + [100.0], BASELINE),
    "cusum": lambda: measured([10.0] * 20 + [100.0], BASELINE),
    "t": lambda: measured([10.0] * 20 + [100.0], BASELINE),
    "p": lambda: counted([0] * 20 + [10], [100] * 21, BASELINE),
    "np": lambda: counted([0] * 20 + [10], [100] * 21, BASELINE),
    "laney_p": lambda: counted([0] * 20 + [10], [100] * 21, BASELINE),
    "u": lambda: counted([0] * 20 + [10], [100] * 21, BASELINE),
    "laney_u": lambda: counted([0] * 20 + [10], [100] * 21, BASELINE),
    "c": lambda: measured([0.0] * 20 + [10.0], BASELINE),
    "g": lambda: measured([0.0] * 20 + [10.0], BASELINE),
    "x_bar": lambda: grouped([[10.0] * 3] * 20 + [[100.0] * 3], BASELINE),
    "individuals_prime": lambda: grouped([[10.0] * 3] * 20 + [[100.0] * 3], BASELINE),
    "s": lambda: grouped([[10.0] * 3] * 20 + [[1.0, 10.0, 19.0]], BASELINE),
}
BASELINE = [True] * 20 + [False]


def lines(chart: str, sums: Sums, convention: Convention = UNWIDENED) -> Lines:
    return CHARTS[chart].lines(sums, convention)


def z(chart: str, sums: Sums, convention: Convention = UNWIDENED) -> Distances:
    return distances(lines(chart, sums, convention), widens=False)


def flagged(rule: str, found: Distances) -> list[int]:
    return np.flatnonzero(RULES[rule].marks(found).completing[0]).tolist()


def test_limits_do_not_depend_on_how_the_library_is_loaded() -> None:
    alone = "\n".join(
        (
            "from kpi.spc.charts import individuals",
            "from kpi.spc.conventions import EXACT",
            "from tests.spc_series import measured",
            "print(individuals(measured([1, 5, 2, 90, 3, 4]), EXACT).sigma[0, 0])",
        )
    )
    elsewhere = subprocess.run([sys.executable, "-c", alone], capture_output=True, text=True, check=True).stdout
    assert float(elsewhere) == lines("individuals", measured([1, 5, 2, 90, 3, 4]), EXACT).sigma[0, 0]


@pytest.mark.parametrize("convention", SCREENING, ids=lambda convention: convention.name)
def test_screened_ranges_never_leave_a_sigma_of_zero(convention: Convention) -> None:
    found = z("individuals", measured([6.8] * 24 + [90.0]), convention)
    assert flagged("beyond_limits", found) == [24]


@pytest.mark.parametrize("chart", CONSTANT_THEN_TENFOLD)
def test_a_constant_baseline_does_not_hide_a_tenfold_jump(chart: str) -> None:
    found = z(chart, CONSTANT_THEN_TENFOLD[chart](), EXACT)
    assert flagged("beyond_limits", found) == [20]


def test_two_of_three_are_held_against_each_points_own_limit_where_n_varies() -> None:
    share, n = 0.5, [100, 10000, 100]  # two sigma are 0.1, 0.01 and 0.1
    rule = RULES["two_of_three"]
    beyond_own = counted([100 * 0.61, 10000 * 0.505, 100 * 0.61], n)
    within_own = counted([100 * 0.55, 10000 * 0.505, 100 * 0.55], n)  # beyond the second point's limit, not beyond their own
    for sums, complete in ((beyond_own, [0, 0, 1]), (within_own, [0, 0, 0])):
        centred = replace(lines("p", sums), centre=np.full((1, 3), share), sigma=np.sqrt(share * (1 - share) / np.array([n])))
        assert rule.marks(distances(centred, widens=False)).completing[0].tolist() == complete


@pytest.mark.parametrize("chart", ["p", "laney_p", "np", "u", "laney_u", "x_bar", "individuals_prime", "between_within"])
def test_one_day_without_events_blanks_no_other_limit(chart: str) -> None:
    found = lines(chart, counted([5, 6, 0, 4, 7, 5], [10, 10, 0, 10, 10, 10]))
    drawn = np.isfinite(found.sigma[0]) & np.isfinite(found.centre[0])
    assert drawn[[0, 1, 3, 4, 5]].all()


def test_a_moving_range_crosses_no_excluded_point_no_gap_and_no_end_of_the_baseline() -> None:
    expected = (2 + 2) / 2
    across = {
        "excluded": measured([10, 12, 900, 100, 102], [True, True, False, True, True]),
        "gap": measured([10, 12, GAP, 100, 102]),
        "baseline": measured([10, 12, 10, 900], [True, True, True, False]),
    }
    for sums in across.values():
        assert lines("moving_range", sums).centre[0, 0] == expected
        assert lines("individuals", sums).sigma[0, 0] * EXACT.d2 == pytest.approx(expected)


def test_the_median_moving_range_has_a_divisor_of_its_own() -> None:
    sigma = lines("individuals_median", measured([10, 12, 10, 12])).sigma[0, 0]
    assert sigma == pytest.approx(2 / 0.9538725524089398)
    assert MEDIAN_RANGE_OF_TWO < 0.96 < EXACT.d2


def test_points_exactly_on_the_mean_are_no_run_though_the_mean_is_an_ulp_off() -> None:
    sums = measured([0.7] * 9 + [1.1, 0.3] * 3)
    centre = lines("individuals", sums).centre[0, 0]
    assert centre != 0.7
    assert abs(centre - 0.7) < 1e-15
    assert (z("individuals", sums).z[0, :9] == 0).all()
    assert not flagged("run_of_nine", z("individuals", sums))


@pytest.mark.parametrize("rule", ["run_of_nine", "run_of_seven", "four_of_five", "beyond_limits"])
def test_equal_values_are_on_their_centre(rule: str) -> None:
    for value in (0.1, 1 / 3, 1e9 + 0.1, -7.7):
        assert not flagged(rule, z("individuals", measured([value] * 25)))
    assert not flagged(rule, z("p", counted([0] * 25, [30] * 25)))
    assert not flagged(rule, z("c", measured([0.0] * 25)))


@pytest.mark.parametrize("first", [-5.0, -0.5, 0.0, 5.0])
def test_a_trend_does_not_depend_on_the_sign_of_its_first_value(first: float) -> None:
    found = judged(first + np.arange(6.0))
    assert flagged("trend_of_six", found) == [5]


NUMBERS = {"four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "fourteen": 14, "fifteen": 15}
SHAPES = {
    "run_of_seven": lambda points: np.ones(points),
    "run_of_eight": lambda points: np.ones(points),
    "run_of_nine": lambda points: np.ones(points),
    "trend_of_six": np.arange,
    "trend_of_seven": np.arange,
    "alternating": lambda points: np.arange(points) % 2,
    "hugging": lambda points: np.full(points, 0.5),
    "avoiding": lambda points: np.where(np.arange(points) % 2, 1.5, -1.5),
}


@pytest.mark.parametrize("name", SHAPES)
def test_the_number_of_points_in_the_sentence_is_the_one_in_the_code(name: str) -> None:
    word = re.match(r"(\w+) points in a row", RULES[name].definition)
    assert word
    points = NUMBERS[word[1]]
    assert flagged(name, judged(SHAPES[name](points))) == [points - 1]
    assert not flagged(name, judged(SHAPES[name](points - 1)))


POINT_RULES = [rule for rule in RULES.values() if "one point more than" in rule.definition]
DRIFT_RULES = [rule for rule in RULES.values() if "weighted mean" in rule.definition]


@pytest.mark.parametrize("rule", [*POINT_RULES, *DRIFT_RULES], ids=lambda rule: rule.name)
def test_the_sigmas_in_the_sentence_are_those_in_the_code(rule: Rule) -> None:
    number = re.search(r"more than ([\d.]+) (?:of its own )?sigma", rule.definition)
    assert number
    sigmas = float(number[1])
    assert not rule.marks(judged(np.array([sigmas - 1e-6]))).completing.any()
    assert rule.marks(judged(np.array([sigmas + 1e-6]))).completing.any()


def test_the_interval_of_the_cusum_in_the_sentence_is_the_one_in_the_code() -> None:
    number = re.search(r"more than ([\d.]+) sigma", RULES["cusum"].definition)
    assert number
    needed = float(number[1]) + 0.5  # half a sigma is forgiven at each point
    assert not flagged("cusum", judged(np.array([needed / 2 + 0.25 - 1e-6] * 2)))
    assert flagged("cusum", judged(np.array([needed / 2 + 0.25 + 1e-6] * 2))) == [1]


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_no_rule_is_off_where_limits_vary(rule: Rule) -> None:
    far = signal_of(rule)
    n = np.where(np.arange(len(far)) % 2, 40_000.0, 40_001.0)
    centre, sigma = np.full((1, len(n)), 0.5), 0.5 / np.sqrt(n)[None]
    drawn = replace(lines("p", counted(n.tolist(), n.tolist())), statistic=centre + far * sigma, centre=centre, sigma=sigma)
    assert len(set(drawn.sigma[0])) == 2
    assert rule.marks(distances(drawn, widens=False)).completing.any()


def signal_of(rule: Rule) -> Array:
    """Distances that the rule marks."""
    if rule.name in SHAPES:
        return SHAPES[rule.name](20).astype(float)
    return np.full(30, {"close_to_limit": 2.5}.get(rule.name, 4.5))


def judged(points: Any) -> Distances:
    values = row(points.tolist())
    return Distances(values, values, KNOWN, np.zeros((1, 1)))
