"""From raw cells to the typed columns of the event contract: the tables `given` (what the source says) and `typed`."""

# ruff: noqa: S608 (names are contract columns or positions of raw columns; texts pass through quoting)

from dataclasses import dataclass

import duckdb

from kpi.errors import ConfigError
from kpi.events import BLANKS, BY_NAME
from kpi.sources import moments, problems
from kpi.sources.expressions import checked
from kpi.sources.headers import position_of
from kpi.sources.mapping import Mapping, sources
from kpi.sources.numbers import Marks, is_numeric, native_sql, number_sql, uncertain_sql
from kpi.sources.quoting import literal, literals
from kpi.sources.sections import Allowed, Clock, DispositionRule, FoldStep, ValueMap
from kpi.words import text

YES, NO = ("true", "yes", "y", "t", "1"), ("false", "no", "n", "f", "0")
NEVER = "false"


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the source says about one column: SQL over `source`, its DuckDB type, and SQL of the raw cells it stands on.

    `native` is SQL that holds where the value is a number in the file already; `raw` are the raw columns it is made of.
    """

    target: str
    sql: str
    type: str
    found: str
    can_fail: bool
    native: str
    raw: tuple[str, ...]


def map_raw(connection: duckdb.DuckDBPyConnection, mapping: Mapping, columns: tuple[str, ...]) -> None:
    """[allowed] and the [values] of raw columns, on the table `raw` itself."""
    for allowed in mapping.allowed:
        _check_allowed(connection, allowed, columns)
    for values in raw_maps(mapping):
        position = position_of(f"[values.{values.name}]", values.name, columns)
        cell = f"c{position}"
        _check_map(connection, "raw", cell, values)
        connection.execute(
            f"UPDATE raw SET {cell} = {_mapped(cell, values)}, natives = list_filter(natives, lambda place: place <> {position})"
        )


def raw_maps(mapping: Mapping) -> tuple[ValueMap, ...]:
    """The value maps whose name is not one of the mapping's own canonical columns."""
    return tuple(values for values in mapping.values if not is_canonical(mapping, values))


def is_canonical(mapping: Mapping, values: ValueMap) -> bool:
    """A name that is both is the canonical column."""
    return values.name in sources(mapping)


def _check_allowed(connection: duckdb.DuckDBPyConnection, allowed: Allowed, columns: tuple[str, ...]) -> None:
    cell = f"c{position_of('[allowed]', allowed.column, columns)}"
    if allowed.otherwise == "refuse":
        problems.note(
            connection,
            "raw",
            f"{cell} NOT IN ({literals(allowed.values)})",
            allowed.column,
            text("not an allowed value"),
            cell,
            text("one of {values}", values=", ".join(allowed.values)),
        )


def outside_allowed(connection: duckdb.DuckDBPyConnection, mapping: Mapping, columns: tuple[str, ...]) -> dict[str, int]:
    """Rows whose value is not allowed, for every column under [allowed]."""
    counts = {}
    for allowed in mapping.allowed:
        cell = f"c{position_of('[allowed]', allowed.column, columns)}"
        row = connection.execute(f"SELECT count(*) FROM raw WHERE {cell} NOT IN ({literals(allowed.values)})").fetchone()
        counts[allowed.column] = row[0] if row else 0
    return counts


def _check_map(connection: duckdb.DuckDBPyConnection, table: str, cell: str, values: ValueMap) -> None:
    known = [source for source, _ in values.meanings]
    if values.otherwise is None:
        problems.note(
            connection,
            table,
            f"CAST({cell} AS VARCHAR) NOT IN ({literals(known or [''])})",
            values.name,
            text("value has no meaning"),
            cell,
            text("one of {known} (or name it in [values.{name}])", known=", ".join(known), name=values.name),
        )


def _mapped(cell: str, values: ValueMap) -> str:
    meanings = " ".join(f"WHEN {literal(source)} THEN {literal(meaning)}" for source, meaning in values.meanings)
    otherwise = "NULL" if values.otherwise is None else literal(values.otherwise)
    chosen = f"CASE coalesce(CAST({cell} AS VARCHAR), '') {meanings} WHEN '' THEN NULL ELSE {otherwise} END"
    return f"nullif({chosen}, '')"


def given_values(connection: duckdb.DuckDBPyConnection, mapping: Mapping, columns: tuple[str, ...]) -> tuple[Given, ...]:
    """Every mapped column, checked against the raw columns of this file."""
    cells = tuple(_cell(target, raw, columns) for target, raw in mapping.columns.items())
    constants = tuple(
        Given(target=target, sql=literal(value), type="VARCHAR", found=literal(value), can_fail=False, native=NEVER, raw=())
        for target, value in mapping.constants.items()
    )
    computed = tuple(_expression(connection, target, written, columns) for target, written in mapping.expressions.items())
    steps = mapping.fold.steps if mapping.fold else ()
    folded = tuple(_folded(connection, step) for step in steps)
    judged = (_disposition(mapping.dispositions, columns),) if mapping.dispositions else ()
    return (*cells, *constants, *computed, *folded, *judged)


def _cell(target: str, raw: str, columns: tuple[str, ...]) -> Given:
    position = position_of(f"[columns] {target}", raw, columns)
    return Given(
        target=target, sql=f"c{position}", type="VARCHAR", found=f"c{position}", can_fail=False, native=native_sql(position), raw=(raw,)
    )  # fmt: skip


def _expression(connection: duckdb.DuckDBPyConnection, target: str, written: str, columns: tuple[str, ...]) -> Given:
    where = f"[expressions] {target}"
    expression = checked(where, written, columns)
    found = " || ' ' || ".join(f"coalesce(c{position}, '')" for position in expression.columns) or "''"
    type = type_of(connection, where, expression.sql, "source")
    raw = tuple(columns[position] for position in expression.columns)
    return Given(target=target, sql=expression.sql, type=type, found=found, can_fail=True, native=NEVER, raw=raw)


def _folded(connection: duckdb.DuckDBPyConnection, step: FoldStep) -> Given:
    target, sql = step.target, f"fold_{step.target}"
    type = type_of(connection, f"[fold.{target}]", sql, "source")
    return Given(
        target=target,
        sql=sql,
        type=type,
        found=f"cell_{target}",
        can_fail=False,
        native=f"native_{target}",
        raw=(step.column,) if step.column else (),
    )


def _disposition(rules: tuple[DispositionRule, ...], columns: tuple[str, ...]) -> Given:
    tests = " ".join(f"WHEN {rule_sql(rule, columns)} THEN {literal(rule.disposition)}" for rule in rules)
    return Given(
        target="disposition", sql=f"CASE {tests} ELSE 'normal' END", type="VARCHAR", found="''", can_fail=False, native=NEVER, raw=()
    )


def rule_sql(rule: DispositionRule, columns: tuple[str, ...]) -> str:
    """SQL that holds where a disposition rule matches."""
    cell = f"c{position_of('[[dispositions]]', rule.column, columns)}"
    if rule.test == "equals":
        return f"{cell} = {literal(rule.text)}"
    return f"contains(lower({cell}), lower({literal(rule.text)}))"


def type_of(connection: duckdb.DuckDBPyConnection, where: str, sql: str, table: str) -> str:
    """The DuckDB type of an expression over a table."""
    try:
        rows = connection.execute(f"DESCRIBE SELECT {sql} AS value FROM {table}").fetchall()
    except duckdb.Error as error:
        raise ConfigError("{where}: {problem}. Correct the expression.", where=where, problem=str(error).splitlines()[0]) from error
    return rows[0][1].replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")


def type_values(connection: duckdb.DuckDBPyConnection, mapping: Mapping, given: tuple[Given, ...]) -> None:
    """Fills `given` and `typed`, and notes every value that cannot become what its column holds."""
    maps = {values.name: values for values in mapping.values if is_canonical(mapping, values)}
    _fill_given(connection, given)
    mapped = tuple(_apply_map(connection, value, maps) for value in given)
    _learn_moments(connection, mapping.clock, mapped)
    marks = Marks(decimal=mapping.file.decimal, thousands=mapping.file.thousands)
    wanted = ", ".join(f"{_typed(value, marks)} AS {value.target}" for value in mapped)
    connection.execute(f"CREATE TABLE typed AS SELECT row_id, {wanted}, COLUMNS('^found_') FROM given")
    for value in mapped:
        _note_untyped(connection, mapping.clock, value, marks)


def _fill_given(connection: duckdb.DuckDBPyConnection, given: tuple[Given, ...]) -> None:
    """An expression that fails on a row gives no struct at all there; one that gives no value gives a struct of NULL."""
    tries = ", ".join(
        f"TRY(struct_pack(v := {value.sql})) AS {value.target}" if value.can_fail else f"{value.sql} AS {value.target}" for value in given
    )
    found = ", ".join(f"{value.found} AS found_{value.target}, {value.native} AS native_{value.target}" for value in given)
    connection.execute(f"CREATE TABLE tried AS SELECT row_id, {tries}, {found} FROM source")
    for value in given:
        if value.can_fail:
            problems.note(
                connection,
                "tried",
                f"{value.target} IS NULL",
                value.target,
                text("expression failed"),
                f"found_{value.target}",
                text("cells the expression can work with"),
            )
    plain = ", ".join(f"{value.target}.v AS {value.target}" if value.can_fail else value.target for value in given)
    connection.execute(f"CREATE TABLE given AS SELECT row_id, {plain}, COLUMNS('^(found|native)_') FROM tried")
    connection.execute("DROP TABLE tried")


def _apply_map(connection: duckdb.DuckDBPyConnection, value: Given, maps: dict[str, ValueMap]) -> Given:
    if value.target not in maps:
        return value
    values = maps[value.target]
    _check_map(connection, "given", value.target, values)
    connection.execute(f"ALTER TABLE given ALTER {value.target} TYPE VARCHAR USING {_mapped(value.target, values)}")
    return Given(target=value.target, sql=value.sql, type="VARCHAR", found=value.found, can_fail=False, native=NEVER, raw=value.raw)


def _learn_moments(connection: duckdb.DuckDBPyConnection, clock: Clock, given: tuple[Given, ...]) -> None:
    for value in given:
        if BY_NAME[value.target].type == "TIMESTAMPTZ" and value.type == "VARCHAR":
            moments.learn(connection, clock, f"SELECT {value.target} AS cell FROM given")
        elif BY_NAME[value.target].type == "TIMESTAMPTZ" and value.type == "TIMESTAMP":
            moments.learn_walls(connection, clock, f"SELECT {value.target} AS wall FROM given")


def _typed(value: Given, marks: Marks) -> str:
    wanted = BY_NAME[value.target].type
    if wanted == "TIMESTAMPTZ":
        return _moment(value)
    if wanted == "VARCHAR":
        return _text(value)
    if wanted == "BOOLEAN":
        return _boolean(value)
    return _number(value, wanted, marks)


def _moment(value: Given) -> str:
    if value.type == "VARCHAR":
        return f"(SELECT moment FROM cell_moments WHERE cell = given.{value.target})"
    if value.type == "TIMESTAMP":
        return f"(SELECT moment FROM wall_moments WHERE wall = given.{value.target})"
    if value.type == "TIMESTAMPTZ":
        return value.target
    raise ConfigError("[expressions] {target}: gives {type}, expected a date and time (TIMESTAMP).", target=value.target, type=value.type)


def _text(value: Given) -> str:
    cell = f"CAST({value.target} AS VARCHAR)"
    if value.target == "satisfaction_scale":
        cell = rf"regexp_replace({cell}, '\s', '', 'g')"
    return f"nullif(trim({cell}, {literal(BLANKS)}), '')"


def _boolean(value: Given) -> str:
    if value.type == "BOOLEAN":
        return value.target
    word = f"lower(CAST({value.target} AS VARCHAR))"
    return f"CASE WHEN {word} IN ({literals(YES)}) THEN true WHEN {word} IN ({literals(NO)}) THEN false END"


def _number(value: Given, wanted: str, marks: Marks) -> str:
    cell = f"CAST({value.target} AS VARCHAR)"
    read = (
        number_sql(cell, marks)
        if value.native == NEVER
        else f"CASE WHEN native_{value.target} THEN {cell} ELSE {number_sql(cell, marks)} END"
    )
    number = value.target if is_numeric(value.type) else read
    if wanted == "DOUBLE":
        real = f"try_cast({number} AS DOUBLE)"
        return f"CASE WHEN isfinite({real}) THEN {real} END"
    exact = f"try_cast({number} AS DECIMAL(38,10))"
    return (
        f"CASE WHEN {exact} = trunc({exact}) THEN try_cast({exact} AS BIGINT) END"
        if wanted == "BIGINT"
        else f"try_cast({exact} AS {wanted})"
    )


def _note_untyped(connection: duckdb.DuckDBPyConnection, clock: Clock, value: Given, marks: Marks) -> None:
    wanted = BY_NAME[value.target].type
    if wanted == "VARCHAR":
        return  # a text of blanks is an empty cell, not a wrong one
    both = f"(SELECT given.*, typed.{value.target} AS typed_value FROM given JOIN typed USING (row_id))"
    test = f"{value.target} IS NOT NULL AND typed_value IS NULL"
    if wanted == "TIMESTAMPTZ":
        reason = _why_no_moment(value)
        expected = moments.expected_sql(reason, clock)
    elif wanted == "BOOLEAN":
        reason, expected = literal(text("not true or false")), literal(text("true or false (name others in [values])"))
    else:
        reason, expected = _why_no_number(f"CAST({value.target} AS VARCHAR)", wanted, marks)
    problems.note_sql(connection, both, test, value.target, reason, f"found_{value.target}", expected)


def _why_no_moment(value: Given) -> str:
    table, column = ("wall_moments", "wall") if value.type == "TIMESTAMP" else ("cell_moments", "cell")
    judged = f"(SELECT reason FROM {table} WHERE {column} = {value.target})"
    return f"coalesce({'NULL' if value.type == 'TIMESTAMPTZ' else judged}, {literal(text('not a date'))})"


def _why_no_number(cell: str, wanted: str, marks: Marks) -> tuple[str, str]:
    """The reason and what was expected, as SQL."""
    uncertain = uncertain_sql(cell, marks)
    mark = text("a number with the decimal mark {mark}", mark=repr(marks.decimal)) if marks.decimal else text("a number")
    whole = (text("not a whole number"), text("a whole number"))
    reason, expected = whole if wanted == "BIGINT" else (text("not a number"), mark)
    certain = text("a number whose decimal mark is certain (set decimal in [file])")
    return (
        f"CASE WHEN {uncertain} THEN {literal(text('not a certain number'))} ELSE {literal(reason)} END",
        f"CASE WHEN {uncertain} THEN {literal(certain)} ELSE {literal(expected)} END",
    )
