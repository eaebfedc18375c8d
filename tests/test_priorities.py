"""Work orders: where the service got clearly harder and customers recommend it less."""

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import pytest

from kpi.periods import Dates
from kpi.priorities import Priority, needs_work, priorities
from kpi.store import State
from tests.samples import Event, event, question, state_of

JUNE = Dates(date(2024, 6, 1), date(2024, 7, 1))


def surveyed(touchpoint: str, month: str, effort: int | None, recommendation: int | None, n: int) -> Iterator[Event]:
    for number in range(n):
        on = f"2024-{month}-10"
        yield event(
            f"{touchpoint} {on} {number} {effort}",
            f"{on}T10:00",
            touchpoint=touchpoint,
            resolved_at=f"{on}T11:00",
            effort=effort,
            recommendation=recommendation,
        )


def in_july(place: Path, events: Iterable[Event]) -> State:
    """The state in which all of June is complete."""
    return state_of(place, [*events, event("newest", "2024-07-02T12:00", touchpoint="newest")])


def found(state: State) -> list[Priority]:
    return priorities(state, question("effort", by=("touchpoint",), dates=JUNE), "previous_period")


@pytest.mark.parametrize(
    ("effort", "baseline", "change", "expected"),
    [
        (4.0, 3.0, -10, True),
        (3.9, 3.0, -10, False),  # exactly 30 % more is not enough
        (2.6, 2.0, -10, False),
        (3.91, 3.0, -10, True),
        (4.0, 3.0, -5, True),  # exactly 5 points less is
        (4.0, 3.0, -4.99, False),
        (4.0, 3.0, +10, False),
        (2.0, 3.0, -10, False),
    ],
)
def test_more_than_30_percent_harder_and_at_least_5_points_less(effort: float, baseline: float, change: float, expected: bool) -> None:
    assert needs_work(effort, baseline, change) is expected


def test_a_touchpoint_that_got_harder_and_is_recommended_less_is_a_work_order(tmp_path: Path) -> None:
    both = [*surveyed("delivery", "05", 2, 9, 30), *surveyed("delivery", "06", 4, 5, 30)]
    easy = [*surveyed("advice", "05", 2, 9, 30), *surveyed("advice", "06", 2, 5, 30)]
    delivery, advice = found(in_july(tmp_path, easy + both))
    assert (delivery.group, delivery.work_order) == (("delivery",), True)
    assert (delivery.effort_before.value, delivery.effort.value) == (2, 4)
    assert (delivery.recommendation_before.value, delivery.recommendation.value) == (100, -100)
    assert (advice.group, advice.work_order) == (("advice",), False)


def test_a_touchpoint_without_figures_on_one_side_is_not_listed(tmp_path: Path) -> None:
    assert found(in_july(tmp_path, surveyed("delivery", "06", 4, 5, 30))) == []


def test_a_touchpoint_that_nobody_rated_is_no_work_order(tmp_path: Path) -> None:
    unrated = [*surveyed("delivery", "05", 2, None, 30), *surveyed("delivery", "06", 4, None, 30), *surveyed("x", "06", 4, 5, 1)]
    assert [one.work_order for one in found(in_july(tmp_path, unrated))] == [False]


def test_a_touchpoint_with_too_few_answers_is_no_work_order(tmp_path: Path) -> None:
    few = [*surveyed("delivery", "05", 2, 9, 29), *surveyed("delivery", "06", 4, 5, 1)]
    assert [one.work_order for one in found(in_july(tmp_path, few))] == [False]


def test_a_day_that_is_not_over_makes_no_work_order(tmp_path: Path) -> None:
    """Known until 10 June: what is answered on that day may be the angry half of it."""
    both = [*surveyed("delivery", "05", 2, 9, 30), *surveyed("delivery", "06", 4, 5, 30)]
    assert found(state_of(tmp_path, both)) == []
