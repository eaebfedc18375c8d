"""The events behind a figure as a file: CSV or parquet, as a stream in constant memory, always in the same order."""

import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from io import BytesIO
from itertools import islice

import pyarrow as pa
from pyarrow import csv, parquet

from kpi.browse import Selection, bound, conditions, count
from kpi.provenance import Provenance, comment_lines, metadata, provenance
from kpi.report import ALWAYS
from kpi.store import SQL, State

EXPORTED = (SQL / "exported.sql").read_text()
AS_TEXT = (SQL / "exported_as_text.sql").read_text()

BATCH_ROWS = 2_048
"""Rows at a time; DuckDB makes as many itself."""
GROUP_BATCHES = 8
"""Batches in a row group of parquet: DuckDB's memory for them stays in pieces, so that more cost a lot."""

BUFFER = "1MB"
"""How far DuckDB works ahead of a reader that is slow."""

LONGEST_NAME = 180
BOM = b"\xef\xbb\xbf"
CRLF = "\r\n"


class Form(StrEnum):
    """The forms of a file; plain CSV has no lines above its header."""

    CSV = "csv"
    PLAIN_CSV = "plain.csv"
    PARQUET = "parquet"


MEDIA_TYPES = {
    Form.CSV: "text/csv; charset=utf-8",
    Form.PLAIN_CSV: "text/csv; charset=utf-8",
    Form.PARQUET: "application/vnd.apache.parquet",
}


@dataclass(frozen=True)
class Export:
    """A selection of events, with their exact number."""

    state: State
    selection: Selection
    rows: int
    provenance: Provenance


def export(state: State, selection: Selection) -> Export:
    """What a file of these events will hold."""
    rows = count(state, selection)
    return Export(state, selection, rows, provenance(state, selection, rows))


def file_name(one: Export, form: Form) -> str:
    """Says what is inside: dates, filters, rows and version, in characters that every system takes."""
    question = one.selection.question
    first = "until" if question.dates.start == ALWAYS.start else str(question.dates.start)
    filters = [f"{name}-{'+'.join(values)}" for name, values in question.where.items()]
    words = ["events", *filters]
    ends = [f"{first}_{question.dates.end - timedelta(days=1)}", f"{one.rows}rows", one.state.version[:8]]
    ending = f"_{_safe(ends)}.{form}"
    return _safe(words)[: LONGEST_NAME - len(ending)] + ending


def _safe(words: list[str]) -> str:
    return "_".join(re.sub(r"[^A-Za-z0-9+._-]", "-", word) for word in words)


def stream(one: Export, form: Form) -> Generator[bytes]:
    """The bytes of the file; closing it ends the query behind it."""
    match form:
        case Form.CSV:
            return _csv(one, comment_lines(one.provenance))
        case Form.PLAIN_CSV:
            return _csv(one, [])
        case Form.PARQUET:
            return _parquet(one)


def _csv(one: Export, above: list[str]) -> Generator[bytes]:
    """RFC 4180 in UTF-8 with BOM. Text is quoted, so that no row starts like a comment; text that a spreadsheet would run starts with '."""
    options = csv.WriteOptions(eol=CRLF, quoting_header="none")
    yield BOM + "".join(f"{line}{CRLF}" for line in above).encode()
    with _reader(one, f"{AS_TEXT} FROM ({_statement(one)})") as reader:
        sink = BytesIO()
        with csv.CSVWriter(sink, reader.schema, write_options=options) as writer:
            yield _drained(sink)
            for batch in reader:
                writer.write_batch(batch)
                yield _drained(sink)


def _drained(sink: BytesIO) -> bytes:
    """What was written since the last time."""
    written = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return written


def _parquet(one: Export) -> Generator[bytes]:
    """Parquet with zstd, one row group at a time; moments are of UTC, `opened_at_local` is local."""
    with _reader(one, _statement(one)) as reader:
        sink = Pipe()
        schema = reader.schema.with_metadata(metadata(one.provenance))
        with parquet.ParquetWriter(pa.PythonFile(sink, "w"), schema, compression="zstd") as writer:
            for batches in _groups(reader):
                writer.write_table(pa.Table.from_batches(batches))
                yield sink.drained()
        yield sink.drained()


def _groups(reader: pa.RecordBatchReader) -> Iterator[list[pa.RecordBatch]]:
    """The batches of a row group at a time."""
    while batches := list(islice(reader, GROUP_BATCHES)):
        yield batches


class Pipe:
    """A file to write into that is emptied on the way and still knows its position, which parquet notes down."""

    def __init__(self) -> None:
        self.closed = False
        self._parts: list[bytes] = []
        self._position = 0

    def write(self, part: bytes) -> int:
        self._parts.append(bytes(part))
        self._position += len(part)
        return len(part)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Nothing waits elsewhere."""

    def close(self) -> None:
        self.closed = True

    def drained(self) -> bytes:
        """What was written since the last time."""
        written = b"".join(self._parts)
        self._parts.clear()
        return written


def _statement(one: Export) -> str:
    return f"{EXPORTED} {conditions(one.selection)}"  # in the stored order, by day: sorting would hold all rows in memory


@contextmanager
def _reader(one: Export, statement: str) -> Generator[pa.RecordBatchReader]:
    """The rows, so many at a time, as DuckDB makes them."""
    cursor = one.state.cursor()
    cursor.execute(f"SET max_streaming_buffer_size = '{BUFFER}'")
    values = bound(one.selection) | {"zone": one.state.settings.calendar.default.zone}
    try:
        with cursor.sql(statement, params=values).to_arrow_reader(BATCH_ROWS) as reader:
            yield reader
    finally:
        cursor.close()
