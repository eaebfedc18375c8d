"""The background loader: what it notices, and what it leaves alone."""

import fcntl
import hashlib
import math
import shutil
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import event, loaded, write

from kpi import loader, store
from kpi.loader import Loader, holds_for
from kpi.quarantine import FILE_REASONS, ROW_REASONS

SECONDS_TO_WAIT = 60  # on a busy machine, and longer than until a load that failed is tried again; what happens happens within a look


@pytest.fixture(autouse=True)
def frequent_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "SECONDS_BETWEEN_LOOKS", 0.1)


@contextmanager
def running(folder: Path) -> Generator[Loader]:
    one = Loader(folder)
    thread = threading.Thread(target=one.run)
    thread.start()
    try:
        yield one
    finally:
        one.stopped.set()
        thread.join()


def eventually(holds: Callable[[], object]) -> bool:
    end = time.monotonic() + SECONDS_TO_WAIT
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.02)
    return False


def test_new_extracts_are_loaded_by_themselves(data_folder: Path) -> None:
    write(data_folder, [event("1")], "first")
    with running(data_folder):
        assert eventually(lambda: store.published_version(data_folder))
        first = store.published_version(data_folder)
        write(data_folder, [event("2")], "second")
        assert eventually(lambda: store.published_version(data_folder) != first)
        assert store.current(data_folder).event_count == 2


def test_while_another_program_loads_it_says_so_and_waits(data_folder: Path) -> None:
    write(data_folder, [event("1")])
    (data_folder / "state").mkdir()
    with (data_folder / "state" / "loader.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with running(data_folder) as one:
            assert eventually(lambda: one.is_waiting)
            assert not store.published_version(data_folder)
            fcntl.flock(lock, fcntl.LOCK_UN)
            assert eventually(lambda: store.published_version(data_folder))
            assert eventually(lambda: not one.is_waiting)


def test_a_wrong_setting_is_said_and_the_last_good_state_stays(data_folder: Path) -> None:
    write(data_folder, [event("1")])
    with running(data_folder) as one:
        assert eventually(lambda: store.published_version(data_folder))
        good = store.published_version(data_folder)
        (data_folder / "kpis.toml").write_text("currencie = 'EUR'")
        assert eventually(lambda: one.error)
        assert one.error == "kpis.toml: key 'currencie' does not exist. Did you mean 'currency'?"
        assert store.published_version(data_folder) == good
        (data_folder / "kpis.toml").unlink()
        assert eventually(lambda: not one.error), one.error


def test_a_deleted_state_is_built_again(data_folder: Path) -> None:
    write(data_folder, [event("1")])
    with running(data_folder):
        assert eventually(lambda: store.published_version(data_folder))
        (data_folder / "state" / store.POINTER).unlink()
        assert eventually(lambda: store.published_version(data_folder))


def test_a_checksum_that_is_corrected_is_noticed(data_folder: Path) -> None:
    file = write(data_folder, [event("1")])
    checksum = Path(f"{file}.sha256")
    checksum.write_text("0" * 64)
    with running(data_folder):
        assert eventually(lambda: store.published_version(data_folder))
        assert store.current(data_folder).verdicts[0].checksum == "mismatch"
        first = store.published_version(data_folder)
        checksum.write_text(hashlib.sha256(file.read_bytes()).hexdigest())
        assert eventually(lambda: store.published_version(data_folder) != first)
        assert store.current(data_folder).verdicts[0].checksum == "verified"


def test_a_file_of_the_same_size_and_time_with_other_content_is_noticed(data_folder: Path) -> None:
    file = write(data_folder, [event("1")])
    other = write(data_folder, [event("2")], "other").replace(data_folder / "other.parquet")
    shutil.copystat(file, other)
    with running(data_folder):
        assert eventually(lambda: store.published_version(data_folder))
        first = store.published_version(data_folder)
        with file.open("r+b") as written:
            written.write(other.read_bytes())
        shutil.copystat(other, file)
        assert eventually(lambda: store.published_version(data_folder) != first)


def test_what_may_be_over_by_itself_is_tried_again(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "SECONDS_BEFORE_RETRY", 0.2)
    write(data_folder, [event("1")])
    (data_folder / "state").write_text("in the way")
    with running(data_folder) as one:
        assert eventually(lambda: one.error)
        assert one.error == f"{data_folder}/state/parts: cannot be created (Not a directory). Choose a folder you may write to."
        (data_folder / "state").unlink()
        assert eventually(lambda: store.published_version(data_folder))
        assert eventually(lambda: not one.error)


def test_a_bug_is_logged_and_shown_and_the_next_change_is_loaded(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch, running(data_folder) as one:
        patch.setattr(store, "load", broken)
        write(data_folder, [event("1")])
        assert eventually(lambda: one.error.startswith("Something went wrong while loading (error "))
        number = one.error.removeprefix("Something went wrong while loading (error ").split(")")[0]
        assert eventually(lambda: any(number in record.getMessage() and record.exc_info for record in caplog.records))
        patch.undo()
        write(data_folder, [event("2")])
        assert eventually(lambda: store.published_version(data_folder) and not one.error)
        assert store.current(data_folder).event_count == 1


def test_a_load_is_good_until_one_of_its_verdicts_may_be_over(data_folder: Path) -> None:
    write(data_folder, [event("1")])
    verdict = loaded(data_folder).verdicts[0]
    good_for = {reason: holds_for([verdict, replace(verdict, reasons={reason: 1})]) for reason in (*FILE_REASONS, *ROW_REASONS)}
    assert holds_for([verdict]) == math.inf
    assert {reason for reason, seconds in good_for.items() if seconds == loader.SECONDS_BEFORE_RETRY} == {
        "not_readable",
        "gone",
        "still_being_written",
        "no_space",
    }
    assert {reason for reason, seconds in good_for.items() if seconds == loader.SECONDS_BEFORE_LATER_RETRY} == {"in_the_future", "unsafe"}
