"""What is wrong with a row: one place where it is noted, and one where it is decided what it costs.

`problems(row_id, number, name, reason, found, expected)`: the first one decides. `aside(row_id, name, reason, found, expected)`:
values that were taken out of a row that stays. `members(row_id, event_row)`: which rows became which event.
`origins(name, raw)`: the columns of the file behind a name that stands in the others.
"""

# ruff: noqa: S608 (names are contract columns or positions of raw columns; texts pass through quoting)

from collections.abc import Mapping

import duckdb

from kpi.sources.quoting import literal, literals

HAPPENED = {"responded_at": "has_response", "resolved_at": "has_resolution", "closed_at": "has_end"}
"""What stays known when the moment is set aside: that it happened."""

PROBLEM = "SELECT row_id, nextval('problem_number'), {name}, {reason}, CAST({found} AS VARCHAR), {expected} FROM {table} WHERE {test}"


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """The empty lists."""
    connection.execute("CREATE SEQUENCE problem_number")
    connection.execute(
        "CREATE TABLE problems (row_id BIGINT, number BIGINT, name VARCHAR, reason VARCHAR, found VARCHAR, expected VARCHAR)"
    )
    connection.execute("CREATE TABLE aside (row_id BIGINT, name VARCHAR, reason VARCHAR, found VARCHAR, expected VARCHAR)")


def note(connection: duckdb.DuckDBPyConnection, table: str, test: str, name: str, reason: str, found: str, expected: str) -> int:
    """Notes every row of the table for which the SQL `test` holds, and gives their number; `found` is SQL, the rest is text."""
    return note_sql(connection, table, test, name, literal(reason), found, literal(expected))


def note_sql(connection: duckdb.DuckDBPyConnection, table: str, test: str, name: str, reason: str, found: str, expected: str) -> int:
    """As `note`, with a reason and an expectation that are SQL."""
    query = PROBLEM.format(name=literal(name), reason=reason, found=found, expected=expected, table=table, test=test)
    row = connection.execute(f"INSERT INTO problems {query}").fetchone()
    return int(row[0]) if row else 0


def name_origins(connection: duckdb.DuckDBPyConnection, made_of: Mapping[str, tuple[str, ...]], rename: Mapping[str, str]) -> None:
    """Fills `origins`; what is not in it is the name of a raw column itself."""
    origins = {**rename, **{name: ", ".join(rename.get(raw, raw) for raw in columns) for name, columns in made_of.items()}}
    connection.execute(
        "CREATE TABLE origins AS SELECT unnest($names::VARCHAR[]) AS name, unnest($raws::VARCHAR[]) AS raw",
        {"names": list(origins), "raws": list(origins.values())},
    )


def set_aside(connection: duckdb.DuckDBPyConnection, names: tuple[str, ...]) -> None:
    """A wrong value in one of these columns is taken out; the row stays, and what happened stays so without its moment."""
    if not names:
        return
    listed = literals(names)
    connection.execute(f"INSERT INTO aside SELECT row_id, name, reason, found, expected FROM problems WHERE name IN ({listed})")
    connection.execute(f"DELETE FROM problems WHERE name IN ({listed})")
    for name in names:
        known = f", {HAPPENED[name]} = TRUE" if name in HAPPENED else ""
        connection.execute(f"UPDATE typed SET {name} = NULL{known} WHERE row_id IN (SELECT row_id FROM aside WHERE name = {literal(name)})")
