"""What a row must hold to become an event: the rules of the contract, each noted with what was found and expected."""

from datetime import timedelta

import duckdb

from kpi.events import (
    BY_NAME,
    CLOCK_TOLERANCE,
    DEADLINE_YEARS,
    DEFAULT_SCALE,
    ENDS,
    HAPPENINGS,
    LONGEST_CELL,
    MOMENTS,
    SCALE,
    YEARS,
    Column,
)
from kpi.sources.history import updates
from kpi.sources.problems import note, note_sql
from kpi.sources.quoting import literal, literals
from kpi.words import text


def check(connection: duckdb.DuckDBPyConnection, filled: tuple[str, ...], history: str) -> int:
    """Notes every broken rule of `typed`, whose columns are `filled`; gives how many moments lie in the future.

    That count is what the same export may change in from one day to the next.
    """
    for column in (BY_NAME[name] for name in filled):
        _check_filled(connection, column)
        _check_text(connection, column)
        _check_range(connection, column)
    for name in MOMENTS:
        if name in filled:
            _check_years(connection, name)
    for name in (name for name in ENDS if name in filled):
        reason, expected = text("before it was opened"), text("at or after opened_at")
        note(connection, "typed", f"{name} < opened_at", name, reason, _found(name), expected)
    if history == "final" and "updated_at" in filled:
        for name in (name for name in HAPPENINGS if name in filled):
            _check_after_update(connection, name)
    _check_scale(connection, filled)
    return sum(_check_future(connection, name) for name in updates(history, filled))


def _check_filled(connection: duckdb.DuckDBPyConnection, column: Column) -> None:
    if column.presence in ("key", "required"):
        expected = text("a date and time in every row") if column.type == "TIMESTAMPTZ" else text("a value in every row")
        note(connection, "typed", f"{column.name} IS NULL", column.name, text("empty"), "''", expected)


def _check_text(connection: duckdb.DuckDBPyConnection, column: Column) -> None:
    name = column.name
    if column.type == "VARCHAR":
        size, expected = f"length({name})", text("at most {most} characters", most=LONGEST_CELL)
        note(connection, "typed", f"{size} > {LONGEST_CELL}", name, text("too long"), f"{size} || ' characters'", expected)
    if column.values:
        expected = text("one of {values}", values=", ".join(column.values))
        note(connection, "typed", f"{name} NOT IN ({literals(column.values)})", name, text("not an allowed value"), _found(name), expected)


def _check_range(connection: duckdb.DuckDBPyConnection, column: Column) -> None:
    name = column.name
    if column.lowest is not None:
        expected = text("at least {lowest:g}", lowest=column.lowest)
        note(connection, "typed", f"{name} < {column.lowest}", name, text("too low"), _found(name), expected)
    if column.highest is not None:
        expected = text("at most {highest:g}", highest=column.highest)
        note(connection, "typed", f"{name} > {column.highest}", name, text("too high"), _found(name), expected)


def _check_years(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Deadlines are promises, not measurements: they may lie far ahead."""
    first, last = DEADLINE_YEARS if name == "due_at" else YEARS
    expected = text("a year from {first} to {last}", first=first, last=last)
    test = f"{name} < {_start_of(first)} OR {name} >= {_start_of(last + 1)}"
    note(connection, "typed", test, name, text("not a real date"), _found(name), expected)


def _check_future(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    test = f"{name} > getvariable('latest') AND {name} < {_start_of(YEARS[1] + 1)}"
    expected = text("at most {days} days after now", days=CLOCK_TOLERANCE.days)
    return note(connection, "typed", test, name, text("in the future"), _found(name), expected)


def _found(name: str) -> str:
    """The cell as it stands in the file, and what the mapping made of it where that is another number or word."""
    found, kind = f"found_{name}", BY_NAME[name].type
    if kind == "TIMESTAMPTZ":
        return found
    same = f"{found} = {name}" if kind == "VARCHAR" else f"try_cast({found} AS DOUBLE) = CAST({name} AS DOUBLE)"
    return f"CASE WHEN {same} THEN {found} ELSE concat_ws(' -> ', nullif({found}, ''), {name}) END"


def _check_after_update(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    test = f"epoch_us({name})::HUGEINT - epoch_us(updated_at) > {CLOCK_TOLERANCE // timedelta(microseconds=1)}"
    expected = text("at most {days} days after updated_at", days=CLOCK_TOLERANCE.days)
    note(connection, "typed", test, name, text("after the update that reports it"), _found(name), expected)


def _start_of(year: int) -> str:
    return f"TIMESTAMPTZ '{year}-01-01 00:00:00+00'"


def _check_scale(connection: duckdb.DuckDBPyConnection, filled: tuple[str, ...]) -> None:
    lowest, highest = (str(bound) for bound in DEFAULT_SCALE)
    if "satisfaction_scale" in filled:
        bounds = [f"try_cast(regexp_extract(satisfaction_scale, {literal(SCALE)}, {group}) AS DECIMAL(9,4))" for group in (1, 2)]
        test = f"satisfaction_scale IS NOT NULL AND NOT coalesce({bounds[0]} < {bounds[1]}, false)"
        expected = text("lowest..highest, as 1..5")
        note(connection, "typed", test, "satisfaction_scale", text("not a scale"), _found("satisfaction_scale"), expected)
        lowest, highest = f"coalesce({bounds[0]}, {lowest})", f"coalesce({bounds[1]}, {highest})"
    if "satisfaction" in filled:
        default = "{}..{}".format(*DEFAULT_SCALE)
        scale = f"coalesce(satisfaction_scale, '{default}')" if "satisfaction_scale" in filled else f"'{default}'"
        expected = f"concat({literal(text('a score on the scale'))}, ' ', {scale})"
        test, reason = f"satisfaction NOT BETWEEN {lowest} AND {highest}", literal(text("outside its scale"))
        note_sql(connection, "typed", test, "satisfaction", reason, _found("satisfaction"), expected)
