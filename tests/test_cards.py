"""A KPI at a glance: the figure of all days, the course, what is read beside it, and what it is held against."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from kpi.cards import MOST_COURSE_POINTS, Card, cards
from kpi.periods import Comparison, Dates
from kpi.report import ALWAYS, answer, total
from kpi.standing import NO_TARGET, standing
from kpi.store import State
from tests.samples import Event, day, event, question, state_of

NAMES = ("complaint_rate", "open_events", "response_time_median", "response_time")


def opened(number: int, count: int) -> Iterator[Event]:
    """Requests of one day; the first of them is a complaint, and all wait."""
    for one in range(count):
        yield event(f"{number} {one}", f"{day(number)}T09:00", is_complaint=one == 0)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> State:
    """From Monday 3 June on, one request a day stays open, with one answered request beside it; known until noon of day 60."""
    answered = [
        event(f"answered {number}", f"{day(number)}T09:00", responded_at=f"{day(number)}T09:10", closed_at=f"{day(number)}T09:20")
        for number in range(60)
    ]
    waiting = [one for number in range(60) for one in opened(number, 1)]
    return state_of(tmp_path_factory.mktemp("cards"), [*answered, *waiting, event("newest", f"{day(60)}T12:00")])


def of(state: State, name: str, dates: Dates, comparison: Comparison = "previous_period") -> Card:
    return cards(state, question(name, dates=dates), comparison)[0]


def test_the_figure_is_that_of_all_days_asked_for_at_once(state: State) -> None:
    dates = Dates(day(20), day(40))
    found = cards(state, question(*NAMES, dates=dates), "previous_period")
    assert [card.kpi.name for card in found] == list(NAMES)
    expected = [total(state, question(name, dates=dates)) for name in NAMES]
    assert [(card.figure.value, card.figure.n, card.figure.undetermined, card.figure.is_complete) for card in found] == [
        (one.value, one.n, one.undetermined, one.is_complete) for one in expected
    ]


def test_a_stock_is_what_it_is_on_the_last_day(state: State) -> None:
    assert of(state, "open_events", Dates(day(20), day(40))).figure.value == 40


def test_the_course_has_a_figure_a_day_and_a_gap_where_nothing_was_opened(tmp_path: Path) -> None:
    found = of(state_of(tmp_path, [*opened(0, 2), *opened(2, 4), *opened(3, 1)]), "complaint_rate", Dates(day(0), day(4)))
    assert found.every == "day"
    assert [(one.period, one.value) for one in found.course] == [(day(0), 1 / 2), (day(1), None), (day(2), 1 / 4), (day(3), 1)]


def test_a_course_of_very_many_days_is_of_weeks(tmp_path: Path) -> None:
    events = [one for number in range(MOST_COURSE_POINTS + 1) for one in opened(number, 1)]
    state = state_of(tmp_path, events)
    dates = Dates(day(0), day(MOST_COURSE_POINTS + 1))
    assert of(state, "complaint_rate", replace(dates, end=day(MOST_COURSE_POINTS))).every == "day"
    found = of(state, "complaint_rate", dates)
    assert found.every == "week"
    assert [(one.period, one.n) for one in found.course][:2] == [(day(0), 7), (day(7), 7)]


def test_what_is_read_beside_a_figure_is_of_the_same_days(state: State) -> None:
    dates = Dates(day(20), day(40))
    [beside] = of(state, "response_time", dates).beside
    assert (beside.kpi.name, beside.value, beside.n) == ("response_time_median", 10, 20)


def test_what_the_data_do_not_measure_names_its_columns_and_nothing_else(state: State) -> None:
    found = of(state, "satisfaction", Dates(day(20), day(40)))
    assert (found.missing, found.figure.value, found.figure.n, found.standing, found.change) == (
        ("satisfaction",),
        None,
        0,
        NO_TARGET,
        None,
    )
    assert (found.course, found.beside) == ((), ())


def test_a_card_stands_where_its_kpi_does(tmp_path: Path) -> None:
    targets = '[[target]]\nkpi = "complaint_rate"\nevery = "day"\nat_most = 0.5\nfrom = 2024-01-01'
    state = state_of(tmp_path, [*opened(0, 40), *opened(2, 1)], targets=targets)
    asked = question("complaint_rate", dates=Dates(day(0), day(1)))
    found = cards(state, asked, "previous_period")[0].standing
    assert (found, found.status) == (standing(state, asked, asked.kpis[0]), "met")


# --- what it is held against ------------------------------------------------------------------------------------------------------------


def test_a_change_is_between_complete_days_and_as_many_before_them(state: State) -> None:
    found = of(state, "complaint_rate", Dates(day(50), day(61))).change  # day 60 is not over yet
    assert found is not None
    assert found.before_dates == Dates(day(40), day(50))
    assert (found.now.n, found.before.n) == (20, 20)


def test_there_is_no_change_without_events_before(state: State) -> None:
    assert of(state, "complaint_rate", Dates(day(0), day(10))).change is None


def test_all_days_are_held_against_nothing(state: State) -> None:
    assert of(state, "complaint_rate", Dates(ALWAYS.start, day(61))).change is None


@pytest.mark.parametrize("comparison", ["previous_period", "same_weekdays", "previous_year"])
@pytest.mark.parametrize("count", [1, 2, 6, 7, 8, 13, 14, 20, 28])
def test_a_stock_is_held_against_the_same_weekday(tmp_path: Path, count: int, comparison: Comparison) -> None:
    """Every day one more is open, so that the difference is how many days lie between."""
    since = date(2022, 1, 3)
    events = [event(str(number), f"{since + timedelta(days=number)}T09:00", closed_at=None) for number in range(900)]
    dates = Dates(date(2024, 5, 1), date(2024, 5, 1) + timedelta(days=count))
    found = of(state_of(tmp_path, events), "open_events", dates, comparison).change
    assert found is not None
    assert found.before_dates is not None
    between = {"previous_period": max(7, count // 7 * 7), "same_weekdays": 364, "previous_year": 364}[comparison]
    assert found.difference == between
    assert found.before_dates.end == dates.end - timedelta(days=between)


def test_other_kpis_are_held_against_the_days_as_they_are(state: State) -> None:
    found = of(state, "complaint_rate", Dates(day(40), day(43))).change
    assert found is not None
    assert found.before_dates == Dates(day(37), day(40))
    before = answer(state, question("complaint_rate", dates=Dates(day(37), day(40))))[0]
    assert (found.before.value, found.before.n) == (before.value, before.n)
