"""Histories of a data folder: versions of events spread over files that come, go and change, loaded now and then.

A file is written as the part that its check would make of it, and the check is left out: a history is then some hundred times
cheaper, and everything after the check is the real thing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch
from zoneinfo import available_timezones

import pyarrow as pa
import pyarrow.parquet as pq

from kpi import absorbing, building, configuration, extracts, report, rollup, store
from kpi.absorbing import LISTED
from kpi.events import CLOCK_TOLERANCE, COLUMNS, HAPPENINGS
from kpi.extracts import Verdict
from kpi.metrics import KPIS
from kpi.periods import Dates, Every
from kpi.report import ALWAYS, Answer, Question, answer
from kpi.rollup import CENSUS, CUBOIDS, HISTOGRAM_CUBOIDS, HISTOGRAM_DIMENSIONS, HISTOGRAMS, ROLLUPS, Cuboid, Histogram, Rollup
from kpi.store import State

Event = dict[str, Any]
Rows = dict[tuple[Any, ...], tuple[int, ...]]

BEGIN = datetime(2024, 5, 1, 9, tzinfo=UTC)
SOURCES = ("desk", "phone")
ABSENT: tuple[frozenset[str], ...] = (
    frozenset(),
    frozenset(("reopen_count",)),
    frozenset(("reopen_count", "reopened_at", "customer")),
    frozenset(("responded_at", "reopen_count")),
)
"""Columns that a file may lack."""

SETTINGS: tuple[Mapping[str, str], ...] = (
    {},
    {"calendar.toml": 'time_zone = "Asia/Shanghai"\n[stores.A]\ntime_zone = "America/New_York"\n'},
    {
        "calendar.toml": 'time_zone = "Europe/Paris"\nclock = "opening_hours"\nopening_hours = ["Mon-Fri 09:00-17:00"]\n'
        '[stores.B]\nopening_hours = ["daily 22:00-06:00"]\n'
    },
    {
        "kpis.toml": "first_contact_window_days = 2\n",
        "targets.toml": '[[target]]\nkpi = "response_time"\nlimit_minutes = 240\nevery = "day"\nat_least = 0.9\nalert = 0.8\n'
        "from = 2024-05-04\n",
    },
)
ARROW = {
    "VARCHAR": pa.string(),
    "TIMESTAMPTZ": pa.timestamp("us", "UTC"),
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
    "DOUBLE": pa.float64(),
    "DECIMAL(9,4)": pa.decimal128(9, 4),
    "DECIMAL(18,4)": pa.decimal128(18, 4),
}
NARROW = {
    (absorbing, "TIDIED_ROWS"): 3,
    (building, "_is_too_much"): lambda _site, _stack, _added, removed: not all(part.exists() for part in removed),
}
"""Every load of more than a few rows takes several batches, files are soon many, and a layer may have more rows than the base."""


@dataclass(frozen=True)
class File:
    """An extract: its versions, and the columns it lacks."""

    versions: tuple[Event, ...]
    absent: frozenset[str]

    @property
    def rows(self) -> list[Event]:
        return [{name: None if name in self.absent else value for name, value in one.items()} for one in self.versions]


@dataclass(frozen=True)
class Load:
    """What a load finds: files by name, and the settings; whether the state is tidied up after it."""

    files: Mapping[str, File]
    settings: Mapping[str, str]
    tidies_up: bool


def history(random: Random) -> list[Load]:
    """Some loads, each of which finds more, fewer or other files than the one before.

    Files mostly come in the order in which their versions became known, some late. In most there is an event that is told of anew
    before every load, so that time passes and never goes back.
    """
    waiting = files(random)
    there: dict[str, File] = {}
    settings = random.choice(SETTINGS)
    beats, now = random.random() < 0.8, BEGIN
    loads: list[Load] = []
    while waiting or len(loads) < 3:
        for _ in range(random.choice((0, 1, 1, 1, 2))):
            if waiting:
                there[f"file {len(waiting)}"] = waiting.pop(0)
        if there and random.random() < 0.15:
            del there[random.choice(sorted(there))]
        if there and random.random() < 0.15:
            name = random.choice(sorted(there))
            there[name] = replace(there[name], versions=tuple(one for one in there[name].versions if random.random() < 0.8))
        if random.random() < 0.05:
            settings = random.choice(SETTINGS)
        told = [one["updated_at"] for file in there.values() for one in file.versions]
        now = max((now, *told)) + timedelta(hours=random.choice((0, 1, 5, 24, 60)))
        beat = {"beat": File((first_version("beat", "desk", random) | {"opened_at": BEGIN, "updated_at": now},), frozenset())}
        loads.append(Load(there | (beat if beats else {}), settings, random.random() < 0.5))
    return loads


def files(random: Random) -> list[File]:
    """The versions of some events, spread over files by the time they became known; some are late, some come twice."""
    versions = [one for source in SOURCES for number in range(random.randint(2, 14)) for one in versions_of(random, source, number)]
    versions.sort(key=lambda one: one["updated_at"])
    spread: list[list[Event]] = [[] for _ in range(random.randint(3, 5))]
    for place, one in enumerate(versions):
        spread[place * len(spread) // len(versions) if random.random() < 0.75 else random.randrange(len(spread))].append(one)
    for one in random.sample(versions, min(3, len(versions))):
        random.choice(spread).append(one)
    if random.random() < 0.3:
        random.shuffle(spread)
    lacking = random.choice((ABSENT[:1], ABSENT[:1], ABSENT[1:3], ABSENT))
    return [File(tuple(random.sample(each, len(each))), random.choice(lacking)) for each in spread]


def first_version(event_id: str, source: str, random: Random) -> Event:
    """An event whose moments are not told yet."""
    known = {"event_id": event_id, "source": source, "is_deleted": False}
    return {column.name: None for column in COLUMNS} | known | {name: cell(random) for name, cell in CELLS.items()}


def versions_of(random: Random, source: str, number: int) -> Iterator[Event]:
    """What became known of an event: each version changes something of the one before it."""
    one = first_version(f"E{number}", source, random)
    opened = BEGIN + timedelta(hours=random.randint(0, 12 * 24))
    moments: dict[str, datetime | None] = {"opened_at": opened}
    for _ in range(random.randint(1, 4)):
        for name in (*random.sample(sorted(CELLS), 3), *random.sample(HAPPENINGS, 3), random.choice(("resolved_at", "closed_at"))):
            if name in CELLS:
                one[name] = CELLS[name](random)
            elif name == "opened_at":
                opened = opened + timedelta(hours=random.choice((0, 0, 0, 1, 30, -30)))
                moments = {"opened_at": opened}
            elif random.random() < 0.2:
                moments[name] = None
            else:
                moments[name] = opened + timedelta(hours=random.choice((0, 1, 5, 40, 48, 100, 169)))
        updated = opened + timedelta(hours=random.choice((-40, -1, 0, 1, 6, 47, 48, 100, 150, 168, 200, 240, 400)))
        told = {name: moment for name, moment in moments.items() if moment is None or moment - updated <= CLOCK_TOLERANCE}
        due = random.choice((None, opened + timedelta(hours=20)))
        yield one | told | {"updated_at": updated, "due_at": due, "is_deleted": random.random() < 0.15}


CELLS: Mapping[str, Callable[[Random], Any]] = {
    "store": lambda random: random.choice(("A", "B", "unknown")),
    "region": lambda random: random.choice(("North", "South", None)),
    "channel": lambda random: random.choice(("phone", "chat")),
    "service": lambda random: random.choice(("repair", "repair", "advice", "unknown")),
    "agent": lambda random: random.choice((None, "Ann")),
    "segment": lambda random: random.choice((None, "firm")),
    "customer": lambda random: random.choice((None, "C1", "C2", "C3")),
    "merged_into": lambda random: random.choice((None, None, "E0", "E1")),
    "disposition": lambda random: random.choice(("normal", "normal", "normal", "merged", "spam")),
    "has_response": lambda random: random.choice((None, None, True)),
    "has_resolution": lambda random: random.choice((None, None, None, True)),
    "has_end": lambda random: random.choice((None, None, None, True)),
    "contact_count": lambda random: random.choice((None, 1, 2)),
    "transfer_count": lambda random: random.choice((None, 0, 1)),
    "reopen_count": lambda random: random.choice((None, 0, 1)),
    "satisfaction": lambda random: random.choice((None, Decimal(1), Decimal(5))),
    "recommendation": lambda random: random.choice((None, 3, 10)),
    "cost": lambda random: random.choice((None, Decimal("1.5"), Decimal(-2))),
    "handle_minutes": lambda random: random.choice((None, 7.5)),
    "outcome": lambda random: random.choice((None, "success", "failure")),
    "quality_passed": lambda random: random.choice((None, True, False)),
    "is_complaint": lambda random: random.choice((None, True)),
}


# --- loading -------------------------------------------------------------------------------------------------------------------------


@contextmanager
def narrow(random: Random) -> Iterator[None]:
    """With limits so low that a few events meet what only many do, and some cuboids or all of them kept."""
    kept = _kept(random, random.choice((0.1, 0.1, 0.1, 0.3, 1.0)))
    varied = {(absorbing, "worth_keeping"): lambda *_: kept, (building, "BATCH_ROWS"): random.choice((7, 25))}
    varied |= {(building, "MOST_FILES"): random.choice((1, 2)), (building, "LARGEST_SHARE"): random.choice((0.2, 9.0))}
    with ExitStack() as stack:
        for (module, name), value in (NARROW | varied).items():
            stack.enter_context(patch.object(module, name, value))
        yield


def _kept(random: Random, share: float) -> tuple[frozenset[Cuboid], frozenset[Cuboid]]:
    sums, histograms = (frozenset(one for one in every if random.random() < share) for every in (CUBOIDS, HISTOGRAM_CUBOIDS))
    return sums | {CUBOIDS[-1]}, histograms


@contextmanager
def in_one_go() -> Iterator[None]:
    """All rows at once, and hardly any roll-up."""
    fewest = frozenset({CUBOIDS[-1]}), frozenset[Cuboid]()
    with patch.object(building, "BATCH_ROWS", 1_000_000), patch.object(absorbing, "worth_keeping", lambda *_: fewest):
        yield


@contextmanager
def single_threaded() -> Iterator[None]:
    """With one thread a connection, and the time zones looked up once: many histories run beside each other, on a few rows each."""

    def connected(config: Mapping[str, Any]) -> Any:
        return building_connected({**config, "threads": 1})

    building_connected, zones = building.connected, available_timezones()
    with (
        patch.object(building, "connected", connected),
        patch.object(store, "connected", connected),
        patch.object(configuration, "available_timezones", lambda: zones),
    ):
        yield


def loaded(folder: Path, load: Load) -> State:
    """The state after a load that finds these files."""
    parts = folder / "state" / "parts"
    parts.mkdir(parents=True, exist_ok=True)
    for name in ("calendar.toml", "kpis.toml", "targets.toml"):
        (folder / name).unlink(missing_ok=True)
    for name, content in load.settings.items():
        (folder / name).write_text(content)
    verdicts = [_part(parts, name, file) for name, file in sorted(load.files.items())]
    with patch.object(extracts, "listing", lambda _: []), patch.object(extracts, "check", lambda *_: verdicts):
        return store.load(folder, store.ignore_progress)


def _part(parts: Path, name: str, file: File) -> Verdict:
    rows = file.rows
    part = sha256(repr((rows, sorted(file.absent))).encode()).hexdigest()
    if not (parts / f"{part}.parquet").exists():
        arrays = {column.name: pa.array([row[column.name] for row in rows], ARROW[column.type]) for column in COLUMNS}
        arrays["file_row"] = pa.array(range(len(rows)), pa.int64())
        arrays["row_hash"] = pa.array([row_hash(row) for row in rows], pa.uint64())
        pq.write_table(pa.table(arrays), parts / f"{part}.parquet")
    newest = max((row["updated_at"] for row in rows), default=None)
    return Verdict(
        file=f"extracts/{name}.parquet", source="desk", sha256=part, size=1, checksum="unverified", status="accepted", message="",
        part=part, rows=len(rows), accepted=len(rows), kept_aside=0, reasons={}, unknown_columns=(), unknown_dimensions={},
        columns=tuple(column.name for column in COLUMNS if column.name not in file.absent),
        newest_update=newest.isoformat() if newest else None,
    )  # fmt: skip


def row_hash(row: Event) -> int:
    """The same for two rows only when all their cells but the customer are."""
    content = [(name, value) for name, value in sorted(row.items()) if name != "customer" and value is not None]
    return int.from_bytes(sha256(repr(content).encode()).digest()[:8])


# --- comparing -----------------------------------------------------------------------------------------------------------------------


def unfit_sums(state: State) -> list[str]:
    """The tables of a state whose rows, added up, are not what one pass over its own events gives."""
    found = [one.name for one in (*ROLLUPS.values(), CENSUS) if _kept_sums(state, one) != _summed_events(state, one)]
    for each in HISTOGRAMS.values():
        if _rows(state, rollup.counts_added_up(each, each.name), 1) != _counted_events(state, each):
            found.append(each.name)
    values = " UNION ALL ".join(f"SELECT '{name}', {name}, count(*) FROM events GROUP BY {name}" for name in LISTED)
    if _rows(state, "SELECT name, value, sum(events) FROM listed_values GROUP BY ALL", 1) != _rows(state, values, 1):
        found.append("listed_values")
    return found


def _kept_sums(state: State, one: Rollup) -> Rows:
    """Those of the roll-up, and in every cuboid what open events add."""
    relations = [f"SELECT * FROM {one.name}"]
    if rollup.aging(one, "events"):
        sums = ", ".join(measure.name for measure in one.measures if measure.ripens == "when_ended")
        for number, cuboid in enumerate(one.cuboids):
            if cuboid in state.sums:
                keys = ", ".join(name for name in ("day", *cuboid, "source", "zone"))
                relations.append(f"SELECT {number} AS cuboid, {keys}, {sums} FROM aging_{one.name}")
    return _rows(state, rollup.added_up(one, f"({' UNION ALL BY NAME '.join(relations)})"), len(one.measures))


def _summed_events(state: State, one: Rollup) -> Rows:
    """Cuboid by cuboid."""
    counted = "" if one is CENSUS else "AND disposition = 'normal'"
    sums = ", ".join(measure.sql("").replace("$within_seconds", "NULL") for measure in one.measures)
    found: Rows = {}
    for number, cuboid in enumerate(one.cuboids):
        if one is not CENSUS and cuboid not in state.sums:
            continue
        keys = {name: (rollup.HOUR if name == "hour" else name) if name in cuboid else "NULL" for name in one.dimensions}
        groups = [one.on, *(keys[name] for name in cuboid), "source", "zone"]
        statement = f"""
            SELECT {number}, {", ".join([one.on, *keys.values(), "source", "zone"])}, {sums} FROM events
            WHERE {one.on} IS NOT NULL {counted} GROUP BY {", ".join(groups)}
        """
        found |= _rows(state, statement, len(one.measures))
    return found


def _counted_events(state: State, one: Histogram) -> Rows:
    found: Rows = {}
    for number, cuboid in enumerate(HISTOGRAM_CUBOIDS):
        if cuboid in state.histograms:
            keys = [name if name in cuboid else "NULL" for name in HISTOGRAM_DIMENSIONS]
            statement = f"""
                SELECT {number}, opened_on, {", ".join(keys)}, source, {rollup.bucket(one.duration)} AS bucket, count(*) FROM events
                WHERE {one.duration} IS NOT NULL AND disposition = 'normal'
                GROUP BY {", ".join(["opened_on", *cuboid, "source", "bucket"])}
            """
            found |= _rows(state, statement, 1)
    return found


def _rows(state: State, statement: str, sums: int) -> Rows:
    """By key; without those whose sums are all 0."""
    values = {"as_of": state.as_of} if "$as_of" in statement else {}
    rows = state.cursor().execute(statement, values).fetchall()
    return {row[:-sums]: row[-sums:] for row in rows if any(row[-sums:])}


def differences(state: State, other: State) -> list[str]:
    """What two states of the same files and settings do not agree on."""
    statement = "SELECT * FROM events ORDER BY source, event_id"
    found = {
        "events": [one.cursor().execute(statement).fetchall() for one in (state, other)],
        "tally": [state.tally, other.tally],
        "columns": [state.columns_of, other.columns_of],
        "as of": [state.as_of, other.as_of],
        "version": [state.version, other.version],
    }
    return [name for name, (one, another) in found.items() if one != another]


def differing_answers(state: State, random: Random, questions: int) -> list[str]:
    """Questions that the roll-ups answer otherwise than the events themselves."""
    events = replace(state, sums=frozenset(), histograms=frozenset())
    found = []
    for _ in range(questions):
        asked = question(random, state)
        with patch.object(report, "MOST_EXACT", random.choice((-1, report.MOST_EXACT))):
            rolled = answer(state, asked)
        exact = answer(events, asked)
        if len(rolled) != len(exact) or not all(_is_equal(*pair) for pair in zip(rolled, exact, strict=True)):
            found.append(f"{[kpi.name for kpi in asked.kpis]} {asked.every} {asked.by} {asked.where} {asked.dates}")
    return found


def question(random: Random, state: State) -> Question:
    """Any question that may be asked."""
    dimensions = ("store", "region", "channel", "service", "agent", "segment", "source", "priority", "hour")
    by = tuple(random.sample(dimensions, random.choice((0, 1, 1, 2))))
    values = {"store": ("A", "B"), "region": ("North", "unknown"), "channel": ("chat",), "service": ("repair",), "source": ("desk",)}
    where = {name: values[name] for name in random.sample(sorted(values), random.choice((0, 0, 1, 2)))}
    start = BEGIN.date() + timedelta(days=random.randint(-3, 10))
    dates = random.choice((ALWAYS, Dates(start, start + timedelta(days=random.choice((1, 7, 30))))))
    every: Every | None = random.choice((None, "day", "week", "month"))
    kpis = tuple(random.sample(KPIS, 6))
    if state.event_count and random.random() < 0.1:
        kpis = KPIS
    return Question(kpis=kpis, every=every, by=by, where=where, dates=dates, within_minutes=random.choice((None, None, 30.0)))


def _is_equal(rolled: Answer, exact: Answer) -> bool:
    """To the last bit; the quantiles of a histogram as near as its buckets are narrow."""
    if not rolled.is_binned:
        return rolled == exact
    same = replace(rolled, value=exact.value, observed=exact.observed, is_binned=False) == exact
    return same and _is_near(rolled.value, exact.value) and _is_near(rolled.observed, exact.observed)


def _is_near(rolled: float | None, exact: float | None) -> bool:
    if rolled is None or exact is None:
        return rolled is exact
    return abs(rolled - exact) <= exact / 64 + 1e-9


def faults(folder: Path, loads: Sequence[Load], random: Random, questions: int, checked: float) -> list[str]:
    """What goes wrong in a history: after a share of the loads and the last, against a state made from scratch and against the
    events themselves.
    """
    found: list[str] = []
    for number, load in enumerate(loads):
        grown = loaded(folder, load)
        if load.tidies_up:
            store.tidy_up(folder)
            grown.connection.close()
            grown = store.current(folder)
        is_last = number + 1 == len(loads)
        if is_last or random.random() < checked:
            scratch = folder.with_name(f"{folder.name} {number}")
            (scratch / "state").mkdir(parents=True)
            (scratch / "state" / "parts").symlink_to(folder / "state" / "parts")
            with in_one_go():
                once = loaded(scratch, load)
            what = [*differences(grown, once), *unfit_sums(grown), *differing_answers(grown, random, questions)]
            found += [f"load {number + 1} of {len(loads)}: {one}" for one in what]
            once.connection.close()
        grown.connection.close()
    return found
