"""What was kept aside at the border, and the words for why."""

import errno
import glob
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from kpi.words import counted, text

LONGEST_TEXT = 200  # characters of a cell that are kept with its refusal
REFUSALS = 'SELECT "row", event_id, "column", reason, found, expected FROM read_parquet(?) LIMIT ?'

ROW_REASONS: Mapping[str, str] = {
    "empty": "a key or a required time is empty",
    "sentinel_date": "a date that stands for something else (1900, 2038 and later, 9999, infinity)",
    "in_the_future": "updated more than two days after now",
    "after_its_update": "a moment more than two days after the update that reports it",
    "end_before_start": "an end before its start",
    "not_finite": "not a number, or infinite",
    "not_a_whole_number": "a count with a fraction",
    "does_not_fit": "a number too large for its column",
    "out_of_range": "a number outside its range",
    "scale_unreadable": "a satisfaction scale that is not lowest..highest",
    "score_outside_scale": "a score outside its scale",
    "unknown_value": "a value that is not in the list",
    "too_long": "a text that is too long",
}

FILE_REASONS: Mapping[str, str] = {
    "no_content": "{file}: the file is empty, expected a parquet file. Export it again.",
    "not_parquet": ("{file}: found {found}, expected a parquet file. Export it as parquet, or convert the export with: kpi convert"),
    "truncated": (
        "{file}: the end of the file is missing: it is cut off or still being written. Expected a complete parquet file. "
        "It is retried when it changes; if it does not, export it again."
    ),
    "encrypted": "{file}: the file is encrypted, expected a plain parquet file. Export it without encryption.",
    "damaged": "{file}: the file is damaged ({found}), expected a readable parquet file. Export it again.",
    "not_utf8": "{file}: a text is not UTF-8 ({found}), expected UTF-8. Export it again as UTF-8.",
    "too_much": "{file}: found {found}, expected at most {expected}. Export it in smaller parts.",
    "codec": "{file}: compressed with {found}, expected one of {expected}. Export it with zstd or snappy.",
    "schema": "{file}: {found} {advice}, or convert the export with: kpi convert",
    "not_a_file": "{file}: found a {found}, expected a regular file. Put the file itself here.",
    "linked": "{file}: not read: it is a link, and links are not followed. Put here what it links to.",
    "other_name": (
        "{file}: not read: its name ends in '{found}', expected '{expected}'. Unpack it, rename it if it is parquet, "
        "or convert the export with: kpi convert"
    ),
    "not_readable": (
        "{file}: the file cannot be opened ({found}). Make it readable for the dashboard; it is tried again at the next check."
    ),
    "gone": (
        "{file}: no such file, expected a parquet file. Name one that exists; what was removed meanwhile is tried again when it is back."
    ),
    "still_being_written": "{file}: still being written: retried when it changes.",
    "checksum": (
        "{file}: the content does not match {file}.sha256 (found {found}, expected {expected}). "
        "Copy both again; it is retried when one of them changes."
    ),
    "no_space": "{file}: there is no space left to check it. Make room; it is tried again at the next check.",
    "unsafe": ("{file}: could not be read safely ({found}). It is tried again at the next check; if that fails too, export it again."),
}

PASSING = frozenset({"not_readable", "gone", "still_being_written", "no_space"})
"""Reasons that may be over at the next check although the file did not change."""

OVER_LATER = frozenset({"in_the_future", "unsafe"})
"""Reasons that time or another attempt may end."""


@dataclass(frozen=True)
class Problem:
    """One column that makes the whole file unusable. `kind` is `missing`, `name`, `twice`, `reserved` or `type`."""

    kind: str
    column: str
    found: str
    expected: str


class Refused(Exception):
    """The whole file is refused. Raised and caught within the child process only."""

    def __init__(self, reason: str, found: str = "", expected: str = "", problems: Sequence[Problem] = ()) -> None:
        super().__init__(reason, found, expected, problems)
        self.reason = reason
        self.found = found
        self.expected = expected
        self.problems = tuple(problems)


def refusal_of(error: OSError) -> Refused:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return Refused("no_space")
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return Refused("gone")
    if error.errno == errno.ELOOP:
        return Refused("not_a_file", "link")
    return Refused("not_readable", os.strerror(error.errno or 0))


@dataclass(frozen=True)
class Refusal:
    """A row kept aside; `row` is its place in the file, from 0, and None stands for the whole file."""

    row: int | None
    event_id: str | None
    column: str | None
    reason: str
    found: str | None
    expected: str | None


def rows_kept_aside(parts: Path, part: str, limit: int) -> list[Refusal]:
    """The first rows of one extract that were kept aside, in the order of the file."""
    path = parts / f"{part}.kept_aside.parquet"
    if not path.exists():
        return []
    with duckdb.connect() as connection:
        rows = connection.execute(REFUSALS, [glob.escape(os.fspath(path)), limit]).fetchall()
    return [
        Refusal(row, _legible(event_id), column, reason, _legible(found), expected)
        for row, event_id, column, reason, found, expected in rows
    ]


def printable(name: str) -> str:
    """A name or message without what a terminal would obey: control characters, and bytes that are not UTF-8, are spelled out."""
    decoded = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in decoded)


def message(file: str, reason: str, found: str, expected: str, problems: Sequence[Problem]) -> str:
    """Why the whole file was refused: where, what was found, what was expected, what to do."""
    if problems:
        found = "; ".join(_sentence(problem) for problem in problems)
        found += "" if found.endswith("?") else "."
    return text(FILE_REASONS[reason], file=file, found=found, expected=expected, advice=_advice(problems))


def _legible(cell: str | None) -> str | None:
    return None if cell is None else printable(cell)


def _sentence(problem: Problem) -> str:
    return text(
        {
            "missing": "column '{column}' is missing, expected {expected}",
            "name": "column '{column}' is missing, found '{found}': did you mean '{column}'?",
            "twice": "column '{column}' exists more than once ({found}), expected it once",
            "reserved": "column '{column}' has a name that the dashboard needs itself, expected another name",
            "type": "column '{column}' is {found}, expected {expected}",
        }[problem.kind],
        column=problem.column,
        found=problem.found,
        expected=problem.expected,
    )


def _advice(problems: Sequence[Problem]) -> str:
    count, kinds = len(problems), {(problem.kind, problem.expected) for problem in problems}
    if kinds == {("type", "TIMESTAMP WITH TIME ZONE")}:
        return counted("Export it as a timestamp with its time zone", "Export them as timestamps with their time zone", count)
    if {kind for kind, _ in kinds} == {"name"}:
        return counted("Rename it in the export", "Rename them in the export", count)
    return counted("Export it as expected", "Export them as expected", count)
