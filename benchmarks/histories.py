"""Random histories of extracts: is the state that grew load by load the one made from scratch, and do its roll-ups hold?

    uv run python benchmarks/histories.py [HISTORIES] [PROCESSES] [FIRST]

A history is the one of its number (`tests/histories.py`), so that a difference that is found can be looked at again. Every history
is checked after its last load and after two in five of the others: the whole events table, the tally and the version against a
state made from scratch in one go; every roll-up, the census, the histograms and the listed values against one pass over the events;
and random questions from roll-ups against the same from the events.
"""

import os
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random

from tests import histories

QUESTIONS = 2
CHECKED = 0.4
AT_ONCE = 100
"""Histories given to the processes before their answers are waited for."""


def look_at(number: int) -> tuple[int, int, list[str]]:
    """The number of a history, how many loads it has, and what goes wrong in it."""
    loads = histories.history(Random(number))
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder,
        histories.narrow(Random(-number)),
        histories.single_threaded(),
    ):
        os.environ["KPI_CUSTOMER_KEY_FILE"] = f"{folder}/customer.key"
        try:
            return number, len(loads), histories.faults(Path(folder) / "data", loads, Random(number), QUESTIONS, CHECKED)
        except Exception:
            return number, len(loads), [traceback.format_exc()]


def looked_at(first: int, count: int, processes: int) -> Iterator[tuple[int, int, list[str]]]:
    """Every history, in order, some at once."""
    with ProcessPoolExecutor(processes) as pool:
        for start in range(first, first + count, AT_ONCE):
            yield from pool.map(look_at, range(start, min(start + AT_ONCE, first + count)))


def main() -> None:
    count, processes, first = _asked()
    started, loads, wrong = time.monotonic(), 0, 0
    for number, of_it, found in looked_at(first, count, processes):
        loads += of_it
        wrong += bool(found)
        for one in found:
            print(f"history {number}: {one}", flush=True)
        if (number - first + 1) % 20 == 0:
            print(f"{number - first + 1:,} histories, {loads:,} loads, {wrong} wrong, {time.monotonic() - started:,.0f} s", flush=True)
    print(f"{count:,} histories, {loads:,} loads: {wrong} with a difference; {(time.monotonic() - started) / 60:.1f} minutes")


def _asked() -> tuple[int, int, int]:
    defaults = [10_000, os.cpu_count() or 1, 0]
    given = [int(word) for word in sys.argv[1:]]
    count, processes, first = [*given, *defaults[len(given) :]]
    return count, processes, first


if __name__ == "__main__":
    main()
