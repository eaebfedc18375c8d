"""Why a total moved: because its parts changed (rate) or because their weights did (mix)."""

from collections.abc import Mapping
from dataclasses import dataclass

Group = tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """The sums of one part of a total."""

    numerator: float
    denominator: float

    @property
    def rate(self) -> float | None:
        return self.numerator / self.denominator if self.denominator else None


@dataclass(frozen=True)
class Effects:
    """A change of a total, split so that rate + mix = difference; `rates` and `mixes` are each part's share of them."""

    before: float
    now: float
    rates: Mapping[Group, float]
    mixes: Mapping[Group, float]

    @property
    def rate(self) -> float:
        return sum(self.rates.values())

    @property
    def mix(self) -> float:
        return sum(self.mixes.values())


def effects(before: Mapping[Group, Part], now: Mapping[Group, Part]) -> Effects | None:
    """Kitagawa's decomposition (Journal of the American Statistical Association 50, 1955); None when a total is empty.

    A part that is empty on one side has no rate there: it takes its rate of the other side, so that its coming or going is mix.
    """
    weight_before, weight_now = (sum(part.denominator for part in parts.values()) for parts in (before, now))
    if not weight_before or not weight_now:
        return None
    rates, mixes = {}, {}
    empty = Part(0, 0)
    for name in dict.fromkeys((*before, *now)):
        one, other = before.get(name, empty), now.get(name, empty)
        rate_before = one.rate if one.rate is not None else other.rate or 0.0
        rate_now = other.rate if other.rate is not None else rate_before
        share_before, share_now = one.denominator / weight_before, other.denominator / weight_now
        rates[name] = (rate_now - rate_before) * (share_before + share_now) / 2
        mixes[name] = (share_now - share_before) * (rate_before + rate_now) / 2
    return Effects(_total(before), _total(now), rates, mixes)


def standardised(parts: Mapping[Group, Part], standard: Mapping[Group, float]) -> float | None:
    """The total had the parts the standard's weights (direct standardisation); None when a weighted part has no rate."""
    rates = {name: parts[name].rate if name in parts else None for name, weight in standard.items() if weight}
    if not rates or any(rate is None for rate in rates.values()):
        return None
    return sum((rates[name] or 0.0) * weight for name, weight in standard.items() if weight) / sum(standard.values())


def pooled_weights(before: Mapping[Group, Part], now: Mapping[Group, Part]) -> dict[Group, float]:
    """The parts' weights over both sides: a standard that favours neither."""
    empty = Part(0, 0)
    return {name: before.get(name, empty).denominator + now.get(name, empty).denominator for name in dict.fromkeys((*before, *now))}


def _total(parts: Mapping[Group, Part]) -> float:
    return sum(part.numerator for part in parts.values()) / sum(part.denominator for part in parts.values())
