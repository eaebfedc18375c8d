"""An event log becomes events: rows with the same key, in their order, fold into one row of the table `source`."""

# ruff: noqa: S608 (names are contract columns or positions of raw columns; texts pass through quoting)

from dataclasses import dataclass

import duckdb

from kpi.events import BY_NAME
from kpi.sources import moments, problems
from kpi.sources.expressions import checked
from kpi.sources.headers import position_of
from kpi.sources.mapping import Mapping
from kpi.sources.numbers import native_sql
from kpi.sources.sections import Fold, FoldStep
from kpi.sources.values import type_of
from kpi.words import text

ORDER = "DECIMAL(38,10)"


@dataclass(frozen=True, kw_only=True)
class Folded:
    """How many rows repeat the key and the order of an earlier row (the later one in the file counts as later)."""

    duplicates: int


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step as SQL: where it holds, the value a row contributes, and where that is a number in the file already."""

    target: str
    kind: str
    holds: str
    value: str
    native: str
    cell: str


def fold(connection: duckdb.DuckDBPyConnection, mapping: Mapping, columns: tuple[str, ...]) -> Folded:
    """Fills `source` and `members`; without [fold] every good row is an event of its own."""
    if mapping.fold is None:
        connection.execute("CREATE TABLE source AS SELECT * FROM raw WHERE row_id NOT IN (SELECT row_id FROM problems)")
        connection.execute("CREATE TABLE members AS SELECT row_id, row_id AS event_row FROM source")
        return Folded(duplicates=0)
    return _fold(connection, mapping, mapping.fold, columns)


def _fold(connection: duckdb.DuckDBPyConnection, mapping: Mapping, rule: Fold, columns: tuple[str, ...]) -> Folded:
    key = [f"c{position_of('[fold] key', name, columns)}" for name in rule.key]
    order = [_order(connection, mapping, name, columns) for name in rule.order]
    steps = tuple(_step(connection, mapping, step, columns) for step in rule.steps)
    for name, cell in zip(rule.key, key, strict=True):
        problems.note(connection, "raw", f"{cell} IS NULL", name, text("empty"), "''", text("the key of an event"))
    _keep_whole_events(connection, rule, key)
    _mark(connection, key, order, steps)
    _gather(connection, key, steps, len(columns))
    return Folded(duplicates=_duplicates(connection, key, order))


def _keep_whole_events(connection: duckdb.DuckDBPyConnection, rule: Fold, key: list[str]) -> None:
    """An event without one of its rows would tell another story: its other rows are kept aside too, and name that row."""
    names, same = ", ".join(key), " AND ".join(f"raw.{cell} = wrong.{cell}" for cell in key)
    wrong = f"SELECT {names}, min(file_row) AS file_row FROM raw WHERE row_id IN (SELECT row_id FROM problems) GROUP BY {names}"
    problems.note(
        connection,
        f"(SELECT raw.row_id, wrong.file_row FROM raw JOIN ({wrong}) AS wrong ON {same})",
        "row_id NOT IN (SELECT row_id FROM problems)",
        rule.key[0],
        text("another row of the event is kept aside"),
        "concat('row ', file_row)",
        text("every row of the event to be good"),
    )


def _order(connection: duckdb.DuckDBPyConnection, mapping: Mapping, name: str, columns: tuple[str, ...]) -> str:
    """SQL of what the rows are ordered by: moments where more of the cells are moments than numbers."""
    cell = f"c{position_of('[fold] order', name, columns)}"
    number, moment = f"try_cast({cell} AS {ORDER})", f"(SELECT moment FROM cell_moments WHERE cell = raw.{cell})"
    moments.learn(connection, mapping.clock, f"SELECT {cell} AS cell FROM raw")
    [(numbers, known)] = connection.execute(f"SELECT count({number}), count({moment}) FROM raw").fetchall()
    problems.note(connection, "raw", f"{cell} IS NULL", name, text("empty"), "''", text("a number or a moment to order by"))
    if known > numbers:
        _note_moments(connection, mapping, name, cell)
        return moment
    problems.note(connection, "raw", f"{number} IS NULL", name, text("not a number"), cell, text("a number to order by, as in other rows"))
    return number


def _step(connection: duckdb.DuckDBPyConnection, mapping: Mapping, step: FoldStep, columns: tuple[str, ...]) -> Step:
    where = f"[fold.{step.target}] where"
    test = checked(where, step.where or "true", columns)
    type_of(connection, where, f"CAST({test.sql} AS BOOLEAN)", "raw")
    found = " || ' ' || ".join(f"coalesce(c{position}, '')" for position in test.columns) or "''"
    problems.note(
        connection,
        "raw",
        f"TRY(struct_pack(v := {test.sql})) IS NULL",
        step.target,
        text("expression failed"),
        found,
        text("cells the expression can work with"),
    )
    return Step(
        target=step.target,
        kind=step.kind,
        holds=f"coalesce(TRY(CAST({test.sql} AS BOOLEAN)), false)",
        value=_value(connection, mapping, step, columns),
        native=native_sql(columns.index(step.column)) if step.column else "false",
        cell=f"c{columns.index(step.column)}" if step.column else "NULL",
    )


def _value(connection: duckdb.DuckDBPyConnection, mapping: Mapping, step: FoldStep, columns: tuple[str, ...]) -> str:
    if not step.column:
        return "NULL"
    cell = f"c{position_of(f'[fold.{step.target}]', step.column, columns)}"
    if BY_NAME[step.target].type != "TIMESTAMPTZ":
        return cell
    moments.learn(connection, mapping.clock, f"SELECT {cell} AS cell FROM raw")
    _note_moments(connection, mapping, step.column, cell)
    return f"(SELECT moment FROM cell_moments WHERE cell = raw.{cell})"


def _note_moments(connection: duckdb.DuckDBPyConnection, mapping: Mapping, name: str, cell: str) -> None:
    expected = moments.expected_sql("reason", mapping.clock)
    problems.note_sql(connection, f"raw JOIN cell_moments ON cell = {cell}", "reason IS NOT NULL", name, "reason", cell, expected)


def _mark(connection: duckdb.DuckDBPyConnection, key: list[str], order: list[str], steps: tuple[Step, ...]) -> None:
    """`ordered`: every good row with its place in its event; `marked`: also where each run of matching rows ends."""
    cells = "".join(
        f", {step.holds} AS holds_{step.target}, {step.value} AS value_{step.target}, {step.native} AS native_{step.target}, "
        f"{step.cell} AS cell_{step.target}"
        for step in steps
    )
    ranks = [f"rank_{number}" for number in range(len(order))]
    ranked = ", ".join(f"{sql} AS {rank}" for sql, rank in zip(order, ranks, strict=True))
    connection.execute(
        f"CREATE TEMP TABLE ordered AS SELECT *, row_number() OVER (PARTITION BY {', '.join(key)} ORDER BY {', '.join(ranks)}, row_id) "
        f"AS place FROM (SELECT row_id, {', '.join(key)}, {ranked}{cells} FROM raw WHERE row_id NOT IN (SELECT row_id FROM problems))"
    )
    window = f"OVER (PARTITION BY {', '.join(key)} ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)"
    runs = "".join(
        f", coalesce(max(place) FILTER (NOT holds_{step.target}) {window}, 0) AS before_{step.target}, "
        f"holds_{step.target} AND NOT lead(holds_{step.target}, 1, true) {window} AS leaves_{step.target}"
        for step in steps
    )
    connection.execute(f"CREATE TEMP TABLE marked AS SELECT *{runs} FROM ordered")


def _gather(connection: duckdb.DuckDBPyConnection, key: list[str], steps: tuple[Step, ...], width: int) -> None:
    values = "".join(
        f", {_aggregate(step)} AS fold_{step.target}, {_native(step)} AS native_{step.target}, {_cell(step)} AS cell_{step.target}"
        for step in steps
    )
    names = "".join(f", folded.fold_{step.target}, folded.native_{step.target}, folded.cell_{step.target}" for step in steps)
    connection.execute(f"CREATE TEMP TABLE folded AS SELECT arg_max(row_id, place) AS row_id{values} FROM marked GROUP BY {', '.join(key)}")
    cells = ", ".join(f"raw.c{position}" for position in range(width))
    connection.execute(
        f"CREATE TABLE source AS SELECT raw.row_id, raw.part, raw.file_row, raw.natives, {cells}{names} "
        "FROM raw JOIN folded USING (row_id) ORDER BY raw.row_id"
    )
    connection.execute(
        f"CREATE TABLE members AS SELECT row_id, last_value(row_id) OVER (PARTITION BY {', '.join(key)} ORDER BY place "
        "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS event_row FROM ordered"
    )


def _aggregate(step: Step) -> str:
    holds, value = f"holds_{step.target}", f"value_{step.target}"
    if step.kind == "count_where":
        return f"count(*) FILTER ({holds})"
    if step.kind == "count_exits_where":
        return f"count(*) FILTER (leaves_{step.target})"
    if BY_NAME[step.target].type != "TIMESTAMPTZ":
        return _text_aggregate(step, value)
    if step.kind == "last":
        return f"max({value}) FILTER ({holds})"
    return f"min({value}) FILTER ({_run(step, holds)})"


def _text_aggregate(step: Step, value: str) -> str:
    chosen = "arg_max" if step.kind == "last" else "arg_min"
    return f"{chosen}({value}, place) FILTER ({_run(step, f'holds_{step.target}')})"


def _native(step: Step) -> str:
    """Of the row that gives the value: as `arg_max`, it passes over rows without one."""
    return _text_aggregate(step, f"CASE WHEN value_{step.target} IS NOT NULL THEN native_{step.target} END")


def _cell(step: Step) -> str:
    """The raw cell of the row that gives the value; a count has none."""
    if step.kind.startswith("count"):
        return f"CAST({_aggregate(step)} AS VARCHAR)"
    if BY_NAME[step.target].type != "TIMESTAMPTZ":
        return _aggregate(step)
    chosen, rows = ("arg_max", f"holds_{step.target}") if step.kind == "last" else ("arg_min", _run(step, f"holds_{step.target}"))
    return f"{chosen}(cell_{step.target}, value_{step.target}) FILTER ({rows})"


def _run(step: Step, holds: str) -> str:
    return f"place > before_{step.target}" if step.kind == "trailing_run_start" else holds


def _duplicates(connection: duckdb.DuckDBPyConnection, key: list[str], order: list[str]) -> int:
    names = ", ".join((*key, *(f"rank_{number}" for number in range(len(order)))))
    row = connection.execute(f"SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM ordered GROUP BY {names})").fetchone()
    return int(row[0]) if row else 0
