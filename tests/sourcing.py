"""Small mappings and files for the tests of sources."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import duckdb

from kpi.sources.conversion import Conversion
from kpi.sources.convert import convert
from kpi.sources.mapping import Mapping, load

SMALL = """
[time]
zone = "UTC"
[columns]
event_id = "id"
updated_at = "opened"
opened_at = "opened"
store = "shop"
[constants]
channel = "counter"
service = "repair"
"""


def nothing(share: float, doing: str) -> None:
    """A progress that is not shown."""


def mapping_of(folder: Path, toml: str, name: str = "small") -> Mapping:
    """The mapping with this TOML, in the user's own folder."""
    (folder / "sources").mkdir(exist_ok=True)
    path = folder / "sources" / f"{name}.toml"
    path.write_text(toml, encoding="utf-8")
    return load(path, folder / "sources")


def converted(folder: Path, toml: str, *files: Path) -> Conversion:
    """The files through a mapping with this TOML."""
    return convert(mapping_of(folder, toml), files, folder / "extracts", nothing)


def file_of(folder: Path, content: str, name: str = "export.csv", encoding: str = "utf-8") -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(content.encode(encoding))
    return path


MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"


def workbook_of(folder: Path, *rows: Sequence[str | float]) -> Path:
    """A workbook with one sheet: texts are text cells, numbers number cells, and texts that begin with # error cells."""
    path = folder / "export.xlsx"
    lines = "".join(f'<row r="{number}">{"".join(map(_cell, row))}</row>' for number, row in enumerate(rows, start=1))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("_rels/.rels", _relation("officeDocument", "xl/workbook.xml"))
        archive.writestr("xl/_rels/workbook.xml.rels", _relation("worksheet", "worksheets/sheet1.xml"))
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{MAIN}" xmlns:r="{LINKS}"><sheets><sheet name="Data" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        archive.writestr("xl/worksheets/sheet1.xml", f'<worksheet xmlns="{MAIN}"><sheetData>{lines}</sheetData></worksheet>')
    return path


def _relation(kind: str, target: str) -> str:
    return f'<Relationships xmlns="{RELATIONS}"><Relationship Id="r1" Type="{LINKS}/{kind}" Target="{target}"/></Relationships>'


def _cell(cell: str | float) -> str:
    if not isinstance(cell, str):
        return f"<c><v>{cell!r}</v></c>"
    if cell.startswith("#"):
        return f'<c t="e"><v>{escape(cell)}</v></c>'
    return f'<c t="inlineStr"><is><t>{escape(cell)}</t></is></c>'


def rows_of(report: Conversion, select: str) -> list[tuple[object, ...]]:
    """Rows of the extract, ordered by the event and the version."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(
            f"SELECT {select} FROM read_parquet($file) ORDER BY event_id, updated_at", {"file": report.extract}
        ).fetchall()


def kept_aside(report: Conversion) -> list[tuple[object, ...]]:
    """Rows of the file of what was kept aside: row, column, reason, found."""
    with duckdb.connect() as connection:
        query = 'SELECT row, "column", reason, found FROM read_csv($file, all_varchar = true) ORDER BY row::INT'
        return connection.execute(query, {"file": report.kept_aside_file}).fetchall()
