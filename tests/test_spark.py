"""A real standalone cluster of two workers on the loopback: the same state as DuckDB's, table by table and row by row."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any
from urllib.request import urlopen

import duckdb
import pytest
from conftest import Event, empty_folder, event, loaded, write

from kpi.store import current, published_version

KPI = Path(sys.executable).with_name("kpi")
LOOPBACK = "127.0.0.1"
SECONDS_TO_START = 60
QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
SMALL = (
    *("spark.executor.memory=600m", "spark.driver.memory=600m", "spark.sql.shuffle.partitions=2"),
    *(f"spark.driver.extraJavaOptions={QUICK}", f"spark.executor.extraJavaOptions={QUICK}"),
)
"""For a cluster on two cores: Java compiles less, which pays for a minute."""
SPARK = find_spec("pyspark")
IS_POSSIBLE = SPARK is not None and shutil.which("java") is not None
MUST_RUN = bool(os.environ.get("CI"))
needs_spark = pytest.mark.skipif(
    not IS_POSSIBLE and not MUST_RUN, reason="no Spark: uv sync --extra spark, apt-get install default-jre-headless"
)

CALENDAR = """
time_zone = "Europe/Berlin"

[stores.B]
time_zone = "America/New_York"

[stores."C'\\\\"]
time_zone = "Australia/Lord_Howe"
"""
TARGETS = """
[[target]]
kpi = "response_time"
limit_minutes = 15
every = "day"
at_least = 0.95
from = 2024-01-01
until = 2024-03-31

[[target]]
kpi = "response_time"
limit_minutes = 10
every = "day"
at_least = 0.95
from = 2024-04-01
"""
FIRST = datetime(2024, 3, 1, tzinfo=UTC)
DAYS = [datetime(2024, month, day, tzinfo=UTC) for month, day in ((3, 1), (3, 9), (3, 10), (3, 30), (3, 31), (4, 6), (4, 7), (5, 30))]
"""Clocks change in New York on 10 March, in Berlin on 31 March and on Lord Howe, by half an hour, on 7 April."""


def some(random: Random, *values: Any) -> Any:
    return random.choice(values)


def version(random: Random, number: int, turn: int) -> Event:
    """One version of a request; a later turn corrects what an earlier one said."""
    drawn = Random(number)
    opened = drawn.choice(DAYS) + timedelta(microseconds=drawn.randrange(86_400_000_000))
    known = opened + timedelta(hours=1 + 60 * turn, microseconds=turn)

    def within(hours: float) -> datetime | None:
        return some(random, None, known - timedelta(microseconds=random.randrange(int(hours * 3_600_000_000))))

    responded, resolved = (moment and max(moment, opened) for moment in (within(1), within(1 + 60 * turn)))
    has_survey = resolved is not None and random.random() < 0.5
    return {
        "event_id": f"é{number}" if number % 7 == 0 else f"E{number}",
        "updated_at": known,
        "opened_at": opened,
        "responded_at": responded,
        "has_response": some(random, None, responded is not None),
        "resolved_at": resolved,
        "closed_at": some(random, None, resolved, known),
        "has_end": some(random, None, None, True),
        "reopened_at": some(random, None, None, resolved and known),
        "due_at": some(random, None, opened + timedelta(minutes=30)),
        "store": drawn.choice(["A", "B", "C'\\", None]),
        "region": drawn.choice(["North", None]),
        "channel": drawn.choice(["phone", "chat"]),
        "service": drawn.choice(["repair", "refund", None]),
        "agent": drawn.choice(["Ann", "Bo", None]),
        "segment": drawn.choice(["new", None]),
        "priority": drawn.choice(["1", "2"]),
        "customer": some(drawn, None, *(f"C{one}" for one in range(40))),
        "merged_into": f"E{drawn.randrange(600)}" if drawn.random() < 0.1 else None,
        "disposition": drawn.choice([None, "normal", "normal", "normal", "merged", "spam"]),
        "contact_count": some(random, None, 1, 2),
        "transfer_count": some(random, None, 0, 1),
        "reopen_count": some(random, None, 0, 1),
        "resolved_first_contact": some(random, None, True, False),
        "agreement_met": some(random, None, True, False),
        "satisfaction": Decimal(random.randrange(10_000, 50_001)) / 10_000 if has_survey else None,
        "satisfaction_scale": some(drawn, None, "1..5", "0.98765..7.3"),
        "recommendation": random.randrange(11) if has_survey else None,
        "effort": random.randrange(1, 8) if has_survey else None,
        "answered_at": some(random, None, resolved) if has_survey else None,
        "cost": some(random, None, Decimal(random.randrange(-(10**6), 10**12)) / 10_000),
        "handle_minutes": some(random, None, random.random() * 100),
        "outcome": some(random, None, "success", "failure", "partial", "abandoned"),
        "quality_passed": some(random, None, True, False),
        "is_complaint": some(random, None, True, False),
        "is_deleted": random.random() < 0.03,
    }


def fill(folder: Path) -> None:
    """Two sources, one of which counts no reopens; each request in up to three versions, over files that come in no order."""
    random = Random(5)
    files: dict[tuple[str, int], list[Event]] = {}
    for number in range(14_000):
        for turn in range(some(random, 1, 1, 2, 3)):
            one = version(random, number, turn)
            source = "desk" if number % 3 else "till"
            if source == "till":
                del one["reopen_count"]
            files.setdefault((source, random.randrange(3)), []).append(one)
    for (source, number), rows in files.items():
        write(folder, rows, f"file [{number}]", source)
    write(folder, [event("copy", "2024-03-01T00:00", service=one, updated_at=FIRST, customer=one) for one in ("a", "b")], "tie", "twice")
    write(folder, [event("later", "2024-06-01T09:00", updated_at=datetime(2024, 5, 31, tzinfo=UTC))], "ahead", "desk")
    (folder / "calendar.toml").write_text(CALENDAR)
    (folder / "targets.toml").write_text(TARGETS)


MAY_BE_EMPTY = ("gone", "knowledge", "absorbed", "pending_sums_ended_on", "pending_sums_answered_on")


def free_port() -> int:
    with socket.socket() as one:
        one.bind((LOOPBACK, 0))
        return int(one.getsockname()[1])


@contextmanager
def started(log: Path, *arguments: object) -> Iterator[None]:
    """One of Spark's own processes, ended with everything it started."""
    home = Path(str(SPARK.origin)).parent if SPARK else Path()
    environment = os.environ | {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": LOOPBACK, "SPARK_DAEMON_JAVA_OPTS": QUICK}
    environment |= {"SPARK_DAEMON_MEMORY": "256m", "SPARK_WORKER_DIR": str(log.parent)}
    with log.open("w") as output:
        command = [str(home / "bin" / "spark-class"), *map(str, arguments)]
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def wait_for_workers(port: int, count: int) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until:
        try:
            with urlopen(f"http://{LOOPBACK}:{port}/json/") as reply:
                if reply.read().count(b'"ALIVE"') >= count + 1:  # the master is alive too
                    return
        except OSError:
            pass
        time.sleep(0.2)
    raise AssertionError("the workers did not register with the master")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a master with two workers of one core each."""
    logs = tmp_path_factory.mktemp("cluster")
    port, page = free_port(), free_port()
    deploy = "org.apache.spark.deploy"
    url = f"spark://{LOOPBACK}:{port}"
    with started(logs / "master", f"{deploy}.master.Master", "--host", LOOPBACK, "--port", port, "--webui-port", page):
        worker = (f"{deploy}.worker.Worker", "--host", LOOPBACK, "--webui-port", 0, "--cores", 1, "--memory", "1g", url)
        with started(logs / "one", *worker), started(logs / "two", *worker):
            wait_for_workers(page, 2)
            yield url


def rollup(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(KPI), "rollup", "--data", str(folder), *arguments]
    return subprocess.run(command, env=os.environ | {"SPARK_LOCAL_IP": LOOPBACK}, capture_output=True, text=True)


def spark(folder: Path, master: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    confs = [word for one in SMALL for word in ("--conf", one)]
    return rollup(folder, "--engine", "spark", "--master", master, *confs, *arguments)


WITHOUT_SPARK = """
import sys
sys.modules["pyspark"] = None
from kpi.cli import main
main()
"""


def test_without_the_extra_the_message_says_how_to_install_it(data_folder: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_SPARK, "rollup", "--engine", "spark", "--data", str(data_folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        1,
        "kpi: pyspark is not installed. Spark is an extra: uv sync --extra spark, or pip install 'kpi-dashboard[spark]'.",
    )


def test_opening_hours_are_left_to_duckdb(data_folder: Path) -> None:
    (data_folder / "calendar.toml").write_text('clock = "opening_hours"\nopening_hours = ["daily 09:00-17:00"]\n')
    done = rollup(data_folder, "--engine", "spark")
    words = "kpi: calendar.toml: clock is opening_hours, which only DuckDB counts so far. Use --engine duckdb."
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--master", "local[2]"), "--master, --conf and --output are for --engine spark."),
        (("--engine", "flink"), "engine 'flink' does not exist. Known: duckdb, spark."),
        (("--engine", "spark", "--conf", "fast"), "fast: expected name=value."),
        (
            ("--extracts", "s3a://bucket/extracts"),
            "--extracts s3a://bucket/extracts: DuckDB reads a folder of this machine. Use --engine spark, or copy them.",
        ),
    ],
)
def test_what_cannot_be_done_is_said(data_folder: Path, words: tuple[str, ...], message: str) -> None:
    done = rollup(data_folder, *words)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, f"kpi: {message}")


def test_duckdb_builds_anew_what_loads_made_in_layers_and_the_version_stays(data_folder: Path, tmp_path: Path) -> None:
    write(data_folder, [event("1")], "one")
    loaded(data_folder)
    write(data_folder, [event("2")], "two")
    version = loaded(data_folder).version
    done = rollup(data_folder)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "2 events as of 2024-06-30T12:00:00+00:00")
    assert [file.name[:4] for file in (data_folder / "state").glob("*.duckdb")].count("base") >= 1
    other = empty_folder(tmp_path / "other")
    assert rollup(other, "--extracts", str(data_folder / "extracts")).returncode == 0
    assert published_version(data_folder) == published_version(other) == version


@needs_spark
def test_without_java_the_message_says_how_to_install_it(data_folder: Path) -> None:
    write(data_folder, [event("1")])
    environment = os.environ | {"PATH": str(data_folder), "JAVA_HOME": str(data_folder)}
    done = subprocess.run([KPI, "rollup", "--engine", "spark", "--data", data_folder], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "It needs Java 17 or newer: apt-get install default-jre-headless" in done.stderr.splitlines()[-1]


@needs_spark
def test_a_small_state_is_made_on_this_machine_too(data_folder: Path) -> None:
    write(data_folder, [event("1", resolved_at="2024-06-01T10:00"), event("2"), event("3", is_deleted=True)])
    done = spark(data_folder, "local[1]", "--conf", "spark.sql.codegen.wholeStage=false")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "2 events as of 2024-06-30T12:00:00+00:00"), done.stderr
    assert not (data_folder / "state" / "made_by_spark").exists()
    version = published_version(data_folder)
    assert loaded(data_folder).version == version


def tables(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of the only file of a state."""
    [file] = (folder / "state").glob("base-*.duckdb")
    with duckdb.connect(str(file), read_only=True) as connection:
        names = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        found = {}
        for name in names:
            columns = sorted((column, kind) for column, kind, *_ in connection.execute(f"DESCRIBE {name}").fetchall())
            listed = ", ".join(f'"{column}"' for column, _ in columns)
            found[name] = [("columns", columns), *connection.execute(f"SELECT {listed} FROM {name} ORDER BY ALL").fetchall()]
        return found


@needs_spark
def test_two_workers_make_the_state_that_duckdb_makes_to_the_bit(cluster: str, tmp_path: Path) -> None:
    folder, other = empty_folder(tmp_path / "by duckdb"), empty_folder(tmp_path / "by [spark]")
    fill(folder)
    for file in folder.glob("*.toml"):
        shutil.copy(file, other)
    loaded(folder)
    extracts, output = f"file://{folder}/extracts", f"file://{tmp_path}/shared [place]"
    done = spark(other, cluster, "--extracts", extracts, "--output", output)
    assert done.returncode == 0, done.stderr
    by_duckdb, by_spark = tables(folder), tables(other)
    assert set(by_duckdb) == set(by_spark)
    assert [name for name, rows in by_duckdb.items() if len(rows) < 3 and name not in MAY_BE_EMPTY] == []
    for name in by_duckdb:
        if name != "absorbed":
            assert by_spark[name] == by_duckdb[name], name
    assert published_version(other) == published_version(folder)
    assert current(other).tally == current(folder).tally
    assert not (other / "state" / "made_by_spark").exists()
    for each in (folder, other):
        write(each, [version(Random(9), number, 5) for number in range(90) if number % 3], "late corrections", "desk")
    events = "SELECT * FROM events ORDER BY source, event_id"
    first, second = (loaded(each).cursor().execute(events).fetchall() for each in (folder, other))
    assert first == second
    assert len(list((other / "state").glob("layer-*.duckdb"))) == 1
