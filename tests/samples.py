"""Small folders of events: rows are dictionaries, settings are TOML texts, answers come from the real store."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kpi import store
from kpi.control import ControlChart, control_charts
from kpi.metrics import find
from kpi.pace import ignore_progress
from kpi.periods import Dates, Every
from kpi.report import ALWAYS, Answer, Question, answer, nothing
from kpi.store import State

Event = dict[str, Any]

MONDAY = date(2024, 6, 3)


def at(text: str) -> datetime:
    """A moment of UTC, unless the text has an offset."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def event(number: object, opened: str = "2024-06-03T10:00", **columns: Any) -> Event:
    """An event version of store S1; texts of columns that end in `_at` are moments; updated when it last changed."""
    moments = {name: at(value) if name.endswith("_at") and isinstance(value, str) else value for name, value in columns.items()}
    known = [at(opened), *(value for value in moments.values() if isinstance(value, datetime))]
    fixed = {"event_id": str(number), "opened_at": at(opened), "updated_at": max(known)}
    return fixed | {"store": "S1", "channel": "phone", "service": "repair"} | moments


def folder_of(place: Path, events: Iterable[Event], **settings: str) -> Path:
    """A data folder with one extract of these events and TOML files by name."""
    folder = place / "data"
    (folder / "extracts" / "till").mkdir(parents=True)
    rows = list(events)
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows])
    pq.write_table(table, folder / "extracts" / "till" / "events.parquet")
    for name, content in settings.items():
        (folder / f"{name}.toml").write_text(content, encoding="utf-8")
    return folder


def state_of(place: Path, events: Iterable[Event], **settings: str) -> State:
    """The loaded state of such a folder."""
    return store.load(folder_of(place, events, **settings), ignore_progress)


def question(
    *names: str,
    every: Every | None = None,
    by: tuple[str, ...] = (),
    dates: Dates = ALWAYS,
    where: Mapping[str, tuple[str, ...]] | None = None,
) -> Question:
    """A question to KPIs by name."""
    kpis = tuple(find(name) for name in names)
    return Question(kpis=kpis, every=every, by=by, where=where or {}, dates=dates, within_minutes=None)


def value_of(state: State, name: str) -> float | None:
    """The KPI over all events."""
    return answer(state, question(name))[0].value


def figure(name: str, value: float | None, n: int = 100, group: tuple[str, ...] = ()) -> Answer:
    """An answer with a value and its n."""
    return replace(nothing(find(name)), value=value, n=n, group=group)


def day(number: int) -> date:
    """The day so many days after the first Monday."""
    return MONDAY + timedelta(days=number)


def costs(values: Sequence[float | None], first: date = MONDAY, a_day: int = 1, **columns: Any) -> list[Event]:
    """Events resolved on consecutive days, all of a day costing this; None is a day without any."""
    days = [(first + timedelta(days=number), value) for number, value in enumerate(values)]
    return [
        event(f"{on} {number}", f"{on}T10:00", resolved_at=f"{on}T11:00", cost=value, **columns)
        for on, value in days
        if value is not None
        for number in range(a_day)
    ]


def later(on: date) -> Event:
    """An event without a cost that makes everything before this day complete."""
    return event("later", f"{on}T00:00")


def cost_chart(state: State, every: Every = "day", dates: Dates = ALWAYS) -> ControlChart:
    """The individuals chart of cost per service, with Nelson's first two rules."""
    return control_charts(state, question("cost_per_service", every=every, dates=dates), "individuals", "nelson_1_2")[0]
