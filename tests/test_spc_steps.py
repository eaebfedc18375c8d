"""Step changes: arithmetic in one's head, how often chance shows one, and whether the named days hold the true one."""

from math import sqrt

import numpy as np
import pytest

from kpi.spc.steps import FEWEST_POINTS, steps

NONE = np.zeros((1, 1))
GAP = np.nan


def test_a_plain_step_is_found_where_it_is_with_its_size() -> None:
    before, after = [1.0, -1.0] * 10, [5.0, 3.0] * 10
    found = steps(np.array([before + after]), NONE)
    assert found.place[0] == 20
    assert found.size[0] == pytest.approx(4 - 0)
    pooled = sqrt(40 / 38)  # every point is 1 from the mean of its side; two means were estimated
    assert found.error[0] == pytest.approx(pooled * sqrt(1 / 20 + 1 / 20))
    assert found.first[0] <= 20 <= found.last[0]
    assert found.chance[0] < 1e-6


def test_autocorrelation_makes_a_step_less_sure() -> None:
    series = np.array([[1.0, -1.0] * 10 + [5.0, 3.0] * 10])
    sure, unsure = (steps(series, np.array([[value]])) for value in (0.0, 0.5))
    assert unsure.error[0] == pytest.approx(sure.error[0] * sqrt(1.5 / 0.5))


def test_gaps_are_left_out_and_the_step_begins_with_the_next_point() -> None:
    found = steps(np.array([[1.0, -1.0] * 10 + [GAP, GAP] + [5.0, 3.0] * 10]), NONE)
    assert found.place[0] == 22
    assert found.size[0] == pytest.approx(4)


@pytest.mark.parametrize("count", [0, 1, 2 * FEWEST_POINTS - 1])
def test_too_few_points_have_no_step(count: int) -> None:
    found = steps(np.array([[float(number % 2) for number in range(count)] + [GAP]]), NONE)
    assert found.place[0] == -1
    assert np.isnan(found.chance[0])


def test_a_mirrored_series_has_the_mirrored_step() -> None:
    series = np.random.default_rng(5).normal(size=(50, 60))
    one, other = steps(series, np.zeros((50, 1))), steps(-series, np.zeros((50, 1)))
    assert (one.place == other.place).all()
    assert one.size == pytest.approx(-other.size)


@pytest.mark.parametrize("limit", [0.05, 0.01])
def test_a_process_without_a_step_shows_a_clear_one_as_often_as_is_said(limit: float) -> None:
    found = steps(np.random.default_rng(6).normal(size=(6000, 90)), np.zeros((6000, 1)))
    share = (found.chance < limit).mean()
    assert share == pytest.approx(limit, abs=4 * sqrt(limit / 6000) + 0.2 * limit)


def test_the_named_days_hold_the_true_one_at_least_as_often_as_is_said() -> None:
    series = np.random.default_rng(7).normal(size=(3000, 90))
    series[:, 60:] += 1.0
    found = steps(series, np.zeros((3000, 1)))
    assert ((found.first <= 60) & (found.last >= 60)).mean() >= 0.95 - 4 * sqrt(0.95 * 0.05 / 3000)
    assert found.size.mean() == pytest.approx(1.0, abs=0.1)
