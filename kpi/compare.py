"""Units side by side: which stand out from the others, and which cannot be told apart."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import compress
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kpi.adjustment import Adjusted, adjusted
from kpi.completeness import complete_until
from kpi.errors import ConfigError
from kpi.events import UNKNOWN
from kpi.metrics import Kpi
from kpi.periods import Dates
from kpi.ranking import lowest_tenth, ranked
from kpi.report import Answer, Question, answer, combined
from kpi.spc.discoveries import discoveries
from kpi.spc.funnel import Funnel, funnel, two_sided, within_of_means, within_of_shares
from kpi.store import State
from kpi.targets import valid_on
from kpi.tiers import clearly_below, places, tiers
from kpi.uncertainty import normal, wilson

Array = NDArray[np.float64]

Mix = Literal["adjusted", "unadjusted"]
MIXES: tuple[Mix, ...] = ("adjusted", "unadjusted")

Basis = Literal["adjusted", "not_asked", "by_service", "one_service", "not_covered"]
"""Whether values are adjusted for service mix, or why not."""

Obstacle = Literal["nothing", "one", "few", "geometric", "quantile", "stock", "spread"]
"""Why units cannot be held against each other: no events, one unit, too few with enough events, or the kind of KPI."""

LEAST_COVERAGE = 0.90
"""A unit whose services make up less of the mix is not adjusted: too much of its value would be other services' weight."""

FALSE_FINDS = 0.10
"""Of the units said to be unlike the others, at most this share is expected to be so by chance alone."""

MOST_IN_TIERS = 1000
"""Units; above, tiers are not told: every pair is compared, and pairs grow with the square."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One unit among the others.

    `answer` has its own value, n and interval. `value` and `interval` are what is compared: adjusted for service mix where the
    comparison is and the unit can be (`adjusted`), else its own. `events` are the events that `value` is worth: n, unless
    adjusted. `coverage` is the share of the mix that its services make up. Events of an unknown unit are shown, not judged. A
    unit that is not judged has neither z, tier nor places. Tiers count from 1 for the best; `places` are the best and the worst
    place that it may have.
    """

    answer: Answer
    adjusted: float | None
    coverage: float | None
    value: float | None
    interval: tuple[float, float] | None
    events: float
    is_enough: bool
    is_judged: bool
    z: float | None
    is_unlike: bool
    tier: int | None
    places: tuple[int, int] | None
    in_lowest_tenth: bool

    @property
    def name(self) -> str:
        return self.answer.group[0]

    @property
    def is_worse(self) -> bool:
        """Whether it lies on the worse side of the centre."""
        return self.z is not None and (self.z < 0) == (self.answer.kpi.better == "higher")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The units of one dimension on complete days: the worst tier first, in it the worst value; those not judged last.

    `funnel` is None when there is an `obstacle`. `aim` is the target valid on the last of the days.
    """

    kpi: Kpi
    by: str
    dates: Dates
    peers: tuple[Peer, ...]
    funnel: Funnel | None
    basis: Basis
    obstacle: Obstacle | None
    aim: float | None

    @property
    def judged(self) -> list[Peer]:
        return [one for one in self.peers if one.is_judged]

    @property
    def unlike(self) -> list[Peer]:
        return [one for one in self.peers if one.is_unlike]

    @property
    def tier_count(self) -> int:
        return max((one.tier or 0 for one in self.peers), default=0)


def comparison(state: State, question: Question, mix: Mix) -> Comparison:
    """The question's one KPI by its one dimension; adjusted for service mix if asked and possible."""
    if len(question.by) != 1 or len(question.kpis) != 1:
        raise ConfigError("a comparison needs one KPI and one dimension, such as store.")
    [kpi], [by] = question.kpis, question.by
    asked = replace(question, every=None, dates=_complete_days(state, question, kpi))
    answers = ranked(answer(state, asked)) if asked.dates.days > 0 else []
    obstacle = _obstacle(kpi, answers)
    listed = Comparison(
        kpi=kpi,
        by=by,
        dates=asked.dates,
        peers=tuple(_listed(answers)),
        funnel=None,
        basis="not_asked",
        obstacle=obstacle,
        aim=_aim(state, kpi, asked.dates),
    )
    return listed if obstacle else _judged(listed, answers, *_adjusted(state, asked, answers, mix))


def _complete_days(state: State, question: Question, kpi: Kpi) -> Dates:
    """Days whose figures cannot change any more as time goes on."""
    end = min(question.dates.end, complete_until(state, kpi, question.within_minutes))
    return Dates(min(question.dates.start, end), end)


def _aim(state: State, kpi: Kpi, dates: Dates) -> float | None:
    target = valid_on(state.settings.targets, kpi, dates.end - timedelta(days=1))
    return target.aim if target and target.against == "value" else None


def _obstacle(kpi: Kpi, answers: Sequence[Answer]) -> Obstacle | None:
    measured = [one for one in answers if one.n and one.group != (UNKNOWN,)]
    if not measured:
        return "nothing"
    if len(measured) == 1:
        return "one"
    if kpi.aggregate != "ratio":
        return kpi.aggregate
    return "few" if sum(one.is_enough for one in measured) < 2 else None


def _listed(answers: Sequence[Answer]) -> list[Peer]:
    """Units with their own values, not judged."""
    lowest = lowest_tenth([one for one in answers if one.group != (UNKNOWN,)])
    return [
        Peer(
            answer=one, adjusted=None, coverage=None, value=one.value, interval=one.interval, events=float(one.n),
            is_enough=one.is_enough, is_judged=False, z=None, is_unlike=False, tier=None, places=None,
            in_lowest_tenth=one.group in lowest,
        )
        for one in answers
    ]  # fmt: skip


def _adjusted(state: State, question: Question, answers: Sequence[Answer], mix: Mix) -> tuple[Basis, Adjusted | None]:
    """The answers adjusted, or why they are not."""
    if mix == "unadjusted":
        return "not_asked", None
    if question.by == ("service",):
        return "by_service", None
    kpi = question.kpis[0]
    cells = {one.group: one for one in answer(state, replace(question, by=(*question.by, "service"))) if one.n}
    services = sorted({service for _, service in cells})
    if len(services) < 2:
        return "one_service", None
    sums = _sums([cells.get((*one.group, service)) for one in answers for service in services])
    numerator, squares, n = sums.reshape(3, len(answers), len(services))
    within = _within(kpi, numerator, squares, n)
    found = adjusted(numerator, n, np.where(np.isnan(within), _within(kpi, *sums), within))
    enough = np.array([one.is_enough and one.group != (UNKNOWN,) for one in answers]) & (found.events >= kpi.floor)
    return ("adjusted", found) if (enough & (found.coverage >= LEAST_COVERAGE)).sum() >= 2 else ("not_covered", None)


def _sums(answers: Sequence[Answer | None]) -> Array:
    """Numerators, squares and n, 3 x answers; None has no events."""
    rows = [(one.numerator or 0.0, one.squares or 0.0, one.n) if one else (0.0, 0.0, 0) for one in answers]
    return np.array(rows, dtype=float).T


def _within(kpi: Kpi, numerator: Array, squares: Array, n: Array) -> Array:
    """Variance of a single event by chance, units along the first axis."""
    return within_of_shares(numerator, n) if kpi.unit == "share" else within_of_means(numerator, squares, n)


def _judged(listed: Comparison, answers: Sequence[Answer], basis: Basis, found: Adjusted | None) -> Comparison:
    """The comparison with its funnel, around the figure of all together and as wide as those with enough events are apart."""
    kpi = listed.kpi
    peers = listed.peers if found is None else [_weighed(kpi, one, found, place) for place, one in enumerate(listed.peers)]
    fit = [one.is_enough and one.name != UNKNOWN and (found is None or one.adjusted is not None) for one in peers]
    judged = list(compress(peers, fit))
    rest = [replace(one, in_lowest_tenth=False) for one, is_fit in zip(peers, fit, strict=True) if not is_fit]
    within = float(_within(kpi, *_sums(answers))) if found is None else found.within
    centre = combined(kpi, answers, None).value or 0.0
    shape = funnel(_values(judged), _events(judged), centre, within)
    return replace(listed, peers=(*_ordered(_against(judged, shape)), *rest), funnel=shape, basis=basis)


def _weighed(kpi: Kpi, one: Peer, found: Adjusted, place: int) -> Peer:
    """The unit with its adjusted value; without one where its services are too few."""
    coverage, value, events = (float(array[place]) for array in (found.coverage, found.value, found.events))
    if coverage < LEAST_COVERAGE:
        return replace(one, coverage=coverage)
    interval = wilson(value * events, events) if kpi.unit == "share" else normal(value, sqrt(found.within), events)
    is_enough = one.is_enough and events >= kpi.floor
    return replace(one, adjusted=value, coverage=coverage, value=value, interval=interval, events=events, is_enough=is_enough)


def _against(peers: Sequence[Peer], shape: Funnel) -> list[Peer]:
    """The units judged: against the funnel, and against each other."""
    z = shape.z(_values(peers), _events(peers))
    unlike = discoveries(two_sided(z), FALSE_FINDS)
    lowest = lowest_tenth([replace(one.answer, value=one.value) for one in peers])
    judged = [
        replace(one, is_judged=True, z=float(z[place]), is_unlike=bool(unlike[place]), in_lowest_tenth=one.answer.group in lowest)
        for place, one in enumerate(peers)
    ]
    return judged if len(judged) > MOST_IN_TIERS else _in_tiers(judged)


def _in_tiers(peers: Sequence[Peer]) -> list[Peer]:
    lower, upper = np.array([one.interval for one in peers], dtype=float).T
    below = clearly_below(_values(peers), lower, upper)
    worse = below if peers[0].answer.kpi.better == "higher" else below.T
    first, last = places(worse)
    return [
        replace(one, tier=int(tier), places=(int(first[place]), int(last[place])))
        for place, (one, tier) in enumerate(zip(peers, tiers(worse), strict=True))
    ]


def _ordered(peers: Sequence[Peer]) -> list[Peer]:
    """The worst tier first, in it the worst value."""
    order = {one.group: place for place, one in enumerate(ranked([replace(one.answer, value=one.value) for one in peers]))}
    return sorted(peers, key=lambda one: (-(one.tier or 0), order[one.answer.group]))


def _values(peers: Sequence[Peer]) -> Array:
    return np.array([one.value for one in peers], dtype=float)


def _events(peers: Sequence[Peer]) -> Array:
    return np.array([one.events for one in peers], dtype=float)
