"""Loaders that are killed at random instants: is the state the one before or the one after, and is nothing lost or counted twice?

    uv run python benchmarks/crashes.py [KILLS] [EVENTS]

Each kill (SIGKILL) meets one of three loads, all in small batches so that there are many instants to be met in: the first build of
a folder, one more layer over it, or the layers combined. After it the state must be readable and be the one before or the one after;
then the load is run again and its result compared with that of a load that nobody killed: every event, the daily sums of every
KPI's roll-up, the tally and the version. First builds are killed several times over before they may end.
"""

import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq

from kpi import building, store
from kpi.errors import StateError
from kpi.rollup import CENSUS, HISTOGRAMS, ROLLUPS, added_up, counts_added_up
from tests.histories import ARROW, BEGIN, COLUMNS, Event, timedelta

FILES = 12
ADDED = 4
LAYERS = 4


def event(random: Random, number: int, version: int) -> Event:
    opened = BEGIN + timedelta(minutes=random.randint(0, 60 * 24 * 60))
    moments = {
        "updated_at": opened + timedelta(days=version),
        "opened_at": opened,
        "responded_at": opened + timedelta(minutes=random.randint(0, 90)),
        "resolved_at": opened + timedelta(minutes=random.randint(90, 900)),
    }
    dimensions = {"store": random.choice("ABCDE"), "region": "North", "channel": random.choice(("phone", "chat")), "service": "repair"}
    customer = f"C{random.randint(0, 3_000)}"
    return {"event_id": f"E{number}", "customer": customer, "is_complaint": random.random() < 0.1} | moments | dimensions


def write(folder: Path, name: str, rows: list[Event]) -> None:
    arrays = {column.name: pa.array([row[column.name] for row in rows], ARROW[column.type]) for column in COLUMNS if column.name in rows[0]}
    (folder / "extracts" / "desk").mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(arrays), folder / "extracts" / "desk" / f"{name}.parquet")


def contents(folder: Path) -> str:
    """Everything a reader can see of a state, as one word; `none` where nothing is published."""
    try:
        state = store.current(folder)
    except StateError:
        return "none"
    queries = {added_up(one, one.name): len(one.keys) for one in (*ROLLUPS.values(), CENSUS)}
    queries |= {counts_added_up(one, one.name): len(one.keys) for one in HISTOGRAMS.values()} | {"SELECT * FROM events": 0}
    found = [str(state.tally), state.version]
    for query, keys in queries.items():
        found += sorted(repr(row) for row in state.cursor().execute(query).fetchall() if any(row[keys:]))
    state.connection.close()
    return sha256("\n".join(found).encode()).hexdigest()


def load(folder: Path) -> None:
    with patch.object(building, "BATCH_ROWS", 1_000):
        store.load(folder, store.ignore_progress)


def tidy_up(folder: Path) -> None:
    with patch.object(building, "BATCH_ROWS", 1_000), patch.object(building, "MOST_FILES", 2):
        store.tidy_up(folder)


def killed_after(server: Any, work: Callable[[Path], None], folder: Path, seconds: float) -> bool:
    """Whether the work had not ended by then."""
    process = server.Process(target=work, args=(folder,))
    process.start()
    process.join(seconds)
    process.kill()
    process.join()
    was_killed = process.exitcode != 0
    process.close()
    return was_killed


def seconds_for(server: Any, work: Callable[[Path], None], folder: Path) -> float:
    started = time.monotonic()
    process = server.Process(target=work, args=(folder,))
    process.start()
    process.join()
    assert process.exitcode == 0, "it fails by itself"
    return time.monotonic() - started


def copy(folder: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    return shutil.copytree(folder, target)


def prepared(root: Path, events: int) -> dict[str, tuple[Path, Callable[[Path], None]]]:
    """A folder before each of the three loads."""
    random = Random(1)
    first = root / "first build"
    each = events // FILES
    for number in range(FILES):
        write(first, f"{number:03}", [event(random, each * number + row, 1) for row in range(each)])
    layer = copy(first, root / "layer")
    load(layer)
    for number in range(ADDED):
        write(layer, f"new {number}", [event(random, random.randint(0, events + 500), 2 + number) for _ in range(500)])
    combined = copy(layer, root / "combine")
    for number in range(LAYERS):
        load(combined)
        write(combined, f"later {number}", [event(random, random.randint(0, events), 7 + number) for _ in range(50)])
    load(combined)
    return {"first build": (first, load), "layer": (layer, load), "combine": (combined, tidy_up)}


def main() -> None:
    words = [int(word) for word in sys.argv[1:]]
    kills, events = [*words, *[500, 10_000][len(words) :]]
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["kpi.store", "benchmarks.crashes"])
    started = said = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        os.environ["KPI_CUSTOMER_KEY_FILE"] = f"{name}/customer.key"
        work = prepared(Path(name), events)
        random = Random(kills)
        total = {"killed": 0, "before": 0, "after": 0, "unreadable or blended": 0, "not equal when loaded again": 0}
        done: dict[str, int] = dict.fromkeys(work, 0)
        expected = {}
        for what, (start, step) in work.items():
            whole = copy(start, Path(name) / "whole")
            seconds = max(seconds_for(server, step, whole), 0.1)
            expected[what] = contents(start), contents(whole), seconds
            print(f"{what}: {seconds:.1f} s when nobody kills it", flush=True)
        while total["killed"] < kills:
            what = random.choice(list(work))
            start, step = work[what]
            before, after, seconds = expected[what]
            folder = copy(start, Path(name) / "killed")
            for _ in range(random.randint(1, 5)):
                killed = killed_after(server, step, folder, random.random() * seconds)
                total["killed"] += killed
                done[what] += killed
                found = contents(folder)
                total["before"] += found == before
                total["after"] += found == after and after != before
                total["unreadable or blended"] += found not in (before, after)
            with suppress(AssertionError):
                seconds_for(server, step, folder)
            total["not equal when loaded again"] += contents(folder) != after
            if time.monotonic() - said > 60:
                said = time.monotonic()
                print(f"{total} {done} {time.monotonic() - started:,.0f} s", flush=True)
    print(f"{total}, of them in {done}; {(time.monotonic() - started) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
