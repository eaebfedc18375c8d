"""From events to versions: the table `versions`, whose columns are those of the extract.

An export that holds only the final state of its events still tells when each thing happened. Replayed, every event gets one
version per moment, and each version knows only what could be known then.
"""

# ruff: noqa: S608 (names are contract columns or positions of raw columns; texts pass through quoting)

import duckdb

from kpi.events import BY_NAME, COLUMNS, DIMENSIONS, DISPOSITIONS, HAPPENINGS, UNKNOWN

KNOWN_AT_ONCE = ("event_id", "source", "opened_at", "due_at", "customer", *DIMENSIONS)


def updates(history: str, filled: tuple[str, ...]) -> tuple[str, ...]:
    """The filled columns whose moments become an `updated_at`."""
    return tuple(name for name in (*HAPPENINGS, "updated_at") if name in filled and (name == "updated_at" or history == "replay"))


def write_versions(connection: duckdb.DuckDBPyConnection, history: str, filled: tuple[str, ...]) -> tuple[str, ...]:
    """Fills `versions` from `typed`, and gives its columns in the order of the contract."""
    names = tuple(column.name for column in COLUMNS if column.name in filled or column.name == "updated_at")
    connection.execute("CREATE VIEW good AS SELECT * FROM typed WHERE row_id NOT IN (SELECT row_id FROM problems)")
    if history == "replay":
        _replay(connection, names, filled)
    else:
        wanted = ", ".join(f"{_whole(name)} AS {name}" for name in names)
        connection.execute(f"CREATE TABLE versions AS SELECT {wanted} FROM good ORDER BY row_id")
    return names


def _whole(name: str) -> str:
    if BY_NAME[name].presence == "dimension":
        return f"coalesce({name}, '{UNKNOWN}')"
    return f"coalesce(disposition, '{DISPOSITIONS[0]}')" if name == "disposition" else name


def _replay(connection: duckdb.DuckDBPyConnection, names: tuple[str, ...], filled: tuple[str, ...]) -> None:
    happened = updates("replay", filled)
    moments = ", ".join(happened)
    wanted = ", ".join(f"{_then(name)} AS {name}" for name in names)
    connection.execute(
        f"CREATE TABLE versions AS WITH ended AS (SELECT *, greatest({moments}) AS final_at, "
        f"list_distinct(list_filter([{_starts(happened, filled)}], lambda known: known IS NOT NULL)) AS changes FROM good), "
        f"known AS (SELECT *, unnest(changes) AS known_at FROM ended) SELECT {wanted} FROM known ORDER BY row_id, known_at"
    )


def _starts(happened: tuple[str, ...], filled: tuple[str, ...]) -> str:
    """The moments at which something changed; an update before the last of them says nothing more."""
    own = [name for name in happened if name != "updated_at"]
    return ", ".join((*own, f"greatest({', '.join(happened)})") if "updated_at" in filled else own)


def _then(name: str) -> str:
    if name == "updated_at":
        return "known_at"
    if name in KNOWN_AT_ONCE:
        return _whole(name)
    if name in HAPPENINGS:
        return f"CASE WHEN {name} <= known_at THEN {name} END"
    if name == "disposition":
        return f"CASE WHEN known_at = final_at THEN {_whole(name)} ELSE '{DISPOSITIONS[0]}' END"
    return f"CASE WHEN known_at = final_at THEN {name} END"
