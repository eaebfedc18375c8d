"""What the viewer looks at: one version of the state, and the filters that stand in the URL."""

import os
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TypeVar

import streamlit as st

from kpi import browse, store
from kpi.metrics import Kpi, chosen
from kpi.periods import Comparison, Dates, Every
from kpi.report import ALWAYS, Question
from kpi.store import State

DATA_VARIABLE = "KPI_DATA"
DOWNLOAD_PATH = "/download/events"
RANGES = {"7d": 7, "28d": 28, "90d": 90, "365d": 365}
LONGEST_PAUSE = timedelta(days=28)
LEVELS = ("region", "store", "channel", "service")
T = TypeVar("T")
shown: set[str] = set()


@dataclass(frozen=True)
class View:
    """One run of a page: state, chosen days, filters and comparison.

    `version` is the published one that the state belongs to; `as_of` the moment that the state is known at, if it was asked for.
    """

    state: State
    dates: Dates
    where: dict[str, tuple[str, ...]]
    comparison: Comparison
    version: str
    as_of: datetime | None

    @property
    def currency(self) -> str:
        return self.state.settings.definitions.currency

    def kpi(self, name: str) -> Kpi:
        """The KPI of this name in the variant that applies to these data."""
        return chosen(name, self.state.settings.definitions.first_contact_variant, self.state.measured)

    def question(self, kpis: tuple[Kpi, ...], every: Every | None, by: tuple[str, ...]) -> Question:
        """The KPIs under the viewer's days and filters."""
        return Question(kpis=kpis, every=every, by=by, where=self.where, dates=self.dates, within_minutes=None)


def data_folder() -> Path:
    """The folder the server was started with."""
    return Path(os.environ.get(DATA_VARIABLE, "data"))


@st.cache_resource(max_entries=3, show_spinner=False)
def opened(folder: str, version: str) -> State:
    """The state of one version, shared by all viewers; each query takes its own cursor."""
    return store.at_version(Path(folder), version)


def _forget(state: State) -> None:
    """Answers keep the state that they are of open; one that is of the past fills memory."""
    del state
    _kept.cache_clear()


@st.cache_resource(max_entries=2, show_spinner=False, on_release=_forget)
def as_known_at(folder: str, version: str, as_of: datetime) -> State:
    """What was known at a moment, of one version of the state."""
    return store.known_at(opened(folder, version), Path(folder), as_of)


def current_state() -> State:
    """The published state; raises StateError when nothing is loaded yet."""
    folder = data_folder()
    version = store.published_version(folder)
    if version not in shown:
        shown.clear()
        shown.add(version)
        _flights.clear()
        _kept.cache_clear()  # answers about the version before, and the file they keep open
    return opened(str(folder), version)


def cached(compute: Callable[..., T], view: View, question: Question, *arguments: Hashable) -> T:
    """What `compute(state, question, *arguments)` gives, kept for all viewers under the version of the state and the question."""
    where = tuple(sorted(question.where.items()))
    names = tuple(kpi.name for kpi in question.kpis)
    key = (view.state.version, names, question.every, question.by, where, question.dates, question.within_minutes, arguments)
    with _flights.setdefault((compute, key), Lock()):  # of many viewers who want it at once, one computes
        return _kept(compute, Keyed(key, view.state, question))


_flights: dict[Hashable, Lock] = {}


@dataclass(frozen=True)
class Keyed:
    """A question that is equal to another when its key is."""

    key: tuple[Hashable, ...]
    state: State = field(compare=False)
    question: Question = field(compare=False)


@lru_cache(maxsize=512)
def _kept(compute: Callable[..., T], keyed: Keyed) -> T:
    arguments = keyed.key[-1]
    return compute(keyed.state, keyed.question, *(arguments if isinstance(arguments, tuple) else ()))


def last_day(state: State) -> date:
    """The day ranges end with: the newest known, but the newest event's when only old events were updated for weeks."""
    newest = browse.newest_day(state)
    return newest if state.known_on - newest > LONGEST_PAUSE else state.known_on


def chosen_dates(state: State) -> Dates:
    """The days in the URL: a number of days up to the last, all, or from and to; one of these that is missing is open."""
    word = st.session_state.get("range", "90d")
    after = last_day(state) + timedelta(days=1)
    if word in RANGES:
        return Dates(after - timedelta(days=RANGES[word]), after)
    everything = Dates(ALWAYS.start, state.known_on + timedelta(days=1))
    if word != "custom":
        return everything
    first, last = st.session_state.get("from"), st.session_state.get("to")
    if first and last:
        return Dates(min(first, last), max(first, last) + timedelta(days=1))
    return Dates(first or everything.start, last + timedelta(days=1) if last else max(everything.end, first or everything.end))


def drill(level: str, value: str) -> None:
    """Narrow one dimension to one value; for callbacks, so that the URL follows."""
    st.session_state[level] = [value]


if __name__ == "__main__":
    import dashboard

    dashboard.main()
