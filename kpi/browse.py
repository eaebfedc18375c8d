"""The events behind a figure: counted, a page at a time, or all of them as a stream of CSV."""

import re
from collections.abc import Iterator
from csv import DictReader
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv

from kpi.errors import UnknownName
from kpi.measures import EVENTS
from kpi.metrics import ATTRIBUTIONS, Kpi
from kpi.report import ALWAYS, FILTERS, Question, effective_filters
from kpi.rollup import CENSUS, LONG, NOT_ENDED
from kpi.store import SQL, State

PAGE_ROWS = 50
BATCH_ROWS = 50_000
LONGEST_NAME = 180

OPEN_AT_END = "open_at_end"
DATES = (*ATTRIBUTIONS, OPEN_AT_END)
"""The dates by which events can be chosen; KPIs name theirs. The last chooses what was open when the days ended: a stock."""

BOM = b"\xef\xbb\xbf"
LISTED = (SQL / "listed.sql").read_text()
EXPORTED = (SQL / "exported.sql").read_text()


@dataclass(frozen=True)
class Selection:
    """Events of a question's dates and filters, the dates being `on`."""

    question: Question
    on: str

    def __post_init__(self) -> None:
        if self.on not in DATES:
            raise UnknownName("date", self.on, DATES)


def date_of(kpi: Kpi) -> str:
    """How the events behind a KPI's figure are chosen."""
    return OPEN_AT_END if kpi.aggregate == "stock" else kpi.on


def count(state: State, selection: Selection) -> int:
    """How many events there are: exactly as many rows as the download has."""
    return int(_execute(state, f"SELECT count(*) FROM events {_where(selection)}", selection, {}).fetchall()[0][0])  # noqa: S608 (constants)


def page(state: State, selection: Selection, number: int) -> list[dict[str, Any]]:
    """One page of events, newest first; pages count from 1. Moments are local."""
    offset = (max(number, 1) - 1) * PAGE_ROWS
    statement = f"{LISTED} {_where(selection)} ORDER BY opened_at DESC, source, event_id LIMIT {PAGE_ROWS} OFFSET $offset"
    result = _execute(state, statement, selection, {"offset": offset, "zone": state.settings.calendar.default.zone})
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def csv_stream(state: State, selection: Selection) -> Iterator[bytes]:
    """All events as CSV (RFC 4180, UTF-8 with BOM), in constant memory; text cells that a spreadsheet would run start with '."""
    statement = f"{EXPORTED} {_where(selection)}"  # in the stored order, by day: sorting would hold all rows in memory
    values = {"zone": state.settings.calendar.default.zone}
    reader = state.cursor().sql(statement, params=_values(selection) | values).to_arrow_reader(BATCH_ROWS)
    yield BOM + _csv(reader.schema.empty_table(), include_header=True)
    for batch in reader:
        yield _csv(pa.Table.from_batches([batch]), include_header=False)


def file_name(state: State, selection: Selection, rows: int) -> str:
    """Says what is inside: dates, filters, rows and version, in characters that every system takes."""
    question = selection.question
    filters = [f"{name}-{'+'.join(values)}" for name, values in question.where.items()]
    first = "until" if question.dates.start == ALWAYS.start else str(question.dates.start)
    parts = ["events", *filters, f"{first}_{question.dates.end - timedelta(days=1)}", f"{rows}rows", state.version[:8]]
    return "_".join(re.sub(r"[^A-Za-z0-9+.-]", "-", part) for part in parts)[:LONGEST_NAME] + ".csv"


def _csv(table: pa.Table, *, include_header: bool) -> bytes:
    sink = BytesIO()
    csv.write_csv(table, sink, csv.WriteOptions(include_header=include_header, eol="\r\n", quoting_header="none"))
    return sink.getvalue()


def _where(selection: Selection) -> str:
    filters = [f"AND {name} IN (SELECT unnest($where_{name}))" for name in effective_filters(selection.question)]
    days = f"{selection.on} >= $start AND {selection.on} < $end"
    if selection.on == OPEN_AT_END:
        days = "$start < $end AND opened_on < $end AND (ended_on IS NULL OR ended_on >= $end)"
    return " ".join([f"WHERE {days}", *filters])


def _values(selection: Selection) -> dict[str, Any]:
    question = selection.question
    bound = {f"where_{name}": list(chosen) for name, chosen in effective_filters(question).items()}
    return bound | {"start": question.dates.start, "end": question.dates.end}


def _execute(state: State, statement: str, selection: Selection, values: dict[str, Any]) -> Any:
    return state.cursor().execute(statement, _values(selection) | values)


def values_of(state: State, dimension: str) -> list[str]:
    """Every value of a dimension, sorted."""
    if dimension not in FILTERS:
        raise UnknownName("dimension", dimension, FILTERS)
    return list(_listed(state, dimension))


def _listed(state: State, dimension: str) -> dict[str, int]:
    """Every value of a dimension with its number of events."""
    statement = "SELECT value, sum(events) FROM listed_values WHERE name = $name GROUP BY value HAVING sum(events) > 0 ORDER BY value"
    return {value: int(events) for value, events in state.cursor().execute(statement, {"name": dimension}).fetchall()}


def first_day(state: State) -> date:
    """The first local day with an event; the last known one when there is none."""
    return _day(state, "min") or state.known_on


def newest_day(state: State) -> date:
    """The local day on which the newest event was opened."""
    return _day(state, "max") or state.known_on


def _day(state: State, which: str) -> date | None:
    days = f"SELECT day FROM {CENSUS.name} WHERE disposition = 'normal' GROUP BY day HAVING sum({EVENTS.name}) > 0"  # noqa: S608 (our own names)
    return state.cursor().execute(f"SELECT {which}(day) FROM ({days})").fetchall()[0][0]  # noqa: S608 (our own names)


def has_events(state: State, selection: Selection) -> bool:
    """Whether there is any event at all, whether or not a KPI counts it."""
    return count(state, selection) > 0


def is_synthetic(state: State) -> bool:
    """Whether any source says of itself that its data are made up."""
    return any(source.startswith("synthetic") for source in values_of(state, "source"))


def dispositions(state: State) -> dict[str, int]:
    """How many events there are of each disposition."""
    return _listed(state, "disposition")


def kept_aside_by_convert(folder: Path) -> dict[str, int]:
    """The lists of rows that conversions kept aside, by file name, with their number of entries."""
    found = {}
    for file in sorted((folder / "kept_aside").glob("*.csv")):
        with file.open(newline="", encoding="utf-8-sig") as stream:
            found[file.name] = sum(1 for _ in DictReader(stream))
    return found


@dataclass(frozen=True)
class LastSeen:
    """When a store of a source last opened an event, and how many it usually opens a day."""

    source: str
    store: str
    opened_at: datetime
    events_a_day: float


def last_seen(state: State) -> list[LastSeen]:
    """Every store, the longest silent first."""
    statement = (SQL / "last_seen.sql").read_text().replace("{census}", CENSUS.name).replace("{events}", EVENTS.name)
    return [LastSeen(*row) for row in state.cursor().execute(statement).fetchall()]


FEWEST_MISSED = 5
LONGEST_SILENCE = timedelta(days=1)


def is_silent(state: State, one: LastSeen) -> bool:
    """Whether a store was not heard of for longer than a day, and long enough to have missed some of its usual events."""
    silence = state.as_of - one.opened_at
    return silence > LONGEST_SILENCE and silence / timedelta(days=1) * one.events_a_day >= FEWEST_MISSED


FEWEST_ENDED = 100


def closed_only(state: State) -> dict[str, int]:
    """Sources that seem to give only requests that have ended, with their number: none is open, though many take days.

    Their newest days, by opening, hold only what ended quickly: durations there look too short.
    """
    names = {"census": CENSUS.name, "events": EVENTS.name, "not_ended": NOT_ENDED.name, "long": LONG.name}
    statement = (SQL / "closed_only.sql").read_text().format(**names)
    return dict(state.cursor().execute(statement, {"fewest": FEWEST_ENDED}).fetchall())
