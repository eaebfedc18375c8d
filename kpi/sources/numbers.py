"""Numbers as people write them. A number that could be read in two ways is refused, never guessed."""

from dataclasses import dataclass

from kpi.sources.quoting import literal

PLAIN = "[+-]?[0-9]+"
POWER = "([eE][+-]?[0-9]{1,3})?"
NUMERIC = ("INTEGER", "BIGINT", "HUGEINT", "DOUBLE", "FLOAT", "SMALLINT", "TINYINT")


@dataclass(frozen=True, kw_only=True)
class Marks:
    """The decimal mark (empty: undeclared) and the mark between thousands (empty: the other one of dot and comma)."""

    decimal: str
    thousands: str


def number_sql(cell: str, marks: Marks) -> str:
    """SQL giving the number as text with a decimal point, or NULL where the SQL text `cell` is not a certain number."""
    readings = [f"WHEN regexp_full_match({cell}, '{PLAIN}{POWER}') THEN {cell}"]
    for decimal in (marks.decimal,) if marks.decimal else (".", ","):
        readings += _readings(cell, decimal, marks)
    return f"CASE {' '.join(readings)} END"


def uncertain_sql(cell: str, marks: Marks) -> str:
    """SQL that holds where the text `cell` is two numbers, by the decimal mark that is not declared."""
    return "false" if marks.decimal else f"coalesce(regexp_full_match({cell}, '[+-]?[1-9][0-9]{{0,2}}[.,][0-9]{{3}}'), false)"


def _readings(cell: str, decimal: str, marks: Marks) -> list[str]:
    thousands = marks.thousands or {".": ",", ",": "."}[decimal]
    if thousands == decimal:
        thousands = ""
    point, group = f"[{decimal}]", _group(thousands)
    shape = f"[+-]?[0-9]*{point}[0-9]+{POWER}"
    readings = [f"WHEN regexp_full_match({cell}, '{shape}'){_certain(cell, point, marks)} THEN replace({cell}, '{decimal}', '.')"]
    if thousands:
        repeated = "" if marks.decimal or marks.thousands else "{2,}"
        whole = f"[+-]?[1-9][0-9]{{0,2}}({group}[0-9]{{3}}){repeated or '+'}"
        mixed = f"[+-]?[1-9][0-9]{{0,2}}({group}[0-9]{{3}})+{point}[0-9]+"
        plain = f"replace(regexp_replace({cell}, {_text(group)}, '', 'g'), '{decimal}', '.')"
        readings += [f"WHEN regexp_full_match({cell}, {_text(pattern)}) THEN {plain}" for pattern in (whole, mixed)]
    return readings


def _certain(cell: str, point: str, marks: Marks) -> str:
    """Where no decimal mark is declared, 61,125 may be sixty-one or sixty-one thousand."""
    return "" if marks.decimal else f" AND NOT regexp_full_match({cell}, '[+-]?[1-9][0-9]{{0,2}}{point}[0-9]{{3}}')"


def _group(thousands: str) -> str:
    return "[\u0020\u00a0\u202f]" if thousands == " " else f"[{thousands}]"


def _text(pattern: str) -> str:
    return literal(pattern)


def is_numeric(type: str) -> bool:
    """Whether a value of this DuckDB type is a number already and not a text to be read."""
    return type.removeprefix("U") in NUMERIC or type.startswith("DECIMAL")


def native_sql(position: int) -> str:
    """SQL that holds where the raw cell at this position is a number in the file: its marks are not those of the texts."""
    return f"coalesce(list_contains(natives, {position}), false)"


def number_macros(marks: Marks) -> str:
    """The function `number` of the expression language: an uncertain number makes the expression fail (the cast cannot succeed).

    `native_number` takes its place where it is given a raw column.
    """
    found = number_sql("cell", marks)
    return (
        f"CREATE MACRO number(cell) AS CASE WHEN cell IS NULL THEN NULL WHEN ({found}) IS NULL "
        f"THEN CAST(concat('no number: ', cell) AS DECIMAL(38,10)) ELSE CAST(({found}) AS DECIMAL(38,10)) END; "
        "CREATE MACRO native_number(cell, is_native) AS CASE WHEN is_native THEN CAST(cell AS DECIMAL(38,10)) ELSE number(cell) END"
    )
