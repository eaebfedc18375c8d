"""A vendor's export becomes an extract: read, map, check, fold, replay, write, and account for every row."""

# ruff: noqa: S608 (names are contract columns or positions of raw columns; texts pass through quoting)

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import duckdb

from kpi.errors import ConfigError, ExtractError
from kpi.events import CLOCK_TOLERANCE
from kpi.quarantine import LONGEST_TEXT
from kpi.sources import (
    absences,
    checks,
    costs,
    folding,
    history,
    moments,
    parts,
    problems,
    profiles,
    reading,
    reports,
    values,
)
from kpi.sources.conversion import Conversion
from kpi.sources.headers import position_of
from kpi.sources.mapping import Mapping
from kpi.sources.numbers import Marks, number_macros
from kpi.sources.quoting import literal
from kpi.words import text

SQL = resources.files("kpi") / "sql"
MACROS, KEPT_ASIDE = ((SQL / name).read_text(encoding="utf-8") for name in ("macros.sql", "kept_aside.sql"))
Progress = Callable[[float, str], None]
FORM = "3"  # of the extracts written here: a new number gives every extract a new name


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a conversion writes: names are never reused for other content."""

    extract: Path
    kept_aside: Path


@dataclass(frozen=True, kw_only=True)
class Typed:
    """What became of the columns: those that are filled, moments in the future, cost pools nobody could bear."""

    columns: tuple[str, ...]
    in_the_future: int
    unshared_pools: int


def convert(mapping: Mapping, files: Sequence[Path], extracts: Path, progress: Progress) -> Conversion:
    """One extract from a set of files, written to `extracts/<mapping>/`; rows kept aside go to `kept_aside/` beside `extracts`."""
    if not files:
        raise ExtractError("mapping {name}: no files, expected at least one. Name the export.", name=mapping.name)
    with tempfile.TemporaryDirectory(prefix="kpi-convert-") as folder:
        try:
            with duckdb.connect() as connection:
                report = _convert(connection, mapping, files, extracts, Path(folder), progress)
        except ConfigError as error:
            raise ConfigError("{name}.toml: {problem}", name=mapping.name, problem=error) from error
    progress(1.0, text("Done"))
    return report


def _place(mapping: Mapping, files: Sequence[Path], extracts: Path, in_the_future: int) -> Place:
    stem = f"{files[0].stem}-{fingerprint(mapping, files, in_the_future)}"
    return Place(extract=extracts / mapping.name / f"{stem}.parquet", kept_aside=extracts.parent / "kept_aside" / f"{stem}.csv")


def fingerprint(mapping: Mapping, files: Sequence[Path], in_the_future: int) -> str:
    """Of all that decides what is written. Moments only leave the future, so their number says which of them are in it."""
    whole = hashlib.sha256(f"{FORM} {mapping.name} {mapping.digest} {in_the_future}".encode())
    for file in files:
        whole.update(_file_digest(file).encode())
    return whole.hexdigest()[:12]


def _file_digest(file: Path) -> str:
    if not file.is_file():
        raise ExtractError("{file}: no such file. Name an existing one.", file=file)
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _convert(
    connection: duckdb.DuckDBPyConnection, mapping: Mapping, files: Sequence[Path], extracts: Path, scratch: Path, progress: Progress
) -> Conversion:
    _prepare(connection, mapping, scratch)
    progress(0.05, text("Reading the files"))
    raw = reading.renamed(reading.read(connection, mapping.file, files, scratch), mapping.rename)
    lock(connection, scratch)
    mapping, absent = absences.present(mapping, raw.columns)
    raw_profiles = profiles.profiles(connection, "raw", profiles.raw_names(raw.columns))
    progress(0.30, text("Mapping values"))
    outside = values.outside_allowed(connection, mapping, raw.columns)
    values.map_raw(connection, mapping, raw.columns)
    progress(0.40, text("Folding rows into events"))
    folded = folding.fold(connection, mapping, raw.columns)
    progress(0.60, text("Checking every event"))
    typed = _typed(connection, mapping, raw.columns)
    place = _place(mapping, files, extracts, typed.in_the_future)
    progress(0.80, text("Writing the extract"))
    names = history.write_versions(connection, mapping.history, typed.columns)
    _write(connection, place, names, scratch)
    progress(0.95, text("Counting"))
    return reports.report(
        connection,
        reports.Facts(
            mapping=mapping,
            files=tuple(file.name for file in files),
            extract=str(place.extract) if place.extract.exists() else "",
            kept_aside=str(place.kept_aside) if place.kept_aside.exists() else "",
            raw=raw,
            raw_profiles=raw_profiles,
            outside_allowed=outside,
            fold_duplicates=folded.duplicates,
            unshared_pools=typed.unshared_pools,
            columns=typed.columns,
            absent=absent,
            skipped=parts.skipped(files),
        ),
    )


def _prepare(connection: duckdb.DuckDBPyConnection, mapping: Mapping, scratch: Path) -> None:
    for setting in (
        "TimeZone = 'UTC'",
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        "python_enable_replacements = false",
        f"temp_directory = {literal(str(scratch / 'spill'))}",
    ):
        connection.execute(f"SET {setting}")
    connection.execute("SET VARIABLE latest = $latest::TIMESTAMPTZ", {"latest": datetime.now(UTC) + CLOCK_TOLERANCE})
    connection.execute(MACROS)
    problems.prepare(connection)
    moments.prepare(connection, mapping.clock)
    connection.execute(number_macros(Marks(decimal=mapping.file.decimal, thousands=mapping.file.thousands)))


def lock(connection: duckdb.DuckDBPyConnection, scratch: Path) -> None:
    """Before any expression of a mapping runs, the connection loses every file but its own scratch folder."""
    for setting in (
        f"allowed_directories = [{literal(str(scratch))}]",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")


def _typed(connection: duckdb.DuckDBPyConnection, mapping: Mapping, columns: tuple[str, ...]) -> Typed:
    given = values.given_values(connection, mapping, columns)
    filled = tuple(value.target for value in given)
    set_aside = tuple(name for name in mapping.set_aside if name in filled)
    problems.name_origins(connection, {value.target: value.raw for value in given}, mapping.rename)
    values.type_values(connection, mapping, given)
    for flag in (problems.HAPPENED[name] for name in set_aside if name in problems.HAPPENED):
        connection.execute(f"ALTER TABLE typed ADD COLUMN IF NOT EXISTS {flag} BOOLEAN")
        filled = tuple(dict.fromkeys((*filled, flag)))
    in_the_future = checks.check(connection, filled, mapping.history)
    problems.set_aside(connection, set_aside)
    if mapping.costs is None:
        return Typed(columns=filled, in_the_future=in_the_future, unshared_pools=0)
    if mapping.costs.currency:
        cells = [f"c{position_of('[costs]', name, columns)}" for name in (mapping.costs.currency, mapping.costs.booked_on)]
        costs.convert_currency(connection, mapping.costs, cells[0], cells[1], filled)
    unshared = costs.allocate(connection, mapping.costs, mapping.clock.zone, filled) if mapping.costs.pools else 0
    return Typed(columns=costs.filled_by(mapping.costs, filled), in_the_future=in_the_future, unshared_pools=unshared)


def _write(connection: duckdb.DuckDBPyConnection, place: Place, names: tuple[str, ...], scratch: Path) -> None:
    if _one(connection, "SELECT count(*) FROM versions"):
        draft = scratch / "extract.parquet"
        connection.execute(f"COPY (SELECT {', '.join(names)} FROM versions) TO {literal(str(draft))} (FORMAT parquet, COMPRESSION zstd)")
        _publish(draft, place.extract)
    connection.execute(KEPT_ASIDE, {"unreadable": text("unreadable row"), "longest": LONGEST_TEXT})
    if _one(connection, "SELECT count(*) FROM kept_aside"):
        draft = scratch / "kept_aside.csv"
        connection.execute(f"COPY (SELECT * EXCLUDE (row_id) FROM kept_aside) TO {literal(str(draft))} (HEADER)")
        _publish(draft, place.kept_aside)


def _publish(draft: Path, target: Path) -> None:
    """Under a temporary name first, so that nobody reads half a file; an existing file of that name has this content already."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    shutil.copyfile(draft, temporary)
    with temporary.open("rb") as stream:
        os.fsync(stream.fileno())
    temporary.replace(target)


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row and row[0] is not None else 0
