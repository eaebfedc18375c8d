"""Values, differences and messages as people read them."""

from datetime import date

import pytest

from kpi.errors import ConfigError, UnknownName
from kpi.metrics import Unit
from kpi.words import counted, text
from kpi.words.values import (
    count_text,
    day_text,
    difference_text,
    duration_text,
    month_text,
    quarter_text,
    relative_text,
    value_text,
)


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (None, "share", "–"),
        (0.0, "share", "0.0%"),
        (0.954, "share", "95.4%"),
        (1.0, "share", "100.0%"),
        (4.5, "score", "4.50"),
        (30.0, "points", "+30.0"),
        (-5.0, "points", "-5.0"),
        (0.0, "points", "+0.0"),
        (12.5, "currency", "€12.50"),
        (-1234.5, "currency", "-€1,234.50"),
        (1234.0, "events", "1,234"),
        (18.44, "minutes", "18.4 min"),
        (0.0, "minutes", "0.0 min"),
    ],
)
def test_a_value_is_shown_in_its_unit_and_unknown_is_never_0(value: float | None, unit: Unit, words: str) -> None:
    assert value_text(value, unit, "EUR") == words


def test_money_without_a_currency_is_a_plain_number() -> None:
    assert value_text(1234.5, "currency", "") == "1,234.50"


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (119.0, "119.0 min"),
        (120, "2.0 h"),
        (2879, "48.0 h"),
        (2880, "2.0 days"),
        (-90, "-90.0 min"),
        (-180, "-3.0 h"),
        (14400, "10.0 days"),
    ],
)
def test_durations_are_minutes_up_to_two_hours_then_hours_up_to_two_days_then_days(minutes: float, words: str) -> None:
    assert duration_text(minutes) == words


@pytest.mark.parametrize(
    ("difference", "unit", "words"),
    [
        (None, "share", "–"),
        (0.021, "share", "+2.1 pp"),
        (-0.021, "share", "−2.1 pp"),
        (0.0, "share", "±0.0 pp"),
        (-0.25, "score", "−0.25"),
        (5.0, "points", "+5.0"),
        (-5.0, "points", "−5.0"),
        (-3.5, "currency", "−€3.50"),
        (90.0, "minutes", "+90.0 min"),
        (-1440.0, "minutes", "−24.0 h"),
        (7.0, "events", "+7"),
    ],
)
def test_a_difference_has_a_sign_and_of_shares_is_in_percentage_points(difference: float | None, unit: Unit, words: str) -> None:
    assert difference_text(difference, unit, "EUR") == words


@pytest.mark.parametrize(("relative", "words"), [(None, "–"), (0.105, "+10.5%"), (-0.105, "−10.5%"), (0.0, "±0.0%"), (2.0, "+200.0%")])
def test_a_relative_change_has_a_sign(relative: float | None, words: str) -> None:
    assert relative_text(relative) == words


def test_counts_and_days_are_written_out() -> None:
    assert count_text(1234567) == "1,234,567"
    assert day_text(date(2024, 2, 29)) == "Thu 29 Feb 2024"
    assert month_text(date(2024, 2, 1)) == "February 2024"
    assert quarter_text(date(2024, 4, 1)) == "Q2 2024"


def test_a_message_is_filled_in_and_braces_in_values_stay() -> None:
    assert text("{where}: {found}", where="a", found="{b}") == "a: {b}"
    assert text("no {placeholders} without values are filled", placeholders="{}") == "no {} without values are filled"


@pytest.mark.parametrize(("count", "words"), [(0, "0 events of S1"), (1, "1 event of S1"), (1200, "1,200 events of S1")])
def test_the_form_of_a_message_follows_the_count(count: int, words: str) -> None:
    assert counted("{count} event of {store}", "{count} events of {store}", count, store="S1") == words


def test_an_error_is_its_message() -> None:
    assert str(ConfigError("{where}: wrong.", where="x.toml")) == "x.toml: wrong."


@pytest.mark.parametrize(
    ("found", "known", "words"),
    [
        ("stor", ["store", "region"], "dimension 'stor' does not exist. Did you mean 'store'?"),
        ("x", ["store", "region"], "dimension 'x' does not exist. Known: region, store."),
        ("{x}", [], "dimension '{x}' does not exist. Known: none."),
    ],
)
def test_an_unknown_name_offers_the_nearest_or_all(found: str, known: list[str], words: str) -> None:
    assert str(UnknownName("dimension", found, known)) == words


def test_what_reads_as_zero_is_no_change() -> None:
    assert difference_text(-0.004, "score", "") == "±0.00"
    assert difference_text(0.0004, "share", "") == "±0.0 pp"
    assert difference_text(-0.006, "score", "") == "−0.01"
    assert relative_text(-0.0004) == "±0.0%"
