"""Reading an export, whatever its form, into the table `raw`: every cell as text, with the row it came from."""

# ruff: noqa: S608 (names are contract columns or positions of raw columns; texts pass through quoting)

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from kpi.errors import ConfigError, ExtractError
from kpi.sources.headers import position_of
from kpi.sources.parts import Part, parts
from kpi.sources.quoting import literal, literals
from kpi.sources.sections import FileForm

NOTHING = "\x01"  # stands for no text at all in the clean copy: an empty cell stays an empty text there


@dataclass(frozen=True, kw_only=True)
class Raw:
    """What was read: the raw columns in their order, and how many rows were readable, unreadable and wholly blank.

    `breaks` are lines of the files that begin inside a quoted cell, `errors` cells of workbooks in which a formula failed.
    """

    columns: tuple[str, ...]
    rows: int
    broken: int
    blank: int
    breaks: int
    errors: int


def read(connection: duckdb.DuckDBPyConnection, form: FileForm, files: Sequence[Path], scratch: Path) -> Raw:
    """Fills `raw(row_id, part, file_row, natives, c0, c1...)`, `broken` and `parts`. All files must have the same columns.

    `natives` are the positions of the cells that are numbers in the file, whatever its texts mean by a comma.
    """
    columns: tuple[str, ...] = ()
    breaks = errors = 0
    _create_lists(connection)
    for number, part in enumerate(parts(form, files, scratch)):
        columns = columns or part.columns
        _check_same(part, columns)
        if number == 0:
            _create_raw(connection, len(columns))
        _load(connection, part, number, _places(part.columns, columns), form)
        breaks, errors = breaks + part.breaks, errors + part.errors
        part.path.unlink()
    return replace(_counted(connection, columns), breaks=breaks, errors=errors)


def renamed(raw: Raw, names: Mapping[str, str]) -> Raw:
    """With the names a mapping uses in place of those in the file; what is absent may not be needed."""
    columns = list(raw.columns)
    for name, found in ((name, found) for name, found in names.items() if found in raw.columns):
        columns[position_of("[rename]", found, raw.columns)] = name
    return replace(raw, columns=tuple(columns))


def _create_lists(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("CREATE TABLE parts (part INTEGER, label VARCHAR)")
    connection.execute("CREATE TABLE broken (part INTEGER, file_row BIGINT, found VARCHAR, expected VARCHAR)")


def _create_raw(connection: duckdb.DuckDBPyConnection, width: int) -> None:
    cells = ", ".join(f"c{position} VARCHAR" for position in range(width))
    connection.execute(f"CREATE TABLE raw (row_id BIGINT, part INTEGER, file_row BIGINT, natives INTEGER[], {cells})")


def _check_same(part: Part, columns: tuple[str, ...]) -> None:
    own = part.columns
    if sorted(own) != sorted(columns) or (own != columns and len(set(own)) < len(own)):
        raise ExtractError(
            "{label}: columns {own}, expected {columns} as in the first file. Convert it on its own.",
            label=part.label,
            own=", ".join(own),
            columns=", ".join(columns),
        )


def _places(own: tuple[str, ...], columns: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(range(len(own))) if own == columns else tuple(columns.index(name) for name in own)


def _load(connection: duckdb.DuckDBPyConnection, part: Part, number: int, places: tuple[int, ...], form: FileForm) -> None:
    connection.execute("INSERT INTO parts VALUES ($part, $label)", {"part": number, "label": part.label})
    _load_broken(connection, part, number)
    start = "(SELECT coalesce(max(row_id), 0) FROM raw)"
    natives = f"list_transform(CAST(nullif(natives, '') AS INTEGER[]), lambda place: {list(places)}[place + 1])"
    taken = ", ".join(f"{_cell(f'f{source}', form)} AS c{place}" for source, place in enumerate(places))
    try:
        loaded = connection.execute(
            f"INSERT INTO raw BY NAME SELECT {start} + row_number() OVER () AS row_id, {number} AS part, "
            f"file_row, {natives} AS natives, {taken} FROM {_scan(part, len(places))}"
        ).fetchone()
    except duckdb.Error as error:
        raise ConfigError(
            "{label}: cannot be read with these marks: {problem}. Check delimiter and quote in [file].",
            label=part.label,
            problem=str(error).splitlines()[0],
        ) from error
    if loaded != (part.rows,):
        raise AssertionError(f"{part.label}: {part.rows} rows in the file, {loaded} loaded")


def _load_broken(connection: duckdb.DuckDBPyConnection, part: Part, number: int) -> None:
    connection.execute(
        "INSERT INTO broken SELECT $part, unnest($rows::BIGINT[]), unnest($found::VARCHAR[]), unnest($expected::VARCHAR[])",
        {
            "part": number,
            "rows": [row.file_row for row in part.broken],
            "found": [row.found for row in part.broken],
            "expected": [row.expected for row in part.broken],
        },
    )


def _cell(column: str, form: FileForm) -> str:
    return f"CASE WHEN trim({column}) NOT IN ({literals(('', *form.nulls))}) THEN trim({column}) END"


def _scan(part: Part, width: int) -> str:
    names = ", ".join(f"{name}: 'VARCHAR'" for name in ("natives", *(f"f{position}" for position in range(width))))
    return (
        f"read_csv({literal(str(part.path))}, auto_detect = false, header = false, columns = {{file_row: 'BIGINT', {names}}}, "
        f"delim = {literal(part.delimiter)}, quote = {literal(part.quote)}, escape = {literal(part.quote)}, "
        f"new_line = '\\n', nullstr = {literal(NOTHING)}, strict_mode = true, max_line_size = 10000000)"
    )


def _counted(connection: duckdb.DuckDBPyConnection, columns: tuple[str, ...]) -> Raw:
    """Drops the rows in which every cell is blank: spreadsheets write them behind the last row."""
    filled = ", ".join(f"c{position}" for position in range(len(columns)))
    deleted = connection.execute(f"DELETE FROM raw WHERE coalesce({filled}) IS NULL").fetchone()
    return Raw(
        columns=columns,
        rows=_count(connection, "raw"),
        broken=_count(connection, "broken"),
        blank=deleted[0] if deleted else 0,
        breaks=0,
        errors=0,
    )


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return row[0] if row else 0
