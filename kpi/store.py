"""The state: what the extracts say, as one immutable DuckDB file a version, opened read-only by any number of processes.

Everything here can be rebuilt from the extracts. A new version is written under a temporary name and renamed, then the
pointer is replaced: whatever happens, the state is the one before or the one after.
"""

import fcntl
import json
import os
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import duckdb

from kpi import calendar, extracts, pseudonyms
from kpi.calendar import Schedule, open_intervals
from kpi.errors import LoaderBusy, StateError
from kpi.events import COLUMNS
from kpi.extracts import Verdict
from kpi.metrics import DEFAULT_LIMIT_MINUTES, Kpi, missing
from kpi.settings import Settings, read_settings
from kpi.tally import Tally, copies

SQL = Path(__file__).parent / "sql"
DERIVATION = (*sorted(SQL.glob("*.sql")), Path(__file__), Path(calendar.__file__))
LAYOUT = sha256(b"".join(file.read_bytes() for file in DERIVATION)).hexdigest()
"""Changes when the derivation does, so that a new release rebuilds the state by itself."""

POINTER = f"current-{LAYOUT[:12]}.json"
"""What readers open; that of another release is not seen, as if nothing were loaded yet."""
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

Parts = Mapping[Path, tuple[str, ...]]
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class State:
    """One version of the events, and what they were derived from.

    `as_of` is the newest update known, in UTC; `version` changes with the data, the settings or the derivation; `columns_of`
    are the contract columns that each source gives.
    """

    connection: duckdb.DuckDBPyConnection
    version: str
    as_of: datetime
    tally: Tally
    columns_of: Mapping[str, frozenset[str]]
    verdicts: tuple[Verdict, ...]
    settings: Settings

    @property
    def event_count(self) -> int:
        """How many events there are, whatever their disposition."""
        return self.tally.events

    @property
    def measured(self) -> frozenset[str]:
        """The contract columns that at least one source gives."""
        return frozenset(column for columns in self.columns_of.values() for column in columns)

    def lacking(self, kpi: Kpi) -> tuple[str, ...]:
        """The sources that do not measure a KPI: their events are in none of its sums."""
        return tuple(source for source, columns in self.columns_of.items() if missing(kpi, columns))

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A cursor for one query: a connection shared by threads returns other threads' rows."""
        return self.connection.cursor()

    @property
    def zones(self) -> tuple[str, ...]:
        """The time zones that stores keep."""
        calendar = self.settings.calendar
        return tuple(dict.fromkeys((calendar.default.zone, *(one.zone for one in calendar.stores.values()))))

    @property
    def known_on(self) -> date:
        """The newest local day of `as_of`: nothing is known of later ones."""
        return max(self.as_of.astimezone(ZoneInfo(zone)).date() for zone in self.zones)


def ignore_progress(done: int, total: int, what: str) -> None:
    """For callers who show nothing."""


def load(folder: Path, progress: Progress) -> State:
    """Check what is new in the extracts, and publish the state that follows from all of them and the settings."""
    state_folder = folder / "state"
    parts = state_folder / "parts"
    _make_folder(parts)
    with _only_loader(state_folder):
        settings = read_settings(folder)
        files = extracts.listing(folder / "extracts")
        verdicts = tuple(extracts.check(files, folder, pseudonyms.customer_key(folder), parts, datetime.now(UTC), progress))
        file = state_folder / _events_name(verdicts, settings)
        if not file.exists():
            progress(len(files), len(files), "events")
            _build(file, _parts(verdicts, parts), settings)
        _publish(state_folder, file.name, verdicts, settings)
    return current(folder)


def latest(folder: Path, progress: Progress) -> State:
    """As `load`; while another program is loading, what is published."""
    try:
        return load(folder, progress)
    except LoaderBusy:
        return current(folder)


def current(folder: Path) -> State:
    """The published state."""
    state_folder = folder / "state"
    try:
        pointer = json.loads((state_folder / POINTER).read_text())
        verdicts = tuple(extracts.from_json(json.dumps(entry)) for entry in json.loads((state_folder / pointer["verdicts"]).read_text()))
        connection = _connect(state_folder / pointer["events"], "READ_ONLY")
    except (OSError, ValueError, KeyError, duckdb.Error) as error:
        raise StateError("{where}: nothing is loaded yet. Run: kpi load --data {folder}", where=state_folder, folder=folder) from error
    return _state(connection, pointer["version"], verdicts, read_settings(folder))


def at_version(folder: Path, version: str) -> State:
    """The published state if it is still this version: what a link promised must be what it gives."""
    state = current(folder)
    if state.version != version:
        raise StateError("The data changed since this page was drawn. Reload it and use its link.")
    return state


def published_version(folder: Path) -> str:
    """The version that `current` would open, or an empty text when nothing is loaded: cheap enough to ask often."""
    try:
        return str(json.loads((folder / "state" / POINTER).read_text())["version"])
    except (OSError, ValueError, KeyError):
        return ""


def known_at(state: State, folder: Path, as_of: datetime) -> State:
    """The events as they were known at a moment: later versions, and whatever happened later, are not there."""
    connection = _connect(Path(":memory:"), "AUTOMATIC")
    parts = _parts(state.verdicts, folder / "state" / "parts")
    _derive(connection, parts, state.settings, as_of)
    return _state(connection, f"{state.version}-{as_of:%Y%m%dT%H%M%S.%f}", state.verdicts, state.settings)


def _state(connection: duckdb.DuckDBPyConnection, version: str, verdicts: tuple[Verdict, ...], settings: Settings) -> State:
    as_of, tally = _knowledge(connection, copies(verdicts))
    columns: dict[str, set[str]] = {}
    for source, column in connection.execute("SELECT source, column_name FROM given ORDER BY ALL").fetchall():
        columns.setdefault(source, set()).add(column)
    columns_of = {source: frozenset(names) for source, names in columns.items()}
    return State(connection, version, as_of, tally, columns_of, verdicts, settings)


def _knowledge(connection: duckdb.DuckDBPyConnection, copied: int) -> tuple[datetime, Tally]:
    """The moment that the events are known at, and what became of the rows; `copied` rows are in no version."""
    statement = "SELECT *, (SELECT count(*) FROM events) FROM knowledge"
    as_of, versions, later, known, deleted, unopened, events = connection.execute(statement).fetchall()[0]
    superseded = versions - later - known + copied
    tally = Tally(rows=versions + copied, events=events, superseded=superseded, deleted=deleted, unopened=unopened, later=later)
    return as_of.astimezone(UTC), tally


def _connect(file: Path, access: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(
        str(file),
        config={
            "access_mode": access,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
            "enable_external_access": access != "READ_ONLY",
        },
    )
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    connection.execute("SET asof_loop_join_threshold = 0")  # DuckDB 2.0 underestimates the rows of a file and loops: 30 times slower
    return connection


def _build(file: Path, parts: Parts, settings: Settings) -> None:
    """Write the state under a temporary name first: a file that a kill leaves half-born can never be opened again."""
    temporary = file.with_suffix(".building")
    for leftover in file.parent.glob("*.building*"):
        leftover.unlink()
    try:
        with _connect(temporary, "READ_WRITE") as connection:
            _derive(connection, parts, settings, _newest_update(connection, parts))
            connection.execute("CHECKPOINT")
        temporary.replace(file)
    except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
        temporary.unlink(missing_ok=True)
        raise StateError(
            "{where}: the state could not be written ({found}). Free space or memory, then load again.",
            where=file.parent,
            found=error,
        ) from error


def _newest_update(connection: duckdb.DuckDBPyConnection, parts: Parts) -> datetime:
    if not parts:
        return BEGINNING
    statement = "SELECT coalesce(max(updated_at), $beginning) FROM read_parquet($parts)"
    return connection.execute(statement, {"parts": _literal(parts), "beginning": BEGINNING}).fetchall()[0][0]


def _derive(connection: duckdb.DuckDBPyConnection, parts: Parts, settings: Settings, as_of: datetime) -> None:
    """The events table as known at a moment, from the checked extracts."""
    calendar = settings.calendar
    _insert_versions(connection, parts)
    connection.execute((SQL / "known.sql").read_text())
    connection.execute("CREATE TABLE given (source VARCHAR, column_name VARCHAR)")
    for part, columns in parts.items():
        statement = "INSERT INTO given SELECT DISTINCT source, unnest($columns) FROM read_parquet($parts)"
        connection.execute(statement, {"columns": list(columns), "parts": _literal([part])})
    connection.execute((SQL / "macros.sql").read_text())
    connection.execute("CREATE TABLE schedules (store VARCHAR, zone VARCHAR)")
    connection.execute("CREATE TABLE limits (kpi VARCHAR, starts_on DATE, ends_on DATE, seconds BIGINT)")
    _insert(connection, "INSERT INTO schedules VALUES (?, ?)", [(store, one.zone) for store, one in calendar.stores.items()])
    _insert(connection, "INSERT INTO limits VALUES (?, ?, ?, ?)", limits_of(settings))
    window = timedelta(days=settings.definitions.first_contact_window_days)
    connection.execute(
        (SQL / "events.sql").read_text(),
        {"as_of": as_of, "zone": calendar.default.zone, "window_seconds": int(window.total_seconds())},
    )
    if calendar.clock == "opening_hours":
        _count_opening_hours(connection, settings, as_of)
    connection.execute((SQL / "knowledge.sql").read_text(), {"as_of": as_of})


def _insert_versions(connection: duckdb.DuckDBPyConnection, parts: Parts) -> None:
    """The relation `versions`: a view of the parts, or of nothing at all."""
    columns = ", ".join(f"CAST(NULL AS {column.type}) AS {column.name}" for column in COLUMNS)
    empty = f"SELECT {columns}, CAST(NULL AS UBIGINT) AS row_hash WHERE FALSE"
    names = ", ".join("'" + path.replace("'", "''") + "'" for path in _literal(parts))
    source = f"SELECT * FROM read_parquet([{names}], hive_partitioning = FALSE)" if parts else empty  # noqa: S608 (our own parts; a view takes no parameters)
    connection.execute(f"CREATE TEMP VIEW versions AS {source}")


def _insert(connection: duckdb.DuckDBPyConnection, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
    if rows:
        connection.begin()
        connection.executemany(statement, rows)
        connection.commit()


class Limit(NamedTuple):
    """The time limit of a duration on some days."""

    kpi: str
    starts_on: date
    ends_on: date
    seconds: int


def limits_of(settings: Settings) -> list[Limit]:
    """The dated time limits; where none is set, the brief's for response time and none for resolution time."""
    rows = [
        Limit(target.kpi, target.starts_on, target.ends_on, round(target.limit_minutes * 60))
        for target in settings.targets
        if target.limit_minutes is not None
    ]
    defaults = [
        Limit(name, date.min, date.max, round(minutes * 60))
        for name, minutes in DEFAULT_LIMIT_MINUTES.items()
        if name not in {row.kpi for row in rows}
    ]
    return rows + defaults


def _count_opening_hours(connection: duckdb.DuckDBPyConnection, settings: Settings, as_of: datetime) -> None:
    first = connection.execute("SELECT min(opened_at) FROM events").fetchall()[0][0]
    if first is None:
        return
    connection.execute("CREATE TABLE open_hours (store VARCHAR, starts_at TIMESTAMPTZ, seconds BIGINT, seconds_before BIGINT)")
    for store, schedule in {"": settings.calendar.default, **settings.calendar.stores}.items():
        _insert(connection, "INSERT INTO open_hours VALUES (?, ?, ?, ?)", _open_hours(store, schedule, first, as_of))
    connection.execute((SQL / "opening_hours.sql").read_text(), {"as_of": as_of})


def _open_hours(store: str, schedule: Schedule, first: datetime, last: datetime) -> list[tuple[str, datetime, int, int]]:
    intervals = open_intervals(schedule, first.date() - timedelta(days=2), last.date() + timedelta(days=2))
    return [(store, one.starts_at, int((one.ends_at - one.starts_at).total_seconds()), one.seconds_before) for one in intervals]


def _events_name(verdicts: Sequence[Verdict], settings: Settings) -> str:
    names = sorted({verdict.part for verdict in verdicts if verdict.part})
    stores = sorted((name, _schedule_words(one)) for name, one in settings.calendar.stores.items())
    days = settings.definitions.first_contact_window_days
    rests_on = repr((_schedule_words(settings.calendar.default), stores, settings.calendar.clock, limits_of(settings), days))
    return f"events-{_digest(LAYOUT, rests_on, *names)}.duckdb"


def _schedule_words(schedule: Schedule) -> str:
    return repr((schedule.zone, schedule.shifts, sorted(schedule.holidays)))


def _digest(*words: str) -> str:
    return sha256("\n".join(words).encode()).hexdigest()[:16]


def _parts(verdicts: Sequence[Verdict], folder: Path) -> Parts:
    """The checked extracts, each once, with the contract columns that it gives."""
    named = sorted({verdict.part: verdict.columns for verdict in verdicts if verdict.part}.items())
    return {folder / f"{name}.parquet": columns for name, columns in named}


def _literal(paths: Iterable[Path]) -> list[str]:
    """Paths as patterns that match only themselves: a bound path still globs."""
    return [str(path).replace("[", "[[]").replace("*", "[*]").replace("?", "[?]") for path in paths]


def _publish(folder: Path, events: str, verdicts: Sequence[Verdict], settings: Settings) -> None:
    """Point readers to these events and verdicts; nothing is written when they are what is published."""
    content = json.dumps([json.loads(extracts.to_json(verdict)) for verdict in verdicts], indent=1)
    version = _digest(events, settings.digest, content)
    if version == published_version(folder.parent):
        return
    pointer = {"version": version, "events": events, "verdicts": f"verdicts-{version}.json"}
    _write(folder / pointer["verdicts"], content)
    _write(folder / POINTER, json.dumps(pointer))
    _remove_others(folder, "events-*.duckdb", keep=events)
    _remove_others(folder, "verdicts-*.json", keep=pointer["verdicts"])
    _remove_others(folder, "current*.json", keep=POINTER)


def _write(file: Path, content: str) -> None:
    temporary = file.with_suffix(".tmp")
    with temporary.open("w") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(file)


def _remove_others(folder: Path, pattern: str, keep: str) -> None:
    """Older versions but the last one: a reader may be about to open it."""
    others = sorted((file for file in folder.glob(pattern) if file.name != keep), key=lambda file: file.stat().st_mtime)
    for file in others[:-1]:
        file.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    if "?" in str(folder):
        raise StateError("{where}: DuckDB cannot write below a folder with '?' in its name. Rename it.", where=folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(
            "{where}: cannot be created ({found}). Choose a folder you may write to.", where=folder, found=error.strerror
        ) from error


@contextmanager
def _only_loader(folder: Path) -> Generator[None]:
    """One loader at a time, over all processes; the lock goes with the process."""
    with (folder / "loader.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LoaderBusy("{where}: another program is loading this folder. Wait until it is done.", where=folder) from error
        yield
