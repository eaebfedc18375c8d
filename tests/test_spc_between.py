"""The default chart against the same equations in plain Python, and what each part of it must do."""

from math import sqrt

import numpy as np
import pytest
import spc_oracle as oracle
from scipy.stats import binom, norm, t

from kpi.spc.between import between_within
from kpi.spc.catalogue import BY_NAME
from kpi.spc.charts import Lines, Sums
from kpi.spc.conventions import EXACT
from kpi.spc.judging import episodes
from tests.spc_judged import NO_DAY, judged, shares, singles

CHART = BY_NAME["between_within"]


def a_share(seed: int, *, level: float, between: float, n: int, weekly: float, correlation: float) -> tuple[list[int], list[int]]:
    """200 days of a share with Sundays off the usual and now and then a day without events."""
    random = np.random.default_rng(seed)
    days = np.arange(200)
    step, moved = random.standard_normal(200), np.zeros(200)
    for day in days[1:]:
        moved[day] = correlation * moved[day - 1] + step[day]
    count = random.poisson(n, 200) * (random.random(200) > 0.05)
    share = np.clip(level + between * moved + weekly * (days % 7 == 6), 0, 1)
    return random.binomial(count, share).tolist(), count.tolist()


SHARES = [
    pytest.param({"level": 0.9, "between": 0.01, "n": 200, "weekly": -0.05, "correlation": 0.0}, id="an ordinary share"),
    pytest.param({"level": 0.9, "between": 0.0, "n": 200, "weekly": 0.0, "correlation": 0.0}, id="chance alone"),
    pytest.param({"level": 0.6, "between": 0.03, "n": 2000, "weekly": 0.02, "correlation": 0.5}, id="many events, autocorrelated"),
    pytest.param({"level": 0.97, "between": 0.0, "n": 8, "weekly": 0.0, "correlation": 0.0}, id="few events"),
    pytest.param({"level": 1.0, "between": 0.0, "n": 30, "weekly": 0.0, "correlation": 0.0}, id="all succeed"),
]


@pytest.mark.parametrize("kind", SHARES)
@pytest.mark.parametrize("baseline", [20, 90])
def test_a_share_is_judged_as_by_the_equations_in_plain_python(kind: dict[str, float], baseline: int) -> None:
    above, n = a_share(7, **kind)
    sums = shares(above, n, baseline, daily=True)
    expected = oracle.shares(above, n, sums.baseline[0].tolist(), sums.weekday.tolist())
    compare(sums, expected)


@pytest.mark.parametrize("baseline", [20, 90])
def test_single_values_are_judged_as_by_the_equations_in_plain_python(baseline: int) -> None:
    random = np.random.default_rng(3)
    values = (random.standard_normal(200) + 2 * (np.arange(200) % 7 == 0)).round(3).tolist()
    values[10] = values[50] = values[150] = None
    sums = singles(values, baseline, daily=True)
    compare(sums, oracle.singles(values, sums.baseline[0].tolist(), sums.weekday.tolist()))


def compare(sums: Sums, expected: oracle.Usual) -> None:
    lines, known = between_within(sums, EXACT), np.isfinite(sums.value[0])
    close(lines.centre[0, known], np.array(expected.centre)[known])
    close(lines.sigma[0, known], np.array(expected.sigma)[known].astype(float))
    close(np.broadcast_to(lines.skewness, sums.value.shape)[0, known], np.array(expected.skewness)[known])
    assert lines.freedom[0, 0] == pytest.approx(expected.freedom)
    assert lines.autocorrelation[0, 0] == pytest.approx(expected.autocorrelation)
    found = judged(sums, CHART)
    told = oracle.told([value if np.isfinite(value) else None for value in sums.value[0].tolist()], expected)
    close(found.z[0], np.array(told.z, dtype=float))
    close(found.drift[0], np.array(told.drift, dtype=float))
    assert found.grade[0].tolist() == told.grade
    assert episodes(found).side[0].tolist() == told.side
    assert episodes(found).onset[0].tolist() == told.onset


def close(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=2e-9)


def lines_of(sums: Sums) -> Lines:
    return between_within(sums, EXACT)


# --- variance between -------------------------------------------------------------------------------------------------------------


def test_with_equal_n_sigma_is_the_standard_deviation_of_the_shares() -> None:
    lines = lines_of(shares([40, 60] * 5, [100] * 10))
    assert lines.centre[0].tolist() == pytest.approx([0.5] * 10)
    assert lines.sigma[0, 0] ** 2 == pytest.approx(10 * 0.1**2 / 9)


def test_shares_that_differ_less_than_by_chance_have_the_sigma_of_chance_alone() -> None:
    lines = lines_of(shares([50, 8, 200], [100, 16, 400]))
    assert lines.sigma[0].tolist() == pytest.approx([0.5 / 10, 0.5 / 4, 0.5 / 20])


def test_many_events_do_not_make_days_alike() -> None:
    random = np.random.default_rng(5)
    n = np.full((300, 100), 2000)
    lines = lines_of(shares(random.binomial(n, random.normal(0.8, 0.02, n.shape)), n))
    assert lines.sigma.mean() == pytest.approx(sqrt(0.02**2 + 0.8 * 0.2 / 2000), rel=0.01)


def test_single_values_without_weekdays_have_their_mean_and_standard_deviation() -> None:
    lines = lines_of(singles([1, 2, 3, 4, 10]))
    assert lines.centre[0, 0] == pytest.approx(20 / 5)
    assert lines.sigma[0, 0] ** 2 == pytest.approx((9 + 4 + 1 + 0 + 36) / 4)


@pytest.mark.parametrize("later", [5.0, 500.0])
def test_after_a_constant_baseline_any_change_is_a_serious_signal(later: float) -> None:
    found = judged(singles([4.0] * 40 + [4.0, later], baseline=40, daily=True), CHART)
    assert found.z[0, :41].tolist() == [0.0] * 41
    assert found.z[0, 41] == np.inf
    assert found.grade[0].tolist() == [0] * 41 + [2]


# --- weekdays -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "tells"), [(27, False), (28, True)])
def test_weekdays_are_told_apart_from_four_weeks_on(days: int, tells: bool) -> None:
    values = [(10.0 if day % 7 == 6 else 20.0) + 0.1 * (day % 2) for day in range(35)]
    centre = lines_of(singles(values, baseline=days, daily=True)).centre[0]
    assert (centre[6] < 12) == tells
    assert (np.ptp(centre) > 8) == tells


def test_points_that_are_not_days_have_no_weekday() -> None:
    values = [10.0 if day % 7 == 6 else 20.0 for day in range(70)]
    sums = singles(values)
    assert (sums.weekday == NO_DAY).all()
    assert np.ptp(lines_of(sums).centre) == 0


def test_weekdays_that_differ_by_chance_alone_are_hardly_told_apart() -> None:
    random = np.random.default_rng(11)
    values = random.standard_normal((400, 90))
    raw = np.array([values[:, day::7].mean(axis=1) for day in range(7)]).T
    shrunk = lines_of(singles(values, daily=True)).centre[:, :7]
    assert shrunk.std(axis=1).mean() < raw.std(axis=1).mean() / 3


@pytest.mark.parametrize("step", [0.0, 1.0, 4.0])
def test_weekdays_widen_limits_by_no_more_than_the_error_of_their_effects(step: float) -> None:
    random = np.random.default_rng(12)
    values = random.standard_normal((2000, 70)) + step * (np.arange(70) % 7 >= 5)
    sigma = lines_of(singles(values, baseline=56, daily=True)).sigma
    assert 0.97 < sigma.mean() < sqrt(1 + 1 / 8) + 0.01  # eight weeks: each weekday is a mean of eight values


# --- gaps -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 3, 12, 29])
def test_a_day_without_events_changes_no_other_day(place: int) -> None:
    above, n = a_share(9, level=0.8, between=0.02, n=100, weekly=0.0, correlation=0.0)
    above, n = above[:29], [max(one, 1) for one in n[:29]]
    whole = judged(shares(above, n), CHART)
    holed = judged(shares([*above[:place], 0, *above[place:]], [*n[:place], 0, *n[place:]]), CHART)
    assert np.isnan(holed.z[0, place])
    assert np.isnan(holed.lower[0, place])
    for name in ("z", "drift", "lower", "upper", "centre", "grade"):
        close(np.delete(getattr(holed, name)[0], place), getattr(whole, name)[0])


def test_a_series_without_anything_has_no_limits_and_spoils_no_other() -> None:
    above, n = [[8] * 30, [0] * 30], [[10] * 30, [0] * 30]
    found = judged(shares(above, n, daily=True), CHART)
    assert found.centre[0].tolist() == pytest.approx([0.8] * 30, abs=0.05)
    assert np.isnan(found.upper[1]).all()
    assert not found.grade.any()


# --- few points, few events ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [5, 7, 10, 15, 20, 30])
def test_limits_of_a_short_baseline_are_prediction_limits(count: int) -> None:
    values = np.random.default_rng(count).standard_normal(count)
    found = judged(singles([*values, 0.0], baseline=count), CHART)
    reach = t.ppf(norm.cdf(3), count - 1) * sqrt(1 + 1 / count) * values.std(ddof=1)
    assert found.upper[0, -1] == pytest.approx(values.mean() + reach)
    assert found.lower[0, -1] == pytest.approx(values.mean() - reach)


@pytest.mark.parametrize("count", [5, 10, 30])
def test_a_stable_point_after_a_short_baseline_is_flagged_as_rarely_as_after_a_long_one(count: int) -> None:
    values = np.random.default_rng(1).standard_normal((20_000, count + 10))
    found = judged(singles(values, baseline=count), CHART)
    later = slice(count, None)
    share = ((found.statistic > found.upper) | (found.statistic < found.lower))[:, later].mean()
    assert share == pytest.approx(0.0027, abs=0.0006)


def test_limits_of_few_events_follow_the_skewed_tail_of_the_binomial() -> None:
    n, p, days = 40, 0.97, 5000
    random = np.random.default_rng(2)
    found = judged(shares(random.binomial(n, p, days), [n] * days), CHART)
    sigma = sqrt(p * (1 - p) / n)
    counts = np.arange(n + 1)
    beyond = {
        "bent": (counts / n < found.lower[0, 0]) | (counts / n > found.upper[0, 0]),
        "one count nearer": (counts - 1) / n < found.lower[0, 0],
        "symmetric": (counts / n < p - 3 * sigma) | (counts / n > p + 3 * sigma),
    }
    alarms = {kind: binom.pmf(counts, n, p)[which].sum() for kind, which in beyond.items()}
    assert alarms["symmetric"] > 2 * 0.0027
    assert alarms["bent"] < 0.0027
    assert alarms["one count nearer"] > 0.0027


@pytest.mark.parametrize(("n", "days"), [(100, 30), (300, 10), (600, 5)])
def test_one_failure_after_3000_successes_is_no_signal(n: int, days: int) -> None:
    found = judged(shares([n] * days + [n - 1], [n] * (days + 1), baseline=days), CHART)
    assert found.grade[0, -1] == 0
    assert found.lower[0, -1] < (n - 1) / n


def test_many_failures_after_3000_successes_are_a_serious_signal() -> None:
    found = judged(shares([100] * 30 + [90], [100] * 31, baseline=30), CHART)
    assert found.grade[0, -1] == -2


# --- autocorrelation ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("correlation", [0.0, 0.2, 0.4, 0.7])
@pytest.mark.parametrize("length", [30, 90])
def test_autocorrelation_is_found_without_bias(correlation: float, length: int) -> None:
    random = np.random.default_rng(4)
    values = random.standard_normal((1000, length))
    for day in range(1, length):
        values[:, day] = correlation * values[:, day - 1] + sqrt(1 - correlation**2) * values[:, day]
    assert lines_of(singles(values)).autocorrelation[0, 0] == pytest.approx(correlation, abs=0.03)


def test_autocorrelation_that_may_be_chance_is_not_used() -> None:
    alternating = singles([1.0, 2.0] * 20)
    nearly = singles([1.0, 1.0, 2.0, 2.0, 1.0, 2.0, 1.0, 2.0])
    steady = singles([1.0] * 10 + [2.0] * 10 + [1.0] * 10)
    assert [lines_of(one).autocorrelation[0, 0] > 0 for one in (alternating, nearly, steady)] == [False, False, True]


def test_autocorrelation_of_one_share_is_that_of_all_shares_of_the_kpi() -> None:
    steady, restless = [1.0] * 10 + [2.0] * 10, [1.0, 2.0] * 10
    together = lines_of(singles([steady, steady, restless])).autocorrelation
    assert together[0, 0] == together[2, 0]
    assert together[0, 0] < lines_of(singles(steady)).autocorrelation[0, 0]
