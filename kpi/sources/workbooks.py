"""A sheet of a workbook as rows of texts, with what a text alone would not say: which cells were numbers, which were errors."""

import datetime
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from python_calamine import CalamineError, CalamineWorkbook

from kpi.configuration import refuse_unknown
from kpi.errors import ExtractError

ERROR_CELL = re.compile(rb"""\st=["']e["']""")
PLACE = re.compile(r"([A-Z]+)([0-9]+)")


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """All rows from the first row of the sheet on; `errors` are the cells in which a formula failed, by row and column from 0."""

    name: str
    rows: tuple[Sequence[object], ...]
    errors: dict[tuple[int, int], str]


def read_sheet(file: Path, sheet: str) -> Sheet:
    """The sheet of this name, or the first."""
    try:
        workbook = CalamineWorkbook.from_path(file)
        name = sheet or workbook.sheet_names[0]
        refuse_unknown(name, workbook.sheet_names, "sheet", f"{file.name}: [file]")
        rows = workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except (CalamineError, OSError) as error:
        raise ExtractError("{file}: not a readable workbook ({problem}). Export it again.", file=file.name, problem=error) from error
    errors = _errors(file, name)
    for (row, column), found in errors.items():
        rows[row][column] = found
    return Sheet(name=name, rows=tuple(rows), errors=errors)


def natives(row: Sequence[object]) -> list[int]:
    """The places of the cells that are numbers: what they are is certain, while a text of the same look may mean another number."""
    return [place for place, cell in enumerate(row) if isinstance(cell, float)]


def cell_text(cell: object) -> str:
    """A workbook's cell as text: whole numbers without `.0`, times as ISO 8601 with a space."""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    if isinstance(cell, datetime.datetime):
        return cell.isoformat(sep=" ")
    return "" if cell is None else str(cell)


def _errors(file: Path, sheet: str) -> dict[tuple[int, int], str]:
    """The reader gives an empty cell for #N/A: what stands there is in the XML of XLSX files (in other forms it stays empty)."""
    if not zipfile.is_zipfile(file):
        return {}
    with zipfile.ZipFile(file) as archive:
        path = _path_of(archive, sheet)
        content = archive.read(path) if path in archive.namelist() else b""
    return dict(_error_cells(_parsed(file.name, content))) if ERROR_CELL.search(content) else {}


def _path_of(archive: zipfile.ZipFile, sheet: str) -> str:
    if "xl/workbook.xml" not in archive.namelist():
        return ""
    links = {link.get("Id"): link.get("Target", "") for link in _elements(archive, "xl/_rels/workbook.xml.rels", "Relationship")}
    for entry in _elements(archive, "xl/workbook.xml", "sheet"):
        if entry.get("name") == sheet:
            target = next((links[value] for key, value in entry.items() if key.endswith("}id") and value in links), "")
            return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
    return ""


def _elements(archive: zipfile.ZipFile, path: str, name: str) -> Iterator[ElementTree.Element]:
    return _parsed(path, archive.read(path)).iterfind(f".//{{*}}{name}")


def _parsed(label: str, content: bytes) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(content)  # noqa: S314 (fetches nothing, and expat bounds what entities unfold to)
    except ElementTree.ParseError as error:
        raise ExtractError("{label}: not a readable workbook ({problem}). Export it again.", label=label, problem=error) from error


def _error_cells(sheet: ElementTree.Element) -> Iterator[tuple[tuple[int, int], str]]:
    """A row or cell without its own number follows the one before it."""
    row_number = 0
    for row in sheet.iterfind(".//{*}row"):
        row_number = int(row.get("r", row_number + 1))
        column = 0
        for cell in row.iterfind("{*}c"):
            place = PLACE.fullmatch(cell.get("r", ""))
            column = _column(place[1]) if place else column + 1
            if cell.get("t") == "e":
                yield (row_number - 1, column - 1), cell.findtext("{*}v", "")


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number
