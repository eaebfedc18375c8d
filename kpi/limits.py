"""The time limits of durations, dated."""

from datetime import date
from typing import NamedTuple

from kpi.metrics import DEFAULT_LIMIT_MINUTES
from kpi.settings import Settings


class Limit(NamedTuple):
    """The time limit of a duration on some days."""

    kpi: str
    starts_on: date
    ends_on: date
    seconds: int


def limits_of(settings: Settings) -> list[Limit]:
    """The dated time limits; where none is set, the brief's for response time and none for resolution time."""
    rows = [
        Limit(target.kpi, target.starts_on, target.ends_on, round(target.limit_minutes * 60))
        for target in settings.targets
        if target.limit_minutes is not None
    ]
    defaults = [
        Limit(name, date.min, date.max, round(minutes * 60))
        for name, minutes in DEFAULT_LIMIT_MINUTES.items()
        if name not in {row.kpi for row in rows}
    ]
    return rows + defaults
