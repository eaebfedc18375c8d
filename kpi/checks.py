"""What every column and every row of an extract must satisfy, as data, and the SQL that asks for it.

The SQL is joined from the contract's own column names; nothing that a file holds ever reaches its text. `given_x` is column x as
the file has it, `x` its canonical form.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from kpi.events import (
    BLANKS,
    BY_NAME,
    CLOCK_TOLERANCE,
    COLUMNS,
    DEADLINE_YEARS,
    DEFAULT_SCALE,
    ENDS,
    HAPPENINGS,
    LONGEST_CELL,
    SCALE,
    UNKNOWN,
    YEARS,
    Column,
)
from kpi.quarantine import LONGEST_TEXT, Problem

VERSION = 4  # raise it when the same file gives another part: every extract is then read again

IDENTIFIERS = ("event_id", "merged_into", "customer")
DEFAULTS = {"source": "getvariable('source')", "disposition": "'normal'", "is_deleted": "false"}

# The first half of HMAC-SHA256 in hexadecimal (RFC 2104, section 5).
PSEUDONYM = "left(sha256(getvariable('outer_pad') || unhex(sha256(getvariable('inner_pad') || encode(customer)))), 32)"

SIGNED = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
INTEGERS = frozenset((*SIGNED, *(f"U{name}" for name in SIGNED)))
FLOATS = frozenset(("FLOAT", "DOUBLE"))
NO_TYPE = "NULL"  # of a column that holds no value at all, whatever type the file gives it
TYPE_NAMES = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}


@dataclass(frozen=True, kw_only=True)
class Check:
    """One way in which a row can be wrong. `fails` is true for such a row, and false or NULL for any other."""

    column: str
    reason: str
    fails: str
    expected: str
    found: str


def loses_nothing(column: Column, found: str) -> bool:
    """Whether a file's type can be brought to the contract's without losing anything but a row that is refused by name."""
    if column.type == "VARCHAR":
        is_text = found == "VARCHAR" or found.startswith("ENUM(")
        return is_text or (column.name in IDENTIFIERS and (found in INTEGERS or found == "UUID"))
    if column.type == "TIMESTAMPTZ":
        return found in ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS")
    if column.type == "BOOLEAN":
        return found == "BOOLEAN"
    return found in INTEGERS or _may_have_fractions(found)


def name_problems(names: Sequence[str]) -> list[Problem]:
    """Columns that are missing, doubled, or named in another way than the contract's."""
    problems = []
    for column in COLUMNS:
        alike = [name for name in names if name.strip().casefold() == column.name]
        if len(alike) > 1:
            problems.append(Problem("twice", column.name, shortened(", ".join(alike)), ""))
        elif alike and alike[0] != column.name:
            problems.append(Problem("name", column.name, shortened(alike[0]), ""))
        elif not alike and column.presence != "optional":
            problems.append(_missing(column, names))
    # The reader adds a column of this name.
    problems += [Problem("reserved", shortened(name), "", "") for name in names if name.casefold() == "file_row_number"]
    return problems


def type_problem(column: Column, found: str) -> Problem:
    return Problem("type", column.name, shortened(found.strip('"')), TYPE_NAMES.get(column.type, column.type))


def given(types: Mapping[str, str]) -> str:
    """The select list that reads the file: the contract's columns and nothing else."""
    forms = (_given(BY_NAME[name], found) for name, found in types.items())
    return ",\n".join(["file_row_number AS file_row", *forms])


def canonical(types: Mapping[str, str]) -> str:
    """The select list that adds the canonical form of every column of the contract."""
    forms = (f"{_canonical(column)} AS {column.name}" if column.name in types else _absent(column) for column in COLUMNS)
    return ",\n".join(["*", *forms])


def checks(types: Mapping[str, str]) -> list[Check]:
    """Every check for the columns that a file has; the first that fails is the reason."""
    present = [column for column in COLUMNS if column.name in types]
    return [
        *(_empty(column) for column in present if column.presence in ("key", "required")),
        *(_moment(column) for column in present if column.type == "TIMESTAMPTZ"),
        _future(),
        *(_after_update(name) for name in HAPPENINGS if name in types),
        *(_end(name) for name in ENDS if name in types),
        *(check for column in present for check in _number(column, types[column.name])),
        *(check for column in present if column.type == "VARCHAR" for check in _text(column)),
        *(_scale() if "satisfaction_scale" in types else ()),
        *(_score() if "satisfaction" in types else ()),
    ]


def failure(found: Collection[Check]) -> str:
    """The number of the first check a row fails; NULL for a good row."""
    branches = "\n".join(f"WHEN {check.fails} THEN {number}" for number, check in enumerate(found))
    return f"CASE {branches} END"


def found_text(found: Collection[Check]) -> str:
    """The cell that was wrong, cut short."""
    branches = "\n".join(f"WHEN {number} THEN left({check.found}, {LONGEST_TEXT})" for number, check in enumerate(found))
    return f"CASE failure {branches} END"


def accepted() -> str:
    """The select list of a part, without its row hash."""
    return ",\n".join([*(_accepted(column) for column in COLUMNS), "file_row"])


def row_content() -> str:
    """One text that two rows share only when all their cells are the same.

    Independent of the order of rows and of engine settings (moments are microseconds). An empty cell adds nothing, so that a
    column added to the contract later leaves old hashes as they are. Without the customer, whose pseudonym depends on the key.
    """
    hashed = [(column.name, column) for column in COLUMNS if column.name != "customer"]
    return "concat(" + ", ".join(f"'{name}=' || {_content(column)} || ';'" for name, column in hashed) + ")"


def _may_have_fractions(found: str) -> bool:
    return found in FLOATS or found.startswith("DECIMAL(")


def _missing(column: Column, names: Sequence[str]) -> Problem:
    plain = column.name.replace("_", "")
    close = [name for name in names if name not in BY_NAME and _plain(name) == plain]
    if close:
        return Problem("name", column.name, shortened(close[0]), "")
    return Problem("missing", column.name, "", TYPE_NAMES.get(column.type, column.type))


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def shortened(name: str) -> str:
    """A name from a file, fit to be shown: no control characters, not longer than a line."""
    printable = "".join(character if character.isprintable() else "?" for character in name)
    return printable if len(printable) <= 60 else printable[:57] + "..."


def _given(column: Column, found: str) -> str:
    form = f"NULL::{column.type}" if found == NO_TYPE else f'"{column.name}"'
    return f"{form} AS given_{column.name}"


def _canonical(column: Column) -> str:
    name = f"given_{column.name}"
    if column.type == "VARCHAR":
        form = f"nullif(trim({name}::VARCHAR, '{BLANKS}'), '')"
        if column.name == "satisfaction_scale":
            form = f"regexp_replace({form}, '\\s', '', 'g')"
    else:
        form = f"try_cast({name} AS {column.type})"
    return f"coalesce({form}, {DEFAULTS[column.name]})" if column.name in DEFAULTS else form


def _absent(column: Column) -> str:
    return f"{DEFAULTS.get(column.name, 'NULL')}::{column.type} AS {column.name}"


def _check(column: Column, reason: str, fails: str, expected: str) -> Check:
    return Check(column=column.name, reason=reason, fails=fails, expected=expected, found=f"given_{column.name}::VARCHAR")


def _empty(column: Column) -> Check:
    return _check(column, "empty", f"{column.name} IS NULL", "a value")


def _moment(column: Column) -> Check:
    first, last = DEADLINE_YEARS if column.name == "due_at" else YEARS
    start, end = f"{first}-01-01", f"{last + 1}-01-01"
    fails = f"{column.name} < TIMESTAMPTZ '{start} 00:00:00+00' OR {column.name} >= TIMESTAMPTZ '{end} 00:00:00+00'"
    return _check(column, "sentinel_date", fails, f"{start} or later, before {end}")


def _future() -> Check:
    return _check(
        BY_NAME["updated_at"], "in_the_future", "updated_at > getvariable('latest')", f"at most {CLOCK_TOLERANCE.days} days after now"
    )


def _after_update(name: str) -> Check:
    fails = f"epoch_us({name}) - epoch_us(updated_at) > {CLOCK_TOLERANCE // timedelta(microseconds=1)}"
    return _check(BY_NAME[name], "after_its_update", fails, f"at most {CLOCK_TOLERANCE.days} days after updated_at")


def _end(name: str) -> Check:
    return _check(BY_NAME[name], "end_before_start", f"{name} < opened_at", "opened_at or later")


def _number(column: Column, found: str) -> list[Check]:
    if column.type in ("VARCHAR", "TIMESTAMPTZ", "BOOLEAN"):
        return []
    name, raw = column.name, f"given_{column.name}"
    result = []
    if found in FLOATS:
        result.append(_check(column, "not_finite", f"NOT isfinite({raw})", "a finite number"))
    result.append(_check(column, "does_not_fit", f"{raw} IS NOT NULL AND {name} IS NULL", column.type))
    if column.type == "BIGINT" and _may_have_fractions(found):
        result.append(_check(column, "not_a_whole_number", f"{raw} <> floor({raw})", "a whole number"))
    bounds = [f"{name} < {column.lowest:g}"] if column.lowest is not None else []
    bounds += [f"{name} > {column.highest:g}"] if column.highest is not None else []
    if bounds:
        result.append(_check(column, "out_of_range", " OR ".join(bounds), _range(column)))
    return result


def _range(column: Column) -> str:
    return f"{column.lowest:g} or more" if column.highest is None else f"{column.lowest:g} to {column.highest:g}"


def _text(column: Column) -> list[Check]:
    result = [
        Check(
            column=column.name,
            reason="too_long",
            fails=f"length({column.name}) > {LONGEST_CELL}",
            expected=f"at most {LONGEST_CELL} characters",
            found=f"length({column.name}) || ' characters'",
        )
    ]
    if column.values:
        values = ", ".join(f"'{value}'" for value in column.values)
        result.append(_check(column, "unknown_value", f"{column.name} NOT IN ({values})", ", ".join(column.values)))
    return result


def _bound(group: int) -> str:
    return f"try_cast(regexp_extract(satisfaction_scale, '{SCALE}', {group}) AS DECIMAL(9, 4))"


def _scale() -> list[Check]:
    fails = f"satisfaction_scale IS NOT NULL AND NOT coalesce({_bound(1)} < {_bound(2)}, false)"
    return [_check(BY_NAME["satisfaction_scale"], "scale_unreadable", fails, "lowest..highest, as 1..5")]


def _score() -> list[Check]:
    lowest, highest = DEFAULT_SCALE
    fails = f"satisfaction < coalesce({_bound(1)}, {lowest}) OR satisfaction > coalesce({_bound(2)}, {highest})"
    return [
        _check(BY_NAME["satisfaction"], "score_outside_scale", fails, f"a score on its satisfaction_scale (default {lowest}..{highest})")
    ]


def _accepted(column: Column) -> str:
    if column.name == "customer":
        return f"{PSEUDONYM} AS customer"
    return f"coalesce({column.name}, '{UNKNOWN}') AS {column.name}" if column.presence == "dimension" else column.name


def _content(column: Column) -> str:
    if column.type == "VARCHAR":
        return f"length({column.name}) || ':' || {column.name}"
    return f"epoch_us({column.name})" if column.type == "TIMESTAMPTZ" else f"{column.name}::VARCHAR"
