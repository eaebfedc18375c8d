"""Quantiles of durations with open events: against Kaplan-Meier written out, and against numpy."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.survival import Durations, kaplan_meier_quantile, observed_quantile, survival

SECONDS = st.lists(st.integers(0, 12), max_size=25)
PROBABILITIES = st.sampled_from([Fraction(1, 10), Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(9, 10), Fraction(99, 100)])


def durations(ended: list[int], still_open: list[int]) -> Durations:
    times = sorted({*ended, *still_open})
    columns = (times, [ended.count(time) for time in times], [still_open.count(time) for time in times])
    return Durations(*(np.array(column, dtype=np.int64) for column in columns))


def product_limit(ended: list[int], still_open: list[int]) -> dict[int, Fraction]:
    """Kaplan-Meier event by event: at each end, those who lasted at least as long are at risk."""
    surviving, curve = Fraction(1), {}
    for time in sorted({*ended, *still_open}):
        at_risk = sum(other >= time for other in (*ended, *still_open))
        surviving *= 1 - Fraction(ended.count(time), at_risk)
        curve[time] = surviving
    return curve


def test_the_worked_case_has_a_median_of_10_and_no_ninetieth_percentile() -> None:
    found = durations([5, 10, 10, 20], [12, 30])
    assert survival(found) == pytest.approx([5 / 6, 1 / 2, 1 / 2, 1 / 4, 1 / 4])
    assert kaplan_meier_quantile(found, 0.5) == 10
    assert kaplan_meier_quantile(found, 0.9) is None
    assert observed_quantile(found, 0.5) == 10


def test_at_a_tie_the_end_comes_before_the_censoring() -> None:
    assert survival(durations([10], [10])) == pytest.approx([1 / 2])


def test_without_open_events_the_median_of_four_is_the_second() -> None:
    assert kaplan_meier_quantile(durations([1, 2, 3, 4], []), 0.5) == 2
    assert observed_quantile(durations([1, 2, 3, 4], []), 0.5) == 2.5


def test_nothing_ended_or_nothing_at_all_has_no_quantile() -> None:
    for found in (durations([], [3, 90]), durations([], [])):
        assert kaplan_meier_quantile(found, 0.5) is None
        assert observed_quantile(found, 0.5) is None


def test_zero_is_a_duration() -> None:
    assert kaplan_meier_quantile(durations([0, 0, 5], []), 0.5) == 0
    assert observed_quantile(durations([0, 0, 5], []), 0.5) == 0


@pytest.mark.parametrize("probability", [0.5, 0.9])
def test_the_median_of_two_million_different_durations_is_not_one_rank_off(probability: float) -> None:
    count = 2_000_000
    many = Durations(np.arange(1, count + 1), np.ones(count, dtype=np.int64), np.zeros(count, dtype=np.int64))
    assert kaplan_meier_quantile(many, probability) == probability * count


@given(SECONDS, SECONDS)
def test_the_survival_curve_is_that_of_kaplan_and_meier(ended: list[int], still_open: list[int]) -> None:
    assert survival(durations(ended, still_open)) == pytest.approx([float(one) for one in product_limit(ended, still_open).values()])


@given(SECONDS, SECONDS, PROBABILITIES)
def test_a_quantile_is_the_first_duration_by_which_that_share_has_ended(ended: list[int], still_open: list[int], share: Fraction) -> None:
    curve = product_limit(ended, still_open)
    expected = next((time for time, surviving in curve.items() if surviving <= 1 - share), None)
    assert kaplan_meier_quantile(durations(ended, still_open), float(share)) == expected


@given(SECONDS.filter(bool), SECONDS, st.floats(0, 1))
def test_the_observed_quantile_is_the_linear_one_of_numpy(ended: list[int], still_open: list[int], share: float) -> None:
    expected = float(np.quantile(ended, share, method="linear"))
    assert observed_quantile(durations(ended, still_open), share) == pytest.approx(expected, abs=1e-9)


@given(SECONDS, SECONDS, PROBABILITIES, st.integers(1, 10))
def test_an_event_that_stays_open_longer_never_makes_a_quantile_shorter(
    ended: list[int], still_open: list[int], share: Fraction, more: int
) -> None:
    now = kaplan_meier_quantile(durations(ended, still_open), float(share))
    then = kaplan_meier_quantile(durations(ended, [age + more for age in still_open]), float(share))
    assert now is None or then is None or then >= now
