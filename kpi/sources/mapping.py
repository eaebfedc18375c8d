"""A mapping: how the columns of a vendor's export become the columns of the event contract."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from kpi.costs import Costs, costs_of
from kpi.errors import ConfigError, UnknownName
from kpi.events import BY_NAME, COLUMNS
from kpi.sources import sections, toml
from kpi.sources.sections import Allowed, Clock, DispositionRule, FileForm, Fold, ValueMap

SHIPPED = Path(__file__).parent
HISTORIES = ("final", "replay")
SECTIONS = ("columns", "constants", "expressions")
KEYS = (
    "name",
    "label",
    "extends",
    "history",
    "set_aside",
    "file",
    "time",
    "rename",
    *SECTIONS,
    "values",
    "allowed",
    "dispositions",
    "fold",
    "costs",
)


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """A whole mapping; `digest` changes when anything in it does, also in what it extends.

    `rename` (name used here -> name in the file) lets one mapping read another dialect of the same export.
    """

    name: str
    label: str
    file: FileForm
    clock: Clock
    rename: dict[str, str]
    columns: dict[str, str]
    constants: dict[str, str]
    expressions: dict[str, str]
    values: tuple[ValueMap, ...]
    allowed: tuple[Allowed, ...]
    dispositions: tuple[DispositionRule, ...]
    fold: Fold | None
    history: str
    set_aside: tuple[str, ...]
    costs: Costs | None
    digest: str


def available(folder: Path) -> dict[str, Path]:
    """Every mapping by name: the user's own in `folder` come before the shipped ones of the same name."""
    return {path.stem: path for place in (SHIPPED, folder) for path in sorted(place.glob("*.toml"))}


def named(name: str, folder: Path) -> Mapping:
    """A mapping by its name."""
    paths = available(folder)
    if name not in paths:
        raise UnknownName("mapping", name, paths)
    return load(paths[name], folder)


def load(path: Path, folder: Path) -> Mapping:
    """The mapping in a file, with everything it extends."""
    merged = _extended(path, folder, ())
    toml.only(str(path), merged, KEYS)
    return _mapping(str(path), path.stem, merged)


def _extended(path: Path, folder: Path, seen: tuple[Path, ...]) -> dict[str, object]:
    if path in seen:
        chain = " -> ".join(entry.stem for entry in (*seen, path))
        raise ConfigError("{path}: 'extends' goes in a circle: {chain}. Remove one.", path=path, chain=chain)
    own = toml.read(path)
    parent = toml.text(str(path), own, "extends", "")
    own.pop("extends", None)
    if not parent:
        return own
    return _merged(_extended(_parent(path, parent, folder), folder, (*seen, path)), own)


def _parent(path: Path, parent: str, folder: Path) -> Path:
    paths = available(folder)
    shipped = SHIPPED / f"{parent}.toml"
    if parent == path.stem and path != shipped and shipped.exists():
        return shipped
    if parent not in paths:
        raise toml.unknown(f"{path}: extends", "mapping", parent, paths)
    return paths[parent]


def _merged(base: dict[str, object], own: dict[str, object]) -> dict[str, object]:
    """The base with `own` laid over it. What `own` maps anew forgets how the base mapped it, and its name and label."""
    forgotten = {target for section in (*SECTIONS, "fold") for target in toml.table("mapping", own, section) if target in BY_NAME}
    kept = {key: _without(value, forgotten) if key in (*SECTIONS, "fold") else value for key, value in base.items() if key != "name"}
    return _laid_over(kept, own)


def _without(value: object, forgotten: set[str]) -> object:
    return {key: entry for key, entry in value.items() if key not in forgotten} if isinstance(value, dict) else value


def _laid_over(base: dict[str, object], own: dict[str, object]) -> dict[str, object]:
    result = dict(base)
    for key, value in own.items():
        below = result.get(key)
        result[key] = _laid_over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def _mapping(where: str, stem: str, table: toml.Table) -> Mapping:
    costs = costs_of(f"{where}: [costs]", toml.table(where, table, "costs"), Path(where).parent)
    mapping = Mapping(
        name=_name(where, toml.text(where, table, "name", stem)),
        label=toml.text(where, table, "label", stem),
        file=sections.file_form(f"{where}: [file]", toml.table(where, table, "file")),
        clock=sections.clock(f"{where}: [time]", toml.table(where, table, "time")),
        rename=sections.renames(f"{where}: [rename]", toml.table(where, table, "rename")),
        columns=_targets(where, table, "columns"),
        constants=_targets(where, table, "constants"),
        expressions=_targets(where, table, "expressions"),
        values=sections.value_maps(where, toml.table(where, table, "values")),
        allowed=sections.all_allowed(where, toml.table(where, table, "allowed")),
        dispositions=tuple(
            sections.disposition_rule(f"{where}: [[dispositions]]", rule) for rule in toml.tables(where, table, "dispositions")
        ),
        fold=sections.fold(f"{where}: [fold]", toml.table(where, table, "fold")),
        history=toml.choice(where, table, "history", HISTORIES),
        set_aside=sections.set_aside(where, toml.texts(where, table, "set_aside", ())),
        costs=costs,
        digest=_digest(table, costs),
    )
    _check_targets(where, mapping)
    return mapping


def _digest(table: toml.Table, costs: Costs | None) -> str:
    """Over the costs too: their rates may stand in a file of their own."""
    return hashlib.sha256((json.dumps(table, sort_keys=True, default=str) + repr(costs)).encode()).hexdigest()


def _name(where: str, name: str) -> str:
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name):
        return name
    raise ConfigError("{where}: name '{name}', expected small letters, digits, _ and -. It becomes a folder name.", where=where, name=name)


def _targets(where: str, table: toml.Table, section: str) -> dict[str, str]:
    """Canonical column -> text; an empty text takes a column of the extended mapping away."""
    entries = toml.table(where, table, section)
    for target in entries:
        if target not in BY_NAME:
            raise toml.unknown(f"{where}: [{section}]", "column", target, BY_NAME)
    texts = {target: toml.scalar(f"{where}: [{section}]", entries, target) for target in entries}
    return {target: text for target, text in texts.items() if text}


def sources(mapping: Mapping) -> tuple[str, ...]:
    """Every canonical column the mapping says something about, once for every time it does."""
    folded = tuple(step.target for step in mapping.fold.steps) if mapping.fold else ()
    judged = ("disposition",) if mapping.dispositions else ()
    return (*mapping.columns, *mapping.constants, *mapping.expressions, *folded, *judged)


def _check_targets(where: str, mapping: Mapping) -> None:
    targets = sources(mapping)
    for target in targets:
        if targets.count(target) > 1:
            raise ConfigError(
                "{where}: '{target}' is given twice, expected one of [columns], [constants], [expressions], [fold].",
                where=where,
                target=target,
            )
    for column in COLUMNS:
        free = mapping.history == "replay" and column.name == "updated_at"
        if column.presence != "optional" and column.name not in targets and not free:
            raise ConfigError(
                "{where}: no source for the required column '{column}' ({meaning}) Name it in [columns], [constants] or [expressions].",
                where=where,
                column=column.name,
                meaning=column.meaning,
            )
