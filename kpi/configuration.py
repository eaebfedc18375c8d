"""TOML files that people own, read once at the border into frozen dataclasses."""

import tomllib
from collections.abc import Collection, Mapping
from datetime import date
from math import isfinite
from pathlib import Path
from typing import Any

from kpi.errors import ConfigError, UnknownName

LARGEST_FILE = 64 * 1024
LONGEST_LINE = 500
LARGEST_NUMBER = 10**15


def read(path: Path) -> dict[str, Any]:
    """The file's tables; an absent file is an empty one."""
    return parse(content(path), path.name)


def content(path: Path) -> bytes:
    """What stands in the file; nothing when it is absent."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise ConfigError("{where}: cannot be read ({found}). Check its permissions.", where=path.name, found=error.strerror) from error


def parse(content: bytes, where: str) -> dict[str, Any]:
    """The tables of this TOML text, bounded before parsing: tomllib needs minutes for some 100 kB keys. `where` is for messages."""
    if len(content) > LARGEST_FILE:
        raise ConfigError(
            "{where}: {found} bytes or more, expected at most {expected}. Split it.", where=where, found=len(content), expected=LARGEST_FILE
        )
    try:
        lines = content.decode()
        if any(len(line) > LONGEST_LINE for line in lines.splitlines()):
            raise ConfigError("{where}: a line longer than {expected} characters. Break it.", where=where, expected=LONGEST_LINE)
        return tomllib.loads(lines)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError("{where}: not valid TOML: {found}. Correct it there.", where=where, found=error) from error


def only(table: Mapping[str, Any], known: Collection[str], where: str) -> None:
    """Refuse keys that nobody reads: a misspelt key must not be silently without effect."""
    for key in table:
        if key not in known:
            raise ConfigError("{where}: {why}", where=where, why=UnknownName("key", key, known))


def typed(table: Mapping[str, Any], key: str, kind: type | tuple[type, ...], default: Any, where: str) -> Any:
    """The value of a key, or the default; a value of another type is refused. A boolean is not a number, a date-time not a date."""
    if key not in table:
        return default
    value = table[key]
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds) or (date in kinds and type(value) is not date):
        expected = " or ".join(one.__name__ for one in kinds)
        raise ConfigError("{where}: {key} is {found}, expected {expected}.", where=where, key=key, found=repr(value), expected=expected)
    return value


def required(table: Mapping[str, Any], key: str, kind: type | tuple[type, ...], where: str) -> Any:
    """As `typed`, for a key that must be there."""
    if key not in table:
        raise ConfigError("{where}: {key} is missing. Add it.", where=where, key=key)
    return typed(table, key, kind, None, where)


def number(table: Mapping[str, Any], key: str, where: str) -> float | None:
    """The number of a key, or None; TOML also knows infinities, nan and integers of any length, which are refused."""
    value = typed(table, key, (int, float), None, where)
    if value is None:
        return None
    if (isinstance(value, int) and abs(value) > LARGEST_NUMBER) or not isfinite(value):
        raise ConfigError(
            "{where}: {key} is not a usable number. Write one below {expected:g}.", where=where, key=key, expected=LARGEST_NUMBER
        )
    return float(value)
