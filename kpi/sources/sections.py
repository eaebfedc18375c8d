"""The sections of a mapping, each read from its TOML table into what it means."""

from dataclasses import dataclass
from zoneinfo import available_timezones

from kpi.errors import ConfigError
from kpi.events import BY_NAME, COLUMNS, DISPOSITIONS
from kpi.sources import toml

REFUSE = "refuse"
STEPS = ("first", "last", "trailing_run_start", "count_where", "count_exits_where")


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


def file_form(where: str, table: toml.Table) -> FileForm:
    """How the file is written."""
    toml.only(where, table, FileForm.__dataclass_fields__)
    return FileForm(
        format=toml.choice(where, table, "format", ("ending", "csv", "xlsx", "parquet")),
        delimiter=_character(where, table, "delimiter", ","),
        quote=_character(where, table, "quote", '"'),
        encoding=_encoding(where, toml.text(where, table, "encoding", "utf-8")),
        header_row=max(toml.whole(where, table, "header_row", 1), 1),
        sheet=toml.text(where, table, "sheet", ""),
        nulls=toml.texts(where, table, "nulls", ()),
        decimal=toml.choice(where, table, "decimal", ("", ".", ",")),
        thousands=toml.choice(where, table, "thousands", ("", ",", ".", " ", "'")),
    )


def _character(where: str, table: toml.Table, key: str, default: str) -> str:
    value = toml.text(where, table, key, default)
    if len(value) == 1 and value not in "\r\n":
        return value
    raise ConfigError("{where}: '{key}' is '{value}', expected one character.", where=where, key=key, value=value)


def _encoding(where: str, encoding: str) -> str:
    try:
        "".encode(encoding)
    except LookupError as error:
        raise ConfigError(
            "{where}: encoding '{encoding}' does not exist. Examples: utf-8, latin-1, cp949.", where=where, encoding=encoding
        ) from error
    return encoding


def clock(where: str, table: toml.Table) -> Clock:
    """How the file tells time."""
    toml.only(where, table, Clock.__dataclass_fields__)
    zone = toml.needed(where, table, "zone")
    if zone not in available_timezones():
        raise toml.unknown(where, "time zone", zone, available_timezones())
    return Clock(
        zone=zone,
        formats=toml.texts(where, table, "formats", ("iso",)),
        ambiguous=toml.choice(where, table, "ambiguous", (REFUSE, "earlier", "later")),
        nonexistent=toml.choice(where, table, "nonexistent", (REFUSE, "shift")),
    )


def renames(where: str, table: toml.Table) -> dict[str, str]:
    """Name the mapping uses -> name in the file."""
    return {name: toml.needed(where, table, name) for name in table}


def value_maps(where: str, table: toml.Table) -> tuple[ValueMap, ...]:
    """What the values mean, one map for every table."""
    return tuple(_value_map(f"{where}: [values.{name}]", name, toml.table(f"{where}: [values]", table, name)) for name in table)


def _value_map(where: str, name: str, table: toml.Table) -> ValueMap:
    meanings = tuple((key, toml.scalar(where, table, key)) for key in table if key != "otherwise")
    otherwise = toml.scalar(where, table, "otherwise") if "otherwise" in table else REFUSE
    return ValueMap(name=name, meanings=meanings, otherwise=None if otherwise == REFUSE else otherwise)


def all_allowed(where: str, table: toml.Table) -> tuple[Allowed, ...]:
    """The values that raw columns may hold."""
    return tuple(_allowed(f"{where}: [allowed]", table, column) for column in table)


def _allowed(where: str, table: toml.Table, column: str) -> Allowed:
    """A list (anything else is refused), or a table with `values` and `otherwise`."""
    if isinstance(table[column], list):
        return Allowed(column=column, values=toml.texts(where, table, column, ()), otherwise=REFUSE)
    inner = toml.table(where, table, column)
    toml.only(where, inner, ("values", "otherwise"))
    return Allowed(
        column=column,
        values=toml.texts(where, inner, "values", ()),
        otherwise=toml.choice(where, inner, "otherwise", (REFUSE, "count")),
    )


def disposition_rule(where: str, table: toml.Table) -> DispositionRule:
    """One rule of [[dispositions]]."""
    toml.only(where, table, ("disposition", "column", "contains", "equals"))
    disposition = toml.needed(where, table, "disposition")
    if disposition not in DISPOSITIONS:
        raise toml.unknown(where, "disposition", disposition, DISPOSITIONS)
    tests = [test for test in ("contains", "equals") if test in table]
    if len(tests) != 1:
        raise ConfigError("{where}: {count} of 'contains' and 'equals', expected exactly one.", where=where, count=len(tests))
    return DispositionRule(
        disposition=disposition,
        column=toml.needed(where, table, "column"),
        test=tests[0],
        text=toml.needed(where, table, tests[0]),
    )


def fold(where: str, table: toml.Table) -> Fold | None:
    """The folding of an event log, or None."""
    if not table:
        return None
    key, order = toml.texts(where, table, "key", ()), toml.texts(where, table, "order", ())
    if not key or not order:
        raise ConfigError(
            "{where}: 'key' and 'order' must name raw columns, found {key} and {order}.",
            where=where,
            key=list(key),
            order=list(order),
        )
    targets = [name for name in table if name not in ("key", "order")]
    return Fold(key=key, order=order, steps=tuple(_step(where, table, target) for target in targets))


def _step(where: str, table: toml.Table, target: str) -> FoldStep:
    if target not in BY_NAME:
        raise toml.unknown(where, "column", target, BY_NAME)
    inner, here = toml.table(where, table, target), f"{where} {target}"
    toml.only(here, inner, (*STEPS, "where"))
    kinds = [kind for kind in STEPS if kind in inner]
    if len(kinds) != 1:
        raise ConfigError("{here}: {count} of {kinds}, expected exactly one.", here=here, count=len(kinds), kinds=", ".join(STEPS))
    value = toml.needed(here, inner, kinds[0])
    if kinds[0].startswith("count"):
        return FoldStep(target=target, kind=kinds[0], column="", where=value)
    return FoldStep(target=target, kind=kinds[0], column=value, where=toml.text(here, inner, "where", "true"))


def set_aside(where: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The columns in which a wrong value leaves its row alone."""
    may = [column.name for column in COLUMNS if column.presence == "optional"]
    for name in names:
        if name not in may:
            raise toml.unknown(f"{where}: set_aside", "optional column", name, may)
    return names
