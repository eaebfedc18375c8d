"""What is known of the events as a whole: when they begin and end, and who went silent."""

from datetime import date
from pathlib import Path

from kpi.browse import first_day, is_silent, last_seen, newest_day
from pages.view import last_day
from tests.samples import day, event, later, state_of


def test_the_first_and_the_newest_day_are_those_of_opening(tmp_path: Path) -> None:
    state = state_of(tmp_path, [event(1, resolved_at="2024-08-01T10:00"), event(2, "2024-06-10T10:00")])
    assert (first_day(state), newest_day(state), state.known_on) == (day(0), day(7), date(2024, 8, 1))


def test_ranges_end_with_the_newest_event_when_only_old_ones_were_updated_for_weeks(tmp_path: Path) -> None:
    late, soon = (
        state_of(tmp_path / name, [event(1, "2024-06-10T10:00", resolved_at=f"2024-{on}T10:00")])
        for name, on in (("late", "07-09"), ("soon", "07-08"))
    )
    assert last_day(late) == date(2024, 6, 10)
    assert last_day(soon) == date(2024, 7, 8)


def test_a_store_is_silent_when_it_missed_its_usual_events_for_longer_than_a_day(tmp_path: Path) -> None:
    busy = [event(f"busy {number} {hour}", f"{day(number)}T{hour}:00", store="S2") for number in range(7) for hour in range(10, 14)]
    state = state_of(tmp_path, [*busy, event("once", f"{day(6)}T10:00", store="S3"), later(day(10))])
    assert {one.store: is_silent(state, one) for one in last_seen(state)} == {"S1": False, "S2": True, "S3": False}
