"""Until when figures are final, on both clocks: no day may be called complete while an outcome in it is open."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi.asking import attributed
from kpi.calendar import Schedule, Shift, moment_before
from kpi.cards import cards
from kpi.completeness import complete_until
from kpi.metrics import find
from kpi.periods import Dates
from kpi.report import answer, compared
from kpi.store import State
from tests.samples import Event, event, question, state_of

OFFICE = 'clock = "opening_hours"\nopening_hours = ["Mon-Fri 09:00-17:00"]\n'
LIMIT = '[[target]]\nkpi = "response_time"\nevery = "day"\nat_least = 0.9\nfrom = {}\nuntil = {}\nlimit_minutes = {}\n'


def waiting(opened: str, store: str = "S1") -> Event:
    return event(opened, opened, responded_at=None, store=store)


def known_until(moment: str) -> Event:
    return event("newest", moment, responded_at=moment)


def complete_days(state: State, name: str) -> dict[str, bool]:
    return {str(one.period)[5:]: one.is_complete for one in answer(state, question(name, every="day"))}


def undetermined_days(state: State, name: str) -> dict[str, int]:
    return {str(one.period)[5:]: one.undetermined for one in answer(state, question(name, every="day"))}


# --- opening hours -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["response_time", "response_time_of_all", "consistency"])
def test_on_friday_evening_nothing_is_decided_until_the_limit_has_passed_on_monday(tmp_path: Path, name: str) -> None:
    """Opened ten minutes before the weekend; five minutes into Monday the store was open for 15 of its minutes."""
    state = state_of(tmp_path, [waiting("2024-06-28T16:50"), known_until("2024-07-01T09:05")], calendar=OFFICE)
    assert undetermined_days(state, "response_time") == {"06-28": 1, "07-01": 0}
    assert complete_days(state, name) == {"06-28": False, "07-01": False}


def test_once_the_limit_has_passed_in_opening_time_friday_and_the_weekend_are_complete(tmp_path: Path) -> None:
    events = [waiting("2024-06-28T16:50"), waiting("2024-06-30T12:00"), known_until("2024-07-01T09:16")]
    state = state_of(tmp_path, events, calendar=OFFICE)
    assert undetermined_days(state, "response_time") == {"06-28": 0, "06-30": 0, "07-01": 0}
    assert complete_days(state, "response_time") == {"06-28": True, "06-30": True, "07-01": False}


def test_the_store_whose_limit_passes_last_decides(tmp_path: Path) -> None:
    hours = f'{OFFICE}[stores.S2]\nopening_hours = ["Mon 09:00-17:00"]\n'
    events = [waiting("2024-06-24T16:50", "S2"), known_until("2024-06-28T12:00")]
    state = state_of(tmp_path, events, calendar=hours)
    assert undetermined_days(state, "response_time") == {"06-24": 1, "06-28": 0}
    assert complete_until(state, find("response_time"), None) == date(2024, 6, 24)
    assert complete_until(state, find("complaint_rate"), None) == date(2024, 6, 28)


def test_resolution_time_is_always_elapsed_time(tmp_path: Path) -> None:
    events = [event("1", "2024-06-28T16:50", resolved_at=None), known_until("2024-07-01T09:05")]
    state = state_of(tmp_path, events, calendar=OFFICE)
    assert complete_until(state, find("resolution_time"), 15) == date(2024, 7, 1)


SHIFTS = st.sampled_from([(time(9), time(17)), (time(8, 30), time(12)), (time(22), time(6)), (time(0), time(0))])


@settings(max_examples=200)
@given(
    st.sets(st.integers(0, 6), min_size=1),
    SHIFTS,
    st.sampled_from(["Europe/Paris", "America/New_York"]),
    st.integers(0, 40 * 24 * 4),
    st.sampled_from([0, 1, 15, 60, 480, 481, 960, 5000]),
)
def test_before_that_moment_more_open_minutes_pass_than_the_limit_and_from_it_on_no_more(
    weekdays: set[int], shift: tuple[time, time], zone: str, quarters: int, limit: int
) -> None:
    """The clocks change in the middle of the 40 days; the minutes are counted by the oracle."""
    now = datetime(2024, 3, 5, tzinfo=UTC) + timedelta(minutes=15 * quarters)
    shifts = tuple(Shift(weekday, *shift) for weekday in weekdays)
    found = moment_before(Schedule(zone, shifts, frozenset()), now, limit * 60)

    def open_minutes(since: datetime) -> float:
        opening = {weekday: [shift] for weekday in weekdays}
        local = (moment.astimezone(oracle.ZoneInfo(zone)).replace(tzinfo=None) for moment in (since, now))
        return float(oracle.business_minutes(*local, zone, opening))

    assert open_minutes(found) <= limit
    assert open_minutes(found - timedelta(minutes=15)) > limit


def test_a_store_that_never_opens_never_decides() -> None:
    on_new_year = Schedule("UTC", (Shift(0, time(9), time(9, 1)),), frozenset())
    assert moment_before(on_new_year, datetime(2024, 6, 3, tzinfo=UTC), 10**9) < datetime(1950, 1, 1, tzinfo=UTC)


# --- limits that changed ------------------------------------------------------------------------------------------------------------


def test_a_limit_that_expired_long_ago_keeps_no_day_of_today_incomplete(tmp_path: Path) -> None:
    ten_days, quarter = LIMIT.format("2020-01-01", "2020-12-31", 14_400), LIMIT.format("2021-01-01", "2030-12-31", 15)
    events = [event(day, f"2024-06-{day}T09:00", responded_at=f"2024-06-{day}T09:01") for day in ("20", "29", "30")]
    state = state_of(tmp_path, events, targets=ten_days + quarter)
    assert complete_days(state, "response_time") == {"06-20": True, "06-29": True, "06-30": False}


def test_days_under_a_long_limit_stay_open_until_it_has_passed_whatever_came_after_it(tmp_path: Path) -> None:
    three_days, quarter = LIMIT.format("2024-01-01", "2024-06-28", 3 * 1440), LIMIT.format("2024-06-29", "2030-12-31", 15)
    events = [waiting(f"2024-06-{day}T09:00") for day in ("26", "27", "28", "29")]
    state = state_of(tmp_path, [*events, known_until("2024-06-30T12:00")], targets=three_days + quarter)
    assert undetermined_days(state, "response_time") == {"06-26": 0, "06-27": 0, "06-28": 1, "06-29": 0, "06-30": 0}
    assert complete_until(state, find("response_time"), None) == date(2024, 6, 27)


def test_a_limit_asked_for_replaces_all_others(tmp_path: Path) -> None:
    state = state_of(tmp_path, [known_until("2024-06-30T12:00")], targets=LIMIT.format("2024-01-01", "2030-12-31", 14_400))
    assert complete_until(state, find("response_time"), None) == date(2024, 6, 20)
    assert complete_until(state, find("response_time"), 13 * 60) == date(2024, 6, 29)


# --- deadlines of the requests' own -----------------------------------------------------------------------------------------------------


def promised(day: str, due: str, resolved: str | None) -> Event:
    return event(f"{day} {due}", f"2024-06-{day}T09:00", due_at=due, resolved_at=resolved, updated_at="2024-06-30T12:00")


def test_on_time_is_complete_when_every_deadline_has_passed_or_been_met(tmp_path: Path) -> None:
    events = [
        promised("10", "2024-06-11T00:00", "2024-06-10T10:00"),
        promised("10", "2024-07-30T00:00", "2024-06-10T10:00"),
        promised("11", "2024-07-30T00:00", None),
        promised("12", "2024-06-13T00:00", None),
    ]
    state = state_of(tmp_path, events)
    assert undetermined_days(state, "on_time") == {"06-10": 0, "06-11": 1, "06-12": 0}
    assert complete_days(state, "on_time") == {"06-10": True, "06-11": False, "06-12": True}
    june = Dates(date(2024, 6, 10), date(2024, 6, 13))
    assert [one.is_complete for one in answer(state, question("on_time", dates=june))] == [False]
    assert [one.is_complete for one in answer(state, question("resolution_rate", dates=june))] == [True]


def test_a_deadline_that_lies_ahead_is_not_held_against_the_days_before(tmp_path: Path) -> None:
    days = [promised(day, "2024-06-13T00:00", f"2024-06-{day}T10:00") for day in ("10", "11")]
    state = state_of(tmp_path, [*days, promised("11", "2024-07-30T00:00", None)])
    tuesday = Dates(date(2024, 6, 11), date(2024, 6, 12))
    assert cards(state, question("on_time", dates=tuesday), "previous_period")[0].change is None
    assert cards(state, question("resolution_rate", dates=tuesday), "previous_period")[0].change is not None
    [(_, before)] = compared(state, question("on_time", dates=tuesday), "previous_period")
    assert before is None


# --- by another date of attribution -----------------------------------------------------------------------------------------------------


def by_opening(state: State, name: str) -> dict[str, bool]:
    asked = question(name, every="day")
    found = answer(state, replace(asked, kpis=attributed(asked.kpis, "opened_on")))
    return {str(one.period)[5:]: one.is_complete for one in found}


def test_by_the_day_of_the_opening_a_day_waits_for_all_its_events(tmp_path: Path) -> None:
    columns = {"contact_count": 1, "cost": 2.0, "updated_at": "2024-06-30T12:00"}
    events = [
        event("mature", "2024-06-10T09:00", resolved_at="2024-06-12T09:00", **columns),
        event("just mature", "2024-06-11T09:00", resolved_at="2024-06-23T12:00", **columns),
        event("immature", "2024-06-12T09:00", resolved_at="2024-06-23T12:01", **columns),
        event("open", "2024-06-13T09:00", **columns),
        event("given up", "2024-06-14T09:00", closed_at="2024-06-14T10:00", **columns),
    ]
    state = state_of(tmp_path, events)
    days = ["06-10", "06-11", "06-12", "06-13", "06-14"]
    by_window = by_opening(state, "first_contact_resolution_one_contact")
    assert by_window == dict(zip(days, [True, True, False, False, True], strict=True))
    assert by_opening(state, "cost_per_service") == dict(zip(days, [True, True, True, False, True], strict=True))
    assert complete_days(state, "cost_per_service") == {"06-12": True, "06-23": True}
