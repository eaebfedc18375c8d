"""How commands print: a table for people, CSV and JSON for programs, progress on stderr."""

import csv
import json
import os
import re
import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from kpi.calendar import FILE as CALENDAR
from kpi.errors import KpiError
from kpi.extracts import Verdict
from kpi.records import flat
from kpi.words import counted, text
from kpi.words.values import moment_text

FORMULA = re.compile(r"[\s\u200b\ufeff]*[=+\-@|%'＝＋－＠]")


WHOSE_DAYS = ("as_of", "time_zone")


class Format(StrEnum):
    """The forms of output."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def show(records: Sequence[Mapping[str, Any]], format: Format, circumstances: Mapping[str, Any], columns: Sequence[str]) -> None:
    """Print records; a table shows only the given columns, CSV and JSON everything.

    JSON adds the circumstances; CSV has the moment and the zone in every line; beside a table they stand on stderr.
    """
    match format:
        case Format.JSON:
            sys.stdout.write(_json(dict(circumstances) | {"figures": list(records)}) + "\n")
        case Format.CSV:
            whose = {name: circumstances[name] for name in WHOSE_DAYS if name in circumstances}
            _csv([flat(record) | whose for record in records])
        case Format.TABLE:
            _table([_with_reason(record) for record in records], columns)
            if circumstances:
                sys.stderr.write(_caption(circumstances) + "\n")


def show_one(record: Mapping[str, Any], format: Format, columns: Sequence[str]) -> None:
    """Print one record; its table has a line for each column."""
    if format is Format.TABLE:
        width = max(len(column) for column in columns)
        sys.stdout.writelines(f"{column:<{width}}  {_cell(record.get(column))}\n" for column in columns)
    else:
        show([record], format, {}, columns)


def write(parts: Iterable[bytes], file: Path | None) -> None:
    """Bytes into a file, which is there when it is whole, or to stdout; whoever reads stdout may stop before the end."""
    if file is None:
        with suppress(BrokenPipeError):
            sys.stdout.buffer.writelines(parts)
            sys.stdout.buffer.flush()
            return
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    unfinished = file.with_name(f".{file.name}.part")
    try:
        with unfinished.open("wb") as stream:
            stream.writelines(parts)
        unfinished.replace(file)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise KpiError("{file}: cannot be written ({found}). Choose another.", file=file, found=error.strerror) from error


def counts(numbers: Mapping[str, int]) -> str:
    """Counts by name that are not 0, as one text."""
    return ", ".join(f"{name} {count:,}" for name, count in numbers.items() if count)


def verdict_line(verdict: Verdict) -> str:
    """What was wrong with a file, or an empty text."""
    if verdict.message or not verdict.kept_aside:
        return verdict.message
    reasons = counts(verdict.reasons)
    return text(
        "{file}: {count} of {rows} rows kept aside: {reasons}",
        file=verdict.file,
        count=verdict.kept_aside,
        rows=verdict.rows,
        reasons=reasons,
    )


def loose_line(verdicts: Sequence[Verdict]) -> str:
    """That files lie beside the folders of sources, or an empty text."""
    count = sum(PurePath(verdict.file).parts[:-1] == ("extracts",) for verdict in verdicts if not verdict.message)
    return (
        counted(
            "{count} file lies in extracts itself, so its source is called 'extracts'. Put it into extracts/SOURCE.",
            "{count} files lie in extracts itself, so their source is called 'extracts'. Put them into extracts/SOURCE.",
            count,
        )
        if count
        else ""
    )


@contextmanager
def progress(what: str) -> Generator[Callable[[float, str], None]]:
    """A bar on stderr that hears a share from 0 to 1 and what is being done; nothing where stderr is not a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), TextColumn("{task.fields[what]}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=1.0, what="")
        yield lambda share, now: bar.update(task, completed=share, what=now)


def _caption(circumstances: Mapping[str, Any]) -> str:
    """The moment that the figures are known at, and whose days they count."""
    if circumstances["as_of"] is None:
        return text("No events yet.")
    zone = circumstances["time_zone"]
    moment = moment_text(datetime.fromisoformat(circumstances["as_of"]), zone)
    if circumstances["store_time_zones"]:
        return text("As of {moment}. Days are those of each store, else of {zone}.", moment=moment, zone=zone)
    if circumstances["is_time_zone_chosen"]:
        return text("As of {moment}. Days are in {zone}.", moment=moment, zone=zone)
    return text("As of {moment}. Days are in {zone}: set time_zone in {file}.", moment=moment, zone=zone, file=CALENDAR)


def _json(document: Mapping[str, Any]) -> str:
    """Letters as they are; what a terminal would obey is escaped."""
    written = json.dumps(document, indent=1, default=str, ensure_ascii=False)
    return "".join(letter if letter.isprintable() or letter == "\n" else json.dumps(letter)[1:-1] for letter in written)


def _csv(records: Sequence[Mapping[str, Any]]) -> None:
    names = dict.fromkeys(name for record in records for name in record)
    writer = csv.DictWriter(sys.stdout, names, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: _harmless(value) for name, value in record.items()} for record in records)


def _table(records: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for record in records:
        table.add_row(*(_cell(record.get(column)) for column in columns))
    Console(width=None if sys.stdout.isatty() else 10_000, soft_wrap=True, highlight=False, markup=False).print(table)


def _with_reason(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where a value is absent because its columns are, the reason stands in its place."""
    lacking = record.get("not_measured")
    if not lacking:
        return record
    names = ", ".join(lacking)
    reason = counted("not measured: no column {names}", "not measured: no columns {names}", len(lacking), names=names)
    return {**record, "value": reason}


def _cell(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.6g}"
        case Mapping():
            return (
                counts(value)
                if all(isinstance(one, int) for one in value.values())
                else ", ".join(printable(str(one)) for one in value.values())
            )
        case list() | tuple():
            return ", ".join(str(one) for one in value)
        case _:
            return printable(str(value))


def _harmless(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula goes behind an apostrophe; numbers stay numbers."""
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def printable(cell: str) -> str:
    """Text from files without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in cell)
