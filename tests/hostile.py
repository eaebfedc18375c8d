"""Extracts that are good, broken, or made to do harm."""

import os
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

OPENED = datetime(2025, 3, 3, 9, 0, tzinfo=UTC)
MOMENT = pa.timestamp("us", "UTC")
Maker = Callable[[Path], None]


def columns(count: int) -> dict[str, pa.Array]:
    """The smallest good extract: the columns that must exist, one event a minute."""
    return {
        "event_id": pa.array([f"T{number}" for number in range(count)], pa.string()),
        "updated_at": pa.array([OPENED + timedelta(days=1, minutes=number) for number in range(count)], MOMENT),
        "opened_at": pa.array([OPENED + timedelta(minutes=number) for number in range(count)], MOMENT),
        "store": pa.array(["North"] * count, pa.string()),
        "channel": pa.array(["phone"] * count, pa.string()),
        "service": pa.array(["repair"] * count, pa.string()),
    }


def write(path: Path, count: int, changed: Mapping[str, pa.Array]) -> Path:
    """A good extract but for the changed columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({**columns(count), **changed}), path)
    return path


def good(path: Path) -> None:
    write(path, 20, {})


def no_rows(path: Path) -> None:
    write(path, 0, {})


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("event_id,opened_at\nT1,2025-03-03\n")


def random_bytes(path: Path) -> None:
    path.write_bytes(random.Random(7).randbytes(5_000))


def random_between_magics(path: Path) -> None:
    path.write_bytes(b"PAR1" + random.Random(8).randbytes(5_000) + (1_000).to_bytes(4, "little") + b"PAR1")


def only_magics(path: Path) -> None:
    path.write_bytes(b"PAR1PAR1")


def zip_archive(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04" + bytes(100))


def encrypted(path: Path) -> None:
    good(path)
    content = path.read_bytes()
    path.write_bytes(b"PARE" + content[4:-4] + b"PARE")


def truncated(path: Path) -> None:
    good(path)
    path.write_bytes(path.read_bytes()[:-200])


def footer_longer_than_file(path: Path) -> None:
    good(path)
    path.write_bytes(path.read_bytes()[:-8] + (2**31 - 1).to_bytes(4, "little") + b"PAR1")


def flipped_footer(path: Path) -> None:
    good(path)
    content = bytearray(path.read_bytes())
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    for place in range(start, start + 60):
        content[place] ^= 0xFF
    path.write_bytes(content)


def flipped_middle_of_footer(path: Path) -> None:
    good(path)
    content = bytearray(path.read_bytes())
    length = int.from_bytes(content[-8:-4], "little")
    for place in range(len(content) - 8 - length // 2, len(content) - 8 - length // 2 + 200):
        content[place] ^= 0xFF
    path.write_bytes(content)


def flipped_data(path: Path) -> None:
    """Compressed pages that cannot be decompressed."""
    good(path)
    content = bytearray(path.read_bytes())
    content[10:400] = bytes(byte ^ 0xFF for byte in content[10:400])
    path.write_bytes(content)


def negative_chunk_size(path: Path) -> None:
    """One negative size in the footer; DuckDB meets it with an internal error that ends the whole instance."""
    good(path)
    chunk = pq.read_metadata(path).row_group(0).column(0)
    sizes = b"\x16" + _zigzag(chunk.total_uncompressed_size) + b"\x16"
    _patch_footer(path, sizes + _zigzag(chunk.total_compressed_size), sizes + _zigzag(-chunk.total_compressed_size))


def huge_chunk_size(path: Path) -> None:
    good(path)
    chunk = pq.read_metadata(path).row_group(0).column(0)
    sizes = b"\x16" + _zigzag(chunk.total_uncompressed_size) + b"\x16"
    old = _zigzag(chunk.total_compressed_size)
    _patch_footer(path, sizes + old, sizes + _zigzag(2 ** (7 * len(old) - 1) - 1))


def wrong_row_count(path: Path) -> None:
    """The footer says 999 rows, the row group 1,000."""
    write(path, 1_000, {})
    _patch_footer(path, b"\x16" + _zigzag(1_000), b"\x16" + _zigzag(999))


def too_many_rows_for_its_size(path: Path) -> None:
    count = 200_000
    same = {name: pa.repeat(array[0], count) for name, array in columns(1).items()}
    pq.write_table(pa.table(same), path, compression="zstd", row_group_size=count)


def brotli(path: Path) -> None:
    pq.write_table(pa.table(columns(20)), path, compression="brotli")


def many_columns(path: Path) -> None:
    """A footer that announces 100,000 columns, without the columns."""
    footer = b"\x15\x04\x19\xfc" + _varint(100_001) + bytes(1_000)
    path.write_bytes(b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1")


def two_thousand_columns(path: Path) -> None:
    write(path, 1, {f"extra_{number}": pa.array([1]) for number in range(2_001)})


def pipe(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


def link(path: Path) -> None:
    good(path.with_name("target.parquet.hidden"))
    path.symlink_to(path.with_name("target.parquet.hidden"))


def dangling_link(path: Path) -> None:
    path.symlink_to("/nowhere/at/all")


def bad_utf8(path: Path) -> None:
    data = b"caf\xff\xfe"
    offsets = pa.array([0, len(data)], pa.int32()).buffers()[1]
    write(path, 1, {"store": pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(data)])})


def text_time(path: Path) -> None:
    write(path, 1, {"opened_at": pa.array(["2025-03-03 09:00"])})


def naive_time(path: Path) -> None:
    write(path, 1, {"opened_at": pa.array([OPENED.replace(tzinfo=None)], pa.timestamp("us"))})


def two_wrong_types(path: Path) -> None:
    write(path, 1, {"opened_at": pa.array(["x"]), "store": pa.array([5])})


def nested(path: Path) -> None:
    write(path, 1, {"store": pa.array([{"name": "North"}])})


def list_of_stores(path: Path) -> None:
    write(path, 1, {"store": pa.array([["North", "South"]])})


def binary_store(path: Path) -> None:
    write(path, 1, {"store": pa.array([b"North"], pa.binary())})


def missing_column(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns(1)).drop_columns(["service"]), path)


def upper_case(path: Path) -> None:
    pq.write_table(pa.table(columns(1)).rename_columns([name.upper() for name in columns(1)]), path)


def camel_case(path: Path) -> None:
    pq.write_table(pa.table(columns(1)).rename_columns({"opened_at": "openedAt"}), path)


def doubled_column(path: Path) -> None:
    table = pa.table(columns(1))
    pq.write_table(pa.Table.from_arrays([*table.columns, pa.array(["South"])], [*table.column_names, "store"]), path)


def doubled_in_another_case(path: Path) -> None:
    write(path, 1, {"Store": pa.array(["South"])})


def reserved_column(path: Path) -> None:
    write(path, 1, {"file_row_number": pa.array([77])})


REFUSED: Sequence[tuple[Maker, str]] = (
    (empty, "no_content"),
    (text, "not_parquet"),
    (random_bytes, "not_parquet"),
    (zip_archive, "not_parquet"),
    (encrypted, "encrypted"),
    (random_between_magics, "damaged"),
    (only_magics, "truncated"),
    (truncated, "truncated"),
    (footer_longer_than_file, "damaged"),
    (flipped_footer, "damaged"),
    (flipped_middle_of_footer, "damaged"),
    (flipped_data, "damaged"),
    (negative_chunk_size, "damaged"),
    (huge_chunk_size, "damaged"),
    (wrong_row_count, "damaged"),
    (too_many_rows_for_its_size, "too_much"),
    (brotli, "codec"),
    (many_columns, "too_much"),
    (two_thousand_columns, "too_much"),
    (pipe, "not_a_file"),
    (folder, "not_a_file"),
    (link, "not_a_file"),
    (dangling_link, "not_a_file"),
    (bad_utf8, "not_utf8"),
    (text_time, "schema"),
    (naive_time, "schema"),
    (two_wrong_types, "schema"),
    (nested, "schema"),
    (list_of_stores, "schema"),
    (binary_store, "schema"),
    (missing_column, "schema"),
    (upper_case, "schema"),
    (camel_case, "schema"),
    (doubled_column, "schema"),
    (doubled_in_another_case, "schema"),
    (reserved_column, "schema"),
)


def infinite_time(path: Path) -> None:
    """Row 0 is resolved at infinity, which only DuckDB writes."""
    statement = f"""
        COPY (
            SELECT 'T1' AS event_id, TIMESTAMPTZ '2025-03-04 09:00+00' AS updated_at,
            TIMESTAMPTZ '2025-03-03 09:00+00' AS opened_at, 'infinity'::TIMESTAMPTZ AS resolved_at,
            'North' AS store, 'phone' AS channel, 'repair' AS service
        ) TO '{path}' (FORMAT parquet)
    """
    with duckdb.connect() as connection:
        connection.execute(statement)


def lying_statistics(path: Path) -> None:
    """Row 1 is resolved in 9999; the statistics say that no row is."""
    true, said = datetime(9999, 12, 31, tzinfo=UTC), OPENED + timedelta(hours=1)
    write(path, 3, {"resolved_at": pa.array([said, true, None], MOMENT)})
    content = path.read_bytes()
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    old, new = (_microseconds(moment).to_bytes(8, "little") for moment in (true, said))
    assert old in content[start:]
    path.write_bytes(content[:start] + content[start:].replace(old, new))


def _microseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _patch_footer(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    place = content.index(old, start)
    assert len(old) == len(new)
    path.write_bytes(content[:place] + new + content[place + len(old) :])


def _zigzag(value: int) -> bytes:
    return _varint(2 * value if value >= 0 else -2 * value - 1)


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])
