"""What a file lacks: an optional column whose raw column is absent is not measured; a required one is refused."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from kpi.events import BY_NAME
from kpi.sources.expressions import columns_read
from kpi.sources.headers import refuse_absent
from kpi.sources.mapping import Mapping, sources
from kpi.sources.sections import FoldStep
from kpi.words import text


@dataclass(frozen=True, kw_only=True)
class Absence:
    """A part of the mapping that was left out, and the raw column it needs."""

    where: str
    column: str

    def __str__(self) -> str:
        return text("{where}: left out, the file has no column '{column}'", where=self.where, column=self.column)


def present(mapping: Mapping, columns: tuple[str, ...]) -> tuple[Mapping, tuple[Absence, ...]]:
    """The mapping as far as these raw columns allow, and what was left out."""
    lacking = {**_of_targets(mapping, columns), **_of_rules(mapping, columns)}
    steps = tuple(step for step in (mapping.fold.steps if mapping.fold else ()) if f"[fold.{step.target}]" not in lacking)
    kept = replace(
        mapping,
        columns=_without(mapping.columns, "columns", lacking),
        expressions=_without(mapping.expressions, "expressions", lacking),
        fold=mapping.fold and replace(mapping.fold, steps=steps),
        allowed=tuple(one for one in mapping.allowed if one.column in columns),
        dispositions=tuple(one for one in mapping.dispositions if one.column in columns),
    )
    canonical = sources(mapping)
    maps = tuple(one for one in mapping.values if one.name in (sources(kept) if one.name in canonical else columns))
    return replace(kept, values=maps), tuple(Absence(where=where, column=column) for where, column in lacking.items())


def _without(entries: dict[str, str], section: str, lacking: dict[str, str]) -> dict[str, str]:
    return {target: entry for target, entry in entries.items() if f"[{section}] {target}" not in lacking}


def _of_targets(mapping: Mapping, columns: tuple[str, ...]) -> dict[str, str]:
    """Where a canonical column needs a raw one that is absent -> its name in the file."""
    needed: dict[str, tuple[str, tuple[str, ...]]] = {}
    for target, raw in mapping.columns.items():
        needed[f"[columns] {target}"] = (target, (raw,))
    for target, written in mapping.expressions.items():
        needed[f"[expressions] {target}"] = (target, columns_read(f"[expressions] {target}", written))
    for step in mapping.fold.steps if mapping.fold else ():
        needed[f"[fold.{step.target}]"] = (step.target, _read_by(step))
    lacking = {}
    for where, (target, names) in needed.items():
        for name in (mapping.rename.get(name, name) for name in names if name not in columns):
            if BY_NAME[target].presence != "optional":
                refuse_absent(where, name, columns)
            lacking.setdefault(where, name)
    return lacking


def _read_by(step: FoldStep) -> tuple[str, ...]:
    read = columns_read(f"[fold.{step.target}] where", step.where or "true")
    return (step.column, *read) if step.column else read


def _of_rules(mapping: Mapping, columns: tuple[str, ...]) -> dict[str, str]:
    """The same of rules and value maps about raw columns."""
    about = {
        "[allowed]": (one.column for one in mapping.allowed),
        "[[dispositions]]": (one.column for one in mapping.dispositions),
        "[values]": (one.name for one in mapping.values if one.name not in sources(mapping)),
    }
    return {f"{where} {name}": mapping.rename.get(name, name) for where, names in about.items() for name in _absent(names, columns)}


def _absent(names: Iterable[str], columns: tuple[str, ...]) -> Iterable[str]:
    return (name for name in names if name not in columns)
