"""What a chart says in two words: whether the process varies as usual, and whether it reaches its target."""

from typing import Literal

Variation = Literal["improvement", "concern", "common_cause", "not_judged"]
Assurance = Literal["passes", "fails", "hit_and_miss", "not_judged"]


def variation(side: int | None, better: Literal["higher", "lower"]) -> Variation:
    """Of the newest point by the side of the signal it belongs to: 0 is common cause, None not judged (NHS Making Data Count)."""
    if side is None:
        return "not_judged"
    if side == 0:
        return "common_cause"
    return "improvement" if (side > 0) == (better == "higher") else "concern"


def assurance(lower: float | None, upper: float | None, target: float | None, better: Literal["higher", "lower"]) -> Assurance:
    """Of the process: it passes (or fails) when the target lies outside its limits, so that it is reached (or missed) every time."""
    if lower is None or upper is None or target is None:
        return "not_judged"
    if lower <= target <= upper:
        return "hit_and_miss"
    return "passes" if (target < lower) == (better == "higher") else "fails"
