"""What rules look for: functions from distances in sigmas to marks of +1, -1 or 0, one per point."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kpi.spc.distances import FARTHEST, Distances
from kpi.spc.memory import SLACK, cumulative_sums
from kpi.spc.runs import run_lengths, runs

Array = NDArray[np.float64]
Marks = NDArray[np.int8]


@dataclass(frozen=True)
class Marked:
    """Two arrays of series x time: the side of each point that completes a signal, and of each that belongs to one."""

    completing: Marks
    members: Marks


def beyond(sigmas: float, hits: int, of: int) -> Callable[[Distances], Marked]:
    """`hits` of `of` points in a row strictly beyond so many sigmas on one side, the last of them beyond too."""

    def marks(distances: Distances) -> Marked:
        reach = distances.reach(sigmas) if sigmas else 0.0
        return _either_side([distances.z > reach, distances.z < -reach], hits, of, distances.z)

    return marks


def between(lower: float, upper: float, hits: int, of: int) -> Callable[[Distances], Marked]:
    """`hits` of `of` points in a row between so many sigmas of the centre, and all of them on one side.

    The last may be nearer the centre where only it shows that all are on one side.
    """

    def marks(distances: Distances) -> Marked:
        z, low, high = distances.z, distances.reach(lower), distances.reach(upper)
        sides = [(z > low) & (z <= high), (z < -low) & (z >= -high)]
        completing, members = np.zeros(z.shape, dtype=np.int8), np.zeros(z.shape, dtype=np.int8)
        for side, holds in zip((1, -1), sides, strict=True):
            complete = (_count(holds, of) >= hits) & (_count(side * z > 0, of) == of)
            known = np.zeros(z.shape, dtype=bool)
            known[:, 1:] = complete[:, :-1]
            completing[complete & (holds | ~known)] = side
            members[_ahead(complete, of) & holds] = side
        return Marked(completing, members)

    return marks


def trend(steps: int) -> Callable[[Distances], Marked]:
    """So many steps in a row strictly up, or strictly down: a gap or a tie breaks the trend."""

    def marks(distances: Distances) -> Marked:
        step = _steps(distances)
        found = _either_side([step > 0, step < 0], steps, steps, step)
        everywhere = np.ones(step.shape, dtype=bool)
        return Marked(found.completing, _spread(found.completing, [everywhere, everywhere], steps + 1))

    return marks


def alternating(points: int) -> Callable[[Distances], Marked]:
    """So many points in a row each on the other side of the one before than that one of its own."""

    def marks(distances: Distances) -> Marked:
        step = np.sign(_steps(distances))
        turns = np.zeros(step.shape, dtype=bool)
        turns[:, 1:] = step[:, 1:] * step[:, :-1] < 0
        complete = _count(turns, points - 2) == points - 2
        completing = np.where(complete, np.nan_to_num(step), 0).astype(np.int8)
        everywhere = np.ones(step.shape, dtype=bool)
        return Marked(completing, _spread(completing, [everywhere, everywhere], points))

    return marks


def hugging(sigmas: float, points: int) -> Callable[[Distances], Marked]:
    """So many points in a row within so many sigmas of the centre: less variation than the limits say."""
    return _all_of(lambda z, reach: np.abs(z) < reach, sigmas, points)


def avoiding(sigmas: float, points: int) -> Callable[[Distances], Marked]:
    """So many points in a row beyond so many sigmas, on both sides of the centre."""
    inner = _all_of(lambda z, reach: np.abs(z) > reach, sigmas, points)

    def marks(distances: Distances) -> Marked:
        one_sided = np.maximum(_count(distances.z > 0, points), _count(distances.z < 0, points)) == points
        completing = np.where(one_sided, 0, inner(distances).completing).astype(np.int8)
        everywhere = np.ones(distances.z.shape, dtype=bool)
        return Marked(completing, _spread(completing, [everywhere, everywhere], points))

    return marks


def ewma_beyond(sigmas: float) -> Callable[[Distances], Marked]:
    """The exponentially weighted mean strictly beyond so many of its own sigmas."""

    def marks(distances: Distances) -> Marked:
        reach = distances.tail(sigmas)
        found = (distances.drift > reach).astype(np.int8) - (distances.drift < -reach).astype(np.int8)
        return _single(found)

    return marks


def cusum_beyond(interval: float) -> Callable[[Distances], Marked]:
    """A cumulative sum of what exceeds half a sigma strictly beyond the decision interval (Page 1954)."""

    def marks(distances: Distances) -> Marked:
        up, down = cumulative_sums(np.clip(distances.z, -FARTHEST, FARTHEST), SLACK, 0.0)
        found = (up > interval).astype(np.int8) - (down > interval).astype(np.int8)
        return _single(np.where(np.isnan(distances.z), 0, found).astype(np.int8))

    return marks


def _steps(distances: Distances) -> Array:
    """From each judged value to the next; NaN at the first and beside a point that is not judged."""
    steps = np.full(distances.value.shape, np.nan)
    steps[:, 1:] = np.diff(np.where(np.isnan(distances.z), np.nan, distances.value), axis=1)
    return steps


def _all_of(holds: Callable[[Array, Array], NDArray[np.bool_]], sigmas: float, points: int) -> Callable[[Distances], Marked]:
    """Signals without a direction take the side of their last point."""

    def marks(distances: Distances) -> Marked:
        complete = _count(holds(distances.z, distances.reach(sigmas)), points) == points
        completing = np.where(complete, np.where(distances.z < 0, -1, 1), 0).astype(np.int8)
        everywhere = np.ones(distances.z.shape, dtype=bool)
        return Marked(completing, _spread(completing, [everywhere, everywhere], points))

    return marks


def _either_side(sides: list[NDArray[np.bool_]], hits: int, of: int, known: Array) -> Marked:
    """Marks where `hits` of the last `of` points hold, the last among them and none of them a gap."""
    enough = _count(~np.isnan(known), of) == of if hits < of else np.ones(known.shape, dtype=bool)
    completing = np.zeros(known.shape, dtype=np.int8)
    for side, holds in zip((1, -1), sides, strict=True):
        completing[(_count(holds, of) >= hits) & holds & enough] = side
    return Marked(completing, _spread(completing, sides, of))


def _count(holds: NDArray[np.bool_], window: int) -> NDArray[np.int32]:
    """How many of the last `window` points hold, at each point; fewer points than the window count as not holding."""
    total = np.cumsum(holds, axis=1, dtype=np.int32)
    total[:, window:] -= total[:, :-window].copy()
    return total


def _spread(completing: Marks, sides: list[NDArray[np.bool_]], window: int) -> Marks:
    """Everything that belongs to a signal: the points of its window that hold on its side."""
    members = np.zeros(completing.shape, dtype=np.int8)
    for side, holds in zip((-1, 1), sides[::-1], strict=True):
        members[_ahead(completing == side, window) & holds] = side
    return members


def _ahead(holds: NDArray[np.bool_], window: int) -> NDArray[np.bool_]:
    """Whether it holds at a point or at one of the next that share a window with it."""
    return _count(holds[:, ::-1], window)[:, ::-1] > 0


def _single(marks: Marks) -> Marked:
    return Marked(marks, marks)


def too_long_a_run() -> Callable[[Distances], Marked]:
    """A run on one side of the centre longer than chance allows in a series of this length; points on the centre do not count."""

    def marks(distances: Distances) -> Marked:
        found = runs(distances.z)
        length, side = run_lengths(distances.z)
        over = length > found.longest_allowed[:, None]
        completing = np.where(over, side, 0).astype(np.int8)
        members = np.zeros(completing.shape, dtype=np.int8)
        reached = np.zeros(len(length), dtype=np.int64)
        for time in range(length.shape[1] - 1, -1, -1):  # from the completing points back along their runs
            reached = np.where(completing[:, time] != 0, np.maximum(length[:, time], reached), reached)
            belongs = (reached > 0) & (length[:, time] > 0)
            members[belongs, time] = side[belongs, time]
            reached = np.where(belongs, reached - 1, reached)
        return Marked(completing, members)

    return marks


def too_few_crossings() -> Callable[[Distances], Marked]:
    """Fewer crossings of the centre than chance allows: the whole series is the signal, on the side of its last point."""

    def marks(distances: Distances) -> Marked:
        found = runs(distances.z)
        few = found.crossings < found.crossings_needed
        useful = ~np.isnan(distances.z) & (distances.z != 0)
        last = useful & (np.cumsum(useful[:, ::-1], axis=1)[:, ::-1] == 1)
        side = np.sign(np.nan_to_num(distances.z)).astype(np.int8)
        return Marked(np.where(last & few[:, None], side, 0).astype(np.int8), np.where(useful & few[:, None], side, 0).astype(np.int8))

    return marks
