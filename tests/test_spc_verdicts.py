"""Variation and assurance, as NHS Making Data Count tells them."""

from typing import Any

import pytest

from kpi.spc.verdicts import assurance, variation


@pytest.mark.parametrize(
    ("side", "better", "word"),
    [
        (+1, "higher", "improvement"),
        (-1, "higher", "concern"),
        (+1, "lower", "concern"),
        (-1, "lower", "improvement"),
        (0, "higher", "common_cause"),
        (None, "lower", "not_judged"),
    ],
)
def test_variation_follows_the_side_and_the_better_direction(side: int | None, better: Any, word: str) -> None:
    assert variation(side, better) == word


@pytest.mark.parametrize(
    ("lower", "upper", "target", "better", "word"),
    [
        (70, 90, 60, "higher", "passes"),
        (70, 90, 60, "lower", "fails"),
        (70, 90, 99, "higher", "fails"),
        (70, 90, 99, "lower", "passes"),
        (70, 90, 80, "higher", "hit_and_miss"),
        (70, 90, 90, "higher", "hit_and_miss"),
        (70, 90, None, "higher", "not_judged"),
        (None, None, 80, "higher", "not_judged"),
    ],
)
def test_a_target_outside_the_limits_is_reached_or_missed_every_time(
    lower: float | None, upper: float | None, target: float | None, better: Any, word: str
) -> None:
    assert assurance(lower, upper, target, better) == word
