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
class Rhythm:
    """How often the extracts of a source bring something newer, and how new its newest change is."""

    source: str
    newest: datetime
    usual_pause: timedelta


@dataclass(frozen=True)
class LateSource:
    """A source whose newest change is older than it usually gets."""

    rhythm: Rhythm
    silence: timedelta


def rhythms(verdicts: Sequence[Verdict]) -> list[Rhythm]:
    """Of the sources that have one, by name."""
    sources = sorted({verdict.source for verdict in verdicts})
    found = (_rhythm(source, _moments(verdict for verdict in verdicts if verdict.source == source)) for source in sources)
    return [one for one in found if one]


def late_sources(known: Sequence[Rhythm], now: datetime) -> list[LateSource]:
    """The sources that are late at a moment, the longest silent first."""
    silent = [LateSource(one, now - one.newest) for one in known]
    late = [one for one in silent if LATE * one.rhythm.usual_pause < one.silence <= LONGEST_SILENCE]
    return sorted(late, key=lambda one: (-one.silence, one.rhythm.source))


def _rhythm(source: str, moments: Sequence[datetime]) -> Rhythm | None:
    if len(moments) < FEWEST_FILES:
        return None
    usual = median((later - earlier).total_seconds() for earlier, later in pairwise(moments))
    return Rhythm(source, moments[-1], max(timedelta(seconds=usual), SHORTEST_PAUSE))


def _moments(verdicts: Iterable[Verdict]) -> list[datetime]:
    """The newest change in each file, each moment once, in order."""
    return sorted({datetime.fromisoformat(one.newest_update) for one in verdicts if one.newest_update})
