"""TOML files that people own, read once at the border into frozen dataclasses.

Every function that can refuse something takes last where it stands: the file, or a place in it, for the message.
"""

import tomllib
from collections.abc import Collection, Mapping
from datetime import date
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import available_timezones

from kpi.errors import ConfigError, UnknownName

LARGEST_FILE = 64 * 1024
LONGEST_LINE = 500
LARGEST_NUMBER = 10**15

Table = Mapping[str, Any]
T = TypeVar("T", bound=str)


def read(path: Path) -> dict[str, Any]:
    """The file's tables; an absent file is an empty one."""
    return parse(content(path), path.name)


def content(path: Path) -> bytes:
    """What stands in the file; nothing when it is absent."""
    try:
        return present(path)
    except FileNotFoundError:
        return b""


def present(path: Path) -> bytes:
    """What stands in the file, for those that must tell an absent file (FileNotFoundError) from an empty one."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError("{where}: cannot be read ({found}). Check its permissions.", where=path.name, found=error.strerror) from error


def parse(content: bytes, where: str) -> dict[str, Any]:
    """The tables of this TOML text, bounded before parsing: tomllib needs minutes for some 100 kB keys."""
    if len(content) > LARGEST_FILE:
        raise ConfigError(
            "{where}: {found} bytes or more, expected at most {expected}. Split it.", where=where, found=len(content), expected=LARGEST_FILE
        )
    try:
        lines = content.decode()
        _refuse_long_lines(lines, where)
        return tomllib.loads(lines)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError("{where}: not valid TOML: {found}. Correct it there.", where=where, found=error) from error


def _refuse_long_lines(lines: str, where: str) -> None:
    for number, line in enumerate(lines.splitlines(), start=1):
        if len(line) > LONGEST_LINE:
            raise ConfigError(
                "{where}: line {number} is longer than {expected} characters. Break it.", where=where, number=number, expected=LONGEST_LINE
            )


def only(table: Table, known: Collection[str], where: str) -> None:
    """Refuse keys that nobody reads: a misspelt key must not be silently without effect."""
    for key in table:
        refuse_unknown(key, known, "key", where)


def refuse_unknown(name: str, known: Collection[str], kind: str, where: str) -> None:
    """Refuse a name that does not exist, with the nearest that does."""
    if name not in known:
        raise ConfigError("{where}: {why}", where=where, why=UnknownName(kind, name, known))


def typed(table: Table, key: str, kind: type | tuple[type, ...], default: Any, where: str) -> Any:
    """The value of a key, or the default; a value of another type is refused. A boolean is not a number, a date-time not a date."""
    if key not in table:
        return default
    value = table[key]
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds) or (date in kinds and type(value) is not date):
        expected = " or ".join(one.__name__ for one in kinds)
        raise ConfigError("{where}: {key} is {found}, expected {expected}.", where=where, key=key, found=repr(value), expected=expected)
    return value


def required(table: Table, key: str, kind: type | tuple[type, ...], where: str) -> Any:
    """As `typed`, for a key that must be there."""
    if key not in table:
        raise ConfigError("{where}: {key} is missing. Add it.", where=where, key=key)
    return typed(table, key, kind, None, where)


def filled(table: Table, key: str, where: str) -> str:
    """A text that must be there and not be empty."""
    value: str = required(table, key, str, where)
    if not value:
        raise ConfigError("{where}: {key} is empty. Fill it in.", where=where, key=key)
    return value


def texts(table: Table, key: str, default: tuple[str, ...], where: str) -> tuple[str, ...]:
    """A list of texts, or the default."""
    values = typed(table, key, list, default, where)
    if not all(isinstance(value, str) for value in values):
        raise ConfigError("{where}: {key} is {found}, expected a list of texts.", where=where, key=key, found=repr(values))
    return tuple(values)


def tables(table: Table, key: str, where: str) -> tuple[Table, ...]:
    """A list of tables; none when it is absent."""
    values = typed(table, key, list, [], where)
    if not all(isinstance(value, dict) for value in values):
        raise ConfigError("{where}: {key} is {found}, expected a list of tables.", where=where, key=key, found=repr(values))
    return tuple(values)


def written(table: Table, key: str, where: str) -> str:
    """A text, number, true or false, as it is written."""
    value = required(table, key, (str, int, float, bool), where)
    return str(value).lower() if isinstance(value, bool) else str(value)


def choice(table: Table, key: str, choices: tuple[T, ...], where: str) -> T:
    """One of the choices; the first is the default."""
    return one_of(typed(table, key, str, choices[0], where), choices, key, where)


def one_of(found: str, choices: tuple[T, ...], key: str, where: str) -> T:
    """The choice that this is."""
    for one in choices:
        if one == found:
            return one
    raise ConfigError(
        "{where}: {key} is {found}, expected one of {expected}.",
        where=where,
        key=key,
        found=repr(found),
        expected=", ".join(one if one.isidentifier() else repr(one) for one in choices),
    )


def number(table: Table, key: str, where: str) -> float | None:
    """The number of a key, or None; TOML also knows infinities, nan and integers of any length, which are refused."""
    value = typed(table, key, (int, float), None, where)
    if value is None:
        return None
    if (isinstance(value, int) and abs(value) > LARGEST_NUMBER) or not isfinite(value):
        raise ConfigError(
            "{where}: {key} is not a usable number. Write one below {expected:g}.", where=where, key=key, expected=LARGEST_NUMBER
        )
    return float(value)


def whole(table: Table, key: str, lowest: int, default: int, where: str) -> int:
    """A whole number of at least `lowest`, or the default."""
    value: int = typed(table, key, int, default, where)
    if not lowest <= value <= LARGEST_NUMBER:
        raise ConfigError("{where}: {key} is {found}, expected {lowest} or more.", where=where, key=key, found=value, lowest=lowest)
    return value


def zone_name(name: str, where: str) -> str:
    """The name, if it is a time zone of the IANA data base."""
    if name not in available_timezones() or name == "localtime" or name.startswith(("posix", "right")):
        raise ConfigError("{where}: time zone {found} is unknown, expected a name such as Europe/Paris.", where=where, found=repr(name))
    return name
