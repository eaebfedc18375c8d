"""Looking at the columns of a table: what is missing, how many values, and which where they are few."""

# ruff: noqa: S608 (names are contract columns or positions of raw columns; texts pass through quoting)

from collections.abc import Mapping

import duckdb

from kpi.sources.conversion import Profile
from kpi.sources.quoting import name

FEW = 20


def raw_names(columns: tuple[str, ...]) -> dict[str, str]:
    """Column of the table `raw` -> its name in the file."""
    return {f"c{position}": column for position, column in enumerate(columns)}


def profiles(connection: duckdb.DuckDBPyConnection, table: str, labels: Mapping[str, str]) -> tuple[Profile, ...]:
    """One profile for every column of the table that has a label."""
    counts = ", ".join(f"count({name(column)}), count(DISTINCT {name(column)})" for column in labels)
    (rows, *pairs), *_ = connection.execute(f"SELECT count(*), {counts} FROM {table}").fetchall()
    filled, distinct = pairs[::2], pairs[1::2]
    return tuple(
        Profile(name=label, nulls=rows - count, distinct=values, values=_values(connection, table, column, values))
        for (column, label), count, values in zip(labels.items(), filled, distinct, strict=True)
    )


def _values(connection: duckdb.DuckDBPyConnection, table: str, column: str, distinct: int) -> dict[str, int]:
    if distinct > FEW:
        return {}
    query = (
        f"SELECT CAST({name(column)} AS VARCHAR), count(*) FROM {table} WHERE {name(column)} IS NOT NULL GROUP BY ALL ORDER BY 2 DESC, 1"
    )
    return dict(connection.execute(query).fetchall())
