"""DuckDB's statements in Spark's words: the definitions are written once, and only what is known to be equal is let through.

What both engines call the same but do not do the same is put into words that are equal:

    a // b                         a DIV b                       both cut off towards zero
    a / b                          in doubles                    Spark divides decimals as decimals
    date_diff('second', a, b)      unix_seconds(b) - ...(a)      boundaries that are crossed, not time that has passed
    date_diff('microsecond', ...)  unix_micros(b) - ...(a)
    epoch_us(a)                    unix_micros(a)
    timezone(zone, a)              from_utc_timestamp(a, zone)   the session's time zone is UTC
    to_seconds(n)                  make_dt_interval(0, 0, 0, n)
    grouping(a, b)                 bits of grouping(a), ...      Spark's is of one column
    hash(a, b)                     array(a, b)                   the values themselves: compared in full, hashed by DuckDB later
    HUGEINT                        DECIMAL(38, 0)
    ('0x' || a)::UBIGINT           conv(a, 16, 10), as a decimal
    read_parquet(...)              the relation `parts`, whose rows have no number
    QUALIFY                        a numbered subquery
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import reduce
from typing import Any

import sqlglot
from sqlglot import exp

EQUAL_FUNCTIONS = (
    exp.Case,
    exp.Cast,
    exp.Coalesce,
    exp.Count,
    exp.Hour,
    exp.If,
    exp.Least,
    exp.Left,
    exp.Ln,
    exp.Round,
    exp.RowNumber,
    exp.SplitPart,
    exp.Sum,
    exp.And,
    exp.Or,
)
"""Functions that are the same in both, for the values that our statements have: tested one by one."""

EQUAL_TYPES = (
    *(exp.DType.BIGINT, exp.DType.BOOLEAN, exp.DType.DATE, exp.DType.DECIMAL, exp.DType.DOUBLE, exp.DType.INT, exp.DType.TINYINT),
    *(exp.DType.TEXT, exp.DType.VARCHAR),
)
OTHER_TYPES = {exp.DType.INT128: "DECIMAL(38, 0)", exp.DType.TIMESTAMPTZ: "TIMESTAMP", exp.DType.UBIGINT: "DECIMAL(20, 0)"}
SINCE_1970 = {"second": "unix_seconds", "microsecond": "unix_micros"}
NUMBER = "row_number_of_it"


class NotTranslated(Exception):
    """A statement uses what nobody has shown to be equal on both engines: a bug of ours, seen by the first test that runs it."""


def translated(statement: str, values: Mapping[str, Any]) -> str:
    """The query of a statement for Spark, with its values as literals: those bound (`$name`) and those kept in variables."""
    tree: Any = sqlglot.parse_one(statement, read="duckdb")
    query = exp.Subquery(this=tree.expression if isinstance(tree, exp.Create | exp.Insert) else tree)
    for read in list(query.find_all(exp.ReadParquet)):
        read.replace(exp.to_identifier("parts"))
    for node in reversed(list(query.walk())):  # what is inside before what is around it
        if (equal := _equal(node, values)) is not node:
            node.replace(equal)
    return str(query.this.sql("spark", unsupported_level=sqlglot.ErrorLevel.RAISE))


def _equal(node: Any, values: Mapping[str, Any]) -> Any:
    """The same for Spark: the node itself where both are equal."""
    match node:
        case exp.Placeholder():
            return _literal(values[node.name])
        case exp.Anonymous():
            return _named(node, values)
        case exp.DateDiff():
            return _difference(node)
        case exp.Div():
            return exp.Div(this=_double(node.this), expression=_double(node.expression), typed=True, safe=False)
        case exp.Grouping():
            return _bits(node.expressions)
        case exp.Cast(this=exp.Paren(this=exp.DPipe(this=exp.Literal(this="0x")))):
            return exp.cast(_call("conv", node.this.this.expression, _number(16), _number(10)), "DECIMAL(20, 0)", dialect="spark")
        case exp.Column(this=exp.Identifier(this="file_row_number")):
            return _number(0)
        case exp.DataType() if node.this not in EQUAL_TYPES:
            return _type(node)
        case exp.Select() if node.args.get("qualify"):
            return _numbered(node)
        case exp.Func() if not isinstance(node, EQUAL_FUNCTIONS):
            raise NotTranslated(node.sql("duckdb"))
    return node


def _named(node: exp.Anonymous, values: Mapping[str, Any]) -> exp.Expression:
    """A function that sqlglot knows only by its name."""
    arguments = node.expressions
    match node.name.lower():
        case "epoch_us":
            return _call("unix_micros", *arguments)
        case "timezone":
            return _call("from_utc_timestamp", *reversed(arguments))
        case "to_seconds":
            return _call("make_dt_interval", _number(0), _number(0), _number(0), *arguments)
        case "hash":
            return _call("array", *arguments)
        case "getvariable":
            return _literal(values[arguments[0].name])
    raise NotTranslated(node.sql("duckdb"))


def _difference(node: exp.DateDiff) -> exp.Expression:
    unit = str(node.args["unit"].name).lower()
    if unit not in SINCE_1970:
        raise NotTranslated(node.sql("duckdb"))
    return exp.paren(exp.Sub(this=_call(SINCE_1970[unit], node.this), expression=_call(SINCE_1970[unit], node.expression)))


def _bits(columns: list[exp.Expression]) -> exp.Expression:
    """The number whose bits say which columns a row is not grouped by, the last column's the lowest."""
    bits = [exp.Mul(this=_number(1 << place), expression=_call("grouping", one.copy())) for place, one in enumerate(reversed(columns))]
    return exp.paren(reduce(lambda sum_, bit: exp.Add(this=sum_, expression=bit), bits[1:], bits[0]))


def _numbered(select: exp.Select) -> exp.Expression:
    """QUALIFY number = 1, without the number among the columns."""
    condition = select.args["qualify"].this
    inner = select.copy()
    inner.set("qualify", None)
    inner.select(exp.alias_(condition.this.copy(), NUMBER), copy=False)
    star = exp.Star(except_=[exp.to_identifier(NUMBER)])
    kept = exp.EQ(this=exp.column(NUMBER), expression=condition.expression.copy())
    return exp.select(star).from_(inner.subquery("numbered")).where(kept)


def _type(node: exp.DataType) -> exp.DataType:
    if node.this not in OTHER_TYPES:
        raise NotTranslated(node.sql("duckdb"))
    return exp.DataType.build(OTHER_TYPES[node.this], dialect="spark")


def _literal(value: Any) -> exp.Expression:
    match value:
        case datetime():
            return exp.cast(exp.Literal.string(value.astimezone(UTC).isoformat(" ", "microseconds")), "TIMESTAMP", dialect="spark")
        case str():
            return exp.Literal.string(value)
        case int():
            return _number(value)
    raise NotTranslated(repr(value))


def _double(node: exp.Expression) -> exp.Expression:
    return exp.cast(node, "DOUBLE", dialect="spark")


def _number(value: int) -> exp.Expression:
    return exp.Literal.number(value)


def _call(name: str, *arguments: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this=name, expressions=list(arguments))
