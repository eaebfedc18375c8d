"""Control chart constants: closed forms, published tables and exact values."""

import json
from math import pi, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kpi.spc.constants import D2_OF_TWO, D4_OF_TWO, MEDIAN_RANGE_OF_TWO, c4, d2, d3

TEXTBOOK = Path(__file__).parents[2] / "shared" / "reference" / "spc_textbook.json"
TABLES: dict[str, Any] = json.loads(TEXTBOOK.read_text()) if TEXTBOOK.exists() else {}
ABSENT = pytest.mark.skipif(not TABLES, reason=f"the table of exact constants is not beside the checkout: {TEXTBOOK}")

PRINTED = {  # Montgomery, Introduction to Statistical Quality Control, Appendix VI
    2: {"A2": 1.880, "A3": 2.659, "c4": 0.7979, "B3": 0, "B4": 3.267, "d2": 1.128, "d3": 0.853, "D3": 0, "D4": 3.267},
    3: {"A2": 1.023, "A3": 1.954, "c4": 0.8862, "B3": 0, "B4": 2.568, "d2": 1.693, "d3": 0.888, "D3": 0, "D4": 2.574},
    4: {"A2": 0.729, "A3": 1.628, "c4": 0.9213, "B3": 0, "B4": 2.266, "d2": 2.059, "d3": 0.880, "D3": 0, "D4": 2.282},
    5: {"A2": 0.577, "A3": 1.427, "c4": 0.9400, "B3": 0, "B4": 2.089, "d2": 2.326, "d3": 0.864, "D3": 0, "D4": 2.114},
    6: {"A2": 0.483, "A3": 1.287, "c4": 0.9515, "B3": 0.030, "B4": 1.970, "d2": 2.534, "d3": 0.848, "D3": 0, "D4": 2.004},
    7: {"A2": 0.419, "A3": 1.182, "c4": 0.9594, "B3": 0.118, "B4": 1.882, "d2": 2.704, "d3": 0.833, "D3": 0.076, "D4": 1.924},
    8: {"A2": 0.373, "A3": 1.099, "c4": 0.9650, "B3": 0.185, "B4": 1.815, "d2": 2.847, "d3": 0.820, "D3": 0.136, "D4": 1.864},
    9: {"A2": 0.337, "A3": 1.032, "c4": 0.9693, "B3": 0.239, "B4": 1.761, "d2": 2.970, "d3": 0.808, "D3": 0.184, "D4": 1.816},
    10: {"A2": 0.308, "A3": 0.975, "c4": 0.9727, "B3": 0.284, "B4": 1.716, "d2": 3.078, "d3": 0.797, "D3": 0.223, "D4": 1.777},
    15: {"A2": 0.223, "A3": 0.789, "c4": 0.9823, "B3": 0.428, "B4": 1.572, "d2": 3.472, "d3": 0.756, "D3": 0.347, "D4": 1.653},
    20: {"A2": 0.180, "A3": 0.680, "c4": 0.9869, "B3": 0.510, "B4": 1.490, "d2": 3.735, "d3": 0.729, "D3": 0.415, "D4": 1.585},
    25: {"A2": 0.153, "A3": 0.606, "c4": 0.9896, "B3": 0.565, "B4": 1.435, "d2": 3.931, "d3": 0.708, "D3": 0.459, "D4": 1.541},
}
LAST_DIGIT = 0.65
"""Of a unit in the last printed digit: D3 and D4 were once computed from d2 and d3 already rounded."""

MISPRINTED = {(18, "D4"): "printed 1.608; the exact value is 1.6087"}


def constants(n: int) -> dict[str, float]:
    """What textbooks print, from c4, d2 and d3."""
    bias = float(c4(np.array(float(n))))
    deviation = sqrt(1 - bias**2) / bias
    return {
        "c4": bias,
        "d2": d2(n),
        "d3": d3(n),
        "A2": 3 / (d2(n) * sqrt(n)),
        "A3": 3 / (bias * sqrt(n)),
        "B3": max(0.0, 1 - 3 * deviation),
        "B4": 1 + 3 * deviation,
        "D3": max(0.0, 1 - 3 * d3(n) / d2(n)),
        "D4": 1 + 3 * d3(n) / d2(n),
    }


def unit(name: str) -> float:
    """One in the last digit that tables print."""
    return 1e-4 if name == "c4" else 1e-3


def test_the_range_and_the_deviation_of_two_values_have_closed_forms() -> None:
    assert d2(2) == pytest.approx(2 / sqrt(pi), rel=1e-12)
    assert d3(2) == pytest.approx(sqrt(2 - 4 / pi), rel=1e-9)
    assert float(c4(np.array(2.0))) == pytest.approx(sqrt(2 / pi), rel=1e-12)
    assert pytest.approx(d2(2), rel=1e-12) == D2_OF_TWO
    assert pytest.approx(1 + 3 * d3(2) / d2(2), rel=1e-9) == D4_OF_TWO


def test_the_median_range_of_two_is_where_half_of_the_ranges_lie_below() -> None:
    rng = np.random.default_rng(2)
    ranges = np.abs(rng.standard_normal(400_000) - rng.standard_normal(400_000))
    assert np.mean(ranges < MEDIAN_RANGE_OF_TWO) == pytest.approx(0.5, abs=4 * 0.5 / sqrt(400_000))


def test_a_standard_deviation_of_one_value_has_no_expectation() -> None:
    assert np.isnan(c4(np.array([0.0, 1.0]))).all()


@pytest.mark.parametrize("n", PRINTED)
def test_constants_are_those_that_textbooks_print(n: int) -> None:
    found = constants(n)
    for name, printed in PRINTED[n].items():
        assert found[name] == pytest.approx(printed, abs=LAST_DIGIT * unit(name)), name


@ABSENT
@pytest.mark.parametrize("n", range(2, 26))
def test_constants_are_exact(n: int) -> None:
    assert constants(n) == pytest.approx(TABLES["constants_exact"][str(n)], rel=1e-9, abs=1e-12)


@ABSENT
@pytest.mark.parametrize("n", range(2, 26))
def test_all_printed_constants_agree_but_the_misprinted_one(n: int) -> None:
    found, printed = constants(n), TABLES["constants_printed"][str(n)]
    different = {(n, name) for name, value in printed.items() if abs(found[name] - value) > LAST_DIGIT * unit(name)}
    assert different == {key for key in MISPRINTED if key[0] == n}
