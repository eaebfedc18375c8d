"""Reading a mapping's TOML strictly: bounded, and every wrong key, type or choice named."""

import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path

from kpi.errors import ConfigError

LARGEST_FILE_BYTES = 64_000
LONGEST_LINE = 500

Table = Mapping[str, object]


def read(path: Path) -> dict[str, object]:
    """The TOML of a file. It is bounded first: the standard parser needs hours and gigabytes for some 100 kB."""
    content = _bounded(path)
    try:
        return tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("{path}: not valid TOML: {problem}. Correct that line.", path=path, problem=error) from error


def _bounded(path: Path) -> str:
    size = path.stat().st_size
    if size > LARGEST_FILE_BYTES:
        raise ConfigError("{path}: {size} bytes, expected at most {most}.", path=path, size=size, most=LARGEST_FILE_BYTES)
    try:
        content = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError("{path}: not UTF-8 text. Save it as UTF-8.", path=path) from error
    for number, line in enumerate(content.splitlines(), start=1):
        if len(line) > LONGEST_LINE:
            raise ConfigError(
                "{path}: line {number} has {size} characters, expected at most {most}. Break it over several lines.",
                path=path,
                number=number,
                size=len(line),
                most=LONGEST_LINE,
            )
    return content


def only(where: str, table: Table, known: Iterable[str]) -> None:
    """Refuses a key that means nothing here."""
    names = tuple(known)
    for key in table:
        if key not in names:
            raise unknown(where, "key", key, names)


def unknown(where: str, kind: str, found: str, known: Iterable[str]) -> ConfigError:
    """The error for a name that does not exist, with the closest one that does."""
    names = sorted(known)
    close = get_close_matches(found, names, n=1) or get_close_matches(found.lower(), names, n=1)
    hint = f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(names) or 'none'}."
    return ConfigError("{where}: unknown {kind} '{found}'. {hint}", where=where, kind=kind, found=found, hint=hint)


def table(where: str, parent: Table, key: str) -> Table:
    """A table, empty where it is absent."""
    value = parent.get(key, {})
    if isinstance(value, dict):
        return value
    raise _wrong(where, key, value, "a table")


def tables(where: str, parent: Table, key: str) -> tuple[Table, ...]:
    """A list of tables, empty where it is absent."""
    value = parent.get(key, [])
    if isinstance(value, list) and all(isinstance(entry, dict) for entry in value):
        return tuple(value)
    raise _wrong(where, key, value, "a list of tables")


def text(where: str, parent: Table, key: str, default: str) -> str:
    """A text, or the default where it is absent."""
    value = parent.get(key, default)
    if isinstance(value, str):
        return value
    raise _wrong(where, key, value, "a text")


def needed(where: str, parent: Table, key: str) -> str:
    """A text that must be there and not be empty."""
    value = text(where, parent, key, "")
    if value:
        return value
    raise ConfigError("{where}: '{key}' is missing, expected a text. Add it.", where=where, key=key)


def texts(where: str, parent: Table, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """A list of texts, or the default where it is absent."""
    value = parent.get(key, list(default))
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return tuple(value)
    raise _wrong(where, key, value, "a list of texts")


def whole(where: str, parent: Table, key: str, default: int) -> int:
    """A whole number of at least 0, or the default where it is absent."""
    value = parent.get(key, default)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise _wrong(where, key, value, "a whole number of at least 0")


def choice(where: str, parent: Table, key: str, choices: tuple[str, ...]) -> str:
    """One of the choices; the first is the default."""
    value = text(where, parent, key, choices[0])
    if value in choices:
        return value
    raise _wrong(where, key, value, " or ".join(f'"{entry}"' for entry in choices))


def scalar(where: str, parent: Table, key: str) -> str:
    """A text, number or yes/no, as text."""
    value = parent[key]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise _wrong(where, key, value, "a text, a number, true or false")


def _wrong(where: str, key: str, found: object, expected: str) -> ConfigError:
    return ConfigError(
        "{where}: '{key}' is {found!r}, expected {expected}. Correct it.", where=where, key=key, found=found, expected=expected
    )
