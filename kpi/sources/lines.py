"""The lines of a text file become records. Every line is in a record or blank, and a broken record costs its first line alone."""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from kpi.sources.sections import FileForm
from kpi.words import text

MOST_LINES = 1_000
MOST_CHARACTERS = 2_000_000
ALIKE = 3


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line with its number in the file, its line end included."""

    number: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Record:
    """A record with the numbers of its first line and of its lines; one that cannot be read says what is wrong and has no cells."""

    number: int
    line_count: int
    text: str
    cell_count: int
    problem: str


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Regular expressions of a cell with the delimiter behind it, of a whole record, and of one whose last quote is open."""

    cell: re.Pattern[str]
    whole: re.Pattern[str]
    unfinished: re.Pattern[str]


def records(lines: Iterable[Line], form: FileForm) -> Iterator[Record]:
    """The records, the header being the first. Blank lines between records are left out."""
    ahead, source = deque[Line](), iter(lines)
    width = 0
    while line := _next(ahead, source):
        if not line.text.strip():
            continue
        record = _quoted(line, ahead, source, width, form) if form.quote in line.text else _plain(line, form)
        width = width or record.cell_count
        yield record


def cells(record: str, form: FileForm) -> list[str]:
    """The cells of a whole record."""
    found = shape(form.delimiter, form.quote).cell.finditer(record.removesuffix("\n") + form.delimiter)
    return [match["plain"] if match["quoted"] is None else match["quoted"].replace(form.quote * 2, form.quote) for match in found]


@cache
def shape(delimiter: str, quote: str) -> Shape:
    """A quote opens a cell only at its start; spaces around the quotes are nothing."""
    d, q = re.escape(delimiter), re.escape(quote)
    open_cell = f" *{q}(?:[^{q}]|{q}{q})*+"
    plain = f"(?! *{q})[^{d}\n]*+"
    any_cell = f"(?:{open_cell}{q} *|{plain})"
    return Shape(
        cell=re.compile(f"(?: *{q}(?P<quoted>(?:[^{q}]|{q}{q})*+){q} *|(?P<plain>{plain})){d}"),
        whole=re.compile(f"{any_cell}(?:{d}{any_cell})*+\n?"),
        unfinished=re.compile(f"(?:{any_cell}{d})*+{open_cell}"),
    )


def _next(ahead: deque[Line], source: Iterator[Line]) -> Line | None:
    return ahead.popleft() if ahead else next(source, None)


def _plain(line: Line, form: FileForm) -> Record:
    if len(line.text) > MOST_CHARACTERS:
        return _broken(line, text("more than {most} characters", most=MOST_CHARACTERS))
    return Record(number=line.number, line_count=1, text=line.text, cell_count=line.text.count(form.delimiter) + 1, problem="")


def _quoted(first: Line, ahead: deque[Line], source: Iterator[Line], width: int, form: FileForm) -> Record:
    """Takes the lines up to the closing quote; what turns out not to belong together is given back, to be read line by line."""
    gathered = _gathered(first, ahead, source, width, form)
    whole = "".join(line.text for line in gathered)
    if problem := _problem(gathered, whole, width, form):
        ahead.extendleft(reversed(gathered[1:]))
        return _broken(first, problem)
    found = cells(whole, form)
    written = form.delimiter.join(f"{form.quote}{cell.replace(form.quote, form.quote * 2)}{form.quote}" for cell in found)
    return Record(number=first.number, line_count=len(gathered), text=f"{written}\n", cell_count=len(found), problem="")


def _gathered(first: Line, ahead: deque[Line], source: Iterator[Line], width: int, form: FileForm) -> list[Line]:
    """The lines of a record: up to the closing quote, or as far as one could be."""
    gathered, whole, unfinished = [first], first.text, shape(form.delimiter, form.quote).unfinished
    while unfinished.fullmatch(whole) and len(whole) <= MOST_CHARACTERS and not _are_records(gathered[1:], width, form):
        if not _to_the_next_quote(gathered, ahead, source, form):
            break
        whole = "".join(line.text for line in gathered)
    return gathered


def _problem(gathered: list[Line], whole: str, width: int, form: FileForm) -> str:
    known = shape(form.delimiter, form.quote)
    if len(whole) > MOST_CHARACTERS:
        return text("more than {most} characters", most=MOST_CHARACTERS)
    if known.unfinished.fullmatch(whole) or _are_records(gathered[1:], width, form):
        return text("a quote that is opened and not closed")
    if not known.whole.fullmatch(whole):
        return text("text behind a closing quote")
    count = len(cells(whole, form))
    is_as_the_header = len(gathered) == 1 or width in (0, count)
    return "" if is_as_the_header else text("{count} cells in {lines} lines", count=count, lines=len(gathered))


def _to_the_next_quote(gathered: list[Line], ahead: deque[Line], source: Iterator[Line], form: FileForm) -> bool:
    """Gathers lines up to one with a quote; false when there is none within the most lines a record may have."""
    while len(gathered) <= MOST_LINES and (line := _next(ahead, source)):
        gathered.append(line)
        if form.quote in line.text:
            return True
    return False


def _are_records(inside: list[Line], width: int, form: FileForm) -> bool:
    """Whether the first lines inside a quote all look like records of their own: then the quote is a stray one."""
    counts = [line.text.count(form.delimiter) + 1 for line in inside[:ALIKE] if form.quote not in line.text]
    return width > ALIKE - 1 and counts == [width] * ALIKE


def _broken(line: Line, problem: str) -> Record:
    return Record(number=line.number, line_count=1, text="", cell_count=0, problem=problem)
