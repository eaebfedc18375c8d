"""What happens to the state when the disk, the files or the clock fail: a clear message or a cure, and never a wrong figure."""

import json
import multiprocessing
import os
import resource
import signal
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import pytest
from conftest import Event, ask, event, loaded, write

from kpi import absorbing, building, store
from kpi.errors import StateError
from kpi.store import POINTER, State, current, ignore_progress, load

Rows = list[tuple[Any, ...]]
ROWS = 40


def rows(state: State) -> Rows:
    """Every event, and a figure that comes from the roll-ups."""
    figure = ask(state, ["complaint_rate"], "day", ("store",)) if state.event_count else []
    events = state.cursor().execute("SELECT * FROM events ORDER BY source, event_id").fetchall()
    return [*events, *((one.period, one.group, one.sums, one.n) for one in figure)]


def events(first: int, count: int = ROWS) -> list[Event]:
    return [event(f"{number}", is_complaint=number % 3 == 0) for number in range(first, first + count)]


@pytest.fixture
def layered(data_folder: Path) -> Path:
    """A folder whose state has a base and a layer."""
    write(data_folder, events(0), "first")
    loaded(data_folder)
    write(data_folder, events(ROWS, 5), "second")
    loaded(data_folder)
    assert len(published(data_folder)["files"]) == 2
    return data_folder


def published(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "state" / POINTER).read_text())


def cut_off(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def cut_off_a_little(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 4_096)


def scribbled_over(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 10 :] = bytes(byte ^ 0x5A for byte in content[len(content) // 10 :])
    file.write_bytes(content)


def emptied(file: Path) -> None:
    file.write_bytes(b"")


# --- files that are damaged ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1], ids=["base", "layer"])
@pytest.mark.parametrize("damage", [cut_off, cut_off_a_little, emptied, Path.unlink])
def test_a_damaged_file_of_the_state_is_made_again_by_the_next_load(layered: Path, place: int, damage: Callable[[Path], None]) -> None:
    before = rows(current(layered))
    damage(layered / "state" / published(layered)["files"][place])
    assert rows(loaded(layered)) == before
    assert rows(current(layered)) == before


def test_a_damage_that_is_noticed_only_where_it_is_read_takes_a_new_base(layered: Path) -> None:
    scribbled_over(layered / "state" / published(layered)["files"][0])
    write(layered, [event("0", is_complaint=True, store="B", updated_at=datetime(2024, 7, 1, tzinfo=UTC))], "third")
    found = loaded(layered)
    assert found.event_count == ROWS + 5
    assert len(published(layered)["files"]) == 1


@pytest.mark.parametrize("content", ["", "{", "[1]", "null", "{}", '{"version": 1}', '"text"'])
def test_a_damaged_pointer_or_list_of_verdicts_is_written_again(layered: Path, content: str) -> None:
    before = rows(current(layered))
    for name in (POINTER, published(layered)["verdicts"]):
        (layered / "state" / name).write_text(content)
        with pytest.raises(StateError) as refused:
            current(layered)
        assert str(refused.value) == f"{layered}/state: nothing is loaded yet. Run: kpi load --data {layered}"
        assert rows(loaded(layered)) == before
        assert rows(current(layered)) == before


def test_a_damaged_memory_of_the_checks_makes_them_again(layered: Path) -> None:
    before = rows(current(layered))
    parts = layered / "state" / "parts"
    for file in parts.glob("*.json"):
        file.write_text("{")
    assert rows(loaded(layered)) == before


# --- nowhere to write ---------------------------------------------------------------------------------------------------------------------


def in_another_process(work: Callable[..., None], *words: object) -> str:
    """What the work prints as its error; in a process of its own, whose limits and rights end with it."""
    server = multiprocessing.get_context("forkserver")
    ours, theirs = server.Pipe()
    process = server.Process(target=_told, args=(theirs, work, words))
    process.start()
    process.join()
    return ours.recv() if ours.poll() else f"ended by {process.exitcode}"


def _told(answers: Any, work: Callable[..., None], words: tuple[object, ...]) -> None:
    try:
        work(*words)
        answers.send("")
    except StateError as error:
        answers.send(str(error))
    except BaseException as error:
        answers.send(f"not a message: {error!r}")


def load_with_little_room(folder: Path, most_bytes: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    load(folder, ignore_progress)


@pytest.mark.parametrize("most_bytes", [0, 100, 20_000, 300_000, 800_000])
def test_a_full_disk_is_said_and_leaves_the_state_as_it_was(layered: Path, most_bytes: int) -> None:
    before = rows(current(layered))
    write(layered, events(ROWS + 5, 10), "third")
    told = in_another_process(load_with_little_room, layered, most_bytes)
    assert "the state could not be written (" in told, told
    assert told.endswith("Make room, or allow the dashboard to write there; it is tried again.")
    assert rows(current(layered)) == before
    assert not list((layered / "state").glob("*.building"))
    assert loaded(layered).event_count == ROWS + 5 + 10


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder that others may enter: the tests' own may not be."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def without_rights(work: Callable[[Path], object], folder: Path) -> None:
    if os.geteuid() == 0:
        os.setegid(65_534)
        os.seteuid(65_534)
    work(folder)


def load_it(folder: Path) -> None:
    load(folder, ignore_progress)


def test_a_state_folder_that_may_not_be_written_is_said(open_to_all: Path) -> None:
    folder = open_to_all / "data"
    (folder / "extracts").mkdir(parents=True)
    write(folder, events(0))
    before = rows(loaded(folder))
    write(folder, events(ROWS), "second")
    places = [folder / "state", folder / "state" / "parts"]
    for place in places:
        place.chmod(0o555)
    told = in_another_process(without_rights, load_it, folder)
    for place in places:
        place.chmod(0o755)
    assert told.startswith(f"{folder}/state: the state could not be written ("), told
    assert rows(current(folder)) == before


def test_an_extracts_folder_that_may_not_be_read_is_said(open_to_all: Path) -> None:
    folder = open_to_all / "data"
    (folder / "extracts").mkdir(parents=True)
    write(folder, events(0))
    before = rows(loaded(folder))
    for file in [folder, *folder.rglob("*")]:
        file.chmod(0o777 if file.is_dir() else 0o666)
    (folder / "extracts" / "desk").chmod(0)
    told = in_another_process(without_rights, load_it, folder)
    (folder / "extracts" / "desk").chmod(0o755)
    assert told == (
        f"{folder}/extracts/desk: the folder cannot be read (Permission denied), expected a folder of extracts. "
        "Make it, or allow the dashboard to read it."
    )
    assert rows(current(folder)) == before


# --- time and interruption ----------------------------------------------------------------------------------------------------------------


class Earlier(datetime):
    """A clock that was set back by a year."""

    @classmethod
    def now(cls, tz: Any = None) -> "Earlier":
        return cls.fromtimestamp((datetime(2024, 7, 1, 12, tzinfo=UTC) - timedelta(days=365)).timestamp(), tz)


def test_a_clock_that_goes_back_loses_nothing_that_was_loaded(layered: Path) -> None:
    before = rows(current(layered))
    with patch.object(store, "datetime", Earlier):
        assert rows(loaded(layered)) == before
        write(layered, events(ROWS + 5, 3), "third")
        found = loaded(layered)
        assert found.event_count == ROWS + 5
        assert found.verdicts[-1].reasons == {"in_the_future": 3}
    assert loaded(layered).event_count == ROWS + 5 + 3


def test_an_interrupted_first_build_is_gone_on_with_where_it_stood(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "BATCH_ROWS", 10)
    for number in range(8):
        write(data_folder, events(10 * number, 10), f"file {number}")

    def interrupt(done: int, _total: int, what: str, _rows: int) -> None:
        if what == building.EVENTS and done >= 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(data_folder, interrupt)
    absorbed: list[int] = []
    absorb = absorbing.absorb

    def counted(connection: duckdb.DuckDBPyConnection, batch: absorbing.Batch, knowing: absorbing.Knowing) -> None:
        absorb(connection, batch, knowing)
        absorbed.append(len(batch.parts))

    monkeypatch.setattr(absorbing, "absorb", counted)
    found = loaded(data_folder)
    assert len(absorbed) == 8 - 5
    assert found.event_count == 80
    once = data_folder.with_name("once")
    data_folder.rename(once)
    (once / "state" / POINTER).unlink()
    for file in (once / "state").glob("base-*"):
        file.unlink()
    assert rows(loaded(once)) == rows(found)


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE new_file.tidied", "DROP TABLE", "ALTER TABLE", "CREATE OR REPLACE TABLE", "CHECKPOINT"]
)
def test_a_first_build_that_is_ended_while_it_is_tidied_up_can_be_gone_on_with(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    write(data_folder, events(0))

    class Ending:
        """A connection that ends the program after a statement, as a kill would."""

        def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
            self.connection = connection

        def __getattr__(self, name: str) -> Any:
            return getattr(self.connection, name)

        def execute(self, words: str, *values: Any) -> Any:
            found = self.connection.execute(words, *values)
            if words.strip().startswith(statement):
                raise KeyboardInterrupt
            return found

    with monkeypatch.context() as patched:
        tidy = absorbing.tidy
        patched.setattr(absorbing, "tidy", lambda connection, *words: tidy(Ending(connection), *words))
        pend = absorbing.pend
        patched.setattr(absorbing, "pend", lambda connection, *words: pend(Ending(connection), *words))
        close = building._close
        patched.setattr(building, "_close", lambda connection, temporary: close(Ending(connection), temporary))
        with pytest.raises(KeyboardInterrupt):
            loaded(data_folder)
    assert list((data_folder / "state").glob("*.building"))
    found = loaded(data_folder)
    assert found.event_count == ROWS
    assert sum(one.n for one in ask(found, ["complaint_rate"], "day", ("store",))) == ROWS


@pytest.mark.parametrize(
    ("name", "content"),
    [("kpis.toml", "first_contact_window_days = 1"), ("calendar.toml", 'clock = "opening_hours"\nopening_hours = ["Mon-Fri 09:00-17:00"]')],
)
def test_until_the_next_load_a_state_stays_what_it_was_built_with(data_folder: Path, name: str, content: str) -> None:
    write(data_folder, [*events(0), event("fresh", resolved_at="2024-06-28T09:00", customer="C")])
    before = rows(loaded(data_folder))
    (data_folder / name).write_text(content)
    assert rows(current(data_folder)) == before
    assert rows(loaded(data_folder)) != before
