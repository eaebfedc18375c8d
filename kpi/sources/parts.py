"""Files of every form become parts: clean copies that one reader reads, with the number of every row in its file."""

# ruff: noqa: S608 (paths pass through quoting)

import csv
import shutil
import zipfile
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import IO

import duckdb

from kpi.errors import ExtractError
from kpi.sources.lines import Line, Record, cells, records
from kpi.sources.numbers import is_numeric
from kpi.sources.quoting import literal
from kpi.sources.sections import FileForm
from kpi.sources.workbooks import cell_text, natives, read_sheet
from kpi.words import counted, text

MOST_BYTES = 16 * 2**30
MOST_COLUMNS = 2_000
WORKBOOKS = ("xlsx", "xlsm", "xls", "xlsb", "ods")
OTHER_FORMS = (*WORKBOOKS, "parquet", "zip", "gz", "pdf", "md", "html", "xml", "json", "doc", "docx")
NO_DATA = ("readme", "license")


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A row of the file that cannot be read."""

    file_row: int
    found: str
    expected: str


@dataclass(frozen=True, kw_only=True)
class Part:
    """One clean copy of a table: UTF-8, LF, no header.

    Before the cells of each row stand its number in the file and the places of those that were numbers there, not texts.
    """

    label: str
    path: Path
    delimiter: str
    quote: str
    columns: tuple[str, ...]
    rows: int
    breaks: int
    errors: int
    broken: tuple[Broken, ...]


def parts(form: FileForm, files: Sequence[Path], scratch: Path) -> Iterator[Part]:
    """The tables of the files, one at a time: each copy is written where the one before it stood."""
    for file in files:
        yield from _parts_of(form, file, scratch)


def _parts_of(form: FileForm, file: Path, scratch: Path) -> Iterator[Part]:
    ending = file.suffix.lower().removeprefix(".")
    kind = ending if form.format == "ending" else form.format
    if not file.is_file():
        raise ExtractError("{file}: no such file. Name an existing one.", file=file)
    if kind in WORKBOOKS:
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
        members, others = _data_of(archive)
        if not members:
            raise ExtractError(
                "{file}: found {found} in the archive, expected CSV files. Unpack it and convert what is in it.",
                file=file.name,
                found=", ".join(entry.filename for entry in others) or text("nothing"),
            )
        if sum(entry.file_size for entry in members) > MOST_BYTES:
            raise ExtractError("{file}: more than {most} bytes unpacked. Split it.", file=file.name, most=MOST_BYTES)
        for member in members:
            with archive.open(member) as stream:
                yield _text_part(form, f"{file.name}/{member.filename}", stream, scratch)


def skipped(files: Sequence[Path]) -> tuple[str, ...]:
    """The members of archives that are not data."""
    names = list[str]()
    for file in (file for file in files if file.suffix.lower() == ".zip"):
        with _opened_zip(file) as archive:
            names += [f"{file.name}/{entry.filename}" for entry in _data_of(archive)[1]]
    return tuple(names)


def _data_of(archive: zipfile.ZipFile) -> tuple[list[zipfile.ZipInfo], list[zipfile.ZipInfo]]:
    """The members with the ending that says most (csv, else txt, else none that says otherwise), but no readme; and the others."""
    members = [entry for entry in archive.infolist() if not entry.is_dir() and not entry.filename.startswith("__MACOSX/")]
    named = [entry for entry in members if not Path(entry.filename).name.lower().startswith(NO_DATA)]
    for endings in ((".csv", ".tsv"), (".txt",)):
        if found := [entry for entry in named if Path(entry.filename).suffix.lower() in endings]:
            return found, [entry for entry in members if entry not in found]
    unknown = [entry for entry in named if Path(entry.filename).suffix.lower().removeprefix(".") not in OTHER_FORMS]
    return unknown, [entry for entry in members if entry not in unknown]


@contextmanager
def _opened_zip(file: Path) -> Generator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
        raise ExtractError("{file}: cannot be unpacked ({problem}). Export it again.", file=file.name, problem=error) from error


def _text_part(form: FileForm, label: str, stream: IO[bytes], scratch: Path) -> Part:
    """A clean copy of the records behind the header row."""
    encoding = "utf-8-sig" if form.encoding.lower().replace("_", "-") in ("utf-8", "utf8") else form.encoding
    target, broken, counts = scratch / "part.csv", list[Broken](), Counter[str]()
    with TextIOWrapper(stream, encoding=encoding, newline=None) as lines, target.open("w", encoding="utf-8", newline="\n") as copy:
        found = records(_numbered(lines, label, form), form)
        columns = _text_header(label, next(found, None), form)
        for record in found:
            if record.cell_count == len(columns):
                copy.write(f"{record.number}{form.delimiter * 2}{record.text}")
                counts.update(rows=1, breaks=record.line_count - 1)
            else:
                broken.append(_broken(record, len(columns)))
    return Part(
        label=label, path=target, delimiter=form.delimiter, quote=form.quote, columns=columns,
        rows=counts["rows"], breaks=counts["breaks"], errors=0, broken=tuple(broken),
    )  # fmt: skip


def _numbered(lines: Iterable[str], label: str, form: FileForm) -> Iterator[Line]:
    """The lines from the header row on."""
    number = 0
    try:
        for number, line in enumerate(lines, start=1):
            if number >= form.header_row:
                yield Line(number=number, text=line)
    except UnicodeError as error:
        raise _undecodable(label, form.encoding, error, number) from error


def _text_header(label: str, header: Record | None, form: FileForm) -> tuple[str, ...]:
    if header and header.problem:
        raise ExtractError(
            "{label}: line {line}: no header row ({problem}). Check delimiter, quote and header_row in [file].",
            label=label,
            line=header.number,
            problem=header.problem,
        )
    return _checked_header(label, cells(header.text, form) if header else [])


def _broken(record: Record, width: int) -> Broken:
    if record.problem:
        return Broken(file_row=record.number, found=record.problem, expected=text("quotes in pairs around a cell; double those inside it"))
    found = counted("{count} cell", "{count} cells", record.cell_count)
    return Broken(file_row=record.number, found=found, expected=text("{width} cells, as in the header", width=width))


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
    sheet, target = read_sheet(file, form.sheet), scratch / "part.csv"
    label, rows = f"{file.name}/{sheet.name}", sheet.rows[form.header_row :]
    columns = _checked_header(label, [cell_text(cell) for row in sheet.rows[form.header_row - 1 : form.header_row] for cell in row])
    with target.open("w", encoding="utf-8", newline="") as copy:
        writer = csv.writer(copy, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for number, row in enumerate(rows, start=form.header_row + 1):
            writer.writerow([number, natives(row), *(cell_text(cell) for cell in row)])
    errors = sum(row >= form.header_row and found not in form.nulls for (row, _), found in sheet.errors.items())
    return Part(
        label=label, path=target, delimiter=",", quote='"', columns=columns,
        rows=len(rows), breaks=0, errors=errors, broken=(),
    )  # fmt: skip


def _parquet(file: Path, scratch: Path) -> Part:
    """Through a copy under our own name: a path with `*` in it would read other files too."""
    source, target = scratch / "part.parquet", scratch / "part.csv"
    shutil.copyfile(file, source)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        try:
            relation = f"read_parquet({literal(str(source))}, hive_partitioning = false)"
            described = connection.execute(f"DESCRIBE FROM {relation}").fetchall()
            numbers = [place for place, column in enumerate(described) if is_numeric(column[1])]
            query = f"SELECT row_number() OVER (), {numbers}, COLUMNS(*)::VARCHAR FROM {relation}"
            written = connection.execute(f"COPY ({query}) TO {literal(str(target))} (HEADER false, FORCE_QUOTE *)").fetchone()
        except duckdb.Error as error:
            raise ExtractError("{file}: not a readable parquet file. Export it again.", file=file.name) from error
    source.unlink()
    return Part(
        label=file.name, path=target, delimiter=",", quote='"', columns=_checked_header(file.name, (column[0] for column in described)),
        rows=written[0] if written else 0, breaks=0, errors=0, broken=(),
    )  # fmt: skip


def _checked_header(label: str, names: Iterable[str]) -> tuple[str, ...]:
    columns = tuple(name.strip() for name in names)
    if not any(columns):
        raise ExtractError("{label}: empty, expected a header row. Export it again, or set header_row in [file].", label=label)
    if len(columns) > MOST_COLUMNS:
        raise ExtractError("{label}: {count} columns, expected at most {most}.", label=label, count=len(columns), most=MOST_COLUMNS)
    return columns
