"""Rate and mix: they add up to the difference, whatever the parts."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.mix import Part, effects, pooled_weights, standardised
from kpi.periods import Dates
from kpi.report import parts_compared
from tests.samples import event, question, state_of

PARTS = st.dictionaries(
    st.sampled_from("abcde"),
    st.integers(0, 1000).flatmap(lambda n: st.integers(-3 * n, 3 * n).map(lambda numerator: Part(numerator, n))),
    max_size=5,
)
EASY_AND_HARD = ({"easy": Part(90, 100), "hard": Part(3, 10)}, {"easy": Part(10, 10), "hard": Part(40, 100)})


def test_each_part_improves_and_the_total_falls_because_the_hard_part_grew() -> None:
    before, now = EASY_AND_HARD
    found = effects(before, now)
    assert found is not None
    assert (found.before, found.now) == (pytest.approx(93 / 110), pytest.approx(50 / 110))
    assert found.before == pytest.approx(0.845455, abs=5e-7)
    assert found.now == pytest.approx(0.454545, abs=5e-7)
    assert found.rate == pytest.approx(+0.10)
    assert found.mix == pytest.approx(found.now - found.before - 0.10)


def test_with_pooled_weights_the_standardised_share_rises_from_60_to_70_percent() -> None:
    before, now = EASY_AND_HARD
    weights = pooled_weights(before, now)
    assert weights == {"easy": 110, "hard": 110}
    assert standardised(before, weights) == pytest.approx((0.9 + 0.3) / 2)
    assert standardised(now, weights) == pytest.approx((1.0 + 0.4) / 2)


@given(PARTS, PARTS)
def test_rate_and_mix_add_up_to_the_difference(before: dict[str, Part], now: dict[str, Part]) -> None:
    found = effects(before, now)
    if found is None:
        assert not all(sum(part.denominator for part in parts.values()) for parts in (before, now))
    else:
        assert found.rate + found.mix == pytest.approx(found.now - found.before, abs=1e-9)
        assert set(found.rates) == set(found.mixes) == {*before, *now}


@given(PARTS)
def test_nothing_changed_has_no_effect(parts: dict[str, Part]) -> None:
    found = effects(parts, parts)
    assert found is None or (found.rate, found.mix) == (0, 0)


@given(PARTS, PARTS)
def test_exchanging_before_and_now_changes_only_the_sign(before: dict[str, Part], now: dict[str, Part]) -> None:
    one, other = effects(before, now), effects(now, before)
    assert (one is None) == (other is None)
    if one and other:
        assert (one.rate, one.mix) == pytest.approx((-other.rate, -other.mix), abs=1e-9)


def test_equal_weights_leave_only_a_rate_effect_and_equal_rates_only_a_mix_effect() -> None:
    rate = effects({"a": Part(5, 10), "b": Part(5, 10)}, {"a": Part(7, 10), "b": Part(5, 10)})
    assert rate is not None
    assert (rate.rate, rate.mix) == (pytest.approx(2 / 20), 0)
    mix = effects({"a": Part(10, 10), "b": Part(0, 10)}, {"a": Part(30, 30), "b": Part(0, 10)})
    assert mix is not None
    assert (mix.rate, mix.mix) == (0, pytest.approx(30 / 40 - 10 / 20))


def test_a_part_that_comes_or_goes_is_mix() -> None:
    came = effects({"a": Part(5, 10)}, {"a": Part(5, 10), "b": Part(10, 10)})
    assert came is not None
    assert (came.rate, came.mix) == (0, pytest.approx(15 / 20 - 5 / 10))


def test_a_total_without_events_on_one_side_has_no_effects() -> None:
    assert effects({}, {"a": Part(1, 1)}) is None
    assert effects({"a": Part(1, 1)}, {"a": Part(0, 0)}) is None


def test_a_standard_that_weighs_a_part_without_a_rate_gives_no_value() -> None:
    assert standardised({"a": Part(1, 2)}, {"a": 1, "b": 1}) is None
    assert standardised({"a": Part(1, 2), "b": Part(0, 0)}, {"a": 1, "b": 1}) is None
    assert standardised({"a": Part(1, 2)}, {"a": 1, "b": 0}) == 0.5
    assert standardised({}, {}) is None


def test_groups_whose_joined_names_look_alike_stay_two_parts(tmp_path: Path) -> None:
    named = [("a / b", "c", 5), ("a", "b / c", 30)]
    calls = [
        event(f"{on} {store}", f"{on}T10:00", responded_at=f"{on}T10:{minutes:02}", store=store, channel=channel)
        for on in ("2024-06-03", "2024-06-04")
        for store, channel, minutes in named
    ]
    tuesday = Dates(date(2024, 6, 4), date(2024, 6, 5))
    state = state_of(tmp_path, [*calls, event("newest", "2024-06-05T12:00", responded_at=None)])
    before, now = parts_compared(state, question("response_time", by=("store", "channel"), dates=tuesday), "previous_period")
    assert sorted(now.values(), key=lambda part: part.numerator) == [Part(0, 1), Part(1, 1)]
    assert sum(part.denominator for part in before.values()) == 2


def test_days_that_are_not_over_are_on_neither_side(tmp_path: Path) -> None:
    """Asked for two days, of which the second has only begun: one day is held against the one before it."""
    calls = [event(on, f"{on}T10:00", is_complaint=on == "2024-06-05") for on in ("2024-06-03", "2024-06-04", "2024-06-05")]
    both = Dates(date(2024, 6, 4), date(2024, 6, 6))
    before, now = parts_compared(state_of(tmp_path, calls), question("complaint_rate", by=("store",), dates=both), "previous_period")
    assert (before, now) == ({("S1",): Part(0, 1)}, {("S1",): Part(0, 1)})


def test_days_whose_windows_are_not_over_are_on_neither_side(tmp_path: Path) -> None:
    solved = [event(day, f"2024-06-{day}T10:00", resolved_at=f"2024-06-{day}T11:00", contact_count=1) for day in ("10", "11", "12", "19")]
    dates = Dates(date(2024, 6, 11), date(2024, 6, 20))
    state = state_of(tmp_path, solved)
    asked = question("first_contact_resolution_one_contact", by=("store",), dates=dates)
    assert parts_compared(state, asked, "previous_period") == ({("S1",): Part(1, 1)}, {("S1",): Part(1, 1)})


def test_requests_that_are_not_decided_have_no_parts(tmp_path: Path) -> None:
    promised = [event("1", due_at="2024-06-04T00:00", resolved_at="2024-06-03T11:00"), event("2", due_at="2024-07-01T00:00")]
    newest = event("newest", "2024-06-05T12:00")
    dates = Dates(date(2024, 6, 3), date(2024, 6, 4))
    state = state_of(tmp_path, [*promised, newest])
    assert parts_compared(state, question("on_time", by=("store",), dates=dates), "previous_period") == ({}, {})
