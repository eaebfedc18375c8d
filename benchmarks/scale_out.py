"""How long all roll-ups take to build anew, by DuckDB and by Spark, as the number of events grows.

    uv run --extra spark python -m benchmarks.scale_out 1 FOLDER                       a million synthetic events, DuckDB
    uv run --extra spark python -m benchmarks.scale_out 1 FOLDER --engine spark --master local[2]
    uv run --extra spark python -m benchmarks.scale_out 10 FOLDER --engine spark --master spark://HOST:7077

Extracts are made in FOLDER unless it has some, and checked before the clock starts: both engines read the same parts. CPU seconds
are those of the command and, on a cluster, of nobody else: workers have their own.
"""

import argparse
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from kpi import extracts, pseudonyms
from kpi.store import ignore_progress

A_FILE = 1_000_000
TICKS = os.sysconf("SC_CLK_TCK")
EVENTS = """
WITH drawn AS (
    SELECT
        i,
        hash(i) AS h1,
        hash(i * 7919 + 1) AS h2,
        hash(i * 104729 + 2) AS h3,
        hash(i * 15485863 + 3) AS h4
    FROM range($first, $last) AS numbers (i)
),
events AS (
    SELECT
        *,
        TIMESTAMPTZ '2023-11-01 00:00:00+00'
            + to_microseconds((i::HUGEINT * 94608000 * 1000000 // $all)::BIGINT + (h1 % 3600000000)::BIGINT) AS opened_at,
        ((h1 >> 8) % 300)::INT AS store_number,
        least(exp(3 + 1.4 * sqrt(-2 * ln((h2 % 999983 + 1) / 999985.0)) * cos(6.283185307 * (h3 % 999979 / 999979.0))), 100000) AS wait
    FROM drawn
)
SELECT
    'E' || lpad(i::VARCHAR, 10, '0') AS event_id,
    opened_at + to_microseconds((wait * 240000000)::BIGINT + 3000000) AS updated_at,
    opened_at,
    CASE WHEN h4 % 1000 < 985 THEN opened_at + to_microseconds((wait * 20000000)::BIGINT) END AS responded_at,
    CASE WHEN h4 % 1000 < 970 THEN opened_at + to_microseconds((wait * 240000000)::BIGINT) END AS resolved_at,
    CASE WHEN h4 % 1000 BETWEEN 970 AND 989 THEN opened_at + to_microseconds((wait * 240000000)::BIGINT) END AS closed_at,
    'S' || lpad(store_number::VARCHAR, 3, '0') AS store,
    'Region ' || (store_number % 12) AS region,
    'channel ' || ((h1 >> 20) % 8) AS channel,
    'service ' || ((h1 >> 28) % 30) AS service,
    'A' || (store_number * 10 + (h1 >> 36) % 10) AS agent,
    'segment ' || ((h1 >> 44) % 5) AS segment,
    'C' || (h2 >> 12) % ($all // 3 + 1) AS customer,
    (1 + (h2 >> 40) % 3)::INT AS contact_count,
    CASE WHEN (h2 >> 44) % 50 = 0 THEN 1 ELSE 0 END AS reopen_count,
    ((h2 >> 48) % 3)::INT AS transfer_count,
    CASE WHEN (h3 >> 8) % 4 = 0 THEN (1 + (h3 >> 12) % 5)::INT END AS satisfaction,
    CASE WHEN (h3 >> 8) % 4 = 0 THEN ((h3 >> 16) % 11)::INT END AS recommendation,
    CASE WHEN (h3 >> 8) % 4 = 0 THEN (1 + (h3 >> 20) % 7)::INT END AS effort,
    ((h3 >> 24) % 5000 / 100.0)::DECIMAL(9, 2) AS cost,
    (h3 >> 36) % 600 / 10.0 AS handle_minutes,
    CASE WHEN (h4 >> 12) % 20 = 0 THEN 'failure' ELSE 'success' END AS outcome,
    CASE WHEN (h4 >> 20) % 10 = 0 THEN (h4 >> 24) % 20 > 0 END AS quality_passed,
    (h4 >> 32) % 40 = 0 AS is_complaint
FROM events
"""


def make(folder: Path, events: int) -> None:
    """Extracts of a million events each: three years of 300 stores, one request in a hundred open."""
    place = folder / "extracts" / "synthetic"
    place.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for number, first in enumerate(range(0, events, A_FILE)):
            values = {"first": first, "last": min(events, first + A_FILE), "all": events}
            connection.execute(f"COPY ({EVENTS}) TO '{place}/{number:05d}.parquet' (FORMAT parquet, COMPRESSION zstd)", values)


def check(folder: Path) -> None:
    """The parts of all extracts."""
    parts = folder / "state" / "parts"
    parts.mkdir(parents=True, exist_ok=True)
    files = extracts.listing(folder / "extracts")
    list(extracts.check(files, folder, pseudonyms.customer_key(folder), parts, datetime.now(UTC), ignore_progress))


def processes(session: int) -> dict[int, tuple[float, float]]:
    """CPU seconds and gigabytes in memory of every process of a session."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if int(words[3]) == session:
            found[int(place.name)] = ((int(words[11]) + int(words[12])) / TICKS, int(words[21]) * os.sysconf("SC_PAGE_SIZE") / 1e9)
    return found


def measured(command: list[str]) -> tuple[float, float, float]:
    """Seconds, CPU seconds and the most gigabytes of a command and all that it starts."""
    began = time.monotonic()
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    seconds: dict[int, float] = {}
    most = 0.0
    while process.poll() is None:
        now = processes(process.pid)
        seconds |= {number: cpu for number, (cpu, _) in now.items()}
        most = max(most, sum(memory for _, memory in now.values()))
        time.sleep(0.2)
    if process.returncode:
        raise SystemExit(process.returncode)
    return time.monotonic() - began, sum(seconds.values()), most


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("millions", type=int)
    words.add_argument("folder", type=Path)
    words.add_argument("--engine", default="duckdb")
    words.add_argument("--master", default="")
    words.add_argument("--conf", action="append", default=[])
    asked = words.parse_args()
    if not (asked.folder / "extracts").exists():
        make(asked.folder, asked.millions * 1_000_000)
    check(asked.folder)
    for old in (asked.folder / "state").glob("*.duckdb"):
        old.unlink()
    command = [str(Path(sys.executable).with_name("kpi")), "rollup", "--engine", asked.engine, "--data", str(asked.folder)]
    command += ["--master", asked.master] if asked.master else []
    command += [word for one in asked.conf for word in ("--conf", one)]
    seconds, cpu, memory = measured(command)
    [base] = (asked.folder / "state").glob("base-*.duckdb")
    size = base.stat().st_size / 1e9
    print(f"{asked.engine} {asked.master}: {seconds:.0f} s, {cpu:.0f} CPU s, {memory:.1f} GB of memory, base of {size:.2f} GB")


if __name__ == "__main__":
    main()
