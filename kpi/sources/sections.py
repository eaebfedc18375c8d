"""The sections of a mapping, each read from its TOML table into what it means."""

from dataclasses import dataclass

from kpi.configuration import Table, choice, filled, only, refuse_unknown, tables, texts, typed, whole, written, zone_name
from kpi.errors import ConfigError
from kpi.events import BY_NAME, COLUMNS, DISPOSITIONS

REFUSE = "refuse"
ALLOWED_KEYS = ("values", "otherwise")
DISPOSITION_KEYS = ("disposition", "column", "contains", "equals")
STEPS = ("first", "last", "trailing_run_start", "count_where", "count_exits_where")
STEP_KEYS = (*STEPS, "where")
FOLD_KEYS = ("key", "order")


@dataclass(frozen=True, kw_only=True)
class FileForm:
    """How the file is written. An empty `decimal` is undeclared: a number that could be read in two ways is refused."""

    format: str
    delimiter: str
    quote: str
    encoding: str
    header_row: int
    sheet: str
    nulls: tuple[str, ...]
    decimal: str
    thousands: str


@dataclass(frozen=True, kw_only=True)
class Clock:
    """How the file tells time."""

    zone: str
    formats: tuple[str, ...]
    ambiguous: str
    nonexistent: str


@dataclass(frozen=True, kw_only=True)
class ValueMap:
    """What the source's values mean. An `otherwise` of None refuses a value that is not listed."""

    name: str
    meanings: tuple[tuple[str, str], ...]
    otherwise: str | None


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """The values a raw column may hold; `otherwise` is `refuse` (the row) or `count` (and keep it)."""

    column: str
    values: tuple[str, ...]
    otherwise: str


@dataclass(frozen=True, kw_only=True)
class DispositionRule:
    """An event whose raw column contains the text (any case), or equals it, has this disposition."""

    disposition: str
    column: str
    test: str
    text: str


@dataclass(frozen=True, kw_only=True)
class FoldStep:
    """How the rows of one event become one value. `column` is empty for the counts."""

    target: str
    kind: str
    column: str
    where: str


@dataclass(frozen=True, kw_only=True)
class Fold:
    """An event log: rows with the same key are one event; the last one in this order gives its attributes."""

    key: tuple[str, ...]
    order: tuple[str, ...]
    steps: tuple[FoldStep, ...]


def file_form(table: Table, where: str) -> FileForm:
    """How the file is written."""
    only(table, FileForm.__dataclass_fields__, where)
    return FileForm(
        format=choice(table, "format", ("ending", "csv", "xlsx", "parquet"), where),
        delimiter=_character(table, "delimiter", ",", where),
        quote=_character(table, "quote", '"', where),
        encoding=_encoding(typed(table, "encoding", str, "utf-8", where), where),
        header_row=whole(table, "header_row", 1, 1, where),
        sheet=typed(table, "sheet", str, "", where),
        nulls=texts(table, "nulls", (), where),
        decimal=choice(table, "decimal", ("", ".", ","), where),
        thousands=choice(table, "thousands", ("", ",", ".", " ", "'"), where),
    )


def _character(table: Table, key: str, default: str, where: str) -> str:
    value: str = typed(table, key, str, default, where)
    if len(value) == 1 and value not in "\r\n":
        return value
    raise ConfigError("{where}: {key} is {found}, expected one character.", where=where, key=key, found=repr(value))


def _encoding(encoding: str, where: str) -> str:
    try:
        "".encode(encoding)
    except LookupError as error:
        raise ConfigError(
            "{where}: encoding '{encoding}' does not exist. Examples: utf-8, latin-1, cp949.", where=where, encoding=encoding
        ) from error
    return encoding


def clock(table: Table, where: str) -> Clock:
    """How the file tells time."""
    only(table, Clock.__dataclass_fields__, where)
    return Clock(
        zone=zone_name(filled(table, "zone", where), where),
        formats=_formats(texts(table, "formats", ("iso",), where), where),
        ambiguous=choice(table, "ambiguous", (REFUSE, "earlier", "later"), where),
        nonexistent=choice(table, "nonexistent", (REFUSE, "shift"), where),
    )


def _formats(formats: tuple[str, ...], where: str) -> tuple[str, ...]:
    for wanted in formats or ("",):
        if wanted != "iso" and "%" not in wanted:
            raise ConfigError("{where}: format '{wanted}' has no %, expected iso or one as %d/%m/%Y %H:%M.", where=where, wanted=wanted)
    return formats


def renames(table: Table, where: str) -> dict[str, str]:
    """Name the mapping uses -> name in the file."""
    return {name: filled(table, name, where) for name in table}


def value_maps(table: Table, where: str) -> tuple[ValueMap, ...]:
    """What the values mean, one map for every table."""
    return tuple(_value_map(name, typed(table, name, dict, {}, f"{where}: [values]"), f"{where}: [values.{name}]") for name in table)


def _value_map(name: str, table: Table, where: str) -> ValueMap:
    meanings = tuple((key, written(table, key, where)) for key in table if key != "otherwise")
    otherwise = written(table, "otherwise", where) if "otherwise" in table else REFUSE
    return ValueMap(name=name, meanings=meanings, otherwise=None if otherwise == REFUSE else otherwise)


def all_allowed(table: Table, where: str) -> tuple[Allowed, ...]:
    """The values that raw columns may hold."""
    return tuple(_allowed(table, column, f"{where}: [allowed]") for column in table)


def _allowed(table: Table, column: str, where: str) -> Allowed:
    """A list (anything else is refused), or a table with `values` and `otherwise`."""
    if isinstance(table[column], list):
        return Allowed(column=column, values=texts(table, column, (), where), otherwise=REFUSE)
    inner = typed(table, column, dict, {}, where)
    only(inner, ALLOWED_KEYS, where)
    return Allowed(
        column=column,
        values=texts(inner, "values", (), where),
        otherwise=choice(inner, "otherwise", (REFUSE, "count"), where),
    )


def disposition_rules(table: Table, where: str) -> tuple[DispositionRule, ...]:
    """The rules of [[dispositions]], in their order."""
    return tuple(_disposition_rule(rule, f"{where}: [[dispositions]]") for rule in tables(table, "dispositions", where))


def _disposition_rule(table: Table, where: str) -> DispositionRule:
    only(table, DISPOSITION_KEYS, where)
    disposition = filled(table, "disposition", where)
    refuse_unknown(disposition, DISPOSITIONS, "disposition", where)
    tests = [test for test in ("contains", "equals") if test in table]
    if len(tests) != 1:
        raise ConfigError("{where}: {count} of 'contains' and 'equals', expected exactly one.", where=where, count=len(tests))
    return DispositionRule(
        disposition=disposition,
        column=filled(table, "column", where),
        test=tests[0],
        text=filled(table, tests[0], where),
    )


def fold(table: Table, where: str) -> Fold | None:
    """The folding of an event log, or None."""
    if not table:
        return None
    key, order = texts(table, "key", (), where), texts(table, "order", (), where)
    if not key or not order:
        raise ConfigError(
            "{where}: 'key' and 'order' must name raw columns, found {key} and {order}.",
            where=where,
            key=list(key),
            order=list(order),
        )
    targets = [name for name in table if name not in FOLD_KEYS]
    return Fold(key=key, order=order, steps=tuple(_step(table, target, where) for target in targets))


def _step(table: Table, target: str, where: str) -> FoldStep:
    refuse_unknown(target, BY_NAME, "column", where)
    inner, here = typed(table, target, dict, {}, where), f"{where} {target}"
    only(inner, STEP_KEYS, here)
    kinds = [kind for kind in STEPS if kind in inner]
    if len(kinds) != 1:
        raise ConfigError("{where}: {count} of {kinds}, expected exactly one.", where=here, count=len(kinds), kinds=", ".join(STEPS))
    value = filled(inner, kinds[0], here)
    if kinds[0].startswith("count"):
        return FoldStep(target=target, kind=kinds[0], column="", where=value)
    return FoldStep(target=target, kind=kinds[0], column=value, where=typed(inner, "where", str, "true", here))


def set_aside(table: Table, where: str) -> tuple[str, ...]:
    """The columns in which a wrong value leaves its row alone."""
    names = texts(table, "set_aside", (), where)
    optional = [column.name for column in COLUMNS if column.presence == "optional"]
    for name in names:
        refuse_unknown(name, optional, "optional column", f"{where}: set_aside")
    return names
