"""The typical response time: the geometric mean of single seconds (one more than there are), whatever the grouping."""

from datetime import date, timedelta
from math import exp, log, sqrt
from pathlib import Path
from statistics import geometric_mean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi.periods import Dates
from kpi.report import Answer, answer
from kpi.store import State
from tests.samples import Event, day, event, question, state_of

MONDAY = day(0)


def answered(seconds: list[int], on: date = MONDAY) -> list[Event]:
    return [
        event(f"{on} {place}", f"{on}T10:00:00", responded_at=f"{on + timedelta(days=after // 86400)}T{clock(after)}")
        for place, after in enumerate(seconds)
    ]


def clock(after: int) -> str:
    moment = 10 * 3600 + after
    return f"{moment // 3600:02}:{moment // 60 % 60:02}:{moment % 60:02}"


def typical(state: State, **asked: object) -> list[Answer]:
    return answer(state, question("response_time_typical", **asked))  # ty: ignore[invalid-argument-type] (passed through)


@settings(max_examples=15)
@given(seconds=st.lists(st.integers(min_value=0, max_value=40_000), min_size=2, max_size=12))
def test_it_is_the_geometric_mean(tmp_path_factory: pytest.TempPathFactory, seconds: list[int]) -> None:
    [found] = typical(state_of(tmp_path_factory.mktemp("typical"), answered(seconds)))
    assert found.value == pytest.approx((geometric_mean([one + 1 for one in seconds]) - 1) / 60, rel=1e-6, abs=1e-6)
    assert found.n == len(seconds)


def test_an_answer_at_once_is_an_answer(tmp_path: Path) -> None:
    [found] = typical(state_of(tmp_path, answered([0, 0, 0])))
    assert (found.value, found.n) == (0, 3)


def test_days_add_up_to_the_week_by_their_sums(tmp_path: Path) -> None:
    state = state_of(tmp_path, [*answered([60] * 3), *answered([3600], on=day(1))])
    [week] = typical(state, every="week")
    assert week.value == pytest.approx((exp((3 * log(61) + log(3601)) / 4) - 1) / 60, rel=1e-6)
    assert week.n == sum(one.n for one in typical(state, every="day"))


def test_who_waits_or_was_never_answered_is_left_out_and_counted(tmp_path: Path) -> None:
    waiting = event("waiting", f"{MONDAY}T10:00")
    given_up = event("given up", f"{MONDAY}T10:00", closed_at=f"{MONDAY}T11:00")
    [found] = typical(state_of(tmp_path, [*answered([120]), waiting, given_up]))
    assert (found.n, dict(found.left_out)["still_open"], dict(found.left_out)["no_response"]) == (1, 1, 1)


def test_its_interval_is_that_of_the_mean_logarithm(tmp_path: Path) -> None:
    seconds = [30, 60, 120, 240]
    [found] = typical(state_of(tmp_path, answered(seconds)))
    logarithms = [log(one + 1) for one in seconds]
    middle, half = sum(logarithms) / 4, 1.959963984540054 * stdev(logarithms) / sqrt(4)
    assert found.interval == pytest.approx(((exp(middle - half) - 1) / 60, (exp(middle + half) - 1) / 60), rel=1e-5)


def test_nothing_answered_has_no_value(tmp_path: Path) -> None:
    state = state_of(tmp_path, [event("waiting", f"{MONDAY}T10:00"), event("later", f"{day(3)}T10:00")])
    [found] = typical(state, dates=Dates(day(0), day(1)))
    assert found.value is None
