"""Each rule: a table with the case just short of it, gaps and ties, and mirrored points with mirrored marks."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.spc.charts import Array
from kpi.spc.distances import Distances
from kpi.spc.marks import Marked, between, beyond
from kpi.spc.rules import BY_NAME, RULE_SETS, RULES, Rule
from kpi.spc.runs import rephased, run_lengths, runs

GAP = float("nan")
INFINITE = float("inf")

KNOWN = np.full((1, 1), np.inf)
FARTHEST = 1000.0
"""An infinite distance is that of a value beside others that do not vary at all; the value itself is not infinite."""


def judged(points: Any) -> Distances:
    """Points around a known centre of 0 with a known sigma of 1, so that their distances are their values."""
    z = np.array(points, dtype=float).reshape(-1, len(points)) if np.ndim(points) < 2 else np.array(points, dtype=float)
    return Distances(z, np.clip(z, -FARTHEST, FARTHEST), KNOWN, np.zeros((1, 1)))


def completing(rule: str, points: list[float]) -> list[int]:
    return RULES[rule].marks(judged(points)).completing[0].tolist()


def members(rule: str, points: list[float]) -> list[int]:
    return RULES[rule].marks(judged(points)).members[0].tolist()


def last(points: int, side: int = 1) -> list[int]:
    """A mark on the last of so many points."""
    return [*[0] * (points - 1), side]


@pytest.mark.parametrize(
    ("points", "marks"),
    [
        ([0.0, 2.9, -2.9], [0, 0, 0]),
        ([3.0, -3.0], [0, 0]),
        ([3.001, -3.001], [1, -1]),
        ([0.0, 3.5, GAP, -4.0], [0, 1, 0, -1]),
        ([INFINITE, -INFINITE], [1, -1]),
        ([GAP, GAP], [0, 0]),
    ],
)
def test_a_point_strictly_beyond_a_limit_is_marked_and_one_on_it_is_not(points: list[float], marks: list[int]) -> None:
    assert completing("beyond_limits", points) == marks
    assert members("beyond_limits", points) == marks


@pytest.mark.parametrize(("rule", "length"), [("run_of_seven", 7), ("run_of_eight", 8), ("run_of_nine", 9)])
def test_a_run_on_one_side_is_complete_at_its_last_point_and_not_before(rule: str, length: int) -> None:
    assert completing(rule, [1.0] * (length - 1)) == [0] * (length - 1)
    assert completing(rule, [1.0] * length) == last(length)
    assert completing(rule, [-0.1] * length) == last(length, -1)
    assert completing(rule, [1.0] * (length + 2)) == [*last(length), 1, 1]
    assert members(rule, [-1.0, *[1.0] * length, -1.0]) == [0, *[1] * length, 0]


@pytest.mark.parametrize(
    "points",
    [
        [*[1.0] * 8, -1.0, *[1.0] * 8],
        [*[1.0] * 8, 0.0, 1.0],
        [*[1.0] * 8, GAP, 1.0],
        [0.0] * 20,
        [GAP] * 20,
    ],
)
def test_a_run_is_broken_by_the_other_side_the_centre_and_a_gap(points: list[float]) -> None:
    assert not any(completing("run_of_nine", points))
    assert not any(members("run_of_nine", points))


@pytest.mark.parametrize(("rule", "length"), [("trend_of_six", 6), ("trend_of_seven", 7)])
def test_a_trend_counts_its_points_and_begins_with_any_value(rule: str, length: int) -> None:
    rising = [float(place) for place in range(length)]
    for start in (-100.0, -2.0, 0.0, 3.0):
        assert completing(rule, [start + value for value in rising]) == last(length)
        assert completing(rule, [start - value for value in rising]) == last(length, -1)
    assert completing(rule, rising[:-1]) == [0] * (length - 1)
    assert members(rule, [9.0, *rising, -9.0]) == [0, *[1] * length, 0]


@pytest.mark.parametrize("rule", ["trend_of_six", "alternating"])
def test_a_point_that_is_not_judged_has_no_steps(rule: str) -> None:
    values = np.array([[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0] + [0.0, 1.0] * 8])
    assert RULES[rule].marks(Distances(values, values, KNOWN, np.zeros((1, 1)))).completing.any()
    assert not RULES[rule].marks(Distances(np.full(values.shape, GAP), values, KNOWN, np.zeros((1, 1)))).completing.any()


@pytest.mark.parametrize("points", [[0, 1, 2, 2, 3, 4, 5], [0, 1, 2, GAP, 3, 4, 5], [0, 1, 2, 3, 4, 3.9, 5, 6, 7, 8]])
def test_a_trend_is_broken_by_a_tie_a_gap_and_a_step_back(points: list[float]) -> None:
    assert not any(completing("trend_of_six", points))


def test_fourteen_points_alternating_are_marked_and_thirteen_are_not() -> None:
    assert not any(completing("alternating", [1.0, 2.0] * 6 + [1.0]))
    assert completing("alternating", [1.0, 2.0] * 7) == last(14)
    assert completing("alternating", [2.0, 1.0] * 7) == last(14, -1)
    assert members("alternating", [1.0, 2.0] * 7) == [1] * 14
    assert not any(completing("alternating", [1.0, 2.0] * 5 + [2.0, 1.0] * 5))
    assert not any(completing("alternating", [*[1.0, 2.0] * 6, GAP, 2.0, 1.0]))


@pytest.mark.parametrize(
    ("points", "complete", "belong"),
    [
        ([2.1, 0.0, 2.1], [0, 0, 1], [1, 0, 1]),
        ([2.1, 2.1], [0, 0], [0, 0]),  # two points are not three
        ([0.0, 2.1, 2.1], [0, 0, 1], [0, 1, 1]),
        ([2.1, 2.1, 0.0], [0, 0, 0], [0, 0, 0]),  # the last of the three must be beyond too
        ([2.0, 0.0, 2.1], [0, 0, 0], [0, 0, 0]),
        ([2.1, -1.0, 2.1], [0, 0, 1], [1, 0, 1]),
        ([2.1, 0.0, -2.1], [0, 0, 0], [0, 0, 0]),
        ([2.1, 0.0, 0.0, 2.1], [0, 0, 0, 0], [0, 0, 0, 0]),
        ([2.1, GAP, 2.1], [0, 0, 0], [0, 0, 0]),
        ([-2.1, 5.0, -2.1, 0.0], [0, 0, -1, 0], [-1, 0, -1, 0]),
    ],
)
def test_two_of_three_beyond_two_sigma(points: list[float], complete: list[int], belong: list[int]) -> None:
    assert (completing("two_of_three", points), members("two_of_three", points)) == (complete, belong)


def test_four_of_five_beyond_one_sigma() -> None:
    assert completing("four_of_five", [1.1, 1.1, 0.0, 1.1, 1.1]) == last(5)
    assert members("four_of_five", [1.1, 1.1, 0.0, 1.1, 1.1]) == [1, 1, 0, 1, 1]
    assert not any(completing("four_of_five", [1.1, 1.0, 0.0, 1.1, 1.1]))
    assert not any(completing("four_of_five", [1.1] * 4))


def test_fifteen_within_one_sigma_are_marked_and_fourteen_are_not() -> None:
    assert completing("hugging", [0.9] * 15) == last(15)
    assert members("hugging", [0.9] * 15) == [1] * 15
    assert not any(completing("hugging", [0.9] * 14))
    assert not any(completing("hugging", [*[0.9] * 14, 1.0]))


def test_eight_beyond_one_sigma_on_both_sides_are_marked_and_those_on_one_side_are_not() -> None:
    assert completing("avoiding", [1.1, -1.1] * 4) == last(8, -1)
    assert members("avoiding", [1.1, -1.1] * 4) == [-1] * 8
    assert not any(completing("avoiding", [1.1] * 8))
    assert not any(completing("avoiding", [1.1, -1.1] * 3 + [1.1]))
    assert not any(completing("avoiding", [1.1, -1.1] * 3 + [1.0, -1.1]))


@pytest.mark.parametrize(
    ("points", "complete", "belong"),
    [
        ([2.1, 0.1, 2.1], [0, 0, 1], [1, 0, 1]),
        ([2.1, -0.1, 2.1], [0, 0, 0], [0, 0, 0]),  # all three lie on one side
        ([0.1, 2.1, 3.0], [0, 0, 1], [0, 1, 1]),
        ([0.1, 2.1, 3.1], [0, 0, 0], [0, 0, 0]),  # beyond the limit is not close to it
        ([-0.1, 2.1, 2.1, 0.1], [0, 0, 0, 1], [0, 1, 1, 0]),  # only the last shows three on one side
        ([0.1, 2.1, 2.1, 0.1], [0, 0, 1, 0], [0, 1, 1, 0]),  # known already
        ([2.1, GAP, 2.1, 0.1], [0, 0, 0, 0], [0, 0, 0, 0]),
    ],
)
def test_two_of_three_close_to_a_limit(points: list[float], complete: list[int], belong: list[int]) -> None:
    assert (completing("close_to_limit", points), members("close_to_limit", points)) == (complete, belong)


@pytest.mark.parametrize(("rule", "sigmas"), [("watch_point", 3.25), ("serious_point", 4.0)])
def test_points_are_graded_by_their_distance(rule: str, sigmas: float) -> None:
    assert completing(rule, [sigmas, sigmas + 0.01, -sigmas - 0.01, GAP]) == [0, 1, -1, 0]


@pytest.mark.parametrize(("rule", "sigmas"), [("ewma", 2.962), ("watch_drift", 3.2), ("serious_drift", 3.75)])
def test_a_weighted_mean_is_judged_by_its_own_deviation_from_the_first_point_on(rule: str, sigmas: float) -> None:
    assert completing(rule, [sigmas + 0.01, -sigmas]) == [1, 0]  # of one point it is the point's own
    assert completing(rule, [sigmas - 0.01]) == [0]
    assert completing(rule, [2.0, 2.0, GAP, 2.0, *[2.0] * 6])[2] == 0
    assert completing(rule, [-2.0] * 10)[-1] == -1


def test_a_cumulative_sum_signals_beyond_its_interval() -> None:
    assert completing("cusum", [1.5] * 4 + [1.27]) == [0] * 5  # 4 + 0.77 is on 4.77
    assert completing("cusum", [1.5] * 4 + [1.28]) == [0, 0, 0, 0, 1]
    assert completing("cusum", [-1.5] * 2 + [GAP] + [-1.5] * 3) == [0, 0, 0, 0, 0, -1]


def test_a_run_longer_than_chance_allows_in_so_many_points() -> None:
    points = [-1.0, 1.0] * 4 + [1.0] * 8  # 16 points: log2(16) + 3 = 7 allowed; the last run is of 9
    assert completing("long_run", points) == [0] * 14 + [1, 1]
    assert members("long_run", points) == [0] * 7 + [1] * 9
    assert not any(completing("long_run", [-1.0, 1.0, -1.0] * 3 + [1.0] * 7))


def test_fewer_crossings_than_chance_allows_are_the_signal_of_the_whole_series() -> None:
    points = [-1.0] * 6 + [0.0] + [1.0] * 6  # 12 points not on the centre: at least 3 crossings
    assert completing("few_crossings", points) == last(13)
    assert members("few_crossings", points) == [-1] * 6 + [0] + [1] * 6
    assert not any(completing("few_crossings", [-1.0, -1.0, -1.0, 1.0, 1.0, 1.0] * 2))


def test_a_point_on_the_centre_and_a_gap_neither_add_to_a_run_nor_break_it() -> None:
    found = runs(np.array([[1.0, 0.0, 1.0, GAP, 1.0, -1.0]]))
    assert (found.useful[0], found.longest[0], found.crossings[0]) == (4, 3, 1)
    lengths, sides = run_lengths(np.array([[1.0, 0.0, 1.0, GAP, -1.0]]))
    assert lengths.tolist() == [[1, 0, 2, 0, 1]]
    assert sides.tolist() == [[1, 0, 1, 0, -1]]


def test_a_run_on_one_side_of_the_median_begins_a_new_level() -> None:
    values = np.array([1.0, 3.0, 2.0, 5.0, 2.0, 6.0, 7.0, 1.0])
    assert [(level.start, level.end, level.median) for level in rephased(values, 3, 3)] == [(0, 2, 2.0), (3, 6, 5.5)]
    assert [level.median for level in rephased(values, 3, 4)] == [2.0]


# --- properties -------------------------------------------------------------------------------------------------------------------

Z = st.lists(st.one_of(st.sampled_from([0.0, 1.0, -1.0, 2.5, -2.5, 3.0, -3.0, GAP, INFINITE]), st.floats(-5, 5)), min_size=1, max_size=40)
WITHOUT_SIDES = ("hugging", "avoiding")
"""Less variation, or more, is no side; their marks take that of their last point."""


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
@given(z=Z)
def test_mirrored_points_have_mirrored_marks(rule: Rule, z: list[float]) -> None:
    found, mirrored = marked(rule, z), marked(rule, [-point for point in z])
    if rule.name in WITHOUT_SIDES:
        found, mirrored = (Marked(np.abs(one.completing), np.abs(one.members)) for one in (found, mirrored))
        np.testing.assert_array_equal(mirrored.completing, found.completing)
        np.testing.assert_array_equal(mirrored.members, found.members)
    else:
        np.testing.assert_array_equal(mirrored.completing, -found.completing)
        np.testing.assert_array_equal(np.abs(mirrored.members), np.abs(found.members))


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
@given(z=Z)
def test_a_gap_is_never_marked(rule: Rule, z: list[float]) -> None:
    gaps = np.isnan([z])
    assert not marked(rule, z).completing[gaps].any()
    assert not marked(rule, z).members[gaps].any()


@pytest.mark.parametrize(
    "rule", [rule for name, rule in RULES.items() if name not in ("long_run", "few_crossings")], ids=lambda rule: rule.name
)
@given(z=Z)
def test_points_to_come_change_no_completed_signal(rule: Rule, z: list[float]) -> None:
    np.testing.assert_array_equal(marked(rule, [*z, 4.0, -4.0]).completing[:, :-2], marked(rule, z).completing)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_each_series_is_judged_alone(rule: Rule) -> None:
    z = np.random.default_rng(7).normal(0.5, 1.5, (20, 40))
    z[:5, 10] = GAP
    together = rule.marks(judged(z))
    for place, one in enumerate(z.tolist()):
        alone = marked(rule, one)
        np.testing.assert_array_equal(together.completing[place], alone.completing[0])
        np.testing.assert_array_equal(together.members[place], alone.members[0])


@given(z=Z)
def test_one_of_one_between_is_beyond_the_lower_and_not_beyond_the_upper(z: list[float]) -> None:
    near, far = (beyond(sigmas, 1, 1)(judged(z)).completing for sigmas in (2.0, 3.0))
    np.testing.assert_array_equal(between(2.0, 3.0, 1, 1)(judged(z)).completing, near - far)


def marked(rule: Rule, z: list[float]) -> Marked:
    return rule.marks(judged(z))


def test_rules_and_rule_sets_have_names_of_their_own() -> None:
    assert len(BY_NAME) == len(RULE_SETS)
    for rules in RULE_SETS:
        for rule in rules.rules:
            assert RULES[rule.name] is rule


def test_rules_take_no_part_in_what_they_read() -> None:
    z: Array = np.array([[1.0, -4.0, GAP, 2.0]])
    z.setflags(write=False)
    for rule in RULES.values():
        rule.marks(Distances(z, z, KNOWN, np.zeros((1, 1))))
