"""The expression language of a mapping: DuckDB's scalar expressions over the raw columns, and nothing else.

An expression is parsed by DuckDB itself, every node of its syntax tree must be on the list below, the names of raw columns
are replaced by their positions, and the text that runs is written from that tree: what was typed never reaches a query.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import duckdb

from kpi.configuration import refuse_unknown
from kpi.errors import ConfigError
from kpi.sources.headers import position_of
from kpi.sources.numbers import native_sql

LONGEST = 2_000

# fmt: off
OPERATORS = frozenset({"+", "-", "*", "/", "//", "%", "||", "~~", "!~~", "~~*", "!~~*"})
FUNCTIONS = frozenset({
    "moment", "number", "trim", "ltrim", "rtrim", "lower", "upper", "length", "left", "right", "substring", "substr",
    "replace", "concat", "concat_ws", "contains", "starts_with", "ends_with", "prefix", "suffix", "position", "strpos",
    "split_part", "regexp_extract", "regexp_matches", "regexp_full_match", "regexp_replace", "nullif", "ifnull", "if",
    "greatest", "least", "abs", "round", "floor", "ceil", "ceiling", "trunc", "strptime", "try_strptime", "strftime",
    "date_part", "date_trunc", "date_diff", "datediff", "date_add", "make_date", "make_timestamp", "timezone", "epoch",
    "to_seconds", "to_minutes", "to_hours", "to_days", "to_weeks", "to_months", "to_years", "list_value",
})
TYPES = frozenset({
    "varchar", "text", "string", "boolean", "bool", "integer", "int", "int4", "bigint", "int8", "hugeint", "smallint",
    "double", "float", "decimal", "numeric", "date", "time", "timestamp", "timestamptz", "interval",
}) | {"timestamp with time zone"}
NODES = frozenset({
    "CONSTANT:VALUE_CONSTANT", "COLUMN_REF:COLUMN_REF", "FUNCTION:FUNCTION", "CAST:OPERATOR_CAST", "TYPE:TYPE",
    "CASE:CASE_EXPR", "BETWEEN:COMPARE_BETWEEN", "BETWEEN:COMPARE_NOT_BETWEEN", "CONJUNCTION:CONJUNCTION_AND",
    "CONJUNCTION:CONJUNCTION_OR", "COMPARISON:COMPARE_EQUAL", "COMPARISON:COMPARE_NOTEQUAL", "COMPARISON:COMPARE_LESSTHAN",
    "COMPARISON:COMPARE_GREATERTHAN", "COMPARISON:COMPARE_LESSTHANOREQUALTO", "COMPARISON:COMPARE_GREATERTHANOREQUALTO",
    "COMPARISON:COMPARE_DISTINCT_FROM", "COMPARISON:COMPARE_NOT_DISTINCT_FROM", "OPERATOR:COMPARE_IN",
    "OPERATOR:COMPARE_NOT_IN", "OPERATOR:OPERATOR_IS_NULL", "OPERATOR:OPERATOR_IS_NOT_NULL", "OPERATOR:OPERATOR_NOT",
    "OPERATOR:OPERATOR_COALESCE", "OPERATOR:OPERATOR_TRY",
})
# fmt: on
PLAIN_WORDS = {
    "SUBQUERY": "a subquery",
    "WINDOW": "a window function (over)",
    "STAR": "a star (*)",
    "PARAMETER": "a parameter (? or $)",
    "LAMBDA": "a lambda",
    "POSITIONAL_REFERENCE": "a column position (#)",
    "COLLATE": "a collation",
    "DEFAULT": "the word DEFAULT",
}

Node = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Expression:
    """An expression that may run, over the columns `c0`, `c1`...; `columns` are the positions it reads."""

    sql: str
    columns: tuple[int, ...]


def checked(where: str, text: str, raw_columns: tuple[str, ...]) -> Expression:
    """The expression, or a ConfigError that says what in it is not allowed."""
    try:
        statement = _parsed(where, text)
        selected = _selected(where, text, statement)
        used = tuple(_check(where, node, raw_columns) for node in _nodes(selected))
    except RecursionError as error:
        raise ConfigError("{where}: the expression is nested too deeply. Split it.", where=where) from error
    _tell_natives(selected)
    positions = sorted({position for position in used if position is not None})
    return Expression(sql=_written(statement), columns=tuple(positions))


def columns_read(where: str, text: str) -> tuple[str, ...]:
    """The names of the raw columns an expression reads; of one that is too deep none, as `checked` refuses it."""
    try:
        selected = _selected(where, text, _parsed(where, text))
        return tuple(_named(node) for node in _nodes(selected) if node["class"] == "COLUMN_REF")
    except RecursionError:
        return ()


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"enable_external_access": "false"})


def _parsed(where: str, text: str) -> Node:
    if len(text) > LONGEST:
        raise ConfigError("{where}: {size} characters, expected at most {most}.", where=where, size=len(text), most=LONGEST)
    answer = json.loads(_answer("SELECT json_serialize_sql($text)", f"SELECT {text}\n"))
    if answer["error"]:
        raise ConfigError("{where}: '{text}' is not an expression: {problem}.", where=where, text=text, problem=answer["error_message"])
    return answer


def _answer(query: str, text: str) -> str:
    with _parser().cursor() as cursor:
        row = cursor.execute(query, {"text": text}).fetchone()
    return str(row[0]) if row else ""


def _selected(where: str, text: str, answer: Node) -> Node:
    """The one expression of the statement; everything else about the statement must be as in `SELECT 1`."""
    expressions, frame = _select_list(answer), _frame(answer)
    expected = _frame(json.loads(_answer("SELECT json_serialize_sql($text)", "SELECT 1\n")))
    if len(expressions) != 1 or frame != expected or expressions[0].get("alias"):
        raise ConfigError("{where}: '{text}' is more than one expression, expected one value and nothing after it.", where=where, text=text)
    return expressions[0]


def _select_list(answer: Node) -> list[Node]:
    statements = answer["statements"]
    return statements[0]["node"].get("select_list", []) if isinstance(statements, list) and statements else []


def _frame(answer: Node) -> object:
    """The statement without its expressions, their parameters, and the places of words in the text."""
    return _pruned(answer, ("select_list", "named_param_map", "query_location", "query_location_length"))


def _pruned(value: object, keys: tuple[str, ...]) -> object:
    if isinstance(value, dict):
        return {key: _pruned(entry, keys) for key, entry in value.items() if key not in keys}
    return [_pruned(entry, keys) for entry in value] if isinstance(value, list) else value


def _nodes(value: object) -> Iterator[Node]:
    """Every node of the tree, parents first."""
    if isinstance(value, dict):
        if "class" in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for entry in value:
            yield from _nodes(entry)


def _check(where: str, node: Node, raw_columns: tuple[str, ...]) -> int | None:
    """Refuses what is not on the list; gives the position of a raw column and writes it into the tree."""
    kind = str(node["class"])
    if f"{kind}:{node['type']}" not in NODES:
        raise ConfigError(
            "{where}: {what} is not allowed in an expression. Use columns, constants, operators and functions.",
            where=where,
            what=PLAIN_WORDS.get(kind, f"{kind} {node['type']}"),
        )
    if kind == "FUNCTION":
        _check_function(where, node)
    if kind == "TYPE":
        _check_type(where, node)
    return _place(where, node, raw_columns) if kind == "COLUMN_REF" else None


def _check_function(where: str, node: Node) -> None:
    name = str(node["function_name"]).lower()
    _refuse_elsewhere(node, name, where)
    refuse_unknown(name, OPERATORS if node["is_operator"] else FUNCTIONS, "function", where)
    arguments, orders = node["arguments"], node["order_bys"]
    named = isinstance(arguments, list) and any(argument["name"] for argument in arguments)
    ordered = isinstance(orders, dict) and orders["orders"]
    if node["filter"] or node["distinct"] or node["export_state"] or ordered or named:
        raise ConfigError("{where}: '{name}' has a filter, an order or named arguments, expected plain arguments.", where=where, name=name)


def _check_type(where: str, node: Node) -> None:
    name = str(node["type_name"]).lower()
    _refuse_elsewhere(node, name, where)
    refuse_unknown(name, TYPES, "type", where)


def _refuse_elsewhere(node: Node, name: str, where: str) -> None:
    if node["schema"] or node["catalog"]:
        raise ConfigError("{where}: '{name}' of a schema, expected the plain name.", where=where, name=name)


def _place(where: str, node: Node, raw_columns: tuple[str, ...]) -> int:
    position = position_of(where, _named(node), raw_columns)
    node["column_names"] = [f"c{position}"]
    return position


def _named(node: Node) -> str:
    names = node["column_names"]
    return ".".join(names) if isinstance(names, list) else str(names)


def _tell_natives(selected: Node) -> None:
    """`number` of a raw column learns which of its cells are numbers in the file already."""
    for node in list(_nodes(selected)):
        if node["class"] == "FUNCTION" and str(node["function_name"]).lower() == "number":
            inner = list(_nodes(node["arguments"]))
            if [one["class"] for one in inner] == ["COLUMN_REF"]:
                node.update(_native_number(inner[0]["column_names"]))


def _native_number(names: object) -> Node:
    [cell] = names if isinstance(names, list) else [str(names)]
    query = f"SELECT native_number({cell}, {native_sql(int(cell.removeprefix('c')))})"
    [native] = _select_list(json.loads(_answer("SELECT json_serialize_sql($text)", query)))
    return native


def _written(statement: Node) -> str:
    query = _answer("SELECT json_deserialize_sql($text::JSON)", json.dumps(statement))
    return f"({query.removeprefix('SELECT ')})"
