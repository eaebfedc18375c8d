"""A KPI's series on its chart: which points give the limits, which can be signals, and the target of each."""

from datetime import date, timedelta
from math import sqrt
from pathlib import Path

import pytest
import scipy.stats

from kpi.control import ControlChart, control_charts, is_concern
from kpi.errors import KpiError
from kpi.metrics import find
from kpi.periods import EVERY, Dates, Every, period_compared_with, start_of
from kpi.spc.constants import D2_OF_TWO
from tests.samples import cost_chart, costs, day, event, later, question, state_of

LESS_COST = (
    '[[target]]\nkpi = "cost_per_service"\nevery = "{every}"\nagainst = "previous_year"\nat_most = -0.1\nalert = 0.2\nfrom = 2024-01-01'
)


def signals(chart: ControlChart) -> dict[int, dict[str, int]]:
    """The marks by the place of the point."""
    return {place: dict(point.signals) for place, point in enumerate(chart.points) if point.signals}


def beyond_limits(chart: ControlChart) -> dict[int, int]:
    return {place: marks["beyond_limits"] for place, marks in signals(chart).items() if "beyond_limits" in marks}


def limits(chart: ControlChart) -> set[tuple[float | None, float | None, float | None]]:
    return {(point.lower, point.centre, point.upper) for point in chart.points}


def reach(count: int) -> float:
    """What three sigma are when the centre rests on few points (SPC: t(m - 1; 0.99865) sqrt(1 + 1 / m))."""
    return float(scipy.stats.t.ppf(scipy.stats.norm.cdf(3), count - 1) * sqrt(1 + 1 / count))


def test_four_points_have_no_limits_and_no_signals(tmp_path: Path) -> None:
    chart = cost_chart(state_of(tmp_path, [*costs([10, 12, 10, 900]), later(day(4))]))
    assert [point.figure.value for point in chart.points] == [10, 12, 10, 900, None]
    assert (chart.current.count, chart.current.has_limits, chart.current.is_provisional) == (4, False, False)
    assert limits(chart) == {(None, None, None)}
    assert signals(chart) == {}


def test_five_points_have_provisional_limits(tmp_path: Path) -> None:
    chart = cost_chart(state_of(tmp_path, [*costs([10, 12, 10, 12, 10]), later(day(5))]))
    assert (chart.current.count, chart.current.has_limits, chart.current.is_provisional) == (5, True, True)
    [(lower, centre, upper)] = limits(chart)
    assert centre == pytest.approx(54 / 5)
    assert (lower, upper) == pytest.approx((54 / 5 - reach(5) * 2 / D2_OF_TWO, 54 / 5 + reach(5) * 2 / D2_OF_TWO))


@pytest.mark.parametrize(("count", "is_provisional"), [(19, True), (20, False)])
def test_limits_are_firm_from_twenty_points_on(tmp_path: Path, count: int, is_provisional: bool) -> None:
    chart = cost_chart(state_of(tmp_path, [*costs(([10, 12] * 10)[:count]), later(day(count))]))
    assert (chart.current.count, chart.current.is_provisional) == (count, is_provisional)


def test_the_last_incomplete_period_moves_no_limit_and_is_never_a_signal(tmp_path: Path) -> None:
    chart = cost_chart(state_of(tmp_path, costs([*[10, 12] * 5, 900], a_day=30)))
    assert [point.figure.is_complete for point in chart.points] == [True] * 10 + [False]
    assert chart.current.count == 10
    assert {point.centre for point in chart.points} == {11.0}
    assert signals(chart) == {}


def test_the_same_point_is_a_signal_once_its_period_is_complete(tmp_path: Path) -> None:
    chart = cost_chart(state_of(tmp_path, [*costs([*[10, 12] * 10, 900], a_day=30), later(day(21))]))
    assert chart.current.count == 21
    assert beyond_limits(chart) == {20: +1}


def test_a_point_with_too_few_events_has_limits_and_is_no_signal(tmp_path: Path) -> None:
    few, enough = costs([900], first=day(20), a_day=29), costs([10, 12] * 10, a_day=30)
    chart = cost_chart(state_of(tmp_path, [*enough, *few, later(day(21))]))
    assert (chart.points[20].figure.is_enough, chart.points[20].figure.value) == (False, 900)
    assert chart.points[20].upper is not None
    assert chart.points[20].upper < 900
    assert beyond_limits(chart) == {}


def test_the_asked_days_are_judged_by_what_was_usual_before_them(tmp_path: Path) -> None:
    state = state_of(tmp_path, [*costs([*[10, 12] * 10, 30, 32, 30], a_day=30), later(day(23))])
    chart = cost_chart(state, dates=Dates(day(20), day(23)))
    assert (chart.current.count, chart.current.first, chart.current.last) == (20, day(0), day(19))
    assert {point.centre for point in chart.points} == {11.0}
    assert signals(chart) == {place: {"beyond_limits": +1} for place in range(3)}


def test_with_fewer_than_twenty_points_before_them_the_asked_days_are_judged_by_themselves(tmp_path: Path) -> None:
    state = state_of(tmp_path, [*costs([*[10, 12] * 9, 10, *[30, 32] * 3], a_day=30), later(day(25))])
    chart = cost_chart(state, dates=Dates(day(19), day(25)))
    assert (chart.current.count, chart.current.first, chart.current.last) == (6, day(19), day(24))
    assert {point.centre for point in chart.points} == {31.0}
    assert signals(chart) == {}


def test_a_period_without_events_is_a_gap_that_no_moving_range_crosses(tmp_path: Path) -> None:
    chart = cost_chart(state_of(tmp_path, [*costs([10, 12, None, 100, 102, 100]), later(day(6))]))
    gap = chart.points[2]
    assert (gap.period, gap.figure.value, gap.figure.n, gap.signals) == (day(2), None, 0, {})
    [(lower, centre, _)] = limits(chart)
    assert centre == pytest.approx((10 + 12 + 100 + 102 + 100) / 5)
    assert lower == pytest.approx((10 + 12 + 100 + 102 + 100) / 5 - reach(5) * 2 / D2_OF_TWO)


def test_a_gap_breaks_a_run_and_nine_without_one_are_a_signal(tmp_path: Path) -> None:
    values = [*[11.0] * 5, None, *[11.0] * 4, *[9.0] * 9]
    chart = cost_chart(state_of(tmp_path, [*costs(values, a_day=30), later(day(19))]))
    assert {point.centre for point in chart.points} == {10.0}
    runs = {place: marks["run_of_nine"] for place, marks in signals(chart).items() if "run_of_nine" in marks}
    assert runs == dict.fromkeys(range(10, 19), -1)


def test_a_series_that_never_changes_has_no_signal(tmp_path: Path) -> None:
    chart = cost_chart(state_of(tmp_path, [*costs([0.1] * 25, a_day=30), later(day(25))]))
    [(lower, centre, upper)] = limits(chart)
    assert (lower, centre, upper) == pytest.approx((0.1, 0.1, 0.1))
    assert signals(chart) == {}


@pytest.mark.parametrize(("value", "side"), [(10.0001, +1), (9.9999, -1)])
def test_after_a_constant_baseline_any_change_is_a_signal(tmp_path: Path, value: float, side: int) -> None:
    state = state_of(tmp_path, [*costs([*[10.0] * 20, 10.0, value], a_day=30), later(day(22))])
    chart = cost_chart(state, dates=Dates(day(20), day(22)))
    assert signals(chart) == {1: {"beyond_limits": side}}


def test_in_a_constant_series_the_one_change_after_a_gap_is_the_signal_and_not_every_point(tmp_path: Path) -> None:
    chart = cost_chart(state_of(tmp_path, [*costs([*[10.0] * 8, None, 13.0], a_day=30), later(day(10))]))
    assert signals(chart) == {9: {"beyond_limits": +1}}


def test_a_share_exactly_on_its_limit_is_inside(tmp_path: Path) -> None:
    calls = [
        event(f"{day(place)} {number}", f"{day(place)}T10:00", responded_at=f"{day(place)}T10:{1 if number < on_time else 30:02}")
        for place, on_time in enumerate([50, 65, 50, 35, 50, *[50] * 15])
        for number in range(100)
    ]
    [chart] = control_charts(state_of(tmp_path, [*calls, later(day(21))]), question("response_time", every="day"), "p", "nelson_1_2")
    assert [point.figure.value for point in chart.points[:5]] == [0.5, 0.65, 0.5, 0.35, 0.5]
    assert chart.points[1].upper == pytest.approx(0.5 + 3 * 0.05)
    assert signals(chart) == {}


def test_limits_stay_inside_the_range_of_the_kpi(tmp_path: Path) -> None:
    rated = [
        event(place, f"{day(place)}T10:00", resolved_at=f"{day(place)}T11:00", satisfaction=score)
        for place, score in enumerate([5.0, 4.0] * 10)
    ]
    [chart] = control_charts(
        state_of(tmp_path, [*rated, later(day(20))]), question("satisfaction", every="day"), "individuals", "nelson_1_2"
    )
    [(lower, centre, upper)] = limits(chart)
    assert (centre, upper) == (4.5, 5.0)
    assert lower == pytest.approx(4.5 - 3 / D2_OF_TWO)


def test_each_store_has_its_own_limits_and_starts_with_its_own_first_day(tmp_path: Path) -> None:
    early = costs([10, 12, 10, 12, 10, 12, 10])
    late = [one | {"event_id": f"{one['event_id']} S2", "store": "S2"} for one in costs([20, 22, 20, 22, 20], first=day(2))]
    charts = control_charts(
        state_of(tmp_path, [*early, *late, later(day(7))]),
        question("cost_per_service", every="day", by=("store",)),
        "individuals",
        "nelson_1_2",
    )
    assert [(chart.group, chart.points[0].period, chart.current.count) for chart in charts] == [
        (("S1",), day(0), 7),
        (("S2",), day(2), 5),
    ]
    assert [chart.points[0].centre for chart in charts] == pytest.approx([76 / 7, 104 / 5])


def test_a_chart_begins_where_the_question_does(tmp_path: Path) -> None:
    state = state_of(tmp_path, [*costs([10, 12] * 5), later(day(10))])
    chart = cost_chart(state, dates=Dates(day(3), day(9)))
    assert [point.period for point in chart.points] == [day(number) for number in range(3, 9)]


@pytest.mark.parametrize("every", EVERY)
def test_a_chart_of_all_there_is_needs_no_first_day(tmp_path: Path, every: Every) -> None:
    chart = cost_chart(state_of(tmp_path, costs([10, 12])), every=every)
    assert [point.period for point in chart.points] == sorted({start_of(day(0), every), start_of(day(1), every)})


def test_without_events_there_is_no_chart(tmp_path: Path) -> None:
    assert control_charts(state_of(tmp_path, [later(day(0))]), question("accuracy", every="day", where={"store": ("S9",)}), "", "") == []


@pytest.mark.parametrize(("kpi", "below", "above"), [("accuracy", True, False), ("cost_per_service", False, True)])
def test_a_mark_on_the_worse_side_is_a_concern(kpi: str, below: bool, above: bool) -> None:
    assert (is_concern(find(kpi), -1), is_concern(find(kpi), +1)) == (below, above)


def test_a_chart_needs_periods_and_a_type_that_exists(tmp_path: Path) -> None:
    state = state_of(tmp_path, costs([10]))
    with pytest.raises(KpiError) as error:
        control_charts(state, question("cost_per_service"), "", "")
    assert str(error.value) == "period '' does not exist. Known: day, month, quarter, week."
    with pytest.raises(KpiError) as error:
        control_charts(state, question("cost_per_service", every="day"), "xbar", "")
    assert str(error.value) == "chart 'xbar' does not exist. Did you mean 'x_bar'?"


def test_a_p_chart_of_a_mean_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KpiError):
        control_charts(state_of(tmp_path, costs([10, 12, 10, 12, 10, 12])), question("cost_per_service", every="day"), "p", "nelson_1_2")


# --- targets -----------------------------------------------------------------------------------------------------------------------


def test_each_point_has_the_target_of_its_own_day(tmp_path: Path) -> None:
    old = '[[target]]\nkpi = "cost_per_service"\nevery = "day"\nat_most = 12\nalert = 15\nfrom = 2024-06-04\nuntil = 2024-06-04\n'
    new = '[[target]]\nkpi = "cost_per_service"\nevery = "day"\nat_most = 11\nfrom = 2024-06-05'
    chart = cost_chart(state_of(tmp_path, costs([10, 10, 10, 10]), targets=old + new))
    assert [(point.aim, point.alert) for point in chart.points] == [(None, None), (12, 15), (11, None), (11, None)]


def test_a_relative_target_is_last_years_value_raised_by_the_aimed_share(tmp_path: Path) -> None:
    last_year = costs([100, 200, None], first=date(2023, 6, 3))
    state = state_of(tmp_path, [*last_year, *costs([90, 90, 90])], targets=LESS_COST.format(every="day"))
    chart = cost_chart(state, dates=Dates(day(0), day(3)))
    assert [point.aim for point in chart.points] == [pytest.approx(100 - 10), pytest.approx(200 - 20), None]
    assert [point.alert for point in chart.points] == [pytest.approx(100 + 20), pytest.approx(200 + 40), None]


def test_a_relative_quarterly_target_is_against_the_whole_quarter_of_last_year(tmp_path: Path) -> None:
    last_year = [*costs([100], first=date(2023, 4, 1)), *costs([300], first=date(2023, 6, 30)), *costs([999], first=date(2023, 7, 1))]
    state = state_of(tmp_path, [*last_year, *costs([90])], targets=LESS_COST.format(every="quarter"))
    chart = cost_chart(state, every="quarter", dates=Dates(date(2024, 4, 1), date(2024, 7, 1)))
    assert [point.aim for point in chart.points] == [pytest.approx(200 - 20)]


def test_a_relative_weekly_target_is_against_the_week_that_comparisons_use(tmp_path: Path) -> None:
    start = date(2024, 6, 3)
    before = period_compared_with(start, "week", "previous_year")
    assert before == date(2023, 6, 5)
    last_year = [*costs([50] * 7, first=before - timedelta(days=7)), *costs([100] * 7, first=before)]
    state = state_of(tmp_path, [*last_year, *costs([90] * 7, first=start)], targets=LESS_COST.format(every="week"))
    chart = cost_chart(state, every="week", dates=Dates(start, start + timedelta(days=7)))
    assert [point.aim for point in chart.points] == [pytest.approx(100 - 10)]


def test_a_relative_target_of_28_february_of_a_leap_year_is_against_28_february(tmp_path: Path) -> None:
    last_year, now = costs([100], first=date(2023, 2, 28)), costs([90], first=date(2024, 2, 28))
    state = state_of(tmp_path, [*last_year, *now], targets=LESS_COST.format(every="day"))
    chart = cost_chart(state, dates=Dates(date(2024, 2, 28), date(2024, 2, 29)))
    assert [point.aim for point in chart.points] == [pytest.approx(100 - 10)]
