"""A mapping: how the columns of a vendor's export become the columns of the event contract."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from kpi.configuration import Table, choice, only, parse, present, refuse_unknown, typed, written
from kpi.errors import ConfigError, UnknownName
from kpi.events import BY_NAME, COLUMNS, SCALE
from kpi.sources import sections
from kpi.sources.costs import Costs, costs_of
from kpi.sources.sections import Allowed, Clock, DispositionRule, FileForm, Fold, ValueMap

SHIPPED = Path(__file__).parent
HISTORIES = ("final", "replay")  # the first is the default; of an event log, which is a history, the last
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
    only(merged, KEYS, str(path))
    return _mapping(merged, path)


def _extended(path: Path, folder: Path, seen: tuple[Path, ...]) -> dict[str, object]:
    if path in seen:
        chain = " -> ".join(entry.stem for entry in (*seen, path))
        raise ConfigError("{path}: 'extends' goes in a circle: {chain}. Remove one.", path=path, chain=chain)
    own = _own(path)
    parent = typed(own, "extends", str, "", str(path))
    own.pop("extends", None)
    if not parent:
        return own
    return _merged(_extended(_parent(path, parent, folder), folder, (*seen, path)), own)


def _own(path: Path) -> dict[str, object]:
    try:
        return parse(present(path), str(path))
    except FileNotFoundError as error:
        raise ConfigError("{path}: no such mapping file. Name an existing one.", path=path) from error


def _parent(path: Path, parent: str, folder: Path) -> Path:
    paths = available(folder)
    shipped = SHIPPED / f"{parent}.toml"
    if parent == path.stem and path != shipped and shipped.exists():
        return shipped
    refuse_unknown(parent, paths, "mapping", f"{path}: extends")
    return paths[parent]


def _merged(base: dict[str, object], own: dict[str, object]) -> dict[str, object]:
    """The base with `own` laid over it. What `own` maps anew forgets how the base mapped it, and its name and label."""
    forgotten = {target for section in (*SECTIONS, "fold") for target in typed(own, section, dict, {}, "mapping") if target in BY_NAME}
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


def _mapping(table: Table, path: Path) -> Mapping:
    where = str(path)
    fold = sections.fold(_section(table, "fold", where), f"{where}: [fold]")
    costs = costs_of(_section(table, "costs", where), path.parent, f"{where}: [costs]")
    mapping = Mapping(
        name=_name(typed(table, "name", str, path.stem, where), where),
        label=typed(table, "label", str, path.stem, where),
        file=sections.file_form(_section(table, "file", where), f"{where}: [file]"),
        clock=sections.clock(_section(table, "time", where), f"{where}: [time]"),
        rename=sections.renames(_section(table, "rename", where), f"{where}: [rename]"),
        columns=_targets(table, "columns", where),
        constants=_targets(table, "constants", where),
        expressions=_targets(table, "expressions", where),
        values=sections.value_maps(_section(table, "values", where), where),
        allowed=sections.all_allowed(_section(table, "allowed", where), where),
        dispositions=sections.disposition_rules(table, where),
        fold=fold,
        history=choice(table, "history", HISTORIES if fold is None else HISTORIES[::-1], where),
        set_aside=sections.set_aside(table, where),
        costs=costs,
        digest=_digest(table, costs),
    )
    _check_targets(mapping, where)
    _check_constants(mapping, f"{where}: [constants]")
    return mapping


def _section(table: Table, key: str, where: str) -> Table:
    return typed(table, key, dict, {}, where)


def _digest(table: Table, costs: Costs | None) -> str:
    """Over the costs too: their rates may stand in a file of their own."""
    return hashlib.sha256((json.dumps(table, sort_keys=True, default=str) + repr(costs)).encode()).hexdigest()


def _name(name: str, where: str) -> str:
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name):
        return name
    raise ConfigError("{where}: name '{name}', expected small letters, digits, _ and -. It becomes a folder name.", where=where, name=name)


def _targets(table: Table, section: str, where: str) -> dict[str, str]:
    """Canonical column -> text; an empty text takes a column of the extended mapping away."""
    entries, here = _section(table, section, where), f"{where}: [{section}]"
    for target in entries:
        refuse_unknown(target, BY_NAME, "column", here)
    texts = {target: written(entries, target, here) for target in entries}
    return {target: text for target, text in texts.items() if text}


def sources(mapping: Mapping) -> tuple[str, ...]:
    """Every canonical column the mapping says something about, once for every time it does."""
    folded = tuple(step.target for step in mapping.fold.steps) if mapping.fold else ()
    judged = ("disposition",) if mapping.dispositions else ()
    return (*mapping.columns, *mapping.constants, *mapping.expressions, *folded, *judged)


def _check_constants(mapping: Mapping, where: str) -> None:
    """A constant that no row could have would keep every row aside; what [values] change is judged row by row."""
    mapped = [values.name for values in mapping.values]
    for target, value in ((target, value) for target, value in mapping.constants.items() if target not in mapped):
        if BY_NAME[target].values:
            refuse_unknown(value, BY_NAME[target].values, target, where)
        if target == "satisfaction_scale" and not _is_scale(value):
            raise ConfigError("{where}: satisfaction_scale '{value}', expected lowest..highest, as 1..10.", where=where, value=value)


def _is_scale(value: str) -> bool:
    bounds = re.fullmatch(SCALE, re.sub(r"\s", "", value))
    return bounds is not None and float(bounds[1]) < float(bounds[2])


def _check_targets(mapping: Mapping, where: str) -> None:
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
