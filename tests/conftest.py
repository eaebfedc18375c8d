"""A data folder, the events that go into it and the answers that come out: real files, real DuckDB, nothing in the home folder."""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kpi import pseudonyms
from kpi.events import BY_NAME
from kpi.metrics import find
from kpi.pace import ignore_progress
from kpi.periods import Dates
from kpi.report import ALWAYS, Answer, Question, answer
from kpi.store import State, load

hypothesis.settings.register_profile("shared", deadline=None)  # machines are shared: no single example is timed
hypothesis.settings.load_profile("shared")

Event = dict[str, Any]

SETTINGS = tuple(Path(__file__).parent.parent.joinpath("data", name) for name in ("calendar.toml", "kpis.toml", "targets.toml"))
NOON = datetime(2024, 6, 30, 12, tzinfo=UTC)
ARROW = {
    "VARCHAR": pa.string(),
    "TIMESTAMPTZ": pa.timestamp("us", "UTC"),
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
    "DOUBLE": pa.float64(),
    "DECIMAL(9,4)": pa.decimal128(9, 4),
    "DECIMAL(18,4)": pa.decimal128(18, 4),
}


@pytest.fixture(autouse=True, scope="session")
def customer_key_outside_the_home_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(pseudonyms.KEY_FILE_VARIABLE, str(tmp_path_factory.mktemp("key") / "customer.key"))
        yield


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    """An empty data folder: no settings, no extracts."""
    return empty_folder(tmp_path / "data")


@pytest.fixture
def configured_folder(data_folder: Path) -> Path:
    """A data folder with the settings that the product comes with."""
    for file in SETTINGS:
        shutil.copy(file, data_folder)
    return data_folder


def empty_folder(folder: Path) -> Path:
    (folder / "extracts").mkdir(parents=True)
    return folder


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def event(event_id: str, opened: str = "2024-06-01T09:00", **columns: Any) -> Event:
    """An event; texts of columns that end in `_at` are UTC, and what is known is known at NOON."""
    moments = {name: at(value) if name.endswith("_at") and isinstance(value, str) else value for name, value in columns.items()}
    known = {"event_id": event_id, "opened_at": at(opened), "updated_at": NOON}
    return known | {"store": "A", "channel": "phone", "service": "repair"} | moments


def write(folder: Path, events: Iterable[Event], name: str = "day", source: str = "desk") -> Path:
    """An extract with the columns that any of the events has; an absent key is an empty cell."""
    rows = list(events)
    names = [column for column in BY_NAME if any(column in row for row in rows)]
    arrays = {column: pa.array([row.get(column) for row in rows], ARROW[BY_NAME[column].type]) for column in names}
    file = folder / "extracts" / source / f"{name}.parquet"
    file.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table(arrays), file)
    return file


def loaded(folder: Path) -> State:
    return load(folder, ignore_progress)


def asked(
    names: Sequence[str],
    every: Any = None,
    by: Sequence[str] = (),
    where: Mapping[str, tuple[str, ...]] | None = None,
    dates: Dates = ALWAYS,
    within: float | None = None,
) -> Question:
    kpis = tuple(find(name) for name in names)
    return Question(kpis=kpis, every=every, by=tuple(by), where=where or {}, dates=dates, within_minutes=within)


def ask(
    state: State,
    names: Sequence[str],
    every: Any = None,
    by: Sequence[str] = (),
    where: Mapping[str, tuple[str, ...]] | None = None,
    dates: Dates = ALWAYS,
    within: float | None = None,
) -> list[Answer]:
    return answer(state, asked(names, every, by, where, dates, within))
