"""What a batch of versions changes in a state: which stored rows go, which come, and by how much the roll-ups move.

A state is a base and, over it, layers that came later: each an immutable DuckDB file with the same tables. A layer's `gone` names
the rows below it that it takes the place of. The base itself is made of the same steps, its rows deleted and inserted in place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from kpi import rollup
from kpi.calendar import Schedule, open_intervals
from kpi.events import COLUMNS
from kpi.limits import limits_of
from kpi.rollup import CENSUS, HISTOGRAMS, ROLLUPS, Cuboid
from kpi.settings import Settings

SQL = Path(__file__).parent / "sql"
BOOKKEEPING = (("row_hash", "UBIGINT"), ("event_key", "UBIGINT"), ("customer_tie", "UBIGINT"), ("was_held", "BOOLEAN"))
EVERY_ROW = 2**62
SAMPLE_ROWS = 2_000_000
MOST_DAYS = 400
TIDIED_ROWS = 2_000_000
"""Of a roll-up, added up at once."""

ORDER = "opened_on, is_ended, store, channel, source, event_id"
"""Open events of a day side by side: who looks for them among many skips the others."""

SECONDS_IN_A_DAY = 86_400
KINDS = {"events": "event", "held": "held"}
"""The tables of rows, and what `gone` calls a row of each."""

KEYS = {
    "event_key": "hash(event_key[1], event_key[2])",
    "customer_key": "hash(customer_key[1], customer_key[2], customer_key[3])",
    "merged_key": "hash(merged_key[1], merged_key[2])",
}
"""The hashes that find rows, of keys that come as lists of texts."""

TABLES = (*ROLLUPS.values(), CENSUS)
LISTED = ("region", "store", "channel", "service", "agent", "segment", "touchpoint", "priority", "source", "disposition")
"""What one can filter by: every value is kept with its number of events."""


@dataclass(frozen=True)
class Batch:
    """Rows of parts: those from `first_row` until before `last_row` of each."""

    parts: tuple[Path, ...]
    first_row: int
    last_row: int


@dataclass(frozen=True)
class Knowing:
    """What a batch is absorbed under: the moment the events are known at, that they were known at before, and the settings.

    `clock_begins` is the local day since which opening hours are counted; `sums` and `histograms` are the cuboids kept.
    """

    as_of: datetime
    before: datetime
    settings: Settings
    clock_begins: date
    sums: frozenset[Cuboid]
    histograms: frozenset[Cuboid]

    @property
    def window_seconds(self) -> int:
        return self.settings.definitions.first_contact_window_days * SECONDS_IN_A_DAY

    @property
    def counts_opening_hours(self) -> bool:
        return self.settings.calendar.clock == "opening_hours"


def prepare(connection: duckdb.DuckDBPyConnection, knowing: Knowing) -> None:
    """What events are derived with, as temporary tables."""
    calendar = knowing.settings.calendar
    run(connection, "settings", {})
    insert(connection, "INSERT INTO schedules VALUES (?, ?)", [(store, one.zone) for store, one in calendar.stores.items()])
    insert(connection, "INSERT INTO limits VALUES (?, ?, ?, ?)", limits_of(knowing.settings))
    run(connection, "limit_days", {})
    if knowing.counts_opening_hours:
        for store, schedule in {"": calendar.default, **calendar.stores}.items():
            insert(connection, "INSERT INTO open_hours VALUES (?, ?, ?, ?)", _open_hours(store, schedule, knowing))


def create(connection: duckdb.DuckDBPyConnection, target: str, knowing: Knowing) -> None:
    """The empty tables of a base or a layer."""
    typed = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in (*((one.name, one.type) for one in COLUMNS), *BOOKKEEPING))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE winners AS SELECT {typed} WHERE FALSE")
    connection.execute("CREATE OR REPLACE VIEW given AS SELECT '' AS part, '' AS source, '' AS column_name WHERE FALSE")
    _derive(connection, knowing)
    run(connection, "tables", {}, target=target)
    for one in TABLES:
        connection.execute(f"CREATE TABLE {target}.{one.name} ({rollup.columns(one)})")
    for each in HISTOGRAMS.values():
        connection.execute(f"CREATE TABLE {target}.{each.name} ({rollup.histogram_columns()})")


def survey(connection: duckdb.DuckDBPyConnection, catalogs: Sequence[str], parts: Sequence[str]) -> None:
    """The views of what is stored in a base and its layers, each event and each held version once, and of what the parts give."""
    for name, kind in KINDS.items():
        files = [_alive(catalogs, number, name, kind) for number in range(len(catalogs))]
        connection.execute(f"CREATE OR REPLACE VIEW stored_{name} AS {' UNION ALL '.join(files)}")
    connection.execute("CREATE OR REPLACE TABLE present_parts AS SELECT unnest($parts) AS part", {"parts": list(parts)})
    everything = " UNION ALL ".join(f"SELECT * FROM {catalog}.given" for catalog in catalogs)  # noqa: S608 (our own names)
    connection.execute(
        f"CREATE OR REPLACE VIEW given AS SELECT DISTINCT source, column_name FROM ({everything}) SEMI JOIN present_parts USING (part)"  # noqa: S608 (our own names)
    )


def _alive(catalogs: Sequence[str], number: int, name: str, kind: str) -> str:
    """The rows of one file that no later one took the place of."""
    later = [f"SELECT row FROM {one}.gone WHERE kind = '{kind}' AND layer = {number}" for one in catalogs[number + 1 :]]  # noqa: S608 (our own names)
    rows = f"SELECT CAST({number} AS BIGINT) AS layer, t.rowid AS row, t.* FROM {catalogs[number]}.{name} AS t"  # noqa: S608 (our own names)
    return f"{rows} ANTI JOIN ({' UNION ALL '.join(later)}) AS g ON g.row = t.rowid" if later else rows


def sources(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """The sources of what is stored."""
    return {row[0] for row in connection.execute("SELECT DISTINCT source FROM given").fetchall()}


def sources_counting_reopens(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Those of whose events an empty number of reopens is unknown (decision 49)."""
    return {row[0] for row in connection.execute("SELECT source FROM given WHERE column_name = 'reopen_count'").fetchall()}


def know(connection: duckdb.DuckDBPyConnection, newest: str, as_of: datetime, window_seconds: int, *, counts_opening_hours: bool) -> None:
    """The view `events`: what is stored, as it is known at a moment; `newest` is the file that holds what the clocks showed then."""
    statement = (SQL / "known_events.sql").read_text()
    replaced = {
        "as_of": as_of.isoformat(),
        "window_seconds": str(window_seconds),
        "clock_column": ", known_clock" if counts_opening_hours else "",
        "known_clock": "coalesce(known_clock, 0)" if counts_opening_hours else f"epoch_us(TIMESTAMPTZ '{as_of.isoformat()}')",
        "stored": f"(SELECT * FROM stored_events LEFT JOIN {newest}.clocks USING (calendar))" if counts_opening_hours else "stored_events",  # noqa: S608 (our own names)
    }
    for name, words in replaced.items():
        statement = statement.replace(f"{{{name}}}", words)
    connection.execute(statement)


def worth_keeping(connection: duckdb.DuckDBPyConnection, parts: Sequence[Path], rows: int) -> tuple[frozenset[Cuboid], frozenset[Cuboid]]:
    """The cuboids of sums and of histograms that add enough events up, found on a sample of the days."""
    if not parts:
        return rollup.worth_keeping(0, [0] * len(dict.fromkeys((*rollup.CUBOIDS, *rollup.HISTOGRAM_CUBOIDS))))
    statement = (SQL / "densities.sql").read_text().replace("{densities}", rollup.densities())
    events, *counts = connection.execute(statement, {"parts": literal(parts), "one_of": max(rows // SAMPLE_ROWS, 1)}).fetchall()[0]
    return rollup.worth_keeping(events, counts)


def absorb(connection: duckdb.DuckDBPyConnection, batch: Batch, knowing: Knowing) -> None:
    """Work out what a batch changes, as temporary tables: gone, fresh, fresh_held, moving."""
    rows = {"first_row": batch.first_row, "last_row": batch.last_row}
    run(connection, "arrivals", {"parts": literal(batch.parts), "as_of": knowing.as_of} | rows)
    run(connection, "nothing_forgotten", {})
    _resolve(connection, knowing)


def forget(connection: duckdb.DuckDBPyConnection, removed: Sequence[Path], remaining: Sequence[Path], knowing: Knowing) -> None:
    """As `absorb`, of parts that are not there any more: every remaining version of their events is looked at again."""
    if removed:
        run(connection, "forgotten", {"parts": literal(removed)})
    else:
        run(connection, "nothing_forgotten", {})
    run(connection, "remaining" if remaining and removed else "no_arrivals", {"parts": literal(remaining), "as_of": knowing.as_of})
    _resolve(connection, knowing)


def _resolve(connection: duckdb.DuckDBPyConnection, knowing: Knowing) -> None:
    run(connection, "contenders", {"as_of": knowing.as_of})
    run(connection, "rivals_sought", {})
    run(connection, "rivals", {}, days=_on_days(connection, "places"))
    run(connection, "newest", {})
    run(connection, "winners", {})
    _derive(connection, knowing)
    run(connection, "let_go", {})
    _find_repeats(connection, knowing)
    window = {"window_seconds": knowing.window_seconds, "as_of": knowing.as_of, "before": knowing.before}
    for name in ("coming", "changing", "moving"):
        run(connection, name, window)


def _derive(connection: duckdb.DuckDBPyConnection, knowing: Knowing) -> None:
    run(connection, "held", {"as_of": knowing.as_of})
    zone = knowing.settings.calendar.default.zone
    run(connection, "events", {"as_of": knowing.as_of, "zone": zone, "window_seconds": knowing.window_seconds})
    if knowing.counts_opening_hours:
        run(connection, "opening_hours", {})


def _find_repeats(connection: duckdb.DuckDBPyConnection, knowing: Knowing) -> None:
    """The bounds are asked for first: as plain values they keep all but a few days of the stored events from being read."""
    run(connection, "repeats", {})
    window = {"window_seconds": knowing.window_seconds}
    first, last = one_row(connection, "SELECT min(opened_at), max(opened_at) FROM contact_moves")
    nobody = knowing.as_of
    run(connection, "repeats_sought", window | {"first_contact": first or nobody, "last_contact": last or nobody})
    first, last = one_row(connection, "SELECT min(resolved_at), max(resolved_at) FROM seekers")
    if first is not None:
        run(connection, "known_contacts", window | {"first_end": first, "last_end": last})
        run(connection, "repeated", window)
        run(connection, "repeats_found", {})
        run(connection, "repeats_flipped", {}, days=_on_days(connection, "flips"))


def write(connection: duckdb.DuckDBPyConnection, target: str, number: int, knowing: Knowing) -> None:
    """The changes into the file of this number: its own rows go in place, those of files below are named."""
    if one_row(connection, "SELECT count(*) FROM gone")[0]:
        for name, kind in KINDS.items():
            own = f"SELECT row FROM gone WHERE kind = '{kind}' AND layer = {number}"  # noqa: S608 (our own names)
            connection.execute(f"DELETE FROM {target}.{name} WHERE rowid IN ({own})")  # noqa: S608 (our own names)
        connection.execute(f"INSERT INTO {target}.gone SELECT kind, layer, row FROM gone WHERE layer < {number}")  # noqa: S608 (our own names)
    connection.execute(f"INSERT INTO {target}.events BY NAME SELECT * FROM fresh ORDER BY {ORDER}")  # noqa: S608 (our own names)
    connection.execute(f"INSERT INTO {target}.held BY NAME SELECT * FROM fresh_held")  # noqa: S608 (our own names)
    run(connection, "listed_values", {}, target=target)
    is_signed = bool(one_row(connection, "SELECT count(*) FILTER (WHERE sign < 1) FROM moving")[0])
    for one in TABLES:
        query = rollup.settled(one, knowing.sums, "moving", is_signed=is_signed)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE finest AS {query}", _used(query, {"as_of": knowing.as_of}))
        connection.execute(f"INSERT INTO {target}.{one.name} BY NAME SELECT * FROM finest")  # noqa: S608 (our own names)
        for query in rollup.coarser(one, knowing.sums, "finest"):
            connection.execute(f"INSERT INTO {target}.{one.name} BY NAME {query}")
    for each in HISTOGRAMS.values() if knowing.histograms else ():
        connection.execute(f"INSERT INTO {target}.{each.name} BY NAME {rollup.counted(each, knowing.histograms, 'moving')}")


def copy_in(connection: duckdb.DuckDBPyConnection, target: str, table: str, files: Sequence[Path]) -> None:
    """Rows that another engine made, whose keys are still the texts in them."""
    for file in files:
        rows = "SELECT * FROM read_parquet($files, hive_partitioning = FALSE)"
        names = [name for name, *_ in connection.execute(f"DESCRIBE {rows}", {"files": literal([file])}).fetchall()]
        hashed = [f"CASE WHEN {key} IS NOT NULL THEN {hash_of} END AS {key}" for key, hash_of in KEYS.items() if key in names]
        order = f"ORDER BY {ORDER}" if table == "events" else ""
        chosen = rows.replace("*", f"* REPLACE ({', '.join(hashed)})") if hashed else rows
        connection.execute(f"INSERT INTO {target}.{table} BY NAME {chosen} {order}", {"files": literal([file])})


def pend(connection: duckdb.DuckDBPyConnection, target: str, knowing: Knowing, later: int) -> None:
    """Recompute what pends, over all that is stored, into the newest file; `later` versions were not known yet."""
    values = {"as_of": knowing.as_of, "window_seconds": knowing.window_seconds, "later": later}
    if knowing.counts_opening_hours:
        run(connection, "clocks", {"as_of": knowing.as_of}, target=target)
    know(connection, target, knowing.as_of, knowing.window_seconds, counts_opening_hours=knowing.counts_opening_hours)
    run(connection, "pending", values, target=target)
    for one in ROLLUPS.values():
        if one.waits_for_windows:
            query = rollup.unripe(one, knowing.sums, "unripe")
            connection.execute(f"CREATE OR REPLACE TABLE {target}.pending_{one.name} ({rollup.columns(one)})")
            connection.execute(f"INSERT INTO {target}.pending_{one.name} BY NAME {query}", _used(query, {"as_of": knowing.as_of}))


def combine(connection: duckdb.DuckDBPyConnection, catalogs: Sequence[str], target: str, knowing: Knowing, *, is_base: bool) -> None:
    """Layers as one layer in the target, or as part of the target, which is a copy of the base."""
    above = catalogs[1:]
    gone = " UNION ALL ".join(f"SELECT kind, row FROM {one}.gone WHERE layer = 0" for one in above)  # noqa: S608 (our own names)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE gone AS SELECT DISTINCT kind, 0 AS layer, row FROM ({gone})")  # noqa: S608 (our own names)
    for name, kind in KINDS.items():
        if is_base:
            connection.execute(f"DELETE FROM {target}.{name} WHERE rowid IN (SELECT row FROM gone WHERE kind = '{kind}')")  # noqa: S608 (our own names)
        else:
            connection.execute(f"INSERT INTO {target}.gone SELECT kind, layer, row FROM gone WHERE kind = '{kind}'")  # noqa: S608 (our own names)
        rows = f"SELECT * EXCLUDE (layer, row) FROM stored_{name} WHERE layer > 0"  # noqa: S608 (our own names)
        order = f"ORDER BY {ORDER}" if name == "events" else ""
        connection.execute(f"INSERT INTO {target}.{name} BY NAME {rows} {order}")
    for table in ("given", "listed_values", *(one.name for one in (*TABLES, *HISTOGRAMS.values()))):
        for catalog in above:
            connection.execute(f"INSERT INTO {target}.{table} BY NAME SELECT * FROM {catalog}.{table}")  # noqa: S608 (our own names)
    tidy(connection, target, knowing.sums, knowing.histograms)


def tidy(connection: duckdb.DuckDBPyConnection, target: str, sums: frozenset[Cuboid], histograms: frozenset[Cuboid]) -> None:
    """Add up the rows of roll-ups that came at different times, cuboid by cuboid, and order them by day."""
    for one in TABLES:
        cuboids = [number for number, cuboid in enumerate(one.cuboids) if cuboid in sums or one is CENSUS]
        _rewrite(connection, target, one.name, rollup.columns(one), rollup.added_up(one, "{rows}"), cuboids)
    for each in HISTOGRAMS.values():
        cuboids = [number for number, cuboid in enumerate(rollup.HISTOGRAM_CUBOIDS) if cuboid in histograms]
        _rewrite(connection, target, each.name, rollup.histogram_columns(), rollup.counts_added_up(each, "{rows}"), cuboids)
    values = f"SELECT name, value, CAST(sum(events) AS BIGINT) AS events FROM {target}.listed_values GROUP BY ALL ORDER BY name"  # noqa: S608 (our own names)
    connection.execute(f"CREATE OR REPLACE TABLE {target}.listed_values AS {values}")


def _rewrite(connection: duckdb.DuckDBPyConnection, target: str, name: str, columns: str, query: str, cuboids: Sequence[int]) -> None:
    """In one transaction: a build that is ended here finds the table as it was. Some days at a time, because memory is bounded."""
    connection.begin()
    connection.execute(f"CREATE TABLE {target}.tidied ({columns})")
    for cuboid in cuboids:
        for first, last in _runs_of_days(connection, f"{target}.{name}", cuboid):
            rows = f"(SELECT * FROM {target}.{name} WHERE cuboid = {cuboid} AND day BETWEEN $first AND $last)"  # noqa: S608 (our own names)
            statement = f"INSERT INTO {target}.tidied BY NAME SELECT * FROM ({query.replace('{rows}', rows)}) ORDER BY day"  # noqa: S608 (our own names)
            connection.execute(statement, {"first": first, "last": last})
    connection.execute(f"DROP TABLE {target}.{name}")
    connection.execute(f"ALTER TABLE {target}.tidied RENAME TO {name}")
    connection.commit()


def _runs_of_days(connection: duckdb.DuckDBPyConnection, table: str, cuboid: int) -> list[tuple[date, date]]:
    """The first and last days of runs that have about `TIDIED_ROWS` rows each."""
    days = f"SELECT day, sum(count(*)) OVER (ORDER BY day) // {TIDIED_ROWS} AS run FROM {table} WHERE cuboid = {cuboid} GROUP BY day"  # noqa: S608 (our own names)
    return connection.execute(f"SELECT min(day), max(day) FROM ({days}) GROUP BY run ORDER BY run").fetchall()  # noqa: S608 (our own names)


def _open_hours(store: str, schedule: Schedule, knowing: Knowing) -> list[tuple[str, datetime, int, int]]:
    intervals = open_intervals(schedule, knowing.clock_begins - timedelta(days=2), knowing.as_of.date() + timedelta(days=2))
    return [(store, one.starts_at, int((one.ends_at - one.starts_at).total_seconds()), one.seconds_before) for one in intervals]


def _on_days(connection: duckdb.DuckDBPyConnection, relation: str) -> str:
    """The condition that events are on the days of a relation: as plain values, so that no other day is read."""
    days = connection.execute(f"SELECT DISTINCT opened_on FROM {relation} ORDER BY ALL LIMIT {MOST_DAYS + 1}").fetchall()  # noqa: S608 (our own names)
    if not days:
        return "FALSE"
    literals = ", ".join(f"DATE '{day:%Y-%m-%d}'" for (day,) in days)
    return "TRUE" if len(days) > MOST_DAYS else f"opened_on IN ({literals})"


def run(connection: duckdb.DuckDBPyConnection, name: str, values: Mapping[str, Any], target: str = "", days: str = "") -> None:
    """The statements of one of this package's SQL files, in order; a `{target}` in it is the name of an attached file, `{days}` a
    condition of `_on_days`.
    """
    for statement in (SQL / f"{name}.sql").read_text().replace("{target}", target).replace("{days}", days).split(";\n"):
        if statement.strip():
            connection.execute(statement, _used(statement, values))


def _used(statement: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if f"${name}" in statement}


def insert(connection: duckdb.DuckDBPyConnection, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Many rows at once."""
    if rows:
        connection.begin()
        connection.executemany(statement, rows)
        connection.commit()


def one_row(connection: duckdb.DuckDBPyConnection, statement: str) -> tuple[Any, ...]:
    """The only row of a query."""
    return connection.execute(statement).fetchall()[0]


def literal(paths: Sequence[Path]) -> list[str]:
    """Paths as patterns that match only themselves: a bound path still globs."""
    return [str(path).replace("[", "[[]").replace("*", "[*]").replace("?", "[?]") for path in paths]
