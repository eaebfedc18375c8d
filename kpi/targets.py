"""What is aimed for and what is worth an alert: dated entries in `targets.toml` in the data folder."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from kpi.configuration import number, one_of, only, read, required, typed
from kpi.errors import ConfigError
from kpi.metrics import LIMITED, Kpi, find
from kpi.periods import EVERY, Every

FILE = "targets.toml"
KEYS = ("kpi", "from", "until", "every", "limit_minutes", "at_least", "at_most", "alert", "against")

TOLERANCE = 1e-9
"""As near to a border is on it: 3.3 is 10 % more than 3.0, and floating point does not quite say so."""

Bound = Literal["at_least", "at_most"]
Against = Literal["value", "previous_year"]


@dataclass(frozen=True, kw_only=True)
class Target:
    """One KPI's aim while `starts_on` <= day <= `ends_on`, judged once a period.

    `aim` and `alert` are values of the KPI (shares as 0..1), or relative changes when held `against` the previous year: an
    aim of 0.10 at least means ten per cent more than a year earlier. `limit_minutes` is the duration within which an event
    counts, for the KPIs that have one.
    """

    kpi: str
    starts_on: date
    ends_on: date
    every: Every
    bound: Bound
    aim: float
    alert: float | None
    against: Against
    limit_minutes: float | None

    def met_by(self, value: float) -> bool:
        """Whether the value (or relative change) reaches the aim; exactly at the aim is met."""
        return self._reaches(value, self.aim)

    def alerted_by(self, value: float) -> bool:
        """Whether the value (or relative change) is worse than the alert threshold; exactly at it is not."""
        return self.alert is not None and not self._reaches(value, self.alert)

    def _reaches(self, value: float, border: float) -> bool:
        slack = TOLERANCE * max(1.0, abs(border))
        return value >= border - slack if self.bound == "at_least" else value <= border + slack


def read_targets(folder: Path) -> tuple[Target, ...]:
    """The folder's targets; overlaps of one KPI are refused with both entries named."""
    table = read(folder / FILE)
    only(table, ("target",), FILE)
    entries = typed(table, "target", list, [], FILE)
    targets = tuple(_target(entry, f"{FILE}: target {number}") for number, entry in enumerate(entries, start=1))
    _refuse_overlaps(targets)
    return targets


def valid_on(targets: Iterable[Target], kpi: Kpi, day: date) -> Target | None:
    """The target of this KPI on this day: a new target does not re-judge the past."""
    names = (kpi.name, kpi.family)
    return next((target for target in targets if target.kpi in names and target.starts_on <= day <= target.ends_on), None)


def relative_change(value: float, before: float) -> float | None:
    """How much the value changed as a share of the earlier one; None when there is nothing to compare with."""
    return (value - before) / abs(before) if before else None


def _target(entry: Any, where: str) -> Target:
    if not isinstance(entry, dict):
        raise ConfigError("{where}: {found}, expected a table.", where=where, found=repr(entry))
    only(entry, KEYS, where)
    kpi = _known_kpi(required(entry, "kpi", str, where), where)
    where = f"{where} ({kpi})"
    bound = _bound(entry, where)
    against = one_of(typed(entry, "against", str, "value", where), ("value", "previous_year"), "against", where)
    target = Target(
        kpi=kpi,
        starts_on=required(entry, "from", date, where),
        ends_on=typed(entry, "until", date, date.max, where),
        every=one_of(required(entry, "every", str, where), EVERY, "every", where),
        bound=bound,
        aim=number(entry, bound, where) or 0.0,
        alert=number(entry, "alert", where),
        against=against,
        limit_minutes=number(entry, "limit_minutes", where),
    )
    for check in (_dates_in_order, _limit_where_it_means_something, _aim_possible, _alert_worse_than_aim):
        check(target, where)
    return target


def _known_kpi(name: str, where: str) -> str:
    try:
        find(name)
    except Exception as why:
        raise ConfigError("{where}: {why}", where=where, why=why) from why
    return name


def _bound(entry: Mapping[str, Any], where: str) -> Bound:
    if ("at_least" in entry) == ("at_most" in entry):
        raise ConfigError("{where}: expected either at_least or at_most.", where=where)
    return "at_least" if "at_least" in entry else "at_most"


def _dates_in_order(target: Target, where: str) -> None:
    if target.ends_on < target.starts_on:
        raise ConfigError("{where}: until {found} is before from {expected}.", where=where, found=target.ends_on, expected=target.starts_on)


def _limit_where_it_means_something(target: Target, where: str) -> None:
    if target.limit_minutes is not None and target.kpi not in LIMITED:
        raise ConfigError("{where}: limit_minutes has no meaning here, only for {expected}.", where=where, expected=", ".join(LIMITED))
    if target.limit_minutes is not None and not 0 <= target.limit_minutes < 10**7:
        raise ConfigError("{where}: limit_minutes is {found}, expected 0 or more.", where=where, found=target.limit_minutes)


def _aim_possible(target: Target, where: str) -> None:
    lowest, highest = (-1e12, 1e12) if target.against == "previous_year" else find(target.kpi).range
    for key, value in ((target.bound, target.aim), ("alert", target.alert)):
        if value is not None and not lowest <= value <= highest:
            raise ConfigError(
                "{where}: {key} is {found}, expected {lowest:g} to {highest:g}. Shares are written 0 to 1.",
                where=where,
                key=key,
                found=value,
                lowest=lowest,
                highest=highest,
            )


def _alert_worse_than_aim(target: Target, where: str) -> None:
    if target.alert is not None and target.alert != target.aim and target.met_by(target.alert):
        raise ConfigError(
            "{where}: alert {found} is better than the target {expected}.", where=where, found=target.alert, expected=target.aim
        )


def _same_kpi(one: Target, other: Target) -> bool:
    """Whether both would judge the same figure: a family's target judges each of its variants."""
    family = find(one.kpi).family
    return one.kpi == other.kpi or (family == find(other.kpi).family and family in (one.kpi, other.kpi))


def _refuse_overlaps(targets: tuple[Target, ...]) -> None:
    for place, one in enumerate(targets):
        for other in targets[place + 1 :]:
            if _same_kpi(one, other) and one.starts_on <= other.ends_on and other.starts_on <= one.ends_on:
                raise ConfigError(
                    "{where}: two targets for {kpi} overlap: from {one} and from {other}. End the first with `until`.",
                    where=FILE,
                    kpi=one.kpi,
                    one=one.starts_on,
                    other=other.starts_on,
                )
