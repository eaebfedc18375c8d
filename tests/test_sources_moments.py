"""Local times become moments as in the time zone database, and are refused where they happened twice or never."""

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sourcing import SMALL, converted, file_of, kept_aside, rows_of

from kpi.errors import ConfigError
from kpi.sources import moments
from kpi.sources.sections import Clock

ZONES = ("America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Shanghai", "America/Sao_Paulo", "Pacific/Apia", "UTC")
HEADER = "id,opened,shop\n"


def clock(zone: str, ambiguous: str = "refuse", nonexistent: str = "refuse") -> Clock:
    return Clock(zone=zone, formats=("iso",), ambiguous=ambiguous, nonexistent=nonexistent)


@contextmanager
def learned(how: Clock, walls: list[datetime.datetime]) -> Iterator[dict[datetime.datetime, tuple[float | None, str | None]]]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        moments.prepare(connection, how)
        connection.execute("CREATE TABLE cells (cell VARCHAR)")
        connection.executemany("INSERT INTO cells VALUES (?)", [(wall.isoformat(sep=" "),) for wall in walls])
        moments.learn(connection, how, "SELECT cell FROM cells")
        rows = connection.execute("SELECT wall, epoch(moment), is_odd FROM wall_moments").fetchall()
        yield {wall: (moment, odd) for wall, moment, odd in rows}


def kind(wall: datetime.datetime, zone: ZoneInfo) -> str | None:
    """By the rules of PEP 495."""
    first, second = wall.replace(tzinfo=zone, fold=0), wall.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return None
    return "ambiguous" if back(first, zone) == wall else "nonexistent"


def back(moment: datetime.datetime, zone: ZoneInfo) -> datetime.datetime:
    return moment.astimezone(datetime.UTC).astimezone(zone).replace(tzinfo=None)


@settings(max_examples=40, deadline=None)
@given(zone=st.sampled_from(ZONES), start=st.datetimes(datetime.datetime(1971, 1, 1), datetime.datetime(2037, 1, 1)))
def test_a_year_of_local_times_agrees_with_the_time_zone_database(zone: str, start: datetime.datetime) -> None:
    info = ZoneInfo(zone)
    walls = [start.replace(microsecond=0) + datetime.timedelta(minutes=step * 1441 * 3 // 7) for step in range(850)]
    with learned(clock(zone, "earlier", "shift"), walls) as found:
        for wall in walls:
            assert found[wall] == (wall.replace(tzinfo=info, fold=0).timestamp(), kind(wall, info)), wall


def test_every_minute_around_the_changes_of_the_clocks() -> None:
    info = ZoneInfo("America/New_York")
    days = (datetime.datetime(2011, 11, 6), datetime.datetime(2011, 3, 13))
    walls = [day + datetime.timedelta(minutes=minute) for day in days for minute in range(240)]
    with learned(clock("America/New_York", "later", "refuse"), walls) as found:
        for wall in walls:
            expected = None if kind(wall, info) == "nonexistent" else wall.replace(tzinfo=info, fold=1).timestamp()
            assert found[wall] == (expected, kind(wall, info)), wall


def test_the_hour_that_happens_twice_is_refused_unless_the_mapping_settles_it(tmp_path: Path) -> None:
    toml = SMALL.replace("UTC", "America/New_York")
    file = file_of(tmp_path, HEADER + "1,2011-11-06 01:30:00,N\n2,2011-03-13 02:30:00,N\n3,2011-11-06 01:30:00-05:00,N\n")
    report = converted(tmp_path, toml, file)
    assert [row[:3] for row in kept_aside(report)] == [
        ("2", "updated_at", "local time happened twice"),
        ("3", "updated_at", "local time never happened"),
    ]
    assert rows_of(report, "event_id, strftime(opened_at, '%H:%M')") == [("3", "06:30")]
    settled = toml.replace("[time]", '[time]\nambiguous = "earlier"\nnonexistent = "shift"')
    again = converted(tmp_path, settled, file)
    assert rows_of(again, "strftime(opened_at, '%H:%M')") == [("05:30",), ("07:30",), ("06:30",)]
    assert (again.ambiguous_moments, again.nonexistent_moments) == (1, 1)


@pytest.mark.parametrize(
    "cell", ["2024-02-30 09:00:00", "2024-05-01", "05/01/2024 09:00", "2024-05-01 25:00:00", "2024-05-01 24:00:00", "yesterday"]
)
def test_what_is_not_certainly_a_moment_is_refused(tmp_path: Path, cell: str) -> None:
    report = converted(tmp_path, SMALL, file_of(tmp_path, HEADER + f"1,{cell},N\n"))
    assert kept_aside(report) == [("2", "updated_at", "not a date in a known format", cell)]


@pytest.mark.parametrize(
    "cell", ["2024-05-01T09:00Z", "2024-05-01 09:00:00 UTC", "2024-05-01T11:00:00.000+02:00", "2024-05-01 18:00:00+0900"]
)
def test_a_moment_with_its_own_offset_needs_no_zone(tmp_path: Path, cell: str) -> None:
    toml = SMALL.replace("UTC", "Asia/Tokyo")
    assert rows_of(converted(tmp_path, toml, file_of(tmp_path, HEADER + f"1,{cell},N\n")), "strftime(opened_at, '%H:%M')") == [("09:00",)]


def test_day_first_and_a_twelve_hour_clock_with_an_offset(tmp_path: Path) -> None:
    toml = SMALL.replace("[time]", '[time]\nformats = ["%d/%m/%Y %H:%M", "%m-%d-%Y %I:%M %p %z"]')
    file = file_of(tmp_path, HEADER + "1,1/2/2024 9:05,N\n2,02-01-2024 11:05 AM +0200,N\n")
    found = rows_of(converted(tmp_path, toml, file), "strftime(opened_at, '%Y-%m-%d %H:%M')")
    assert found == [("2024-02-01 09:05",), ("2024-02-01 09:05",)]


def test_a_format_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[time\] formats: '%Q' is not a date format"):
        converted(tmp_path, SMALL.replace("[time]", '[time]\nformats = ["%Q"]'), file_of(tmp_path, HEADER))
