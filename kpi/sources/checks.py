"""What a row must hold to become an event: the rules of the contract, each noted with what was found and expected."""

import duckdb

from kpi.events import BY_NAME, ENDS, MOMENTS, Column
from kpi.sources.problems import note
from kpi.sources.quoting import literals

FIRST_YEAR, LAST_YEAR, NEVER = 1970, 2037, 9999
SCALE = r"(-?[0-9]+([.][0-9]+)?)[.][.](-?[0-9]+([.][0-9]+)?)"


def check(connection: duckdb.DuckDBPyConnection, filled: tuple[str, ...]) -> None:
    """Notes every broken rule of the table `typed`, whose columns are `filled`."""
    for column in (BY_NAME[name] for name in filled):
        _check_filled(connection, column)
        _check_values(connection, column)
        _check_range(connection, column)
    for name in MOMENTS:
        if name in filled:
            _check_year(connection, name)
    for name in ENDS:
        if name in filled:
            note(connection, "typed", f"{name} < opened_at", name, "before it was opened", name, "at or after opened_at")
    _check_scale(connection, filled)


def _check_filled(connection: duckdb.DuckDBPyConnection, column: Column) -> None:
    if column.presence in ("key", "required"):
        note(connection, "typed", f"{column.name} IS NULL", column.name, "empty", "''", column.meaning)


def _check_values(connection: duckdb.DuckDBPyConnection, column: Column) -> None:
    if column.values:
        note(
            connection,
            "typed",
            f"{column.name} NOT IN ({literals(column.values)})",
            column.name,
            "not an allowed value",
            column.name,
            f"one of {', '.join(column.values)}",
        )


def _check_range(connection: duckdb.DuckDBPyConnection, column: Column) -> None:
    if column.lowest is not None:
        note(
            connection,
            "typed",
            f"{column.name} < {column.lowest}",
            column.name,
            "too low",
            column.name,
            f"at least {column.lowest:g}",
        )
    if column.highest is not None:
        note(
            connection,
            "typed",
            f"{column.name} > {column.highest}",
            column.name,
            "too high",
            column.name,
            f"at most {column.highest:g}",
        )


def _check_year(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Deadlines are promises, not measurements: they may lie far ahead."""
    last = NEVER - 1 if name == "due_at" else LAST_YEAR
    year = f"date_part('year', {name})"
    note(
        connection,
        "typed",
        f"{year} NOT BETWEEN {FIRST_YEAR} AND {last}",
        name,
        "not a real date",
        name,
        f"a year from {FIRST_YEAR} to {last}",
    )


def _check_scale(connection: duckdb.DuckDBPyConnection, filled: tuple[str, ...]) -> None:
    if "satisfaction" not in filled:
        return
    scale = "coalesce(satisfaction_scale, '1..5')" if "satisfaction_scale" in filled else "'1..5'"
    bounds = [f"try_cast(regexp_extract({scale}, '^{SCALE}$', {group}) AS DOUBLE)" for group in (1, 3)]
    note(
        connection,
        "typed",
        f"satisfaction IS NOT NULL AND {bounds[0]} IS NULL",
        "satisfaction_scale",
        "not a scale",
        scale,
        "lowest..highest, as 1..5",
    )
    note(
        connection,
        "typed",
        f"satisfaction NOT BETWEEN {bounds[0]} AND {bounds[1]}",
        "satisfaction",
        "outside its scale",
        "satisfaction",
        "a score on satisfaction_scale (default 1..5)",
    )
