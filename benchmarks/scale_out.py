"""How long all roll-ups take to build anew, by DuckDB and by Spark, as the number of events grows.

    uv run --extra spark python benchmarks/scale_out.py 1 FOLDER                   a million synthetic events, DuckDB
    uv run --extra spark python benchmarks/scale_out.py 1 FOLDER --engine spark --master local[2]
    uv run --extra spark python benchmarks/scale_out.py 10 FOLDER --engine spark --master spark://HOST:7077

Extracts are made in FOLDER unless it has some, and checked before the clock starts: both engines read the same parts. CPU seconds
are those of the command and all it starts; the workers of a cluster are not among them.
"""

import argparse
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import synthetic

from kpi import extracts, pseudonyms
from kpi.pace import ignore_progress

TICKS = os.sysconf("SC_CLK_TCK")


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
        synthetic.write(asked.folder / "extracts", asked.millions * 1_000_000)
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
