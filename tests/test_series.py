"""Which points set the limits, which are judged and which phase each lies in, on a KPI's own days."""

from datetime import date
from pathlib import Path

import pytest

from kpi.control import ControlChart, control_charts
from kpi.periods import Dates
from kpi.store import State
from tests.samples import MONDAY, costs, day, event, later, question, state_of

STEP = [*[10, 12] * 15, *[30, 32] * 15]
PHASE = f'[[phase]]\nkpi = "cost_per_service"\nfrom = {day(30)}\nreason = "New contract"\naccepted_by = "Ana"\n'


def chart_of(state: State, dates: Dates | None = None, rules: str = "nelson_1_2") -> ControlChart:
    asked = question("cost_per_service", every="day") if dates is None else question("cost_per_service", every="day", dates=dates)
    return control_charts(state, asked, "individuals", rules)[0]


def stepped(place: Path, **settings: str) -> State:
    return state_of(place, [*costs(STEP, a_day=30), later(day(60))], **settings)


def test_an_accepted_phase_has_its_own_limits_and_no_signal_of_the_old_ones(tmp_path: Path) -> None:
    chart = chart_of(stepped(tmp_path, phases=PHASE))
    assert [{point.centre for point in chart.points if point.phase == number} for number in (0, 1)] == [{11.0}, {31.0}]
    assert not any(point.signals for point in chart.points)
    assert [(span.count, span.first, span.last) for span in chart.spans] == [(30, day(0), day(29)), (30, day(30), day(59))]
    assert chart.current.phase is not None
    assert (chart.current.phase.reason, chart.current.phase.accepted_by) == ("New contract", "Ana")


def test_without_it_the_same_days_are_signals_against_what_was_usual_before(tmp_path: Path) -> None:
    chart = chart_of(stepped(tmp_path), Dates(day(30), day(60)))
    assert {point.centre for point in chart.points} == {11.0}
    assert all("beyond_limits" in point.signals for point in chart.points)


def test_the_first_periods_of_a_phase_freeze_its_limits(tmp_path: Path) -> None:
    values = [*[10, 12] * 15, *[30, 32] * 28, *[40, 42] * 10]
    state = state_of(tmp_path, [*costs(values, a_day=30), later(day(len(values)))], phases=PHASE)
    chart = chart_of(state, Dates(day(90), day(len(values))))
    assert {point.centre for point in chart.points} == {31.0}
    assert (chart.current.count, chart.current.first, chart.current.last) == (56, day(30), day(85))


def test_a_phase_may_say_until_when_its_limits_are_set(tmp_path: Path) -> None:
    until = PHASE + f"baseline_until = {day(35)}\n"
    assert chart_of(stepped(tmp_path, phases=until)).current.count == 6


def test_an_excluded_day_is_shown_and_judged_and_sets_no_limit(tmp_path: Path) -> None:
    strike = f'[[exclude]]\nkpi = "cost_per_service"\nfrom = {day(10)}\nuntil = {day(10)}\nreason = "Strike"\n'
    values = [10, 12] * 10
    values[10] = 90
    chart = chart_of(state_of(tmp_path, [*costs(values, a_day=30), later(day(20))], phases=strike))
    assert chart.points[10].is_excluded
    assert chart.points[10].signals == {"beyond_limits": 1}
    assert chart.points[0].centre == pytest.approx(sum(value for value in values if value != 90) / 19)


def test_a_phase_of_a_store_leaves_the_whole_and_other_stores_alone(tmp_path: Path) -> None:
    phase = PHASE + 'store = "S1"\n'
    other = [one | {"event_id": f"{one['event_id']} S2", "store": "S2"} for one in costs([20, 22] * 30, a_day=30)]
    state = state_of(tmp_path, [*costs(STEP, a_day=30), *other, later(day(60))], phases=phase)
    by_store = control_charts(state, question("cost_per_service", every="day", by=("store",)), "individuals", "")
    assert [(chart.group, len(chart.spans)) for chart in by_store] == [(("S1",), 2), (("S2",), 1)]
    assert len(chart_of(state).spans) == 1


def test_a_step_is_proposed_until_a_phase_explains_it(tmp_path: Path) -> None:
    proposal = chart_of(stepped(tmp_path), Dates(day(15), day(60))).proposal
    assert proposal is not None
    assert proposal.starts == day(30)
    assert proposal.earliest <= day(30) <= proposal.latest
    assert (proposal.before, proposal.after) == pytest.approx((11, 31), rel=0.01)
    assert (proposal.before_count, proposal.after_count) == (15, 30)
    assert chart_of(stepped(tmp_path / "explained", phases=PHASE)).proposal is None


def test_a_change_too_small_to_matter_is_not_proposed(tmp_path: Path) -> None:
    values = [*[10.00, 10.02] * 15, *[10.10, 10.12] * 15]  # 1 % more; 2 % is the least that matters
    assert chart_of(state_of(tmp_path, [*costs(values, a_day=30), later(day(60))])).proposal is None


def test_an_episode_begins_once_and_is_open_while_it_lasts(tmp_path: Path) -> None:
    chart = chart_of(stepped(tmp_path), Dates(day(25), day(60)), "graded")
    [one] = chart.episodes
    assert (one.side, one.worst, one.starts, one.ends) == (+1, 2, day(30), None)
    assert chart.variation == "concern"


def test_an_episode_ends_when_the_process_was_calm_for_five_points(tmp_path: Path) -> None:
    values = [*[10, 12] * 15, 30, *[10, 12] * 20]
    chart = chart_of(state_of(tmp_path, [*costs(values, a_day=30), later(day(len(values)))]), Dates(day(30), day(len(values))), "graded")
    [one] = chart.episodes
    assert one.starts == day(30)
    assert one.ends is not None
    assert one.ends < day(50)
    assert chart.variation == "common_cause"


def test_among_many_usual_stores_the_one_that_is_not_stands_out(tmp_path: Path) -> None:
    stores = [
        one | {"event_id": f"{one['event_id']} {number}", "store": f"S{number}"}
        for number in range(6)
        for one in costs([*[10 + number, 12 + number] * 15, 40 if number == 3 else 11 + number], a_day=30)
    ]
    charts = control_charts(
        state_of(tmp_path, [*stores, later(day(31))]),
        question("cost_per_service", every="day", by=("store",), dates=Dates(day(30), day(31))),
        "individuals",
        "graded",
    )
    assert [chart.group for chart in charts if chart.stands_out] == [("S3",)]


def test_weeks_that_begin_in_a_phase_belong_to_it(tmp_path: Path) -> None:
    state = state_of(tmp_path, [*costs(STEP, a_day=30), later(day(63))], phases=PHASE.replace(str(day(30)), str(day(31))))
    [chart] = control_charts(state, question("cost_per_service", every="week"), "individuals", "nelson_1_2")
    assert [(point.period, point.phase) for point in chart.points][3:6] == [(day(21), 0), (day(28), 0), (day(35), 1)]
    assert date.weekday(MONDAY) == 0


def test_a_median_of_few_events_sets_no_limit_because_it_cannot_say_how_little_it_tells(tmp_path: Path) -> None:
    enough = [
        event(f"{day(place)} {number}", f"{day(place)}T08:00", responded_at=f"{day(place)}T08:{10 + place % 2}")
        for place in range(10)
        for number in range(30)
    ]
    few = [event(f"few {place}", f"{day(place)}T08:00", responded_at=f"{day(place)}T20:00") for place in range(10, 15)]
    [chart] = control_charts(
        state_of(tmp_path, [*enough, *few, later(day(15))]), question("response_time_median", every="day"), "individuals", ""
    )
    assert (chart.current.count, chart.current.last) == (10, day(9))
    assert {point.centre for point in chart.points} == {10.5}
