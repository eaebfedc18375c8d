"""How often each rule, and each set of rules, signals although nothing has changed."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

FILE = Path(__file__).parent / "false_alarms.json"
"""Measured by `benchmarks/false_alarms.py`, which writes it anew."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """`value` is the mean number of points until a false alarm; per *series*, the share of stable series of 24 to 100 points flagged.

    On independent normal data whose centre and sigma are known, of so many points (or series): `size`.
    """

    per: Literal["points", "series"]
    value: float
    standard_error: float
    size: int
    alarms: int


def false_alarm_rate(name: str) -> Rate | None:
    """Of a rule or a rule set by its name, also of "watch" and "serious"; None of one that has not been measured."""
    return _rates().get(name)


@cache
def _rates() -> dict[str, Rate]:
    return {name: Rate(**entry) for name, entry in json.loads(FILE.read_text(encoding="utf-8"))["rates"].items()}
