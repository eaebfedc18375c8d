"""Control charts against published examples, to their printed digits."""

import json
from collections.abc import Callable
from dataclasses import replace
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kpi.spc.catalogue import BY_NAME as CHARTS
from kpi.spc.charts import Sums
from kpi.spc.constants import c4, d2, d3
from kpi.spc.conventions import BY_NAME, UNWIDENED, Convention
from kpi.spc.distances import Distances, distances
from kpi.spc.marks import Marked, cusum_beyond
from kpi.spc.memory import cumulative_sums, weighted_mean
from kpi.spc.rules import BY_NAME as RULE_SETS
from kpi.spc.rules import RULES
from kpi.spc.scales import NELSON, NELSON_POWER
from tests.spc_series import counted, measured, row

TEXTBOOK = Path(__file__).parents[2] / "shared" / "reference" / "spc_textbook.json"
EXAMPLES: list[Any] = json.loads(TEXTBOOK.read_text())["examples"] if TEXTBOOK.exists() else []

FLOW_RATE = [49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1]
MORTGAGES = [310, 288, 297, 298, 307, 303, 294, 297, 308, 306, 294, 299, 297, 299, 314, 295, 293, 306, 301, 304]
ORANGE_JUICE = [12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22, 8, 10, 5, 13, 11, 20, 18, 24, 15, 9, 12, 7, 13, 9, 6]
WAFERS = [16, 14, 28, 16, 12, 20, 10, 12, 10, 17, 19, 17, 14, 16, 15, 13, 14, 16, 11, 20, 11, 19, 16, 31, 13]
BOARDS = [21, 24, 16, 12, 15, 5, 28, 20, 31, 25, 20, 24, 16, 19, 10, 17, 13, 22, 18, 39, 30, 24, 16, 19, 17, 15]
CLOTH, CLOTH_UNITS = [14, 12, 20, 11, 7, 10, 21, 16, 19, 23], [10, 8, 13, 10, 9.5, 10, 12, 10.5, 12, 12.5]
SHIFTED = [9.45, 7.99, 9.29, 11.66, 12.16, 10.18, 8.04, 11.46, 9.2, 10.34, 9.03, 11.47, 10.51, 9.4, 10.08]
SHIFTED += [9.37, 10.62, 10.31, 8.52, 10.84, 10.9, 9.33, 12.29, 11.5, 10.6, 11.08, 10.38, 11.62, 11.31, 10.52]


def limits(chart: str, sums: Sums, convention: Convention = UNWIDENED) -> tuple[Any, Any, Any]:
    """Centre, lower and upper limit of each point; not clipped."""
    lines = CHARTS[chart].lines(sums, convention)
    return tuple(lines.scale.back(lines.centre + side * lines.sigma)[0] for side in (0, -3, 3))


def beyond(chart: str, sums: Sums, convention: Convention = UNWIDENED) -> list[int]:
    """The points beyond their limits, counted from 1 as books do."""
    found = distances(CHARTS[chart].lines(sums, convention), widens=False)
    return (np.flatnonzero(RULES["beyond_limits"].marks(found).completing) + 1).tolist()


# --- typed in from the books ---------------------------------------------------------------------------------------------------


def test_flow_rates_of_the_nist_handbook_6_3_2_2() -> None:
    centre, lower, upper = limits("individuals", measured(FLOW_RATE), BY_NAME["qcc"])
    assert (centre[0], lower[0], upper[0]) == pytest.approx((50.81, 45.8159, 55.8041), abs=6e-5)


def test_mortgage_costs_of_montgomery_6_5() -> None:
    centre, lower, upper = limits("individuals", measured(MORTGAGES), BY_NAME["qcc"])
    assert (centre[0], lower[0], upper[0]) == pytest.approx((300.5, 279.78, 321.22), abs=6e-3)
    range_centre, _, range_upper = limits("moving_range", measured(MORTGAGES), BY_NAME["qcc"])
    assert (range_centre[0], range_upper[0]) == pytest.approx((7.79, 25.45), abs=6e-3)


def test_orange_juice_cans_of_montgomery_7_1() -> None:
    sums = counted(ORANGE_JUICE, [50] * 30)
    centre, lower, upper = limits("p", sums)
    assert (centre[0], lower[0], upper[0]) == pytest.approx((0.2313, 0.0524, 0.4102), abs=6e-5)
    assert beyond("p", sums) == [15, 23]


def test_orange_juice_cans_without_the_two_explained_samples() -> None:
    centre, lower, upper = limits("p", counted(ORANGE_JUICE, [50] * 30, [place not in (14, 22) for place in range(30)]))
    assert (centre[0], lower[0], upper[0]) == pytest.approx((0.215, 0.0407, 0.3893), abs=6e-5)


def test_wafer_defects_of_the_nist_handbook_with_one_exactly_on_its_limit() -> None:
    centre, lower, upper = limits("c", measured(WAFERS))
    assert (centre[0], lower[0], upper[0]) == (16, 4, 28)
    assert WAFERS[2] == upper[2]
    assert beyond("c", measured(WAFERS)) == [24]


def test_circuit_boards_of_montgomery_7_3() -> None:
    centre, lower, upper = limits("c", measured(BOARDS))
    assert (centre[0], lower[0], upper[0]) == pytest.approx((19.85, 6.48, 33.22), abs=1.2e-2)  # the book rounds the centre first
    assert beyond("c", measured(BOARDS)) == [6, 20]


def test_dyed_cloth_of_montgomery_7_5_has_limits_for_each_inspected_area() -> None:
    centre, lower, upper = limits("u", counted(CLOTH, CLOTH_UNITS))
    assert centre[0] == pytest.approx(1.42, abs=6e-3)
    assert upper == pytest.approx([2.55, 2.68, 2.41, 2.55, 2.58, 2.55, 2.45, 2.52, 2.45, 2.43], abs=1.2e-2)
    assert lower == pytest.approx([0.29, 0.16, 0.43, 0.29, 0.26, 0.29, 0.39, 0.32, 0.39, 0.41], abs=1.2e-2)


def test_a_shifted_process_of_montgomery_9_1_by_cusum() -> None:
    convention = replace(UNWIDENED, centre=10.0, sigma=1.0, interval=5.0)
    lines = CHARTS["cusum"].lines(measured(SHIFTED), convention)
    assert lines.statistic[0, 28] == pytest.approx(5.28, abs=6e-3)
    assert beyond("cusum", measured(SHIFTED), convention) == [29, 30]


def test_a_shifted_process_of_montgomery_9_2_by_ewma() -> None:
    convention = replace(UNWIDENED, centre=10.0, sigma=1.0, weight=0.1, drift_sigmas=2.7)
    lines = CHARTS["ewma"].lines(measured(SHIFTED), convention)
    assert lines.statistic[0, :6] == pytest.approx([9.945, 9.7495, 9.70355, 9.8992, 10.1253, 10.1307], abs=6e-5)
    _, lower, upper = limits("ewma", measured(SHIFTED), convention)
    assert (lower[0], lower[1], lower[-1]) == pytest.approx((9.73, 9.64, 9.38), abs=6e-3)
    assert (upper[0], upper[1], upper[-1]) == pytest.approx((10.27, 10.36, 10.62), abs=6e-3)
    assert beyond("ewma", measured(SHIFTED), convention) == [29, 30]


# --- all examples of the table ---------------------------------------------------------------------------------------------------


def of_limits(example: Any) -> dict[str, Any]:
    data, kinds = example["data"], {"i": "individuals"}
    left_out = data.get("exclude_0based", [])
    sums = measured(data["y"]) if "y" in data else counted(data["num"], data["n"], [i not in left_out for i in range(len(data["num"]))])
    centre, lower, upper = limits(kinds.get(example["chart"], example["chart"]), sums, BY_NAME["qcc"])
    ranges = limits("moving_range", sums, BY_NAME["qcc"])
    return {"cl": centre, "lcl": lower, "ucl": upper, "mrbar": ranges[0], "mr_ucl": ranges[2]}


def of_ewma(example: Any) -> dict[str, Any]:
    data = example["data"]
    convention = replace(
        UNWIDENED, centre=float(data["target"]), sigma=float(data["sigma"]), weight=data["lambda"], drift_sigmas=data.get("L", 3.0)
    )
    sums = measured(data["y"])
    means = CHARTS["ewma"].lines(sums, convention).statistic[0]
    _, lower, upper = limits("ewma", sums, convention)
    found = {"ewma": [data["target"], *means], "ewma_first": means[:6], "lcl": lower[-1], "ucl": upper[-1]}
    return found | {
        f"{name}_{end}": side[at] for name, side in (("lcl", lower), ("ucl", upper)) for end, at in ((1, 0), (2, 1), ("inf", -1))
    }


def of_cusum(example: Any) -> dict[str, Any]:
    data = example["data"]
    up, _ = cumulative_sums(row(data["y"]) - data["target"], data["k"], 0.0)
    since = 29 - int(np.flatnonzero(up[0, :29] == 0)[-1]) - 1 if up.shape[1] >= 29 else None
    return {"s_hi_13_to_20": up[0, 12:20], "c_plus_29": up[0, 28:29], "n_plus_29": since}


def of_summary(example: Any) -> dict[str, Any]:
    data, n = example["data"], example["data"]["n"]
    bias = float(c4(np.array(float(n))))
    if "sbar" in data:
        reach, spread = 3 * data["sbar"] / bias / sqrt(n), 3 * data["sbar"] * sqrt(1 - bias**2) / bias
    else:
        # the book takes A2 and D4 from its table
        reach, spread = data["rbar"] * round(3 / d2(n) / sqrt(n), 3), data["rbar"] * round(3 * d3(n) / d2(n), 3)
    limits = {"ucl": data["xbarbar"] + reach, "lcl": data["xbarbar"] - reach}
    average = data.get("sbar", data.get("rbar"))
    return limits | {"s_ucl": average + spread, "s_lcl": max(0.0, average - spread), "r_ucl": average + spread}


COMPUTED: dict[str, Callable[[Any], dict[str, Any]]] = {
    "ewma": of_ewma,
    "cusum": of_cusum,
    "xbar": of_summary,
    "xbar_r": of_summary,
    # the book rounds 1 / 3.6
    "t": lambda example: {"first_transformed": NELSON.there(row(example["data"]["y"]))[0, :4] ** (0.2777 * NELSON_POWER)},
    **dict.fromkeys(("i", "p", "c", "u"), of_limits),
}
ABSENT = pytest.mark.skip(reason=f"the published examples are not beside the checkout: {TEXTBOOK}")


@pytest.mark.parametrize(
    "example",
    [pytest.param(example, id=example["id"]) for example in EXAMPLES if example["chart"] != "arl"] or [pytest.param(None, marks=ABSENT)],
)
def test_every_published_example_to_its_printed_digits(example: Any) -> None:
    found = COMPUTED[example["chart"]](example)
    for name, printed in example["published"].items():
        tolerance = example["tolerance"].get(name, example["tolerance"]["*"])
        assert np.max(np.abs(np.asarray(found[name]) - printed)) <= tolerance, name


# --- run lengths: points until the first signal ------------------------------------------------------------------------------------

SERIES = 1000


def average_run_length(marks: Callable[[Any], Any], shift: float, points: int) -> tuple[float, float]:
    """Of standard normal values after a shift, and its standard error; series without a signal count with all their points."""
    rng = np.random.default_rng(1990)
    z = rng.standard_normal((SERIES, points)) + shift
    found = marks(z) != 0
    signalled = found.any(axis=1)
    length = np.where(signalled, found.argmax(axis=1) + 1, points)
    average = length.sum() / signalled.sum()
    return average, length.std() / sqrt(SERIES) * SERIES / signalled.sum()


def by(*rules: Callable[[Distances], Marked]) -> Callable[[Any], Any]:
    known = np.full((1, 1), np.inf)
    return lambda z: sum(np.abs(rule(Distances(z, z, known, np.zeros((1, 1)))).completing) for rule in rules)


def beyond_settled_ewma(weight: float, sigmas: float) -> Callable[[Any], Any]:
    """Against the limits that the weighted mean has in the end: what published run lengths are of."""
    return lambda z: np.abs(weighted_mean(z, weight, np.zeros((len(z), 1)))) > sigmas * sqrt(weight / (2 - weight))


@pytest.mark.parametrize(
    ("marks", "shift", "published"),
    [
        pytest.param(by(RULES["beyond_limits"].marks), 0.0, 370.398, id="3 sigma"),
        pytest.param(by(RULES["beyond_limits"].marks), 1.0, 43.8947, id="3 sigma"),
        pytest.param(by(cusum_beyond(4.0)), 0.0, 167.684, id="cusum 4"),
        pytest.param(by(cusum_beyond(4.0)), 1.0, 8.38313, id="cusum 4"),
        pytest.param(by(cusum_beyond(5.0)), 0.5, 37.9961, id="cusum 5"),
        pytest.param(by(RULES["cusum"].marks), 0.0, 368.561, id="cusum 4.77"),
        pytest.param(by(RULES["cusum"].marks), 0.5, 35.2082, id="cusum 4.77"),
        pytest.param(beyond_settled_ewma(0.2, 2.962), 0.0, 499.735, id="ewma 0.2"),
        pytest.param(beyond_settled_ewma(0.2, 2.962), 1.0, 10.5417, id="ewma 0.2"),
        pytest.param(beyond_settled_ewma(0.4, 3.054), 0.5, 71.2005, id="ewma 0.4"),
        pytest.param(beyond_settled_ewma(0.1, 2.701), 0.5, 28.2160, id="ewma 0.1"),
        pytest.param(by(*(rule.marks for rule in RULE_SETS["western_electric"].rules)), 0.0, 91.75, id="Champ and Woodall 1987"),
    ],
)
def test_points_until_the_first_signal_are_as_published(marks: Callable[[Any], Any], shift: float, published: float) -> None:
    average, error = average_run_length(marks, shift, points=int(6 * published) + 50)
    assert average == pytest.approx(published, abs=4 * error)


def test_the_ewma_rule_with_its_narrower_first_limits_signals_no_later_than_with_the_settled_ones() -> None:
    for shift, published in ((0.5, 41.7644), (1.0, 10.5417), (1.5, 5.50065)):
        average, error = average_run_length(by(RULES["ewma"].marks), shift, points=500)
        assert 0.8 * published < average < published + 4 * error
