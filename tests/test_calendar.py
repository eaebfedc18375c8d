"""Opening hours, clock changes, holidays, stores that differ, and what a wrong calendar says."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi.calendar import Calendar, Schedule, Shift, open_intervals, parse_hours, read_calendar
from kpi.errors import ConfigError
from tests.samples import at, event, state_of, value_of

NINE, FIVE = time(9), time(17)


def schedule(*hours: str, zone: str = "UTC", holidays: tuple[date, ...] = ()) -> Schedule:
    return Schedule(zone, parse_hours(list(hours), "here"), frozenset(holidays))


def calendar_of(folder: Path, toml: str) -> Calendar:
    (folder / "calendar.toml").write_text(toml, encoding="utf-8")
    return read_calendar(folder)


def hours_open(shifts: Schedule, first: date, last: date) -> list[float]:
    return [(one.ends_at - one.starts_at) / timedelta(hours=1) for one in open_intervals(shifts, first, last)]


@pytest.mark.parametrize(
    ("text", "shifts"),
    [
        ("Mon-Fri 09:00-17:00", [Shift(day, NINE, FIVE) for day in (0, 1, 2, 3, 4)]),
        ("Sat 09:00-17:00", [Shift(5, NINE, FIVE)]),
        ("Sun-Sun 09:00-17:00", [Shift(6, NINE, FIVE)]),
        ("Sat-Mon 09:00-17:00", [Shift(day, NINE, FIVE) for day in (5, 6, 0)]),
        ("daily 22:00-06:00", [Shift(day, time(22), time(6)) for day in range(7)]),
        ("Tue 00:00-24:00", [Shift(1, time(0), time(0))]),
    ],
)
def test_opening_hours_are_written_as_days_and_times(text: str, shifts: list[Shift]) -> None:
    assert list(parse_hours([text], "here")) == shifts


@pytest.mark.parametrize(
    "wrong",
    [
        "Mo-Fr 09:00-17:00",
        "mon 09:00-17:00",
        "Xyz 09:00-17:00",
        "Mon-Xyz 09:00-17:00",
        "Mon 9:00-17:00",
        "Mon 09:00-25:00",
        "Mon 09:60-17:00",
        "Mon 24:00-17:00",
        "Mon 09:00-17:00 ",
        "Mon–Fri 09:00-17:00",
        "Mon ٠٩:00-17:00",
        "",
        9,
        ["Mon 09:00-17:00"],
    ],
)
def test_opening_hours_in_any_other_form_are_refused(wrong: object) -> None:
    with pytest.raises(ConfigError) as error:
        parse_hours([wrong], "calendar.toml: stores.S1")
    expected = "expected such as 'Mon-Fri 09:00-17:00' or 'daily 22:00-06:00'."
    assert str(error.value) == f"calendar.toml: stores.S1: opening hours {wrong!r}, {expected}"


def test_each_opening_knows_the_open_seconds_before_it() -> None:
    monday = date(2024, 6, 3)
    found = open_intervals(schedule("daily 09:00-17:00"), monday, monday + timedelta(days=2))
    assert [one.starts_at for one in found] == [at("2024-06-03T09:00"), at("2024-06-04T09:00"), at("2024-06-05T09:00")]
    assert [one.seconds_before for one in found] == [0, 8 * 3600, 16 * 3600]


def test_a_day_in_spring_has_23_hours_and_one_in_autumn_25() -> None:
    always = schedule("daily 00:00-24:00", zone="Europe/Paris")
    assert hours_open(always, date(2024, 3, 31), date(2024, 3, 31)) == [23]
    assert hours_open(always, date(2024, 10, 27), date(2024, 10, 27)) == [25]


def test_a_night_shift_loses_an_hour_in_spring_and_gains_one_in_autumn() -> None:
    nights = schedule("daily 22:00-06:00", zone="Europe/Paris")
    assert hours_open(nights, date(2024, 3, 29), date(2024, 3, 31)) == [8, 8 - 1, 8]
    assert hours_open(nights, date(2024, 10, 25), date(2024, 10, 27)) == [8, 8 + 1, 8]


def test_opening_hours_keep_their_local_time_over_the_clock_change() -> None:
    found = open_intervals(schedule("Mon-Fri 09:00-17:00", zone="America/New_York"), date(2024, 3, 8), date(2024, 3, 11))
    assert [(one.starts_at, one.ends_at) for one in found] == [
        (at("2024-03-08T14:00"), at("2024-03-08T22:00")),
        (at("2024-03-11T13:00"), at("2024-03-11T21:00")),
    ]


@pytest.mark.parametrize("hours", ["Sun 02:00-03:00", "Sun 02:30-03:00", "Sun 02:15-02:45"])
def test_a_shift_inside_the_hour_that_does_not_exist_never_has_a_negative_length(hours: str) -> None:
    found = hours_open(schedule(hours, zone="Europe/Paris"), date(2024, 3, 31), date(2024, 3, 31))
    assert all(0 <= length <= 0.5 for length in found)


def test_shifts_that_overlap_touch_or_contain_each_other_are_one_opening() -> None:
    monday = date(2024, 6, 3)
    assert hours_open(schedule("Mon 09:00-13:00", "Mon 12:00-17:00"), monday, monday) == [8]
    assert hours_open(schedule("Mon 09:00-12:00", "Mon 12:00-17:00"), monday, monday) == [8]
    assert hours_open(schedule("Mon 09:00-17:00", "Mon 12:00-13:00"), monday, monday) == [8]
    assert hours_open(schedule("Mon 09:00-12:00", "Mon 13:00-17:00"), monday, monday) == [3, 4]
    assert hours_open(schedule("daily 00:00-24:00"), monday, monday + timedelta(days=6)) == [7 * 24]


def test_a_shift_that_starts_on_a_holiday_does_not_take_place_and_one_that_runs_into_it_does() -> None:
    nights = schedule("daily 22:00-06:00", holidays=(date(2024, 12, 25),))
    found = open_intervals(nights, date(2024, 12, 24), date(2024, 12, 26))
    assert [one.starts_at for one in found] == [at("2024-12-24T22:00"), at("2024-12-26T22:00")]
    assert found[0].ends_at == at("2024-12-25T06:00")


HOUR_OF_DAY = st.sampled_from([0, 5, 9, 12, 17, 22])
CLOCK_CHANGES = st.sampled_from([date(2024, 3, 27), date(2024, 10, 23), date(2024, 6, 3)])


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.builds(Shift, st.integers(0, 6), HOUR_OF_DAY.map(time), HOUR_OF_DAY.map(time)), max_size=6),
    CLOCK_CHANGES,
    st.sampled_from(["Europe/Paris", "America/New_York", "UTC"]),
)
def test_a_moment_is_in_an_opening_exactly_when_its_local_time_is_in_a_shift(shifts: list[Shift], first: date, zone: str) -> None:
    local_zone = ZoneInfo(zone)
    found = open_intervals(Schedule(zone, tuple(shifts), frozenset()), first, first + timedelta(days=7))
    assert all(one.starts_at < one.ends_at for one in found)
    assert all(one.ends_at < other.starts_at for one, other in pairwise(found))
    for step in range(0, 6 * 24 * 2):
        moment = datetime(first.year, first.month, first.day, tzinfo=UTC) + timedelta(days=1, hours=12, minutes=30 * step)
        local = moment.astimezone(local_zone)
        inside = any(one.starts_at <= moment < one.ends_at for one in found)
        assert inside == (not shifts or any(_is_in(shift, local) for shift in shifts))


def _is_in(shift: Shift, local: datetime) -> bool:
    today, yesterday = shift.weekday == local.weekday(), shift.weekday == (local.weekday() - 1) % 7
    if shift.opens < shift.closes:
        return today and shift.opens <= local.time() < shift.closes
    return (today and local.time() >= shift.opens) or (yesterday and local.time() < shift.closes)


def test_without_a_file_it_is_utc_and_always_open(tmp_path: Path) -> None:
    assert read_calendar(tmp_path) == Calendar(Schedule("UTC", (), frozenset()), {}, "elapsed", is_zone_chosen=False)


def test_a_store_differs_only_in_what_it_says(tmp_path: Path) -> None:
    found = calendar_of(
        tmp_path,
        """
        time_zone = "Europe/Paris"
        clock = "opening_hours"
        opening_hours = ["Mon 09:00-17:00"]
        holidays = [2026-12-25]
        [stores.S1]
        time_zone = "Europe/Lisbon"
        [stores.S2]
        opening_hours = ["Tue 09:00-17:00"]
        holidays = []
        """,
    )
    monday, tuesday, christmas = Shift(0, NINE, FIVE), Shift(1, NINE, FIVE), frozenset({date(2026, 12, 25)})
    assert found.clock == "opening_hours"
    assert found.default == Schedule("Europe/Paris", (monday,), christmas)
    assert found.stores == {
        "S1": Schedule("Europe/Lisbon", (monday,), christmas),
        "S2": Schedule("Europe/Paris", (tuesday,), frozenset()),
    }


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("timezone = 'UTC'", "calendar.toml: key 'timezone' does not exist. Did you mean 'time_zone'?"),
        ("clock = 'fast'", "calendar.toml: clock is 'fast', expected elapsed or opening_hours."),
        ("clock = 1", "calendar.toml: clock is 1, expected str."),
        ("time_zone = 3", "calendar.toml: time_zone is 3, expected str."),
        ("time_zone = 'Mars/Base'", "calendar.toml: time zone 'Mars/Base' is unknown, expected a name such as Europe/Paris."),
        ("time_zone = 'Europe'", "calendar.toml: time zone 'Europe' is unknown, expected a name such as Europe/Paris."),
        ("time_zone = ''", "calendar.toml: time zone '' is unknown, expected a name such as Europe/Paris."),
        ("time_zone = '../passwd'", "calendar.toml: time zone '../passwd' is unknown, expected a name such as Europe/Paris."),
        ("opening_hours = 'Mon 09:00-17:00'", "calendar.toml: opening_hours is 'Mon 09:00-17:00', expected list."),
        ("holidays = 2026-12-25", "calendar.toml: holidays is datetime.date(2026, 12, 25), expected list."),
        ("holidays = ['2026-12-25']", "calendar.toml: holiday '2026-12-25', expected a date such as 2026-12-25."),
        (
            "holidays = [2026-12-25T00:00:00]",
            "calendar.toml: holiday datetime.datetime(2026, 12, 25, 0, 0), expected a date such as 2026-12-25.",
        ),
        ("stores = ['S1']", "calendar.toml: stores is ['S1'], expected dict."),
        ("stores.S1 = 'open'", "calendar.toml: stores.S1: 'open', expected a table."),
        (
            "stores.S1.clock = 'elapsed'",
            "calendar.toml: stores.S1: key 'clock' does not exist. Known: holidays, opening_hours, time_zone.",
        ),
        (
            "stores.S1.time_zone = 'Mars/Base'",
            "calendar.toml: stores.S1: time zone 'Mars/Base' is unknown, expected a name such as Europe/Paris.",
        ),
    ],
)
def test_a_wrong_calendar_says_where_and_what(tmp_path: Path, toml: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        calendar_of(tmp_path, toml)
    assert str(error.value) == message


@pytest.mark.parametrize("zone", ["localtime", "posix/Europe/Paris"])
def test_a_zone_that_only_this_machine_knows_is_refused(tmp_path: Path, zone: str) -> None:
    with pytest.raises(ConfigError) as error:
        calendar_of(tmp_path, f"time_zone = '{zone}'")
    assert str(error.value) == f"calendar.toml: time zone '{zone}' is unknown, expected a name such as Europe/Paris."


def test_friday_afternoon_to_monday_morning_is_45_business_minutes(tmp_path: Path) -> None:
    friday = event(1, "2024-03-08T16:30-05:00", responded_at="2024-03-11T09:15-04:00")
    hours = 'clock = "opening_hours"\ntime_zone = "America/New_York"\nopening_hours = ["Mon-Fri 09:00-17:00"]'
    assert value_of(state_of(tmp_path, [friday], calendar=hours), "response_time_mean") == 30 + 15
    (tmp_path / "elapsed").mkdir()
    assert value_of(state_of(tmp_path / "elapsed", [friday]), "response_time_mean") == 3825


def test_each_store_counts_on_its_own_opening_hours(tmp_path: Path) -> None:
    both = [event(name, "2024-06-03T10:00", responded_at="2024-06-03T11:00", store=name) for name in ("S1", "S2")]
    hours = 'clock = "opening_hours"\nopening_hours = ["Mon 09:00-10:30"]\n[stores.S2]\nopening_hours = ["Mon 10:50-12:00"]'
    assert value_of(state_of(tmp_path, both, calendar=hours), "response_time_mean") == (30 + 10) / 2
