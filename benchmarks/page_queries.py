"""How long the pages' queries take on the state, against scanning the raw extracts: medians and a ratio of one run.

    uv run python benchmarks/page_queries.py [EVENTS]

Makes synthetic extracts in a temporary folder, loads them, and times what the overview and a KPI page ask for. Two references:
one plain DuckDB aggregation straight over the parquet extracts (newest version of each event first), and the same figures
without a state, the events derived from the checked extracts first.
"""

import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import duckdb

from data import sample
from kpi import store
from kpi.cards import cards
from kpi.control import control_charts
from kpi.metrics import HEADLINES, chosen
from kpi.pace import ignore_progress
from kpi.periods import Dates
from kpi.report import Question, answer
from kpi.store import State

RUNS = 5
RAW = """
    WITH newest AS (
        SELECT * FROM read_parquet($files, union_by_name = TRUE, hive_partitioning = FALSE)
        QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY updated_at DESC) = 1
    )
    SELECT
        CAST(opened_at AS DATE) AS day,
        count(*) FILTER (WHERE responded_at - opened_at <= INTERVAL 15 MINUTE) / count(*),
        avg(satisfaction),
        sum(cost) / count(resolved_at)
    FROM newest
    WHERE opened_at >= $start
    GROUP BY day
"""


def median_seconds(work: Callable[[], object]) -> float:
    """The median of several runs after a first one that is not counted."""
    work()
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def overview(state: State) -> object:
    """Everything the overview asks for: figures, comparison, courses, standings."""
    tomorrow = state.known_on + timedelta(days=1)
    kpis = tuple(chosen(name, "", state.measured) for name in HEADLINES)
    dates = Dates(tomorrow - timedelta(days=90), tomorrow)
    question = Question(kpis=kpis, every=None, by=(), where={}, dates=dates, within_minutes=None)
    return cards(state, question, "previous_period")


def kpi_page(state: State) -> object:
    """A control chart of 90 days with its history, and the ranked stores."""
    tomorrow = state.known_on + timedelta(days=1)
    dates = Dates(tomorrow - timedelta(days=90), tomorrow)
    kpi = chosen("response_time", "", state.measured)
    daily = Question(kpis=(kpi,), every="day", by=(), where={"region": ("North",)}, dates=dates, within_minutes=None)
    stores = Question(kpis=(kpi,), every=None, by=("store",), where={"region": ("North",)}, dates=dates, within_minutes=None)
    return control_charts(state, daily, "", ""), answer(state, stores)


def raw_scan(files: list[str], start: object) -> None:
    """One aggregation over the raw extracts, as a program without a state would do it."""
    with duckdb.connect() as connection:
        connection.execute(RAW, {"files": files, "start": start}).fetchall()


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        os.environ["KPI_CUSTOMER_KEY_FILE"] = str(Path(name) / "customer.key")
        files = [
            str(file) for file in sample.write(folder / "extracts", events=events) if "broken" not in file.name and "bad" not in file.name
        ]
        start = time.perf_counter()
        state = store.load(folder, ignore_progress)
        loading = time.perf_counter() - start
        whole = {"overview": median_seconds(lambda: overview(state)), "KPI page": median_seconds(lambda: kpi_page(state))}
        raw = median_seconds(lambda: raw_scan(files, state.known_on - timedelta(days=90)))
        without = median_seconds(lambda: overview(store.known_at(state, folder, state.as_of)))
        print(f"{state.event_count:,} events, {platform.machine()}, {os.cpu_count()} cores, DuckDB {duckdb.__version__}")
        print(f"first load: {loading:.1f} s, {state.event_count / loading:,.0f} events/s")
        print(f"one aggregation over the raw extracts: {raw * 1000:.0f} ms")
        print(f"the overview's figures without a state: {without * 1000:.0f} ms, {without / whole['overview']:.0f} times the overview")
        for what, seconds in whole.items():
            print(f"{what}: {seconds * 1000:.0f} ms, all its queries; {raw / seconds:.1f} times faster than that one raw aggregation")


if __name__ == "__main__":
    main()
