"""The events behind a figure: counted, or a page at a time."""

from csv import DictReader
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from kpi.errors import UnknownName
from kpi.measures import EVENTS
from kpi.metrics import ATTRIBUTIONS, Kpi
from kpi.report import FILTERS, Question, effective_filters, event_count
from kpi.rollup import CENSUS, LONG, NOT_ENDED
from kpi.store import SQL, State

PAGE_ROWS = 50

OPEN_AT_END = "open_at_end"
DATES = (*ATTRIBUTIONS, OPEN_AT_END)
"""The dates by which events can be chosen; KPIs name theirs. The last chooses what was open when the days ended: a stock."""

LISTED = (SQL / "listed.sql").read_text()


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
    for on in ATTRIBUTIONS:
        if on == selection.on:
            return event_count(state, selection.question, on)
    return int(_execute(state, f"SELECT count(*) FROM events {conditions(selection)}", selection, {}).fetchall()[0][0])  # noqa: S608 (constants)


def page(state: State, selection: Selection, number: int) -> list[dict[str, Any]]:
    """One page of events, newest first; pages count from 1. Moments are local."""
    offset = (max(number, 1) - 1) * PAGE_ROWS
    statement = f"{LISTED} {conditions(selection)} ORDER BY opened_at DESC, source, event_id LIMIT {PAGE_ROWS} OFFSET $offset"
    result = _execute(state, statement, selection, {"offset": offset, "zone": state.settings.calendar.default.zone})
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def conditions(selection: Selection) -> str:
    """Which rows of `events` these are, as SQL that takes `bound`; no join, because after one DuckDB does not keep the order of rows."""
    filters = [f"AND list_position($where_{name}, {name}) > 0" for name in effective_filters(selection.question)]
    days = f"{selection.on} >= $start AND {selection.on} < $end"
    if selection.on == OPEN_AT_END:
        days = "$start < $end AND opened_on < $end AND (ended_on IS NULL OR ended_on >= $end)"
    return " ".join([f"WHERE {days}", *filters])


def bound(selection: Selection) -> dict[str, Any]:
    """The values that `conditions` takes."""
    question = selection.question
    filters = {f"where_{name}": list(chosen) for name, chosen in effective_filters(question).items()}
    return filters | {"start": question.dates.start, "end": question.dates.end}


def _execute(state: State, statement: str, selection: Selection, values: dict[str, Any]) -> Any:
    return state.cursor().execute(statement, bound(selection) | values)


def values_of(state: State, dimension: str) -> list[str]:
    """Every value of a dimension, sorted."""
    if dimension not in FILTERS:
        raise UnknownName("dimension", dimension, FILTERS)
    return list(state.values.get(dimension, ()))


def first_day(state: State) -> date:
    """The first local day with an event; the last known one when there is none."""
    return state.days[0] if state.days else state.known_on


def newest_day(state: State) -> date:
    """The local day on which the newest event was opened."""
    return state.days[1] if state.days else state.known_on


def has_events(state: State, selection: Selection) -> bool:
    """Whether there is any event at all, whether or not a KPI counts it."""
    return count(state, selection) > 0


def is_synthetic(state: State) -> bool:
    """Whether any source says of itself that its data are made up."""
    return any(source.startswith("synthetic") for source in values_of(state, "source"))


def dispositions(state: State) -> dict[str, int]:
    """How many events there are of each disposition."""
    return dict(state.values.get("disposition", {}))


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
