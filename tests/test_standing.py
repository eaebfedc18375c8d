"""Where a KPI stands: the last complete period of the target's cadence, held against the target of that period."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from kpi.metrics import find
from kpi.periods import Dates
from kpi.standing import NO_TARGET, Standing, standing
from kpi.store import State
from tests.samples import Event, event, question, state_of

COMPLAINTS = 'kpi = "complaint_rate"\nat_most = 0.2\nalert = 0.4\nfrom = 2024-01-01'


def toml(*entries: str) -> str:
    return "".join(f"[[target]]\n{entry}\n" for entry in entries)


def complaints(on: str, bad: int, count: int, store: str = "S1") -> Iterator[Event]:
    for number in range(count):
        yield event(f"{on} {store} {number}", f"{on}T10:00", is_complaint=number < bad, store=store)


def newest(moment: str) -> Event:
    """An event that is no complaint and makes the data known until then."""
    return event("newest", moment, is_complaint=False, store="later")


def days(first: str, last: str) -> Dates:
    return Dates(date.fromisoformat(first), date.fromisoformat(last) + timedelta(days=1))


def stands(state: State, name: str, first: str, last: str, store: str = "S1") -> Standing:
    return standing(state, question(name, dates=days(first, last), where={"store": (store,)}), find(name))


WEEK = {"03": (6, 30), "04": (7, 30), "05": (12, 30), "06": (13, 30), "07": (29, 29), "08": (0, 0)}


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> State:
    """Monday to Friday with complaints, and a Saturday without any request at the store."""
    events = [one for day, (bad, count) in WEEK.items() for one in complaints(f"2024-06-{day}", bad, count)]
    daily = toml(f'{COMPLAINTS}\nevery = "day"')
    return state_of(tmp_path_factory.mktemp("week"), [*events, newest("2024-06-10T12:00")], targets=daily)


@pytest.mark.parametrize(
    ("day", "status"),
    [
        ("03", "met"),  # exactly at the aim is met
        ("04", "missed"),
        ("05", "missed"),  # exactly at the alert threshold is no alert
        ("06", "alert"),
        ("07", "not_enough"),  # one request below the floor, whatever the figure
        ("08", "no_value"),
    ],
)
def test_a_day_is_held_against_the_aim_and_the_alert_threshold(week: State, day: str, status: str) -> None:
    found = stands(week, "complaint_rate", "2024-06-01", f"2024-06-{day}")
    bad, count = WEEK[day]
    assert found.status == status
    assert (found.period, found.measured) == (date(2024, 6, int(day)), bad / count if count else None)
    assert found.answer is not None
    assert (found.answer.numerator or 0, found.answer.n, found.answer.is_complete) == (bad, count, True)
    assert found.target == week.settings.targets[0]


def test_without_a_target_there_is_nothing_to_stand_against(week: State) -> None:
    assert stands(week, "resolution_time", "2024-06-03", "2024-06-07") == NO_TARGET


def test_before_its_first_day_a_target_judges_nothing(week: State) -> None:
    assert stands(week, "complaint_rate", "2023-12-01", "2023-12-31") == NO_TARGET


@pytest.mark.parametrize("last", ["2024-06-10", "2024-06-30"])
def test_the_day_that_is_not_over_yet_is_not_judged(week: State, last: str) -> None:
    found = stands(week, "complaint_rate", "2024-06-03", last)
    assert (found.period, found.status) == (date(2024, 6, 9), "no_value")


def test_the_filters_of_the_question_hold(tmp_path: Path) -> None:
    events = [*complaints("2024-06-03", 30, 30), *complaints("2024-06-03", 0, 30, "S2"), newest("2024-06-05T12:00")]
    state = state_of(tmp_path, events, targets=toml(f'{COMPLAINTS}\nevery = "day"'))
    found = [stands(state, "complaint_rate", "2024-06-03", "2024-06-03", store).status for store in ("S1", "S2")]
    assert found == ["alert", "met"]


@pytest.mark.parametrize(
    ("every", "last", "period", "n"),
    [
        ("day", "2024-06-12", date(2024, 6, 12), 1),
        ("week", "2024-06-12", date(2024, 6, 3), 7),
        ("week", "2024-06-16", date(2024, 6, 10), 7),
        ("month", "2024-06-29", date(2024, 5, 1), 31),
        ("month", "2024-06-30", date(2024, 6, 1), 30),
        ("quarter", "2024-06-29", date(2024, 1, 1), 91),
        ("quarter", "2024-06-30", date(2024, 4, 1), 91),
        ("quarter", "2024-08-31", date(2024, 4, 1), 91),
    ],
)
def test_the_last_whole_period_before_the_end_of_the_days_is_judged(tmp_path: Path, every: str, last: str, period: date, n: int) -> None:
    half_a_year = (date(2024, 1, 1) + timedelta(days=number) for number in range(182))
    events = [*one_a_day(half_a_year), newest("2024-07-20T12:00")]
    state = state_of(tmp_path, events, targets=toml(f'{COMPLAINTS}\nevery = "{every}"'))
    found = stands(state, "complaint_rate", "2024-06-10", last)
    assert found.answer is not None
    assert (found.period, found.answer.n) == (period, n)


def one_a_day(whole: Iterable[date]) -> Iterator[Event]:
    for day in whole:
        yield from complaints(str(day), 0, 1)


def test_a_kpi_with_a_window_is_judged_on_the_last_period_whose_window_is_over(tmp_path: Path) -> None:
    target = 'kpi = "first_contact_resolution"\nevery = "week"\nat_least = 0.95\nfrom = 2024-01-01'
    resolved = [
        event(f"{week} {number}", f"2024-06-{week}T10:00", resolved_at=f"2024-06-{week}T11:00", contact_count=1 + (number < late))
        for week, late in (("03", 0), ("10", 30))
        for number in range(30)
    ]
    state = state_of(tmp_path, [*resolved, newest("2024-06-23T12:00")], targets=toml(target))
    found = stands(state, "first_contact_resolution_one_contact", "2024-06-03", "2024-06-23")
    assert (found.period, found.status, found.measured) == (date(2024, 6, 3), "met", 1.0)


@pytest.mark.parametrize(
    ("answered", "waiting", "alert", "status"),
    [
        (30, 40, "", "missed"),
        (30, 40, "alert = 30", "alert"),
        (0, 30, "alert = 30", "alert"),  # all wait: that is not "no data"
        (9, 20, "alert = 30", "not_enough"),
        (0, 1, "alert = 30", "not_enough"),
    ],
)
def test_a_quantile_that_is_not_reached_is_worse_than_any_value(
    tmp_path: Path, answered: int, waiting: int, alert: str, status: str
) -> None:
    target = f'kpi = "response_time_median"\nevery = "day"\nat_most = 15\nfrom = 2024-01-01\n{alert}'
    quick = [event(f"answered {number}", responded_at="2024-06-03T10:05") for number in range(answered)]
    open_still = [event(f"waiting {number}", responded_at=None) for number in range(waiting)]
    state = state_of(tmp_path, [newest("2024-06-05T12:00"), *quick, *open_still], targets=toml(target))
    found = stands(state, "response_time_median", "2024-06-03", "2024-06-03")
    assert (found.status, found.measured) == (status, None)


def test_a_deadline_that_lies_ahead_leaves_nothing_to_judge_yet(tmp_path: Path) -> None:
    target = 'kpi = "on_time"\nevery = "day"\nat_least = 0.9\nfrom = 2024-01-01'
    in_time = {"resolved_at": "2024-06-03T11:00", "due_at": "2024-06-04T00:00"}
    resolved = [event(f"resolved {number}", **in_time) for number in range(30)]
    ahead = event("ahead", due_at="2024-07-30T00:00", updated_at="2024-06-05T12:00")
    found = stands(state_of(tmp_path, [*resolved, ahead], targets=toml(target)), "on_time", "2024-06-03", "2024-06-03")
    assert (found.status, found.measured, found.period) == ("no_value", 1.0, date(2024, 6, 3))


# --- when targets change -------------------------------------------------------------------------------------------------------------


def changing(place: Path, *entries: str) -> State:
    """One good request a day from 1 April to 30 June 2024, under these targets."""
    spring = (date(2024, 4, 1) + timedelta(days=number) for number in range(91))
    targets = toml(*(f'kpi = "complaint_rate"\nat_most = 0.{number}\n{entry}' for number, entry in enumerate(entries)))
    return state_of(place, [*one_a_day(spring), newest("2024-07-01T12:00")], targets=targets)


def aim_and_period(state: State, last: str) -> tuple[float | None, date | None]:
    found = stands(state, "complaint_rate", "2024-05-01", last)
    return found.target and found.target.aim, found.period


@pytest.mark.parametrize(("every", "period"), [("day", date(2024, 5, 31)), ("month", date(2024, 5, 1))])
def test_a_target_that_ends_with_the_days_judges_them(tmp_path: Path, every: str, period: date) -> None:
    state = changing(tmp_path, f'every = "{every}"\nfrom = 2024-01-01\nuntil = 2024-05-31')
    assert aim_and_period(state, "2024-05-31") == (0.0, period)
    assert stands(state, "complaint_rate", "2024-05-01", "2024-06-01") == NO_TARGET


def test_a_new_cadence_judges_from_its_first_whole_period_and_the_old_one_until_then(tmp_path: Path) -> None:
    daily, weekly = 'every = "day"\nfrom = 2024-01-01\nuntil = 2024-05-31', 'every = "week"\nfrom = 2024-06-01'
    state = changing(tmp_path, daily, weekly)
    assert aim_and_period(state, "2024-05-31") == (0.0, date(2024, 5, 31))
    assert aim_and_period(state, "2024-06-05") == (0.0, date(2024, 5, 31))
    assert aim_and_period(state, "2024-06-08") == (0.0, date(2024, 5, 31))
    assert aim_and_period(state, "2024-06-09") == (0.1, date(2024, 6, 3))


def test_a_period_in_which_the_target_changes_is_judged_by_the_one_of_its_first_day(tmp_path: Path) -> None:
    old, new = 'every = "week"\nfrom = 2024-01-01\nuntil = 2024-06-05', 'every = "week"\nfrom = 2024-06-06'
    state = changing(tmp_path, old, new)
    assert aim_and_period(state, "2024-06-09") == (0.0, date(2024, 6, 3))
    assert aim_and_period(state, "2024-06-16") == (0.1, date(2024, 6, 10))


def test_the_old_targets_last_month_is_one_that_is_over(tmp_path: Path) -> None:
    monthly, weekly = 'every = "month"\nfrom = 2024-01-01\nuntil = 2024-05-15', 'every = "week"\nfrom = 2024-05-16'
    state = changing(tmp_path, monthly, weekly)
    assert aim_and_period(state, "2024-05-18") == (0.0, date(2024, 4, 1))


# --- against the previous year ---------------------------------------------------------------------------------------------------------


def paid(month: str, cost: float, count: int = 30) -> Iterator[Event]:
    for number in range(count):
        yield event(f"{month} {number}", f"{month}-10T10:00", resolved_at=f"{month}-10T11:00", cost=cost)


@pytest.mark.parametrize(
    ("last_year", "this_year", "status", "measured"),
    [
        ((4.0, 30), (3.0, 30), "met", -0.25),
        ((4.0, 30), (4.0, 30), "met", 0.0),
        ((4.0, 30), (5.0, 30), "missed", 0.25),
        ((4.0, 30), (8.0, 30), "alert", 1.0),
        ((4.0, 29), (8.0, 30), "not_enough", 1.0),
        ((4.0, 30), (8.0, 29), "not_enough", 1.0),
        ((4.0, 0), (8.0, 30), "no_value", None),
        ((0.0, 30), (8.0, 30), "no_value", None),
        ((4.0, 30), (8.0, 0), "no_value", None),
    ],
)
def test_a_yearly_target_is_held_against_the_same_period_of_last_year(
    tmp_path: Path, last_year: tuple[float, int], this_year: tuple[float, int], status: str, measured: float | None
) -> None:
    target = 'kpi = "cost_per_service"\nevery = "month"\nagainst = "previous_year"\nat_most = 0.0\nalert = 0.5\nfrom = 2024-01-01'
    events = [*paid("2023-05", *last_year), *paid("2023-06", 99.0), *paid("2024-05", *this_year), newest("2024-06-05T12:00")]
    found = stands(state_of(tmp_path, events, targets=toml(target)), "cost_per_service", "2024-05-01", "2024-05-31")
    assert (found.status, found.measured, found.period) == (status, measured, date(2024, 5, 1))
    assert found.answer is not None
    assert found.answer.n == this_year[1]
