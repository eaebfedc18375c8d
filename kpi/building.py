"""The files of a state: a base built from all parts, layers over it for what came later, and both combined again.

A file is written under a temporary name and renamed when it is whole. It is made batch by batch, each a transaction, so that the
build of a base that was ended goes on where it stood.
"""

import os
import shutil
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path

import duckdb

from kpi import absorbing
from kpi.absorbing import EVERY_ROW, Batch, Knowing, literal, one_row
from kpi.errors import StateError
from kpi.pace import Progress
from kpi.rollup import Cuboid
from kpi.settings import Settings

BATCH_ROWS = 500_000
"""Rows worked on at once: what bounds the memory."""

MEMORY = "3GB"
MOST_FILES = 8
LARGEST_SHARE = 0.2
"""Of the base's events, in all layers: above it they become a new base together."""

UNWRITTEN = (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.TransactionException, duckdb.FatalException)
"""What the engine says when there is no room: also of a commit, and of the database that then cannot be gone on with."""

EVENTS = "events"
BUILDING = ".building"
NEW = "new_file"

Columns = Mapping[Path, tuple[str, ...]]
Elsewhere = Callable[[duckdb.DuckDBPyConnection, Knowing], Iterable[tuple[str, Sequence[Path]]]]
"""Makes the tables of a base and tells of each its name and its parquet files, in their order."""


@dataclass(frozen=True)
class Site:
    """Where a state is built, and of what: parts in the order of their time, with the columns they give and their rows."""

    folder: Path
    parts: Columns
    rows: Mapping[Path, int]
    settings: Settings
    progress: Progress


@dataclass(frozen=True)
class Stack:
    """The files of one state, the base first; `parts` are the names of the parts in it, `as_of` the moment it is known at.

    `clock_begins` is the local day since which opening hours are counted in it; `sums` and `histograms` are the cuboids it keeps.
    """

    files: tuple[str, ...]
    parts: tuple[str, ...]
    as_of: datetime
    clock_begins: date
    sums: frozenset[Cuboid]
    histograms: frozenset[Cuboid]


def batches(parts: Iterable[Path], rows: Mapping[Path, int]) -> list[Batch]:
    """All rows of some parts, about `BATCH_ROWS` at a time: small parts together, large ones in slices."""
    found: list[Batch] = []
    together: list[Path] = []
    for part in parts:
        if rows[part] > BATCH_ROWS:
            found += [Batch((part,), first, first + BATCH_ROWS) for first in range(0, rows[part], BATCH_ROWS)]
            continue
        if together and sum(rows[one] for one in (*together, part)) > BATCH_ROWS:
            found.append(Batch(tuple(together), 0, EVERY_ROW))
            together = []
        together.append(part)
    return [*found, Batch(tuple(together), 0, EVERY_ROW)] if together else found


def build(site: Site, name: str, as_of: datetime) -> Stack:
    """A base of all parts, as known at a moment; one that was begun is gone on with."""
    with _base(site, name, as_of) as (connection, stack, knowing):
        work = batches(site.parts, site.rows)
        done = one_row(connection, f"SELECT count(*) FROM {NEW}.absorbed")[0]  # noqa: S608 (our own names)
        total = sum(site.rows.values())
        for number, batch in enumerate(work):
            rows = total * number // len(work)
            site.progress(rows, total, EVENTS, rows)
            if number >= done:
                _absorb(connection, batch, knowing, 0)
    return stack


def bring_in(site: Site, name: str, as_of: datetime, made_elsewhere: Elsewhere) -> Stack:
    """A base whose tables another engine makes of all parts."""
    (site.folder / f"{name}{BUILDING}").unlink(missing_ok=True)
    with _base(site, name, as_of) as (connection, stack, knowing):
        for table, files in made_elsewhere(connection, knowing):
            absorbing.copy_in(connection, NEW, table, files)
        known = sum(site.rows.values())
        connection.execute(f"INSERT INTO {NEW}.absorbed VALUES (0, {known})")  # noqa: S608 (our own names)
    return stack


@contextmanager
def _base(site: Site, name: str, as_of: datetime) -> Generator[tuple[duckdb.DuckDBPyConnection, Stack, Knowing]]:
    """The file of a base, whose tables are filled, and finished when they are."""
    with working(site.folder, ()) as connection:
        begins = _clock_begins(connection, site.settings, site.parts)
        kept = absorbing.worth_keeping(connection, list(site.parts), sum(site.rows.values()))
        knowing = Knowing(as_of, as_of, site.settings, begins, *kept)
        stack = Stack((name,), _names(site.parts), as_of, begins, *kept)
        temporary = site.folder / f"{name}{BUILDING}"
        total = sum(site.rows.values())
        _clear(site.folder, keep=temporary)
        with _kept_whole(temporary):
            _open_base(connection, temporary, site, knowing)
            absorbing.survey(connection, [NEW], stack.parts)
            yield connection, stack, knowing
            absorbing.tidy(connection, NEW, kept[0], kept[1])
            known = one_row(connection, f"SELECT coalesce(sum(known), 0) FROM {NEW}.absorbed")[0]  # noqa: S608 (our own names)
            absorbing.pend(connection, NEW, knowing, total - known)
            _close(connection, temporary)
        site.progress(total, total, EVENTS, total)


def add_layer(site: Site, stack: Stack, as_of: datetime) -> Stack | None:
    """The state with what came and without what is not there any more, as one more file; None where it takes a new base."""
    added = [part for part in site.parts if part.stem not in set(stack.parts)]
    removed = [site.folder / "parts" / f"{name}.parquet" for name in sorted(set(stack.parts) - set(_names(site.parts)))]
    name = f"layer-{digest(*stack.files, *_names(added), '-', *_names(removed))}.duckdb"
    catalogs = _catalogs(stack.files)
    knowing = Knowing(as_of, stack.as_of, site.settings, stack.clock_begins, stack.sums, stack.histograms)
    with working(site.folder, stack.files) as connection:
        absorbing.survey(connection, catalogs, stack.parts)
        if (
            as_of < stack.as_of
            or _is_too_much(site, stack, added, removed)
            or _concerns_old_events(connection, site, stack, added, removed)
        ):
            return None
        temporary = site.folder / f"{name}{BUILDING}"
        _clear(site.folder, keep=None)
        with _kept_whole(temporary):
            absorbing.prepare(connection, knowing)
            attach(connection, temporary, NEW, "READ_WRITE")
            absorbing.create(connection, NEW, knowing)
            connection.execute(f"CREATE TABLE {NEW}.absorbed (number BIGINT, known BIGINT)")
            _give(connection, {part: site.parts[part] for part in added})
            absorbing.survey(connection, [*catalogs, NEW], _names(site.parts))
            work: list[Batch | None] = [*([None] if removed or not added else []), *batches(added, site.rows)]
            for number, batch in enumerate(work):
                site.progress(number, len(work), EVENTS, 0)
                moment = knowing if number == 0 else replace(knowing, before=as_of)
                if batch is None:
                    absorbing.forget(connection, removed, list(site.parts), knowing)
                    absorbing.write(connection, NEW, len(catalogs), knowing)
                else:
                    _absorb(connection, batch, moment, len(catalogs))
            absorbing.pend(connection, NEW, knowing, 0)
            _close(connection, temporary)
    return replace(stack, files=(*stack.files, name), parts=_names(site.parts), as_of=as_of)


def combine(site: Site, stack: Stack) -> Stack | None:
    """The same state in fewer files: layers as one, or with the base when they are many rows; None while they are few."""
    if len(stack.files) <= MOST_FILES:
        return None
    catalogs = _catalogs(stack.files)
    with working(site.folder, stack.files) as connection:
        absorbing.survey(connection, catalogs, stack.parts)
        rows = [one_row(connection, f"SELECT count(*) FROM {catalog}.events")[0] for catalog in catalogs]  # noqa: S608 (our own names)
        is_base = sum(rows[1:]) > max(LARGEST_SHARE * rows[0], BATCH_ROWS) or rows[0] < BATCH_ROWS
        name = f"{'base' if is_base else 'layer'}-{digest(*stack.files)}.duckdb"
        temporary = site.folder / f"{name}{BUILDING}"
        knowing = Knowing(stack.as_of, stack.as_of, site.settings, stack.clock_begins, stack.sums, stack.histograms)
        later = one_row(connection, f"SELECT later_count FROM {catalogs[-1]}.knowledge")[0]  # noqa: S608 (our own names)
        _clear(site.folder, keep=None)
        with _kept_whole(temporary):
            if is_base:
                shutil.copyfile(site.folder / stack.files[0], temporary)
            attach(connection, temporary, NEW, "READ_WRITE")
            absorbing.prepare(connection, knowing)
            if not is_base:
                absorbing.create(connection, NEW, knowing)
                absorbing.survey(connection, catalogs, stack.parts)
            absorbing.combine(connection, catalogs, NEW, knowing, is_base=is_base)
            absorbing.pend(connection, NEW, knowing, later)
            _close(connection, temporary)
    return replace(stack, files=(name,) if is_base else (stack.files[0], name))


@contextmanager
def working(folder: Path, files: Sequence[str]) -> Generator[duckdb.DuckDBPyConnection]:
    """A connection of its own with the files of a state attached for reading, and bounded memory."""
    with connected({"memory_limit": MEMORY, "temp_directory": str(folder / "spill"), "preserve_insertion_order": False}) as connection:
        for catalog, file in zip(_catalogs(files), files, strict=True):
            attach(connection, folder / file, catalog, "READ_ONLY")
        yield connection


def connected(config: Mapping[str, str | bool]) -> duckdb.DuckDBPyConnection:
    """A DuckDB of its own, without extensions from outside."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
            **config,
        },
    )
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    connection.execute("SET asof_loop_join_threshold = 0")  # DuckDB 2.0 underestimates the rows of a file and loops: 30 times slower
    return connection


def attach(connection: duckdb.DuckDBPyConnection, file: Path, catalog: str, access: str) -> None:
    """Open a file under a name; only a text in the statement can name it."""
    path = str(file).replace("'", "''")
    connection.execute(f"ATTACH '{path}' AS {catalog} ({access})")


def digest(*words: str) -> str:
    """A short name for what is made of these."""
    return sha256("\n".join(words).encode()).hexdigest()[:16]


def _absorb(connection: duckdb.DuckDBPyConnection, batch: Batch, knowing: Knowing, number: int) -> None:
    """One batch, as a transaction."""
    connection.begin()
    absorbing.absorb(connection, batch, knowing)
    absorbing.write(connection, NEW, number, knowing)
    connection.execute(f"INSERT INTO {NEW}.absorbed SELECT count(*), getvariable('arrived') FROM {NEW}.absorbed")  # noqa: S608 (our own names)
    connection.commit()


def _open_base(connection: duckdb.DuckDBPyConnection, temporary: Path, site: Site, knowing: Knowing) -> None:
    """The file that a base is built in: as an ended build left it, or a new one."""
    absorbing.prepare(connection, knowing)
    if temporary.exists():
        try:
            attach(connection, temporary, NEW, "READ_WRITE")
            one_row(connection, f"SELECT count(*) FROM {NEW}.absorbed")  # noqa: S608 (our own names)
            return
        except duckdb.Error:  # it was ended before it was begun in earnest
            connection.execute(f"DETACH DATABASE IF EXISTS {NEW}")
            _remove(temporary)
    attach(connection, temporary, NEW, "READ_WRITE")
    absorbing.create(connection, NEW, knowing)
    _give(connection, site.parts)
    connection.execute(f"CREATE TABLE {NEW}.absorbed (number BIGINT, known BIGINT)")  # last: without it there is nothing to go on with


def _give(connection: duckdb.DuckDBPyConnection, parts: Columns) -> None:
    """Note the columns that each part gives for the sources in it."""
    for part, columns in parts.items():
        sources = "SELECT DISTINCT source FROM read_parquet($parts, hive_partitioning = FALSE)"
        statement = f"INSERT INTO {NEW}.given SELECT $part, source, unnest($columns) FROM ({sources})"  # noqa: S608 (our own names)
        connection.execute(statement, {"part": part.stem, "columns": list(columns), "parts": literal([part])})


def _is_too_much(site: Site, stack: Stack, added: Sequence[Path], removed: Sequence[Path]) -> bool:
    """Whether a new base is less work, or what is gone cannot be looked up any more."""
    rows_there = sum(rows for part, rows in site.rows.items() if part.stem in set(stack.parts))
    rows_new = sum(site.rows[part] for part in added)
    return rows_new > max(rows_there, BATCH_ROWS) or not all(part.exists() for part in removed)


def _concerns_old_events(
    connection: duckdb.DuckDBPyConnection, site: Site, stack: Stack, added: Sequence[Path], removed: Sequence[Path]
) -> bool:
    """Whether files change what events mean that are not in them: a source that begins or ceases to count reopens, or opening hours
    that must be counted from an earlier day.
    """
    if _clock_begins(connection, site.settings, added) < stack.clock_begins:
        return True
    before = absorbing.sources_counting_reopens(connection)
    known = absorbing.sources(connection)
    absorbing.survey(connection, _catalogs(stack.files), [name for name in stack.parts if name not in _names(removed)])
    after = absorbing.sources_counting_reopens(connection)
    for part in added:
        if "reopen_count" in site.parts[part]:
            statement = "SELECT DISTINCT source FROM read_parquet($parts, hive_partitioning = FALSE)"
            after |= {row[0] for row in connection.execute(statement, {"parts": literal([part])}).fetchall()}
    return before & known != after & known


def _clock_begins(connection: duckdb.DuckDBPyConnection, settings: Settings, parts: Iterable[Path]) -> date:
    """The day of the first opening, where opening hours are counted."""
    names = literal(list(parts))
    if settings.calendar.clock != "opening_hours" or not names:
        return date.max
    statement = "SELECT min(opened_at) FROM read_parquet($parts, hive_partitioning = FALSE)"
    first = connection.execute(statement, {"parts": names}).fetchall()[0][0]
    return first.date() if first else date.max


def _close(connection: duckdb.DuckDBPyConnection, temporary: Path) -> None:
    """Everything in the file itself, and the file on the disk."""
    connection.execute(f"CHECKPOINT {NEW}")
    connection.execute(f"DETACH {NEW}")
    descriptor = os.open(temporary, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _kept_whole(temporary: Path) -> Generator[None]:
    """The file appears under its own name when all of it is written; a full disk says so and gives back what it took."""
    try:
        yield
        temporary.replace(temporary.with_name(temporary.name.removesuffix(BUILDING)))
    except (OSError, *UNWRITTEN) as error:
        _remove(temporary)
        raise unwritten(temporary.parent, error) from error


def unwritten(folder: Path, error: Exception) -> StateError:
    """The message that something could not be written there."""
    return StateError(
        "{where}: the state could not be written ({found}). Make room, or allow the dashboard to write there; it is tried again.",
        where=folder,
        found=error,
    )


def is_damage(error: duckdb.Error) -> bool:
    """Whether a file that was whole once cannot be read any more; the engine has no class of its own for it."""
    return isinstance(error, duckdb.IOException | duckdb.SerializationException | duckdb.FatalException) or "orrupt" in str(error)


def _clear(folder: Path, keep: Path | None) -> None:
    """What was begun and never finished, but the one that is gone on with."""
    kept = {keep, keep.with_name(f"{keep.name}.wal")} if keep and keep.exists() else set()
    for leftover in set(folder.glob(f"*{BUILDING}*")) - kept:
        leftover.unlink(missing_ok=True)
    shutil.rmtree(folder / "spill", ignore_errors=True)


def _remove(file: Path) -> None:
    for one in (file, file.with_name(f"{file.name}.wal")):
        one.unlink(missing_ok=True)


def _catalogs(files: Sequence[str]) -> list[str]:
    return [f"l{number}" for number in range(len(files))]


def _names(parts: Iterable[Path]) -> tuple[str, ...]:
    return tuple(part.stem for part in parts)
