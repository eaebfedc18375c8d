"""From words to questions; what cannot be understood says what was expected."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from kpi import asking
from kpi.errors import KpiError
from kpi.metrics import ATTRIBUTIONS, find
from kpi.periods import Dates
from kpi.report import ALWAYS
from tests.samples import at, event, state_of


def refusal(ask: Callable[[], object]) -> str:
    with pytest.raises(KpiError) as error:
        ask()
    return str(error.value)


def test_the_last_day_is_included_and_an_empty_word_is_open() -> None:
    assert asking.dates("2026-01-01", "2026-01-31") == Dates(date(2026, 1, 1), date(2026, 2, 1))
    assert asking.dates("2026-01-01", "2026-01-01").days == 1
    assert asking.dates("", "") == ALWAYS
    assert asking.dates("2026-01-01", "").end == ALWAYS.end


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        ("2026-01-02", "2026-01-01", "the last day 2026-01-01 is before the first 2026-01-02. Exchange them."),
        ("31.01.2026", "", "'31.01.2026' is not a day, expected one such as 2026-01-31."),
        ("", "2026-02-30", "'2026-02-30' is not a day, expected one such as 2026-01-31."),
        ("yesterday", "", "'yesterday' is not a day, expected one such as 2026-01-31."),
        ("1900-12-31", "", "1900-12-31 is outside the years 1901 to 2200."),
        ("", "2201-01-01", "2201-01-01 is outside the years 1901 to 2200."),
    ],
)
def test_days_that_make_no_range_are_refused(first: str, last: str, message: str) -> None:
    assert refusal(lambda: asking.dates(first, last)) == message


@pytest.mark.parametrize("word", ["1901-01-01", "2200-12-31"])
def test_the_first_and_the_last_year_are_days(word: str) -> None:
    assert asking.day(word) == date.fromisoformat(word)


@pytest.mark.parametrize(
    ("word", "moment"),
    [
        ("2026-01-31T18:00", "2026-01-31T17:00"),
        ("2026-07-31T18:00", "2026-07-31T16:00"),
        ("2026-01-31", "2026-01-30T23:00"),
        ("2026-01-31T18:00+05:00", "2026-01-31T13:00"),
        ("2026-01-31T18:00Z", "2026-01-31T18:00"),
    ],
)
def test_a_moment_is_local_unless_it_has_an_offset(word: str, moment: str) -> None:
    assert asking.moment(word, "Europe/Paris") == at(moment)


@pytest.mark.parametrize(
    ("word", "readings"),
    [
        ("2026-03-29T02:30", "2026-03-29T03:30:00+02:00 or 2026-03-29T01:30:00+01:00"),
        ("2026-10-25T02:30", "2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00"),
    ],
)
def test_a_time_that_the_clocks_skip_or_repeat_is_not_guessed(word: str, readings: str) -> None:
    expected = f"the clocks of Europe/Paris changed at {word}: it is {readings}. Choose one."
    assert refusal(lambda: asking.moment(word, "Europe/Paris")) == expected
    assert asking.moment("2026-10-25T02:30+01:00", "Europe/Paris") == at("2026-10-25T01:30")


@pytest.mark.parametrize(
    ("zone", "word", "start"),
    [
        ("Africa/Cairo", "2024-04-26", "2024-04-25T22:00"),  # 00:00 is skipped: the day starts at 01:00, +03:00
        ("America/Havana", "2024-11-03", "2024-11-03T04:00"),  # 00:00 comes twice: the day starts at the first, -04:00
    ],
)
def test_a_day_starts_at_its_first_moment_also_when_the_clocks_change_then(zone: str, word: str, start: str) -> None:
    assert asking.moment(word, zone) == at(start)


def test_what_is_no_moment_is_refused() -> None:
    assert refusal(lambda: asking.moment("noon", "UTC")) == "'noon' is not a moment, expected one such as 2026-01-31T18:00."


@pytest.mark.parametrize("word", ["0001-01-01T00:00+05:00", "9999-12-31T23:59-05:00"])
def test_a_moment_at_the_end_of_the_calendar_is_refused_and_no_bug(word: str) -> None:
    assert word in refusal(lambda: asking.moment(word, "UTC"))


def test_filters_of_one_dimension_add_up() -> None:
    words = ["store=S1,S2", "channel=e-mail", " store =S3", "service=a=b"]
    assert asking.filters(words) == {"store": ("S1", "S2", "S3"), "channel": ("e-mail",), "service": ("a=b",)}
    assert asking.filters([]) == {}


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("nonsense", "'nonsense' is not a filter, expected one such as store=S014."),
        ("store=", "'store=' is not a filter, expected one such as store=S014."),
        ("stor=S1", "dimension 'stor' does not exist. Did you mean 'store'?"),
        (
            "=S1",
            "dimension '' does not exist. "
            "Known: agent, channel, disposition, priority, region, segment, service, source, store, touchpoint.",
        ),
        ("store; DROP TABLE events=1", "dimension 'store; DROP TABLE events' does not exist. Known: "),
    ],
)
def test_what_is_no_filter_is_refused(word: str, message: str) -> None:
    assert refusal(lambda: asking.filters([word])).startswith(message)


def test_periods_and_comparisons_are_words() -> None:
    assert (asking.period("week"), asking.period("")) == ("week", None)
    assert asking.comparison("previous_year") == "previous_year"
    assert refusal(lambda: asking.period("weekly")) == "period 'weekly' does not exist. Did you mean 'week'?"
    assert refusal(lambda: asking.period("year")) == "period 'year' does not exist. Known: day, month, quarter, week."
    expected = "comparison 'previous_yaer' does not exist. Did you mean 'previous_year'?"
    assert refusal(lambda: asking.comparison("previous_yaer")) == expected


def test_a_question_is_made_of_words() -> None:
    kpis = (find("accuracy"),)
    found = asking.question(kpis, "day", " store , channel ,", ["store=S1"], ALWAYS, 15)
    assert (found.kpis, found.every, found.by, found.where, found.within_minutes) == (
        kpis,
        "day",
        ("store", "channel"),
        {"store": ("S1",)},
        15,
    )
    expected = "dimension 'shop' does not exist. Known: "
    assert refusal(lambda: asking.question(kpis, "", "shop", [], ALWAYS, None)).startswith(expected)


@pytest.mark.parametrize("minutes", [float("inf"), 1e300])
def test_a_limit_that_no_event_can_be_held_against_is_refused(minutes: float) -> None:
    assert refusal(lambda: asking.question((find("response_time"),), "", "", [], ALWAYS, minutes))


@pytest.mark.parametrize(
    ("name", "possible"),
    [
        ("response_time", {"opened_on"}),
        ("resolution_time", {"opened_on"}),
        ("resolution_time_mean", {"opened_on"}),
        ("resolution_time_median", {"opened_on"}),
        ("consistency", {"opened_on"}),
        ("on_time", {"opened_on"}),
        ("first_contact_resolution_one_contact", {"opened_on", "answered_on", "ended_on", "resolved_on"}),
        ("cost_per_service", {"opened_on", "answered_on", "ended_on", "resolved_on"}),
        ("success_rate", {"opened_on", "answered_on", "ended_on"}),
        ("satisfaction", {"opened_on", "answered_on"}),
        ("open_events", set()),
        ("open_events_age", set()),
    ],
)
def test_a_kpi_goes_by_no_date_that_its_open_events_lack(name: str, possible: set[str]) -> None:
    for on in ATTRIBUTIONS:
        if on in possible:
            assert [kpi.on for kpi in asking.attributed((find(name),), on)] == [on]
        else:
            assert refusal(lambda on=on: asking.attributed((find(name),), on))


def test_why_a_date_is_refused_is_said() -> None:
    lost = "resolution_time goes by opened_on: by resolved_on it would lose the requests that have no such date yet. Leave out --on."
    assert refusal(lambda: asking.attributed((find("resolution_time"),), "resolved_on")) == lost
    stock = "open_events is counted at the end of each period and goes by no date. Leave out --on."
    assert refusal(lambda: asking.attributed((find("open_events"),), "opened_on")) == stock
    assert asking.attributed((find("open_events"),), "") == (find("open_events"),)


def test_kpis_are_split_into_those_the_data_measure_and_those_they_do_not(tmp_path: Path) -> None:
    state = state_of(tmp_path, [event(1, responded_at="2024-06-03T10:10", resolved_at="2024-06-03T11:00", contact_count=1)])
    measured, missing = asking.kpis_named(state, ["satisfaction", "response_time", "first_contact_resolution", "response_time"])
    assert [kpi.name for kpi in measured] == ["response_time", "first_contact_resolution_one_contact"]
    assert [kpi.name for kpi in missing] == ["satisfaction"]
    expected = "KPI 'respnse_time' does not exist. Did you mean 'response_time'?"
    assert refusal(lambda: asking.kpis_named(state, ["respnse_time"])) == expected


def test_a_kpi_that_resembles_none_is_answered_with_each_name_once(tmp_path: Path) -> None:
    state = state_of(tmp_path, [event(1)])
    listed = refusal(lambda: asking.kpis_named(state, ["zzzz"])).removesuffix(".").split("Known: ")[1].split(", ")
    assert listed == sorted(set(listed))
    assert {"response_time", "first_contact_resolution", "first_contact_resolution_no_repeat"} <= set(listed)


def test_a_family_and_its_own_variant_are_one_kpi(tmp_path: Path) -> None:
    state = state_of(tmp_path, [event(1, resolved_at="2024-06-03T11:00", contact_count=1)])
    measured, _ = asking.kpis_named(state, ["first_contact_resolution", "first_contact_resolution_one_contact"])
    assert [kpi.name for kpi in measured] == ["first_contact_resolution_one_contact"]


def test_the_data_folder_must_exist(tmp_path: Path) -> None:
    (tmp_path / "extracts").mkdir()
    assert asking.folder_of(tmp_path) == tmp_path
    absent = tmp_path / "absent"
    expected = f"{absent}: no such folder. Create it and put extracts into {absent}/extracts, or name another with --data."
    assert refusal(lambda: asking.folder_of(absent)) == expected


def test_a_folder_without_extracts_is_no_data_folder(tmp_path: Path) -> None:
    where = tmp_path / "extracts"
    assert refusal(lambda: asking.folder_of(tmp_path)) == (
        f"{where}: no such folder. Put extracts there, or name another data folder with --data. "
        f"The synthetic sample is made by: uv run python -m data.sample {where}"
    )


def test_an_empty_name_is_no_folder() -> None:
    assert asking.folder_named("shop") == Path("shop")
    assert refusal(lambda: asking.folder_named("")) == "--data is empty, expected the name of a folder, such as: --data shop"
