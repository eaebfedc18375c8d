"""The process that decodes extracts: whatever a file does to it, the dashboard goes on.

Started by `kpi.extracts`. Reads one JSON job a line, answers each with one JSON line, and writes nothing but the files of its own
folder. It copies a file there first, so that what was hashed is what is decoded, whatever happens to the original meanwhile.
"""

import json
import os
import resource
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TextIO, TypedDict

import duckdb

from kpi import checks, footer
from kpi.events import BY_NAME, CLOCK_TOLERANCE, COLUMNS
from kpi.intake import COPY, LARGEST_FILE_BYTES, take
from kpi.quarantine import Refused, refusal_of

MEMORY_BYTES = 4 * 2**30  # address space, which is more than what is used
DUCKDB_MEMORY = "1GB"
THREADS = 2

PART, KEPT_ASIDE = "part.parquet", "kept_aside.parquet"
SQL = Path(__file__).parent / "sql"


class Job(TypedDict):
    """One file to check. `edition` ends the name of its part; a part that exists in `parts` is not made again."""

    path: str
    source: str
    parts: str
    edition: str
    now: str
    inner_pad: str
    outer_pad: str
    seconds: int


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nothing a library prints can be taken for an answer
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, MEMORY_BYTES)
    _limit(resource.RLIMIT_FSIZE, LARGEST_FILE_BYTES)
    os.umask(0o077)
    _serve(sys.stdin, answers)


def _serve(jobs: TextIO, answers: TextIO) -> None:
    for line in jobs:
        job: Job = json.loads(line)
        _limit_processor(job["seconds"])
        answers.write(json.dumps(answer(job)) + "\n")
        answers.flush()


def answer(job: Job) -> dict[str, object]:
    """What was found out about one file. `refused` is empty for a file that could be read."""
    facts: dict[str, object] = {"sha256": "", "size": 0, "checksum": "unverified", "refused": ""}
    try:
        taken = take(job["path"])
        facts |= asdict(taken)
        if Path(job["parts"], f"{taken.sha256}-{job['edition']}.json").exists():
            return facts | {"known": True}
        with _failures():
            return facts | read(job, taken.size)
    except Refused as refused:
        problems = [asdict(problem) for problem in refused.problems]
        return facts | {"refused": refused.reason, "found": refused.found, "expected": refused.expected, "problems": problems}


def read(job: Job, size: int) -> dict[str, object]:
    """Judges every row of the private copy; writes the good ones and the others here."""
    footer.check_ends(Path(COPY))
    with duckdb.connect(":memory:", config={"threads": str(THREADS), "memory_limit": DUCKDB_MEMORY}) as connection:
        _restrict(connection)
        rows = footer.check_chunks(connection, size)
        names = _names(connection)
        problems = checks.name_problems(names)
        if problems:
            raise Refused("schema", problems=problems)
        types = _types(connection)
        _set_variables(connection, job)
        row_checks = checks.checks(types)
        _make_views(connection, types, row_checks)
        return _write(connection, row_checks, rows) | {
            "columns": [column.name for column in COLUMNS if column.name in types],
            "unknown_columns": [checks.shortened(name) for name in names if name not in BY_NAME],
        }


def _write(connection: duckdb.DuckDBPyConnection, row_checks: list[checks.Check], rows: int) -> dict[str, object]:
    connection.execute(_sql("border_part"))
    tallies = connection.execute(_sql("border_tally")).fetchall()
    if sum(tally[1] for tally in tallies) != rows:
        raise Refused("damaged", "another number of rows than it says")
    written = connection.execute("SELECT num_rows FROM parquet_file_metadata(?)", [PART]).fetchone()
    good = next((tally for tally in tallies if tally[0] is None), (None, 0, None, None, 0, 0, 0))
    if written != (good[1],):
        raise Refused("damaged", "rows that are not the same when read twice")
    failed = [(row_checks[tally[0]].reason, tally) for tally in tallies if tally[0] is not None]
    reasons: dict[str, int] = {}
    for reason, (_, count, *_) in failed:
        reasons[reason] = reasons.get(reason, 0) + count
    if reasons:
        connection.execute(_sql("border_kept_aside"))
    return {
        "rows": rows,
        "accepted": good[1],
        "newest_update": good[2].isoformat() if good[2] else None,
        "unknown_dimensions": {name: count for name, count in zip(("store", "channel", "service"), good[4:], strict=True) if count},
        "reasons": dict(sorted(reasons.items())),
        "holds_until": next(((tally[3] - CLOCK_TOLERANCE).isoformat() for reason, tally in failed if reason == "in_the_future"), None),
    }


def _restrict(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(_sql("border_session"))
    here = str(Path.cwd())
    connection.execute("SET temp_directory = ?", [f"{here}/spill"])
    connection.execute("SET allowed_directories = ?", [[here]])
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The columns of the file, without what is nested in them."""
    elements = connection.execute("SELECT name, num_children FROM parquet_schema(?)", [COPY]).fetchall()
    names, place = [], 1
    while place < len(elements):
        names.append(elements[place][0])
        place = _after(elements, place)
    return names


def _after(elements: list[tuple[str, int | None]], place: int) -> int:
    """The place of the next element that is not nested in this one."""
    open_children = 1
    while open_children and place < len(elements):
        open_children += (elements[place][1] or 0) - 1
        place += 1
    return place


def _types(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The type of each column of the contract that the file has."""
    described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?, hive_partitioning = false)", [COPY]).fetchall()
    found = {name: kind for name, kind, *_ in described if name in BY_NAME}
    wrong = [name for name, kind in found.items() if not checks.loses_nothing(BY_NAME[name], kind)]
    filled = _filled(connection, wrong)
    problems = [checks.type_problem(BY_NAME[name], found[name]) for name in wrong if name in filled]
    if problems:
        raise Refused("schema", problems=problems)
    return {name: checks.NO_TYPE if name in wrong else kind for name, kind in found.items()}


def _filled(connection: duckdb.DuckDBPyConnection, names: list[str]) -> set[str]:
    if not names:
        return set()
    counts = ", ".join(f'count("{name}")' for name in names)  # names of the contract only
    found = connection.execute(f"SELECT {counts} FROM read_parquet(?, hive_partitioning = false)", [COPY]).fetchone() or ()  # noqa: S608
    return {name for name, count in zip(names, found, strict=True) if count}


def _set_variables(connection: duckdb.DuckDBPyConnection, job: Job) -> None:
    connection.execute("SET VARIABLE source = ?::VARCHAR", [job["source"]])
    connection.execute("SET VARIABLE latest = ?::TIMESTAMPTZ", [datetime.fromisoformat(job["now"]) + CLOCK_TOLERANCE])
    connection.execute("SET VARIABLE inner_pad = ?::BLOB", [bytes.fromhex(job["inner_pad"])])
    connection.execute("SET VARIABLE outer_pad = ?::BLOB", [bytes.fromhex(job["outer_pad"])])


def _make_views(connection: duckdb.DuckDBPyConnection, types: dict[str, str], row_checks: list[checks.Check]) -> None:
    for name, query in (  # the contract's own names only
        ("given", f"SELECT {checks.given(types)} FROM read_parquet('{COPY}', hive_partitioning = false, file_row_number = true)"),  # noqa: S608
        ("canonical", f"SELECT {checks.canonical(types)} FROM given"),  # noqa: S608
        ("failing", f"SELECT *, {checks.failure(row_checks)} AS failure FROM canonical"),  # noqa: S608
        ("judged", f"SELECT *, {checks.found_text(row_checks)} AS found FROM failing"),  # noqa: S608
        ("good", f"SELECT {checks.accepted()} FROM judged WHERE failure IS NULL"),  # noqa: S608
        ("accepted", f"SELECT *, {checks.row_content()} AS content FROM good"),  # noqa: S608
    ):
        connection.execute(f"CREATE VIEW {name} AS {query}")
    connection.execute("CREATE TABLE checks (number INTEGER, column_name VARCHAR, reason VARCHAR, expected VARCHAR)")
    connection.executemany(
        "INSERT INTO checks VALUES (?, ?, ?, ?)",
        [(number, check.column, check.reason, check.expected) for number, check in enumerate(row_checks)],
    )


@contextmanager
def _failures() -> Generator[None]:
    """Every way in which decoding fails, as a refusal. DuckDB's own texts may hold cells of the file: they stay here."""
    try:
        yield
    except Refused:
        raise
    except (duckdb.OutOfMemoryException, MemoryError):
        raise Refused("too_much", "data that need more memory than allowed", DUCKDB_MEMORY) from None
    except duckdb.Error as error:
        if "No space left" in str(error) or "max_temp_directory_size" in str(error):
            raise Refused("no_space") from None
        if "UTF" in str(error):
            raise Refused("not_utf8", "other bytes") from None
        raise Refused("damaged", type(error).__name__) from None
    except OSError as error:
        raise refusal_of(error) from None
    except UnicodeError:
        raise Refused("damaged", "a name that is not UTF-8") from None
    except Exception as error:  # whatever else: the dashboard goes on, and the file is tried again
        raise Refused("unsafe", type(error).__name__) from None


def _limit(kind: int, most: int) -> None:
    most = _within_hard_limit(kind, most)
    resource.setrlimit(kind, (most, most))


def _limit_processor(seconds: int) -> None:
    """Counts from now: the limit is for the whole life of the process, which reads many files."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    most = int(usage.ru_utime + usage.ru_stime) + THREADS * seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (_within_hard_limit(resource.RLIMIT_CPU, most), hard))


def _within_hard_limit(kind: int, most: int) -> int:
    _, hard = resource.getrlimit(kind)
    return most if hard == resource.RLIM_INFINITY else min(most, hard)


def _sql(name: str) -> str:
    return (SQL / f"{name}.sql").read_text()


if __name__ == "__main__":
    main()
