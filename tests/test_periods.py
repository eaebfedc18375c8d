"""Days, weeks, months and quarters: they tile the time, and a year ago is well defined."""

from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kpi.periods import (
    COMPARISONS,
    EVERY,
    Comparison,
    Dates,
    Every,
    compared_with,
    following,
    period_compared_with,
    preceding,
    start_of,
    starts,
    year_before,
)

DAYS = st.dates(date(1950, 1, 1), date(2150, 1, 1))
CADENCES = st.sampled_from(EVERY)


@given(DAYS, st.integers(1, 800), CADENCES)
def test_the_periods_of_a_range_follow_each_other_without_holes_and_cover_it(first: date, days: int, every: Every) -> None:
    dates = Dates(first, first + timedelta(days=days))
    found = starts(dates, every)
    assert found[0] <= dates.start < following(found[0], every)
    assert found[-1] < dates.end <= following(found[-1], every)
    assert [following(start, every) for start in found[:-1]] == found[1:]


@given(DAYS, CADENCES)
def test_every_day_is_in_the_one_period_that_starts_on_or_before_it(day: date, every: Every) -> None:
    start = start_of(day, every)
    assert start <= day < following(start, every)
    assert start_of(start, every) == start
    assert preceding(following(start, every), every) == start
    assert following(preceding(start, every), every) == start


@given(DAYS)
def test_weeks_are_iso_weeks(day: date) -> None:
    year, week, _ = day.isocalendar()
    assert start_of(day, "week") == date.fromisocalendar(year, week, 1)


@pytest.mark.parametrize(
    ("day", "start", "after"),
    [
        (date(2024, 1, 1), date(2024, 1, 1), date(2024, 4, 1)),
        (date(2024, 3, 31), date(2024, 1, 1), date(2024, 4, 1)),
        (date(2024, 4, 1), date(2024, 4, 1), date(2024, 7, 1)),
        (date(2024, 6, 30), date(2024, 4, 1), date(2024, 7, 1)),
        (date(2024, 7, 1), date(2024, 7, 1), date(2024, 10, 1)),
        (date(2024, 9, 30), date(2024, 7, 1), date(2024, 10, 1)),
        (date(2024, 12, 31), date(2024, 10, 1), date(2025, 1, 1)),
    ],
)
def test_quarters_begin_in_january_april_july_and_october(day: date, start: date, after: date) -> None:
    assert start_of(day, "quarter") == start
    assert following(start, "quarter") == after


@pytest.mark.parametrize(
    ("day", "before"),
    [
        (date(2024, 2, 29), date(2023, 2, 28)),
        (date(2025, 2, 28), date(2024, 2, 28)),
        (date(2025, 3, 1), date(2024, 3, 1)),
        (date(2024, 12, 31), date(2023, 12, 31)),
    ],
)
def test_a_year_before_is_the_same_calendar_day_and_29_february_becomes_the_28th(day: date, before: date) -> None:
    assert year_before(day) == before


@given(DAYS, st.integers(1, 400))
def test_the_previous_period_is_as_long_and_ends_where_the_range_starts(first: date, days: int) -> None:
    dates = Dates(first, first + timedelta(days=days))
    found = compared_with(dates, "previous_period")
    assert (found.end, found.days) == (dates.start, dates.days)


@given(DAYS, st.integers(1, 400))
def test_the_same_weekdays_of_last_year_are_as_long_and_start_on_the_same_weekday(first: date, days: int) -> None:
    dates = Dates(first, first + timedelta(days=days))
    found = compared_with(dates, "same_weekdays")
    assert (found.start.weekday(), found.days) == (dates.start.weekday(), dates.days)
    assert dates.start - found.start == timedelta(days=364)


@given(DAYS, st.integers(1, 400), st.sampled_from(COMPARISONS))
@example(date(2024, 2, 28), 1, "previous_year")
def test_what_a_range_is_held_against_is_never_empty(first: date, days: int, comparison: Comparison) -> None:
    assert compared_with(Dates(first, first + timedelta(days=days)), comparison).days > 0


@given(st.one_of(DAYS, st.dates(date(2023, 2, 25), date(2025, 3, 5))))
@example(date(2025, 2, 28))
@example(date(2024, 2, 29))
def test_one_day_is_held_against_one_day_of_last_year(day: date) -> None:
    found = compared_with(Dates(day, day + timedelta(days=1)), "previous_year")
    assert found == Dates(year_before(day), year_before(day) + timedelta(days=1))


@given(DAYS, st.integers(1, 30))
@example(date(2025, 2, 1), 1)
@example(date(2024, 1, 1), 2)
@example(date(2024, 2, 1), 14)
def test_whole_months_are_held_against_the_same_whole_months_of_last_year(day: date, count: int) -> None:
    start = end = start_of(day, "month")
    for _ in range(count):
        end = following(end, "month")
    found = compared_with(Dates(start, end), "previous_year")
    assert (found.start, found.end) == (start.replace(year=start.year - 1), end.replace(year=end.year - 1))


@given(st.dates(date(2023, 1, 1), date(2026, 12, 31)), st.integers(1, 800))
@example(date(2025, 2, 10), 19)
def test_other_ranges_are_held_against_the_same_first_and_last_day(first: date, days: int) -> None:
    dates = Dates(first, first + timedelta(days=days))
    found = compared_with(dates, "previous_year")
    last, last_before = dates.end - timedelta(days=1), found.end - timedelta(days=1)
    assert found.start == year_before(first)
    if not first.day == dates.end.day == 1:
        assert last_before == year_before(last)
    assert abs(found.days - dates.days) <= 1


def test_28_february_of_a_leap_year_is_held_against_28_february() -> None:
    one_day = Dates(date(2024, 2, 28), date(2024, 2, 29))
    assert compared_with(one_day, "previous_year") == Dates(date(2023, 2, 28), date(2023, 3, 1))


def test_1_to_28_february_of_a_leap_year_are_held_against_28_days() -> None:
    assert compared_with(Dates(date(2024, 2, 1), date(2024, 2, 29)), "previous_year").days == 28


def test_a_whole_month_or_quarter_is_held_against_the_whole_one_of_last_year() -> None:
    february = Dates(date(2024, 2, 1), date(2024, 3, 1))
    assert compared_with(february, "previous_year") == Dates(date(2023, 2, 1), date(2023, 3, 1))
    first_quarter = Dates(date(2025, 1, 1), date(2025, 4, 1))
    assert compared_with(first_quarter, "previous_year") == Dates(date(2024, 1, 1), date(2024, 4, 1))


@given(DAYS, CADENCES, st.sampled_from(COMPARISONS))
def test_a_period_is_held_against_the_start_of_an_earlier_one(day: date, every: Every, comparison: Comparison) -> None:
    start = start_of(day, every)
    found = period_compared_with(start, every, comparison)
    assert found == start_of(found, every)
    assert found < start


@given(DAYS)
def test_a_week_is_held_against_the_week_that_starts_nearest_to_a_year_before(day: date) -> None:
    start = start_of(day, "week")
    found = period_compared_with(start, "week", "previous_year")
    assert abs((found - year_before(start)).days) <= 3


@pytest.mark.parametrize(
    ("every", "comparison", "before"),
    [
        ("month", "previous_period", date(2023, 12, 1)),
        ("month", "same_weekdays", date(2023, 1, 1)),
        ("month", "previous_year", date(2023, 1, 1)),
        ("quarter", "previous_period", date(2023, 10, 1)),
        ("quarter", "previous_year", date(2023, 1, 1)),
        ("week", "previous_period", date(2023, 12, 25)),
        ("week", "previous_year", date(2023, 1, 2)),
        ("day", "previous_period", date(2023, 12, 31)),
        ("day", "same_weekdays", date(2023, 1, 2)),
        ("day", "previous_year", date(2023, 1, 1)),
    ],
)
def test_the_period_of_new_year_2024_is_held_against(every: Every, comparison: Comparison, before: date) -> None:
    assert period_compared_with(date(2024, 1, 1), every, comparison) == before
