"""Figures and charts as records: everything they rest on, in a form that JSON and CSV can hold."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from kpi.metrics import find
from kpi.records import answer_record, chart_record, flat, not_measured_record
from tests.samples import cost_chart, costs, day, figure, later, state_of


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
    record = chart_record(cost_chart(state_of(tmp_path, [*costs([10, 12, 10, 12, 10]), later(day(5))])), ())
    assert (record["kpi"], record["chart"], record["baseline_count"], record["is_provisional"]) == (
        "cost_per_service",
        "individuals",
        5,
        True,
    )
    assert record["equation"] == "mean +- 3 x mean moving range / d2(2)"
    first = json.loads(json.dumps(record, allow_nan=False))["points"][0]
    assert (first["period"], first["value"], first["n"], first["centre"]) == ("2024-06-03", 10.0, 1, pytest.approx(10.8))
    assert (first["target"], first["alert_threshold"], first["signals"], first["is_complete"]) == (None, None, {}, True)


def test_a_flat_record_joins_names_and_splits_pairs() -> None:
    record = {"kpi": "x", "group": {"store": "S1"}, "bounds": (0.1, 0.2), "interval": None, "deep": {"a": {"b": 1}}, "none": {}}
    assert flat(record) == {"kpi": "x", "group.store": "S1", "bounds_lower": 0.1, "bounds_upper": 0.2, "interval": None, "deep.a.b": 1}


@pytest.mark.parametrize(
    ("columns", "text"), [([], ""), (["cost"], "cost"), (["cost", "resolved_at"], "cost resolved_at"), (["a", "b", "c"], "a b c")]
)
def test_a_flat_record_joins_lists_by_spaces_however_long(columns: list[str], text: str) -> None:
    assert flat({"not_measured": columns}) == {"not_measured": text}
