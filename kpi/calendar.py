"""When stores are open and which clock they keep: `calendar.toml` in the data folder."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from kpi.configuration import only, read, typed, zone_name
from kpi.errors import ConfigError

FILE = "calendar.toml"
UNCHOSEN_ZONE = "UTC"
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HOURS = re.compile(r"(?:(?P<first>[A-Z][a-z]{2})(?:-(?P<last>[A-Z][a-z]{2}))?|daily) (?P<opens>\d\d:\d\d)-(?P<closes>\d\d:\d\d)")

LONGEST_REACH = timedelta(days=40_000)
"""How far back opening seconds are sought: longer than any limit lasts in stores that open at all."""

Clock = Literal["elapsed", "opening_hours"]


@dataclass(frozen=True)
class Shift:
    """Open on one weekday (0 is Monday) from `opens` to `closes`, local time; closing at or before opening means the next day."""

    weekday: int
    opens: time
    closes: time


@dataclass(frozen=True)
class Schedule:
    """A store's time zone and opening hours; no shifts means always open. A shift that starts on a holiday does not take place."""

    zone: str
    shifts: tuple[Shift, ...]
    holidays: frozenset[date]


@dataclass(frozen=True)
class Calendar:
    """The default schedule, the stores that differ from it, and the clock that response time is counted on.

    `is_zone_chosen` is false when nobody said whose days are counted: they are then those of UTC.
    """

    default: Schedule
    stores: Mapping[str, Schedule]
    clock: Clock
    is_zone_chosen: bool


@dataclass(frozen=True)
class OpenInterval:
    """An unbroken stretch of opening, with the open seconds that lie before it."""

    starts_at: datetime
    ends_at: datetime
    seconds_before: int


def read_calendar(folder: Path) -> Calendar:
    """The folder's calendar, or UTC and always open."""
    table = read(folder / FILE)
    only(table, ("time_zone", "clock", "opening_hours", "holidays", "stores"), FILE)
    clock = typed(table, "clock", str, "elapsed", FILE)
    if clock not in ("elapsed", "opening_hours"):
        raise ConfigError("{where}: clock is {found}, expected elapsed or opening_hours.", where=FILE, found=repr(clock))
    default = _schedule(table, Schedule(UNCHOSEN_ZONE, (), frozenset()), FILE)
    stores = typed(table, "stores", dict, {}, FILE)
    return Calendar(default, {name: _store(name, entry, default) for name, entry in stores.items()}, clock, "time_zone" in table)


def _store(name: str, entry: Any, default: Schedule) -> Schedule:
    where = f"{FILE}: stores.{name}"
    if not isinstance(entry, dict):
        raise ConfigError("{where}: {found}, expected a table.", where=where, found=repr(entry))
    only(entry, ("time_zone", "opening_hours", "holidays"), where)
    return _schedule(entry, default, where)


def _schedule(table: Mapping[str, Any], default: Schedule, where: str) -> Schedule:
    hours = typed(table, "opening_hours", list, None, where)
    holidays = typed(table, "holidays", list, None, where)
    return Schedule(
        zone_name(typed(table, "time_zone", str, default.zone, where), where),
        default.shifts if hours is None else parse_hours(hours, where),
        default.holidays if holidays is None else frozenset(_holiday(day, where) for day in holidays),
    )


def parse_hours(entries: list[Any], where: str) -> tuple[Shift, ...]:
    """Shifts from texts such as `Mon-Fri 09:00-17:00` or `daily 22:00-06:00`."""
    return tuple(shift for entry in entries for shift in _shifts(entry, where))


def _shifts(entry: Any, where: str) -> Iterator[Shift]:
    found = HOURS.fullmatch(entry) if isinstance(entry, str) else None
    try:
        if found is None:
            raise ValueError
        first = WEEKDAYS.index(found["first"] or "Mon")
        last = WEEKDAYS.index(found["last"] or found["first"] or "Sun")
        opens, closes = time.fromisoformat(found["opens"]), _closing(found["closes"])
    except ValueError as error:
        raise ConfigError(
            "{where}: opening hours {found}, expected such as 'Mon-Fri 09:00-17:00' or 'daily 22:00-06:00'.",
            where=where,
            found=repr(entry),
        ) from error
    for step in range((last - first) % 7 + 1):
        yield Shift((first + step) % 7, opens, closes)


def _closing(text: str) -> time:
    return time(0) if text == "24:00" else time.fromisoformat(text)


def _holiday(day: Any, where: str) -> date:
    if type(day) is not date:
        raise ConfigError("{where}: holiday {found}, expected a date such as 2026-12-25.", where=where, found=repr(day))
    return day


def open_intervals(schedule: Schedule, first: date, last: date) -> list[OpenInterval]:
    """The stretches of opening that start between two local days (inclusive), in order, in UTC, overlaps joined."""
    zone = ZoneInfo(schedule.zone)
    if not schedule.shifts:
        return _with_seconds_before([(datetime.combine(first, time(0), UTC), datetime.combine(last, time(0), UTC) + timedelta(days=1))])
    days = [first + timedelta(days=step) for step in range((last - first).days + 1)]
    stretches = sorted(
        _stretch(day, shift, zone)
        for day in days
        if day not in schedule.holidays
        for shift in schedule.shifts
        if shift.weekday == day.weekday()
    )
    joined: list[tuple[datetime, datetime]] = []
    for starts_at, ends_at in stretches:
        if ends_at <= starts_at:
            continue  # the shift lies in the hour that the clocks skip
        if joined and starts_at <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(ends_at, joined[-1][1])
        else:
            joined.append((starts_at, ends_at))
    return _with_seconds_before(joined)


@lru_cache(maxsize=1024)
def moment_before(schedule: Schedule, moment: datetime, seconds: int) -> datetime:
    """The earliest moment (UTC) from which no more than so many open seconds pass until a moment: a closing, or in an opening."""
    reach = timedelta(days=14)
    while reach < LONGEST_REACH:
        left = seconds
        for one in reversed(open_intervals(schedule, (moment - reach).date(), moment.date() + timedelta(days=1))):
            open_seconds = (min(one.ends_at, moment) - one.starts_at).total_seconds()
            if open_seconds > left:
                return min(one.ends_at, moment) - timedelta(seconds=left)
            left -= max(open_seconds, 0)
        reach *= 2
    return moment - reach


def _stretch(day: date, shift: Shift, zone: ZoneInfo) -> tuple[datetime, datetime]:
    closing_day = day + timedelta(days=1) if shift.closes <= shift.opens else day
    return (
        datetime.combine(day, shift.opens, zone).astimezone(UTC),
        datetime.combine(closing_day, shift.closes, zone).astimezone(UTC),
    )


def _with_seconds_before(stretches: list[tuple[datetime, datetime]]) -> list[OpenInterval]:
    intervals, seconds = [], 0
    for starts_at, ends_at in stretches:
        intervals.append(OpenInterval(starts_at, ends_at, seconds))
        seconds += int((ends_at - starts_at).total_seconds())
    return intervals
