"""Files of events: every row once, in one order, readable by others, harmless, and made in constant memory."""

import csv
import io
import re
import subprocess
import sys
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from kpi import store
from kpi.browse import Selection, count
from kpi.exports import EXPORTED, Form, export, file_name, stream
from kpi.pace import ignore_progress
from kpi.periods import Dates
from kpi.report import Question
from kpi.store import SQL, State
from tests.samples import at, day, event, folder_of, question, state_of

HOSTILE = (
    "a\nb",
    "a\r\n# b",
    "# no comment",
    "#",
    "=cmd|' /c calc'!A0",
    '"quoted", and not',
    "a,b",
    "'apostrophe",
    "-5",
    "x\ty",
    "@x",
    "Zoë 東京",
    "NULL",
    "007",
)
FORMULA = r"^[\s\p{Cf}]*[=+\-@|%'＝＋－＠⁺⁻\t\r\n]"


def everything(on: str = "opened_on", **words: Any) -> Selection:
    return Selection(question(**words), on)


def content(state: State, selection: Selection, form: Form) -> bytes:
    return b"".join(stream(export(state, selection), form))


def rows_of(written: bytes) -> list[dict[str, str]]:
    """The rows of a CSV, its lines of comment left out."""
    text = written.decode("utf-8-sig")
    while text.startswith("#"):
        text = text.partition("\r\n")[2]
    return list(csv.DictReader(io.StringIO(text, newline="")))


def disarmed(cell: str) -> str:
    """A cell without the apostrophe that keeps it from being a formula."""
    return cell.removeprefix("'")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> State:
    """Events whose identifiers and stores are everything that a reader of CSV may stumble over."""
    events = [
        event(name, f"2024-06-0{3 + place % 5}T10:00:00.250", store=name, cost=1.5 * place, responded_at="2024-06-08T10:00:01.750")
        for place, name in enumerate(HOSTILE)
    ]
    return state_of(tmp_path_factory.mktemp("hostile"), events)


def test_every_form_has_exactly_the_promised_rows(hostile: State) -> None:
    selection = everything(dates=Dates(day(0), day(3)))
    promised = count(hostile, selection)
    assert promised == 9
    assert export(hostile, selection).rows == promised
    assert len(rows_of(content(hostile, selection, Form.CSV))) == promised
    assert len(rows_of(content(hostile, selection, Form.PLAIN_CSV))) == promised
    assert pq.read_table(io.BytesIO(content(hostile, selection, Form.PARQUET))).num_rows == promised


def test_plain_csv_is_the_csv_without_its_lines_of_comment(hostile: State) -> None:
    whole, plain = (content(hostile, everything(), form) for form in (Form.CSV, Form.PLAIN_CSV))
    assert plain.startswith(b"\xef\xbb\xbfevent_id,source,")
    assert whole.endswith(plain.removeprefix(b"\xef\xbb\xbf"))
    lines = whole.decode("utf-8-sig").split("\r\n")
    assert lines[1:3] == ["# rows: 14", "# days_of: opened_on"]


@pytest.mark.parametrize("form", [Form.CSV, Form.PLAIN_CSV])
def test_the_cells_are_the_events_whatever_is_in_them(hostile: State, form: Form) -> None:
    rows = rows_of(content(hostile, everything(), form))
    assert {disarmed(row["event_id"]) for row in rows} == set(HOSTILE)
    assert all(row["event_id"] == row["store"] for row in rows)
    row = next(row for row in rows if row["store"] == "Zoë 東京")
    assert (row["opened_at"], row["opened_at_local"], row["responded_at"]) == (
        "2024-06-04T10:00:00Z", "2024-06-04 10:00:00", "2024-06-08T10:00:01Z"
    )  # fmt: skip
    assert (float(row["cost"]), row["resolved_at"], row["is_complaint"]) == (1.5 * HOSTILE.index("Zoë 東京"), "", "false")


def test_no_text_is_a_formula_and_numbers_stay_numbers(hostile: State) -> None:
    rows = rows_of(content(hostile, everything(), Form.CSV))
    assert {row["store"] for row in rows if row["store"].startswith("'")} == {
        f"'{name}" for name in HOSTILE if name[0] in "='-@"
    }  # fmt: skip


@pytest.mark.parametrize("form", [Form.CSV, Form.PLAIN_CSV])
def test_pandas_reads_the_events_back(hostile: State, form: Form, tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    file.write_bytes(content(hostile, everything(), form))
    frame = pd.read_csv(file, comment="#", keep_default_na=False, na_values=[""], dtype={"event_id": str, "store": str})
    assert {disarmed(name) for name in frame["event_id"]} == set(HOSTILE)
    assert list(frame["event_id"]) == list(frame["store"])
    assert frame["cost"].sum() == 1.5 * sum(range(len(HOSTILE)))
    assert pd.to_datetime(frame["opened_at"]).dt.tz is not None


def read_by_duckdb(file: Path, options: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(f"SELECT event_id, store, opened_at FROM read_csv($file {options})", {"file": str(file)}).fetchall()


@pytest.mark.parametrize("form", [Form.CSV, Form.PLAIN_CSV])
def test_duckdb_reads_the_events_back(hostile: State, form: Form, tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    file.write_bytes(content(hostile, everything(), form))
    rows = read_by_duckdb(file, """, comment = '#', quote = '"', types = {'event_id': 'VARCHAR', 'store': 'VARCHAR'}""")
    assert {disarmed(row[0]) for row in rows} == set(HOSTILE)
    assert all(row[0] == row[1] for row in rows)
    assert {row[2].replace(tzinfo=UTC) for row in rows} == {at(f"2024-06-0{number}T10:00") for number in range(3, 8)}


@pytest.mark.parametrize("options", [""", comment = '#', quote = '"'""", ""])
def test_duckdb_reads_ordinary_events_back_even_when_it_has_to_guess(big: State, options: str, tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    file.write_bytes(content(big, everything(where={"store": ("S1",)}), Form.CSV))
    rows = read_by_duckdb(file, options)
    assert len(rows) == 1_000
    assert {(row[1], row[2].replace(tzinfo=UTC)) for row in rows} == {("S1", at("2024-06-03T10:00")), ("S1", at("2024-06-04T10:00"))}


def test_parquet_is_the_events_in_their_types(hostile: State) -> None:
    written = pq.read_table(io.BytesIO(content(hostile, everything(), Form.PARQUET)))
    types = {field.name: str(field.type) for field in written.schema}
    assert types["opened_at"] == "timestamp[us, tz=UTC]"
    assert types["opened_at_local"] == "timestamp[us]"
    assert (types["cost"], types["response_seconds"], types["is_complaint"]) == ("double", "int64", "bool")
    statement = f"{EXPORTED} ORDER BY opened_on, is_ended, store, channel, source, event_id"
    expected = hostile.cursor().sql(statement, params={"zone": "UTC"}).to_arrow_table()
    assert written.replace_schema_metadata(None) == expected.replace_schema_metadata(None)
    assert set(HOSTILE) == set(written["store"].to_pylist())
    assert datetime(2024, 6, 3, 10, 0, 0, 250_000, tzinfo=UTC) in written["opened_at"].to_pylist()


def test_parquet_says_what_it_is(hostile: State) -> None:
    written = pq.read_metadata(io.BytesIO(content(hostile, everything(where={"store": ("a,b", "a\nb")}), Form.PARQUET)))
    assert written.metadata[b"rows"] == b"2"
    assert written.metadata[b"where.store"] == b'["a,b", "a\\nb"]'
    assert written.metadata[b"version"] == hostile.version.encode()


def test_a_filter_for_a_hostile_name_finds_it_and_stands_in_one_line(hostile: State) -> None:
    for name in HOSTILE:
        written = content(hostile, everything(where={"store": (name,)}), Form.CSV)
        [row] = rows_of(written)
        assert disarmed(row["store"]) == name
        assert written.count(b"\r\n# where.store: ") == 1


def test_no_events_are_a_header_without_rows(hostile: State) -> None:
    nobody = everything(where={"store": ("nobody",)})
    assert rows_of(content(hostile, nobody, Form.CSV)) == []
    empty = pq.read_table(io.BytesIO(content(hostile, nobody, Form.PARQUET)))
    assert (empty.num_rows, empty.num_columns) == (0, 35)


def test_the_name_of_a_file_keeps_rows_version_and_form_however_many_filters(hostile: State) -> None:
    selection = everything(where={"store": HOSTILE * 9}, dates=Dates(day(0), day(7)))
    for form in Form:
        name = file_name(export(hostile, selection), form)
        assert re.fullmatch(rf"events_store-[\w+.-]+_2024-06-03_2024-06-09_14rows_{hostile.version[:8]}\.{form}", name, re.A)
        assert len(name) <= 180


def test_text_is_disarmed_exactly_where_the_expression_says() -> None:
    letters = "=+-@|%'＝＋－＠⁺⁻\t\r\n \u200b\ufeffaZ09[`{:/#~é"
    short = ["".join(cell) for length in range(4) for cell in product(letters, repeat=length)]
    first = [f"{chr(number)}1" for number in range(1, 0x10000) if not 0xD800 <= number < 0xE000]
    statement = "SELECT cell, as_text(cell), regexp_matches(cell, $formula) FROM (SELECT unnest($cells) AS cell)"
    found = disarming(statement, {"cells": short + first, "formula": FORMULA})
    assert [cell for cell, given, is_formula in found if given != (f"'{cell}" if is_formula else cell)] == []
    assert sum(is_formula for _, _, is_formula in found) > 10_000


def test_an_absent_cell_stays_absent() -> None:
    assert disarming("SELECT as_text(NULL)", {}) == [(None,)]


def disarming(statement: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.execute((SQL / "macros.sql").read_text())
        return connection.execute(statement, values).fetchall()


@pytest.fixture(scope="module")
def big_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder, and beside it in `big.duckdb` its two events 200,000 times in 400 stores: more than three of the pieces that
    DuckDB's threads take."""
    place = tmp_path_factory.mktemp("big")
    state = state_of(place, [event("one", "2024-06-03T10:00"), event("two", "2024-06-04T10:00")])
    columns = ", ".join(row[0] for row in state.cursor().execute("DESCRIBE events").fetchall())
    many = "SELECT two.* REPLACE (format('{}-{:08}', event_id, copy) AS event_id, concat('S', copy % 400) AS store), copy"
    with duckdb.connect(place / "big.duckdb") as connection:
        connection.execute("SET enable_progress_bar = FALSE")
        connection.execute((SQL / "macros.sql").read_text())
        connection.register("two", state.cursor().sql("FROM events").to_arrow_table())
        statement = (
            f"CREATE TABLE events AS SELECT {columns} FROM ({many} FROM range(200_000) AS copies(copy), two) ORDER BY opened_on, copy"
        )
        connection.execute(statement)
    return place


@pytest.fixture(scope="module")
def big(big_folder: Path) -> Generator[State]:
    with duckdb.connect(big_folder / "big.duckdb", read_only=True) as connection:
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        yield replace(store.current(big_folder / "data"), connection=connection, sums=frozenset())


@pytest.mark.parametrize("stores", [(), ("S1",), tuple(f"S{number}" for number in range(399))], ids=len)
def test_rows_come_in_the_stored_order_whatever_the_filters(big: State, stores: tuple[str, ...]) -> None:
    selection = everything(where={"store": stores} if stores else {})
    written = pq.read_table(io.BytesIO(content(big, selection, Form.PARQUET)), columns=["event_id"])["event_id"].to_pylist()
    assert len(written) == count(big, selection) == 1_000 * (len(stores) or 400)
    assert written == sorted(written)
    assert content(big, selection, Form.CSV) == content(big, selection, Form.CSV)


@pytest.mark.parametrize("form", Form)
def test_a_stream_that_is_closed_midway_leaves_no_query_behind(big: State, form: Form) -> None:
    def connections() -> int:
        return big.connection.execute("FROM duckdb_connection_count()").fetchall()[0][0]

    before = connections()
    started = stream(export(big, everything()), form)
    assert isinstance(next(started), bytes)
    assert isinstance(next(started), bytes)
    assert connections() == before + 1
    started.close()
    assert connections() == before


MEASURE = """
import sys
from pathlib import Path
import duckdb
from dataclasses import replace
from kpi import store
from kpi.browse import Selection
from kpi.exports import Form, export, stream
from kpi.report import ALWAYS, Question

def kilobytes(name):
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))

folder, file, form, stores = sys.argv[1:]
state = replace(store.current(Path(folder)), connection=duckdb.connect(file, read_only=True, config={"memory_limit": "40MB"}))
where = {"store": tuple(f"S{number}" for number in range(int(stores)))}
one = export(state, Selection(Question(kpis=(), every=None, by=(), where=where, dates=ALWAYS, within_minutes=None), "opened_on"))
before = kilobytes("VmRSS")
written = sum(map(len, stream(one, Form(form))))
print(one.rows, written, kilobytes("VmHWM") - before)
"""


@pytest.mark.parametrize("form", [Form.CSV, Form.PARQUET])
def test_memory_does_not_grow_with_the_rows(big_folder: Path, form: Form) -> None:
    """DuckDB's cache of the file it reads is held small, so that what is left is what the download takes."""
    found = {}
    for stores in (40, 400):
        command = [sys.executable, "-c", MEASURE, str(big_folder / "data"), str(big_folder / "big.duckdb"), form, str(stores)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
        found[stores] = [int(word) for word in done.stdout.split()]
    (few, _, little), (many, written, peak) = found[40], found[400]
    assert (few, many) == (40_000, 400_000)
    assert form is Form.PARQUET or written > 70_000_000
    assert peak < 80_000, "kilobytes over the process as it was"
    assert peak - little < 40_000


def test_a_download_goes_on_with_the_version_it_began_with(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, [event(1), event(2)])
    state = store.load(folder, ignore_progress)
    started = stream(export(state, everything()), Form.CSV)
    first = next(started)
    assert b"# rows: 2\r\n" in first
    for number in (3, 4, 5):
        folder_of(tmp_path / str(number), [event(number)])
        (tmp_path / str(number) / "data/extracts/till/events.parquet").rename(folder / f"extracts/till/{number}.parquet")
        store.load(folder, ignore_progress)
    rows = rows_of(first + b"".join(started))
    assert [row["event_id"] for row in rows] == ["1", "2"]
    assert count(store.current(folder), everything()) == 5


def test_the_same_moment_derived_again_gives_the_same_bytes(tmp_path: Path) -> None:
    events = [event(number, f"2024-06-03T{number % 24:02}:00", store=f"S{number % 3}") for number in range(500)]
    state = state_of(tmp_path, events)
    moment = at("2024-06-03T20:00")
    for form in Form:
        one, other = (content(store.known_at(state, tmp_path / "data", moment), everything(), form) for _ in range(2))
        assert one == other


def test_the_question_of_a_selection_needs_no_kpi() -> None:
    assert everything().question == Question(kpis=(), every=None, by=(), where={}, dates=question().dates, within_minutes=None)
