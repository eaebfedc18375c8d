"""Judging: phases stay apart, too few points have no limits, episodes open, worsen and close, and small changes do not count."""

import numpy as np
import pytest

from kpi.spc.catalogue import BY_NAME
from kpi.spc.charts import ChartType
from kpi.spc.judging import FEWEST_POINTS, Episodes, Judgement, episodes
from kpi.spc.rules import RULE_SETS, RULES, RuleSet
from tests.spc_judged import KNOWN, judged, shares, singles

ARRAYS = ("centre", "lower", "upper", "z", "drift", "grade", "baseline_count")
CHARTS = [BY_NAME[name] for name in ("individuals", "individuals_median", "between_within", "ewma", "cusum", "t")]


def same(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def phases(*lengths: int) -> np.ndarray:
    return np.repeat(np.arange(len(lengths)), lengths)[None, :]


# --- phases -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
def test_each_phase_is_judged_as_if_it_were_alone(chart: ChartType) -> None:
    random = np.random.default_rng(1)
    first, second = 10 + random.standard_normal(30), 20 + 3 * random.standard_normal(40)
    whole = judged(singles([*first, *second]), chart, tuple(RULES.values()), phase=phases(30, 40))
    alone = [judged(singles(part), chart, tuple(RULES.values())) for part in (first, second)]
    for name in ARRAYS:
        same(getattr(whole, name)[0], np.concatenate([getattr(part, name)[0] for part in alone]))
    assert set(whole.marks) == ({"beyond_limits"} if chart.has_memory else set(RULES))
    for rule in whole.marks:
        for kind in ("completing", "members"):
            parts = [getattr(part.marks[rule], kind)[0].tolist() for part in alone]
            assert getattr(whole.marks[rule], kind)[0].tolist() == parts[0] + parts[1], rule


def test_a_moving_range_never_crosses_the_border_of_a_phase() -> None:
    found = judged(singles([10, 12] * 5 + [110, 112] * 5), BY_NAME["individuals"], phase=phases(10, 10))
    reach = found.upper - found.centre
    assert reach[0, 0] == pytest.approx(reach[0, 19])
    assert found.centre[0, [0, 19]].tolist() == [11, 111]


@pytest.mark.parametrize("border", [9, 5])
def test_a_run_does_not_go_on_in_the_next_phase(border: int) -> None:
    values = singles([1.0] * 9 + [0.0] * 6)
    found = judged(values, KNOWN, (RULES["run_of_nine"],), phase=phases(border, 15 - border))
    assert found.marks["run_of_nine"].completing.any() == (border == 9)


def test_a_trend_does_not_go_on_in_the_next_phase() -> None:
    rising = singles([0.1 * step for step in range(12)])
    whole, halves = (judged(rising, KNOWN, (RULES["trend_of_six"],), phase=phase) for phase in (phases(12), phases(5, 7)))
    assert np.flatnonzero(whole.marks["trend_of_six"].completing[0]).tolist() == [5, 6, 7, 8, 9, 10, 11]
    assert np.flatnonzero(halves.marks["trend_of_six"].completing[0]).tolist() == [10, 11]


def test_a_drift_begins_anew_in_each_phase() -> None:
    found = judged(singles([2.0] * 20), KNOWN, phase=phases(10, 10))
    assert found.drift[0, 10] == found.drift[0, 0] == pytest.approx(2.0)
    assert found.drift[0, 9] == found.drift[0, 19]


def test_phases_of_different_series_have_borders_of_their_own() -> None:
    values = singles([[0, 1] * 10, [0, 1] * 10])
    found = judged(values, BY_NAME["individuals"], phase=np.concatenate([phases(6, 14), phases(20)]))
    assert found.baseline_count[0].tolist() == [6] * 6 + [14] * 14
    assert found.baseline_count[1].tolist() == [20] * 20


# --- how many points ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chart", ["individuals", "between_within"])
@pytest.mark.parametrize(("points", "has_limits"), [(FEWEST_POINTS - 1, False), (FEWEST_POINTS, True)])
def test_fewer_than_five_points_of_baseline_give_no_limits_and_no_signals(chart: str, points: int, has_limits: bool) -> None:
    found = judged(singles([10, 12, 10, 13, 11, 1000], baseline=points), BY_NAME[chart], tuple(RULES.values()))
    for array in (found.centre, found.lower, found.upper, found.z, found.drift):
        assert np.isfinite(array).all() == has_limits
        assert np.isfinite(array).any() == has_limits
    assert (found.grade[0, 5] == 2) == has_limits
    assert any(marked.members.any() for marked in found.marks.values()) == has_limits
    assert found.baseline_count[0, 0] == points


def test_gaps_do_not_count_towards_the_five_points() -> None:
    found = judged(singles([10, 12, None, 10, 13, None, None]), BY_NAME["individuals"])
    assert np.isnan(found.upper).all()
    assert found.baseline_count[0, 0] == 4


def test_only_points_under_judgement_are_judged_but_all_of_the_baseline_is_read() -> None:
    points = np.array([[False] * 5 + [True] * 2])
    found = judged(singles([10, 12, 10, 13, 40, 11, 40], baseline=5), BY_NAME["individuals"], points=points)
    assert np.isnan(found.z[0]).tolist() == [True] * 5 + [False] * 2
    assert found.centre[0, 0] == (10 + 12 + 10 + 13 + 40) / 5


def test_limits_do_not_leave_what_values_can_be() -> None:
    found = judged(shares([19, 20] * 10, [20] * 20), BY_NAME["p"], lowest=0.0, highest=1.0)
    assert found.upper.max() == 1
    assert 0 < found.lower.min() < found.centre.max() < 1


# --- episodes ----------------------------------------------------------------------------------------------------------------------

CALM = [0.0] * 10
"""Before each table: the drift then has nearly its lasting deviation, of a third of a sigma."""


def told(*distances: float | None) -> tuple[Judgement, Episodes]:
    found = judged(singles([*CALM, *distances]), KNOWN)
    return found, episodes(found)


def rows(*distances: float | None) -> tuple[list[int], list[int], list[int]]:
    """Side, onset (0: the first point of the table) and worst grade of each point of the table."""
    found = told(*distances)[1]
    later = slice(len(CALM), None)
    onset = found.onset[0, later]
    return found.side[0, later].tolist(), np.where(onset < 0, -1, onset - len(CALM)).tolist(), found.worst[0, later].tolist()


EPISODES = [
    pytest.param([3.25, 0, 0], [0, 0, 0], [-1, -1, -1], [0, 0, 0], id="on the limit is no episode"),
    pytest.param([3.3, 0, 0, 0, 0, 0, 0], [1] * 6 + [0], [0] * 6 + [-1], [1] * 6 + [0], id="closes after five calm points"),
    pytest.param([-3.3, 0, 0, 0, 0, 0, 0], [-1] * 6 + [0], [0] * 6 + [-1], [1] * 6 + [0], id="the same downwards"),
    pytest.param([3.3, 4.1, 0], [1, 1, 1], [0, 0, 0], [1, 2, 2], id="a watch becomes serious and stays it"),
    pytest.param([4.1, 3.3, 0], [1, 1, 1], [0, 0, 0], [2, 2, 2], id="serious from the start"),
    pytest.param([3.3, 0, 0, 0, 3.3, 0], [1] * 6, [0] * 6, [1] * 6, id="does not begin again while it lasts"),
    pytest.param(
        [3.3, 0, 0, 0, 0, 0, 3.3, 0], [1] * 8, [0, 0, 0, 0, 0, 0, 6, 6], [1] * 8, id="the fifth calm point closes it, the next opens one"
    ),
    pytest.param([3.3, -4.1, 0], [1, -1, -1], [0, 1, 1], [1, 2, 2], id="the other side ends it and begins another"),
    pytest.param(
        [3.3, 0, None, None, 0, 0, 0, 0, 0], [1] * 8 + [0], [0] * 8 + [-1], [1] * 8 + [0], id="gaps are neither calm nor restless"
    ),
]


@pytest.mark.parametrize(("distances", "side", "onset", "worst"), EPISODES)
def test_episodes(distances: list[float | None], side: list[int], onset: list[int], worst: list[int]) -> None:
    assert rows(*distances) == (side, onset, worst)


def test_a_lasting_shift_of_two_sigma_is_one_episode_that_becomes_serious() -> None:
    found, told_of = told(*[2.0] * 30)
    assert set(told_of.onset[0].tolist()) - {-1} == {int(np.flatnonzero(found.grade[0])[0])}
    assert told_of.worst[0, -1] == 2
    assert sorted(set(told_of.worst[0].tolist())) == [0, 1, 2]


def test_an_episode_lasts_until_the_drift_is_back_inside_two_thirds_of_its_limit() -> None:
    found, told_of = told(*[2.0] * 20, *[0.0] * 20)
    drift = found.drift[0, 30:]
    back = int(np.flatnonzero(drift < 3.2 * 2 / 3)[0])
    assert back > 0
    assert np.flatnonzero(told_of.side[0, 30:])[-1] == back + 4


def test_series_have_episodes_of_their_own() -> None:
    found = episodes(judged(singles([[0.0] * 10, [0.0, 3.3] + [0.0] * 8, [-4.1] + [0.0] * 9]), KNOWN))
    assert found.side[:, 1].tolist() == [0, 1, -1]
    assert found.onset[:, 1].tolist() == [-1, 1, 0]
    assert found.worst[:, 9].tolist() == [0, 0, 0]


# --- the smallest change that matters -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("smallest", "grade"), [(0.0, 2), (5.0, 2), (5.1, 0)])
def test_a_point_counts_only_when_it_is_far_enough_off(smallest: float, grade: int) -> None:
    found = judged(singles([*CALM, 5.0]), KNOWN, smallest=smallest)
    assert found.grade[0, -1] == grade
    assert found.marks["serious_point"].completing[0, -1] == 1


@pytest.mark.parametrize(("smallest", "grade"), [(1.9, 2), (2.0, 0)])
def test_a_drift_counts_only_when_the_weighted_mean_is_far_enough_off(smallest: float, grade: int) -> None:
    found = judged(singles([2.0] * 30), KNOWN, smallest=smallest)  # whose weighted mean comes near 2 and never reaches it
    assert found.grade[0, -1] == grade


@pytest.mark.parametrize(("smallest", "counts"), [(0.09, True), (0.11, False)])
def test_the_smallest_change_may_be_a_share_of_the_centre(smallest: float, counts: bool) -> None:
    values = singles([100.0] * 20 + [110.0], baseline=20)
    found = judged(values, BY_NAME["individuals"], smallest=smallest, is_relative=True)
    assert (found.grade[0, -1] == 2) == counts


# --- rules chosen ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", RULE_SETS, ids=lambda rules: rules.name)
def test_the_marks_are_those_of_the_chosen_rules_and_the_grade_is_always_told(rules: RuleSet) -> None:
    found = judged(singles([*CALM, 5.0]), KNOWN, rules.rules)
    assert set(found.marks) == {rule.name for rule in rules.rules}
    assert found.grade[0, -1] == 2
