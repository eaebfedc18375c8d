"""Reading an export, whatever its form, into the table `raw`: every cell as text, with the row it came from."""

# ruff: noqa: S608 (names are contract columns or positions of raw columns; texts pass through quoting)

import csv
import datetime
import shutil
import zipfile
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import TextIOWrapper
from pathlib import Path
from typing import IO

import duckdb
from python_calamine import CalamineError, CalamineWorkbook

from kpi.configuration import refuse_unknown
from kpi.errors import ConfigError, ExtractError
from kpi.sources.expressions import position_of
from kpi.sources.quoting import literal, literals
from kpi.sources.sections import FileForm
from kpi.words import text

MOST_BYTES = 16 * 2**30
MOST_COLUMNS = 2_000
NOTHING = "\x01"  # stands for no text at all in the clean copy: an empty cell stays an empty text there


@dataclass(frozen=True, kw_only=True)
class Raw:
    """What was read: the raw columns in their order, and how many rows were readable, unreadable and wholly blank."""

    columns: tuple[str, ...]
    rows: int
    broken: int
    blank: int


@dataclass(frozen=True, kw_only=True)
class Part:
    """One clean copy of a table: UTF-8, LF, comma and double quotes when `plain`, else the file's own marks."""

    label: str
    path: Path
    delimiter: str
    quote: str


def read(connection: duckdb.DuckDBPyConnection, form: FileForm, files: Sequence[Path], scratch: Path) -> Raw:
    """Fills `raw(row_id, part, file_row, c0, c1...)`, `broken` and `parts`. All files must have the same columns."""
    columns: tuple[str, ...] = ()
    _create_lists(connection)
    for number, part in enumerate(_parts(form, files, scratch)):
        own = _header(part)
        columns = columns or own
        _check_same(part, own, columns)
        if number == 0:
            _create_raw(connection, len(columns))
        _load(connection, part, number, _places(own, columns), form)
        part.path.unlink()
    return _counted(connection, columns)


def renamed(raw: Raw, names: Mapping[str, str]) -> Raw:
    """With the names a mapping uses in place of those in the file."""
    columns = list(raw.columns)
    for name, found in names.items():
        columns[position_of("[rename]", found, raw.columns)] = name
    return replace(raw, columns=tuple(columns))


def _create_lists(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("CREATE TABLE parts (part INTEGER, label VARCHAR)")
    connection.execute("CREATE TABLE broken (part INTEGER, file_row BIGINT, found VARCHAR, expected VARCHAR)")


def _create_raw(connection: duckdb.DuckDBPyConnection, width: int) -> None:
    cells = ", ".join(f"c{position} VARCHAR" for position in range(width))
    connection.execute(f"CREATE TABLE raw (row_id BIGINT, part INTEGER, file_row BIGINT, {cells})")


def _check_same(part: Part, own: tuple[str, ...], columns: tuple[str, ...]) -> None:
    if sorted(own) != sorted(columns) or (own != columns and len(set(own)) < len(own)):
        raise ExtractError(
            "{label}: columns {own}, expected {columns} as in the first file. Convert it on its own.",
            label=part.label,
            own=", ".join(own),
            columns=", ".join(columns),
        )


def _places(own: tuple[str, ...], columns: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(range(len(own))) if own == columns else tuple(columns.index(name) for name in own)


def _parts(form: FileForm, files: Sequence[Path], scratch: Path) -> Iterator[Part]:
    for file in files:
        yield from _parts_of(form, file, scratch)


def _parts_of(form: FileForm, file: Path, scratch: Path) -> Iterator[Part]:
    ending = file.suffix.lower().removeprefix(".")
    kind = ending if form.format == "ending" else form.format
    if not file.is_file():
        raise ExtractError("{file}: no such file. Name an existing one.", file=file)
    if kind in ("xlsx", "xlsm", "xls", "xlsb", "ods"):
        yield _sheet(form, file, scratch)
    elif kind == "parquet":
        yield _parquet(file, scratch)
    elif ending == "zip":
        yield from _members(form, file, scratch)
    elif kind in ("csv", "tsv", "txt"):
        with file.open("rb") as stream:
            yield _text_part(form, file.name, stream, scratch)
    else:
        raise ExtractError(
            "{file}: the ending is '{ending}', expected csv, zip, xlsx or parquet. Set format in [file].",
            file=file.name,
            ending=ending,
        )


def _members(form: FileForm, file: Path, scratch: Path) -> Iterator[Part]:
    with _opened_zip(file) as archive:
        members = [entry for entry in archive.infolist() if not entry.is_dir() and not entry.filename.startswith("__MACOSX/")]
        if not members:
            raise ExtractError("{file}: the archive is empty, expected CSV files in it.", file=file.name)
        if sum(entry.file_size for entry in members) > MOST_BYTES:
            raise ExtractError("{file}: more than {most} bytes unpacked. Split it.", file=file.name, most=MOST_BYTES)
        for member in members:
            with archive.open(member) as stream:
                yield _text_part(form, f"{file.name}/{member.filename}", stream, scratch)


@contextmanager
def _opened_zip(file: Path) -> Generator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
        raise ExtractError("{file}: cannot be unpacked ({problem}). Export it again.", file=file.name, problem=error) from error


def _text_part(form: FileForm, label: str, stream: IO[bytes], scratch: Path) -> Part:
    """A clean copy: UTF-8 without mark, LF line ends, from the header row on, without blank lines outside quotes."""
    target = scratch / "part.csv"
    encoding = "utf-8-sig" if form.encoding.lower().replace("_", "-") in ("utf-8", "utf8") else form.encoding
    number = 0
    with TextIOWrapper(stream, encoding=encoding, newline=None) as text, target.open("w", encoding="utf-8", newline="\n") as copy:
        try:
            for number, line in enumerate(_lines(text, form), start=1):  # noqa: B007 (read when decoding fails)
                copy.write(line)
        except UnicodeError as error:
            raise _undecodable(label, form.encoding, error, number) from error
    return Part(label=label, path=target, delimiter=form.delimiter, quote=form.quote)


def _lines(text: Iterable[str], form: FileForm) -> Iterator[str]:
    """One for every line of the file, empty for those left out: so their numbers are the file's."""
    quotes = 0
    for number, line in enumerate(text, start=1):
        if number < form.header_row or (quotes % 2 == 0 and not line.strip()):
            yield ""
        else:
            quotes += line.count(form.quote)
            yield line


def _undecodable(label: str, encoding: str, error: UnicodeError, before: int) -> ExtractError:
    """Says the line: those already written, and the line ends in the piece that could not be decoded."""
    inside = error.object[: error.start].count(b"\n") if isinstance(error, UnicodeDecodeError) else 0
    return ExtractError(
        "{label}: near line {line}: bytes that are not {encoding}. Set encoding in [file], for example cp949 or latin-1.",
        label=label,
        line=before + inside + 1,
        encoding=encoding,
    )


def _sheet(form: FileForm, file: Path, scratch: Path) -> Part:
    try:
        workbook = CalamineWorkbook.from_path(file)
    except (CalamineError, OSError) as error:
        raise ExtractError("{file}: not a workbook ({problem}). Export it again.", file=file.name, problem=error) from error
    name = form.sheet or workbook.sheet_names[0]
    refuse_unknown(name, workbook.sheet_names, "sheet", f"{file.name}: [file]")
    rows = workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
    return _written(f"{file.name}/{name}", rows[form.header_row - 1 :], scratch)


def _written(label: str, rows: Iterable[Sequence[object]], scratch: Path) -> Part:
    target = scratch / "part.csv"
    with target.open("w", encoding="utf-8", newline="") as copy:
        writer = csv.writer(copy, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerows([cell_text(cell) for cell in row] for row in rows)
    return Part(label=label, path=target, delimiter=",", quote='"')


def cell_text(cell: object) -> str:
    """A workbook's cell as text: whole numbers without `.0`, times as ISO 8601 with a space."""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    if isinstance(cell, datetime.datetime):
        return cell.isoformat(sep=" ")
    return "" if cell is None else str(cell)


def _parquet(file: Path, scratch: Path) -> Part:
    """Through a copy under our own name: a path with `*` in it would read other files too."""
    source, target = scratch / "part.parquet", scratch / "part.csv"
    shutil.copyfile(file, source)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        try:
            relation = f"read_parquet({literal(str(source))}, hive_partitioning = false)"
            connection.execute(f"COPY (SELECT COLUMNS(*)::VARCHAR FROM {relation}) TO {literal(str(target))} (HEADER, FORCE_QUOTE *)")
        except duckdb.Error as error:
            raise ExtractError("{file}: not a readable parquet file. Export it again.", file=file.name) from error
    source.unlink()
    return Part(label=file.name, path=target, delimiter=",", quote='"')


def _header(part: Part) -> tuple[str, ...]:
    try:
        with part.path.open(encoding="utf-8", newline="") as stream:
            names = next(csv.reader(stream, delimiter=part.delimiter, quotechar=part.quote), [])
    except csv.Error as error:
        raise ExtractError(
            "{label}: no header row ({problem}). Check delimiter and quote in [file].", label=part.label, problem=error
        ) from error
    columns = tuple(name.strip() for name in names)
    if not any(columns):
        raise ExtractError("{label}: empty, expected a header row. Export it again, or set header_row in [file].", label=part.label)
    if len(columns) > MOST_COLUMNS:
        raise ExtractError("{label}: {count} columns, expected at most {most}.", label=part.label, count=len(columns), most=MOST_COLUMNS)
    return columns


def _load(connection: duckdb.DuckDBPyConnection, part: Part, number: int, places: tuple[int, ...], form: FileForm) -> None:
    """A row's number counts the records, the header being the first; unreadable ones are in it too."""
    connection.execute("INSERT INTO parts VALUES ($part, $label)", {"part": number, "label": part.label})
    start = "(SELECT coalesce(max(row_id), 0) FROM raw)"
    cells = ", ".join(f"{_cell(f'f{source}', form)} AS c{place}" for source, place in enumerate(places))
    try:
        connection.execute(
            f"INSERT INTO raw BY NAME SELECT {start} + row_number() OVER () AS row_id, {number} AS part, "
            f"row_number() OVER () AS file_row, {cells} FROM {_scan(part, len(places))}"
        )
    except duckdb.Error as error:
        raise ConfigError(
            "{label}: cannot be read with these marks: {problem}. Check delimiter and quote in [file].",
            label=part.label,
            problem=str(error).splitlines()[0],
        ) from error
    _keep_broken(connection, number)


def _cell(column: str, form: FileForm) -> str:
    return f"CASE WHEN trim({column}) NOT IN ({literals(('', *form.nulls))}) THEN trim({column}) END"


def _scan(part: Part, width: int) -> str:
    names = ", ".join(f"f{position}: 'VARCHAR'" for position in range(width))
    return (
        f"read_csv({literal(str(part.path))}, auto_detect = false, header = true, columns = {{{names}}}, "
        f"delim = {literal(part.delimiter)}, quote = {literal(part.quote)}, escape = {literal(part.quote)}, "
        f"new_line = '\\n', nullstr = {literal(NOTHING)}, store_rejects = true, strict_mode = true, max_line_size = 10000000)"
    )


def _keep_broken(connection: duckdb.DuckDBPyConnection, number: int) -> None:
    """Moves DuckDB's rejected lines to `broken`, and counts them into the numbers of the rows behind them."""
    connection.execute(
        "INSERT INTO broken SELECT DISTINCT ON (line) $part, line, error_message, $expected FROM reject_errors ORDER BY line, column_idx",
        {"part": number, "expected": text("as many cells as the header, quotes closed")},
    )
    lines = connection.execute("SELECT file_row FROM broken WHERE part = $part ORDER BY 1", {"part": number}).fetchall()
    connection.execute("CREATE OR REPLACE TEMP TABLE gaps (after BIGINT)")
    if lines:
        gaps = [(line - 1 - index,) for index, (line,) in enumerate(lines)]
        connection.executemany("INSERT INTO gaps VALUES (?)", gaps)
    connection.execute(
        "UPDATE raw SET file_row = file_row + 1 + (SELECT count(*) FROM gaps WHERE after <= raw.file_row) WHERE part = $part",
        {"part": number},
    )
    connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")


def _counted(connection: duckdb.DuckDBPyConnection, columns: tuple[str, ...]) -> Raw:
    """Drops the rows in which every cell is blank: spreadsheets write them behind the last row."""
    cells = ", ".join(f"c{position}" for position in range(len(columns)))
    deleted = connection.execute(f"DELETE FROM raw WHERE coalesce({cells}) IS NULL").fetchone()
    return Raw(columns=columns, rows=_count(connection, "raw"), broken=_count(connection, "broken"), blank=deleted[0] if deleted else 0)


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return row[0] if row else 0
