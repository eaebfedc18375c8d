"""How fresh the data are: which sources have sent nothing for longer than is usual for them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from kpi.extracts import Verdict

FEWEST_FILES = 4
"""From so many on a source has a rhythm."""

LATE = 3.0
"""Usual pauses after which a source is late."""

SHORTEST_PAUSE = timedelta(minutes=5)
LONGEST_SILENCE = timedelta(days=30)
"""After it a source is an archive, which nobody waits for."""


@dataclass(frozen=True)
class LateSource:
    """A source whose newest change is older than it usually gets."""

    source: str
    newest: datetime
    usual_pause: timedelta
    silence: timedelta


def late_sources(verdicts: Sequence[Verdict], now: datetime) -> list[LateSource]:
    """The sources that are late at a moment, the longest silent first; those without a rhythm are never late."""
    sources = sorted({verdict.source for verdict in verdicts})
    found = (_late(source, _moments(verdict for verdict in verdicts if verdict.source == source), now) for source in sources)
    return sorted((one for one in found if one), key=lambda one: (-one.silence, one.source))


def _late(source: str, moments: Sequence[datetime], now: datetime) -> LateSource | None:
    if len(moments) < FEWEST_FILES:
        return None
    usual = median((later - earlier).total_seconds() for earlier, later in pairwise(moments))
    pause = max(timedelta(seconds=usual), SHORTEST_PAUSE)
    silence = now - moments[-1]
    return LateSource(source, moments[-1], pause, silence) if LATE * pause < silence <= LONGEST_SILENCE else None


def _moments(verdicts: Iterable[Verdict]) -> list[datetime]:
    """The newest change in each file, each moment once, in order."""
    return sorted({datetime.fromisoformat(one.newest_update) for one in verdicts if one.newest_update})
