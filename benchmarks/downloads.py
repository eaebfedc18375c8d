"""How fast a download of filtered events streams, against DuckDB's own COPY of the same rows, and how much memory it takes.

    uv run python benchmarks/downloads.py [EVENTS]

Makes synthetic extracts in a temporary folder with so many normal events, loads them, and writes every form of download of
those of all regions into a file, beside two COPY: of the same SELECT, so with the same bytes but for the lines of comment; and of
the columns as they are, with neither moments in ISO 8601 nor formulas disarmed. Memory is that of a fresh process that has
answered what the overview and the Events page ask, as a server has by the time that somebody clicks: the peak during the first
download and during one after it. Part of the first is DuckDB's cache of the file it reads, which all pages share.
"""

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import duckdb

from benchmarks.page_queries import overview
from data import sample
from kpi import absorbing, browse, exports, store
from kpi.browse import Selection
from kpi.exports import Form
from kpi.pace import ignore_progress
from kpi.report import ALWAYS, Question
from kpi.store import State

RUNS = 5
NORMAL_SHARE = 0.96
"""Of the sample's events; the others are no events of KPIs and in no download unless asked for."""

CHILD = "memory"
COPY_CSV, COPY_AS_IS, COPY_PARQUET = "COPY of the same", "COPY of the columns as they are", "COPY to parquet"


def all_regions(state: State) -> Selection:
    where = {"region": tuple(browse.values_of(state, "region"))}
    return Selection(Question(kpis=(), every=None, by=(), where=where, dates=ALWAYS, within_minutes=None), "opened_on")


def download(state: State, form: Form, target: Path) -> None:
    with target.open("wb") as stream:
        stream.writelines(exports.stream(exports.export(state, all_regions(state)), form))


def copy(reference: duckdb.DuckDBPyConnection, state: State, select: str, options: str, target: Path) -> None:
    """DuckDB's COPY of the same rows, on a connection that may write files: the state's may not."""
    selection = all_regions(state)
    values = browse.bound(selection) | {"zone": state.settings.calendar.default.zone}
    statement = f"COPY ({select} ({exports.EXPORTED} {browse.conditions(selection)})) TO '{target}' ({options})"
    reference.execute(statement, values)


def median_seconds(works: Mapping[str, Callable[[], None]]) -> dict[str, float]:
    """Medians of several rounds after a first one that is not counted; a round does every work once, so that all have the same luck."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(RUNS + 1):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found[1:]) for name, found in times.items()}


def kilobytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def cached(state: State) -> float:
    """Megabytes of the file that DuckDB keeps in memory."""
    found = state.cursor().execute("SELECT sum(memory_usage_bytes) / 1e6 FROM duckdb_memory()").fetchall()
    return float(found[0][0])


def memory(folder: Path, form: Form) -> None:
    """Print the extra megabytes at the peak of the first download, of them DuckDB's cache, and of one after it."""
    state = store.current(folder)
    overview(state)
    browse.page(state, all_regions(state), 1)
    one = exports.export(state, all_regions(state))
    peaks, before = [], cached(state)
    for _ in range(2):
        Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
        start = kilobytes("VmRSS")
        for _part in exports.stream(one, form):
            pass
        peaks.append((kilobytes("VmHWM") - start) / 1024)
    print(f"{peaks[0]:.0f} {cached(state) - before:.0f} {peaks[1]:.0f}")


def speed(place: Path) -> None:
    """Print each form's time and that of COPY, all of one run and onto one disk."""
    state = store.current(place / "data")
    rows = state.cursor().execute("SELECT * FROM events").to_arrow_table()
    with duckdb.connect(place / "reference.duckdb") as reference:
        reference.register("rows", rows)
        reference.execute("CREATE TABLE events AS FROM rows")
        reference.unregister("rows")
        absorbing.run(reference, "macros", {})
        reference.execute("SET TimeZone = 'UTC'")
        reference.execute("SET enable_progress_bar = FALSE")
        as_text, as_is = f"{exports.AS_TEXT} FROM", "FROM"
        found = median_seconds(
            {form: partial(download, state, form, place / f"download.{form}") for form in Form}
            | {
                COPY_CSV: partial(copy, reference, state, as_text, "FORMAT csv, HEADER", place / "copy.csv"),
                COPY_AS_IS: partial(copy, reference, state, as_is, "FORMAT csv, HEADER", place / "as_is.csv"),
                COPY_PARQUET: partial(copy, reference, state, as_is, "FORMAT parquet, COMPRESSION zstd", place / "copy.parquet"),
            }
        )
    count = browse.count(state, all_regions(state))
    print(f"{count:,} filtered events, {platform.machine()}, {os.cpu_count()} cores, DuckDB {duckdb.__version__}")
    for name, seconds in found.items():
        print(f"{name}: {seconds:.2f} s")
    for name in (COPY_CSV, COPY_AS_IS):
        print(f"csv: {found[name] / found[Form.CSV]:.2f} of the speed of {name}")
    print(f"parquet: {found[COPY_PARQUET] / found[Form.PARQUET]:.2f} of the speed of {COPY_PARQUET}")


def main() -> None:
    if sys.argv[1:2] == [CHILD]:
        memory(Path(sys.argv[2]), Form(sys.argv[3]))
        return
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        os.environ["KPI_CUSTOMER_KEY_FILE"] = str(place / "customer.key")
        sample.write(place / "data" / "extracts", events=round(events / NORMAL_SHARE))
        store.load(place / "data", ignore_progress).connection.close()
        speed(place)
        for form in (Form.CSV, Form.PARQUET):
            command = [sys.executable, __file__, CHILD, str(place / "data"), form]
            first, cache, after = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
            print(f"{form}: {first} MB more at the peak, {cache} MB of them DuckDB's cache of its file; {after} MB the next time")


if __name__ == "__main__":
    main()
