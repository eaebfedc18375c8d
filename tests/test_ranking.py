"""The lowest tenth: only among enough units with enough events."""

import pytest

from kpi.ranking import lowest_tenth, lowest_tenth_count, ranked
from tests.samples import figure


def test_the_lowest_tenth_is_rounded_up_and_empty_below_five_units() -> None:
    assert [lowest_tenth_count(units) for units in (8, 10, 11, 20, 4)] == [1, 1, 2, 2, 0]
    assert [lowest_tenth_count(units) for units in (0, 5, 21, 100, 101)] == [0, 1, 3, 10, 11]


@pytest.mark.parametrize(("kpi", "order"), [("response_time", ["low", "middle", "high"]), ("cost_per_service", ["high", "middle", "low"])])
def test_the_worst_comes_first_whichever_direction_is_better(kpi: str, order: list[str]) -> None:
    answers = [figure(kpi, value, group=(name,)) for name, value in (("middle", 0.5), ("high", 0.9), ("low", 0.1))]
    assert [one.group[0] for one in ranked(answers)] == order


def test_ties_go_to_the_larger_n_then_to_the_name() -> None:
    answers = [figure("accuracy", 0.5, n=n, group=(name,)) for name, n in (("b", 40), ("c", 50), ("a", 40))]
    assert [one.group[0] for one in ranked(answers)] == ["c", "a", "b"]


def test_those_without_enough_events_come_last_and_are_never_in_the_lowest_tenth() -> None:
    answers = [figure("accuracy", value / 10, n=30, group=(str(value),)) for value in range(1, 6)]
    few = figure("accuracy", 0.0, n=29, group=("few",))
    assert ranked([few, *answers])[-1] == few
    assert lowest_tenth([few, *answers]) == {("1",)}
    assert lowest_tenth([few, *answers[1:]]) == set()


def test_eleven_stores_have_two_in_the_lowest_tenth() -> None:
    answers = [figure("response_time", store / 100, group=(f"S{store}",)) for store in range(11)]
    assert lowest_tenth(answers) == {("S0",), ("S1",)}


def test_a_store_without_a_value_is_not_ranked() -> None:
    answers = [figure("open_events", float(store), group=(f"S{store}",)) for store in range(4)]
    nothing = figure("open_events", None, n=0, group=("none",))
    assert ranked([nothing, *answers])[-1] == nothing
    assert lowest_tenth([nothing, *answers]) == set()
