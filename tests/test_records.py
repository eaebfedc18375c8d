"""Figures and charts as records: everything they rest on, in a form that JSON and CSV can hold."""

import json
from dataclasses import replace
from datetime import date
from math import pi
from pathlib import Path

import pytest

from kpi.control import control_charts
from kpi.metrics import find
from kpi.periods import Dates
from kpi.records import answer_record, chart_record, flat, not_measured_record
from tests.samples import cost_chart, costs, day, figure, later, question, state_of


def test_a_figure_carries_its_value_its_sums_and_what_was_left_out() -> None:
    one = replace(
        figure("response_time", 0.6, n=5, group=("S1", "phone")),
        period=date(2024, 6, 3),
        numerator=3.0,
        squares=3.0,
        undetermined=1,
        left_out={"no_response": 2, "no_limit": 0},
        bounds=(0.5, 0.66),
        interval=(0.2, 0.9),
        is_complete=False,
    )
    assert answer_record(one, ("store", "channel"), None) == {
        "kpi": "response_time",
        "unit": "share",
        "period": "2024-06-03",
        "group": {"store": "S1", "channel": "phone"},
        "value": 0.6,
        "numerator": 3.0,
        "denominator": 5,
        "n": 5,
        "undetermined": 1,
        "excluded": {"no_response": 2, "no_limit": 0},
        "bounds": (0.5, 0.66),
        "interval_95": (0.2, 0.9),
        "standard_deviation": None,
        "sum_of_squares": 3.0,
        "observed": None,
        "is_complete": False,
        "is_binned": False,
        "is_enough": False,
    }


@pytest.mark.parametrize(
    ("now", "before", "difference", "relative"),
    [(12.0, 10.0, 2.0, 0.2), (12.0, 0.0, 12.0, None), (None, 10.0, None, None), (12.0, None, None, None), (0.0, 10.0, -10.0, -1.0)],
)
def test_a_comparison_has_a_difference_only_when_both_sides_are_measured(
    now: float | None, before: float | None, difference: float | None, relative: float | None
) -> None:
    record = answer_record(
        figure("cost_per_service", now, n=40), (), replace(figure("cost_per_service", before, n=50), period=date(2024, 6, 3))
    )
    assert record["comparison"] == {"period": "2024-06-03", "value": before, "n": 50, "difference": difference, "relative": relative}


def test_what_is_not_measured_has_no_value_and_the_reason() -> None:
    record = not_measured_record(find("accuracy"), ("quality_passed", "resolved_at"))
    assert (record["value"], record["n"], record["not_measured"]) == (None, None, ["quality_passed", "resolved_at"])


def test_a_chart_carries_its_points_and_can_be_json(tmp_path: Path) -> None:
    record = json.loads(
        json.dumps(chart_record(cost_chart(state_of(tmp_path, [*costs([10, 12] * 10), later(day(20))])), ()), allow_nan=False)
    )
    assert (record["kpi"], record["chart"], record["equation"]) == (
        "cost_per_service",
        "individuals",
        "mean +- 3 x mean moving range / d2(2)",
    )
    assert list(record["rules"]) == ["beyond_limits", "run_of_nine"]
    assert (record["variation"], record["assurance"], record["episodes"], record["proposal"]) == ("not_judged", "not_judged", [], None)
    assert record["phases"] == [
        {
            "from": None,
            "reason": None,
            "accepted_by": None,
            "baseline_count": 20,
            "baseline_first": "2024-06-03",
            "baseline_last": "2024-06-22",
            "is_provisional": False,
        }
    ]
    first = record["points"][0]
    assert (first["period"], first["value"], first["numerator"], first["denominator"]) == ("2024-06-03", 10.0, 10.0, 1)
    assert (first["centre"], first["upper"]) == pytest.approx((11, 11 + 3 * 2 / (2 / pi**0.5)))
    assert (first["target"], first["alert_threshold"], first["is_complete"]) == (None, None, True)
    assert first["signals"] == {"beyond_limits": 0, "run_of_nine": 0}
    assert (first["phase"], first["episode_from"], first["is_proposed_step"]) == (0, None, False)


def test_a_chart_carries_its_episodes_and_its_proposal(tmp_path: Path) -> None:
    state = state_of(tmp_path, [*costs([*[10, 12] * 15, *[30, 32] * 15], a_day=30), later(day(60))])
    asked = question("cost_per_service", every="day", dates=Dates(day(20), day(60)))
    record = chart_record(control_charts(state, asked, "individuals", "")[0], ())
    [episode] = record["episodes"]
    assert (episode["from"], episode["until"], episode["side"], episode["grade"]) == (day(30).isoformat(), None, 1, "serious")
    assert record["proposal"]["from"] == day(30).isoformat()
    marked = [point["period"] for point in record["points"] if point["is_proposed_step"]]
    assert marked == [day(30).isoformat()]
    assert {point["episode_from"] for point in record["points"]} == {None, day(30).isoformat()}


def test_a_flat_record_joins_names_and_splits_pairs() -> None:
    record = {"kpi": "x", "group": {"store": "S1"}, "bounds": (0.1, 0.2), "interval": None, "deep": {"a": {"b": 1}}, "none": {}}
    assert flat(record) == {"kpi": "x", "group.store": "S1", "bounds_lower": 0.1, "bounds_upper": 0.2, "interval": None, "deep.a.b": 1}


@pytest.mark.parametrize(
    ("columns", "text"), [([], ""), (["cost"], "cost"), (["cost", "resolved_at"], "cost resolved_at"), (["a", "b", "c"], "a b c")]
)
def test_a_flat_record_joins_lists_by_spaces_however_long(columns: list[str], text: str) -> None:
    assert flat({"not_measured": columns}) == {"not_measured": text}
