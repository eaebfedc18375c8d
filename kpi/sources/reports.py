"""The report of a conversion, counted from the tables it left behind."""

# ruff: noqa: S608 (names are contract columns or positions of raw columns; texts pass through quoting)

from dataclasses import dataclass

import duckdb

from kpi.events import YEARS
from kpi.sources.absences import Absence
from kpi.sources.conversion import Conversion, Profile, RuleMatches
from kpi.sources.mapping import Mapping
from kpi.sources.profiles import profiles
from kpi.sources.quoting import literal
from kpi.sources.reading import Raw
from kpi.sources.values import rule_sql
from kpi.words import text


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What only the conversion itself knows."""

    mapping: Mapping
    files: tuple[str, ...]
    extract: str
    kept_aside: str
    raw: Raw
    raw_profiles: tuple[Profile, ...]
    outside_allowed: dict[str, int]
    fold_duplicates: int
    unshared_pools: int
    columns: tuple[str, ...]
    absent: tuple[Absence, ...]
    skipped: tuple[str, ...]


def report(connection: duckdb.DuckDBPyConnection, facts: Facts) -> Conversion:
    """Every count; the tables are those `convert` leaves: raw, broken, members, problems, aside, kept_aside, typed, versions."""
    kept = _count(connection, "kept_aside WHERE kept = 'row'")
    return Conversion(
        mapping=facts.mapping.name,
        files=facts.files,
        extract=facts.extract,
        kept_aside_file=facts.kept_aside,
        rows_read=facts.raw.rows + facts.raw.broken,
        rows_written=_count(connection, "members WHERE event_row IN (SELECT row_id FROM good)"),
        rows_kept_aside=kept,
        blank_rows=facts.raw.blank,
        events=_count(connection, "good"),
        versions=_count(connection, "versions"),
        kept_aside=_reasons(connection, "row"),
        set_aside=_reasons(connection, "value"),
        outside_allowed=facts.outside_allowed,
        dispositions=_rule_matches(connection, facts.mapping, facts.raw.columns),
        disposition_overlaps=_overlaps(connection, facts.mapping, facts.raw.columns),
        fold_duplicates=facts.fold_duplicates,
        ambiguous_moments=_odd_moments(connection, "ambiguous"),
        nonexistent_moments=_odd_moments(connection, "nonexistent"),
        warnings=_warnings(connection, facts),
        raw_columns=facts.raw_profiles,
        columns=profiles(connection, "good", {column: column for column in facts.columns}),
    )


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {relation}").fetchone()
    return row[0] if row else 0


def _reasons(connection: duckdb.DuckDBPyConnection, kept: str) -> dict[str, int]:
    query = (
        "SELECT CASE WHEN \"column\" = '' THEN reason ELSE \"column\" || ': ' || reason END, count(*) "
        "FROM kept_aside WHERE kept = $kept GROUP BY ALL ORDER BY 2 DESC, 1"
    )
    return dict(connection.execute(query, {"kept": kept}).fetchall())


def _rule_matches(connection: duckdb.DuckDBPyConnection, mapping: Mapping, columns: tuple[str, ...]) -> tuple[RuleMatches, ...]:
    return tuple(
        RuleMatches(
            disposition=rule.disposition,
            column=rule.column,
            text=rule.text,
            events=_count(connection, f"source WHERE {rule_sql(rule, columns)}"),
        )
        for rule in mapping.dispositions
    )


def _overlaps(connection: duckdb.DuckDBPyConnection, mapping: Mapping, columns: tuple[str, ...]) -> int:
    """Events that rules of two different dispositions match."""
    if not mapping.dispositions:
        return 0
    dispositions = dict.fromkeys(rule.disposition for rule in mapping.dispositions)
    tests = [" OR ".join(rule_sql(rule, columns) for rule in mapping.dispositions if rule.disposition == name) for name in dispositions]
    matched = " + ".join(f"CASE WHEN {test} THEN 1 ELSE 0 END" for test in tests)
    return _count(connection, f"source WHERE {matched} > 1")


def _odd_moments(connection: duckdb.DuckDBPyConnection, odd: str) -> int:
    """Events with at least one measured local time that happened twice (or never), however it was settled."""
    cells = [
        row[0]
        for row in connection.execute(
            "SELECT column_name FROM duckdb_columns() WHERE table_name = 'given' AND "
            "NOT starts_with(column_name, 'found_') AND data_type IN ('VARCHAR', 'TIMESTAMP') AND ends_with(column_name, '_at') "
            "AND column_name NOT IN ('due_at', 'updated_at')"
        ).fetchall()
    ]
    walls = f"SELECT wall FROM wall_moments WHERE is_odd = {literal(odd)}"
    tests = [
        f"CAST({cell} AS VARCHAR) IN (SELECT cell FROM cell_moments WHERE wall IN ({walls}) UNION ALL "
        f"SELECT CAST(wall AS VARCHAR) FROM wall_moments WHERE is_odd = {literal(odd)})"
        for cell in cells
    ]
    return _count(connection, f"given WHERE {' OR '.join(tests)}") if tests else 0


def _warnings(connection: duckdb.DuckDBPyConnection, facts: Facts) -> dict[str, int]:
    """What is allowed and yet worth a look; only what occurs."""
    counts = {**_event_warnings(connection, facts.columns), text("cost pools nobody could bear"): facts.unshared_pools}
    if facts.mapping.fold:
        counts[text("unreadable rows of a log: their events lack them")] = facts.raw.broken
    counts[text("error cells of a workbook (#N/A...): name them in nulls if they are nothing")] = facts.raw.errors
    counts[text("lines that begin inside a quoted cell")] = facts.raw.breaks
    repeated = "SELECT count(*) FROM versions GROUP BY event_id, updated_at HAVING count(*) > 1"
    counts[text("event_id and updated_at more than once")] = _count(connection, f"({repeated})")
    counts |= {str(absence): 1 for absence in facts.absent}
    counts |= {text("{file}: skipped, it is not a CSV file", file=name): 1 for name in facts.skipped}
    return {warning: count for warning, count in counts.items() if count}


def _event_warnings(connection: duckdb.DuckDBPyConnection, columns: tuple[str, ...]) -> dict[str, int]:
    far = YEARS[1] + 1
    tests = {
        text("due_at in {year} or later", year=far): ("due_at", f"due_at >= DATE '{far}-01-01'"),
        text("due_at before opened_at"): ("due_at", "due_at < opened_at"),
        text("reopened"): ("reopen_count", "reopen_count > 0"),
        text("resolved_at before responded_at"): ("responded_at", "resolved_at < responded_at"),
    }
    return {
        warning: _count(connection, f"good WHERE {test}")
        for warning, (column, test) in tests.items()
        if column in columns and (column != "responded_at" or "resolved_at" in columns)
    }
