"""Who is in the lowest tenth: only among those with enough events, and only where there are enough of them."""

from collections.abc import Sequence

from kpi.report import Answer

FEWEST_UNITS = 5


def lowest_tenth_count(eligible: int) -> int:
    """How many units make the lowest tenth: ceil(0.10 n), none below five."""
    return -(-eligible // 10) if eligible >= FEWEST_UNITS else 0


def ranked(answers: Sequence[Answer]) -> list[Answer]:
    """Worst first, ties by larger n, then name; those without enough events last: they are shown, not ranked."""
    return sorted(answers, key=lambda one: (not one.is_enough, _badness(one), -one.n, one.group))


def lowest_tenth(answers: Sequence[Answer]) -> set[tuple[str, ...]]:
    """The groups in the lowest tenth."""
    eligible = [one for one in ranked(answers) if one.is_enough and (one.value is not None or one.is_not_reached)]
    return {one.group for one in eligible[: lowest_tenth_count(len(eligible))]}


def _badness(one: Answer) -> float:
    if one.is_not_reached:
        return float("-inf")
    if one.value is None:
        return float("inf")
    return one.value if one.kpi.better == "higher" else -one.value
