"""Charts as drawn: every kind of line and point has a form of its own, not a colour alone."""

from pathlib import Path
from typing import Any

import pytest

from kpi.control import ControlChart, control_charts
from kpi.figures import MARKS, _duration_ticks, _share_decimals, control_figure, mark_of, readable, sparkline
from kpi.periods import Dates, Every
from kpi.words.charts import symbols_sentence
from tests.samples import costs, day, event, later, question, state_of

TARGET = '[[target]]\nkpi = "cost_per_service"\nevery = "day"\nat_most = 13\nalert = 15\nfrom = 2024-01-01\n'


def chart_of(place: Path, values: list[float], first: int, rules: str = "graded", **settings: str) -> ControlChart:
    state = state_of(place, [*costs(values, a_day=30), later(day(len(values)))], **settings)
    asked = question("cost_per_service", every="day", dates=Dates(day(first), day(len(values))))
    return control_charts(state, asked, "individuals", rules)[0]


def test_centre_limits_target_and_threshold_differ_in_their_dashes(tmp_path: Path) -> None:
    figure = control_figure(chart_of(tmp_path, [10, 12] * 20, 0, targets=TARGET), "day", "EUR")
    dashes = {
        trace.name.split(" €")[0]: trace.line.dash for trace in figure.data if trace.mode == "lines" and trace.showlegend is not False
    }
    assert dashes == {"control limits": "dash", "centre": "solid", "target": "dashdot", "alert threshold": "dot"}


def test_watch_serious_and_better_have_three_shapes() -> None:
    assert len({(mark.symbol, mark.is_concern) for mark in MARKS if mark.grade or not mark.is_concern}) == 3


def test_a_serious_point_is_a_full_diamond_and_a_usual_one_none(tmp_path: Path) -> None:
    chart = chart_of(tmp_path, [*[10, 12] * 15, 11, 30], 30)
    marks = [mark_of(chart, point) for point in chart.points]
    assert marks[0] is None
    assert marks[1] is not None
    assert (marks[1].symbol, marks[1].grade) == ("diamond", 2)


def test_a_good_day_within_a_bad_drift_is_not_marked_as_bad(tmp_path: Path) -> None:
    chart = chart_of(tmp_path, [*[10, 12] * 15, *[30] * 5, 10.5], 30)
    assert chart.points[-1].signals
    assert mark_of(chart, chart.points[-1]) is None


def test_an_accepted_phase_is_a_vertical_line_with_its_reason_as_text(tmp_path: Path) -> None:
    phase = f'[[phase]]\nkpi = "cost_per_service"\nfrom = {day(30)}\nreason = "<b>New</b> contract with a name that is far too long"\n'
    figure = control_figure(chart_of(tmp_path, [*[10, 12] * 15, *[30, 32] * 15], 10, phases=phase), "day", "EUR")
    [line], [note] = figure.layout.shapes, figure.layout.annotations
    assert (line.x0, line.line.dash) == (day(30), "longdash")
    assert note.text == "&lt;b&gt;New&lt;/b&gt; contract with a name…"


@pytest.mark.parametrize("chart", ["cusum", "moving_range", "ewma", "run", "x_bar", "s", "between_within"])
def test_every_chart_type_can_be_drawn(tmp_path: Path, chart: str) -> None:
    state = state_of(tmp_path, [*costs([10, 12] * 15, a_day=30), later(day(30))])
    [one] = control_charts(state, question("cost_per_service", every="day"), chart, "")
    figure = control_figure(one, "day", "EUR")
    assert any(trace.mode == "markers" for trace in figure.data)
    assert bool(figure.layout.yaxis.ticksuffix) == (chart not in ("cusum", "moving_range", "s"))


def test_a_sparkline_has_a_hollow_last_point_while_it_is_incomplete() -> None:
    hollow, full = (sparkline((1.0, 2.0), None, is_open, "course") for is_open in (True, False))
    assert 'r="4" fill="none"' in hollow
    assert 'points="6.0,50.0 250.1,6.7"' in hollow  # 4 short of the ring's centre
    assert 'r="4" fill="none"' not in full
    assert 'points="6.0,50.0 254.0,6.0"' in full
    assert sparkline((None, None), None, False, "course") == ""


def axis_of(place: Path, values: list[float], every: Every = "day", **settings: str) -> Any:
    state = state_of(place, [*costs(values, a_day=30), later(day(len(values)))], **settings)
    [one] = control_charts(state, question("cost_per_service", every=every, dates=Dates(day(0), day(len(values)))), "individuals", "")
    return control_figure(one, every, "EUR")


def test_every_line_has_dashes_of_its_own_and_every_kind_of_point_a_form_of_its_own(tmp_path: Path) -> None:
    few = [event("few", f"{day(20)}T10:00", resolved_at=f"{day(20)}T11:00", cost=12)]
    rows = [*costs([10, 12] * 10, a_day=30), *few, *costs([11] * 2, first=day(21), a_day=30)]
    state = state_of(tmp_path, [*rows, later(day(22))], targets=TARGET)
    [chart] = control_charts(state, question("cost_per_service", every="day", dates=Dates(day(0), day(23))), "individuals", "")
    figure = control_figure(chart, "day", "EUR")
    [values] = [trace for trace in figure.data if trace.customdata is not None and trace.text is not None]
    assert list(values.marker.symbol[-3:]) == ["circle-open-dot", "circle", "circle-open"]
    dashes = {trace.name: trace.line.dash for trace in figure.data if trace.mode == "lines"}
    assert dashes.pop("lower limit") == dashes["control limits"]
    assert dashes["incomplete"] not in {dash for name, dash in dashes.items() if name != "incomplete"}
    assert symbols_sentence(chart) == ("Points: hollow: the period is not complete; a dot in a ring: fewer than 30 events, not judged.")


def test_a_click_fades_nothing(tmp_path: Path) -> None:
    figure = axis_of(tmp_path, [10, 12] * 20)
    assert {trace.unselected.marker.opacity for trace in figure.data if trace.mode == "markers"} == {1}


def test_one_period_has_a_named_tick_and_a_target_as_wide_as_it(tmp_path: Path) -> None:
    figure = axis_of(tmp_path, [10.0] * 20, "month", targets=TARGET)
    assert list(figure.layout.xaxis.ticktext) == ["June 2024"]
    [aim] = [trace for trace in figure.data if trace.name == "target €13.00"]
    assert len(aim.x) == 2
    assert list(aim.y) == [13, 13]


@pytest.mark.parametrize(("span", "decimals"), [(0.2, 0), (0.05, 0), (0.03, 1), (0.004, 2)])
def test_the_ticks_of_shares_differ(span: float, decimals: int) -> None:
    assert _share_decimals(span) == decimals


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0, 50, ["0 min", "10 min", "20 min", "30 min", "40 min", "50 min"]),
        (0, 1200, ["0 h", "5 h", "10 h", "15 h", "20 h"]),
        (1440, 7200, ["1 day", "2 days", "3 days", "4 days", "5 days"]),
        (5, 5, ["5 min"]),
    ],
)
def test_durations_on_the_axis_have_the_unit_of_the_text(low: float, high: float, words: list[str]) -> None:
    assert _duration_ticks(low, high)["ticktext"] == words


def test_a_long_range_is_drawn_in_longer_periods() -> None:
    assert readable("day", Dates(day(0), day(400))) == "day"
    assert readable("day", Dates(day(0), day(401))) == "week"
    assert readable("month", Dates(day(0), day(4000))) == "month"


def test_a_long_series_has_small_points_without_an_edge_under_its_lines(tmp_path: Path) -> None:
    figure = axis_of(tmp_path, [10, 12] * 110, targets=TARGET)
    names = [trace.name for trace in figure.data]
    [values] = [trace for trace in figure.data if trace.customdata is not None and trace.text is not None]
    assert (values.marker.size, values.marker.line.width) == (4, 0)
    assert names.index("target €13.00") > names.index("Cost per service")


def test_a_line_keeps_its_identity_when_its_value_changes_or_another_line_joins(tmp_path: Path) -> None:
    before, after = axis_of(tmp_path, [10, 12] * 20), axis_of(tmp_path / "later", [10, 12] * 20 + [40], targets=TARGET)
    known = {trace.uid: trace.name for trace in before.data}
    joined = {trace.uid: trace.name for trace in after.data}
    assert len(known) == len(before.data)
    assert known["centre"] != joined["centre"]
    assert known.keys() < joined.keys()
    assert {"aim", "alert"} <= joined.keys() - known.keys()
