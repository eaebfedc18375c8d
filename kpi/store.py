"""The state: what the extracts say, as immutable DuckDB files, opened read-only by any number of processes.

Everything here can be rebuilt from the extracts. New files are written under temporary names and renamed, then the pointer is
replaced: whatever happens, the state is the one before or the one after.
"""

import fcntl
import json
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from kpi import absorbing, building, calendar, extracts, measures, pseudonyms, rollup
from kpi.absorbing import TABLES
from kpi.building import Site, Stack, attach, connected, digest
from kpi.calendar import Schedule
from kpi.errors import LoaderBusy, StateError
from kpi.extracts import Verdict
from kpi.limits import limits_of
from kpi.metrics import Kpi, missing
from kpi.pace import Progress, ignore_progress
from kpi.rollup import CENSUS, HISTOGRAMS, ROLLUPS, Cuboid
from kpi.settings import Settings, read_settings
from kpi.tally import Tally

SQL = Path(__file__).parent / "sql"
DERIVATION = (*sorted(SQL.glob("*.sql")), *(Path(module.__file__) for module in (absorbing, building, calendar, measures, rollup)))
LAYOUT = sha256(b"".join(file.read_bytes() for file in DERIVATION) + repr((duckdb.__version__, ROLLUPS, HISTOGRAMS)).encode()).hexdigest()
"""Changes when the derivation does, so that a new release rebuilds the state by itself."""

POINTER = f"current-{LAYOUT[:12]}.json"
"""What readers open; that of another release is not seen, as if nothing were loaded yet."""
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
MOST_PAST_STATES = 3

Builder = Callable[[Site, str, datetime], Stack]
"""Builds a base of this name, as known at a moment."""


@dataclass(frozen=True)
class State:
    """One version of the events, and what they were derived from.

    `as_of` is the newest update known, in UTC; `version` changes with the data, the settings or the derivation; `columns_of`
    are the contract columns that each source gives; `values` the number of events of every value of a dimension, sorted; `days` the
    first and the last local day with a normal event; `sizes` the rows of each roll-up's cuboids; `sums` and `histograms` the cuboids
    that are kept.
    """

    connection: duckdb.DuckDBPyConnection
    version: str
    as_of: datetime
    tally: Tally
    columns_of: Mapping[str, frozenset[str]]
    values: Mapping[str, Mapping[str, int]]
    days: tuple[date, date] | None
    verdicts: tuple[Verdict, ...]
    settings: Settings
    sizes: Mapping[str, Mapping[int, int]]
    sums: frozenset[Cuboid]
    histograms: frozenset[Cuboid]

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


def load(folder: Path, progress: Progress) -> State:
    """Check what is new in the extracts, and publish the state that follows from all of them and the settings."""
    return _load(folder, progress, _brought_up_to_date)


def load_anew(folder: Path, progress: Progress, build: Builder) -> State:
    """As `load`, in one new base of all extracts, which this function builds: the same version, whoever built it."""

    def built(site: Site, verdicts: Sequence[Verdict]) -> Stack:
        as_of = _newest_update(verdicts)
        return build(site, _base_name(site, as_of), as_of)

    return _load(folder, progress, built)


def _load(folder: Path, progress: Progress, brought: Callable[[Site, Sequence[Verdict]], Stack]) -> State:
    state_folder = folder / "state"
    parts = state_folder / "parts"
    _make_folder(parts)
    with _told_of_a_full_disk(state_folder), _only_loader(state_folder):
        settings = read_settings(folder)
        files = extracts.listing(folder / "extracts")
        verdicts = tuple(extracts.check(files, folder, pseudonyms.customer_key(folder), parts, datetime.now(UTC), progress))
        stack = brought(_site(state_folder, verdicts, settings, progress), verdicts)
        _publish(state_folder, stack, verdicts, settings)
    return current(folder)


def tidy_up(folder: Path) -> None:
    """Combine the files of the state where they have become many: the same version in fewer files. Readers notice nothing."""
    state_folder = folder / "state"
    with _told_of_a_full_disk(state_folder), _only_loader(state_folder):
        pointer = _pointer_there(state_folder)
        settings = read_settings(folder)
        if not pointer or pointer["rests_on"] != _rests_on(settings):
            return
        verdicts = _verdicts(state_folder, pointer)
        if fewer := building.combine(_site(state_folder, verdicts, settings, ignore_progress), _stack(pointer)):
            _publish(state_folder, fewer, verdicts, settings)


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
        pointer = _pointer(state_folder)
        verdicts = _verdicts(state_folder, pointer)
        return _opened(state_folder, _stack(pointer), pointer["version"], verdicts, read_settings(folder))
    except (OSError, ValueError, KeyError, TypeError, duckdb.Error) as error:
        raise StateError("{where}: nothing is loaded yet. Run: kpi load --data {folder}", where=state_folder, folder=folder) from error


def at_version(folder: Path, version: str) -> State:
    """The published state if it is still this version: what a link promised must be what it gives."""
    state = current(folder)
    if state.version != version:
        raise StateError("The data changed since this page was drawn. Reload it and use its link.")
    return state


def published_version(folder: Path) -> str:
    """The version that `current` would open, or an empty text when nothing is loaded: cheap enough to ask often."""
    try:
        return str(_pointer(folder / "state")["version"])
    except (OSError, ValueError, KeyError):
        return ""


def known_at(state: State, folder: Path, as_of: datetime) -> State:
    """The events as they were known at a moment: later versions, and whatever happened later, are not there.

    The state of that moment is built from the parts, and kept for the next who asks.
    """
    past = folder / "state" / "past"
    past.mkdir(parents=True, exist_ok=True)
    site = replace(_site(folder / "state", state.verdicts, state.settings, ignore_progress), folder=past)
    name = _base_name(site, as_of)
    with _locked(past / "lock"):
        stack = building.build(site, name, as_of)
    kept = sorted(past.glob("*.duckdb"), key=lambda file: file.stat().st_mtime)
    for file in kept[:-MOST_PAST_STATES]:
        file.unlink(missing_ok=True)
    return _opened(past, stack, f"{state.version}-{as_of:%Y%m%dT%H%M%S.%f}", state.verdicts, state.settings)


def _brought_up_to_date(site: Site, verdicts: Sequence[Verdict]) -> Stack:
    """The published files when they hold all parts, one more layer over them, or a new base."""
    as_of = _newest_update(verdicts)
    stack = _stack_there(site)
    if stack and stack.parts == tuple(part.stem for part in site.parts) and stack.as_of == as_of:
        return stack
    grown = _grown(site, stack, as_of) if stack else None
    return grown or building.build(site, _base_name(site, as_of), as_of)


def _grown(site: Site, stack: Stack, as_of: datetime) -> Stack | None:
    """One more layer; None where it takes a new base, also because a file below it turns out to be damaged."""
    try:
        return building.add_layer(site, stack, as_of)
    except duckdb.Error as error:
        if building.is_damage(error):
            return None
        raise


def _stack_there(site: Site) -> Stack | None:
    """The published files, if they rest on the same settings, are as long as they were and can be opened."""
    try:
        pointer = _pointer(site.folder)
        if pointer["rests_on"] != _rests_on(site.settings) or pointer["sizes"] != _lengths(site.folder, pointer["files"]):
            return None
        stack = _stack(pointer)
        _opened(site.folder, stack, "", (), site.settings).connection.close()
    except (OSError, ValueError, KeyError, TypeError, duckdb.Error):
        return None
    return stack


def _lengths(folder: Path, files: Sequence[str]) -> list[int]:
    """In bytes: the engine does not notice at once that a file was cut off."""
    return [(folder / file).stat().st_size for file in files]


def _site(folder: Path, verdicts: Sequence[Verdict], settings: Settings, progress: Progress) -> Site:
    """The checked extracts, each once, in the order of their time."""
    named = {verdict.part: verdict for verdict in verdicts if verdict.part}
    ordered = sorted(named.items(), key=lambda item: (item[1].newest_update or "", item[0]))
    files = {folder / "parts" / f"{name}.parquet": verdict for name, verdict in ordered}
    return Site(
        folder,
        {file: verdict.columns for file, verdict in files.items()},
        {file: verdict.accepted for file, verdict in files.items()},
        settings,
        progress,
    )


def _newest_update(verdicts: Sequence[Verdict]) -> datetime:
    return max((datetime.fromisoformat(one.newest_update) for one in verdicts if one.part and one.newest_update), default=BEGINNING)


def _opened(folder: Path, stack: Stack, version: str, verdicts: tuple[Verdict, ...], settings: Settings) -> State:
    """A connection that can read these files and do nothing else."""
    connection = connected({})
    catalogs = [f"l{number}" for number in range(len(stack.files))]
    for catalog, file in zip(catalogs, stack.files, strict=True):
        attach(connection, folder / file, catalog, "READ_ONLY")
    absorbing.run(connection, "macros", {})
    absorbing.survey(connection, catalogs, stack.parts)
    _know(connection, catalogs[-1], stack.as_of)
    waiting = {one.name for one in TABLES if one.waits_for_windows}
    for name in (*(one.name for one in TABLES), *(one.name for one in HISTOGRAMS.values()), "listed_values"):
        _offer(connection, name, catalogs, has_pending=name in waiting)
    now = f"TIMESTAMPTZ '{stack.as_of.isoformat()}'"
    for one in ROLLUPS.values():
        if query := rollup.aging(one, "events"):
            connection.execute(f"CREATE VIEW aging_{one.name} AS {query.replace('$as_of', now)}")
    sizes = _sizes(folder / stack.files[0])
    connection.execute("SET enable_external_access = FALSE")
    columns: dict[str, set[str]] = {}
    for source, column in connection.execute("SELECT source, column_name FROM given ORDER BY ALL").fetchall():
        columns.setdefault(source, set()).add(column)
    columns_of = {source: frozenset(names) for source, names in columns.items()}
    tally = _tally(connection, catalogs[-1], verdicts)
    return State(
        connection, version, stack.as_of, tally, columns_of, _values(connection), _days(connection), verdicts, settings, sizes,
        stack.sums, stack.histograms,
    )  # fmt: skip


def _values(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, int]]:
    """Every value of every dimension that any event has."""
    statement = "SELECT name, value, sum(events) AS events FROM listed_values GROUP BY ALL HAVING sum(events) > 0 ORDER BY ALL"
    found: dict[str, dict[str, int]] = {}
    for name, value, events in connection.execute(statement).fetchall():
        found.setdefault(name, {})[value] = int(events)
    return found


def _days(connection: duckdb.DuckDBPyConnection) -> tuple[date, date] | None:
    """The first and the last with a normal event."""
    days = f"SELECT day FROM {CENSUS.name} WHERE disposition = 'normal' GROUP BY day HAVING sum({measures.EVENTS.name}) > 0"  # noqa: S608 (our own names)
    first, last = absorbing.one_row(connection, f"SELECT min(day), max(day) FROM ({days})")  # noqa: S608 (our own names)
    return (first, last) if first else None


def _know(connection: duckdb.DuckDBPyConnection, newest: str, as_of: datetime) -> None:
    """As `absorbing.know`, under the settings that the files were built with: those of now may be others until the next load."""
    tables = f"SELECT count(*) FROM duckdb_tables() WHERE database_name = '{newest}' AND table_name = 'clocks'"  # noqa: S608 (our own names)
    window_seconds = absorbing.one_row(connection, f"SELECT window_seconds FROM {newest}.knowledge")[0]  # noqa: S608 (our own names)
    absorbing.know(connection, newest, as_of, window_seconds, counts_opening_hours=absorbing.one_row(connection, tables)[0] > 0)


def _offer(connection: duckdb.DuckDBPyConnection, name: str, catalogs: Sequence[str], *, has_pending: bool) -> None:
    """A table of all files together, as a view."""
    tables = [f"{catalog}.{name}" for catalog in catalogs] + ([f"{catalogs[-1]}.pending_{name}"] if has_pending else [])
    connection.execute(f"CREATE VIEW {name} AS {' UNION ALL BY NAME '.join(f'SELECT * FROM {table}' for table in tables)}")  # noqa: S608 (our own names)


@lru_cache(maxsize=8)
def _sizes(base: Path) -> dict[str, dict[int, int]]:
    """The rows of each cuboid of every roll-up in a base, by its number; a file never changes."""
    with connected({}) as connection:
        attach(connection, base, "l0", "READ_ONLY")
        names = (*(one.name for one in TABLES), *(one.name for one in HISTOGRAMS.values()))
        count = "SELECT cuboid, count(*) FROM l0.{name} GROUP BY cuboid"
        return {name: dict(connection.execute(count.format(name=name)).fetchall()) for name in names}


def _tally(connection: duckdb.DuckDBPyConnection, newest: str, verdicts: Sequence[Verdict]) -> Tally:
    """What became of the rows; copies of whole files are in no part."""
    statement = f"SELECT deleted_count, unopened_count, later_count FROM {newest}.knowledge"  # noqa: S608 (our own names)
    deleted, unopened, later = connection.execute(statement).fetchall()[0]
    events = int(connection.execute(f"SELECT coalesce(sum({measures.EVENTS.name}), 0) FROM {CENSUS.name}").fetchall()[0][0])  # noqa: S608 (our own names)
    rows = sum(verdict.accepted for verdict in verdicts)
    superseded = rows - later - events - deleted - unopened
    return Tally(rows=rows, events=events, superseded=superseded, deleted=deleted, unopened=unopened, later=later)


def _base_name(site: Site, as_of: datetime) -> str:
    names = sorted(part.stem for part in site.parts)
    return f"base-{digest(_rests_on(site.settings), as_of.isoformat(), *names)}.duckdb"


def _rests_on(settings: Settings) -> str:
    """What of the settings events depend on, and the derivation."""
    stores = sorted((name, _schedule_words(one)) for name, one in settings.calendar.stores.items())
    days = settings.definitions.first_contact_window_days
    words = repr((_schedule_words(settings.calendar.default), stores, settings.calendar.clock, limits_of(settings), days))
    return digest(LAYOUT, words)


def _schedule_words(schedule: Schedule) -> str:
    return repr((schedule.zone, schedule.shifts, sorted(schedule.holidays)))


def _pointer(folder: Path) -> dict[str, Any]:
    pointer = json.loads((folder / POINTER).read_text())
    if not isinstance(pointer, dict):
        raise ValueError(POINTER)
    return pointer


def _verdicts(folder: Path, pointer: Mapping[str, Any]) -> tuple[Verdict, ...]:
    entries = json.loads((folder / pointer["verdicts"]).read_text())
    if not isinstance(entries, list):
        raise ValueError(pointer["verdicts"])
    return tuple(extracts.from_json(json.dumps(entry)) for entry in entries)


def _stack(pointer: Mapping[str, Any]) -> Stack:
    moment, clock_begins = datetime.fromisoformat(pointer["as_of"]), date.fromisoformat(pointer["clock_begins"])
    sums, histograms = (frozenset(tuple(one) for one in pointer[name]) for name in ("sums", "histograms"))
    return Stack(tuple(pointer["files"]), tuple(pointer["parts"]), moment, clock_begins, sums, histograms)


def _publish(folder: Path, stack: Stack, verdicts: Sequence[Verdict], settings: Settings) -> None:
    """Point readers to these files and verdicts; nothing is written when they are what is published."""
    content = json.dumps([json.loads(extracts.to_json(verdict)) for verdict in verdicts], indent=1)
    version = digest(_rests_on(settings), *sorted(stack.parts), settings.digest, content)
    before = {"version": "", "files": [], "sizes": [], "verdicts": ""} | _pointer_there(folder)
    sizes = _lengths(folder, stack.files)
    if (version, list(stack.files), sizes, content) == (before["version"], before["files"], before["sizes"], _content(folder, before)):
        return
    pointer = {
        "version": version,
        "files": stack.files,
        "sizes": sizes,
        "verdicts": f"verdicts-{version}.json",
        "parts": stack.parts,
        "as_of": stack.as_of.isoformat(),
        "clock_begins": stack.clock_begins.isoformat(),
        "rests_on": _rests_on(settings),
        "sums": sorted(stack.sums),
        "histograms": sorted(stack.histograms),
    }
    _write(folder / pointer["verdicts"], content)
    _write(folder / POINTER, json.dumps(pointer))
    kept = {*stack.files, pointer["verdicts"], POINTER, *before["files"], before["verdicts"]}  # a reader may be about to open the last ones
    for pattern in ("base-*.duckdb", "layer-*.duckdb", "events-*.duckdb", "verdicts-*.json", "current*.json"):
        for file in folder.glob(pattern):
            if file.name not in kept:
                file.unlink(missing_ok=True)


def _pointer_there(folder: Path) -> dict[str, Any]:
    try:
        return _pointer(folder)
    except (OSError, ValueError):
        return {}


def _content(folder: Path, pointer: Mapping[str, Any]) -> str:
    """Of the verdicts that are published; empty where they are gone."""
    try:
        return (folder / pointer["verdicts"]).read_text()
    except (OSError, ValueError):
        return ""


def _write(file: Path, content: str) -> None:
    temporary = file.with_suffix(".tmp")
    with temporary.open("w") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


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
def _told_of_a_full_disk(folder: Path) -> Generator[None]:
    """Whatever cannot be written is a message to whoever runs the dashboard, and is tried again."""
    try:
        yield
    except OSError as error:
        raise building.unwritten(folder, error) from error


@contextmanager
def _only_loader(folder: Path) -> Generator[None]:
    """One loader at a time, over all processes; the lock goes with the process."""
    with (folder / "loader.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LoaderBusy("{where}: another program is loading this folder. Wait until it is done.", where=folder) from error
        yield


@contextmanager
def _locked(file: Path) -> Generator[None]:
    """One at a time; the others wait."""
    with file.open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
