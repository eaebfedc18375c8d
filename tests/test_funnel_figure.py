"""The funnel as drawn: each kind of unit has a shape of its own, each line its dashes, and names stay text."""

from dataclasses import replace
from pathlib import Path

import pytest

from kpi.compare import Comparison, comparison
from kpi.funnel_figure import funnel_figure
from tests.samples import Event, day, event, later, question, state_of

MARKUP = "<b>bad</b>"
TARGET = '[[target]]\nkpi = "accuracy"\nevery = "day"\nat_least = 0.95\nfrom = 2024-01-01\n'


def checked(store: str, passed: int, n: int) -> list[Event]:
    times = {"resolved_at": f"{day(0)}T11:00", "store": store}
    return [event(f"{store} {number}", f"{day(0)}T10:00", quality_passed=number < passed, **times) for number in range(n)]


def compared(place: Path, largest: int) -> Comparison:
    usual = [row for store in range(20) for row in checked(f"S{store:02}", 80, 100)]
    rows = [*usual, *checked(MARKUP, 40, 100), *checked("good", largest, largest), *checked("few", 5, 10), later(day(1))]
    return comparison(state_of(place, rows, targets=TARGET), question("accuracy", by=("store",)), "adjusted")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return compared(tmp_path_factory.mktemp("funnel"), 150)


def test_worse_better_within_and_not_judged_have_four_shapes(found: Comparison) -> None:
    symbols = {trace.name: trace.marker.symbol for trace in funnel_figure(found, "EUR").data if trace.mode == "markers"}
    assert symbols == {
        "within": "circle",
        "not judged": "circle-open",
        "better than the others": "triangle-up",
        "worse than the others": "triangle-down",
    }


def test_where_less_is_better_worse_points_up(found: Comparison) -> None:
    kpi = replace(found.kpi, better="lower")
    turned = replace(found, kpi=kpi, peers=tuple(replace(one, answer=replace(one.answer, kpi=kpi)) for one in found.peers))
    traces = {trace.name: trace for trace in funnel_figure(turned, "EUR").data if trace.mode == "markers"}
    worse = traces["worse than the others"]
    assert (worse.marker.symbol, list(worse.customdata)) == ("triangle-up", ["good"])
    assert traces["better than the others"].marker.symbol == "triangle-down"


def test_a_dot_stands_at_its_n_and_value_and_carries_its_name(found: Comparison) -> None:
    [worse] = [trace for trace in funnel_figure(found, "EUR").data if trace.name == "worse than the others"]
    assert (list(worse.x), list(worse.y), list(worse.customdata)) == ([100.0], [0.4], [MARKUP])
    shown = [name for trace in funnel_figure(found, "EUR").data if trace.mode == "markers" for name in trace.customdata]
    assert sorted(shown) == sorted(one.name for one in found.peers)


def test_a_name_with_markup_reads_as_typed(found: Comparison) -> None:
    [worse] = [trace for trace in funnel_figure(found, "EUR").data if trace.name == "worse than the others"]
    lines = worse.text[0].split("<br>")
    assert lines[:2] == ["&lt;b&gt;bad&lt;/b&gt;", "40.0%, n = 100"]
    assert lines[-2].endswith("(worst)")
    assert lines[-1] == "worse than the others, lowest tenth"


def test_limits_centre_and_target_differ_in_their_dashes(found: Comparison) -> None:
    lines = [trace for trace in funnel_figure(found, "EUR").data if trace.mode == "lines" and trace.showlegend is not False]
    assert {trace.name: trace.line.dash for trace in lines} == {
        "2 sigma limits": "dot",
        "3 sigma limits": "dash",
        "all together 79.4%": "solid",  # 1600 + 40 + 150 + 5 of 2000 + 100 + 150 + 10
        "target 95.0%": "dashdot",
    }


def test_limits_start_at_the_floor_and_stay_within_what_is_possible(found: Comparison) -> None:
    curves = [trace for trace in funnel_figure(found, "EUR").data if trace.name and trace.name.endswith("sigma limits")]
    assert len(curves) == 4
    assert {round(min(trace.x), 6) for trace in curves} == {30}
    assert all(0 <= value <= 1 for trace in curves for value in trace.y)


def test_n_is_on_a_logarithmic_axis_only_where_units_differ_widely_in_size(found: Comparison, tmp_path: Path) -> None:
    assert funnel_figure(found, "EUR").layout.xaxis.type == "linear"  # 10 to 150
    assert funnel_figure(compared(tmp_path, 400), "EUR").layout.xaxis.type == "log"  # 10 to 400


def test_without_a_funnel_nothing_is_drawn(found: Comparison) -> None:
    assert not funnel_figure(replace(found, funnel=None), "EUR").data


def test_the_axis_of_n_ends_beside_the_outermost_dots_but_is_no_fixed_range(found: Comparison, tmp_path: Path) -> None:
    axis, wide = (funnel_figure(one, "EUR").layout.xaxis for one in (found, compared(tmp_path, 400)))
    assert axis.range is None
    assert (axis.autorangeoptions.minallowed, axis.autorangeoptions.maxallowed) == pytest.approx((10 / 1.15, 150 * 1.15))
    assert 10**wide.autorangeoptions.maxallowed == pytest.approx(400 * 1.15)
