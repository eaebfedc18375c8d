"""When a process became another one, and which days say nothing about it: dated entries in `phases.toml` in the data folder."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from kpi.configuration import Table, content, filled, only, parse, required, tables, typed
from kpi.errors import ConfigError
from kpi.events import DIMENSIONS
from kpi.metrics import Kpi, find

FILE = "phases.toml"
PHASE_KEYS = ("kpi", *DIMENSIONS, "from", "baseline_until", "reason", "accepted_by", "accepted_on")
EXCLUSION_KEYS = ("kpi", *DIMENSIONS, "from", "until", "reason")
HEADING = "# Since when a process is another one, and why: its limits start anew. Entries are a log; correct them here.\n"


@dataclass(frozen=True, kw_only=True)
class Phase:
    """From `starts_on` on, the KPI of the part named by `where` has new limits, set by its first periods or, with
    `baseline_until`, by those that end by that day. `accepted_by` and `accepted_on` say who decided it and when.
    """

    kpi: str
    where: Mapping[str, str]
    starts_on: date
    baseline_until: date | None
    reason: str
    accepted_by: str
    accepted_on: date | None


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """Days (both included) that are shown and judged, but set no limits."""

    kpi: str
    where: Mapping[str, str]
    starts_on: date
    ends_on: date
    reason: str


@dataclass(frozen=True)
class Phases:
    """All entries, phases by date."""

    phases: tuple[Phase, ...]
    exclusions: tuple[Exclusion, ...]


def read_phases(folder: Path) -> Phases:
    """The folder's phases; two that start on one day for the same part are refused."""
    return _phases(content(folder / FILE))


def applying(entries: Iterable[Any], kpi: Kpi, part: Mapping[str, tuple[str, ...]]) -> list[Any]:
    """The entries that hold for a KPI of a part: what changed in a store changed in its channels, and nowhere else."""
    names = (kpi.name, kpi.family)
    return [one for one in entries if one.kpi in names and all(part.get(name) == (value,) for name, value in one.where.items())]


def accept(folder: Path, phase: Phase) -> None:
    """Write a phase behind those that are there, as a whole file or not at all."""
    before = content(folder / FILE).decode() or HEADING
    after = before.rstrip("\n") + "\n\n" + _written(phase)
    _phases(after.encode())
    temporary = folder / f"{FILE}.new"
    with temporary.open("w", encoding="utf-8") as file:
        file.write(after)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / FILE)


def _phases(found: bytes) -> Phases:
    table = parse(found, FILE)
    only(table, ("phase", "exclude"), FILE)
    entries, left_out = tables(table, "phase", FILE), tables(table, "exclude", FILE)
    phases = tuple(_phase(entry, f"{FILE}: phase {number}") for number, entry in enumerate(entries, start=1))
    _refuse_twins(phases)
    return Phases(
        phases=tuple(sorted(phases, key=lambda one: one.starts_on)),
        exclusions=tuple(_exclusion(entry, f"{FILE}: exclude {number}") for number, entry in enumerate(left_out, start=1)),
    )


def _phase(entry: Table, where: str) -> Phase:
    only(entry, PHASE_KEYS, where)
    phase = Phase(
        kpi=_known_kpi(entry, where),
        where=_part(entry, where),
        starts_on=required(entry, "from", date, where),
        baseline_until=typed(entry, "baseline_until", date, None, where),
        reason=filled(entry, "reason", where),
        accepted_by=typed(entry, "accepted_by", str, "", where),
        accepted_on=typed(entry, "accepted_on", date, None, where),
    )
    _in_order(phase.starts_on, phase.baseline_until, "baseline_until", where)
    return phase


def _exclusion(entry: Table, where: str) -> Exclusion:
    only(entry, EXCLUSION_KEYS, where)
    exclusion = Exclusion(
        kpi=_known_kpi(entry, where),
        where=_part(entry, where),
        starts_on=required(entry, "from", date, where),
        ends_on=required(entry, "until", date, where),
        reason=filled(entry, "reason", where),
    )
    _in_order(exclusion.starts_on, exclusion.ends_on, "until", where)
    return exclusion


def _known_kpi(entry: Table, where: str) -> str:
    name = filled(entry, "kpi", where)
    try:
        find(name)
    except Exception as why:
        raise ConfigError("{where}: {why}", where=where, why=why) from why
    return name


def _part(entry: Table, where: str) -> dict[str, str]:
    return {name: filled(entry, name, where) for name in DIMENSIONS if name in entry}


def _in_order(starts_on: date, ends_on: date | None, key: str, where: str) -> None:
    if ends_on is not None and ends_on < starts_on:
        raise ConfigError("{where}: {key} {found} is before from {expected}.", where=where, key=key, found=ends_on, expected=starts_on)


def _refuse_twins(phases: tuple[Phase, ...]) -> None:
    seen: set[tuple[object, ...]] = set()
    for phase in phases:
        key = (find(phase.kpi).family, tuple(sorted(phase.where.items())), phase.starts_on)
        if key in seen:
            raise ConfigError("{where}: two phases of {kpi} start on {found}. Keep one.", where=FILE, kpi=phase.kpi, found=phase.starts_on)
        seen.add(key)


def _written(phase: Phase) -> str:
    """The entry as TOML."""
    texts = {"kpi": phase.kpi, **phase.where, "reason": phase.reason, "accepted_by": phase.accepted_by}
    dates = {"from": phase.starts_on, "baseline_until": phase.baseline_until, "accepted_on": phase.accepted_on}
    lines = [f"{name} = {_quoted(value)}" for name, value in texts.items() if value]
    lines += [f"{name} = {value.isoformat()}" for name, value in dates.items() if value is not None]
    return "\n".join(["[[phase]]", *lines, ""])


def _quoted(words: str) -> str:
    """A basic string of TOML: they escape as JSON's do, and the delete character too."""
    return json.dumps(words, ensure_ascii=False).replace("\x7f", "\\u007f")
