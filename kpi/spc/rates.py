"""How often each rule marks a stable process, as measured by simulation."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """`points` between false alarms, or the `share` of stable series of `length` points that are marked."""

    points: float | None
    share: float
    length: int


def false_alarm_rate(name: str) -> Rate | None:
    """Of a rule or a rule set by its name."""
    del name
    return None
