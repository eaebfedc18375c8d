"""Small mappings and files for the tests of sources."""

from pathlib import Path

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
