"""When a source is late: by its own rhythm, and never without one."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from conftest import NOON, at, event, loaded, write

from kpi.extracts import Verdict
from kpi.freshness import Rhythm, late_sources, rhythms
from kpi.words.sentences import age_sentence, late_sentence

HOUR = timedelta(hours=1)


def verdicts(folder: Path, moments: list[datetime]) -> list[Verdict]:
    write(folder, [event("1")])
    [one] = loaded(folder).verdicts
    return [replace(one, file=str(number), newest_update=moment.isoformat()) for number, moment in enumerate(moments)]


def hourly(folder: Path, count: int) -> list[Verdict]:
    return verdicts(folder, [NOON - number * HOUR for number in range(count)])


def test_a_source_that_sends_every_hour_is_late_after_more_than_three(data_folder: Path) -> None:
    found = hourly(data_folder, 5)
    assert late_sources(rhythms(found), NOON + 3 * HOUR) == []
    [late] = late_sources(rhythms(found), NOON + 3 * HOUR + timedelta(minutes=1))
    assert (late.rhythm, late.silence) == (Rhythm("desk", NOON, HOUR), 3 * HOUR + timedelta(minutes=1))
    assert late_sentence([late]) == "Later than usual: desk (nothing new for 3.0 h, usually every 60.0 min). The figures hold up to then."


def test_a_long_pause_among_short_ones_is_not_its_rhythm(data_folder: Path) -> None:
    moments = [at("2024-06-01T12:00"), *(NOON - number * HOUR for number in range(4))]
    assert len(late_sources(rhythms(verdicts(data_folder, moments)), NOON + 4 * HOUR)) == 1


def test_three_files_are_no_rhythm_and_an_archive_is_not_waited_for(data_folder: Path) -> None:
    assert late_sources(rhythms(hourly(data_folder, 3)), NOON + timedelta(days=1)) == []
    assert late_sources(rhythms(hourly(data_folder, 5)), NOON + timedelta(days=31)) == []


def test_files_of_the_same_moment_count_once(data_folder: Path) -> None:
    assert late_sources(rhythms(verdicts(data_folder, [NOON] * 9)), NOON + timedelta(days=1)) == []


def test_a_clock_that_goes_back_makes_nothing_late(data_folder: Path) -> None:
    assert late_sources(rhythms(hourly(data_folder, 5)), NOON - timedelta(days=1)) == []


def test_the_age_of_the_data_is_that_of_the_newest_change() -> None:
    assert age_sentence(NOON, NOON + 3 * HOUR) == "Age of the data: 3.0 h."
    assert age_sentence(NOON, NOON - HOUR) == ""
