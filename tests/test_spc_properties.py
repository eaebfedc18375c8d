"""What must hold of any series: mirrors, shifts, gaps, the order of series, days and weeks."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi.spc.catalogue import BY_NAME, CHARTS
from kpi.spc.charts import Sums
from kpi.spc.conventions import EXACT, UNWIDENED
from kpi.spc.judging import Judgement, episodes
from kpi.spc.rules import RULE_SETS, RULES, RuleSet
from tests.spc_judged import KNOWN, judged, means, shares, singles

EVERY_RULE = tuple(RULES.values())
WITHOUT_SIDES = {"hugging", "avoiding"}
"""Rules that mark a point on the centre as above it, whichever way round the values are."""

ON_BOTH_SIDES = {*WITHOUT_SIDES, "alternating", "trend_of_six", "trend_of_seven"}
"""Rules whose signals overlap: a point that belongs to one on each side is marked with one of them."""

VALUES = st.lists(st.integers(-1000, 1000).map(float), min_size=6, max_size=40)
COUNTS = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
SHARES = st.lists(COUNTS, min_size=6, max_size=40)
GROUPS = st.lists(st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=5), min_size=6, max_size=20)
DISTANCES = st.lists(st.integers(-45, 45).map(lambda tenths: tenths / 10), min_size=1, max_size=60)

OF_VALUES = ("individuals", "individuals_median", "run", "ewma", "cusum", "between_within")
OF_SHARES = ("p", "laney_p", "ewma", "cusum", "between_within")
OF_MEANS = ("x_bar", "individuals_prime", "cusum", "between_within")
OTHERS = {"moving_range", "s", "np", "u", "laney_u", "c", "g", "t"}
"""Of ranges, deviations, numbers and times, which have no opposite."""

fewer = settings(max_examples=10, deadline=None)


def close(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def counted(drawn: list[tuple[int, int]], baseline: int | None = None, *, daily: bool = False) -> Sums:
    return shares([above for above, _ in drawn], [n for _, n in drawn], baseline, daily=daily)


def mirrors(found: Judgement, mirrored: Judgement, around: float) -> None:
    """Everything lies as far on the other side of the middle of both."""
    close(mirrored.centre, 2 * around - found.centre)
    close(mirrored.lower, 2 * around - found.upper)
    close(mirrored.upper, 2 * around - found.lower)
    close(mirrored.z, -found.z)
    mirrored_marks(found, mirrored)


def mirrored_marks(found: Judgement, mirrored: Judgement) -> None:
    for name, marked in found.marks.items():
        sided = found.z != 0 if name in WITHOUT_SIDES else np.ones(found.z.shape, dtype=bool)
        for kind in ("completing", "members"):
            one, other = getattr(marked, kind), getattr(mirrored.marks[name], kind)
            if name in ON_BOTH_SIDES and kind == "members":
                assert ((one != 0) == (other != 0)).all(), name
            else:
                assert (one[sided] == -other[sided]).all(), name
    assert (found.grade == -mirrored.grade).all()
    assert (episodes(found).side == -episodes(mirrored).side).all()


def test_every_chart_is_mirrored_or_has_no_opposite() -> None:
    assert {*OF_VALUES, *OF_SHARES, *OF_MEANS} | OTHERS == {chart.name for chart in CHARTS}


@pytest.mark.parametrize("chart", OF_VALUES)
@fewer
@given(values=VALUES, data=st.data())
def test_mirrored_values_have_mirrored_limits_and_marks(chart: str, values: list[float], data: st.DataObject) -> None:
    baseline = data.draw(st.integers(5, len(values)))
    sums = (singles(one, baseline) for one in (values, [-value for value in values]))
    mirrors(*(judged(one, BY_NAME[chart], EVERY_RULE) for one in sums), around=0)


@pytest.mark.parametrize("chart", OF_SHARES)
@fewer
@given(drawn=SHARES)
def test_a_share_and_its_opposite_have_mirrored_limits_and_marks(chart: str, drawn: list[tuple[int, int]]) -> None:
    sums = (counted(one, daily=True) for one in (drawn, [(n - above, n) for above, n in drawn]))
    mirrors(*(judged(one, BY_NAME[chart], EVERY_RULE) for one in sums), around=0 if chart == "cusum" else 0.5)


@pytest.mark.parametrize("chart", OF_MEANS)
@fewer
@given(groups=GROUPS)
def test_mirrored_means_have_mirrored_limits_and_marks(chart: str, groups: list[list[float]]) -> None:
    sums = (means(one) for one in (groups, [[-value for value in group] for group in groups]))
    mirrors(*(judged(one, BY_NAME[chart], EVERY_RULE) for one in sums), around=0)


@pytest.mark.parametrize("rules", RULE_SETS, ids=lambda rules: rules.name)
@fewer
@given(distances=DISTANCES)
def test_mirrored_distances_have_mirrored_marks(rules: RuleSet, distances: list[float]) -> None:
    both = [judged(singles(one), KNOWN, rules.rules, UNWIDENED) for one in (distances, [-value for value in distances])]
    mirrored_marks(*both)


# --- shift and scale ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chart", ["individuals", "individuals_median", "run", "between_within"])
@fewer
@given(values=VALUES, shift=st.integers(-100, 100), scale=st.sampled_from([0.5, 1.0, 8.0]))
def test_another_unit_or_zero_of_the_scale_changes_no_mark(chart: str, values: list[float], shift: int, scale: float) -> None:
    found, moved = (judged(singles(one), BY_NAME[chart], EVERY_RULE) for one in (values, [value * scale + shift for value in values]))
    for name in ("centre", "lower", "upper"):
        close(getattr(moved, name), getattr(found, name) * scale + shift)
    close(moved.z, found.z)
    for name, marked in found.marks.items():
        assert (moved.marks[name].completing == marked.completing).all(), name
    assert (moved.grade == found.grade).all()


# --- gaps -------------------------------------------------------------------------------------------------------------------------------


def holed(values: list[Any], place: int, gap: Any) -> list[Any]:
    return [*values[:place], gap, *values[place:]]


def gap_changes_nothing(whole: Judgement, gapped: Judgement, place: int) -> None:
    for name in ("centre", "lower", "upper", "z", "drift", "grade"):
        close(np.delete(getattr(gapped, name), place, axis=1), getattr(whole, name))
    assert np.isnan(gapped.z[:, place]).all()
    assert not any(marked.completing[:, place].any() for marked in gapped.marks.values())


@pytest.mark.parametrize("chart", ["p", "between_within"])
@fewer
@given(drawn=SHARES, data=st.data())
def test_a_period_without_events_changes_nothing_of_a_share(chart: str, drawn: list[tuple[int, int]], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(drawn)))
    both = [judged(counted(one), BY_NAME[chart]) for one in (drawn, holed(drawn, place, (0, 0)))]
    if np.array_equal(both[0].autocorrelation[:, 0], both[1].autocorrelation[:, 0]):  # a gap parts two neighbours
        gap_changes_nothing(*both, place)


@fewer
@given(groups=GROUPS, data=st.data())
def test_a_period_without_events_changes_nothing_of_a_mean(groups: list[list[float]], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(groups)))
    gap_changes_nothing(*(judged(means(one), BY_NAME["x_bar"]) for one in (groups, holed(groups, place, []))), place)


@pytest.mark.parametrize("chart", OF_VALUES)
@fewer
@given(values=VALUES)
def test_a_gap_at_the_end_changes_nothing_of_single_values(chart: str, values: list[float]) -> None:
    gap_changes_nothing(*(judged(singles(one), BY_NAME[chart], EVERY_RULE) for one in (values, [*values, None])), len(values))


@fewer
@given(values=VALUES, data=st.data())
def test_a_gap_inside_leaves_the_centre_where_it_is(values: list[float], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(values)))
    whole, gapped = (judged(singles(one), BY_NAME["individuals_median"]) for one in (values, holed(values, place, None)))
    close(gapped.centre[:, 0], whole.centre[:, 0])


# --- many series --------------------------------------------------------------------------------------------------------------------


def several_shares(seed: int, count: int) -> list[list[tuple[int, int]]]:
    """Four weeks and two days of shares, some of few events and some of many."""
    random = np.random.default_rng(seed)
    n = random.integers(1, random.integers(2, 500, (count, 1)), (count, 30))
    above = random.binomial(n, np.clip(random.random((count, 1)) + 0.02 * random.standard_normal((count, 30)), 0, 1))
    return [list(zip(one.tolist(), events.tolist(), strict=True)) for one, events in zip(above, n, strict=True)]


SEVERAL = st.builds(several_shares, st.integers(0, 2**32), st.integers(2, 4))


def together(series: list[list[tuple[int, int]]]) -> Sums:
    return shares([[above for above, _ in one] for one in series], [[n for _, n in one] for one in series], 28, daily=True)


@fewer
@given(series=SEVERAL, data=st.data())
def test_the_order_of_series_does_not_matter(series: list[list[tuple[int, int]]], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(series))))
    found, shuffled = (judged(together(one), BY_NAME["between_within"], EVERY_RULE) for one in (series, [series[place] for place in order]))
    for name in ("centre", "lower", "upper", "z", "drift", "grade", "autocorrelation"):
        close(getattr(shuffled, name), getattr(found, name)[list(order)])
    for name, marked in found.marks.items():
        assert (shuffled.marks[name].completing == marked.completing[list(order)]).all(), name


@pytest.mark.parametrize("chart", OF_SHARES)
@fewer
@given(series=SEVERAL)
def test_a_series_has_the_limits_that_it_has_alone(chart: str, series: list[list[tuple[int, int]]]) -> None:
    among = judged(together(series), BY_NAME[chart])
    for place, one in enumerate(series):
        alone = judged(together([one]), BY_NAME[chart])
        for name in ("centre", "lower", "upper", "z"):
            close(getattr(among, name)[place], getattr(alone, name)[0])


# --- days and weeks -------------------------------------------------------------------------------------------------------------------

WEEKS = st.lists(st.lists(st.lists(st.integers(0, 20).map(float), min_size=1, max_size=4), min_size=7, max_size=7), min_size=5, max_size=8)


def weekly(daily: Sums) -> Sums:
    """The sums of the days of each week."""
    numerator, n, squares = (
        array.reshape(len(array), -1, 7).sum(axis=2)
        for array in (np.where(daily.n > 0, daily.numerator, 0), daily.n, np.where(daily.n > 0, daily.squares, 0))
    )
    value = np.divide(numerator, n, out=np.full(n.shape, np.nan), where=n > 0)
    return replace(
        daily,
        value=value,
        numerator=numerator,
        n=n,
        squares=squares,
        baseline=np.ones(n.shape, dtype=bool),
        weekday=np.full(n.shape[1], -1, dtype=np.int8),
    )


@pytest.mark.parametrize("chart", ["p", "laney_p", "u"])
@fewer
@given(drawn=st.lists(COUNTS, min_size=35, max_size=35))
def test_days_and_weeks_have_the_same_centre(chart: str, drawn: list[tuple[int, int]]) -> None:
    daily = counted(drawn)
    days, weeks = (BY_NAME[chart].lines(one, EXACT) for one in (daily, weekly(daily)))
    assert days.centre[0, 0] == pytest.approx(weeks.centre[0, 0])


@fewer
@given(weeks=WEEKS)
def test_means_of_days_and_weeks_have_the_same_centre_and_as_many_events(weeks: list[list[list[float]]]) -> None:
    daily = means([group for week in weeks for group in week])
    whole = weekly(daily)
    assert BY_NAME["x_bar"].lines(whole, EXACT).centre[0, 0] == pytest.approx(BY_NAME["x_bar"].lines(daily, EXACT).centre[0, 0])
    assert whole.n.sum() == sum(len(group) for week in weeks for group in week)
    assert whole.squares.sum() == sum(value * value for week in weeks for group in week for value in group)


# --- chance alone ---------------------------------------------------------------------------------------------------------------------


@fewer
@given(n=st.lists(st.integers(20, 500), min_size=6, max_size=40), tenths=st.integers(1, 9))
def test_shares_that_hardly_differ_are_judged_as_by_the_p_chart(n: list[int], tenths: int) -> None:
    sums = shares([round(tenths / 10 * one) for one in n], n)
    default, classic = (BY_NAME[name].lines(sums, EXACT) for name in ("between_within", "p"))
    close(default.centre, classic.centre)
    total, above = sums.n.sum() + 1, sums.numerator.sum() + 0.5  # half an event of each kind more: never quite 0 or 1
    close(default.sigma, np.sqrt(above / total * (1 - above / total) / sums.n))
    np.testing.assert_allclose(default.sigma, classic.sigma, rtol=0.05)


def test_shares_that_differ_by_chance_alone_have_the_limits_of_the_p_chart_but_for_sampling_error() -> None:
    random = np.random.default_rng(8)
    n = random.integers(100, 400, (500, 200))
    sums = shares(random.binomial(n, 0.85), n)
    default, classic = (BY_NAME[name].lines(sums, EXACT) for name in ("between_within", "p"))
    ratio = (default.sigma / classic.sigma).mean(axis=1)
    assert (ratio > 0.999).all()
    assert ratio.mean() < 1.02  # half of all variances between are estimated above 0, of which the sd is sqrt(2 / 199)
    assert (np.abs(ratio - 1) < 0.001).mean() > 0.4
    assert np.abs(default.centre - classic.centre).max() < 0.1 * classic.sigma.min()
