"""The end of a parquet file, which says where everything is: checked before anything is decoded.

A few bytes are read here by hand, because a reader that parses a footer of a million columns needs gigabytes to do so.
"""

from pathlib import Path

import duckdb

from kpi.events import BY_NAME
from kpi.quarantine import Refused

MAGIC = b"PAR1"
ENCRYPTED_MAGIC = b"PARE"
TAIL_BYTES = 8  # the length of the footer and the magic

LARGEST_FOOTER_BYTES = 64 * 2**20
MOST_COLUMNS = 2_000  # groups of nested columns included
MOST_ROW_GROUPS = 20_000
MOST_ROWS = 500_000_000
MOST_ROWS_PER_BYTE = 16  # real extracts have fewer than 1; a file of 4 MB that claims 300 million rows is a bomb
CODECS = ("UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD", "LZ4", "LZ4_RAW")  # Brotli: its decoder has had an out-of-bounds write

STATEMENT = (Path(__file__).parent / "sql" / "footer.sql").read_text()

# Other files that are given the name .parquet, by their first bytes.
KNOWN_STARTS = (
    (b"PK\x03\x04", "a ZIP or XLSX file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"ARROW1", "an Arrow file"),
    (b"\xd0\xcf\x11\xe0", "an XLS file"),
)


def check_ends(path: Path) -> None:
    """Refuses what is not a whole parquet file, or has more columns than any extract."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(512)
        if size == 0:
            raise Refused("no_content")
        if start[:4] == ENCRYPTED_MAGIC:
            raise Refused("encrypted")
        if start[:4] != MAGIC:
            raise Refused("not_parquet", _kind(start))
        if size < len(MAGIC) + TAIL_BYTES:
            raise Refused("truncated")
        file.seek(size - TAIL_BYTES)
        tail = file.read(TAIL_BYTES)
        if tail[4:] != MAGIC:
            raise Refused("truncated")
        length = int.from_bytes(tail[:4], "little")
        if not 0 < length <= size - len(MAGIC) - TAIL_BYTES:
            raise Refused("damaged", "a footer longer than the file")
        if length > LARGEST_FOOTER_BYTES:
            raise Refused("too_much", f"a footer of {length:,} bytes", f"{LARGEST_FOOTER_BYTES:,}")
        file.seek(size - TAIL_BYTES - length)
        columns = _schema_elements(file.read(min(length, 64))) - 1
    if columns > MOST_COLUMNS:
        raise Refused("too_much", f"{columns:,} columns", f"{MOST_COLUMNS:,}")


def check_chunks(connection: duckdb.DuckDBPyConnection, size: int) -> int:
    """The number of rows; refuses sizes, places and counts that cannot be right, and codecs that are not allowed."""
    found = connection.execute(STATEMENT, {"size": size, "columns": sorted(BY_NAME)}).fetchall()
    rows, row_groups, rows_of_groups, impossible, codecs = found[0]
    if rows < 0 or rows != rows_of_groups or impossible:
        raise Refused("damaged", "sizes or counts that cannot be right")
    if row_groups > MOST_ROW_GROUPS:
        raise Refused("too_much", f"{row_groups:,} row groups", f"{MOST_ROW_GROUPS:,}")
    most_rows = min(MOST_ROWS, MOST_ROWS_PER_BYTE * size)
    if rows > most_rows:
        raise Refused("too_much", f"{rows:,} rows in {size:,} bytes", f"{most_rows:,} rows")
    refused = sorted(set(codecs or ()) - set(CODECS))
    if refused:
        raise Refused("codec", ", ".join(refused), ", ".join(CODECS))
    return rows


def _kind(start: bytes) -> str:
    known = next((kind for first, kind in KNOWN_STARTS if start.startswith(first)), None)
    if known:
        return known
    return "a text file" if all(byte >= 32 or byte in b"\t\r\n" for byte in start) else "other content"


def _schema_elements(footer: bytes) -> int:
    """How many schema elements the footer announces (Thrift compact protocol: field 1 i32 version, field 2 list of struct)."""
    try:
        if footer[0] != 0x15:
            raise Refused("damaged", "a footer without a version")
        place = _after_varint(footer, 1)
        if footer[place] != 0x19 or footer[place + 1] & 0x0F != 0x0C:
            raise Refused("damaged", "a footer without a schema")
        count = footer[place + 1] >> 4
        return count if count < 15 else _varint(footer, place + 2)
    except IndexError:
        raise Refused("damaged", "a footer without a schema") from None


def _after_varint(data: bytes, place: int) -> int:
    while data[place] & 0x80:
        place += 1
    return place + 1


def _varint(data: bytes, place: int) -> int:
    end = _after_varint(data, place)
    return sum((byte & 0x7F) << (7 * index) for index, byte in enumerate(data[place:end]))
