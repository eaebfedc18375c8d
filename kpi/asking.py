"""From the words people type (on a command line or in a link) to a question."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from kpi.errors import ConfigError, UnknownName
from kpi.metrics import ATTRIBUTIONS, Attribution, Kpi, chosen, missing
from kpi.periods import COMPARISONS, EVERY, Comparison, Dates, Every
from kpi.report import ALWAYS, FILTERS, Question
from kpi.store import State

T = TypeVar("T", bound=str)

EARLIEST_YEAR, LATEST_YEAR = 1901, 2200
LONGEST_WITHIN = 10**7
RARER_DATES: tuple[Attribution, ...] = ("opened_on", "answered_on", "ended_on", "resolved_on")
"""Every event that has one of these dates has those before it too."""


def kpis_named(state: State, names: Sequence[str]) -> tuple[tuple[Kpi, ...], tuple[Kpi, ...]]:
    """The KPIs of these names that the data measure, and those they do not."""
    variant = state.settings.definitions.first_contact_variant
    found = list(dict.fromkeys(chosen(name, variant, state.measured) for name in names))
    return (
        tuple(kpi for kpi in found if not missing(kpi, state.measured)),
        tuple(kpi for kpi in found if missing(kpi, state.measured)),
    )


def attributed(kpis: tuple[Kpi, ...], on: str) -> tuple[Kpi, ...]:
    """The KPIs by another date of attribution than their own; an empty word changes nothing."""
    return tuple(replace(kpi, on=_possible_date(kpi, on)) for kpi in kpis) if on else kpis


def _possible_date(kpi: Kpi, on: str) -> Attribution:
    """The date, if every event that counts has it: by the others the open ones would be lost, which are mostly the slow ones."""
    found = one_of(on, ATTRIBUTIONS, "date")
    if kpi.aggregate == "stock":
        raise ConfigError("{kpi} is counted at the end of each period and goes by no date. Leave out --on.", kpi=kpi.name)
    if RARER_DATES.index(found) > RARER_DATES.index(kpi.on):
        raise ConfigError(
            "{kpi} goes by {own}: by {found} it would lose the requests that have no such date yet. Leave out --on.",
            kpi=kpi.name,
            own=kpi.on,
            found=found,
        )
    return found


def period(word: str) -> Every | None:
    """A cadence, or None for an empty word."""
    return one_of(word, EVERY, "period") if word else None


def comparison(word: str) -> Comparison:
    """What to hold figures against."""
    return one_of(word, COMPARISONS, "comparison")


def dates(first: str, last: str) -> Dates:
    """Local days from the first to the last, both included; an empty word is open."""
    starts_on = day(first) if first else ALWAYS.start
    ends_on = day(last) + timedelta(days=1) if last else ALWAYS.end
    if ends_on <= starts_on:
        raise ConfigError("the last day {last} is before the first {first}. Exchange them.", last=last, first=first)
    return Dates(starts_on, ends_on)


def day(word: str) -> date:
    """A local day."""
    try:
        found = date.fromisoformat(word)
    except ValueError as error:
        raise ConfigError("{found} is not a day, expected one such as 2026-01-31.", found=repr(word)) from error
    if not EARLIEST_YEAR <= found.year <= LATEST_YEAR:
        raise ConfigError("{found} is outside the years 1901 to 2200.", found=found)
    return found


def moment(word: str, zone: str) -> datetime:
    """A moment; without an offset in the given time zone, without a time at the start of the day."""
    try:
        found = datetime.fromisoformat(word)
    except ValueError as error:
        raise ConfigError("{found} is not a moment, expected one such as 2026-01-31T18:00.", found=repr(word)) from error
    if not EARLIEST_YEAR <= found.year <= LATEST_YEAR:
        raise ConfigError("{found} is outside the years 1901 to 2200.", found=word)
    return found.astimezone(UTC) if found.tzinfo else _local(found, word, zone)


def _local(found: datetime, word: str, zone: str) -> datetime:
    """A wall time in a zone; a day starts at its first moment, but a time that the clocks skip or repeat is not guessed."""
    readings = [found.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)]
    if readings[0] != readings[1] and not _is_day(word):
        raise ConfigError(
            "the clocks of {zone} changed at {found}: it is {first} or {second}. Choose one.",
            zone=zone,
            found=word,
            first=readings[0].astimezone(ZoneInfo(zone)).isoformat(),
            second=readings[1].astimezone(ZoneInfo(zone)).isoformat(),
        )
    return readings[0]


def _is_day(word: str) -> bool:
    try:
        date.fromisoformat(word)
    except ValueError:
        return False
    return True


def filters(words: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """From `store=S014,S015` and the like; the same dimension again adds values, and quotes keep commas in a name."""
    found: dict[str, tuple[str, ...]] = {}
    for word in words:
        name, sign, values = word.partition("=")
        if not sign or not values:
            raise ConfigError("{found} is not a filter, expected one such as store=S014.", found=repr(word))
        dimension = one_of(name.strip(), FILTERS, "dimension")
        found[dimension] = (*found.get(dimension, ()), *next(csv.reader([values], skipinitialspace=True)))
    return found


def one_of(word: str, known: Sequence[T], kind: str) -> T:
    """The known word that this is."""
    for one in known:
        if one == word:
            return one
    raise UnknownName(kind, word, known)


def named_value(word: str) -> tuple[str, str]:
    """What `name=value` says."""
    name, sign, value = word.partition("=")
    if not (name.strip() and sign):
        raise ConfigError("{found}: expected name=value.", found=word)
    return name.strip(), value.strip()


def question(kpis: tuple[Kpi, ...], every: str, by: str, where: Sequence[str], range_: Dates, within: float | None) -> Question:
    """The question these words ask."""
    if within is not None and not 0 <= within <= LONGEST_WITHIN:
        raise ConfigError("--within is {found}, expected 0 to {expected} minutes.", found=within, expected=LONGEST_WITHIN)
    groups = tuple(name.strip() for name in by.split(",") if name.strip())
    return Question(kpis=kpis, every=period(every), by=groups, where=filters(where), dates=range_, within_minutes=within)


def folder_of(data: Path) -> Path:
    """The data folder, if it is one: nothing is written into any other."""
    if not data.is_dir():
        raise ConfigError(
            "{where}: no such folder. Create it and put extracts into {where}/extracts, or name another with --data.", where=data
        )
    if not (data / "extracts").is_dir():
        raise ConfigError(
            "{where}: no such folder. Put extracts there, or name another data folder with --data. "
            "The synthetic sample is made by: uv run python -m data.sample {where}",
            where=data / "extracts",
        )
    return data


def folder_named(word: str | Path) -> Path:
    """The folder of this name; an empty one would be the folder that one happens to stand in."""
    if not str(word):
        raise ConfigError("--data is empty, expected the name of a folder, such as: --data shop")
    return Path(word)
