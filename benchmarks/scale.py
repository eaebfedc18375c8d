"""How speed changes with the number of events: first build, the overview's queries, and one more extract.

    uv run python benchmarks/scale.py FOLDER EVENTS [FOLDER EVENTS ...]

Makes synthetic extracts of each size in its folder, unless they are there, loads them, and prints for each size: rows a second of
the first build against DuckDB's COPY of the same rows to parquet, with the most memory it took; the overview's whole set of
queries under the filters a manager uses first, against the same figures and one aggregation over the raw extracts and against the
first size of the run; and how long an extract of 10,000 rows takes until it is visible, a tenth of them late corrections.
"""

import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import duckdb
import synthetic
from page_queries import RAW, RUNS, median_seconds

from kpi import store
from kpi.cards import cards
from kpi.extracts import listing
from kpi.metrics import HEADLINES, chosen
from kpi.pace import ignore_progress
from kpi.periods import Dates
from kpi.report import Question
from kpi.store import State

LATE_ROWS, CORRECTIONS = 10_000, 1_000
LATE_RUNS = 3
FILTERS: dict[str, dict[str, tuple[str, ...]]] = {
    "all": {},
    "region": {"region": ("Region 3",)},
    "channel": {"channel": ("channel 2",)},
    "store": {"store": ("S014",)},
    "service": {"service": ("service 7",)},
}
DAYS = (90, 365)
NEWEST = """
    WITH newest AS (
        SELECT *, CAST(opened_at AS DATE) AS day, coalesce(resolved_at, closed_at) AS ended_at
        FROM read_parquet($files, union_by_name = TRUE, hive_partitioning = FALSE)
        QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY updated_at DESC) = 1
    )
"""
RAW_SET = (
    """
    SELECT day, count(*), count(*) FILTER (WHERE responded_at - opened_at <= INTERVAL 15 MINUTE)
    FROM newest
    WHERE day >= $start
    GROUP BY day
    """,
    """
    SELECT CAST(one.resolved_at AS DATE) AS resolved_on, count(*), count(*) FILTER (WHERE one.reopen_count = 0 AND other.event_id IS NULL)
    FROM newest AS one ASOF LEFT JOIN newest AS other
        ON one.customer = other.customer AND one.service = other.service AND one.resolved_at < other.opened_at
    WHERE one.resolved_at >= $start
    GROUP BY resolved_on
    """,
    "SELECT day, count(outcome), count(*) FILTER (WHERE outcome = 'success') FROM newest WHERE day >= $start GROUP BY day",
    "SELECT day, count(satisfaction), sum(satisfaction), sum(satisfaction ** 2) FROM newest WHERE day >= $start GROUP BY day",
    "SELECT CAST(ended_at AS DATE) AS ended_on, count(*), sum(cost), sum(cost ** 2) FROM newest WHERE ended_at >= $start GROUP BY ended_on",
    "SELECT day, count(*), sum(epoch(opened_at)) FROM newest GROUP BY day",
    "SELECT CAST(ended_at AS DATE) AS ended_on, count(*), sum(epoch(opened_at)) FROM newest WHERE ended_at IS NOT NULL GROUP BY ended_on",
    "SELECT median(epoch(responded_at) - epoch(opened_at)) FROM newest WHERE day >= $start",
)
"""What the overview shows, asked of the raw extracts: rough forms of its KPIs, without targets, limits, intervals and time zones."""

BUILD = """
import sys, time
from pathlib import Path
from kpi import store
from kpi.pace import ignore_progress
start = time.perf_counter()
store.load(Path(sys.argv[1]), ignore_progress)
print(time.perf_counter() - start)
"""


def question(state: State, where: dict[str, tuple[str, ...]], days: int) -> Question:
    """The overview's."""
    tomorrow = state.known_on + timedelta(days=1)
    kpis = tuple(chosen(name, "", state.measured) for name in HEADLINES)
    dates = Dates(tomorrow - timedelta(days=days), tomorrow)
    return Question(kpis=kpis, every=None, by=(), where=where, dates=dates, within_minutes=None)


def overviews(state: State) -> dict[tuple[str, int], float]:
    """Median seconds of all queries of the overview, by filter and days."""
    return {(name, days): overview_seconds(state, question(state, where, days)) for name, where in FILTERS.items() for days in DAYS}


def overview_seconds(state: State, asked: Question) -> float:
    """Median seconds of all queries of the overview."""
    return median_seconds(lambda: cards(state, asked, "previous_period"))


def copy_seconds(files: list[str], target: Path) -> float:
    """One COPY of all rows to one parquet file."""
    with duckdb.connect() as connection:
        start = time.perf_counter()
        name = str(target).replace("'", "''")
        connection.execute(f"COPY (FROM read_parquet($files)) TO '{name}' (FORMAT parquet)", {"files": files})
        seconds = time.perf_counter() - start
    target.unlink()
    return seconds


def built(folder: Path) -> tuple[float, float]:
    """Seconds of a load in a process of its own, and the most memory it took (GB)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    output = subprocess.run([sys.executable, "-c", BUILD, folder], check=True, capture_output=True, text=True).stdout
    return float(output), max(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, before) / 1e6


def first_build(folder: Path, files: list[str]) -> None:
    """The state is made twice: with the check of the extracts, and from checked parts alone."""
    shutil.rmtree(folder / "state", ignore_errors=True)
    whole, memory = built(folder)
    for file in (folder / "state").glob("*.duckdb"):
        file.unlink()
    again, _ = built(folder)
    rows = store.current(folder).tally.rows
    raw = copy_seconds(files, folder / "copy.parquet")
    parts = [str(file) for file in (folder / "state" / "parts").glob("*.parquet") if "kept_aside" not in file.name]
    checked = copy_seconds(parts, folder / "copy.parquet")
    print(f"  first load: {rows / whole:,.0f} rows/s, {raw / whole:.2f} of one COPY of the extracts ({rows / raw:,.0f} rows/s)")
    print(f"  state from checked parts: {rows / again:,.0f} rows/s, {checked / again:.2f} of one COPY of those rows")
    print(f"  most memory of the load: {memory:.1f} GB")


def late_extract(folder: Path, events: int) -> None:
    """From the extract's arrival until the state with it is open, each time over the state before."""
    state = folder / "state"
    kept = {file: file.read_bytes() for file in (*state.glob("current*.json"), *state.glob("verdicts*.json"))}
    times = []
    for run in range(LATE_RUNS):
        file = synthetic.write_late(folder / "extracts", events, LATE_ROWS, CORRECTIONS, run)
        start = time.perf_counter()
        found = store.load(folder, ignore_progress)
        times.append(time.perf_counter() - start)
        assert found.event_count == events + LATE_ROWS - CORRECTIONS
        file.unlink()
        for name, content in kept.items():
            name.write_bytes(content)
    print(f"  an extract of {LATE_ROWS:,} rows, {CORRECTIONS:,} of them late corrections: visible after {statistics.median(times):.2f} s")


def raw_seconds(state: State, files: list[str]) -> tuple[float, float]:
    """One aggregation over the raw extracts, and everything that the overview shows of 90 days."""
    values = {"files": files, "start": state.known_on - timedelta(days=90)}
    times = []
    with duckdb.connect() as connection:
        for statements in ((RAW,), tuple(NEWEST + statement for statement in RAW_SET)):
            start = time.perf_counter()
            for statement in statements:
                connection.execute(statement, {name: value for name, value in values.items() if f"${name}" in statement}).fetchall()
            times.append(time.perf_counter() - start)
    return times[0], times[1]


def measured(folder: Path, events: int, first: dict[tuple[str, int], float]) -> dict[tuple[str, int], float]:
    """Everything about one size, printed; `first` are the overviews of the first size."""
    if not (folder / "extracts").exists():
        synthetic.write(folder / "extracts", events)
    files = [str(file) for file in listing(folder / "extracts")]
    print(f"{events:,} events", flush=True)
    first_build(folder, files)
    state = store.load(folder, ignore_progress)
    found = overviews(state)
    one, whole = raw_seconds(state, files)
    print(f"  of the raw extracts: one aggregation {one:.2f} s, what the overview shows {whole:.2f} s")
    for (name, days), seconds in found.items():
        against = f", {seconds / first[name, days]:.2f} times that at the first size" if first else ""
        faster = f"{whole / seconds:.0f} times faster than the raw extracts, {one / seconds:.0f} times than one aggregation over them"
        print(f"  overview, {name}, {days} days: {seconds * 1000:.0f} ms; {faster}{against}")
    state.connection.close()
    late_extract(folder, state.event_count)
    return found


def main() -> None:
    print(f"{platform.machine()}, {os.cpu_count()} cores, DuckDB {duckdb.__version__}, medians of {RUNS}")
    first: dict[tuple[str, int], float] = {}
    for name, events in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        folder = Path(name)
        os.environ.setdefault("KPI_CUSTOMER_KEY_FILE", str(folder / "customer.key"))
        found = measured(folder, int(events), first)
        first = first or found


if __name__ == "__main__":
    main()
