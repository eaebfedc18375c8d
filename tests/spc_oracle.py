"""The default chart and its grades in plain Python, one series at a time, written from the equations and not from the program.

Sources: DerSimonian and Laird 1986, with the moments of DerSimonian and Kacker 2007 for any weights; Montgomery for the EWMA;
Schmid 1997 for its variance under autocorrelation; Kendall 1954 for the bias of an autocorrelation; Cornish and Fisher 1938.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import inf, sqrt

from scipy.stats import norm, t

GAP = None
Points = list[float | None]


@dataclass(frozen=True)
class Usual:
    """What the baseline says: per point the centre, sigma and skewness; the numbers behind them."""

    centre: list[float]
    sigma: Points
    skewness: list[float]
    freedom: float
    autocorrelation: float


def shares(above: list[int], n: list[int], baseline: list[bool], weekday: list[int]) -> Usual:
    """Counts of counts; n = 0 is a gap."""
    used = [place for place in range(len(n)) if baseline[place] and n[place]]
    p = (sum(above[place] for place in used) + 0.5) / (sum(n[place] for place in used) + 1)
    y: Points = [a / m if m else GAP for a, m in zip(above, n, strict=True)]
    chance: Points = [p * (1 - p) / m if m else GAP for m in n]
    found = usual(y, chance, baseline, weekday)
    skewness = []
    for m, sigma in zip(n, found.sigma, strict=True):
        own = (1 - 2 * p) / sqrt(m * p * (1 - p)) if m else 0.0
        skewness.append(own * sqrt(p * (1 - p) / m) ** 3 / sigma**3 if m and sigma else 0.0)
    return Usual(found.centre, found.sigma, skewness, found.freedom, found.autocorrelation)


def singles(values: Points, baseline: list[bool], weekday: list[int]) -> Usual:
    """Single values: nothing varies by chance within a point."""
    return usual(values, [GAP if value is GAP else 0.0 for value in values], baseline, weekday)


def usual(y: Points, chance: Points, baseline: list[bool], weekday: list[int]) -> Usual:
    used = [place for place, value in enumerate(y) if baseline[place] and value is not GAP]
    values, noise, days = [y[place] for place in used], [chance[place] for place in used], [weekday[place] for place in used]
    effects, errors, cost = {}, {}, 0.0
    for _ in range(3):
        level, between = level_and_between([v - effects.get(day, 0) for v, day in zip(values, days, strict=True)], noise, cost)
        effects, errors, cost = weekday_effects([v - level for v in values], [c + between for c in noise], days)
    without = [v - effects.get(day, 0) for v, day in zip(values, days, strict=True)]
    level, between = level_and_between(without, noise, cost)
    sigma: Points = [GAP if c is GAP else sqrt(c + between + errors.get(day, 0)) for c, day in zip(chance, weekday, strict=True)]
    distances: Points = [GAP] * len(y)
    for place, value in zip(used, without, strict=True):
        if sigma[place]:
            distances[place] = (value - level) / sigma[place]
    return Usual(
        centre=[level + effects.get(day, 0) for day in weekday],
        sigma=sigma,
        skewness=[0.0] * len(y),
        freedom=max(len(used) - cost, 1),
        autocorrelation=autocorrelation(distances),
    )


def level_and_between(y: list[float], chance: list[float], cost: float) -> tuple[float, float]:
    """The moment equation of the weighted sum of squares, solved anew with the weights that it gives."""
    left = max(len(y) - 1 - cost, 1) / max(len(y) - 1, 1)
    between = 0.0
    for _ in range(12):
        weights = [1 / (c + between) if any(chance) else 1.0 for c in chance]
        total = sum(weights)
        level = sum(w * v for w, v in zip(weights, y, strict=True)) / total
        squared = sum(w * (v - level) ** 2 for w, v in zip(weights, y, strict=True))
        by_chance = sum(w * c for w, c in zip(weights, chance, strict=True))
        by_chance -= sum(w * w * c for w, c in zip(weights, chance, strict=True)) / total
        freedom = total - sum(w * w for w in weights) / total
        between = max((squared - by_chance * left) / (freedom * left), 0.0) if len(y) > 1 else 0.0
    return level, between


def weekday_effects(residual: list[float], variance: list[float], weekday: list[int]) -> tuple[dict[int, float], dict[int, float], float]:
    """Of each weekday its shrunken effect, the variance that is left of it, and the degrees of freedom of all."""
    days = sorted(set(weekday) - {-1})
    if not days or len(residual) / len(days) < 4:
        return {}, {}, 0.0
    weights = [1 / v if v else 1.0 for v in variance]
    precision = {day: sum(w for w, on in zip(weights, weekday, strict=True) if on == day) for day in days}
    sums = {day: sum(w * r for w, r, on in zip(weights, residual, weekday, strict=True) if on == day) for day in days}
    mean = {day: sums[day] / precision[day] for day in days}
    total = sum(precision.values())
    middle = sum(precision[day] * mean[day] for day in days) / total
    squared = sum(precision[day] * (mean[day] - middle) ** 2 for day in days)
    spread = 0.0
    if len(days) > 1:
        spread = max((squared - (len(days) - 1)) / (total - sum(p * p for p in precision.values()) / total), 0.0)
    kept = {day: spread / (spread + 1 / precision[day]) for day in days}
    return (
        {day: kept[day] * (mean[day] - middle) for day in days},
        {day: kept[day] / precision[day] for day in days},
        max(sum(kept.values()) - max(kept.values()), 0.0),
    )


def autocorrelation(distances: Points) -> float:
    known = [z for z in distances if z is not GAP]
    pairs = [(a, b) for a, b in pairwise(distances) if a is not GAP and b is not GAP]
    if len(pairs) < 2 or not any(known):
        return 0.0
    found = sum(a * b for a, b in pairs) / len(pairs) / (sum(z * z for z in known) / len(known))
    if found <= norm.ppf(0.95) / sqrt(len(pairs)):
        return 0.0
    return min(found + (1 + 3 * found) / len(known), 0.9)


@dataclass(frozen=True)
class Told:
    """Per point: distance, drift in its own sigmas, grade, side of the episode and the place where that began (-1: none)."""

    z: Points
    drift: Points
    grade: list[int]
    side: list[int]
    onset: list[int]


def told(y: Points, found: Usual) -> Told:
    """The default rules on every point, and the episodes they open."""
    limits = {grade: [t.ppf(norm.cdf(k), max(found.freedom - 1, 1)) for k in ks] for grade, ks in ((1, (3.25, 3.2)), (2, (4.0, 3.75)))}
    farther = sqrt(1 + 1 / found.freedom)
    slowed = (1 + 0.8 * found.autocorrelation) / (1 - 0.8 * found.autocorrelation)
    result = Told([], [], [], [], [])
    mean, faded, side, onset, calm = 0.0, 1.0, 0, -1, 0
    for place, value in enumerate(y):
        z = drift = GAP
        grade = 0
        if value is not GAP:
            z = distance(value, found.centre[place], found.sigma[place], found.skewness[place])
            mean += 0.2 * (max(min(z, 6.0), -6.0) - mean)
            faded *= 0.8
            own = 0.2 / 1.8 * (1 - faded**2)
            drift = mean / sqrt((own + (1 - faded) ** 2 / found.freedom) * slowed)
            for level, (point, lasting) in limits.items():
                for far, limit in ((z, point * farther), (drift, lasting)):
                    if abs(far) > limit:
                        grade = level if far > 0 else -level
            calm = calm + 1 if grade == 0 and abs(drift) < 3.2 * 2 / 3 else 0
        if grade and (not side or (grade > 0) != (side > 0)):
            side, onset = (1 if grade > 0 else -1), place
        for kept, one in ((result.z, z), (result.drift, drift), (result.grade, grade), (result.side, side), (result.onset, onset)):
            kept.append(one)
        if calm >= 5:
            side, onset = 0, -1
    return result


def distance(value: float, centre: float, sigma: float, skewness: float) -> float:
    """The normal z that lies where the value does: the root of z + skewness (z^2 - 1) / 6 = x on the rising branch."""
    off = value - centre
    x = off / sigma if sigma else inf * off if off else 0.0
    if not skewness:
        return x
    a, b, c = skewness / 6, 1.0, -skewness / 6 - x
    inside = max(b * b - 4 * a * c, 0.0)
    return (-b + sqrt(inside)) / (2 * a)
