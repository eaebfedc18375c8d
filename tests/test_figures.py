"""Charts as drawn: every kind of line and point has a form of its own, not a colour alone."""

from pathlib import Path

import pytest

from kpi.control import ControlChart, control_charts
from kpi.figures import MARKS, control_figure, mark_of, sparkline
from kpi.periods import Dates
from tests.samples import costs, day, later, question, state_of

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
    assert 'fill="white"' in sparkline([1.0, 2.0], None, True, "course")
    assert 'fill="white"' not in sparkline([1.0, 2.0], None, False, "course")
    assert sparkline([None, None], None, False, "course") == ""
