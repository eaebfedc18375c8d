"""Text to moments in time: by stated formats, in a stated time zone, and never by guessing.

Each distinct text, and each distinct local time, is judged once and looked up from then on:
`cell_moments(cell, wall, moment, reason)` and `wall_moments(wall, moment, reason)`. A `reason` says why there is no moment.
"""

# ruff: noqa: S608 (names are contract columns or positions of raw columns; texts pass through quoting)

from importlib.resources import files

import duckdb

from kpi.errors import ConfigError
from kpi.sources.quoting import literal
from kpi.sources.sections import Clock
from kpi.words import text

WALLS = (files("kpi") / "sql" / "walls.sql").read_text(encoding="utf-8")
CELLS = (files("kpi") / "sql" / "cells.sql").read_text(encoding="utf-8")
DAY_AND_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?"
OFFSET = r" ?(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)"
UNREADABLE, TWO_READINGS = "not a date in a known format", "date can be read in two ways"
TWICE, NEVER = "local time happened twice", "local time never happened"
NO_WALL, NO_MOMENT = "NULL::TIMESTAMP", "NULL::TIMESTAMPTZ"


def prepare(connection: duckdb.DuckDBPyConnection, clock: Clock) -> None:
    """The two dictionaries, and the function `moment` of the expression language."""
    connection.execute("CREATE TABLE cell_moments (cell VARCHAR, wall TIMESTAMP, moment TIMESTAMPTZ, reason VARCHAR)")
    connection.execute("CREATE TABLE wall_moments (wall TIMESTAMP, moment TIMESTAMPTZ, reason VARCHAR, is_odd VARCHAR)")
    _check_formats(connection, clock)
    connection.execute(f"CREATE MACRO moment(cell) AS {_wall_macro(clock)}")


def _check_formats(connection: duckdb.DuckDBPyConnection, clock: Clock) -> None:
    for wanted in clock.formats:
        try:
            connection.execute(f"SELECT {', '.join(_reading(literal('1'), wanted))}")
        except duckdb.Error as error:
            raise ConfigError(
                "[time] formats: '{wanted}' is not a date format: {problem}. Examples: iso, %d/%m/%Y %H:%M.",
                wanted=wanted,
                problem=str(error).splitlines()[0],
            ) from error


def learn(connection: duckdb.DuckDBPyConnection, clock: Clock, cells: str) -> None:
    """Judges the texts that the query `cells` gives (one column, `cell`)."""
    readings = " UNION ALL ".join(
        f"SELECT cell, {wall} AS wall, {moment} AS moment FROM unread"
        for wall, moment in (_reading("cell", wanted) for wanted in clock.formats)
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE unread AS SELECT DISTINCT cell FROM ({cells}) "
        "WHERE cell IS NOT NULL AND cell NOT IN (SELECT cell FROM cell_moments)"
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE readings AS {readings}")
    learn_walls(connection, clock, "SELECT wall FROM readings")
    connection.execute(CELLS, {"unreadable": text(UNREADABLE), "two_readings": text(TWO_READINGS)})


def learn_walls(connection: duckdb.DuckDBPyConnection, clock: Clock, walls: str) -> None:
    """Judges the local times that the query `walls` gives (one column, `wall`)."""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE unjudged AS SELECT DISTINCT wall FROM ({walls}) "
        "WHERE wall IS NOT NULL AND wall NOT IN (SELECT wall FROM wall_moments)"
    )
    reasons = {"twice": text(TWICE), "never": text(NEVER)}
    connection.execute(WALLS, {"zone": clock.zone, "ambiguous": clock.ambiguous, "nonexistent": clock.nonexistent, **reasons})


def expected_sql(reason: str, clock: Clock) -> str:
    """SQL of what was expected in place of a cell refused for this reason (SQL)."""
    advice = {
        TWICE: text("a local time that happened once, or say in [time] ambiguous which one it is"),
        NEVER: text('a local time that happened, or nonexistent = "shift" in [time]'),
        TWO_READINGS: text("a date that one of the [time] formats alone can read"),
    }
    cases = " ".join(f"WHEN {literal(text(found))} THEN {literal(wanted)}" for found, wanted in advice.items())
    formats = literal(text("a date and time as {formats} (see formats in [time])", formats=" or ".join(clock.formats)))
    return f"CASE {reason} {cases} ELSE {formats} END"


def _reading(cell: str, wanted: str) -> tuple[str, str]:
    """SQL for one format: the local time, and the moment where the text carries its own offset."""
    if wanted == "iso":
        local = f"CASE WHEN regexp_full_match({cell}, {literal(DAY_AND_TIME)}) THEN try_cast({cell} AS TIMESTAMP) END"
        return (
            local,
            f"CASE WHEN regexp_full_match({cell}, {literal(DAY_AND_TIME + OFFSET)}) THEN try_cast({cell} AS TIMESTAMPTZ) END",
        )
    parsed = f"try_strptime({cell}, {literal(wanted)})"
    return (NO_WALL, parsed) if "%z" in wanted or "%Z" in wanted else (parsed, NO_MOMENT)


def _wall_macro(clock: Clock) -> str:
    """Local time of a text; a text in no format, or in two, makes the expression fail (the cast cannot succeed)."""
    readings = [_reading("cell", wanted) for wanted in clock.formats]
    walls = ", ".join(f"{wall}, timezone({literal(clock.zone)}, {moment})" for wall, moment in readings)
    found = f"list_distinct([{walls}])"
    return f"CASE WHEN cell IS NULL THEN NULL WHEN len({found}) = 1 THEN {found}[1] ELSE CAST(concat('no moment: ', cell) AS TIMESTAMP) END"
