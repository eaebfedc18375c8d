"""Cards: which KPIs are shown, and what is said when there is nothing to judge or to compare with."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from kpi.cards import Card, cards, headlines
from kpi.metrics import find
from kpi.periods import Dates
from kpi.report import nothing
from kpi.standing import Standing
from kpi.targets import Target
from kpi.words.sentences import begins_sentence, behind_sentence, limit_sentence, nothing_sentence, standing_sentence
from tests.samples import costs, day, event, later, question, state_of

DAYS = Dates(day(0), day(7))


def card_of(place: Path, name: str, events: list[dict[str, object]], dates: Dates = DAYS, **settings: str) -> Card:
    return cards(state_of(place, events, **settings), question(name, dates=dates), "previous_period")[0]


def test_another_kpi_of_the_same_theme_stands_in_for_a_headline_that_is_not_measured(tmp_path: Path) -> None:
    shown, lacking = headlines(state_of(tmp_path, [event(1, resolved_at="2024-06-03T11:00", due_at="2024-06-04T00:00")]))
    assert [kpi.name for kpi in shown] == ["resolution_time_median", "resolution_rate", "on_time", "open_events"]
    assert {kpi.family for kpi in lacking} == {
        "response_time",
        "first_contact_resolution",
        "accuracy",
        "satisfaction",
        "cost_per_service",
    }


def test_every_stand_in_is_a_kpi_and_a_measured_headline_needs_none(tmp_path: Path) -> None:
    shown, _ = headlines(state_of(tmp_path, costs([5])))
    assert find("cost_per_service") in shown


def test_half_a_range_of_days_is_no_comparison(tmp_path: Path) -> None:
    card = card_of(tmp_path, "cost_per_service", [*costs([5] * 14), later(day(14))], Dates(day(5), day(14)))
    assert (card.change, card.begins) == (None, day(0))
    assert begins_sentence(card.begins) == "No comparison: no data before Mon 3 Jun 2024."


def test_a_whole_range_of_days_is_one(tmp_path: Path) -> None:
    card = card_of(tmp_path, "cost_per_service", [*costs([4] * 7 + [5] * 7), later(day(14))], Dates(day(7), day(14)))
    assert card.begins is None
    assert card.change is not None
    assert card.change.difference == 1


def test_a_window_that_is_not_over_is_said(tmp_path: Path) -> None:
    row = event(1, resolved_at="2024-06-03T11:00", customer="a")
    card = card_of(tmp_path, "first_contact_resolution_no_repeat", [row, later(day(2))])
    assert not card.is_empty
    assert nothing_sentence(card.figure) == (
        "There are events on these days, but none counts yet: 1 window not over yet."
        " They count once their window has passed: choose earlier days."
    )


def test_a_missing_time_limit_is_said_with_how_to_set_it(tmp_path: Path) -> None:
    card = card_of(tmp_path, "resolution_time", [event(1, resolved_at="2024-06-03T11:00"), later(day(2))])
    assert nothing_sentence(card.figure).endswith("Set limit_minutes in a [[target]] of this KPI in targets.toml.")


def test_a_spread_of_one_store_is_said(tmp_path: Path) -> None:
    card = card_of(tmp_path, "consistency", [event(1, responded_at="2024-06-03T10:01"), later(day(2))])
    assert nothing_sentence(card.figure) == "A spread needs two stores with 30 counted events each on these days."


def test_no_event_at_all_is_another_thing(tmp_path: Path) -> None:
    assert card_of(tmp_path, "cost_per_service", [*costs([5]), later(day(30))], Dates(day(10), day(12))).is_empty


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ("", "Within 15.0 min (the default: no target sets a limit)."),
        ('[[target]]\nkpi = "response_time"\nevery = "day"\nat_least = 0.9\nlimit_minutes = 5\nfrom = 2020-01-01\n', ""),
    ],
)
def test_the_limit_is_said_where_no_target_says_it(tmp_path: Path, targets: str, words: str) -> None:
    rows = [event(1, responded_at="2024-06-03T10:01"), later(day(2))]
    card = card_of(tmp_path, "response_time", rows, targets=targets)
    assert limit_sentence(card.limit, card.standing.target) == words


def test_a_card_says_until_when_it_is_complete(tmp_path: Path) -> None:
    assert card_of(tmp_path, "cost_per_service", [*costs([5]), later(day(3))]).complete_until == date(2024, 6, 6)


def test_what_counts_of_the_events_behind_a_figure_is_said() -> None:
    figure = replace(nothing(find("accuracy")), n=312, left_out={"not_checked": 3678})
    assert behind_sentence(figure, 3990) == "3,990 events, 312 of them count (n). Left out: 3,678 not checked."
    assert behind_sentence(figure, 312) == "312 events; every one counts."


def test_a_missing_year_before_is_said_as_such() -> None:
    kpi = find("cost_per_service")
    target = Target(
        kpi=kpi.name, starts_on=date(2020, 1, 1), ends_on=date.max, every="quarter", bound="at_most", aim=0.0, alert=None,
        against="previous_year", limit_minutes=None,
    )  # fmt: skip
    found = Standing("no_value", target, date(2026, 4, 1), replace(nothing(kpi), value=15.0, n=100), None)
    assert standing_sentence(found, kpi, "EUR") == "Q2 2026: €15.00; nothing measured a year earlier to hold it against."
