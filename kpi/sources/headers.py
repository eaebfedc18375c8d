"""The names of the raw columns: where one stands, and what a header that looks misread suggests."""

from kpi.configuration import refuse_unknown
from kpi.errors import ConfigError
from kpi.words import text


def position_of(where: str, column: str, raw_columns: tuple[str, ...]) -> int:
    """The position of a raw column, which must stand in the file exactly once."""
    refuse_absent(where, column, raw_columns)
    if raw_columns.count(column) > 1:
        raise ConfigError(
            "{where}: the file has {count} columns named '{column}', expected one. Rename them in the export.",
            where=where,
            count=raw_columns.count(column),
            column=column,
        )
    return raw_columns.index(column)


def refuse_absent(where: str, column: str, raw_columns: tuple[str, ...]) -> None:
    """Refuses a column that the file does not have; a header that looks misread is the likelier fault."""
    if column not in raw_columns and (doubt := _doubt(raw_columns)):
        raise ConfigError("{where}: raw column '{column}' does not exist. {doubt}", where=where, column=column, doubt=doubt)
    refuse_unknown(column, raw_columns, "raw column", where)


def _doubt(names: tuple[str, ...]) -> str:
    if any(_is_misread(name) for name in names):
        return text("The header has unreadable characters: set encoding in [file].")
    if len(names) == 1:
        return text("The file has one column, '{name}': set delimiter or header_row in [file].", name=names[0])
    if names.count("") > len(names) / 2:
        return text("Most columns have no name: set header_row in [file].")
    return ""


def _is_misread(name: str) -> bool:
    """Whether it holds what no header holds, or UTF-8 that was read byte by byte."""
    if "\ufffd" in name or not name.isprintable():
        return True
    try:
        return name.encode("latin-1").decode("utf-8") != name
    except UnicodeError:
        return False
